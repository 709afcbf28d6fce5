"""`troth request`: people's requests, from receipt to proof, as staff handle them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli import request_answers, request_course, request_decisions
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project
from troth.faces.cli.request_shown import JSON, NUMBER, POSTED, PURPOSE, show_request
from troth.faces.cli.staff import STAFF

if TYPE_CHECKING:
    from troth.work.open_request import Acting

app = typer.Typer(no_args_is_help=True, help="Receive, follow, decide and answer people's requests.")


FACT_MAX = 60
"""Longer facts are left to `--json`: a line is to be read."""


@app.command("open")
def open_(
    right: list[str] = typer.Option(
        ...,
        "--right",
        "-r",
        help="What is asked for, such as access, erase, rectify, object_marketing. May be repeated.",
    ),
    email: str = typer.Option("", help="The e-mail address of the person."),
    address: str = typer.Option("", help="Their postal address, where they gave no e-mail address."),
    name: str = typer.Option("", help="Their name, if they gave one."),
    wording: str = typer.Option("", help="What they wrote or said."),
    language: str = typer.Option("en", help="en or fr."),
    channel: str = typer.Option("email", help="How it came: portal, email, post, phone, desk, api."),
    received: str = typer.Option("", help="When it came, such as 2026-03-05T14:30 (UTC); now if left out."),
    purpose: list[str] = PURPOSE,
    because: str = typer.Option(
        "",
        help="Why a restriction is asked for: accuracy, unlawful, claims or objection (Art. 18(1)(a) to (d)).",
    ),
    read_back: bool | None = typer.Option(
        None,
        "--read-back/--no-read-back",
        help="By phone or at a desk: whether the words were read back and confirmed.",
    ),
    acting: str = typer.Option(
        "",
        help="As what they ask for somebody else: agent, lawyer, association, parent, guardian, heir, employer.",
    ),
    for_name: str = typer.Option("", help="The name of the person they ask for."),
    for_email: str = typer.Option("", help="That person's e-mail address."),
    for_address: str = typer.Option("", help="That person's postal address."),
    entity: str = typer.Option("", help="The company it was made to; the main one if left out."),
    json: bool = JSON,
) -> None:
    """Take a request in, whichever way it came; its clock starts with the day of receipt.

    Example: troth request open --right access --right erase --email ada@example.org --channel post
    """
    from troth.rules.claim import WAYS
    from troth.work.open_request import open_request

    opened = open_request(
        project(), right, email, name=name, address=address, wording=wording, language=language, channel=channel,
        received_at=_moment(received), entity=entity or None,
        purposes={one: purpose for one in right if WAYS.get(one) == "choice"}, because=because,
        acting=_acting(acting, for_name, for_email, for_address), read_back=read_back,
    )  # fmt: skip
    if json:
        as_json({"number": opened.number, "link": opened.link})
        return
    out().print(f"Request {opened.number} is taken in. Its private page: {opened.link}")
    show_request(opened.number)


def _acting(kind: str, name: str, email: str, address: str) -> Acting | None:
    from troth.work.open_request import Acting

    if not kind and (name or email or address):
        raise NotAllowedError("Say as what they ask for somebody else, such as --acting agent.")
    return Acting(kind, name, email, address) if kind else None


def _moment(written: str) -> datetime | None:
    if not written:
        return None
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(
            f"{written[:40]!r} is no moment. Write it as 2026-03-05 or 2026-03-05T14:30."
        ) from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


@app.command("list")
def list_(
    status: str = typer.Option("", help="Only those that are received, in_progress, decided, executing …"),
    json: bool = JSON,
) -> None:
    """List the requests, the most urgent first.

    Example: troth request list --status in_progress
    """
    from troth.ledger import read

    found = [state.body for state in read.states(project().ledger, "request", status=status or None)]
    if json:
        as_json(found)
        return
    rows = [
        [
            state["id"],
            ", ".join(claim["right"] for claim in state["claims"].values()),
            state["status"].replace("_", " "),
            state["received"],
            state["safe_due"] or "–",
            state["legal_due"] or "–",
        ]
        for state in found
    ]
    out().print(table("", ["number", "asks for", "state", "received", "safe date", "legal date"], rows))
    out().print(
        f"{len(rows)} request{'' if len(rows) == 1 else 's'}."
        if rows
        else "There is no request yet. `troth request open` takes one in."
    )


@app.command()
def due(json: bool = JSON) -> None:
    """List the requests that press: overdue, close to their safe date, undecided at half their time, not looked at.

    Example: troth request due
    """
    from troth.work.remind import pressing

    found = pressing(project())
    if json:
        as_json(
            [
                {"number": one.number, "stage": one.stage, "since": one.since, "rights": list(one.rights),
                 "safe_due": one.safe_due, "legal_due": one.legal_due}
                for one in found
            ]
        )  # fmt: skip
        return
    words = {"overdue": "overdue", "late": "past its safe date", "due_2": "within 2 working days",
             "due_5": "within 5 working days", "due_10": "within 10 working days",
             "extend_or_decide": "extend or decide", "look_at": "nobody looked yet",
             "explain": "say why late"}  # fmt: skip
    rows = [
        [
            one.number,
            words[one.stage],
            f"{one.since}",
            ", ".join(one.rights),
            f"{one.safe_due}",
            f"{one.legal_due}",
        ]
        for one in found
    ]
    if not rows:
        out().print("Nothing presses today.")
        return
    out().print(table("", ["number", "what presses", "since", "asks for", "safe date", "legal date"], rows))


@app.command()
def calendar(
    to: Path = typer.Option(Path("-"), help="Where to write it; - for the standard output."),
    address: bool = typer.Option(False, help="Show the address to subscribe to instead."),
    language: str = typer.Option("en", help="en or fr."),
) -> None:
    """Write the due dates of open requests as a calendar (iCalendar), or show the address of its feed.

    Example: troth request calendar --address
    """
    from troth.work import due_calendar

    if address:
        out().print(due_calendar.address(project()), soft_wrap=True)
        return
    drawn = due_calendar.due_calendar(project(), language)
    if str(to) == "-":
        sys.stdout.buffer.write(drawn)
        return
    to.write_bytes(drawn)
    err().print(f"Written to {to}.")


@app.command()
def show(number: str = NUMBER, json: bool = JSON) -> None:
    """Show where a request stands, its clock, and what to do next.

    Example: troth request show 2026-0001
    """
    if json:
        from troth.work import request_file

        as_json(request_file.load(project(), number).state)
    else:
        show_request(number)


@app.command()
def code(number: str = NUMBER) -> None:
    """Send the person a new one-time code.

    Example: troth request code 2026-0001
    """
    from troth.work.prove_address import send_code

    send_code(project(), number)
    out().print("A code was sent to the address given with the request.")


@app.command()
def prove(
    number: str = NUMBER, given: str = typer.Argument(..., help="The code the person read out.")
) -> None:
    """Take the code that proves the address.

    Example: troth request prove 2026-0001 12345678
    """
    from troth.work.prove_address import take_code

    if not take_code(project(), number, given):
        raise NotAllowedError(
            "That is not the code, or it is too old, or it was tried too often. Send a new one."
        )
    show_request(number)


@app.command()
def ask(
    number: str = NUMBER,
    what: str = typer.Option("identity", help="identity, clarification or mandate."),
    doubt: str = typer.Option(..., help="Why you ask: the doubt there is, in words for the person."),
    asked: str = typer.Option(..., help="What exactly you ask for."),
    enough: str = typer.Option("", help="Why that is enough; for identity."),
    posted: str = POSTED,
    staff: str = STAFF,
) -> None:
    """Ask the person for something, only on a recorded doubt; the clock stands still as its law says.

    Example: troth request ask 2026-0001 --doubt "Two people share this address" --asked "your customer number"
    --enough "only you have it" --staff marie
    """
    from troth.work.ask import ask as asking

    event = asking(project(), number, what, staff, doubt=doubt, asked=asked, enough=enough, posted=posted)
    out().print(f"Asked, as {event.facts['ask']}.")
    show_request(number)


@app.command("answer-ask")
def answer_ask(
    number: str = NUMBER,
    name: str = typer.Argument(..., help="The name of the ask, as `ask` gave it."),
    sufficient: bool = typer.Option(True, help="Whether what came is enough."),
    reply: str = typer.Option("", help="What came, in words; goes to the vault."),
    method: str = typer.Option(
        "",
        help="For an identity: how it was shown; question, document_seen, video, call_back, in_person, sign_in.",
    ),
    staff: str = STAFF,
) -> None:
    """Record what came back; when it is enough the clock runs again.

    Example: troth request answer-ask 2026-0001 identity-3fa2b1 --method question --staff marie
    """
    from troth.work.ask import answer_ask as answering

    answering(project(), number, name, staff, sufficient=sufficient, reply=reply, method=method)
    show_request(number)


@app.command()
def authority(
    number: str = NUMBER,
    seen: str = typer.Option(
        ..., help="What was looked at and what it says, in words; the document itself is never kept."
    ),
    sufficient: bool = typer.Option(True, help="Whether it is enough to act for the person."),
    right: list[str] = typer.Option(
        [], "--right", "-r", help="A right it covers; all that were asked for without."
    ),
    answer_to: str = typer.Option("person", help="Whether the answer goes to the person, or to the asker."),
    until: str = typer.Option("", metavar="DATE", help="The day on which it ends."),
    staff: str = STAFF,
) -> None:
    """Record that somebody looked at what shows that one may ask for somebody else.

    Example: troth request authority 2026-0001 --seen "mandate of 3 May, for access" --answer-to asker --staff marie
    """
    from troth.work.check_authority import check_authority

    if answer_to not in {"person", "asker"}:
        raise NotAllowedError("The answer goes to the person or to the asker: --answer-to person, or asker.")
    try:
        ends = date.fromisoformat(until) if until else None
    except ValueError:
        raise NotAllowedError("--until is a day, written such as 2026-11-23.") from None
    check_authority(
        project(),
        number,
        staff,
        seen,
        sufficient=sufficient,
        rights=right,
        receives=answer_to == "asker",
        until=ends,
    )
    show_request(number)


@app.command()
def forward(
    number: str = NUMBER,
    controller: str = typer.Option("", help="Whose data it is: the controller, for whom we process."),
    email: str = typer.Option("", help="Where the controller takes requests."),
    agreement: str = typer.Option(
        "", help="The agreement by which we process for them: its number or its date."
    ),
    part: bool = typer.Option(
        False, "--part", help="We are controller of some of the data too: our part goes on."
    ),
    confirmed: str = typer.Option(
        "", metavar="PROOF", help="By what the controller has confirmed what was passed on before."
    ),
    staff: str = STAFF,
) -> None:
    """Pass a request on to the controller for whom we process the data, and tell the person so.

    Example: troth request forward 2026-0001 --controller "Kortebeek SA" --email privacy@kortebeek.example
    --agreement "DPA of 3 May 2024" --staff marie
    """
    from troth.work import forward as forwarding

    if confirmed:
        forwarding.confirm(project(), number, staff, confirmed)
    else:
        forwarding.forward(
            project(), number, staff, controller=controller, email=email, agreement=agreement, part=part
        )
    show_request(number)


@app.command()
def withdraw(
    number: str = NUMBER, note: str = typer.Option("", help="How they said so."), staff: str = STAFF
) -> None:
    """Stop working on a request because the person wishes so.

    Example: troth request withdraw 2026-0001 --note "by phone" --staff marie
    """
    from troth.work.close_request import withdraw as withdrawing

    withdrawing(project(), number, staff=staff, note=note)
    show_request(number)


@app.command()
def narrow(
    number: str = NUMBER,
    claim: str = typer.Option(
        ..., "--claim", "-c", help="The claim that is no longer asked for, such as c2."
    ),
    note: str = typer.Option("", help="How they said so."),
    staff: str = STAFF,
) -> None:
    """Let one claim go because the person no longer asks for it; the others go on.

    Example: troth request narrow 2026-0001 --claim c2 --note "by phone" --staff marie
    """
    from troth.work.close_request import narrow as narrowing

    narrowing(project(), number, claim, staff=staff, note=note)
    show_request(number)


@app.command()
def close(number: str = NUMBER, staff: str = STAFF) -> None:
    """Close a request that was answered, refused or withdrawn.

    Example: troth request close 2026-0001 --staff marie
    """
    from troth.work.close_request import close as closing

    closing(project(), number, staff=staff)
    show_request(number)


@app.command()
def timeline(number: str = NUMBER, json: bool = JSON) -> None:
    """List everything that happened in a request, in order; no personal data is in it.

    Example: troth request timeline 2026-0001
    """
    from troth.ledger import read

    events = read.stream(project().ledger, f"request/{number}")
    if not events:
        raise NotFoundError(f"There is no request {number[:20]}. `troth request list` lists them.")
    if json:
        as_json(
            [{"id": e.id, "at": e.at, "kind": e.kind, "actor": e.actor, "facts": e.facts} for e in events]
        )
        return
    console = out()
    for event in events:
        head = f"{event.at:%Y-%m-%d %H:%M:%S}  {event.kind.replace('_', ' ')}, by {event.actor}"
        console.print(head, markup=False)
        facts = _brief(event.facts)
        if facts:
            console.print(f"    {facts}", markup=False, soft_wrap=True)
        console.print(f"    {event.id}", markup=False, style="dim")


def _brief(facts: Mapping[str, Any]) -> str:
    """Say the short facts in a line; long ones are in `--json`."""
    shown = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in facts.items()
        if isinstance(value, str | int) and name != "request" and len(str(value)) < FACT_MAX
    ]
    return "; ".join(shown)


for _part in (request_decisions.app, request_course.app, request_answers.app):
    app.registered_commands.extend(_part.registered_commands)
