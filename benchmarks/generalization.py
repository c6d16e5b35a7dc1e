"""Does a diffusion model copy or create? OMP_NUM_THREADS=1 python benchmarks/generalization.py OUT

The same small network (1.2 million weights) is trained for 4,000 steps of 32 faces, whatever their
number: on 10, 100 and 1,000 faces (three disjoint subsets each), on 10,000 (each half twice), on
all 20,000 (three seeds), and on all but the blue-haired faces with a beard (three seeds). Each then
draws 900 faces, 100 of each hair color, and 450 with blue hair, from the same noise. Every run
leaves one line in OUT/runs.jsonl and its samples in OUT/NAME-SEED.npy; runs that have a
line are left out, so that the table can be made in several sittings.

    python benchmarks/generalization.py OUT [NAME,NAME ...] # train
    python benchmarks/generalization.py OUT store # what the lesson reads, in ddpm_nbdev/assets
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
from ddpm_nbdev.denoiser import Denoiser
from ddpm_nbdev.face_report import FaceFit, face_attributes
from ddpm_nbdev.generalization import attributes_changed
from ddpm_nbdev.loss import min_snr_weight, weighted_loss
from ddpm_nbdev.schedules import cosine_schedule
from ddpm_nbdev.training import fit
from ddpm_nbdev.unet import px28_unet

RUNS = [(name, seed) for seed in range(4) for name in ('10', '100', '1000', '20000', 'held out')
        if seed < 3] + [('10000', seed) for seed in range(4)]
STEPS, BATCH, CROSS = 4000, 32, ((0, 1), (0, 2), (1, 2))


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


def attributes_in_common(one, other):
    "Mean share of the visible attributes that agree in pairs of faces; not the hair color."
    names = [name for name in one.attributes if name != 'hair_color']
    both = torch.stack([one.seen[name] & other.seen[name] for name in names], 1)
    same = torch.stack([one.attributes[name] == other.attributes[name] for name in names], 1)
    return ((both & same).sum(1)/both.sum(1)).mean().item()


def measured(name, seed, fit, fit_of_test, data):
    "How far samples are from training faces, by the hair colors that the network has seen."
    asked, color = labels_asked(data), data.class_names.index('blue')
    chosen = rows(name, seed, data)
    known = {attribute: values[chosen] for attribute, values in data.attributes.items()}
    mine = of_rows(fit, torch.isin(asked[:900], data.labels[chosen]).nonzero()[:, 0])
    quantiles = mine.error.quantile(torch.tensor([.1, .5, .9], dtype=torch.float64))
    blue = asked == color
    hair = (fit.attributes['hair_color'] == color) & fit.seen['hair_color']
    count = lambda fit: attributes_changed(fit, known)[0].bincount(minlength=18).tolist()
    return dict(n=len(mine.error), possible=int(mine.possible.sum()), changed=count(mine),
                changed_test=count(fit_of_test), error=[round(v, 2) for v in quantiles.tolist()],
                blue=int(blue.sum()), blue_hair=int(hair[blue].sum()),
                beards=int((fit.present['beard'] & hair)[blue].sum()), # blue ones
                other=int((~blue).sum()), other_beards=int(fit.present['beard'][~blue].sum()))


PAIRS = { # networks that get the same noise
    'trained on 100 faces each, none in common': [(('100', a), ('100', b)) for a, b in CROSS],
    'trained on 1,000 faces each, none in common': [(('1000', a), ('1000', b)) for a, b in CROSS],
    'trained on 10,000 faces each, none in common':
        [(('10000', a), ('10000', b)) for a, b in ((0, 1), (2, 3), (0, 3), (1, 2))],
    'trained on the same 10,000 faces, other seeds':
        [(('10000', a), ('10000', b)) for a, b in ((0, 2), (1, 3))]}


def pair(samples, fits, one, other, j):
    "How far apart the samples of two networks are, and how many attributes they share."
    i = torch.arange(900)
    apart = samples[one][i].double() - samples[other][j].double()
    distance = apart.square().mean((1, 2, 3)).sqrt()
    parts = of_rows(fits[one], i), of_rows(fits[other], j)
    return distance.mean().item(), attributes_in_common(*parts)


def of_rows(fit, i):
    pick = lambda part: {k: v[i] for k, v in part.items()} if isinstance(part, dict) else part[i]
    return FaceFit(*map(pick, vars(fit).values()))


def store(folder):
    data, same = load_images('faces'), torch.arange(900)
    lines = [json.loads(line) for line in (folder/'runs.jsonl').read_text().splitlines()]
    keys = [(line['name'], line['seed']) for line in lines]
    samples = {key: torch.from_numpy(np.load(folder/f'{key[0]}-{key[1]}.npy')) for key in keys}
    fits = {key: face_attributes(x) for key, x in samples.items()}
    of_test = face_attributes(load_images('faces', 'test').images[:900])
    runs = [line | measured(*key, fits[key], of_test, data) for key, line in zip(keys, lines)]
    pairs = {name: [pair(samples, fits, *both, same) for both in pairs]
             for name, pairs in PAIRS.items()}
    # other noise, but the same color of the hair: the colors return after nine samples
    pairs['the same network, other noise'] = [pair(samples, fits, key, key, same.roll(9))
                                              for key in (('10000', k) for k in range(4))]
    share = (data.attributes['beard'] > 0).double().mean() # independent of the color
    found = dict(runs=sorted(runs, key=lambda x: (x['name'], x['seed'])), pairs=pairs,
                 true_beards=share.item())
    assets = Path(__file__).parents[1]/'ddpm_nbdev/assets'
    (assets/'generalization.json').write_text(json.dumps(found, indent=1) + '\n')
    shown = ('10', 0), ('100', 0), ('1000', 0), ('20000', 0), ('10000', 0), ('10000', 1)
    np.savez_compressed(assets/'generalization.npz', **{
        f'{name}-{seed}': samples[name, seed][:18].numpy() for name, seed in shown})


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
                    seconds=round(seconds))
        print(json.dumps(line), flush=True)
        with path.open('a') as file: print(json.dumps(line), file=file)
