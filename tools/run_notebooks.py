"""Run notebooks: in place, to store their outputs, or all cells of them, as a check.

    python tools/run_notebooks.py [NOTEBOOK ...]
    python tools/run_notebooks.py --check [--wheel] [NOTEBOOK ...]

In place, the cells that nbdev_test skips (`eval: false`, the flags of `tst_flags`,
`nbdev_export()`) are skipped and keep the outputs they have, except for `slow` ones, which run. A
cell that shows an error on purpose (tag raises-exception) runs, and keeps the error's last line.
Pictures are stored in 255 colours. No network is needed.

With --check, every cell runs, as with Jupyter's Run All, and no output is kept; afterwards the tree
must be as it was. With --wheel, the course and the engine run as for someone who has only installed
the package: in a folder outside the repository, the package taken from a wheel that is built and
unpacked there, and the development packages not to be imported.

Without a NOTEBOOK all of them run. A Jupyter kernel named python3 is needed.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbdev.config import get_config
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
CONFIG = get_config(cfg_name=ROOT/'settings.ini')
HIDE = '''from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = staticmethod(lambda name, path=None, target=None:
    None if name.split('.')[0] in {names} else find(name, path, target))
'''


def skipped(cell):
    "Does nbdev_test skip it, and not only because it is slow? An error on purpose is not skipped."
    directives = [line[2:].strip() for line in cell.source.splitlines() if line.startswith('#|')]
    return not shows_error(cell) and (
        cell.cell_type != 'code' or 'nbdev_export(' in cell.source
        or any(d in {'eval: false', *CONFIG.tst_flags.split()} - {'slow'} for d in directives))


def shows_error(cell):
    return 'raises-exception' in cell.metadata.get('tags', [])


class Storing(NotebookClient):
    "Runs the cells that are not skipped, and leaves one line of an error that is shown on purpose."
    async def async_execute_cell(self, cell, cell_index, **kwargs):
        if skipped(cell): return cell
        cell.outputs = []
        done = await super().async_execute_cell(cell, cell_index, **kwargs)
        if shows_error(cell):
            error, = cell.outputs # exactly one, or the cell no longer shows what it says
            error.traceback = [f'{error.ename}: {error.evalue}']
        for output in done.outputs:
            if picture := output.get('data', {}).get('image/png'):
                output.data['image/png'] = with_palette(picture)
        return done


def with_palette(picture):
    "A picture in 255 colours, as base64, where this is shorter; nobody sees the difference."
    file = BytesIO()
    image = Image.open(BytesIO(b64decode(picture))).convert('RGB')
    image.quantize(255, dither=Image.Dither.NONE).save(file, 'PNG', optimize=True)
    return min(picture, b64encode(file.getvalue()).decode(), key=len)


def run(path, client=NotebookClient):
    "The notebook after a run of a copy in memory, in the notebook's folder."
    nb = nbformat.read(path, as_version=4)
    client(nb, timeout=900, kernel_name='python3', resources={'metadata': {'path': path.parent}},
           store_widget_state=False).execute()
    return nb


def notebooks(folder):
    return sorted(p for p in folder.rglob('*.ipynb')
                  if not {'.ipynb_checkpoints', '_proc'} & set(p.relative_to(folder).parts))


def tree():
    "What git says of the tree, with the content of every changed or new file."
    def git(*args):
        return subprocess.run(['git', *args], cwd=ROOT, capture_output=True, text=True,
                              check=True).stdout
    new = git('ls-files', '--others', '--exclude-standard').splitlines()
    return git('diff'), {name: (ROOT/name).read_bytes() for name in new}


def as_installed(folder):
    """Course and engine in a folder, and only the package and what it requires to be imported.

    Hidden is all that `dev_requirements` of settings.ini lists and `requirements` does not, but
    for `jupyter`, which starts the kernel.
    """
    subprocess.run([sys.executable, '-m', 'build', '--outdir', folder/'dist', ROOT], check=True,
                   capture_output=True)
    shutil.unpack_archive(next((folder/'dist').glob('*.whl')), folder/'site', 'zip')
    packages = lambda text: {re.match(r'[\w-]+', word)[0].replace('-', '_')
                             for word in text.split()}
    hidden = packages(CONFIG.dev_requirements) - packages(CONFIG.requirements) - {'jupyter'}
    (folder/'site/sitecustomize.py').write_text(HIDE.format(names=sorted(hidden)))
    for path in [*(ROOT/'nbs').glob('[0-9]*.ipynb'), *(ROOT/'nbs/engine').glob('*.ipynb'),
                 *(ROOT/'nbs/checks').glob('*.ipynb')]:
        copy = folder/path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    os.environ['PYTHONPATH'] = str(folder/'site')
    return folder/'nbs'


def check(names, wheel):
    "Run all cells of the notebooks of these names, or of all; the number that failed."
    before, failed = tree(), 0
    with TemporaryDirectory() as folder:
        where = as_installed(Path(folder).resolve()) if wheel else ROOT/'nbs'
        paths = [p for p in notebooks(where) if not names or p.name in names]
        if gone := names - {p.name for p in paths}:
            sys.exit(f'expected notebooks below {where}, got {", ".join(sorted(gone))}')
        for path in paths: # one at a time: each ends with an export of what others would import
            name, start = path.relative_to(where), time.perf_counter()
            try: run(path)
            except Exception as e:
                failed += 1
                print(f'{name} FAILED\n' + re.sub(r'\x1b\[[\d;]*m', '', str(e)), flush=True)
            else: print(f'{name} {time.perf_counter() - start:.0f} s', flush=True)
            if tree() != before: sys.exit(f'{name} changed the tree; see git status')
    print(f'{len(paths) - failed} of {len(paths)} notebooks ran, every cell'
          + ', from the wheel alone'*wheel)
    return failed


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('notebooks', nargs='*', type=Path, metavar='NOTEBOOK')
    parser.add_argument('--check', action='store_true', help='run every cell and keep nothing')
    parser.add_argument('--wheel', action='store_true', help='check as for an installed package')
    o = parser.parse_args()
    asked = [path.resolve() for path in o.notebooks]
    if o.wheel and not o.check: parser.error('expected --check with --wheel')
    os.chdir(ROOT)
    if o.check: sys.exit(bool(check({path.name for path in asked}, o.wheel)))
    for path in asked or notebooks(CONFIG.nbs_path):
        print(f'running {path.name}', flush=True)
        nbformat.write(run(path, Storing), path)
