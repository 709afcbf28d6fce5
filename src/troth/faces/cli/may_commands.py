"""`troth may`: what may be done with somebody, and why; and the same for a list of millions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.consent_commands import JSON
from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project
from troth.faces.cli.disclosure_commands import day, pair

app = typer.Typer(help="Say what may be done with somebody, and why; filter lists.")
PURPOSE = typer.Option(..., help="The purpose of the policy.")
CHANNEL = typer.Option("", help="The channel, such as email; every channel of the purpose if left out.")
ENTITY = typer.Option("", help="The company that does it; the main one if left out.")
ADDRESSEE = typer.Option("consumer", help="Whom it reaches: consumer, customer or professional.")
OTHER = typer.Option(
    False, "--other-basis", help="They are among those with the purpose's other legal basis."
)


@app.callback(invoke_without_command=True)
def ask(
    ctx: typer.Context,
    about: list[str] = typer.Option([], help="An identifier of the person, as kind=value. May be repeated."),
    purpose: str = typer.Option("", help="The purpose of the policy."),
    channel: str = CHANNEL,
    entity: str = ENTITY,
    addressee: str = ADDRESSEE,
    country: str = typer.Option("", help="The country of the person; the company's if left out."),
    other_basis: bool = OTHER,
    on: str = typer.Option("", help="A moment past, such as 2026-03-05T14:30:00; now if left out."),
    since: list[str] = typer.Option(
        [], help="From when a retention promise runs for them, as name=2026-03-05. May be repeated."
    ),
    language: str = typer.Option("en", help="The language of the reason."),
    json: bool = JSON,
) -> None:
    """Say whether something may be done with somebody, and why; exit with 1 where it may not.

    Example: troth may --about email=ada@example.org --purpose newsletter --channel email
    """
    if ctx.invoked_subcommand is not None:
        return
    if not about or not purpose:
        raise NotAllowedError("Say about whom and for what: --about email=ada@example.org --purpose NAME.")
    from troth.rules.may import Question, not_judged, sentence
    from troth.work.establishment import day_here
    from troth.work.may import may

    opened = project()
    days = {name: day(value) for name, value in (pair(one, "--since") for one in since)}
    found = may(
        opened, [pair(one, "--about") for one in about], purpose, channel=channel or None, entity=entity or None,
        on=_moment(on) if on else None, addressee=_addressee(addressee), country=country, other_basis=other_basis,
        since=days,
    )  # fmt: skip
    reason = found.reason
    open_ended = not_judged(
        opened.policy, Question(purpose, entity, day_here(opened), since=tuple(days.items()))
    )
    if json:
        as_json({"may": found.allowed, "code": reason.code, "why": sentence(reason, language), "clause": reason.clause,
                 "promise": reason.promise, "event": reason.event, "at": reason.at,
                 "retention_not_judged": list(open_ended)})  # fmt: skip
    else:
        out().print(sentence(reason, language), markup=False)
        if reason.event:
            err().print(f"It stands on {reason.event}.", markup=False)
        if open_ended and found.allowed:
            err().print(
                f"Whether retention has run out was not judged: nobody said from which day {', '.join(open_ended)} "
                f"runs for them. Give it with --since {open_ended[0]}=2026-03-05.",
                markup=False,
            )
    if not found.allowed:
        raise typer.Exit(1)


@app.command("filter")
def filter_(
    file: Path = typer.Argument(..., help="A file with one address a line."),
    purpose: str = PURPOSE,
    to: Path = typer.Option(..., "--out", "-o", help="The file for the addresses that may be used."),
    channel: str = CHANNEL,
    entity: str = ENTITY,
    kind: str = typer.Option("email", help="What the lines are, such as email or phone."),
    addressee: str = ADDRESSEE,
    other_basis: bool = OTHER,
    processes: int = typer.Option(0, help="How many processes work at once; one for each core if 0."),
    json: bool = JSON,
) -> None:
    """Filter a list: write out the addresses that may be used, and count the others by reason.

    Example: troth may filter audience.txt --purpose newsletter --channel email -o allowed.txt
    """
    from troth.work.filter_audience import Audience, filter_file

    opened = project()
    audience = Audience(purpose, channel or None, entity or None, kind, _addressee(addressee), other_basis)
    folder = opened.settings.folder / ".troth" / "gates" / "filter"
    with progress("Filtering") as advance:
        done = filter_file(opened, file, to, audience, folder=folder, processes=processes, advance=advance)
    if json:
        as_json({"allowed": done.allowed, "stopped": done.stopped, "reasons": dict(done.reasons)})
        return
    rows = [[code, f"{number:,}"] for code, number in done.reasons.most_common()]
    out().print(table("", ["reason", "addresses#"], rows))
    out().print(f"{done.allowed:,} may be used, {done.stopped:,} may not. Written: {to}", markup=False)


def _addressee(written: str) -> Any:
    from troth.law.prospecting import ADDRESSEES

    if written not in ADDRESSEES:
        raise NotAllowedError(f"There is no addressee {written[:20]!r}. There are: {', '.join(ADDRESSEES)}.")
    return written


def _moment(written: str) -> datetime:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(
            f"{written[:30]!r} is no moment. Write it as 2026-03-05T14:30:00+01:00."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
