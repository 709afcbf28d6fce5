"""Record that somebody of the staff looked at what is locked: reading personal data is an event too.

Law: GDPR Art. 5(2), Art. 32(4); Case C-579/21.
"""

from __future__ import annotations

from troth.ledger import append
from troth.rules.event import Draft
from troth.work.project import Project


def record_reading(project: Project, what: str, staff: str, screen: str) -> None:
    """Record that staff looked at `what` (a number, or a name for several) on a screen."""
    seen = {"staff": staff, "screen": screen}
    append.append(project.ledger, [Draft("staff_read", f"reading/{what}", seen, actor=staff)])
