"""What every store of personal data must be able to do.

To add a store, write one module with a class that has these verbs, name it under the
entry point `troth.stores`, and run the tests that `troth.testing` gives you.  Each
verb is safe to say twice.

Danger: `act` destroys data.  What prevents loss: it does only what was measured and
approved, in one transaction per store, under a step name that is remembered in the
store itself, so that saying it again changes nothing and returns the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol, runtime_checkable

from troth.errors import ConflictError, TrothError, UnreachableError
from troth.rules.catalogue import Catalogue
from troth.rules.map import Map
from troth.rules.map_right import Right

Verb = Literal["delete", "blank", "replace_owner", "retain", "detach", "archive", "return"]
Grade = Literal[
    "deleted",
    "deleted_until_backups_expire",
    "blanked",
    "archived",
    "attested",
    "at_least_once",
    "nothing_found",
]


@dataclass(frozen=True, slots=True)
class Who:
    """One subject to look for: our random id, and the identifiers known (kind, value).

    Looked for as controllers ourselves, or on the instruction of another `controller`, for
    whom we only process: then in its rows alone.
    """

    subject: str
    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    controller: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """So many rows of one table, under one action; `until` and `legal` for retained ones."""

    table: str
    verb: Verb
    rows: int
    until: date | None = None  # the latest end among the rows retained
    legal: str = ""


@dataclass(frozen=True, slots=True)
class SideEffect:
    """Rows that changed though the plan did not name them: cascades, triggers."""

    table: str
    verb: str
    rows: int


@dataclass(frozen=True, slots=True)
class Processed:
    """Rows found that are another controller's, for whom we only process: to be forwarded, not touched."""

    controller: str
    rows: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What acting would do, by table and action; `how` it is known."""

    store: str
    plan_sha256: str
    counts: tuple[Count, ...]
    side_effects: tuple[SideEffect, ...] = ()
    how: Literal["measured", "counted"] = "measured"
    processed: tuple[Processed, ...] = ()


@dataclass(frozen=True, slots=True)
class Acted:
    """What acting did; `resumed` when an earlier call had done it already."""

    store: str
    step: str
    plan_sha256: str
    counts: tuple[Count, ...]
    keys_checked: int
    grade: Grade
    certainty: Literal["exactly_once", "at_least_once"] = "exactly_once"
    expires: date | None = None
    resumed: bool = False


class PartlyDoneError(ConflictError):
    """A step was done in part, where a store has no transaction: what went is `acted`, and why the rest stayed.

    Where `because` is a conflict the rest is measured and approved again; else the same step may be said again.
    """

    def __init__(self, acted: Acted, because: TrothError) -> None:
        super().__init__(str(because))
        self.acted = acted
        self.because = because


class WrittenMeanwhileError(UnreachableError):
    """Nothing of a batch of a sweep went, as somebody else wrote: it may be tried again as it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row found for a subject: by which path, and which columns that path conceals."""

    subject: str
    table: str
    values: Mapping[str, object] = field(repr=False)
    path: tuple[str, ...] = ()
    concealed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An identifier met by the residue search.

    `expected` by the plan (a retained or mentioning row), a `copy` that should not be
    there, or `doubtful` (part of a longer word, or a number that may be something else).
    """

    subject: str
    table: str
    column: str
    rows: int
    verdict: Literal["expected", "copy", "doubtful"]


@dataclass(frozen=True, slots=True)
class Scanned:
    """One residue pass over a store.

    `unread` are the columns (`table.column`) that could not be read, `refused` the
    identifiers (subject, kind) too short to be searched: neither is proven clean.
    """

    store: str
    bytes: int
    seconds: float
    hits: tuple[Hit, ...]
    unread: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a kind of store can and cannot do."""

    atomic: bool
    measured_by_rollback: bool
    rows_measured_max: int
    amends: bool = False  # rectifies and restricts: has the verbs of `stores.amend`
    replays: bool = False  # repeats erasures after a backup was restored: has the verbs of `Replays`
    remembers: bool = True  # keeps the name of a step with what it did; where not, it is done at least once
    sweep_rows_min: int = 0  # so many rows a batch of a sweep has at least, where files are written anew
    sweep_rows_max: int = 0  # so many at most, where they change one by one; 0 where there is no such bound
    amends_where: str = ""  # on what it depends whether it amends, as the end of a sentence
    replays_where: str = ""  # on what it depends whether it replays


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that names somebody by itself.

    `place` tells the row to its engine, `day` is when its retention began, `key_given_again`
    says that the engine may give its key to another row once this one is gone.
    """

    table: str
    key: tuple[str, ...] = field(repr=False)
    place: tuple[object, ...] = field(repr=False)
    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    day: date | None = None
    key_given_again: bool = False


@dataclass(frozen=True, slots=True)
class Expiry:
    """The rows of a table whose retention began, by the day in the column `trigger`, `before` a day: it has ended.

    With `archive` it is their time in use that has ended: they move to that table.

    Where rows name their controllers and it is not one day where all of those are, `of` has the day of each by the
    value that names it, and `before` is the last of them; a row that names none of those goes by the first.
    """

    table: str
    trigger: str
    before: date
    archive: str = ""
    of: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True, slots=True)
class Overdue:
    """How many rows have outlived their retention, and the day on which that of the oldest began."""

    rows: int
    oldest: date | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of a sweep: so many rows by their key, after those `passed`; only what is `allowed` may be done.

    `beside` is how many rows cascades and triggers may still change by themselves, by table and verb; None where
    nobody measured that.  `after` is the `last` of the batch before, where it told one: rows up to it were looked at.
    """

    rows: int
    passed: int
    allowed: Collection[tuple[str, Verb]]
    beside: Mapping[tuple[str, str], int] | None = None
    after: int | None = None


SWEEP = "sweep/"


def batch_step(run: str, batch: int) -> str:
    """Name the step of a batch of a sweep, as its store remembers it."""
    return f"{SWEEP}{run}/{batch}"


def whole_of(step: str) -> str:
    """Return what a step is a part of: of a batch its run, as a row may come in another batch when one is cut short.

    >>> whole_of(batch_step("5f", 3)), whole_of("2026-7/c1/crm")
    ('sweep/5f', '2026-7/c1/crm')
    """
    return step.rpartition("/")[0] if step.startswith(SWEEP) else step


@dataclass(frozen=True, slots=True)
class Swept:
    """What one batch of a sweep did: rows looked at, and how many of them something else holds (they stay).

    `last` is the highest key looked at, where keys are whole numbers and the next batch may begin above it.
    """

    looked: int
    held: int
    acted: Acted
    side_effects: tuple[SideEffect, ...] = ()  # none known of a batch that was done before
    last: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Spared:
    """What an erasure that is repeated passes by: these rows, and rows dated `after` a day until `today`."""

    places: Mapping[str, tuple[tuple[object, ...], ...]] = field(repr=False)
    after: date
    today: date


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look into a table found: how many rows, the day of the oldest where one was asked for, and a few rows."""

    count: int
    oldest: date | None = None
    sample: tuple[Mapping[str, object], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Between:
    """Rows of which the day in a column (in UTC, where it is a moment) is within these two, each of which may lack."""

    column: str
    since: date | None = None
    until: date | None = None


class Store(Protocol):
    """A store of personal data that can be looked into, changed and proven clean."""

    @property
    def name(self) -> str:
        """The store's name in plans, events and screens."""
        ...

    def limits(self) -> Limits:
        """Say what this kind of store can do."""
        ...

    def catalogue(self) -> Catalogue:
        """Read what is really there."""
        ...

    def find(self, who: Sequence[Who]) -> Iterator[Row]:
        """Yield every row about these subjects, one row once per subject, in bounded memory."""
        ...

    def measure(self, who: Sequence[Who], today: date) -> Measured:
        """Say exactly what erasing these subjects would do; change nothing."""
        ...

    def act(
        self, step: str, who: Sequence[Who], today: date, approved: Measured, tolerance: int = 0
    ) -> Acted:
        """Erase as approved, once per `step`.

        Raises ConflictError, with nothing changed, when there are more rows than
        approved plus `tolerance`, or rows in another table or under another action.
        Raises PartlyDoneError, in a store without transactions, when only a part was done.
        """
        ...

    def gone(self, who: Sequence[Who], today: date) -> int:
        """Count the rows to which these identifiers still lead and which no rule retains today."""
        ...

    def scan(self, who: Sequence[Who], today: date) -> Scanned:
        """Search every text, JSON, array and number column for these subjects' identifiers."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Intending(Protocol):
    """A store that keeps no step (`Limits.remembers`), and tells what it is about to do before it does it."""

    def act(
        self,
        step: str,
        who: Sequence[Who],
        today: date,
        approved: Measured,
        tolerance: int = 0,
        spared: Spared | None = None,
        *,
        about_to: Callable[[Acted], object] = ...,
    ) -> Acted:
        """Erase as approved, once it was told what is about to be done."""
        ...


@runtime_checkable
class Granting(Protocol):
    """A store whose roles have rights, and can be asked for them."""

    def lacking(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        """Return those of these rights that the role which changes does not have; nothing is changed."""
        ...


@runtime_checkable
class Sweeps(Protocol):
    """A store in which rows go once their retention has ended, as its map says for each table."""

    def unswept(self) -> str:
        """Say why nothing there can be swept, as the end of a sentence; empty where it can."""
        ...

    def overdue(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Overdue:
        """Count the rows whose retention has ended, but for those that lead to some people; change nothing."""
        ...

    def measure_sweep(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> Measured:
        """Say what sweeping them would do, rows of other tables that go with them too; change nothing.

        Above the rows that a store measures at once, it is what a first part of them would do.
        """
        ...

    def sweep(self, step: str, expiry: Expiry, but_for: Sequence[Who], today: date, batch: Batch) -> Swept:
        """Sweep one batch, once per `step`; raises ConflictError, with nothing changed, for what it does not allow."""
        ...


@dataclass(frozen=True, slots=True)
class InHand:
    """A row that a batch is about to change: a mark of it as it is, and under what table and action it counts."""

    mark: str = field(repr=False)
    deeds: tuple[tuple[str, str], ...]


class Journal(Protocol):
    """Who writes down, for a store that keeps no step, what a batch is about to take and what of it went."""

    def begin(self, acted: Acted, rows: Sequence[InHand]) -> None:
        """Write down what the batch is about to do, row by row in this order, before it does anything."""
        ...

    def made(self, rows: int) -> None:
        """Write down that so many of these rows, the first of them, are done."""
        ...


@runtime_checkable
class IntendingSweeps(Protocol):
    """A store that keeps no step (`Limits.remembers`), and has written down what a batch takes, row by row."""

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
        """Sweep one batch, written down in a journal."""
        ...

    def marks(self) -> Iterator[str]:
        """Yield the mark of every row as it is now, by which one that was in hand is told to have stayed."""
        ...


@runtime_checkable
class KeepsListing(Protocol):
    """A store that keeps what it laid out of its rows from one batch of a sweep to the next."""

    def sweep_over(self) -> None:
        """Let go of it: no batch follows."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table that holds the rows of a span of days, and how many there are."""

    name: str
    rows: int


@runtime_checkable
class Parted(Protocol):
    """A store whose tables may be in parts by day, one of which goes as a whole once all its rows are due."""

    def outlived(self, expiry: Expiry, but_for: Sequence[Who], today: date) -> tuple[Part, ...]:
        """Return the parts of which every row is due, and nothing else would go with them; change nothing."""
        ...

    def drop(self, step: str, expiry: Expiry, part: Part, but_for: Sequence[Who], today: date) -> Acted:
        """Drop a part, once per `step`.

        Raises ConflictError, with nothing changed, where a row of it must stay, or there are more than were counted.
        """
        ...


@runtime_checkable
class Archives(Protocol):
    """A store in which rows move to an archive that few may read."""

    def beyond(self, archive: str) -> tuple[str, ...] | None:
        """Name the roles that can read an archive though the map does not name them; None where it cannot be told.

        Those that Troth itself goes by are left out, and those that may do anything.
        """
        ...

    def put_by(self, archive: str, step: str) -> int:
        """Count the rows that one step put into an archive, and that are still there."""
        ...

    def bring_back(self, step: str, archive: str, of: str, keys: Sequence[str], today: date) -> Acted:
        """Move the rows that the step `of` put into an archive back to their table; once per `step`.

        Where `keys` are given, only the rows with one of these primary keys, written as text and compared letter by
        letter: several parts with a blank between, or as a list in JSON where a part has a blank itself.
        """
        ...


@runtime_checkable
class Looks(Protocol):
    """A store of which a whole table can be looked into, by the role that finds and changes nothing."""

    def look(self, table: str, oldest_by: str = "", rows: int = 0) -> Looked:
        """Count a table, find its oldest row by a column of days, and read a few of its rows.

        Raises NotFoundError where there is no such table or column.
        """
        ...


@runtime_checkable
class Owned(Protocol):
    """A store that can be asked to whom the rows of a table belong."""

    def addresses(self, table: str, between: Between | None = None) -> Iterator[str]:
        """Yield the e-mail addresses of these people, in bounded memory; one may come more than once.

        Raises NotFoundError where table or column are not there, NotAllowedError where nothing leads to a person.
        """
        ...


@runtime_checkable
class Expiring(Protocol):
    """A store that keeps old versions of its tables."""

    def expire(self, today: date) -> int:
        """Remove the files of old versions whose time is over, as the map says; return how many."""
        ...


@runtime_checkable
class Replays(Protocol):
    """A store in which an erasure can be repeated after one of its backups was restored."""

    @property
    def name(self) -> str:
        """The store's name in plans, events and screens."""
        ...

    @property
    def map(self) -> Map:
        """The map it was opened with."""
        ...

    def limits(self) -> Limits:
        """Say what this kind of store can do."""
        ...

    def entries(self, who: Sequence[Who] | None = None) -> Iterator[Entry]:
        """Yield every row that names somebody by itself (or these subjects), in bounded memory."""
        ...

    def measure(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> Measured:
        """Say exactly what erasing these subjects would do, but for what is spared."""
        ...

    def act(
        self,
        step: str,
        who: Sequence[Who],
        today: date,
        approved: Measured,
        tolerance: int = 0,
        spared: Spared | None = None,
    ) -> Acted:
        """Erase as approved, once per `step`, but for what is spared."""
        ...

    def gone(self, who: Sequence[Who], today: date, spared: Spared | None = None) -> int:
        """Count the rows still to be changed, but for what is spared."""
        ...

    def left(self, who: Sequence[Who], spared: Spared) -> Mapping[str, int]:
        """Count what is spared, by table."""
        ...

    def steps(self, step: str | None = None) -> Iterator[Acted]:
        """Yield every step the store remembers (or one of them), in bounded memory."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def replaying(store: object) -> Replays | None:
    """Return a store as one in which erasures can be repeated; None where its kind cannot."""
    return store if isinstance(store, Replays) and store.limits().replays else None
