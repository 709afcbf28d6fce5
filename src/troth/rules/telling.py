"""Whom a choice must still be told to: the recipients who hold the data for the purposes it stops.

A choice that came by a request is told with the request.  Every other one (a link, the preference
page, another system, an import) has a stream of its own here, named after the choice, in which each
recipient is owed the word, is told, or becomes a task for people.

Law: GDPR Arts. 5(2), 7(3), 21, 24, 28(3)(e); Case C-129/21.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from troth.policy.policy import Policy
from troth.rules import consent, purpose_scope
from troth.rules.consent import EVERY
from troth.rules.event import Event

FAMILY = "telling"
ACTIONS: Mapping[str, str] = {"objection_recorded": "objection", "consent_recorded": "withdrawal"}
"""What a recipient is told of, by the kind of the choice's event."""
TRIES_MAX = 8
"""Four hours: whoever could not be told by then is a task for people."""
WAITING = frozenset({"owed", "failed"})
"""What Troth goes on with by itself."""
FOR_STAFF = frozenset({"task", "excuse_proposed"})
NAMED_MAX = 100
"""How many recipients who are not told yet are named; the others are counted."""
_YES = frozenset({"given", "renewed"})
_NO = frozenset({"withdrawn", "refused"})


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a choice reaches: the purposes it stops, by which channel, for which company (`*` is all)."""

    purposes: tuple[str, ...]
    channel: str = EVERY
    controller: str = EVERY

    def shares(self, other: Reach) -> frozenset[str]:
        """Return the purposes of another reach of which nothing is left to tell to whoever was told of this."""
        wide = self.channel in {EVERY, other.channel} and self.controller in {EVERY, other.controller}
        return frozenset(self.purposes) & frozenset(other.purposes) if wide else frozenset()


@dataclass(frozen=True, slots=True)
class Word:
    """What a recipient is told: under which name, of what, whose data, received when, and what it stops.

    `name` is a request's number, or the stream of a telling, whose `claim` is empty.
    """

    name: str
    claim: str
    action: str
    whose: str
    received: datetime
    identifiers: Sequence[tuple[str, str]] = field(repr=False)
    stops: Reach | None = None


@dataclass(slots=True)
class Tellings:
    """What became of all recipients who were told of a choice, or are yet to be: how many, and who first."""

    outcomes: Counter[str] = field(default_factory=Counter)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=NAMED_MAX))
    oldest: str = ""
    waiting: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    untold_of_all: int = 0

    def take(self, name: str, state: Mapping[str, Any]) -> None:
        """Count one telling by the id of its choice; the first that are not told are named."""
        self.last.append(name)
        self.outcomes.update(state["recipients"].values())
        waits = state["status"] in {"open", "staff"}
        if waits:
            self.oldest = min(filter(None, (self.oldest, str(state["on"]))))
        for said in untold(f"{state['action']} {name}", state["recipients"]):
            named = self.waiting if waits else self.ended
            if len(named) < NAMED_MAX:
                named.append(said)
            self.untold_of_all += 1

    @property
    def untold(self) -> list[str]:
        """The first that were not told, those that wait before those that do not any more."""
        return [*self.waiting, *self.ended][:NAMED_MAX]

    @property
    def untold_besides(self) -> int:
        """How many more were not told."""
        return self.untold_of_all - len(self.untold)


def untold(what: str, recipients: Mapping[str, str]) -> Iterator[str]:
    """Say of each recipient who is not told yet that it is not."""
    for recipient, outcome in recipients.items():
        if outcome not in {"told", "not_told", "covered"}:
            yield f"{what}: {recipient} is not told yet ({outcome})"


def stream(choice: str) -> str:
    """Name the stream in which the recipients of a choice are told."""
    return f"{FAMILY}/{choice}"


def stops(event: Event) -> bool:
    """Say whether an event is a choice that stops something: an objection, or a no to what rests on consent.

    A no that is said as a refusal ends something only where there was a yes (`takes_back`).
    """
    if event.kind == "objection_recorded":
        return True
    return event.kind == "consent_recorded" and event.subject is not None and event.facts["given"] in _NO


def reach(policy: Policy, event: Event) -> Reach:
    """Return how far a choice reaches: with a purpose go those below it, without one all direct marketing."""
    facts, named = event.facts, str(event.facts["purpose"] or EVERY)
    purposes = tuple(
        name
        for name in policy.purposes
        if (named == EVERY and purpose_scope.is_marketing(policy, name))
        or named in {name, *purpose_scope.broader(policy, name)}
    )
    return Reach(purposes, str(facts.get("channel") or EVERY), str(facts.get("controller") or EVERY))


def takes_back(policy: Policy, events: Iterable[Event], refusal: Event) -> bool:
    """Say whether a refusal ends a yes: one of its subject, to what it stops or to more, that no other no has ended.

    `events` are the subject's choices in the order they were recorded.  A yes that is proven and was said
    later than the refusal is not ended by it.
    """
    wanted, standing = reach(policy, refusal), False
    stopped = {
        *wanted.purposes,
        *(one for name in wanted.purposes for one in purpose_scope.broader(policy, name)),
    }
    for event in events:
        if event.id == refusal.id:
            break
        if event.kind == "consent_recorded" and event.facts["given"] in _YES:
            before = consent.said_at(event) <= consent.said_at(refusal) or not event.facts.get("proven")
            standing = standing or (event.facts["purpose"] in stopped and before)
        elif stops(event) and reach(policy, event).shares(wanted) == frozenset(wanted.purposes):
            standing = False
    return standing


def since_yes(
    policy: Policy, events: Sequence[Event], choice: str, wanted: Reach
) -> tuple[tuple[Event, frozenset[str]], ...]:
    """Return the earlier choices of a subject since the last yes, each with the purposes it shares with this one."""
    found: list[tuple[Event, frozenset[str]]] = []
    for event in events:
        if event.id == choice:
            break
        if event.kind == "consent_recorded" and event.facts["given"] in _YES:
            if event.facts["purpose"] in wanted.purposes:
                found = []
        elif stops(event) and (shared := reach(policy, event).shares(wanted)):
            found.append((event, shared))
    return tuple(found)


def fold(state: dict[str, Any] | None, event: Event) -> dict[str, Any]:
    """Return the state of a telling after an event: what became of each recipient, and what is due when."""
    facts = event.facts
    if event.kind == "file_destroyed" and state is not None:
        return {**state, "status": "over", "due": None}
    state = state or {
        "choice": facts["choice"], "action": facts["action"], "purposes": list(facts["purposes"]),  # type: ignore[arg-type]
        "channel": facts["channel"], "controller": facts["controller"], "on": event.at.date().isoformat(),
        "recipients": {}, "tries": {}, "next": {}, "confirmed": {}, "last": None,
    }  # fmt: skip
    name, at = str(facts["recipient"]), moment(event.at)
    match event.kind:
        case "recipient_notified":
            outcome = str(facts["outcome"])
            tries = int(state["tries"].get(name, 0)) + (outcome == "failed")
            later = {**state["next"], name: moment(again_at(event.at, tries)) if tries else at}
            if outcome not in WAITING:
                del later[name]
            state = {
                **state, "recipients": {**state["recipients"], name: outcome}, "next": later,
                "tries": {**state["tries"], name: tries} if tries else state["tries"], "last": at,
            }  # fmt: skip
        case "recipient_confirmed":
            told = {"status": facts["status"], "on": event.at.date().isoformat()}
            state = {**state, "confirmed": {**state["confirmed"], name: told}}
        case _:
            raise ValueError(event.kind)
    outcomes = set(state["recipients"].values())
    status = "open" if outcomes & WAITING else "staff" if outcomes & FOR_STAFF else "done"
    due = min(state["next"].values()) if status == "open" else state["last"] if status == "done" else None
    return {**state, "status": status, "due": due}


def again_at(failed_at: datetime, tries: int) -> datetime:
    """Return when a recipient is told again that could not be told so many times: twice as long after each.

    >>> again_at(datetime(2026, 12, 1, tzinfo=UTC), 3).isoformat()
    '2026-12-01T00:08:00+00:00'
    """
    return failed_at + timedelta(minutes=2**tries)


def due(state: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Yield the recipients to be told now."""
    for name, at in state["next"].items():
        if at <= moment(now):
            yield name


def reach_of(state: Mapping[str, Any]) -> Reach:
    """Return how far the choice of a telling reaches."""
    return Reach(tuple(state["purposes"]), state["channel"], state["controller"])


def moment(at: datetime) -> str:
    """Write a moment as states hold it: UTC with microseconds, comparable as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
