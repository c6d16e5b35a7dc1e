"""What each training option does to the digits: python benchmarks/recipes.py OUT.json [PROCESSES]

Trains every recipe with two seeds and measures 2,396 samples (DPM-Solver++ 2M, 15 steps). Each
recipe differs from the default in one thing. Loss is the mean of the last 100 steps.
"""
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from tempfile import TemporaryDirectory

os.environ['OMP_NUM_THREADS'] = '1'

import torch

from ddpm_nbdev import load_images, sample
from ddpm_nbdev.engine.options import TrainConfig
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.engine.trainer import new_trainer
from ddpm_nbdev.fid import score
from ddpm_nbdev.unet import digits_unet

RECIPES = {
    'default': {}, 'target v': dict(target='v'), 'target eps': dict(target='eps'),
    'linear schedule': dict(schedule='linear'), 'sigmoid schedule': dict(schedule='sigmoid'),
    'plain Algorithm 1': dict(stable_target=0), 'min-SNR 5': dict(min_snr=5.),
    'dropout 0.1': dict(dropout=.1), 'no averaging': dict(ema_decay=0.),
    'half the rate': dict(lr=4e-3), 'twice the rate': dict(lr=1.6e-2),
    'batch 32, 1,600 steps': dict(batch_size=32, steps=1600),
    'batch 128, 400 steps': dict(batch_size=128, steps=400), 'bfloat16': dict(precision='bf16'),
}
NETWORKS = { # what differs from the preset digits
    'attention at the bottom': dict(attention=(1,)), 'a bottleneck block': dict(bottleneck=(64,)),
    'channels (64, 128)': dict(channels=(64, 128)), 'channels (48, 96)': dict(channels=(48, 96)),
    'groups of 8 channels': dict(groups=8),
}
SEEDS = 0, 1


def measure(name, seed):
    torch.set_num_threads(1)
    options = dict(seed=seed, preset='digits', device='cpu', precision='no', log_every=1)
    config = TrainConfig(**options | RECIPES.get(name, {}))
    network = partial(digits_unet, 1, **NETWORKS[name]) if name in NETWORKS else None
    with TemporaryDirectory() as run:
        trainer = new_trainer(config, load_images('digits'), f'{run}/run', network)
        trainer.train(progress=False)
    test, train = load_images('digits', 'test').images, load_images('digits').images
    found = score(sample(trainer.averaged, 4*len(test), seed), test, train)
    last = torch.tensor([loss for _, loss in trainer.losses[-100:]])
    return dict(recipe=name, seed=seed, distance=found.distance, error=found.error,
                floor=found.floor, loss=last.mean().item())


if __name__ == '__main__':
    out, processes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    jobs = [(name, seed) for seed in SEEDS for name in RECIPES | NETWORKS]
    with ProcessPoolExecutor(processes) as pool:
        rows = []
        for row in pool.map(measure, *zip(*jobs)):
            rows.append(row)
            print(row, flush=True)
            about = dict(device=device_name('cpu'), torch=torch.__version__, rows=rows)
            with open(out, 'w') as file: json.dump(about, file, indent=1)
