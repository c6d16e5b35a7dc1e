"""The price of each network call: python benchmarks/few_steps.py OUT.json [SEED ...]

The shipped digits network, six ways to spend 5 to 50 calls, and a thousand ancestral steps; 2,396
samples of each against the 599 test digits, from each seed. Heun takes two calls a step but for the
last, so one less where the number is even; 3M takes an extra one at its start. A file at OUT goes
on with further seeds.
"""
import json
import sys
from pathlib import Path

import torch

from ddpm_nbdev import load, load_images, sample
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.fid import score

CALLS = 5, 8, 10, 15, 25, 50
RIVALS = {'ancestral': ('ddpm', 'uniform'), 'DDIM': ('ddim', 'uniform'),
          'DDIM, log-SNR': ('ddim', 'log_snr'), 'Heun, Karras': ('heun', 'karras'),
          '2M, log-SNR': ('dpm_2m', 'log_snr'), '3M, log-SNR': ('dpm_3m', 'log_snr')}


def measured(denoiser, seed, name, spacing, calls, test, train):
    "Distance and standard error of samples that took so many calls, and the floor."
    steps = (calls + 1)//2 if name == 'heun' else calls - (name == 'dpm_3m')
    samples = sample(denoiser, 4*len(test), seed, sampler=name, steps=steps, spacing=spacing)
    found = score(samples, test, train)
    return found.distance, found.error, found.floor


if __name__ == '__main__':
    sides = load_images('digits', 'test').images, load_images('digits').images
    denoiser, out = load('digits'), Path(sys.argv[1])
    found = json.loads(out.read_text()) if out.exists() else dict(
        calls=CALLS, distances={r: [] for r in RIVALS}, thousand_ancestral=[])
    for seed in map(int, sys.argv[2:] or (0, 1, 2)):
        for rival, (name, spacing) in RIVALS.items():
            pairs = [measured(denoiser, seed, name, spacing, calls, *sides)[:2] for calls in CALLS]
            found['distances'][rival].append(pairs)
            print(seed, rival, pairs, flush=True)
        *thousand, floor = measured(denoiser, seed, 'ddpm', 'uniform', 1000, *sides)
        found['thousand_ancestral'].append(thousand)
        about = dict(floor=floor, device=device_name('cpu'), torch=torch.__version__)
        out.write_text(json.dumps(found | about, indent=1))
