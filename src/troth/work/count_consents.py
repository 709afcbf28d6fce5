"""Count what people said about purposes, by purpose, company, channel and month.

The counts name nobody.  They are kept in memory and go on from where they were: what came since is counted, and no
event twice.

Law: GDPR Art. 7(1), Art. 5(2).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from troth.ledger import read
from troth.ledger.schema import Ledger
from troth.rules.consent import EVERY, Topic

KIND = "consent_recorded"
PAGE = 5_000


@dataclass(slots=True)
class Counted:
    """What was counted so far: by topic, month (2026-11) and what was said; a yes is `proven` or `unproven`."""

    counts: dict[tuple[Topic, str], Counter[str]] = field(default_factory=dict)
    after: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def go_on(
        self, ledger: Ledger, *, most: int | None = None, advance: Callable[[int], object] = lambda _: None
    ) -> bool:
        """Count what came since, at most so many (by pages); say whether everything is counted by now."""
        done = 0
        with self._lock:
            while most is None or done < most:
                page = read.told_since(ledger, KIND, self.after, PAGE)
                for place, event in page:
                    self._take(event)
                    self.after = place
                done += len(page)
                advance(done)
                if len(page) < PAGE:
                    return True
        return False

    def _take(self, event: read.Told) -> None:
        facts, said = event.facts, str(event.facts["given"])
        topic = (
            str(facts["purpose"]),
            str(facts.get("controller") or EVERY),
            str(facts.get("channel") or EVERY),
        )
        if said in {"given", "renewed"}:
            said = "proven" if facts.get("proven") else "unproven"
        self.counts.setdefault((topic, f"{event.at:%Y-%m}"), Counter())[said] += 1
