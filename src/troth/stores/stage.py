"""Rows of a store that is no database, laid out in a SQLite file, where the engine of every SQL store works.

What is told of a row there is its row id.  Here that is turned into what tells the row in its
own store, and back: for verbs that span days, such as repeating an erasure or lifting a
restriction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from troth.errors import NotAllowedError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Columns, Map
from troth.stores.contract import Entry, Spared, Swept, Who, WrittenMeanwhileError
from troth.stores.sql_engine import Role
from troth.stores.sql_store import SqlStore
from troth.stores.sqlite import LIMITS, Sqlite

Place = tuple[object, ...]
Laid = SqlStore[sqlite3.Connection]
PORTION_ROWS = 10_000
"""Rows that are laid out at once where a whole store is read as a stream."""


@dataclass(frozen=True, slots=True)
class Passing(Sqlite):
    """SQLite in a file that nobody needs once this process is gone; `keys` tell rows of tables that have none there."""

    keys: Mapping[str, Columns] = field(default_factory=dict)

    def connect(self, url: str, role: Role) -> sqlite3.Connection:
        """Open the file; nothing waits for the disk."""
        connection = Sqlite.connect(self, url, role)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def catalogue(self, connection: sqlite3.Connection, store: str) -> Catalogue:
        """Read what is there."""
        found = Sqlite.catalogue(self, connection, store)
        return replace(found, tables=tuple(map(self._keyed, found.tables)))

    def _keyed(self, table: CatalogueTable) -> CatalogueTable:
        key = self.keys.get(table.name, ())
        known = bool(key) and all(table.column(name) is not None for name in key)
        return replace(table, key=key) if known else table


def laid(map_: Map, database: str, keys: Mapping[str, Columns] | None = None) -> Laid:
    """Open what is laid out, with the engine of SQL stores."""
    url = f"sqlite:///{database}"
    return SqlStore(map_, {"find": url, "change": url}, Passing(keys=keys or {}), LIMITS)


def entries(staged: Laid, who: Sequence[Who] | None, place: Callable[[str, int], Place]) -> Iterator[Entry]:
    """Yield the entries that are laid out, told as their own store tells them.

    Whoever writes keys there may give one again.
    """
    for entry in staged.entries(who):
        row = int(str(entry.place[0]))
        yield replace(entry, place=place(entry.table, row), key_given_again=True)


def spared_here(spared: Spared | None, rows: Callable[[str, Place], Sequence[int]]) -> Spared | None:
    """Return what is spared by the row ids it has where it is laid out; what is not there needs none."""
    if spared is None:
        return None
    places = {
        table: tuple((row,) for each in several for row in rows(table, each))
        for table, several in spared.places.items()
    }
    return replace(spared, places=places)


def unplaced(swept: Swept) -> Swept:
    """Return what a batch did without its last row: rows are laid out anew for the next, and in other places."""
    return replace(swept, last=None)


def refuse_unlisted(store: str, table: str) -> None:
    """Raise that rows which name people cannot all be read, so that nobody can be recognised among them."""
    raise NotAllowedError(
        f"In the store `{store}`, the rows of `{table}` name people and cannot be listed, so that whoever was erased "
        "cannot be recognised in a restored backup. Let its map say how they are listed; for now, erase those people "
        "again by hand."
    )


def try_again(store: str) -> NoReturn:
    """Raise that nothing of a batch of a sweep went, as somebody else wrote: the next attempt looks anew."""
    raise WrittenMeanwhileError(
        f"In the store `{store}`, somebody else wrote while a batch of a sweep was in hand. Nothing of it went. "
        "The sweep stays marked, and goes on when it is tried again."
    )
