"""Changing values in rows that stay: what a store that corrects and sets aside must be able to do.

Rectification, restriction and its lifting are one verb here: in rows told by their key,
columns that hold `before` get `after`, all in one transaction under a step that the store
remembers.  Where a column holds something else meanwhile nothing is overwritten: the whole
step stops, or that row is left as it is and counted as a conflict, as the caller says.

Values travel as the store *codes* them: a text that says the value and its type exactly, so
that what was read is what is written back.

Danger: `amend` overwrites values.  What prevents loss: whoever calls it has kept every
`before` in the vault, committed, and nothing but that is ever overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from troth.rules.map import Value
from troth.stores.contract import SideEffect, Who

Coded = str | None
Columns = tuple[str, ...]
OnConflict = Literal["stop", "leave"]
Reason = Literal["changed", "gone", "refused"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of one row: what it held when it was read, and what it is to hold."""

    column: str
    before: Coded = field(repr=False)
    after: Coded = field(repr=False)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to change in one row.

    `witness` are columns by which the row is known to be still the same one: another row may
    have got its key.  `copy` where the row holds a copy of what is changed elsewhere.
    """

    table: str
    key: tuple[Coded, ...] = field(repr=False)
    cells: tuple[Cell, ...]
    witness: tuple[tuple[str, Coded], ...] = field(default=(), repr=False)
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A row found for a subject with the coded values of the columns asked for.

    `shared` where somebody else holds the row too, `source` where it holds a copy: the table
    and column of the original, and the key of its row.
    """

    table: str
    key: tuple[Coded, ...] = field(repr=False)
    values: Mapping[str, Coded] = field(repr=False)
    witness: tuple[tuple[str, Coded], ...] = field(default=(), repr=False)
    shared: bool = False
    source: tuple[str, str, tuple[Coded, ...]] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Tally:
    """So many values of one column."""

    table: str
    column: str
    rows: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """So many values that were left as they are: they changed, their row is gone, or the store refuses."""

    table: str
    column: str
    reason: Reason
    rows: int


@dataclass(frozen=True, slots=True)
class Amended:
    """What was changed, what was left alone, and what the database changed besides."""

    store: str
    step: str
    counts: tuple[Tally, ...]
    conflicts: tuple[Conflict, ...] = ()
    side_effects: tuple[SideEffect, ...] = ()
    certainty: Literal["exactly_once", "at_least_once"] = "exactly_once"
    resumed: bool = False


@runtime_checkable
class Amending(Protocol):
    """The verbs of a store that rectifies and restricts (`Limits.amends`)."""

    def standing(
        self, who: Sequence[Who], wanted: Mapping[str, Columns], *, copies: bool
    ) -> tuple[Standing, ...]:
        """Read these columns in every row of these subjects, and in the rows that hold copies of them.

        Raises NotAllowedError where a row could not be found again by a key.
        """
        ...

    def coded(self, value: Value) -> Coded:
        """Code a value written by somebody; the store turns it into the type of its column."""
        ...

    def shown(self, coded: Coded) -> str | None:
        """Write a coded value for people."""
        ...

    def try_out(
        self, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> tuple[tuple[Amendment, ...], Amended]:
        """Change, look, and undo: return each amendment with the values as the store would hold them.

        Raises as `amend` does.
        """
        ...

    def amend(
        self, step: str, plan_sha256: str, amendments: Sequence[Amendment], *, on_conflict: OnConflict
    ) -> Amended:
        """Change once per `step`; every `after` is as `try_out` returned it, or null.

        Raises ConflictError, with nothing changed, when a value is neither `before` nor
        `after` and `on_conflict` is "stop"; with "leave" such values are counted.
        """
        ...
