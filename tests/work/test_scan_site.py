"""Real sites are scanned with a real Chromium: everything is found, nothing hangs, nothing private is reached."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import looping
from sites.banners import OURS, WAYS, banners
from sites.serving import SCRIPT, Answer, serving
from sites.shop import PAGES, POLICY, shop
from sites.truth import STATES, read, truth
from troth.errors import NotAllowedError, NotFoundError, UnreachableError
from troth.outside.chromium import Chromium, program
from troth.outside.guard import Guard
from troth.outside.tab import Tab, close_context, jar, open_context
from troth.policy.loading import load
from troth.rules.scan import held_to
from troth.rules.scan_report import as_json, written
from troth.work import choose_cookies
from troth.work.scan_site import Wish, scan

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OURSELVES = ("localhost", "127.0.0.1")


@pytest.fixture(scope="module", autouse=True)
def _chromium():
    try:
        program()
    except NotFoundError as error:
        pytest.skip(str(error))


def width(jpeg):
    """Return how wide a JPEG file says that it is."""
    frame = jpeg.index(b"\xff\xc0")
    return int.from_bytes(jpeg[frame + 7 : frame + 9])


@pytest.fixture(scope="module")
def shown():
    """The shop, and the report of one scan of it with pictures."""
    policy, problems = load({"policy.md": POLICY.read_text(encoding="utf-8")})
    assert problems == ()
    with shop() as sites:
        wish = Wish(sites["first"].url + "/", private=OURSELVES, pictures=True, rate=50, jobs=5)
        yield sites, scan(wish, held_to(policy, datetime.now(UTC)))


def test_everything_that_the_shop_writes_is_seen_with_its_states_its_lifetime_and_who_wrote_it(shown):
    _, report = shown
    seen = {(one["host"], one["kind"], one["name"]): one for one in as_json(report)["seen"]}
    assert set(seen) == {(one.host, one.kind, one.name) for one in truth("shop")}
    for one in truth("shop"):
        found = seen[one.host, one.kind, one.name]
        assert set(found["states"]) & set(STATES) == one.states, one.name
        assert found["party"] == one.party
        if one.kind == "cookie":
            assert (found["lifetime_days"] or 0) == pytest.approx(one.days, abs=0.01), one.name
            assert one.by in found["how"], one.name
    default = {name for (_, _, name), one in seen.items() if not one["default_browser_keeps"]}
    assert default == {"tp_http", "tp_px", "tp_js", "tp_ad"}


def test_everything_that_is_wrong_with_the_shop_is_found_and_nothing_else(shown):
    _, report = shown
    found = {}
    for one in report.findings:
        found.setdefault(one.verdict, set()).add(one.name)
    wrong = {verdict: set(names) for verdict, names in read()["wrong"].items()}
    assert found == wrong
    assert {one.outcome for one in report.states.values()} == {"reached"}


def test_each_finding_has_its_evidence_and_no_value(shown):
    _, report = shown
    for one in report.findings:
        assert one.evidence or one.verdict == "never_seen", one
        assert all(trace.page.startswith("http://localhost:") for trace in one.evidence)
    told = {
        one["name"]: one["evidence"][0]
        for one in as_json(report)["findings"]
        if one["verdict"] == "undeclared"
    }
    assert told["device"]["line"] == "Set-Cookie: device=‹hexadecimal, 2›; Path=/; Max-Age=63072000; HttpOnly"
    assert told["late_sneaky"]["stack"][0].partition("#")[0].endswith("/site.js")
    assert told["big"]["line"].startswith("Set-Cookie: big=‹letters and digits, 3900›")
    assert any(told[name]["picture"] in report.pictures for name in told)
    assert all(taken[:2] == b"\xff\xd8" for taken in report.pictures.values())
    assert report.thumbnails.keys() == report.pictures.keys()
    assert {width(taken) for taken in report.thumbnails.values()} == {320}
    assert {width(taken) for taken in report.pictures.values()} == {1280}
    assert b"5b1f0c9a" not in written(report)
    assert b"xxxxxxxx" not in written(report)


def test_every_page_is_visited_and_what_is_to_be_left_alone_is(shown):
    sites, report = shown
    assert set(PAGES) <= set(sites["first"].paths())
    assert not set(read()["left_alone"]["first"]) & set(sites["first"].paths())
    assert not set(read()["left_alone"]["third"]) & set(sites["third"].paths())
    assert "/manual.pdf" not in sites["first"].paths()
    assert "robots" in {note.code for note in report.notes}


def test_the_dialog_of_every_site_is_found_accepted_refused_and_withdrawn():
    async def all_of_them(sites):
        guard = Guard(OURSELVES)
        await guard.start()
        browser = Chromium(guard.url, "en")
        version = await browser.start()

        async def act(name, visitor, choice):
            tab = Tab(browser, visitor, version, "en")
            await tab.open()
            await tab.go(sites[name].url)
            await tab.settle()
            await tab.run_on()
            pressed = await choice(tab)
            await tab.stored("localhost")
            await tab.close()
            held = await jar(browser, visitor, "localhost", "before", "")
            return pressed.outcome, {trace.name for trace in held}

        async def one(name):
            after = {}
            for acts in (
                {"accepted": choose_cookies.accept, "withdrawn": choose_cookies.withdraw},
                {"refused": choose_cookies.refuse},
            ):
                visitor = await open_context(browser, signal=False, binding="_" + secrets.token_hex(4))
                for state, choice in acts.items():
                    after[state] = await act(name, visitor, choice)
                await close_context(browser, visitor)
            return after

        try:
            names = [*WAYS, OURS]
            return dict(zip(names, await asyncio.gather(*map(one, names[:6])), strict=False)) | dict(
                zip(names[6:], await asyncio.gather(*map(one, names[6:])), strict=True)
            )
        finally:
            await browser.stop()
            await guard.stop()

    with banners() as sites:
        found = looping.run(all_of_them(sites))
    for name, after in found.items():
        for state, (outcome, cookies) in after.items():
            assert outcome == "reached", (name, state)
            assert cookies == {one.name for one in truth("banners") if state in one.states}, (name, state)


NOT_ROOT = """
import asyncio, concurrent.futures.thread, os, subprocess, tempfile
from troth.outside.chromium import Chromium
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)

async def begun():
    browser = Chromium("socks5://127.0.0.1:9", "en")
    await browser.start()
    told = open(f"/proc/{browser._process}/cmdline").read()
    await browser.stop()
    return browser.sandboxed, "--no-sandbox" in told

with tempfile.TemporaryDirectory() as os.environ["HOME"]:
    allowed = subprocess.run(["unshare", "-U", "true"], stderr=subprocess.DEVNULL).returncode == 0
    print(*asyncio.run(begun()), allowed)
"""


@pytest.mark.skipif(
    shutil.which("unshare") is None, reason="There is no unshare here, to know what is allowed."
)
def test_who_is_not_root_has_the_sandbox_where_user_namespaces_are_allowed():
    ran = subprocess.run(
        [sys.executable, "-c", NOT_ROOT], capture_output=True, text=True, timeout=120, check=True
    )
    sandboxed, without, allowed = (word == "True" for word in ran.stdout.split())
    assert without is not sandboxed
    assert sandboxed or not allowed


def small(**routes):
    """Return the routes of a site of one page that writes one cookie, and these besides."""
    return {"/": Answer("<!doctype html><title>One</title><p>A page</p>", cookies=("mine=1; Path=/; Max-Age=60",)),
            **{"/" + name: answer for name, answer in routes.items()}}  # fmt: skip


@contextmanager
def listening(host):
    """Listen on an address of this machine, and note what comes."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            came.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://{host}:{server.server_port}", came
    finally:
        server.shutdown()
        server.server_close()


def test_no_page_reaches_a_private_address_that_nobody_named():
    with listening("127.0.0.2") as (inside, came):
        page = f"""<!doctype html><title>x</title><img src="{inside}/px.gif"><iframe src="{inside}/frame"></iframe>
        <link rel="preconnect" href="{inside}"><script>fetch("{inside}/api").catch(() => 1);
        new WebSocket("{inside}/socket".replace("http", "ws")); location.replace("/away")</script>"""
        answers = small(bad=Answer(page), away=Answer(to=f"{inside}/landed", status=302))
        answers["/"] = Answer(
            '<!doctype html><title>x</title><a href="/bad">bad</a>', cookies=("mine=1; Path=/",)
        )
        with serving(first=answers) as sites:
            report = scan(Wish(sites["first"].url + "/", private=("localhost",), pages=2))
            assert {"mine"} == {one.name for one in report.seen}
            private = next(note.told["hosts"] for note in report.notes if note.code == "private")
            assert private == "127.0.0.2"
            with pytest.raises(UnreachableError, match=r"--allow-private 127\.0\.0\.2"):
                scan(Wish(inside + "/", private=("localhost",)))
            assert came == []
            with pytest.raises(UnreachableError, match="answers 404"):
                scan(Wish(sites["first"].url + "/none", private=("localhost",)))


def test_visitors_who_are_turned_away_make_a_scan_that_proves_nothing():
    welcome = Answer("<!doctype html><title>x</title>", cookies=("mine=1; Path=/",))
    came = []

    def page(request):
        came.append(request.path)
        return welcome if len(came) == 1 else Answer("Too many", status=429)

    with serving(first={"/": page}) as sites:
        report = scan(Wish(sites["first"].url + "/", private=OURSELVES, pages=1))
    outcomes = {state: one.outcome for state, one in report.states.items()}
    assert outcomes == {"before": "reached"} | dict.fromkeys(
        ("accepted", "second", "withdrawn", "refused", "gpc"), "cut"
    )
    assert report.states["gpc"].pages == 0
    assert not report.complete
    assert [note.told["number"] for note in report.notes if note.code == "unreached"] == ["3"]


def test_robots_and_addresses_with_passwords_stop_a_scan_before_it_begins():
    robots = Answer("User-agent: troth\nDisallow: //[\nDisallow: /\nSitemap: http://[\n", "text/plain")
    with serving(first=small(**{"robots.txt": robots})) as sites:
        with pytest.raises(NotAllowedError, match="--ignore-robots"):
            scan(Wish(sites["first"].url + "/", private=OURSELVES))
        assert sites["first"].paths() == ["/robots.txt", "/sitemap.xml"]
    with pytest.raises(NotAllowedError, match="name or a password"):
        scan(Wish("http://ada:secret@shop.example/"))
    with pytest.raises(NotAllowedError, match="no address"):
        scan(Wish("file:///etc/passwd"))


HOSTILE = {  # what takes longest comes first, so that they wait together
    "endless": "",
    "spins": "for (;;) {}",
    "names": "for (let i = 0; i < 3e3; i++) { document.cookie = `many${i}=1`; localStorage.setItem('k' + i, 'v'); }",
    "alerts": "for (;;) { alert(1); if (confirm(2)) break; }",
    "leaves": "onbeforeunload = (event) => { event.preventDefault(); return 'stay'; };",
    "opens": "setInterval(() => open('/', '_blank'), 1); for (let i = 0; i < 50; i++) open('/', '_blank');",
    "loads": "location.href = '/huge';",
    "turns": "setTimeout(() => { location.href = '/turns?' + Math.random(); }, 0);",
    "breaks": "JSON.stringify = Map = null; Error.prepareStackTrace = () => 1; document.cookie = 'broken=1';",
    "works": "navigator.serviceWorker.register('/worker.js');",
}  # fmt: skip


@contextmanager
def hostile():
    """Serve a site of pages that mean to hang a browser, and one that does not; count what is asked."""

    first = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            name = self.path.strip("/").partition("?")[0]
            if time.monotonic() - first.setdefault(name, time.monotonic()) > 4:  # once is enough
                name = "" if name in {*HOSTILE, "round"} and name != "breaks" else name
            self.send_response(302 if name == "round" else 200)
            if name == "round":
                self.send_header("Location", f"/round?{time.time()}")
            kind = (
                "application/octet-stream"
                if name in {"huge", "file"}
                else SCRIPT
                if name.endswith(".js")
                else "text/html"
            )
            self.send_header("Content-Type", kind)
            self.send_header("Set-Cookie", f"from_{name.replace('.', '_') or 'home'}=1; Path=/")
            body = f"<!doctype html><title>x</title><body><script>{HOSTILE.get(name, '')}</script>"
            if not name:
                body += "".join(f'<a href="/{one}">{one}</a>' for one in (*HOSTILE, "round", "file"))
            if name == "worker.js":
                body = "self.oninstall = () => skipWaiting(); onfetch = () => {};"
            if name == "endless":
                self.end_headers()
                for _ in range(1000):  # longer than anybody waits for a page
                    try:
                        self.wfile.write(b"<p>more")
                    except OSError:
                        return
                    time.sleep(0.01)
                return
            self.send_header("Content-Length", str(10**12 if name == "huge" else len(body)))
            self.end_headers()
            try:
                for _ in range(4000 if name == "huge" else 1):
                    self.wfile.write(b"x" * 65_536 if name == "huge" else body.encode())
            except OSError:
                return

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_pages_that_mean_to_hang_the_browser_only_lose_their_own_turn():
    with hostile() as url:
        begun = time.monotonic()
        report = scan(Wish(url, private=OURSELVES, minutes=2, jobs=4))
        took = time.monotonic() - begun
    names = {one.name for one in report.seen if one.kind == "cookie"}
    assert {
        "from_home",
        "from_breaks",
        "from_works",
        "from_worker_js",
        "many0",
        "from_round",
        "broken",
    } <= names
    assert len(report.seen) < 3000
    assert took < 125, took


def test_a_scan_ends_when_its_time_is_over_and_says_so():
    page = Answer("<!doctype html><title>x</title><script>for (;;) {}</script>")
    with serving(first=small(**{f"p{n}": page for n in range(9)})) as sites:
        first = sites["first"]
        first.routes["/"] = Answer("<!doctype html>" + "".join(f'<a href="/p{n}">x</a>' for n in range(9)))
        begun = time.monotonic()
        report = scan(Wish(first.url + "/", private=OURSELVES, minutes=0.05))
        assert time.monotonic() - begun < 45
    assert "out_of_time" in {note.code for note in report.notes}
    assert not report.complete
