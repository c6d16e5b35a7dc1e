"""Train a feature network: python tools/train_features.py digits|clothes|faces OUT [ROOT]

The weights that ship with the package were made by it. Other weights are another measure, so every
distance changes. Clothes are Fashion-MNIST, in ROOT (default data), downloaded if they are not
there.
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from ddpm_nbdev import load_images
from ddpm_nbdev.data import to_float
from ddpm_nbdev.face_report import option_names
from ddpm_nbdev.feature_net import clothes_net, digits_net, faces_net, train_features

RECIPES = { # the network, the data that it learns, and optimizer steps
    'digits': (digits_net, 'digits', 1500),
    'clothes': (clothes_net, 'fashion_mnist', 3000),
    'faces': (faces_net, 'faces', 4000),
}

kind, out, *root = sys.argv[1:]
assert not Path(out).exists(), f'{out} exists and is kept'
build, name, steps = RECIPES[kind]
train, test = (load_images(name, split, root=(*root, 'data')[0]) for split in ('train', 'test'))
if kind == 'faces': # it learns all attributes, and not the hair colour alone
    sizes = [len(option_names(name)) for name in train.attributes]

    def right_share(output, attributes): # of all attributes
        parts = zip(output.split(sizes, 1), attributes)
        return torch.stack([(part.argmax(1) == values).float().mean() for part, values in parts])

    def loss_of(output, batch):
        parts = zip(output.split(sizes, 1), train.attributes.values())
        return sum(F.cross_entropy(part, values[batch]) for part, values in parts)
    net = train_features(build, train, steps, loss_of=loss_of)
    with torch.no_grad(): output = net.head(net.body(to_float(test.images)))
    for name, right in zip(train.attributes, right_share(output, test.attributes.values())):
        print(f'{name}: {right:.1%} of the test images are classified correctly')
else:
    net = train_features(build, train, steps)
    with torch.no_grad():
        right = (net.classify(to_float(test.images)) == test.labels).float().mean()
    print(f'{right:.1%} of the test images are classified correctly')
save_file(net.state_dict(), out)
