"""What sampling costs beyond its network calls, and the same work in diffusers' pipeline.

    OMP_NUM_THREADS=1 python benchmarks/sampling_cost.py [--repeats 15]

Batch 64, the shipped digits network, DDIM and 2M with 50 steps. Bare network calls, `sample` and the pipeline
take turns in one run; reported are medians and their ratios. Nothing else should be running.
"""
import argparse
import statistics
import time
from types import SimpleNamespace

import torch
from diffusers import DDIMPipeline, DDIMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from torch import nn

from ddpm_nbdev.forward import seeded
from ddpm_nbdev.sampling import load_digits_model, sample
from ddpm_nbdev.solvers import place_steps

B, STEPS, SHAPE = 64, 50, (64, 1, 8, 8)


class Adapter(UNet2DModel):
    "Our network as diffusers' pipelines call theirs."
    def __init__(self, net):
        super().__init__(sample_size=8, in_channels=1, out_channels=1, layers_per_block=1,
            block_out_channels=(32,), down_block_types=('DownBlock2D',), up_block_types=('UpBlock2D',))
        self.net = net

    def forward(self, x, t, **kwargs):
        return SimpleNamespace(sample=self.net(x, torch.as_tensor(t).expand(len(x))))


def main(repeats):
    net, config = load_digits_model()
    schedule = config.make_schedule()
    common = dict(trained_betas=schedule.beta.numpy(), prediction_type='v_prediction')
    x, t = torch.randn(SHAPE), torch.full((B,), 500)

    @torch.no_grad()
    def bare():
        for _ in range(STEPS): net(x, t)

    def ours(name):
        timesteps = place_steps(schedule, STEPS)
        return lambda: sample(net, schedule, SHAPE, sampler=name, timesteps=timesteps, target='v', generator=seeded(0))

    pipe = DDIMPipeline(Adapter(net), DDIMScheduler(**common))
    pipe.set_progress_bar_config(disable=True)
    multistep = DPMSolverMultistepScheduler(solver_order=2, final_sigmas_type='zero', **common)

    @torch.no_grad()
    def peer_2m(): # there is no unconditional pipeline with this scheduler: its loop, bare
        multistep.set_timesteps(STEPS)
        images = torch.randn(SHAPE)
        for s in multistep.timesteps: images = multistep.step(net(images, s.expand(B)), s, images).prev_sample

    work = {'bare network calls': bare, 'sample, ddim': ours('ddim'), 'sample, dpm_2m': ours('dpm_2m'),
            'diffusers DDIMPipeline': lambda: pipe(batch_size=B, num_inference_steps=STEPS, output_type='np'),
            'diffusers multistep scheduler': peer_2m, 'bare, again': bare}
    times = {name: [] for name in work}
    for i in range(repeats + 1):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if i: times[name].append(time.perf_counter() - start) # the first round warms up
    base = times['bare network calls']
    print(f'{torch.get_num_threads()} thread(s), torch {torch.__version__}, {repeats} rounds, batch {B}, {STEPS} steps')
    for name, seconds in times.items():
        ratio = statistics.median(a/b for a, b in zip(seconds, base))
        print(f'{name:30} {statistics.median(seconds)*1e3:8.1f} ms   {ratio:6.3f} of the bare calls')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=15)
    main(parser.parse_args().repeats)
