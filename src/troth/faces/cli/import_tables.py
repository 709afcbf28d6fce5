"""`troth import KIND`: tables of other tools, judged cell by cell, recorded once, told as imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, progress
from troth.faces.cli.context import project
from troth.faces.cli.staff import refuse_nobody
from troth.faces.cli.taking import write

if TYPE_CHECKING:
    from troth.rules.import_sheet import Kind
    from troth.work.import_table import Looked
    from troth.work.importing import Taken

SHOWN_MAX = 50
DOES = MappingProxyType(
    {
        "register": "a register of processing activities, as a file of register/",
        "requests": "requests of people, open and closed, with their dates and letters",
        "breaches": "incidents and breaches, with their moments",
        "processors": "processors and their contracts, as a file of register/",
        "disclosures": "disclosures that were made",
        "evidence": "documents of the register, such as contracts and assessments, as a file of register/",
    }
)
"""What each kind of import takes over."""


def importing(kind: str) -> Callable[..., None]:
    """Return the command that imports one kind."""

    def command(
        file: Path | None = typer.Argument(None, help="A CSV file in UTF-8, a workbook (.xlsx, .ods), or JSON lines."),
        map: str = typer.Option("", "--map", help="A map of columns: a file, or one that comes with Troth."),
        dry_run: bool = typer.Option(False, "--dry-run", help="Read and judge every cell, and record nothing."),
        skip_faulty: bool = typer.Option(
            False, "--skip-faulty", help="Take the rows that are right although others are not."
        ),
        template: Path | None = typer.Option(None, "--template", help="Write an empty workbook to fill in, and end."),
        language: str = typer.Option("en", "--language", "-l", help="Of the template's headings: en or fr."),
        force: bool = typer.Option(False, "--force", help="Write over the template."),
        staff: str = typer.Option(
            "", "--staff", "-s", help="Who you are, as it stands in the record; required to record.",
            envvar="TROTH_STAFF", show_default=False,
        ),
        json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
    ) -> None:  # fmt: skip
        if template is not None:
            _template(kind, template, language, force=force)
            return
        if file is None:
            raise NotAllowedError(
                f"Name the table to import, or write an empty one: troth import {kind} --template {kind}.xlsx."
            )
        _import(kind, file, map, staff, dry_run=dry_run, skip_faulty=skip_faulty, json=json)

    command.__name__ = kind
    command.__doc__ = (
        f"Take over {DOES[kind]}.\n\n"
        "Every cell is judged first; where one is wrong nothing is recorded. A row is taken once, however often\n"
        "the table is imported, and is told as imported ever after.\n\n"
        f"Example: troth import {kind} {kind}.xlsx --dry-run"
    )
    return command


def _import(
    named: str, file: Path, map_: str, staff: str, *, dry_run: bool, skip_faulty: bool, json: bool
) -> None:
    from troth.work import import_table

    kind: Kind = named  # type: ignore[assignment]
    if not dry_run:
        refuse_nobody(staff)
    opened = project()
    columns = import_table.column_map(map_, kind)
    with progress("Reading") as advance:
        looked = import_table.look(opened, file, columns, advance=advance)
    done = None
    if not dry_run and (not looked.faults or (skip_faulty and looked.whole)):
        with progress("Recording", looked.rows - looked.wrong) as advance:
            done = import_table.take(
                opened, file, columns, looked, staff=staff, skip_faulty=skip_faulty, advance=advance
            )
    if json:
        as_json(_told(looked, done, dry_run=dry_run))
    else:
        _show(looked, done, dry_run=dry_run)
    if looked.faults or (done is not None and done.differs):
        raise typer.Exit(1)


def _told(looked: Looked, done: Taken | None, *, dry_run: bool) -> dict[str, Any]:
    return {
        "rows": looked.rows, "taken": done.taken if done else 0, "known": done.known if done else 0,
        "differs": done.differs if done else [], "written": done.written if done else "", "dry_run": dry_run,
        "recorded": done is not None, "unread": list(looked.unread), "faulty_rows": looked.wrong,
        "faults": [{"row": one.row, "column": one.column, "what": one.what} for one in looked.faults],
        "more_faults": looked.more,
    }  # fmt: skip


def _show(looked: Looked, done: Taken | None, *, dry_run: bool) -> None:
    for one in looked.faults[:SHOWN_MAX]:
        out().print(str(one), markup=False)
    more = len(looked.faults) - SHOWN_MAX + looked.more
    if more > 0:
        out().print(f"… and {more} more; --json lists them.")
    if looked.unread:
        err().print(f"Not read: the columns {', '.join(looked.unread)}.", markup=False)
    if done is None and not looked.whole:
        out().print("The headings are wrong, so no row was read. Nothing was recorded.")
        out().print("Mend the headings, or say with --map which column is which, and import it again.")
        return
    if done is None:
        right = looked.rows - looked.wrong
        out().print(
            f"Rows: {looked.rows}; right: {right}; with mistakes: {looked.wrong}. Nothing was recorded."
        )
        if looked.faults and not dry_run:
            out().print("Mend the cells and import it again, or take the other rows with --skip-faulty.")
        return
    out().print(
        f"Rows recorded: {done.taken}; known already: {done.known}; skipped for mistakes: {looked.wrong}; "
        f"there already and otherwise, so not taken: {len(done.differs)}."
    )
    if done.differs:
        shown = ", ".join(map(str, done.differs[:SHOWN_MAX]))
        out().print(f"Otherwise than what stands here: row {shown}. What changed is recorded here, by hand.")
    if done.written:
        out().print(f"Written to {done.written}. Review it, and put it into version control.", markup=False)


def _template(named: str, path: Path, language: str, *, force: bool) -> None:
    from troth.outside.import_template import template
    from troth.rules.import_sheet import table

    kind: Kind = named  # type: ignore[assignment]
    if language not in ("en", "fr"):
        raise NotAllowedError(f"Headings are written in en or fr, not {language[:10]!r}.")
    if path.suffix.lower() != ".xlsx":
        raise NotAllowedError("A template is a workbook: name a file that ends in .xlsx.")
    write(template(table(kind), language), path, force=force)
    err().print(f"Written to {path}. Its second sheet says what stands in each column.", markup=False)
