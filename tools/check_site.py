"""Open each page of _docs in a browser, at two widths: python tools/check_site.py [SCREENSHOTS]

The widths are a phone's and a desk's, and each page is opened dark, too. It needs the system's
chromium, and says so where there is none. Exits 1 for an error in the console, a missing image or
one without a text, a link to a page or a place on a page that is not there, a page wider than the
window, a formula that is no formula, the output of a folded answer, text with a contrast below 4.5
(3 where it is large), light or dark, or a phrase that the search does not find first. With a
folder, each page's picture is kept in it.
"""
import http.server
import shutil
import sys
import threading
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent.parent/'_docs'
WIDTHS = 390, 1400
SOUGHT = { # what a reader may type: the page that must be among the results
    'own pictures': 'guides/own_images.html', 'install': 'index.html', 'ELBO': 'loss.html',
    'classifier-free guidance': 'guidance.html', 'train on your own': 'guides/own_images.html',
    'cosine schedule': 'schedule.html',
    'DDIM': 'sampling.html', 'several GPUs': 'guides/several_gpus.html',
    'resume': 'engine/resume.html', 'inception': 'engine/feature_statistics.html',
    'pitfalls': 'guides/pitfalls.html', 'exponential moving average': 'training.html',
    'precision and recall': 'metrics.html', 'bits per dimension': 'likelihood.html'}
LOOK = """() => {
    return {
        overflow: document.documentElement.scrollWidth > innerWidth,
        images: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
        silent: [...document.querySelectorAll('main img:not([alt]), main img[alt=""]')].length,
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

PALE = """least => { // texts whose contrast with what is behind them is too small
    const parts = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => {
        const [r, g, b] = parts(color).map(v => v/255).map(
            v => v <= .03928 ? v/12.92 : ((v + .055)/1.055)**2.4);
        return .2126*r + .7152*g + .0722*b;
    };
    const behind = e => {
        const color = getComputedStyle(e).backgroundColor, [, , , alpha] = parts(color);
        return alpha < 1 && e.parentElement ? behind(e.parentElement) : color;
    };
    const pale = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const e = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
        if (!text || !e.checkVisibility({opacityProperty: true}) || e.closest('script, style, svg'))
            continue;
        const style = getComputedStyle(e), [a, b] = [light(style.color), light(behind(e))];
        const size = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
        const wanted = size >= 24 || bold && size >= 18.66 ? 3 : least;
        const ratio = (Math.max(a, b) + .05)/(Math.min(a, b) + .05);
        if (ratio < wanted) pale.add(`${style.color} on ${behind(e)}: ${text.slice(0, 20)}`);
    }
    return [...pale];
}"""
ANCHORS = "[...document.querySelectorAll('[id], a[name]')].map(e => e.id || e.name)"


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
    if seen['silent']: found.append(f'{seen["silent"]} pictures without a text')
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
        if not links or wanted not in links[0]:
            first = links[0].removeprefix(base) if links else 'nothing'
            yield f'search: {phrase!r} leads to {first} first, not to {wanted}'


if __name__ == '__main__':
    if not (chromium := shutil.which('chromium') or shutil.which('google-chrome')):
        print('no chromium on this machine: the site is not looked at')
        sys.exit()
    shots = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if shots: shots.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=DOCS))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base, wrong, links = f'http://127.0.0.1:{server.server_port}', [], set()
    places = {} # page -> where a link may lead
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
                links |= {link for link in seen['links'] if link.startswith(base)}
                places[name] = set(page.evaluate(ANCHORS))
                code, blocks = code + seen['code'], blocks + seen['blocks']
            print(f'{len(names)} pages at {width} px; {code} of {blocks} code blocks scroll')
        for scheme in ('dark', 'light'):
            page.emulate_media(color_scheme=scheme)
            for name in names:
                page.goto(f'{base}/{name}', wait_until='load')
                is_dark = page.evaluate("document.documentElement.matches('.quarto-dark')")
                if is_dark != (scheme == 'dark') and name != '404.html':
                    wrong.append(f'{name}: is not {scheme}')
                page.add_style_tag(content='* {transition: none !important}')
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                wrong += [f'{name}, {scheme}: {text}' for text in page.evaluate(PALE, 4.5)]
                if shots and scheme == 'dark':
                    page.screenshot(path=shots/f'{name.replace("/", "-")}-dark.png')
        wrong += list(search(page, base))
        browser.close()
    for link in sorted(links):
        name, _, place = unquote(link[len(base) + 1:]).partition('#')
        if not (DOCS/name).exists(): wrong.append(f'dead link {link}')
        elif place and place not in places.get(name or 'index.html', ()):
            wrong.append(f'no such place: {name}#{place}')
    server.shutdown()
    for what in wrong: print(what)
    sys.exit(bool(wrong))
