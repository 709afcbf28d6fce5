"""May this be done with somebody? Asked of the ledger itself, exact at the moment of asking.

What asks a thousand times a second asks a `Gate` instead, which answers the same from a local
copy that follows the ledger.

Law: GDPR Arts. 6, 7, 17, 18(2), 21.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from troth.law import clock
from troth.law.prospecting import Addressee
from troth.ledger import read, subjects, suppression
from troth.rules import consent, purpose_scope, set_aside
from troth.rules import may as rules
from troth.rules.amendment import STANDING
from troth.rules.consent import Restriction, Standing
from troth.rules.may import Answer, Known, Question
from troth.rules.purpose_scope import Scope
from troth.work import declare_refusals
from troth.work.establishment import establishment
from troth.work.project import Project
from troth.work.record_consent import Identifiers, addresses

_STOPPING = text(
    "SELECT DISTINCT stream FROM events WHERE subject = :subject AND kind IN ('restriction_moved', 'act_ended')"
)


def may(
    project: Project,
    identifiers: Identifiers,
    purpose: str,
    *,
    channel: str | None = None,
    entity: str | None = None,
    subject: str | None = None,
    on: datetime | None = None,
    addressee: Addressee = "consumer",
    country: str = "",
    other_basis: bool = False,
    since: Mapping[str, date] | None = None,
) -> Answer:
    """Answer for whom the identifiers name (or for a known `subject`), now or as of a moment past.

    An address that is given is also looked for among those to which nothing is sent any more, and so
    are all addresses of a subject named by id alone.
    """
    at = on or project.clock()
    here = establishment(project, entity)
    found = subject or next(
        (one for kind, value in identifiers if (one := subjects.find_subject(project.ledger, kind, value))),
        None,
    )
    day = clock.receipt_day(at, here.time_zone)
    asked = Question(purpose, here.entity, day, channel, addressee, country, other_basis,
                     tuple(sorted((since or {}).items())))  # fmt: skip
    standing = standing_of(project, found, as_of=on) if found else consent.NOBODY
    reach = identifiers or (addresses(project, found) if found else ())
    return rules.may(known(project), standing, asked, suppressed=suppressed(project, reach, asked))


def known(project: Project) -> Known:
    """Return what is known whoever is asked about."""
    return Known(project.policy, scopes(project), declare_refusals.known(project))


def scopes(project: Project) -> dict[str, Scope]:
    """Return every scope that a purpose ever had, by its imprint."""
    return {
        imprint: Scope.read(told)
        for state in read.states(project.ledger, purpose_scope.FAMILY)
        for imprint, told in state.body["scopes"].items()
    }


def standing_of(project: Project, subject: str, *, as_of: datetime | None = None) -> Standing:
    """Return how a subject stands: their choices (also as of a moment past), restrictions and erasure."""
    state: Mapping[str, Any] | None = None
    if as_of is None:
        found = read.state(project.ledger, consent.stream(subject))
        state = found.body if found else None
    else:
        for event in read.stream(project.ledger, consent.stream(subject)):
            if event.at <= as_of:
                state = consent.fold(dict(state) if state else None, event)
    restrictions, erased_on = stopping(project, subject)
    return consent.standing(state, restrictions, erased_on)


def stopping(project: Project, subject: str) -> tuple[tuple[Restriction, ...], str | None]:
    """Return the restrictions of a subject that stand, and the day of an erasure of their data."""
    with project.ledger.looking() as connection:
        streams = list(connection.execute(_STOPPING, {"subject": subject}).scalars())
    restrictions: dict[str, Restriction] = {}
    erased: list[str] = []
    lifted: set[str] = set()
    states = {name: one.body for name in sorted(streams) if (one := read.state(project.ledger, name))}
    for name, state in states.items():
        if name.startswith("restriction/"):
            if state["status"] in STANDING:
                restrictions[name] = Restriction(name, state["ground"], state["on"])
            elif state["status"] == "lifted":
                lifted.add(name.partition("/")[2])
        elif name.startswith("request/"):
            erased += _erased(state)
    for name, state in states.items():
        if name.startswith("request/"):
            restrictions |= {one.name: one for one in _claimed(name, state, lifted)}
    return tuple(restrictions.values()), max(erased, default=None)


def _claimed(name: str, state: Mapping[str, Any], lifted: set[str]) -> Iterable[Restriction]:
    """Yield the restrictions a request began that still stand: the person was not told yet how it was decided."""
    for claim, one in state["claims"].items():
        told = one.get("restriction")
        if not told or told["name"] in lifted:
            continue
        if (told["name"] and one["outcome"] is not None) or str(one.get("by") or "").startswith(
            "restriction/"
        ):
            continue  # the restriction itself says since when and whether it stands
        if not told["name"] and set_aside.lapse(state, one) is not None:
            continue
        yield Restriction(f"{name}/{claim}", told["ground"], told["on"], tuple(told["purposes"]))


def _erased(state: Mapping[str, Any]) -> Iterable[str]:
    for one in state["claims"].values():
        if one["right"] == "erase" and one["done"]:
            days = [told["on"] for told in one["stores"].values() if told.get("on")]
            yield max(days, default=one["decided_on"])


def suppressed(project: Project, identifiers: Identifiers, asked: Question) -> str | None:
    """Return since when an address is closed to what is asked, or None where it is open."""
    names = (asked.purpose, *purpose_scope.broader(project.policy, asked.purpose))
    stops = [
        found.at
        for kind, value in identifiers
        if (
            found := suppression.since(
                suppression.of(project.ledger, kind, value), names, asked.entity, asked.channel
            )
        )
    ]
    return max(stops, default=None)
