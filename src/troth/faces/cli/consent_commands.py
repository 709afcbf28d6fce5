"""`troth consent`: record, import, show, export and prove what people said about purposes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project
from troth.faces.cli.disclosure_commands import pair
from troth.faces.cli.staff import STAFF

app = typer.Typer(no_args_is_help=True, help="Record consents and prove them; import, list and export them.")
SHOWN_MAX = 20
IDENTIFIER = typer.Option(
    ...,
    "--about",
    help="An identifier of the person, as kind=value, such as email=ada@example.org. May be repeated.",
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command()
def form(
    file: Path = typer.Argument(..., help="What was shown: the page, a picture, a scan, the text read out."),
    name: str = typer.Option(..., help="What the form is called, such as sign-up."),
    asks: list[str] = typer.Option(
        ..., help="A purpose and the exact words, as purpose=words or purpose=@FILE. May be repeated."
    ),
    language: str = typer.Option("en", help="The language of the words."),
    clicks_to_give: int = typer.Option(1, help="How many clicks a yes needs."),
    clicks_to_withdraw: int = typer.Option(1, help="How many clicks taking it back needs."),
    sign_in_to_give: bool = typer.Option(False, help="Whether a yes needs to sign in."),
    sign_in_to_withdraw: bool = typer.Option(False, help="Whether taking back needs to sign in."),
    together: list[str] = typer.Option(
        [], help="Purposes that one control decides, as a+b. May be repeated."
    ),
    ticked_before: bool = typer.Option(False, help="Whether the yes is ticked before anybody touches it."),
    with_terms: bool = typer.Option(False, help="Whether the yes is part of accepting terms."),
    required: bool = typer.Option(False, help="Whether nobody goes on without a yes."),
    withdrawal_told: bool = typer.Option(True, help="Whether it says that consent can be withdrawn."),
    happened: bool = typer.Option(
        False, help="It was in use already: record it even where it breaks a condition."
    ),
    json: bool = JSON,
) -> None:
    """Record a form by which consent is asked, with what was shown; one that breaks a condition is refused.

    Example: troth consent form sign-up.html --name sign-up --asks newsletter="Send me the newsletter"
    """
    from hashlib import sha256

    from troth.rules.consent_form import Form
    from troth.work.record_form import record_form

    if not file.is_file():
        raise NotFoundError(f"There is no file {str(file)!r}.")
    evidence = file.read_bytes()
    texts = {
        purpose: sha256(_words(words)).hexdigest() for purpose, words in (pair(one, "--asks") for one in asks)
    }
    made = Form(
        name, language, sha256(evidence).hexdigest(), texts, tuple(tuple(one.split("+")) for one in together),
        ticked_before, with_terms, required, clicks_to_give, clicks_to_withdraw, sign_in_to_give, sign_in_to_withdraw,
        withdrawal_told,
    )  # fmt: skip
    event = record_form(project(), made, evidence, happened=happened)
    if json:
        as_json({"event": event.id, "form": made.interface_sha256, "texts": texts})
        return
    out().print(f"Recorded. Name it in each consent as --form {made.interface_sha256}", soft_wrap=True)


def _words(written: str) -> bytes:
    if not written.startswith("@"):
        return written.encode()
    file = Path(written[1:])
    if not file.is_file():
        raise NotFoundError(f"There is no file {str(file)!r}.")
    return file.read_bytes()


@app.command()
def record(
    about: list[str] = IDENTIFIER,
    purpose: list[str] = typer.Option(..., help="A purpose of the policy. May be repeated."),
    said: str = typer.Option(..., help="given, refused, withdrawn or renewed."),
    channel: str = typer.Option("*", help="The channel it is about, such as email; every one if left out."),
    controller: str = typer.Option("", help="The company it is given to; the main one if left out."),
    method: str = typer.Option(
        "paper", help="How it was asked: web, app, paper, oral, api, preferences, link."
    ),
    form: str = typer.Option("", help="The hash of the form that was shown."),
    words: str = typer.Option(
        "", help="The exact words, where no form has them; @FILE reads them from a file."
    ),
    evidence: str = typer.Option("", help="Where the document or the recording is; kept encrypted."),
    language: str = typer.Option("en", help="The language it was asked in."),
    at: str = typer.Option("", help="When it was said, such as 2026-03-05T14:30:00+01:00; now if left out."),
    age: int = typer.Option(-1, help="The person's age in years, where it matters."),
    country: str = typer.Option("", help="The country whose age of consent counts."),
    guardian: str = typer.Option("", help="The parent or guardian who joined in; kept encrypted."),
    source: str = typer.Option("", help="Where it came from, as a short code."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record what somebody said about purposes, each as a consent of its own.

    Example: troth consent record --about email=ada@example.org --purpose newsletter --said given --form 9f2c… --method
    web --staff marie
    """
    from hashlib import sha256

    from troth.rules.consent_form import words as lacking
    from troth.work.record_consent import Asked, Choice, record_consent

    text = sha256(_words(words)).hexdigest() if words else ""
    asked = Asked(
        method, language, form, dict.fromkeys(purpose, text) if text else {}, source, _moment(at) if at else None,
        age if age >= 0 else None, country, guardian, evidence,
    )  # fmt: skip
    given: Any = said
    choices = [Choice(one, given, channel, controller) for one in purpose]
    events = record_consent(project(), [pair(one, "--about") for one in about], choices, asked, actor=staff)
    if json:
        as_json([{"event": event.id, "subject": event.subject, **event.facts} for event in events])
        return
    for event in events:
        lacks: Any = event.facts.get("lacks") or ()
        doubt = f" It does not count: {lacking(lacks)}." if lacks else ""
        out().print(f"{event.facts['purpose']}: {said}, as event {event.id}.{doubt}", markup=False)


def _moment(written: str) -> datetime:
    with suppress(ValueError):
        at = datetime.fromisoformat(written)
        if at.tzinfo is not None:
            return at
    raise NotAllowedError(f"{written[:30]!r} is no moment. Write it as 2026-03-05T14:30:00+01:00.")


@app.command("import")
def import_(
    file: Path = typer.Argument(
        ..., help="A CSV file or a workbook (.xlsx, .ods) with a heading, or JSON lines (.jsonl)."
    ),
    same_scope: bool = typer.Option(
        False,
        help="You vouch that each purpose covered then what it covers today; without it nothing is proven.",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and judge every row, and record nothing."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Take over consents: each row once; what cannot be proven is recorded as unproven and does not count.

    Columns: email (or kind and identifier), purpose, said, on, and where known channel, controller, method, text (or
    text_sha256), form, evidence, source, age, country, guardian, language.

    Example: troth consent import 2025.csv --same-scope --dry-run --staff marie
    """
    from troth.rules.consent_form import WORDS
    from troth.work import import_choices

    opened = project()
    wrong: list[tuple[int, str]] = []
    lacking: dict[str, int] = {}
    with progress("Reading") as advance:

        def judged() -> Any:
            for line in import_choices.consents(opened, file, same_scope=same_scope):
                wrong.extend((line.number, sentence) for sentence in line.wrong)
                for code in line.lacks:
                    lacking[code] = lacking.get(code, 0) + 1
                yield line

        done = import_choices.take_consents(opened, judged(), staff=staff, dry_run=dry_run, advance=advance)
    if json:
        as_json({"taken": done.taken, "known": done.known, "proven": done.proven, "unproven": done.unproven,
                 "wrong": wrong, "lacking": lacking, "dry_run": dry_run})  # fmt: skip
    else:
        _wrong(wrong)
        for code, number in sorted(lacking.items()):
            out().print(f"{number} lack: {WORDS.get(code, code)}.", markup=False)
        would = "would be recorded" if dry_run else "recorded"
        out().print(
            f"Rows {would}: {done.taken}; of them proven: {done.proven}, unproven: {done.unproven}; known already: "
            f"{done.known}; not read: {len({number for number, _ in wrong})}."
        )
    if wrong:
        raise typer.Exit(1)


def _wrong(wrong: list[tuple[int, str]]) -> None:
    for _, sentence in wrong[:SHOWN_MAX]:
        out().print(sentence, markup=False)
    if len(wrong) > SHOWN_MAX:
        out().print(f"… and {len(wrong) - SHOWN_MAX} more; --json lists them all.")


@app.command("list")
def list_(about: list[str] = IDENTIFIER, json: bool = JSON) -> None:
    """List what somebody said about purposes, and how it stands.

    Example: troth consent list --about email=ada@example.org
    """
    from troth.ledger import subjects
    from troth.work.may import standing_of

    opened = project()
    named = [pair(one, "--about") for one in about]
    found = next((one for one in (subjects.find_subject(opened.ledger, *who) for who in named) if one), None)
    if found is None:
        raise NotFoundError("Nobody is known by this identifier.")
    standing = standing_of(opened, found)
    rows = [[*topic, one.said, one.at[:10], str(one.until or "–"), "yes" if one.proven else "–", one.event]
            for topic, one in standing.consents.items()]  # fmt: skip
    rows += [
        [*topic, "objected", one.at[:10], "–", "–", one.event] for topic, one in standing.objections.items()
    ]
    columns = ["purpose", "company", "channel", "said", "on", "until", "proven", "event"]
    if json:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    if not rows:
        out().print("Nothing was said about any purpose.")
        return
    out().print(table("", columns, rows))
    err().print("The list itself is personal data.")


@app.command()
def export(
    about: list[str] = typer.Option(
        [], help="An identifier of one person, as kind=value; everybody if left out."
    ),
    language: str = typer.Option("en", help="The language of the purposes."),
    to: Path | None = typer.Option(
        None, "--out", "-o", help="The file to write; standard output if left out."
    ),
) -> None:
    """Export consents as JSON-LD, a record a line: fields of ISO/IEC TS 27560, terms of the W3C DPV.

    Example: troth consent export --about email=ada@example.org
    """
    import json

    from troth.work import export_consents

    opened = project()
    named = [pair(one, "--about") for one in about]
    if named:
        records: Iterable[Any] = export_consents.of_subject(opened, named, language)
    else:
        records = export_consents.of_everybody(opened, language)
    lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in records)
    if to is None:
        sys.stdout.writelines(lines)
        return
    part = to.with_name(f"{to.name}.part")
    with part.open("w", encoding="utf-8") as written:
        written.writelines(lines)
    part.replace(to)


@app.command()
def receipt(event: str = typer.Argument(..., help="The id of the event of a consent.")) -> None:
    """Print the signed receipt of a consent, with its proof once it is sealed; `troth verify` verifies it offline.

    Example: troth consent receipt 01M83Y90JY… > receipt.json
    """
    from troth.ledger import read
    from troth.ledger.receipt import receipt as received

    opened = project()
    if read.event(opened.ledger, event).kind not in {"consent_recorded", "objection_recorded"}:
        raise NotFoundError(f"The event {event[:40]!r} is no consent and no objection.")
    sys.stdout.buffer.write(received(opened.ledger, event))


@app.command()
def evidence(
    form: str = typer.Argument(..., help="The hash of a form."),
    to: Path = typer.Option(..., "--out", "-o", help="The file to write."),
) -> None:
    """Write what people saw when they were asked, as it was kept.

    Example: troth consent evidence 9f2c… --out shown.html
    """
    from troth.work.record_form import evidence as kept

    to.write_bytes(kept(project(), form))


@app.command()
def expire(json: bool = JSON) -> None:
    """Record that consents ended whose day has come; the worker does this each day by itself.

    Example: troth consent expire
    """
    from troth.work.record_consent import expire as expired

    count = expired(project())
    as_json({"expired": count}) if json else out().print(f"Consents that ended: {count}.")
