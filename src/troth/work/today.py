"""What presses today, for one of the staff: what waits for them, what is due next, and how requests go.

Everything is counted by the database, so that the page is as quick with a hundred thousand requests.

Law: GDPR Art. 12(3), Art. 24(1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from troth.ledger import listed, read
from troth.ledger.listed import Listed, Wanted
from troth.rules import alert, request_line, request_trend
from troth.rules.alert import Stage
from troth.rules.request import ENDED, NOBODY, OPEN
from troth.rules.request_trend import Month
from troth.rules.request_wait import Step, Wait, waits
from troth.rules.staff import Duty, Staff
from troth.work.establishment import day_here
from troth.work.project import Project

DUTIES: Mapping[Step, Duty] = MappingProxyType(
    {
        "look_at": "handle", "authority": "handle", "document": "handle", "escalated": "decide", "decide": "decide",
        "advise": "advise",
        "review": "review", "extension": "review", "unidentified": "review", "fee": "review", "approve": "review",
        "restriction": "handle", "measure": "handle", "look": "handle", "release": "handle", "by_hand": "handle",
        "post": "handle", "explain": "handle", "close": "handle",
    }
)  # fmt: skip
"""Which duty a step asks for; what is not here waits for the person, for owners, or for the worker."""
DUE_ROWS = 15
ENDINGS = frozenset(ENDED) - {"closed"}
"""In these a request is explained and closed."""


@dataclass(frozen=True, slots=True)
class Due:
    """One request that is due: its line, what presses (if anything does), who last worked on it, what comes next."""

    line: Listed
    stage: Stage | None
    hand: str
    next: tuple[Wait, ...]


def waiting(project: Project, staff: Staff) -> dict[Step, int]:
    """Count what waits for somebody, by step; what they may not do, because they did the step before, is left out."""
    found: dict[Step, int] = {}
    alike = listed.waiting_alike(project.ledger)
    for step, duty in DUTIES.items():
        if not staff.may(duty):
            continue
        statuses = ENDINGS if step in {"explain", "close"} else OPEN
        entities, mine = staff.entities(duty), request_line.waiting(step, staff.handle)
        rows = sum(
            rows
            for status, entity, waiting_for, rows in alike
            if status in statuses
            and (entities is None or entity in entities)
            and any(one.partition(":")[0] == step and one != mine for one in waiting_for)
        )
        if rows:
            found[step] = rows
    return found


def due(project: Project, entities: Collection[str] | None, rows: int = DUE_ROWS) -> tuple[Due, ...]:
    """Return the open requests that are due next, the soonest safe date first."""
    today, found = day_here(project), []
    for line in listed.page(project.ledger, Wanted(entities), rows=rows):
        stream = f"request/{line.number}"
        state = read.state(project.ledger, stream)
        if state is None:
            continue
        pressing = alert.alerts([state.body], today)
        hands = [event.actor for event in read.stream(project.ledger, stream) if event.actor not in NOBODY]
        found.append(
            Due(line, pressing[0].stage if pressing else None, hands[-1] if hands else "", waits(state.body))
        )
    return tuple(found)


def overdue(project: Project, entities: Collection[str] | None) -> int:
    """Count the open requests whose legal date is over."""
    return listed.overdue(project.ledger, entities, day_here(project).isoformat())


def soon(project: Project, entities: Collection[str] | None, until: date) -> int:
    """Count the open requests whose safe date comes by a day."""
    return listed.count(project.ledger, Wanted(entities, due_before=until.isoformat()))


def months(project: Project, entities: Collection[str] | None) -> tuple[Month, ...]:
    """Return how requests went in each of the last twelve months."""
    ledger, today = project.ledger, day_here(project)
    since = request_trend.begins(today)
    return request_trend.months(
        listed.not_ended(ledger, entities), listed.came(ledger, entities, since), listed.ended(ledger, entities, since),
        today,
    )  # fmt: skip
