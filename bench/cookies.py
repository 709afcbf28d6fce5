"""The banner's bytes beside those of others, and what the gate costs a response."""

from __future__ import annotations

import logging
import timeit
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import brotli

from bench.measure import Line
from troth.faces.banner.script import build
from troth.faces.middleware.asgi import App, CookieGate, Receive, Scope, Send
from troth.policy.loading import load
from troth.rules.cookie import accept, table, write_choice
from troth.rules.set_cookie import Gate, brought, filtered

PART = "cookies"
BYTES_MAX = 6_500
MICROSECONDS_MAX = 10
NOW = 1_800_000_000
ROUNDS, REPEATS = 300, 600  # short rounds, so that on a busy machine some of them are undisturbed
PUBLISHED = {
    "osano cookieconsent 3.1.1": 6_962,
    "orejime 3.2.1, English": 13_038,
    "vanilla-cookieconsent 3.1.0": 13_782,
    "@probo/cookie-banner 0.18.0": 18_591,
    "tarteaucitron 1.34, core": 21_555,
    "fides.js, built from source": 46_249,
    "klaro 0.7.22": 59_197,
    "c15t 2.2.1 with React": 102_596 + 9_143,
}
"""Script and style as published on npm, brotli -11, measured in November 2026."""

SET = (
    b"vb_session=5b1f0c9ad2e84; Path=/; HttpOnly; Secure; SameSite=Lax",
    b"mrv_id_7=GS1.1.17; Path=/; Max-Age=63072000; Secure; SameSite=None; Partitioned",
    b"slg_visitor=4411; Path=/; Expires=Fri, 31 Dec 2027 23:59:59 GMT",
)


def run(root: Path) -> list[Line]:
    """Measure the script of the example's policy in both languages, and the gate on three cookies."""
    folder = root / "examples" / "group"
    files = [*folder.glob("policy*.md"), *folder.glob("register/*.yaml")]
    policy, problems = load({one.relative_to(folder).as_posix(): one.read_text("utf-8") for one in files})
    if policy is None or policy.cookies is None or problems:
        raise SystemExit("The example's policy does not read.")
    sizes = {one: len(brotli.compress(build(policy, one).written, quality=11)) for one in ("en", "fr")}
    lines = [
        Line(PART, f"banner, {name}, brotli", size, "B", ours_max=BYTES_MAX) for name, size in sizes.items()
    ]
    lines += [Line(PART, f"beside {name}", sizes["en"], "B", size) for name, size in PUBLISHED.items()]
    known = table(policy.cookies)
    gate = Gate(known)
    everything = accept(known, frozenset(known.categories), NOW, None, "0123456789abcdef")
    for what, choice in (("accepted", everything), ("refused", accept(known, frozenset(), NOW, None, ""))):
        cookies = b"vb_session=5b1f0c9ad2e83; vb_choice=" + write_choice(choice).encode()
        for named, cost in (("gate", _gate(gate, cookies)), ("middleware", _middleware(gate, cookies))):
            lines.append(
                Line(PART, f"{named}, three cookies, all {what}", cost, "µs", ours_max=MICROSECONDS_MAX)
            )
    return lines


def _gate(gate: Gate, cookies: bytes) -> float:
    """Time the rules alone, in microseconds."""
    return _microseconds(
        lambda: filtered(gate, SET, brought([cookies]), NOW + 1, host="www.vaubrelle.example")
    )


def _middleware(gate: Gate, cookies: bytes) -> float:
    """Time what the middleware adds to an application, in microseconds: scope, headers and counts included."""
    headers = [(b"content-type", b"text/html"), *((b"set-cookie", one) for one in SET)]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    scope = {
        "type": "http", "scheme": "https",
        "headers": [(b"host", b"www.vaubrelle.example"), (b"accept", b"*/*"), (b"cookie", cookies)],
    }  # fmt: skip

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(_: MutableMapping[str, Any]) -> None:
        return

    async def bare(_: Scope, __: Receive, send: Send) -> None:
        await send(start)

    def once(app: App) -> None:
        with suppress(StopIteration):  # nothing in it waits, so no loop is needed
            app(scope, receive, send).send(None)  # type: ignore[attr-defined]

    gated = CookieGate(bare, gate, mode="enforce", now=lambda: NOW + 1)
    logging.getLogger("troth.gate").disabled = True  # each cookie is logged once
    return _microseconds(lambda: once(gated)) - _microseconds(lambda: once(bare))


def _microseconds(once: Callable[[], object]) -> float:
    return min(timeit.repeat(once, number=ROUNDS, repeat=REPEATS)) / ROUNDS * 1e6
