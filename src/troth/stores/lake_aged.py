"""Which rows of a lake may have begun before a day: found file by file by the column that has the day.

Too many may be found, never too few: a day is compared with a margin, as time zones differ, and a text that is
written otherwise than ISO 8601 is taken along.  The engine on the stage decides (`lake_stage`).

A file is looked into by a function of the file alone, so that it may run anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from troth.stores.lake_form import cells
from troth.stores.lake_layout import Part, Table
from troth.stores.lake_sieve import Found

MARGIN = timedelta(days=2)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Aged:
    """One file to look into for rows whose day in a column may lie before another; `columns` are handed over."""

    table: Table
    part: Part
    column: str
    before: date
    columns: tuple[str, ...]


def look(task: Aged) -> Found:
    """Look into one file."""
    rows: list[tuple[int, tuple[object, ...]]] = []
    for block in task.table.blocks(task.part, (task.column,)):
        column = block.rows.column(task.column)
        values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        places = pc.indices_nonzero(may_be_before(values, task.before)).to_pylist()
        if places:
            kept = block.rest(task.columns).take(pa.array(places, pa.int64()))
            rows.extend(zip((block.first + place for place in places), cells(kept), strict=True))
    return Found(task.table, task.part, task.columns, rows)


def may_be_before(values: pa.Array, before: date) -> pa.Array:
    """Tell of each value whether its day may lie before another; where there is none, it does not.

    >>> may_be_before(pa.array(["2020-01-01", "2026-01-01T10:00", "3 May 2020", None]), date(2023, 1, 1)).to_pylist()
    [True, False, True, False]
    """
    until = before + MARGIN
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_date(kind):
        found = pc.less(values.cast(pa.date32()), pa.scalar(until, pa.date32()))
    elif pa.types.is_timestamp(kind):
        since = int(datetime.combine(until, time(), UTC).timestamp()) * _PER_SECOND[kind.unit]
        found = pc.less(values.cast(pa.int64()), since)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        written = pc.match_substring_regex(values, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")
        found = pc.or_(pc.less(values, pa.scalar(until.isoformat(), kind)), pc.invert(written))
    else:
        found = pc.is_valid(values)
    return pc.fill_null(found, False)
