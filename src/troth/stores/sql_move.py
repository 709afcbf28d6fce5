"""Moving rows to their archive, and back, in one open transaction of a SQL store.

Danger: rows are written into one table and removed from another.  What prevents loss: as many
are written as were chosen, each is found again by its key before anything is removed, what is
removed is looked for afterwards, and what else the database changed meanwhile is counted; any
difference rolls everything back.

Law: GDPR Art. 5(1)(e) and (f).
"""

from __future__ import annotations

from collections.abc import Sequence

from troth.errors import NotAllowedError
from troth.stores.contract import SideEffect
from troth.stores.sql_selection import Selection, side_effects, whole

MOVING = "moving"
"""The set of the rows that are on their way."""


def archived(selection: Selection, table: str, archive: str, sets: tuple[str, ...]) -> int:
    """Move the rows in all of these sets that nothing in use needs any more; return how many."""
    (answer,) = selection.session.many([selection.bound(selection.sql.movable(table, sets))])
    return _moved(selection, table, archive) if selection.put((MOVING, table), answer) else 0


def brought_back(selection: Selection, archive: str, table: str, of: str, keys: Sequence[str]) -> int:
    """Move the rows that one step put into an archive back to their table; return how many."""
    statement = selection.sql.returnable(archive, of, keys)
    (answer,) = selection.session.many([selection.bound(statement)])
    if not selection.put((MOVING, archive), answer):
        return 0
    rows = _moved(selection, archive, table)
    selection.session.settle()
    beside(selection, archive, table, rows)
    return rows


def beside(selection: Selection, source: str, target: str, rows: int) -> tuple[SideEffect, ...]:
    """Return what the database wrote by itself while so many rows moved; call it after `settle`.

    Raises NotAllowedError when a cascade or a trigger removed or changed other rows.
    """
    ours = {(source, "delete"): rows, (target, "insert"): rows}
    effects = side_effects(selection.session.seen(ours), ours)
    hit = sorted({effect.table for effect in effects if effect.verb != "insert"})
    if hit:
        names = ", ".join(f"`{table}`" for table in hit)
        raise NotAllowedError(
            f"In the store `{selection.sql.plan.store}`, moving rows of `{source}` to `{target}` would also remove or "
            f"change rows of {names}, by a cascade or a trigger. Nothing was changed. Take the cascade from the "
            "foreign key, or let the trigger pass by rows that move."
        )
    return effects


def _moved(selection: Selection, source: str, target: str) -> int:
    sql, rows = selection.sql, selection.counts[MOVING, source]
    said = (
        sql.copied(source, target, MOVING, selection.step, selection.day),
        sql.arrived(source, target, MOVING),
        sql.taken_out(source, MOVING),
        sql.still(source, MOVING),
    )
    written, arrived, removed, left = selection.session.many([selection.bound(each) for each in said])
    if (written.changed, whole(arrived.rows[0][0]), removed.changed, whole(left.rows[0][0])) != (
        rows,
        rows,
        rows,
        0,
    ):
        raise NotAllowedError(
            f"In the store `{sql.plan.store}`, not every row of `{source}` arrived in `{target}`; a trigger or a "
            "rule may prevent it. Nothing was changed."
        )
    return rows
