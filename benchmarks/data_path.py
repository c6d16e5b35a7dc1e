"""Images per second from memory and from files: OMP_NUM_THREADS=2 python benchmarks/data_path.py

2,000 PNGs of 32×32×3. The usual way: torchvision's ImageFolder, flip, to tensor, normalize, a
DataLoader, with no, 1 and 2 workers. Ours: one uint8 tensor, flipped and scaled in batches. And
ours where the set doesn't fit. Both end with float batches of 128 in [-1, 1]. Interleaved, median
of 5 rounds. Our workers go on from epoch to epoch, so what they read ahead during the other ways'
turns is taken out before the clock starts.
"""
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from ddpm_nbdev.batches import batch_indices
from ddpm_nbdev.data import to_float
from ddpm_nbdev.engine.resume import device_name
from ddpm_nbdev.engine.streams import image_batches, open_images
from ddpm_nbdev.forward import seeded

N, BATCH, ROUNDS = 2000, 128, 5


def write_images(folder):
    pixels = torch.randint(0, 256, (N, 32, 32, 3), dtype=torch.uint8, generator=seeded(0))
    (folder/'all').mkdir(parents=True)
    for i, image in enumerate(pixels):
        Image.fromarray(image.numpy()).save(folder/'all'/f'{i:05}.png')


def usual(folder, workers):
    transform = v2.Compose([v2.RandomHorizontalFlip(), v2.PILToTensor(),
                            v2.ToDtype(torch.float32, scale=True), v2.Normalize([.5]*3, [.5]*3)])
    loader = DataLoader(torchvision.datasets.ImageFolder(folder, transform), BATCH, shuffle=True,
                        drop_last=True, num_workers=workers, persistent_workers=workers > 0)
    return lambda: sum(len(x) for x, _ in loader)


def ours(folder, memory, workers=0):
    data = open_images(str(folder), memory=memory)
    batches = image_batches(data, batch_indices(N, BATCH), workers=workers)

    def drain(): # two batches for each worker
        for _ in range(2*workers): next(batches)

    def epoch():
        count = 0
        for _ in range(N//BATCH):
            pixels, _ = next(batches)
            x = to_float(pixels)
            x = torch.where(torch.rand(len(x), 1, 1, 1) < .5, x.flip(-1), x)
            count += len(x)
        return count
    epoch.drain = drain
    return epoch


def measure(folder):
    "Images per second of each way. When it returns, all workers have ended."
    ways = {'ours, in memory': ours(folder, 4e9), 'usual, no workers': usual(folder, 0),
            'usual, 1 worker': usual(folder, 1), 'usual, 2 workers': usual(folder, 2),
            'ours, from files, 2 workers': ours(folder, 0, 2)}
    rates = {name: [] for name in ways}
    for i in range(ROUNDS + 1):
        for name, epoch in ways.items():
            time.sleep(1) # our workers fill their queues again, and rest
            getattr(epoch, 'drain', lambda: None)()
            start = time.perf_counter()
            count = epoch()
            if i: rates[name].append(count/(time.perf_counter() - start))
    return {name: statistics.median(r) for name, r in rates.items()}


if __name__ == '__main__':
    with TemporaryDirectory() as place:
        folder = Path(place)/'images'
        write_images(folder)
        rates = measure(folder)
    best = max(rate for name, rate in rates.items() if name.startswith('usual'))
    print(f'{device_name("cpu")}, {os.cpu_count()} cores, torch {torch.__version__}, '
          f'torchvision {torchvision.__version__}')
    for name, rate in rates.items():
        print(f'{name:28}{rate:10,.0f} images/s{rate/best:8.2f} times the best usual way')
