"""The control of a retention promise: what its sweeps counted, and when.

A promise that no map binds is unproven, and so is one that nobody counted lately; rows that were due
and neither went nor were marked break it.  What a hold, a law or a pending request keeps is not due.

Law: GDPR Art. 5(1)(e), Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Literal

from troth.policy.policy import Policy
from troth.policy.promise import RetentionRule
from troth.rules.map import Map
from troth.rules.sweep import MEASURED_WITHIN, Bound, bound

ACTED_WITHIN = timedelta(days=7)
"""How long after its grace a marked sweep may still not have gone: our own default."""
Judged = tuple[Literal["kept", "broken", "unproven"], str, tuple[str, ...], tuple[str, ...]]


def judge(
    promise: RetentionRule,
    policy: Policy,
    maps: Mapping[str, Map],
    states: Mapping[str, Mapping[str, Any]],
    events: Mapping[str, Sequence[str]],
    today: date,
    unswept: Mapping[str, str] = MappingProxyType({}),
) -> Judged:
    """Judge by the states of the sweeps (by their names) and the ids of their events; `unswept` are stores, and why."""
    mine = [one for one in bound(policy, maps) if one.rule.key == promise.key]
    if not mine:
        return "unproven", "no map binds it to a table: write `retention:` there", (), ()
    evidence = tuple(event for one in mine for event in events.get(one.name, ())[-3:])
    wrong = tuple(said for one in mine if (said := _wrong(one, states.get(one.name), today)))
    if wrong:
        return (
            "broken",
            f"tables that hold what has outlived it: {len(wrong)} of {len(mine)}",
            evidence,
            wrong,
        )
    doubts = tuple(
        said for one in mine if (said := _doubt(one, states.get(one.name), today, unswept.get(one.store, "")))
    )
    if doubts:
        return "unproven", doubts[0], evidence, doubts
    marked = sum(
        int(states[one.name]["rows"]) for one in mine if states[one.name]["status"] in ("marked", "acting")
    )
    swept = sum(int((states[one.name]["last"] or {}).get("rows", 0)) for one in mine)
    figure = f"nothing overdue in {len(mine)} {'table' if len(mine) == 1 else 'tables'}"
    if marked:
        figure = f"{marked} rows marked, to go when the grace is over"
    return "kept", f"{figure}; {swept} rows went with the last sweep", evidence, ()


def _wrong(one: Bound, state: Mapping[str, Any] | None, today: date) -> str:
    if state is None or one.why_not:
        return ""
    if state.get("beyond"):
        return (
            f"{one.store}.{one.table}: {state['beyond']} roles can read the archive that its map does not name: "
            f"troth sweep look {one.store}"
        )
    if state["status"] in ("marked", "acting"):
        if date.fromisoformat(state["due"]) + ACTED_WITHIN >= today:
            return ""
        left = int(state["rows"]) - int(state["swept"])
        return f"{one.store}.{one.table}: {left} rows are marked since {state['marked_on']} and have not gone"
    rows = int(state["overdue"]) - int(state["held"])
    if rows <= 0:
        return ""
    what = f"{rows} rows to be archived" if one.archive else f"{rows} rows"
    return f"{one.store}.{one.table}: {what}, the oldest of {state['oldest']}: troth sweep mark {one.name}"


def _doubt(one: Bound, state: Mapping[str, Any] | None, today: date, unswept: str) -> str:
    if one.why_not or unswept:
        return f"{one.store}.{one.table}: {one.why_not or unswept}"
    if state is None or state["measured_on"] is None:
        return f"{one.store}.{one.table}: nobody counted yet (troth sweep)"
    if date.fromisoformat(state["measured_on"]) + MEASURED_WITHIN < today:
        return f"{one.store}.{one.table}: counted on {state['measured_on']} last (troth sweep)"
    if one.merely_left:
        return (
            f"{one.store}.{one.table}: the policy says that rows are archived, and the map names no `archive`"
        )
    if one.archive_of and state.get("beyond") is None:
        return f"{one.store}.{one.table}: the store does not tell who can read this archive"
    return ""
