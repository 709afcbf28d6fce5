"""What one page was heard to do, kept as it came and put in order at the end.

Source: Chrome DevTools Protocol; the raw headers of an answer come apart from the answer, in the
order of its hops, so each is given to the hop whose turn it is.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from troth.rules.trace import PLACE_MAX, Kind, State, Trace, host_of, name_of, party_of, place_of, read_line

PIXEL_BYTES_MAX = 100
LINE_BYTES_MAX, LINES_MAX, BYTES_MAX = 5000, 200, 4_000_000
"""How long a Set-Cookie line, how many of one answer, and how much of one page is kept in memory."""
numbers = itertools.count(1)
"""The order in which things were seen, over all pages."""
_FRAME = re.compile(
    r"^\s*at (?:(?P<name>[^()\n]{1,80}) \()?(?P<url>(?:https?|wss?)://[^\s)]+?)(?::(?P<at>\d+:\d+))?\)?$"
)
_ENDLESS = frozenset({"EventSource", "WebSocket", "Ping", "Other", "Media"})
_KINDS = frozenset({"cookie", "local_storage", "session_storage", "indexed_db", "other"})


@dataclass(slots=True)
class _Request:
    """One request with its hops; each hop is a URL that answered with headers of its own."""

    frame: str
    type: str
    hops: list[str] = field(default_factory=list)
    answers: int = 0
    status: int = 0
    bytes: int = 0
    done: bool = False
    state: State = "before"
    order: int = 0
    stack: tuple[str, ...] = ()
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class _Answer:
    """Set-Cookie lines as they came, with why the browser refuses some."""

    request: str
    hop: int
    lines: tuple[str, ...]
    refused: Mapping[str, tuple[str, ...]]
    at: float
    order: int
    state: State
    top: str


class Record:
    """What a page did so far; `state` is what its visitor has chosen, `main` its own frame, `url` where it is."""

    def __init__(self) -> None:
        self._requests: dict[str, _Request] = {}
        self._answers: list[_Answer] = []
        self._told: list[tuple[dict[str, Any], State, int]] = []
        self.state: State = "before"
        self.url = self.site = self.main = ""
        self.status = 0
        self.active = 0.0
        self._bytes = 0

    def loading(self) -> int:
        """Count the requests that have not ended and will."""
        return sum(not one.done and one.type not in _ENDLESS for one in self._requests.values())

    def requested(self, params: Mapping[str, Any]) -> None:
        """Take a request that goes out, or its next hop."""
        self.active = time.monotonic()
        name, url = params["requestId"], params["request"]["url"][: PLACE_MAX * 4]
        known = self._requests.get(name)
        if known is None:
            stack = tuple(_initiators(params.get("initiator") or {}))
            known = self._requests[name] = _Request(
                params.get("frameId", ""), params.get("type", "Other"), state=self.state, order=next(numbers),
                stack=stack, method=str(params["request"].get("method", "GET"))[:10],
            )  # fmt: skip
            known.done = url.startswith(("data:", "blob:"))
        known.hops.append(url)

    def answered(self, params: Mapping[str, Any]) -> None:
        """Take the headers of an answer, which stand there raw."""
        self.active = time.monotonic()
        headers = {name.lower(): value for name, value in params.get("headers", {}).items()}
        request = self._requests.get(params["requestId"])
        hop = request.answers if request is not None else 0
        if request is not None:
            request.answers += 1
            key = (params.get("cookiePartitionKey") or {}).get("topLevelSite", "")
            if request.type == "Document" and request.frame == self.main and key:
                self.site = host_of(key) or self.site
        refused: dict[str, tuple[str, ...]] = {}
        for one in params.get("blockedCookies", ()):
            refused[str(one.get("cookieLine", ""))] = tuple(str(why) for why in one.get("blockedReasons", ()))
        lines = str(headers.get("set-cookie", ""))
        if lines:
            every = tuple(line[:LINE_BYTES_MAX] for line in lines.split("\n")[:LINES_MAX])
            self._bytes += sum(map(len, every))
            if self._bytes > BYTES_MAX:
                return
            self._answers.append(
                _Answer(
                    params["requestId"],
                    hop,
                    every,
                    refused,
                    time.time(),
                    next(numbers),
                    self.state,
                    self.url,
                )
            )

    def received(self, params: Mapping[str, Any]) -> None:
        """Take what kind of answer it is."""
        self.active = time.monotonic()
        known = self._requests.get(params["requestId"])
        if known is not None:
            known.status = int(params["response"].get("status", 0))
            known.type = params.get("type", known.type)
            if known.type == "Document" and known.frame == self.main:
                self.status = known.status

    def data(self, params: Mapping[str, Any]) -> None:
        """Count what an answer brings."""
        self.active = time.monotonic()
        known = self._requests.get(params["requestId"])
        if known is not None:
            known.bytes += int(params.get("dataLength", 0))

    def done(self, params: Mapping[str, Any]) -> None:
        """Take the end of a request."""
        self.active = time.monotonic()
        known = self._requests.get(params["requestId"])
        if known is not None:
            known.done = True

    def shook_hands(self, params: Mapping[str, Any]) -> None:
        """Take the headers with which a socket is opened."""
        headers = params.get("response", {}).get("headers", {})
        self.answered({"requestId": params["requestId"], "headers": headers})

    def opened_socket(self, params: Mapping[str, Any]) -> None:
        """Take a socket that is opened."""
        known = _Request("", "WebSocket", state=self.state, order=next(numbers), done=True)
        known.hops.append(str(params.get("url", ""))[: PLACE_MAX * 4])
        self._requests[params["requestId"]] = known

    def told(self, params: Mapping[str, Any]) -> None:
        """Take what a script was seen to store."""
        with suppress(ValueError):
            told = json.loads(params["payload"][:20_000])
            if isinstance(told, dict):
                self._told.append((told, self.state, next(numbers)))

    def traces(self, site: str) -> list[Trace]:
        """Return everything that was written or requested, seen from a site; what happened elsewhere stays out."""
        return [*self._headers(site), *self._scripts(site), *self._asked_others(site)]

    def _headers(self, site: str) -> Iterator[Trace]:
        for one in self._answers:
            request = self._requests.get(one.request)
            if request is None or one.hop >= len(request.hops):
                continue
            if _elsewhere(one.top, site):
                continue
            url = request.hops[one.hop]
            for line in one.lines:
                asked = read_line(line, one.at)
                if asked is None or (asked.seconds is not None and asked.seconds <= 0):
                    continue
                host = asked.domain or host_of(url)
                yield Trace(
                    "cookie", asked.name, host, party_of(host, site), one.state, "header", place_of(one.top or url),
                    place_of(url), asked.seconds, one.at, one.order, f"Set-Cookie: {asked.line}", request.stack,
                    asked.path, asked.partitioned, one.refused.get(line, ()),
                )  # fmt: skip

    def _scripts(self, site: str) -> Iterator[Trace]:
        for told, state, order in self._told:
            top = str(told.get("top", ""))
            if _elsewhere(top, site):
                continue
            page, origin = str(told.get("page", "")), str(told.get("origin", ""))
            host, stack = host_of(origin), tuple(_stack(str(told.get("stack", ""))))
            wrote = stack[0].rpartition(" ")[2].rpartition("#")[0] if stack else place_of(page)
            now = told.get("at")
            at = float(now) / 1000 if isinstance(now, int | float) else time.time()
            kind: Kind = told["kind"] if told.get("kind") in _KINDS else "other"
            if kind != "cookie":
                yield Trace(kind, name_of(str(told.get("name", ""))), host, party_of(host, site), state, "script",
                            place_of(self.url or top), wrote, None, at, order, "", stack)  # fmt: skip
                continue
            asked = read_line(str(told.get("line", "")), at)
            if asked is None or (asked.seconds is not None and asked.seconds <= 0):
                continue
            host = asked.domain or host
            yield Trace(
                kind, asked.name, host, party_of(host, site), state, "script", place_of(self.url or top), wrote,
                asked.seconds, at, order, f"document.cookie: {asked.line}", stack, asked.path, asked.partitioned,
            )  # fmt: skip

    def _asked_others(self, site: str) -> Iterator[Trace]:
        if _elsewhere(self.url, site):
            return
        for one in self._requests.values():
            for url in one.hops:
                host = host_of(url)
                if (
                    not host
                    or party_of(host, site) == "first"
                    or (one.type == "Document" and one.frame == self.main)
                ):
                    continue
                small = one.type == "Image" and one.done and one.status and one.bytes <= PIXEL_BYTES_MAX
                kind: Kind = "pixel" if small or one.type == "Ping" else "other"
                yield Trace(kind, host, host, "third", one.state, "request", place_of(self.url), place_of(url), None,
                            0.0, one.order, f"{one.method} {place_of(url)} ({one.type})", one.stack)  # fmt: skip


def _elsewhere(url: str, site: str) -> bool:
    """Say whether a page is of another site; one that is not there yet is not."""
    host = host_of(url)
    return bool(host) and party_of(host, site) == "third"


def _initiators(initiator: Mapping[str, Any]) -> Iterator[str]:
    frames = (initiator.get("stack") or {}).get("callFrames") or ()
    for one in frames[:6]:
        if one.get("url"):
            line, column = int(one.get("lineNumber", 0)) + 1, int(one.get("columnNumber", 0)) + 1
            yield f"{one.get('functionName') or 'anonymous'} {place_of(one['url'])}#{line}:{column}"
    if not frames and initiator.get("url"):
        yield f"page {place_of(initiator['url'])}#{int(initiator.get('lineNumber', 0)) + 1}:1"


def _stack(written: str) -> Iterator[str]:
    """Yield the frames of a script's stack that are the page's own, as `function place#line:column`."""
    for line in written.splitlines()[:14]:
        found = _FRAME.match(line)
        if found is not None:
            yield f"{found['name'] or 'anonymous'} {place_of(found['url'])}#{found['at'] or '1:1'}"
