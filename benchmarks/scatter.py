"""How far does one network's score scatter? python benchmarks/scatter.py OUT.json

Ten times 4,792 samples of the shipped digits network, in 15 steps. The distance of the first N of
each to the 599 test digits, on the bare activations of the feature network and on the whitened
ones, and the error that the jackknife claims.
"""
import json
import sys
from pathlib import Path

import torch

from ddpm_nbdev import load, load_images, sample
from ddpm_nbdev.data import to_float
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.feature_net import digits_features
from ddpm_nbdev.fid import feature_distance, jackknife
from ddpm_nbdev.image_sets import to_pixels

SIZES = 599, 1198, 2396, 4792

if __name__ == '__main__':
    denoiser, net, test = load('digits'), digits_features(), load_images('digits', 'test').images
    views = {'activations': net.body, 'whitened': net}
    found = {f'{view}{what}': [[] for _ in SIZES] for view in views for what in ('', '_error')}
    for seed in range(10):
        samples = to_pixels(sample(denoiser, SIZES[-1], seed, progress=True))
        for view, f in views.items():
            with torch.no_grad(): x, y = (f(to_float(images)) for images in (samples, test))
            for i, n in enumerate(SIZES):
                distance, error = jackknife(lambda part: feature_distance(part, y), x[:n])
                found[view][i].append(distance)
                found[f'{view}_error'][i].append(error)
    about = dict(sizes=SIZES, device=device_name('cpu'), torch=torch.__version__)
    Path(sys.argv[1]).write_text(json.dumps(about | found, indent=1))
