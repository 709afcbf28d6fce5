"""`troth document`: put a contract, an assessment or a review on record."""

from __future__ import annotations

from datetime import datetime

import typer

from troth.faces.cli.console import as_json, out
from troth.faces.cli.context import project

DAYS = ["%Y-%m-%d"]


def document(
    name: str = typer.Argument(..., help="What the register calls it, in small letters and hyphens."),
    type: str = typer.Option(..., "--type", help="What it is, such as processor_contract or dpia."),
    about: list[str] = typer.Option(
        [], "--about", help="What it is about: a purpose, recipient, transfer, store, company or clause."
    ),
    title: str = typer.Option("", "--title", help="What it is called (default: its type and what it is about)."),
    dated: datetime | None = typer.Option(
        None, "--dated", formats=DAYS, help="The day it was made or signed (default: today)."
    ),
    until: datetime | None = typer.Option(None, "--until", formats=DAYS, help="The last day on which it holds."),
    review_by: datetime | None = typer.Option(
        None, "--review-by", formats=DAYS, help="The day by which it is looked at again."
    ),
    says: str = typer.Option(
        "", "--says", help="The letters it covers, of Art. 28(3) or Art. 35(7), such as abcdefgh."
    ),
    criteria: list[str] = typer.Option(
        [], "--criterion", help="A criterion of WP248 that was met, such as scoring or large_scale."
    ),
    needed: bool | None = typer.Option(
        None, "--needed/--not-needed", help="Whether an impact assessment is needed, as was examined."
    ),
    risk: str = typer.Option("", "--risk", help="The risk that remains: low, medium or high."),
    advice: str = typer.Option("", "--advice", help="What the data protection officer advised."),
    owner: str = typer.Option("", "--owner", help="Who looks after it, by function."),
    file: str = typer.Option("", "--file", help="Where it lies: a file below the project, or an address."),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:  # fmt: skip
    """Put a document on record, as a file of register/; what is there is never written over.

    Say it of what was done: a contract that was signed, an assessment or a review that was made.

    Example: troth document contract-hosting --type processor_contract --about hosting --says abcdefgh
    """
    from troth.work.establishment import day_here
    from troth.work.record_document import record_document

    opened = project()
    today = day_here(opened)
    fields: dict[str, object] = {
        **({"title": title} if title else {}), "dated": dated.date() if dated else today,
        "until": until.date() if until else None, "review_by": review_by.date() if review_by else None,
        "says": list(says), "criteria": list(criteria), "needed": needed, "risk": risk, "advice": advice,
        "owner": owner,
    }  # fmt: skip
    written = record_document(opened, name, type, about, fields, file)
    if json:
        as_json({"document": name, "type": type, "file": written})
        return
    out().print(
        f"On record: {name}, in {written}. Put the file into version control like any other.", markup=False
    )
