"""Read which messages went out, and whether the person's answer to their purpose was no at that moment.

Law: GDPR Art. 7(3), Art. 21(3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from troth.ledger import read, subjects, suppression
from troth.ledger.past import Past
from troth.rules import control_consent, purpose_scope
from troth.rules.consent import EVERY, said_at
from troth.rules.event import Event
from troth.work import may
from troth.work.project import Project
from troth.work.record_consent import second_after

_NO = frozenset({"refused", "withdrawn"})


@dataclass(slots=True)
class _Noes:
    """Who ever refused, withdrew or objected, and the moment of the first objection of nobody known.

    `moments` are those at which the addresses of what was said are closed or opened again; None where everything
    that is recorded counts.
    """

    said_no: Collection[str]
    nameless_from: datetime | None = None
    moments: set[str] | None = None


def read_sent(
    project: Project,
    events: Iterable[Event],
    *,
    by_address: bool = False,
    past: Past | None = None,
    said_no: Collection[str] | None = None,
) -> Iterator[tuple[Event, bool, str]]:
    """Yield each message, whether a no can stop its purpose, and the no that stood; empty where none did.

    `by_address` also looks for objections of an address that nobody was known by when it was said.  Nothing is looked
    up about whoever never said no: `said_no` names who did, where the caller has read that already.  `past` is the
    ledger as a checkpoint covered it: a no that was written down later, of whatever moment, is none of it.
    """
    noes = _noes(past or Past(project.ledger)) if said_no is None else _Noes(said_no)
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
    said_no: set[str] = set()
    found = _Noes(said_no, moments=None if past.size is None else set())
    if found.moments is None:  # nothing but who said no is asked of consents: they are read the fast way
        for answer in read.told(past.ledger, "consent_recorded", control_consent.Said):
            if answer.subject is not None and answer.facts.given in _NO:
                said_no.add(answer.subject)
    else:
        for event in past.events("consent_recorded"):
            found.moments |= _moments(event)
            if event.subject is not None and event.facts["given"] in _NO:
                said_no.add(event.subject)
    for event in past.events("objection_recorded"):
        if found.moments is not None:
            found.moments |= _moments(event)
        if event.subject is not None:
            said_no.add(event.subject)
        else:
            at = datetime.fromisoformat(said_at(event))
            found.nameless_from = at if found.nameless_from is None else min(found.nameless_from, at)
    if found.moments is not None:
        for event in past.events("request_received"):  # an objection in a request closes from its receipt on
            found.moments.add(second_after(datetime.fromisoformat(str(event.facts["received_at"]))))
    return found


def _moments(event: Event) -> set[str]:
    """Return when an answer closes or opens addresses again."""
    said = said_at(event)
    return {said, second_after(datetime.fromisoformat(said))}


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
