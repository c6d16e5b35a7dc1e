"""Press the buttons of ddpm_demo in a browser, at the width of a phone and of a desk:
python tools/check_demo.py [SCREENSHOTS]

It needs gradio (the extra [demo]) and the system's chromium, and says so where one is missing.
Exits 1 where a click makes no picture, or another one than the command below it; where two visitors
disturb each other; where nonsense is not refused; where a name that is not in the list is opened;
or where the page asks for anything from elsewhere.
With a folder, pictures of the page are kept in it.
"""
import base64
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import numpy as np
from PIL import Image
from playwright.sync_api import expect, sync_playwright

WIDTHS = 390, 1400


def picture(page):
    "The picture on a page, as an array."
    data = page.locator('#picture img').get_attribute('src').split('base64,')[1]
    return np.array(Image.open(BytesIO(base64.b64decode(data)))).astype(int)


def finished(page, steps):
    "Wait until all steps are drawn."
    expect(page.locator('#picture figcaption')).to_contain_text(
        f'step {steps} of {steps},', timeout=120_000)


def by_command(page, place):
    "The picture that the command on a page makes, as small as the page's."
    command = page.locator('.cm-content').first.inner_text()
    program, *words = shlex.split(command)
    subprocess.run([Path(sys.executable).parent/program, *words],
                   cwd=place, check=True, capture_output=True)
    made = Image.open(place/'mine.png')
    (place/'mine.png').unlink()
    small = picture(page)
    return np.array(made.resize(small.shape[1::-1], Image.Resampling.NEAREST)).astype(int), small


def choose(page, label, option):
    "Pick an option of a drop-down list."
    box = page.get_by_label(label, exact=True)
    box.click()
    page.get_by_role('option', name=option, exact=True).click()


def number(page, label, value):
    "Type a number."
    box = page.get_by_label(label).first
    box.fill(str(value))
    box.press('Tab')


def look(browser, url, place, shots):
    "What is wrong with the page."
    pages, foreign, errors = [], [], []
    for width in WIDTHS:
        page = browser.new_page(viewport=dict(width=width, height=900))
        page.on('request', lambda r: r.url.startswith(
            (url, url.replace('http', 'ws'), 'data:', 'blob:')) or foreign.append(r.url))
        page.on('console', lambda m: errors.append(m.text) if m.type == 'error' else None)
        page.goto(url, wait_until='load')
        pages.append(page)
    for seed, page in enumerate(pages): number(page, 'Seed', seed) # two visitors click at once
    for page in pages: page.get_by_role('button', name='Draw').click()
    for page in pages: finished(page, 15)
    for width, page in zip(WIDTHS, pages):
        made, small = by_command(page, place)
        if np.abs(made - small).max() > 1: yield f'at {width}: the command makes another picture'
        if page.evaluate('document.documentElement.scrollWidth > innerWidth'):
            yield f'at {width}: wider than the window'
        if shots: page.screenshot(path=shots/f'demo-{width}.png', full_page=True)
    if np.abs(picture(pages[0]) - picture(pages[1])).max() == 0: yield 'two seeds make one picture'
    page = pages[1]
    choose(page, 'Label', 'none') # and guidance is 2
    page.get_by_role('button', name='Draw').click()
    said = page.get_by_text('expected guidance 1 with label=None, got 2.0')
    expect(said).to_be_visible()
    page.wait_for_timeout(500)
    if shots: page.screenshot(path=shots/'demo-refused.png')
    number(page, 'Seed', '') # a box left empty
    page.get_by_role('button', name='Draw').click()
    expect(page.get_by_text('expected seed to be a whole number')).to_be_visible()
    number(page, 'Seed', 3)
    choose(page, 'Network', 'digits')
    expect(page.get_by_label('Label', exact=True)).to_be_hidden()
    choose(page, 'Sampler', 'ddim')
    number(page, 'Steps', 7)
    page.get_by_role('button', name='Draw').click()
    finished(page, 7)
    made, small = by_command(page, place)
    if np.abs(made - small).max() > 1: yield 'digits: the command makes another picture'
    if shots: page.screenshot(path=shots/'demo-digits.png', full_page=True)
    choose(page, 'Network', 'clothes')
    choose(page, 'Label', 'Bag')
    number(page, 'Steps', 1000) # a minute: who changes their mind presses Stop
    page.get_by_role('button', name='Draw').click()
    expect(page.locator('#picture figcaption')).to_contain_text('of 1000,', timeout=60_000)
    page.get_by_role('button', name='Stop').click()
    page.wait_for_timeout(1000)
    number(page, 'Steps', 15)
    for _ in range(4): # while Gradio closes the old walk, a press of Draw is lost: then press again
        page.get_by_role('button', name='Draw').click()
        try: expect(page.locator('#picture figcaption')).to_contain_text('of 15,', timeout=20_000)
        except AssertionError: continue
        break
    finished(page, 15)
    if '--label 8 --guidance 2.0' not in page.locator('.cm-content').first.inner_text():
        yield 'the label chosen is not drawn'
    yield from (f'asks for {u}' for u in foreign)
    yield from (f'console: {text}' for text in errors)


def ask(url, *data):
    "What the page's own interface answers to anyone who types."
    call = Request(f'{url}/gradio_api/call/show', json.dumps(dict(data=data)).encode(),
                   {'Content-Type': 'application/json'})
    event = json.load(urlopen(call))['event_id']
    return urlopen(f'{url}/gradio_api/call/show/{event}', timeout=60).read().decode()


def use(server, program, shots):
    "All that is wrong with a server, from its first line to its end."
    first = next(line for line in server.stdout if not line.startswith('loading'))
    url = first.split()[0].rstrip('/')
    assert url.startswith('http://127.0.0.1:'), first
    wrong = []
    with TemporaryDirectory() as place, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium,
                                       args=['--no-sandbox', '--disable-gpu'])
        wrong += look(browser, url, Path(place), shots)
        browser.close()
    good = ['clothes', '1', 'ddim', 2, 2, 0]
    if 'step 2 of 2' not in (answer := ask(url, *good)): wrong.append(f'refuses {good}: {answer}')
    for i, value in ((0, '/etc/passwd'), (0, 'runs/other'), (1, '10'), (1, 'x'*9), (2, 'euler'),
                     (3, 0), (3, 9999), (3, None), (4, None), (5, None)):
        bad = [*good[:i], value, *good[i + 1:]]
        if 'event: error' not in (answer := ask(url, *bad)):
            wrong.append(f'does not refuse {bad}: {answer[-300:]}')
    taken = subprocess.run([program, '--port', url.rsplit(':', 1)[1]],
                           capture_output=True, text=True)
    if taken.returncode != 2 or taken.stderr.count('\n') != 2: # it loads PyTorch first
        wrong.append(f'a port in use: {taken.stderr}')
    server.send_signal(signal.SIGINT)
    rest, _ = server.communicate(timeout=20)
    if 'ddpm_nbdev/' in rest or server.returncode not in (0, 130): # a traceback through our lines
        wrong.append(f'at its end: {server.returncode}, {rest}')
    return wrong


if __name__ == '__main__':
    chromium = shutil.which('chromium') or shutil.which('google-chrome')
    if not (chromium and find_spec('gradio')):
        print('no chromium, or no gradio, on this machine: the page of ddpm_demo is not looked at')
        sys.exit()
    shots = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if shots: shots.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).parent/'ddpm_demo'
    server = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, env=os.environ | {'PYTHONUNBUFFERED': '1'})
    try: wrong = use(server, program, shots)
    finally: server.kill()
    for what in wrong: print(what)
    if not wrong:
        print(f'ddpm_demo: two visitors at {WIDTHS} px, every picture as its command makes it')
    sys.exit(bool(wrong))
