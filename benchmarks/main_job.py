"""The README's command, five seeds: python benchmarks/main_job.py OUT.json [CHECKOUT]

Runs `ddpm_train` as a user would, one run after the other; from CHECKOUT, a clone at another
commit, for the first two seeds, too, in turn with this one. `seconds` is the wall time of the whole
command. Then 8 × 599 samples of each: their distance to the 599 test digits on the bare activations
of the feature network, and the package's score. Run it alone on the machine. (The files at hand
were made with AVX2: ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2, and --precision no.)
"""
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import torch

from ddpm_nbdev import load, load_images, sample
from ddpm_nbdev.data import to_float
from ddpm_nbdev.feature_net import digits_features
from ddpm_nbdev.fid import feature_distance, score
from ddpm_nbdev.image_sets import to_pixels

HERE = Path(__file__).resolve().parent.parent
TRAIN = [sys.executable, '-c', 'from ddpm_nbdev.engine.cli import ddpm_train; ddpm_train()',
         '--quiet', '--precision', 'no']


def main_job(checkout, seed):
    "Train and measure with the code of a checkout: a row of the table."
    with TemporaryDirectory() as folder:
        started = perf_counter()
        subprocess.run([*TRAIN, '--seed', str(seed), '--out', f'{folder}/run'], check=True,
                       cwd=folder, env=os.environ | {'PYTHONPATH': str(checkout)})
        seconds = perf_counter() - started
        metrics = json.loads(Path(f'{folder}/run/metrics.json').read_text())
        samples = sample(load(f'{folder}/run'), 8*599, seed + 100)
    test, train = load_images('digits', 'test').images, load_images('digits').images
    net = digits_features()
    with torch.no_grad(): bare = [net.body(to_float(to_pixels(x))) for x in (samples, test)]
    found = score(samples, test, train)
    return dict(seed=seed, steps=metrics['steps'], seconds=round(seconds, 1),
                train_seconds=metrics['train_seconds'], on_activations=feature_distance(*bare),
                distance=found.distance, error=found.error, floor=found.floor,
                device=metrics['device'], versions=metrics['versions'])


if __name__ == '__main__':
    rows, before = [], [('before', Path(checkout).resolve()) for checkout in sys.argv[2:]]
    for seed in range(5):
        for name, checkout in [('now', HERE)] + (before if seed < 2 else []):
            rows.append(dict(commit=name) | main_job(checkout, seed))
            print(rows[-1], flush=True)
            Path(sys.argv[1]).write_text(json.dumps(rows, indent=1))
