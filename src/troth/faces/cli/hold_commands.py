"""`troth hold`: what must not be erased while a matter goes on, until when it is looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import typer
from rich.markup import escape

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF
from troth.faces.cli.taking import identifier

app = typer.Typer(
    no_args_is_help=True, help="Keep data from erasures and sweeps while a legal matter goes on."
)
HOLD = typer.Argument(..., help="The hold, as `troth hold list` names it.")
OWNER = "Who answers for it, as staff are named or by function; with [owner.NAME] in troth.toml they are written to."
UNKNOWN = "unknown"
"""Whoever answers for a hold that an older Troth placed."""
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command()
def place(
    matter: str = typer.Option(
        ..., help="The proceeding, the inquiry or the letter that calls for it; kept encrypted."
    ),
    reason: str = typer.Option(..., help="Why the data is needed for it; kept encrypted."),
    review: str = typer.Option(
        ..., help="When it is looked at again, such as 2027-03-01: within six months."
    ),
    about: list[str] = typer.Option(
        [],
        help="Whose data, as kind=value, such as email=ada@example.org; everybody's if left out. May be repeated.",
    ),
    what: list[str] = typer.Option(
        [],
        help="Which data: a category, a store, or a table as store.table; all if left out. May be repeated.",
    ),
    owner: str = typer.Option("", help=f"{OWNER} Whoever places it if left out."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Place a hold: erasures and sweeps leave its data alone until it ends.

    Example: troth hold place --matter "Tribunal de commerce 26/0417" --reason "our defence" --about
    email=ada@example.org --what billing --review 2027-03-01 --owner counsel --staff marie
    """
    from troth.work import hold

    named = [identifier("--about", one) for one in about]
    placed = hold.place(project(), matter, reason, _day(review), staff, about=named, what=what, owner=owner)
    if json:
        as_json(placed.state)
        return
    out().print(
        f"Placed, as {placed.state['name']}. {placed.state['owner']} looks at it again by {placed.state['review_on']}.",
        markup=False,
    )


@app.command("list")
def list_(
    every: bool = typer.Option(False, "--all", help="Ended ones too."),
    json: bool = JSON,
) -> None:
    """List the holds that stand, the soonest to be looked at first.

    Example: troth hold list
    """
    from troth.work import hold
    from troth.work.establishment import day_here

    opened = project()
    found = [one for one in hold.every(opened) if every or one["status"] == "placed"]
    today = day_here(opened)
    if json:
        as_json([{**one, "overdue": _overdue(one, today)} for one in found])
        return
    if not found:
        out().print("No hold stands.")
        return
    kept = [sum(1 for _ in hold.deferred(opened, one["name"])) for one in found]
    rows = [
        [
            one["name"],
            _counted(len(one["subjects"])),
            ", ".join(one["what"]) or "everything",
            escape(one.get("owner") or UNKNOWN),
            one["placed_on"],
            one["review_on"] + (" (overdue)" if _overdue(one, today) else "")
            if one["status"] == "placed"
            else "ended",
            str(waiting),
        ]
        for one, waiting in zip(found, kept, strict=True)
    ]
    out().print(
        table("", ["hold", "about", "what", "owner", "placed", "look again", "erasures waiting"], rows)
    )


@app.command()
def show(hold: str = HOLD, staff: str = STAFF, json: bool = JSON) -> None:
    """Show a hold with its matter and reason; that you looked is recorded.

    Example: troth hold show h0f3a2b1c --staff marie
    """
    from troth.work import hold as work
    from troth.work.record_reading import record_reading

    opened = project()
    found = work.load(opened, hold)
    record_reading(opened, hold, staff, f"hold/{hold}")
    told = {**found.state, **work.told(opened, hold)}
    waiting = [f"{one.number} {one.claim} in {one.store}" for one in work.deferred(opened, hold)]
    if json:
        as_json(told | {"waiting": waiting})
        return
    told["owner"] = told.get("owner") or UNKNOWN
    for name in ("matter", "reason", "status", "owner", "placed_on", "placed_by", "review_on", "ended_on"):
        if told.get(name):
            out().print(f"{name.replace('_', ' ')}: {told[name]}", markup=False)
    out().print(f"what: {', '.join(told['what']) or 'everything'}", markup=False)
    out().print(f"about: {_counted(len(told['subjects']))}")
    for line in waiting:
        out().print(f"keeps back: {line}", markup=False)


@app.command()
def review(
    hold: str = HOLD,
    until: str = typer.Option(..., help="When it is looked at again, such as 2027-09-01: within six months."),
    note: str = typer.Option(..., help="Why it is still needed; kept encrypted."),
    owner: str = typer.Option("", help=f"{OWNER} Whoever did until now if left out."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record that a hold was looked at and still stands, and until when.

    Example: troth hold review h0f3a2b1c --until 2027-08-01 --note "the appeal is pending" --staff marie
    """
    from troth.work import hold as work

    found = work.review(project(), hold, _day(until), note, staff, owner=owner)
    if json:
        as_json(found.state)
        return
    out().print(f"It stands, and is looked at again by {found.state['review_on']}.")


@app.command()
def end(
    hold: str = HOLD,
    reason: str = typer.Option("", help="Why it ends; kept encrypted."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be erased, and end nothing."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """End a hold, and erase what it had kept back of erasures that were decided.

    Example: troth hold end h0f3a2b1c --reason "the judgment is final" --staff marie
    """
    from troth.work import hold as work
    from troth.work.release import release

    opened = project()
    waiting = [f"{one.number} {one.claim} in {one.store}" for one in work.deferred(opened, hold)]
    work.load(opened, hold)
    if not dry_run:
        work.end(opened, hold, reason, staff)
    released = 0 if dry_run else release(opened)
    if json:
        as_json({"hold": hold, "ended": not dry_run, "waiting": waiting, "released": released})
        return
    for line in waiting:
        out().print(f"{'Would be erased' if dry_run else 'Kept back until now'}: {line}", markup=False)
    if dry_run:
        out().print(f"Nothing was ended. Erasures waiting: {len(waiting)}.")
        return
    still = sum(1 for _ in work.deferred(opened, hold))
    kept = f" Another hold keeps back {still} of them." if still else ""
    stores = "1 store" if released == 1 else f"{released} stores"
    out().print(f"Ended. Erased what it had kept back in {stores}.{kept}")


def _counted(people: int) -> str:
    return {0: "everybody", 1: "1 person"}.get(people, f"{people} people")


def _overdue(told: Mapping[str, Any], today: date) -> bool:
    return told["status"] == "placed" and bool(told["review_on"] < today.isoformat())


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(f"{written[:20]!r} is no day. Write it as 2027-03-01.") from None
