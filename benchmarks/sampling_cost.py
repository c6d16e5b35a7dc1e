"""What sampling costs beyond its network calls, and the same work in diffusers.

    OMP_NUM_THREADS=1 python benchmarks/sampling_cost.py [--repeats 15]

Batch 64, the shipped digits network, 50 steps. Each way of sampling counts the seconds that it
spends inside the network and in all; the cost is what is left, as a share of the network's. The
ways take turns in one run, and medians are reported: on a noisy machine two timings of the same
calls differ by several percent, but the share of one run does not. Nothing else should be running.
"""
import argparse
import statistics
import time
from types import SimpleNamespace

import diffusers
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DPMSolverMultistepScheduler, UNet2DModel

from ddpm_nbdev import Denoiser, load, sample

B, STEPS, SHAPE = 64, 50, (64, 1, 8, 8)


class Timed(torch.nn.Module):
    """A network that counts the seconds of its calls. It is a module, so that `sample` finds all
    parts of the network in it, as it does without the clock."""
    def __init__(self, net):
        super().__init__()
        self.net, self.seconds = net, 0.

    def forward(self, x, t):
        start = time.perf_counter()
        pred = self.net(x, t)
        self.seconds += time.perf_counter() - start
        return pred


class Adapter(UNet2DModel):
    "Our network as diffusers' pipelines call theirs."
    def __init__(self, net):
        super().__init__(
            sample_size=8, in_channels=1, out_channels=1, layers_per_block=1,
            block_out_channels=(32,), down_block_types=('DownBlock2D',),
            up_block_types=('UpBlock2D',))
        self.net = net

    def forward(self, x, t, **kwargs):
        return SimpleNamespace(sample=self.net(x, torch.as_tensor(t).expand(len(x))))


def main(repeats):
    shipped = load('digits')
    schedule, net = shipped.schedule, Timed(shipped.network)
    denoiser = Denoiser(net, schedule, shipped.target, shipped.image_shape)
    common = dict(trained_betas=schedule.beta.numpy(), prediction_type='v_prediction')
    timesteps = schedule.even_steps(STEPS)
    pipe = DDIMPipeline(Adapter(net), DDIMScheduler(**common))
    pipe.set_progress_bar_config(disable=True)
    multistep = DPMSolverMultistepScheduler(solver_order=2, final_sigmas_type='zero', **common)

    @torch.no_grad()
    def loop_2m(): # diffusers has no unconditional pipeline for this scheduler
        multistep.set_timesteps(STEPS)
        images = torch.randn(SHAPE)
        for s in multistep.timesteps:
            images = multistep.step(net(images, s.expand(B)), s, images).prev_sample

    def ours(sampler): return lambda: sample(denoiser, B, 0, sampler=sampler, timesteps=timesteps)

    work = {
        **{f'sample, {name}': ours(name) for name in ('ddim', 'ddpm', 'dpm_2m', 'dpm_3m')},
        'diffusers DDIMPipeline': lambda: pipe(batch_size=B, num_inference_steps=STEPS,
                                               output_type='np'),
        'diffusers multistep, its loop': loop_2m}
    total, share = {name: [] for name in work}, {name: [] for name in work}
    for i in range(repeats + 1):
        for name, run in work.items():
            net.seconds, start = 0., time.perf_counter()
            run()
            seconds = time.perf_counter() - start
            if i: # the first round warms up
                total[name].append(seconds)
                share[name].append(seconds/net.seconds - 1)
    print(f'{torch.get_num_threads()} thread(s), torch {torch.__version__}, '
          f'diffusers {diffusers.__version__}, {repeats} rounds, batch {B}, {STEPS} steps')
    for name in work:
        print(f'{name:30} {statistics.median(total[name])*1e3:7.0f} ms, '
              f'{statistics.median(share[name]):6.2%} beyond the network calls')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=15)
    main(parser.parse_args().repeats)
