"""`troth request`, the part that leaves: packages, answers, letters, dossiers, counts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project
from troth.faces.cli.request_shown import CLAIM, JSON, NUMBER, show_answer, show_request
from troth.faces.cli.staff import STAFF

app = typer.Typer()


@app.command("package")
def package_(
    number: str = NUMBER,
    file: Path = typer.Option(..., "--to", help="Where to write the ZIP for looking through it."),
    claim: str = CLAIM,
    mask: list[str] = typer.Option(
        [], help="store.table.column#row=reason, or attached/STORE/FILE#PAGE=reason; may be repeated."
    ),
    staff: str = STAFF,
) -> None:
    """Open the answer to an access claim, to look it through; that you did is recorded.

    Example: troth request package 2026-0001 --to answer.zip --mask "crm.message.body#3=names a colleague" --staff marie
    """
    from troth.rules.package import read_mask
    from troth.work.build_package import mask_package, open_package

    opened = project()
    if mask:
        mask_package(opened, number, claim, [read_mask(one) for one in mask], staff)
    file.touch(mode=0o600)
    with file.open("wb") as written:
        written.writelines(open_package(opened, number, claim, staff))
    err().print(f"Written to {file}. It holds personal data: delete it once you have looked.")
    show_request(number)


@app.command()
def release(number: str = NUMBER, claim: str = CLAIM, staff: str = STAFF) -> None:
    """Let the answer to an access claim go out.

    Example: troth request release 2026-0001 --staff marie
    """
    from troth.work.build_package import release as releasing

    releasing(project(), number, claim, staff=staff)
    show_request(number)


@app.command()
def answer(number: str = NUMBER) -> None:
    """Send the last letter, once every claim is decided and carried out.

    Example: troth request answer 2026-0001
    """
    from troth.work.answer import answer as answering

    event = answering(project(), number)
    out().print(f"The letter is {event.facts['outcome']}.")
    show_request(number)


@app.command()
def preview(number: str = NUMBER, staff: str = STAFF) -> None:
    """Show the answer as it would be sent now; nothing is sent, and that you read it is recorded.

    Example: troth request preview 2026-0001 --staff marie
    """
    from troth.rules import request_guard
    from troth.work import request_file

    opened = project()
    show_answer(opened, number, staff)
    for reason in request_guard.why_not_answer(request_file.load(opened, number).state):
        err().print(f"Not yet: {reason}", markup=False)


@app.command()
def write(
    number: str = NUMBER,
    words: str = typer.Argument(
        ..., help="The letter, in your words; the greeting and who writes are added."
    ),
    about: str = typer.Option(..., help="What it is about: the subject of the letter."),
    posted: str = typer.Option("", help="The proof that it went by post, where there is no e-mail address."),
    only_show: bool = typer.Option(False, "--show", help="Show it as it would be sent, and send nothing."),
    staff: str = STAFF,
) -> None:
    """Write to the person in words of your own; it decides nothing and stops no clock.

    Example: troth request write 2026-0001 "We look into it by Friday." --about "your question" --staff marie
    """
    from troth.work import request_file, write_to

    if only_show:
        opened = project()
        request_file.record_reading(opened, number, staff, "write")
        written = write_to.written(opened, number, about, words)
        out().print(f"{written.subject}\n\n{written.text}", markup=False)
        return
    event = write_to.write_to(project(), number, about, words, staff, posted=posted)
    out().print(f"The letter is {event.facts['outcome']}.")
    if event.facts["outcome"] == "to_post":
        out().print(f"Print it: troth request letter {number} {event.facts['letter']} --to letter.pdf")


@app.command()
def words(
    number: str = NUMBER,
    said: str = typer.Argument(..., help="Words of your own for the answer; none takes them out again."),
    staff: str = STAFF,
) -> None:
    """Let words of your own stand in the answer, before it is sent; what the law requires stays.

    Example: troth request words 2026-0001 "We are sorry that it took so long." --staff marie
    """
    from troth.work.answer import add_words

    add_words(project(), number, staff, said)
    out().print(f"They will stand in the answer. `troth request preview {number}` shows it.")


@app.command()
def letter(
    number: str = NUMBER,
    name: str = typer.Argument(
        ..., help="The letter, as the timeline names it, such as done or acknowledgement."
    ),
    to: Path = typer.Option(..., "--to", help="Where to write it: a file that ends in .pdf, .html or .txt."),
    staff: str = STAFF,
) -> None:
    """Write a letter into a file, on paper or as it was mailed; that you read it is recorded.

    Example: troth request letter 2026-0001 done --to done.pdf --staff marie
    """
    from troth.rules.letter import as_html
    from troth.work import letter_paper, request_file

    opened = project()
    came = letter_paper.as_it_came(opened, number, name, to.suffix)
    if came is not None:
        request_file.record_reading(opened, number, staff, "letter")
        to.touch(mode=0o600)
        to.write_bytes(came)
        err().print(f"Written to {to}, as it was imported. It holds personal data.")
        return
    if to.suffix not in {".pdf", ".html", ".txt"}:
        raise NotAllowedError("A letter is written as PDF, HTML or text: name a file .pdf, .html or .txt.")
    written, whom = letter_paper.find(opened, number, name)
    request_file.record_reading(opened, number, staff, "letter")
    language = str(request_file.load(opened, number).state["language"])
    match to.suffix:
        case ".pdf":
            receipt = letter_paper.is_receipt(opened, number, name)
            drawn = letter_paper.pdf(opened, number, written, whom, receipt=receipt)
        case ".html":
            drawn = as_html(written, language).encode()
        case _:
            drawn = f"{written.subject}\n\n{written.text}".encode()
    to.touch(mode=0o600)
    to.write_bytes(drawn)
    err().print(f"Written to {to}. It holds personal data.")


@app.command()
def posted(
    number: str = NUMBER,
    name: str = typer.Argument(..., help="The letter that was posted."),
    proof: str = typer.Option(..., help="The register number, or the date on the stamp; goes to the vault."),
    staff: str = STAFF,
) -> None:
    """Say that a letter went by post, with its proof.

    Example: troth request posted 2026-0001 done --proof "RR 123 456 789 FR" --staff marie
    """
    from troth.work.send_letter import posted as posting

    posting(project(), number, name, staff, proof)
    show_request(number)


@app.command()
def dossier(
    number: str = NUMBER,
    to: Path = typer.Option(..., "--to", help="Where to write it: a file that ends in .pdf or .json."),
    redacted: bool = typer.Option(False, help="Leave out what was said by and to people."),
    language: str = typer.Option("en", help="en or fr."),
    staff: str = STAFF,
) -> None:
    """Write a request whole: timeline, decisions, letters, clock and receipts; that you read it is recorded.

    Example: troth request dossier 2026-0001 --to 2026-0001.json --staff dana
    """
    from troth.law.sentence import known
    from troth.work import dossier as dossiers

    known(language)
    if to.suffix not in {".pdf", ".json"}:
        raise NotAllowedError(f"A dossier is a PDF or JSON: name the file {number}.pdf or {number}.json.")
    told = dossiers.dossier(project(), number, staff, redacted=redacted, language=language)
    drawn = dossiers.as_json(told) if to.suffix == ".json" else dossiers.as_pdf(project(), told)
    to.touch(mode=0o600)
    to.write_bytes(drawn)
    waiting = sum("place" not in one for one in told["receipts"])
    out().print(f"Written to {to}: {len(told['events'])} events.")
    if not redacted:
        err().print("It holds personal data: pass it on only to whom it is owed.")
    if waiting:
        err().print(
            f"{waiting} events are not sealed yet; their receipts promise their place and do not prove it."
        )


@app.command()
def statistics(
    since: str = typer.Option("", "--from", help="The first month, such as 2026-01."),
    until: str = typer.Option("", "--to", help="The last month."),
    json: bool = JSON,
) -> None:
    """Count claims by company, right and month: how many, how long, how many in time; cells under five show nothing.

    Example: troth request statistics --from 2026-01 --json
    """
    from troth.ledger import read
    from troth.rules.statistics import cells, tuples

    states = (state.body for state in read.states(project().ledger, "request"))
    found = cells(
        one
        for one in tuples(states)
        if (not since or one.month >= since) and (not until or one.month <= until)
    )
    if json:
        as_json([asdict(one) for one in found])
        return
    if not found:
        out().print("There is no request yet.")
        return
    rows = [
        [
            one.entity or "–",
            one.right,
            one.month,
            *(
                "< 5" if value is None and one.claims is None else f"{value if value is not None else '–'}"
                for value in (
                    one.claims,
                    one.answered,
                    one.days_median,
                    one.days_p95,
                    one.in_time,
                    one.refused,
                    one.extended,
                    one.imported,
                )
            ),
        ]
        for one in found
    ]
    columns = [
        "company",
        "right",
        "month",
        "claims#",
        "answered#",
        "median days#",
        "95 % within#",
        "in time#",
        "refused#",
        "extended#",
        "imported#",
    ]
    out().print(table("", columns, rows))
