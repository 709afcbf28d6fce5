"""`troth request`, the part about a request's course: longer, ended for want of an answer, taken up again, marked."""

from __future__ import annotations

from pathlib import Path

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out
from troth.faces.cli.context import project
from troth.faces.cli.request_shown import JSON, NUMBER, POSTED, show_request
from troth.faces.cli.staff import STAFF

app = typer.Typer()


@app.command()
def extend(
    number: str = NUMBER,
    reason: str = typer.Option("", help="complexity or number (GDPR Art. 12(3))."),
    reasons: str = typer.Option("", help="The reasons in words, for the letter."),
    confirm: bool = typer.Option(False, "--confirm", help="Confirm what somebody else proposed."),
    posted: str = POSTED,
    staff: str = STAFF,
) -> None:
    """Take longer: one proposes it, another confirms, and a letter with the reasons goes out, in time.

    Example: troth request extend 2026-0001 --reason complexity --reasons "Your data is in nine archives." --staff marie
    """
    from troth.work import extend as extending

    if confirm and (reason or reasons):
        raise NotAllowedError(
            "What was proposed is confirmed as it is: leave --reason and --reasons out, or propose anew."
        )
    if confirm:
        extending.confirm(project(), number, staff, posted=posted)
    else:
        extending.propose(project(), number, reason, staff, reasons=reasons)
        out().print(f"A second person confirms it: troth request extend {number} --confirm")
    show_request(number)


@app.command()
def unidentified(
    number: str = NUMBER,
    shown: str = typer.Option(
        "", help="Why nobody can know whose data is meant, in words for the person: what was tried."
    ),
    confirm: bool = typer.Option(False, "--confirm", help="Confirm what somebody else proposed."),
    posted: str = POSTED,
    staff: str = STAFF,
) -> None:
    """End a request because what shows who asks never came, or was not enough; two people, and a letter first.

    Example: troth request unidentified 2026-0001 --shown "You wrote from an address that we do not know." --staff marie
    """
    from troth.work import await_answer

    if confirm:
        await_answer.confirm_unidentified(project(), number, staff, posted=posted)
    else:
        await_answer.propose_unidentified(project(), number, staff, shown)
        out().print(f"A second person confirms it: troth request unidentified {number} --confirm")
    show_request(number)


@app.command()
def document(
    number: str = NUMBER,
    to: Path = typer.Option(
        ..., "--to", help="Where to write it, to look at it: a file that is not there yet."
    ),
    name: str = typer.Option("", help="Which, as `show` names it; the last one without."),
    staff: str = STAFF,
) -> None:
    """Look at the document by which somebody shows who they are; that you did is recorded.

    It is destroyed once you say what you saw (`troth request answer-ask`), and 72 hours after it came at the latest.

    Example: troth request document 2026-0001 --to seen.pdf --staff marie
    """
    from troth.work.show_document import look

    if to.exists():
        raise NotAllowedError(f"There is a file {to.name!r} already. Name another.")
    kind, raw = look(project(), number, staff, name)
    to.touch(mode=0o600)
    to.write_bytes(raw)
    err().print(f"Written to {to}: it is a {kind.upper()}. Delete it once you have looked.", markup=False)
    show_request(number)


@app.command()
def reopen(
    number: str = NUMBER,
    because: str = typer.Option(..., help="error, complaint, authority, court or new_fact."),
    note: str = typer.Option(..., help="What it is about: the reference of an order, or what was found out."),
    claim: list[str] = typer.Option(
        [], "--claim", "-c", help="A claim to take up again; all of them without. May be repeated."
    ),
    json: bool = JSON,
    staff: str = STAFF,
) -> None:
    """Take a request up again that had ended, as a new one that names it, with a clock of its own.

    Example: troth request reopen 2026-0001 --because authority --note "CNIL 2026-417" --staff marie
    """
    from troth.work.reopen import reopen as reopening

    opened = reopening(project(), number, because, staff, note=note, claims=claim)
    if json:
        as_json({"number": opened.number, "link": opened.link})
        return
    out().print(f"Request {number} is taken up again as {opened.number}. Its private page: {opened.link}")
    show_request(opened.number)


@app.command()
def mark(
    number: str = NUMBER,
    name: str = typer.Argument(..., help="sa_complaint or litigation."),
    note: str = typer.Option(..., help="Which: the reference of the complaint or the case."),
    over: bool = typer.Option(False, "--over", help="Take the mark off: it is over."),
    staff: str = STAFF,
) -> None:
    """Mark a request about which somebody complained to an authority or went to court: its file is kept meanwhile.

    Example: troth request mark 2026-0001 sa_complaint --note "CNIL 2026-417" --staff dana
    """
    from troth.work.mark import mark as marking

    marking(project(), number, name, staff, note=note, over=over)
    show_request(number)


@app.command()
def late(
    number: str = NUMBER,
    why: str = typer.Option(..., "--why", help="Why it is late, in words; goes to the vault."),
    staff: str = STAFF,
) -> None:
    """Record why a request is, or was, answered after its legal date; it is not closed before.

    Example: troth request late 2026-0001 --why "The archive was flooded." --staff marie
    """
    from troth.work.mark import explain_delay

    explain_delay(project(), number, staff, why)
    show_request(number)
