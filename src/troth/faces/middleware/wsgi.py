"""The gate for WSGI applications: Django, Flask, Pyramid and their like."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from troth.faces.middleware import Around

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Start = Callable[..., Any]


class CookieGate(Around):
    """Wraps an application: `CookieGate(app, gate_of(text))` reports, `mode="enforce"` acts."""

    __slots__ = ()

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Let a request through, and its response through the gate; the body is passed on as it comes."""
        written = environ.get("HTTP_COOKIE", "").encode("latin-1")
        cookie_headers = [written] if written else []
        kept = self.of_request(cookie_headers)
        if kept is not None:
            environ = {**environ, "HTTP_COOKIE": b"; ".join(kept).decode("latin-1")}

        def start(status: str, headers: Headers, *more: Any) -> Any:
            return start_response(status, self._passed(headers, environ, cookie_headers), *more)

        answer: Iterable[bytes] = self.app(environ, start)
        return answer

    def _passed(self, headers: Headers, environ: Environ, cookie_headers: list[bytes]) -> Headers:
        set_cookies = [value.encode("latin-1") for name, value in headers if name.lower() == "set-cookie"]
        host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
        secure = environ.get("wsgi.url_scheme") == "https"
        passed = self.of_response(set_cookies, cookie_headers, host, secure=secure)
        if passed is None:
            return headers
        others = [one for one in headers if one[0].lower() != "set-cookie"]
        return [*others, *(("Set-Cookie", one.decode("latin-1")) for one in passed)]
