"""What helps a network to draw possible faces? OMP_NUM_THREADS=1 python benchmarks/faces_runs.py

Each run trains a network on the 20,000 training faces, conditional on the hair color, for MINUTES
on one thread (default 10), and draws 500 faces with the default sampler in 15 calls, guidance 1.
Runs differ from the first in one thing. One line of JSON a run goes to standard output, and the
network into the folder of OUT; runs whose line is in OUT already are left out, so that the table
can be made in several sittings. A run that is interrupted ends the script, and leaves no line.

    python benchmarks/faces_runs.py OUT.jsonl [MINUTES] [RUN,RUN ...] [SEED,SEED ...]
"""
import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from ddpm_nbdev import load_images, sample, save, train
from ddpm_nbdev.data import to_uint8
from ddpm_nbdev.face_report import face_report
from ddpm_nbdev.loss import weighted_loss
from ddpm_nbdev.schedule import cosine_schedule
from ddpm_nbdev.unet import UNet

wide = dict(channels=(96, 192), bottleneck=(192,), attention=(0, 1), groups=16, patch=2)
base = dict(network=wide, target='x_0', batch_size=32, lr=1e-3)
RUNS = {
    'base': {},
    'small': dict(network=wide | dict(channels=(64, 128), bottleneck=(128,))),
    'less attention': dict(network=wide | dict(attention=(1,))),
    'patch 1': dict(network=dict(channels=(48, 96, 96), bottleneck=(96,), attention=(1, 2),
                                 groups=16, patch=1)),
    'min-SNR 5': dict(min_snr=5.),
    'target v': dict(target='v'),
    'v weighted as x_0': dict(target='v', loss=weighted_loss(cosine_schedule().noise.float()**2)),
    'v min-SNR 5': dict(target='v', min_snr=5.),
    'batch 16': dict(batch_size=16),
    'batch 64': dict(batch_size=64),
    'rate 2e-3': dict(lr=2e-3),
    'rate 5e-4': dict(lr=5e-4),
}


def one_run(settings, seed, minutes, weights):
    options = base | settings
    build = partial(UNet, 3, classes=9, **options.pop('network'))
    options |= dict(labels=True, seed=seed, device='cpu', precision='no', ema_decay=.999,
                    log_with='none', save_every=0, progress=False)
    with TemporaryDirectory() as folder:
        seconds = []
        for n in (20, 120): # the start takes seconds, too
            train('faces', f'{folder}/{n}', network=build, steps=n, **options)
            metrics = json.loads(Path(f'{folder}/{n}/metrics.json').read_text())
            seconds.append(metrics['train_seconds'])
        step = (seconds[1] - seconds[0])/100
        steps = int(60*minutes/step)
        denoiser = train('faces', f'{folder}/long', network=build, steps=steps, **options)
        if not Path(f'{folder}/long/metrics.json').exists(): sys.exit('interrupted')
        save(denoiser, weights)
    label = torch.arange(500) % 9
    report = face_report(to_uint8(sample(denoiser, 500, seed=seed, label=label)), label)
    parameters = sum(p.numel() for p in denoiser.network.parameters())
    found = asdict(report)
    del found['options']
    return dict(steps=steps, ms_a_step=round(1000*step, 1), parameters=parameters, **found,
                within=report.within(1.5, 25))


out = Path(sys.argv[1])
minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 10
names = sys.argv[3].split(',') if len(sys.argv) > 3 else RUNS
seeds = map(int, sys.argv[4].split(',')) if len(sys.argv) > 4 else (0, 1, 2)
lines = out.read_text().splitlines() if out.exists() else []
done = {(line['run'], line['seed']) for line in map(json.loads, lines)}
load_images('faces')
for seed in seeds:
    for name in names:
        if (name, seed) in done: continue
        weights = out.parent/f'{name.replace(" ", "-")}-{seed}.safetensors'
        line = dict(run=name, seed=seed, minutes=minutes,
                    **one_run(RUNS[name], seed, minutes, weights))
        print(json.dumps(line), flush=True)
        with out.open('a') as file: print(json.dumps(line), file=file)
