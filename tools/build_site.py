"""Build the site into _docs without Quarto, and fail on any warning: python tools/build_site.py

Quarto publishes the site (.github/workflows/docs.yml); this build is for CI and for a look
while writing. It takes the same _quarto.yml and the notebooks as nbdev processes them.
"""
import html
import json
import os
import re
import shutil
import sys
from pathlib import Path

from latex2mathml.converter import convert
from nbdev.config import get_config
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.site import build

# Warnings about keys that Quarto reads and this build does without; rename_pages does the work of output-file.
QUARTO_ALONE = ('unknown key wrap', 'format.html.code-tools is ignored', 'format.html.html-math-method is ignored',
                'format.html.grid is ignored', 'output-file is not read')


def page_names(folder):
    "Old page name -> the one that nbdev's links and Quarto use: 01_schedule.html -> schedule.html."
    return {p.name: re.sub(r'^\d+[a-z]?_', '', p.name) for p in folder.rglob('*.html')}


def rename_pages(folder, host):
    "Name pages as Quarto does, and make links to the docs' own host relative."
    names = page_names(folder)
    for path in folder.rglob('*'):
        if path.suffix not in ('.html', '.json', '.xml', '.js', '.md'): continue
        text = path.read_text(encoding='utf-8')
        up = '../'*(len(path.relative_to(folder).parts) - 1)
        text = re.sub(rf'(href="){re.escape(host)}/?', rf'\g<1>{up}', text)
        for old, new in names.items():
            if old != new: text = re.sub(rf'(?<![\w]){re.escape(old)}', new, text)
        path.write_text(text, encoding='utf-8')
    for path in list(folder.rglob('*.html')): path.rename(path.with_name(names[path.name]))


def write_mathml(page):
    "Formulas as MathML, which a browser draws without a network and without a script; those for KaTeX are dropped."
    def formula(found):
        kind, tex = found[1], html.unescape(found[2]).replace(r'\|', '‖')
        return convert(tex, display='block' if kind == 'display' else 'inline')
    text = re.sub(r'<span class="math (inline|display)">\\[(\[](.*?)\\[)\]]</span>', formula, page.read_text(encoding='utf-8'), flags=re.S)
    page.write_text(re.sub(r'<(?:link|script)[^>]*katex[^>]*>(?:</script>)?', '', text), encoding='utf-8')


def wrong_titles(root):
    "Entries of the sidebar whose text is not the title of their notebook."
    for text, name in re.findall(r'text: "\d+ · (.+)", href: (\S+)}', (root/'_quarto.yml').read_text(encoding='utf-8')):
        title = ''.join(json.loads((root/'nbs'/name).read_text(encoding='utf-8'))['cells'][0]['source']).splitlines()[0]
        if title != f'# {text}': yield f'the sidebar calls {name} {text!r}, its title is {title[2:]!r}'


if __name__ == '__main__':
    os.chdir(Path(__file__).parent.parent) # where settings.ini is
    cfg = get_config()
    refresh_quarto_yml()
    processed = proc_nbs(n_workers=0, force=True)
    site = build(processed, quiet=True)
    warnings = [w for w in site.warnings if not any(known in str(w) for known in QUARTO_ALONE)] + list(wrong_titles(cfg.config_path))
    for warning in warnings: print(f'warning: {warning}', file=sys.stderr)
    target = cfg.config_path/'_docs'
    shutil.rmtree(target, ignore_errors=True)
    shutil.move(processed/'_docs', target)
    rename_pages(target, cfg.doc_host)
    for page in target.rglob('*.html'): write_mathml(page)
    for style in target.rglob('*.css'): # a theme asks for its letters on the network
        style.write_text(re.sub(r'@import ?url\([^)]*fonts[^)]*\);?', '', style.read_text(encoding='utf-8')), encoding='utf-8')
    print(f'{len(list(target.rglob("*.html")))} pages in {target.name}')
    sys.exit(1 if warnings else 0)
