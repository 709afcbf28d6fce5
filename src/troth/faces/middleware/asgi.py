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

_ANSWERED = frozenset({"http", "websocket"})
_BEGINS = frozenset({"http.response.start", "websocket.accept"})
_SECURE = frozenset({"https", "wss"})
_SET_COOKIE = b"set-cookie"
_LENGTH = len(_SET_COOKIE)


class CookieGate(Around):
    """Wraps an application: `CookieGate(app, gate_of(text))` reports, `mode="enforce"` acts."""

    __slots__ = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and its response through the gate."""
        if scope["type"] not in _ANSWERED:
            await self.app(scope, receive, send)
            return
        brought = scope["headers"]
        cookie_headers = [value for name, value in brought if name == b"cookie"]
        if self.strip_requests:
            kept = self.of_request(cookie_headers)
            if kept is not None:
                others = [one for one in brought if one[0] != b"cookie"]
                scope = {**scope, "headers": [*others, *((b"cookie", value) for value in kept)]}

        async def through(message: Message) -> None:
            if message["type"] in _BEGINS:
                message = self._passed(message, scope, cookie_headers)
            await send(message)

        await self.app(scope, receive, through)

    def _passed(self, message: Message, scope: Scope, cookie_headers: list[bytes]) -> Message:
        set_cookies: list[bytes] = []
        others: list[tuple[bytes, bytes]] = []
        for one in message.get("headers") or ():
            if len(one[0]) == _LENGTH and one[0].lower() == _SET_COOKIE:
                set_cookies.append(one[1])
            else:
                others.append(one)
        if not set_cookies and not cookie_headers:
            return message
        host = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                break
        secure = scope.get("scheme") in _SECURE
        passed = self.of_response(set_cookies, cookie_headers, host.decode("latin-1"), secure=secure)
        if passed is None:
            return message
        others += [(_SET_COOKIE, written) for written in passed]
        return {**message, "headers": others}


def enforced(app: App, *, gate: Gate, now: Callable[[], int]) -> CookieGate:
    """Wrap an application in a gate that acts, for the route that records choices."""
    return CookieGate(app, gate, mode="enforce", now=now, everywhere=True)
