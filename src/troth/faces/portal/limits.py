"""How often one visitor may do what costs something: asking, and having codes sent.

Counted in memory, by network address, which is forgotten within the hour and never written.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping

KNOWN_MAX = 10_000


class Limit:
    """At most `most` times in `seconds` for each visitor."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, visitor: str) -> bool:
        """Count once more, and say whether it is still allowed."""
        now = time.monotonic()
        with self._lock:
            since, count = self._seen.pop(visitor, (now, 0))
            if now - since > self.seconds:
                since, count = now, 0
            self._seen[visitor] = (since, count + 1)
            while len(self._seen) > KNOWN_MAX:
                self._seen.popitem(last=False)
        return count < self.most


class Pace:
    """At most so many calls a minute of each key, for what is asked thousands of times a second: one loop counts."""

    def __init__(self, most: Mapping[str, int]) -> None:
        self._most = most
        self._minute = -1
        self._seen: dict[str, int] = {}

    def wait_seconds(self, key: str) -> int:
        """Count a call once more; return 0 where it is allowed, or for how long there is to wait."""
        minute, second = divmod(int(time.monotonic()), 60)
        if minute != self._minute:
            self._minute, self._seen = minute, {}
        self._seen[key] = count = self._seen.get(key, 0) + 1
        return 0 if count <= self._most[key] else 60 - second
