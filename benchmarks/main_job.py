"""The README's command at full length, with two targets and three seeds: python benchmarks/main_job.py OUT.json

Runs `ddpm_train` (2,600 steps on the digits) as a user would, one run after the other, and keeps what each left in
its metrics.json. Run it alone on the machine if the seconds shall mean something (null where other work ran beside).
"""
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

KEPT = 'distance', 'scatter', 'floor', 'seconds', 'images_per_s', 'device', 'versions'

if __name__ == '__main__':
    rows = []
    for seed in range(3):
        for target in ('v', 'x_0'):
            with TemporaryDirectory() as folder:
                command = ['ddpm_train', '--target', target, '--seed', str(seed), '--out', f'{folder}/run', '--quiet']
                subprocess.run(command, check=True)
                metrics = json.loads(Path(f'{folder}/run/metrics.json').read_text())
            rows.append(dict(target=target, seed=seed) | {k: metrics[k] for k in KEPT})
            Path(sys.argv[1]).write_text(json.dumps(rows, indent=1))
