"""Seconds to a quality on digits, beside the peers: python benchmarks/race.py OUT.json [SEED ...]

It needs pip install -e '.[dev]' denoising-diffusion-pytorch.

Three trainings on the same cores, in turn, with networks of as many parameters: this package's
`train` with its defaults, at several lengths; the usual loop around diffusers' UNet2DModel and
DDPMScheduler (batches of 64, AdamW at 0.001 after a warm-up, clipped, averaged weights); the
Trainer of denoising-diffusion-pytorch with its defaults, but for the mirroring, which digits do not
bear. `seconds` is the time of training alone. Whenever it stands at a mark, 2,396 samples are drawn
from the averaged weights, with the same sampler for all (2M in 15 calls), and scored. A file at OUT
goes on with further seeds. Run it alone on the machine, with the two variables of main_job.py.
"""
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import diffusers
import torch
import torch.nn.functional as F
from denoising_diffusion_pytorch import GaussianDiffusion, Trainer, Unet as LucidUnet
from diffusers import DDPMScheduler, UNet2DModel
from torchvision.utils import save_image

from ddpm_nbdev import load_images, sample
from ddpm_nbdev.data import to_float
from ddpm_nbdev.denoiser import Denoiser
from ddpm_nbdev.engine.options import TrainConfig
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.engine.trainer import new_trainer
from ddpm_nbdev.fid import score
from ddpm_nbdev.schedule import Schedule
from ddpm_nbdev.training import make_ema

MARKS = 15, 30, 60, 120, 240, 420, 600 # seconds
LENGTHS = 100, 200, 400, 800, 1600, 3200 # steps
TRAIN, TEST = load_images('digits'), load_images('digits', 'test').images


def by_ours(seed, folder):
    "One run per length, since its rate ends at zero."
    for steps in LENGTHS:
        config = TrainConfig(steps=steps, seed=seed, precision='no', save_every=0)
        trainer = new_trainer(config, TRAIN, f'{folder}/{seed}-{steps}')
        started = perf_counter()
        trainer.train(progress=False)
        yield perf_counter() - started, trainer.averaged


def until_marks(step, denoiser):
    "Step for MARKS seconds; the time of whoever looks at a mark does not count."
    spent = 0.
    for mark in MARKS:
        started = perf_counter()
        while spent + perf_counter() - started < mark: step()
        spent += perf_counter() - started
        yield spent, denoiser


class Sample(torch.nn.Module):
    "A network of diffusers that returns a tensor."
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, x, t): return self.unet(x, t).sample


def by_diffusers(seed, folder):
    torch.manual_seed(seed)
    unet = UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, block_out_channels=(32, 48),
        layers_per_block=1, norm_num_groups=8, down_block_types=('DownBlock2D', 'AttnDownBlock2D'),
        up_block_types=('AttnUpBlock2D', 'UpBlock2D'))
    scheduler, images = DDPMScheduler(), to_float(TRAIN.images)
    optimizer, ema = torch.optim.AdamW(unet.parameters(), lr=1e-3), make_ema(unet, .995)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1)/500))

    def step():
        x_0 = images[torch.randint(len(images), (64,))]
        eps, t = torch.randn_like(x_0), torch.randint(0, 1000, (64,))
        loss = F.mse_loss(unet(scheduler.add_noise(x_0, eps, t), t).sample, eps)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.)
        optimizer.step()
        rate.step()
        ema.update_parameters(unet)
    schedule = Schedule(scheduler.betas.double())
    yield from until_marks(step, Denoiser(Sample(ema.module), schedule, 'eps', (1, 8, 8)))


def by_lucidrains(seed, folder):
    torch.manual_seed(seed)
    pictures = Path(f'{folder}/pictures')
    if not pictures.exists():
        pictures.mkdir()
        for i, image in enumerate(TRAIN.images): save_image(image/255, pictures/f'{i:04}.png')
    diffusion = GaussianDiffusion(LucidUnet(24, dim_mults=(1, 2), channels=1), image_size=8)
    trainer = Trainer(diffusion, pictures, augment_horizontal_flip=False, calculate_fid=False,
                      save_and_sample_every=10**9, results_folder=f'{folder}/results')
    network, schedule = trainer.ema.ema_model.model, Schedule(diffusion.betas.double().cpu())

    def step():
        trainer.train_num_steps = trainer.step + 20
        trainer.train()
    yield from until_marks(step, Denoiser(network, schedule, 'v', (1, 8, 8)))


LANES = {'ddpm_nbdev': by_ours, 'diffusers': by_diffusers,
         'denoising-diffusion-pytorch': by_lucidrains}
VERSIONS = dict(torch=torch.__version__, diffusers=diffusers.__version__)


def row(name, seed, seconds, denoiser):
    "One line of the table: draw from a denoiser, and score what came."
    found = score(sample(denoiser, 2396, seed=seed + 100), TEST, TRAIN.images)
    return dict(package=name, seed=seed, seconds=round(seconds, 1), distance=found.distance,
                error=found.error, floor=found.floor,
                parameters=sum(p.numel() for p in denoiser.network.parameters()))


if __name__ == '__main__':
    out = Path(sys.argv[1])
    rows = json.loads(out.read_text())['rows'] if out.exists() else []
    with TemporaryDirectory() as folder:
        for seed in map(int, sys.argv[2:] or (0, 1, 2)):
            for name, lane in LANES.items():
                for seconds, denoiser in lane(seed, folder):
                    rows.append(row(name, seed, seconds, denoiser))
                    print(rows[-1], flush=True)
                    about = dict(device=device_name('cpu'), cores=os.cpu_count(), versions=VERSIONS)
                    out.write_text(json.dumps(about | dict(rows=rows), indent=1))
