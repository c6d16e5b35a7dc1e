"""Build the site into _docs, and fail on any warning: python tools/build_site.py [--quarto]

Quarto publishes the site (.github/workflows/docs.yml, with --quarto); without it a second builder
makes the same pages in less than a minute, for CI and for a look while writing. Both take the same
_quarto.yml and the notebooks as nbdev processes them.
"""
import html
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from importlib import import_module
from io import BytesIO
from operator import attrgetter
from pathlib import Path

from fastcore.docments import DocmentText
from latex2mathml.converter import convert
from nbdev import showdoc
from nbdev.config import get_config
from nbdev.doclinks import NbdevLookup
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from PIL import Image
from smalldocs.site import build

from ddpm_nbdev._modidx import d

# Warnings about keys that only Quarto reads; rename_pages does the work of output-file.
QUARTO_ALONE = ('unknown key wrap', 'format.html.code-tools is ignored',
                'format.html.html-math-method is ignored', 'format.html.grid is ignored',
                'output-file is not read')
COLAB = 'https://colab.research.google.com/github/'


def exported(name):
    "The object of that name in the package; a class's comments can't be read in its notebook."
    module = next(
        (module for module, symbols in d['syms'].items() if f'{module}.{name}' in symbols), None)
    return attrgetter(name)(import_module(module)) if module else None # Trainer.save, too


class Documented(showdoc.BasicMarkdownRenderer):
    "What the site shows of a function or class: name, docstring, and a table of its parameters."
    def _repr_markdown_(self):
        source = NbdevLookup().code(self.fn)
        link = (f'[source]({source}){{target="_blank" style="float:right; font-size:smaller"}}\n\n'
                if source else '')
        # no torch._C. before Generator
        code = lambda text: re.sub(r'\b(\w+\.)+(?=\w)', '', text).replace('|', r'\|')
        described = (self.dm if any(doc for _, doc in self.dm.params)
                     else DocmentText(exported(self.nm) or self.sym))
        rows = [(f'`{code(name)}`', doc) for name, doc in described.params]
        result = self.dm.dm.get('return', {})
        if result.get('docment'): rows.append(('*returns*', result['docment']))
        lines = [f'| {name} | {" ".join((doc or "").split()).replace("|", chr(92) + "|")} |'
                 for name, doc in rows]
        table = '\n'.join(['', '<details class="parameters">', '<summary>Parameters</summary>', '',
                           '| | |', '|---|---|', *lines, '', '</details>']) if rows else ''
        return f'---\n\n{link}{"#"*self.title_level} {self.nm}\n\n{self.docs or ""}\n{table}'


def add_links(processed, cfg):
    "Below each title: open the notebook in Colab, download it."
    for path in processed.rglob('*.ipynb'):
        nb, name = (json.loads(path.read_text(encoding='utf-8')),
                    path.relative_to(processed).as_posix())
        colab = f'{COLAB}{cfg.git_url.split("github.com/")[1]}/blob/{cfg.branch}/nbs/{name}'
        links = (f'<p class="page-links"><a href="{colab}">Open in Colab</a> · '
                 f'<a href="{address(cfg)}/notebooks/{name}" download>Download</a></p>')
        place = next(i for i, cell in enumerate(nb['cells']) if cell['cell_type'] == 'markdown'
                     and not ''.join(cell['source']).startswith(('---', '<!--')))
        nb['cells'].insert(
            place, {'cell_type': 'markdown', 'id': 'page-links', 'metadata': {}, 'source': links})
        path.write_text(json.dumps(nb), encoding='utf-8')


def failed_docs(processed):
    "Functions and classes whose table could not be made."
    for path in processed.rglob('*.ipynb'):
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            if 'show_doc(' in ''.join(cell['source']) and not any(
                    'text/markdown' in out.get('data', {}) for out in cell.get('outputs', [])):
                yield f'{path.name}: {"".join(cell["source"]).splitlines()[-1]} failed'


def address(cfg): return cfg.doc_host + cfg.doc_baseurl.rstrip('/')


def without_number(name):
    "A page's name as nbdev's links and Quarto use it: 01_schedule.html -> schedule.html."
    return re.sub(r'^\d+[a-z]?_', '', name)


def rename_pages(folder, site):
    "Name pages as Quarto does, and make links to the site's own address relative."
    names = {p.name: without_number(p.name) for p in folder.rglob('*.html')}
    for path in folder.rglob('*'):
        if path.suffix not in ('.html', '.json', '.xml', '.js', '.md'): continue
        text = path.read_text(encoding='utf-8')
        up = '../'*(len(path.relative_to(folder).parts) - 1)
        text = re.sub(rf'(href="){re.escape(site)}/?', rf'\g<1>{up}', text)
        for old, new in names.items():
            if old != new: text = re.sub(rf'(?<![\w]){re.escape(old)}', new, text)
        path.write_text(text, encoding='utf-8')
    for path in list(folder.rglob('*.html')): path.rename(path.with_name(names[path.name]))


def write_mathml(page):
    "Formulas as MathML, which needs neither a network nor a script; those for KaTeX are dropped."
    def formula(found):
        kind, tex = found[1], html.unescape(found[2]).replace(r'\|', '‖')
        return convert(tex, display='block' if kind == 'display' else 'inline')
    text = re.sub(r'<span class="math (inline|display)">\\[(\[](.*?)\\[)\]]</span>', formula,
                  page.read_text(encoding='utf-8'), flags=re.S)
    page.write_text(
        re.sub(r'<(?:link|script)[^>]*katex[^>]*>(?:</script>)?', '', text), encoding='utf-8')


def fold(page, lesson):
    """A lesson shows its code, and folds the table above that says the same; others fold the code.
    What an answer prints is hidden by styles.css until the answer is opened."""
    text = page.read_text(encoding='utf-8').replace('Exported source', 'Source')
    text = re.sub(r'<details class="code-fold">(?=\s*<summary>Answer)',
                  '<details class="code-fold answer">', text)
    if not lesson:
        text = re.sub(r'<details open(=""|) class="code-fold"', '<details class="code-fold"', text)
    parts = text.split('<details class="parameters">')
    for i, part in enumerate(parts[1:], 1): # has it code right below?
        says_same = lesson and 'class="code-fold"' in part.split('</details>')[1]
        parts[i] = f'<details class="parameters"{"" if says_same else " open"}>{part}'
    page.write_text(''.join(parts), encoding='utf-8')


def add_pages(processed, cfg):
    "Pages that are no notebooks: the changelog, and a list of all public names."
    log = (cfg.config_path/'CHANGELOG.md').read_text(encoding='utf-8')
    write_page(processed/'changelog.ipynb', log)
    rows = ['# All public names', '', '> What can be imported, and from where', '',
            '| name | module | |', '|---|---|---|']
    modules = {name: module for module, symbols in sorted(d['syms'].items()) for name in symbols
               if module.startswith('ddpm_nbdev.')}
    for full, module in sorted(modules.items(), key=lambda item: item[0].lower()):
        name = full[len(module) + 1:]
        if '.' in name or name not in import_module(module).__all__: continue
        about = (exported(name).__doc__ or '').strip().split('\n\n')[0].replace('|', r'\|')
        page = d['syms'][module][full][0]
        rows.append(f'| [{name}]({address(cfg)}/{page}) | `{module[11:]}` '
                    f'| {" ".join(about.split())} |')
    write_page(processed/'api.ipynb', '\n'.join(rows))


def write_page(path, text):
    "A notebook of one cell, for the builder."
    cell = dict(cell_type='markdown', id='page', metadata={}, source=text)
    path.write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)),
                    encoding='utf-8')


def add_meta(target, cfg):
    "What others show of a page: title, text and a picture; a page for a wrong address; llms.txt."
    film = next(o['data']['image/gif'] for c in json.loads(
        (cfg.config_path/'nbs/index.ipynb').read_text(encoding='utf-8'))['cells']
        for o in c.get('outputs', []) if 'image/gif' in o.get('data', {}))
    with Image.open(BytesIO(b64decode(''.join(film)))) as frames:
        frames.seek(frames.n_frames - 1) # the finished faces
        faces = frames.convert('RGB')
    card, half = Image.new('RGB', (1200, 630), 'white'), faces.width//2
    for i in range(2): # two rows of twelve become four rows of six
        part = faces.crop((i*half, 0, (i + 1)*half, faces.height))
        part = part.resize((int(300*half/faces.height), 300), 0)
        card.paste(part, ((1200 - part.width)//2, 10 + i*310))
    card.save(target/'card.png')
    pages = []
    for page in sorted(target.rglob('*.html')):
        text, name = page.read_text(encoding='utf-8'), page.relative_to(target).as_posix()
        title = re.search('<title>(.*?)</title>', text)[1]
        about = re.search('<meta name="description" content="(.*?)">', text)
        about = about[1] if about else 'Denoising diffusion, as notebooks to read and run'
        tags = dict(title=title, description=about, type='website', url=f'{address(cfg)}/{name}',
                    image=f'{address(cfg)}/card.png')
        text = re.sub('<meta property="og:[^>]*>\n?', '', text)
        meta = '\n'.join(f'<meta property="og:{k}" content="{v}">' for k, v in tags.items())
        large = '<meta name="twitter:card" content="summary_large_image">'
        page.write_text(text.replace('</head>', f'{meta}\n{large}\n</head>', 1), encoding='utf-8')
        pages.append(f'- [{html.unescape(title)}]({address(cfg)}/{name}): {html.unescape(about)}')
    (target/'llms.txt').write_text('\n'.join([
        '# ddpm_nbdev', '',
        '> A course on denoising diffusion as notebooks, and its Python package.', '',
        f'The notebooks themselves are in {cfg.git_url}/tree/{cfg.branch}/nbs.', '',
        '## Pages', '', *pages, '']), encoding='utf-8')
    (target/'404.html').write_text(f'''<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>No such page</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>:root {{color-scheme: light dark}} body {{background: Canvas;
font: 1.1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem}}
</style></head>
<body><h1>There is no such page</h1>
<p>It may have moved. <a href="{address(cfg)}/">The first page</a> has a list of all lessons, and
a search.</p></body></html>
''', encoding='utf-8')


def same_pages(folder):
    "Notebooks that would be one page, as 01_schedule and schedule would."
    pages = Counter(p.with_name(without_number(p.name)) for p in folder.rglob('*.ipynb'))
    for page, count in pages.items():
        if count > 1: yield f'{count} notebooks would be the page of {page}'


def wrong_titles(root):
    "Entries of the sidebar whose text is not the title of their notebook."
    for text, name in re.findall(
            r'text: "\d+ · (.+)", href: (\S+)}', (root/'_quarto.yml').read_text(encoding='utf-8')):
        title = ''.join(json.loads(
            (root/'nbs'/name).read_text(encoding='utf-8'))['cells'][0]['source']).splitlines()[0]
        if title != f'# {text}':
            yield f'the sidebar calls {name} {text!r}, its title is {title[2:]!r}'


def wrong_addresses(cfg):
    "Addresses of this project, in any file, that are not those of settings.ini."
    ours = cfg.git_url, address(cfg), COLAB + cfg.git_url.split('github.com/')[1]
    for name in subprocess.run(['git', 'ls-files'], cwd=cfg.config_path, capture_output=True,
                               text=True, check=True).stdout.splitlines():
        if name in ('settings.ini', 'ddpm_nbdev/_modidx.py'): continue # set and exported here
        try: text = (cfg.config_path/name).read_text(encoding='utf-8')
        except (UnicodeDecodeError, OSError): continue # weights, or a link to nowhere
        for found in set(re.findall(
                r'https?://[\w./-]*(?:ddpm[-_]nbdev|example\.org)[\w./-]*', text)):
            if not found.startswith(ours):
                yield f'{name} has the address {found}, settings.ini has {" and ".join(ours[:2])}'


if __name__ == '__main__':
    os.chdir(Path(__file__).parent.parent) # where settings.ini is
    cfg, quarto = get_config(), '--quarto' in sys.argv
    showdoc.BasicMarkdownRenderer = Documented
    refresh_quarto_yml()
    processed = proc_nbs(n_workers=0, force=True)
    add_links(processed, cfg)
    add_pages(processed, cfg)
    warnings = [*wrong_titles(cfg.config_path), *wrong_addresses(cfg), *failed_docs(processed),
                *same_pages(cfg.config_path/'nbs')]
    if quarto: subprocess.run(['quarto', 'render', '--no-cache'], cwd=processed, check=True)
    else:
        warnings += [str(w) for w in build(processed, quiet=True).warnings
                     if not any(known in str(w) for known in QUARTO_ALONE)]
    for warning in warnings: print(f'warning: {warning}', file=sys.stderr)
    target = cfg.config_path/'_docs'
    shutil.rmtree(target, ignore_errors=True)
    shutil.move(processed/'_docs', target)
    lessons = {without_number(p.stem) for p in (cfg.config_path/'nbs').glob('[0-9]*.ipynb')}
    for page in target.rglob('*.html'):
        fold(page, page.parent == target and without_number(page.stem) in lessons)
    if not quarto:
        rename_pages(target, address(cfg))
        for page in target.rglob('*.html'): write_mathml(page)
        for style in target.rglob('*.css'): # a theme asks for its letters on the network
            style.write_text(
                re.sub(r'@import ?url\([^)]*fonts[^)]*\);?', '', style.read_text(encoding='utf-8')),
                encoding='utf-8')
    add_meta(target, cfg)
    shutil.copytree(cfg.config_path/'nbs', target/'notebooks', ignore=lambda folder, names: [
        n for n in names if not (n.endswith('.ipynb') or n in ('engine', 'guides', 'checks'))])
    print(f'{len(list(target.rglob("*.html")))} pages in {target.name}')
    sys.exit(1 if warnings else 0)
