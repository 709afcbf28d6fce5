"""The rows of a lake that may matter to a plan, laid out as tables of a SQLite file for the length of a verb.

There the engine that every SQL store has decides and changes; what it changed is then told
file by file.  The row id is the number of the file in its table and the place of the row in it.

Danger: the stage is a copy of personal data.  What keeps it from staying: it lies in a folder
that only its owner may read, it goes when the verb is done, and what a killed process left is
removed by the next one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from troth.errors import NotAllowedError
from troth.rules.catalogue import Catalogue
from troth.rules.graph import Graph
from troth.rules.map import Columns, Flag, Map, MapTable
from troth.stores import held_folder, lake_aged
from troth.stores.amend_stage import Keys
from troth.stores.contract import Expiry, Who
from troth.stores.lake_aged import Aged
from troth.stores.lake_form import Changes, cells
from troth.stores.lake_layout import Part, Table
from troth.stores.lake_sieve import Found, Run, Sieve, needed
from troth.stores.lake_workers import Workers
from troth.stores.sql_dialect import SQLITE, quoted
from troth.stores.sql_store import SqlStore
from troth.stores.sqlite import LIMITS
from troth.stores.stage import Laid, Passing, Place

# Names come from the files and are quoted; values are bound.
# ruff: noqa: S608

PREFIX = "troth-stage-"
_FILE = 2**32  # rows of a file; the number of the file stands above
_FILLER = {"integer": "0", "boolean": "0", "real": "0.0"}


@dataclass(frozen=True, slots=True)
class Placed(Passing):
    """The same, where rows of tables without a key are told by their place."""

    def catalogue(self, connection: sqlite3.Connection, store: str) -> Catalogue:
        """Read what is there, with the row id as the key."""
        found = Passing.catalogue(self, connection, store)
        return replace(found, tables=tuple(replace(each, key=("_rowid_",)) for each in found.tables))


@dataclass(frozen=True, slots=True)
class Stage:
    """The tables of a lake; `handle` holds the lock that tells it is in use."""

    folder: Path
    handle: int
    tables: Mapping[str, Table]
    map: Map

    @property
    def database(self) -> Path:
        """Where the rows are."""
        return self.folder / "stage.db"

    @property
    def before(self) -> Path:
        """Where the rows are as they were before the plan ran."""
        return self.folder / "before.db"

    def opened(self, *, changing: bool, placed: bool = False, keyed: bool = False) -> Laid:
        """Open the stage with the engine of SQL stores."""
        url = f"sqlite:///{self.database}"
        urls = {"find": url, "change": url} if changing else {"find": url}
        keys = {name: key_of(table) for name, table in self.map.tables.items()} if keyed else {}
        return SqlStore(self.map, urls, Placed() if placed else Passing(keys=keys), LIMITS)

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            os.close(self.handle)


def lay_out(tables: Mapping[str, Table], scratch: Path, map_: Map) -> Stage:
    """Make the tables, with no row yet."""
    held_folder.remove_left(PREFIX, scratch)
    folder, handle = held_folder.held(PREFIX, scratch)
    stage = Stage(folder, handle, tables, map_)
    try:
        with closing(sqlite3.connect(stage.database, isolation_level=None)) as connection:
            for table, each in tables.items():
                written = ", ".join(
                    f"{quoted(one.name)} {_type(one.type)}{'' if one.nullable else _unread(_type(one.type))}"
                    for one in each.schema
                )
                connection.execute(f"CREATE TABLE {quoted(table)} ({written})")
    except BaseException:
        stage.remove()
        raise
    return stage


def key_of(table: MapTable) -> Columns:
    """Return the columns by which the map tells a row of a lake: the subject's key, or those it calls keys."""
    if table.subject is not None:
        return table.subject.key
    return tuple(name for name, category in table.columns.items() if category == "key")


def refuse_inexact(stage: Stage, columns: Iterable[tuple[str, str]]) -> None:
    """Raise NotAllowedError for a column whose values would not come back exactly from a stage."""
    for table, column in columns:
        found = stage.tables.get(table)
        at = found.schema.get_field_index(column) if found is not None else -1
        if found is not None and at >= 0 and not _exact(found.schema.field(at).type):
            raise NotAllowedError(
                f"In the store `{stage.map.store}`, values of `{table}.{column}` can be neither corrected nor set "
                f"aside: of its type (`{found.schema.field(at).type}`) what was there might not come back as it was. "
                "Change it there by hand, and record that it was done."
            )


def _exact(kind: pa.DataType) -> bool:
    """Tell whether values of a type come back from SQLite as they went there."""
    types = pa.types
    simple = (types.is_string, types.is_large_string, types.is_boolean, types.is_integer, types.is_float64,
              types.is_date32, types.is_binary, types.is_decimal)  # fmt: skip
    if types.is_timestamp(kind):
        return str(kind.unit) != "ns"
    return kind != pa.uint64() and any(is_(kind) for is_ in simple)


class Rows:
    """Which row on a stage is which in its lake: told by what it holds, since files are written anew."""

    def __init__(self, stage: Stage) -> None:
        opened = stage.opened(changing=False)
        try:
            self.graph = opened.plan().graph
        finally:
            opened.close()
        self._stage = stage
        self._db = sqlite3.connect(stage.database, check_same_thread=False)
        self._columns: dict[str, Columns] = {}
        self._known: dict[str, dict[Place, list[int]]] = {}

    def columns(self, table: str) -> Columns:
        """Return the columns that decide, tell a row, or say when it began."""
        if table not in self._columns:
            self._columns[table] = self._deciding(table)
        return self._columns[table]

    def _deciding(self, table: str) -> Columns:
        mapped, found = self._stage.map.tables.get(table), self._stage.tables[table]
        deciding = set(needed(self.graph, table, found))
        if mapped is not None:
            deciding |= {*key_of(mapped), *(each.trigger for each in mapped.retention)}
        return tuple(each for each in found.schema.names if each in deciding)

    def place(self, table: str, row: int) -> Place:
        """Return what a row holds, as a hash."""
        found = self._db.execute(f"{self._select(table)} WHERE _rowid_ = ?", (row,)).fetchone()
        return (_hash(found[1:]),)

    def rows(self, table: str, place: Place) -> Sequence[int]:
        """Return the rows on the stage that hold this."""
        if table not in self._known:
            found: dict[Place, list[int]] = {}
            for row, *held in self._db.execute(self._select(table)):
                found.setdefault((_hash(held),), []).append(row)
            self._known[table] = found
        return self._known[table].get(place, ())

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _select(self, table: str) -> str:
        listed = ", ".join(map(quoted, ("_rowid_", *self.columns(table))))
        return f"SELECT {listed} FROM {quoted(table)}"


def _hash(held: Sequence[object]) -> str:
    return sha256(repr(tuple(held)).encode("utf-8", "surrogatepass")).hexdigest()


def portions(stage: Stage, rows: Rows, names: Sequence[str]) -> Iterator[None]:
    """Put the rows of these tables on the stage, some at a time, with the columns that decide."""
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as connection:
        for name in names:
            table = stage.tables[name]
            columns = rows.columns(name)
            gaps = ", ".join("?" * (1 + len(columns)))
            listed = ", ".join(map(quoted, ("_rowid_", *columns)))
            for number, part in enumerate(table.parts):
                for block in table.blocks(part, columns):
                    first = first_row(number) + block.first
                    laid = ((first + at, *row) for at, row in enumerate(cells(block.rest(columns))))
                    connection.execute("BEGIN")
                    connection.executemany(f"INSERT INTO {quoted(name)} ({listed}) VALUES ({gaps})", laid)
                    connection.execute("COMMIT")
                    yield
                    connection.execute(f"DELETE FROM {quoted(name)}")


def fill_keyed(stage: Stage, keys: Keys, run: Run) -> None:
    """Put every row with these keys on the stage, perhaps more, with all their columns."""
    _filled(stage, lambda graph, keep: Sieve(graph, stage.tables, run, keep, True).keyed(keys))


def fill(stage: Stage, who: Sequence[Who], run: Run, *, full: bool) -> None:
    """Put every row that may matter to these subjects on the stage, `full` or with the columns that decide."""
    _filled(stage, lambda graph, keep: Sieve(graph, stage.tables, run, keep, full).search(who))


def fill_due(stage: Stage, expiry: Expiry, but_for: Sequence[Who], workers: Workers, *, going: bool) -> None:
    """Put every row on the stage that may be due, and all rows of some people; `going`, with what goes or holds it."""
    table, mapped = stage.tables.get(expiry.table), stage.map.tables[expiry.table]
    flag = mapped.restriction.column if isinstance(mapped.restriction, Flag) else ""
    also = {expiry.table: (expiry.trigger, flag)}

    def search(graph: Graph, keep: Callable[[Found], None]) -> None:
        def sieve() -> Sieve:
            return Sieve(graph, stage.tables, workers.run, keep, False, also)

        if table is None or expiry.trigger not in table.schema.names:
            return  # the engine says that there is no such table or column
        due = sieve()
        columns = due.columns(expiry.table)
        tasks = [Aged(table, part, expiry.trigger, expiry.before, columns) for part in table.parts]
        due.due(expiry.table, workers.run(lake_aged.look, tasks), going=going)
        if but_for:
            sieve().search(but_for)  # apart, for there people are followed by name

    _filled(stage, search)


def _filled(stage: Stage, search: Callable[[Graph, Callable[[Found], None]], object]) -> None:
    opened = stage.opened(changing=False)
    try:
        graph = opened.plan().graph
    finally:
        opened.close()
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        numbers = {
            name: {part.file.name: at for at, part in enumerate(table.parts)}
            for name, table in stage.tables.items()
        }

        def keep(found: Found) -> None:
            name = found.table.asked.table
            first = first_row(numbers[name][found.part.file.name])
            gaps = ", ".join("?" * (1 + len(found.columns)))
            listed = ", ".join(map(quoted, ("_rowid_", *found.columns)))
            connection.executemany(
                f"INSERT OR IGNORE INTO {quoted(name)} ({listed}) VALUES ({gaps})",
                ((first + place, *row) for place, row in found.rows),
            )

        search(graph, keep)
        ends = [
            end
            for edge in stage.map.edges()
            for end in ((edge.table, edge.columns), (edge.target, edge.target_columns))
        ]
        for number, (table, columns) in enumerate(dict.fromkeys(ends)):
            if table in stage.tables and set(columns) <= set(stage.tables[table].schema.names):
                listed = ", ".join(quoted(column) for column in columns)
                connection.execute(f"CREATE INDEX troth_{number} ON {quoted(table)} ({listed})")
        for number, named in enumerate(each for each in graph.named if each.at.inside is None):
            written = (
                SQLITE.email.format(quoted(named.column)) if named.kind == "email" else quoted(named.column)
            )
            connection.execute(f"CREATE INDEX troth_named_{number} ON {quoted(named.table)} ({written})")
        connection.execute("COMMIT")


def first_row(number: int) -> int:
    """Return the row id of the first row of a file."""
    return number * _FILE


def remember(stage: Stage) -> None:
    """Keep the rows as they are before the plan runs."""
    shutil.copyfile(stage.database, stage.before)


def changes(stage: Stage) -> Iterator[tuple[Table, Part, Changes]]:
    """Yield the files in which the plan has changed something, and what."""
    with closing(sqlite3.connect(stage.database)) as connection:
        connection.execute("ATTACH ? AS before", (str(stage.before),))
        for name, table in stage.tables.items():
            deleted, written = _deleted(connection, name), _written(connection, name, table.schema.names)
            for number in sorted(deleted.keys() | written.keys()):
                made = Changes(frozenset(deleted.get(number, ())), written.get(number, {}), table.schema)
                yield table, table.parts[number], made


def _deleted(connection: sqlite3.Connection, table: str) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    gone = f"SELECT _rowid_ FROM before.{quoted(table)} EXCEPT SELECT _rowid_ FROM main.{quoted(table)}"
    for (row,) in connection.execute(gone):
        found.setdefault(row // _FILE, set()).add(row % _FILE)
    return found


def _written(
    connection: sqlite3.Connection, table: str, names: Sequence[str]
) -> dict[int, dict[int, dict[str, object]]]:
    found: dict[int, dict[int, dict[str, object]]] = {}
    differs = " OR ".join(f"a.{quoted(name)} IS NOT b.{quoted(name)}" for name in names)
    pairs = ", ".join(f"a.{quoted(name)}, a.{quoted(name)} IS NOT b.{quoted(name)}" for name in names)
    for row, *pairs_read in connection.execute(
        f"SELECT a._rowid_, {pairs} FROM main.{quoted(table)} AS a JOIN before.{quoted(table)} AS b "
        f"ON a._rowid_ = b._rowid_ WHERE {differs}"
    ):
        values = {name: pairs_read[2 * at] for at, name in enumerate(names) if pairs_read[2 * at + 1]}
        found.setdefault(row // _FILE, {})[row % _FILE] = values
    return found


def _unread(kind: str) -> str:
    """Write that a column may not be null, and what stands there when it was not read."""
    return f" NOT NULL DEFAULT {_FILLER.get(kind, repr(''))}"


def _type(kind: pa.DataType) -> str:
    """Return the type that keeps a value as it is written."""
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "real"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_nested(kind):
        return "json"
    return "blob" if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) else "text"
