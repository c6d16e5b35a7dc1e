"""Run notebooks in place and store their outputs: python tools/run_notebooks.py [NOTEBOOK ...]

Skips the cells that nbdev_test skips (`eval: false`, the flags of `tst_flags`, `nbdev_export()`) and keeps
the outputs those cells have. A cell that shows an error on purpose (tag raises-exception) runs, and keeps the error's
last line. Needs a Jupyter kernel named python3, and no network.
"""
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbdev.config import get_config

ASKED = [Path(a).resolve() for a in sys.argv[1:]]
os.chdir(Path(__file__).parent.parent) # where settings.ini is
SKIP_FLAGS = set(get_config().tst_flags.split())


def shows_error(cell):
    return 'raises-exception' in cell.metadata.get('tags', [])


def skipped(cell):
    directives = [line[2:].strip() for line in cell.source.splitlines() if line.startswith('#|')]
    if shows_error(cell): return False
    return (cell.cell_type != 'code' or 'nbdev_export(' in cell.source or 'eval: false' in directives
            or any(d in SKIP_FLAGS for d in directives))


class Client(NotebookClient):
    async def async_execute_cell(self, cell, cell_index, **kwargs):
        if skipped(cell): return cell
        cell.outputs = []
        done = await super().async_execute_cell(cell, cell_index, **kwargs)
        if shows_error(cell):
            error, = cell.outputs # exactly one, or the cell no longer shows what it says
            error.traceback = [f'{error.ename}: {error.evalue}']
        return done


def run(path):
    nb = nbformat.read(path, as_version=4)
    Client(nb, timeout=600, kernel_name='python3', resources={'metadata': {'path': path.parent}},
           store_widget_state=False).execute()
    nbformat.write(nb, path)


if __name__ == '__main__':
    nbs = get_config().nbs_path
    paths = ASKED or sorted(
        p for p in nbs.rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts and '_proc' not in p.parts)
    for path in paths:
        print(f'running {path.name}', flush=True)
        run(path)
