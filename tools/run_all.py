"""Run every cell of the notebooks as Jupyter's Run All does: python tools/run_all.py [NOTEBOOK ...]

No cell is left out and no output is kept. Afterwards the tree must be as it was.
"""
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent


def tree():
    "What git says of the tree, with the content of every changed or new file."
    def git(*args): return subprocess.run(['git', *args], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    new = git('ls-files', '--others', '--exclude-standard').splitlines()
    return git('diff'), {name: (ROOT/name).read_bytes() for name in new}


def run(path):
    "All cells of a copy in memory, in the notebook's folder."
    nb = nbformat.read(path, as_version=4)
    NotebookClient(nb, timeout=900, kernel_name='python3', resources={'metadata': {'path': path.parent}}).execute()


if __name__ == '__main__':
    before = tree()
    for path in [Path(a) for a in sys.argv[1:]] or sorted(p for p in (ROOT/'nbs').rglob('*.ipynb')
                                                          if '.ipynb_checkpoints' not in p.parts):
        start = time.perf_counter()
        run(path)
        if tree() != before: raise SystemExit(f'{path} changed the tree; see git status')
        print(f'{path.relative_to(ROOT) if path.is_absolute() else path} {time.perf_counter() - start:.0f} s', flush=True)
