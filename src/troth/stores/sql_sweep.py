"""Sweeping in one SQL store: rows whose retention has ended go as the map says, with what hangs on them.

A row goes by its own day and not by whose it is: what belongs to it goes too unless somebody else
owns it, what it points to goes with its last pointer, and a row that something still points to stays.
Nothing is followed by name into rows of the same person.

Danger: this destroys rows for good.  What prevents loss: the day is compared in the store with one
that was fixed before; rows of people who are passed by are left out first; one batch is one
transaction with a step of its own, which checks every row by key and rolls back on any doubt.
Where nothing goes with a row, the statement that removes it looks at its day once more.

Law: GDPR Art. 5(1)(e), storage limitation; Art. 17(3) (what stays).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from troth.errors import ConflictError, NotAllowedError
from troth.stores import sql_move, sql_run
from troth.stores.contract import Batch, Count, Expiry, Measured, Overdue, Who
from troth.stores.sql import Sql
from troth.stores.sql_run import ROWS_MEASURED_MAX, Done
from troth.stores.sql_selection import Selection, Session, side_effects, whole
from troth.stores.sql_text import BY_DUE, Text


def overdue(sql: Sql, session: Session, expiry: Expiry, but_for: Sequence[Who], today: date) -> Overdue:
    """Count the rows whose retention has ended."""
    selection = _beginning(sql, session, but_for)
    if selection is None:
        return Overdue(0, None)
    text = Text(sql)
    day = sql.day_of(expiry.table, expiry.trigger)
    statement = text.done(f"SELECT count(*), min({day}) {_rows_due(sql, text, selection, expiry, today)}")
    (answer,) = session.many([selection.bound(statement)])
    count, oldest = answer.rows[0]
    return Overdue(whole(count), date.fromisoformat(str(oldest)) if oldest is not None else None)


def measure(sql: Sql, session: Session, expiry: Expiry, but_for: Sequence[Who], today: date) -> Measured:
    """Say what a sweep would do; the caller rolls back."""
    every = overdue(sql, session, expiry, but_for, today).rows
    if expiry.archive:
        batch = Batch(ROWS_MEASURED_MAX, 0, ())
        _, _, moved = archive(sql, session, expiry, but_for, today, batch, "measured")
        how = "measured" if every <= ROWS_MEASURED_MAX else "counted"
        return Measured(sql.plan.store, sql.plan.sha256, moved.counts, moved.effects, how)  # type: ignore[arg-type]
    if sql.counted_on(expiry.table) and sql.plain(expiry.table):
        batch = Batch(ROWS_MEASURED_MAX, 0, {(expiry.table, "delete")})
        _, _, done, _ = _by_range(sql, session, expiry, but_for, today, batch)
    else:
        selection = select(sql, session, expiry, but_for, today, ROWS_MEASURED_MAX, 0)
        done = sql_run.apply(selection) if selection is not None else Done((), (), 0, None)
    how = "measured" if every <= ROWS_MEASURED_MAX else "counted"
    return Measured(sql.plan.store, sql.plan.sha256, done.counts, done.effects, how)  # type: ignore[arg-type]


def select(
    sql: Sql,
    session: Session,
    expiry: Expiry,
    but_for: Sequence[Who],
    today: date,
    rows: int,
    passed: int,
) -> Selection | None:
    """Find so many rows that are due, in the order of their key, and decide what goes with them.

    Raises NotAllowedError where the plan has no place for them, as the map leads from nobody to them.
    """
    if expiry.table not in sql.graph.reached():
        raise NotAllowedError(
            f"In the store `{sql.plan.store}`, nobody leads to rows of `{expiry.table}` by its map. Such rows are "
            "swept only where they are deleted, nothing refers to them and one whole number tells them apart. Give "
            "them a link to somebody (`belongs_to`), or remove them by hand."
        )
    selection = _beginning(sql, session, but_for)
    if selection is None:
        return None
    text, table = Text(sql), expiry.table
    due = _rows_due(sql, text, selection, expiry, today)
    statement = text.done(sql.keys_of(table, due, rows, passed))
    (answer,) = session.many([selection.bound(statement)])
    if not selection.put(("due", table), answer):
        return selection
    selection.counts[BY_DUE] = 1
    if sql.alone(table):
        selection.sets["reach", table] = selection.sets["due", table]
        selection.counts["reach", table] = selection.counts["due", table]
    else:
        selection.reach()
    selection.decide(today)
    return selection


def sweep(
    sql: Sql,
    session: Session,
    expiry: Expiry,
    but_for: Sequence[Who],
    today: date,
    batch: Batch,
    step: str,
) -> tuple[int, int, Done, int | None]:
    """Sweep a batch; return how many rows were looked at, how many of them stay, what was done, and the last key.

    Raises ConflictError when something comes up that is not allowed; the caller rolls back.
    """
    if expiry.archive:
        looked, stay, moved = archive(sql, session, expiry, but_for, today, batch, step)
        _refuse_other(sql, expiry, moved, batch)
        return looked, stay, moved, None
    if not batch.passed and sql.counted_on(expiry.table) and sql.plain(expiry.table):
        return _by_range(sql, session, expiry, but_for, today, batch)
    selection = select(sql, session, expiry, but_for, today, batch.rows, batch.passed)
    looked = selection.counts.get(("due", expiry.table), 0) if selection is not None else 0
    if selection is None or not looked:
        return 0, 0, Done((), (), 0, None), None
    done = sql_run.apply(selection, many=True)
    _refuse_other(sql, expiry, done, batch)
    gone = sum(each.rows for each in done.counts if (each.table, each.verb) == (expiry.table, "delete"))
    if gone == looked == selection.counts.get(("reach", expiry.table), 0):
        return looked, 0, done, None  # none but these were reached there, and as many went
    return looked, _still_due(sql, session, selection, expiry, today), done, None


def _by_range(
    sql: Sql, session: Session, expiry: Expiry, but_for: Sequence[Who], today: date, batch: Batch
) -> tuple[int, int, Done, int | None]:
    """Remove rows with which nothing goes by the range of their keys, each if its day says so as it goes."""
    selection, table = _beginning(sql, session, but_for), expiry.table
    if selection is None:
        return 0, 0, Done((), (), 0, None), None
    ahead, text = Text(sql), Text(sql)
    chunk = sql.range_of(ahead, table, _rows_due(sql, ahead, selection, expiry, today), batch.rows)
    removal = sql.removal(text, table, _rows_due(sql, text, selection, expiry, today))
    selection.sets["after", table] = (batch.after if batch.after is not None else -(2**63),)
    (found,) = session.many([selection.bound(ahead.done(chunk))])
    first, last, looked = found.rows[0]
    if not looked:
        return 0, 0, Done((), (), 0, None), None
    selection.sets["range", table] = (first, last)
    session.watch([table])
    (answer,) = session.many([selection.bound(text.done(removal))])
    went, rows = answer.changed, whole(looked)
    if went > rows:
        raise ConflictError(
            f"In the store `{sql.plan.store}`, rows that are due came into `{table}` while a batch of its sweep went. "
            "Nothing of this batch was changed. Measure the sweep again."
        )
    ours = {(table, "delete"): went}
    effects = side_effects(session.seen(ours), ours)
    done = Done((Count(table, "delete", went),) if went else (), effects, went, None)
    _refuse_other(sql, expiry, done, batch)
    return rows, rows - went, done, whole(last)


def _refuse_other(sql: Sql, expiry: Expiry, done: Done, batch: Batch) -> None:
    """Raise ConflictError where something was done, or happened beside it, that was not measured, or more of it."""
    other = [
        count.table
        for count in done.counts
        if count.verb != "retain" and (count.table, count.verb) not in batch.allowed
    ]
    known = batch.beside
    other += [
        one.table
        for one in done.effects
        if known is not None and one.rows > known.get((one.table, one.verb), 0)
    ]
    if other:
        raise ConflictError(
            f"In the store `{sql.plan.store}`, the sweep of `{expiry.table}` now changes rows of `{other[0]}` "
            "too, or more of them, which was not measured. Nothing of this batch was changed. Measure the sweep again."
        )


def archive(
    sql: Sql,
    session: Session,
    expiry: Expiry,
    but_for: Sequence[Who],
    today: date,
    batch: Batch,
    step: str,
) -> tuple[int, int, Done]:
    """Move a batch to its archive; return how many rows were looked at, how many stay, and what was done.

    Raises NotAllowedError when rows that do not move would go or change with them; the caller rolls back.
    """
    selection = _beginning(sql, session, but_for)
    if selection is None:
        return 0, 0, Done((), (), 0, None)
    selection.step, selection.day = step, today.isoformat()
    text, table = Text(sql), expiry.table
    due = _rows_due(sql, text, selection, expiry, today)
    (answer,) = session.many([selection.bound(text.done(sql.keys_of(table, due, batch.rows, batch.passed)))])
    looked = selection.put(("due", table), answer)
    if not looked:
        return 0, 0, Done((), (), 0, None)
    session.watch([table])
    moved = sql_move.archived(selection, table, expiry.archive, ("due",))
    session.settle()
    effects = sql_move.beside(selection, table, expiry.archive, moved)
    counts = (Count(table, "archive", moved),) if moved else ()
    return looked, looked - moved, Done(counts, effects, looked, None)


def _still_due(sql: Sql, session: Session, selection: Selection, expiry: Expiry, today: date) -> int:
    """Count which of the rows looked at are still due: something holds them."""
    text = Text(sql)
    statement = text.done(
        f"SELECT count(*) {_rows_due(sql, text, selection, expiry, today)} AND {text.within('t', 'due', expiry.table)}"
    )
    (answer,) = session.many([selection.bound(statement)])
    return whole(answer.rows[0][0])


def due_in(
    sql: Sql, session: Session, expiry: Expiry, part: str, but_for: Sequence[Who], today: date
) -> tuple[int, int]:
    """Count the rows of a part of a table, by its quoted name, and those of them that are due."""
    selection = _beginning(sql, session, but_for)
    if selection is None:
        return 0, 0
    statement = sql.all_due(part, expiry, today, spared=_sparing(selection, expiry))
    (answer,) = session.many([selection.bound(statement)])
    return whole(answer.rows[0][0]), whole(answer.rows[0][1])


def _beginning(sql: Sql, session: Session, but_for: Sequence[Who]) -> Selection | None:
    """Begin a selection of our own rows, with the rows of those who are passed by left out; None where none is ours."""
    selection = Selection(sql, session)
    if not selection.on_behalf([Who("", ())]):
        return None
    others = Selection(sql, session)
    if but_for and others.give(but_for):
        others.reach()
        for (set_, table), keys in others.sets.items():
            if set_ == "reach":
                selection.sets["spared", table] = keys
                selection.counts["spared", table] = others.counts[set_, table]
    return selection


def _rows_due(sql: Sql, text: Text, selection: Selection, expiry: Expiry, today: date) -> str:
    """Write where the rows are that are due: `FROM … WHERE …`."""
    due = sql.due(text, expiry, today, spared=_sparing(selection, expiry))
    return f"FROM {sql.name(expiry.table)} AS t WHERE {due}"


def _sparing(selection: Selection, expiry: Expiry) -> bool:
    return bool(selection.counts.get(("spared", expiry.table)))
