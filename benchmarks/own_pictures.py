"""Ten-minute runs on three folders of pictures: python benchmarks/own_pictures.py FONT [FOLDER ...]

Makes the folders in a temporary place and trains on each of them as a newcomer would, with
`ddpm_train --data FOLDER` and no other options but those that belong to the pictures:

- faces: 500 training faces of the package, drawn four times as large, as files
- emoji: the smileys, animals and food of a colour emoji font, a folder for each (FONT is the path
  of NotoColorEmoji.ttf, version 2.042, which Debian has as fonts-noto-color-emoji); --labels
- photos: 1,000 square crops of the two photographs that scikit-learn brings

A tenth of the pictures is kept aside. Writes a picture for each folder beside this script, eight
rows of sixteen: two of the pictures, six of samples; and own_pictures.json, with the shares of the
copy check (`memorization`). On a CPU a run takes about ten
minutes with two cores.
"""
import json
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

from ddpm_nbdev import load, load_images, sample
from ddpm_nbdev.data import image_grid, to_uint8
from ddpm_nbdev.metrics import memorization

HERE = Path(__file__).resolve().parent
OPTIONS = dict(faces=[], emoji=['--labels'], photos=[])
SMILEYS = *range(0x1F600, 0x1F645), *range(0x1F910, 0x1F930), *range(0x1F970, 0x1F97B)
ANIMALS = *range(0x1F400, 0x1F440), *range(0x1F980, 0x1F9AF)
FOOD = *range(0x1F32D, 0x1F330), *range(0x1F345, 0x1F380), *range(0x1F950, 0x1F970)


def faces(font):
    for i, pixels in enumerate(load_images('faces').images[:500]):
        yield f'{i}.png', Image.fromarray(pixels.permute(1, 2, 0).numpy()).resize((64, 64), 0)


def emoji(font):
    letters = ImageFont.truetype(font, 109) # the only size that it has
    for kind, codes in dict(smileys=SMILEYS, animals=ANIMALS, food=FOOD).items():
        for code in codes:
            image = Image.new('RGB', (136, 128), 'white')
            ImageDraw.Draw(image).text((0, 0), chr(code), font=letters, embedded_color=True)
            yield f'{kind}/{code:x}.png', image


def photos(font):
    draw = random.Random(0)
    for i in range(1000):
        photo = Image.fromarray(load_sample_images().images[i % 2])
        side = draw.randrange(120, 240)
        x, y = draw.randrange(photo.width - side), draw.randrange(photo.height - side)
        yield f'{i}.jpg', photo.crop((x, y, x + side, y + side)).resize((96, 96))


def write(make, font, folder):
    "Every tenth picture is kept aside."
    for i, (name, image) in enumerate(make(font)):
        path = folder/('aside' if i % 10 == 9 else 'pictures')/name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)


def run(name, font, more=()):
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        write(globals()[name], font, folder)
        command = [Path(sys.executable).parent/'ddpm_train', '--data', 'pictures', '--quiet',
                   *OPTIONS[name], *more]
        print(subprocess.run(command, cwd=folder, check=True, capture_output=True,
                             text=True).stdout)
        denoiser = load(folder/'runs/pictures')
        side = denoiser.image_shape[-1]
        real, aside = (load_images(folder/part, size=side) for part in ('pictures', 'aside'))
        drawn = to_uint8(sample(denoiser, 192, seed=0))
        shown = drawn[:96]
        if denoiser.classes: # two rows of each
            label = torch.arange(3).repeat_interleave(32)
            shown = to_uint8(sample(denoiser, 96, seed=0, label=label))
        rows = torch.linspace(0, len(real) - 1, 32).long()
        grid = image_grid(torch.cat([real.images[rows], shown]), ncol=16)
        picture = Image.fromarray(grid.numpy()).quantize(255)
        picture.save(HERE/f'own_pictures_{name}.png', optimize=True)
        config = json.loads((folder/'runs/pictures/config.json').read_text())['train']
        copies, p = memorization(drawn, real.images, aside.images)
        return dict(images=len(real), kept_aside=len(aside), steps=config['steps'],
                    size=side, nearer=copies, p=p)


if __name__ == '__main__':
    font, *names = sys.argv[1:]
    path = HERE/'own_pictures.json'
    found = json.loads(path.read_text()) if path.exists() else {}
    for name in names or OPTIONS:
        found[name] = run(name, font)
        path.write_text(json.dumps(found, indent=2) + '\n')
        print(name, found[name])
