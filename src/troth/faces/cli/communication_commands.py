"""`troth communication`: ask before a first message what it must carry, and record that it was sent."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, progress
from troth.faces.cli.context import project

app = typer.Typer(
    no_args_is_help=True,
    help="Ask before a first message what must be said with it, and record that it was sent (GDPR Art. 21(4)).",
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")
PURPOSE = typer.Option(..., help="The purpose of the policy it serves, by its name.")
LIST = typer.Option(
    None, "--list", help="Many at once: a CSV file or a workbook (.xlsx, .ods) with a column `email`."
)
COLUMNS = (
    "email", "allowed", "why", "first", "notice", "language", "text", "html", "inform_first", "unsubscribe",
    "preferences",
)  # fmt: skip


@app.command()
def ask(
    email: str = typer.Argument("", help="To whom it goes; or --list."),
    purpose: str = PURPOSE,
    channel: str = typer.Option("email", help="email, sms, phone, post, banner or app."),
    language: str = typer.Option(
        "", help="en or fr; by default what is known of the person, or the policy's own."
    ),
    list_: Path | None = LIST,
    output: Path | None = typer.Option(
        None, "-o", "--output", metavar="OUT", help="With --list: where to, as CSV (default: show)."
    ),
    json: bool = JSON,
) -> None:
    """Say whether a message may be sent, and what it must carry; ends in 1 where it may not.

    Example: troth communication ask ada@example.org --purpose marketing --language fr
    """
    from troth.work.prepare_message import prepare

    opened = project()
    if list_ is not None:
        _ask_many(opened, list_, purpose, channel, language, output)
        return
    told = prepare(opened, _one(email), purpose, channel=channel, language=language)
    if json:
        as_json(_told(told))
    else:
        _say(told)
    if not told.allowed:
        raise typer.Exit(1)


def _say(told: Any) -> None:
    due = told.due
    out().print(told.why, markup=False, soft_wrap=True)
    if due.notice is None:
        out().print("The right to object was presented to this person before.")
    else:
        out().print("It must carry, apart from everything else:")
        out().print(f"  {due.notice.text}", markup=False, soft_wrap=True)
        out().print(f"Then: --notice {due.notice.token}", markup=False, soft_wrap=True)
    for name, value in told.headers.items():
        out().print(f"{name}: {value}", markup=False, soft_wrap=True)
    if told.preferences:
        out().print(f"Preferences: {told.preferences}", markup=False, soft_wrap=True)
    if due.owed:
        err().print(
            f"The notice of Art. 14 comes first: troth inform send {' '.join(due.owed)}", markup=False
        )


def _told(told: Any) -> dict[str, object]:
    notice = told.due.notice
    return {
        "allowed": told.allowed,
        "code": told.code,
        "why": told.why,
        "first": told.due.first,
        "notice": {name: getattr(notice, name) for name in notice.__slots__} if notice else None,
        "inform_first": list(told.due.owed),
        "headers": dict(told.headers),
        "unsubscribe": told.unsubscribe,
        "preferences": told.preferences,
    }


def _ask_many(
    opened: Any, file: Path, purpose: str, channel: str, language: str, output: Path | None
) -> None:
    from troth.outside.sheet import rows
    from troth.work.prepare_message import prepare

    wrong = 0
    with _written(output) as to, progress("Asking") as advance:
        table = csv.writer(to, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in rows(file):
            advance()
            try:
                spoken = row.cells.get("language", "").lower()[:2] or language
                told = prepare(opened, row.cells.get("email", ""), purpose, channel=channel, language=spoken)
            except NotAllowedError as error:
                wrong += 1
                err().print(f"{row.place('email')}: {error}", markup=False)
                continue
            due, notice = told.due, told.due.notice
            said = (notice.token, notice.language, notice.text, notice.html) if notice else ("", "", "", "")
            table.writerow([
                row.cells["email"], _word(told.allowed), told.why, _word(due.first), *said, " ".join(due.owed),
                told.unsubscribe, told.preferences,
            ])  # fmt: skip
    if wrong:
        raise typer.Exit(1)


def _word(yes: bool) -> str:
    return "yes" if yes else "no"


@contextmanager
def _written(output: Path | None) -> Iterator[Any]:
    if output is None:
        yield sys.stdout
        return
    if output.exists():
        raise NotAllowedError(f"{output.name} is there already. Name another file.")
    with output.open("w", encoding="utf-8", newline="") as to:
        yield to


@app.command()
def sent(
    email: str = typer.Argument("", help="To whom it went; or --list."),
    purpose: str = PURPOSE,
    notice: str = typer.Option("", help="The token of the notice it carried, as `ask` gave it."),
    channel: str = typer.Option("email", help="email, sms, phone, post, banner or app."),
    on: str = typer.Option("", metavar="DATE", help="The day it went; today if left out."),
    list_: Path | None = LIST,
    json: bool = JSON,
) -> None:
    """Record that a message was sent, with the notice it carried; nothing new is recorded once.

    With --list, columns `notice` and `on` say it row by row, such as what `ask --list` wrote.

    Example: troth communication sent ada@example.org --purpose marketing --notice eyJ…
    """
    from troth.outside.sheet import Row, rows
    from troth.work import communicate

    opened = project()
    if list_ is None:
        found = iter([Row(1, {"email": _one(email), "notice": notice, "on": on})])
    else:
        found = rows(list_)
    recorded = known = 0
    wrong: list[str] = []
    with progress("Recording") as advance:
        for row in found:
            advance()
            told = row.cells.get("notice", "") or notice
            day = row.cells.get("on", "") or on
            try:
                event = communicate.sent(
                    opened, row.cells.get("email", ""), purpose, channel=channel, token=told,
                    on=date.fromisoformat(day) if day else None, actor="cli",
                )  # fmt: skip
            except ValueError:
                wrong.append(f"{row.place('on')}: that is no day. Write it as 2026-11-23.")
            except NotAllowedError as error:
                wrong.append(f"{row.place('email')}: {error}" if list_ else str(error))
            else:
                recorded, known = recorded + (event is not None), known + (event is None)
    if wrong and list_ is None:
        raise NotAllowedError(wrong[0])
    if json:
        as_json({"recorded": recorded, "known": known, "wrong": wrong})
    else:
        for sentence in wrong[:20]:
            out().print(sentence, markup=False)
        out().print(f"Recorded: {recorded}; nothing new: {known}; rows with mistakes: {len(wrong)}.")
    if wrong:
        raise typer.Exit(1)


def _one(email: str) -> str:
    if not email.strip():
        raise NotAllowedError("Say to whom: an e-mail address, or --list FILE.")
    return email
