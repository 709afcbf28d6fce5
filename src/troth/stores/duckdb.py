"""Personal data in a DuckDB file.

Danger: `act` deletes and overwrites rows.  What prevents loss: see `sql_run`; here besides,
a row that somebody else changed meanwhile is not overwritten (the transaction is undone and
tried again), and nothing in the file may reach other files or the network.

A file is open for one program at a time while it is written to, so that no connection is
kept open between two verbs: the application it belongs to finds it free again.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from troth.errors import NotAllowedError, TrothError, UnreachableError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Map
from troth.stores.catalogue import STEP_TABLE
from troth.stores.catalogue_duckdb import read_duckdb, structure
from troth.stores.contract import Limits, Store
from troth.stores.sql import Sql
from troth.stores.sql_dialect import DUCKDB
from troth.stores.sql_engine import Role, unreachable
from troth.stores.sql_run import ROWS_MEASURED_MAX
from troth.stores.sql_selection import Answer, Call
from troth.stores.sql_store import SqlStore

# Names come from the catalogue and are quoted; values are bound.
# ruff: noqa: S608

LIMITS = Limits(
    atomic=True, measured_by_rollback=True, rows_measured_max=ROWS_MEASURED_MAX, amends=True, replays=True
)
WAIT_SECONDS = 2.0
ACTING_SECONDS = 30
"""How long one who acts waits for another one to end."""
ROWS_STREAMED = 2_048
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open a DuckDB store; nothing is touched before the first verb."""
    return DuckdbStore(map, credentials, Duckdb(), LIMITS)


@dataclass(slots=True)
class Open:
    """A connection."""

    raw: Any
    path: str
    busy: bool = False
    alone: bool = False

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """Run a statement."""
        return self.raw.execute(statement, list(parameters))

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """Return the rows of a statement."""
        found: Sequence[tuple[object, ...]] = self.execute(statement, parameters).fetchall()
        return found


class DuckdbStore(SqlStore[Open]):
    """A store in a DuckDB file, which is let go of after each verb."""

    def _give_back(self, connection: Open, _role: Role) -> None:
        self._engine.close(connection)


_WRITING: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""Who acts in a file, by its path."""


def _let_others(connection: Open) -> None:
    if connection.alone:
        connection.alone = False
        _WRITING[connection.path].release()


class TakenMeanwhile(Exception):  # noqa: N818
    """Somebody else has written the same step at the same moment."""


@dataclass(frozen=True, slots=True)
class Duckdb:
    """What DuckDB does in its own way."""

    wait_seconds: float = WAIT_SECONDS
    dialect = DUCKDB

    def connect(self, url: str, role: Role) -> Open:
        """Open the file; it is never created."""
        path = Path(url.removeprefix("duckdb:///"))
        if not path.is_file():
            raise duckdb.IOException("no such file")
        until = time.monotonic() + self.wait_seconds
        while True:
            try:
                raw = duckdb.connect(str(path.absolute()), read_only=role == "find", config=_SETTINGS)
            except (duckdb.IOException, duckdb.ConnectionException) as error:
                if not _in_use(str(error)) or time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                with suppress(duckdb.CatalogException):  # without time zones of its own, it is in UTC anyway
                    raw.execute("SET TimeZone = 'UTC'")
                return Open(raw, str(path.absolute()))

    def close(self, connection: Open) -> None:
        """Let go of the file."""
        connection.raw.close()
        _let_others(connection)

    def catalogue(self, connection: Open, store: str) -> Catalogue:
        """Read what is really there."""
        return read_duckdb(connection, store)

    @contextmanager
    def plainly(self, connection: Open) -> Iterator[Any]:
        """Lend the driver's own connection."""
        yield connection.raw

    def structure(self, connection: Open, _catalogue: Catalogue) -> object:
        """Return a hash of what the file says of every table."""
        return structure(connection)

    def rowids(self, _connection: Open, catalogue: Catalogue) -> Mapping[str, str]:
        """Return the row id, for tables that have no key: an update may move it."""
        return {
            table.name: "rowid"
            for table in catalogue.tables
            if not table.key and table.column("rowid") is None
        }

    def normal(self, _connection: Open, _sql: Sql) -> frozenset[tuple[str, str]]:
        """Take nothing for granted: every comparison is made in the exact form."""
        return frozenset()

    def begin(self, connection: Open, _role: Role) -> None:
        """Begin a transaction that sees one state of the store."""
        connection.execute("BEGIN")
        connection.busy = True

    def commit(self, connection: Open) -> None:
        """Make it so."""
        connection.execute("COMMIT")
        connection.busy = False
        _let_others(connection)

    def rollback(self, connection: Open) -> None:
        """Undo everything since `begin`."""
        if connection.busy:
            connection.busy = False
            connection.execute("ROLLBACK")
        _let_others(connection)

    def session(self, connection: Open, catalogue: Catalogue) -> DuckdbSession:
        """Return a session for the open transaction."""
        return DuckdbSession(connection, catalogue)

    def remember(self, connection: Open) -> bool:
        """Make the table of steps; two who made it at once would be in each other's way."""
        with _WRITING[connection.path]:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {STEP_TABLE} "
                '(step text PRIMARY KEY, plan_sha256 text NOT NULL, "rows" text)'
            )
        return True

    def take(self, connection: Open, step: str, plan_sha256: str) -> tuple[str, str] | None:
        """Write the step, or return what it is remembered with; waits for whoever is acting here.

        Others can only be of this program, for no other can write to the file meanwhile.  Waiting
        comes before the first look, which is what the transaction then sees.
        """
        if not _WRITING[connection.path].acquire(timeout=ACTING_SECONDS):
            raise UnreachableError(
                "Somebody else is acting in this store, and for long. Nothing was changed; try again."
            )
        connection.alone = True
        known = connection.rows(f'SELECT plan_sha256, "rows" FROM {STEP_TABLE} WHERE step = $1', [step])
        if known:
            return str(known[0][0]), str(known[0][1])
        try:
            connection.execute(
                f"INSERT INTO {STEP_TABLE} (step, plan_sha256) VALUES ($1, $2)", [step, plan_sha256]
            )
        except duckdb.ConstraintException:
            raise TakenMeanwhile from None
        return None

    def keep(self, connection: Open, step: str, rows: str) -> None:
        """Fill in what the step did."""
        connection.execute(f'UPDATE {STEP_TABLE} SET "rows" = $1 WHERE step = $2', [rows, step])

    def said(self, error: Exception, store: str) -> TrothError | None:
        """Say an error of DuckDB without a value of a row."""
        if isinstance(error, TakenMeanwhile | duckdb.TransactionException):
            return UnreachableError(
                f"Rows of the store `{store}` keep changing while they are looked at. Nothing was changed; "
                "try again."
            )
        if not isinstance(error, duckdb.Error):
            return None
        if isinstance(error, duckdb.IOException | duckdb.ConnectionException) and _in_use(str(error)):
            return UnreachableError(
                f"The file of the store `{store}` is open in another program, and DuckDB lets one program at a "
                "time write, or several read. Nothing was changed; close it there, and try again."
            )
        if isinstance(error, duckdb.ConstraintException):
            return NotAllowedError(
                f"The store `{store}` refuses the change: {_constraint(str(error))}. Nothing was changed. "
                "Let the map say what becomes of those rows."
            )
        if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
            return NotAllowedError(
                f"The store `{store}` refuses the change: a column does not take the new value. Nothing was changed."
            )
        if isinstance(error, duckdb.IOException | duckdb.ConnectionException | duckdb.SerializationException):
            return unreachable(store)
        if isinstance(error, duckdb.InvalidInputException) and "read-only" in str(error):
            return NotAllowedError(
                f"The store `{store}` may not be written to with these credentials. Nothing was changed."
            )
        return UnreachableError(
            f"The store `{store}` answered with an error ({type(error).__name__}). Nothing was changed."
        )

    def parts_of(self, _connection: Open, _table: CatalogueTable, _column: str) -> Sequence[tuple[str, date]]:
        """Name none: DuckDB has no partitions."""
        return ()

    def beyond(
        self, _connection: Open, _table: CatalogueTable, _readers: Sequence[str]
    ) -> tuple[str, ...] | None:
        """Say that it cannot be told: DuckDB has no roles, and whoever can read the file reads all of it."""
        return None

    def forbidden(self, _error: Exception) -> bool:
        """Tell that nobody lacks a right: there are none in a file."""
        return False

    def passing(self, error: Exception) -> bool:
        """Tell whether somebody else was only quicker."""
        return isinstance(error, TakenMeanwhile | duckdb.TransactionException)


def _in_use(message: str) -> bool:
    return "Conflicting lock" in message or "different configuration" in message


def _constraint(message: str) -> str:
    """Say which kind of constraint; of the engine's words, which carry values, nothing is repeated."""
    if "foreign key" in message:
        return "rows that stay, or went in the same transaction, refer by a foreign key to rows that would change"
    if "NOT NULL" in message:
        return "a column must not be null"
    if "primary key" in message or "unique" in message:
        return "rows must differ"
    return "a CHECK does not hold" if "CHECK" in message else "a constraint does not hold"


@dataclass
class DuckdbSession:
    """One open transaction."""

    connection: Open
    catalogue: Catalogue

    def many(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Run statements in order."""
        answers = []
        for text, parameters in calls:
            rows = self.connection.rows(text, parameters)
            changed = rows[0][0] if text.startswith(("INSERT", "UPDATE", "DELETE")) and rows else 0
            answers.append(Answer(rows, int(str(changed))))
        return answers

    def stream(self, call: Call) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a statement as they are read."""
        cursor = self.connection.execute(*call)
        while rows := cursor.fetchmany(ROWS_STREAMED):
            yield from rows

    def texts(self, values: Sequence[str]) -> object:
        """Write texts as JSON."""
        return json.dumps(list(values), ensure_ascii=False)

    def watch(self, going: Collection[str]) -> None:
        """Count nothing: there are neither cascades nor triggers here."""

    def seen(self, ours: Mapping[tuple[str, str], int]) -> Mapping[tuple[str, str], int]:
        """Return what was changed: only what the plan changed."""
        return ours

    def defer(self) -> None:
        """Never asked for: no foreign key can wait here."""

    def settle(self) -> None:
        """Check nothing more: every constraint was checked row by row."""
