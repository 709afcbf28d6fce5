"""`troth report`: what is drawn up once a year."""

from __future__ import annotations

from pathlib import Path

import typer

from troth.faces.cli.console import out, table
from troth.faces.cli.context import project
from troth.faces.cli.taking import give, shape_of

app = typer.Typer(no_args_is_help=True, help="Draw up reports from what is on record.")
FORMATS = ("text", "pdf", "docx", "json")


@app.callback()
def reports() -> None:
    """Draw up reports from what is on record."""


@app.command()
def dpo(
    year: int = typer.Option(..., help="Of which year; of one that is not over, until today."),
    entity: str = typer.Option("", help="Of which company of the group (default: all of them)."),
    format: str = typer.Option(
        "",
        "--format",
        show_default=False,
        help="text, pdf, docx or json (default: as the file is named, else text).",
    ),
    language: str = typer.Option("", "--language", "-l", help="en or fr (default: the policy's)."),
    reader: str = typer.Option(
        "staff", "--for", help="staff, authority or publication, which shows no small number."
    ),
    output: Path | None = typer.Option(None, "--out", "-o", help="Write to this file."),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
) -> None:
    """Draw up the yearly report of the data protection officer (GDPR Art. 38(3), 39).

    Example: troth report dpo --year 2026 --entity main-entity --format docx -o report-2026.docx
    """
    from troth.work import yearly_report as work

    shape = shape_of(format, output, FORMATS)
    opened = project()
    drawn = work.yearly_report(opened, year, entity=entity, language=language, reader=reader)  # type: ignore[arg-type]
    if shape == "text" and output is None:
        from rich.markup import escape

        out().print(drawn.title, style="bold", markup=False)
        out().print(drawn.subtitle, markup=False)
        for one in drawn.sections:
            out().print()
            out().print(one.heading, style="bold", markup=False)
            for sentence in one.sentences:
                out().print(sentence, markup=False)
            if one.rows:
                out().print(table("", one.headings, [[escape(cell) for cell in row] for row in one.rows]))
        out().print(drawn.sealed, style="dim", markup=False)
        return
    match shape:
        case "pdf":
            content = work.as_pdf(opened, drawn)
        case "docx":
            content = work.as_docx(opened, drawn)
        case "json":
            content = work.as_json(drawn)
        case _:
            lines = [drawn.title, drawn.subtitle]
            for one in drawn.sections:
                lines += ["", one.heading, *one.sentences, *("\t".join(row) for row in one.rows)]
            content = "\n".join([*lines, "", drawn.sealed, ""]).encode()
    give(content, output, shape, f"report-{year}", force=force)
