"""Time of one training step beside its peers': OMP_NUM_THREADS=2 python benchmarks/train_step.py

It needs pip install -e '.[dev]' denoising-diffusion-pytorch.

At the size of CIFAR-10 (32×32×3), in one run, interleaved: this package's trainer in float32 and
bfloat16, and the usual float32 loops (zero_grad, loss, backward, clip, AdamW, average) around the
networks of denoising-diffusion-pytorch, of diffusers, and of the original notebook. The networks
differ, so the measure is GFLOP/s: the operations of one step, as torch counts them, per second. On
a GPU the peers run under bfloat16 autocast as well. Also: the share of a step that is not forward,
backward or optimizer, and the device's rate of large matrix products.
"""
import os
import statistics
import sys
import time
from contextlib import nullcontext
from tempfile import TemporaryDirectory

import diffusers
import torch
import torch.nn.functional as F
from denoising_diffusion_pytorch import GaussianDiffusion, Unet as LucidUnet
from diffusers import DDPMScheduler, UNet2DModel
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ddpm_nbdev.data import to_float
from ddpm_nbdev.engine.options import TrainConfig, check_device, has_native_bf16
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.engine.trainer import new_trainer
from ddpm_nbdev.image_sets import ImageSet
from ddpm_nbdev.unet import original_unet

DEVICE = check_device('auto')
# a processor held to less has none
HAS_BF16 = has_native_bf16(DEVICE) and 'ONEDNN_MAX_CPU_ISA' not in os.environ
ROUNDS = {4: 15, 32: 5} if DEVICE == 'cpu' else {128: 30} # by batch size
IMAGES = torch.randint(0, 256, (256, 3, 32, 32), dtype=torch.uint8)


def wait():
    if DEVICE == 'cuda': torch.cuda.synchronize()


def ours(folder, precision, batch, **kw):
    config = TrainConfig(batch_size=batch, preset='px32', precision=precision, device=DEVICE,
                         stable_target=0, **kw)
    data = ImageSet(IMAGES, torch.zeros(256), 'random')
    trainer, pixels = new_trainer(config, data, f'{folder}/unused'), IMAGES[:batch].to(DEVICE)
    return lambda: trainer.train_step(to_float(pixels)), trainer


def usual_loop(module, loss_of, batch):
    "The loop of most tutorials: model in train mode, AdamW, an average of the weights by hand."
    module = module.to(DEVICE).train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-4)
    average = [p.detach().clone() for p in module.parameters()]
    x_0 = IMAGES[:batch].to(DEVICE).float()/127.5 - 1
    half = torch.autocast('cuda', torch.bfloat16) if DEVICE == 'cuda' else nullcontext()

    def step():
        optimizer.zero_grad()
        with half: loss = loss_of(module, x_0)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.)
        optimizer.step()
        with torch.no_grad():
            for a, p in zip(average, module.parameters()): a.mul_(.9999).add_(p, alpha=1e-4)
    return step


def by_diffusers(batch):
    unet = UNet2DModel(
        sample_size=32, block_out_channels=(128, 256, 256, 256), layers_per_block=2, dropout=.1,
        down_block_types=('DownBlock2D', 'AttnDownBlock2D', 'DownBlock2D', 'DownBlock2D'),
        up_block_types=('UpBlock2D', 'UpBlock2D', 'AttnUpBlock2D', 'UpBlock2D'))
    scheduler = DDPMScheduler()

    def loss_of(unet, x_0):
        eps, t = torch.randn_like(x_0), torch.randint(0, 1000, (len(x_0),), device=x_0.device)
        return F.mse_loss(unet(scheduler.add_noise(x_0, eps, t), t).sample.float(), eps)
    return usual_loop(unet, loss_of, batch)


def by_lucidrains(batch):
    diffusion = GaussianDiffusion(LucidUnet(64, flash_attn=DEVICE == 'cuda'), image_size=32)
    return usual_loop(diffusion, lambda diffusion, x_0: diffusion((x_0 + 1)/2), batch)


def by_original(batch):
    "The original's network (default UNet), its loss with the noise mended, its loop."
    alpha_bar = torch.linspace(1e-4, .02, 1000).neg().add(1).cumprod(0).to(DEVICE)

    def loss_of(unet, x_0):
        t, eps = torch.randint(0, 1000, (len(x_0),), device=x_0.device), torch.randn_like(x_0)
        a = alpha_bar[t][:, None, None, None]
        return F.mse_loss(unet(a.sqrt()*x_0 + (1 - a).sqrt()*eps, t).float(), eps)
    return usual_loop(original_unet(3), loss_of, batch)


def matrix_rate(dtype):
    n = 2048 if DEVICE == 'cpu' else 8192
    a, b = (torch.randn(n, n, device=DEVICE).to(dtype) for _ in range(2))
    rates = []
    for _ in range(8):
        wait()
        start = time.perf_counter()
        a @ b
        wait()
        rates.append(2*n**3/(time.perf_counter() - start)/1e9)
    return max(rates)


def host_share(step, trainer, rounds):
    """Share of a step outside forward, backward and optimizer: scaling, noise, targets, clipping,
    average, bookkeeping."""
    inside, began = 0., 0.

    def begin(*args):
        nonlocal began
        wait()
        began = time.perf_counter()

    def end(*args):
        nonlocal inside
        wait()
        inside += time.perf_counter() - began
    trainer.network.register_forward_pre_hook(begin)
    trainer.network.register_forward_hook(end)
    trainer.optimizer.optimizer.register_step_pre_hook(begin)
    trainer.optimizer.optimizer.register_step_post_hook(end)
    backward = trainer.accelerator.backward
    trainer.accelerator.backward = lambda loss: (begin(), backward(loss), end())
    step()
    inside, start = 0., time.perf_counter()
    for _ in range(rounds): step()
    wait()
    return 1 - inside/(time.perf_counter() - start)


def compare(folder, batch, rounds):
    "Time all steps in turn and print each one's operations per second."
    steps = {'ours, float32': ours(folder, 'no', batch)[0]}
    if HAS_BF16: steps['ours, bfloat16'] = ours(folder, 'bf16', batch)[0]
    if DEVICE == 'cuda' or '--compile' in sys.argv:
        precision = 'bf16' if HAS_BF16 else 'no'
        steps['ours, compiled'] = ours(folder, precision, batch, compile=True)[0]
    steps |= {'diffusers': by_diffusers(batch), 'denoising-diffusion-pytorch': by_lucidrains(batch),
              'original': by_original(batch)}
    work = {}
    for name, step in steps.items(): # attention that is fused isn't counted
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH): step()
        work[name] = counter.get_total_flops()
    # compiled code hides its own
    work |= {name: work['ours, float32'] for name in steps if name.startswith('ours')}
    times = {name: [] for name in steps}
    for i in range(rounds + 1):
        for name, step in steps.items():
            wait()
            start = time.perf_counter()
            step()
            wait()
            if i: times[name].append(time.perf_counter() - start)
    rates = {name: work[name]/statistics.median(t)/1e9 for name, t in times.items()}
    print(f'batch {batch}, median of {rounds} interleaved rounds')
    for name, rate in rates.items():
        print(f'{name:28}{1e3*statistics.median(times[name]):8.0f} ms'
              f'{work[name]/batch/1e9:8.1f} GFLOP an image{rate:8.0f} GFLOP/s'
              f'{rate/rates["diffusers"]:6.2f} times diffusers'
              f'{rate/rates["denoising-diffusion-pytorch"]:6.2f} times denoising-diffusion-pytorch',
              flush=True)


if __name__ == '__main__':
    kinds = {'float32': torch.float32} | ({'bfloat16': torch.bfloat16} if HAS_BF16 else {})
    print(f'{device_name(DEVICE)}, {os.cpu_count()} cores, torch {torch.__version__}, '
          f'diffusers {diffusers.__version__}')
    print('matrix products: ' + ', '.join(
        f'{kind} {matrix_rate(dtype):.0f} GFLOP/s' for kind, dtype in kinds.items()))
    with TemporaryDirectory() as folder:
        for batch, rounds in ROUNDS.items(): compare(folder, batch, rounds)
        for batch in (4, 8, 32) if DEVICE == 'cpu' else (128, 256):
            share = host_share(*ours(folder, 'no', batch), 4)
            print(f'not forward, backward or optimizer: {share:.1%} of our step at batch {batch}')
