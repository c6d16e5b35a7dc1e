"""Denoising diffusion from the first equation to a measured sample.

Each name is imported when it is first used.
"""
import os
import sys
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

if 'IN_TEST' in os.environ: # nbdev_test runs a notebook on each core, so each of them gets a thread
    os.environ['OMP_NUM_THREADS'] = '1'
    if 'torch' in sys.modules: sys.modules['torch'].set_num_threads(1)


def __getattr__(name):
    if name in _homes:
        return getattr(import_module(f'{__name__}.{_homes[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__(): return sorted([*globals(), *_homes])
