"""A store as it really is: tables, columns, keys, foreign keys, triggers, rights.

Read from the live database by `stores`, as one value, so that planning and checking
stay pure.  Names are exactly the database's; a table outside the default schema is
called `schema.table`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

OnDelete = Literal["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"]
Shape = Literal["text", "json", "array", "number", "date", "moment", "boolean", "bytes", "other"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its declared type and what can be written in it.

    Nothing can be written in one that is `generated`.  One of those that is an `identity` is counted
    on for new rows, and is part of what a row says: its value goes along when the row is copied.
    Where it is `reused`, the number of the last row is given again once that row is gone.
    """

    name: str
    type: str
    shape: Shape
    nullable: bool
    generated: bool = False
    length_max: int | None = None
    identity: bool = False
    reused: bool = False

    @property
    def computed(self) -> bool:
        """Tell whether its value follows from the rest of the row."""
        return self.generated and not self.identity


_CROSSING = ({"uuid", "text"}, {"uuid", "character varying"})


def crosses(one: Column, two: Column) -> bool:
    """Tell whether one is a text and the other a number or uuid: linked where the text is how that is written."""
    types = {one.type.partition("(")[0], two.type.partition("(")[0]}
    return {one.shape, two.shape} == {"text", "number"} or types in _CROSSING


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference the engine enforces, from `columns` to `target_columns` of `target`."""

    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: OnDelete = "NO ACTION"
    deferrable: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger: when it fires, and whether it may reach outside the database.

    `how` says by what, such as `dblink`; `notifies` that listeners are told once it is committed.
    """

    name: str
    event: str
    calls_out: bool = False
    how: str = ""
    notifies: bool = False


@dataclass(frozen=True, slots=True)
class CatalogueTable:
    """A table: `key` is its primary key, or else a unique key without nulls, or empty.

    `parts` is what a statement quotes: schema and own name.  `null_refused` are nullable
    columns in which a CHECK, or a UNIQUE that counts nulls as equal, may refuse a null.
    `unreadable` are the columns this connection has no right to read.  `lasting` says, where
    a change of its rows cannot be undone or what goes is kept, by what.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    checks: tuple[tuple[str, ...], ...] = ()  # the columns each CHECK constraint reads
    indexed: tuple[tuple[str, ...], ...] = ()
    triggers: tuple[Trigger, ...] = ()
    row_security: bool = False
    rows_about: int = 0
    parts: tuple[str, ...] = ()
    null_refused: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    lasting: str = ""

    def column(self, name: str) -> Column | None:
        """Return the column called `name`, or None."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every base table of a store (views and Troth's own step table left out).

    `derived` is what the engine fills from those tables (materialised views, the inside
    of full-text indexes) or what an extension brought: searched for residue, never mapped.
    `beside` are files that lie in a folder of logs and are of no log in the map, told so
    that nobody is named.
    """

    store: str
    dialect: str
    tables: tuple[CatalogueTable, ...]
    derived: tuple[CatalogueTable, ...] = ()
    beside: tuple[str, ...] = ()

    def table(self, name: str) -> CatalogueTable | None:
        """Return the table called `name`, or None."""
        return next((table for table in self.tables if table.name == name), None)


def sha256(catalogue: Catalogue) -> str:
    """Hash what a map depends on, in hexadecimal; the same for the same structure.

    Left out: the store's name, counts, indexes, rights and the order of things, which
    change without the map being any less right.
    """
    tables = [
        {
            "name": table.name,
            "columns": sorted(
                [column.name, column.type, column.nullable, column.generated] for column in table.columns
            ),
            "key": table.key,
            "foreign_keys": sorted(
                [key.columns, key.target, key.target_columns, key.on_delete] for key in table.foreign_keys
            ),
            "unique": sorted(table.unique),
            "checks": sorted(table.checks),
            "triggers": sorted([trigger.name, trigger.event] for trigger in table.triggers),
        }
        for table in sorted(catalogue.tables, key=lambda table: table.name)
    ]
    written = json.dumps([catalogue.dialect, tables], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
