"""Read which messages went out, and whether the person's answer to their purpose was no at that moment.

Law: GDPR Art. 7(3), Art. 21(3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from troth.ledger import subjects, suppression
from troth.ledger.past import Past
from troth.rules import control_consent, purpose_scope
from troth.rules.consent import EVERY, said_at
from troth.rules.event import Event
from troth.work import may
from troth.work.project import Project


def read_sent(
    project: Project, events: Iterable[Event], *, by_address: bool = False
) -> Iterator[tuple[Event, bool, str]]:
    """Yield each message, whether a no can stop its purpose, and the no that stood; empty where none did.

    `by_address` also looks for objections of an address that nobody was known by when it was said.  Nothing is looked
    up about whoever never said no.
    """
    said_no, nameless_from = _noes(project)
    for event in events:
        purpose = str(event.facts["purpose"])
        promise = project.policy.purposes.get(purpose)
        if event.subject is None or promise is None or not control_consent.watched(promise):
            yield event, False, ""
            continue
        found = None
        if event.subject in said_no:
            standing = may.standing_of(project, event.subject, as_of=event.at)
            found = control_consent.no_of(project.policy, standing, purpose)
        unnamed = by_address and nameless_from is not None and nameless_from <= event.at
        if found is None and unnamed and _closed(project, event, event.subject, purpose):
            found = "objected"
        yield event, True, found or ""


def _noes(project: Project) -> tuple[set[str], datetime | None]:
    """Return who ever refused, withdrew or objected, and the moment of the first objection of nobody known."""
    said_no: set[str] = set()
    nameless_from: datetime | None = None
    for event in Past(project.ledger).events("consent_recorded", "objection_recorded"):
        if event.kind == "consent_recorded" and event.facts["given"] not in {"refused", "withdrawn"}:
            continue
        if event.subject is not None:
            said_no.add(event.subject)
        elif event.kind == "objection_recorded":
            at = datetime.fromisoformat(said_at(event))
            nameless_from = at if nameless_from is None else min(nameless_from, at)
    return said_no, nameless_from


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
