"""`troth register`, `troth versions` and `troth adopt`: the registers, as of any day, and whom the policy binds."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project
from troth.faces.cli.taking import give, shape_of

if TYPE_CHECKING:
    from troth.rules.register_change import Changed
    from troth.work.draw_register import Drawn
    from troth.work.project import Project

FORMATS = ("text", "csv", "xlsx", "pdf", "json", "jsonld")
SHORT = {  # what fits a terminal; files have every column
    "processing": ("reference", "name", "legal_basis", "review_due", "lacks"),
    "processor": ("reference", "name", "served", "agreement", "review_due", "lacks"),
    "recipients": ("reference", "name", "role", "named", "transfers"),
    "processors": ("reference", "name", "agreement", "covers", "missing", "lacks"),
    "transfers": ("reference", "mechanism", "assessed", "ends", "lacks"),
    "documents": ("reference", "name", "type", "until", "review_by", "lacks"),
}


def register(
    name: str = typer.Argument(
        "processing",
        metavar="[NAME]",
        help="processing, processor, recipients, processors, transfers or documents.",
    ),
    as_of: datetime | None = typer.Option(
        None, "--as-of", formats=["%Y-%m-%d"], help="As it was on this day (default: as the files stand)."
    ),
    since: datetime | None = typer.Option(
        None, "--since", formats=["%Y-%m-%d"], help="What changed from this day on, until --as-of or now."
    ),
    entity: str = typer.Option("", "--entity", help="Only what this company of the group does."),
    format: str = typer.Option(
        "",
        "--format",
        "-f",
        show_default=False,
        help="text, csv, xlsx, pdf, json or jsonld (default: as the file is named, else text).",
    ),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    language: str = typer.Option("", "--language", "-l", help="en or fr (default: the policy's)."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Write to this file."),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
) -> None:
    """Draw a register from the promises, the register's files and the maps (GDPR Art. 30).

    Exit 1 when an entry lacks something.

    Example: troth register processing --as-of 2026-06-30 --format xlsx -o register.xlsx
    """
    from troth.policy.words import words
    from troth.work.draw_register import changes, draw

    shape = shape_of("json" if json else format, output, FORMATS)
    if shape == "jsonld" and name != "processing":
        raise NotAllowedError(
            "JSON-LD is of the register of processing: troth register processing -f jsonld."
        )
    if language:
        words(language)  # refuses a language without words, with those there are
    opened, until = project(), as_of.date() if as_of else None
    if since is not None:
        if shape not in ("text", "json"):
            raise NotAllowedError("What changed is told as text or as JSON.")
        _tell_changes(changes(opened, name, since.date(), until, language, entity), shape)
        return
    drawn = draw(opened, name, language, entity, until)
    if shape == "text" and output is None:
        _show(drawn)
    else:
        give(_written(opened, drawn, shape, entity), output, shape, "register", force=force)
    if drawn.register.lacking:
        raise typer.Exit(1)


def versions(
    on: datetime | None = typer.Option(
        None, "--on", formats=["%Y-%m-%d"], help="Only the version that was in force on this day."
    ),
    entity: str = typer.Option("", "--entity", help="For this company of the group; with --on."),
    language: str = typer.Option("", "--language", "-l", help="In this language; with --on."),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """List the versions of the policy, from which day to which each was in force, and who adopted it.

    Example: troth versions --on 2026-11-23 --entity vaubrelle-uk --language en
    """
    from troth.work.adopt_policy import adopted
    from troth.work.policy_as_of import versions as listed

    opened = project()
    if on is not None:
        _tell_day(opened, on.date(), entity, language, json=json)
        return
    if entity or language:
        raise NotAllowedError("--entity and --language are asked with a day: --on 2026-11-23.")
    by_company = adopted(opened)
    found = [
        {
            "version": one.version,
            "from": one.from_,
            "until": one.until,
            "languages": dict(one.languages),
            "adopted_by": sorted(name for name, said in by_company.items() if one.version in said),
            "event": one.published.id,
        }
        for one in listed(opened)
    ]
    if json:
        as_json(found)
        return
    if not found:
        out().print("No version was published yet. `troth publish` puts one in force.")
        return
    rows = [
        [
            str(one["version"]),
            str(one["from"]),
            str(one["until"] or "still in force"),
            ", ".join(one["languages"]),  # type: ignore[arg-type]
            ", ".join(one["adopted_by"]) or "nobody",  # type: ignore[arg-type]
        ]
        for one in found
    ]
    out().print(
        table("Versions of the policy", ["version", "from", "until", "languages", "adopted by"], rows)
    )


def _tell_day(opened: Project, day: date, entity: str, language: str, *, json: bool) -> None:
    from troth.work.in_force import in_force

    found = in_force(opened, day, entity, language)
    if json:
        as_json(found)
        return
    until = f"until {found.until}" if found.until else "and still"
    adopted = (
        f"adopted it on {found.adopted_on}" if found.adopted_on else "is not recorded as having adopted it"
    )
    out().print(
        f"On {day} version {found.version} was in force, from {found.from_} {until}; {found.entity} {adopted}.\n"
        f"{found.language}: SHA-256 {found.sha256}, event {found.event}.\n"
        f"Its text: troth notice --as-of {day} --language {found.language}",
        markup=False,
    )


def adopt(
    entity: list[str] = typer.Argument(
        ..., metavar="ENTITY…", help="The companies of the group, by their names there."
    ),
    by: str = typer.Option(..., "--by", help="Who decided for it, and when: a board, a manager."),
    version: str = typer.Option("", "--version", help="The version (default: the one published last)."),
    note: str = typer.Option("", "--note", help="What else is to be known."),
    staff: str = typer.Option("troth", "--staff", help="Who records it.", envvar="TROTH_STAFF"),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """Record that companies of the group adopted a version of the policy.

    Example: troth adopt vaubrelle-conseil --by "the board, on 2026-11-20"
    """
    from troth.work.adopt_policy import adopt as adopting

    opened = project()
    events = [adopting(opened, one, by, version, note, staff) for one in entity]
    if json:
        told = [
            {"entity": event.entity, "version": event.facts["version"], "event": event.id} for event in events
        ]
        as_json(told[0] if len(told) == 1 else told)
        return
    for event in events:
        out().print(
            f"{event.entity} adopted version {event.facts['version']}: event {event.id}.", markup=False
        )


def _show(drawn: Drawn) -> None:
    from troth.work.register_paper import title

    headings = dict(drawn.register.columns)
    short = SHORT[drawn.register.name]
    rows = [["\n".join(line.get(code, ())) for code in short] for line in drawn.register.lines]
    day: date = drawn.source.today
    out().print(table(f"{title(drawn)}, {day}", [headings[code] for code in short], _escaped(rows)))
    lacking = drawn.register.lacking
    many = f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}"
    told = f", of which {lacking} {'lacks' if lacking == 1 else 'lack'} something" if lacking else ""
    err().print(f"{many}{told}. Files (-o) have every column.")


def _escaped(rows: list[list[str]]) -> list[list[str]]:
    from rich.markup import escape

    return [[escape(cell) for cell in row] for row in rows]


def _written(opened: Project, drawn: Drawn, shape: str, entity: str) -> bytes:
    import json

    from troth.rules.package import as_csv_line
    from troth.work.draw_register import as_mapping
    from troth.work.register_paper import pdf

    register = drawn.register
    headings = [heading for _, heading in register.columns]
    if shape == "csv":
        lines = [as_csv_line(headings), *(as_csv_line(row) for row in register.rows("\n"))]
        return "".join(lines).encode("utf-8-sig")
    if shape == "xlsx":
        from troth.work.register_workbook import xlsx

        return xlsx(drawn)
    if shape == "pdf":
        return pdf(opened, drawn)
    if shape == "jsonld":
        from troth.rules.register_dpv import json_ld

        return (json.dumps(json_ld(drawn.source, entity), indent=2, ensure_ascii=False) + "\n").encode()
    if shape == "json":
        return (json.dumps(as_mapping(drawn), indent=2, ensure_ascii=False) + "\n").encode()
    lines = ["\t".join(headings) + "\n", *("\t".join(row) + "\n" for row in register.rows())]
    return "".join(lines).encode()


def _tell_changes(found: tuple[Changed, ...], shape: str) -> None:
    if shape == "json":
        as_json(found)
        return
    if not found:
        out().print("Nothing changed.")
        return
    rows = [
        [one.reference, one.what, one.column, "\n".join(one.was), "\n".join(one.becomes)] for one in found
    ]
    headings = ["reference", "what", "column", "was", "becomes"]
    out().print(table("What changed", headings, _escaped(rows)))
