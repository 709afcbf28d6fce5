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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date

from troth.errors import NotAllowedError, TrothError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Map
from troth.stores import deed, gather, sql_run
from troth.stores.contract import Acted, Limits, Measured, PartlyDoneError, Row, Scanned, Who
from troth.stores.deed import Deed
from troth.stores.gather import Changed, Gathered, Source
from troth.stores.sql_store import SqlStore
from troth.stores.sqlite import LIMITS as SQLITE_LIMITS
from troth.stores.sqlite import Sqlite

ROWS_SEEN = 10_000  # of a table, to see which columns there are
CHANGED = "rows changed"  # what is said of those that were left alone


class Staged:
    """A store over a source."""

    def __init__(self, map_: Map, source: Source, *, may_change: bool) -> None:
        self._map = map_
        self._source = source
        self._may_change = may_change

    def __repr__(self) -> str:
        """Name the store and nothing of how it is reached."""
        return f"<store {self._map.store}>"

    @property
    def name(self) -> str:
        """The store's name in plans, events and screens."""
        return self._map.store

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

    def measure(self, who: Sequence[Who], today: date) -> Measured:
        """Count what erasing these subjects would do; nothing is changed."""
        self._changing()
        with self._gathered(who) as (_, staged):
            return replace(staged.measure(who, today), how="counted")

    def act(
        self,
        step: str,
        who: Sequence[Who],
        today: date,
        approved: Measured,
        tolerance: int = 0,
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
            acted = staged.act(step, who, today, approved, tolerance)
            if not self._source.remembers:
                acted = replace(acted, certainty="at_least_once")
            about_to(acted)
            possible = frozenset((count.table, count.verb) for count in acted.counts)
            with closing(gather.changes(gathered, self._map, possible)) as changes:
                return self._carried_out(acted, changes)

    def _carried_out(self, acted: Acted, changes: Iterable[Changed]) -> Acted:
        """Change the rows of the source, and tell what was done of it."""
        asked, made = Counter[Deed](), Counter[Deed]()

        def counted() -> Iterator[Changed]:
            for each in changes:
                asked.update(each.deeds)
                yield each

        source = self._source
        try:
            for each in source.carry_out(acted.step, acted.plan_sha256, sql_run.to_rows(acted), counted()):
                made.update(each.deeds)
        except TrothError as error:
            if source.remembers or not made:  # what is remembered is finished when the step is said again
                raise
            raise PartlyDoneError(deed.made_of(acted, made), error) from None
        known = source.done(acted.step)
        if known is not None:
            return deed.told(self.name, acted.step, known, unit=CHANGED, resumed=False)
        for each in changes:  # those that nobody came to ask for
            asked.update(each.deeds)
        if asked != made:
            deed.partly(deed.made_of(acted, made), (asked - made).total(), CHANGED)
        return acted

    def gone(self, who: Sequence[Who], today: date) -> int:
        """Count the rows to which these identifiers still lead and which no rule retains today."""
        with self._gathered(who) as (_, staged):
            return staged.gone(who, today)

    def scan(self, who: Sequence[Who], today: date) -> Scanned:
        """Search every column of every row that can be read for these subjects' identifiers."""
        with self._gathered(None, wide=True) as (gathered, staged):
            found = staged.scan(who, today)
            unread = [
                f"{table}.{name}" for table in gathered.partly for name in self._map.tables[table].columns
            ]
            return replace(found, unread=tuple(sorted({*found.unread, *unread})))

    def close(self) -> None:
        """Let go of connections."""
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
        self, who: Sequence[Who] | None, *, wide: bool = False, rows_max: int | None = None
    ) -> Iterator[tuple[Gathered, SqlStore[object]]]:
        """Gather rows for the length of one verb."""
        gathered = gather.gather(self._source, self._map, who, wide=wide, rows_max=rows_max)
        url = f"sqlite:///{gathered.database}"
        urls: Mapping[str, str] = {"find": url, "change": url}
        engine: Sqlite = Sqlite()
        staged: SqlStore[object] = SqlStore(self._map, urls, engine, SQLITE_LIMITS)  # type: ignore[arg-type]
        try:
            yield gathered, staged
        finally:
            staged.close()
            gathered.remove()
