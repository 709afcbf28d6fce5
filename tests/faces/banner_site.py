"""A web site that asks by the banner: its own pages, and the routes of the banner behind one address."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from servers import free_port
from shop_project import make, opened
from troth.faces.portal.application import application
from troth.wiring import now

TABLE = """    - name: visits
      party: first
      category: analytics
      lifetime: 13 months
      data_kept: 13 months
      purpose: {en: counts visits, fr: compte les visites}
"""
MORE = """    - {name: "hidden*", party: first, category: analytics, lifetime: 13 months}
    - {name: basket, party: first, category: analytics, lifetime: 13 months, path: /shop}
    - {name: seen, party: first, category: analytics, lifetime: 13 months, storage: local_storage}
    - {name: book, party: first, category: analytics, lifetime: 13 months, storage: indexed_db}
    - {name: "ads*", party: first, category: marketing, lifetime: 1 month}
"""
CSP = b"default-src 'self'; base-uri 'none'; object-src 'none'"
TAG = b"""
window.tagged = true;
document.cookie = "visits=1; Path=/; Max-Age=3600";
localStorage.setItem("seen", "1");
indexedDB.open("book");
"""
AT_ONCE = b"""window.before = [...(window.dataLayer || [])].map((one) => one[1] + " " + one[2].analytics_storage);"""
PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>A shop</title>
<script src="/choices/banner.{language}.js" integrity="{integrity}" data-google></script>
<script src="/at-once.js"></script>
<script type="text/plain" data-choice="analytics" data-src="/tag.js"></script>
</head><body><main><h1>A shop</h1><p>Things to buy, and a <a href="/{language}">link</a>.</p>
<iframe title="A film" data-choice="marketing" data-src="/film"></iframe></main></body></html>"""

STRICT = (
    b"default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; connect-src 'self'; style-src 'self'; "
    b"frame-src 'self'; require-trusted-types-for 'script'; base-uri 'none'"
)
STRICT_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A strict shop</title>
<link rel="stylesheet" href="/hostile.css">
<script nonce="abc" src="/choices/banner.en.js"></script>
<script nonce="abc" type="text/plain" data-choice="analytics" data-src="/tag.js"></script>
<script nonce="abc" type="text/plain" data-choice="analytics">window.inline = true;</script>
<script type="text/plain" data-choice="necessary" data-src="/planted.js"></script>
</head><body><main><h1>A strict shop</h1>
<iframe title="A film" data-choice="marketing" data-src="/film"></iframe></main></body></html>"""
HOSTILE = b"""
* { letter-spacing: 3px; line-height: 3; box-sizing: content-box; float: right }
body { font: italic 30px serif; color: silver; text-transform: uppercase; text-align: right }
div, aside, p, ul, h2, .row { display: none; position: absolute; opacity: .2 }
button { width: 20px; background: white; color: white; font-size: 6px; text-shadow: 0 0 9px red }
button:first-child { background: green; transform: scale(2) }
button:nth-of-type(2) { visibility: hidden; display: none }
label, input { display: grid; width: 100% }
a { color: white; pointer-events: none }
iframe { display: block; height: 900px }
"""


@dataclass
class Site:
    """A site that is served at `url`; `asked` is every path that was asked for, `down` shuts the ledger's door."""

    url: str
    project: object
    scripts: dict = field(default_factory=dict)
    pages: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    down: bool = False

    def choices(self):
        from troth.ledger import read

        return list(read.events(self.project.ledger, kind="consent_recorded"))


@contextmanager
def site(folder):
    """Serve the site until the block ends."""
    make(folder)
    file = folder / "policy.md"
    file.write_text(file.read_text().replace(TABLE, TABLE + MORE))
    project = opened(folder, now)
    shown = Site(f"http://127.0.0.1:{free_port()}", project)
    inner = application(project)

    async def front(scope, receive, send):
        path = scope["path"]
        shown.asked.append(path)
        if path == "/choices/record" and shown.down:
            await _answer(send, 503, b"", b"text/plain")
        elif path.startswith(("/choices/", "/.well-known/")):
            await inner(scope, receive, send)
        elif path in ("/en", "/fr", "/changed"):
            language = "en" if path == "/changed" else path[1:]
            page = PAGE.format(language=language, integrity=shown.scripts[language])
            if path == "/changed":
                page = page.replace("/choices/banner.en.js", "/changed.js").replace("integrity", "data-was")
            await _answer(send, 200, page.encode(), b"text/html; charset=utf-8")
        elif path == "/strict":
            await _answer(send, 200, STRICT_PAGE.encode(), b"text/html; charset=utf-8", csp=STRICT)
        elif path == "/hostile.css":
            await _answer(send, 200, HOSTILE, b"text/css")
        elif path == "/tag.js":
            hidden = b"hidden_1=1; Path=/; Max-Age=3600; HttpOnly", b"basket=1; Path=/shop; HttpOnly"
            await _answer(send, 200, TAG, b"text/javascript", *((b"set-cookie", one) for one in hidden))
        elif path == "/at-once.js":
            await _answer(send, 200, AT_ONCE, b"text/javascript")
        elif path == "/changed.js":
            await _answer(send, 200, shown.scripts["changed"], b"text/javascript; charset=utf-8")
        elif path == "/early.js":
            await _answer(send, 200, shown.scripts["early"], b"text/javascript")
        elif path in shown.pages:
            await _answer(send, 200, shown.pages[path].encode(), b"text/html; charset=utf-8")
        elif path == "/film":
            await _answer(send, 200, b"<!doctype html><title>Film</title><p>A film</p>", b"text/html")
        else:
            await _answer(send, 404, b"", b"text/plain")

    config = uvicorn.Config(front, port=int(shown.url.rsplit(":", 1)[1]), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        _wait(shown.url)
        shown.scripts.update(
            (name.split(".")[1], told["integrity"]) for name, told in _hashes(shown.url).items()
        )
        yield shown
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        project.close()
        project.ledger.close()


def _hashes(url):
    import urllib.request

    return json.loads(urllib.request.urlopen(f"{url}/choices/banner.json", timeout=10).read())


def _wait(url):
    import time

    for _ in range(400):
        try:
            _hashes(url)
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("The site did not begin to answer.")


async def _answer(send, status, body, kind, *more, csp=CSP):
    headers = [(b"content-type", kind), (b"content-security-policy", csp), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
