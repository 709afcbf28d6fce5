"""HEAD wherever GET is answered: the same status and headers, and no body.

Monitors, link checkers and mail programs ask so whether an address is there.

Source: RFC 9110 sections 9.1 and 9.3.2 (every server answers GET and HEAD).
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request
from litestar.types import Message, Receive, Scope, Send

LOOKED = "troth.head"
"""Where a message to the routes says that it was asked as HEAD."""


def is_head(request: Request[Any, Any, Any]) -> bool:
    """Say whether somebody only looked whether an address is there: what GET measures or counts, that does not."""
    scope: Any = request.scope
    return bool(scope.get(LOOKED, False))


class Application(Litestar):
    """An application that answers HEAD as it answers GET."""

    async def __call__(self, scope: Scope | Any, receive: Receive | Any, send: Send | Any) -> None:
        """Answer a message; HEAD is asked of the routes as GET, and what they send goes without its body."""
        asked: Any = scope
        bare = asked["type"] == "http" and asked["method"] == "HEAD"

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(name, _with_head(name, value)) for name, value in message["headers"]]
            elif bare and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        if bare:
            asked = {**asked, "method": "GET", LOOKED: True}
        await super().__call__(asked, receive, sent)


def _with_head(name: bytes, value: bytes) -> bytes:
    """Return the value of a header, with HEAD where it lists what an address is asked by, GET among it.

    >>> _with_head(b"allow", b"GET, OPTIONS"), _with_head(b"allow", b"POST"), _with_head(b"vary", b"GET")
    (b'GET, OPTIONS, HEAD', b'POST', b'GET')
    """
    named = [one.strip() for one in value.split(b",")] if name.lower() == b"allow" else []
    return value + b", HEAD" if b"GET" in named and b"HEAD" not in named else value
