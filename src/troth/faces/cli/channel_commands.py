"""`troth channel`: who answers for each way data comes in, what people meet there, and what shows it."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF

app = typer.Typer(no_args_is_help=True, help="Review the channels by which data comes in (GDPR Art. 13).")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command()
def review(
    channel: str = typer.Argument(..., help="A channel of the policy, by its name."),
    owner: str = typer.Option(..., help="Who answers for it, such as a team."),
    proof: Path = typer.Option(
        ..., help="What shows the notice there: a screenshot, a photograph, the form."
    ),
    notice: str = typer.Option(
        "", help="The version of the notice people meet there; by default the policy's own."
    ),
    on: str = typer.Option("", metavar="DATE", help="The day it was seen; today if left out."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record who answers for a channel, which notice people meet there, and what shows it.

    Example: troth channel review trade-show --owner "Field marketing" --proof stand.jpg --staff marie
    """
    from troth.work.establishment import day_here
    from troth.work.review_channel import review as record

    opened = project()
    try:
        seen = date.fromisoformat(on) if on else day_here(opened)
    except ValueError:
        raise NotAllowedError("--on is a day, written such as 2026-11-23.") from None
    event = record(
        opened,
        channel,
        owner=owner,
        notice=notice or opened.policy.version,
        proof=proof,
        on=seen,
        staff=staff,
    )
    if json:
        as_json({"event": event.id, **event.facts})
    else:
        facts = event.facts
        out().print(
            f"{facts['channel']}: version {facts['notice_version']}, seen on {facts['on']}.", markup=False
        )


@app.command("list")
def list_(json: bool = JSON) -> None:
    """List the channels of the policy with their owner, the notice met there and when it was seen.

    Example: troth channel list
    """
    from troth.work.review_channel import every

    opened = project()
    found = every(opened)
    if json:
        as_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
        return
    now = opened.policy.version
    rows = [
        [one.channel, one.owner or "–", (one.notice or "–") + (" (old)" if one.notice not in {"", now} else ""),
         one.on or "never", one.proof_sha256[:12] or "–"]
        for one in found
    ]  # fmt: skip
    out().print(table("", ["channel", "owner", "notice", "seen on", "proof"], rows))


@app.command("proof")
def proof_(
    channel: str = typer.Argument(..., help="A channel of the policy, by its name."),
    output: Path = typer.Option(
        ..., "-o", "--output", metavar="OUT", help="Where to; - for standard output."
    ),
) -> None:
    """Write out what the last review of a channel was shown.

    Example: troth channel proof trade-show -o stand.jpg
    """
    from troth.work.review_channel import proof

    name, chunks = proof(project(), channel)
    if str(output) == "-":
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return
    if output.exists():
        raise NotAllowedError(f"{output.name} is there already. Name another file.")
    with output.open("wb") as written:
        for chunk in chunks:
            written.write(chunk)
    out().print(f"{name} is in {output}.", markup=False)
