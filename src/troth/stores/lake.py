"""Personal data in a lake: tables that are files in a folder or bucket, or versions of Delta tables.

The rows that may matter are found file by file (`lake_sieve`) and laid out on a stage
(`lake_stage`), where the plan runs with the engine that every SQL store has; what it changed
there is then written into the files it touches, and into no others.

Danger: `act` replaces files.  What prevents loss: a file that cannot be read stops everything
before anything is changed; new files are verified beside the old ones; a file that was written
meanwhile is left alone; the step is written down before the first file is replaced, and
finished by whoever comes next (`lake_swap`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import date

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.rules.catalogue import Catalogue
from troth.rules.map import Columns, Map, Value
from troth.stores import (
    amend_stage,
    deed,
    lake_residue,
    lake_source,
    lake_stage,
    lake_swap,
    lake_workers,
    residue,
    sql_cells,
    sql_coding,
    sql_run,
)
from troth.stores.amend import Amended, Amendment, Coded, OnConflict, Standing
from troth.stores.contract import (
    Acted,
    Batch,
    Entry,
    Expiry,
    Limits,
    Measured,
    Overdue,
    Row,
    Scanned,
    Spared,
    Store,
    Swept,
    Who,
)
from troth.stores.deed import Deed, Deeds
from troth.stores.lake_form import Changes
from troth.stores.lake_layout import Table
from troth.stores.lake_place import Folder
from troth.stores.lake_source import Source
from troth.stores.lake_stage import Stage
from troth.stores.lake_swap import Intent
from troth.stores.lake_workers import Workers
from troth.stores.sql_run import ROWS_MEASURED_MAX
from troth.stores.stage import Laid, entries, spared_here, try_again, unplaced

LIMITS = Limits(
    atomic=False,
    measured_by_rollback=True,
    rows_measured_max=ROWS_MEASURED_MAX,
    replays=True,
    amends=True,
    sweep_rows_min=1_000_000,
    amends_where="in tables whose key the map names",
)
WAIT_SECONDS = 10.0
WRITTEN = "files were written by somebody else"  # what is said of those that were left alone


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open a lake; nothing is touched before the first verb."""
    return Lake(map, credentials)


class Lake:
    """Tables of files in one place."""

    def __init__(
        self,
        map_: Map,
        credentials: Mapping[str, str],
        wait_seconds: float = WAIT_SECONDS,
        source: Source | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._map = map_
        self._credentials = dict(credentials)
        self._wait_seconds = wait_seconds
        self._source = source
        self._workers = workers or lake_workers.of(map_)

    def __repr__(self) -> str:
        """Name the store and nothing of where it is."""
        return f"<store {self._map.store}>"

    @property
    def name(self) -> str:
        """The store's name in plans, events and screens."""
        return self._map.store

    @property
    def map(self) -> Map:
        """The map it was opened with."""
        return self._map

    def limits(self) -> Limits:
        """Say what this kind of store can do."""
        return LIMITS

    def catalogue(self) -> Catalogue:
        """Read what is really there."""
        with self._alone(), self._laid_out() as stage, _opened(stage) as staged:
            return staged.catalogue()

    def find(self, who: Sequence[Who]) -> Iterator[Row]:
        """Yield every row about these subjects, one row once per subject, in bounded memory."""
        with ExitStack() as held:
            with self._alone():
                stage = held.enter_context(self._laid_out(who, full=True))
            staged = held.enter_context(_opened(stage))
            yield from staged.find(who)

    def measure(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> Measured:
        """Say exactly what erasing these subjects would do (but for what is spared); no file is changed."""
        full = spared is not None
        with (
            self._alone(),
            self._laid_out(who, full=full) as stage,
            _opened(stage, changing=True) as staged,
        ):
            return staged.measure(who, today, _here(stage, spared))

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
        self._changing()
        with self._alone():
            place = self._opened_source().place
            known = lake_swap.remembered(place, step)
            if known is not None:
                return deed.told(self.name, step, known, unit=WRITTEN)
            with self._laid_out(who, full=spared is not None) as stage:
                lake_stage.remember(stage)
                with _opened(stage, changing=True) as staged:
                    here = _here(stage, spared)
                    acted = staged.act(step, who, today, approved, tolerance, here)
                    order = staged.plan().graph.reached()
                deeds = deed.of_plan(self._map, acted.counts)
                self._swap(stage, step, acted.plan_sha256, sql_run.to_rows(acted), deeds, order)
            known = lake_swap.remembered(place, step)
            if known is None:
                deed.partly(deed.made_of(acted, {}), sum(count.rows for count in acted.counts), WRITTEN)
            return deed.told(self.name, step, known, unit=WRITTEN, resumed=False)

    def gone(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> int:
        """Count the rows to which these identifiers still lead and which no rule retains today."""
        full = spared is not None
        with self._alone(), self._laid_out(who, full=full) as stage, _opened(stage) as staged:
            return staged.gone(who, today, _here(stage, spared))

    def entries(self, who: Sequence[Who] | None = None) -> Iterator[Entry]:
        """Yield every row that names somebody by itself (or these subjects), in bounded memory."""
        with ExitStack() as held:
            with self._alone():
                stage = held.enter_context(self._laid_out(who or (), full=True))
            rows = held.enter_context(closing(lake_stage.Rows(stage)))
            staged = held.enter_context(_opened(stage, keyed=True))
            if who is not None:
                yield from entries(staged, who, rows.place)
                return
            names = [name for name in staged.entry_tables() if name in stage.tables]
            for _ in lake_stage.portions(stage, rows, names):
                yield from entries(staged, None, rows.place)

    def left(self, who: Sequence[Who], spared: Spared) -> Mapping[str, int]:
        """Count what is spared, by table."""
        with self._alone(), self._laid_out(who, full=True) as stage, _opened(stage) as staged:
            here = _here(stage, spared)
            assert here is not None
            return staged.left(who, here)

    def steps(self, step: str | None = None) -> Iterator[Acted]:
        """Yield every erasure the store remembers (or one of them), with what went."""
        with self._alone():
            known = list(lake_swap.steps(self._opened_source().place))
        yield from deed.erasures(self.name, (each for each in known if step in (None, each[0])))

    def scan(self, who: Sequence[Who], today: date) -> Scanned:
        """Search every column of every file for these subjects' identifiers."""
        started = time.perf_counter()
        with self._alone(), self._laid_out(who) as stage, _opened(stage, placed=True) as staged:
            expected, catalogue = staged.expected(who, today), staged.catalogue()
            sought = lake_residue.Sought(catalogue, residue.own_kinds(self._map), who)
            tasks = [
                lake_residue.Task(table, part, lake_stage.first_row(number), catalogue, sought, expected)
                for table in stage.tables.values()
                for number, part in enumerate(table.parts)
            ]
            found = lake_residue.together(self.name, self._workers.run(lake_residue.search, tasks), 0.0)
            self._unchanged(stage)
        return replace(found, seconds=time.perf_counter() - started)

    # Correcting and setting aside

    def standing(
        self, who: Sequence[Who], wanted: Mapping[str, Columns], *, copies: bool
    ) -> tuple[Standing, ...]:
        """Read these columns in every row of these subjects, and in the rows that hold copies of them."""
        with (
            self._alone(),
            self._laid_out(who, full=True) as stage,
            _opened(stage, keyed=True) as staged,
        ):
            found = staged.standing(who, wanted, copies=copies)
            lake_stage.refuse_inexact(stage, amend_stage.written_in(self._map, wanted))
            self._told_apart(stage, {each.table for each in found})
        return found

    def coded(self, value: Value) -> Coded:
        """Code a value written by somebody; the store turns it into the type of its column."""
        return None if value is None else sql_coding.SQLITE.code(value)

    def shown(self, coded: Coded) -> str | None:
        """Write a coded value for people."""
        return None if coded is None else sql_coding.SQLITE.show(coded)

    def try_out(
        self, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> tuple[tuple[Amendment, ...], Amended]:
        """Change what is laid out and look: return each amendment with the values as the store would hold them."""
        with (
            self._alone(),
            self._rows_of(amendments) as stage,
            _opened(stage, changing=True, keyed=True) as staged,
        ):
            return staged.try_out(amendments, on_conflict=on_conflict)

    def amend(
        self, step: str, plan_sha256: str, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> Amended:
        """Change once per `step`; values in files that are written meanwhile are told as conflicts."""
        self._changing()
        with self._alone():
            place = self._opened_source().place
            known = lake_swap.remembered(place, step)
            if known is not None:
                return amend_stage.told(self.name, step, known, resumed=True)
            with self._rows_of(amendments) as stage:
                lake_stage.remember(stage)
                with _opened(stage, changing=True, keyed=True) as staged:
                    made = staged.amend(step, plan_sha256, amendments, on_conflict=on_conflict)
                    order = staged.plan().graph.reached()
                self._swap(stage, step, plan_sha256, sql_cells.to_rows(made), amend_stage.deeds, order)
            known = lake_swap.remembered(place, step)
            if known is None:  # all of it was written by somebody else meanwhile
                raise ConflictError(
                    f"Files of the store `{self.name}` were written by somebody else. Nothing was changed. Look again."
                )
            return amend_stage.told(self.name, step, known, resumed=False)

    @contextmanager
    def _rows_of(self, amendments: Sequence[Amendment]) -> Iterator[Stage]:
        """Lay out the rows that are to be changed, as they are now."""
        source = self._opened_source()
        stage = lake_stage.lay_out(source.tables(self._map), source.place.scratch(), self._map)
        try:
            keys = {name: lake_stage.key_of(table) for name, table in self._map.tables.items()}
            lake_stage.fill_keyed(stage, amend_stage.keys_of(amendments, keys), self._workers.run)
            self._unchanged(stage)
            self._told_apart(stage, {each.table for each in amendments})
            yield stage
        finally:
            stage.remove()

    def _told_apart(self, stage: Stage, tables: Collection[str]) -> None:
        keys = {name: lake_stage.key_of(self._map.tables[name]) for name in tables}
        amend_stage.refuse_keyless(self.name, tables, keys)
        amend_stage.refuse_twice(self.name, str(stage.database), tables, keys)

    # Sweeping

    def unswept(self) -> str:
        """Say nothing: every table can be swept."""
        return ""

    def overdue(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Overdue:
        """Count the rows whose retention has ended, but for those that lead to some people; change nothing."""
        with self._alone(), self._due(expiry, but_for, going=False) as stage, _opened(stage) as staged:
            return staged.overdue(expiry, but_for, today)

    def measure_sweep(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Measured:
        """Say what sweeping them would do, rows of other tables that go with them too; no file is changed."""
        with (
            self._alone(),
            self._due(expiry, but_for, going=True) as stage,
            _opened(stage, changing=True) as staged,
        ):
            return staged.measure_sweep(expiry, but_for, today)

    def sweep(self, step: str, expiry: Expiry, but_for: Sequence[Who], today: date, batch: Batch) -> Swept:
        """Sweep one batch, once per `step`: each file that has rows of it is written anew once.

        Raises UnreachableError, with nothing changed, where files were written meanwhile.
        """
        self._changing()
        with self._alone():
            place = self._opened_source().place
            known = lake_swap.remembered(place, step)
            if known is not None:
                acted = deed.told(self.name, step, known, unit=WRITTEN)
                return Swept(acted.keys_checked, 0, acted)
            with self._due(expiry, but_for, going=True) as stage:
                lake_stage.remember(stage)
                with _opened(stage, changing=True) as staged:
                    swept = unplaced(staged.sweep(step, expiry, but_for, today, replace(batch, after=None)))
                    order = staged.plan().graph.reached()
                if all(count.verb == "retain" for count in swept.acted.counts):
                    return swept  # nothing of it goes: no file is written
                deeds = deed.of_plan(self._map, swept.acted.counts)
                rows = sql_run.to_rows(swept.acted)
                with _again_later():
                    self._swap(stage, step, swept.acted.plan_sha256, rows, deeds, order)
            known = lake_swap.remembered(place, step)
            if known is None:
                try_again(self.name)
            return replace(swept, acted=deed.told(self.name, step, known, unit=WRITTEN, resumed=False))

    @contextmanager
    def _due(self, expiry: Expiry, but_for: Sequence[Who], *, going: bool) -> Iterator[Stage]:
        """Lend a stage with the rows that may be due, of the files as they are now."""
        source = self._opened_source()
        stage = lake_stage.lay_out(source.tables(self._map), source.place.scratch(), self._map)
        try:
            lake_stage.fill_due(stage, expiry, but_for, self._workers, going=going)
            with _again_later():
                self._unchanged(stage)
            yield stage
        finally:
            stage.remove()

    def expire(self, today: date) -> int:
        """Remove the files of old versions whose time is over, as the map says; return how many."""
        self._changing()
        with self._alone():
            return self._opened_source().expire(self._map, today)

    def close(self) -> None:
        """Let go of what is held for the next verb: nothing."""

    def _changing(self) -> None:
        if "change" not in self._credentials:
            raise NotAllowedError(f"The store `{self.name}` has no credentials to change files with.")

    def _swap(
        self,
        stage: Stage,
        step: str,
        plan_sha256: str,
        rows: str,
        deeds: Deeds,
        order: Sequence[str],
    ) -> None:
        """Write what changed on the stage into the files: nothing, or all until somebody else is in the way.

        Tables go against this order, from the subject on: what leads to other rows goes last.
        """
        source = self._opened_source()
        planned = [
            lake_swap.Rewrite(
                table, part, changes, source.name_of(table, part, step), _counted(table, changes, deeds)
            )
            for table, part, changes in lake_stage.changes(stage)
        ]
        try:
            made = list(self._workers.run(lake_swap.rewrite, planned))
            units: list[lake_swap.Unit] = []
            nearest_last = sorted(
                stage.tables, key=lambda name: -order.index(name) if name in order else -len(order)
            )
            for name in nearest_last:
                table = stage.tables[name]
                done = [each for each in zip(planned, made, strict=True) if each[0].table.asked.table == name]
                units += source.units(table).of(done) if done else ()
            self._unchanged(stage, "the new ones were made")
            if not source.place.ready(task.name for task in planned):
                raise ConflictError(
                    f"Another process took the store `{self.name}` over while files were made. Nothing was changed. "
                    "Measure again."
                )
            lake_swap.intend(source.place, Intent(step, plan_sha256, rows, units))
        except BaseException:
            if not lake_swap.intended(source.place):
                for task in planned:
                    source.place.withdraw(task.name)
            raise
        lake_swap.finish(source.place, source.kinds())

    @contextmanager
    def _laid_out(self, who: Sequence[Who] = (), *, full: bool = False) -> Iterator[Stage]:
        """Lend a stage with the rows that may matter to these subjects, of the files as they are now."""
        source = self._opened_source()
        stage = lake_stage.lay_out(source.tables(self._map), source.place.scratch(), self._map)
        try:
            if who:
                lake_stage.fill(stage, who, self._workers.run, full=full)
                self._unchanged(stage)
            yield stage
        finally:
            stage.remove()

    def _unchanged(self, stage: Stage, while_: str = "they were read") -> None:
        """Raise ConflictError when a file was written since the stage was made of it."""
        if not self._opened_source().current(stage.tables):
            raise ConflictError(
                f"Files of the store `{self.name}` were written while {while_}. Nothing was changed. Measure again."
            )

    def _opened_source(self) -> Source:
        if self._source is None:
            self._source = lake_source.opened(self._map, self._credentials)
        return self._source

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one of ours in this lake, with nothing left half done."""
        source = self._opened_source()
        if "change" not in self._credentials and not isinstance(source.place, Folder):
            yield  # who may only read a bucket can leave no lock there; what is written meanwhile is noticed
            return
        with source.place.alone(self.name, self._wait_seconds):
            lake_swap.finish(source.place, source.kinds())
            yield


@contextmanager
def _opened(
    stage: Stage, *, changing: bool = False, placed: bool = False, keyed: bool = False
) -> Iterator[Laid]:
    """Open the stage with the engine of SQL stores."""
    staged = stage.opened(changing=changing, placed=placed, keyed=keyed)
    try:
        yield staged
    finally:
        staged.close()


@contextmanager
def _again_later() -> Iterator[None]:
    """Say of files that were written meanwhile that the same may be tried again: nothing was changed."""
    try:
        yield
    except ConflictError as error:
        raise UnreachableError(str(error)) from None


def _counted(table: Table, changes: Changes, deeds: Deeds) -> Mapping[Deed, int]:
    """Count what is done in one file."""
    name = table.asked.table
    found = Counter({(name, "delete"): len(changes.deleted)})
    for new in changes.written.values():
        found.update(deeds(name, new))
    return found


def _here(stage: Stage, spared: Spared | None) -> Spared | None:
    if spared is None:
        return None
    with closing(lake_stage.Rows(stage)) as rows:
        return spared_here(spared, rows.rows)
