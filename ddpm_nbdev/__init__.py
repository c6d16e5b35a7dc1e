"""Denoising diffusion from the first equation to a measured sample.

Each name is imported when it is first used.
"""
from importlib import import_module

__version__ = "0.1.0"

_homes = {
    'load': 'saving', 'save': 'saving', 'sample': 'engine.sampling', 'train': 'face',
    'evaluate': 'face', 'load_images': 'engine.streams', 'show_images': 'data',
    'save_images': 'data', 'Denoiser': 'denoiser', 'UNet': 'unet',
    'Schedule': 'schedule', 'linear_schedule': 'schedules',
    'cosine_schedule': 'schedules',
}
__all__ = list(_homes)


def __getattr__(name):
    if name in _homes:
        return getattr(import_module(f'{__name__}.{_homes[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__(): return sorted([*globals(), *_homes])
