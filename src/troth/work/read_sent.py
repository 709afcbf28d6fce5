"""Read which messages went out, and whether the person's answer to their purpose was no at that moment.

Law: GDPR Art. 7(3), Art. 21(3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from troth.ledger import subjects, suppression
from troth.ledger.past import Past
from troth.rules import control_consent, purpose_scope
from troth.rules.consent import EVERY, said_at
from troth.rules.event import Event
from troth.work import may
from troth.work.project import Project
from troth.work.record_consent import second_after


@dataclass(slots=True)
class _Noes:
    """Who ever refused, withdrew or objected, and the moment of the first objection of nobody known.

    `moments` are those at which the addresses of what was said are closed or opened again; None where everything
    that is recorded counts.
    """

    said_no: set[str] = field(default_factory=set)
    nameless_from: datetime | None = None
    moments: set[str] | None = None


def read_sent(
    project: Project, events: Iterable[Event], *, by_address: bool = False, past: Past | None = None
) -> Iterator[tuple[Event, bool, str]]:
    """Yield each message, whether a no can stop its purpose, and the no that stood; empty where none did.

    `by_address` also looks for objections of an address that nobody was known by when it was said.  Nothing is looked
    up about whoever never said no.  `past` is the ledger as a checkpoint covered it: a no that was written down later,
    of whatever moment, is none of it.
    """
    noes = _noes(past or Past(project.ledger))
    for event in events:
        purpose = str(event.facts["purpose"])
        promise = project.policy.purposes.get(purpose)
        if event.subject is None or promise is None or not control_consent.watched(promise):
            yield event, False, ""
            continue
        found = None
        if event.subject in noes.said_no:
            standing = may.standing_of(project, event.subject, as_of=event.at)
            found = control_consent.no_of(project.policy, standing, purpose)
        unnamed = by_address and noes.nameless_from is not None and noes.nameless_from <= event.at
        if found is None and unnamed and _closed(project, event, event.subject, purpose, noes.moments):
            found = "objected"
        yield event, True, found or ""


def _noes(past: Past) -> _Noes:
    found = _Noes(moments=None if past.size is None else set())
    for event in past.events("consent_recorded", "objection_recorded"):
        said = said_at(event)
        if found.moments is not None:
            found.moments |= {said, second_after(datetime.fromisoformat(said))}
        if event.kind == "consent_recorded" and event.facts["given"] not in {"refused", "withdrawn"}:
            continue
        if event.subject is not None:
            found.said_no.add(event.subject)
        elif event.kind == "objection_recorded":
            at = datetime.fromisoformat(said)
            found.nameless_from = at if found.nameless_from is None else min(found.nameless_from, at)
    if found.moments is not None:
        for event in past.events("request_received"):  # an objection in a request closes from its receipt on
            found.moments.add(second_after(datetime.fromisoformat(str(event.facts["received_at"]))))
    return found


def _closed(project: Project, event: Event, subject: str, purpose: str, moments: set[str] | None) -> bool:
    """Say whether an address of somebody was closed to every message of a purpose when one was sent.

    What closes an address names no event, by design; so what a checkpoint covered is known by its moment.
    """
    names = (purpose, *purpose_scope.broader(project.policy, purpose))
    for kind, value in subjects.identifiers(project.ledger, subject):
        known = [
            one
            for one in suppression.of(project.ledger, kind, value)
            if one.channel == EVERY
            and datetime.fromisoformat(one.at) <= event.at
            and (moments is None or one.at in moments)
        ]
        if suppression.since(known, names, event.entity or EVERY, None):
            return True
    return False
