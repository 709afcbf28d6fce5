"""The gate in the headers of any Python web application: ASGI and WSGI, on raw bytes.

It begins by reporting only; what it would do is counted and logged once for each cookie and
reason, by name and never by value.  Nothing here reads a body, so streams stay streams.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Literal

from troth.errors import WrongFileError
from troth.rules.cookie import table
from troth.rules.set_cookie import Deed, Gate

LOG = logging.getLogger("troth.gate")
Mode = Literal["report", "enforce"]
Told = Callable[[Deed], None]
KNOWN_MAX = 1000


class Seen:
    """Counts what the gate did, and logs each cookie and reason once."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, deed: Deed) -> None:
        """Count a deed."""
        key = (deed.name, deed.did, deed.because)
        with self._lock:
            if key not in self.counts and len(self.counts) >= KNOWN_MAX:
                return
            self.counts[key] += 1
            first = self.counts[key] == 1
        if first:
            LOG.warning("cookie %r: %s (%s)", *key)


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


__all__ = ["Deed", "Gate", "Mode", "Seen", "Told", "gate_of"]
