"""A change that a plan makes in one table, and the action it comes from.

Danger: these are the orders for destroying data; `rules.plan` says which are given.
"""

from __future__ import annotations

from dataclasses import dataclass

from troth.rules.catalogue import ForeignKey
from troth.rules.graph import Hop
from troth.rules.map import (
    Blank,
    Delete,
    MapTable,
    Parts,
    ReplaceOwner,
    Retain,
    Values,
)


@dataclass(frozen=True, slots=True)
class Leave:
    """Rows that stay with somebody else, while their owner by `hop` leaves: set these columns."""

    hop: Hop
    values: Values
    replaces: bool
    parts: Parts = ()

    @property
    def table(self) -> str:
        """The table whose rows change."""
        return self.hop.to


@dataclass(frozen=True, slots=True)
class Unlist:
    """Rows that stay with somebody else lose, from the list that links them, those who leave."""

    hop: Hop

    @property
    def table(self) -> str:
        """The table whose rows change."""
        return self.hop.to


@dataclass(frozen=True, slots=True)
class Detach:
    """Rows that stay lose their link to rows that go: `column` becomes null."""

    table: str
    column: str
    key: ForeignKey


@dataclass(frozen=True, slots=True)
class Write:
    """Released rows that are kept get these values."""

    table: str
    values: Values
    parts: Parts = ()


@dataclass(frozen=True, slots=True)
class Rehome:
    """Released rows are given to the placeholder: this link of theirs points there."""

    hop: Hop
    values: Values
    parts: Parts = ()

    @property
    def table(self) -> str:
        """The table whose rows change."""
        return self.hop.to


@dataclass(frozen=True, slots=True)
class Untie:
    """Rows about to go lose a link to one another, so that a circle of them can be removed."""

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Released rows go."""

    table: str


Change = Leave | Unlist | Detach | Write | Rehome | Untie | Remove


def action(table: MapTable) -> Delete | Blank | ReplaceOwner | Retain | None:
    """Return what an erasure does to a row of this table."""
    return table.erase.do if table.erase is not None else None
