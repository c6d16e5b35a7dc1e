"""The price of each network call: python benchmarks/few_steps.py OUT.json

The shipped digits network, six ways to spend 5 to 50 calls, and a thousand ancestral steps; 2,396 samples of each, the
same seed for all, against the 599 test digits. Heun is charged two calls a step, and 3M the extra one of its start.
"""
import json
import sys
from pathlib import Path

import torch

from ddpm_nbdev import load, load_images, sample
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.fid import score
from ddpm_nbdev.solvers import space_timesteps

CALLS = 5, 8, 10, 15, 25, 50
RIVALS = {'ancestral': ('ddpm', 'uniform'), 'DDIM': ('ddim', 'uniform'), 'DDIM, log-SNR': ('ddim', 'log_snr'),
          'Heun, Karras': ('heun', 'karras'), '2M, log-SNR': ('dpm_2m', 'log_snr'), '3M, log-SNR': ('dpm_3m', 'log_snr')}


def measured(denoiser, name, spacing, calls, test, train):
    "The score of samples that took so many calls."
    steps = (calls + 1)//2 if name == 'heun' else calls - (name == 'dpm_3m')
    timesteps = space_timesteps(denoiser.schedule, steps, spacing)
    return score(sample(denoiser, 4*len(test), 0, sampler=name, timesteps=timesteps), test, train)


if __name__ == '__main__':
    sides = load_images('digits', 'test').images, load_images('digits').images
    denoiser, table = load('digits'), {}
    pair = lambda found: (found.distance, found.error)
    for rival, (name, spacing) in RIVALS.items():
        table[rival] = [pair(measured(denoiser, name, spacing, calls, *sides)) for calls in CALLS]
        print(rival, table[rival], flush=True)
    thousand = measured(denoiser, 'ddpm', 'uniform', 1000, *sides)
    Path(sys.argv[1]).write_text(json.dumps(dict(calls=CALLS, distances=table, thousand_ancestral=pair(thousand),
                                                 floor=thousand.floor, device=device_name('cpu'), torch=torch.__version__),
                                            indent=1))
