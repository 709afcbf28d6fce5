"""`troth review`: what a reviewed Word document proposes, clause by clause; it merges nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import as_json, err, out
from troth.faces.cli.context import project
from troth.faces.cli.staff import refuse_nobody

if TYPE_CHECKING:
    from rich.console import Console

    from troth.policy.proposal import Proposal
    from troth.work.review_document import Review


def review(
    file: Path = typer.Argument(..., metavar="FILE", help="The document that came back, as .docx."),
    draft: str = typer.Option(
        "", "--draft", help="Keep the proposals with this draft, to be taken one by one."
    ),
    staff: str = typer.Option(
        "",
        "--staff",
        "-s",
        help="Who you are, as it stands in the record; with --draft.",
        envvar="TROTH_STAFF",
    ),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """Say what a reviewed Word document proposes: tracked changes, untracked ones, comments and answers, by clause.

    Nothing is merged. With --draft the proposals are kept, and troth policy draft take takes one.

    Example: troth review notice-reviewed.docx --draft spring-review --staff c.baron
    """
    from troth.work import draft_policy, review_document

    here, content = project(), _content(file)
    if draft:
        refuse_nobody(staff)
        found = review_document.propose(here, draft_policy.opened(here, draft), content, staff)
    else:
        found = review_document.review(here, content)
    if json:
        as_json(found)
    else:
        _shown(found, out(), err())


def show(one: Proposal, name: str, console: Console) -> None:
    """Print one proposal."""
    by = f", {one.who}" + (f" on {one.when[:10]}" if one.when else "") if one.who else ""
    how = "" if one.tracked or one.what == "comment" else ", not tracked"
    about = f" the value {one.promise}," if one.what == "promise" else ""
    console.print(f"{name}: clause {one.clause},{about} {one.what}{by}{how}", style="bold", markup=False)
    if one.what != "comment":
        console.print(f"  was:     {one.was or '–'}\n  becomes: {one.becomes or '–'}", markup=False)
    for remark in one.remarks:
        console.print(f"  {remark.who}, {remark.when[:10]}: {remark.text}", markup=False)


def _shown(found: Review, console: Console, aside: Console) -> None:
    for number, one in enumerate(found.proposals, 1):
        show(one, str(number), console)
    if not found.proposals:
        console.print("The document proposes nothing.")
    if not found.known:
        aside.print(
            "The document does not name a text that was given out here, so what was changed without tracking is "
            "not found."
        )


def _content(file: Path) -> bytes:
    from troth.outside.word_review import FILE_BYTES_MAX

    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise NotAllowedError(f"{file.name} has more than {FILE_BYTES_MAX >> 20} MB: it is not read.")
        return file.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {file}.") from None
    except OSError as error:
        raise NotFoundError(f"{file} cannot be read: {error.strerror}.") from None
