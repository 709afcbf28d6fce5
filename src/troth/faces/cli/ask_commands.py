"""`troth ask`: the thirty questions of a regulator, each answered from what is on record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import refuse_nobody
from troth.faces.cli.taking import give, identifier, shape_of

if TYPE_CHECKING:
    from troth.rules.question import Reader, Shown
    from troth.work.answer_question import Given
    from troth.work.project import Project

FORMATS = ("text", "csv", "json", "pdf")
STYLE = {"answered": "bold", "none": "green", "broken": "bold red", "unanswered": "yellow"}
DAYS = ["%Y-%m-%d"]
COLUMNS_MAX = 6
"""What a terminal shows side by side."""


def ask(
    name: str = typer.Argument(
        "", metavar="[NAME]", help="Which question, by name or number; left out, all are listed."
    ),
    entity: str = typer.Option("", help="Only of this company of the group."),
    since: datetime | None = typer.Option(None, "--from", formats=DAYS, help="From this day on."),
    until: datetime | None = typer.Option(
        None, "--to", formats=DAYS, help="Until this day, it included; registers as of it."
    ),
    jurisdiction: str = typer.Option("", help="Only under this law, such as FR."),
    subject: list[str] = typer.Option(
        [], help="Of whom, as kind=value, such as email=ada@example.org. May be repeated."
    ),
    request: str = typer.Option("", help="Of which request."),
    category: str = typer.Option("", help="Of which category of data."),
    rule: str = typer.Option("", help="Of which retention promise."),
    format: str = typer.Option(
        "",
        "--format",
        show_default=False,
        help="text, csv, json or pdf (default: as the file is named, else text).",
    ),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    redact: bool = typer.Option(False, "--redact", help="Hide what names somebody; staff become numbers."),
    reader: str = typer.Option(
        "",
        "--for",
        help="staff, authority or publication (default: staff on the screen, publication in files).",
    ),
    language: str = typer.Option("", "--language", "-l", help="en or fr (default: the policy's)."),
    output: Path | None = typer.Option(None, "--out", "-o", help="Write to this file."),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
    staff: str = typer.Option(
        "",
        "--staff",
        "-s",
        envvar="TROTH_STAFF",
        help="Who asks; needed where somebody's data is read.",
    ),
) -> None:
    """Answer a question of a regulator from the ledger, the registers and the maps; without a name, list them.

    Each answer says from which checkpoint it comes.  Exit 1 when something that must be none is not.

    Example: troth ask overdue --from 2025-01-01 --to 2025-12-31 --format pdf --for authority -o overdue.pdf
    """
    opened, shape = project(), shape_of("json" if json else format, output, FORMATS)
    if not name:
        _listed(opened, language, shape)
        return
    from troth.rules.question import question
    from troth.work.answer_paper import as_shown
    from troth.work.answer_question import Narrowed, answer

    if question(name).needs:
        refuse_nobody(staff)
    narrowed = Narrowed(
        entity,
        since.date() if since else None,
        until.date() if until else None,
        jurisdiction.upper(),
        category,
        rule,
        request,
        tuple(identifier("--subject", one) for one in subject),
    )
    whom: Reader = reader or ("staff" if shape == "text" and output is None else "publication")  # type: ignore[assignment]
    given = answer(opened, name, narrowed, language=language, reader=whom, staff=staff or "troth")
    seen = as_shown(given, redact=redact)
    if shape == "text" and output is None:
        _show(given, seen)
    else:
        give(_written(opened, given, seen, shape), output, shape, "answer", force=force)
    if seen.word == "broken":
        raise typer.Exit(1)


def _listed(opened: Project, language: str, shape: str) -> None:
    from troth.rules.question import every

    spoken = "fr" if (language or opened.policy.language) == "fr" else "en"
    if shape == "json":
        as_json(
            [
                {
                    "number": one.number,
                    "name": one.name,
                    "asks": dict(one.said),
                    "law": one.law,
                    "must_be_none": one.must_be_none,
                }
                for one in every()
            ]
        )
        return
    must = "(doit être nul)" if spoken == "fr" else "(must be none)"
    for one in every():
        told = f"{one.number:>2}  {one.name:<22}{one.said[spoken]}"
        out().print(f"{told} {must}" if one.must_be_none else told, markup=False)


def _show(given: Given, seen: Shown) -> None:
    from troth.rules.cell import written

    asked = given.asked
    spoken = "fr" if asked.language == "fr" else "en"
    title = f"{given.question.number}. {given.question.said[spoken]}"
    if seen.rows:
        kept = [
            (code, heading)
            for code, heading in seen.columns
            if any(row.get(code) not in (None, "", ()) for row in seen.rows)
        ]
        rows = [[written(code, row.get(code), asked.language) for code, _ in kept] for row in seen.rows]
        headings = [heading for _, heading in kept]
        if len(headings) <= COLUMNS_MAX:
            out().print(table(title, headings, [[escape(cell) for cell in row] for row in rows]))
        else:
            _told_apart(title, headings, rows)
    else:
        out().print(title, markup=False)
    out().print(escape(seen.sentence), style=STYLE[seen.word])
    for note in seen.notes:
        out().print(note, markup=False)
    out().print(given.sealed, style="dim", markup=False)


def _told_apart(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show lines that are too wide for a terminal one below the other, what is empty left out."""
    out().print(title, markup=False)
    for row in rows:
        out().print()
        for name, cell in zip(headings, row, strict=True):
            if cell:
                out().print(f"  {name}: {cell}", markup=False)
    out().print()


def _written(opened: Project, given: Given, seen: Shown, shape: str) -> bytes:
    from troth.rules.cell import written
    from troth.work import answer_paper

    if shape == "json":
        return answer_paper.as_json(given, seen)
    if shape == "csv":
        return answer_paper.as_csv(given, seen)
    if shape == "pdf":
        return answer_paper.as_pdf(opened, given, seen)
    lines = [
        "\t".join(written(code, row.get(code), given.asked.language) for code, _ in seen.columns)
        for row in seen.rows
    ]
    return "\n".join([*lines, seen.sentence, *seen.notes, given.sealed, ""]).encode()
