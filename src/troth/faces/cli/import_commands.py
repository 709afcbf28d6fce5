"""`troth import`: a policy as plain text, a list of people that came in by a channel, a table of another tool."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, progress
from troth.faces.cli.context import project
from troth.faces.cli.import_tables import DOES, importing
from troth.faces.cli.policy_commands import import_policy
from troth.faces.cli.staff import STAFF

SHOWN_MAX = 20


class PolicyUnlessNamed(TyperGroup):
    """`troth import FILE` takes a policy in; every other import is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `policy` before what names no import."""
        named = args and (args[0] in self.commands or args[0] in {"--help", "-h"})
        return super().parse_args(ctx, args if named or not args else ["policy", *args])


app = typer.Typer(
    cls=PolicyUnlessNamed,
    no_args_is_help=True,
    help="Turn a plain text policy into a Troth policy, take in a list of people, or come from another tool.",
)
app.command("policy")(import_policy)
for kind in DOES:
    app.command(kind)(importing(kind))


@app.command()
def collected(
    file: Path = typer.Argument(
        ..., help="A CSV file or a workbook (.xlsx, .ods); its first line names the columns."
    ),
    channel: str = typer.Option("", help="By which channel of the policy the data came in. Required."),
    on: str = typer.Option("", metavar="DATE", help="The day the data was obtained. Required."),
    source: str = typer.Option(
        "",
        help="A source of the policy where others gave the data; else a name such as salon-lyon-2026. Required.",
    ),
    notice: str = typer.Option(
        "", help="The version of the notice people met; by default what the review of the channel says."
    ),
    given_by: str = typer.Option("", help="Who gave a list of other people's data, and warrants for it."),
    warrants: list[str] = typer.Option(
        [], help="What they warrant: inform, legal_basis, refer_to_policy. May be repeated."
    ),
    warranty: Path | None = typer.Option(
        None, help="Their statement, kept encrypted with its hash on record."
    ),
    language: str = typer.Option(
        "", help="en or fr, for rows without a language; the policy's own if left out."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and judge every row, and record nothing."),
    staff: str = STAFF,
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """Take in a list of people: by which channel, from whom, when, under which notice. Each row once.

    Example: troth import collected stand.csv --channel trade-show --on 2026-11-20 --source salon-lyon --staff marie
    """
    from troth.rules.collection import HandedIn
    from troth.work import import_collected

    opened = project()
    obtained = _required(channel, on, source)
    told = HandedIn(channel.strip(), source.strip(), obtained, notice, tuple(warrants), given_by)
    import_collected.terms(opened, told)
    with progress("Reading") as advance:
        rows = []
        for one in import_collected.listed(file, language):
            rows.append(one)
            advance()
    wrong = [sentence for one in rows for sentence in one.wrong]
    with progress("Recording", len(rows)) as advance:
        done = import_collected.take(
            opened, file, told, rows, staff=staff, warranty=warranty, advance=advance, dry_run=dry_run
        )
    if json:
        as_json(
            {"taken": done.taken, "known": done.known, "twice": done.twice, "owed": done.owed, "wrong": wrong,
             "unread": done.unread, "dry_run": dry_run}
        )  # fmt: skip
    else:
        for sentence in wrong[:SHOWN_MAX]:
            out().print(sentence, markup=False)
        if len(wrong) > SHOWN_MAX:
            out().print(f"… and {len(wrong) - SHOWN_MAX} more; --json lists them all.")
        if done.unread:
            err().print(f"Not read: the columns {', '.join(done.unread)}.", markup=False)
        would = "would be recorded" if dry_run else "recorded"
        out().print(
            f"People {would}: {done.taken}; known already: {done.known}; twice in the list: {done.twice}; "
            f"rows with mistakes: {sum(bool(one.wrong) for one in rows)}."
        )
        if done.owed:
            out().print(
                f"Notices owed now, because the data came from others: {done.owed}. `troth inform send` sends them."
            )
    if wrong:
        raise typer.Exit(1)


def _required(channel: str, on: str, source: str) -> date:
    """Refuse a list that does not say how it came in."""
    missing = [
        name for name, value in (("channel", channel), ("on", on), ("source", source)) if not value.strip()
    ]
    if missing:
        raise NotAllowedError(
            f"A list does not come in without saying how: add {', '.join(f'--{name}' for name in missing)}."
        )
    try:
        return date.fromisoformat(on)
    except ValueError:
        raise NotAllowedError("--on is a day, written such as 2026-11-23.") from None
