"Package metadata, read from settings.ini, the one place where it is written."
import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

config = ConfigParser(delimiters=['='], interpolation=None)
config.read(Path(__file__).parent/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
lib_path = cfg['lib_path']
stages = 'Planning', 'Pre-Alpha', 'Alpha', 'Beta', 'Production/Stable', 'Mature', 'Inactive'
stage = int(cfg['status'])

def readme():
    "The README, whose pictures and links lead to the repository wherever it is shown."
    text = (Path(__file__).parent/'README.md').read_text(encoding='utf-8')
    raw = cfg['git_url'].replace('github.com', 'raw.githubusercontent.com')
    text = re.sub(r'(!\[[^\]]*\])\((?!https?:|#)', rf'\1({raw}/{cfg["branch"]}/', text)
    page = f'{cfg["git_url"]}/blob/{cfg["branch"]}'
    return re.sub(r'(?<!!)(\[[^\]]*\])\((?!https?:|#)', rf'\1({page}/', text)

setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    long_description=readme(),
    long_description_content_type='text/markdown',
    url=cfg['git_url'],
    author=cfg['author'],
    author_email=cfg['author_email'],
    keywords=cfg['keywords'].split(),
    license=cfg['license'],
    license_files=['LICENSE'],
    classifiers=[
        f'Development Status :: {stage} - {stages[stage - 1]}',
        f'Intended Audience :: {cfg["audience"]}',
        f'Programming Language :: Python :: {cfg["min_python"]}',
        'Programming Language :: Python :: 3 :: Only',
    ],
    python_requires='>=' + cfg['min_python'],
    packages=find_packages(include=[lib_path, lib_path + '.*']),
    package_data={lib_path: ['weights/*.safetensors', 'weights/*.npz', 'assets/*.json',
                             'assets/*.npz']},
    install_requires=cfg['requirements'].split(),
    extras_require={'dev': cfg['dev_requirements'].split(), 'ci': cfg['ci_requirements'].split(),
                    'fid': cfg['fid_requirements'].split(), 'hf': cfg['hf_requirements'].split(),
                    'demo': cfg['demo_requirements'].split()},
    entry_points={
        'console_scripts': cfg['console_scripts'].split(),
        'nbdev': [f'{lib_path}={lib_path}._modidx:d'],
    },
    zip_safe=False,
)
