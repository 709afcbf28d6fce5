"""The residue search in a lake: every column of every file, file by file.

What is found in a file is counted there, so that a file may be searched anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from troth.rules.catalogue import Catalogue
from troth.stores import residue
from troth.stores.contract import Hit, Scanned, Who
from troth.stores.lake_form import cells
from troth.stores.lake_layout import Part, Table
from troth.stores.residue import Expected
from troth.stores.residue_reading import Batch
from troth.stores.residue_reading import Table as Reading


@dataclass(frozen=True, slots=True)
class Task:
    """One file to search; `first` is the row id of its first row on a stage."""

    table: Table
    part: Part
    first: int
    catalogue: Catalogue
    kinds: frozenset[str]
    who: Sequence[Who] = field(repr=False)
    expected: Expected = field(repr=False)


Run = Callable[[Callable[[Task], Scanned], Sequence[Task]], Iterable[Scanned]]


def search(task: Task) -> Scanned:
    """Search one file."""
    name = task.table.asked.table
    only = tuple(each for each in task.catalogue.tables if each.name == name)
    catalogue = Catalogue(task.catalogue.store, task.catalogue.dialect, only)

    def read(_connection: None, reading: Reading) -> Iterator[Batch]:
        names = [column.name for column in reading.columns]
        for block in task.table.blocks(task.part, names):
            fields: list[bytes] = []
            for place, row in enumerate(cells(block.rest(names))):
                fields.extend(map(_bytes, row))
                fields.append(str(task.first + block.first + place).encode())
            yield _batch(reading, fields)

    return residue.scan(None, catalogue, task.kinds, task.who, task.expected, read=read)


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


def _batch(reading: Reading, fields: list[bytes]) -> Batch:
    return Batch(reading.columns, 1, b"\x1f".join(fields), lambda: fields, lambda _, value: value)


def _bytes(value: object) -> bytes:
    """Write a value as SQLite casts it."""
    match value:
        case None:
            return b""
        case bytes():
            return value
        case _:
            return str(value).encode("utf-8", "surrogatepass")
