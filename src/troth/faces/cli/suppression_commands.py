"""`troth suppression`: whom a tool that cannot ask must leave out."""

from __future__ import annotations

from pathlib import Path

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.consent_commands import JSON
from troth.faces.cli.console import as_json, err, out, progress
from troth.faces.cli.context import project

app = typer.Typer(no_args_is_help=True, help="Give tools that cannot ask the addresses they must leave out.")


@app.command()
def sync(
    name: list[str] = typer.Argument(None, help="Tables of [suppression.NAME]; every one if left out."),
    to: Path | None = typer.Option(None, "--out", "-o", help="Write a CSV file instead of a table."),
    purpose: str = typer.Option("", help="For a file: the purpose."),
    channel: str = typer.Option("", help="For a file: the channel; every one of the purpose if left out."),
    kind: str = typer.Option("email", help="For a file: the kind of identifier."),
    hashed: bool = typer.Option(False, help="For a file: SHA-256 of each address in place of the address."),
    json: bool = JSON,
) -> None:
    """Bring a tool's table, or a file, up to date with the people Troth holds and the tool must leave out.

    Example: troth suppression sync mailer
    """
    from troth.work import sync_suppression

    opened = project()
    if to is not None:
        if not purpose:
            raise NotAllowedError("A file is made for a purpose: say which, with --purpose.")
        with progress("Looking at people") as advance:
            found = sync_suppression.left_out(
                opened, purpose, channel or None, kind=kind, hashed=hashed, advance=advance
            )
            done = {str(to): sync_suppression.to_file(found, to)}
    else:
        tools = name or list(opened.settings.suppressions)
        if not tools:
            raise NotAllowedError(
                "troth.toml has no [suppression.NAME]. Write one, or write a file with --out."
            )
        with progress("Looking at people") as advance:
            done = {one: sync_suppression.sync(opened, one, advance) for one in tools}
    if json:
        as_json(
            {
                one: {"held": told.held, "added": told.added, "removed": told.removed}
                for one, told in done.items()
            }
        )
        return
    for one, told in done.items():
        out().print(
            f"{one}: {told.held} left out; new {told.added}, taken back {told.removed}.", markup=False
        )
    err().print("Who was erased is named nowhere: filter the tool's own list too (`troth may filter`).")
