"""Asking an HTTP API: signed in, at its pace, again where that is safe, and never anybody else.

Only hosts that the map names are asked, encrypted unless they are this machine; no redirect is
followed; answers are bounded in time, size and number.  What is said of a failure is the call as
the map writes it, with its gaps, and a number: never an address, a value or an answer.

The library's own log names addresses, so nothing of it is written.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpx

from troth.errors import NotAllowedError, UnreachableError
from troth.stores.http_map import GAP, Api, Call

for _name in (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
):
    # The library's own, which name addresses.  A filter stays whatever a program configures; `disabled` does not.
    logging.getLogger(_name).addFilter(lambda _: False)

BYTES_MAX = 64 * 1024 * 1024
PAUSE_MAX = 120.0
TRIED_AGAIN = frozenset({429, 500, 502, 503, 504})
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answered: `said` is its JSON, or None where there is none."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    said: Any = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pace:
    """The clock that is waited by."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


@cache
def _trusted() -> ssl.SSLContext:
    """Read once in a process which certificates are trusted: a client that reads them anew takes 30 ms to be made."""
    return httpx.create_ssl_context(trust_env=False)


class Asker:
    """One API, asked with one pair of credentials."""

    def __init__(self, store: str, api: Api, url: str, pace: Pace) -> None:
        self._store, self._api, self._pace = store, api, pace
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        if host not in api.hosts:
            raise NotAllowedError(
                f"The store `{store}` is at a host that its map does not name under `hosts`, and nobody else is asked."
            )
        self._base = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._secret = self._password or self._user
        self._token: tuple[str, float] | None = None
        self._last = float("-inf")
        self.check(self._base)
        self._client = httpx.Client(
            follow_redirects=False,
            trust_env=False,
            verify=_trusted(),
            timeout=api.seconds,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "troth"},
        )

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def check(self, address: str) -> str:
        """Return an address that may be asked; raises NotAllowedError for any other."""
        parts = urlsplit(address)
        secret = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
        if parts.netloc not in self._api.hosts or not secret:
            raise NotAllowedError(
                f"The store `{self._store}` leads to an address that its map does not allow: another host than those "
                "under `hosts`, or one that is not encrypted. It was not asked."
            )
        return address

    def ask(
        self,
        call: Call,
        values: Mapping[str, object],
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a call with these values in its gaps; raises where it was refused or never answered."""
        path = filled(call, values, self._store)
        sent = body if body is not None else _in_body(call.body, values)
        return self.send(call, f"{self._base}{path}", sent, headers or {})

    def follow(self, call: Call, answer: Answer, address: str) -> Answer:
        """Ask an address that an answer named, as it stands there."""
        try:
            following = urljoin(answer.address, address)
        except ValueError:
            raise NotAllowedError(
                f"The store `{self._store}` answers `{call}` with an address to ask next that is none. It was not "
                "asked."
            ) from None
        return self.send(Call("GET", call.path), self.check(following), None, {})

    def send(self, call: Call, address: str, body: object, headers: Mapping[str, str]) -> Answer:
        """Ask, and again after a pause where the server was busy or did not answer."""
        renewed = False
        left = self._api.tries
        pause = 0.5
        while True:
            left -= 1
            answer = self._once(call, address, body, headers)
            if answer is not None and answer.status == 401 and self._api.sign_in == "oauth2" and not renewed:
                renewed, self._token = True, None
                left += 1
                continue
            if answer is not None and answer.status not in TRIED_AGAIN:
                return self._settled(call, answer)
            if not left:
                told = f" (it last answered {answer.status})" if answer is not None else ""
                raise UnreachableError(
                    f"The store `{self._store}` does not answer `{call}`{told}, asked {self._api.tries} times. What "
                    "was done before stays done; try again later."
                )
            asked = _retry_after(answer.headers) if answer is not None else None
            if asked is not None and asked > PAUSE_MAX:
                raise UnreachableError(
                    f"The store `{self._store}` asks to be left alone for {asked:.0f} seconds. What was done before "
                    "stays done; try again later."
                )
            self._pace.pause(asked if asked is not None else pause)
            pause = min(pause * 2, PAUSE_MAX)

    # One try

    def _once(self, call: Call, address: str, body: object, headers: Mapping[str, str]) -> Answer | None:
        """Ask once; None where there was no answer, or not a whole one."""
        if self._api.per_second:
            wait = self._last + 1 / self._api.per_second - self._pace.now()
            if wait > 0:
                self._pace.pause(wait)
            self._last = self._pace.now()
        told = {**self._api.headers, **self._signed(), **headers}
        return self._sent(call.method, address, told, json_=body)

    def _sent(
        self, method: str, address: str, headers: Mapping[str, str], *, json_: object = None, form: Any = None
    ) -> Answer | None:
        content: dict[str, Any] = {}
        if form is not None:
            content["data"] = form
        elif json_ is not None:
            content["content"] = json.dumps(json_)  # where text is no Unicode, it is written with escapes
            headers = {"Content-Type": "application/json", **headers}
        end = time.monotonic() + self._api.seconds * 5
        try:
            with self._client.stream(method, address, headers=dict(headers), **content) as response:
                read = bytearray()
                for chunk in response.iter_bytes():
                    read += chunk
                    if len(read) > BYTES_MAX:
                        raise NotAllowedError(
                            f"The store `{self._store}` answers with more than {BYTES_MAX:,} bytes at once. Ask for "
                            "smaller pages in its map."
                        )
                    if time.monotonic() > end:  # a drop now and then would keep it going for ever
                        return None
        except (httpx.TransportError, httpx.DecodingError):
            return None
        except httpx.InvalidURL:
            raise NotAllowedError(f"The store `{self._store}` names an address that is none.") from None
        said = None
        if read:
            try:
                said = json.loads(bytes(read))
            except (ValueError, RecursionError):
                said = None if response.status_code >= 300 else ...
        return Answer(response.status_code, dict(response.headers), said, address)

    def _settled(self, call: Call, answer: Answer) -> Answer:
        """Return an answer that can be gone on with; raise for any other."""
        status = answer.status
        if status in (404, 410, 412):
            return answer
        if 300 <= status < 400:
            raise NotAllowedError(
                f"The store `{self._store}` answers `{call}` with a redirect, which is not followed. Write the address "
                "it leads to in the map, if it is right."
            )
        if status >= 400 or status < 200:
            signed = (
                " See whether the credentials are right, and what they may do."
                if status in (401, 403)
                else ""
            )
            raise NotAllowedError(f"The store `{self._store}` refuses `{call}` ({status}).{signed}")
        if answer.said is ...:
            raise NotAllowedError(
                f"The store `{self._store}` answers `{call}` with something else than JSON."
            )
        return answer

    # Signing in

    def _signed(self) -> Mapping[str, str]:
        match self._api.sign_in:
            case "bearer":
                return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
            case "basic":
                made = httpx.BasicAuth(self._user, self._password)
                return {"Authorization": made._auth_header}
            case "header":
                return {self._api.header: self._secret}
            case "oauth2":
                return {"Authorization": f"Bearer {self._bearer()}"}
            case _:
                return {}

    def _bearer(self) -> str:
        """Return a token of client credentials (RFC 6749, 4.4), a new one a little before it ends."""
        if self._token is not None and self._pace.now() < self._token[1]:
            return self._token[0]
        address = self._api.token
        if address.startswith("/"):
            address = f"{self._base}{address}"
        form = {"grant_type": "client_credentials"} | ({"scope": self._api.scope} if self._api.scope else {})
        made = httpx.BasicAuth(quote(self._user, safe=""), quote(self._password, safe=""))
        headers = {"Authorization": made._auth_header}
        answer = self._sent("POST", self.check(address), headers, form=form)
        said = answer.said if answer is not None and answer.status == 200 else None
        if answer is None or answer.status in TRIED_AGAIN:
            raise UnreachableError(
                f"The store `{self._store}` gives no token now. Nothing was changed; try again."
            )
        if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
            raise NotAllowedError(
                f"The store `{self._store}` gives no token for these credentials ({answer.status}). Nothing was "
                "changed."
            )
        seconds = said.get("expires_in")
        lasting = float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 10**9 else 300.0
        self._token = said["access_token"], self._pace.now() + lasting * 0.9
        return self._token[0]


def filled(call: Call, values: Mapping[str, object], store: str) -> str:
    """Return the path of a call with values in its gaps, each escaped, none of them empty or leading upwards.

    >>> filled(Call("GET", "/people/{id}?mail={mail}"), {"id": "a/b", "mail": "a+b@x.example"}, "crm")
    '/people/a%2Fb?mail=a%2Bb%40x.example'
    """
    path = call.path
    for gap in call.gaps:
        if "{" + gap + "}" in path:
            written = _text(values.get(gap))
            if written.strip() in ("", ".", ".."):
                raise NotAllowedError(
                    f"A row of the store `{store}` has nothing for `{gap}` that `{call}` could be asked with. It was "
                    "not asked."
                )
            try:
                path = path.replace("{" + gap + "}", quote(written, safe=""))
            except UnicodeEncodeError:
                raise NotAllowedError(
                    f"A row of the store `{store}` has something for `{gap}` that is no text, so that `{call}` cannot "
                    "name it. It was not asked."
                ) from None
    return path


def _in_body(body: object, values: Mapping[str, object]) -> object:
    """Return a body with values in its gaps; one that is a gap alone gets the value itself."""
    match body:
        case str() if body.startswith("{") and body.endswith("}") and body[1:-1] in values:
            value = values[body[1:-1]]
            return _text(value) if isinstance(value, bytes) else value
        case str():
            return GAP.sub(lambda gap: _text(values[gap[1]]) if gap[1] in values else gap[0], body)
        case dict():
            return {name: _in_body(value, values) for name, value in body.items()}
        case list():
            return [_in_body(value, values) for value in body]
        case _:
            return body


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogatepass")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a server asks to wait."""
    written = headers.get("retry-after", "").strip()
    if written.isdecimal():
        return float(written[:9])
    try:
        at = parsedate_to_datetime(written)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
