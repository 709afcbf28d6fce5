"""Read which messages went out, and whether the person's answer to their purpose was no at that moment.

Law: GDPR Art. 7(3), Art. 21(3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from troth.ledger import subjects, suppression
from troth.rules import control_consent, purpose_scope
from troth.rules.consent import EVERY
from troth.rules.event import Event
from troth.work import may
from troth.work.project import Project


def read_sent(
    project: Project, events: Iterable[Event], *, by_address: bool = False
) -> Iterator[tuple[Event, bool, str]]:
    """Yield each message, whether a no can stop its purpose, and the no that stood; empty where none did.

    `by_address` also looks for objections of an address that nobody was known by when it was said.
    """
    for event in events:
        purpose = str(event.facts["purpose"])
        promise = project.policy.purposes.get(purpose)
        if event.subject is None or promise is None or not control_consent.watched(promise):
            yield event, False, ""
            continue
        standing = may.standing_of(project, event.subject, as_of=event.at)
        found = control_consent.no_of(project.policy, standing, purpose)
        if found is None and by_address and _closed(project, event, event.subject, purpose):
            found = "objected"
        yield event, True, found or ""


def _closed(project: Project, event: Event, subject: str, purpose: str) -> bool:
    """Say whether an address of somebody was closed to every message of a purpose when one was sent."""
    names = (purpose, *purpose_scope.broader(project.policy, purpose))
    for kind, value in subjects.identifiers(project.ledger, subject):
        known = [
            one
            for one in suppression.of(project.ledger, kind, value)
            if one.channel == EVERY and datetime.fromisoformat(one.at) <= event.at
        ]
        if suppression.since(known, names, event.entity or EVERY, None):
            return True
    return False
