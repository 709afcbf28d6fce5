"""A guess about somebody's database: what it is, how sure it is, and what it rests on.

Nothing here is a decision: a person corrects what is drafted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import EdgeKind
from troth.rules.signs import Inclusion, Link, Signs
from troth.rules.suggestion import Suggestion

Sure = Literal["sure", "likely", "unknown"]
Role = Literal["subject", "owned", "pointed", "mentioned", "impersonal", "unknown"]


@dataclass(frozen=True, slots=True)
class Guess:
    """A category (or `?`), how sure it is, and what it rests on."""

    what: str
    sure: Sure
    why: str


@dataclass(frozen=True, slots=True)
class EdgeGuess:
    """An edge: its kind, its ends, and what it rests on."""

    kind: EdgeKind
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    sure: Sure
    why: str
    leaving_open: bool = False


@dataclass(frozen=True, slots=True)
class EraseGuess:
    """A proposal for a row's erasure; `blank` names columns; `None` where only a person can say."""

    do: Literal["delete", "blank"] | None
    why: str
    blank: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdentifierGuess:
    """A column that names a subject."""

    column: str
    kind: str
    one_person: bool
    why: str


@dataclass(slots=True)
class TableGuess:
    """Everything guessed of one table."""

    table: CatalogueTable
    rows: int
    role: Role
    sure: Sure
    why: str
    identifiers: tuple[IdentifierGuess, ...] = ()
    edges: tuple[EdgeGuess, ...] = ()
    columns: dict[str, Guess] = field(default_factory=dict)
    erase: EraseGuess | None = None
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftMap:
    """A whole store, guessed: each table in the order of the catalogue."""

    catalogue: Catalogue
    tables: tuple[TableGuess, ...]

    def count(self, sure: Sure) -> int:
        """Count the columns of which the draft is this sure."""
        return sum(guess.sure == sure for table in self.tables for guess in table.columns.values())


AllSigns = Mapping[str, Mapping[str, Signs]]
Inclusions = Mapping[Link, Inclusion]


def shown(name: str) -> str:
    """Write a name of the database in a comment: on one line, whatever is in it."""
    return "".join(c if c.isprintable() else "�" for c in name)
