"""Personal data in a PostgreSQL database.

Danger: `act` deletes and overwrites rows.  What prevents loss: see `sql_run`; here besides,
every transaction sees one state of the store (REPEATABLE READ) and gives up when a row it
is about to change was changed by somebody else meanwhile, and no lock is awaited for more
than two seconds.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
import psycopg.adapt
from psycopg import errors
from psycopg.raw_cursor import RawCursor, RawServerCursor

from troth.errors import NotAllowedError, TrothError, UnreachableError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Map
from troth.stores.catalogue import STEP_TABLE, read_postgresql
from troth.stores.contract import Limits, Store
from troth.stores.sql import Sql
from troth.stores.sql_dialect import POSTGRESQL, quoted
from troth.stores.sql_engine import Role, unreachable
from troth.stores.sql_run import ROWS_MEASURED_MAX
from troth.stores.sql_selection import Answer, Call
from troth.stores.sql_store import SqlStore

# Names come from the catalogue and are quoted; values are bound.
# ruff: noqa: S608

LIMITS = Limits(
    atomic=True, measured_by_rollback=True, rows_measured_max=ROWS_MEASURED_MAX, amends=True, replays=True
)
LOCK_SECONDS = 2
ACTING_SECONDS = 30
"""How long one who acts waits for another one to end."""
CONNECT_SECONDS = 10
ROWS_STREAMED = 2_000
PAGES_SMALL_MAX = 64
"""A table up to this size is compared in the exact form row by row, whatever its indexes."""

Open = psycopg.Connection[tuple[Any, ...]]


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open a PostgreSQL store; nothing is touched before the first verb."""
    return SqlStore(map, credentials, Postgresql(), LIMITS)


@dataclass
class Postgresql:
    """What PostgreSQL does in its own way."""

    dialect = POSTGRESQL
    strays: dict[tuple[str, str], tuple[object, bool]] = field(default_factory=dict)
    indexed: dict[tuple[str, str], tuple[Catalogue, bool]] = field(default_factory=dict)
    parts: tuple[Catalogue, list[int], list[int]] | None = None

    def connect(self, url: str, role: Role) -> Open:
        """Open a connection; one to find with is read-only for good."""
        settings = [
            f"-c lock_timeout={LOCK_SECONDS}s",
            "-c jit=off",
            "-c plan_cache_mode=force_generic_plan",
            "-c timezone=UTC",
            "-c standard_conforming_strings=on",
            f"-c default_transaction_read_only={'on' if role == 'find' else 'off'}",
        ]
        connection: Open = psycopg.connect(
            url,
            autocommit=True,
            cursor_factory=RawCursor,
            connect_timeout=CONNECT_SECONDS,
            options=" ".join(settings),
            application_name="troth",
        )
        connection.prepare_threshold = 0
        connection.prepared_max = 2_000
        return connection

    def close(self, connection: Open) -> None:
        """Let go of the connection."""
        connection.close()

    def catalogue(self, connection: Open, store: str) -> Catalogue:
        """Read what is really there."""
        with self.plainly(connection) as plain:
            return read_postgresql(plain, store)

    @contextmanager
    def plainly(self, connection: Open) -> Iterator[Open]:
        """Lend the connection with cursors that take the driver's usual placeholders."""
        connection.cursor_factory = psycopg.Cursor
        try:
            yield connection
        finally:
            connection.cursor_factory = RawCursor

    def structure(self, connection: Open, catalogue: Catalogue) -> object:
        """Return a hash of what PostgreSQL itself has written down of these tables."""
        return connection.execute(_STRUCTURE, self._parts(connection, catalogue)[:1], prepare=True).fetchone()

    def rowids(self, _connection: Open, _catalogue: Catalogue) -> Mapping[str, str]:
        """Return nothing: rows are told by key, or by their place."""
        return {}

    def normal(self, connection: Open, sql: Sql) -> frozenset[tuple[str, str]]:
        """Return the columns of large tables that hold every identifier in its exact form.

        Found by reading the column once, and again when the server has counted a row
        inserted or updated in the table since (it may take seconds to count one).  Where an
        index holds the exact form itself, nothing is read: it is compared with that.
        """
        wanted = sql.loose_writings()
        if not wanted:
            return frozenset()
        catalogue = sql.graph.catalogue
        numbers = {table.name: number for number, table in enumerate(catalogue.tables)}
        oids, of = self._parts(connection, catalogue)
        looked = {numbers[table] for table, _, _ in wanted}
        asked = [(oid, number) for oid, number in zip(oids, of, strict=True) if number in looked]
        counted = {
            number: state
            for number, *state in connection.execute(
                _COUNTED, ([oid for oid, _ in asked], [number for _, number in asked]), prepare=True
            )
        }
        found = set()
        for table, column, kind in wanted:
            pages, trusted, *state = counted.get(numbers[table], (0, False))
            if pages <= PAGES_SMALL_MAX or not trusted or self._indexed(connection, sql, table, column, kind):
                continue
            known = self.strays.get((table, column))
            if known is None or known[0] != state:
                answer = connection.execute(sql.strays(table, column, kind).text).fetchone()
                known = self.strays[table, column] = (state, answer is not None and bool(answer[0]))
            if not known[1]:
                found.add((table, column))
        return frozenset(found)

    def _indexed(self, connection: Open, sql: Sql, table: str, column: str, kind: str) -> bool:
        """Tell whether the server would look the exact form up in an index, by its own plan."""
        catalogue = sql.graph.catalogue
        known = self.indexed.get((table, column))
        if known is None or known[0] is not catalogue:
            row = connection.execute(f"EXPLAIN {sql.looked_up(table, column, kind).text}").fetchall()
            plan = "\n".join(str(line[0]) for line in row)
            known = self.indexed[table, column] = catalogue, "Index Cond" in plan and "Seq Scan" not in plan
        return known[1]

    def _parts(self, connection: Open, catalogue: Catalogue) -> tuple[list[int], list[int]]:
        """Return the numbers of all tables and their partitions, and whose part each is."""
        if self.parts is None or self.parts[0] is not catalogue:
            names = [table.parts for table in catalogue.tables]
            asked = ([name[0] for name in names], [name[-1] for name in names], list(range(len(names))))
            rows = connection.execute(_OIDS, asked, prepare=True).fetchall()
            self.parts = (catalogue, [row[1] for row in rows], [row[0] for row in rows])
        return self.parts[1:]

    def begin(self, connection: Open, role: Role) -> None:
        """Begin a transaction that sees one state of the store."""
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" + (" READ ONLY" if role == "find" else ""))

    def commit(self, connection: Open) -> None:
        """Make it so."""
        connection.execute("COMMIT")

    def rollback(self, connection: Open) -> None:
        """Undo everything since `begin`."""
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            # by libpq itself: the driver would forget its prepared statements, which survive
            result = connection.pgconn.exec_(b"ROLLBACK")
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                raise psycopg.OperationalError("the transaction could not be rolled back")

    def session(self, connection: Open, catalogue: Catalogue) -> PostgresqlSession:
        """Return a session for the open transaction."""
        return PostgresqlSession(connection, catalogue, self._parts(connection, catalogue))

    def remember(self, connection: Open) -> bool:
        """Make the table of steps, where this role may and there is none."""
        there = "SELECT to_regclass($1) IS NOT NULL"
        found = connection.execute(there, (STEP_TABLE,)).fetchone()
        if found is not None and found[0]:
            return True
        try:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {STEP_TABLE} "
                "(step text PRIMARY KEY, plan_sha256 text NOT NULL, rows text)"
            )
        except (errors.InsufficientPrivilege, errors.InvalidSchemaName, errors.ReadOnlySqlTransaction):
            return False
        except (
            errors.UniqueViolation,
            errors.DuplicateObject,
            errors.DuplicateTable,
        ):  # made at the same moment
            return True
        return True

    def take(self, connection: Open, step: str, plan_sha256: str) -> tuple[str, str] | None:
        """Write the step, or return what it is remembered with; waits for whoever is acting here.

        Two who acted at once would each see the other's rows hold what they share, and leave it
        behind.  The lock comes before the first look, which is what the transaction then sees.
        """
        result = connection.pgconn.exec_(_ALONE.encode())  # by libpq itself: in one journey
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise errors.error_from_result(result)
        written = connection.execute(
            f"INSERT INTO {STEP_TABLE} (step, plan_sha256) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            (step, plan_sha256),
        ).rowcount
        if written:
            return None
        known = connection.execute(f"SELECT plan_sha256, rows FROM {STEP_TABLE} WHERE step = $1", (step,))
        row = known.fetchone()
        assert row is not None
        return str(row[0]), str(row[1])

    def keep(self, connection: Open, step: str, rows: str) -> None:
        """Fill in what the step did."""
        connection.execute(f"UPDATE {STEP_TABLE} SET rows = $1 WHERE step = $2", (rows, step))

    def said(self, error: Exception, store: str) -> TrothError | None:
        """Say an error of PostgreSQL without a value of a row."""
        if not isinstance(error, psycopg.Error):
            return None
        match error:
            case errors.LockNotAvailable():
                return UnreachableError(
                    f"Rows of the store `{store}` are locked by somebody else for more than {LOCK_SECONDS} "
                    "seconds. Nothing was changed; try again."
                )
            case errors.SerializationFailure() | errors.DeadlockDetected():
                return UnreachableError(
                    f"Rows of the store `{store}` keep changing while they are looked at. Nothing was changed; "
                    "try again."
                )
            case errors.InsufficientPrivilege() | errors.ReadOnlySqlTransaction():
                return NotAllowedError(
                    f"The role that the store `{store}` is reached with lacks a right{_on(error)}. "
                    "Nothing was changed. Grant it, or name another role in the map's credentials."
                )
            case errors.IntegrityError():
                return NotAllowedError(
                    f"The store `{store}` refuses the change: {_constraint(error)}. Nothing was changed. "
                    "Let the map say what becomes of those rows."
                )
            case errors.DataError():
                return NotAllowedError(
                    f"The store `{store}` refuses the change: a column does not take the new value. Nothing was "
                    "changed."
                )
            case errors.RaiseException():
                return NotAllowedError(
                    f"The store `{store}` refuses the change: a trigger forbids it. Nothing was changed."
                )
            case psycopg.OperationalError() | psycopg.InterfaceError():
                return unreachable(store)
            case _:
                code = error.sqlstate or type(error).__name__
                return UnreachableError(
                    f"The store `{store}` answered with an error ({code}). Nothing was changed."
                )

    def parts_of(self, connection: Open, table: CatalogueTable, column: str) -> Sequence[tuple[str, date]]:
        """Name the partitions of a table by ranges of a column, each with the day before which all of its rows are."""
        asked = (table.parts[0], table.parts[-1], column)
        found = []
        for schema, name, bound in connection.execute(_PARTS, asked, prepare=True):
            ends = _ENDS.search(str(bound))
            if ends is not None:
                found.append((f"{quoted(str(schema))}.{quoted(str(name))}", date.fromisoformat(ends[1])))
        return found

    def beyond(
        self, connection: Open, table: CatalogueTable, readers: Sequence[str]
    ) -> tuple[str, ...] | None:
        """Name the other roles that can read a table, superusers left out: nothing can be kept from those."""
        asked = (table.parts[0], table.parts[-1], list(readers))
        return tuple(str(name) for (name,) in connection.execute(_BEYOND, asked, prepare=True))

    def forbidden(self, error: Exception) -> bool:
        """Tell whether the role lacks a right."""
        return isinstance(error, errors.InsufficientPrivilege)

    def passing(self, error: Exception) -> bool:
        """Tell whether somebody else was only quicker: also by a row that refers to one about to go."""
        return isinstance(
            error, errors.SerializationFailure | errors.DeadlockDetected | errors.ForeignKeyViolation
        )


def _on(error: psycopg.Error) -> str:
    return f" on `{error.diag.table_name}`" if error.diag.table_name else ""


def _constraint(error: psycopg.Error) -> str:
    """Name the constraint, the table and the column; nothing else of the server's words."""
    table, name = error.diag.table_name or "?", error.diag.constraint_name or "?"
    match error:
        case errors.ForeignKeyViolation() | errors.RestrictViolation():
            return f"rows of `{table}` that stay refer by `{name}` to rows that would go"
        case errors.NotNullViolation():
            return f"`{table}.{error.diag.column_name or '?'}` must not be null"
        case errors.UniqueViolation() | errors.ExclusionViolation():
            return f"`{name}` wants rows of `{table}` to differ"
        case _:
            return f"`{name}` does not hold in `{table}`"


_PARTS = """
    SELECT pn.nspname, part.relname, pg_get_expr(part.relpartbound, part.oid)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_partitioned_table AS p ON p.partrelid = c.oid AND p.partstrat = 'r' AND p.partnatts = 1
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attname = $3
    JOIN pg_inherits AS i ON i.inhparent = c.oid
    JOIN pg_class AS part ON part.oid = i.inhrelid AND part.relkind = 'r'
    JOIN pg_namespace AS pn ON pn.oid = part.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
    ORDER BY 3
"""
_ENDS = re.compile(r" TO \('(\d{4}-\d\d-\d\d)(?: 00:00:00(?:\+00)?)?'\)\Z")
"""The end of a range of days, at midnight; the session counts in UTC."""
_BEYOND = """
    SELECT r.name FROM (
        SELECT rolname::text AS name, oid FROM pg_roles
        WHERE NOT rolsuper AND rolname !~ '^pg_' AND rolname <> current_user
        UNION ALL SELECT 'public', 0
    ) AS r
    JOIN pg_namespace AS n ON n.nspname = $1
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = $2
    WHERE has_schema_privilege(r.name, n.oid, 'USAGE')
      AND (has_table_privilege(r.name, c.oid, 'SELECT') OR has_any_column_privilege(r.name, c.oid, 'SELECT'))
      AND NOT EXISTS (
          SELECT 1 FROM pg_roles AS named WHERE named.rolname = ANY($3::text[])
          AND CASE WHEN r.oid = 0 THEN false ELSE pg_has_role(r.oid, named.oid, 'MEMBER') END
      )
    ORDER BY 1
"""
_ALONE = (
    f"SET LOCAL lock_timeout = '{ACTING_SECONDS}s'; LOCK TABLE {STEP_TABLE} IN SHARE ROW EXCLUSIVE MODE; "
    f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"
)
_STRUCTURE = """
    SELECT (SELECT sum(hashtext(xmin::text || ctid::text)::bigint) FROM pg_class WHERE oid = ANY($1::oid[])),
           (SELECT sum(hashtext(xmin::text || ctid::text)::bigint) FROM pg_attribute
            WHERE attrelid = ANY($1::oid[])),
           (SELECT sum(hashtext(xmin::text || ctid::text)::bigint) FROM pg_constraint
            WHERE conrelid = ANY($1::oid[]) OR confrelid = ANY($1::oid[])),
           (SELECT sum(hashtext(xmin::text || ctid::text)::bigint) FROM pg_trigger
            WHERE tgrelid = ANY($1::oid[])),
           (SELECT sum(hashtext(xmin::text || ctid::text)::bigint) FROM pg_index
            WHERE indrelid = ANY($1::oid[]))
"""
_COUNTED = """
    SELECT number, sum(pg_relation_size(oid)) / 8192,
           bool_and(NOT pg_is_in_recovery() AND current_setting('track_counts')::boolean),
           sum(pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid)),
           sum(pg_relation_filenode(oid)::bigint)
    FROM unnest($1::oid[], $2::int[]) AS t(oid, number) GROUP BY number
"""
_SEEN = """
    SELECT number, pg_stat_get_xact_tuples_inserted(oid), pg_stat_get_xact_tuples_updated(oid),
           pg_stat_get_xact_tuples_deleted(oid)
    FROM unnest($1::oid[], $2::int[]) AS t(oid, number)
    WHERE pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
          + pg_stat_get_xact_tuples_deleted(oid) > 0
"""
_OIDS = """
    WITH RECURSIVE named AS (
        SELECT u.number, c.oid
        FROM unnest($1::text[], $2::text[], $3::int[]) AS u(schema, name, number)
        JOIN pg_namespace AS n ON n.nspname = u.schema
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = u.name
    ), parts AS (
        SELECT number, oid FROM named
        UNION
        SELECT p.number, i.inhrelid FROM parts AS p JOIN pg_inherits AS i ON i.inhparent = p.oid
    )
    SELECT number, oid FROM parts
"""


@dataclass
class PostgresqlSession:
    """One open transaction."""

    connection: Open
    catalogue: Catalogue
    parts: tuple[list[int], list[int]]
    before: dict[tuple[str, str], int] = field(default_factory=dict)
    names: Iterator[int] = field(default_factory=itertools.count)

    def many(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Run statements in one journey."""
        if not calls:
            return []
        if len(calls) == 1:
            return [_answer(self._run(calls[0]))]
        with self.connection.pipeline():
            cursors = [self._run(call) for call in calls]
        return [_answer(cursor) for cursor in cursors]

    def _run(self, call: Call) -> psycopg.Cursor[tuple[Any, ...]]:
        return self.connection.execute(*call, prepare=True)

    def stream(self, call: Call) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a statement through a cursor of the server."""
        with RawServerCursor(self.connection, f"troth_{next(self.names)}") as cursor:
            cursor.execute(*call)
            while rows := _fetched(cursor, lambda: cursor.fetchmany(ROWS_STREAMED)):
                yield from rows

    def texts(self, values: Sequence[str]) -> object:
        """Write texts as an array."""
        return list(values)

    def watch(self, going: Collection[str]) -> None:  # noqa: ARG002
        """Note how many rows this transaction has changed so far: none, before a first round."""
        self.before = {}
        self.before = dict(self.seen())

    def seen(self, ours: Mapping[tuple[str, str], int] | None = None) -> Mapping[tuple[str, str], int]:  # noqa: ARG002
        """Return what this transaction has changed, by the server's own count."""
        tables = self.catalogue.tables
        found: dict[tuple[str, str], int] = {}
        for number, *counts in self.connection.execute(_SEEN, self.parts, prepare=True):
            for verb, rows in zip(("insert", "update", "delete"), counts, strict=True):
                key = tables[number].name, verb
                found[key] = found.get(key, 0) + rows
        return {
            key: rows - self.before.get(key, 0)
            for key, rows in found.items()
            if rows > self.before.get(key, 0)
        }

    def defer(self) -> None:
        """Let foreign keys wait for the end."""
        self.connection.execute("SET CONSTRAINTS ALL DEFERRED")

    def settle(self) -> None:
        """Check every constraint now."""
        self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _answer(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Answer:
    if cursor.description is None:
        return Answer((), max(0, cursor.rowcount))
    return Answer(_fetched(cursor, cursor.fetchall), max(0, cursor.rowcount))


def _fetched(
    cursor: psycopg.Cursor[tuple[Any, ...]], fetch: Callable[[], Sequence[tuple[Any, ...]]]
) -> Sequence[tuple[Any, ...]]:
    """Fetch rows; where a value is beyond Python (a year before 1, infinity), each such value as text."""
    try:
        return fetch()
    except psycopg.DataError:
        pass
    result, adapt = cursor.pgresult, psycopg.adapt.Transformer(cursor)
    assert result is not None
    loaders = [
        adapt.get_loader(result.ftype(at), psycopg.pq.Format(result.fformat(at)))
        for at in range(result.nfields)
    ]
    return [
        tuple(_loaded(loader, result.get_value(row, at)) for at, loader in enumerate(loaders))
        for row in range(result.ntuples)
    ]


def _loaded(loader: Any, value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return loader.load(value)
    except psycopg.DataError:
        return value.decode("utf-8", "replace")
