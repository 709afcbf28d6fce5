"""`troth action`: what an audit, a check or a scan found, who mends it by when, and what shows it mended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF

if TYPE_CHECKING:
    from troth.rules.action import About
    from troth.work.project import Project

app = typer.Typer(
    no_args_is_help=True,
    help="Have what was found mended: by whom, by when; closed by evidence and by its control alone.",
)
ACTION = typer.Argument(..., help="The action, as `troth action list` numbers it.")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")
SHOWN_MAX = 10


@app.command("open")
def open_(
    promise: str = typer.Option(
        "", help="The id of a promise that is broken or unproven, as `troth audit` has it."
    ),
    entry: str = typer.Option(
        "", help="An activity or a document of the register, such as one whose review is overdue."
    ),
    check: str = typer.Option("", help="A rule of `troth check`, alone or with its clause: P01@9.5."),
    scan: str = typer.Option("", help="What a scan found: SITE, SITE/VERDICT or SITE/VERDICT/NAME."),
    map: str = typer.Option("", help="What the check of a map found: STORE, or STORE/RULE."),
    question: str = typer.Option(
        "", help="A question of `troth ask` whose answer must be none, such as activities-lacking."
    ),
    hold: str = typer.Option("", help="A legal hold that is past the day it was to be looked at again."),
    owner: str = typer.Option(
        ..., help="Who mends it: as staff are named, or by function; no e-mail address."
    ),
    due: str = typer.Option(..., metavar="DATE", help="The day by which it is mended."),
    why: str = typer.Option("", help="What is to be done, in words; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Open an action about one thing that is found today; what is kept, or has an open one, is refused.

    Example: troth action open --promise 9.5/cookies --owner "head of product" --due 2026-12-15 --staff marie
    """
    from troth.work.action import open_action

    opened = project()
    given = {"promise": promise, "check": check, "scan": scan, "map": map, "question": question, "hold": hold}
    about = _about(opened, given, entry)
    made = open_action(opened, about, owner, _day(due, "--due"), staff, why=why)
    if json:
        as_json(made.state)
        return
    out().print(
        f"Opened, as {made.number}: {made.state['owner']} mends {about.name} by {made.state['due_on']}.",
        markup=False,
    )


@app.command("list")
def list_(
    every: bool = typer.Option(False, "--all", help="Closed ones too."),
    overdue: bool = typer.Option(False, "--overdue", help="Only those that should be closed by now."),
    promise: str = typer.Option("", help="Only those about this promise."),
    json: bool = JSON,
) -> None:
    """List the open actions, the soonest due first. Exit code 1 when one is overdue.

    Example: troth action list --overdue
    """
    from troth.rules.action import is_overdue
    from troth.work import action
    from troth.work.establishment import day_here

    opened = project()
    today = day_here(opened)
    found = [
        {**one, "overdue": is_overdue(one, today)}
        for one in action.every(opened)
        if (every or one["status"] == "open") and (not promise or one["about"] == f"promise:{promise}")
    ]
    found = [one for one in found if one["overdue"] or not overdue]
    if json:
        as_json(found)
    elif not found:
        out().print("No action is open." if not every else "No action was ever opened.")
    else:
        rows = [
            [one["number"], _named(one), one["owner"], _when(one), one["verdict"], one["figure"]]
            for one in found
        ]
        out().print(table("", ["action", "about", "owner", "due", "it is", "figure"], rows))
    if any(one["overdue"] for one in found):
        raise typer.Exit(1)


@app.command()
def show(number: str = ACTION, json: bool = JSON) -> None:
    """Show an action: what it is about, who mends it by when, every try to close it, and its evidence.

    Example: troth action show A-2026-001
    """
    from troth.work import action

    opened = project()
    found = action.load(opened, number)
    said = [{"on": on, "step": step, "said": words} for on, step, words in action.words(opened, number)]
    if json:
        as_json({**found.state, "said": said})
        return
    state = found.state
    out().print(f"{number}: {_named(state)}", markup=False)
    out().print(f"status: {state['status']}, {_when(state)}", markup=False)
    for name in ("owner", "opened_on", "opened_by", "verdict", "figure", "tries", "reopened", "control"):
        if state[name]:
            out().print(f"{name.replace('_', ' ')}: {state[name]}", markup=False)
    for one in state["evidence"]:
        out().print("evidence: " + ", ".join(str(value) for value in one.values() if value), markup=False)
    for each in said:
        out().print(f"{each['on']} {each['step']}: {each['said']}", markup=False)


@app.command()
def reassign(
    number: str = ACTION,
    to: str = typer.Option(..., "--to", help="Who mends it from now on."),
    due: str = typer.Option("", metavar="DATE", help="Another day by which it is mended."),
    because: str = typer.Option("", help="Why; needed where it takes longer. Kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Give an action to somebody else, or another day.

    Example: troth action reassign A-2026-001 --to legal --due 2027-01-31 --because "the supplier answers late"
    """
    from troth.work import action

    moved = action.reassign(
        project(), number, to, staff, due=_day(due, "--due") if due else None, because=because
    )
    _told(moved.state, json=json, said=f"{number} is {moved.state['owner']}'s, by {moved.state['due_on']}.")


@app.command()
def close(
    number: str = ACTION,
    document: list[str] = typer.Option([], help="A document of the register that shows it. May be repeated."),
    file: list[Path] = typer.Option([], help="A file that shows it; its hash is recorded. May be repeated."),
    event: list[str] = typer.Option([], help="An event of the ledger that shows it. May be repeated."),
    text: str = typer.Option("", help="What was done, in words; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Close an action by its evidence: the control runs again, and must find nothing any more.

    Where it still finds something the action stays open and says why, with exit code 1.

    Example: troth action close A-2026-001 --document contract-kornblume --staff marie
    """
    from troth.work import action

    shown = action.Evidence(document, file, event, text)
    done = action.close(project(), number, shown, staff)
    if json:
        as_json({**done.action.state, "closed": done.closed, "broken_by": list(done.looked.broken_by)})
    elif done.closed:
        out().print(f"Closed: {done.looked.figure}.", markup=False)
    else:
        out().print(f"{number} stays open, for it is {done.looked.word}: {done.looked.figure}.", markup=False)
        for cause in done.looked.broken_by[:SHOWN_MAX]:
            out().print(f"  – {cause}", markup=False)
    if not done.closed:
        raise typer.Exit(1)


@app.command()
def reopen(
    number: str = ACTION,
    due: str = typer.Option(..., metavar="DATE", help="The day by which it is mended now."),
    because: str = typer.Option(..., help="Why it is taken up again; kept encrypted."),
    owner: str = typer.Option("", help="Who mends it; who did before if left out."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Take a closed action up again.

    Example: troth action reopen A-2026-001 --due 2027-02-01 --because "it is back" --staff marie
    """
    from troth.work import action

    moved = action.reopen(project(), number, owner, _day(due, "--due"), staff, because=because)
    _told(moved.state, json=json, said=f"{number} is open again, by {moved.state['due_on']}.")


def _about(opened: Project, given: Mapping[str, str], entry: str) -> About:
    from troth.rules.action import about
    from troth.work.action import of_entry

    named = [about(f"{source}:{name.strip()}") for source, name in given.items() if name.strip()]
    if entry.strip():
        named.append(of_entry(opened, entry.strip()))
    if len(named) != 1:
        options = ", ".join(f"--{one}" for one in (*given, "entry"))
        raise NotAllowedError(f"An action is about one thing: give one of {options}.")
    return named[0]


def _told(state: Mapping[str, Any], *, json: bool, said: str) -> None:
    if json:
        as_json(state)
    else:
        out().print(said, markup=False)


def _named(state: Mapping[str, Any]) -> str:
    source, _, name = str(state["about"]).partition(":")
    return name if source == "promise" else f"{source} {name}"


def _when(state: Mapping[str, Any]) -> str:
    if state["status"] != "open":
        return f"closed on {state['closed_on']}"
    return f"by {state['due_on']}" + (" (overdue)" if state.get("overdue") else "")


def _day(written: str, option: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(f"{option} is a day, written such as 2026-12-15.") from None
