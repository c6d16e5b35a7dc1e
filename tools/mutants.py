"""Make single mistakes in the functions that cite a paper; each should turn its notebook red.

    python tools/mutants.py [--most 6] [--seed 0] [WORD ...]

For each function or class in nbs/*.ipynb whose docstring names a year, up to --most of all the
mistakes below are drawn with --seed: a swapped operator, a dropped minus, another number, a
dropped `.sqrt()`, swapped arguments, `min` for `max`, a negated condition. Each is made alone in
a copy of the checkout, which is exported and tested with `nbdev_test --path`, with the notebook's
further checks in nbs/checks. A word picks a module, a class, a function or several joined by dots:
`schedule`, `add_noise`, `Schedule.respace`.

Exits 1 if all mistakes in a function go unnoticed, or more than a fifth of all. Some will: a
mistake may change nothing, such as a bound that is never reached.
"""
import argparse
import ast
import copy
import json
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LEAST = .8 # share of all mistakes that must turn a notebook red
YEAR = re.compile(r'\b(19|20)\d\d\b')
SWAPS = {ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult],
         ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE], ast.Gt: [ast.GtE, ast.Lt],
         ast.GtE: [ast.Gt, ast.LtE], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq]}
LIBRARIES = 'torch', 'math', 'np', 'F'
SAME_SHAPE = set('''abs acos ceil clamp cos cumprod cumsum exp expm1 flip floor gelu log log1p relu
                 round sigmoid silu sin softmax softplus sqrt square tanh'''.split())
OPPOSITES = {'min': 'max', 'minimum': 'maximum', 'amin': 'amax', 'argmin': 'argmax'}
OPPOSITES |= {b: a for a, b in OPPOSITES.items()}
EITHER_ORDER = {*OPPOSITES, 'hypot', 'mse_loss', 'isinstance'} # the last: only an error


class Mutant(NamedTuple):
    notebook: str # its path in a checkout
    cell: int # which one
    function: str # after its module, and its class if any
    source: str # of the cell
    old: ast.AST
    new: ast.AST

    def __str__(self):
        old, new = (' '.join(ast.unparse(node).split()) for node in (self.old, self.new))
        same = max(0, len(os.path.commonprefix([old, new])) - 20) # not shown
        line = self.source.split('\n')[self.old.lineno - 1].strip()
        return (f'{old[same:][:60]}  ->  {new[same:][:60]}'
                + f'  in  {line}'*(len(old) < 6)) # a bare number says little

    def mistaken(self):
        "The cell with one expression replaced; all the rest stays, its comments included."
        text, raw, old = ast.unparse(self.new), self.source.encode(), self.old
        if isinstance(self.new, (ast.BinOp, ast.UnaryOp, ast.Compare)): text = f'({text})'
        lines = [0, *(m.end() for m in re.finditer(b'\n', raw))] # where each starts, in bytes
        start = lines[old.lineno - 1] + old.col_offset
        end = lines[old.end_lineno - 1] + old.end_col_offset
        return (raw[:start] + text.encode() + raw[end:]).decode()


def but(node, **fields):
    "A copy of the node with other fields."
    node = copy.copy(node)
    vars(node).update(fields)
    return node


def mistakes(node):
    "Each mistake that can be made right at this node: an expression, and what takes its place."
    if isinstance(node, ast.BinOp):
        for op in SWAPS.get(type(node.op), []): yield node, but(node, op=op())
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for op in SWAPS.get(type(node.ops[0]), []): yield node, but(node, ops=[op()])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node, node.operand
    elif isinstance(node, ast.Constant) and type(x := node.value) in (int, float):
        yield node, but(node, value=type(x)({0: 1, 1: 0, 2: 1}.get(x, 1.5*x)))
    elif isinstance(node, (ast.If, ast.IfExp)):
        yield node.test, ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Call):
        f, args = node.func, node.args
        field = 'attr' if isinstance(f, ast.Attribute) else 'id'
        name = getattr(f, field, '')
        if name in SAME_SHAPE and field == 'attr': # x.sqrt() or torch.sqrt(x)
            yield node, args[0] if getattr(f.value, 'id', '') in LIBRARIES else f.value
        if name in OPPOSITES: yield node, but(node, func=but(f, **{field: OPPOSITES[name]}))
        if len(args) == 2 and name not in EITHER_ORDER and ast.dump(args[0]) != ast.dump(args[1]):
            yield node, but(node, args=args[::-1])


def possible(node):
    "The mistakes that can be made in a function, but for messages, annotations and decorators."
    yield from mistakes(node)
    for field, value in ast.iter_fields(node):
        if field in ('annotation', 'returns', 'decorator_list'): continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, (ast.Raise, ast.JoinedStr)):
                yield from possible(child)


def named(body, owner):
    "(name, node) of functions, classes and their methods; what is patched belongs to its class."
    for node in body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)): continue
        patched = any(ast.unparse(d).startswith('patch') for d in node.decorator_list)
        of = f'{owner}.{ast.unparse(node.args.args[0].annotation)}' if patched else owner
        yield f'{of}.{node.name}', node
        if isinstance(node, ast.ClassDef): yield from named(node.body, f'{of}.{node.name}')


def mutants(checkout, most, seed):
    "The mistakes that are drawn for each function that cites a paper."
    for path in sorted((checkout/'nbs').glob('*.ipynb')):
        for i, cell in enumerate(json.loads(path.read_text(encoding='utf-8'))['cells']):
            source = ''.join(cell['source'])
            if said := re.search(r'^#\| *default_exp +(\S+)', source, re.M): module = said[1]
            if not re.search(r'^#\| *exports?i?\b', source, re.M): continue
            for name, node in named(ast.parse(source).body, module):
                if not YEAR.search(ast.get_docstring(node) or ''): continue
                pairs = list(possible(node))
                drawn = random.Random(f'{seed} {name}').sample(pairs, min(most, len(pairs)))
                for old, new in sorted(drawn, key=lambda pair: pair[0].lineno):
                    yield Mutant(f'nbs/{path.name}', i, name, source, old, new)


def runs(checkout, *command):
    "Whether a command of nbdev succeeds in the checkout, within ten minutes."
    env = {**os.environ, 'PYTHONPATH': str(checkout), 'OMP_NUM_THREADS': '1'}
    program, quiet = Path(sysconfig.get_path('scripts'))/command[0], subprocess.DEVNULL
    try: return not subprocess.run([program, *command[1:]], cwd=checkout, env=env, stdout=quiet,
                                   stderr=quiet, timeout=600).returncode
    except subprocess.TimeoutExpired: return False


def is_green(checkout, notebook):
    "Whether a notebook passes, and the notebook of its further checks."
    lesson = Path(notebook)
    return all(runs(checkout, 'nbdev_test', '--path', str(path))
               for path in (lesson.parent/'checks'/lesson.name, lesson)
               if (checkout/path).exists())


def is_red(checkout, mutant):
    "Whether the notebook turns red with the mistake; notebook and module are put back."
    notebook = checkout/mutant.notebook
    module = checkout/f'ddpm_nbdev/{mutant.function.split(".")[0]}.py'
    right = {path: path.read_bytes() for path in (notebook, module)}
    nb = json.loads(right[notebook])
    nb['cells'][mutant.cell]['source'] = mutant.mistaken()
    try:
        notebook.write_text(json.dumps(nb), encoding='utf-8')
        runs(checkout, 'nbdev_export', '--path', mutant.notebook)
        return not is_green(checkout, mutant.notebook)
    finally:
        for path, content in right.items(): path.write_bytes(content)


def results(do, jobs, checkouts):
    "do(checkout, job) of each job, in order, as many at a time as there are checkouts."
    free = Queue()
    for checkout in checkouts: free.put(checkout)

    def one(job):
        checkout = free.get()
        try: return do(checkout, job)
        finally: free.put(checkout)

    with ThreadPoolExecutor(len(checkouts)) as pool: yield from pool.map(one, jobs)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('words', nargs='*', metavar='WORD', help='a module, a class or a function')
    parser.add_argument('--most', type=int, default=6, help='mistakes in each function (6)')
    parser.add_argument('--seed', type=int, default=0, help='draws the mistakes (0)')
    o, start = parser.parse_args(), time.perf_counter()
    with TemporaryDirectory() as folder:
        skip = shutil.ignore_patterns('.*', '_docs', '_proc', '*.egg-info', '__pycache__', 'runs')
        first, second = (Path(folder).resolve()/name for name in ('first', 'second'))
        shutil.copytree(ROOT, first, ignore=skip, symlinks=True)
        if not runs(first, 'nbdev_export'): sys.exit('expected notebooks that nbdev can export')
        shutil.copytree(first, second, symlinks=True)

        todo = list(mutants(first, o.most, o.seed))
        picked = {w: [m for m in todo if f'.{w}.' in f'.{m.function}.'] for w in o.words}
        if none := [w for w in o.words if not picked[w]]:
            parser.error(f'expected words that pick functions with a year, got {", ".join(none)}')
        if o.words: todo = [m for m in todo if any(m in its for its in picked.values())]
        notebooks = list(dict.fromkeys(m.notebook for m in todo))
        green = results(is_green, notebooks, (first, second))
        if wrong := [notebook for notebook, good in zip(notebooks, green) if not good]:
            sys.exit(f'expected notebooks that pass without a mistake, got {", ".join(wrong)}')
        print(f'{len(notebooks)} notebooks pass, {time.perf_counter() - start:.0f} s', flush=True)
        red = []
        for m, r in zip(todo, results(is_red, todo, (first, second))):
            red.append(r)
            print(f'{m.function:32}  {"red" if r else "SURVIVED":8}  {m}', flush=True)

    print()
    done, module = list(zip(todo, red)), lambda m: m.function.split('.')[0]
    for name, its in groupby(done, lambda pair: module(pair[0])):
        its = list(its)
        print(f'{name}: {sum(r for _, r in its)} of {len(its)} turned red')
        for m, r in its:
            if not r: print(f'    {m.function} survived  {m}')
    unnoticed = sorted({m.function for m in todo} - {m.function for m, r in done if r})
    for name in unnoticed: print(f'{name}: no mistake was noticed')
    print(f'{sum(red)} of {len(todo)} turned red, {time.perf_counter() - start:.0f} s')
    sys.exit(bool(unnoticed) or sum(red) < LEAST*len(todo))
