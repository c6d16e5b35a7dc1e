"""Train the digits' feature network anew: python tools/train_features.py OUT.safetensors

The weights that ship with the package were made by it. Other weights are another measure, so every distance changes.
"""
import sys
from pathlib import Path

from safetensors.torch import save_file

from ddpm_nbdev.fid import train_digit_features

out = Path(sys.argv[1])
assert not out.exists(), f'{out} exists and is kept'
save_file(train_digit_features().state_dict(), out)
