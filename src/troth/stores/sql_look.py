"""Looking into one table of a SQL store for an inspection: how many rows, the oldest, and a few of them.

It runs in a transaction of the role that finds, which cannot write, and is undone.

Law: GDPR Art. 58(1)(e).
"""

from __future__ import annotations

from datetime import date

from troth.errors import NotFoundError
from troth.stores.contract import Looked
from troth.stores.sql import Sql
from troth.stores.sql_dialect import quoted
from troth.stores.sql_selection import Session, whole

# Names come from the catalogue, never from a visitor, and are quoted; values are bound.
# ruff: noqa: S608


def look(sql: Sql, session: Session, table: str, oldest_by: str, rows: int) -> Looked:
    """Count a table, find its oldest row by a column of days, and read a few rows in the order of their key."""
    known = sql.graph.catalogue.table(table)
    if known is None:
        raise NotFoundError(f"The store `{sql.plan.store}` has no table {table[:60]!r}.")
    if oldest_by and known.column(oldest_by) is None:
        raise NotFoundError(f"The table `{table}` has no column {oldest_by[:60]!r}.")
    oldest = f"min({sql.day_of(table, oldest_by)})" if oldest_by else "NULL"
    (answer,) = session.many([(f"SELECT count(*), {oldest} FROM {sql.name(table)} AS t", [])])
    count, first = answer.rows[0]
    sample: tuple[dict[str, object], ...] = ()
    if rows > 0:
        names = [column.name for column in known.columns if column.name not in known.unreadable]
        listed = ", ".join(f"t.{quoted(name)}" for name in names)
        order = ", ".join(f"t.{quoted(name)}" for name in known.key)
        ordered = f" ORDER BY {order}" if order else ""
        statement = f"SELECT {listed} FROM {sql.name(table)} AS t{ordered} LIMIT {int(rows)}"
        (found,) = session.many([(statement, [])])
        sample = tuple(dict(zip(names, row, strict=True)) for row in found.rows)
    return Looked(whole(count), date.fromisoformat(str(first)[:10]) if first is not None else None, sample)
