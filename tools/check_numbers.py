"""Compare the numbers in prose with the measurements they come from: python tools/check_numbers.py

A number in prose comes from a cell, which asserts it, or from a file in benchmarks/ that the script
of the same name wrote. Here each phrase of the second kind is made anew from its file. Exits 1
where the text says something else, or where a file names another version than settings.ini.
"""
import json
import re
import sys
from functools import cache
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parent.parent


def measured(name):
    text = (ROOT/'benchmarks'/name).read_text(encoding='utf-8')
    return json.loads(text) if name.endswith('.json') else text


def phrases():
    "Each notebook, and what must stand in it."
    ratio = {}
    for row in measured('recipes.json')['rows']:
        ratio.setdefault(row['recipe'], []).append(row['distance']/row['floor'])
    stable, plain = ([f'{r:.2f}' for r in ratio[name]] for name in ('default', 'plain Algorithm 1'))
    yield '08_loss', (f'is {" and ".join(stable)} times that of real digits with this target '
                      f'(two seeds), and {" and ".join(plain)} times without it')

    jobs = measured('main_job.json')
    now, before = ([job for job in jobs if job['commit'] == commit] for commit in ('now', 'before'))
    errors = [job['error'] for job in now]
    took, score = [job['seconds'] for job in now], [job['distance'] for job in now]
    yield 'index', (f'| {min(took):.0f} to {max(took):.0f} s, of which '
                    f'{mean(job["train_seconds"] for job in now):.0f} s are training on average |')
    yield 'index', f'no options and no download ({min(took):.0f} to {max(took):.0f} seconds)'
    yield 'index', (f'| {mean(score):.2f} ({", ".join(f"{s:.2f}" for s in score)}), '
                    f'each ± {min(errors):.2f} to {max(errors):.2f} |')
    yield 'index', f'as many real digits, which is the floor | {now[0]["floor"]:.2f} |'
    less = 100*(1 - mean(job['distance'] for job in before)/mean(score))
    yield 'guides/recipes', f'with the large network is {less:.0f} % lower'

    few = measured('few_steps.json')
    def pooled(pairs):
        return (f'{mean(d for d, _ in pairs):.2f} ± '
                f'{sum(e**2 for _, e in pairs)**.5/len(pairs):.2f}')
    at_10 = [seed[few['calls'].index(10)] for seed in few['distances']['2M, log-SNR']]
    yield '12_solvers', f'{pooled(at_10)} against {pooled(few["thousand_ancestral"])}'

    faces = measured('faces.json')
    def errors_of(row): return '{:.0f} / {:.0f} / {:.0f}'.format(*row['error'])
    for run in faces['short']:
        minutes, seconds = divmod(round(run['seconds']), 60)
        yield 'index', (f'| {minutes} min {seconds} s | {errors_of(run)} | none | '
                        f'{run["distance"]:.1f} |')
    yield 'index', f'took {minutes} min {seconds} s in one run'
    usual = [row for row in faces['rows'] if row['how'] == {}]
    def span(values, pattern): return f'{min(values):{pattern}} to {max(values):{pattern}}'
    possible = f'{span([100*row["possible"] for row in usual], ".0f")} of 100'
    distances = span([row['distance'] for row in usual], '.2f')
    yield 'index', f'| {errors_of(usual[0])} | {possible} | {distances} |'
    yield 'index', f'{possible} are *possible* faces'
    film, real = (next(row for row in faces['rows'] if row['how'] == how)
                  for how in (dict(sampler='ddpm', steps=100), 'test faces'))
    yield 'index', f'in 100 steps, {100*film["possible"]:.0f} of 100 are possible'
    yield 'index', f'| {errors_of(real)} | all | {real["distance"]:.2f} |'

    step = measured('train_step.txt')
    def rates(name): return re.findall(rf'^{name}.* (\d+) GFLOP/s', step, re.M) # at batch 4 and 32
    for row, name in (('this package, `px32`', 'ours, float32'),
                      ("diffusers' UNet in the usual loop", 'diffusers'),
                      ('denoising-diffusion-pytorch', 'denoising-diffusion-pytorch'),
                      ("the original's network in its loop", 'original'),
                      ('large matrix products, the limit', 'matrix products: float32')):
        found = rates(name)
        yield 'guides/recipes', f'| {row} | {found[0]} | {found[-1]} |'
    beside = [re.search(rf'([\d.]+)% of our step at batch {n}$', step, re.M)[1] for n in (4, 8, 32)]
    yield 'guides/recipes', f'It is {beside[0]} % of a step at batch 4'
    yield 'guides/recipes', f'{beside[1]} % at batch 8, and {beside[2]} % at batch 32'
    fast = round(float(rates('ours, float32')[0]), -1)
    yield 'guides/own_images', (f'do {fast:.0f} GFLOP/s (`benchmarks/train_step.txt`) need '
                                f'{64*9.8/fast:.0f} seconds a step')
    yield 'guides/own_images', f'{20_000*64*9.8/fast/3600:.0f} hours in all'

    files = float(re.search(r'^ours, from files, 2 workers\s+([\d,]+)',
                            measured('data_path.txt'), re.M)[1].replace(',', ''))
    yield 'guides/several_gpus', (f'{round(files, -2):,.0f} PNGs of 32×32 a second '
                                  '(`benchmarks/data_path.txt`)')


@cache
def prose(name):
    cells = json.loads((ROOT/f'nbs/{name}.ipynb').read_text(encoding='utf-8'))['cells']
    return '\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'markdown')


if __name__ == '__main__':
    wrong = [(name, phrase) for name, phrase in phrases() if phrase not in prose(name)]
    for name, phrase in wrong: print(f'nbs/{name}.ipynb does not say: {phrase}')
    version = re.search(r'^version = (.*)$',
                        (ROOT/'settings.ini').read_text(encoding='utf-8'), re.M)[1]
    other = [name for name, line in (('CITATION.cff', f'version: {version}'),
                                     ('CHANGELOG.md', f'## {version}'),
                                     ('ddpm_nbdev/__init__.py', f'__version__ = "{version}"'))
             if line not in (ROOT/name).read_text(encoding='utf-8').splitlines()]
    for name in other:
        print(f'{name} does not say that this is {version}, the version in settings.ini')
    sys.exit(bool(wrong or other))
