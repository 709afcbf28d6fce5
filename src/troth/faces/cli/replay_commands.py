"""`troth replay`: repeat erasures in a store of which a backup was restored.

Danger: it destroys rows.  What prevents loss: without `--approve` it changes nothing; with
it, only the plan of that hash is carried out, after it was shown and confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import ConflictError, NotAllowedError
from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from rich.console import Console

    from troth.stores.contract import Count
    from troth.work.replay import Planned, Repeated


def replay(
    store: str = typer.Argument(..., help="The store's name in its map.", metavar="STORE"),
    taken_at: str = typer.Option(
        ..., "--taken-at", metavar="TIME", help="When the backup was taken: 2026-11-20, or 2026-11-20T03:00Z."
    ),
    check: bool = typer.Option(
        False, "--check", help="Change nothing; exit 1 while anything is to be erased again."
    ),
    approve: str = typer.Option(
        "", "--approve", metavar="SHA", help="Carry out the plan that was shown by this hash."
    ),
    untouched: bool = typer.Option(
        False, "--untouched", help="Nobody wrote to the store since: what cannot be dated is old."
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Erase again, in a store whose backup was restored, whoever was erased since the backup was taken.

    Without --approve it shows what it would do and changes nothing.

    Example: troth replay shop --taken-at 2026-11-20T03:00Z
    """
    from troth.work import replay as work

    if check and approve:
        raise NotAllowedError("--check changes nothing, and --approve does. Give one of them.")
    moment, opened = _moment(taken_at), project()
    try:
        if approve:
            work.take_up(opened, store)
        with progress(f"Reading {store}"):
            planned = work.plan(opened, store, moment, untouched=untouched)
        if not approve:
            as_json(_planned(planned)) if json else _print(planned, out(), moment)
            if check and (planned.again or planned.open_ends):
                raise typer.Exit(1)
            return
        if len(approve) < 8 or not planned.sha256.startswith(approve.lower()):
            raise ConflictError(
                f"The plan to replay {store} is {planned.sha256[:12]} now, and not what --approve names. "
                "Look at it without --approve, then approve that."
            )
        if not yes:
            _print(planned, err(), moment)
            rows = sum(count.rows for count in planned.counts if count.verb != "retain")
            if not typer.confirm(f"Change {_many(rows, 'row', 'rows')} of {store} for good?", err=True):
                raise typer.Exit(2)
        with progress("Erasing again", len(planned.again)) as advance:
            done = work.repeat(
                opened, planned, stop_at=lambda passed: advance() if passed == "verified" else None
            )
    finally:
        opened.close()
    if json:
        as_json({**_planned(planned), "done": _repeated(done)})
    else:
        _print_done(planned, done)
    if planned.open_ends or done.remaining:
        raise typer.Exit(1)


def _moment(written: str) -> datetime:
    """Read a moment; a day is its beginning, and without a zone it is in UTC."""
    try:
        moment = datetime.fromisoformat(written.strip())
    except ValueError:
        raise NotAllowedError(
            "--taken-at is a day or a moment, such as 2026-11-20 or 2026-11-20T03:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _print(planned: Planned, console: Console, moment: datetime) -> None:
    console.print(
        f"{_many(planned.erasures, 'erasure', 'erasures')} in {planned.store} since "
        f"{moment.isoformat(timespec='minutes')}; {_many(len(planned.again), 'is', 'are')} to be repeated."
    )
    if planned.counts:
        console.print(_table(planned.counts))
    _print_left(planned, console)
    console.print(f"Plan {planned.sha256[:12]} of {planned.store}; nothing was changed.")
    if planned.again:
        console.print(
            f"To carry it out: troth replay {planned.store} --taken-at … --approve {planned.sha256[:12]}"
        )


def _table(counts: tuple[Count, ...]) -> Any:
    lines = [
        [
            count.table,
            count.verb.replace("_", " "),
            f"{count.rows:,}",
            count.until.isoformat() if count.until else "",
            count.legal,
        ]
        for count in counts
    ]
    return table("", ["table", "action", "rows#", "until", "because"], lines)


def _print_left(planned: Planned, console: Console) -> None:
    for name, rows in planned.left.items():
        console.print(
            f"Left alone: {_many(rows, 'row', 'rows')} of {name}, newer than the erasure or not to be told from "
            "newer ones. Somebody may have come back; look at them."
        )
    for name, rows in planned.unnamed.items():
        console.print(
            f"Left alone: {_many(rows, 'row', 'rows')} of {name}, marked by key, which no identifier leads to."
        )
    for reason in planned.blocked:
        console.print(f"Not to be repeated by itself: {reason}", markup=False)
    if planned.unrecorded:
        console.print(
            "More erasures were carried out here since then than left marks (their backups should have expired, or "
            f"the map had no backups_expire). See to these requests by hand: {', '.join(planned.unrecorded)}."
        )


def _print_done(planned: Planned, done: Repeated) -> None:
    if done.counts:
        out().print(_table(done.counts))
    out().print(
        f"{_many(done.erasures, 'erasure was', 'erasures were')} repeated in {done.store}. "
        + (
            "The identifiers lead nowhere now, but to what is left or retained."
            if not done.remaining
            else f"The identifiers still lead to {_many(done.remaining, 'row', 'rows')}; say it again."
        )
    )
    _print_left(planned, out())


def _counts(counts: tuple[Count, ...]) -> list[Mapping[str, object]]:
    return [
        {
            "table": count.table,
            "action": count.verb,
            "rows": count.rows,
            "until": count.until,
            "legal": count.legal or None,
        }
        for count in counts
    ]


def _planned(planned: Planned) -> dict[str, object]:
    return {
        "store": planned.store,
        "taken_at": planned.taken_at,
        "plan_sha256": planned.sha256,
        "erasures": planned.erasures,
        "repeated": len(planned.again),
        "counts": _counts(planned.counts),
        "left": dict(planned.left),
        "unnamed": dict(planned.unnamed),
        "unrecorded": list(planned.unrecorded),
        "blocked": list(planned.blocked),
    }


def _repeated(done: Repeated) -> dict[str, object]:
    return {
        "erasures": done.erasures,
        "counts": _counts(done.counts),
        "remaining": done.remaining,
    }
