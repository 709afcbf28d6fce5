"""`troth objection`: record objections, and take over who refused before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from troth.faces.cli.consent_commands import IDENTIFIER, JSON, SHOWN_MAX
from troth.faces.cli.console import as_json, out, progress
from troth.faces.cli.context import project
from troth.faces.cli.disclosure_commands import pair
from troth.faces.cli.staff import STAFF

app = typer.Typer(
    no_args_is_help=True, help="Record objections; import refusal lists, or declare that there are none."
)
CHANNEL = typer.Option("*", help="The channel it closes, such as email; every one if left out.")


@app.command()
def record(
    about: list[str] = IDENTIFIER,
    purpose: str = typer.Option("", help="The purpose; all direct marketing if left out."),
    channel: str = CHANNEL,
    controller: str = typer.Option("*", help="The company; every one if left out."),
    method: str = typer.Option(
        "staff", help="How it was said: email, phone, post, link, web, paper, staff, …"
    ),
    wording: str = typer.Option("", help="What the person wrote; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record an objection; it takes effect at once, for the address too.

    Example: troth objection record --about email=ada@example.org --channel email --staff marie
    """
    from troth.work.record_objection import record_objection

    opened = project()
    known = opened.policy.purposes.get(purpose)
    scope: Any = "marketing" if not purpose or (known and known.marketing) else "purpose"
    event = record_objection(
        opened, [pair(one, "--about") for one in about], scope=scope, purpose=purpose, channel=channel,
        controller=controller, method=method, wording=wording, actor=staff,
    )  # fmt: skip
    if json:
        as_json({"event": event.id, **event.facts})
        return
    out().print(f"Recorded, as event {event.id}. It is in effect.")


@app.command("import")
def import_(
    file: Path = typer.Argument(
        ..., help="A CSV file or a workbook (.xlsx, .ods) with a heading, or JSON lines (.jsonl)."
    ),
    channel: str = typer.Option(..., help="The channel that was refused, such as email; * for every one."),
    controller: str = typer.Option("", help="The company whose list it is; the main one if left out."),
    source: str = typer.Option("", help="The tool it comes from, as a short code."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read every row, and record nothing."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Take over a list of objections, unsubscribes or refusals: each counts at once and needs no proof.

    Columns: email (or kind and identifier), and where known on, purpose, channel.

    Example: troth objection import unsubscribed.csv --channel email --source mailer --staff marie
    """
    from troth.work import import_choices
    from troth.work.establishment import establishment

    opened = project()
    company = establishment(opened, controller or None).entity
    wrong: list[tuple[int, str]] = []
    with progress("Closing addresses") as advance:

        def judged() -> Any:
            for row in import_choices.refusals(opened, file, channel):
                wrong.extend((row.number, sentence) for sentence in row.wrong)
                yield row

        done = import_choices.take_refusals(
            opened, file, judged(), controller=company, channel=channel, source=source, staff=staff, dry_run=dry_run,
            advance=advance,
        )  # fmt: skip
    if json:
        as_json({"taken": done.taken, "known": done.known, "wrong": wrong, "dry_run": dry_run})
    else:
        for _, sentence in wrong[:SHOWN_MAX]:
            out().print(sentence, markup=False)
        if len(wrong) > SHOWN_MAX:
            out().print(f"… and {len(wrong) - SHOWN_MAX} more; --json lists them all.")
        would = "would be closed" if dry_run else "closed"
        out().print(f"Addresses {would}: {done.taken}; closed already: {done.known}; not read: {len(wrong)}.")
    if wrong:
        raise typer.Exit(1)


@app.command()
def none(
    channel: str = typer.Option(..., help="The channel, such as email; * for every one."),
    controller: str = typer.Option("", help="The company; the main one if left out."),
    staff: str = STAFF,
) -> None:
    """Declare that nobody refused by this channel before Troth: until a list is imported or this is said, no marketing.

    Example: troth objection none --channel email --staff marie
    """
    from troth.work.declare_refusals import declare_refusals
    from troth.work.establishment import establishment

    opened = project()
    event = declare_refusals(opened, establishment(opened, controller or None).entity, channel, staff=staff)
    out().print(f"Recorded, as event {event.id}.")


@app.command("list")
def list_(json: bool = JSON) -> None:
    """List for which companies and channels the refusals of old are known.

    Example: troth objection list
    """
    from troth.work.declare_refusals import known

    found = sorted(known(project()))
    if json:
        as_json([{"company": company, "channel": channel} for company, channel in found])
        return
    for company, channel in found:
        out().print(f"{company}: {channel}", markup=False)
    if not found:
        out().print("None are known: no marketing goes out.")
