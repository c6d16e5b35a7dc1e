"""Train a feature network anew: python tools/train_features.py digits|clothes OUT.safetensors [ROOT]

The weights that ship with the package were made by it. Other weights are another measure, so every distance changes.
Clothes are Fashion-MNIST, in ROOT (default data), downloaded if they are not there.
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from ddpm_nbdev.data import load_images, to_float
from ddpm_nbdev.fid import feature_sets, train_features

kind, out, *root = sys.argv[1:]
assert not Path(out).exists(), f'{out} exists and is kept'
name, root = feature_sets[kind][0], root[0] if root else 'data'
net = train_features(load_images(name, 'train', root=root), kind)
test = load_images(name, 'test', root=root)
with torch.no_grad(): right = (net.classify(to_float(test.images)) == test.labels).float().mean()
print(f'{right:.1%} of the test images are classified correctly')
save_file(net.state_dict(), out)
