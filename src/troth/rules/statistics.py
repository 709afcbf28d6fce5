"""What remains of requests when their files are gone: counts that name nobody.

Each claim is a tuple of entity, right, jurisdiction, month, outcome, days taken, extended and
ground; a cell of fewer than five is not shown, nor is a part of one, or its rest, of fewer.

Law: GDPR Art. 5(2); law.md section 11, point 4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from troth.rules import request

LEAST = 5
"""A cell of fewer claims could show somebody, and is not shown."""


@dataclass(frozen=True, slots=True)
class Tuple:
    """One claim, without anybody in it; `days` from receipt to the answer, None while there is none."""

    entity: str
    right: str
    jurisdiction: str
    month: str
    outcome: str
    days: int | None
    in_time: bool | None
    extended: bool
    ground: str
    imported: bool = False  # it ended elsewhere: its days are told, not proven


@dataclass(frozen=True, slots=True)
class Cell:
    """All claims of one right in one month and entity; figures are None where the cell is too small to show."""

    entity: str
    right: str
    month: str
    claims: int | None
    answered: int | None
    days_median: float | None
    days_p95: int | None
    in_time: int | None
    refused: int | None
    extended: int | None
    imported: int | None = None


def tuples(states: Iterable[Mapping[str, Any]]) -> Iterator[Tuple]:
    """Yield a tuple for each claim of each request."""
    for state in states:
        ended = state.get("answered_on")
        days = (date.fromisoformat(ended) - date.fromisoformat(state["received"])).days if ended else None
        for claim in state["claims"].values():
            yield Tuple(
                entity=state["entity"],
                right=claim["right"],
                jurisdiction=state["jurisdiction"],
                month=state["received"][:7],
                outcome=claim["outcome"] or str(state["ended"] or "open"),
                days=days,
                in_time=ended <= state["legal_due"] if ended and state["legal_due"] else None,
                extended=state["extension"] is not None,
                ground=claim["ground"] or "",
                imported=request.is_claimed(state),
            )


def cells(claims: Iterable[Tuple], *, least: int = LEAST) -> tuple[Cell, ...]:
    """Count claims by entity, right and month; cells of fewer than `least` show no figure."""
    grouped: defaultdict[tuple[str, str, str], list[Tuple]] = defaultdict(list)
    for one in claims:
        grouped[one.entity, one.right, one.month].append(one)
    return tuple(_cell(key, grouped[key], least) for key in sorted(grouped))


def _cell(key: tuple[str, str, str], found: list[Tuple], least: int) -> Cell:
    if len(found) < least:
        return Cell(*key, None, None, None, None, None, None, None)
    days = sorted(one.days for one in found if one.days is not None)
    return Cell(
        *key,
        claims=len(found),
        answered=_part(len(days), len(found), least),
        days_median=median(days) if len(days) >= least else None,
        days_p95=days[-(-len(days) * 95 // 100) - 1] if len(days) >= least else None,
        in_time=_part(sum(one.in_time is True for one in found), len(days), least),
        refused=_part(sum(one.outcome == "refuse" for one in found), len(found), least),
        extended=_part(sum(one.extended for one in found), len(found), least),
        imported=_part(sum(one.imported for one in found), len(found), least),
    )


def _part(count: int, whole: int, least: int) -> int | None:
    """Return a part of a cell, unless it or what is left of the whole is so small that it could show somebody.

    >>> _part(5, 12, 5), _part(0, 12, 5), _part(12, 12, 5), _part(1, 12, 5), _part(11, 12, 5)
    (5, 0, 12, None, None)
    """
    return None if 0 < count < least or 0 < whole - count < least else count


def suppressed(
    counts: Mapping[str, int], whole: str, parts: Sequence[Sequence[str]], *, least: int = LEAST
) -> dict[str, int | None]:
    """Return the counts of a cell, those left out that could show somebody; `parts` of each list make up the whole.

    Where one part alone would be left out, the smallest beside it is too: the rest would give it away.

    >>> suppressed({"all": 40, "yes": 30, "no": 8, "ended": 2}, "all", [["yes", "no", "ended"]])
    {'all': 40, 'yes': 30, 'no': None, 'ended': None}
    """
    everything = [whole, *(name for each in parts for name in each)]
    if counts[whole] < least:
        return dict.fromkeys(everything, None if counts[whole] else 0)
    shown: dict[str, int | None] = {whole: counts[whole]}
    for each in parts:
        told = {name: _part(counts[name], counts[whole], least) for name in each}
        left = sorted((counts[name], name) for name in each if told[name])
        if len(each) > 1 and sum(one is None for one in told.values()) == 1 and left:
            told[left[0][1]] = None
        shown |= told
    return shown
