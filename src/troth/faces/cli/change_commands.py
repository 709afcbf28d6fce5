"""`troth policy`: what a new version promises otherwise, what follows from it, and telling people of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from troth.errors import NotAllowedError
from troth.faces.cli import draft_commands
from troth.faces.cli.console import as_json, out, progress, table
from troth.faces.cli.context import project
from troth.faces.cli.taking import give, shape_of

if TYPE_CHECKING:
    from rich.console import Console

    from troth.work.weigh_change import Weighed

app = typer.Typer(no_args_is_help=True)
app.add_typer(draft_commands.app, name="draft")
FORMATS = ("text", "json", "html")
WORDS = {
    "rows_due": "rows fall due",
    "rows_stay": "rows stay longer",
    "rows_uncounted": "rows nobody can count",
    "undeclared": "no longer declared",
    "consent": "consent to ask again",
    "cookie_consent": "cookies to ask again",
    "notice": "people to tell",
    "objection_notice": "right to object to present",
    "recipient": "recipient to tell",
    "clock": "clock",
    "announcement": "announcement",
}
STAFF = typer.Option(
    "troth", "--staff", "-s", help="Who you are, as it stands in the record.", envvar="TROTH_STAFF"
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command()
def diff(
    since: str = typer.Option(
        "", "--from", help="The earlier version (default: the one that holds until the later does)."
    ),
    until: str = typer.Option("", "--to", help="The later version (default: the files as they stand)."),
    language: str = typer.Option("", "--language", "-l", help="In whose words values are shown: en or fr."),
    format: str = typer.Option(
        "",
        "--format",
        "-f",
        show_default=False,
        help="text, json or html (default: as the file is named, else text).",
    ),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Write to this file."),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
) -> None:
    """Say what a version promises otherwise, promise by promise, and what follows in stores and for people.

    Nothing is published, recorded or changed.

    Example: troth policy diff --format html -o change.html
    """
    from troth.work.weigh_change import weigh

    shape = shape_of("json" if json else format, output, FORMATS)
    weighed = weigh(project(), since, until, language)
    if weighed is None:
        raise NotAllowedError(
            "No version is published yet: there is nothing to compare with. `troth publish` does."
        )
    if shape == "text" and output is None:
        show(weighed, out())
    elif shape == "json" and output is None:
        as_json(_told(weighed))
    else:
        give(_written(weighed, shape), output, shape, "change", force=force)


@app.command("set")
def set_value(
    promise: str = typer.Argument(..., metavar="PROMISE", help="Its id, as `troth audit` shows it."),
    field: str = typer.Argument(
        ..., metavar="FIELD", help="The path of the value, as `troth policy diff` tells it."
    ),
    value: str = typer.Argument(
        ..., metavar="VALUE", help="What it is to be, as it would stand in the file."
    ),
    json: bool = JSON,
) -> None:
    """Write one value of a promise, or of an entry of the register, otherwise; nothing else of its file changes.

    What would make a file wrong is refused, and nothing is written. What is public takes effect for people once it
    is published.

    Example: troth policy set register/activities/activity/premises reviewed 2026-12-01
    """
    from troth.policy.rewriting import rewritten
    from troth.work.write_whole import write_whole

    here = project()
    file, text = rewritten(here.written, promise, field, value)
    write_whole(here.settings.folder / file, text)
    if json:
        as_json({"promise": promise, "field": field, "value": value, "file": file})
        return
    public = not file.startswith("register/")
    more = " Raise the version, then troth policy diff and troth publish." if public else ""
    out().print(f"{file}: {field} of {promise} is now {value}.{more}", markup=False)


@app.command()
def announce(
    version: str = typer.Option("", "--version", help="Which version (default: the one published last)."),
    by: str = typer.Option("email", "--by", help="email writes to people; site and post are attested."),
    on: datetime | None = typer.Option(
        None, "--on", formats=["%Y-%m-%d"], help="The day it was done, for site and post (default: today)."
    ),
    proof: str = typer.Option("", "--proof", help="What shows it, for site and post; kept encrypted."),
    per_minute: int = typer.Option(600, "--per-minute", help="How many letters leave in a minute at most."),
    most: int | None = typer.Option(None, "--most", help="How many letters this run sends at most."),
    left_out: list[str] = typer.Option(
        [], "--left-out", help="A store that cannot be read whole and whose people are reached otherwise."
    ),
    schedule: datetime | None = typer.Option(
        None, "--schedule", formats=["%Y-%m-%d"], help="Let the worker write to people from this day on."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Announce a published version by a way that the version before promised; said again, nobody is written to twice.

    Exit 1 when letters are left, or by e-mail not everybody was reached, so that no announcement is recorded.

    Example: troth policy announce --by email --per-minute 300
    """
    from troth.work import announce_change
    from troth.work.establishment import day_here

    opened = project()
    if schedule is not None:
        if by != "email":
            raise NotAllowedError(
                "The worker writes e-mails. What is announced by site or post, staff attest."
            )
        from troth.work.announce_due import schedule as set_day

        event = set_day(
            opened, schedule.date(), version, staff=staff, left_out=left_out, per_minute=per_minute
        )
        told = {"version": event.facts["version"], "way": by, "from": event.facts["on"], "event": event.id}
        if json:
            as_json(told)
        else:
            out().print(
                f"The worker writes of version {told['version']} from {told['from']} on.", markup=False
            )
        return
    if by != "email":
        event = announce_change.attest(
            opened, by, on.date() if on else day_here(opened), proof, staff, version
        )
        told = {"version": event.facts["version"], "way": by, "on": event.facts["on"], "event": event.id}
        if json:
            as_json(told)
        else:
            out().print(
                f"Version {told['version']}: announced by {by} on {told['on']}. Event {event.id}.",
                markup=False,
            )
        return
    with progress("Writing") as advance:
        done = announce_change.write_to_all(
            opened, version, staff=staff, per_minute=per_minute, most=most, left_out=left_out, advance=advance
        )
    if json:
        as_json(done)
    else:
        if done.unread:
            left = (
                f"Nobody can look up whom {', '.join(done.unread)} names, so the announcement is not recorded. "
                "Reach them otherwise, then say it again with --left-out and the name of each."
            )
        elif not done.done:
            left = "Say it again for those who are left."
        else:
            left = (
                "Nobody is left." if done.recorded else "No letter was taken, so no announcement is recorded."
            )
        out().print(
            f"{done.sent} letters sent; {done.known} had theirs, {done.failed} failed, {done.unreadable} addresses "
            f"cannot be written to, {done.restricted} have their data restricted. {left}",
            markup=False,
        )
    if not done.recorded:
        raise typer.Exit(1)


@app.command()
def announced(
    version: str = typer.Option("", "--version", help="Of which version; with --address."),
    address: str = typer.Option(
        "", "--address", help="Whether a letter went to this e-mail address, and which event shows it."
    ),
    json: bool = JSON,
) -> None:
    """Say how each change that holds or is coming was announced: by which ways, on which day, in time or not.

    Exit 1 when a promised announcement is late or missing.

    Example: troth policy announced --address maelle@ateliers.example
    """
    from troth.rules import announcement
    from troth.work import announce_change
    from troth.work.establishment import day_here

    opened = project()
    if address:
        known = announce_change.coming(opened, version)
        event = announce_change.letter_to(opened, known.version, address)
        if json:
            as_json(
                {
                    "version": known.version,
                    "event": event.id if event else None,
                    "at": event.at if event else None,
                }
            )
        elif event is None:
            out().print(f"No letter about version {known.version} went there.", markup=False)
        else:
            out().print(f"A letter about version {known.version} went there on {event.at:%Y-%m-%d}: event {event.id}.",
                        markup=False)  # fmt: skip
        return
    found = tuple(announce_change.announced(opened))
    word, figure, _, wrong = announcement.judge(found, day_here(opened))
    if json:
        as_json({"verdict": word if found else "kept", "figure": figure, "wrong": wrong,
                 "versions": [asdict(one) for one in found]})  # fmt: skip
    elif not found:
        out().print("There is no change that the version before promised to announce.")
    else:
        rows = [
            [one.version, str(one.effective), str(one.by or "–"), way, str(done or "not yet")]
            for one in found
            for way, done in one.ways.items()
        ]
        out().print(table("Announcements", ["version", "takes effect", "due by", "way", "done on"], rows))
        out().print(escape("\n".join(dict.fromkeys([figure, *wrong]))))
    if word == "broken":
        raise typer.Exit(1)


def show(weighed: Weighed, console: Console) -> None:
    """Print what a version promises otherwise, and what follows."""
    head = f"From version {weighed.was} to {weighed.becomes}"
    if not weighed.differences:
        words = f" The words of clauses {', '.join(weighed.reworded)} changed." if weighed.reworded else ""
        console.print(f"{head}: no promise changed.{words}", markup=False)
        return
    rows = [
        [
            one.clause,
            escape(one.promise),
            one.field or one.what,
            escape(one.was or "–"),
            escape(one.becomes or "–"),
        ]
        for one in weighed.differences
    ]
    console.print(table(head, ["clause", "promise", "what", "was", "becomes"], rows))
    rest = [one for one in weighed.reworded if one not in {found.clause for found in weighed.differences}]
    if rest:
        console.print(
            f"The words of clauses {', '.join(rest)} changed, and none of their promises.", markup=False
        )
    if not weighed.consequences:
        console.print("Nothing follows in stores, for consents or for people.")
    else:
        console.print("What follows:")
    for one in weighed.consequences:
        about = "" if one.count is None else f" ({one.count})"
        console.print(f"  {WORDS[one.what]}{about}, {one.promise}: {one.says}", markup=False)
        if one.command:
            console.print(f"    {one.command}", style="dim", markup=False)
    if weighed.too_soon:
        console.print("[bold red]It takes effect too soon to be announced as promised: the promise `change` will be "
                      "broken.[/]")  # fmt: skip


def _told(weighed: Weighed) -> dict[str, Any]:
    return {
        "from": weighed.was, "to": weighed.becomes, "effective": weighed.effective, "too_soon": weighed.too_soon,
        "differences": weighed.differences, "reworded": weighed.reworded, "consequences": weighed.consequences,
    }  # fmt: skip


def _written(weighed: Weighed, shape: str) -> bytes:
    import json
    from importlib.resources import files

    if shape == "json":
        plain = {**_told(weighed), "differences": [asdict(one) for one in weighed.differences],
                 "consequences": [asdict(one) for one in weighed.consequences]}  # fmt: skip
        return (json.dumps(plain, indent=2, ensure_ascii=False, default=_plain) + "\n").encode()
    if shape == "html":
        from jinja2 import Environment

        template = (files("troth.faces") / "change.html").read_text(encoding="utf-8")
        return Environment(autoescape=True).from_string(template).render(one=weighed, words=WORDS).encode()
    lines = [
        f"{one.promise}\t{one.field or one.what}\t{one.was}\t{one.becomes}\n" for one in weighed.differences
    ]
    lines += [f"{one.what}\t{one.promise}\t{one.says}\n" for one in weighed.consequences]
    return "".join(lines).encode()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
