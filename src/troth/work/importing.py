"""What every import shares: where a row came from, by which mark it is taken once, what became of it."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from troth.law import clock
from troth.ledger import keys, read
from troth.rules.event import Fact
from troth.rules.import_sheet import Cells, Kind
from troth.work.establishment import establishment
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Import:
    """One table that is imported: its name in the ledger, its kind and file, by whom and on which day."""

    name: str
    kind: Kind
    file: Path
    staff: str
    on: date
    numbers: dict[int, int] = field(default_factory=dict, compare=False)
    """The last number that was given in each year, as far as this run knows."""

    def origin(self, one: Cells, content: str = "") -> dict[str, Fact]:
        """Return where an event came from, as its fact `imported`; `content` is the mark of the row."""
        told: dict[str, Fact] = {"import": self.name, "row": one.row}
        return told | ({"content": content} if content else {})


@dataclass(slots=True)
class Taken:
    """What became of rows: recorded now, known already, known and otherwise since (by row)."""

    taken: int = 0
    known: int = 0
    differs: list[int] = field(default_factory=list)
    written: str = ""

    def add(self, other: Taken) -> None:
        """Add what became of more rows."""
        self.taken += other.taken
        self.known += other.known
        self.differs += other.differs


@dataclass(frozen=True, slots=True)
class Marks:
    """Names what rows say by keyed hashes, which show nothing of it."""

    secret: bytes = field(repr=False)

    def of(self, *said: str) -> str:
        """Return the mark of what is said."""
        return hmac.digest(self.secret, "\x00".join(said).encode(), "sha256").hex()

    def content(self, one: Cells) -> str:
        """Return the mark of all that a row says: a row that says something else has another."""
        told = {name: str(value) for name, value in one.values.items()}
        return self.of(json.dumps(told, sort_keys=True, ensure_ascii=False))


def marks(project: Project) -> Marks:
    """Return what marks rows in this ledger."""
    return Marks(keys.own_key(project.ledger, "imports")[1])


def imported_entries(project: Project) -> dict[str, date]:
    """Return the entries of the register that were imported, by name, each with the first day it was."""
    zone = establishment(project).time_zone
    found: dict[str, date] = {}
    for event in read.events(project.ledger, kind="table_imported"):
        entries = event.facts.get("entries")
        for one in entries if isinstance(entries, list | tuple) else ():
            if isinstance(one, list | tuple):
                found.setdefault(str(one[1]), clock.receipt_day(event.at, zone))
    return found
