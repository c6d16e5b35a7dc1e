"""What each training option does to the digits: python benchmarks/recipes.py OUT.json [PROCESSES]

Trains every recipe with three seeds, 400 steps each, and measures 4 sets of 599 samples (DPM-Solver++ 2M, 15
steps). Each recipe differs from the default in one option; the last two, from each other (bfloat16 is slow where the
processor emulates it, so they are shorter). Loss is the mean of the last 100 steps.
"""
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from tempfile import TemporaryDirectory

os.environ['OMP_NUM_THREADS'] = '1'

import torch

from ddpm_nbdev import load_images, sample
from ddpm_nbdev.engine.options import TrainConfig
from ddpm_nbdev.engine.trainer import Trainer
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.fid import score

RECIPES = {
    'default': {}, 'target eps': dict(target='eps'), 'target x_0': dict(target='x_0'), 'min-SNR 5': dict(min_snr=5.),
    'dropout 0.1': dict(dropout=.1), 'linear schedule': dict(schedule='linear'),
    'sigmoid schedule': dict(schedule='sigmoid'), 'plain Algorithm 1': dict(stable_target=0),
    'no averaging': dict(ema_decay=0.),
    'float32, small': dict(batch_size=16, steps=300), 'bfloat16, small': dict(batch_size=16, steps=300, precision='bf16'),
}
SEEDS, STEPS = (0, 1, 2), 400


def measure(name, seed):
    torch.set_num_threads(1)
    options = dict(steps=STEPS, seed=seed, device='cpu', precision='no', log_every=1) | RECIPES[name]
    with TemporaryDirectory() as run:
        trainer = Trainer(TrainConfig(**options), load_images('digits'), f'{run}/run')
        trainer.train(progress=False)
    test, train = load_images('digits', 'test').images, load_images('digits').images
    samples = sample(trainer.averaged, 4*len(test), seed)
    found = score(samples, test, train, sets=4)
    last = torch.tensor([loss for _, loss in trainer.losses[-100:]])
    return dict(recipe=name, seed=seed, ratio=found.distance/found.floor, loss=last.mean().item())


if __name__ == '__main__':
    out, processes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    jobs = [(name, seed) for seed in SEEDS for name in RECIPES]
    with ProcessPoolExecutor(processes) as pool:
        rows = []
        for row in pool.map(measure, *zip(*jobs)):
            rows.append(row)
            print(row, flush=True)
            with open(out, 'w') as file:
                json.dump(dict(steps=STEPS, device=device_name('cpu'), torch=torch.__version__, rows=rows), file, indent=1)
