"""Run one statement for each of many rows, as the driver takes them: SQLAlchemy would look at every row again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from sqlalchemy import Connection, Dialect, TextClause


def for_each(connection: Connection, statement: TextClause, rows: Sequence[Mapping[str, object]]) -> None:
    """Run a statement with each of these rows, by the names of its parameters; nothing where there are none."""
    if not rows:
        return
    if len(rows) == 1:
        connection.execute(statement, dict(rows[0]))
        return
    written, names = _written(statement, connection.dialect)
    if names is None:
        connection.exec_driver_sql(written, [dict(row) for row in rows])
    elif len(names) == 1:
        connection.exec_driver_sql(written, [(row[names[0]],) for row in rows])
    else:
        pick = itemgetter(*names)
        connection.exec_driver_sql(written, [pick(row) for row in rows])


@lru_cache(maxsize=64)
def _written(statement: TextClause, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """Return a statement as the driver writes it, and its parameters in order where they have no names there."""
    compiled = statement.compile(dialect=dialect)
    names = getattr(compiled, "positiontup", None)
    return str(compiled), tuple(names) if names is not None else None
