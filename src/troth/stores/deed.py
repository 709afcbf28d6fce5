"""What a step did where a store has no transaction: counted row by row, so that a step done in part is told as such.

A *deed* is a table and what was done to a row of it: an action, or the column that got a value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from troth.errors import ConflictError
from troth.rules.map import Edge, InDocument, InList, Map, RemoveElement, ReplaceOwner, Value
from troth.stores import sql_cells, sql_run
from troth.stores.contract import Acted, Count, PartlyDoneError

Deed = tuple[str, str]
Deeds = Callable[[str, Mapping[str, object] | None], tuple[Deed, ...]]
"""Under what a row of a table is counted that gets these new values, or goes (None)."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A step as its store remembers it: what all of it was to do, and the deeds left undone as rows had changed."""

    plan_sha256: str
    rows: str
    left: Mapping[Deed, int]


def written(deeds: Mapping[Deed, int]) -> list[list[str | int]]:
    """Write deeds as JSON can hold them: names and numbers."""
    return [[*deed, rows] for deed, rows in sorted(deeds.items()) if rows]


def read(told: Iterable[Sequence[str | int]]) -> Counter[Deed]:
    """Read deeds back."""
    found: Counter[Deed] = Counter()
    for table, what, rows in told:
        found[str(table), str(what)] += int(rows)
    return found


def of_plan(map_: Map, counts: Iterable[Count]) -> Deeds:
    """Count rows under the actions of a plan that has these."""
    possible = frozenset((count.table, count.verb) for count in counts)
    return lambda table, new: (deed_of(map_, table, new, possible),)


def deed_of(map_: Map, table: str, new: Mapping[str, object] | None, possible: frozenset[Deed]) -> Deed:
    """Return under what a row is counted that gets these new values, or goes (None)."""
    if new is None:
        return table, "delete"
    found = "blank"
    mapped = map_.tables.get(table)
    for edge in mapped.edges if mapped is not None else ():
        value = new.get(edge.columns[0]) if edge.kind == "belongs_to" else None
        if edge.columns[0] in new and isinstance(edge.leaving, RemoveElement):
            found = "detach"
        elif edge.kind == "belongs_to" and _given(map_, edge, value):
            found = "replace_owner"
    if (table, found) not in possible:
        others = [what for of, what in sorted(possible) if of == table and what not in ("delete", "retain")]
        found = others[0] if others else found
    return table, found


def _given(map_: Map, edge: Edge, value: object) -> bool:
    """Tell whether a link leads to the placeholder now."""
    erase = map_.tables[edge.table].erase
    replaces = isinstance(edge.leaving, ReplaceOwner) or (
        erase is not None and isinstance(erase.do, ReplaceOwner)
    )
    marked: Value = map_.placeholder.get(f"{edge.target}.{edge.target_columns[0]}")
    if not replaces or marked is None:
        return False
    reached = [value]
    if edge.inside is not None:
        try:
            reached = [json.loads(value) if isinstance(value, str | bytes) else value]
        except ValueError:
            return False
    match edge.inside:
        case InDocument(path):
            reached = _below(reached, path)
        case InList(path, below):
            lists = [each for each in _below(reached, path) if isinstance(each, list)]
            reached = _below([each for some in lists for each in some], below)
    return str(marked) in map(str, reached)


def _below(values: Iterable[object], path: Sequence[str]) -> list[object]:
    found = list(values)
    for key in path:
        found = [value.get(key) for value in found if isinstance(value, dict)]
    return found


def done_of(acted: Acted, left: Mapping[Deed, int]) -> Acted:
    """Return what went of a step: all of it but for these deeds; what was retained is not told of a part."""
    counts = tuple(
        replace(count, rows=count.rows - left.get((count.table, count.verb), 0))
        for count in acted.counts
        if count.verb != "retain" and count.rows > left.get((count.table, count.verb), 0)
    )
    return _part(acted, counts)


def made_of(acted: Acted, made: Mapping[Deed, int]) -> Acted:
    """Return what went of a step of which only these deeds were done."""
    counts = tuple(
        replace(count, rows=min(count.rows, made[count.table, count.verb]))
        for count in acted.counts
        if count.verb != "retain" and made.get((count.table, count.verb))
    )
    return _part(acted, counts)


def _part(acted: Acted, counts: tuple[Count, ...]) -> Acted:
    grade = acted.grade if counts else "nothing_found"
    return replace(acted, counts=counts, keys_checked=sum(count.rows for count in counts), grade=grade)


def nothing(store: str, step: str, plan_sha256: str) -> Acted:
    """Return a step of a store that remembers none, of which nothing was done."""
    return Acted(store, step, plan_sha256, (), 0, "nothing_found", "at_least_once")


def with_earlier(acted: Acted, before: Sequence[Count], now: Sequence[Count]) -> Acted:
    """Add the rows that were to go `before` a process was killed, and were not there `now`."""
    left = {(count.table, count.verb): count.rows for count in now}
    found = {(count.table, count.verb): count for count in acted.counts}
    for count in before:
        at = count.table, count.verb
        went = count.rows - left.get(at, 0)
        if went > 0 and count.verb != "retain":
            found[at] = replace(count, rows=went + (found[at].rows if at in found else 0))
    counts = tuple(found[at] for at in sorted(found))
    grade = acted.grade
    if counts and grade == "nothing_found":
        grade = "blanked" if {count.verb for count in counts} - {"delete"} else "at_least_once"
    return replace(acted, counts=counts, keys_checked=sum(count.rows for count in counts), grade=grade)


def told(store: str, step: str, known: Remembered, *, unit: str, resumed: bool = True) -> Acted:
    """Return a step that is remembered; raises PartlyDoneError where it was done in part."""
    acted = replace(sql_run.from_rows(store, step, known.plan_sha256, known.rows), resumed=resumed)
    if any(known.left.values()):
        partly(done_of(acted, known.left), sum(known.left.values()), unit)
    return acted


def erasures(store: str, steps: Iterable[tuple[str, Remembered]]) -> Iterator[Acted]:
    """Yield those steps that were erasures, with what went."""
    for step, known in steps:
        if not sql_cells.is_amended(known.rows):
            acted = sql_run.from_rows(store, step, known.plan_sha256, known.rows)
            yield done_of(acted, known.left) if any(known.left.values()) else acted


def partly(went: Acted, left: int, unit: str) -> NoReturn:
    """Raise that rows were left alone, with what went; a plain ConflictError where nothing did."""
    others = "The others are done" if went.counts else "Nothing was changed"
    because = ConflictError(
        f"In the store `{went.store}`, {unit} since they were read. These and what leads to them were left as they "
        f"are, {left} rows in all. {others}. Measure and approve what is left."
    )
    raise PartlyDoneError(went, because) if went.counts else because
