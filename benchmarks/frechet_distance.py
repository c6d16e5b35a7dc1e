"""The Fréchet distance of 2,048 features: this package, pytorch-fid and torchmetrics, in one run.

    OMP_NUM_THREADS=2 python benchmarks/frechet_distance.py [--repeats 5]

Random features that are positive and correlated, as Inception's are. "from features" takes two sets
of features to their distance; "from statistics" takes two means and covariances. The packages take
turns, and medians are reported. Nothing else should be running.
"""
import argparse
import statistics
import time
import warnings
from importlib.metadata import version

import numpy as np
import torch
from pytorch_fid.fid_score import calculate_frechet_distance
from torchmetrics.image.fid import _compute_fid

from ddpm_nbdev.fid import feature_distance, frechet_distance
from ddpm_nbdev.forward import seeded

D = 2048


def draw(n, seed, shift=0.):
    g = seeded(seed)
    mix = torch.randn(D, D, generator=seeded(99))*torch.linspace(1, .01, D)/D**.5
    return (torch.randn(n, D, generator=g) @ mix + .5 + shift).relu()


def gaussian(x): return x.double().mean(0), x.double().T.cov()


def pytorch_fid(x, y):
    x, y = x.double().numpy(), y.double().numpy()
    return calculate_frechet_distance(x.mean(0), np.cov(x, rowvar=False),
                                      y.mean(0), np.cov(y, rowvar=False))


def main(repeats):
    print(f'{torch.get_num_threads()} thread(s), torch {torch.__version__}, '
          f'pytorch-fid {version("pytorch-fid")}, torchmetrics {version("torchmetrics")}, '
          f'D = {D}, {repeats} rounds')
    for n in (500, 5000):
        x, y = draw(n, 0), draw(n, 1, .05)
        four = (*gaussian(x), *gaussian(y))
        arrays = [t.numpy() for t in four]
        work = {'ours, from features': lambda: feature_distance(x, y),
                'pytorch-fid, from features': lambda: pytorch_fid(x, y),
                'torchmetrics, from features': lambda: _compute_fid(*gaussian(x), *gaussian(y)),
                'ours, from statistics': lambda: frechet_distance(*four),
                'pytorch-fid, from statistics': lambda: calculate_frechet_distance(*arrays),
                'torchmetrics, from statistics': lambda: _compute_fid(*four)}
        seconds, value = {name: [] for name in work}, {}
        for _ in range(repeats):
            for name, run in work.items():
                start = time.perf_counter()
                value[name] = float(run())
                seconds[name].append(time.perf_counter() - start)
        for name in work:
            ours = 'ours, from ' + name.split('from ')[1]
            ratio = statistics.median(seconds[name])/statistics.median(seconds[ours])
            print(f'N = {n:5}  {name:30} {statistics.median(seconds[name]):7.3f} s  '
                  f'{ratio:6.1f} times ours  distance {value[name]:.6f}')


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=5)
    main(parser.parse_args().repeats)
