"""The one thin layer that sends a call, now or later; both are the same but for how they wait.

What may be tried again is tried three times: where nothing answered, and where the server says 429 or 503.  Calls that
record carry a name, so that trying again records once.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from functools import cache
from types import TracebackType
from typing import TypeVar

import httpx
import msgspec

from troth.client.calls import Call

Answer = TypeVar("Answer", bound=msgspec.Struct)
TRIES_MAX = 3
AGAIN = frozenset({429, 502, 503, 504})
WAIT_SECONDS_MAX = 30.0


class Refused(Exception):  # noqa: N818
    """The call says something that cannot be, or the key may not say it: change it, and send another."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status, self.detail = status, detail


class Unreachable(Exception):  # noqa: N818
    """Nothing answered, or not now: the same call may be sent again.  In doubt, do not do what you asked about."""


def _request(client: httpx.Client | httpx.AsyncClient, call: Call[Answer]) -> httpx.Request:
    headers = {"Idempotency-Key": call.once} if call.once else {}
    return client.build_request(call.method, call.path, json=call.body, headers=headers)


def _read(call: Call[Answer], answered: httpx.Response) -> Answer:
    """Return the answer; raises Refused or Unreachable."""
    if answered.is_success:
        try:
            return msgspec.json.decode(answered.content, type=call.answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unreachable("What answered is not Troth, or of another version.") from None
    detail = "It was refused."
    if answered.headers.get("content-type", "").startswith("application/problem+json"):
        try:
            detail = str(answered.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = "It was refused, without a reason that can be read."
    if answered.status_code in AGAIN or answered.status_code >= 500:
        raise Unreachable(f"{answered.status_code}: {detail}")
    raise Refused(answered.status_code, detail)


def _wait(tried: int, answered: httpx.Response | None) -> float | None:
    """Return how many seconds to wait before another try; None where there is none."""
    if tried >= TRIES_MAX or (answered is not None and answered.status_code not in AGAIN):
        return None
    said = answered.headers.get("retry-after", "") if answered is not None else ""
    wait = float(said) if said.isdecimal() else 0.2 * 2**tried
    return wait if wait <= WAIT_SECONDS_MAX else None


def _options(key: str, seconds: float) -> dict[str, object]:
    return {
        "headers": {"Authorization": f"Bearer {key}"},
        "timeout": seconds,
        "follow_redirects": False,
        "verify": _trusted(),
    }


@cache
def _trusted() -> ssl.SSLContext:
    """Read once in a process which certificates are trusted: that takes 30 ms."""
    return httpx.create_ssl_context()


class Client:
    """Sends calls and waits for their answers; close it, or use it with `with`."""

    def __init__(
        self, url: str, key: str, *, seconds: float = 10, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(base_url=url, transport=transport, **_options(key, seconds))  # type: ignore[arg-type]

    def send(self, call: Call[Answer]) -> Answer:
        """Send a call; raises Refused or Unreachable."""
        tried = 0
        while True:
            tried += 1
            answered = None
            try:
                answered = self._http.send(_request(self._http, call))
            except httpx.TransportError as error:
                told = type(error).__name__
            wait = _wait(tried, answered)
            if wait is None:
                if answered is None:
                    raise Unreachable(f"Nothing answered ({told}).")
                return _read(call, answered)
            time.sleep(wait)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """Sends calls without holding anything up; close it, or use it with `async with`."""

    def __init__(
        self, url: str, key: str, *, seconds: float = 10, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, transport=transport, **_options(key, seconds))  # type: ignore[arg-type]

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a call; raises Refused or Unreachable."""
        tried = 0
        while True:
            tried += 1
            answered = None
            try:
                answered = await self._http.send(_request(self._http, call))
            except httpx.TransportError as error:
                told = type(error).__name__
            wait = _wait(tried, answered)
            if wait is None:
                if answered is None:
                    raise Unreachable(f"Nothing answered ({told}).")
                return _read(call, answered)
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()
