"""The gate around real applications: reports first, then acts, and lets bodies stream."""

import asyncio
import http.client
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

from rules.test_cookie import NO, NOW, TABLE, YES
from troth.errors import WrongFileError
from troth.faces.middleware import Seen, gate_of
from troth.faces.middleware.asgi import CookieGate
from troth.faces.middleware.wsgi import CookieGate as WsgiGate
from troth.rules.cookie import write_choice
from troth.rules.set_cookie import Gate

SET = [b"session=1; Path=/", b"_ga=1; Max-Age=63072000; Partitioned; Secure; Priority=High", b"ads=2"]
CHOSEN = {one: b"troth_choice=" + write_choice(one).encode() for one in (YES, NO)}


def now():
    return NOW + 1


async def application(scope, receive, send):
    """Answer with what was brought, and set three cookies, in three pieces."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept", "headers": [(b"set-cookie", one) for one in SET]})
        return
    headers = [(b"Content-Type", b"text/plain"), *((b"Set-Cookie", one) for one in SET)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for value in [value for name, value in scope["headers"] if name == b"cookie"]:
        await send({"type": "http.response.body", "body": value, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def called(gate, *cookies, kind="http"):
    headers = [(b"host", b"www.shop.example"), *((b"cookie", one) for one in cookies)]
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": kind, "scheme": "https", "headers": headers}
    with ThreadPoolExecutor(1) as apart:  # this thread may have a loop already, of a browser
        apart.submit(lambda: asyncio.run(gate(scope, receive, send))).result()
    return sent


def set_by(message):
    return [value for name, value in message["headers"] if name.lower() == b"set-cookie"]


def test_a_report_changes_nothing_and_counts_each_name_once_in_the_log(caplog):
    seen = Seen()
    gate = CookieGate(application, Gate(TABLE), told=seen, now=now)
    with caplog.at_level(logging.WARNING, "troth.gate"):
        for _ in range(2):
            assert set_by(called(gate, CHOSEN[NO])[0]) == SET
    assert seen.counts == {("_ga", "dropped", "refused"): 2, ("ads", "dropped", "refused"): 2}
    assert len(caplog.records) == 2


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_enforcing_drops_caps_and_keeps_the_rest_to_the_byte(kind):
    gate = CookieGate(application, Gate(TABLE), mode="enforce", now=now)
    assert set_by(called(gate, CHOSEN[NO], kind=kind)[0]) == [SET[0]]
    capped = b"_ga=1; Partitioned; Secure; Priority=High; Max-Age=%d" % (393 * 86_400)
    assert set_by(called(gate, CHOSEN[YES], kind=kind)[0]) == [SET[0], capped]


def test_bodies_stream_and_refused_cookies_do_not_reach_the_application():
    gate = CookieGate(application, Gate(TABLE), mode="enforce", strip_requests=True, now=now)
    start, *pieces = called(gate, CHOSEN[NO] + b"; _ga=1; other=2", b"ads=3")
    assert [one["body"] for one in pieces] == [CHOSEN[NO] + b"; other=2", b""]
    assert {one.partition(b"=")[0] for one in set_by(start)} == {b"session", b"_ga", b"ads"}
    assert all(b"Max-Age=0" in one for one in set_by(start) if not one.startswith(b"session"))


def test_a_real_wsgi_server_sends_what_the_gate_lets_through():
    def inner(environ, start_response):
        start_response(
            "200 OK", [("Content-Type", "text/plain"), *(("Set-Cookie", one.decode()) for one in SET)]
        )
        return iter([b"brought ", environ.get("HTTP_COOKIE", "").encode()])

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    gate = WsgiGate(validator(inner), Gate(TABLE), mode="enforce", strip_requests=True, now=now)
    server = make_server("127.0.0.1", 0, validator(gate), handler_class=Quiet)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", "/", headers={"Cookie": (CHOSEN[NO] + b"; _ga=1; other=2").decode()})
    answer = connection.getresponse()
    assert answer.read() == b"brought " + CHOSEN[NO] + b"; other=2"
    written = [value for name, value in answer.getheaders() if name == "Set-Cookie"]
    assert written[0] == SET[0].decode()
    assert all(one.startswith("_ga=; ") for one in written[1:])
    assert len(written) > 1
    connection.close()
    thread.join(timeout=20)
    server.server_close()


def test_a_gate_is_read_from_a_policy_or_says_what_is_wrong():
    text = (
        "# P\n\n## 9 Cookies\n\n```promise\ncookies:\n  table:\n"
        "    - {name: a, party: first, category: analytics, lifetime: 1 day}\n```\n"
    )
    assert gate_of(text).line(b"a").seconds_least == 86_400
    with pytest.raises(WrongFileError, match="declares no cookies"):
        gate_of("# P\n\n## 1 Here\n\nWords.\n")
    with pytest.raises(WrongFileError, match=r"cookies\.table"):
        gate_of(text.replace("1 day", "13"))
