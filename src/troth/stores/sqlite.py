"""Personal data in a SQLite file.

Danger: `act` deletes and overwrites rows.  What prevents loss: see `sql_run`; here besides,
one writer at a time (`BEGIN IMMEDIATE`), foreign keys enforced, and what is deleted is
overwritten in the file (`secure_delete`), not only unlinked.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import quote

from troth.errors import NotAllowedError, TrothError, UnreachableError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.identifier import exact
from troth.rules.map import Map
from troth.rules.name_form import FOLDED
from troth.stores.catalogue import STEP_TABLE, read_sqlite
from troth.stores.contract import Limits, Store
from troth.stores.sql import Sql
from troth.stores.sql_coding import sqlite_coded, sqlite_uncoded
from troth.stores.sql_dialect import SQLITE, quoted
from troth.stores.sql_engine import Role, unreachable
from troth.stores.sql_run import ROWS_AT_ONCE, ROWS_MEASURED_MAX
from troth.stores.sql_selection import Answer, Call
from troth.stores.sql_store import SqlStore

# Names come from the catalogue and are quoted; values are bound.
# ruff: noqa: S608

LIMITS = Limits(
    atomic=True, measured_by_rollback=True, rows_measured_max=ROWS_MEASURED_MAX, amends=True, replays=True
)
WAIT_SECONDS = 10.0


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open a SQLite store; nothing is touched before the first verb."""
    return SqlStore(map, credentials, Sqlite(), LIMITS)


@dataclass(frozen=True, slots=True)
class Sqlite:
    """What SQLite does in its own way."""

    wait_seconds: float = WAIT_SECONDS
    dialect = SQLITE

    def connect(self, url: str, role: Role) -> sqlite3.Connection:
        """Open the file; it is never created."""
        path = Path(url.removeprefix("sqlite:///"))
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=True,
            timeout=self.wait_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        connection.create_function("troth_phone", 1, _phone, deterministic=True)
        connection.create_function("troth_name", 1, _name, deterministic=True)
        connection.create_function("troth_coded", 2, sqlite_coded, deterministic=True)
        connection.create_function("troth_uncoded", 1, sqlite_uncoded, deterministic=True)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA query_only = ON" if role == "find" else "PRAGMA secure_delete = ON")
        return connection

    def close(self, connection: sqlite3.Connection) -> None:
        """Let go of the file."""
        connection.close()

    def catalogue(self, connection: sqlite3.Connection, store: str) -> Catalogue:
        """Read what is really there."""
        return read_sqlite(connection, store)

    @contextmanager
    def plainly(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """Lend the connection with texts as bytes give them."""
        yield connection

    def structure(self, connection: sqlite3.Connection, _catalogue: Catalogue) -> object:
        """Return the number SQLite gives to each change of structure."""
        return connection.execute("PRAGMA schema_version").fetchone()[0]

    def rowids(self, connection: sqlite3.Connection, catalogue: Catalogue) -> Mapping[str, str]:
        """Return a name of the row id that no column has taken."""
        without = {
            str(row[1]) for row in connection.execute("PRAGMA table_list") if row[4] or row[2] == "virtual"
        }
        found = {}
        for table in catalogue.tables:
            taken = {column.name.lower() for column in table.columns}
            free = next((name for name in ("_rowid_", "rowid", "oid") if name not in taken), None)
            if free is not None and table.parts[-1] not in without:
                found[table.name] = free
        return found

    def normal(self, _connection: sqlite3.Connection, _sql: Sql) -> frozenset[tuple[str, str]]:
        """Take nothing for granted: every comparison is made in the exact form."""
        return frozenset()

    def begin(self, connection: sqlite3.Connection, role: Role) -> None:
        """Begin; who changes is the only one to."""
        connection.execute("BEGIN IMMEDIATE" if role == "change" else "BEGIN")

    def commit(self, connection: sqlite3.Connection) -> None:
        """Make it so."""
        connection.execute("COMMIT")

    def rollback(self, connection: sqlite3.Connection) -> None:
        """Undo everything since `begin`."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def session(self, connection: sqlite3.Connection, catalogue: Catalogue) -> SqliteSession:
        """Return a session for the open transaction."""
        return SqliteSession(connection, catalogue)

    def remember(self, connection: sqlite3.Connection) -> bool:
        """Make the table of steps."""
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {STEP_TABLE} "
            "(step TEXT PRIMARY KEY, plan_sha256 TEXT NOT NULL, rows TEXT)"
        )
        return True

    def take(self, connection: sqlite3.Connection, step: str, plan_sha256: str) -> tuple[str, str] | None:
        """Write the step, or return what it is remembered with."""
        written = connection.execute(
            f"INSERT INTO {STEP_TABLE} (step, plan_sha256) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (step, plan_sha256),
        ).rowcount
        if written:
            return None
        known = connection.execute(f"SELECT plan_sha256, rows FROM {STEP_TABLE} WHERE step = ?", (step,))
        sha, rows = known.fetchone()
        return str(sha), str(rows)

    def keep(self, connection: sqlite3.Connection, step: str, rows: str) -> None:
        """Fill in what the step did, and check that nothing temporary is left."""
        connection.execute(f"UPDATE {STEP_TABLE} SET rows = ? WHERE step = ?", (rows, step))
        names = connection.execute("SELECT name FROM temp.sqlite_schema WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            connection.execute(f"DROP TRIGGER temp.{quoted(name)}")

    def said(self, error: Exception, store: str) -> TrothError | None:
        """Say an error of SQLite without a value of a row."""
        if not isinstance(error, sqlite3.Error):
            return None
        code = getattr(error, "sqlite_errorname", "") or ""
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return UnreachableError(
                f"The store `{store}` is being written to by somebody else. Nothing was changed; try again."
            )
        if code.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_NOTADB", "SQLITE_FULL")):
            return unreachable(store)
        if code.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
            return NotAllowedError(
                f"The store `{store}` may not be written to with these credentials. Nothing was changed."
            )
        if code.startswith("SQLITE_CONSTRAINT"):
            return NotAllowedError(
                f"The store `{store}` refuses the change: {_constraint(code, str(error))}. Nothing was changed. "
                "Let the map say what becomes of those rows."
            )
        return UnreachableError(
            f"The store `{store}` answered with an error ({code or type(error).__name__}). Nothing was changed."
        )

    def parts_of(
        self, _connection: sqlite3.Connection, _table: CatalogueTable, _column: str
    ) -> Sequence[tuple[str, date]]:
        """Name none: SQLite has no partitions."""
        return ()

    def beyond(
        self, _connection: sqlite3.Connection, _table: CatalogueTable, _readers: Sequence[str]
    ) -> tuple[str, ...] | None:
        """Say that it cannot be told: SQLite has no roles, and whoever can read the file reads all of it."""
        return None

    def forbidden(self, _error: Exception) -> bool:
        """Tell that nobody lacks a right: there are none in a file."""
        return False

    def passing(self, _error: Exception) -> bool:
        """Wait for the lock, and never try again by itself."""
        return False


_NAMES = re.compile(r"(?:NOT NULL|UNIQUE) constraint failed: (.+)")


def _constraint(code: str, message: str) -> str:
    """Name the constraint; of the engine's words only names of columns are repeated."""
    match = _NAMES.fullmatch(message)
    if code.endswith("FOREIGNKEY"):
        return "rows that stay refer by a foreign key to rows that would go"
    if code.endswith("TRIGGER"):
        return "a trigger forbids it"
    if code.endswith("NOTNULL") and match is not None:
        return f"`{match[1]}` must not be null"
    if match is not None:
        return f"`{match[1]}` must be unique"
    return "a CHECK does not hold" if code.endswith("CHECK") else "a constraint does not hold"


def _phone(value: object) -> str | None:
    return exact("phone", str(value)) if value is not None else None


def _name(value: object) -> str | None:
    return exact(FOLDED, str(value)) if value is not None else None


@dataclass
class SqliteSession:
    """One open transaction."""

    connection: sqlite3.Connection
    catalogue: Catalogue
    watched: bool = False
    broken: int = 0
    deferred: bool = False
    tables: list[str] = field(default_factory=list)

    def many(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Run statements in order."""
        answers = []
        for text, parameters in calls:
            cursor = self.connection.execute(text, parameters)
            rows = cursor.fetchall() if cursor.description is not None else []
            answers.append(Answer(rows, max(0, cursor.rowcount)))
        return answers

    def stream(self, call: Call) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a statement as they are read."""
        cursor = self.connection.execute(*call)
        cursor.arraysize = ROWS_AT_ONCE
        while rows := cursor.fetchmany():
            yield from rows

    def texts(self, values: Sequence[str]) -> object:
        """Write texts as JSON."""
        return json.dumps(list(values), ensure_ascii=False)

    def watch(self, going: Collection[str]) -> None:  # noqa: ARG002
        """Count by temporary triggers where cascades or triggers could change more than we do."""
        self.broken = self._violations()
        busy = any(
            table.triggers
            or any(key.on_delete not in ("NO ACTION", "RESTRICT") for key in table.foreign_keys)
            for table in self.catalogue.tables
        )
        if not busy:
            return
        run = self.connection.execute
        if self.watched:  # a further round of the same transaction
            run("UPDATE temp.troth_seen SET rows = 0")
            return
        run("CREATE TEMP TABLE IF NOT EXISTS troth_seen (number INTEGER, verb TEXT, rows INTEGER)")
        run("DELETE FROM temp.troth_seen")
        self.tables = [table.name for table in self.catalogue.tables]
        for number, table in enumerate(self.catalogue.tables):
            name = ".".join(quoted(part) for part in (table.parts or (table.name,)))
            for verb in ("insert", "update", "delete"):
                try:
                    run(
                        f"CREATE TEMP TRIGGER troth_{verb}_{number} AFTER {verb.upper()} ON {name} BEGIN "
                        f"UPDATE troth_seen SET rows = rows + 1 WHERE number = {number} AND verb = '{verb}'; END"
                    )
                except sqlite3.OperationalError:  # a virtual table has no triggers
                    break
                run("INSERT INTO temp.troth_seen VALUES (?, ?, 0)", (number, verb))
        self.watched = True

    def seen(self, ours: Mapping[tuple[str, str], int]) -> Mapping[tuple[str, str], int]:
        """Return what the temporary triggers counted; where nothing else can change a row, what we changed."""
        if not self.watched:
            return ours
        counted = self.connection.execute("SELECT number, verb, rows FROM temp.troth_seen WHERE rows > 0")
        return {(self.tables[number], verb): rows for number, verb, rows in counted}

    def defer(self) -> None:
        """Let foreign keys wait for the end."""
        self.connection.execute("PRAGMA defer_foreign_keys = ON")
        self.deferred = True

    def settle(self) -> None:
        """Check the foreign keys that waited: there must be no more broken ones than before."""
        if self._violations() > self.broken:
            raise NotAllowedError(
                f"In the store `{self.catalogue.store}`, rows that stay would refer by a foreign key to rows "
                "that are gone. Nothing was changed. Let the map say what becomes of them."
            )

    def _violations(self) -> int:
        """Count broken foreign keys in the tables where one may wait."""
        waiting = [
            table
            for table in self.catalogue.tables
            if any(key.deferrable or self.deferred for key in table.foreign_keys)
        ]
        count = 0
        for table in waiting:
            schema = f"{quoted(table.parts[0])}." if len(table.parts) > 1 else ""
            check = f"PRAGMA {schema}foreign_key_check({quoted(table.parts[-1])})"
            count += sum(1 for _ in self.connection.execute(check))
        return count
