"""The gate for WSGI applications: Django, Flask, Pyramid and their like."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from troth.faces.middleware import Mode, Seen, Told
from troth.rules.set_cookie import Gate, brought, filtered, stripped

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]


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

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Let a request through, and its response through the gate; the body is passed on as it comes."""
        written = environ.get("HTTP_COOKIE", "").encode("latin-1")
        cookie_headers = [written] if written else []
        enforce = self.mode == "enforce"
        if self.strip_requests and cookie_headers:
            kept, deeds = stripped(self.gate, cookie_headers, self.now())
            for deed in deeds:
                self.told(deed)
            if enforce and deeds:
                environ = {**environ, "HTTP_COOKIE": b"; ".join(kept).decode("latin-1")}

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(
                status, self._passed(headers, environ, cookie_headers, enforce=enforce), *more
            )

        return self.app(environ, start)

    def _passed(
        self,
        headers: list[tuple[str, str]],
        environ: Environ,
        cookie_headers: list[bytes],
        *,
        enforce: bool,
    ) -> list[tuple[str, str]]:
        set_cookies = [value.encode("latin-1") for name, value in headers if name.lower() == "set-cookie"]
        if not set_cookies and not cookie_headers:
            return headers
        passed = filtered(
            self.gate, set_cookies, brought(cookie_headers), self.now(),
            host=environ.get("HTTP_HOST") or environ.get("SERVER_NAME", ""),
            secure=environ.get("wsgi.url_scheme") == "https",
        )  # fmt: skip
        for deed in passed.deeds:
            self.told(deed)
        if not enforce or not passed.deeds:
            return headers
        others = [one for one in headers if one[0].lower() != "set-cookie"]
        return [*others, *(("Set-Cookie", one.decode("latin-1")) for one in passed.set_cookies)]
