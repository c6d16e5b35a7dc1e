"""Every code cell of the notebooks as a pytest item: pytest nbs [--exported] [-n 2 --dist loadfile]

A notebook's cells share one shell and run in order; after a failure the rest of that notebook is skipped.
With --exported, the cells that define the package are replaced by an import of the module they were exported
to, so that the tests exercise (and coverage counts) the package itself. nbdev_test runs the definitions in
the notebooks; the two test different things.
"""
import os
from pathlib import Path

import pytest
from execnb.shell import CaptureShell
from fastcore.xtras import working_directory
from nbdev.config import get_config
from nbdev.process import NBProcessor

os.chdir(Path(__file__).parent) # where settings.ini is, wherever pytest was started


def pytest_addoption(parser):
    parser.addoption('--exported', action='store_true', help='test the exported modules, not the definitions')
    parser.addoption('--flags', default='', help='run cells with these flags, too (slow cuda peers)')


def pytest_collect_file(file_path, parent):
    if file_path.suffix == '.ipynb': return Notebook.from_parent(parent, path=file_path)


def skipped(cell, flags):
    directives = cell.directives_ or {}
    return ('nbdev_export(' in cell.source or directives.get('eval:', [''])[0].lower() == 'false'
            or any(flag in directives for flag in flags))


class Notebook(pytest.File):
    def collect(self):
        os.environ['IN_TEST'] = '1'
        flags = set(get_config().tst_flags.split()) - set(self.config.getoption('flags').split())
        cells = [c for c in NBProcessor(self.path, process=True).nb.cells if c.cell_type == 'code']
        self.module = next((c.directives_['default_exp'][0] for c in cells if 'default_exp' in c.directives_), None)
        self.shell, self.failed, self.cwd = None, False, self.path.parent
        for i, cell in enumerate(cells):
            if cell.source.strip() and not skipped(cell, flags):
                yield Cell.from_parent(self, name=f'{i:02}', cell=cell)


class Cell(pytest.Item):
    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell

    def runtest(self):
        notebook = self.parent
        if notebook.failed: pytest.skip('an earlier cell failed')
        source, exports = self.cell.source, {'export', 'exporti', 'exports'} & set(self.cell.directives_)
        if exports and self.config.getoption('exported'):
            module = f'{get_config().lib_path.name}.{notebook.module}'
            # a patched method leaves its name behind, as None
            source = (f'import {module} as _m\n'
                      'globals().update({k: v for k, v in vars(_m).items() if k[:2] != "__" and v is not None})')
        with working_directory(notebook.cwd):
            if notebook.shell is None: notebook.shell = CaptureShell(notebook.path)
            notebook.shell._cell_idx = int(self.name)
            notebook.shell.run(source)
            notebook.cwd = os.getcwd() # a cell may have changed it for those after it
        if notebook.shell.exc:
            notebook.failed = True
            raise AssertionError(notebook.shell.prettytb(fname=notebook.path.name))

    def repr_failure(self, excinfo): return str(excinfo.value)

    def reportinfo(self):
        lines = [line for line in self.cell.source.splitlines() if not line.startswith('#|')]
        return self.path, 0, f'{self.path.name} cell {self.name}: {lines[0][:70] if lines else ""}'
