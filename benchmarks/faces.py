"""How good is the network for faces that ships? OMP_NUM_THREADS=2 python benchmarks/faces.py

For each sampler, samples with the hair colors in turn (2,000 at each of three seeds for the default
with guidance 1, and 1,000 for the others), measured by face_report against the truth, and by the
Frechet distance to the 4,000 test faces. The last row measures 2,000 test faces in the same way,
against the other 2,000. The result goes into benchmarks/faces.json, with the loss of the run that
made the network, if its folder is given. About ten minutes on two cores.

    python benchmarks/faces.py [RUN]
    python benchmarks/faces.py --short RUN ... # shorter runs: 1,000 samples of each, and a picture
"""
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from ddpm_nbdev import load, load_images, sample
from ddpm_nbdev.data import save_images, to_uint8
from ddpm_nbdev.face_report import face_attributes, face_report
from ddpm_nbdev.faces import draw_faces
from ddpm_nbdev.feature_net import faces_features, features
from ddpm_nbdev.fid import feature_distance

ROWS = [(dict(), seed, 2000) for seed in range(3)] + [
    (dict(sampler='ddpm', steps=100), 0, 1000), (dict(guidance=2.), 0, 1000)]


def measured(images, label, reference):
    report, net = face_report(images, label), faces_features()
    found = asdict(report) | dict(within=report.within(1.5, 100 if len(images) >= 2000 else 50))
    del found['options'], found['dependence']
    distance = feature_distance(features(images, net), features(reference, net))
    return found | dict(distance=distance)


def wrong_rows(images):
    "Share of images with a pixel that is off by more than 32 levels, for each row of the image."
    nearest = draw_faces(face_attributes(images).attributes)
    wrong = (images.double() - nearest.double()).abs().amax(1) > 32 # (N, 16, 16)
    return wrong.any(2).double().mean(0).tolist()


def short(runs, path):
    "Measure shorter runs, and keep a picture of the last."
    found = json.loads(path.read_text()) if path.exists() else {}
    test = load_images('faces', 'test')
    found['short'] = []
    for run in runs:
        label = torch.arange(1000) % 9
        images = to_uint8(sample(load(run), 1000, seed=0, label=label))
        metrics = json.loads((Path(run)/'metrics.json').read_text())
        row = {k: metrics[k] for k in ('steps', 'seconds', 'train_seconds')}
        found['short'].append(row | measured(images, label, test.images))
        print(json.dumps(found['short'][-1]), flush=True)
    label = torch.arange(54) % 9
    picture = path.with_name('faces_short.png')
    picture.unlink(missing_ok=True)
    save_images(sample(load(run), 54, seed=0, label=label), picture, 18, 3)
    path.write_text(json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
    path = Path(__file__).with_suffix('.json')
    if sys.argv[1:2] == ['--short']: sys.exit(short(sys.argv[2:], path))
    denoiser, test, rows = load('faces'), load_images('faces', 'test'), []
    for how, seed, n in ROWS:
        label = torch.arange(n) % denoiser.classes
        images = to_uint8(sample(denoiser, n, seed=seed, label=label, **how))
        rows.append(dict(how=how, seed=seed) | measured(images, label, test.images))
        if seed == 0 and 'guidance' not in how: rows[-1]['wrong_rows'] = wrong_rows(images[:1000])
        print(json.dumps(rows[-1]), flush=True)
    real, label = test.images[:2000], test.labels[:2000]
    rows.append(dict(how='test faces') | measured(real, label, test.images[2000:]))
    print(json.dumps(rows[-1]), flush=True)
    found = dict(rows=rows)
    if path.exists(): found = json.loads(path.read_text()) | found
    if len(sys.argv) > 1:
        run = Path(sys.argv[1])
        metrics = json.loads((run/'metrics.json').read_text())
        _, loss = zip(*json.loads((run/'loss.json').read_text()))
        found['run'] = dict(steps=metrics['steps'], parameters=metrics['parameters'],
                            curve=torch.tensor(loss).unfold(0, 70, 70).mean(1).tolist())
    path.write_text(json.dumps(found, indent=1) + '\n')
