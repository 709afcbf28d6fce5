"""`troth controls`: which control checks which promise."""

from __future__ import annotations

import typer

from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project


def controls(
    every: bool = typer.Option(False, "--every", help="List the controls there are, without a project."),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """List every promise with its control: what it checks, how often, and the command that shows it.

    Exit 1 when a promise has no control.

    Example: troth controls --json
    """
    from troth.rules import control

    if every:
        if json:
            as_json(control.every())
        else:
            rows = [[one.name, one.kind, one.checks, one.often, one.command] for one in control.every()]
            out().print(table("", ["control", "promise kind", "checks", "how often", "command"], rows))
        return
    policy = project().policy
    found = tuple(control.checked(policy))
    idle = control.idle(policy)
    if json:
        as_json(
            {
                "controls": [
                    {
                        "kind": one.promise.kind,
                        "promise": one.promise.id,
                        "clause": one.promise.clause,
                        "control": one.control,
                    }
                    for one in found
                ],
                "without_promise": idle,
            }
        )
    else:
        rows = [
            [
                one.promise.clause,
                one.promise.id,
                one.control.name if one.control else "[bold red]none[/]",
                one.control.checks if one.control else "",
            ]
            for one in found
        ]
        out().print(table("", ["clause", "promise", "control", "checks"], rows))
        if idle:
            err().print(f"Controls that guard no promise here: {', '.join(one.name for one in idle)}.")
    if any(one.control is None for one in found):
        raise typer.Exit(1)
