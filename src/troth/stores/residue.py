"""Residue: looking for erased subjects' identifiers everywhere in a store, mapped or not.

One pass for all subjects.  Rows are read in batches of raw bytes; a searcher goes over each
batch at once, for the beginnings of what is sought, and only where it finds one is a batch
taken apart into its fields and compared whole, so that a hit is known to be in one row and
one column.  Values never leave this module: what is
reported is a table, a column, a count and a verdict.

Danger: none to data, this reads only; but whoever trusts a clean result relies on it.  So
what could not be read, and what was too short to look for, is reported too.

Law: GDPR Art. 17(1): erased means that copies are gone too.
"""

from __future__ import annotations

import re
import sqlite3
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Map
from troth.rules.residue_form import Form, certain, compacted, forms
from troth.stores.contract import Hit, Scanned, Who
from troth.stores.residue_reading import (
    CONTEXT,
    Batch,
    Table,
    duckdb_batches,
    mariadb_batches,
    postgresql_batches,
    sqlite_batches,
    written_in,
)
from troth.stores.searcher import Engine, Searcher, beginnings

if TYPE_CHECKING:
    import psycopg

Verdict = Literal["expected", "copy", "doubtful"]
_RANK: tuple[Verdict, ...] = ("doubtful", "copy", "expected")
_NUMBER = re.compile(rb"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_NO_PART = re.compile(rb"\.0*\Z")  # a whole number, in a column of numbers with parts
_NOT_SEARCHED = frozenset({"date", "moment", "boolean"})


@dataclass(frozen=True, slots=True)
class Expected:
    """Where the plan leaves an identifier on purpose.

    `columns` are (table, column) in which any row may still have one, such as the column
    of a `mentions` edge.  `rows` are, by (subject, table), the keys of rows that are
    retained for this subject, each key as the text of its columns in the catalogue's order.
    """

    columns: frozenset[tuple[str, str]] = frozenset()
    rows: Mapping[tuple[str, str], Collection[tuple[str, ...]]] = field(default_factory=dict, repr=False)


NOTHING = Expected()
_READ: Mapping[str, Callable[[Any, Table], Iterator[Batch]]] = {
    "duckdb": duckdb_batches,
    "mariadb": mariadb_batches,
    "postgresql": postgresql_batches,
    "sqlite": sqlite_batches,
}


def scan(
    connection: sqlite3.Connection | psycopg.Connection[Any] | None,
    catalogue: Catalogue,
    kinds: Collection[str],
    who: Sequence[Who],
    expected: Expected = NOTHING,
    engine: Engine | None = None,
    read: Callable[[Any, Table], Iterator[Batch]] | None = None,
    wanted: Wanted | None = None,
) -> Scanned:
    """Search every column of every table for these subjects' identifiers of these kinds.

    `kinds` are those that name one subject only (`own_kinds` of the store's map).  `read`
    reads what is not in a database; `wanted` is what was prepared of these subjects before.
    """
    started = time.perf_counter()
    wanted = wanted or Wanted(catalogue, kinds, who, engine)
    counts: dict[tuple[str, str, str, Verdict], int] = defaultdict(int)
    size = 0
    unread: list[str] = []
    if wanted.forms:
        read = read or _READ[catalogue.dialect]
        for table in (*catalogue.tables, *catalogue.derived):
            reading = wanted.table(catalogue.dialect, table)
            slices: dict[tuple[bytes, str, str], Verdict] = {}
            for batch in read(connection, reading) if reading.columns else ():
                size += len(batch.buffer)
                for identity, subject, column, verdict in wanted.judged(table, batch, expected):
                    if identity is None:
                        counts[subject, table.name, column, verdict] += 1
                    else:  # one of several slices of one value: the gravest counts
                        before = slices.get((identity, subject, column), "doubtful")
                        slices[identity, subject, column] = max(before, verdict, key=_RANK.index)
            for (_, subject, column), verdict in slices.items():
                counts[subject, table.name, column, verdict] += 1
            unread.extend(f"{table.name}.{column}" for column in reading.unread)
    hits = tuple(
        Hit(subject, table, column, rows, verdict)
        for (subject, table, column, verdict), rows in sorted(counts.items())
    )
    return Scanned(
        store=catalogue.store,
        bytes=size,
        seconds=time.perf_counter() - started,
        hits=hits,
        unread=tuple(sorted(unread)),
        refused=tuple(sorted(wanted.refused)),
    )


def own_kinds(map: Map) -> frozenset[str]:  # noqa: A002
    """Return the kinds of identifier that this map says name one subject only."""
    return frozenset(
        identifier.kind
        for table in map.tables.values()
        if table.subject is not None
        for identifier in table.subject.identifiers
        if identifier.one_person
    )


def mentioning_columns(map: Map) -> frozenset[tuple[str, str]]:  # noqa: A002
    """Return the (table, column) where the map lets an identifier stay: links of `mentions`."""
    identifiers = {
        (identifier.via.table if identifier.via is not None else table.name, identifier.column)
        for table in map.tables.values()
        if table.subject is not None
        for identifier in table.subject.identifiers
    }
    return frozenset(
        (edge.table, column)
        for edge in map.edges()
        if edge.kind == "mentions"
        for column, target in zip(edge.columns, edge.target_columns, strict=True)
        if (edge.target, target) in identifiers
    )


class Wanted:
    """What is looked for in one pass: forms, whose they are, and the searchers made of them.

    Made once for a pass, which takes a second for a thousand subjects; several threads may use it.
    """

    def __init__(
        self, catalogue: Catalogue, kinds: Collection[str], who: Sequence[Who], engine: Engine | None = None
    ) -> None:
        self.refused: set[tuple[str, str]] = set()
        by_form: dict[Form, dict[str, None]] = defaultdict(dict)
        for one in who:
            for kind, value in one.identifiers:
                if kind not in kinds:
                    continue
                found = forms(kind, value)
                if not found:
                    self.refused.add((one.subject, kind))
                for form in found:
                    by_form[form][one.subject] = None
        self.forms = tuple(by_form)
        self.subjects = tuple(tuple(subjects) for subjects in by_form.values())
        self.numbers = any(form.pattern.isdigit() for form in self.forms)
        tables = (*catalogue.tables, *catalogue.derived)
        with_bytes = any(column.shape == "bytes" for table in tables for column in table.columns)
        self._searches: list[tuple[bool, Searcher, list[list[int]]]] = []
        self.longest = 0
        for compact in (False, True):
            written = [
                (each, form.caseless, number)
                for number, form in enumerate(self.forms)
                if form.compact is compact
                for each in written_in(catalogue.dialect, form.pattern, with_bytes=with_bytes)
            ]
            owners: dict[tuple[bytes, bool], list[int]] = defaultdict(list)
            for begun, (each, caseless, number) in zip(
                beginnings([each for each, _, _ in written]), written, strict=True
            ):
                owners[begun, caseless].append(number)
                self.longest = max(self.longest, len(each))
            if owners:
                self._searches.append((compact, Searcher(list(owners), engine), list(owners.values())))

    def table(self, dialect: str, table: CatalogueTable) -> Table:
        """Choose the columns to read: on SQLite all, elsewhere those whose type can hold an identifier."""
        columns = tuple(
            column
            for column in table.columns
            if column.name not in table.unreadable
            and (
                dialect == "sqlite"
                or (column.shape not in _NOT_SEARCHED and (column.shape != "number" or self.numbers))
            )
        )
        return Table(table, columns, self.longest + 4 * CONTEXT, list(table.unreadable))

    def judged(
        self, table: CatalogueTable, batch: Batch, expected: Expected
    ) -> Iterator[tuple[bytes | None, str, str, Verdict]]:
        """Yield which slice (None for whole values), subject, column and verdict, once a row and column."""
        candidates = self._candidates(batch)
        if not candidates:
            return
        fields, width = batch.fields(), batch.width
        for place, numbers in sorted(candidates.items()):
            row, at = divmod(place, width)
            if at >= len(batch.columns):
                continue
            column, beside = batch.columns[at], fields[row * width + len(batch.columns) : (row + 1) * width]
            value = batch.clean(column, fields[place])
            low, high, identity, key = 0, len(value), None, beside
            if batch.sliced:  # what touches a cut is whole in the slice before or after
                identity, first, last, *key = beside
                low = 0 if first == b"1" else CONTEXT
                high = len(value) if last == b"1" else len(value) - CONTEXT
            certainty: dict[str, bool] = {}
            for number in numbers:
                sure = _found(self.forms[number], value, low, high, in_number=column.shape == "number")
                if sure is not None:
                    for subject in self.subjects[number]:
                        certainty[subject] = certainty.get(subject, False) or sure
            for subject in sorted(certainty):
                verdict: Verdict = "copy" if certainty[subject] else "doubtful"
                if (table.name, column.name) in expected.columns:
                    verdict = "expected"
                elif keys := expected.rows.get((subject, table.name)):
                    text = tuple(batch.clean(None, part).decode("utf-8", "replace") for part in key)
                    verdict = "expected" if text in keys else verdict
                yield identity, subject, column.name, verdict

    def _candidates(self, batch: Batch) -> Mapping[int, set[int]]:
        """Return, by the number of a field in the batch, the forms that seem to be in it."""
        found: dict[int, set[int]] = defaultdict(set)
        for compact, search, owners in self._searches:
            matches = search.find(compacted(batch.buffer) if compact else batch.buffer)
            if not matches:
                continue
            fields = map(compacted, batch.fields()) if compact else batch.fields()
            ends = list(accumulate(len(each) + 1 for each in fields))  # a separator after each
            for pattern, end in matches:
                found[bisect_right(ends, end - 1)].update(owners[pattern])
        return found


def _found(form: Form, value: bytes, low: int, high: int, *, in_number: bool) -> bool | None:
    """Say whether a form stands in a value for certain (True), perhaps (False), or not (None)."""
    if in_number and _NUMBER.fullmatch(value):
        whole = _NO_PART.sub(b"", value)
        start = len(whole) - len(form.pattern)
        dialled = (
            form.edge == "phone" and whole.endswith(form.pattern) and certain(form, whole, start, len(whole))
        )
        return False if dialled or whole == form.pattern else None
    if form.compact:
        value, low, high = compacted(value), 0, len(value)
    text, pattern = (value.lower(), form.pattern.lower()) if form.caseless else (value, form.pattern)
    found: bool | None = None
    start = text.find(pattern, low)
    while start >= 0 and start + len(pattern) <= high:
        if certain(form, value, start, start + len(pattern)):
            return True
        found = False
        start = text.find(pattern, start + 1)
    return found
