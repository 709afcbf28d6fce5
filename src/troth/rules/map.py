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
from troth.policy.yaml_text import Fields

Value = str | int | bool | None
Values = tuple[tuple[str, Value], ...]
Columns = tuple[str, ...]
Engine = Literal["embedded", "spark"]


@dataclass(frozen=True, slots=True)
class InDocument:
    """One value inside a JSON document, below these keys."""

    path: Columns


@dataclass(frozen=True, slots=True)
class InList:
    """Each element of a list: of an array, or of the JSON list below `path`.

    `below` leads on from an element that is itself a document.
    """

    path: Columns = ()
    below: Columns = ()


Inside = InDocument | InList


@dataclass(frozen=True, slots=True)
class Condition:
    """A column that holds one of these values: never null, and compared as it is written."""

    column: str
    values: tuple[str | int | bool, ...]


Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a column that is written, and what: the rest of the document stays."""

    column: str
    inside: Inside
    value: Value


Parts = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Via:
    """Where an identifier stands in a table of attributes: its columns that hold the subject's key."""

    table: str
    columns: Columns


@dataclass(frozen=True, slots=True)
class Identifier:
    """A column that names a subject: `one_person` when nobody else can share it.

    It names somebody only where `when` holds; with `via` the column stands in another table.
    """

    column: str
    kind: str  # email, phone, id, name, national_id …
    one_person: bool
    inside: Inside | None = None
    when: Conditions = ()
    via: Via | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A table whose rows are people."""

    key: Columns
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class BlankLink:
    """When one of several owners leaves: empty these columns, the row stays."""

    values: Values
    parts: Parts = ()


@dataclass(frozen=True, slots=True)
class ReplaceOwner:
    """Point the row at the placeholder subject, so counts and threads survive."""


@dataclass(frozen=True, slots=True)
class RemoveElement:
    """Take the one who leaves out of the list that links the row, so that the others stay in it."""


Leaving = BlankLink | ReplaceOwner | RemoveElement
EdgeKind = Literal["belongs_to", "points_to", "mentions"]


@dataclass(frozen=True, slots=True)
class Edge:
    """From `table.columns` to `target.target_columns`.

    `belongs_to`: the row is the target's subject's.  `points_to`: the row refers to the
    target, which goes with its last pointer.  `mentions`: seen in an access answer,
    never erased.  `conceals` lists what is masked when the row is reached this way.
    The edge is there only in rows where `when` holds: one column may link to a table that
    another names.  `inside` says where in its only column the link stands.
    """

    kind: EdgeKind
    table: str
    columns: Columns
    target: str
    target_columns: Columns
    conceals: Columns = ()
    leaving: Leaving | None = None
    when: Conditions = ()
    inside: Inside | None = None
    twin: str = ""  # the table of which the target is the archive: a row has its owner in one of the two


@dataclass(frozen=True, slots=True)
class Delete:
    """The row goes."""


@dataclass(frozen=True, slots=True)
class Blank:
    """The row stays, with these columns, and parts of columns, set to null or to a constant."""

    values: Values
    parts: Parts = ()


@dataclass(frozen=True, slots=True)
class Retain:
    """The row is archived: kept for a legal reason until `period` after `trigger`.

    Where somebody decided so for one erasure it is kept `until` a day at least, which is
    `date.max` for as long as a legal hold stands; a row that is `only_held` for as long as
    archived rows belong to it.
    """

    period: Period
    trigger: str
    legal: str
    blank: Values = ()
    parts: Parts = ()
    until: date | None = None
    only_held: bool = False


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
    archive_trigger: str = ""  # the column of the event from which the archive runs, where it is another


@dataclass(frozen=True, slots=True)
class Archive:
    """Where rows are kept apart once their time in use is over: another table, with all columns of the first.

    `readers` are the roles that may read it besides the two that Troth itself goes by.  `step` is a
    column of text in which each row says what put it there, `on` one for the day.
    """

    table: str
    readers: Columns
    step: str
    on: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """A denormalised column: where its truth is, and through which edge column."""

    column: str
    source_table: str
    source_column: str
    via: str


@dataclass(frozen=True, slots=True)
class Told:
    """A text that is the same for every row, or the column that has it."""

    text: str = ""
    column: str = ""

    def of(self, values: Mapping[str, object]) -> str:
        """Return it for a row; empty where the row has none."""
        found = values.get(self.column) if self.column else self.text
        return "" if found is None else str(found).strip()


@dataclass(frozen=True, slots=True)
class Discloses:
    """Each row records that something about its subject went to a recipient of the policy, on a day."""

    to: Told
    on: str
    purpose: Told
    categories: tuple[str, ...]
    document: Told = Told()
    evidence: Mapping[str, Told] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it is read from."""
        every = (self.to, self.purpose, self.document, *self.evidence.values())
        return (self.on, *(one.column for one in every if one.column))


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How the files of a table of CSV are written.

    An empty `quote` means that nothing is quoted, an empty `escape` that quotes are doubled.
    Files without a header have these `columns`.  A field written as `null` is null.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    encoding: str = "utf-8"
    null: str = ""
    columns: Columns = ()


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
    supplement: str = ""  # the column that takes a supplementary statement
    made_public: str = (
        ""  # where its rows can be read by anybody, in words: other controllers may have copies
    )
    discloses: Discloses | None = None
    impersonal: str | None = None
    archive: Archive | None = None  # where its rows are kept apart later
    archive_of: str = ""  # the table whose archive this one is
    csv: CsvForm | None = None
    line: int = 1
    own: Fields | None = field(default=None, repr=False)  # what its kind of store alone understands


@dataclass(frozen=True, slots=True)
class Reviewed:
    """When a person last looked, at which catalogue, and the outline of each table then."""

    on: date
    catalogue_sha256: str
    tables: Mapping[str, str] = field(default_factory=dict)


def written_link(columns: Columns, inside: Inside | None = None) -> str:
    """Write where a link or a value stands, as a map does.

    >>> written_link(("company", "no")), written_link(("data",), InDocument(("buyer", "id")))
    ('company + no', 'data.buyer.id')
    >>> written_link(("ids",), InList()), written_link(("data",), InList(("watchers",), ("id",)))
    ('ids.*', 'data.watchers.*.id')
    """
    written = " + ".join(columns)
    match inside:
        case InDocument(path):
            return ".".join((written, *path))
        case InList(path, below):
            return ".".join((written, *path, "*", *below))
        case None:
            return written


def written_when(conditions: Conditions) -> str:
    """Write conditions as words to come after a link; empty where there are none.

    >>> written_when((Condition("kind", ("buyer", "payer")),))
    ' when kind is buyer or payer'
    """
    parts = [f"{each.column} is {' or '.join(map(str, each.values))}" for each in conditions]
    return f" when {' and '.join(parts)}" if parts else ""


def apart(one: Conditions, other: Conditions) -> bool:
    """Tell whether no row can fulfil both.

    >>> apart((Condition("kind", ("buyer",)),), (Condition("kind", ("seller", "agent")),))
    True
    """
    return any(
        first.column == second.column and not set(map(str, first.values)) & set(map(str, second.values))
        for first in one
        for second in other
    )


@dataclass(frozen=True, slots=True)
class RowController:
    """Each row names its controller, in tables that have `column`; we are meant by the values `ours`.

    With `table` it is named there: by `name`, in the row whose `key` the column holds.
    """

    column: str
    ours: tuple[str | int | bool, ...]
    table: str = ""
    key: str = ""
    name: str = ""


Place = tuple[int, int]
"""A line and a column of the map file, both from 1."""


@dataclass(frozen=True, slots=True)
class Map:
    """A whole store map.

    Rows of which we are only processor are told by `processor_for`, the controller of all
    of them, or by `controllers`, where each row names its own.  `places` says
    where things stand in the file, by path: `("orders", "columns", "id")`.
    """

    store: str
    kind: str
    controller: str
    credentials: Mapping[str, str]  # find, change -> reference such as env:SHOP_FIND
    tables: Mapping[str, MapTable]
    placeholder: Mapping[str, Value]  # "customer.id" -> 0
    backups_expire: Period | None = None
    versions_expire: Period | None = None  # how long a store that keeps old versions keeps them
    engine: Engine = "embedded"  # what reads and writes the files of a lake
    region: str = ""  # the country whose national telephone numbers stand here
    reviewed: Reviewed | None = None
    file: str = ""
    controllers: RowController | None = None
    processor_for: str = ""
    purposes: tuple[str, ...] = ()
    finds_only: bool = False  # people are looked for by it, and nothing is ever erased by it
    own: Fields | None = field(default=None, repr=False)  # what its kind of store alone understands
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict, repr=False, compare=False)
    written: str = field(
        default="", repr=False, compare=False
    )  # the file's own text, to be recorded with an erasure

    @property
    def controller_column(self) -> str:
        """The column in which each row names its controller; empty where none does."""
        return self.controllers.column if self.controllers is not None else ""

    def place(self, *path: str) -> Place:
        """Return where the nearest known part of this path stands in the file."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        table = self.tables.get(path[0]) if path else None
        return (table.line if table is not None else 1, 1)

    def archive_of(self, table: str) -> Archive | None:
        """Return the archive that a table is; None where it is none."""
        source = self.tables[table].archive_of if table in self.tables else ""
        return self.tables[source].archive if source else None

    def edges(self) -> tuple[Edge, ...]:
        """Return every edge, in the order of the file."""
        return tuple(edge for table in self.tables.values() for edge in table.edges)
