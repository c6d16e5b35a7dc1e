"""Is each stored output what its cell prints today? python tools/check_outputs.py [NOTEBOOK ...]

Runs every notebook in memory and compares what its cells show with what is stored. Words must be
the same, and numbers within 5 % or two units of their last digit; where a number is followed by
± and its error, within three errors. Times, MB and temporary folders are left out. Pictures must
have the same kind and size. A cell whose output can't be the same twice has the tag
`output-varies`.
Takes about half an hour.
"""
import base64
import re
import struct
import sys
from pathlib import Path

import nbformat
from run_notebooks import CONFIG, ROOT, Storing, notebooks, run

NUMBER = re.compile(r'(?<![\w.])[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?')
VARIES = re.compile(r'[\d.,]+ (?:s|ms|images/s|MB)\b|/tmp/\w+')
TEXTS = 'text/markdown', 'text/plain' # the first that an output has is what readers see


def unit(text):
    "One unit of a number's last digit."
    digits, _, power = text.partition('e')
    return 10**(int(power or 0) - len(digits.partition('.')[2]))


def same_text(old, new):
    "What differs between two texts; '' if nothing does."
    old, new = (VARIES.sub('~', text) for text in (old, new))
    if NUMBER.sub('#', old).split() != NUMBER.sub('#', new).split():
        return f'{old!r:.90} -> {new!r:.90}'
    stated = {m.start(1): m[2] for m in re.finditer(r'(\S+) ± (\S+)', old)}
    for a, b in zip(NUMBER.finditer(old), NUMBER.finditer(new), strict=True):
        x, y = (float(m[0].replace(',', '')) for m in (a, b))
        allowed = max(.05*abs(x), 2*max(unit(a[0]), unit(b[0])))
        if a.start() in stated and NUMBER.fullmatch(stated[a.start()]):
            allowed = max(allowed, 3*float(stated[a.start()]))
        if not abs(x - y) <= allowed: return f'{a[0]} -> {b[0]}'
    return ''


def picture_size(png):
    return struct.unpack('>II', base64.b64decode(png)[16:24])


def shown(output):
    "An output as (kind, content)."
    if output.output_type == 'stream': return output.name, output.text
    if output.output_type == 'error': return 'error', f'{output.ename}: {output.evalue}'
    if 'image/png' in output.data: return 'png', picture_size(output.data['image/png'])
    for kind in output.data:
        if kind.startswith('image/'): return kind, None
    return next(((kind, output.data[kind]) for kind in TEXTS if kind in output.data), ('other', 0))


def differences(stored, fresh):
    "What differs between the outputs of two runs of a cell."
    stored, fresh = ([shown(o) for o in outputs] for outputs in (stored, fresh))
    if [kind for kind, _ in stored] != [kind for kind, _ in fresh]:
        return f'{[kind for kind, _ in stored]} -> {[kind for kind, _ in fresh]}'
    for (_, old), (_, new) in zip(stored, fresh, strict=True):
        if isinstance(old, str): found = same_text(old, new)
        else: found = '' if old == new else f'a picture of {old} -> {new}'
        if found: return found
    return ''


if __name__ == '__main__':
    stale = 0
    for path in [Path(p).resolve() for p in sys.argv[1:]] or notebooks(CONFIG.nbs_path):
        stored, fresh = nbformat.read(path, as_version=4), run(path, Storing)
        for i, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
            if old.cell_type != 'code' or 'output-varies' in old.metadata.get('tags', []): continue
            if found := differences(old.outputs, new.outputs):
                stale += 1
                print(f'{path.relative_to(ROOT)}[{i}]: {found}', flush=True)
        print(f'{path.relative_to(ROOT)} compared', flush=True)
    sys.exit(f'{stale} stored outputs are not what their cells print today' if stale else 0)
