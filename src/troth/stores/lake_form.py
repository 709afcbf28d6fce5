"""What every form of file in a lake has in common: how it is read, and what changes in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from troth.errors import UnreachableError
from troth.rules.map import CsvForm
from troth.stores.lake_place import File

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes in one file, by the place of the row in it, from 0; `schema` is its table's."""

    deleted: frozenset[int] = field(repr=False)
    written: Mapping[int, Mapping[str, object]] = field(repr=False)
    schema: pa.Schema


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader must know of a table: its names, the columns the map names, how its CSV is written.

    Files of a table that `evolves` may lack columns, which are null there.  `said` is what messages call it.
    """

    store: str
    table: str
    named: Sequence[str] = ()
    csv: CsvForm | None = None
    evolves: bool = False
    said: str = ""

    @property
    def called(self) -> str:
        """What messages call the table."""
        return self.said or self.table


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that stand together in a file, from the row `first`, with some of their columns.

    `rest` reads other columns of the same rows, in the same order.
    """

    first: int
    rows: pa.RecordBatch | pa.Table

    def rest(self, names: Sequence[str]) -> pa.RecordBatch | pa.Table:
        """Return these columns of the same rows."""
        return self.rows.select(list(names))


Bounds = Mapping[str, Sequence[Any]]
"""Values of which a row must have one, by column, in order; only blocks that may hold one are read."""


class Form(Protocol):
    """One form of file: Parquet, JSON lines, CSV."""

    def schema(self, files: Sequence[File], asked: Asked) -> pa.Schema:
        """Return the columns of a table; raises when a file cannot be read or the files differ."""
        ...

    def blocks(
        self, file: File, schema: pa.Schema, names: Sequence[str], asked: Asked, any_of: Sequence[Bounds] = ()
    ) -> Iterator[Block]:
        """Yield the rows of a file, with these columns, in order.

        With `any_of`, rows that fulfil none of these bounds may be left out.
        """
        ...

    def rewrite(self, file: File, new: Path, changes: Changes, asked: Asked) -> int:
        """Write a file anew without what goes, and verify it; return how many rows it has left.

        Raises NotAllowedError for a value its column cannot hold, ConflictError when what was
        written is not what it must be.  The old file is not touched.
        """
        ...


def unreadable(file: File, store: str, form: str = "Parquet") -> UnreachableError:
    """Say that a file cannot be read, so that nothing is done at all."""
    return UnreachableError(
        f"The file `{file.shown}` of the store `{store}` cannot be read as {form}. Nothing was changed: an answer "
        "from part of a lake would be wrong. Repair the file or move it out of the lake."
    )


def plain(value: Any) -> object:
    """Write a value as SQLite can hold it: dates in ISO 8601, documents and lists as JSON."""
    match value:
        case None | str() | float() | bytes():
            return value
        case bool():
            return int(value)
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


def cells(rows: pa.RecordBatch | pa.Table) -> Iterator[tuple[object, ...]]:
    """Yield rows as values that SQLite can hold."""
    columns = [[plain(value) for value in column.to_pylist()] for column in rows.columns]
    return iter(zip(*columns, strict=True)) if columns else iter([()] * rows.num_rows)
