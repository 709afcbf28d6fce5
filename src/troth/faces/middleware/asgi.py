"""The gate for ASGI applications: Starlette, FastAPI, Litestar, Django, Quart and their like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from troth.faces.middleware import Around
from troth.rules.set_cookie import Gate

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class CookieGate(Around):
    """Wraps an application: `CookieGate(app, gate_of(text))` reports, `mode="enforce"` acts."""

    __slots__ = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and its response through the gate."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        cookie_headers = [value for name, value in scope["headers"] if name == b"cookie"]
        kept = self.of_request(cookie_headers)
        if kept is not None:
            others = [one for one in scope["headers"] if one[0] != b"cookie"]
            scope = {**scope, "headers": [*others, *((b"cookie", value) for value in kept)]}

        async def through(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = self._passed(message, scope, cookie_headers)
            await send(message)

        await self.app(scope, receive, through)

    def _passed(self, message: Message, scope: Scope, cookie_headers: list[bytes]) -> Message:
        headers = message.get("headers") or []
        set_cookies = [value for name, value in headers if name.lower() == b"set-cookie"]
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        secure = scope.get("scheme") in ("https", "wss")
        passed = self.of_response(set_cookies, cookie_headers, host, secure=secure)
        if passed is None:
            return message
        others = [one for one in headers if one[0].lower() != b"set-cookie"]
        return {**message, "headers": [*others, *((b"set-cookie", one) for one in passed)]}


def enforced(app: App, *, gate: Gate, now: Callable[[], int]) -> CookieGate:
    """Wrap an application in a gate that acts, for the route that records choices."""
    return CookieGate(app, gate, mode="enforce", now=now, everywhere=True)
