"""The gate for ASGI applications: Starlette, FastAPI, Litestar, Django, Quart and their like."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from troth.faces.middleware import Mode, Seen, Told
from troth.rules.set_cookie import Gate, Passed, brought, filtered, stripped

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def _now() -> int:
    return int(time.time())


class CookieGate:
    """Wraps an application: `CookieGate(app, gate_of(text))` reports, `mode="enforce"` acts.

    `strip_requests` also keeps refused cookies from the application (when it enforces).
    """

    def __init__(
        self,
        app: App,
        gate: Gate,
        *,
        mode: Mode = "report",
        strip_requests: bool = False,
        told: Told | None = None,
        now: Callable[[], int] = _now,
    ) -> None:
        self.app, self.gate, self.mode, self.strip_requests, self.now = app, gate, mode, strip_requests, now
        self.told = told or Seen()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and its response through the gate."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        cookie_headers = [value for name, value in scope["headers"] if name == b"cookie"]
        enforce = self.mode == "enforce"
        if self.strip_requests and cookie_headers:
            kept, deeds = stripped(self.gate, cookie_headers, self.now())
            for deed in deeds:
                self.told(deed)
            if enforce and deeds:
                others = [one for one in scope["headers"] if one[0] != b"cookie"]
                scope = {**scope, "headers": [*others, *((b"cookie", value) for value in kept)]}

        async def through(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = self._passed(message, scope, cookie_headers, enforce=enforce)
            await send(message)

        await self.app(scope, receive, through)

    def _passed(
        self, message: Message, scope: Scope, cookie_headers: list[bytes], *, enforce: bool
    ) -> Message:
        headers = message.get("headers") or []
        set_cookies = [value for name, value in headers if name.lower() == b"set-cookie"]
        if not set_cookies and not cookie_headers:
            return message
        passed: Passed = filtered(
            self.gate, set_cookies, brought(cookie_headers), self.now(), host=_host(scope),
            secure=scope.get("scheme") in ("https", "wss"),
        )  # fmt: skip
        for deed in passed.deeds:
            self.told(deed)
        if not enforce or not passed.deeds:
            return message
        others = [one for one in headers if one[0].lower() != b"set-cookie"]
        return {**message, "headers": [*others, *((b"set-cookie", one) for one in passed.set_cookies)]}


def enforced(app: App, *, gate: Gate, now: Callable[[], int]) -> CookieGate:
    """Wrap an application in a gate that acts, for routes of our own."""
    return CookieGate(app, gate, mode="enforce", now=now)


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
