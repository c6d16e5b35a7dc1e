"""Train a feature network: python tools/train_features.py digits|clothes OUT.safetensors [ROOT]

The weights that ship with the package were made by it. Other weights are another measure, so every
distance changes. Clothes are Fashion-MNIST, in ROOT (default data), downloaded if they are not
there.
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from ddpm_nbdev import load_images
from ddpm_nbdev.data import to_float
from ddpm_nbdev.fid import clothes_net, digits_net, train_features

RECIPES = { # the network, the data that it learns, and optimizer steps
    'digits': (digits_net, 'digits', 1500),
    'clothes': (clothes_net, 'fashion_mnist', 3000),
}

kind, out, *root = sys.argv[1:]
assert not Path(out).exists(), f'{out} exists and is kept'
build, name, steps = RECIPES[kind]
train, test = (load_images(name, split, root=(*root, 'data')[0]) for split in ('train', 'test'))
net = train_features(build, train, steps)
with torch.no_grad(): right = (net.classify(to_float(test.images)) == test.labels).float().mean()
print(f'{right:.1%} of the test images are classified correctly')
save_file(net.state_dict(), out)
