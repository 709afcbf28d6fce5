"""Parquet files of a lake: read group by group, and written anew without what goes.

Danger: a rewritten file takes the place of the old one.  What prevents loss: it is written
beside it, and its schema, rows, groups and compression are compared with what they must be
before it gets the old one's name.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troth.errors import ConflictError, NotAllowedError
from troth.stores.lake_form import ROWS_AT_ONCE, Asked, Block, Bounds, Changes, unreadable
from troth.stores.lake_place import File, Folder

SAMPLED, SAMPLED_MIN = 10, 1_000  # one row in so many, and at least so many, tell whether values repeat
HARDLY = 0.95  # of these rows so many have a value of their own


@dataclass(frozen=True, slots=True)
class _Group(Block):
    """One row group, of which other columns can be read."""

    file: pq.ParquetFile
    number: int
    schema: pa.Schema

    def rest(self, names: Sequence[str]) -> pa.RecordBatch | pa.Table:
        if set(names) <= set(self.rows.schema.names):
            return self.rows.select(list(names))
        return _columns(self.file, self.number, names, self.schema)


class Parquet:
    """The form of Parquet files."""

    def schema(self, files: Sequence[File], asked: Asked) -> pa.Schema:
        """Return the columns that every file of a table has."""
        first: pa.Schema | None = None
        for file in files:
            with _opened(file, asked.store) as opened:
                schema = opened.schema_arrow
            first = schema if first is None else first
            if not schema.equals(first):
                raise NotAllowedError(
                    f"The files of the table `{asked.called}` of the store `{asked.store}` do not have the same "
                    "columns and types. Nothing was changed. Write them with one schema."
                )
        return first

    def blocks(
        self, file: File, schema: pa.Schema, names: Sequence[str], asked: Asked, any_of: Sequence[Bounds] = ()
    ) -> Iterator[Block]:
        """Yield the row groups of a file that may hold a row within these bounds, by their statistics."""
        with _opened(file, asked.store) as opened:
            if not asked.evolves and not set(schema.names) <= set(opened.schema_arrow.names):
                raise unreadable(file, asked.store)  # written since its schema was read
            first = 0
            try:
                for number in range(opened.num_row_groups):
                    group = opened.metadata.row_group(number)
                    if group.num_rows and (not any_of or any(_may_hold(group, each) for each in any_of)):
                        yield _Group(first, _columns(opened, number, names, schema), opened, number, schema)
                    first += group.num_rows
            except (OSError, pa.ArrowException):
                raise unreadable(file, asked.store) from None

    def rewrite(self, file: File, new: Path, changes: Changes, asked: Asked) -> int:
        """Write the file anew beside the old one, group by group, and verify it."""
        gone, written = sorted(changes.deleted), sorted(changes.written)
        with _opened(file, asked.store) as old:
            try:
                with ExitStack() as open_now:
                    writer, first = None, 0
                    for number in range(old.num_row_groups):
                        group = old.read_row_group(number, use_threads=False)  # a file is one core's work
                        if writer is None:
                            writer = open_now.enter_context(_writer(new, old, group))
                        last = first + group.num_rows
                        made = _changed(group, first, _within(written, first, last), changes, asked.store)
                        made = _without(made, first, _within(gone, first, last))
                        if made.num_rows:
                            writer.write_table(made, row_group_size=made.num_rows)
                        first = last
                        del group, made  # before the next is read
                    if writer is None:
                        open_now.enter_context(_writer(new, old, None))
                _verify(old, new, changes, file, asked.store)
                return int(old.metadata.num_rows) - len(gone)
            except pa.ArrowException:
                raise unreadable(file, asked.store) from None


@contextmanager
def _opened(file: File, store: str) -> Iterator[pq.ParquetFile]:
    """Open a file; raises UnreachableError for one that cannot be read."""
    place = file.place
    try:
        source = place.root / file.name if isinstance(place, Folder) else pa.PythonFile(file.open(), "r")
        opened = pq.ParquetFile(source)
    except (OSError, pa.ArrowException):
        raise unreadable(file, store) from None
    try:
        yield opened
    finally:
        opened.close()


def _columns(file: pq.ParquetFile, number: int, names: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Read columns of a row group; one that the file does not have is null."""
    every = file.schema_arrow.names
    there = [name for name in names if name in every]
    dotted = any("." in name for name in every)  # a dot would be read as a way into a document
    length = file.metadata.row_group(number).num_rows
    read = None
    if there:
        several = length > ROWS_AT_ONCE  # threads cost more than they bring where there is little to read
        read = file.read_row_group(number, columns=None if dotted else there, use_threads=several)
    columns = [
        read.column(name) if read is not None and name in every else pa.nulls(length, schema.field(name).type)
        for name in names
    ]
    return pa.table(columns, names=list(names)) if columns else pa.table({"": pa.nulls(length)})


def _may_hold(group: Any, bounds: Bounds) -> bool:
    """Tell whether the statistics of a row group allow for a row with one of the values in each column."""
    for number in range(group.num_columns):
        column = group.column(number)
        values = bounds.get(column.path_in_schema)
        if values is not None and not values:
            return False
        if values is None or not column.is_stats_set or not column.statistics.has_min_max:
            continue
        low, high = column.statistics.min, column.statistics.max
        if not isinstance(low, type(values[0])) or isinstance(low, bool):
            continue
        if bisect_left(values, low) == bisect_right(values, high):
            return False
    return True


def _within(places: Sequence[int], first: int, last: int) -> Sequence[int]:
    return places[bisect_left(places, first) : bisect_left(places, last)]


def _changed(group: pa.Table, first: int, places: Sequence[int], changes: Changes, store: str) -> pa.Table:
    """Return a row group with its new values."""
    for name in dict.fromkeys(name for place in places for name in changes.written[place]):
        at = group.schema.get_field_index(name)
        here = [place for place in places if name in changes.written[place]]
        if at < 0 and all(changes.written[place][name] is None for place in here):
            continue  # a column the file does not have is null
        field = group.schema.field(at) if at >= 0 else changes.schema.field(name)
        try:
            if at < 0:
                raise ValueError("a file without the column")
            made = [_back(changes.written[place][name], field.type) for place in here]
            column = _replaced(group.column(at), [place - first for place in here], made, field.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise NotAllowedError(
                f"The column `{name}` of the store `{store}` cannot hold what the map writes into it: it is of the "
                f"type {field.type}. Nothing was changed. Let the map write a value of that type, or null."
            ) from None
        group = group.set_column(at, field, column)
    return group


def _replaced(
    column: pa.ChunkedArray, places: Sequence[int], values: Sequence[object], kind: pa.DataType
) -> pa.ChunkedArray:
    """Return a column with other values in some places."""
    if pa.types.is_nested(kind) or pa.types.is_dictionary(kind):
        every = column.to_pylist()
        for place, value in zip(places, values, strict=True):
            every[place] = value
        return pa.chunked_array([pa.array(every, kind)])
    mask = _mask(places, len(column))
    return pa.chunked_array([pc.replace_with_mask(column.combine_chunks(), mask, pa.array(values, kind))])


def _without(group: pa.Table, first: int, gone: Sequence[int]) -> pa.Table:
    """Return a row group without the rows that go."""
    return (
        group.filter(pc.invert(_mask([place - first for place in gone], group.num_rows))) if gone else group
    )


def _mask(places: Sequence[int], length: int) -> pa.Array:
    marked = bytearray(length)
    for place in places:
        marked[place] = 1
    return pa.Array.from_buffers(pa.uint8(), length, [None, pa.py_buffer(marked)]).cast(pa.bool_())


def _back(value: object, kind: pa.DataType) -> object:
    """Read a value that was written for SQLite as one of the column's type."""
    if value is not None and pa.types.is_nested(kind):
        return json.loads(str(value))
    if isinstance(value, int) and pa.types.is_boolean(kind):
        return bool(value)
    if isinstance(value, str) and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return pa.scalar(value).cast(kind).as_py()
    return value


def _writer(new: Path, old: pq.ParquetFile, first: pa.Table | None) -> pq.ParquetWriter:
    """Begin a file that is written as the old one, of which this is the first row group, if it has one."""
    manner: dict[str, Any] = {"version": old.metadata.format_version}
    if first is not None:
        manner |= _manner(old, first)
    return pq.ParquetWriter(new, old.schema_arrow, **manner)


def _manner(file: pq.ParquetFile, first: pa.Table) -> dict[str, Any]:
    """Return how the file was written, as far as it tells, but for dictionaries of values that hardly repeat."""
    told = file.metadata
    manner: dict[str, Any] = {}
    group = told.row_group(0)
    columns = [group.column(number) for number in range(told.num_columns)]
    manner["compression"] = {each.path_in_schema: _codec(each.compression) for each in columns}
    coded = [each.path_in_schema for each in columns if each.has_dictionary_page]
    manner["use_dictionary"] = _repeating(first, coded)
    manner["write_statistics"] = [each.path_in_schema for each in columns if each.is_stats_set]
    if any(each.physical_type == "INT96" for each in columns):
        manner["use_deprecated_int96_timestamps"] = True
    if group.sorting_columns:
        manner["sorting_columns"] = group.sorting_columns
    return manner


def _repeating(group: pa.Table, names: Sequence[str]) -> list[str]:
    """Return these columns without those of which a tenth of the rows, from all over, has hardly a value twice.

    A dictionary of such a column is work for nothing, and makes the file larger.
    """
    rows = group.num_rows
    asked = min(rows, max(rows // SAMPLED, SAMPLED_MIN))
    step = int(rows * 0.618) + 1
    while gcd(step, rows) > 1:  # so that no row comes twice
        step += 1
    places = pa.array([number * step % rows for number in range(asked)], pa.int64())
    kept = []
    for name in names:
        at = group.schema.get_field_index(name)
        plain = at >= 0 and not pa.types.is_nested(group.schema.field(at).type)
        if not plain or _different(group.column(at).take(places)) <= asked * HARDLY:
            kept.append(name)
    return kept


def _different(values: pa.ChunkedArray) -> int:
    """Count the different values; none where that cannot be counted."""
    try:
        return int(pc.count_distinct(values).as_py())
    except pa.ArrowNotImplementedError:
        return 0


def _codec(name: str) -> str:
    return "NONE" if name == "UNCOMPRESSED" else name


def _verify(old: pq.ParquetFile, new: Path, changes: Changes, file: File, store: str) -> None:
    """Compare the new file with what it must be."""
    with pq.ParquetFile(new) as made:
        same = (
            made.schema_arrow.equals(old.schema_arrow, check_metadata=True)
            and made.metadata.num_rows == old.metadata.num_rows - len(changes.deleted)
            and all(
                _codec(made.metadata.row_group(0).column(number).compression)
                == _codec(old.metadata.row_group(0).column(number).compression)
                for number in range(made.metadata.num_columns if made.num_row_groups else 0)
            )
            and sum(batch.num_rows for batch in made.iter_batches(batch_size=ROWS_AT_ONCE, use_threads=False))
            == made.metadata.num_rows
        )
    if not same:
        raise ConflictError(
            f"The file `{file.shown}` of the store `{store}` could not be written anew as it was: its schema, rows or "
            "compression would differ. Nothing was changed."
        )
