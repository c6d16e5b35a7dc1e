"""Check an installed package: python tools/check_names.py FOLDER

FOLDER is where ddpm_nbdev must have been imported from. Every module is imported, every name in
its __all__ must exist, the shipped weights must load, and PyPI must be able to follow the README's
links.
"""
import importlib
import pkgutil
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import ddpm_nbdev
from ddpm_nbdev.feature_net import clothes_features, digits_features

folder = Path(sys.argv[1]).resolve()
where = ddpm_nbdev.__file__
assert folder in Path(where).resolve().parents, f'imported from {where}, not from {folder}'
count = 0
for info in pkgutil.walk_packages(ddpm_nbdev.__path__, 'ddpm_nbdev.'):
    module = importlib.import_module(info.name)
    names = getattr(module, '__all__', [])
    missing = [n for n in names if not hasattr(module, n)]
    assert not missing, f'{info.name}.__all__ names what is not there: {missing}'
    count += len(names)

for name in 'digits', 'faces', 'clothes': ddpm_nbdev.load(name)
digits_features(), clothes_features()
ours = next(d for d in distributions(path=[str(folder)]) if d.name == 'ddpm_nbdev')
readme = ours.metadata.get_payload()
assert '# ddpm_nbdev' in readme
lost = [link for link in re.findall(r'\]\(([^)]*)\)', readme) if not re.match('https?:|#', link)]
assert not lost, f'links that lead nowhere on PyPI: {lost}'
print(f'{count} public names exist, the shipped weights load, and the links of the README lead on')
