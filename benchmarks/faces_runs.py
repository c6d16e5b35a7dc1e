"""What helps a network to draw possible faces? OMP_NUM_THREADS=1 python benchmarks/faces_runs.py

Each run trains a network on the 20,000 training faces, conditional on the hair color, for as many
steps as one thread takes in ten minutes, and draws 500 faces with the default sampler in 15 calls,
guidance 1. Runs differ from the first in one thing. The time of a step is measured first, for all
of them, with nothing else running; the runs themselves may then share the machine. One line of JSON
a run goes to standard output, and the network into the folder of OUT; runs whose line is in OUT
already are left out, so that the table can be made in several sittings. A run that is interrupted
ends the script, and leaves no line.

    python benchmarks/faces_runs.py OUT.jsonl time
    python benchmarks/faces_runs.py OUT.jsonl train [RUN,RUN ...] [SEED,SEED ...]
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
from ddpm_nbdev.schedules import cosine_schedule
from ddpm_nbdev.unet import UNet

wide = dict(channels=(96, 192), bottleneck=(192,), attention=(0, 1), groups=16, patch=2)
base = dict(network=wide, target='x_0', batch_size=32, lr=1e-3)
MINUTES = 10
RUNS = {
    'base': {},
    'small': dict(network=wide | dict(channels=(64, 128), bottleneck=(128,))),
    'patch 1': dict(network=dict(channels=(48, 96, 96), bottleneck=(96,), attention=(1, 2),
                                 groups=16, patch=1)),
    'target v': dict(target='v'),
    'batch 64': dict(batch_size=64),
    'min-SNR 5': dict(min_snr=5.),
    'batch 16': dict(batch_size=16),
    'less attention': dict(network=wide | dict(attention=(1,))),
    'v weighted as x_0': dict(target='v', loss=weighted_loss(cosine_schedule().noise.float()**2)),
    'v min-SNR 5': dict(target='v', min_snr=5.),
}


def options_of(settings):
    options = base | settings
    network = partial(UNet, 3, classes=9, **options.pop('network'))
    return options | dict(network=network, labels=True, device='cpu', precision='no', save_every=0,
                          ema_decay=.999, log_with='none', progress=False)


def seconds_a_step(settings):
    "Between the times of a run of 20 steps and of one of 120, since the start takes seconds, too."
    seconds = []
    with TemporaryDirectory() as folder:
        for n in (20, 120):
            train('faces', f'{folder}/{n}', steps=n, **options_of(settings))
            metrics = json.loads(Path(f'{folder}/{n}/metrics.json').read_text())
            seconds.append(metrics['train_seconds'])
    return (seconds[1] - seconds[0])/100


def one_run(settings, seed, steps, weights):
    with TemporaryDirectory() as folder:
        denoiser = train('faces', f'{folder}/run', steps=steps, seed=seed, **options_of(settings))
        if not Path(f'{folder}/run/metrics.json').exists(): sys.exit('interrupted')
        save(denoiser, weights)
    label = torch.arange(500) % 9
    report = face_report(to_uint8(sample(denoiser, 500, seed=seed, label=label)), label)
    found = asdict(report)
    del found['options']
    return dict(parameters=sum(p.numel() for p in denoiser.network.parameters()), **found,
                within=report.within(1.5, 25))


out, command, *rest = Path(sys.argv[1]), *sys.argv[2:]
times = out.with_suffix('.steps.json')
load_images('faces')
if command == 'time':
    found = {name: round(1000*seconds_a_step(settings), 1) for name, settings in RUNS.items()}
    print(found)
    times.write_text(json.dumps(found))
else:
    names = rest[0].split(',') if rest else list(RUNS)
    seeds = map(int, rest[1].split(',')) if len(rest) > 1 else (0, 1, 2)
    lines = out.read_text().splitlines() if out.exists() else []
    done = {(line['run'], line['seed']) for line in map(json.loads, lines)}
    milliseconds = json.loads(times.read_text())
    for seed in seeds:
        for name in names:
            if (name, seed) in done: continue
            steps = int(MINUTES*60_000/milliseconds[name])
            weights = out.parent/f'{name.replace(" ", "-")}-{seed}.safetensors'
            line = dict(run=name, seed=seed, minutes=MINUTES, steps=steps,
                        ms_a_step=milliseconds[name],
                        **one_run(RUNS[name], seed, steps, weights))
            print(json.dumps(line), flush=True)
            with out.open('a') as file: print(json.dumps(line), file=file)
