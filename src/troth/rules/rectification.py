"""What a correction names, and why it may not be made.

A correction names a table, a column and the value that is right; every row of the subject
gets it, or the one row whose key is given.  A *supplement* is added below what stands in the
column that the map names for it: a supplementary statement.

Law: GDPR Art. 16 (rectification, and completing by a supplementary statement).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from troth.errors import NotAllowedError
from troth.rules.catalogue import Catalogue
from troth.rules.map import Map

STRUCTURE = ("key", "link", "flag")
_WRITTEN = re.compile(
    r"(?P<table>[^=\[\]]+?)(?:\[(?P<key>[^\]]+)\])?\.(?P<column>[^.=\[\]]+)=(?P<value>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Correction:
    """The value that is right for a column; `key` where only one row is meant."""

    table: str
    column: str
    value: str | None = field(repr=False)
    key: str | None = field(default=None, repr=False)


def read(written: str, *, null: bool = False) -> Correction:
    """Read a correction as it is written; raises NotAllowedError when it is not one.

    >>> read("orders[17].note=for my sister").key
    '17'
    """
    found = _WRITTEN.fullmatch(f"{written}=" if null else written)
    if found is None or (null and found["value"]):
        raise NotAllowedError(
            "A correction is written TABLE.COLUMN=VALUE, or TABLE[KEY].COLUMN=VALUE for one row alone."
        )
    if "\0" in found["value"]:
        raise NotAllowedError("A value with a zero character in it can be stored nowhere.")
    return Correction(found["table"], found["column"], None if null else found["value"], found["key"])


def supplements(map: Map, text: str) -> tuple[Correction, ...]:  # noqa: A002
    """Return where a supplementary statement goes; raises NotAllowedError where the map names no column."""
    found = tuple(
        Correction(name, table.supplement, text) for name, table in map.tables.items() if table.supplement
    )
    if not found:
        raise NotAllowedError(
            f"The map of the store `{map.store}` names no column for a supplementary statement, so nothing can be "
            "completed there. Add `supplement: COLUMN` to a table of people, or keep the statement in the request."
        )
    return found


def why_not(map: Map, catalogue: Catalogue, corrections: Sequence[Correction]) -> Iterator[str]:  # noqa: A002
    """Say why corrections cannot be made; nothing where they can."""
    for each in corrections:
        where = f"`{each.table}.{each.column}`"
        table, found = map.tables.get(each.table), catalogue.table(each.table)
        column = found.column(each.column) if found is not None else None
        if table is None or found is None or table.impersonal is not None:
            yield f"The map of the store `{map.store}` knows no table of people called `{each.table}`."
            continue
        if column is None:
            yield f"There is no column {where} in the store `{map.store}`."
            continue
        linking = {name for edge in table.edges for name in edge.columns}
        if table.columns.get(each.column) in STRUCTURE or each.column in found.key or each.column in linking:
            yield f"{where} says which row is whose, not what it says of somebody; it cannot be corrected."
        elif column.generated:
            yield f"{where} is computed by the database; correct what it is computed from."
        elif each.value is None and not column.nullable:
            yield f"{where} must not be null; give it a value."
    places = [(each.table, each.column, each.key) for each in corrections]
    if len(set(places)) < len(places):
        yield "One column is given two values. Give each one."
    yield from _of_copies(map, corrections)


def _of_copies(map: Map, corrections: Sequence[Correction]) -> Iterator[str]:  # noqa: A002
    named = {(each.table, each.column) for each in corrections}
    for name, table in map.tables.items():
        for copy in table.copies:
            source = (copy.source_table, copy.source_column)
            if (name, copy.column) in named and source not in named:
                yield (
                    f"`{name}.{copy.column}` is a copy of `{'.'.join(source)}`. Correct that: its copies go with it."
                )
            onward = [other for other in map.tables.values() for far in other.copies
                      if (far.source_table, far.source_column) == (name, copy.column)]  # fmt: skip
            if source in named and onward:
                yield (
                    f"`{onward[0].name}` copies `{name}.{copy.column}`, which is a copy itself. Name the original, "
                    f"`{'.'.join(source)}`, under `copies` there."
                )
