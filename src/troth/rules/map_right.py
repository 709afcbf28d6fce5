"""Which rights the role that changes a store needs for the actions of a map, and what it means to lack one.

A right that is missing would be met in the middle of an erasure, which is then rolled back
and waits for an administrator while the clock runs.

Law: GDPR Art. 12(3), the time to act; Art. 32(1)(b) and (4): a role is given what it needs and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from troth.errors import Problem
from troth.rules.catalogue import Catalogue
from troth.rules.change import Detach, Leave, Rehome, Remove, Unlist, Untie, Write
from troth.rules.map import Flag, Map, Parts, SetAside, Values
from troth.rules.map_reach import listed
from troth.rules.plan import Plan, compile_plan

Verb = Literal["read", "insert", "update", "delete", "see every row", "remember"]
STEPS = "troth_step"
"""The table in which a store remembers what was done; a role that may not write there acts at least once."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """The right to do something with a table, or with one column of it."""

    table: str
    verb: Verb
    column: str = ""


def needed(map: Map, catalogue: Catalogue) -> tuple[Right, ...]:  # noqa: A002
    """Return every right that erasing, restricting and completing by this map needs; none where no plan can be made."""
    plan, _ = compile_plan(map, catalogue)
    if plan is None:
        return ()
    return tuple(
        dict.fromkeys([*_to_read(plan), *_to_change(plan), *_to_restrict(plan), Right(STEPS, "remember")])
    )


def _to_read(plan: Plan) -> Iterator[Right]:
    for name in plan.graph.reached():
        mapped, found = plan.graph.mapped(name), plan.graph.table(name)
        yield Right(name, "see every row")
        for column in found.columns:
            if column.name in mapped.columns or column.name in found.key:
                yield Right(name, "read", column.name)


def _to_change(plan: Plan) -> Iterator[Right]:
    for change in plan.changes:
        match change:
            case Remove(table):
                yield Right(table, "delete")
            case Detach(table, column) | Untie(table, column):
                yield Right(table, "update", column)
            case Unlist(hop):
                yield from (Right(hop.to, "update", column) for column in hop.to_columns)
            case Leave(_, values, _, parts) | Write(_, values, parts) | Rehome(_, values, parts):
                yield from _written(change.table, values, parts)
    for table, archive in plan.archives:
        yield Right(table, "delete")
        yield from (Right(each, "insert") for each in (table, archive))  # and back


def _written(table: str, values: Values, parts: Parts) -> Iterator[Right]:
    yield from (Right(table, "update", column) for column, _ in values)
    yield from (Right(table, "update", part.column) for part in parts)


def _to_restrict(plan: Plan) -> Iterator[Right]:
    for name in plan.graph.reached():
        mapped = plan.graph.mapped(name)
        match mapped.restriction:
            case Flag(column):
                yield Right(name, "update", column)
            case SetAside(columns):
                yield from (Right(name, "update", column) for column in columns)
            case None:
                pass
        if mapped.supplement:
            yield Right(name, "update", mapped.supplement)


def problems(map: Map, lacking: Iterable[Right]) -> Iterator[Problem]:  # noqa: A002
    """Say which rights the role that changes lacks, table by table."""
    by_table: dict[tuple[str, Verb], list[str]] = {}
    for right in lacking:
        by_table.setdefault((right.table, right.verb), []).append(right.column)
    for (table, verb), columns in sorted(by_table.items()):
        line, column = map.place(table, *(("erase",) if verb in ("delete", "update") else ()))
        yield Problem(map.file, line, column, *_said(table, verb, [name for name in columns if name]))


def _said(table: str, verb: Verb, columns: list[str]) -> tuple[str, str]:
    if verb == "see every row":
        return (
            f"Row-level security of `{table}` hides rows from the role that changes.",
            "Give it BYPASSRLS, or a policy that shows it every row.",
        )
    if verb == "remember":
        return (
            f"The role that changes may not write into `{table}`, in which an erasure is remembered.",
            "GRANT SELECT, INSERT, UPDATE on that table to it.",
        )
    if verb == "insert":
        return f"The role that changes may not write rows into `{table}`.", "GRANT INSERT on the table to it."
    if verb == "delete":
        return f"The role that changes may not delete rows of `{table}`.", "GRANT DELETE on the table to it."
    grant = "SELECT" if verb == "read" else "UPDATE"
    what = f"The role that changes may not {verb} {listed(columns)} of `{table}`."
    return what, f"GRANT {grant} on the table, or on these columns, to it."
