"""How often one visitor may do what costs something: asking, and having codes sent.

Counted in memory, by network address, which is forgotten within the hour and never written.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

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
