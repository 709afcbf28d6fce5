"""Where personal data is in one store, and what an erasure does there: a person's word.

The map is written by people (drafted by Troth), lives beside the policy in version
control and holds no values.  An edge stands on the table that has the linking column.

An empty value never means "everything": every action is its own type, and a table
that is not about people says why (`impersonal`).

Law: GDPR Art. 17 (what goes), Art. 17(3) (what stays), Art. 15(4) (`conceals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from troth.law.period import Period

Value = str | int | bool | None
Values = tuple[tuple[str, Value], ...]
Columns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A column that names a subject: `one_person` when nobody else can share it."""

    column: str
    kind: str  # email, phone, id, name, national_id …
    one_person: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A table whose rows are people."""

    key: Columns
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class BlankLink:
    """When one of several owners leaves: empty these columns, the row stays."""

    values: Values


@dataclass(frozen=True, slots=True)
class ReplaceOwner:
    """Point the row at the placeholder subject, so counts and threads survive."""


Leaving = BlankLink | ReplaceOwner
EdgeKind = Literal["belongs_to", "points_to", "mentions"]


@dataclass(frozen=True, slots=True)
class Edge:
    """From `table.columns` to `target.target_columns`.

    `belongs_to`: the row is the target's subject's.  `points_to`: the row refers to the
    target, which goes with its last pointer.  `mentions`: seen in an access answer,
    never erased.  `conceals` lists what is masked when the row is reached this way.
    """

    kind: EdgeKind
    table: str
    columns: Columns
    target: str
    target_columns: Columns
    conceals: Columns = ()
    leaving: Leaving | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """The row goes."""


@dataclass(frozen=True, slots=True)
class Blank:
    """The row stays, with these columns set to null or to a constant."""

    values: Values


@dataclass(frozen=True, slots=True)
class Retain:
    """The row is archived: kept for a legal reason until `period` after `trigger`."""

    period: Period
    trigger: str
    legal: str
    blank: Values = ()


Action = Delete | Blank | ReplaceOwner | Retain


@dataclass(frozen=True, slots=True)
class Erase:
    """What an erasure does to a row, who decided so, and why."""

    do: Action
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class Flag:
    """Restriction by a column: its value while restricted, and when lifted."""

    column: str
    active: Value
    lifted: Value


@dataclass(frozen=True, slots=True)
class SetAside:
    """Restriction by saving these columns in the vault and emptying them in the store."""

    columns: Columns


@dataclass(frozen=True, slots=True)
class Retention:
    """A retention promise bound to the column that starts its period."""

    promise: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A denormalised column: where its truth is, and through which edge column."""

    column: str
    source_table: str
    source_column: str
    via: str


@dataclass(frozen=True, slots=True)
class MapTable:
    """One table as the map describes it; `line` is where, in the map file."""

    name: str
    columns: Mapping[str, str]  # column -> category
    subject: Subject | None = None
    edges: tuple[Edge, ...] = ()
    erase: Erase | None = None
    restriction: Flag | SetAside | None = None
    retention: tuple[Retention, ...] = ()
    copies: tuple[Copy, ...] = ()
    impersonal: str | None = None
    line: int = 1


@dataclass(frozen=True, slots=True)
class Reviewed:
    """When a person last looked, and at which catalogue."""

    on: date
    catalogue_sha256: str


Place = tuple[int, int]
"""A line and a column of the map file, both from 1."""


@dataclass(frozen=True, slots=True)
class Map:
    """A whole store map.

    Rows of which we are only processor are told by `processor_for`, the controller of all
    of them, or by `controller_column`, in which each row names its own.  `places` says
    where things stand in the file, by path: `("orders", "columns", "id")`.
    """

    store: str
    kind: str
    controller: str
    credentials: Mapping[str, str]  # find, change -> reference such as env:SHOP_FIND
    tables: Mapping[str, MapTable]
    placeholder: Mapping[str, Value]  # "customer.id" -> 0
    backups_expire: Period | None = None
    reviewed: Reviewed | None = None
    file: str = ""
    controller_column: str = ""
    processor_for: str = ""
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict, repr=False, compare=False)

    def place(self, *path: str) -> Place:
        """Return where the nearest known part of this path stands in the file."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        table = self.tables.get(path[0]) if path else None
        return (table.line if table is not None else 1, 1)

    def edges(self) -> tuple[Edge, ...]:
        """Return every edge, in the order of the file."""
        return tuple(edge for table in self.tables.values() for edge in table.edges)
