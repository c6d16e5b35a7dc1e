"""Check who imports whom: python tools/check_imports.py

A numbered notebook imports lower numbers and the helpers without a number; the course (below 20) imports nothing of the engine; the
face looks over all, and only the commands look at it. Then everything is imported, and an image sampled, as on a
system without Unix's own modules.
"""
import ast
import re
import subprocess
import sys
from pathlib import Path

from execnb.nbio import read_nb

ROOT = Path(__file__).parent.parent
# without a number: what they may import (None: anything), and from which number on they may be imported
FREE = {'options': {'image_files', 'saving'}, 'parser': {'options'}, 'sharing': None, 'demo': None, 'plotting': set(), 'image_files': set(),
        'saving': {'forward', 'image_files', 'schedule', 'unet'}, 'diffusers_settings': {'forward', 'paper_unet', 'saving', 'schedule'},
        'diffusers_files': {'forward', 'paper_unet', 'sampling', 'saving', 'diffusers_settings'}, 'face': None}
FROM = {'plotting': 0, 'image_files': 7, 'saving': 9, 'diffusers_settings': 16, 'diffusers_files': 16, 'options': 20, 'parser': 20, 'sharing': 25, 'demo': 26, 'face': 99}
LATE = {('sampling', 'solvers'), ('sampling', 'guidance'), ('unet', 'paper_unet'), ('schedule', 'flow'), ('saving', 'paper_unet'), ('saving', 'diffusers_files')} # inside a function: these notebooks are built on sampling

WITHOUT_UNIX = '''
import builtins, importlib, pkgutil
real = builtins.__import__
def without_unix(name, globals=None, *rest, **more):
    if name in ("fcntl", "resource", "pwd", "grp", "termios") and (globals or {}).get("__name__", "").startswith("ddpm_nbdev"):
        raise ImportError(f"no module {name} here")
    return real(name, globals, *rest, **more)
builtins.__import__ = without_unix
import ddpm_nbdev
for info in pkgutil.walk_packages(ddpm_nbdev.__path__, "ddpm_nbdev."): importlib.import_module(info.name)
for name in ddpm_nbdev.__all__: # each name of the face is what it says, though every module is imported
    assert getattr(ddpm_nbdev, name).__name__ == name, name
assert ddpm_nbdev.sample(ddpm_nbdev.load("digits"), 2, seed=0).shape == (2, 1, 8, 8)
'''


def imports(source):
    "Modules of this package that a cell imports: (name, inside a function?)."
    tree = ast.parse(re.sub(r'^(\s*)[%!].*$', r'\1pass', source, flags=re.M))
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        names = ([node.module] if isinstance(node, ast.ImportFrom) else
                 [a.name for a in node.names] if isinstance(node, ast.Import) else [])
        for name in names:
            if name and name.startswith('ddpm_nbdev.'): yield name.removeprefix('ddpm_nbdev.'), id(node) in inside


def notebooks():
    "(module, number or None, code cells) of each notebook that exports a module."
    for path in sorted((ROOT/'nbs').rglob('*.ipynb')):
        cells = [c.source for c in read_nb(path).cells if c.cell_type == 'code']
        module = next((m[1] for c in cells if (m := re.search(r'^#\| default_exp (\S+)', c, re.M))), None)
        number = re.match(r'(\d\d)_', path.name)
        if module: yield module, int(number[1]) if number else None, cells


def wrong_imports():
    "One line for each import that goes uphill."
    known = {module: (number, cells) for module, number, cells in notebooks()}
    for module, (number, cells) in known.items():
        for cell in cells:
            hidden = not re.search(r'^#\| export', cell, re.M) # a test
            for name, late in imports(cell):
                if name not in known or name == module or (late and (module, name) in LATE): continue
                to, short, free = known[name][0], name.split('.')[-1], module.split('.')[-1]
                if number is None: ok = hidden or FREE[free] is None or short in FREE[free]
                elif to is None: ok = number >= FROM[short] or module == 'engine.cli'
                else: ok = to < number
                if not ok: yield f'{module} imports {name}'


if __name__ == '__main__':
    if found := sorted(set(wrong_imports())): raise SystemExit('\n'.join(found))
    subprocess.run([sys.executable, '-c', WITHOUT_UNIX], check=True)
    print('imports run downhill; everything is imported without Unix modules')
