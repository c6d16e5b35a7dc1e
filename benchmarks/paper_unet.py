"""PaperUNet beside diffusers' UNet2DModel with the same weights.

    python benchmarks/paper_unet.py > benchmarks/paper_unet.txt

A training step and a sampling step (10 levels of DDIM, a step's share) in float32, batches of 4 and
32, one after the other in turns, with nothing else running; and the most memory that a process of
its own takes for a training step (`python benchmarks/paper_unet.py memory` measures that alone).
"""
import platform
import subprocess
import sys
import threading
import time

import psutil
import torch
from diffusers import DDIMScheduler, UNet2DModel

from ddpm_nbdev import sample
from ddpm_nbdev.denoiser import Denoiser
from ddpm_nbdev.diffusers_settings import to_ours
from ddpm_nbdev.paper_unet import PaperUNet
from ddpm_nbdev.schedules import linear_schedule


def networks():
    "Ours and theirs, with the same weights."
    torch.manual_seed(0)
    theirs = UNet2DModel(
        sample_size=32, block_out_channels=(128, 256, 256, 256), norm_eps=1e-6,
        down_block_types=('DownBlock2D', 'AttnDownBlock2D', 'DownBlock2D', 'DownBlock2D'),
        up_block_types=('UpBlock2D', 'UpBlock2D', 'AttnUpBlock2D', 'UpBlock2D'),
        downsample_padding=0, freq_shift=1, flip_sin_to_cos=False, attention_head_dim=None,
        dropout=.1)
    ours = PaperUNet()
    ours.load_state_dict(to_ours(ours, theirs.state_dict()))
    return {'ours': ours, 'diffusers': theirs}


def train_step(network, optimizer, B):
    "Seconds of one step: forward, backward, Adam."
    x, t = torch.randn(B, 3, 32, 32), torch.randint(1000, (B,))
    start = time.perf_counter()
    pred = network(x, t)
    (getattr(pred, 'sample', pred) - x).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - start


@torch.no_grad()
def sample_step(name, network, B, steps=10):
    "Seconds of one step of DDIM: network and arithmetic."
    start = time.perf_counter()
    if name == 'ours':
        denoiser = Denoiser(network, linear_schedule(), 'eps', (3, 32, 32))
        sample(denoiser, B, 0, sampler='ddim', steps=steps)
    else:
        scheduler, x = DDIMScheduler(), torch.randn(B, 3, 32, 32)
        scheduler.set_timesteps(steps)
        for t in scheduler.timesteps:
            x = scheduler.step(network(x, t).sample, t, x).prev_sample
    return (time.perf_counter() - start)/steps


def own_memory(name, B):
    "MB that three training steps take at most, beyond the network and Adam."
    network = networks()[name].train()
    optimizer, process, most = torch.optim.Adam(network.parameters()), psutil.Process(), [0]
    train_step(network, optimizer, 1) # Adam's own memory
    before, stop = process.memory_info().rss, threading.Event()
    def watch():
        while not stop.wait(.002): most[0] = max(most[0], process.memory_info().rss)
    thread = threading.Thread(target=watch)
    thread.start()
    for _ in range(3): train_step(network, optimizer, B)
    stop.set(), thread.join()
    return (most[0] - before)/2**20


def memory(B):
    "Of both, in a process of its own each, three times."
    def measured(name):
        return float(subprocess.run([sys.executable, __file__, name, str(B)], check=True,
                                    capture_output=True, text=True).stdout)
    found = {name: [measured(name) for _ in range(3)] for name in ('ours', 'diffusers')}
    print(f'batch {B}, memory of training steps, MB: ' + ', '.join(
        f'{name} {" ".join(f"{m:.0f}" for m in each)}' for name, each in found.items()), flush=True)


def times(B, rounds):
    "Of a training step and a sampling step, in turns."
    both = networks()
    optimizers = {name: torch.optim.Adam(network.parameters()) for name, network in both.items()}
    for kind in ('train', 'sample'):
        found = {name: [] for name in both}
        for i in range(rounds + 1):
            for name, network in both.items() if i % 2 else reversed(both.items()):
                network.train(kind == 'train')
                found[name].append(train_step(network, optimizers[name], B) if kind == 'train'
                                   else sample_step(name, network, B))
        ours, theirs = (torch.tensor(found[name][1:]) for name in both)
        print(f'batch {B}, {kind}: ours {ours.median():.3f} s, diffusers {theirs.median():.3f} s, '
              f'ratio of the medians {ours.median()/theirs.median():.3f}; of each round '
              f'{" ".join(f"{r:.2f}" for r in ours/theirs)}', flush=True)


if __name__ == '__main__':
    if len(sys.argv) == 3: print(own_memory(sys.argv[1], int(sys.argv[2])))
    else:
        print(f'# {platform.machine()}, {torch.get_num_threads()} threads, '
              f'torch {torch.__version__}, float32')
        for B, rounds in ((4, 8), (32, 4)):
            if sys.argv[1:] != ['memory']: times(B, rounds)
            memory(B)
