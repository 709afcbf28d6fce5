"""The gate in the headers of any Python web application: ASGI and WSGI, on raw bytes.

It begins by reporting only; what it would do is counted and logged once for each cookie and
reason, by name and never by value.  Nothing here reads a body, so streams stay streams.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from troth.errors import WrongFileError
from troth.rules.cookie import table
from troth.rules.set_cookie import Deed, Gate, brought, elsewhere, filtered, stripped

LOG = logging.getLogger("troth.gate")
Mode = Literal["report", "enforce"]
Told = Callable[[Deed], None]
KNOWN_MAX = 1000
ROW_MAX = 1000
_ACTS: Mode = "enforce"


class Seen:
    """Counts what the gate did, and logs each cookie and reason once.

    What is known already is only put in a row, which costs a response nearly nothing, and is counted later.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._row: deque[Deed] = deque()
        self._lock = threading.Lock()

    @property
    def counts(self) -> Counter[tuple[str, str, str]]:
        """How often each thing was done, by name, deed and reason."""
        self._count()
        return self._counts

    def __call__(self, deed: Deed) -> None:
        """Count a deed."""
        if deed not in self._counts:
            self._begin(deed)
        elif len(self._row) < ROW_MAX:
            self._row.append(deed)
        else:
            self._count(deed)

    def _begin(self, deed: Deed) -> None:
        with self._lock:
            first = deed not in self._counts
            if first and len(self._counts) >= KNOWN_MAX:
                return
            self._counts[deed] += 1
        if first:
            LOG.warning("cookie %r: %s (%s)", *deed)

    def _count(self, *more: Deed) -> None:
        with self._lock:
            for _ in range(len(self._row)):
                self._counts[self._row.popleft()] += 1
            self._counts.update(more)


def _now() -> int:
    return int(time.time())


@dataclass(slots=True)
class Around:
    """What stands around an application: the gate, what it does, and whom it tells.

    It reports, and with `mode="enforce"` acts; `strip_requests` also keeps refused cookies
    from the application (when it acts); `everywhere` also deletes what other paths have, for the
    route that records choices.
    """

    app: Any
    gate: Gate
    mode: Mode = field(default="report", kw_only=True)
    strip_requests: bool = field(default=False, kw_only=True)
    told: Told = field(default_factory=Seen, kw_only=True)
    now: Callable[[], int] = field(default=_now, kw_only=True)
    everywhere: bool = field(default=False, kw_only=True)

    def of_request(self, cookie_headers: Sequence[bytes]) -> tuple[bytes, ...] | None:
        """Return the Cookie headers that the application gets; None where they stay as they are."""
        if not self.strip_requests or not cookie_headers:
            return None
        kept, deeds = stripped(self.gate, cookie_headers, self.now())
        return kept if self._acts(deeds) else None

    def of_response(
        self, set_cookies: Sequence[bytes], cookie_headers: Sequence[bytes], host: str, *, secure: bool
    ) -> tuple[bytes, ...] | None:
        """Return the Set-Cookie headers that the browser gets; None where they stay as they are."""
        cookies, now = brought(cookie_headers), self.now()
        set_anew, deeds = filtered(self.gate, set_cookies, cookies, now, host=host, secure=secure)
        kept = set_anew if deeds and self._acts(deeds) else None
        if not self.everywhere:
            return kept
        gone = elsewhere(self.gate, cookies, now, host=host, secure=secure)
        return (*(set_cookies if kept is None else kept), *gone)

    def _acts(self, deeds: Sequence[Deed]) -> bool:
        for deed in deeds:
            self.told(deed)
        return bool(deeds) and self.mode == _ACTS


def gate_of(policy_text: str, *, drop_unknown: bool = False) -> Gate:
    """Read the gate out of a policy's text; raises WrongFileError where it has mistakes or no table."""
    from troth.errors import Problem
    from troth.policy.loading import load

    policy, problems = load({"policy.md": policy_text})
    if policy is None or problems:
        raise WrongFileError(problems)
    if policy.cookies is None or not policy.cookies.table:
        what = "The policy declares no cookies, so the gate would know none."
        raise WrongFileError([Problem("policy.md", 1, 1, what, "Write `cookies: table:`.")])
    return Gate(table(policy.cookies), drop_unknown=drop_unknown)


__all__ = ["Around", "Deed", "Gate", "Mode", "Seen", "Told", "gate_of"]
