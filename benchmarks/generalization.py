"""Does a diffusion model copy or create? OMP_NUM_THREADS=1 python benchmarks/generalization.py OUT

The same small network (1.2 million weights) is trained for 4,000 steps of 32 faces, whatever their
number: on 10, 100 and 1,000 faces (three disjoint subsets each), on 10,000 (each half twice), on
all 20,000 (three seeds), and on all but the blue-haired faces with a beard (three seeds). Each then
draws 900 faces, 100 of each hair color, and 450 with blue hair, from the same noise. Every run
leaves one line in OUT/runs.jsonl and its samples in OUT/NAME-SEED.npy; runs that have a
line are left out, so that the table can be made in several sittings.

    python benchmarks/generalization.py OUT [NAME,NAME ...] # train
    python benchmarks/generalization.py OUT store # what the lesson reads, in benchmarks/
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import TensorDataset

from ddpm_nbdev import load_images, sample
from ddpm_nbdev.data import to_uint8
from ddpm_nbdev.face_report import face_attributes
from ddpm_nbdev.faces import draw_faces
from ddpm_nbdev.forward import Denoiser
from ddpm_nbdev.loss import min_snr_weight, weighted_loss
from ddpm_nbdev.schedule import cosine_schedule
from ddpm_nbdev.training import fit
from ddpm_nbdev.unet import px28_unet

RUNS = [(name, seed) for seed in range(4) for name in ('10', '100', '1000', '20000', 'held out')
        if seed < 3] + [('10000', seed) for seed in range(4)]
STEPS, BATCH = 4000, 32


def rows(name, seed, data):
    "Which of the 20,000 training faces a network sees."
    if name == 'held out':
        blue = data.labels == data.class_names.index('blue')
        return (~(blue & (data.attributes['beard'] > 0))).nonzero()[:, 0]
    n = int(name)
    first = seed*n % len(data.images)
    return torch.arange(first, first + n)


def one_run(name, seed, data):
    chosen = rows(name, seed, data)
    images, labels = data.images[chosen], data.labels[chosen]
    times = -(-BATCH//len(images)) # so that there are enough for a batch
    seen = TensorDataset(images.repeat(times, 1, 1, 1), labels.repeat(times))
    torch.manual_seed(seed)
    network = px28_unet(3, classes=len(data.class_names), attention=(0, 1))
    schedule = cosine_schedule()
    denoiser = Denoiser(network, schedule, 'x_0', (3, 16, 16), class_names=data.class_names)
    loss = weighted_loss(min_snr_weight(schedule, 'x_0', 5.))
    start = time.perf_counter()
    denoiser = fit(denoiser, seen, STEPS, loss, batch_size=BATCH, lr=1e-3, ema_decay=.999,
                   seed=seed)
    seconds = time.perf_counter() - start
    label = labels_asked(data)
    samples = to_uint8(sample(denoiser, len(label), seed=0, label=label))
    return samples, images, seconds


def labels_asked(data):
    "100 faces of each hair color, in turn, and then 450 blue ones."
    colors = len(data.class_names)
    blue = data.class_names.index('blue')
    return torch.cat([torch.arange(100*colors) % colors, torch.full((450,), blue)])


def measured(samples, images, data):
    "What the samples are, beside the faces that the network has seen."
    fit, n = face_attributes(samples), 100*len(data.class_names)
    known = set(map(bytes, images.flatten(1).numpy()))
    copies = torch.tensor([bytes(x) in known
                           for x in draw_faces(fit.attributes).flatten(1).numpy()])
    new = fit.possible & ~copies
    color = data.class_names.index('blue')
    blue = labels_asked(data) == color
    hair = (fit.attributes['hair_color'] == color) & fit.seen['hair_color']
    quantiles = fit.error[:n].quantile(torch.tensor([.1, .5, .9], dtype=torch.float64))
    return dict(n=n, copies=int(copies[:n].sum()), new=int(new[:n].sum()),
                error=[round(v, 2) for v in quantiles.tolist()],
                blue=int(blue.sum()), blue_hair=int(hair[blue].sum()),
                beards=int(fit.present['beard'][blue].sum()))


def store(folder):
    lines = [json.loads(line) for line in (folder/'runs.jsonl').read_text().splitlines()]
    here = Path(__file__).parent
    (here/'generalization.json').write_text(
        '[\n' + ',\n'.join(map(json.dumps, sorted(lines, key=lambda x: (x['name'], x['seed']))))
        + '\n]\n')
    np.savez_compressed(here/'generalization.npz', **{
        f'{x["name"]}-{x["seed"]}': np.load(folder/f'{x["name"]}-{x["seed"]}.npy')[:36]
        for x in lines})


if __name__ == '__main__':
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if sys.argv[2:] == ['store']: sys.exit(store(folder))
    names = sys.argv[2].split(',') if len(sys.argv) > 2 else {name for name, _ in RUNS}
    path, data = folder/'runs.jsonl', load_images('faces')
    lines = path.read_text().splitlines() if path.exists() else []
    done = {(line['name'], line['seed']) for line in map(json.loads, lines)}
    for name, seed in RUNS:
        if name not in names or (name, seed) in done: continue
        samples, images, seconds = one_run(name, seed, data)
        np.save(folder/f'{name}-{seed}.npy', samples.numpy())
        line = dict(name=name, seed=seed, faces=len(images), steps=STEPS, batch=BATCH,
                    seconds=round(seconds), **measured(samples, images, data))
        print(json.dumps(line), flush=True)
        with path.open('a') as file: print(json.dumps(line), file=file)
