"""`troth incident`: from a report to the register, with the hours, the authority and the people."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF
from troth.faces.cli.taking import give, refuse_over, shape_of

app = typer.Typer(
    no_args_is_help=True, help="Handle a personal data breach, with its 72 hours and its register."
)
NUMBER = typer.Argument(..., help="The incident, such as I-2026-001.")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")
AT = "The moment with its offset from UTC, such as 2026-11-23T14:05+01:00; now if left out."


@app.command()
def report(
    what: str = typer.Option(..., help="What happened, in words; kept encrypted."),
    channel: str = typer.Option(
        "staff", help="How it was told: staff, portal, phone, email, processor or api."
    ),
    contact: str = typer.Option("", help="How whoever told it is reached; kept encrypted."),
    entity: str = typer.Option("", help="The company it happened to, where there are several."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Report an incident for triage; no hours run before somebody is certain that it was a breach.

    Example: troth incident report --what "A laptop was stolen from a car" --staff marie
    """
    from troth.work import incident

    _said(
        incident.report(project(), what, staff, channel=channel, entity=entity, contact=contact).state, json
    )


@app.command("list")
def list_(
    every: bool = typer.Option(False, "--all", help="Ended ones too."),
    json: bool = JSON,
) -> None:
    """List the incidents that go on, the one whose hours end first before the others.

    Example: troth incident list
    """
    from troth.work import incident

    opened = project()
    found = [one for one in incident.every(opened) if every or not one["ended_on"]]
    if json:
        as_json(found)
        return
    if not found:
        out().print("No incident goes on." if not every else "There is no incident.")
        return
    rows = [
        [one["number"], one["status"], one["risk"] or "–", str(one["people"] if one["people"] is not None else "–"),
         _due(opened, one)[:16].replace("T", " ") or "–", _left(opened, one)]
        for one in found
    ]  # fmt: skip
    out().print(table("", ["incident", "state", "risk", "people", "authority by", "and so"], rows))


@app.command()
def show(incident: str = NUMBER, staff: str = STAFF, json: bool = JSON) -> None:
    """Show where an incident stands and what was said of it; that you looked is recorded.

    Example: troth incident show I-2026-001 --staff marie
    """
    from troth.work import incident as work
    from troth.work.record_reading import record_reading

    opened = project()
    found = work.load(opened, incident)
    record_reading(opened, incident, staff, f"incident/{incident}")
    told = work.words(opened, incident)
    if json:
        as_json({**found.state, "words": told, "authority_due": _due(opened, found.state)})
        return
    console = out()
    console.print(
        f"\n[bold]{incident}[/bold]  {found.state['status']}  ·  authority: {_left(opened, found.state)}"
    )
    for name, value in {**found.state, **told}.items():
        if value not in (None, "", [], 0) and name not in {"number", "status", "entity", "due"}:
            said = ", ".join(map(str, value)) if isinstance(value, list) and name != "authority" else value
            console.print(f"  {name.replace('_', ' ')}: {said}", markup=False)


@app.command()
def certain(
    incident: str = NUMBER,
    by: str = typer.Option(..., help="The person who is reasonably certain; kept encrypted."),
    facts: str = typer.Option(..., help="By which facts it is certain, in words; kept encrypted."),
    at: str = typer.Option("", help=AT),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record since when it is certain that it was a breach: the 72 hours run from then, and it is never edited.

    Example: troth incident certain I-2026-001 --by "Dana Doe" --facts "the disk was not encrypted" --staff marie
    """
    from troth.work import incident as work

    opened = project()
    found = work.certain(opened, incident, by, _moment(opened, at), facts, staff)
    if json:
        as_json(found.state)
        return
    end = work.hours(opened, found.state)
    assert end is not None
    out().print(
        f"The authority must know by {end.due.isoformat(timespec='minutes')} ({end.law}): {end.hours} hours, through"
    )
    out().print("nights, weekends and holidays.")


@app.command()
def dismiss(
    incident: str = NUMBER,
    reason: str = typer.Option(..., help="Why it was no breach of personal data; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """End an incident that was no breach of personal data.

    Example: troth incident dismiss I-2026-001 --reason "the disk was encrypted and is back" --staff marie
    """
    from troth.work import incident as work

    _said(work.dismiss(project(), incident, reason, staff).state, json)


@app.command()
def assess(
    incident: str = NUMBER,
    risk: str = typer.Option(..., help="The risk to people: unlikely, risk or high."),
    why: str = typer.Option(..., help="Why it is that; kept encrypted."),
    of: list[str] = typer.Option(
        ..., help="Of what it was a breach: confidentiality, integrity or availability."
    ),
    category: list[str] = typer.Option([], help="A category of data that was touched. May be repeated."),
    people: int = typer.Option(-1, help="About how many people.", show_default=False),
    records: int = typer.Option(-1, help="About how many records.", show_default=False),
    nature: str = typer.Option("", help="What happened, as the authority is told it."),
    occurred: str = typer.Option("", help="From when until when it went on."),
    cause: str = typer.Option("", help="What caused it."),
    subjects: str = typer.Option(
        "", help="What kinds of people it touches, such as customers and applicants."
    ),
    consequences: str = typer.Option("", help="What is likely to follow for people."),
    measures: str = typer.Option("", help="What was done since, or is proposed."),
    measures_before: str = typer.Option(
        "", help="What protected the data before; the measures of the policy if left out."
    ),
    elsewhere: str = typer.Option(
        "", help="Other countries whose people it touches, or whose authorities know."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record the risk to people with its reasons; said again, the last counts and the others stay on record.

    Example: troth incident assess I-2026-001 --risk high --why "passwords in clear" --of confidentiality --people 120
    --category contact --consequences "others may sign in as them" --measures "passwords were reset" --staff marie
    """
    from troth.work import incident as work

    told = {
        "nature": nature,
        "occurred": occurred,
        "cause": cause,
        "subjects": subjects,
        "measures_before": measures_before,
        "elsewhere": elsewhere,
        "consequences": consequences,
        "measures": measures,
    }
    found = work.assess(
        project(), incident, risk, why, staff, types=of, categories=category, told=told,
        people=None if people < 0 else people, records=None if records < 0 else records,
    )  # fmt: skip
    _said(found.state, json)


@app.command()
def notice(
    incident: str = NUMBER,
    format: str = typer.Option(
        "", "--format", "-f", help="json or pdf (default: by the file's name, else json)."
    ),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Write to this file."),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
    language: str = typer.Option("", "--language", "-l", help="en or fr; the policy's if left out."),
    because: str = typer.Option("", help="The reasons for the delay, where it leaves late."),
    staff: str = STAFF,
) -> None:
    """Write the notice to the authority, with what Art. 33(3) lists and what follows later.

    Its fields are those of the form of the CNIL. Nothing is sent: copy it into the form of your authority, then record
    it with `troth incident notified`.

    Example: troth incident notice I-2026-001 -o notice.pdf -l fr --staff marie
    """
    from troth.work import breach_notice as work
    from troth.work.record_reading import record_reading

    shape = shape_of("json" if json else format, output, ("json", "pdf"))
    refuse_over(output, force=force)
    opened = project()
    language = work.language_of(opened, language)
    told = work.notice(opened, incident, language, because=because)
    record_reading(opened, incident, staff, f"incident/{incident}/notice")
    made = work.pdf(opened, told, language) if shape == "pdf" else _as_json(told)
    give(made, output, shape, "notice", force=force)
    if told["follows_later"] and output is not None and str(output) != "-":
        err().print(f"Not said yet, and to follow (Art. 33(4)): {work.lacking(told, 'en')}.", markup=False)


@app.command()
def notified(
    incident: str = NUMBER,
    reference: str = typer.Option(
        ..., help="The authority's reference, or what proves the sending; kept encrypted."
    ),
    at: str = typer.Option("", help=AT),
    because: str = typer.Option("", help="The reasons for the delay, where it came late; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record that the authority was told; the first time ends the hours, each later one completes it.

    Example: troth incident notified I-2026-001 --reference "CNIL 2026-11-4711" --staff marie
    """
    from troth.work import incident as work

    opened = project()
    _said(
        work.told_authority(opened, incident, _moment(opened, at), reference, staff, because=because).state,
        json,
    )


@app.command()
def people(
    incident: str = NUMBER,
    listed: Path | None = typer.Option(None, "--list", help="A file with an e-mail address a line."),
    store: str = typer.Option(
        "",
        "--from",
        help="A store: everybody it names; or a table as store.table: everybody its rows belong to.",
    ),
    dated: str = typer.Option("", help="A column of days of that table, to narrow its rows by."),
    since: str = typer.Option("", help="The first day in that column, such as 2026-03-01."),
    until: str = typer.Option("", help="The last day in that column, such as 2026-03-31."),
    nature: str = typer.Option(..., help="What happened, in plain words."),
    consequences: str = typer.Option(..., help="What it may mean for them."),
    measures: str = typer.Option(..., help="What was done."),
    advice: str = typer.Option(..., help="What they can do."),
    language: str = typer.Option("", help="The language of the letter: en or fr; the policy's if left out."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Write to the people it is about, each once however often it is said (GDPR Art. 34).

    Example: troth incident people I-2026-001 --from shop.customer --nature "…" --consequences "…" --measures "…"
    --advice "Change your password." --staff marie

    Example: troth incident people I-2026-001 --from shop.invoice --dated issued --since 2026-03-01 --until 2026-03-31
    --nature "…" --consequences "…" --measures "…" --advice "Look at your account." --staff marie
    """
    from troth.work import incident as work
    from troth.work.addresses import addresses_in, between_days, each_once

    opened = project()
    if (listed is None) is (not store):
        raise NotAllowedError("Say who they are: by --list FILE or by --from STORE, one of the two.")
    between = between_days(dated, since, until)
    if listed and between:
        raise NotAllowedError("A list is not narrowed by days: leave --dated, --since and --until out.")
    name, _, of = store.partition(".")

    def addresses() -> Iterator[str]:
        return each_once(_lines(listed)) if listed else addresses_in(opened, name, of, between)

    said = {"nature": nature, "consequences": consequences, "measures": measures, "advice": advice}
    if not yes:
        work.letter_to_people(opened, work.load(opened, incident), said, language)
        _ask_to_write(sum(1 for _ in addresses()))
    with progress("Writing") as advance:
        done = work.tell_people(
            opened, incident, addresses(), said, staff, language=language, advance=advance
        )
    told = {"sent": done.sent, "known": done.known, "failed": done.failed, "unreadable": done.unreadable}
    if json:
        as_json(told)
    else:
        out().print(
            f"Written to {done.sent}; to {done.known} before; could not be reached now: {done.failed}; no address: "
            f"{done.unreadable}." + (" Say it again for those that failed." if done.failed else "")
        )
    if done.failed or done.unreadable:
        raise typer.Exit(1)


@app.command()
def exempt(
    incident: str = NUMBER,
    ground: str = typer.Option(..., help="unintelligible, averted or made_public (Art. 34(3)(a) to (c))."),
    reason: str = typer.Option(
        ..., help="Which encryption, which measure, which public notice; kept encrypted."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record why people are not each written to though the risk is high.

    Example: troth incident exempt I-2026-001 --ground unintelligible --reason "AES-256, the key is safe" --staff marie
    """
    from troth.work import incident as work

    _said(work.exempt(project(), incident, ground, reason, staff).state, json)


@app.command()
def controller(
    incident: str = NUMBER,
    to: str = typer.Option("", help="The controller's name in the register: it is written to, once."),
    name: str = typer.Option("", help="The controller, where it was told by other means; kept encrypted."),
    proof: str = typer.Option(
        "", help="By what it was told, such as our mail of 3 December; kept encrypted."
    ),
    at: str = typer.Option(
        "", help="When it was told by other means (default: now), as 2026-11-23T14:05+01:00."
    ),
    language: str = typer.Option("", "--language", "-l", help="The language of the letter: en or fr."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Tell a controller whose processor we are, or record that it was told (GDPR Art. 33(2)).

    Example: troth incident controller I-2026-001 --to acme --staff marie

    Example: troth incident controller I-2026-001 --name "Acme" --proof "our mail of 23 November" --staff marie
    """
    from troth.work import incident as work
    from troth.work.tell_controller import tell_controller

    if bool(to) is bool(name or proof or at):
        raise NotAllowedError(
            "Say --to KEY, and it is written to; or --name and --proof of what was done, and --at."
        )
    opened = project()
    if not to:
        _said(work.told_controller(opened, incident, name, proof, staff, at=_moment(opened, at)).state, json)
        return
    address, now = tell_controller(opened, incident, to, staff, language=language)
    if json:
        as_json({"controller": to, "address": address, "sent": now})
        return
    out().print(f"Written to {address}." if now else f"It was written to before, at {address}.", markup=False)


@app.command()
def close(
    incident: str = NUMBER,
    lessons: str = typer.Option(..., help="What was learnt from it; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Close a breach once all that is owed was done; it stays in the register.

    Example: troth incident close I-2026-001 --lessons "disks of laptops are encrypted now" --staff marie
    """
    from troth.work import incident as work

    _said(work.close(project(), incident, lessons, staff).state, json)


@app.command()
def register(
    format: str = typer.Option(
        "", "--format", "-f", help="csv or json (default: by the file's name, else csv)."
    ),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Write to this file."),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
    staff: str = STAFF,
) -> None:
    """Write the register of breaches, also of those that nobody was told of (GDPR Art. 33(5)).

    With every notice to the authority, and each controller that was told, with their moments.

    Example: troth incident register -o breaches.csv --staff marie
    """
    from troth.work.breach_register import cell
    from troth.work.breach_register import register as drawn
    from troth.work.record_reading import record_reading

    shape = shape_of("json" if json else format, output, ("csv", "json"))
    refuse_over(output, force=force)
    opened = project()
    lines = list(drawn(opened))
    record_reading(opened, "incidents", staff, "incident/register")
    if shape == "json":
        give(_as_json(lines), output, shape, "breaches", force=force)
        return
    if not lines:
        err().print("No breach is on record: nothing was written.")
        return
    written = StringIO(newline="")
    sheet = csv.DictWriter(written, list(lines[0]))
    sheet.writeheader()
    sheet.writerows({name: _cell(cell(value)) for name, value in line.items()} for line in lines)
    give(written.getvalue().encode(), output, shape, "breaches", force=force)


def _as_json(told: object) -> bytes:
    from json import dumps

    return (dumps(told, ensure_ascii=False, indent=2) + "\n").encode()


def _ask_to_write(number: int) -> None:
    """Show how many addresses there are and ask; nothing has left yet."""
    if not number:
        raise NotFoundError("Nobody is named there: nothing was sent.")
    many = f"{number:,} addresses" if number > 1 else "1 address"
    if not typer.confirm(
        f"Write to {many}? Whoever was written to before is not written to again.", err=True
    ):
        raise typer.Exit(2)


def _cell(value: object) -> object:
    """Keep a spreadsheet from taking words for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _lines(file: Path) -> Iterator[str]:
    if not file.is_file():
        raise NotFoundError(f"There is no file {str(file)!r}.")
    with file.open(encoding="utf-8-sig", errors="replace") as written:
        yield from (line.strip() for line in written if line.strip())


def _moment(opened: Any, written: str) -> datetime:
    if not written:
        found: datetime = opened.clock()
        return found
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(f"{written[:30]!r} is no moment. Write it as 2026-11-23T14:05+01:00.") from None


def _due(opened: Any, state: Mapping[str, Any]) -> str:
    from troth.work import incident as work

    end = work.hours(opened, state)
    return end.due.isoformat(timespec="minutes") if end else ""


_WORDS = {
    "told": "told in time", "told_late": "told late", "no_breach": "no breach", "uncertain": "nobody is certain yet",
    "not_owed": "not owed", "overdue": "overdue",
}  # fmt: skip


def _left(opened: Any, state: Mapping[str, Any]) -> str:
    """Say how long there is until the authority must know, or that it knows."""
    from troth.work import incident as work

    found = work.countdown(opened, state)
    return _WORDS.get(found.word, f"{found.hours} hours left")


def _said(state: Mapping[str, Any], json: bool) -> None:
    if json:
        as_json(state)
        return
    from troth.rules.incident import why_not_close

    out().print(
        f"{state['number']}: {state['status']}." + (f" Risk: {state['risk']}." if state["risk"] else "")
    )
    if not state["ended_on"]:
        for line in why_not_close(state):
            out().print(f"Next: {line}", markup=False)
