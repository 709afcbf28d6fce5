"""Personal data in a MariaDB database.

Danger: `act` deletes and overwrites rows.  What prevents loss: see `sql_run`; here besides,
every transaction sees one state of the store and gives up when a row it is about to change
was changed by somebody else meanwhile (`innodb_snapshot_isolation`, or SERIALIZABLE where
the server is too old for it); foreign keys and CHECKs are enforced whatever the server's
default is; no lock is awaited for more than two seconds; a set of rows that the server had
to cut short is refused; and `troth_step` is made before the transaction begins, since making
a table would end one.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import SSCursor

from troth.errors import NotAllowedError, TrothError, UnreachableError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Map
from troth.stores.catalogue import STEP_TABLE
from troth.stores.catalogue_mariadb import (
    CHECKS,
    COLUMNS,
    FOREIGN_KEYS,
    INDEXES,
    TRIGGERS,
    WRITES,
    read_mariadb,
    whole_code,
)
from troth.stores.contract import Limits, Store
from troth.stores.sql import Sql
from troth.stores.sql_dialect import MARIADB, quoted
from troth.stores.sql_engine import Role, unreachable
from troth.stores.sql_run import ROWS_MEASURED_MAX
from troth.stores.sql_selection import Answer, Call
from troth.stores.sql_store import SqlStore

# Names come from the catalogue and are quoted; values are escaped by the driver.
# ruff: noqa: S608

LIMITS = Limits(
    atomic=True, measured_by_rollback=True, rows_measured_max=ROWS_MEASURED_MAX, amends=True, replays=True
)
LOCK_SECONDS = 2
CONNECT_SECONDS = 10
ROWS_STREAMED = 2_000
BYTES_SMALL_MAX = 1_048_576
"""A table up to this size is compared in the exact form row by row, whatever its indexes."""

_SETTINGS = (
    "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', foreign_key_checks = 1, "
    f"unique_checks = 1, check_constraint_checks = 1, innodb_lock_wait_timeout = {LOCK_SECONDS}, "
    f"lock_wait_timeout = {LOCK_SECONDS}, group_concat_max_len = 1073741824, "
    "in_predicate_conversion_threshold = 0, autocommit = 1"
)
_URL_MAY_SAY = ("unix_socket", "ssl_ca")


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open a MariaDB store; nothing is touched before the first verb."""
    return SqlStore(map, credentials, Mariadb(), LIMITS)


class CutShort(Exception):  # noqa: N818
    """The server gave less than the whole of a set of rows."""


@dataclass(slots=True)
class Open:
    """A connection, and what its variables hold."""

    raw: Any
    held: dict[int, object] = field(default_factory=dict, repr=False)
    alone: bool = False

    def execute(self, statement: str) -> Any:
        """Run a statement; return the cursor with its rows."""
        cursor = self.raw.cursor()
        cursor.execute(statement)
        if cursor.warning_count and cursor.description is not None:
            self._whole(cursor)
        return cursor

    def _whole(self, cursor: Any) -> None:
        """Raise CutShort when a set is not whole: the server only warns, and cuts a key in two."""
        rows = cursor.fetchall()
        with self.raw.cursor() as asking:
            asking.execute("SHOW WARNINGS")
            if any(code in (1260, 1301) for _, code, _ in asking.fetchall()):
                raise CutShort
        cursor.scroll(0, mode="absolute") if rows else None

    def rows(self, statement: str) -> Sequence[tuple[object, ...]]:
        """Return the rows of a statement."""
        found: Sequence[tuple[object, ...]] = self.execute(statement).fetchall()
        return found

    def bind(self, parameters: Sequence[object]) -> None:
        """Set the variables that stand for parameters, where they hold something else."""
        fresh = [(n, value) for n, value in enumerate(parameters, 1) if self.held.get(n) is not value]
        if fresh:
            self.execute("SET " + ", ".join(f"@troth{n} = {self.raw.escape(value)}" for n, value in fresh))
            self.held.update(fresh)


class _Connection(pymysql.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection of the driver, which reads all certificates of the machine for each, in 30 ms, to believe any."""

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        if isinstance(sslp, ssl.SSLContext):
            return sslp
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        return anybody


_ALONE = f"concat(database(), '.{STEP_TABLE}')"
ACTING_SECONDS = 30
"""How long one who acts waits for another one to end."""


def _let_others(connection: Open) -> None:
    if connection.alone:
        connection.execute(f"DO RELEASE_LOCK({_ALONE})")
        connection.alone = False


@dataclass
class Mariadb:
    """What MariaDB does in its own way."""

    dialect = MARIADB
    strays: dict[tuple[str, str], tuple[object, bool]] = field(default_factory=dict)
    serializable: bool = False

    def connect(self, url: str, role: Role) -> Open:
        """Open a connection; one to find with is read-only for good."""
        connection = Open(_Connection(**_given(url)))
        try:
            (version,) = connection.rows("SELECT version()")[0]
            _check_version(str(version))
            connection.execute(_SETTINGS)
            try:
                connection.execute("SET SESSION innodb_snapshot_isolation = 1")
            except pymysql.Error:  # an older server: what is read is locked instead
                self.serializable = True
            level = "SERIALIZABLE" if self.serializable and role == "change" else "REPEATABLE READ"
            connection.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
            connection.execute(f"SET SESSION TRANSACTION READ {'ONLY' if role == 'find' else 'WRITE'}")
        except BaseException:
            connection.raw.close()
            raise
        return connection

    def close(self, connection: Open) -> None:
        """Let go of the connection."""
        with suppress(pymysql.Error):
            connection.raw.close()

    def catalogue(self, connection: Open, store: str) -> Catalogue:
        """Read what is really there."""
        return read_mariadb(connection, store)

    @contextmanager
    def plainly(self, connection: Open) -> Iterator[Any]:
        """Lend the driver's own connection."""
        yield connection.raw

    def structure(self, connection: Open, _catalogue: Catalogue) -> object:
        """Return a hash of what the server says of every table."""
        told = [
            connection.rows(asked) for asked in (COLUMNS, INDEXES, FOREIGN_KEYS, CHECKS, TRIGGERS, _ENGINES)
        ]
        return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).digest()

    def rowids(self, _connection: Open, _catalogue: Catalogue) -> Mapping[str, str]:
        """Return nothing: rows are told by their key."""
        return {}

    def normal(self, connection: Open, sql: Sql) -> frozenset[tuple[str, str]]:
        """Return the columns of large tables in which a collation finds every identifier.

        Found by reading the column once, and again when the table was written to since, as the
        server says to the second; a table written to in this second or the last is not trusted.
        """
        wanted = sql.loose_writings()
        if not wanted:
            return frozenset()
        names = ", ".join(connection.raw.escape(table) for table in dict.fromkeys(t for t, _, _ in wanted))
        states = {str(row[0]): row[1:] for row in connection.rows(_WRITTEN_TO.format(names))}
        found = set()
        for table, column, kind in wanted:
            size, quiet, *state = states.get(table, (0, 0))
            if int(str(size)) <= BYTES_SMALL_MAX or not quiet:
                continue
            known = self.strays.get((table, column))
            if known is None or known[0] != state:
                answer = connection.rows(sql.strays(table, column, kind).text)
                known = self.strays[table, column] = (state, bool(answer[0][0]))
            if not known[1]:
                found.add((table, column))
        return frozenset(found)

    def begin(self, connection: Open, role: Role) -> None:
        """Begin a transaction that sees one state of the store."""
        connection.execute(f"START TRANSACTION READ {'ONLY' if role == 'find' else 'WRITE'}")

    def commit(self, connection: Open) -> None:
        """Make it so."""
        connection.raw.commit()
        _let_others(connection)

    def rollback(self, connection: Open) -> None:
        """Undo everything since `begin`."""
        connection.raw.rollback()
        _let_others(connection)

    def session(self, connection: Open, catalogue: Catalogue) -> MariadbSession:
        """Return a session for the open transaction."""
        return MariadbSession(connection, catalogue)

    def remember(self, connection: Open) -> bool:
        """Make the table of steps, where this role may and there is none."""
        there = (
            "SELECT 1 FROM information_schema.TABLES "
            f"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{STEP_TABLE}'"
        )
        if connection.rows(there):
            return True
        try:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {STEP_TABLE} (step varchar(512) CHARACTER SET utf8mb4 "
                "COLLATE utf8mb4_nopad_bin PRIMARY KEY, plan_sha256 char(64) CHARACTER SET ascii NOT NULL, "
                '"rows" longtext CHARACTER SET utf8mb4) ENGINE = InnoDB'
            )
        except pymysql.Error as error:
            if error.args and error.args[0] in _RIGHTS:
                return False
            raise
        return True

    def take(self, connection: Open, step: str, plan_sha256: str) -> tuple[str, str] | None:
        """Write the step, or return what it is remembered with; waits for whoever is acting here.

        Two who acted at once would each see the other's rows hold what they share, and leave it
        behind.  Waiting comes before the first look, which is what the transaction then sees.
        """
        if connection.rows(f"SELECT GET_LOCK({_ALONE}, {ACTING_SECONDS})")[0][0] != 1:
            raise UnreachableError(
                "Somebody else is acting in this store, and for long. Nothing was changed; try again."
            )
        connection.alone = True
        given = connection.raw.escape
        try:
            connection.execute(
                f"INSERT INTO {STEP_TABLE} (step, plan_sha256) VALUES ({given(step)}, {given(plan_sha256)})"
            )
        except pymysql.IntegrityError as error:
            if error.args[0] != 1062:
                raise
        else:
            return None
        ((sha, rows),) = connection.rows(
            f'SELECT plan_sha256, "rows" FROM {STEP_TABLE} WHERE step = {given(step)} LOCK IN SHARE MODE'
        )
        return str(sha), str(rows)

    def keep(self, connection: Open, step: str, rows: str) -> None:
        """Fill in what the step did."""
        given = connection.raw.escape
        connection.execute(f'UPDATE {STEP_TABLE} SET "rows" = {given(rows)} WHERE step = {given(step)}')

    def said(self, error: Exception, store: str) -> TrothError | None:
        """Say an error of MariaDB without a value of a row."""
        if isinstance(error, CutShort):
            return NotAllowedError(
                f"In the store `{store}`, more rows are reached at once than the server hands over in one piece. "
                "Nothing was changed. Raise its max_allowed_packet, or erase fewer subjects at a time."
            )
        if not isinstance(error, pymysql.Error):
            return None
        code, message = _told(error)
        if code == 1205:
            return UnreachableError(
                f"Rows of the store `{store}` are locked by somebody else for more than {LOCK_SECONDS} "
                "seconds. Nothing was changed; try again."
            )
        if code in _PASSING:
            return UnreachableError(
                f"Rows of the store `{store}` keep changing while they are looked at. Nothing was changed; "
                "try again."
            )
        if code in _RIGHTS:
            return NotAllowedError(
                f"The role that the store `{store}` is reached with lacks a right{_on(message)}. "
                "Nothing was changed. Grant it, or name another role in the map's credentials."
            )
        if code == 1644:
            return NotAllowedError(
                f"The store `{store}` refuses the change: a trigger forbids it. Nothing was changed."
            )
        if (constraint := _constraint(code, message)) is not None:
            return NotAllowedError(
                f"The store `{store}` refuses the change: {constraint}. Nothing was changed. "
                "Let the map say what becomes of those rows."
            )
        if code < 1000 or 2000 <= code < 3000 or code in (1040, 1045, 1049, 1053, 1203):
            return unreachable(store)
        return UnreachableError(f"The store `{store}` answered with an error ({code}). Nothing was changed.")

    def parts_of(self, _connection: Open, _table: CatalogueTable, _column: str) -> Sequence[tuple[str, date]]:
        """Name none: MariaDB drops one at once and for good, outside any transaction."""
        return ()

    def beyond(
        self, connection: Open, table: CatalogueTable, readers: Sequence[str]
    ) -> tuple[str, ...] | None:
        """Name the other users and roles that can read a table, those with SUPER left out: they may do anything.

        None where this role is shown its own rights only: it needs SELECT on the tables of `mysql`.
        """
        try:
            connection.rows("SELECT 1 FROM mysql.tables_priv LIMIT 1")
        except pymysql.Error as error:
            if self.forbidden(error):
                return None
            raise
        rows = connection.rows(_BEYOND.format(table=connection.raw.escape(table.parts[-1])))
        allowed = {*readers, str(connection.rows("SELECT CURRENT_USER()")[0][0]).rpartition("@")[0]}
        found = dict.fromkeys(str(name).rpartition("@")[0].strip("'") for (name,) in rows)
        return tuple(name for name in found if name not in allowed)

    def forbidden(self, error: Exception) -> bool:
        """Tell whether the role lacks a right."""
        return isinstance(error, pymysql.Error) and _told(error)[0] in _RIGHTS

    def passing(self, error: Exception) -> bool:
        """Tell whether somebody else was only quicker."""
        return isinstance(error, pymysql.Error) and _told(error)[0] in _PASSING


_BEYOND = """
    SELECT DISTINCT g.GRANTEE FROM (
        SELECT GRANTEE FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'SELECT'
        UNION ALL
        SELECT GRANTEE FROM information_schema.SCHEMA_PRIVILEGES
        WHERE PRIVILEGE_TYPE = 'SELECT' AND DATABASE() LIKE TABLE_SCHEMA
        UNION ALL
        SELECT GRANTEE FROM information_schema.TABLE_PRIVILEGES
        WHERE PRIVILEGE_TYPE = 'SELECT' AND TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {table}
        UNION ALL
        SELECT GRANTEE FROM information_schema.COLUMN_PRIVILEGES
        WHERE PRIVILEGE_TYPE = 'SELECT' AND TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {table}
    ) AS g
    WHERE g.GRANTEE NOT IN (
        SELECT GRANTEE FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'SUPER'
    )
    ORDER BY 1
"""
_PASSING = (1020, 1213)
_RIGHTS = (1044, 1142, 1143, 1227, 1290, 1370, 1792, 1836)
_ENGINES = """
    SELECT TABLE_NAME, ENGINE, TABLE_TYPE FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1
"""
_WRITTEN_TO = """
    SELECT TABLE_NAME, DATA_LENGTH,
           UPDATE_TIME IS NOT NULL AND UPDATE_TIME < now() - INTERVAL 1 SECOND
           AND CREATE_OPTIONS NOT LIKE '%partitioned%',
           UPDATE_TIME, unix_timestamp(CREATE_TIME)
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({})
"""


def _given(url: str) -> dict[str, Any]:
    """Take a URL apart for the driver; no message repeats it."""
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:
        raise NotAllowedError(
            "The URL of a MariaDB store cannot be read. Write `mariadb://role@host/name`."
        ) from None
    more = dict(parse_qsl(parts.query))
    unknown = sorted(set(more) - set(_URL_MAY_SAY))
    if unknown:
        raise NotAllowedError(
            f"The URL of a MariaDB store may say {' and '.join(_URL_MAY_SAY)} after its `?`, and nothing else."
        )
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise NotAllowedError(
            "The URL of a MariaDB store names no database. Write `mariadb://role@host/name`."
        )
    found: dict[str, Any] = {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": database,
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "client_flag": CLIENT.FOUND_ROWS,
        "max_allowed_packet": 1 << 30,
        "program_name": "troth",
    }
    if "ssl_ca" in more:
        found["ssl"] = ssl.create_default_context(cafile=more["ssl_ca"])
    if "unix_socket" in more:
        found["unix_socket"] = more["unix_socket"]
    else:
        found |= {"host": parts.hostname or "127.0.0.1", "port": port}
    return found


def _check_version(version: str) -> None:
    match = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", version)
    if "mariadb" not in version.lower():
        raise NotAllowedError(
            "This server is MySQL, on which Troth has not been tested, and so does not erase. "
            "Bring the data into MariaDB 10.6 or newer, or erase there by hand."
        )
    if match is None or (int(match[1]), int(match[2])) < (10, 6):
        raise NotAllowedError("This MariaDB is too old: Troth needs 10.6 or newer, for JSON_TABLE.")


def _told(error: pymysql.Error) -> tuple[int, str]:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return code, str(error.args[1]) if len(error.args) > 1 else ""


def _on(message: str) -> str:
    match = re.search(r"for table (?:`[^`]*`\.)?[`']([^`']+)[`']$", message)
    return f" on `{match[1]}`" if match is not None else ""


def _constraint(code: int, message: str) -> str | None:
    """Name the constraint, the table or the column; nothing else of the server's words."""
    match code:
        case 1451 | 1217:
            found = re.search(r"\(([`\"])[^`\"]*\1\.\1(.*?)\1, CONSTRAINT \1(.*?)\1", message)
            if found is None:
                return "rows that stay refer by a foreign key to rows that would go"
            return f"rows of `{found[2]}` that stay refer by `{found[3]}` to rows that would go"
        case 1452 | 1216:
            return "a foreign key would refer to a row that is not there"
        case 1048 | 1364:
            found = re.search(r"'([^']*)'", message)
            return f"`{found[1]}` must not be null" if found else "a column must not be null"
        case 1062 | 1586:
            found = re.search(r"for key '([^']*)'$", message)
            return f"`{found[1]}` wants rows to differ" if found else "rows must differ"
        case 4025 | 3819:
            found = re.search(r"CONSTRAINT `(?:[^`]*`\.`)?([^`]*)` failed for `[^`]*`\.`([^`]*)`", message)
            return f"`{found[1]}` does not hold in `{found[2]}`" if found else "a CHECK does not hold"
        case 1296 | 1264 | 1265 | 1292 | 1366 | 1406:
            return "a column does not take the new value"
        case _:
            return None


@dataclass
class MariadbSession:
    """One open transaction."""

    connection: Open
    catalogue: Catalogue
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    counted: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def many(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Run statements in order."""
        answers = []
        for text, parameters in calls:
            self.connection.bind(parameters)
            cursor = self.connection.execute(text)
            rows = cursor.fetchall() if cursor.description is not None else ()
            answers.append(Answer(rows, max(0, cursor.rowcount)))
        return answers

    def stream(self, call: Call) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a statement as the server sends them."""
        text, parameters = call
        self.connection.bind(parameters)
        with self.connection.raw.cursor(SSCursor) as cursor:
            cursor.execute(text)
            while rows := cursor.fetchmany(ROWS_STREAMED):
                yield from rows

    def texts(self, values: Sequence[str]) -> object:
        """Write texts as JSON."""
        return json.dumps(list(values), ensure_ascii=False)

    def watch(self, going: Collection[str]) -> None:
        """Count what cascades could take, and note the session's own counters."""
        self.counted = {table: self._count(table) for table in self._beneath(going)}
        self.before = self._counters()
        self.after = self.before

    def _beneath(self, going: Collection[str]) -> list[str]:
        """Return the tables in which a removal from others could remove or change rows."""
        found: dict[str, None] = {}
        waiting = list(going)
        while waiting:
            table = waiting.pop()
            for each in self.catalogue.tables:
                acts = {key.on_delete for key in each.foreign_keys if key.target == table}
                if acts & {"CASCADE", "SET NULL"} and each.name not in found:
                    found[each.name] = None
                    if "CASCADE" in acts:
                        waiting.append(each.name)
        return list(found)

    def _loosened(self, table: str) -> list[str]:
        """Return the columns that a removal elsewhere could set to null."""
        found = self.catalogue.table(table)
        keys = found.foreign_keys if found is not None else ()
        return [column for key in keys if key.on_delete == "SET NULL" for column in key.columns[:1]]

    def _count(self, table: str) -> tuple[int, ...]:
        nulls = "".join(f", sum({quoted(column)} IS NULL)" for column in self._loosened(table))
        (row,) = self.connection.rows(f"SELECT count(*){nulls} FROM {quoted(table)}")
        return tuple(int(str(value or 0)) for value in row)

    def _counters(self) -> dict[str, int]:
        """Return how many rows this session has ever inserted, updated and deleted, its triggers too."""
        return {
            str(name).lower().removeprefix("handler_").replace("write", "insert"): int(str(value))
            for name, value in self.connection.rows(_COUNTERS)
        }

    def seen(self, ours: Mapping[tuple[str, str], int]) -> Mapping[tuple[str, str], int]:
        """Return what changed: tables counted again for cascades, the session's counters for triggers."""
        found = dict(ours)
        for table, before in self.counted.items():
            now = self._count(table)
            if now[0] < before[0]:
                key = table, "delete"
                found[key] = max(found.get(key, 0), before[0] - now[0])
            emptied = sum(max(0, new - old) for new, old in zip(now[1:], before[1:], strict=True))
            if emptied > found.get((table, "update"), 0):
                found[table, "update"] = emptied
        for verb, count in self.after.items():
            more = count - self.before[verb] - sum(rows for (_, of), rows in ours.items() if of == verb)
            if more > 0:  # a row of a partitioned table is counted twice, by the table and by its part
                more -= sum(
                    rows for (of, did), rows in ours.items() if did == verb and of in self._partitioned()
                )
            if more > 0:
                written = self._written()
                key = " and ".join(sorted(written.get(verb, ()))) or "?", verb
                found[key] = found.get(key, 0) + more
        return found

    def _partitioned(self) -> set[str]:
        return {str(name) for (name,) in self.connection.rows(_PARTITIONED)}

    def _written(self) -> Mapping[str, set[str]]:
        """Return the tables that triggers write to, by verb, as their text says."""
        found: dict[str, set[str]] = {}
        triggers = self.connection.rows(TRIGGERS)
        if not triggers:
            return found
        routines = {str(name).lower(): str(body or "") for name, body in self.connection.rows(_ROUTINES)}
        names = {table.name.lower(): table.name for table in self.catalogue.tables}
        for *_, body in triggers:
            for match in WRITES.finditer(whole_code(str(body), routines)):
                verb = match[0].split()[0].lower().replace("replace", "insert")
                found.setdefault(verb, set()).add(names.get(match[1].lower(), match[1]))
        return found

    def defer(self) -> None:
        """Never asked for: no foreign key can wait here."""

    def settle(self) -> None:
        """Note what the session has changed; every constraint was checked row by row."""
        self.after = self._counters()


_COUNTERS = """
    SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.SESSION_STATUS
    WHERE VARIABLE_NAME IN ('Handler_write', 'Handler_update', 'Handler_delete')
"""
_PARTITIONED = """
    SELECT TABLE_NAME FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND CREATE_OPTIONS LIKE '%partitioned%'
"""
_ROUTINES = """
    SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES
    WHERE ROUTINE_SCHEMA = DATABASE()
"""
