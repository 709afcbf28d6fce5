"""`troth sweep`: what has outlived its retention is counted, marked, waited for, and then goes.

Danger: `act` removes rows for good.  What prevents loss: see `work/sweep.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF

if TYPE_CHECKING:
    from troth.work.sweep import Found

app = typer.Typer(help="Let go of what has outlived its retention: count, mark, wait, act.")
NAMES = typer.Argument(
    None, metavar="[NAME]…", help="A store, or a sweep as store.table.promise (default: all)."
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.callback(invoke_without_command=True)
def sweep(ctx: typer.Context) -> None:
    """Count what is due of every retention promise that a map binds, and record the counts; nothing is changed.

    Exit 1 while something is due that is not marked.

    Example: troth sweep
    """
    if ctx.invoked_subcommand is None:
        look(names=None, json=False)


@app.command()
def look(names: list[str] | None = NAMES, json: bool = JSON) -> None:
    """Count what is due, of some stores or sweeps only; nothing is changed.

    Exit 1 while something is due that is not marked or could not be counted, or an archive can be read by roles that
    its map does not name.

    Example: troth sweep look crm
    """
    from troth.work.sweep import look as looking

    found = looking(project(), names or ())
    if json:
        as_json([_told(one) for one in found])
    elif not found:
        out().print("No map binds a table to a retention promise. Write `retention:` on its tables.")
    else:
        rows = [
            [
                one.bound.name,
                _until(one),
                f"{one.overdue.rows:,}",
                str(one.overdue.oldest or ""),
                escape(_where(one)),
            ]
            for one in found
        ]
        out().print(table("", ["sweep", "due before", "rows#", "oldest", "state"], rows))
    if any((one.overdue.rows > _held(one) and _idle(one)) or one.beyond or one.uncounted for one in found):
        raise typer.Exit(1)


@app.command()
def mark(
    names: list[str] | None = NAMES,
    staff: str = STAFF,
    confirm: bool = typer.Option(
        False,
        "--confirm",
        help="Also where it is far more than the last time, or many rows for the first time.",
    ),
    json: bool = JSON,
) -> None:
    """Mark what is due today: it goes once the grace of its promise is over, unless somebody stops it.

    Exit 1 when something is due that could not be marked.

    Example: troth sweep mark crm --staff marie
    """
    from troth.work.sweep import Marked
    from troth.work.sweep import mark as marking

    said = marking(project(), names or (), staff=staff, confirmed=confirm)
    marked = [one for one in said if isinstance(one, Marked)]
    left = [one for one in said if not isinstance(one, Marked)]
    waiting = [one for one in left if one.uncounted or (one.overdue.rows and _idle(one))]
    if json:
        as_json(
            {
                "marked": [
                    {
                        "sweep": one.bound.name,
                        "run": one.run,
                        "rows": one.rows,
                        "acts_from": one.grace_ends,
                        "counts": [[count.table, count.verb, count.rows] for count in one.counts],
                        "side_effects": [
                            [effect.table, effect.verb, effect.rows] for effect in one.side_effects
                        ],
                    }
                    for one in marked
                ],
                "not_marked": [_told(one) for one in waiting],
            }
        )
    else:
        for one in marked:
            counts = ", ".join(f"{count.rows:,} {count.verb} in {count.table}" for count in one.counts)
            more = ", ".join(f"{each.rows:,} {each.verb} in {each.table}" for each in one.side_effects)
            counts += f"; besides, by triggers or cascades: {more}" if more else ""
            out().print(
                f"{one.bound.name}: {_rows(one.rows)} marked ({counts}); to go from {one.grace_ends} on.",
                markup=False,
            )
        uncounted = [one for one in left if one.why_not and one not in waiting]
        if not marked and not waiting:
            out().print(f"Nothing {'else ' if uncounted else ''}is due that is not marked already.")
        for stays in (*waiting, *uncounted):
            err().print(f"{stays.bound.name}: {stays.why_not}.", markup=False)
    if waiting:
        raise typer.Exit(1)


@app.command()
def act(
    names: list[str] | None = NAMES,
    staff: str = STAFF,
    batch: int = typer.Option(50_000, "--batch", min=1, max=100_000, help="How many rows go at once."),
    json: bool = JSON,
) -> None:
    """Let the rows go whose sweep is marked and whose grace is over; cut short, it goes on where it was.

    Exit 1 when one was stopped, waits for a hold or is in another worker's hand.

    Example: troth sweep act --staff marie
    """
    from troth.errors import TrothError
    from troth.work.sweep import act as acting
    from troth.work.sweep import every, in_hand

    opened = project()
    total = sum(
        int(one["rows"]) - int(one["swept"]) - int(one.get("unknown", 0))
        for one in every(opened)
        if one["status"] in ("marked", "acting")
    )
    with progress("Sweeping", total or None) as advance:
        said = list(acting(opened, names or (), staff=staff, batch_rows=batch, advance=advance))
    done = [one for one in said if not isinstance(one, TrothError)]
    wrong = [str(one) for one in said if isinstance(one, TrothError)]
    elsewhere = in_hand(opened, names or ())
    if json:
        as_json(
            {
                "done": [
                    {
                        "sweep": one.bound.name,
                        "run": one.run,
                        "rows": one.rows,
                        "held": one.held,
                        "unknown": one.unknown,
                    }
                    for one in done
                ],
                "stopped": wrong,
                "in_hand": list(elsewhere),
            }
        )
    else:
        for one in done:
            held = f"; {one.held:,} stay, because something holds them" if one.held else ""
            went = _archived(one.rows, one.bound.archive) if one.bound.archive else _went(one.rows)
            unknown = (
                f"; of {_rows(one.unknown)} in batches that were cut short nobody knows whether they went"
                if one.unknown
                else ""
            )
            out().print(f"{one.bound.name}: {went}{held}{unknown}.", markup=False)
        for sentence in wrong:
            err().print(sentence, markup=False)
        for name in elsewhere:
            err().print(
                f"{name}: another worker has it in hand, or was killed with it a moment ago: then it can go on within "
                "five minutes, behind an interface within half an hour. Say the command again.",
                markup=False,
            )
        if not said and not elsewhere:
            out().print("No marked sweep has its grace over today.")
    if wrong or elsewhere:
        raise typer.Exit(1)


@app.command()
def stop(
    name: str = typer.Argument(..., metavar="NAME", help="The sweep, as store.table.promise."),
    reason: str = typer.Option(..., "--reason", help="Why, in words; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Stop a sweep that is marked or under way; what has gone is gone, the rest stays.

    Example: troth sweep stop crm.prospect.prospects --reason "the campaign starts again" --staff marie
    """
    from troth.work.sweep import stop as stopping

    state = stopping(project(), name, reason, staff)
    if json:
        as_json(dict(state))
        return
    out().print(f"{name} is stopped; {state['swept']:,} rows had gone.", markup=False)


@app.command()
def owners(json: bool = JSON) -> None:
    """Say who answers for what of each marked sweep, and whether they were told; whoever was not yet is written to.

    Exit 1 while somebody knows of nothing.

    Example: troth sweep owners
    """
    from troth.work import tell_owners

    opened = project()
    tell_owners.tell(opened)
    found = list(tell_owners.owners(opened))
    if json:
        as_json([{"sweep": one.of, "owner": one.name, "outcome": one.outcome or None,
                  "acts_from": one.sweep["due"]} for one in found])  # fmt: skip
    elif not found:
        out().print("No sweep is marked.")
    else:
        rows = [[one.of, escape(one.name), _owner(one.outcome), str(one.sweep["due"])] for one in found]
        out().print(table("", ["sweep", "answers for it", "told", "goes from"], rows))
    if not all(one.told for one in found):
        raise typer.Exit(1)


@app.command("told")
def told_by_hand(
    name: str = typer.Argument(..., metavar="NAME", help="The sweep, as store.table.promise."),
    owner: str = typer.Option(..., "--owner", help="Who was told, as the map names them."),
    proof: str = typer.Option(..., "--proof", help="How: by telephone, on which day; kept encrypted."),
    staff: str = STAFF,
) -> None:
    """Record that somebody told an owner of a marked sweep who has no address.

    Example: troth sweep told crm.lead.prospects --owner "head of sales" --proof "by telephone, today" --staff marie
    """
    from troth.work.tell_owners import by_hand

    by_hand(project(), name, owner, proof, staff)
    out().print(f"{owner} was told of {name}.", markup=False)


@app.command()
def unarchive(
    name: str = typer.Argument(..., metavar="NAME", help="The sweep, as store.table.promise."),
    reason: str = typer.Option("", "--reason", help="Why, in words; kept encrypted."),
    staff: str = STAFF,
    run: str = typer.Option(
        "", "--run", metavar="RUN", help="The run that archived them (default: the last)."
    ),
    key: list[str] = typer.Option(
        [],
        "--key",
        metavar="KEY",
        help="Only the row with this primary key; several parts with a space between, or as a list in JSON.",
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Say how many rows of the run are archived; change nothing."
    ),
    json: bool = JSON,
) -> None:
    """Bring back rows that a sweep archived and should not have; each batch of it comes back in one transaction.

    Example: troth sweep unarchive erp.bill.bills --key 417 --reason "the wrong closing day" --staff marie
    """
    from dataclasses import asdict

    from troth.work import unarchive as bringing

    if dry_run:
        said = bringing.count(project(), name, run)
    else:
        said = bringing.unarchive(project(), name, reason, staff, run=run, keys=key)
    if json:
        as_json(asdict(said))
        return
    if not dry_run:
        out().print(f"{name}: {said.rows:,} rows of the run {said.run} came back.", markup=False)
    out().print(f"{said.left:,} rows of that run are in the archive.", markup=False)


def _owner(outcome: str) -> str:
    return {
        "": "not yet", "sent": "by mail", "by_hand": "by somebody", "failed": "mail failed; it is tried again",
        "refused": "mail was refused", "no_address": "no address in troth.toml",
    }[outcome]  # fmt: skip


def _rows(rows: int) -> str:
    return "1 row is" if rows == 1 else f"{rows:,} rows are"


def _went(rows: int) -> str:
    return "1 row went" if rows == 1 else f"{rows:,} rows went"


def _archived(rows: int, archive: str) -> str:
    return f"1 row moved to {archive}" if rows == 1 else f"{rows:,} rows moved to {archive}"


def _told(one: Found) -> dict[str, object]:
    return {
        "sweep": one.bound.name, "rule": one.bound.rule.id, "before": one.before, "rows": one.overdue.rows,
        "oldest": one.overdue.oldest, "state": one.state.get("status", "idle"), "why_not": one.why_not or None,
        "acts_from": one.state.get("due"), "held": _held(one), "archive": one.bound.archive or None,
        "read_beyond": list(one.beyond) if one.beyond is not None else None,
    }  # fmt: skip


def _idle(one: Found) -> bool:
    return one.state.get("status", "idle") in ("idle", "stopped")


def _held(one: Found) -> int:
    return int(one.state.get("held", 0))


def _until(one: Found) -> str:
    return str(one.before or "")


def _where(one: Found) -> str:
    if one.why_not:
        return one.why_not
    if one.beyond:
        return f"can be read by {', '.join(one.beyond)}, which the map does not name"
    status = one.state.get("status", "idle")
    if status == "marked":
        return f"marked: {one.state['rows']:,} rows go from {one.state['due']} on"
    if status == "acting":
        return f"under way: {one.state['swept']:,} of {one.state['rows']:,} have gone"
    if one.overdue.rows and one.overdue.rows == _held(one):
        return "something holds them"
    if one.overdue.rows:
        return f"to be marked, then moved to {one.bound.archive}" if one.bound.archive else "to be marked"
    return "nothing is due"
