"""One choice of which recipients are told: what became of each, whom it is from, and how it is recorded.

What was written and answered is locked under a key of the choice's own, which is destroyed with the
proof of consents.

Law: GDPR Arts. 5(2), 24.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from troth.errors import NotFoundError
from troth.ledger import append, read
from troth.ledger.lease import Lease
from troth.rules import telling
from troth.rules.event import Draft, Event, Fact
from troth.work import keep_waiting
from troth.work.project import Project
from troth.work.record_consent import Identifiers, addresses


@dataclass(frozen=True, slots=True)
class TellingFile:
    """A telling's state, the version of its stream it was read at, and the choice it is about."""

    version: int
    state: Mapping[str, Any]
    choice: Event

    @property
    def name(self) -> str:
        """The id of the choice."""
        return self.choice.id

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return telling.stream(self.name)


def load(project: Project, name: str) -> TellingFile:
    """Read a telling by the id of its choice; raises NotFoundError where nobody is told of it."""
    found = read.state(project.ledger, telling.stream(name))
    if found is None:
        raise NotFoundError(
            f"No recipient is told of a choice {name[:40]!r}. `troth disclosure untold` shows those that are open."
        )
    return TellingFile(found.version, found.body, read.event(project.ledger, name))


def every(project: Project, *statuses: str) -> Iterator[TellingFile]:
    """Yield the tellings of these statuses (open, staff, done), the soonest due first."""
    for status in statuses:
        for found in read.states(project.ledger, telling.FAMILY, status=status):
            yield TellingFile(
                found.version, found.body, read.event(project.ledger, str(found.body["choice"]))
            )


def of_companies(
    project: Project,
    status: str,
    entities: Collection[str] | None,
    limit: int,
    *,
    before: datetime | None = None,
) -> Iterator[Mapping[str, Any]]:
    """Yield the states of tellings about choices made to these companies, to any where None: so many at most.

    The soonest due come first; with `before` those about choices recorded before that moment alone, the oldest first.
    """
    most = limit if entities is None else None
    named = telling.stream(append.id_start(before)) if before is not None else None
    found = read.states(project.ledger, telling.FAMILY, status=status, named_before=named, limit=most)
    every = (one.body for one in found)
    return islice((one for one in every if entities is None or one["controller"] in entities), limit)


def identifiers(project: Project, choice: Event) -> Identifiers:
    """Return whom a choice is from, as long as that is known."""
    if choice.subject is not None:
        return addresses(project, choice.subject)
    return keep_waiting.waiting(project, choice.stream)


def word(found: TellingFile, known: Identifiers) -> telling.Word:
    """Return what a recipient is told of a choice."""
    choice = found.choice
    told = choice.facts.get("chosen_at") or choice.facts.get("said_at")
    received = datetime.fromisoformat(str(told)) if told else choice.at
    return telling.Word(
        found.stream, "", str(found.state["action"]), choice.subject or choice.stream, received, known,
        telling.reach_of(found.state),
    )  # fmt: skip


def notified(
    choice: Event, reach: telling.Reach, recipient: str, outcome: str, reason: str = "", *, attempt: int = 0,
    payload: Mapping[str, Fact] | None = None, actor: str = "troth",
) -> Draft:  # fmt: skip
    """Make the event that says what became of a recipient."""
    facts: dict[str, Fact] = {
        "recipient": recipient, "action": telling.ACTIONS[choice.kind], "attempt": attempt, "outcome": outcome,
        "reason": reason, "choice": choice.id, "purposes": list(reach.purposes), "channel": reach.channel,
        "controller": reach.controller,
    }  # fmt: skip
    return Draft(
        "recipient_notified", telling.stream(choice.id), facts, entity=choice.entity, actor=actor,
        subject=choice.subject, policy=choice.policy, payload=payload,
        file=telling.stream(choice.id) if payload else None,
    )  # fmt: skip


def record(
    project: Project,
    found: TellingFile,
    recipient: str,
    became: tuple[str, str],
    payload: Mapping[str, Fact] | None = None,
    *,
    actor: str = "troth",
    lease: Lease | None = None,
    once: str | None = None,
) -> Event:
    """Record what became of a recipient; with the last one the address of somebody nobody here knows is forgotten."""
    outcome, reason = became
    draft = notified(
        found.choice, telling.reach_of(found.state), recipient, outcome, reason,
        attempt=int(found.state["tries"].get(recipient, 0)) + 1, payload=payload, actor=actor,
    )  # fmt: skip
    others = {how for name, how in found.state["recipients"].items() if name != recipient}
    over = not {outcome, *others} & (telling.WAITING | telling.FOR_STAFF)

    def forget(connection: Connection) -> None:
        if over and found.choice.subject is None:
            keep_waiting.let_go_within(connection, found.choice.stream)

    return append.append(
        project.ledger, [draft], expect={found.stream: found.version}, once=once, lease=lease, also=forget
    )[0]
