"""A token by which a mailbox opens, fetched from where it is given and fetched anew before it ends.

Source: RFC 6749 (OAuth 2.0): sections 4.4 (client credentials), 5.1, 5.2 and 6 (refreshing).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from troth.errors import UnreachableError
from troth.outside.post import Answered, post

EARLY_SECONDS = 60.0
"""A token is fetched anew this long before it ends."""
LASTS_SECONDS = 300.0
"""For how long a token is used that does not say when it ends."""
_CODE = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Grant:
    """By what right a token is given: a refresh token, or the credentials of a program alone.

    Secrets are looked up each time, so that a file that is written anew is read anew.
    """

    url: str
    client: str
    client_secret: Callable[[], str] = field(default=str, repr=False)
    refresh_token: Callable[[], str] = field(default=str, repr=False)
    scope: str = ""


@dataclass(slots=True)
class AccessToken:
    """One token and its renewal.  A server that gives another refresh token with it is asked by that from then on."""

    grant: Grant
    clock: Callable[[], float] = time.monotonic
    _token: str = field(default="", repr=False)
    _ends: float = 0.0
    _next: str = field(default="", repr=False)

    def __call__(self) -> str:
        """Return a token that is good for a minute at least; raises UnreachableError when none is given."""
        if not self._token or self.clock() > self._ends - EARLY_SECONDS:
            self._fetch()
        return self._token

    def forget(self) -> None:
        """Fetch another the next time: this one was refused."""
        self._token = ""

    def _fetch(self) -> None:
        grant, refresh = self.grant, self._next or self.grant.refresh_token()
        asked = {"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {
            "grant_type": "client_credentials",
        }  # fmt: skip
        asked["client_id"] = grant.client
        secret = grant.client_secret()
        if secret:
            asked["client_secret"] = secret
        if grant.scope:
            asked["scope"] = grant.scope
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answered = post(grant.url, urlencode(asked).encode(), headers)
        told = _read(answered)
        token = told.get("access_token")
        if answered.status != 200 or not isinstance(token, str) or not token.isprintable() or not token:
            self._next = ""  # the one that was set is tried again
            raise UnreachableError(
                f"No token was given for the mailbox: {_why(answered, told)}. See [mail] inbox_token_url, inbox_client "
                "and the secrets, and try again."
            )
        lasts = told.get("expires_in")
        seconds = float(lasts) if isinstance(lasts, int | float) and lasts > 0 else LASTS_SECONDS
        self._token, self._ends = token, self.clock() + seconds
        rotated = told.get("refresh_token")
        self._next = rotated if isinstance(rotated, str) and refresh else ""


def _read(answered: Answered) -> Mapping[str, Any]:
    try:
        told = json.loads(answered.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _why(answered: Answered, told: Mapping[str, Any]) -> str:
    code = told.get("error")
    if isinstance(code, str) and _CODE.fullmatch(code):
        return f"the server said {code}"
    return "the server did not answer" if not answered.status else f"the server said {answered.status}"
