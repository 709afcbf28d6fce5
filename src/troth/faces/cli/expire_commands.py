"""`troth expire`: old versions of tables removed once their time is over."""

from __future__ import annotations

import typer

from troth.faces.cli.console import as_json, out
from troth.faces.cli.context import project


def expire(
    stores: list[str] = typer.Argument(
        None, help="Stores by their names; left out, all that keep versions.", metavar="[STORE]..."
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Remove old versions of tables whose period is over, as `versions_expire` of the map says.

    Example: troth expire events
    """
    from troth.work import expire_versions

    done = expire_versions.expire(project(), stores or [])
    if json:
        as_json({"files": done})
        return
    for name, files in done.items():
        out().print(f"{name}: files of old versions removed: {files}.")
    if not done:
        out().print("No map says `versions_expire`, so no store keeps old versions that Troth should remove.")
