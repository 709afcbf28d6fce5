"""The residue search in a lake: every column of every file, file by file.

What is found in a file is counted there, so that a file may be searched anywhere.  Rows are
written as bytes by Arrow, column by column; Python takes apart only those that may hold a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from troth.rules.catalogue import Catalogue, Column
from troth.stores import residue
from troth.stores.contract import Hit, Scanned, Who
from troth.stores.lake_form import plain
from troth.stores.lake_layout import Part, Table
from troth.stores.residue import Expected, Wanted
from troth.stores.residue_reading import Batch
from troth.stores.residue_reading import Table as Reading

ROWS_AT_ONCE = 50_000
BYTES_AT_ONCE = 8 * 2**20  # of columns as they are read; as text they are some times that
SEPARATOR = b"\x1f"
WHOLE_MAX = 2.0**53  # above, a float no longer tells one whole number from the next


class Sought(Wanted):
    """What is looked for in a lake; where a file is searched elsewhere, it is prepared anew there, once."""

    def __init__(self, catalogue: Catalogue, kinds: Collection[str], who: Sequence[Who]) -> None:
        super().__init__(catalogue, kinds, who)
        self._made_of = (catalogue, frozenset(kinds), tuple(who))

    def __reduce__(self) -> tuple[Callable[..., Sought], tuple[object, ...]]:
        """Travel as what it is made of: a prepared search cannot be written down."""
        return _again, self._made_of


@lru_cache(maxsize=1)
def _again(catalogue: Catalogue, kinds: frozenset[str], who: tuple[Who, ...]) -> Sought:
    return Sought(catalogue, kinds, who)


@dataclass(frozen=True, slots=True)
class Task:
    """One file to search; `first` is the row id of its first row on a stage."""

    table: Table
    part: Part
    first: int
    catalogue: Catalogue
    sought: Sought = field(repr=False)
    expected: Expected = field(repr=False)


Run = Callable[[Callable[[Task], Scanned], Sequence[Task]], Iterable[Scanned]]


def search(task: Task) -> Scanned:
    """Search one file."""
    name = task.table.asked.table
    only = tuple(each for each in task.catalogue.tables if each.name == name)
    catalogue = Catalogue(task.catalogue.store, task.catalogue.dialect, only)

    def may_hold(kind: pa.DataType) -> bool:
        if pa.types.is_boolean(kind) or pa.types.is_temporal(kind):
            return False
        return task.sought.numbers or not (pa.types.is_integer(kind) or pa.types.is_floating(kind))

    def read(_connection: None, reading: Reading) -> Iterator[Batch]:
        columns = tuple(each for each in reading.columns if may_hold(task.table.schema.field(each.name).type))
        names = [column.name for column in columns]
        for block in task.table.blocks(task.part, names) if names else ():
            rows, first = block.rest(names), task.first + block.first
            several = max(1, min(ROWS_AT_ONCE, rows.num_rows * BYTES_AT_ONCE // max(rows.nbytes, 1)))
            for start in range(0, rows.num_rows, several):
                yield _batch(columns, rows.slice(start, several), first + start)

    return residue.scan(None, catalogue, (), (), task.expected, read=read, wanted=task.sought)


def together(store: str, every: Iterable[Scanned], seconds: float) -> Scanned:
    """Add up what was found in each file."""
    size, counts = 0, dict[tuple[str, str, str], dict[str, int]]()
    refused: set[tuple[str, str]] = set()
    unread: set[str] = set()
    for each in every:
        size += each.bytes
        refused |= set(each.refused)
        unread |= set(each.unread)
        for hit in each.hits:
            by = counts.setdefault((hit.subject, hit.table, hit.column), {})
            by[hit.verdict] = by.get(hit.verdict, 0) + hit.rows
    hits = tuple(
        Hit(*where, rows, verdict)  # type: ignore[arg-type]
        for where, by in sorted(counts.items())
        for verdict, rows in sorted(by.items())
    )
    return Scanned(store, size, seconds, hits, tuple(sorted(unread)), tuple(sorted(refused)))


def _batch(columns: tuple[Column, ...], rows: pa.RecordBatch | pa.Table, first: int) -> Batch:
    numbers = pa.array(range(first, first + rows.num_rows), pa.int64())
    parts = [pc.fill_null(_written(column), b"") for column in (*rows.columns, numbers)]
    end, between = (pa.scalar(each, pa.large_binary()) for each in (b"", SEPARATOR))
    whole = pc.binary_join_element_wise(*parts, end, between)

    @cache
    def fields() -> Sequence[bytes]:
        return [*chain.from_iterable(zip(*(part.to_pylist() for part in parts), strict=True))]

    return Batch(columns, 1, whole.buffers()[2].to_pybytes(), fields, lambda _, value: value)


def _written(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Write each value of a column as bytes: a whole number as its digits, whatever its type; documents as JSON."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_floating(kind):
        column = _digits(column.cast(pa.float64()))
    elif not any(is_one(kind) for is_one in _AS_THEY_ARE):
        column = pa.array([_bytes(plain(value)) for value in column.to_pylist()], pa.large_binary())
    if not any(is_one(column.type) for is_one in _BYTES):
        column = column.cast(pa.large_string())
    return column.cast(pa.large_binary())


def _digits(column: pa.Array) -> pa.Array:
    whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), WHOLE_MAX))
    whole = pc.fill_null(whole, False)
    digits = pc.if_else(whole, column, 0.0).cast(pa.int64()).cast(pa.large_string())
    told = pc.if_else(whole, digits, column.cast(pa.large_string()))
    return pc.if_else(pc.is_valid(column), told, pa.scalar(None, pa.large_string()))


def _bytes(value: object) -> bytes | None:
    match value:
        case None | bytes():
            return value
        case _:
            return str(value).encode("utf-8", "surrogatepass")


_BYTES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_AS_THEY_ARE = (
    *_BYTES,
    pa.types.is_integer,
    pa.types.is_decimal,
)
