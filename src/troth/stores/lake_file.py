"""One Parquet file of a lake: read group by group, and written anew without what goes.

Danger: a rewritten file takes the place of the old one.  What prevents loss: it is written
beside it, and its schema, rows, groups and compression are compared with what they must be
before `lake_swap` gives it the old one's name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from troth.errors import ConflictError, NotAllowedError, UnreachableError

ROWS_AT_ONCE = 10_000
Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes in one file, by the place of the row in it, from 0; `schema` is its table's."""

    deleted: frozenset[int]
    written: Mapping[int, Mapping[str, object]]
    schema: pa.Schema


def mark(path: Path) -> Mark:
    """Return what is another one once the file was written or replaced."""
    seen = path.stat()
    return (seen.st_ino, seen.st_size, seen.st_mtime_ns)


def opened(path: Path, store: str) -> pq.ParquetFile:
    """Open a file; raises UnreachableError for one that cannot be read."""
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException):
        raise unreadable(path, store) from None


def unreadable(path: Path, store: str, form: str = "Parquet") -> UnreachableError:
    """Say that a file cannot be read, so that nothing is done at all."""
    return UnreachableError(
        f"The file `{path.name}` of the store `{store}` cannot be read as {form}. Nothing was changed: an answer "
        "from part of a lake would be wrong. Repair the file or move it out of the lake."
    )


def rows(path: Path, store: str) -> Iterator[Sequence[tuple[object, ...]]]:
    """Yield the rows of a file, some at a time, in order, as values that SQLite can hold."""
    file = opened(path, store)
    try:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
            columns = [[plain(value) for value in column.to_pylist()] for column in batch.columns]
            yield list(zip(*columns, strict=True))
    except (OSError, pa.ArrowException):
        raise unreadable(path, store) from None
    finally:
        file.close()


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


def rewrite(path: Path, new: Path, changes: Changes, store: str) -> None:
    """Write the file anew beside the old one, group by group, and verify it.

    Raises NotAllowedError for a value its column cannot hold, ConflictError when what was
    written is not what it must be.  The old file is not touched.
    """
    old = opened(path, store)
    try:
        with pq.ParquetWriter(new, old.schema_arrow, **_manner(old)) as writer:
            first = 0
            for number in range(old.num_row_groups):
                group = old.read_row_group(number)
                last = first + group.num_rows
                made = _changed(group, first, changes, store)
                if made.num_rows:
                    writer.write_table(made, row_group_size=made.num_rows)
                first = last
        as_the_old(path, new)
        _verify(old, new, changes, path, store)
    except pa.ArrowException:
        raise unreadable(path, store) from None
    finally:
        old.close()


def as_the_old(path: Path, new: Path) -> None:
    """Give the new file the mode and owner of the old one, and make it durable."""
    seen = path.stat()
    new.chmod(seen.st_mode & 0o7777)
    if (new.stat().st_uid, new.stat().st_gid) != (seen.st_uid, seen.st_gid):
        os.chown(new, seen.st_uid, seen.st_gid)
    with new.open("rb") as written:
        os.fsync(written.fileno())


def _changed(group: pa.Table, first: int, changes: Changes, store: str) -> pa.Table:
    """Return a row group as it will be."""
    inside = range(first, first + group.num_rows)
    names = (name for place, values in changes.written.items() if place in inside for name in values)
    for name in dict.fromkeys(names):
        at = group.schema.get_field_index(name)
        field = group.schema.field(at)
        values = group.column(at).to_pylist()
        try:
            for place, written in changes.written.items():
                if place in inside and name in written:
                    values[place - first] = _back(written[name], field.type)
            column = pa.chunked_array([pa.array(values, field.type)])
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise NotAllowedError(
                f"The column `{name}` of the store `{store}` cannot hold what the map writes into it: it is of the "
                f"type {field.type}. Nothing was changed. Let the map write a value of that type, or null."
            ) from None
        group = group.set_column(at, field, column)
    gone = [place - first for place in changes.deleted if place in inside]
    if not gone:
        return group
    keep = [True] * group.num_rows
    for place in gone:
        keep[place] = False
    return group.filter(pa.array(keep))


def _back(value: object, kind: pa.DataType) -> object:
    """Read a value that was written for SQLite as one of the column's type."""
    if value is not None and pa.types.is_nested(kind):
        return json.loads(str(value))
    if isinstance(value, int) and pa.types.is_boolean(kind):
        return bool(value)
    if isinstance(value, str) and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return pa.scalar(value).cast(kind).as_py()
    return value


def _manner(file: pq.ParquetFile) -> dict[str, Any]:
    """Return how the file was written, as far as it tells."""
    told = file.metadata
    manner: dict[str, Any] = {"version": told.format_version}
    if not told.num_row_groups:
        return manner
    group = told.row_group(0)
    columns = [group.column(number) for number in range(told.num_columns)]
    manner["compression"] = {each.path_in_schema: _codec(each.compression) for each in columns}
    manner["use_dictionary"] = [each.path_in_schema for each in columns if each.has_dictionary_page]
    manner["write_statistics"] = [each.path_in_schema for each in columns if each.is_stats_set]
    if any(each.physical_type == "INT96" for each in columns):
        manner["use_deprecated_int96_timestamps"] = True
    if group.sorting_columns:
        manner["sorting_columns"] = group.sorting_columns
    return manner


def _codec(name: str) -> str:
    return "NONE" if name == "UNCOMPRESSED" else name


def _verify(old: pq.ParquetFile, new: Path, changes: Changes, path: Path, store: str) -> None:
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
            and sum(batch.num_rows for batch in made.iter_batches(batch_size=ROWS_AT_ONCE))
            == made.metadata.num_rows
        )
    if not same:
        raise ConflictError(
            f"The file `{path.name}` of the store `{store}` could not be written anew as it was: its schema, rows or "
            "compression would differ. Nothing was changed."
        )
