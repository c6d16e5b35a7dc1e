"""What an import costs, as a multiple of `import torch`: python benchmarks/import_time.py

Each in a process of its own, five times, interleaved; the best of five counts. Nothing else should
be running.
"""
import subprocess
import sys
import time

MODULES = ('ddpm_nbdev', 'ddpm_nbdev.sampling', 'ddpm_nbdev.training', 'ddpm_nbdev.data',
           'ddpm_nbdev.face')
CLI = 'from ddpm_nbdev.engine.cli import ddpm_train, ddpm_sample; '
WORK = {'import torch': 'import torch', **{m: f'import {m}' for m in MODULES},
        'ddpm_train --help': CLI + 'ddpm_train(["--help"])',
        'ddpm_sample --version': CLI + 'ddpm_sample(["--version"])'}


def seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, '-c', code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == '__main__':
    found = {name: [] for name in WORK}
    for _ in range(5):
        for name, code in WORK.items(): found[name].append(seconds(code))
    unit = min(found['import torch'])
    for name, values in found.items():
        print(f'{name:22} {min(values):5.2f} s {min(values)/unit:6.2f}')
