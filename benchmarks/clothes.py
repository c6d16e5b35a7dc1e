"""How good are the clothes? python benchmarks/clothes.py OUT.json OUT.png [RUN [ROOT]]

1,000 samples of RUN (default clothes, the package's own) by guidance and seed, 100 of each class,
in 15 steps of 2M: the Fréchet distance to the 10,000 test images on the package's features,
precision and recall of 1,000 against 1,000 test images, and how many the classifier inside the
features reads as what was asked for. Of a run also its curve and times. The picture: samples with
guidance 1, and below each the nearest training image, pixel by pixel. Fashion-MNIST is read from
ROOT (default data), and downloaded if it is not there. Run it with OMP_NUM_THREADS=2.
"""
import json
import sys
from pathlib import Path

import torch

from ddpm_nbdev import load, load_images, sample, save_images
from ddpm_nbdev.data import to_float
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.feature_net import clothes_features, features
from ddpm_nbdev.fid import feature_distance, jackknife, real_floor
from ddpm_nbdev.image_sets import to_pixels
from ddpm_nbdev.metrics import nearest, precision_recall

GUIDANCE, SEEDS, N = (1., 1.5, 2., 3., 5.), range(3), 1000


def curve(run, points=100):
    "Mean loss of each hundredth of a run, from its TensorBoard log: (step, loss)."
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    log = EventAccumulator(str(run/'tensorboard'), size_guidance={'scalars': 0})
    log.Reload()
    found = [(e.step, e.value) for e in log.Scalars('loss')]
    parts = [found[i*len(found)//points:(i + 1)*len(found)//points] for i in range(points)]
    return [(part[-1][0], round(sum(v for _, v in part)/len(part), 5)) for part in parts if part]


@torch.no_grad()
def read_as(images, labels):
    "Share of the images that the classifier inside the features reads as their labels."
    return (net.classify(to_float(images)) == labels).float().mean().item()


out, picture = map(Path, sys.argv[1:3])
run, root = (*sys.argv[3:], *('clothes', 'data')[len(sys.argv) - 3:])
denoiser, net = load(run), clothes_features()
test, train = (load_images('fashion_mnist', split, root=root) for split in ('test', 'train'))
of_test, of_train = features(test.images, net), features(train.images[:10_000], net)
rows, asked, first = [], torch.arange(N) % 10, None
for guidance in GUIDANCE:
    for seed in SEEDS:
        x = sample(denoiser, N, seed, label=asked, guidance=guidance)
        f = features(x, net)
        distance, error = jackknife(lambda part: feature_distance(part, of_test), f)
        rows.append(dict(guidance=guidance, seed=seed, distance=distance, error=error,
                         recognized=read_as(to_pixels(x), asked))
                    | precision_recall(f, of_test[:N]))
        print(rows[-1], flush=True)
        if first is None: first = x
real = precision_recall(of_train[:N], of_test[:N])
apart, which = nearest(first, train.images)
of_real, _ = nearest(test.images[:N], train.images)
save_images(torch.cat([to_pixels(first[:20]), train.images[which[:20]]]), picture, ncol=20)
about = dict(device=device_name('cpu'), torch=torch.__version__, n=N, rows=rows, real=real,
             real_recognized=read_as(test.images, test.labels),
             floor=real_floor(of_train, of_test, N), nearest=apart.median().item(),
             nearest_of_real=of_real.median().item())
if (Path(run)/'config.json').exists():
    metrics = json.loads((Path(run)/'metrics.json').read_text())
    about['curve'] = curve(Path(run))
    about['run'] = {k: metrics[k] for k in ('steps', 'train_seconds', 'parameters', 'device')}
out.write_text(json.dumps(about, indent=1))
