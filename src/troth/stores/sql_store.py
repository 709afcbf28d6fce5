"""A store behind SQL: its connections, its compiled plan, and the verbs every engine shares.

What an engine does in its own way (connecting, transactions, remembering a step, naming an
error) stands in its own module; what is done with rows stands in `sql_run`.

Danger: `act` destroys rows; `sql_run` says what prevents loss.  No message from here carries
a value of a row: an engine's own words are dropped and only names of its structure repeated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Generic, TypeVar

from troth.errors import ConflictError, NotAllowedError, TrothError, UnreachableError, WrongFileError
from troth.rules.catalogue import Catalogue
from troth.rules.map import Map, Value
from troth.rules.map_right import Right
from troth.rules.plan import Plan, compile_plan
from troth.stores import (
    residue,
    sql_cells,
    sql_coding,
    sql_look,
    sql_move,
    sql_people,
    sql_replay,
    sql_run,
    sql_sweep,
)
from troth.stores.amend import Amended, Amendment, Coded, Columns, OnConflict, Standing
from troth.stores.catalogue import STEP_TABLE
from troth.stores.contract import (
    Acted,
    Batch,
    Between,
    Count,
    Entry,
    Expiry,
    Limits,
    Looked,
    Measured,
    Overdue,
    Part,
    Row,
    Scanned,
    Spared,
    Swept,
    Who,
)
from troth.stores.sql import Sql
from troth.stores.sql_dialect import quoted
from troth.stores.sql_engine import Connection, Engine, Role
from troth.stores.sql_selection import Selection, Session, whole

Result = TypeVar("Result")

TRIES_MAX = 4
_STEPS_SEEN = {
    "postgresql": f"SELECT 1 WHERE to_regclass('{STEP_TABLE}') IS NOT NULL",
    "mariadb": (
        "SELECT 1 FROM information_schema.TABLES "  # noqa: S608
        f"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{STEP_TABLE}'"
    ),
}
ROWS_REFUSED_MAX = 100


@dataclass
class _Known:
    """What is known of a store's structure, until it changes."""

    structure: object
    catalogue: Catalogue
    plan: Plan
    rowids: Mapping[str, str]
    written: dict[frozenset[tuple[str, str]], Sql] = field(default_factory=dict)


class SqlStore(Generic[Connection]):
    """A store of personal data in a SQL database."""

    def __init__(
        self, map_: Map, credentials: Mapping[str, str], engine: Engine[Connection], limits: Limits
    ) -> None:
        self._map = map_
        self._urls = dict(credentials)
        self._engine = engine
        self._limits = limits
        self._lock = threading.Lock()
        self._free: dict[Role, list[Connection]] = {"find": [], "change": []}
        self._known: _Known | None = None
        self._remembers: bool | None = None

    def __repr__(self) -> str:
        """Name the store and nothing of how it is reached."""
        return f"<store {self._map.store}>"

    @property
    def name(self) -> str:
        """The store's name in plans, events and screens."""
        return self._map.store

    @property
    def map(self) -> Map:
        """The map this store was opened with."""
        return self._map

    def limits(self) -> Limits:
        """Say what this kind of store can do."""
        return self._limits

    def catalogue(self) -> Catalogue:
        """Read what is really there."""
        return self._with("find", lambda connection: self._engine.catalogue(connection, self.name))

    def plan(self) -> Plan:
        """Compile the plan; raises WrongFileError with every problem of the map."""
        return self._with("find", lambda connection: self._structure(connection).plan)

    def find(self, who: Sequence[Who]) -> Iterator[Row]:
        """Yield every row about these subjects, one row once per subject, in bounded memory."""
        for subject in who:
            yield from self._streamed(subject)

    def measure(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> Measured:
        """Say exactly what erasing these subjects would do (but for what is spared); change nothing."""

        def measured(connection: Connection) -> Measured:
            sql = self._sql(connection)
            with self._transaction(connection, "change", sql) as session:
                return sql_run.measure(sql, session, who, today, spared, self._limits.rows_measured_max)

        return self._with(self._changing(), measured)

    def act(
        self,
        step: str,
        who: Sequence[Who],
        today: date,
        approved: Measured,
        tolerance: int = 0,
        spared: Spared | None = None,
    ) -> Acted:
        """Erase as approved, once per `step`; raises ConflictError when there is more to do."""

        def done(sql: Sql, session: Session, *, once: bool) -> tuple[Acted, str]:
            sql_run.same_plan(sql, approved)
            selection = sql_run.select(sql, session, who, today, spared, step)
            many = selection.reached() > self._limits.rows_measured_max
            made = sql_run.erase(selection, who, today, spared, many=many)
            sql_run.compare(approved, made, tolerance)
            acted = sql_run.acted(sql, step, made, today, once=once)
            return acted, sql_run.to_rows(acted)

        return self._with(
            "change", partial(self._once, step, partial(sql_run.from_rows, self.name, step), done)
        )

    def unswept(self) -> str:
        """Say nothing: every table can be swept."""
        return ""

    def overdue(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Overdue:
        """Count the rows whose retention has ended, but for those that lead to some people; change nothing."""

        def counted(connection: Connection) -> Overdue:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                return sql_sweep.overdue(sql, session, expiry, but_for, today)

        return self._with("find", counted)

    def look(self, table: str, oldest_by: str = "", rows: int = 0) -> Looked:
        """Count a table, find its oldest row by a column of days, and read a few of its rows."""

        def looked(connection: Connection) -> Looked:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                return sql_look.look(sql, session, table, oldest_by, rows)

        return self._with("find", looked)

    def measure_sweep(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Measured:
        """Say what sweeping them would do, rows of other tables that go with them too; change nothing."""

        def measured(connection: Connection) -> Measured:
            sql = self._sql(connection)
            with self._transaction(connection, "change", sql) as session:
                return sql_sweep.measure(sql, session, expiry, but_for, today)

        return self._with(self._changing(), measured)

    def sweep(self, step: str, expiry: Expiry, but_for: Sequence[Who], today: date, batch: Batch) -> Swept:
        """Sweep one batch, once per `step`."""

        def known(plan_sha256: str, rows: str) -> Swept:
            before = sql_run.from_rows(self.name, step, plan_sha256, rows)
            return Swept(before.keys_checked, 0, before)

        def done(sql: Sql, session: Session, *, once: bool) -> tuple[Swept, str]:
            looked, held, made, last = sql_sweep.sweep(sql, session, expiry, but_for, today, batch, step)
            acted = sql_run.acted(sql, step, made, today, once=once)
            return Swept(looked, held, acted, made.effects, last), sql_run.to_rows(acted)

        return self._with("change", partial(self._once, step, known, done))

    def outlived(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> tuple[Part, ...]:
        """Return the parts of a table of which every row is due, and nothing else would go with them."""

        def found(connection: Connection) -> tuple[Part, ...]:
            sql = self._sql(connection)
            if expiry.archive or not sql.plain(expiry.table):
                return ()
            parts = self._engine.parts_of(connection, sql.graph.table(expiry.table), expiry.trigger)
            whole_ones = []
            for name, ends in parts:
                if ends <= expiry.before:
                    with self._transaction(connection, "find", sql) as session:
                        rows, due = sql_sweep.due_in(sql, session, expiry, name, but_for, today)
                    whole_ones += [Part(name, rows)] if rows == due else []
            return tuple(whole_ones)

        return self._with("find", found)

    def drop(self, step: str, expiry: Expiry, part: Part, but_for: Sequence[Who], today: date) -> Acted:
        """Drop a part of a table, once per `step`; raises ConflictError where a row of it must stay."""
        known = partial(sql_run.from_rows, self.name, step)

        def done(sql: Sql, session: Session, *, once: bool) -> tuple[Acted, str]:
            rows, due = sql_sweep.due_in(sql, session, expiry, part.name, but_for, today)
            if due < rows or rows > part.rows or not sql.plain(expiry.table):
                raise ConflictError(
                    f"In the store `{self.name}`, a part of `{expiry.table}` holds rows that stay by now. Nothing was "
                    "changed: they go row by row."
                )
            session.many([(f"DROP TABLE {part.name}", ())])
            made = sql_run.Done((Count(expiry.table, "delete", rows),) if rows else (), (), rows, None)
            acted = sql_run.acted(sql, step, made, today, once=once)
            return acted, sql_run.to_rows(acted)

        for before in self.steps(step):
            return before  # the part may be gone, and cannot be locked again
        # nobody writes into the part from before the first look, which is what the transaction then sees
        first = f"LOCK TABLE {part.name} IN SHARE MODE"
        return self._with("change", partial(self._once, step, known, done, first=first))

    def beyond(self, archive: str) -> tuple[str, ...] | None:
        """Name the roles that can read an archive though the map does not name them; None where it cannot be told."""
        told = self._map.archive_of(archive)
        assert told is not None

        def asked(connection: Connection) -> tuple[str, ...] | None:
            table = self._sql(connection).graph.table(archive)
            return self._engine.beyond(connection, table, told.readers)

        roles: tuple[Role, ...] = ("find", "change") if "change" in self._urls else ("find",)
        found = [names for role in roles if (names := self._with(role, asked)) is not None]
        # each connection leaves out its own role
        return tuple(one for one in found[0] if all(one in each for each in found)) if found else None

    def put_by(self, archive: str, step: str) -> int:
        """Count the rows that one step put into an archive, and that are still there."""

        def counted(connection: Connection) -> int:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                statement = sql.put_by(archive, step)
                (answer,) = session.many([(statement.text, ())])
                return whole(answer.rows[0][0])

        return self._with("find", counted)

    def bring_back(self, step: str, archive: str, of: str, keys: Sequence[str], today: date) -> Acted:
        """Move the rows that the step `of` put into an archive back to their table; once per `step`."""
        table = self._map.tables[archive].archive_of
        known = partial(sql_run.from_rows, self.name, step)

        def done(sql: Sql, session: Session, *, once: bool) -> tuple[Acted, str]:
            selection = Selection(sql, session, step=step, day=today.isoformat())
            session.watch([archive])
            rows = sql_move.brought_back(selection, archive, table, of, keys)
            made = sql_run.Done((Count(table, "return", rows),) if rows else (), (), rows, None)
            acted = sql_run.acted(sql, step, made, today, once=once)
            return acted, sql_run.to_rows(acted)

        return self._with("change", partial(self._once, step, known, done))

    def standing(
        self, who: Sequence[Who], wanted: Mapping[str, Columns], *, copies: bool
    ) -> tuple[Standing, ...]:
        """Read these columns in every row of these subjects, and in the rows that hold copies of them."""

        def read(connection: Connection) -> tuple[Standing, ...]:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                return sql_cells.standing(sql, session, who, wanted, copies=copies)

        return self._with("find", read)

    def coded(self, value: Value) -> Coded:
        """Code a value written by somebody; the store turns it into the type of its column."""
        return None if value is None else sql_coding.CODINGS[self._engine.dialect.name].code(value)

    def shown(self, coded: Coded) -> str | None:
        """Write a coded value for people."""
        return None if coded is None else sql_coding.CODINGS[self._engine.dialect.name].show(coded)

    def try_out(
        self, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> tuple[tuple[Amendment, ...], Amended]:
        """Change, look, and undo: return each amendment with the values as the store would hold them."""

        def tried(
            connection: Connection, sql: Sql, refused: Collection[int]
        ) -> tuple[tuple[Amendment, ...], Amended]:
            with self._transaction(connection, "change", sql) as session:
                return sql_cells.try_out(
                    sql, session, amendments, on_conflict, self._refused, left_out=refused
                )

        return self._with(self._changing(), partial(self._row_by_row, tried))

    def amend(
        self, step: str, plan_sha256: str, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> Amended:
        """Change once per `step`; raises ConflictError when a value changed and that is to stop it."""

        def done(connection: Connection, sql: Sql, refused: Collection[int]) -> Amended:
            def changed(sql: Sql, session: Session, *, once: bool) -> tuple[Amended, str]:
                made = sql_cells.amend(
                    sql, session, step, amendments, on_conflict, self._refused, left_out=refused
                )
                made = made if once else replace(made, certainty="at_least_once")
                return made, sql_cells.to_rows(made)

            def known(_: str, rows: str) -> Amended:
                return sql_cells.from_rows(self.name, step, rows)

            return self._once(step, known, changed, connection, sql, plan_sha256)

        return self._with("change", partial(self._row_by_row, done))

    def _once(
        self,
        step: str,
        known: Callable[[str, str], Result],
        do: Callable[..., tuple[Result, str]],
        connection: Connection,
        sql: Sql | None = None,
        plan_sha256: str = "",
        first: str = "",
    ) -> Result:
        """Do something in one transaction, once per `step`; where it was done, tell it by its plan and rows."""
        engine = self._engine
        if self._remembers is None:
            self._remembers = engine.remember(connection)
        sql = sql or self._sql(connection)
        engine.begin(connection, "change")
        if first:
            engine.session(connection, sql.graph.catalogue).many([(first, ())])
        if self._remembers:
            taken = engine.take(connection, step, plan_sha256 or sql.plan.sha256)
            if taken is not None:
                engine.rollback(connection)
                return known(*taken)
        made, rows = do(sql, engine.session(connection, sql.graph.catalogue), once=self._remembers)
        if self._remembers:
            engine.keep(connection, step, rows)
        engine.commit(connection)
        return made

    def _row_by_row(
        self, call: Callable[[Connection, Sql, Collection[int]], Result], connection: Connection
    ) -> Result:
        """Begin anew without a row that the database refused, where it cannot undo that one change alone."""
        sql, refused = self._sql(connection), set[int]()
        while True:
            try:
                return call(connection, sql, frozenset(refused))
            except sql_cells.RowRefused as one:
                self._engine.rollback(connection)
                refused.add(one.number)
                if len(refused) > ROWS_REFUSED_MAX:
                    raise NotAllowedError(
                        f"The store `{self.name}` refuses more than {ROWS_REFUSED_MAX} rows as they were. Nothing was "
                        "changed. See what constraint they break there, and mend it first."
                    ) from None

    def lacking(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        """Return those of these rights that the role which changes does not have; nothing is run.

        The database is asked how it would do each thing, which it tells only to who may do it.
        """
        if "change" not in self._urls:
            return ()

        def asked(connection: Connection) -> tuple[Right, ...]:
            seen = self._engine.catalogue(connection, self.name)
            hidden = {table.name for table in seen.tables if table.row_security}
            names = {table.name: ".".join(map(quoted, table.parts or (table.name,))) for table in seen.tables}
            found = [right for right in rights if right.verb == "see every row" and right.table in hidden]
            by_table: dict[tuple[str, str], list[Right]] = {}
            for right in rights:
                if right.verb != "see every row":
                    by_table.setdefault((right.table, right.verb), []).append(right)
            for several in by_table.values():
                if self._forbidden(connection, names, several):
                    some = [each for each in several if self._forbidden(connection, names, [each])]
                    found.extend(some or several)
            return tuple(found)

        return self._with("change", asked)

    def _forbidden(self, connection: Connection, names: Mapping[str, str], rights: Sequence[Right]) -> bool:
        """Tell whether a role may not do one thing with some columns of a table."""
        first, engine = rights[0], self._engine
        if first.table not in names and first.verb != "remember":
            return True  # what a role may do nothing with, it may not be shown
        name, columns = names.get(first.table, STEP_TABLE), [quoted(right.column) for right in rights]
        match first.verb:
            case "remember":
                statement = f"INSERT INTO {name} (step, plan_sha256) VALUES ('', '')"  # noqa: S608
            case "delete":
                statement = f"DELETE FROM {name} WHERE 1 = 0"  # noqa: S608
            case "insert":
                statement = f"INSERT INTO {name} SELECT * FROM {name} WHERE 1 = 0"  # noqa: S608
            case "update":
                statement = f"UPDATE {name} SET {', '.join(f'{c} = {c}' for c in columns)} WHERE 1 = 0"  # noqa: S608
            case _:
                statement = f"SELECT {', '.join(columns)} FROM {name} WHERE 1 = 0"  # noqa: S608
        engine.begin(connection, "change")
        try:
            session = engine.session(connection, Catalogue(self.name, engine.dialect.name, ()))
            if first.verb == "remember":
                seen = _STEPS_SEEN.get(engine.dialect.name)
                if seen is None or not session.many([(seen, ())])[0].rows:
                    return False  # it is not there, or as good as that: what is done, is done at least once
            session.many([(f"EXPLAIN {statement}", ())])
        except Exception as error:
            if engine.said(error, self.name) is None:
                raise
            return engine.forbidden(error)
        finally:
            engine.rollback(connection)
        return False

    def _refused(self, error: Exception) -> bool:
        """Tell whether the database, or what was found in it, forbids a change."""
        said = error if isinstance(error, TrothError) else self._engine.said(error, self.name)
        return isinstance(said, NotAllowedError)

    def gone(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> int:
        """Count the rows to which these identifiers still lead and which no rule retains today."""

        def counted(connection: Connection) -> int:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                return sql_run.gone(sql, session, who, today, spared)

        return self._with("find", counted)

    def scan(self, who: Sequence[Who], today: date) -> Scanned:
        """Search every text, JSON, array and number column for these subjects' identifiers."""

        def scanned(connection: Connection) -> Scanned:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                expected = self._expected(sql, session, who, today)
                kinds = residue.own_kinds(self._map)
                with self._engine.plainly(connection) as plain:
                    return residue.scan(plain, sql.graph.catalogue, kinds, who, expected)

        return self._with("find", scanned)

    def expected(self, who: Sequence[Who], today: date) -> residue.Expected:
        """Return where these subjects' identifiers stay on purpose."""

        def read(connection: Connection) -> residue.Expected:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                return self._expected(sql, session, who, today)

        return self._with("find", read)

    def _expected(self, sql: Sql, session: Session, who: Sequence[Who], today: date) -> residue.Expected:
        rows: dict[tuple[str, str], frozenset[tuple[str, ...]]] = {}
        for subject in who:
            for left in (
                sql_run.retained_keys(sql, session, subject, today),
                sql_run.processed_keys(sql, session, subject),
            ):
                for table, keys in left.items():
                    rows[subject.subject, table] = rows.get((subject.subject, table), frozenset()) | keys
        return residue.Expected(residue.mentioning_columns(self._map), rows)

    def entries(self, who: Sequence[Who] | None = None) -> Iterator[Entry]:
        """Yield every row that names somebody by itself (or these subjects), in bounded memory."""
        yield from self._reading(lambda sql, session: sql_replay.entries(sql, session, who))

    def addresses(self, table: str, between: Between | None = None) -> Iterator[str]:
        """Yield the e-mail addresses of the people to whom rows of a table belong, in bounded memory."""
        yield from self._reading(lambda sql, session: sql_people.addresses(sql, session, table, between))

    def entry_tables(self) -> tuple[str, ...]:
        """Return the tables of which a row may name somebody by itself."""
        return self._with("find", lambda connection: tuple(sql_replay.entry_tables(self._sql(connection))))

    def left(self, who: Sequence[Who], spared: Spared) -> Mapping[str, int]:
        """Count what is spared, by table."""

        def counted(connection: Connection) -> Mapping[str, int]:
            sql = self._sql(connection)
            with self._transaction(connection, "find", sql) as session:
                return sql_replay.left(sql, session, who, spared)

        return self._with("find", counted)

    def steps(self, step: str | None = None) -> Iterator[Acted]:
        """Yield every step the store remembers (or one of them), in bounded memory."""
        if "change" not in self._urls or not self._with("change", self._engine.remember):
            return
        statement = f'SELECT step, plan_sha256, "rows" FROM {STEP_TABLE}'  # noqa: S608
        parameters: tuple[object, ...] = ()
        if step is not None:
            statement += f" WHERE step = {self._engine.dialect.parameter.format(1)}"
            parameters = (step,)
        # by the role that changes: the one that finds may have no right to Troth's own table
        for name, sha, rows in self._reading(
            lambda _, session: session.stream((statement, parameters)), "change"
        ):
            if rows is not None and not sql_cells.is_amended(str(rows)):
                yield sql_run.from_rows(self.name, str(name), str(sha), str(rows))

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            free = [connection for each in self._free.values() for connection in each]
            self._free = {"find": [], "change": []}
        for connection in free:
            self._engine.close(connection)

    # Connections

    def _changing(self) -> Role:
        """Measuring runs the plan, so it needs the role that changes."""
        if "change" not in self._urls:
            raise NotAllowedError(
                f"The store `{self.name}` has no credentials to change rows with, and measuring runs the plan "
                "before it undoes it. Add `change` to the map's credentials."
            )
        return "change"

    def _borrow(self, role: Role) -> Connection:
        if role == "change":
            self._changing()
        with self._lock:
            if self._free[role]:
                return self._free[role].pop()
        return self._engine.connect(self._urls[role], role)

    def _give_back(self, connection: Connection, role: Role) -> None:
        with self._lock:
            self._free[role].append(connection)

    def _with(self, role: Role, call: Callable[[Connection], Result]) -> Result:
        """Run `call` on a connection of ours; an engine's error becomes one of ours, said anew."""
        for left in reversed(range(TRIES_MAX)):
            connection: Connection | None = None
            failed: Exception
            try:
                connection = self._borrow(role)
                result = call(connection)
            except TrothError:
                self._settle(connection, role)
                raise
            except Exception as error:
                failed = error
            else:
                self._give_back(connection, role)
                return result
            self._settle(connection, role)
            if left and self._engine.passing(failed):
                continue
            self._known = None
            raise self._engine.said(failed, self.name) or failed
        raise UnreachableError(f"The store `{self.name}` does not answer.")

    def _settle(self, connection: Connection | None, role: Role) -> None:
        """Roll back and keep the connection, or let go of it when even that fails."""
        if connection is None:
            return
        try:
            self._engine.rollback(connection)
        except Exception:
            self._engine.close(connection)
        else:
            self._give_back(connection, role)

    @contextmanager
    def _transaction(self, connection: Connection, role: Role, sql: Sql) -> Iterator[Session]:
        """Run a block in a transaction that is always undone."""
        self._engine.begin(connection, role)
        yield self._engine.session(connection, sql.graph.catalogue)
        self._engine.rollback(connection)

    def _streamed(self, subject: Who) -> Iterator[Row]:
        """Stream one subject's rows."""
        yield from self._reading(lambda sql, session: sql_run.find(sql, session, subject))

    def _reading(
        self, read: Callable[[Sql, Session], Iterator[Result]], role: Role = "find"
    ) -> Iterator[Result]:
        """Stream what `read` yields; an error of the driver is said anew wherever it comes up."""
        connection: Connection | None = None
        ours: TrothError | None = None
        try:
            connection = self._borrow(role)
            sql = self._sql(connection)
            with self._transaction(connection, role, sql) as session:
                yield from read(sql, session)
        except (TrothError, GeneratorExit):
            raise
        except Exception as error:
            ours = self._engine.said(error, self.name)
            if ours is None:
                raise
        finally:
            self._settle(connection, role)
        if ours is not None:
            raise ours

    # Structure

    def _structure(self, connection: Connection) -> _Known:
        known = self._known
        if known is None or known.structure != self._engine.structure(connection, known.catalogue):
            catalogue = self._engine.catalogue(connection, self.name)
            structure = self._engine.structure(connection, catalogue)
            plan, problems = compile_plan(self._map, catalogue)
            if plan is None:
                raise WrongFileError(problems)
            known = _Known(structure, catalogue, plan, self._engine.rowids(connection, catalogue))
            self._known = known
        return known

    def _sql(self, connection: Connection) -> Sql:
        known = self._structure(connection)
        bare = known.written.get(frozenset())
        if bare is None:
            bare = known.written[frozenset()] = Sql(known.plan, self._engine.dialect, known.rowids)
        normal = self._engine.normal(connection, bare)
        if normal not in known.written:
            known.written[normal] = Sql(known.plan, self._engine.dialect, known.rowids, normal)
        return known.written[normal]
