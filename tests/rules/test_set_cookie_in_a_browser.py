"""How long a cookie asks for is read as a real browser reads it, odd forms too: never as less."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from troth.rules.set_cookie import asked_seconds

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BROWSERS_KEEP = 400 * 86_400
ODD = b"""
Max-Age=63072000abc
Max-Age="63072000"
Max-Age=+5000
Max-Age= 5000\x20
Max-Age=5000.5
Max-Age=-0
Max-Age=0005000
Max-Age=1e6
Max-Age=
Max-Age
max-AGE\t=\t5000
Max-Age=99999999999999999999999
Max-Age=-99999999999999999999999
Max-Age=junk; Expires=Thu, 31 Dec 2099 23:59:59 GMT
Max-Age=5000; Expires=Thu, 01 Jan 1970 00:00:00 GMT
Expires=Thu Dec 31 23:59:59 2099
Expires="Thu, 31 Dec 2099 23:59:59 GMT"
Expires=2099-12-31T23:59:59Z
Expires=31 Dec 2099
Expires=Thu, 31 Dec 2099 23:59:59 +0100
expires=Dec 31 2099 23:59:59
Expires=4102444799
Expires=-1
Expires=Thu, 31 December 2099 23:59:59 GMT
Expires=Thu, 31 Dec 2099 23:59 GMT
Expires=Session
Expires=Thu, 31 Dec 2099 9:5:5 GMT
Expires=Thu, 31 Dec 12099 23:59:59 GMT
Expires=Thu, 31 Dec 69 10:00:00 GMT
Expires=Thu, 31 Dec 2099 24:00:00 GMT
Expires=Thu, 31 Feb 2099 10:00:00 GMT
Expires=Thu, 31 Dec 1600 10:00:00 GMT
Expires=thursday, 31-DEC-68 23:59:59 gmt
Expires=Thu, 31 Dec 2099 23:59:59 GMT junk
Max-Age=5000,Path=/
Expires=Expires=Thu, 31 Dec 2099 23:59:59 GMT
Path=/;;Max-Age=5000
;Max-Age=5000
foo="a;Max-Age=5000"
Max-Age=5000 60
Max-Age=5000;Expires
Max_Age=5000
Max-Age=5000\xa0
Max-Age=0x10
 Max-Age =5000
Secure; Max-Age=5000;; Partitioned ; Priority=High
Max-Age=5000; Max-Age=60
Max-Age=60; Expires=Thu, 31 Dec 2099 23:59:59 GMT
""".strip(b"\n").split(b"\n")


@pytest.fixture(scope="module")
def url():
    """A page that sets a cookie in every odd form."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            for number, form in enumerate(ODD):
                self._headers_buffer.append(b"Set-Cookie: c%d=v; %s\r\n" % (number, form))
            self.end_headers()

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join(timeout=20)


def test_every_odd_form_is_read_as_the_browser_reads_it(browser, url):
    context = browser.new_context()
    context.new_page().goto(url)
    now = time.time()
    kept = {one["name"]: one["expires"] for one in context.cookies()}
    context.close()
    found = {form: kept.get(f"c{number}") for number, form in enumerate(ODD)}
    theirs = {
        form: 0 if at is None else None if at < 0 else pytest.approx(at - now, abs=120)
        for form, at in found.items()
    }
    read = {form: asked_seconds(b"c=v; " + form, int(now)) for form in ODD}
    assert {form: None if one is None else min(one, BROWSERS_KEEP) for form, one in read.items()} == theirs
