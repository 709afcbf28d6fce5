"""Correcting and setting aside in a store that is no database: tried out on a stage, then told row by row.

Rows are told by their keys, which last, and read by them again when values are put back.

Danger: this overwrites values.  What prevents loss: on the stage a row is changed only while it
holds what was saved; in the store it is changed only while it holds what was read, and what is not
is left as it is and told as a conflict.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from troth.errors import NotAllowedError
from troth.rules.map import Columns, Map
from troth.stores import sql_cells
from troth.stores.amend import Amended, Amendment, Coded, Conflict, Tally
from troth.stores.deed import Deed, Remembered
from troth.stores.sql_coding import sqlite_uncoded
from troth.stores.sql_dialect import quoted

# Names come from the map and are quoted.
# ruff: noqa: S608

Keys = Mapping[str, tuple[Columns, Sequence[tuple[object, ...]]]]
"""The rows to be read again: by table, its key columns, and their values in each row."""


def keys_of(amendments: Iterable[Amendment], keys: Mapping[str, Columns]) -> Keys:
    """Return which rows are to be read again."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for each in amendments:
        found.setdefault(each.table, []).append(tuple(map(plain, each.key)))
    return {table: (keys[table], rows) for table, rows in found.items()}


def plain(coded: Coded) -> object:
    """Return the value that a coded text says, as it is laid out."""
    value = sqlite_uncoded(coded)
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def refuse_keyless(store: str, tables: Iterable[str], keys: Mapping[str, Columns]) -> None:
    """Raise NotAllowedError for a table whose rows nothing tells apart for long."""
    for table in tables:
        if not keys.get(table):
            raise NotAllowedError(
                f"The table `{table}` of the store `{store}` has no key, so that a row of it cannot be found again "
                "when values are put back. Let its map say which columns are its key, or leave it alone."
            )


def refuse_twice(store: str, database: str, tables: Iterable[str], keys: Mapping[str, Columns]) -> None:
    """Raise NotAllowedError where several rows that are laid out have one key."""
    with closing(sqlite3.connect(database)) as connection:
        for table in tables:
            listed = ", ".join(map(quoted, keys[table]))
            twice = f"SELECT 1 FROM {quoted(table)} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
            if connection.execute(twice).fetchone() is not None:
                raise NotAllowedError(
                    f"The table `{table}` of the store `{store}` has several rows with one key, so that none can be "
                    "told from the others. Nothing was changed. Let its map say which columns tell them apart."
                )


def written_in(map_: Map, wanted: Mapping[str, Columns]) -> frozenset[tuple[str, str]]:
    """Return the columns of which values are read to be changed, those that hold copies of them too."""
    found = {(table, column) for table, columns in wanted.items() for column in columns}
    for name, table in map_.tables.items():
        found |= {
            (name, each.column) for each in table.copies if (each.source_table, each.source_column) in found
        }
        found |= {
            (name, edge.columns[0])
            for edge in table.edges
            if len(edge.columns) == 1 and (edge.target, edge.target_columns[0]) in found
        }
    return frozenset(found)


def looked_into(map_: Map) -> frozenset[tuple[str, str]]:
    """Return the columns whose documents are looked into, so that they must be laid out as such."""
    found = {(edge.table, edge.columns[0]) for edge in map_.edges() if edge.inside is not None}
    for name, table in map_.tables.items():
        for each in table.subject.identifiers if table.subject is not None else ():
            if each.inside is not None:
                found.add((each.via.table if each.via is not None else name, each.column))
    return frozenset(found)


def columns_of(amendments: Iterable[Amendment]) -> frozenset[tuple[str, str]]:
    """Return the columns that are to be changed."""
    return frozenset((each.table, cell.column) for each in amendments for cell in each.cells)


def deeds(table: str, new: Mapping[str, object] | None) -> tuple[Deed, ...]:
    """Return under what a row with new values is counted."""
    return tuple((table, column) for column in new or ())


def told(store: str, step: str, known: Remembered, *, resumed: bool) -> Amended:
    """Return a step that is remembered, with what was left alone as conflicts."""
    made = replace(sql_cells.from_rows(store, step, known.rows), resumed=resumed)
    return without(made, known.left)


def without(made: Amended, left: Mapping[Deed, int]) -> Amended:
    """Take from what was to be done the values that had changed when it came to them."""
    counts = tuple(
        replace(each, rows=each.rows - left.get((each.table, each.column), 0)) for each in made.counts
    )
    late = tuple(
        Conflict(table, column, "changed", rows) for (table, column), rows in sorted(left.items()) if rows
    )
    return replace(
        made, counts=tuple(each for each in counts if each.rows), conflicts=(*made.conflicts, *late)
    )


def at_least_once(made: Amended, amendments: Iterable[Amendment]) -> Amended:
    """Count what an attempt did that was cut short, too: every value that is as it is to be and met no conflict."""
    counts: Counter[Deed] = Counter(
        (each.table, cell.column) for each in amendments for cell in each.cells if cell.before != cell.after
    )
    for each in made.conflicts:
        counts[each.table, each.column] -= each.rows
    tallies = tuple(
        Tally(table, column, rows) for (table, column), rows in sorted(counts.items()) if rows > 0
    )
    return replace(made, counts=tallies, certainty="at_least_once")


def refuse_unwritten(
    store: str, amendments: Iterable[Amendment], unwritten: Collection[tuple[str, str, bool]]
) -> None:
    """Raise NotAllowedError for a column whose values cannot be written there, or not emptied."""
    for each in amendments:
        for cell in each.cells:
            empties = cell.after is None
            if (each.table, cell.column, empties) in unwritten and cell.before != cell.after:
                raise NotAllowedError(
                    f"In the store `{store}`, `{each.table}.{cell.column}` cannot be "
                    f"{'emptied' if empties else 'written'}. Nothing was changed. Do it there by hand, and record that "
                    "it was done."
                )
