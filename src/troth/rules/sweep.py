"""Sweeps: what has outlived its retention is measured, marked, waited for, and only then goes.

Between marking and acting lies the grace of the promise, in which somebody may stop it.  A sweep
takes what was due on the day it was marked and no more rows than were counted then, and only while
the promise stands as it stood; one that would take far more than the last time, or many rows as the
first, waits until somebody has looked.

Law: GDPR Art. 5(1)(e), storage limitation; Art. 5(2); Art. 25.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from troth.law.period import Period
from troth.policy.policy import Policy
from troth.policy.promise import RetentionRule
from troth.rules.archive import in_order
from troth.rules.change import action
from troth.rules.event import Event
from troth.rules.hold import Hold
from troth.rules.map import Blank, Map, MapTable, ReplaceOwner, Retention
from troth.rules.plan import end_of, first_kept_day

State = dict[str, Any]
FAMILY = "sweep"
GRACE = Period(7, "days")
"""How long a sweep waits where its promise names no grace: our own default, no number of law."""
FAR_MORE = 5
FAR_MORE_ROWS = 1_000
"""More than five times the rows of the last sweep, and more than a thousand, ask first: our own default."""
FIRST_ROWS = 100
"""More rows than that ask where nothing went by the promise as it stands, so that there is no last time: our own."""
MEASURED_WITHIN = timedelta(days=31)
"""How old a count may be and still show that a promise is kept: our own default."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A retention promise bound to a table of a store; `why_not` says why its rows cannot be swept, if so.

    Rows in use move to their `archive` when the first period ends, where the map names one; a table
    that is the archive of another lets them go when the second one does.
    """

    store: str
    table: str
    trigger: str
    rule: RetentionRule
    why_not: str = ""
    archive: str = ""
    archive_of: str = ""

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
        if not self.archive:
            return first_kept(self.rule, today)
        # without a period it is in use until the event from which the archive runs
        return first_kept_day(self.rule.period, today) if self.rule.period else today + timedelta(days=1)

    @property
    def merely_left(self) -> bool:
        """Say whether its rows stay where they are though the promise says that they are archived."""
        return self.rule.archive is not None and not self.archive and not self.archive_of


def bound(policy: Policy, maps: Mapping[str, Map]) -> Iterator[Bound]:
    """Yield every retention promise that a map binds to a table, in the order of the maps.

    Of tables whose rows move to an archive those come first whose rows belong to rows of others.
    """
    for store, mapped in maps.items():
        order = {table: number for number, (table, _) in enumerate(in_order(mapped))}
        found = [
            _bound(store, mapped, table, one, rule)
            for table in mapped.tables.values()
            for one in table.retention
            if isinstance(rule := policy.find(one.promise), RetentionRule)
        ]
        moving = sorted((one for one in found if one.archive), key=lambda one: order[one.table])
        yield from (*moving, *(one for one in found if not one.archive))


def _bound(store: str, mapped: Map, table: MapTable, one: Retention, rule: RetentionRule) -> Bound:
    archive = table.archive.table if table.archive is not None and rule.archive is not None else ""
    later = one.archive_trigger and (not archive or rule.period is None)
    trigger = one.archive_trigger if later else one.trigger
    why_not = _why_not(rule, mapped, table.name, one.archive_trigger, moves=bool(archive))
    return Bound(store, table.name, trigger, rule, why_not, archive, table.archive_of)


def _why_not(rule: RetentionRule, mapped: Map, table: str, archive_trigger: str, *, moves: bool) -> str:
    done = action(mapped.tables[table])
    apart = rule.archive is not None and rule.archive.trigger is not None
    if apart and not archive_trigger:
        return (
            f"{rule.id} archives from another event than it begins with: bind its column as `archive_trigger`"
        )
    if rule.period is None and not apart:
        return f"{rule.id} gives criteria and no period: nobody can count it"
    if done is None:
        return f"the map does not say what becomes of rows of {table}"
    if rule.then == "anonymise" and not moves and not isinstance(done, Blank | ReplaceOwner):
        return f"{rule.id} says that data is anonymised, and the map deletes rows of {table}"
    return ""


def owners(mapped: Map, tables: Iterable[str]) -> tuple[str, ...]:
    """Return who decided in the map what becomes of rows of these tables: they answer for them, each once."""
    found = (mapped.tables[name].erase for name in tables if name in mapped.tables)
    return tuple(dict.fromkeys(one.by for one in found if one is not None and one.by))


def first_kept(rule: RetentionRule, today: date) -> date:
    """Return the earliest trigger day whose retention, its archive included, has not ended today.

    The archive begins when the first period ends, or with an event of its own; months and years clamp each time.
    """
    if rule.archive is not None and rule.archive.trigger is not None:
        return first_kept_day(rule.archive.period, today)
    assert rule.period is not None
    if rule.archive is None:
        return first_kept_day(rule.period, today)
    day = rule.period.before(rule.archive.period.before(today)) - timedelta(days=8)
    while end_of(rule.archive.period, end_of(rule.period, day)) <= today:
        day += timedelta(days=1)
    return day


def held_by(one: Bound, mapped: Map, holds: tuple[Hold, ...], along: Iterable[str] = ()) -> str:
    """Return the legal hold that stops a sweep altogether, also one on a table that goes `along`; or an empty text."""
    about = {one.store}
    for name in {one.table, *along} & set(mapped.tables):
        table = mapped.tables[name]
        about |= {f"{one.store}.{name}", *table.columns.values()}
        about |= {f"{one.store}.{table.archive_of}"} if table.archive_of else set()
    for hold in holds:
        if not hold.subjects and (not hold.what or about & set(hold.what)):
            return hold.name
    return ""


def changed(one: Bound, version: str, state: Mapping[str, Any]) -> str:
    """Say why what was marked is no longer what the policy and the map say; empty where it still is."""
    if state.get("rule_version") not in (None, version):
        return f"{one.rule.id} says something else than when it was marked"
    if state.get("trigger") not in (None, one.trigger):
        return f"the map counts {one.rule.id} from another column of {one.table} than when it was marked"
    return ""


def added(known: Mapping[str, int], more: Iterable[str]) -> dict[str, int]:
    """Add what happened beside a batch, as `table:verb:rows`, to what happened before, by `table:verb`.

    >>> added({"trail:insert": 2}, ["trail:insert:3", "note:update:1"])
    {'trail:insert': 5, 'note:update': 1}
    """
    found = dict(known)
    for written in more:
        pair, _, rows = written.rpartition(":")
        found[pair] = found.get(pair, 0) + int(rows)
    return found


def left_beside(state: Mapping[str, Any], batch: int) -> dict[tuple[str, str], int] | None:
    """Return how many rows cascades and triggers may still change in a batch, by table and verb; None if unmeasured.

    A trigger may fire once for each statement, whatever its rows: one more for each batch is let pass.
    """
    if state.get("beside") is None:
        return None
    happened = state.get("happened") or {}
    return {
        (pair.rpartition(":")[0], pair.rpartition(":")[2]): rows + batch - happened.get(pair, 0)
        for pair, rows in added({}, state["beside"]).items()
    }


def last_rows(one: Bound, version: str, state: Mapping[str, Any]) -> int | None:
    """Return how many rows the last sweep took by the promise as it stands; None where none did: it is the first."""
    last = state.get("last")
    if not last or last.get("rule_version") != version or last.get("trigger") != one.trigger:
        return None
    return int(last["rows"])


def asks(rows: int, last: int | None) -> bool:
    """Tell whether somebody looks first: it would take far more than the last one did, or many as the first.

    >>> asks(6_000, 1_000), asks(600, 100), asks(101, None), asks(100, None)
    (True, False, True, False)
    """
    if last is None:
        return rows > FIRST_ROWS
    return rows > FAR_MORE_ROWS and rows > FAR_MORE * max(last, 1)


def why_not_act_by(marked_by: str, staff: str, *, alone: bool = False) -> str:
    """Say why somebody may not let a sweep act before the worker does; empty where they may.

    Whoever marked it is not who acts, but in an office that recorded that one person does both (`alone`).

    >>> why_not_act_by("anne", "bob"), why_not_act_by("anne", "anne", alone=True)
    ('', '')
    """
    if staff != marked_by or alone:
        return ""
    return "You marked this sweep: somebody else lets it act, or the worker does once its grace is over."


def fold(state: State | None, event: Event) -> State:
    """Return the state of the sweeps of one promise in one table after an event."""
    facts, on = event.facts, str(event.facts.get("on") or event.at.date().isoformat())
    before: State = state or {
        "store": facts["store"], "table": facts["table"], "rule": facts["rule"], "status": "idle", "run": None,
        "measured_on": None, "overdue": 0, "oldest": None, "rows": 0, "swept": 0, "batch": 0, "held": 0,
        "before": None, "marked_on": None, "allowed": [], "last": None, "reason": None, "due": None,
        "beyond": None, "returned": None, "returns": 0, "rule_version": None, "trigger": None, "beside": None,
        "before_of": {}, "happened": {}, "begun": None, "unknown": 0,
    }  # fmt: skip
    match facts["state"], before["status"]:
        case "measured", _:
            measured = {"measured_on": on, "overdue": facts["rows"], "oldest": facts["oldest"]}
            return {**before, **measured, "beyond": facts.get("beyond")}
        case "marked", "idle" | "stopped":
            return {
                **before, "status": "marked", "run": facts["run"], "rows": facts["rows"], "oldest": facts["oldest"],
                "before": facts["before"], "before_of": facts.get("before_of") or {}, "marked_on": on,
                "allowed": facts["allowed"], "swept": 0, "batch": 0, "held": 0, "reason": None,
                "due": facts["grace_ends"], "measured_on": on, "overdue": facts["rows"],
                "rule_version": facts["rule_version"], "trigger": facts.get("trigger"), "beside": facts.get("beside"),
                "happened": {}, "begun": None, "unknown": 0,
            }  # fmt: skip
        case "begun", "marked" | "acting" | "stopped" if facts["run"] == before["run"]:
            status = "stopped" if before["status"] == "stopped" else "acting"
            return {**before, "status": status, "begun": {"batch": facts["batch"], "rows": facts["rows"]}}
        case "acting", "marked" | "acting" | "stopped" if facts["run"] == before["run"]:
            rows = before["swept"] + facts["rows"]  # also of the batch that was in hand when it was stopped
            status = "stopped" if before["status"] == "stopped" else "acting"
            happened = added(before.get("happened") or {}, facts.get("beside") or ())  # type: ignore[arg-type]
            unknown = before.get("unknown", 0) + facts.get("unknown", 0)
            return {
                **before, "status": status, "swept": rows, "batch": facts["batch"], "happened": happened,
                "begun": None, "unknown": unknown,
            }  # fmt: skip
        case "acted", "marked" | "acting":
            last = {
                "on": on, "rows": before["swept"], "run": before["run"], "held": facts["held"],
                "rule_version": before["rule_version"], "trigger": before["trigger"],
                "unknown": before.get("unknown", 0),
            }  # fmt: skip
            held, left = facts["held"], facts["left"]
            return {
                **before, "status": "idle", "last": last, "held": held, "overdue": left, "measured_on": on, "due": None,
            }  # fmt: skip
        case "returned", _:
            told = {"on": on, "rows": facts["rows"], "run": facts["run"]}
            return {**before, "returned": told, "returns": before.get("returns", 0) + 1}
        case "stopped", _:
            return {**before, "status": "stopped", "reason": facts["reason"], "due": None}
        case _:
            raise ValueError(facts["state"])
