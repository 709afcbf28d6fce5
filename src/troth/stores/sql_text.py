"""A statement being written: its text, and the sets of rows that are bound to it.

A set of rows travels as the engine itself wrote it down (an array on PostgreSQL, JSON
elsewhere), bound as one parameter a key column and never looked into, so a read-only
connection that may not make temporary tables can use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from troth.rules.map import Columns
from troth.stores.sql_dialect import Dialect, mariadb_key
from troth.stores.sql_inside import Elements

# ruff: noqa: S608

CONTROLLER = "\0controller"
"""The kind under which the controllers are bound whose rows are looked for."""

Bind = tuple[str, str]
"""What stands for a parameter: the name of a set, and its table (or kind of identifier)."""

BY_DUE: Bind = ("by due", "")
"""The mark of a sweep: rows are looked for by the day of their retention, and who they name leads nowhere else."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A text with numbered parameters, and what is bound to them in order."""

    text: str
    binds: tuple[Bind, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to rows: its path, what it conceals, the set it starts from, and how it is written.

    It leads nowhere new once `spare` is known: another way then finds the same rows.
    """

    path: tuple[str, ...]
    conceals: Columns
    start: Bind
    write: Callable[[Text, str], str]
    spare: Bind | None = None

    def leads(self, known: frozenset[Bind]) -> bool:
        """Tell whether it can find a row, when these sets are not empty."""
        return self.start in known and self.spare not in known


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value is read or looked for: an expression and its family, or that of each of some elements."""

    text: str
    family: str
    elements: Elements | None = None
    type: str = ""  # as declared, of what stands there unchanged
    array: str = ""  # the whole array, whose index knows its elements


class Keyed(Protocol):
    """What a text asks of the plan it is written for."""

    @property
    def dialect(self) -> Dialect:
        """The dialect it is written in."""
        ...

    def keys(self, table: str) -> tuple[tuple[str, str], ...]:
        """Return the key columns of a table, each with how it is written and its type."""
        ...


@dataclass(slots=True)
class Text:
    """A statement being written: which sets it has asked for, and under which number."""

    sql: Keyed
    binds: list[Bind] = field(default_factory=list)
    numbers: dict[Bind, int] = field(default_factory=dict)
    used: int = 0

    def place(self, bind: Bind, slots: int) -> list[str]:
        """Return the parameters of a set, the same ones however often it is asked for."""
        if bind not in self.numbers:
            self.numbers[bind] = self.used
            self.used += slots
            self.binds.append(bind)
        first = self.numbers[bind]
        return [self.sql.dialect.parameter.format(first + slot + 1) for slot in range(slots)]

    def rows(self, set_: str, table: str) -> str:
        """Write a select of the keys in a set, as k1, k2 …"""
        keys = self.sql.keys(table)
        if self.sql.dialect.name == "mariadb":
            (parameter,) = self.place((set_, table), 1)
            return _json_table(parameter, [kind for _, kind in keys])
        if self.sql.dialect.name == "duckdb":
            (parameter,) = self.place((set_, table), 1)
            return _unnested(parameter, [kind for _, kind in keys])
        if self.sql.dialect.name == "sqlite":
            (parameter,) = self.place((set_, table), 1)
            if len(keys) == 1:
                return f"(SELECT value AS k1 FROM json_each({parameter}))"
            parts = ", ".join(
                f"json_extract(value, '$[{number}]') AS k{number + 1}" for number in range(len(keys))
            )
            return f"(SELECT {parts} FROM json_each({parameter}))"
        parameters = self.place((set_, table), len(keys))
        arrays = ", ".join(f"{p}::{kind}[]" for p, (_, kind) in zip(parameters, keys, strict=True))
        names = ", ".join(f"k{number + 1}" for number in range(len(keys)))
        return f"(SELECT {names} FROM unnest({arrays}) AS u({names}))"

    def given(self, kind: str) -> str:
        """Write a select of the given identifiers of a kind, as x."""
        (parameter,) = self.place(("given", kind), 1)
        if self.sql.dialect.name == "mariadb":
            typed = "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            return f"(SELECT x FROM JSON_TABLE({parameter}, '$[*]' COLUMNS (x {typed} PATH '$')) AS j)"
        if self.sql.dialect.name == "duckdb":
            return f"(SELECT unnest(from_json({parameter}, '[\"VARCHAR\"]')) AS x)"
        if self.sql.dialect.name == "sqlite":
            return f"(SELECT value AS x FROM json_each({parameter}))"
        return f"(SELECT x FROM unnest({parameter}::text[]) AS u(x))"

    def within(self, alias: str, set_: str, table: str) -> str:
        """Write that a row is in a set."""
        keys = self.sql.keys(table)
        own = ", ".join(key.format(alias) for key, _ in keys)
        return (
            f"({own}) IN {self.rows(set_, table)}" if len(keys) > 1 else f"{own} IN {self.rows(set_, table)}"
        )

    def done(self, text: str) -> Statement:
        """Finish the statement."""
        return Statement(text, tuple(self.binds))


def _unnested(parameter: str, kinds: Sequence[str]) -> str:
    """Write for DuckDB a select of the keys in a set, which holds their texts."""
    typed = [re.sub(r" COLLATE \w+$", "", kind) for kind in kinds]
    if len(typed) == 1:
        return f"(SELECT r::{typed[0]} AS k1 FROM (SELECT unnest(from_json({parameter}, '[\"VARCHAR\"]')) AS r) AS u)"
    read = ", ".join(f"r[{number}]::{kind} AS k{number}" for number, kind in enumerate(typed, 1))
    return f"(SELECT {read} FROM (SELECT unnest(from_json({parameter}, '[[\"VARCHAR\"]]')) AS r) AS u)"


def _json_table(parameter: str, kinds: Sequence[str]) -> str:
    """Write for MariaDB a select of the keys in a set, each of the very type of its column."""
    keys = [mariadb_key(kind) for kind in kinds]
    paths = ["$"] if len(keys) == 1 else [f"$[{number}]" for number in range(len(keys))]
    columns = ", ".join(
        f"k{number} {typed} PATH '{path}' ERROR ON EMPTY ERROR ON ERROR"
        for number, ((_, typed, _), path) in enumerate(zip(keys, paths, strict=True), 1)
    )
    read = ", ".join(
        f"{decoded.format(f'j.k{number}')} AS k{number}" for number, (_, _, decoded) in enumerate(keys, 1)
    )
    return f"(SELECT {read} FROM JSON_TABLE({parameter}, '$[*]' COLUMNS ({columns})) AS j)"
