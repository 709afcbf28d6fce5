"""Sweeps: what has outlived its retention is measured, marked, waited for, and only then goes.

Between marking and acting lies the grace of the promise, in which somebody may stop it.  A sweep
takes what was due on the day it was marked and no more rows than were counted then; one that
would take far more than the last time waits until somebody has looked.

Law: GDPR Art. 5(1)(e), storage limitation; Art. 5(2); Art. 25.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from troth.law.period import Period
from troth.policy.policy import Policy
from troth.policy.promise import RetentionRule
from troth.rules.change import action
from troth.rules.event import Event
from troth.rules.hold import Hold
from troth.rules.map import Blank, Map, ReplaceOwner
from troth.rules.plan import end_of, first_kept_day

State = dict[str, Any]
FAMILY = "sweep"
GRACE = Period(7, "days")
"""How long a sweep waits where its promise names no grace: our own default, no number of law."""
FAR_MORE = 5
FAR_MORE_ROWS = 1_000
"""More than five times the rows of the last sweep, and more than a thousand, ask first: our own default."""
MEASURED_WITHIN = timedelta(days=31)
"""How old a count may be and still show that a promise is kept: our own default."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A retention promise bound to a table of a store; `why_not` says why its rows cannot be swept, if so."""

    store: str
    table: str
    trigger: str
    rule: RetentionRule
    why_not: str = ""

    @property
    def name(self) -> str:
        """The name of its sweeps."""
        return f"{self.store}.{self.table}.{self.rule.key}"

    @property
    def stream(self) -> str:
        """The stream of its sweeps."""
        return f"{FAMILY}/{self.name}"

    @property
    def grace(self) -> Period:
        """How long a sweep waits between marking and acting."""
        return self.rule.grace or GRACE

    def before(self, today: date) -> date:
        """Return the day before which the retention of a row must have begun for it to be due today."""
        return first_kept(self.rule, today)


def bound(policy: Policy, maps: Mapping[str, Map]) -> Iterator[Bound]:
    """Yield every retention promise that a map binds to a table, in the order of the maps."""
    for store, mapped in maps.items():
        for table in mapped.tables.values():
            for one in table.retention:
                rule = policy.find(one.promise)
                if isinstance(rule, RetentionRule):
                    why_not = _why_not(rule, mapped, table.name)
                    yield Bound(store, table.name, one.trigger, rule, why_not)


def _why_not(rule: RetentionRule, mapped: Map, table: str) -> str:
    done = action(mapped.tables[table])
    if rule.period is None:
        return f"{rule.id} gives criteria and no period: nobody can count it"
    if rule.archive is not None and rule.archive.trigger is not None:
        return f"{rule.id} archives from another event than it begins with: bind the column of that event"
    if done is None:
        return f"the map does not say what becomes of rows of {table}"
    if rule.then == "anonymise" and not isinstance(done, Blank | ReplaceOwner):
        return f"{rule.id} says that data is anonymised, and the map deletes rows of {table}"
    return ""


def first_kept(rule: RetentionRule, today: date) -> date:
    """Return the earliest trigger day whose retention, its archive included, has not ended today.

    The archive begins when the first period ends; months and years clamp each time.
    """
    assert rule.period is not None
    if rule.archive is None:
        return first_kept_day(rule.period, today)
    day = rule.period.before(rule.archive.period.before(today)) - timedelta(days=8)
    while end_of(rule.archive.period, end_of(rule.period, day)) <= today:
        day += timedelta(days=1)
    return day


def held_by(one: Bound, mapped: Map, holds: tuple[Hold, ...]) -> str:
    """Return the legal hold that stops a sweep altogether; empty where none does."""
    table = mapped.tables[one.table]
    about = {one.store, f"{one.store}.{one.table}", *table.columns.values()}
    for hold in holds:
        if not hold.subjects and (not hold.what or about & set(hold.what)):
            return hold.name
    return ""


def far_more(rows: int, last: int | None) -> bool:
    """Tell whether a sweep would take far more than the last one did.

    >>> far_more(6_000, 1_000), far_more(600, 100), far_more(6_000, None)
    (True, False, False)
    """
    return last is not None and rows > FAR_MORE_ROWS and rows > FAR_MORE * max(last, 1)


def fold(state: State | None, event: Event) -> State:
    """Return the state of the sweeps of one promise in one table after an event."""
    facts, on = event.facts, str(event.facts.get("on") or event.at.date().isoformat())
    before: State = state or {
        "store": facts["store"], "table": facts["table"], "rule": facts["rule"], "status": "idle", "run": None,
        "measured_on": None, "overdue": 0, "oldest": None, "rows": 0, "swept": 0, "batch": 0, "held": 0,
        "before": None, "marked_on": None, "allowed": [], "last": None, "reason": None, "due": None,
    }  # fmt: skip
    match facts["state"], before["status"]:
        case "measured", _:
            return {**before, "measured_on": on, "overdue": facts["rows"], "oldest": facts["oldest"]}
        case "marked", "idle" | "stopped":
            return {
                **before, "status": "marked", "run": facts["run"], "rows": facts["rows"], "oldest": facts["oldest"],
                "before": facts["before"], "marked_on": on, "allowed": facts["allowed"], "swept": 0, "batch": 0,
                "held": 0, "reason": None, "due": facts["grace_ends"], "measured_on": on, "overdue": facts["rows"],
            }  # fmt: skip
        case "acting", "marked" | "acting" | "stopped" if facts["run"] == before["run"]:
            rows = before["swept"] + facts["rows"]  # also of the batch that was in hand when it was stopped
            status = "stopped" if before["status"] == "stopped" else "acting"
            return {**before, "status": status, "swept": rows, "batch": facts["batch"]}
        case "acted", "marked" | "acting":
            last = {"on": on, "rows": before["swept"], "run": before["run"], "held": facts["held"]}
            held, left = facts["held"], facts["left"]
            return {
                **before, "status": "idle", "last": last, "held": held, "overdue": left, "measured_on": on, "due": None,
            }  # fmt: skip
        case "stopped", _:
            return {**before, "status": "stopped", "reason": facts["reason"], "due": None}
        case _:
            raise ValueError(facts["state"])
