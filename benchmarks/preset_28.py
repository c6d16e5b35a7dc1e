"""Which small network for 28 pixels? python benchmarks/preset_28.py [ROOT [STEPS]]

Each learns Fashion-MNIST (in ROOT, default data) for as many operations as STEPS (400) steps of the
preset px28 take, batches of 64, float32, target v, cosine schedule, with labels. A line tells its
parameters, the operations of a forward pass for one image, steps, seconds a step, and the squared
error of v on 1,024 test images, at four random timesteps each. One seed each: small differences
say nothing. Run it with OMP_NUM_THREADS=2.
"""
import sys
import time

import torch
from torch.utils.data import TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from ddpm_nbdev.data import to_float
from ddpm_nbdev.denoiser import Denoiser
from ddpm_nbdev.forward import seeded
from ddpm_nbdev.image_sets import fashion_mnist
from ddpm_nbdev.loss import ddpm_loss, draw_t_eps
from ddpm_nbdev.schedules import cosine_schedule
from ddpm_nbdev.training import fit
from ddpm_nbdev.unet import px28_unet

TRIED = {
    'px28': {},
    'no block at the bottom': dict(bottleneck=()),
    'three blocks at the bottom': dict(bottleneck=(128, 128, 128)),
    'wider': dict(channels=(96, 192), bottleneck=(192,)),
    'a third level': dict(channels=(64, 128, 256), bottleneck=(256,), attention=(1, 2)),
    'patch 1, a third level, narrower': dict(channels=(32, 64, 128), attention=(2,), patch=1),
    'patch 4, wider': dict(channels=(128, 256), bottleneck=(256,), patch=4),
}
# learning rates; 1e-3 for the others
RATES = {'px28': (1e-3, 2e-3, 4e-3), 'no block at the bottom': (4e-3,)}


def count_operations(unet):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        unet(torch.zeros(1, 1, 28, 28), torch.zeros(1).long(), torch.zeros(1).long())
    return counter.get_total_flops()


def error(denoiser, x, labels):
    found = []
    with torch.no_grad():
        for seed in range(4):
            t, eps = draw_t_eps(denoiser.schedule, x.shape, seeded(seed))
            for *part, label in zip(*(a.split(256) for a in (x, t, eps, labels))):
                found.append(ddpm_loss(denoiser, *part, label=label).mean())
    return sum(found)/len(found)


root = sys.argv[1] if len(sys.argv) > 1 else 'data'
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 400
train, test = (fashion_mnist(split, root) for split in ('train', 'test'))
data, x_test = TensorDataset(to_float(train.images), train.labels), to_float(test.images[:1024])
budget = steps*count_operations(px28_unet(1, classes=10))
print('learning rate  parameters, M  MFLOP an image  steps  s/step  error of v')
for name, changes in TRIED.items():
    for rate in RATES.get(name, (1e-3,)):
        torch.manual_seed(0)
        unet = px28_unet(1, classes=10, **changes)
        operations, size = count_operations(unet), sum(p.numel() for p in unet.parameters())
        start, n = Denoiser(unet, cosine_schedule(), 'v', (1, 28, 28)), round(budget/operations)
        began = time.perf_counter()
        done = fit(start, data, n, lr=rate, ema_decay=.999)
        seconds = (time.perf_counter() - began)/n
        print(f'{rate:13.0e}  {size/1e6:13.2f}  {operations/1e6:14.0f}  {n:5}  {seconds:6.3f}  '
              f'{error(done, x_test, test.labels[:1024]):10.4f}  {name}', flush=True)
