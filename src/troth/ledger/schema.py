"""The tables of the ledger and of its keys, on SQLite and PostgreSQL, and how they are opened.

Two databases.  The ledger holds events, heads, state, the sealed tree and the vault's
ciphertext; the keys database holds wrapped keys and nothing else, so that its backups can
be short-lived.

Danger: losing the master key loses every payload; losing the keys database does too.
Events, state and seals survive both.  `docs/drills.md` says what to do.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError

from troth.errors import NotAllowedError, UnreachableError

if TYPE_CHECKING:
    from troth.ledger.master_key import MasterKey

VERSION = 1
REST_SECONDS = 5
"""How long a connection to PostgreSQL may have been idle before it is asked whether it still stands."""
BUSY_SECONDS = 30
WAL_PAGES = 8000
"""How many pages SQLite collects in its write-ahead log before it moves them into the file: 32 MiB.

A page that many commits write is moved once.  Each commit waits for the disk as ever.
"""

_LEDGER = """
CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS heads (stream text PRIMARY KEY, version bigint NOT NULL);
CREATE TABLE IF NOT EXISTS once (key text PRIMARY KEY, events text NOT NULL);
{events}
CREATE INDEX IF NOT EXISTS events_by_stream ON events (stream, version);
CREATE INDEX IF NOT EXISTS events_by_id ON events (id);
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, seq);
CREATE INDEX IF NOT EXISTS events_collected ON events (subject, seq) WHERE kind = 'collected';
CREATE INDEX IF NOT EXISTS events_that_stop ON events (subject) WHERE kind IN ('restriction_moved', 'act_ended');
CREATE TABLE IF NOT EXISTS unsealed (seq bigint PRIMARY KEY, id text NOT NULL, at_us bigint NOT NULL);
CREATE TABLE IF NOT EXISTS leaves (number bigint PRIMARY KEY, id text NOT NULL UNIQUE, hash {blob} NOT NULL);
CREATE TABLE IF NOT EXISTS nodes (level integer, number bigint, hash {blob} NOT NULL, PRIMARY KEY (level, number));
CREATE TABLE IF NOT EXISTS checkpoints (size bigint PRIMARY KEY, at_us bigint NOT NULL, note text NOT NULL);
CREATE TABLE IF NOT EXISTS state (
  stream text PRIMARY KEY, family text NOT NULL, version bigint NOT NULL, status text, due text, body text NOT NULL);
CREATE INDEX IF NOT EXISTS state_by_family ON state (family, status, due);
CREATE TABLE IF NOT EXISTS requests (
  number text PRIMARY KEY, subject text, entity text NOT NULL, status text NOT NULL, rights text NOT NULL,
  received text NOT NULL, safe_due text, legal_due text, ended_on text, answer_days integer, waits text NOT NULL,
  version bigint NOT NULL DEFAULT 0, kept_back_by text NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS requests_by_status ON requests (status, safe_due);
CREATE INDEX IF NOT EXISTS requests_by_month ON requests (received, ended_on, entity);
CREATE INDEX IF NOT EXISTS requests_by_answer ON requests (ended_on, answer_days, entity);
CREATE INDEX IF NOT EXISTS requests_that_wait ON requests (status, entity, waits) WHERE waits <> '';
CREATE INDEX IF NOT EXISTS requests_not_ended ON requests (legal_due, status, entity) WHERE ended_on IS NULL;
CREATE INDEX IF NOT EXISTS requests_by_subject ON requests (subject);
CREATE TABLE IF NOT EXISTS vault (
  id text PRIMARY KEY, owner text NOT NULL, file text NOT NULL, name text NOT NULL, key text NOT NULL,
  ciphertext {blob} NOT NULL);
CREATE INDEX IF NOT EXISTS vault_by_owner ON vault (owner, file, name);
CREATE TABLE IF NOT EXISTS fingerprints (
  {numbered}domain text, kind text, form text, key_version integer, mac {blob}, subject text NOT NULL{row_number},
  {named} (domain, kind, form, key_version, mac));
CREATE INDEX IF NOT EXISTS fingerprints_by_subject ON fingerprints (subject);
{by_row_number}
CREATE TABLE IF NOT EXISTS suppressions (
  number {number}, kind text NOT NULL, form text NOT NULL, key_version integer NOT NULL, mac {blob} NOT NULL,
  controller text NOT NULL, purpose text NOT NULL, channel text NOT NULL, state text NOT NULL, at text NOT NULL,
  event text NOT NULL);
CREATE INDEX IF NOT EXISTS suppressions_by_mac ON suppressions (mac);
CREATE TABLE IF NOT EXISTS replays (
  id text PRIMARY KEY, store text NOT NULL, map text NOT NULL, hour text NOT NULL, last text NOT NULL,
  expires text NOT NULL);
CREATE INDEX IF NOT EXISTS replays_by_store ON replays (store, last);
CREATE TABLE IF NOT EXISTS replay_marks (
  mac {blob}, key_version integer, replay text, PRIMARY KEY (mac, key_version, replay));
CREATE INDEX IF NOT EXISTS replay_marks_by_replay ON replay_marks (replay);
CREATE TABLE IF NOT EXISTS replay_maps (sha256 text PRIMARY KEY, body text NOT NULL);
CREATE TABLE IF NOT EXISTS replay_pending (step text PRIMARY KEY, body text NOT NULL);
CREATE TABLE IF NOT EXISTS rows_in_hand (
  step text, number integer, mac {blob} NOT NULL, key_version integer NOT NULL, rows integer NOT NULL,
  made integer NOT NULL, PRIMARY KEY (step, number));
CREATE TABLE IF NOT EXISTS tries (name text PRIMARY KEY, tries integer NOT NULL, since bigint NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
  name text PRIMARY KEY, next bigint NOT NULL, attempts integer NOT NULL, due_us bigint NOT NULL, status text NOT NULL);
CREATE TABLE IF NOT EXISTS set_aside_deliveries (
  name text, number bigint, status text NOT NULL, PRIMARY KEY (name, number));
CREATE TABLE IF NOT EXISTS accounts (handle text PRIMARY KEY, sealed {blob} NOT NULL, outside {blob} UNIQUE);
CREATE TABLE IF NOT EXISTS invitations (
  mac {blob} PRIMARY KEY, handle text NOT NULL, role text NOT NULL, until_us bigint NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
  mac {blob} PRIMARY KEY, handle text NOT NULL, begun_us bigint NOT NULL, seen_us bigint NOT NULL);
CREATE INDEX IF NOT EXISTS sessions_by_handle ON sessions (handle);
CREATE TABLE IF NOT EXISTS kept_filters (
  handle text, name text, filters text NOT NULL, PRIMARY KEY (handle, name));
CREATE TABLE IF NOT EXISTS forms (key text PRIMARY KEY, at_us bigint NOT NULL, led_to text NOT NULL);
CREATE TABLE IF NOT EXISTS leases (name text PRIMARY KEY, lease bigint NOT NULL, until double precision NOT NULL)
"""
_EVENTS = """id text NOT NULL, at_us bigint NOT NULL, kind text NOT NULL, stream text NOT NULL,
  version bigint NOT NULL, subject text, request text, body {blob} NOT NULL"""
_SQLITE_EVENTS = f"CREATE TABLE IF NOT EXISTS events (seq integer PRIMARY KEY AUTOINCREMENT, {_EVENTS});"
_POSTGRESQL_EVENTS = f"""
CREATE SEQUENCE IF NOT EXISTS events_seq;
CREATE TABLE IF NOT EXISTS events (seq bigint NOT NULL DEFAULT nextval('events_seq'), {_EVENTS},
  PRIMARY KEY (at_us, seq)) PARTITION BY RANGE (at_us);
CREATE TABLE IF NOT EXISTS events_other PARTITION OF events DEFAULT;
"""
_COLUMNS = text("SELECT name FROM pragma_table_info('fingerprints')")
_NUMBERED = text(
    "INSERT INTO fingerprints (number, domain, kind, form, key_version, mac, subject) "
    "SELECT rowid, domain, kind, form, key_version, mac, subject FROM fingerprints_before"
)
_KEYS = """
CREATE TABLE IF NOT EXISTS keys (
  id text PRIMARY KEY, owner text NOT NULL, file text NOT NULL, master text, wrapped {blob}, destroyed_at text,
  reason text, UNIQUE (owner, file));
CREATE TABLE IF NOT EXISTS own_keys (
  purpose text, version integer, master text NOT NULL, wrapped {blob} NOT NULL, PRIMARY KEY (purpose, version))
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open ledger: its two databases, the master key and the clock."""

    engine: Engine
    keys: Engine
    master: MasterKey = field(repr=False)
    clock: Callable[[], datetime]
    origin: str

    @property
    def dialect(self) -> str:
        """Say `sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes; on SQLite it holds the one writer's lock from the start."""
        with guarded("ledger"), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger and holds nobody up."""
        with guarded("ledger"), self.engine.connect() as opened:
            connection = opened.execution_options(reading=True)
            if self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Open a connection for one statement that reads: it is its own transaction, and costs one round trip."""
        with guarded("ledger"), _looking(self.engine) as connection:
            yield connection

    @contextmanager
    def looking_at_keys(self) -> Iterator[Connection]:
        """Open a connection to the keys for one statement that reads."""
        with guarded("keys"), _looking(self.keys) as connection:
            yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()
        self.keys.dispose()


def of_family(ledger: Ledger, column: str) -> str:
    """Return the condition that a stream is of a family, whose words `family_bounds` binds.

    PostgreSQL may sort words as a language does, where a slash counts for nothing: there bytes are compared.
    """
    by_bytes = ' COLLATE "C"' if ledger.dialect == "postgresql" else ""
    return f"{column}{by_bytes} >= :family_first AND {column}{by_bytes} < :family_after"


def family_bounds(family: str) -> dict[str, str]:
    """Return the words between which the names of a family's streams are: "0" is the letter after "/"."""
    return {"family_first": f"{family}/", "family_after": f"{family}0"}


@contextmanager
def _looking(engine: Engine) -> Iterator[Connection]:
    alone = engine.dialect.name == "sqlite"
    with engine.connect() as opened:
        yield opened.execution_options(**({"alone": True} if alone else {"isolation_level": "AUTOCOMMIT"}))


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn a database that does not answer into UnreachableError, without the driver's text."""
    try:
        yield
    except OperationalError as error:
        raise UnreachableError(
            f"The database of the {what} did not answer ({type(error.orig).__name__}). Try again; if it goes on, "
            "see that it runs and that its disk has room."
        ) from None
    except DBAPIError as error:
        raise UnreachableError(
            f"The database of the {what} refused a statement ({type(error.orig).__name__})."
        ) from None


def open_ledger(url: str, keys_url: str, master: MasterKey, clock: Callable[[], datetime]) -> Ledger:
    """Open the ledger at `url` and its keys at `keys_url`; make what is not there yet.

    Raises UnreachableError when a database does not answer, NotAllowedError when it was
    made by a newer Troth.
    """
    if url == keys_url:
        raise NotAllowedError(
            "The ledger and its keys need two databases, or backups of one would undo erasures."
        )
    engine, keys = _engine(url), _engine(keys_url, forget=True)
    with guarded("ledger"), engine.begin() as connection:
        _serialised(connection)
        with _numbered_names(connection):
            _create(connection, _LEDGER, _SQLITE_EVENTS, _POSTGRESQL_EVENTS)
        from troth.ledger import listed  # here: it stands on this module

        listed.with_columns(connection)
        listed.fill(connection)
        found: dict[str, str] = {
            row.name: row.value for row in connection.execute(text("SELECT name, value FROM meta"))
        }
        if int(found.get("schema", VERSION)) > VERSION:
            raise NotAllowedError("This ledger was written by a newer Troth. Use that one.")
        if "origin" not in found:
            found["origin"] = f"troth.ledger/{secrets.token_hex(8)}"
            rows = [{"n": "origin", "v": found["origin"]}, {"n": "schema", "v": str(VERSION)}]
            connection.execute(text("INSERT INTO meta VALUES (:n, :v)"), rows)
        if engine.dialect.name == "postgresql":
            _partitions(connection, clock())
    with guarded("keys"), keys.begin() as connection:
        _serialised(connection)
        _create(connection, _KEYS)
    return Ledger(engine, keys, master, clock, found["origin"])


def _serialised(connection: Connection) -> None:
    """Let one process at a time make the tables."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7210031)"))


@contextmanager
def _numbered_names(connection: Connection) -> Iterator[None]:
    """Give the fingerprints of an older ledger in SQLite numbers that are never given again: those they had."""
    sqlite = connection.dialect.name == "sqlite"
    columns = set(connection.execute(_COLUMNS).scalars()) if sqlite else set()
    older = bool(columns) and "number" not in columns
    if older:
        connection.execute(text("ALTER TABLE fingerprints RENAME TO fingerprints_before"))
        connection.execute(text("DROP INDEX fingerprints_by_subject"))
    yield
    if older:
        connection.execute(_NUMBERED)
        connection.execute(text("DROP TABLE fingerprints_before"))


def _create(connection: Connection, statements: str, *events: str) -> None:
    sqlite = connection.dialect.name == "sqlite"
    blob = "blob" if sqlite else "bytea"
    # A number is never given again, or whoever follows would take a new row for one it knows.
    numbered = "number integer PRIMARY KEY AUTOINCREMENT, " if sqlite else ""
    row_number = "" if sqlite else ", number bigint GENERATED ALWAYS AS IDENTITY"
    by_number = (
        "" if sqlite else "CREATE INDEX IF NOT EXISTS fingerprints_by_number ON fingerprints (number);"
    )
    number = (
        "integer PRIMARY KEY AUTOINCREMENT" if sqlite else "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    )
    written = statements.format(
        events=(events[0] if sqlite else events[1]) if events else "",
        blob=blob,
        number=number,
        numbered=numbered,
        named="UNIQUE" if sqlite else "PRIMARY KEY",
        row_number=row_number,
        by_row_number=by_number,
    )
    for statement in written.replace("{blob}", blob).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def _partitions(connection: Connection, now: datetime) -> None:
    """Make the partitions of this month and the next; later ones fall into `events_other`."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(2):
        following = (first.replace(day=28) + (first.replace(day=28) - first.replace(day=24))).replace(day=1)
        low, high = (int(day.timestamp() * 1_000_000) for day in (first, following))
        name = f"events_{first:%Y_%m}"
        there = connection.execute(text("SELECT to_regclass(:n)"), {"n": name}).scalar()
        within = text("SELECT EXISTS (SELECT FROM events_other WHERE at_us >= :low AND at_us < :high)")
        if there is None and not connection.execute(within, {"low": low, "high": high}).scalar():
            connection.execute(
                text(f"CREATE TABLE {name} PARTITION OF events FOR VALUES FROM ({low}) TO ({high})")
            )
        first = following


def _checked_after_a_rest(engine: Engine) -> Engine:
    """Ask a connection whether it still stands only where nobody used it for a while; a dead one is replaced."""

    @event.listens_for(engine, "checkin")
    def _rests(_: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _wakes(connection: Any, record: Any, __: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < REST_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise DisconnectionError from None  # the pool gives a fresh one

    return engine


def _engine(url: str, *, forget: bool = False) -> Engine:
    """Make an engine; `forget` overwrites what is deleted (the keys)."""
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise NotAllowedError("A ledger lives in SQLite (sqlite:///PATH) or PostgreSQL (postgresql://…).")
    if url.startswith("postgresql"):
        return _checked_after_a_rest(create_engine(url, pool_size=10, max_overflow=20))
    file = Path(url.removeprefix("sqlite:///"))
    if not file.parent.is_dir():
        raise NotAllowedError(
            f"The folder of {file.name!r} is not there. Make it, or mend [ledger] in troth.toml."
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        if forget:
            cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if "alone" not in options:  # a statement that reads alone is a transaction by itself
            connection.exec_driver_sql("BEGIN" if "reading" in options else "BEGIN IMMEDIATE")

    return engine
