"""One network, three targets: python benchmarks/flow.py OUT.json [PROCESSES]

Trains the digits network to predict x_0, v or the flow's velocity (all else as by default, the
schedule that of the target) for 200 to 1,600 steps with five seeds, and measures 2,396 samples
against the 599 test digits: with the default sampler, and after 800 steps also with few calls, by
Euler's method (DDIM) on steps that are even in the flow's time, and by 2M. Straightness is the mean
square of the velocity's change along a path. Seconds a step: one thread, interleaved.
"""
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from tempfile import TemporaryDirectory

os.environ['OMP_NUM_THREADS'] = '1'

import torch

from ddpm_nbdev import load_images, sample
from ddpm_nbdev.data import to_float
from ddpm_nbdev.engine.options import TrainConfig
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.engine.trainer import new_trainer
from ddpm_nbdev.fid import score
from ddpm_nbdev.flow import flow_levels, straightness

TARGETS, SEEDS = ('x_0', 'v', 'flow'), range(5)
STEPS, CALLS = (200, 400, 800, 1600), (2, 4, 8, 15)


def trained(target, seed, steps, folder):
    config = TrainConfig(target=target, seed=seed, steps=steps, device='cpu', precision='no')
    trainer = new_trainer(config, load_images('digits'), f'{folder}/run')
    trainer.train(progress=False)
    return trainer


def distance(denoiser, seed, **how):
    test, train = load_images('digits', 'test').images, load_images('digits').images
    return score(sample(denoiser, 4*len(test), seed, **how), test, train).distance


def measured(job):
    target, seed, steps = job
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        denoiser = trained(target, seed, steps, folder).averaged
    found = dict(target=target, seed=seed, steps=steps, distance=distance(denoiser, seed))
    if steps == 800:
        evenly = [flow_levels(denoiser.schedule, n) for n in CALLS]
        found['euler'] = [distance(denoiser, seed, sampler='ddim', levels=v) for v in evenly]
        found['2M'] = [distance(denoiser, seed, steps=n) for n in CALLS]
        found['straightness'] = straightness(denoiser)
    print(found, flush=True)
    return found


def seconds_a_step(rounds=5, steps=20):
    "Of each target, in turn: the median of a few rounds."
    torch.set_num_threads(1)
    spent, data = {target: [] for target in TARGETS}, load_images('digits')
    with TemporaryDirectory() as folder:
        trainers = {t: new_trainer(TrainConfig(target=t, device='cpu', precision='no'), data,
                                   f'{folder}/{t}') for t in TARGETS}
        pixels = data.images[:64]
        for _ in range(rounds):
            for target, trainer in trainers.items():
                start = time.perf_counter()
                for _ in range(steps): trainer.train_step(to_float(pixels))
                spent[target].append((time.perf_counter() - start)/steps)
    return {target: median(s) for target, s in spent.items()}


if __name__ == '__main__':
    jobs = [(target, seed, steps) for steps in sorted(STEPS, key=lambda s: s != 800)
            for seed in SEEDS for target in TARGETS]
    with ProcessPoolExecutor(int(sys.argv[2]) if len(sys.argv) > 2 else 2) as pool:
        runs = list(pool.map(measured, jobs))
    found = dict(calls=CALLS, runs=runs, seconds_a_step=seconds_a_step(),
                 device=device_name('cpu'), torch=torch.__version__)
    with open(sys.argv[1], 'w') as file: json.dump(found, file, indent=1)
