"""Reading to whom the rows of a table belong: their addresses, path by path, as a stream.

It runs in a transaction of the role that finds, which cannot write, and is undone.

Law: GDPR Art. 34(1).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from troth.errors import NotAllowedError, NotFoundError
from troth.rules.owner_path import owner_paths
from troth.stores.contract import Between, Who
from troth.stores.sql import Sql
from troth.stores.sql_selection import Selection, Session, whole


def addresses(sql: Sql, session: Session, table: str, between: Between | None) -> Iterator[str]:
    """Yield the e-mail addresses of the people to whom rows of a table belong; one may come by several paths.

    Where rows name their controller, ours alone are read.  Raises NotFoundError where table or column are not there,
    NotAllowedError where nothing leads to a person, or the column holds no days.
    """
    store, known = sql.plan.store, sql.graph.catalogue.table(table)
    if known is None or table not in sql.graph.map.tables:
        raise NotFoundError(f"The store `{store}` has no table {table[:40]!r} that its map describes.")
    selection = Selection(sql, session)
    selection.on_behalf([Who("", (), sql.graph.map.processor_for)])
    paths = owner_paths(sql.graph, table)
    if not paths:
        raise NotAllowedError(
            f"In the map of `{store}`, no way leads from `{table}` to people who are named by an e-mail address. Say "
            "in the map to whom its rows belong (`belongs_to`), or give a list of addresses."
        )
    if between is not None:
        _check_days(sql, session, table, between.column)
        first, last = between.since or date.min, between.until or date.max
        selection.sets["between", table] = (first.isoformat(), last.isoformat())
    for path in paths:
        nobody = {str(value) for value in path.named.nobody}
        for (value,) in session.stream(selection.bound(sql.addresses(table, path, between))):
            if value is not None and (told := str(value).strip()) and str(value) not in nobody:
                yield told


def _check_days(sql: Sql, session: Session, table: str, name: str) -> None:
    """Refuse a column by which rows would be left out because their day cannot be told."""
    found = sql.graph.table(table)
    column, place = found.column(name), f"`{table}` of the store `{sql.plan.store}`"
    if column is None:
        known = ", ".join(each.name for each in found.columns if each.shape in ("date", "moment"))
        raise NotFoundError(
            f"The table {place} has no column {name[:40]!r}. Its columns of days are: {known or 'none'}."
        )
    if column.shape not in ("date", "moment", "text"):
        raise NotAllowedError(f"The column `{name}` of {place} holds no days. Name one that does.")
    if column.shape != "text" and sql.dialect.name != "sqlite":
        return
    (answer,) = session.many([(sql.days_told(table, name).text, ())])
    values, days = map(whole, answer.rows[0])
    if days < values:
        raise NotAllowedError(
            f"In the column `{name}` of {place}, {values - days} of {values} values cannot be read as a day, so those "
            "rows would be left out unseen. Name another column, or take the whole table."
        )
