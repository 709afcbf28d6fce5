"""Rows of a store that is no database, gathered into tables for the length of a plan.

A *source* says how its rows are read and changed.  They are laid out in a SQLite file, where
the engine of every SQL store finds, measures and acts; what it changed there is then told to
the source, row by row.  Where a source can look rows up, only those are asked for to which the
identifiers lead, and the rows that share something with them.

Danger: what is gathered is a copy of personal data.  What keeps it from staying: it lies in a
folder only its owner may read, goes with the verb that made it, and what a killed process left
is removed by the next one.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import gettempdir
from typing import Protocol

from troth.errors import NotAllowedError
from troth.rules.graph import Graph, Hop, draw
from troth.rules.identifier import exact
from troth.rules.map import Columns, Map, MapTable
from troth.stores import held_folder
from troth.stores.amend_stage import Keys
from troth.stores.catalogue import STEP_TABLE, read_sqlite
from troth.stores.contract import Limits, Who
from troth.stores.deed import Deed, Deeds, Remembered
from troth.stores.sql_dialect import quoted

# Names come from the map and the source, and are quoted; values are bound.
# ruff: noqa: S608

PREFIX = f"troth-gathered-{os.getuid()}-"
ROWS_AT_ONCE = 500
VALUES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Found:
    """A row as its source has it: how it is told from others there, and its values."""

    place: str = field(repr=False)
    values: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that have one of these values in a column; `kind` where the column names somebody."""

    column: str
    kind: str
    values: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that the plan changes: all its values before, and those that are new; None where it goes."""

    table: str
    place: str = field(repr=False)
    before: Mapping[str, object] = field(repr=False)
    after: Mapping[str, object] | None = field(repr=False)
    deeds: tuple[Deed, ...] = ()  # under what it is counted
    exact: frozenset[str] = (
        frozenset()
    )  # the columns whose new values have their own type, texts and documents too


def unchanged(row: Mapping[str, object], changed: Changed) -> bool:
    """Tell whether a row that was read again holds what it held when it was gathered."""
    return all(same(row.get(name), changed, name) for name in changed.before)


def same(value: object, changed: Changed, name: str) -> bool:
    """Tell whether a value of the source is the one that was gathered."""
    gathered = changed.before[name]
    return (cell(marked(value)) if name in changed.exact else cell(value)) == gathered


class Source(Protocol):
    """How the rows of a store are read and changed: all that a kind of store has to say itself."""

    limits: Limits
    remembers: bool  # a step that is done, so that it is never done again
    texts: bool  # every value is a text, or bytes

    def key(self, table: MapTable) -> Columns:
        """Return the columns that tell a row from every other; empty where nothing does."""
        ...

    def looks_up(self, table: MapTable, column: str, kind: str) -> bool:
        """Tell whether rows can be asked for by a value of this column, however it is written."""
        ...

    def writes(self, table: MapTable, column: str, *, empties: bool) -> bool:
        """Tell whether a value of a row can be written, or taken away, and the row still found by its key."""
        ...

    def lists(self, table: MapTable) -> bool:
        """Tell whether all rows of a table can be read."""
        ...

    def reads_again(self, table: MapTable) -> bool:
        """Tell whether a row is read again just before it is changed, and left alone if it is another by then."""
        ...

    def rows(self, table: MapTable, wanted: Wanted | None) -> Iterator[Found]:
        """Yield the rows that are wanted, or all; more than are wanted does no harm."""
        ...

    def outside(self) -> Iterator[tuple[str, Found]]:
        """Yield what is there besides the tables of the map, under names of tables for it."""
        ...

    def steps(self) -> Iterator[tuple[str, Remembered]]:
        """Yield every step that is remembered."""
        ...

    def done(self, step: str) -> Remembered | None:
        """Finish a step that was cut short, and return it where it is remembered."""
        ...

    def carry_out(
        self, step: str, plan_sha256: str, rows: str, changes: Iterable[Changed]
    ) -> Iterator[Changed]:
        """Change rows, each at once or not at all, those furthest from the subject first.

        Yields each that was made, and ends at a row that is not as it was gathered: what leads to it comes later.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows laid out as tables; `partly` names the tables of which not all rows could be read."""

    folder: Path
    handle: int
    partly: tuple[str, ...] = ()
    exactly: frozenset[tuple[str, str]] = frozenset()  # the columns whose values keep their own type

    @property
    def database(self) -> Path:
        """Where the tables are."""
        return self.folder / "stage.db"

    @property
    def before(self) -> Path:
        """Where the tables are as they were before the plan ran."""
        return self.folder / "before.db"

    @property
    def places(self) -> Path:
        """Where it stands which row is which in the source."""
        return self.folder / "places.db"

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.handle)


def gather(
    source: Source,
    map_: Map,
    who: Sequence[Who] | None,
    *,
    wide: bool = False,
    rows_max: int | None = None,
    exactly: frozenset[tuple[str, str]] = frozenset(),
) -> Gathered:
    """Lay out the rows to which these subjects lead, or all (`None`).

    `wide` takes the columns along that the map does not name, and what is outside its tables.
    """

    def read(laying: _Laying) -> tuple[str, ...]:
        partly = laying.everything() if who is None else laying.led_to(who)
        if wide and who is None:
            laying.outside()
        return partly

    return _laid(source, map_, read, wide=wide, rows_max=rows_max, exactly=exactly)


def gather_keyed(
    source: Source, map_: Map, keys: Keys, exactly: frozenset[tuple[str, str]] = frozenset()
) -> Gathered:
    """Lay out the rows that have these keys, perhaps more; values of columns read `exactly` keep their type."""

    def read(laying: _Laying) -> tuple[str, ...]:
        walk = _Walk(laying, draw(map_, read_sqlite(laying.db, map_.store)))
        for name, (columns, rows) in keys.items():
            table = map_.tables[name]
            at = next((n for n, each in enumerate(columns) if source.looks_up(table, each, "")), 0)
            values = [str(row[at]) for row in rows if row[at] is not None]
            walk.ask(name, columns[at], "", values, beside=True)
        return ()

    return _laid(source, map_, read, exactly=exactly)


def gather_rows(source: Source, map_: Map, table: str, rows: Iterable[Found]) -> Gathered:
    """Lay out these rows of one table."""

    def read(laying: _Laying) -> tuple[str, ...]:
        laying.fill(table, rows)
        return ()

    return _laid(source, map_, read)


def _laid(
    source: Source,
    map_: Map,
    read: Callable[[_Laying], tuple[str, ...]],
    *,
    wide: bool = False,
    rows_max: int | None = None,
    exactly: frozenset[tuple[str, str]] = frozenset(),
) -> Gathered:
    held_folder.remove_left(PREFIX, Path(gettempdir()))
    folder, handle = held_folder.held(PREFIX)
    try:
        with closing(_Laying(source, map_, folder, wide=wide, rows_max=rows_max)) as laying:
            laying.exactly = exactly = frozenset() if source.texts else exactly
            partly = read(laying)
            laying.finish()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)
        raise
    return Gathered(folder, handle, partly, exactly)


class Places:
    """Which row that is laid out is which in the source."""

    def __init__(self, gathered: Gathered) -> None:
        self._db = sqlite3.connect(gathered.places, check_same_thread=False)

    def place(self, table: str, row: int) -> tuple[object, ...]:
        """Return what tells a row in the source."""
        found = self._db.execute("SELECT place FROM place WHERE name = ? AND row = ?", (table, row))
        return (str(found.fetchone()[0]),)

    def rows(self, table: str, place: tuple[object, ...]) -> Sequence[int]:
        """Return the row id of a row of the source, if it is laid out."""
        found = self._db.execute("SELECT row FROM place WHERE name = ? AND place = ?", (table, place[0]))
        return [int(row) for (row,) in found]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def mark(table: str, place: str, values: Mapping[str, object]) -> str:
    """Return what tells a row from all others, and from itself with other values, without saying any of them."""
    written = json.dumps([table, place, dict(values)], sort_keys=True, default=repr)
    return sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def marks(gathered: Gathered, map_: Map) -> Generator[str]:
    """Yield the mark of every row that was gathered."""
    with closing(sqlite3.connect(gathered.database)) as connection:
        connection.text_factory = _text
        connection.execute("ATTACH ? AS places", (str(gathered.places),))
        graph = draw(map_, read_sqlite(connection, map_.store))
        for table in map_.tables:
            names = [column.name for column in graph.table(table).columns]
            found = connection.execute(
                f"SELECT p.place, {', '.join(f'b.{quoted(name)}' for name in names)} FROM main.{quoted(table)} AS b "
                f"JOIN places.place AS p ON p.name = ? AND p.row = b._rowid_",
                (table,),
            )
            for place, *cells in found:
                yield mark(table, str(place), dict(zip(names, cells, strict=True)))


def changes(gathered: Gathered, map_: Map, deeds: Deeds) -> Generator[Changed]:
    """Yield the rows that differ from those before, the tables furthest from the subject first."""
    with closing(sqlite3.connect(gathered.database)) as connection:
        connection.text_factory = _text
        connection.execute("ATTACH ? AS before", (str(gathered.before),))
        connection.execute("ATTACH ? AS places", (str(gathered.places),))
        catalogue = read_sqlite(connection, map_.store)
        graph = draw(map_, catalogue)
        reached = [name for name in graph.reached() if name in map_.tables]
        for table in (*(name for name in map_.tables if name not in reached), *reversed(reached)):
            names = [column.name for column in graph.table(table).columns]
            listed = ", ".join(f"b.{quoted(name)}, a.{quoted(name)}" for name in names)
            differs = " OR ".join(f"a.{quoted(name)} IS NOT b.{quoted(name)}" for name in names)
            found = connection.execute(
                f"SELECT p.place, a._rowid_, {listed} FROM before.{quoted(table)} AS b "
                f"JOIN places.place AS p ON p.name = ? AND p.row = b._rowid_ "
                f"LEFT JOIN main.{quoted(table)} AS a ON a._rowid_ = b._rowid_ "
                f"WHERE a._rowid_ IS NULL OR {differs} ORDER BY b._rowid_ DESC",
                (table,),
            )
            for place, row, *cells in found:
                pairs = zip(names, cells[::2], cells[1::2], strict=True)
                before = dict(zip(names, cells[::2], strict=True))
                after = {name: new for name, old, new in pairs if (type(old), old) != (type(new), new)}
                made = None if row is None else after
                exact = frozenset(column for of, column in gathered.exactly if of == table)
                told = made and {
                    name: unmarked(value) if name in exact else value for name, value in made.items()
                }
                yield Changed(table, str(place), before, told, deeds(table, made), exact)


class _Laying:
    """Tables being filled."""

    def __init__(self, source: Source, map_: Map, folder: Path, *, wide: bool, rows_max: int | None) -> None:
        self.source, self.map, self.wide, self.rows_max = source, map_, wide, rows_max
        self.db = sqlite3.connect(folder / "stage.db", isolation_level=None)
        self.db.text_factory = _text
        self.db.execute("PRAGMA journal_mode = OFF")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.create_function("troth_exact", 2, _exact, deterministic=True)
        self.db.execute("ATTACH ? AS places", (str(folder / "places.db"),))
        self.db.execute("PRAGMA places.journal_mode = OFF")
        self.db.execute("PRAGMA places.synchronous = OFF")
        self.db.execute("BEGIN")
        self.db.execute(
            "CREATE TABLE places.place (name TEXT, row INTEGER, place TEXT, PRIMARY KEY (name, place)) WITHOUT ROWID"
        )
        self.db.execute("CREATE INDEX places.by_row ON place (name, row)")
        self.columns: dict[str, list[str]] = {}
        self.filled: dict[str, int] = {}
        self.whole: set[str] = set()
        self.exactly: frozenset[tuple[str, str]] = frozenset()
        for name, table in map_.tables.items():
            if name == STEP_TABLE or name.startswith("sqlite_"):
                raise NotAllowedError(
                    f"The store `{map_.store}` has a table called `{name}`, a name Troth needs itself."
                )
            self.create(name, [*table.columns, *_linked(map_, name)])

    def create(self, name: str, columns: Iterable[str]) -> None:
        """Make a table, of columns that keep any value as it is."""
        self.columns[name] = list(columns)
        written = ", ".join(map(quoted, self.columns[name])) or '"?"'
        self.db.execute(f"CREATE TABLE main.{quoted(name)} ({written})")

    def fill(self, name: str, rows: Iterable[Found]) -> None:
        """Take rows in, each once."""
        known = self.columns[name]
        for found in islice(rows, self.rows_max):
            row = self.filled.get(name, 0) + 1
            new = self.db.execute(
                "INSERT INTO places.place VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (name, row, found.place)
            ).rowcount
            if not new:
                continue
            self.filled[name] = row
            values = {
                _plain(column): cell(marked(value) if (name, column) in self.exactly else value)
                for column, value in found.values.items()
            }
            for column in values:
                if column not in known and self.wide and column.lower() not in map(str.lower, known):
                    self.db.execute(f"ALTER TABLE main.{quoted(name)} ADD COLUMN {quoted(column)}")
                    known.append(column)
            used = [column for column in values if column in known]
            listed = ", ".join(("_rowid_", *map(quoted, used)))
            gaps = ", ".join("?" * (len(used) + 1))
            self.db.execute(
                f"INSERT INTO main.{quoted(name)} ({listed}) VALUES ({gaps})",
                (row, *(values[column] for column in used)),
            )

    def finish(self) -> None:
        """Index what rows are found by."""
        ends = [
            end
            for edge in self.map.edges()
            for end in ((edge.table, edge.columns), (edge.target, edge.target_columns))
        ]
        for number, (table, names) in enumerate(dict.fromkeys(ends)):
            if table in self.columns and set(names) <= set(self.columns[table]):
                listed = ", ".join(f"CAST({quoted(name)} AS TEXT)" for name in names)  # as they are compared
                self.db.execute(f"CREATE INDEX troth_{number} ON {quoted(table)} ({listed})")
        self.db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the files."""
        self.db.close()

    # What is read

    def everything(self) -> tuple[str, ...]:
        """Read every row of every table that can be read whole; return the others."""
        partly = []
        for name, table in self.map.tables.items():
            if self.source.lists(table):
                self.fill(name, self.source.rows(table, None))
            else:
                partly.append(name)
        return tuple(partly)

    def outside(self) -> None:
        """Read what is not in the map."""
        for name, found in self.source.outside():
            if name not in self.columns:
                self.create(name, found.values)
            self.fill(name, [found])

    def led_to(self, who: Sequence[Who]) -> tuple[str, ...]:
        """Read the rows to which these subjects lead, and those that share something with them."""
        graph = draw(self.map, read_sqlite(self.db, self.map.store))
        walk = _Walk(self, graph)
        for named in graph.named:
            values = [
                written
                for subject in who
                for kind, value in subject.identifiers
                if kind == named.kind and value.strip()
                for written in dict.fromkeys((value, exact(kind, value)))
            ]
            walk.ask(named.table, named.column, named.kind, values, inside=named.at.inside is not None)
        walk.on()
        return ()

    def whole_table(self, name: str) -> None:
        """Read a table whole, once."""
        if name not in self.whole:
            self.whole.add(name)
            self.fill(name, self.source.rows(self.map.tables[name], None))


class _Walk:
    """From the identifiers along the hops of the graph, as far as rows may be touched or seen."""

    def __init__(self, laying: _Laying, graph: Graph) -> None:
        self.laying, self.graph = laying, graph
        self.asked: set[tuple[str, str, str, bool]] = set()
        self.expanded: dict[str, set[int]] = {}
        self.waiting: list[tuple[str, list[int]]] = []

    def ask(
        self,
        name: str,
        column: str,
        kind: str,
        values: Iterable[str],
        *,
        inside: bool = False,
        beside: bool = False,
    ) -> None:
        """Read the rows that have one of these values; go on from them unless they only stand `beside`."""
        source, table = self.laying.source, self.laying.map.tables[name]
        new = [
            value
            for value in dict.fromkeys(values)
            if not {(name, column, value, False), (name, column, value, beside)} & self.asked
        ]
        self.asked.update((name, column, value, beside) for value in new)
        if not new:
            return
        if name not in self.laying.whole:
            if not inside and source.looks_up(table, column, kind):
                for start in range(0, len(new), VALUES_AT_ONCE):
                    wanted = Wanted(column, kind, tuple(new[start : start + VALUES_AT_ONCE]))
                    self.laying.fill(name, source.rows(table, wanted))
            elif source.lists(table):
                self.laying.whole_table(name)
            else:
                raise NotAllowedError(
                    f"In the store `{self.laying.map.store}`, rows of `{name}` are to be found by `{column}`, by which "
                    "they can neither be looked up nor listed. Let the map say how."
                )
        if not beside:
            self.go_on(name, self.rows_with(name, column, kind, new) if not inside else self.every_row(name))

    def go_on(self, name: str, rows: Sequence[int]) -> None:
        """Go on from rows from which nobody went on yet."""
        known = self.expanded.setdefault(name, set())
        new = [row for row in rows if row not in known]
        known.update(new)
        if new:
            self.waiting.append((name, new))

    def on(self) -> None:
        """Walk until there is no further row."""
        while self.waiting:
            name, rows = self.waiting.pop()
            for hop in self.graph.hops:
                if hop.source == name:
                    self.forward(hop, rows)
            if name in self.graph.shared | self.graph.met:
                for hop in self.beside(name):
                    values = self.values(name, hop.to_columns, rows, inside=hop.to_at.inside is not None)
                    kind = hop.named.kind if hop.named is not None else ""
                    inside = hop.source_at.inside is not None or hop.to_at.inside is not None
                    self.ask(hop.source, hop.source_columns[0], kind, values, inside=inside, beside=True)

    def beside(self, name: str) -> Sequence[Hop]:
        """Return the hops by which somebody else may hold a row that was reached."""
        hops = self.graph.into(name, "belongs_to", "points_to")
        owner = self.graph.mapped(hops[0].source).subject if len(hops) == 1 else None
        alone = owner is not None and hops[0].kind == "belongs_to" and hops[0].source_columns == owner.key
        return () if alone else hops

    def forward(self, hop: Hop, rows: Sequence[int]) -> None:
        kind = hop.named.kind if hop.named is not None else ""
        inside = hop.source_at.inside is not None or hop.to_at.inside is not None
        values = self.values(hop.source, hop.source_columns, rows, inside=hop.source_at.inside is not None)
        written = [each for value in values for each in ((value, exact(kind, value)) if kind else (value,))]
        self.ask(hop.to, hop.to_columns[0], kind, written, inside=inside, beside=hop.kind == "mentions")

    def rows_with(self, name: str, column: str, kind: str, values: Sequence[str]) -> list[int]:
        wanted = json.dumps([exact(kind, value) if kind else value for value in values])
        written = f"CASE WHEN typeof({quoted(column)}) <> 'blob' THEN CAST({quoted(column)} AS TEXT) END"
        return [
            row
            for (row,) in self.laying.db.execute(
                f"SELECT _rowid_ FROM main.{quoted(name)} WHERE "
                f"{f'troth_exact(?1, {written})' if kind else written} IN (SELECT value FROM json_each(?2))",
                (kind, wanted),
            )
        ]

    def every_row(self, name: str) -> list[int]:
        return [row for (row,) in self.laying.db.execute(f"SELECT _rowid_ FROM main.{quoted(name)}")]

    def values(self, name: str, columns: Columns, rows: Sequence[int], *, inside: bool) -> list[str]:
        if inside:  # where the other end must be read whole, one value is as good as another
            return [""]
        column = quoted(columns[0])
        found = self.laying.db.execute(
            f"SELECT DISTINCT CAST({column} AS TEXT) FROM main.{quoted(name)} "
            f"WHERE {column} IS NOT NULL AND {column} <> '' AND _rowid_ IN (SELECT value FROM json_each(?))",
            (json.dumps(list(rows)),),
        )
        return [str(value) for (value,) in found]


def _linked(map_: Map, name: str) -> Sequence[str]:
    """Return the columns by which others link to a table, of its subject's key, and that say when retention began."""
    table = map_.tables[name]
    found = dict.fromkeys(
        column for edge in map_.edges() if edge.target == name for column in edge.target_columns
    )
    found |= dict.fromkeys(column for edge in table.edges for column in edge.columns)
    found |= dict.fromkeys(table.subject.key if table.subject is not None else ())
    found |= dict.fromkeys(
        name for one in table.retention for name in (one.trigger, one.archive_trigger) if name
    )
    return [column for column in found if column not in table.columns]


def cell(value: object) -> object:
    """Return a value as it is gathered: lists and documents as JSON, true and false as 1 and 0.

    What SQLite cannot keep is kept otherwise: a number beyond 64 bits as text, text that is no Unicode as bytes.
    """
    if isinstance(value, dict | list):
        written = json.dumps(value, ensure_ascii=False)
        return written if is_text(written) else json.dumps(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, str) and not is_text(value):
        return value.encode("utf-8", "surrogatepass")
    return value


def marked(value: object) -> object:
    r"""Return a value so that its type can be told again: true and false, documents, and texts that look like them.

    >>> marked(True), marked("[x"), marked("x"), unmarked(marked("[x"))
    ('\x00true', '\x00"[x"', 'x', '[x')
    """
    if isinstance(value, bool | list | dict) or (isinstance(value, str) and value[:1] in ("{", "[", "\0")):
        return "\0" + json.dumps(value)
    return value


def unmarked(value: object) -> object:
    """Return what `marked` was told."""
    return json.loads(value[1:]) if isinstance(value, str) and value[:1] == "\0" else value


def is_text(written: str) -> bool:
    """Tell whether it can be written as UTF-8."""
    try:
        written.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(name: str) -> str:
    """Return the name of a column as SQLite can have it."""
    return name.encode("utf-8", "backslashreplace").decode()


def _exact(kind: str, value: object) -> str | None:
    return exact(kind, str(value)) if value is not None else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
