"""Wrong options, lying files, odd folders: python tools/attack.py [--all] [NAME ...]

Each case is a command as a person would type it. It must end within its seconds, either well (exit
0) or with one line that begins with the command's name (exit 2): no traceback, nothing of a
library's, nothing left behind. The parent imports everything once and forks a child for each case,
so that hundreds take a minute. --all adds the slow ones; NAME runs those whose names contain it.
"""
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import torch
from PIL import Image

from ddpm_nbdev import face, load, load_images, save_images
from ddpm_nbdev.denoiser import Denoiser
from ddpm_nbdev.engine import evaluation, feature_statistics, resume, streams  # noqa: F401
from ddpm_nbdev.engine.cli import ddpm_demo, ddpm_fid, ddpm_sample, ddpm_train
from ddpm_nbdev.engine.options import (
    CompareOptions,
    DemoOptions,
    RunOptions,
    SampleOptions,
    TrainConfig,
)
from ddpm_nbdev.paper_unet import PaperUNet
from ddpm_nbdev.saving import find_damage, save, write_checksums
from ddpm_nbdev.schedules import linear_schedule

TINY = ['--T', '20', '--steps', '2', '--batch_size', '8', '--device', 'cpu', '--quiet']
COMMANDS = {c.__name__: c for c in (ddpm_train, ddpm_sample, ddpm_fid, ddpm_demo)}
PLACES = 'weights', 'save', 'root', 'resume', 'data', 'out', 'gif', 'run' # any text may be one


def option_cases():
    "Each option of each command with values that it can't have."
    described = {'ddpm_train': [TrainConfig, RunOptions], 'ddpm_sample': [SampleOptions],
                 'ddpm_fid': [CompareOptions], 'ddpm_demo': [DemoOptions]}
    for command, classes in described.items():
        start = ['digits', 'digits'] if command == 'ddpm_fid' else []
        for field in (f for c in classes for f in fields(c)):
            kind = (get_args(field.type) or (field.type,))[0]
            if kind in (bool, tuple) or field.name in ('a', 'b'): continue
            bad = {int: ['x', '', '1.5', '9'*30, '9'*5000, 'nan', '1e3'],
                   float: ['x', '', 'nan', 'inf', '-1', '1e400'],
                   str: ['', 'a\udcff']}[kind] # a byte that is no text
            if kind is int and field.name != 'seed': bad += ['-1']
            if field.name == 'guidance': bad.remove('-1') # away from the class
            if field.name in PLACES: bad = ['']
            for value in bad:
                argv = [command, *start, f'--{field.name}={value}']
                yield f'option {command} {field.name} {value[:8]!r}', argv, None, 2


def make_run(place):
    "A tiny run, of which the others are made."
    digits = load_images('digits').images
    for folder, first in (('pool', 0), ('other', 100)):
        (place/folder).mkdir()
        for i in range(12): save_images(digits[first + i][None], place/folder/f'{i}.png', zoom=1)
    with contextlib.redirect_stdout(sys.stderr):
        face.run_training(str(place/'pool'), place/'run', progress=False, T=20, steps=2,
                          batch_size=8, device='cpu')


def run_cases(place):
    "Run directories that lie, are damaged, or lack something."
    def changed(change):
        def prepare(here):
            shutil.copytree(place/'run', here/'run')
            change(here/'run')
        return prepare
    settings = json.loads((place/'run/config.json').read_text())
    def reads(text): return lambda run: (run/'config.json').write_text(text)
    def says(**kw): return reads(json.dumps({'train': settings['train'] | kw}))
    resume_it, lies = ['ddpm_train', '--resume', 'run', '--steps', '3', '--quiet'], {}
    for name, value in settings['train'].items():
        for bad in ([], {'a': 1}, 'x', -1, 1e300, True):
            known = type(value) is bool and bad is True or bad == 'x' and name in (
                'data', 'root', 'init') # the weights are those of the checkpoint
            is_large = bad == 1e300 and type(value) is float # but a number
            free = (bad == -1 and name == 'seed' or bad is True and value is None
                    or is_large and name not in ('ema_decay', 'dropout'))
            if not known and not free and name != 'steps':
                lies[f'{name} {bad!r}'] = says(**{name: bad})
    for text in ('{"train": {"warp": 9}}', '{"train": {"T": 30}}'):
        lies[f'text {text[:9]!r}'] = reads(text)
    lies |= {'T 30': says(T=30), 'target eps': says(target='eps'),
             'fetches': says(data='mnist', root='/x'), 'fetches hf': says(data='hf:nobody/nothing')}
    for name, lie in lies.items(): yield f'run {name}', resume_it, changed(lie), 2
    texts = {'lost': None, 'list': '[]', 'null': 'null', 'cut': '{"tr', 'deep': '['*10**5}
    for name, text in texts.items(): # it is restored from the checkpoint's copy
        change = reads(text) if text else lambda run: (run/'config.json').unlink()
        yield f'run config {name}', resume_it, changed(change), 0
    yield from state_cases(place, resume_it, changed)
    other = [*resume_it, '--data']
    def swap(run): shutil.copytree(place/'other', run.parent/'moved')
    pool = str(place/'pool')
    yield 'run same data elsewhere', [*other, f'{pool}/../pool'], changed(lambda run: None), 0
    yield 'run other data, said', [*other, 'moved'], changed(swap), 0
    yield 'run other data', resume_it, changed(says(data=str(place/'other'))), 2
    def lose(run): shutil.rmtree(run/'checkpoints')
    yield 'run no checkpoint', resume_it, changed(lose), 2
    def clear(run):
        for p in run.iterdir():
            if p.name in ('config.json', 'data.json', 'tensorboard', '.lock'): continue
            if p.is_dir(): shutil.rmtree(p)
            else: p.unlink()
    again = ['ddpm_train', '--data', pool, '--out', 'run', *TINY]
    yield 'run begun again', again, changed(clear), 0
    def odd(run):
        (run/'checkpoints/step-³').mkdir()
        (run/'checkpoints/step-00').touch()
        os.symlink('step-2', run/'checkpoints/step-1')
    yield 'run odd names', resume_it, changed(odd), 0
    def pipe(run):
        (run/'config.json').unlink()
        os.mkfifo(run/'config.json')
    yield 'run config a pipe', resume_it, changed(pipe), 0


def state_cases(place, resume_it, changed):
    "Checkpoints whose checksums or state.pt lie."
    step = 'checkpoints/step-2'
    def lists(text): return lambda run: (run/step/'sha256.json').write_text(text)
    for text in ('[]', 'null', '{}', '{', '3', '{"a": "b"}', '['*10**5):
        yield f'run checksums {text[:5]}', resume_it, changed(lists(text)), 2
    def state(make):
        def change(run):
            make(run/step/'state.pt')
            (run/step/'sha256.json').unlink()
            write_checksums(run/step)
        return change
    class Trap:
        def __reduce__(self): return os.mkdir, ('trap',)
    good = torch.load(place/'run'/step/'state.pt', weights_only=True)
    def saves(what): return lambda p: torch.save(what, p)
    states = {'pickle': saves(Trap()), 'text': lambda p: p.write_text('x'),
              'empty': lambda p: p.write_bytes(b''), 'list': saves([1]), 'nothing': saves({})}
    for key in good:
        states[f'without {key}'] = saves({k: v for k, v in good.items() if k != key})
    for key in good: states[f'{key} a word'] = saves(good | {key: 'word'})
    for name, make in states.items():
        expected = 0 if name == 'device a word' else 2
        yield f'run state {name}', resume_it, changed(state(make)), expected


def writes(content): return lambda path: path.write_bytes(content)


def leads_to(target): return lambda path: os.symlink(target, path)


def file_cases(place):
    "Images, arrays, statistics and weights that are none."
    def in_folder(name, make):
        def prepare(here):
            shutil.copytree(place/'pool', here/'photos')
            make(here/'photos'/name)
        return prepare
    fid = ['ddpm_fid', 'photos', 'digits', '--quiet']
    train = ['ddpm_train', '--data', 'photos', *TINY]
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    buffer = place/'good.png'
    grey.save(buffer)
    good = buffer.read_bytes()
    odd = {'exif.png': lambda p: grey.save(p, exif=b'\x00\x08\x00\x02\x01\x12\x00\x03'),
           'chunk.png': writes(good.replace(b'IDAT', b'IDAX')), 'header.png': writes(good[:20]),
           'cut.png': writes(good[:-20]), 'text.png': writes(b'no image'), 'empty.png': Path.touch,
           'pipe.png': os.mkfifo, 'zero.png': leads_to('/dev/zero'), '.hidden.png': Path.touch,
           'dead.png': leads_to('nowhere'), 'list.csv': Path.touch,
           'aaa\udcff.png': writes(b'no image'), 'circle': leads_to('.'),
           'closed': lambda p: p.mkdir(mode=0), 'rgb.png': lambda p: grey.convert('RGB').save(p),
           'pages.tif': lambda p: grey.save(p, save_all=True, append_images=[grey]*2),
           'floats.tif': lambda p: Image.fromarray(np.full((8, 8), 300, np.float32)).save(p)}
    for name, make in odd.items():
        yield f'image {name}', fid, in_folder(name, make), 0
        yield f'image in training {name}', train, in_folder(name, make), 0
    def blank(mode, *size): return lambda p: Image.new(mode, size).save(p)
    yield 'image bomb', train, in_folder('aaa.png', blank('1', 20000, 10000)), 0
    odd = in_folder('z.png', blank('L', 9, 8))
    yield 'image of another size', train, odd, 0 # all are resized
    yield 'image of another size for a preset', [*train, '--preset', 'digits'], odd, 2
    def is_file(here): grey.save(here/'a.png')
    yield 'folder is a file', ['ddpm_fid', 'a.png', 'digits'], is_file, 2
    def is_empty(here): (here/'void').mkdir()
    yield 'folder empty', ['ddpm_train', '--data', 'void'], is_empty, 2
    def beside(here): shutil.copytree(place/'pool', here/'digits')
    yield 'folder named digits', ['ddpm_fid', 'digits', 'digits', '--quiet'], beside, 0
    yield from array_cases()
    yield from archive_cases()
    yield from weight_cases()


def array_cases():
    "Files of NumPy that hold no images."
    x = np.zeros((12, 8, 8), np.uint8)
    def array(make): return lambda here: make(here/'a.npy')
    def saves(x, **how): return lambda path: np.save(path, x, **how)
    def header(shape):
        def make(path):
            np.save(path, x)
            path.write_bytes(path.read_bytes().replace(b'(12, 8, 8)', shape.ljust(10)[:10]))
        return make
    arrays = {'float': saves(x.astype(float)), 'zero': saves(x[:0]), 'flat': saves(x[0]),
              'no sides': saves(x[:, :0]),
              'pickle': saves(np.array([{}], object), allow_pickle=True), 'pipe': os.mkfifo,
              'text': writes(b'x'), 'empty': Path.touch, 'huge': header(b'(9**9,8,8)'),
              'lies': header(b'(99999999,)'), 'device': leads_to('/dev/zero'),
              'folder': Path.mkdir, 'missing': lambda path: None}
    for name, make in arrays.items():
        yield f'array {name}', ['ddpm_train', '--data', 'a.npy', *TINY], array(make), 2
        yield f'array {name} in fid', ['ddpm_fid', 'a.npy', 'digits', '--quiet'], array(make), 2


def archive_cases():
    "Archives of NumPy that hold no images and no statistics."
    x, compare = np.zeros((12, 8, 8), np.uint8), ['ddpm_fid', 'a.npz', 'digits', '--quiet']
    def archive(**arrays): return lambda here: np.savez(here/'a.npz', **arrays)
    def statistics(mu, sigma): return archive(mu=np.array(mu), sigma=sigma)
    huge = dict(descr='|u1', fortran_order=False, shape=(10**9, 8, 8))
    def bomb(here):
        with ZipFile(here/'a.npz', 'w', ZIP_DEFLATED) as file:
            with file.open('images.npy', 'w', force_zip64=True) as part:
                np.lib.format.write_array_header_1_0(part, huge)
                for _ in range(300): part.write(bytes(10**6))
    archives = {'labels text': archive(images=x, labels=np.array(['a']*12)),
                'few labels': archive(images=x, labels=np.arange(3)),
                'nothing': archive(pixels=x), 'bomb': bomb,
                'statistics nan': statistics([np.nan]*64, np.eye(64)),
                'statistics no covariance': statistics([0.]*64, -np.eye(64)),
                'statistics flat': statistics([0.]*64, np.zeros(64)),
                'statistics words': statistics(['a'], np.eye(1)),
                'cut': lambda here: (here/'a.npz').write_bytes(b'PK\x03\x04')}
    for name, make in archives.items(): yield f'archive {name}', compare, make, 2
    images = np.concatenate([x + i for i in range(3)])
    yield 'archive of images', compare, archive(arr_0=images), 0


def weight_cases():
    "Weights and models that are none, or say what cannot be."
    sample = ['ddpm_sample', 'w.safetensors', '--quiet', '--n', '2', '--steps', '2']
    weights = Path(face.__file__).parent/'weights/digits.safetensors'
    def file(make): return lambda here: make(here/'w.safetensors')
    kinds = {'pipe': os.mkfifo, 'folder': Path.mkdir, 'empty': Path.touch, 'text': writes(b'x'),
             'cut': writes(weights.read_bytes()[:-9]), 'device': leads_to('/dev/zero'),
             'header': writes((2**62).to_bytes(8, 'little') + b'{}'), 'missing': lambda path: None}
    for name, make in kinds.items(): yield f'weights {name}', sample, file(make), 2
    unet = PaperUNet(1, channels=(8, 8), attention=(), blocks=1, groups=4)
    paper = Denoiser(unet, linear_schedule(), 'eps', (1, 8, 8))
    def model(file=None, text=b''): # a folder of diffusers, one file of it another
        def make(here):
            save(paper, here/'m', format='diffusers')
            if file: (here/'m'/file).write_bytes(text)
        return make
    of_unet, of_schedule = 'unet/config.json', 'scheduler/scheduler_config.json'
    widths = b'{"_class_name": "UNet2DModel", "block_out_channels": [' + b'9'*5000 + b']}'
    folders = {'deep': (of_unet, b'['*10**5), 'cut': (of_unet, b'{"a'), 'list': (of_unet, b'[]'),
               'huge': (of_unet, widths), 'index': ('model_index.json', b'\xff'),
               'nan': (of_schedule, b'{"beta_end": NaN}'),
               'types': (of_schedule, b'{"trained_betas": {"a": [1]}}'),
               'steps': (of_schedule, b'{"num_train_timesteps": 1e9}'),
               'weights': ('unet/diffusion_pytorch_model.safetensors', b'\x09'*99)}
    run = ['ddpm_sample', 'm', '--quiet', '--n', '2', '--steps', '2']
    yield 'model', run, model(), 0
    for name, changed in folders.items(): yield f'model {name}', run, model(*changed), 2
    yield 'model on no hub', ['ddpm_sample', 'some-one/no-model', '--quiet'], None, 2
    def pickled(here): (here/'a.pt').write_bytes(b'PK\x03\x04')
    yield 'old weights', ['ddpm_sample', 'a.pt', '--quiet'], pickled, 2


def output_cases(place):
    "Where results go, and what they would take."
    sample = ['ddpm_sample', '--quiet', '--n', '2', '--steps', '2', '--out']
    def closed(here):
        (here/'closed').mkdir(mode=0o500)
    def link(name, target): return lambda here: os.symlink(target, here/name)
    def touch(name): return lambda here: (here/name).touch()
    for path in ('x', 'x.npz', 'x.png', 'a b\n.png', 'x.jpg', 'x.tif', '\udcff.png'):
        yield f'out {path!r}', [*sample, path], None, 0
    for path in ('x.mpg', 'x.psd', '.', 'nowhere/x.png'):
        yield f'out {path!r}', [*sample, path], None, 2
    yield 'out and gif one', [*sample, 'x.gif', '--gif', 'x.gif'], None, 2
    for name, make in dict(pipe=os.mkfifo, folder=Path.mkdir, text=writes(b'x')).items():
        put = lambda here, make=make: make(here/'c.toml')
        yield f'config {name}', ['ddpm_train', '--config', 'c.toml', '--quiet'], put, 2
        put = lambda here, make=make: make(here/'c.png')
        yield f'repair {name}', [*sample, 'x.png', '--repair', 'c.png'], put, 2
    yield 'mix of nothing', [*sample, 'x.png', '--mix', 'a.png,b.png'], None, 2
    yield 'hub', ['ddpm_train', '--push-to-hub', '../x', '--quiet'], None, 2
    yield 'out is a link', [*sample, 'x.png'], link('x.png', 'y.png'), 0 # the next name
    if os.geteuid(): yield 'out closed', [*sample, 'closed/x.png'], closed, 2
    below = ['ddpm_train', '--out', 'a/b', *TINY]
    yield 'out looping', below, link('a', 'a'), 2
    yield 'out in a file', below, touch('a'), 2
    yield 'save into a file', ['ddpm_fid', 'digits', 'digits', '--save', 'a/b.npz'], touch('a'), 2
    for much in (['--n', '1000000000000'], ['--size', '1000000']):
        yield f'much {much[0]}', ['ddpm_sample', '--out', 'x.png', *much], None, 2
    for much in (['--size', '1000000'], ['--T', '1000000000']):
        yield f'much {much[0]} in training', ['ddpm_train', *much], None, 2
    yield 'too few', ['ddpm_fid', 'digits', 'digits', '--n', '3', '--quiet'], None, 2
    yield 'churn elsewhere', [*sample, 'x.png', '--churn', '1'], None, 2
    yield 'steps 0', ['ddpm_fid', 'digits', 'digits', '--steps', '0'], None, 2
    def taken(here):
        (here/'a').mkdir()
        (here/'a/notes').touch()
    yield 'two of one name', ['ddpm_train', '--out', 'a', *TINY], taken, 2


def wrong(said, code, seconds, expected, limit, command):
    "What is wrong with how a case ended; '' if nothing is."
    if seconds > limit: return f'took {seconds:.0f} s'
    if code not in ((0, 2) if expected is None else (expected,)):
        return f'exit {code}, expected {expected}'
    if 'Traceback' in said or 'Error:' in said: return 'a traceback, or a word of Python'
    last = said.strip().split('\n')[-1]
    if code == 2 and not (last.startswith(command) and len(last) < 700):
        return 'no line of the command'
    return ''


def run_case(name, argv, prepare, expected, limit=20):
    "In a child, in a folder of its own: (what is wrong, what it said)."
    with TemporaryDirectory() as folder:
        here = Path(folder)
        if prepare: prepare(here)
        began, pid = time.time(), os.fork()
        if not pid:
            os.chdir(folder)
            out = os.open('.said', os.O_WRONLY | os.O_CREAT)
            os.dup2(out, 1), os.dup2(out, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdout = os.fdopen(1, 'w', errors='strict')
            sys.stderr = os.fdopen(2, 'w', errors='backslashreplace')
            signal.alarm(limit + 5)
            code = 0
            try: COMMANDS[argv[0]](argv[1:])
            except SystemExit as e: code = e.code or 0
            except BaseException:
                import traceback
                traceback.print_exc()
                code = 1
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said = (here/'.said').read_text(errors='replace')
        bad = wrong(said, code, time.time() - began, expected, limit, argv[0])
        if (here/'trap').exists(): bad = 'a pickle ran'
        for p in here.rglob('*'): # so that it can be removed
            if p.is_dir() and not p.is_symlink(): p.chmod(0o700)
        half = [p for p in here.rglob('*') if '.part-' in p.name or '.new-' in p.name]
        if half: bad = bad or 'left something half-written'
        for run in here.glob('runs/*'):
            damage = [find_damage(c) for c in run.glob('checkpoints/step-*')]
            if any(damage): bad = bad or f'a damaged checkpoint ({damage})'
        return bad, said


def main(args):
    torch.set_num_threads(1)
    load('digits')
    with TemporaryDirectory() as place:
        place = Path(place)
        make_run(place)
        cases = [*option_cases(), *run_cases(place), *file_cases(place), *output_cases(place)]
        names = [a for a in args if a != '--all']
        if names: cases = [c for c in cases if any(n in c[0] for n in names)]
        elif '--all' not in args: # each kind, but not each option with each value
            cases = [c for i, c in enumerate(cases)
                     if not c[0].startswith(('option', 'run')) or i % 6 == 0]
        failed = 0
        for name, argv, prepare, expected in cases:
            bad, said = run_case(name, argv, prepare, expected)
            if bad:
                print(f'{name!r}: {bad}\n    {" ".join(argv)[:150]!r}\n    {said[-400:]!r}')
            failed += bool(bad)
        print(f'{len(cases)} cases, {failed} ended badly')
    return failed > 0


if __name__ == '__main__': raise SystemExit(main(sys.argv[1:]))
