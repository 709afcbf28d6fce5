"""Who of the staff may do what, for which entity: roles, duties, absences and deputies.

Who decides is not who reviews, and the data protection officer advises and neither decides nor
approves; roles that would join the two are refused, unless the organisation recorded a derogation
with its reason.  A deputy has the duties of whoever is absent, under a name of their own, so that
one person never decides and reviews the same thing.

Law: GDPR Art. 38(3) and (6), the officer's independence; Arts. 5(2), 24, 32(4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Literal, get_args

from troth.rules.event import Event

State = dict[str, Any]
FAMILY = "staff"
DEROGATION = "office/derogation"
"""The stream of what a small office records: that one person decides and reviews, and why."""
Role = Literal["intake", "handler", "reviewer", "dpo", "counsel", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
Duty = Literal[
    "read_requests", "take_in", "handle", "decide", "review", "advise", "find_people",
    "read_policy", "write_policy", "approve_policy", "publish_policy",
    "read_stores", "write_stores", "read_consents", "record_consents", "read_recipients", "disclose",
    "read_sweeps", "run_sweeps", "approve_sweeps", "hold", "read_cookies", "scan",
    "read_incidents", "handle_incidents", "read_registers", "write_registers",
    "read_audit", "run_audit", "read_ledger", "verify_ledger", "settings",
]  # fmt: skip
_READING: frozenset[Duty] = frozenset(
    {"read_policy", "read_stores", "read_consents", "read_recipients", "read_sweeps", "read_cookies",
     "read_registers", "read_audit"}
)  # fmt: skip
DUTIES: Mapping[Role, frozenset[Duty]] = MappingProxyType(
    {
        "intake": frozenset({"read_requests", "take_in", "read_policy", "read_incidents"}),
        "handler": _READING
        | {"read_requests", "take_in", "handle", "decide", "find_people", "write_policy", "record_consents",
           "disclose", "run_sweeps", "hold", "scan", "read_incidents", "handle_incidents", "write_registers",
           "run_audit"},
        "reviewer": _READING
        | {"read_requests", "review", "approve_sweeps", "read_incidents", "run_audit", "read_ledger", "verify_ledger"},
        "dpo": _READING
        | {"read_requests", "find_people", "advise", "scan", "read_incidents", "run_audit", "read_ledger",
           "verify_ledger"},
        "counsel": _READING
        | {"read_requests", "write_policy", "approve_policy", "publish_policy", "hold", "read_incidents",
           "write_registers"},
        "auditor": _READING | {"read_requests", "read_incidents", "run_audit", "read_ledger", "verify_ledger"},
        "admin": frozenset({"read_policy", "read_stores", "write_stores", "verify_ledger", "settings"}),
    }
)  # fmt: skip
"""What each role may do.  Whoever administers sees no request, gives nobody's data away, and verifies the ledger
without reading its events."""
APART: tuple[tuple[Role, Role], ...] = (
    ("handler", "reviewer"), ("dpo", "handler"), ("dpo", "reviewer"), ("dpo", "counsel"), ("dpo", "admin"),
    ("auditor", "handler"), ("auditor", "reviewer"), ("auditor", "admin"),
)  # fmt: skip
"""Roles that nobody has together for the same entity, unless a derogation says why."""
HANDLE_MAX = 40
RESERVED = frozenset(
    {"troth", "requester", "sign_in", "visitor", "subject", "owner", "cli", "imported", "root", "tour", "nobody",
     "system", "worker", "gate", "portal", "console"}
)  # fmt: skip
"""What stands in the record for Troth itself, for people outside, or for whoever runs the server: nobody's handle."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for one entity, or for the whole group where `entity` is empty."""

    role: Role
    entity: str = ""

    def covers(self, entity: str) -> bool:
        """Say whether it is about an entity; everything of the group is about each of them."""
        return not self.entity or self.entity == entity


@dataclass(frozen=True, slots=True)
class Absence:
    """When somebody is away, both days included, and who stands in; `until` is open where it is None."""

    begins: date
    until: date | None
    deputy: str

    def on(self, day: date) -> bool:
        """Say whether somebody is away on a day."""
        return self.meets(day, day)

    def meets(self, begins: date, until: date | None) -> bool:
        """Say whether somebody is away on any of these days; `until` may be open."""
        return (until is None or self.begins <= until) and (self.until is None or begins <= self.until)


@dataclass(frozen=True, slots=True)
class Staff:
    """One of the staff as they may act today: their handle in the record, and every role, own or lent."""

    handle: str
    grants: tuple[Grant, ...]
    lent: tuple[tuple[str, Grant], ...] = ()  # (who is away, what they may)

    def may(self, duty: Duty, entity: str | None = None) -> bool:
        """Say whether they have a duty for an entity; without one, for any.

        >>> Staff("a.durand", (Grant("reviewer", "one"),)).may("review", "two")
        False
        """
        return any(
            duty in DUTIES[grant.role] and (entity is None or grant.covers(entity)) for grant in self.every
        )

    @property
    def every(self) -> tuple[Grant, ...]:
        """Every grant, own and lent."""
        return (*self.grants, *(grant for _, grant in self.lent))

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles they have somewhere, in the order of the table."""
        held = {grant.role for grant in self.every}
        return tuple(role for role in ROLES if role in held)

    def entities(self, duty: Duty) -> frozenset[str] | None:
        """Return the entities a duty is for; None where it is for the whole group."""
        found = {grant.entity for grant in self.every if duty in DUTIES[grant.role]}
        return None if "" in found else frozenset(found)


def fold(state: State | None, event: Event) -> State:
    """Return the state of one of the staff after an event: invited, granted, away, back, closed."""
    facts, on = event.facts, event.at.date().isoformat()
    held = state or {
        "handle": facts["staff"], "status": "invited", "grants": [], "absences": [], "since": on, "due": None,
    }  # fmt: skip
    grant = [facts.get("role"), facts.get("entity") or ""]
    match facts["move"]:
        case "invited":
            return {**held, "status": "invited"}
        case "joined":
            return {**held, "status": "active"}
        case "granted":
            return {**held, "grants": [*(one for one in held["grants"] if one != grant), grant]}
        case "withdrawn":
            return {**held, "grants": [one for one in held["grants"] if one != grant]}
        case "away":
            away = {"begins": facts["begins"], "until": facts.get("until"), "deputy": facts["deputy"]}
            return {**held, "absences": [*held["absences"], away]}
        case "back":
            return {**held, "absences": _ended(held["absences"], on)}
        case "closed":
            return {**held, "status": "closed", "grants": [], "absences": []}
        case "reset" | "locked" | "enter_link":
            return held
        case _:
            raise ValueError(facts["move"])


def _ended(absences: Sequence[Mapping[str, Any]], on: str) -> list[Mapping[str, Any]]:
    """Return the absences with those that go on ended the day before they were said to be over."""
    return [one for one in absences if one["until"] is not None and one["until"] < on]


def fold_office(_: State | None, event: Event) -> State:
    """Return what the organisation said of itself: a derogation in force, or not."""
    said = event.facts["move"]
    if said not in {"derogation_recorded", "derogation_ended"}:
        raise ValueError(said)
    return {
        "status": "in_force" if said == "derogation_recorded" else "ended",
        "due": None,
        "event": event.id,
    }


def acting(
    state: Mapping[str, Any], every: Iterable[Mapping[str, Any]], today: date, *, alone: bool = False
) -> Staff:
    """Return somebody as they may act today: with their own roles, and those of whom they stand in for.

    A role that must stay apart from one they have, their own or lent before, is not lent to them;
    `alone` says that a derogation is in force, by which it is.
    """
    handle = str(state["handle"])
    if state["status"] != "active":
        return Staff(handle, ())
    own, lent = grants(state), list[tuple[str, Grant]]()
    for other in every:
        if other["handle"] == handle or other["status"] != "active" or _deputy(other, today) != handle:
            continue
        for grant in grants(other):
            kept = (*own, *(one for _, one in lent))
            if alone or next(joined(kept, grant), None) is None:
                lent.append((str(other["handle"]), grant))
    return Staff(handle, own, tuple(lent))


def to_be_lent(
    every: Iterable[Mapping[str, Any]], deputy: str, begins: date, until: date | None
) -> Iterator[Grant]:
    """Yield what a deputy is to have from others who are away on some of these days; `until` may be open."""
    for other in every:
        if other["handle"] != deputy and any(
            one.deputy == deputy and one.meets(begins, until) for one in absences(other)
        ):
            yield from grants(other)


def grants(state: Mapping[str, Any]) -> tuple[Grant, ...]:
    """Return the grants that a state holds."""
    return tuple(Grant(role, entity) for role, entity in state["grants"])


def absences(state: Mapping[str, Any]) -> tuple[Absence, ...]:
    """Return the absences that a state holds."""
    return tuple(
        Absence(
            date.fromisoformat(one["begins"]),
            date.fromisoformat(one["until"]) if one["until"] else None,
            one["deputy"],
        )
        for one in state["absences"]
    )


def _deputy(state: Mapping[str, Any], today: date) -> str | None:
    return next((one.deputy for one in absences(state) if one.on(today)), None)


def joined(held: Iterable[Grant], more: Grant) -> Iterator[str]:
    """Say, as sentences, which of the roles that somebody holds must stay apart from one more.

    >>> list(joined([Grant("handler")], Grant("reviewer", "one")))[0][:44]
    'Nobody is handler and reviewer for the same '
    """
    for one in held:
        if one.role == more.role or not (one.covers(more.entity) or more.covers(one.entity)):
            continue
        if (one.role, more.role) in APART or (more.role, one.role) in APART:
            yield (
                f"Nobody is {one.role} and {more.role} for the same entity: {_why(one.role, more.role)}. Give one of "
                "the roles to somebody else. An office of one person records a derogation with its reason."
            )


def joined_already(held: Sequence[Grant]) -> Iterator[str]:
    """Say, as sentences, which of the roles that somebody holds must stay apart from each other."""
    for place, one in enumerate(held):
        yield from joined(held[:place], one)


def _why(one: Role, other: Role) -> str:
    if "dpo" in (one, other):
        return "the data protection officer advises and never decides (GDPR Art. 38(6))"
    if "auditor" in (one, other):
        return "whoever checks the work does not do it"
    return "who decides is not who reviews"


def derogates(state: Mapping[str, Any] | None) -> bool:
    """Say whether the organisation recorded that one person does what two should."""
    return state is not None and state["status"] == "in_force"
