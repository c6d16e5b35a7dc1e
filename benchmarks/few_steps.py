"""The price of each network call: python benchmarks/few_steps.py OUT.json

The shipped digits network, six ways to spend 5 to 50 calls, and a thousand ancestral steps; four seeds of 599 samples
each, against the 599 test digits. Heun is charged two calls a step, and 3M the extra one of its start.
"""
import json
import sys
from pathlib import Path

import torch

from ddpm_nbdev import load, load_images, sample
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.fid import score
from ddpm_nbdev.solvers import space_timesteps

CALLS, SEEDS = (5, 8, 10, 15, 25, 50), range(4)
RIVALS = {'ancestral': ('ddpm', 'uniform'), 'DDIM': ('ddim', 'uniform'), 'DDIM, log-SNR': ('ddim', 'log_snr'),
          'Heun, Karras': ('heun', 'karras'), '2M, log-SNR': ('dpm_2m', 'log_snr'), '3M, log-SNR': ('dpm_3m', 'log_snr')}


def distances(denoiser, name, spacing, calls, test, train):
    "Distance to the test digits of each seed's samples, and the floor."
    steps = (calls + 1)//2 if name == 'heun' else calls - (name == 'dpm_3m')
    timesteps = space_timesteps(denoiser.schedule, steps, spacing)
    found = [score(sample(denoiser, 599, seed, sampler=name, timesteps=timesteps), test, train) for seed in SEEDS]
    return [f.distance for f in found], found[0].floor


if __name__ == '__main__':
    torch.manual_seed(0)
    sides = load_images('digits', 'test').images, load_images('digits').images
    denoiser, table = load('digits'), {}
    for rival, (name, spacing) in RIVALS.items():
        table[rival] = [distances(denoiser, name, spacing, calls, *sides)[0] for calls in CALLS]
        print(rival, [round(sum(d)/len(d)) for d in table[rival]], flush=True)
    thousand, floor = distances(denoiser, 'ddpm', 'uniform', 1000, *sides)
    Path(sys.argv[1]).write_text(json.dumps(dict(calls=CALLS, distances=table, thousand_ancestral=thousand, floor=floor,
                                                 device=device_name('cpu'), torch=torch.__version__), indent=1))
