"""Record that somebody of the staff looked at what is locked: reading personal data is an event too.

Law: GDPR Art. 5(2), Art. 32(4); Case C-579/21.
"""

from __future__ import annotations

from collections.abc import Sequence

from troth.ledger import append, subjects
from troth.rules.event import Draft, Fact
from troth.work.project import Project


def record_reading(
    project: Project, what: str, staff: str, screen: str, *, subject: str | None = None, reason: str = ""
) -> None:
    """Record that staff looked at `what` (a number, or a name for several) on a screen, and whose data it is."""
    seen: dict[str, Fact] = {"staff": staff, "screen": screen}
    if reason:
        seen["reason"] = reason
    append.append(
        project.ledger, [Draft("staff_read", f"reading/{what}", seen, actor=staff, subject=subject)]
    )


def record_looking_up(
    project: Project, what: str, staff: str, screen: str, identifiers: Sequence[tuple[str, str]]
) -> str | None:
    """Record that staff looked somebody up by these identifiers, as (kind, value); return the subject, or None.

    Of somebody whom the ledger does not know, a store may know something: the reason then holds the keyed hash of
    the identifier, by which the reading is found again for whoever has it, and by nobody else.
    """
    subject = next(
        (one for pair in identifiers if (one := subjects.find_subject(project.ledger, *pair))), None
    )
    reason = ""
    if subject is None and identifiers:
        version, mac = subjects.fingerprint(project.ledger, "requests", *identifiers[0])
        reason = f"asked for {version}:{mac.hex()}"
    record_reading(project, what, staff, screen, subject=subject, reason=reason)
    return subject
