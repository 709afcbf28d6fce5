"""A row of law: a fact with its source, its dates and how sure we are of it.

Every table in `data/` is TOML.  Each row says when it came into force, when it ended
(if it did), where it is written (`source`), what kind of authority that is (`nature`) and
how well it was checked (`confidence`).  A row whose `status` is pending belongs to a
named pack and counts only for a caller who names that pack.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise

from troth.errors import Problem, WrongFileError
from troth.law.period import Period

STATUSES = ("in_force", "pending")
NATURES = ("law", "guidance", "argument", "policy")
CONFIDENCES = ("seen", "known", "verify")
_NOT_YET = "not yet"
_PLACE = re.compile(r"at line (\d+), column (\d+)")
_FRAME = frozenset({"valid_from", "valid_to", "status", "nature", "confidence", "source", "pack"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one table; what it says is in `says`, by the names of the file."""

    says: Mapping[str, object]
    source: str
    nature: str
    confidence: str
    valid_from: date | None
    valid_to: date | None
    pack: str | None

    def text(self, name: str) -> str:
        """Return a word or sentence of the row."""
        return str(self.says[name])

    def maybe(self, name: str) -> str | None:
        """Return a word or sentence that not every row has."""
        return str(self.says[name]) if name in self.says else None

    def whole(self, name: str) -> int:
        """Return a whole number of the row."""
        number = self.says[name]
        if not isinstance(number, int):
            raise TypeError(f"{name} is not a whole number")
        return number

    def day(self, name: str) -> date:
        """Return a date of the row."""
        day = self.says[name]
        if not isinstance(day, date):
            raise TypeError(f"{name} is not a date")
        return day

    def words(self, name: str) -> tuple[str, ...]:
        """Return a list of words of the row."""
        found = self.says[name]
        if not isinstance(found, list):
            raise TypeError(f"{name} is not a list")
        return tuple(str(word) for word in found)

    def period(self, name: str) -> Period:
        """Return a length of time of the row."""
        period = Period.parse(self.text(name))
        if period is None:
            raise TypeError(f"{name} is not a period")
        return period

    def counts(self, on: date, assume: Collection[str] = ()) -> bool:
        """Say whether the row is law on this day, or would be under a pending pack that is assumed."""
        if self.valid_from is None:
            return self.pack in assume
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


def in_force(rows: Iterable[Row], on: date, assume: Collection[str] = ()) -> tuple[Row, ...]:
    """Return the rows that count on a day, those of an assumed pack before the law they would change."""
    counting = [row for row in rows if row.counts(on, assume)]
    return tuple(sorted(counting, key=lambda row: row.valid_from is not None))


def names() -> tuple[str, ...]:
    """Return the names of all files of law, for whoever wants to walk them."""
    folder = files("troth.law") / "data"
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")))


@cache
def read(name: str) -> Mapping[str, tuple[Row, ...]]:
    """Read one file of `data/`: its tables by name, each a tuple of rows, in the order written."""
    return parse((files("troth.law") / "data" / name).read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> Mapping[str, tuple[Row, ...]]:
    """Read the text of a file of law; every row that lacks its source, dates or standing is named at once."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as mistake:
        place = _PLACE.search(str(mistake))
        line, column = (int(place[1]), int(place[2])) if place else (1, 1)
        message = f"This is not TOML: {mistake}."
        raise WrongFileError([Problem(name, line, column, message, "Mend it there.")]) from None
    problems: list[Problem] = []
    result: dict[str, tuple[Row, ...]] = {}
    for table, rows in tables.items():
        if not isinstance(rows, list):
            problems.append(Problem(name, 1, 1, f"'{table}' is not a list of rows.", f"Write [[{table}]]."))
            continue
        lines = [at for at, line in enumerate(text.splitlines(), 1) if line.strip() == f"[[{table}]]"]
        read_rows = []
        for at, row in zip(lines, rows, strict=True):
            wrong = list(_mistakes(row))
            problems += [Problem(name, at, 1, what, remedy) for what, remedy in wrong]
            if not wrong:
                read_rows.append(_row(row))
        result[table] = tuple(read_rows)
    if problems:
        raise WrongFileError(problems)
    return result


def _row(row: Mapping[str, object]) -> Row:
    begins, ends, pack = row["valid_from"], row.get("valid_to"), row.get("pack")
    return Row(
        says={name: value for name, value in row.items() if name not in _FRAME},
        source=str(row["source"]),
        nature=str(row["nature"]),
        confidence=str(row["confidence"]),
        valid_from=begins if isinstance(begins, date) else None,
        valid_to=ends if isinstance(ends, date) else None,
        pack=pack if isinstance(pack, str) else None,
    )


def _mistakes(row: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if not str(row.get("source", "")).strip():
        yield "The row has no source.", "Name the article, decision or guideline it comes from."
    for name, allowed in (("status", STATUSES), ("nature", NATURES), ("confidence", CONFIDENCES)):
        if row.get(name) not in allowed:
            yield f"The {name} is {row.get(name)!r}.", f"Use one of: {', '.join(allowed)}."
    begins, ends = row.get("valid_from"), row.get("valid_to")
    if row.get("status") == "pending":
        if begins != _NOT_YET:
            yield "A pending row has a day from which it is valid.", f'Write valid_from = "{_NOT_YET}".'
        if not row.get("pack"):
            yield "A pending row belongs to no pack.", "Name the pack that would bring it."
    elif not isinstance(begins, date):
        yield "The row does not say since when it is valid.", "Write valid_from = YYYY-MM-DD, unquoted."
    if "valid_to" in row and not (isinstance(ends, date) and isinstance(begins, date) and begins <= ends):
        yield (
            "The row ends before it begins, or its end is no date.",
            "Write valid_to = YYYY-MM-DD, unquoted.",
        )


def overlapping(rows: Iterable[Row], key: Collection[str]) -> tuple[tuple[Row, Row], ...]:
    """Return the pairs of rows that say two things for the same key on the same day."""
    by_key: dict[tuple[object, ...], list[tuple[date, Row]]] = {}
    for row in rows:
        if row.valid_from is not None:
            slot = by_key.setdefault(tuple(row.says.get(name) for name in key), [])
            slot.append((row.valid_from, row))
    pairs = []
    for slot in by_key.values():
        for (_, earlier), (begins, later) in pairwise(sorted(slot, key=lambda entry: entry[0])):
            if earlier.valid_to is None or begins <= earlier.valid_to:
                pairs.append((earlier, later))
    return tuple(pairs)
