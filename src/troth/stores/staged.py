"""A store that is no database: its rows are gathered into tables, where the engine of every SQL store works.

Whoever adds such a kind of store writes a `Source` (`stores.gather`): how rows are read and
how one row is changed.  Finding, measuring, the several owners of a row, retention, checking
and the search for residue are then the same as everywhere.

Danger: `act` changes rows of the source one by one.  What prevents loss: everything is planned
and compared with what was approved before the first row is changed; the tables furthest from the
subject come first, so that whatever was cut short is found and finished by the next attempt; a row
that changed meanwhile is left alone, and with it all that comes later, which leads to it.  What went
of a step that was done in part is told with it.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from troth.errors import ConflictError, NotAllowedError, TrothError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Blank, BlankLink, Columns, Edge, Erase, Map, Retain, Value, Values
from troth.stores import amend_stage, deed, gather, sql_cells, sql_coding, sql_run, stage
from troth.stores.amend import Amended, Amendment, Coded, OnConflict, Standing
from troth.stores.contract import (
    Acted,
    Batch,
    Entry,
    Expiry,
    InHand,
    Journal,
    Limits,
    Measured,
    Overdue,
    PartlyDoneError,
    Row,
    Scanned,
    Spared,
    Swept,
    Who,
)
from troth.stores.deed import Deed, Deeds, Remembered
from troth.stores.gather import Changed, Gathered, Places, Source
from troth.stores.stage import Laid

ROWS_SEEN = 10_000  # of a table, to see which columns there are
CHANGED = "rows changed"  # what is said of those that were left alone
LISTED_SECONDS = 600.0
"""How long a sweep goes on with the rows it listed: all of them are asked for anew after that, our own default."""


@dataclass(frozen=True, slots=True)
class Listed:
    """All rows as the last batch of a sweep left them, and when they were asked for."""

    expiry: Expiry
    gathered: Gathered
    at: float


class Staged:
    """A store over a source."""

    def __init__(
        self, map_: Map, source: Source, *, may_change: bool, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._map = as_texts(map_) if source.texts else map_
        self._source = source
        self._may_change = may_change
        self._now = now
        self._listed: Listed | None = None

    def __repr__(self) -> str:
        """Name the store and nothing of how it is reached."""
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
        return self._source.limits

    def catalogue(self) -> Catalogue:
        """Read which columns there are, from the first rows of each table."""
        with self._gathered(None, wide=True, rows_max=ROWS_SEEN) as (_, staged):
            found = staged.catalogue()
        return replace(found, tables=tuple(map(self._keyed, found.tables)))

    def find(self, who: Sequence[Who]) -> Iterator[Row]:
        """Yield every row about these subjects, one row once per subject."""
        if who:
            with self._gathered(who, wide=True) as (_, staged):
                yield from staged.find(who)

    def measure(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> Measured:
        """Count what erasing these subjects would do (but for what is spared); nothing is changed."""
        self._changing()
        with self._gathered(who) as (gathered, staged):
            return replace(staged.measure(who, today, _here(gathered, spared)), how="counted")

    def act(
        self,
        step: str,
        who: Sequence[Who],
        today: date,
        approved: Measured,
        tolerance: int = 0,
        spared: Spared | None = None,
        *,
        about_to: Callable[[Acted], object] = lambda _: None,
    ) -> Acted:
        """Erase as approved, once per `step`; raises ConflictError when there is more to do.

        Raises PartlyDoneError, with what went, when some rows changed meanwhile or the store did not answer.
        """
        self._changing()
        known = self._source.done(step)
        if known is not None:
            return deed.told(self.name, step, known, unit=CHANGED)
        with self._gathered(who) as (gathered, staged):
            shutil.copyfile(gathered.database, gathered.before)
            acted = staged.act(step, who, today, approved, tolerance, _here(gathered, spared))
            if not self._source.remembers:
                acted = replace(acted, certainty="at_least_once")
            about_to(acted)
            return self._carried_out(gathered, acted)

    def _carried_out(self, gathered: Gathered, acted: Acted, journal: Journal | None = None) -> Acted:
        """Change the rows of the source, and tell what was done of it."""
        made = Counter[Deed]()
        try:
            rows = sql_run.to_rows(acted)
            deeds = deed.of_plan(self._map, acted.counts)
            if journal is not None:
                with closing(gather.changes(gathered, self._map, deeds)) as changes:
                    marked = [
                        InHand(gather.mark(one.table, one.place, one.before), one.deeds) for one in changes
                    ]
                journal.begin(acted, marked)
            known, left = self._changed(
                gathered, acted.step, acted.plan_sha256, rows, deeds, made, journal=journal
            )
        except TrothError as error:
            if (
                self._source.remembers or not made
            ):  # what is remembered is finished when the step is said again
                raise
            raise PartlyDoneError(deed.made_of(acted, made), error) from None
        if known is not None:
            return deed.told(self.name, acted.step, known, unit=CHANGED, resumed=False)
        if left:
            deed.partly(deed.made_of(acted, made), left.total(), CHANGED)
        return acted

    def _changed(
        self,
        gathered: Gathered,
        step: str,
        plan_sha256: str,
        rows: str,
        deeds: Deeds,
        made: Counter[Deed],
        *,
        journal: Journal | None = None,
    ) -> tuple[Remembered | None, Counter[Deed]]:
        """Change the rows that differ; return the step as it is remembered, else what was left alone."""
        asked = Counter[Deed]()

        def counted(changes: Iterable[Changed]) -> Iterator[Changed]:
            for each in changes:
                asked.update(each.deeds)
                yield each

        with closing(gather.changes(gathered, self._map, deeds)) as changes:
            for number, each in enumerate(
                self._source.carry_out(step, plan_sha256, rows, counted(changes)), 1
            ):
                made.update(each.deeds)
                if journal is not None:
                    journal.made(number)
            for each in changes:  # those that nobody came to ask for
                asked.update(each.deeds)
        return self._source.done(step), asked - made

    def gone(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> int:
        """Count the rows to which these identifiers still lead and which no rule retains today."""
        with self._gathered(who) as (gathered, staged):
            return staged.gone(who, today, _here(gathered, spared))

    def scan(self, who: Sequence[Who], today: date) -> Scanned:
        """Search every column of every row that can be read for these subjects' identifiers."""
        with self._gathered(None, wide=True) as (gathered, staged):
            found = staged.scan(who, today)
            unread = [
                f"{table}.{name}" for table in gathered.partly for name in self._map.tables[table].columns
            ]
            return replace(found, unread=tuple(sorted({*found.unread, *unread})))

    def entries(self, who: Sequence[Who] | None = None) -> Iterator[Entry]:
        """Yield every row that names somebody by itself (or these subjects), in bounded memory."""
        if who is not None:
            with self._gathered(who, keyed=True) as (gathered, staged), closing(Places(gathered)) as places:
                yield from stage.entries(staged, who, places.place)
            return
        with self._gathered(()) as (_, staged):
            tables = [name for name in staged.entry_tables() if name in self._map.tables]
        for name in tables:
            if not self._source.lists(self._map.tables[name]):
                stage.refuse_unlisted(self.name, name)
        for name in tables:
            rows = self._source.rows(self._map.tables[name], None)
            while portion := list(islice(rows, stage.PORTION_ROWS)):
                made = gather.gather_rows(self._source, self._map, name, portion)
                with self._opened(made, keyed=True) as staged, closing(Places(made)) as places:
                    yield from stage.entries(staged, None, places.place)

    def left(self, who: Sequence[Who], spared: Spared) -> Mapping[str, int]:
        """Count what is spared, by table."""
        with self._gathered(who) as (gathered, staged):
            here = _here(gathered, spared)
            assert here is not None
            return staged.left(who, here)

    def steps(self, step: str | None = None) -> Iterator[Acted]:
        """Yield every erasure the store remembers (or one of them), with what went."""
        if not self._may_change:
            return
        if step is None:
            known = self._source.steps()
        else:
            found = self._source.done(step)
            known = iter([(step, found)] if found is not None else ())
        yield from deed.erasures(self.name, known)

    # Correcting and setting aside

    def standing(
        self, who: Sequence[Who], wanted: Mapping[str, Columns], *, copies: bool
    ) -> tuple[Standing, ...]:
        """Read these columns in every row of these subjects, and in the rows that hold copies of them."""
        keys = self._keys()
        exactly = amend_stage.written_in(self._map, wanted) - amend_stage.looked_into(self._map)
        with self._gathered(who, keyed=True, exactly=exactly) as (gathered, staged):
            found = staged.standing(who, wanted, copies=copies)
            tables = {each.table for each in found}
            amend_stage.refuse_keyless(self.name, tables, keys)
            amend_stage.refuse_twice(self.name, str(gathered.database), tables, keys)
        return found

    def coded(self, value: Value) -> Coded:
        """Code a value written by somebody, as the store would have it."""
        if value is None:
            return None
        written = str(int(value) if isinstance(value, bool) else value) if self._source.texts else value
        exact_ = written if self._source.texts else gather.marked(written)
        assert isinstance(exact_, str | int)
        return sql_coding.SQLITE.code(exact_)

    def shown(self, coded: Coded) -> str | None:
        """Write a coded value for people."""
        return None if coded is None else sql_coding.SQLITE.show(coded).removeprefix("\0")

    def try_out(
        self, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> tuple[tuple[Amendment, ...], Amended]:
        """Change what is laid out and look: return each amendment with the values as the store would hold them."""
        self._changing()
        with self._rows_of(amendments) as (_, staged):
            return staged.try_out(amendments, on_conflict=on_conflict)

    def amend(
        self, step: str, plan_sha256: str, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> Amended:
        """Change once per `step`; a value that changes while others are written is told as a conflict."""
        self._changing()
        known = self._source.done(step)
        if known is not None:
            return amend_stage.told(self.name, step, known, resumed=True)
        with self._rows_of(amendments) as (gathered, staged):
            shutil.copyfile(gathered.database, gathered.before)
            made = staged.amend(step, plan_sha256, amendments, on_conflict=on_conflict)
            if not self._source.remembers:
                made = amend_stage.at_least_once(made, amendments)
            rows = sql_cells.to_rows(made)
            known, left = self._changed(gathered, step, plan_sha256, rows, amend_stage.deeds, Counter[Deed]())
        if known is not None:
            return amend_stage.told(self.name, step, known, resumed=False)
        return amend_stage.without(made, left)

    @contextmanager
    def _rows_of(self, amendments: Sequence[Amendment]) -> Iterator[tuple[Gathered, Laid]]:
        """Lay out the rows that are to be changed, as they are now."""
        keys, columns = self._keys(), amend_stage.columns_of(amendments)
        tables = {each.table for each in amendments}
        amend_stage.refuse_keyless(self.name, tables, keys)
        unwritten = {
            (table, column, empties)
            for table, column in columns
            for empties in (False, True)
            if not self._source.writes(self._map.tables[table], column, empties=empties)
        }
        amend_stage.refuse_unwritten(self.name, amendments, unwritten)
        wanted = amend_stage.keys_of(amendments, keys)
        exactly = columns - amend_stage.looked_into(self._map)
        gathered = gather.gather_keyed(self._source, self._map, wanted, exactly)
        with self._opened(gathered, keyed=True) as staged:
            amend_stage.refuse_twice(self.name, str(gathered.database), tables, keys)
            yield gathered, staged

    # Sweeping

    def unswept(self) -> str:
        """Say which rows cannot be listed, or read again before they go: nobody could tell which are due."""
        for name, table in self._map.tables.items():
            if not self._source.lists(table):
                return f"the rows of `{name}` cannot be listed: let its map say how they are"
        for name, table in self._map.tables.items():
            if not self._source.reads_again(table):
                return (
                    f"a row of `{name}` cannot be read again by its key before it goes: let its map say how it is "
                    "looked up"
                )
        return ""

    def overdue(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Overdue:
        """Count the rows whose retention has ended, but for those that lead to some people; every row is read."""
        with self._gathered(None) as (_, staged):
            return staged.overdue(expiry, but_for, today)

    def measure_sweep(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Measured:
        """Say what sweeping them would do, rows of other tables that go with them too; change nothing."""
        self._changing()
        with self._gathered(None) as (_, staged):
            return replace(staged.measure_sweep(expiry, but_for, today), how="counted")

    def sweep(
        self,
        step: str,
        expiry: Expiry,
        but_for: Sequence[Who],
        today: date,
        batch: Batch,
        *,
        journal: Journal | None = None,
    ) -> Swept:
        """Sweep one batch, once per `step` where the store remembers it; row by row, as erasures are."""
        self._changing()
        known = self._source.done(step)
        if known is not None:
            acted = deed.told(self.name, step, known, unit=CHANGED)
            return Swept(acted.keys_checked, 0, acted)
        with self._going_on(expiry) as (gathered, staged):
            shutil.copyfile(gathered.database, gathered.before)
            swept = stage.unplaced(staged.sweep(step, expiry, but_for, today, replace(batch, after=None)))
            if all(count.verb == "retain" for count in swept.acted.counts):
                return swept
            acted = swept.acted
            if not self._source.remembers:
                acted = replace(acted, certainty="at_least_once")
            try:
                return replace(swept, acted=self._carried_out(gathered, acted, journal))
            except PartlyDoneError:
                raise
            except ConflictError:
                stage.try_again(self.name)

    def marks(self) -> Iterator[str]:
        """Yield the mark of every row as it is now; all of them are read."""
        with self._gathered(None) as (gathered, _):
            yield from gather.marks(gathered, self._map)

    def sweep_over(self) -> None:
        """Let go of the rows that were listed for a sweep."""
        if self._listed is not None:
            self._listed.gathered.remove()
            self._listed = None

    @contextmanager
    def _going_on(self, expiry: Expiry) -> Iterator[tuple[Gathered, Laid]]:
        """Lay all rows out, or go on with what the batch before left of them: each is read again before it goes.

        After a while they are asked for anew, and also where a row was not as it was listed.
        """
        listed, self._listed = self._listed, None
        if listed is not None and (listed.expiry != expiry or self._now() >= listed.at + LISTED_SECONDS):
            listed.gathered.remove()
            listed = None
        if listed is None:
            listed = Listed(expiry, gather.gather(self._source, self._map, None), self._now())
        staged = stage.laid(self._map, str(listed.gathered.database))
        try:
            yield listed.gathered, staged
            if not self._source.remembers:
                self._listed = listed
        finally:
            staged.close()
            if self._listed is None:
                listed.gathered.remove()

    def close(self) -> None:
        """Let go of connections."""
        self.sweep_over()
        self._source.close()

    def _keyed(self, table: CatalogueTable) -> CatalogueTable:
        """Say which columns tell a row from others, and are never null."""
        mapped = self._map.tables.get(table.name)
        key = self._source.key(mapped) if mapped is not None else ()
        if not key or any(table.column(name) is None for name in key):
            return table
        columns = tuple(
            replace(column, nullable=column.nullable and column.name not in key) for column in table.columns
        )
        return replace(table, key=key, unique=(key,), columns=columns)

    def _changing(self) -> None:
        if not self._may_change:
            raise NotAllowedError(
                f"The store `{self.name}` has no credentials to change rows with. Add `change` to its map's "
                "credentials."
            )

    @contextmanager
    def _gathered(
        self,
        who: Sequence[Who] | None,
        *,
        wide: bool = False,
        rows_max: int | None = None,
        keyed: bool = False,
        exactly: frozenset[tuple[str, str]] = frozenset(),
    ) -> Iterator[tuple[Gathered, Laid]]:
        """Gather rows for the length of one verb; `keyed` where rows are to be told by their keys."""
        self.sweep_over()
        gathered = gather.gather(self._source, self._map, who, wide=wide, rows_max=rows_max, exactly=exactly)
        with self._opened(gathered, keyed=keyed) as staged:
            yield gathered, staged

    def _keys(self) -> Mapping[str, Columns]:
        return {name: self._source.key(table) for name, table in self._map.tables.items()}

    @contextmanager
    def _opened(self, gathered: Gathered, *, keyed: bool = False) -> Iterator[Laid]:
        staged = stage.laid(self._map, str(gathered.database), self._keys() if keyed else {})
        try:
            yield staged
        finally:
            staged.close()
            gathered.remove()


def as_texts(map_: Map) -> Map:
    """Return a map whose constants are what a store of texts would hold: else what was written is never found again."""

    def text(value: Value) -> Value:
        return value if value is None else str(int(value) if isinstance(value, bool) else value)

    def texts(values: Values) -> Values:
        return tuple((column, text(value)) for column, value in values)

    def erase(done: Erase | None) -> Erase | None:
        match done:
            case Erase(Blank() as do):
                return replace(done, do=replace(do, values=texts(do.values)))
            case Erase(Retain() as do):
                return replace(done, do=replace(do, blank=texts(do.blank)))
            case _:
                return done

    def edge(one: Edge) -> Edge:
        leaving = one.leaving
        return (
            replace(one, leaving=replace(leaving, values=texts(leaving.values)))
            if isinstance(leaving, BlankLink)
            else one
        )

    tables = {
        name: replace(table, erase=erase(table.erase), edges=tuple(map(edge, table.edges)))
        for name, table in map_.tables.items()
    }
    return replace(
        map_, tables=tables, placeholder={name: text(value) for name, value in map_.placeholder.items()}
    )


def _here(gathered: Gathered, spared: Spared | None) -> Spared | None:
    with closing(Places(gathered)) as places:
        return stage.spared_here(spared, places.rows)
