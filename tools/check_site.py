"""Open each page of _docs in a browser, at two widths: python tools/check_site.py [SCREENSHOTS]

The widths are a phone's and a desk's, and each page is opened dark, too. It needs the system's
chromium, and says so where there is none. Exits 1 for an error in the console, a missing image, a
link to nowhere, a page wider than the window, a formula that is no formula, the output of a folded
answer, code that can't be read in the dark, or a phrase that the search does not find. With a
folder, each page's picture is kept in it.
"""
import http.server
import shutil
import sys
import threading
from functools import partial
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent.parent/'_docs'
WIDTHS = 390, 1400
SOUGHT = { # what a reader may type: the page that must be among the results
    'train on my folder': 'guides/own_images.html', 'cosine schedule': 'schedule.html',
    'DDIM': 'sampling.html', 'several GPUs': 'guides/several_gpus.html',
    'resume': 'engine/resume.html', 'inception': 'fid.html',
    'pitfalls': 'guides/pitfalls.html', 'exponential moving average': 'training.html',
    'precision and recall': 'metrics.html', 'bits per dimension': 'likelihood.html'}
LOOK = """() => {
    return {
        overflow: document.documentElement.scrollWidth > innerWidth,
        images: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
        links: [...document.querySelectorAll('a[href]')].map(a => a.href),
        raw: [...document.querySelectorAll('main :is(p, li, td, figcaption, math)')].filter(
            e => /\\\\[a-zA-Z]{2}/.test(e.innerText) && !e.querySelector('pre, code')).length,
        answers: [...document.querySelectorAll('details')].filter(
            d => d.querySelector('summary')?.innerText == 'Answer' && !d.open &&
                [...d.parentElement.querySelectorAll('.cell-output')].some(o => o.offsetHeight)
            ).length,
        install: document.body.innerText.includes('pip install -q'), // the cell for Colab
        code: [...document.querySelectorAll('main pre')].filter(
            p => p.scrollWidth > p.clientWidth + 1).length,
        blocks: document.querySelectorAll('main pre').length}
}"""

DARK = """() => { // blocks of code whose text has a contrast below 3 to 1
    const light = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).map(v => v/255).map(
            v => v <= .03928 ? v/12.92 : ((v + .055)/1.055)**2.4);
        return .2126*r + .7152*g + .0722*b;
    };
    const behind = e => {
        const color = getComputedStyle(e).backgroundColor;
        return color == 'rgba(0, 0, 0, 0)' && e.parentElement ? behind(e.parentElement) : color;
    };
    return [...document.querySelectorAll('main pre')].filter(e => {
        const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
        return (Math.max(a, b) + .05)/(Math.min(a, b) + .05) < 3;
    }).length;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


def check(page, name, width, base, shots):
    "What is wrong with one page at one width, and its links."
    found = []
    say = lambda message: (
        found.append(f'console: {message.text}') if message.type == 'error' else None)
    page.on('console', say)
    page.set_viewport_size(dict(width=width, height=1000))
    page.goto(f'{base}/{name}', wait_until='load')
    page.wait_for_timeout(100)
    seen = page.evaluate(LOOK)
    page.remove_listener('console', say)
    if seen['overflow']: found.append('wider than the window')
    if seen['install']: found.append('shows the cell that installs the package')
    if seen['answers']: found.append(f'shows what {seen["answers"]} folded answers print')
    if seen['raw']: found.append(f'{seen["raw"]} raw formulas')
    found += [f'missing image {src}' for src in seen['images']]
    if shots: page.screenshot(path=shots/f'{name.replace("/", "-")}-{width}.png', full_page=True)
    return [f'{name} at {width}: {what}' for what in found], seen


def search(page, base):
    "Phrases that the search does not lead to their page."
    page.set_viewport_size(dict(width=1400, height=1000))
    page.goto(f'{base}/index.html')
    for phrase, wanted in SOUGHT.items():
        page.locator('input[type=search]').first.fill(phrase)
        page.wait_for_timeout(300)
        links = page.evaluate(
            "[...document.querySelectorAll('a[href]')]"
            ".filter(a => a.closest('[class*=search], [id*=search]')).map(a => a.href)")
        if not any(wanted in link for link in links):
            yield f'search: {phrase!r} does not lead to {wanted}'


if __name__ == '__main__':
    if not (chromium := shutil.which('chromium') or shutil.which('google-chrome')):
        print('no chromium on this machine: the site is not looked at')
        sys.exit()
    shots = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if shots: shots.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=DOCS))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base, wrong, links = f'http://127.0.0.1:{server.server_port}', [], set()
    names = sorted(str(p.relative_to(DOCS)) for p in DOCS.rglob('*.html'))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium,
                                       args=['--no-sandbox', '--disable-gpu'])
        page = browser.new_page()
        for width in WIDTHS:
            code = blocks = 0
            for name in names:
                found, seen = check(page, name, width, base, shots)
                wrong += found
                links |= {link.split('#')[0] for link in seen['links'] if link.startswith(base)}
                code, blocks = code + seen['code'], blocks + seen['blocks']
            print(f'{len(names)} pages at {width} px; {code} of {blocks} code blocks scroll')
        page.emulate_media(color_scheme='dark')
        for name in names:
            page.goto(f'{base}/{name}', wait_until='load')
            if not page.evaluate("document.documentElement.classList.contains('quarto-dark')"):
                wrong.append(f'{name}: is not dark')
            elif pale := page.evaluate(DARK):
                wrong.append(f'{name}: {pale} code blocks are pale in the dark')
            if shots: page.screenshot(path=shots/f'{name.replace("/", "-")}-dark.png')
        page.emulate_media(color_scheme='light')
        wrong += list(search(page, base))
        browser.close()
    wrong += [f'dead link {link}' for link in links if not (DOCS/link[len(base) + 1:]).exists()]
    server.shutdown()
    for what in wrong: print(what)
    sys.exit(bool(wrong))
