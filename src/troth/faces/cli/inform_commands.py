"""`troth inform`: tell people that their data came from somebody else, in time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project

app = typer.Typer(
    no_args_is_help=True, help="Inform people whose data came from somebody else (GDPR Art. 14)."
)
STAFF = typer.Option(
    ..., "--staff", "-s", help="Who you are, as it stands in the record.", envvar="TROTH_STAFF"
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command()
def add(
    email: str = typer.Argument(..., help="The person's e-mail address."),
    source: str = typer.Option(..., help="Who gave the data: a source of the policy, by its name."),
    on: str = typer.Option(..., metavar="DATE", help="The day the data was obtained."),
    name: str = typer.Option("", help="The person's name."),
    language: str = typer.Option("", help="en or fr; the policy's own if left out."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record that data came from somebody else; the notice is owed within a month.

    Example: troth inform add ada@example.org --source employer --on 2026-11-20 --staff marie
    """
    from troth.work import inform

    try:
        obtained = date.fromisoformat(on)
    except ValueError:
        raise NotAllowedError("--on is a day, written such as 2026-11-23.") from None
    one = inform.record(project(), email, source, obtained, staff, name=name, language=language)
    if json:
        as_json({"name": one.ident, **one.state})
    else:
        out().print(f"The notice {one.ident} is {one.state['status']}, due by {one.state['due']}.")


@app.command()
def send(
    names: list[str] = typer.Argument(None, help="The notices, by name; every one that is owed without."),
    json: bool = JSON,
) -> None:
    """Send the notices that are owed; what does not go out stays owed.

    Example: troth inform send
    """
    from troth.work import inform

    opened = project()
    wanted = names or [one.ident for one in inform.owed(opened)]
    for name in wanted:
        inform.tell(opened, name)
    states = [inform.load(opened, name).state["status"] for name in wanted]
    told, owed = states.count("told"), states.count("owed")
    if json:
        as_json({"told": told, "owed": owed})
    else:
        out().print(f"Told: {told}; still owed: {owed}.")
        if len(states) > told + owed:
            out().print(f"Not told, because their data was erased: {len(states) - told - owed}.")
    if owed:
        raise typer.Exit(1)


@app.command()
def exempt(
    names: list[str] = typer.Argument(None, metavar="[NAME]…", help="The notices, by name; or --source."),
    ground: str = typer.Option(
        ..., "--ground", metavar="a|b|c|d", help="The letter of Art. 14(5) that applies."
    ),
    reason: str = typer.Option(..., "--reason", help="Why it applies, in words; kept encrypted."),
    by: str = typer.Option(..., "--by", help="Who decided so; kept encrypted."),
    source: str = typer.Option("", "--source", help="Every notice that is owed of this source."),
    public: str = typer.Option(
        "", "--public", help="For (b): where the information was made public instead."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record that nobody need be told, by which letter of Art. 14(5), why, and who decided so: the clock stops.

    Example: troth inform exempt --source employer --ground a --reason "the employer told them" --by "the officer"
    """
    from troth.work.exempt_notice import exempt as exempting

    found = exempting(project(), names or (), ground, reason, by, staff, source=source, made_public=public)
    if json:
        as_json([{"name": one.ident, **one.state} for one in found])
    else:
        told = "1 notice is" if len(found) == 1 else f"{len(found)} notices are"
        out().print(f"{told} owed no more, by Art. 14(5)({ground}).", markup=False)


@app.command()
def withdraw(
    names: list[str] = typer.Argument(..., metavar="NAME…", help="The notices, by name."),
    reason: str = typer.Option(
        ..., "--reason", help="Why the exemption does not apply, in words; kept encrypted."
    ),
    by: str = typer.Option(..., "--by", help="Who decided so; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Withdraw an exemption of Art. 14(5): the notice is owed by its first day again, late where that is over.

    Example: troth inform withdraw 4b1c9e2a7f03d865 --reason "he was never told" --by "the officer"
    """
    from troth.rules.collection import is_late
    from troth.work.establishment import day_here
    from troth.work.exempt_notice import withdraw as withdrawing

    opened = project()
    found = withdrawing(opened, names, reason, by, staff)
    if json:
        as_json([{"name": one.ident, **one.state} for one in found])
        return
    today = day_here(opened)
    for one in found:
        late = ", and is late" if is_late(one.state, today) else ""
        out().print(f"{one.ident}: owed by {one.state['owed_by']}{late}.", markup=False)


@app.command("list")
def list_(
    every: bool = typer.Option(False, "--all", help="Those that were sent too."),
    json: bool = JSON,
) -> None:
    """List the notices that are owed, the most urgent first; nobody is named.

    Example: troth inform list
    """
    from troth.rules.collection import is_late
    from troth.work import inform
    from troth.work.establishment import day_here

    opened = project()
    found = list(inform.owed(opened, every=every))
    if json:
        as_json([{"name": one.ident, **one.state} for one in found])
        return
    if not found:
        out().print("No notice is owed.")
        return
    today = day_here(opened)
    rows = [
        [
            one.ident,
            one.state["source"],
            one.state["obtained"],
            one.state["owed_by"] or "–",
            _stands(one.state, late=is_late(one.state, today)),
        ]
        for one in found
    ]
    out().print(table("", ["notice", "source", "obtained", "due", "told"], rows))


def _stands(state: Mapping[str, Any], *, late: bool) -> str:
    if state.get("exempt"):
        return f"exempt ({state['exempt']})"
    return str(state["told_on"] or ("late" if late else state["status"]))
