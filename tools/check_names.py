"""Import every module of an installed package; check that every name in its __all__ exists, and that they are few.

python tools/check_names.py FOLDER, where FOLDER is where ddpm_nbdev must have been imported from.
"""
import importlib
import pkgutil
import sys
from pathlib import Path

import ddpm_nbdev

MOST = 110
folder = Path(sys.argv[1]).resolve()
assert folder in Path(ddpm_nbdev.__file__).resolve().parents, f'imported from {ddpm_nbdev.__file__}, not from {folder}'
count = 0
for info in pkgutil.walk_packages(ddpm_nbdev.__path__, 'ddpm_nbdev.'):
    module = importlib.import_module(info.name)
    names = getattr(module, '__all__', [])
    missing = [n for n in names if not hasattr(module, n)]
    assert not missing, f'{info.name}.__all__ names what is not there: {missing}'
    count += len(names)

from ddpm_nbdev.fid import load_features

for name in 'digits', 'clothes': ddpm_nbdev.load(name), load_features(name)
assert count <= MOST, f'expected at most {MOST} public names, got {count}; make some private (#| exporti, or _name)'
print(f'{count} public names exist, and the shipped weights load')
