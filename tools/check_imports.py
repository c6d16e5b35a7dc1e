"""Check who imports whom: python tools/check_imports.py

Imports run downhill. A lesson's exported code imports lower lessons, the classes that stand between
them, and the helpers that no lesson teaches; it never imports the engine or the face, at the top or
inside a function, in whatever form. The engine imports lessons, the face imports both, and only the
commands look at the face. Cells that are not exported may import anything. Nothing imports in a
circle. What is imported from other people is in settings.ini's requirements. Then everything is
imported, and an image sampled, as on a system without Unix's own modules.
"""
import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from execnb.nbio import read_nb
from nbdev.config import get_config

ROOT = Path(__file__).parent.parent
HELPERS = {'plotting', 'image_files'} # what a lesson may import beside lower lessons
BETWEEN = dict(schedule=.5, levels=1.5, denoiser=2.5, image_sets=7.5, faces=7.6, face_report=7.7,
               batches=8.5, feature_net=10.5, report=13.5) # pages that stand between the lessons
ABOVE_THE_FACE = {'engine.cli'} # the commands
CALLED = dict(PIL='pillow', sklearn='scikit-learn') # a package that isn't called like its module
ANYTHING = '(a name that is put together at run time)'

WITHOUT_UNIX = '''
import builtins, importlib, pkgutil
real = builtins.__import__
def without_unix(name, globals=None, *rest, **more):
    ours = (globals or {}).get("__name__", "").startswith("ddpm_nbdev")
    if name in ("fcntl", "resource", "pwd", "grp", "termios") and ours:
        raise ImportError(f"no module {name} here")
    return real(name, globals, *rest, **more)
builtins.__import__ = without_unix
import ddpm_nbdev
for info in pkgutil.walk_packages(ddpm_nbdev.__path__, "ddpm_nbdev."):
    importlib.import_module(info.name)
for name in ddpm_nbdev.__all__: # each name is what it says, though every module is imported
    assert getattr(ddpm_nbdev, name).__name__ == name, name
assert ddpm_nbdev.sample(ddpm_nbdev.load("digits"), 2, seed=0).shape == (2, 1, 8, 8)
'''


def homes():
    "Where the names of the package itself live: load -> saving."
    tree = ast.parse((ROOT/'ddpm_nbdev/__init__.py').read_text(encoding='utf-8'))
    return next(ast.literal_eval(node.value) for node in tree.body
                if isinstance(node, ast.Assign) and node.targets[0].id == '_homes')


def imports(source, module=''):
    "Modules of this package that code imports, anywhere in it and in any form."
    tree = ast.parse(re.sub(r'^(\s*)[%!].*$', r'\1pass', source, flags=re.M))
    where, home = ['ddpm_nbdev', *module.split('.')], homes()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = where[:-node.level] if node.level else []
            name = '.'.join([*base, *([node.module] if node.module else [])])
            if name == 'ddpm_nbdev': # from ddpm_nbdev import load
                yield from (home.get(a.name, a.name) for a in node.names)
            elif name.startswith('ddpm_nbdev.'):
                yield name.removeprefix('ddpm_nbdev.')
                yield from (f'{name}.{a.name}'.removeprefix('ddpm_nbdev.') for a in node.names)
        elif isinstance(node, ast.Import):
            for a in node.names:
                if a.name == 'ddpm_nbdev': yield 'face' # all of it hangs on the package itself
                elif a.name.startswith('ddpm_nbdev.'): yield a.name.removeprefix('ddpm_nbdev.')
        elif isinstance(node, ast.Call) and node.args: # import_module('...'), __import__('...')
            called = (node.func.attr if isinstance(node.func, ast.Attribute)
                      else getattr(node.func, 'id', ''))
            if called not in ('import_module', '__import__'): continue
            text = ast.unparse(node.args[0])
            if (not re.search(r'ddpm_nbdev|__name__|__package__', text)
                    and not text.strip('\'"').startswith('.')): continue
            said = re.search(r'ddpm_nbdev\.([\w.]+)', text)
            yield said[1] if said else ANYTHING


def notebooks():
    "(module, number or None, exported code) of each notebook that exports a module."
    for path in sorted((ROOT/'nbs').rglob('*.ipynb')):
        cells = [c.source for c in read_nb(path).cells if c.cell_type == 'code']
        module = next(
            (m[1] for c in cells if (m := re.search(r'^#\| default_exp (\S+)', c, re.M))), None)
        number = re.match(r'(\d\d)_', path.name) if path.parent == ROOT/'nbs' else None
        exported = [c for c in cells if re.search(r'^#\| exports?i?\b', c, re.M)]
        if module: yield module, int(number[1]) if number else None, '\n\n'.join(exported)


def wrong_imports(found):
    "One line for each import that climbs, and one for a circle."
    lessons = BETWEEN | {module: number for module, number, _ in found if number is not None}
    known = {module for module, _, _ in found}
    graph = {module: {name for name in imports(code, module) if name in known or name == 'engine'
                      or name == ANYTHING and module in lessons} - {module}
             for module, _, code in found}
    for module, names in graph.items():
        for name in sorted(names):
            if module in lessons:
                ok = name in HELPERS or lessons.get(name, 99) < lessons[module]
            else: ok = name != 'face' or module in ABOVE_THE_FACE
            if not ok: yield f'{module} imports {name}'
    try: list(TopologicalSorter(graph).static_order())
    except CycleError as e: yield f'in a circle: {" -> ".join(e.args[1])}'


def not_required():
    "Modules of other people that the package imports, and settings.ini doesn't require."
    config = get_config(cfg_name=ROOT/'settings.ini')
    texts = (v for k, v in config.d.items() if k.endswith('requirements') and k[:3] != 'ci_')
    required = {re.match(r'[\w-]+', word)[0].lower() for text in texts for word in text.split()}
    for path in sorted((ROOT/'ddpm_nbdev').rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            names = ([a.name for a in node.names] if isinstance(node, ast.Import) else
                     [node.module] if isinstance(node, ast.ImportFrom) and not node.level else [])
            for name in {name.split('.')[0] for name in names}:
                if name in sys.stdlib_module_names or name == 'ddpm_nbdev': continue
                if CALLED.get(name, name).replace('_', '-').lower() not in {
                        word.replace('_', '-') for word in required}:
                    yield f'{path.relative_to(ROOT)} imports {name}, which is not required'


if __name__ == '__main__':
    found = sorted({*wrong_imports([*notebooks()]), *not_required()})
    if found: raise SystemExit('\n'.join(found))
    subprocess.run([sys.executable, '-c', WITHOUT_UNIX], check=True)
    print('imports run downhill; everything is imported without Unix modules')
