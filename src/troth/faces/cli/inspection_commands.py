"""`troth inspection`: what an authority is shown, numbered, hashed and handed over with its proof."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF
from troth.faces.cli.taking import give

app = typer.Typer(
    no_args_is_help=True, help="Freeze a moment for an authority, choose what it is shown, and hand it over."
)
NUMBER = typer.Argument(..., help="The inspection, as `troth inspection list` numbers it.")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")
DAYS = ["%Y-%m-%d"]


@app.command("open")
def open_(
    authority: str = typer.Option(..., help="Who asks, such as CNIL; kept encrypted."),
    scope: list[str] = typer.Option(
        ..., help="What it is about: a category, a store, or a table as store.table. May be repeated."
    ),
    entity: str = typer.Option("", help="Which company it is about (default: the main one)."),
    reference: str = typer.Option("", help="The authority's reference; kept encrypted."),
    review: datetime | None = typer.Option(
        None, formats=DAYS, help="When the hold is looked at again (default: in six months)."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Open an inspection: hold what is in its scope, and freeze the moment with its checkpoint.

    Example: troth inspection open --authority CNIL --entity main-entity --scope contact --staff marie
    """
    from troth.work.inspection import open_inspection

    until = review.date() if review else None
    found = open_inspection(
        project(), authority, scope, staff, entity=entity, reference=reference, review_on=until
    )
    if json:
        as_json(found.state)
        return
    state = found.state
    out().print(f"Opened, as {found.number}: checkpoint {state['size']} events, root {state['root']}.")
    out().print(f"Erasures and sweeps of what is in scope wait: hold {state['hold']}.")


@app.command("list")
def list_(json: bool = JSON) -> None:
    """List the inspections there were.

    Example: troth inspection list
    """
    from troth.work import inspection

    found = inspection.every(project())
    if json:
        as_json([one.state for one in found])
        return
    if not found:
        out().print("No inspection was opened.")
        return
    rows = [
        [
            one.number, one.state["opened_at"][:10], str(one.state["entity"]), ", ".join(one.state["scope"]),
            str(len(one.state["items"])), str(len(one.state["handed"])), str(one.state["status"]),
        ]
        for one in found
    ]  # fmt: skip
    out().print(table("", ["number", "opened", "company", "scope", "items#", "handed over#", "status"], rows))


@app.command()
def show(number: str = NUMBER, staff: str = STAFF, json: bool = JSON) -> None:
    """Show an inspection with its items, its looks into stores and what was handed over; that you looked is recorded.

    Example: troth inspection show V-2026-001 --staff marie
    """
    from troth.work import inspection
    from troth.work.record_reading import record_reading

    opened = project()
    found = inspection.load(opened, number)
    record_reading(opened, number, staff, f"inspection/{number}")
    case, said = inspection.told(opened, number)
    state: dict[str, Any] = {
        **found.state,
        "authority": case.get("authority"),
        "reference": case.get("reference"),
    }
    for name in ("items", "queries", "handed"):
        state[name] = [{**one, **said.get(one["event"], {})} for one in found.state[name]]
    if json:
        as_json(state)
        return
    for name in (
        "authority",
        "reference",
        "entity",
        "status",
        "opened_at",
        "size",
        "root",
        "hold",
        "closed_on",
    ):
        if state.get(name):
            out().print(f"{name.replace('_', ' ')}: {state[name]}", markup=False)
    out().print(f"scope: {', '.join(state['scope'])}", markup=False)
    for one in state["items"]:
        out().print(
            f"{one['item']}. {one.get('name', '')} ({one['what']}, {one['bytes']} bytes) {one['sha256']}",
            markup=False,
        )
    for one in state["queries"]:
        oldest = f", oldest {one['oldest']}" if one["oldest"] else ""
        rows = "1 row" if one["rows"] == 1 else f"{one['rows']} rows"
        masked = "masked" if one["masked"] else "unmasked"
        shown = f", {one['shown']} shown {masked}" if one["shown"] else ""
        out().print(
            f"looked {one['at']}: {one['store']}.{one['table']}: {rows}{oldest}{shown}",
            markup=False,
        )
    for one in state["handed"]:
        items = "1 item" if one["items"] == 1 else f"{one['items']} items"
        out().print(
            f"handed over {one['at']}: {items} to {one.get('to', '')}, {one.get('how', '')}",
            markup=False,
        )


@app.command()
def document(
    number: str = NUMBER,
    file: Path = typer.Argument(..., help="The document that is shown; kept encrypted as it is."),
    why: str = typer.Option(..., help="Why it is shown; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Add a document to what is shown, under the next number.

    Example: troth inspection document V-2026-001 contract.pdf --why "asked for in point 3" --staff marie
    """
    from troth.work.inspection import add_document

    if not file.is_file():
        raise NotAllowedError(f"There is no file {file.name!r}.")
    _added(add_document(project(), number, file.name, file.read_bytes(), why, staff), json)


@app.command()
def extract(
    number: str = NUMBER,
    question: str = typer.Argument(..., help="Which question, as `troth ask` lists them."),
    format: str = typer.Option("json", "--format", help="json, csv or pdf."),
    since: datetime | None = typer.Option(None, "--from", formats=DAYS, help="From this day on."),
    until: datetime | None = typer.Option(
        None, "--to", formats=DAYS, help="Until this day; never after the case was opened."
    ),
    request: str = typer.Option("", help="Of which request."),
    category: str = typer.Option("", help="Of which category of data."),
    rule: str = typer.Option("", help="Of which retention promise."),
    jurisdiction: str = typer.Option("", help="Only under this law, such as FR."),
    why: str = typer.Option("", help="Why it is shown; kept encrypted."),
    redact: bool = typer.Option(False, "--redact", help="Hide what names somebody; staff become numbers."),
    language: str = typer.Option("", "--language", "-l", help="en or fr (default: the policy's)."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Add the answer to a question, from exactly the checkpoint that is frozen; small cells are shown to an authority.

    Example: troth inspection extract V-2026-001 times --format pdf --staff marie
    """
    from troth.work.answer_question import Narrowed
    from troth.work.inspection import add_extract

    narrowed = Narrowed(
        since=since.date() if since else None, until=until.date() if until else None, jurisdiction=jurisdiction.upper(),
        category=category, rule=rule, number=request,
    )  # fmt: skip
    event = add_extract(
        project(), number, question, staff, narrowed=narrowed, shape=format, why=why, language=language, redact=redact,  # type: ignore[arg-type]
    )  # fmt: skip
    _added(event, json)


def _added(event: Any, json: bool) -> None:
    facts = event.facts
    if json:
        as_json({name: facts[name] for name in ("item", "what", "sha256", "bytes")} | {"event": event.id})
        return
    out().print(f"Added as item {facts['item']}: {facts['bytes']} bytes, SHA-256 {facts['sha256']}.")


@app.command()
def query(
    number: str = NUMBER,
    place: str = typer.Argument(..., metavar="STORE.TABLE", help="Which table; it is in the scope."),
    oldest: str = typer.Option("", help="A column of days, of which the oldest is looked for."),
    sample: int = typer.Option(0, help="How many rows are shown, 50 at most; shown once and kept nowhere."),
    unmasked: str = typer.Option(
        "", help="Show values and not their shape, for this reason; kept encrypted."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Look into a table live and read-only: count it, find its oldest row, show a few; only the counts are recorded.

    Example: troth inspection query V-2026-001 shop.customer --oldest created --sample 5 --staff marie
    """
    from troth.work.inspection import look

    store, dot, name = place.partition(".")
    if not dot or not name:
        raise NotAllowedError("Name a table as store.table, such as shop.customer.")
    seen = look(
        project(), number, store, name, staff, oldest_by=oldest, rows=sample, unmasked_because=unmasked
    )
    if json:
        as_json(seen)
        return
    told = f"{place}: {seen.count} rows" + (f", the oldest of {seen.oldest}" if seen.oldest else "")
    out().print(f"{told}.", markup=False)
    if seen.rows:
        headings = list(seen.rows[0])
        rows = [[escape(row.get(heading, "")) for heading in headings] for row in seen.rows]
        out().print(table("", headings, rows))


@app.command("hand-over")
def hand_over(
    number: str = NUMBER,
    to: str = typer.Option(..., "--to", help="To whom; kept encrypted."),
    how: str = typer.Option(..., "--how", help="How: by which post, upload or meeting; kept encrypted."),
    output: Path | None = typer.Option(None, "--out", "-o", help="Write the bundle to this file."),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
    staff: str = STAFF,
) -> None:
    """Record the hand-over and write the bundle, which `troth verify` verifies without network or database.

    Example: troth inspection hand-over V-2026-001 --to "the inspectors" --how "in person" -o V.zip --staff marie
    """
    from troth.work.inspection_bundle import hand_over as handing

    if output is None and sys.stdout.isatty():
        raise NotAllowedError(f"A bundle is not text. Say where to with -o {number}.zip.")
    if output is not None and output.exists() and not force:
        raise NotAllowedError(f"{output} is there already. Name another, or add --force.")
    give(handing(project(), number, to, how, staff), output, "zip", number, force=force)


@app.command()
def close(
    number: str = NUMBER,
    reason: str = typer.Option(..., help="How it ended; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Close an inspection; its hold stands until `troth hold end`.

    Example: troth inspection close V-2026-001 --reason "closed without measures" --staff marie
    """
    from troth.work.inspection import close as closing

    found = closing(project(), number, reason, staff)
    if json:
        as_json(found.state)
        return
    out().print(
        f"Closed. The hold {found.state['hold']} stands until it is ended: troth hold end {found.state['hold']}."
    )
