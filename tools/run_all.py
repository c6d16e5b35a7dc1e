"""Run every cell of the notebooks as Jupyter's Run All does: python tools/run_all.py [--wheel] [NOTEBOOK ...]

No cell is left out and no output is kept. Afterwards the tree must be as it was. With --wheel, the course and the
engine run as for someone who has only installed the package: in a folder outside the repository, the package taken
from a wheel that is built and unpacked there, and the development packages not to be imported.
"""
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbdev.config import get_config

ROOT = Path(__file__).resolve().parent.parent
HIDE = '''from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = staticmethod(lambda name, path=None, target=None:
                                    None if name.split('.')[0] in {names} else find(name, path, target))
'''


def tree():
    "What git says of the tree, with the content of every changed or new file."
    def git(*args): return subprocess.run(['git', *args], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    new = git('ls-files', '--others', '--exclude-standard').splitlines()
    return git('diff'), {name: (ROOT/name).read_bytes() for name in new}


def run(path):
    "All cells of a copy in memory, in the notebook's folder: the seconds that they took, or the error."
    start = time.perf_counter()
    nb = nbformat.read(path, as_version=4)
    try: NotebookClient(nb, timeout=900, kernel_name='python3', resources={'metadata': {'path': path.parent}}).execute()
    except Exception as e: return re.sub(r'\x1b\[[\d;]*m', '', str(e))
    return time.perf_counter() - start


def as_installed(folder):
    "Course and engine in a folder, and the environment in which only the package and what it requires can be imported."
    subprocess.run([sys.executable, '-m', 'build', '--outdir', folder/'dist', ROOT], check=True, capture_output=True)
    shutil.unpack_archive(next((folder/'dist').glob('*.whl')), folder/'site', 'zip')
    config = get_config(cfg_name=ROOT/'settings.ini')
    packages = lambda text: {re.match(r'[\w-]+', word)[0].replace('-', '_') for word in text.split()}
    hidden = packages(config.dev_requirements) - packages(config.requirements) - {'jupyter'}
    (folder/'site/sitecustomize.py').write_text(HIDE.format(names=sorted(hidden)))
    for path in [*(ROOT/'nbs').glob('[0-9]*.ipynb'), *(ROOT/'nbs/engine').glob('*.ipynb')]:
        copy = folder/path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    os.environ['PYTHONPATH'] = str(folder/'site')
    return folder/'nbs'


if __name__ == '__main__':
    os.chdir(ROOT)
    wheel, before, failed = '--wheel' in sys.argv, tree(), 0
    asked = [Path(a).name for a in sys.argv[1:] if a != '--wheel']
    with TemporaryDirectory() as folder: # one at a time: in a clone each ends with an export, under which others would import
        where = as_installed(Path(folder).resolve()) if wheel else ROOT/'nbs'
        paths = [p for p in sorted(where.rglob('*.ipynb')) if '.ipynb_checkpoints' not in p.parts and (not asked or p.name in asked)]
        for path in paths:
            name, found = path.relative_to(where), run(path)
            failed += type(found) is str
            print(f'{name} FAILED\n{found}' if type(found) is str else f'{name} {found:.0f} s', flush=True)
            if tree() != before: sys.exit(f'{name} changed the tree; see git status')
    print(f'{len(paths) - failed} of {len(paths)} notebooks ran, every cell' + ', from the wheel alone'*wheel)
    sys.exit(bool(failed))
