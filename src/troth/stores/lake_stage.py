"""A lake laid out as tables for the length of a plan: a SQLite file beside the data, row by row as the files have them.

The row id is the place of the row in its table, files in the order of their names.

Danger: the stage is a copy of personal data.  What keeps it from staying: it lies in the lake
itself, in a folder only the owner may read, it goes with the store that made it, and what a
killed process left is removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa

from troth.errors import NotAllowedError, UnreachableError
from troth.rules.map import Map
from troth.stores import lake_file, lake_lines
from troth.stores.catalogue import STEP_TABLE
from troth.stores.lake_file import Changes, Mark
from troth.stores.lake_swap import HIDDEN, NEW
from troth.stores.sql_dialect import quoted

# Names come from the files and are quoted; values are bound.
# ruff: noqa: S608

PREFIX = "stage-"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a table, and the place of its first row in the table, from 1."""

    path: Path
    first: int
    rows: int


@dataclass(frozen=True, slots=True)
class Stage:
    """The tables of a lake, laid out; `marks` tells which files they were read from."""

    folder: Path
    handle: int
    tables: Mapping[str, Sequence[Part]]
    schemas: Mapping[str, pa.Schema]
    marks: Mapping[Path, Mark]

    @property
    def database(self) -> Path:
        """Where the tables are."""
        return self.folder / "stage.db"

    @property
    def before(self) -> Path:
        """Where the tables are as they were before the plan ran."""
        return self.folder / "before.db"

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.handle)


def files(root: Path, store: str) -> Mapping[str, Sequence[Path]]:
    """Return the files of each table: `NAME.parquet` or `NAME.jsonl`, or a folder `NAME` of them."""
    try:
        found = sorted(root.iterdir())
    except OSError:
        raise UnreachableError(
            f"The folder of the store `{store}` cannot be read. Nothing was changed."
        ) from None
    tables: dict[str, Sequence[Path]] = {}
    for path in found:
        if path.name == HIDDEN:
            continue
        within = sorted(path.rglob("*")) if path.is_dir() and not path.is_symlink() else [path]
        seen = [each for each in within if not each.name.endswith(NEW)]
        if any(each.is_symlink() for each in seen):
            raise NotAllowedError(
                f"The table `{path.stem}` of the store `{store}` has a symbolic link, and links are not followed. "
                "Nothing was changed. Put the file itself there."
            )
        if any("=" in part for each in seen for part in each.relative_to(path).parts[:-1]):
            raise NotAllowedError(
                f"The table `{path.name}` of the store `{store}` is partitioned by folders (`column=value`), which "
                "this kind does not read yet. Nothing was changed."
            )
        # an empty mark such as `_SUCCESS` says nothing; a checksum, a summary or a log of versions would become untrue
        listed = [each for each in seen if each.is_file() and (_is_data(each) or each.stat().st_size)]
        if any(not _is_data(each) for each in listed):
            raise NotAllowedError(
                f"The table `{path.stem}` of the store `{store}` has a file beside its data that is neither Parquet "
                "nor JSON lines (another format, a checksum, a summary, or the log of a Delta or Iceberg table). "
                "Nothing was changed: what is not read is not proven clean. Keep other files outside the lake."
            )
        if len({lake_lines.is_lines(each) for each in listed if _is_data(each)}) > 1:
            raise NotAllowedError(
                f"The table `{path.name}` of the store `{store}` has files of Parquet and of JSON lines. Nothing was "
                "changed. Write its files in one format."
            )
        name = lake_lines.ENDING.sub("", path.name.removesuffix(".parquet")) if path.is_file() else path.name
        if listed and name in tables:
            raise NotAllowedError(
                f"The store `{store}` has more than one file or folder for the table `{name}`. Keep one of them."
            )
        if listed:
            tables[name] = listed
    return tables


def lay_out(root: Path, map_: Map) -> Stage:
    """Read every file of the lake into a stage; raises when one of them cannot be read."""
    store = map_.store
    found = files(root, store)
    for left in (root / HIDDEN).glob(f"{PREFIX}*"):
        _remove_left(left)
    folder = Path(mkdtemp(prefix=PREFIX, dir=root / HIDDEN))  # readable by its owner alone
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    marks: dict[Path, Mark] = {}
    tables: dict[str, Sequence[Part]] = {}
    schemas: dict[str, pa.Schema] = {}
    try:
        with closing(sqlite3.connect(folder / "stage.db", isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            for table, paths in found.items():
                schema = _schema(paths, table, map_)
                schemas[table] = schema
                _create(connection, table, schema)
                parts: list[Part] = []
                first = 1
                for path in paths:
                    marks[path] = lake_file.mark(path)
                    count = _fill(connection, table, schema.names, path, store)
                    parts.append(Part(path, first, count))
                    first += count
                tables[table] = parts
            for number, (table, names) in enumerate(_linking(map_)):
                if table in schemas and set(names) <= set(schemas[table].names):
                    listed = ", ".join(quoted(name) for name in names)
                    connection.execute(f"CREATE INDEX troth_{number} ON {quoted(table)} ({listed})")
            connection.execute("COMMIT")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)
        raise
    return Stage(folder, handle, tables, schemas, marks)


def current(stage: Stage, root: Path, store: str) -> bool:
    """Tell whether the lake still has the files the stage was read from, and no others."""
    try:
        now = {path: lake_file.mark(path) for paths in files(root, store).values() for path in paths}
    except FileNotFoundError:
        return False
    return now == stage.marks


def changes(stage: Stage) -> Iterator[tuple[Path, Changes]]:
    """Yield the files in which the plan has changed something, and what."""
    with closing(sqlite3.connect(stage.database)) as connection:
        connection.execute("ATTACH ? AS before", (str(stage.before),))
        for table, parts in stage.tables.items():
            at = f"main.{quoted(table)}", f"before.{quoted(table)}"
            firsts = [part.first for part in parts]
            deleted: dict[int, set[int]] = {}
            written: dict[int, dict[int, dict[str, object]]] = {}
            gone = f"SELECT _rowid_ FROM {at[1]} EXCEPT SELECT _rowid_ FROM {at[0]}"
            for (row,) in connection.execute(gone):
                number = bisect_right(firsts, row) - 1
                deleted.setdefault(number, set()).add(row - firsts[number])
            names = stage.schemas[table].names
            differs = " OR ".join(f"a.{quoted(name)} IS NOT b.{quoted(name)}" for name in names)
            pairs = ", ".join(f"a.{quoted(name)}, a.{quoted(name)} IS NOT b.{quoted(name)}" for name in names)
            for row, *cells in connection.execute(
                f"SELECT a._rowid_, {pairs} FROM {at[0]} AS a JOIN {at[1]} AS b ON a._rowid_ = b._rowid_ "
                f"WHERE {differs}"
            ):
                number = bisect_right(firsts, row) - 1
                values = {name: cells[2 * at] for at, name in enumerate(names) if cells[2 * at + 1]}
                written.setdefault(number, {})[row - firsts[number]] = values
            for number in sorted(deleted.keys() | written.keys()):
                yield (
                    parts[number].path,
                    Changes(
                        frozenset(deleted.get(number, ())), written.get(number, {}), stage.schemas[table]
                    ),
                )


def _is_data(path: Path) -> bool:
    return (path.suffix == ".parquet" or lake_lines.is_lines(path)) and not path.name.startswith((".", "_"))


def _remove_left(folder: Path) -> None:
    """Remove a stage whose process is gone: one whose lock can be had."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(handle)


def _schema(paths: Sequence[Path], table: str, map_: Map) -> pa.Schema:
    """Return the columns that every file of a table has."""
    store = map_.store
    schemas: list[pa.Schema] = []
    if lake_lines.is_lines(paths[0]):
        schemas.append(lake_lines.schema(paths, _named(map_, table), table, store))
    else:
        for path in paths:
            with lake_file.opened(path, store) as file:
                schemas.append(file.schema_arrow)
    first = schemas[0]
    if any(not schema.equals(first) for schema in schemas):
        raise NotAllowedError(
            f"The files of the table `{table}` of the store `{store}` do not have the same columns and types. Nothing "
            "was changed. Write them with one schema."
        )
    lowered = [name.lower() for name in first.names]
    if len(set(lowered)) < len(lowered) or "_rowid_" in lowered or not lowered:
        raise NotAllowedError(
            f"The columns of the table `{table}` of the store `{store}` cannot be told apart: two differ in case "
            "alone, one is called `_rowid_`, or there is none. Nothing was changed."
        )
    if table == STEP_TABLE or table.startswith("sqlite_"):
        raise NotAllowedError(f"The store `{store}` has a table called `{table}`, a name Troth needs itself.")
    return first


def _named(map_: Map, table: str) -> Sequence[str]:
    """Return the columns that the map names: lines may do without a key whose rows have all gone."""
    return list(map_.tables[table].columns) if table in map_.tables else ()


def _create(connection: sqlite3.Connection, table: str, schema: pa.Schema) -> None:
    written = ", ".join(
        f"{quoted(field.name)} {_type(field.type)}{'' if field.nullable else ' NOT NULL'}" for field in schema
    )
    connection.execute(f"CREATE TABLE {quoted(table)} ({written})")


def _fill(connection: sqlite3.Connection, table: str, names: Sequence[str], path: Path, store: str) -> int:
    gaps = ", ".join("?" * len(names))
    count = 0
    read = lake_lines.rows(path, names, store) if lake_lines.is_lines(path) else lake_file.rows(path, store)
    for batch in read:
        connection.executemany(f"INSERT INTO {quoted(table)} VALUES ({gaps})", batch)
        count += len(batch)
    return count


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


def _linking(map_: Map) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Return the columns by which rows are found."""
    ends = [
        end
        for edge in map_.edges()
        for end in ((edge.table, edge.columns), (edge.target, edge.target_columns))
    ]
    return list(dict.fromkeys(ends))
