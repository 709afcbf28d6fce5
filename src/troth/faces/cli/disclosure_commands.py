"""`troth disclosure`: what was disclosed about whom, to whom, and on whose word."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project
from troth.faces.cli.recipient_settled import CONFIRMED, PROOF, REASON, UNLESS, settle
from troth.faces.cli.staff import STAFF

app = typer.Typer(
    no_args_is_help=True, help="Record disclosures, and list what was disclosed about a person."
)
SHOWN_MAX = 20

IDENTIFIER = typer.Option(
    ...,
    "--about",
    help="An identifier of the person, as kind=value, such as email=ada@example.org. May be repeated.",
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command()
def add(
    about: list[str] = IDENTIFIER,
    to: str = typer.Option(..., help="The recipient, by its name in the policy."),
    category: list[str] = typer.Option(..., help="A category of data that goes. May be repeated."),
    purpose: str = typer.Option(..., help="The purpose of the policy it serves."),
    party: str = typer.Option("", help="Which of the named parties, by its name in the policy."),
    on: str = typer.Option("", help="The day, such as 2026-03-05; today if left out."),
    evidence: list[str] = typer.Option(
        [],
        help="What its class needs, as name=reference, such as legal_reference=… or requisition=…. May be repeated.",
    ),
    approved_by: list[str] = typer.Option([], help="Who approved it; the police take two. May be repeated."),
    document: str = typer.Option("", help="The reference of the document that went."),
    happened: bool = typer.Option(
        False, help="It was made already: record it even where it lacks something."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record a disclosure; what the policy does not allow is refused, unless it has happened.

    Example: troth disclosure add --about email=ada@example.org --to tax-office --category order --purpose accounts
    --evidence "legal_reference=LPF Art. L81" --staff marie
    """
    from troth.rules.disclosure import WORDS, Disclosure
    from troth.work.disclose import disclose
    from troth.work.establishment import day_here

    opened = project()
    given = dict(pair(one, "--evidence") for one in evidence)
    unknown = [name for name in given if name not in WORDS]
    if unknown:
        raise NotAllowedError(
            f"There is no evidence called {unknown[0][:30]!r}. There is: {', '.join(WORDS)}."
        )
    made = Disclosure(
        to, tuple(category), purpose, day(on) if on else day_here(opened), given, tuple(approved_by), party,
        document,
    )  # fmt: skip
    event = disclose(opened, [pair(one, "--about") for one in about], made, staff=staff, happened=happened)
    if json:
        as_json({"event": event.id, **event.facts})
        return
    lacks: Any = event.facts["lacks"]
    out().print(f"Recorded, as event {event.id}." + (f" It lacked: {', '.join(lacks)}." if lacks else ""))


@app.command("import")
def import_(
    file: Path = typer.Argument(..., help="A CSV file with a heading, or JSON lines (.jsonl)."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and judge every line, and record nothing."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Take over disclosures that were made: each line once, however often it is imported.

    Columns: kind, identifier, recipient, categories, purpose, on; and what the class of the recipient needs.

    Example: troth disclosure import 2025.csv --dry-run --staff marie
    """
    from troth.work.disclose import lines, take

    if not file.is_file():
        raise NotFoundError(f"There is no file {str(file)!r}.")
    opened = project()
    wrong: list[tuple[int, str]] = []
    lacking: list[tuple[int, str]] = []
    taken = known = 0
    try:
        with file.open(encoding="utf-8-sig", newline="") as written, progress("Reading") as advance:
            for line in lines(opened, written, "jsonl" if file.suffix in {".jsonl", ".ndjson"} else "csv"):
                advance()
                wrong.extend((line.number, sentence) for sentence in line.wrong)
                lacking.extend((line.number, sentence) for sentence in line.lacks)
                if line.wrong:
                    continue
                if dry_run or take(opened, line, staff=staff):
                    taken += 1
                else:
                    known += 1
    except UnicodeDecodeError:
        raise NotAllowedError(f"{file.name} is not UTF-8. Save it as UTF-8, and import it again.") from None
    if json:
        as_json({"taken": taken, "known": known, "wrong": wrong, "lacking": lacking, "dry_run": dry_run})
    else:
        for number, sentence in [*wrong, *lacking][:SHOWN_MAX]:
            out().print(f"Line {number}: {sentence}", markup=False)
        if len(wrong) + len(lacking) > SHOWN_MAX:
            out().print(f"… and {len(wrong) + len(lacking) - SHOWN_MAX} more; --json lists them all.")
        would = "would be recorded" if dry_run else "recorded"
        out().print(
            f"Lines {would}: {taken}; known already: {known}; not read: {len({number for number, _ in wrong})}; "
            f"broke a condition: {len({number for number, _ in lacking})}."
        )
    if wrong or lacking:
        raise typer.Exit(1)


@app.command("read")
def read_(
    store: list[str] = typer.Argument(
        None, help="The stores to read; every one whose map tells of disclosures."
    ),
    json: bool = JSON,
) -> None:
    """Take over the disclosures that rows of the stores record (`discloses:` in a map), each row once.

    Example: troth disclosure read shop
    """
    from troth.work.read_disclosures import disclosing, of_everybody

    opened = project()
    named = store or [name for name, map_ in sorted(opened.maps.items()) if disclosing(map_)]
    if not named:
        raise NotAllowedError("No map tells of a table that records disclosures. Write `discloses:` in one.")
    with progress("Reading") as advance:
        done = [of_everybody(opened, name, advance) for name in named]
    if json:
        as_json([{name: getattr(one, name) for name in one.__slots__} for one in done])
    else:
        for one in done:
            undated = f"; without a day, taken as today's: {one.undated}" if one.undated else ""
            out().print(
                f"{one.store}: recorded {one.new}, known already {one.known}, broke a condition {one.lacking}"
                f"{undated}.",
                markup=False,
            )
    if any(one.lacking for one in done):
        raise typer.Exit(1)


@app.command("list")
def list_(
    about: list[str] = IDENTIFIER,
    json: bool = JSON,
) -> None:
    """List what was disclosed about a person, the oldest first.

    Example: troth disclosure list --about email=ada@example.org
    """
    from troth.work.disclose import disclosed

    found = disclosed(project(), [pair(one, "--about") for one in about])
    if json:
        as_json([{"event": event.id, "at": event.at, **event.facts} for event in found])
        return
    rows = [
        [
            str(event.facts.get("on") or event.at.date()),
            str(event.facts["recipient"])
            + (f" ({event.facts['party']})" if event.facts.get("party") else ""),
            ", ".join(map(str, event.facts["category"])),  # type: ignore[arg-type]
            str(event.facts["purpose"]),
            ", ".join(map(str, event.facts.get("lacks") or ())) or "–",  # type: ignore[arg-type]
        ]
        for event in found
    ]
    if not rows:
        out().print("Nothing was recorded as disclosed about this person.")
        return
    out().print(table("", ["on", "to", "categories", "purpose", "lacked"], rows))
    err().print("The list itself is personal data.")


@app.command()
def untold(
    who: bool = typer.Option(
        False, "--who", help="Say who is meant too, for those whom you tell: personal data."
    ),
    json: bool = JSON,
) -> None:
    """List the choices, made without a request, of which a recipient is not told yet: it waits, failed, or is yours.

    Example: troth disclosure untold --who
    """
    from troth.rules.telling import FOR_STAFF, WAITING
    from troth.work import send_word, telling_file

    opened = project()
    rows = [
        {
            "choice": one.name, "on": one.state["on"], "action": one.state["action"],
            "purposes": list(one.state["purposes"]), "recipient": recipient, "outcome": outcome,
            **({"who": send_word.whom(telling_file.identifiers(opened, one.choice))} if who else {}),
        }
        for one in telling_file.every(opened, "open", "staff")
        for recipient, outcome in one.state["recipients"].items()
        if outcome in WAITING | FOR_STAFF
    ]  # fmt: skip
    if json:
        as_json(rows)
        return
    if not rows:
        out().print("Every recipient was told of every choice.")
        return
    heads = ["on", "choice", "what", "purposes", "recipient", "state", *(["who"] if who else [])]
    keys = ["on", "choice", "action", "purposes", "recipient", "outcome", *(["who"] if who else [])]
    shown = [
        [", ".join(map(str, row[key])) if key == "purposes" else str(row[key]) for key in keys]
        for row in rows
    ]
    out().print(table("", heads, shown))
    if who:
        err().print("The list itself is personal data.")


@app.command()
def told(
    choice: str = typer.Argument(
        ..., help="The choice, by its event, as `troth disclosure untold` lists it."
    ),
    recipient: str = typer.Argument(..., help="The recipient, by its name in the policy."),
    proof: str = PROOF,
    unless: str = UNLESS,
    reason: str = REASON,
    confirmed: str = CONFIRMED,
    staff: str = STAFF,
) -> None:
    """Say what became of a recipient that staff had to tell of an objection or a withdrawal made without a request.

    Example: troth disclosure told 01KC… fair --proof "registered letter RR 12 FR" --staff marie
    """
    opened = project()
    settle(
        opened, choice, "", recipient, staff, proof=proof, unless=unless, reason=reason, confirmed=confirmed
    )
    out().print(f"Recorded what became of {recipient}.", markup=False)


def pair(written: str, option: str) -> tuple[str, str]:
    """Read an option written name=value."""
    name, equals, value = written.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise NotAllowedError(f"{option} is written name=value.")
    return name.strip(), value.strip()


def day(written: str) -> date:
    """Read a day."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(f"{written[:20]!r} is no day. Write it as 2026-03-05.") from None
