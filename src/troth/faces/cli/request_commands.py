"""`troth request`: people's requests, from receipt to proof, as staff handle them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project

app = typer.Typer(no_args_is_help=True, help="Receive, follow, decide and answer people's requests.")
FACT_MAX = 60
"""Longer facts are left to `--json`: a line is to be read."""

NUMBER = typer.Argument(..., help="The number of the request, such as 2026-0001.")
CLAIM = typer.Option("c1", "--claim", "-c", help="The claim, such as c1.")
STAFF = typer.Option(
    ..., "--staff", "-s", help="Who you are, as it stands in the record.", envvar="TROTH_STAFF"
)
POSTED = typer.Option(
    "", help="The proof that the letter went by post today, for somebody without an e-mail address."
)
PURPOSE = typer.Option(
    [], help="For an objection or a withdrawal: the purpose of the policy it is about. May be repeated."
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


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
        purposes={one: purpose for one in right if WAYS.get(one) == "choice"},
    )  # fmt: skip
    if json:
        as_json({"number": opened.number, "link": opened.link})
        return
    out().print(f"Request {opened.number} is taken in. Its private page: {opened.link}")
    _show(opened.number)


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
    """List the requests that press: overdue, close to their safe date, or undecided at half their time.

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
             "extend_or_decide": "extend or decide"}  # fmt: skip
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
        _show(number)


def _show(number: str) -> None:
    from troth.rules import request
    from troth.work import cover, request_file
    from troth.work.send_letter import to_post

    opened = project()
    state = request_file.load(opened, number).state
    console = out()
    console.print(
        f"\n[bold]{number}[/bold]  {state['status'].replace('_', ' ')}  ·  received {state['received']} by "
        f"{state['channel']}  ·  answer by {state['safe_due'] or '–'} (safe), {state['legal_due'] or '–'} (legal)"
    )
    rows = []
    for name, claim in state["claims"].items():
        decision = claim["outcome"] or "open"
        if claim["decided_by"]:
            decision += f" by {claim['decided_by']}" + (
                f", reviewed by {claim['reviewed_by']}" if claim["reviewed_by"] else ""
            )
        stores = ", ".join(
            f"{store}: {told.get('grade', 'begun')}" for store, told in claim["stores"].items()
        )
        rows.append([name, claim["right"], decision, stores or ("done" if claim["done"] else "–")])
    console.print(table("", ["claim", "right", "decision", "carried out"], rows))
    for one in to_post(state):
        console.print(
            f"To post: the letter {one['letter']}. Print it with `troth request letter {number} {one['letter']} --to "
            f"letter.pdf`, then say `troth request posted {number} {one['letter']} --proof …`."
        )
    for name, claim in state["claims"].items():
        if claim.get("tasks"):
            covered = cover.coverage(opened, claim)
            said = ", ".join(f"{store} {how}{' on ' + on if on else ''}" for store, how, on in covered)
            console.print(f"Coverage of {name}: {said}.")
    if state.get("said_more"):
        times = state["said_more"]
        console.print(
            f"The person added something ({times}): `troth request dossier {number}` has the words."
        )
    for step in request.next_steps(state):
        console.print(f"Next: {step}.")


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
    _show(number)


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
    _show(number)


@app.command("answer-ask")
def answer_ask(
    number: str = NUMBER,
    name: str = typer.Argument(..., help="The name of the ask, as `ask` gave it."),
    sufficient: bool = typer.Option(True, help="Whether what came is enough."),
    reply: str = typer.Option("", help="What came, in words; goes to the vault."),
    staff: str = STAFF,
) -> None:
    """Record what came back; when it is enough the clock runs again.

    Example: troth request answer-ask 2026-0001 identity-3fa2b1 --staff marie
    """
    from troth.work.ask import answer_ask as answering

    answering(project(), number, name, staff, sufficient=sufficient, reply=reply)
    _show(number)


@app.command()
def extend(
    number: str = NUMBER,
    reason: str = typer.Option(..., help="complexity or number (GDPR Art. 12(3))."),
    reasons: str = typer.Option(..., help="The reasons in words, for the letter."),
    posted: str = POSTED,
    staff: str = STAFF,
) -> None:
    """Take longer: a letter with the reasons goes out first, and in time.

    Example: troth request extend 2026-0001 --reason complexity --reasons "Your data is in nine archives." --staff marie
    """
    from troth.work.ask import extend as extending

    extending(project(), number, reason, staff, reasons=reasons, posted=posted)
    _show(number)


@app.command()
def decide(
    number: str = NUMBER,
    outcome: str = typer.Argument(..., help="grant, part or refuse."),
    claim: str = CLAIM,
    ground: str = typer.Option(
        "",
        help="For an erasure or a restriction: the letter of Art. 17(1) or 18(1) it is granted on; for an objection "
        "that is not followed: compelling or claims.",
    ),
    article: str = typer.Option("", help="For a refusal: the article it stands on."),
    exempt: list[str] = typer.Option([], help="Letters of Art. 17(3), for what is not erased."),
    purpose: list[str] = PURPOSE,
    reason: str = typer.Option("", help="Why, in words the person understands."),
    proof: str = typer.Option(
        "",
        help="For a refusal under Art. 12(5): the facts that show it; which requests, what overlaps, what changed.",
    ),
    role: str = typer.Option("handler", help="Your role; the data protection officer decides nothing."),
    staff: str = STAFF,
) -> None:
    """Decide a claim.

    Example: troth request decide 2026-0001 grant --claim c2 --ground a --staff marie
    """
    from troth.work.decide import decide as deciding

    deciding(
        project(), number, claim, outcome, staff, ground=ground, article=article, exemptions=exempt,  # type: ignore[arg-type]
        purposes=purpose, reason=reason, proof=proof, role=role,  # type: ignore[arg-type]
    )  # fmt: skip
    _show(number)


@app.command()
def review(
    number: str = NUMBER,
    claim: str = CLAIM,
    confirm: bool = typer.Option(True, help="Confirm, or with --no-confirm send back."),
    note: str = typer.Option("", help="A note for the record; goes to the vault."),
    staff: str = STAFF,
) -> None:
    """Confirm somebody else's decision, or send it back.

    Example: troth request review 2026-0001 --claim c2 --staff paul
    """
    from troth.work.decide import review as reviewing

    reviewing(project(), number, claim, staff, confirm=confirm, note=note)
    _show(number)


@app.command()
def advise(
    number: str = NUMBER,
    note: str = typer.Argument(..., help="The advice, in words; goes to the vault."),
    claim: str = CLAIM,
    staff: str = STAFF,
) -> None:
    """Record the advice of the data protection officer, which decides nothing.

    Example: troth request advise 2026-0001 "The overlap with 2026-0004 is real." --claim c1 --staff dana
    """
    from troth.work.decide import advise as advising

    advising(project(), number, claim, staff, note)
    out().print("The advice is on record.")


@app.command()
def rights(number: str = NUMBER, claim: str = CLAIM, json: bool = JSON) -> None:
    """Explain to which purposes of the policy the right of a claim applies, and why.

    Example: troth request rights 2026-0001 --claim c2
    """
    from troth.rules import claim as claim_rules
    from troth.work import request_file

    opened = project()
    found = request_file.load(opened, number)
    right, place = str(found.claim(claim)["right"]), str(found.state["jurisdiction"])
    applied = claim_rules.matrix(opened.policy, right, place, request_file.today(opened, found))
    if json:
        as_json(
            [
                {"purpose": one.purpose.key, "legal_basis": one.purpose.legal_basis, "applies": one.verdict.applies,
                 "grounds": list(one.verdict.grounds), "why": one.verdict.en, "pourquoi": one.verdict.fr,
                 "law": one.verdict.law}
                for one in applied
            ]
        )  # fmt: skip
        return
    rows = [
        [
            one.purpose.key,
            one.purpose.legal_basis.replace("_", " "),
            "yes" + (f" ({', '.join(one.verdict.grounds)})" if one.verdict.grounds else "")
            if one.verdict.applies
            else "no",
            f"{one.verdict.en} ({one.verdict.law})",
        ]
        for one in applied
    ]
    if not rows:
        out().print(
            f"The rights under the law of {place} are not recorded here, or the policy has no purpose. Ask counsel."
        )
        return
    out().print(
        table(f"{right}, claim {claim} of {number}", ["purpose", "legal basis", "applies", "why"], rows)
    )


@app.command("carried-out")
def carried_out(
    number: str = NUMBER,
    said: str = typer.Argument(..., help="What was done, in words for the person: the answer tells it."),
    claim: str = CLAIM,
    by: str = typer.Option(
        "", help="The rectification or restriction that did it in the stores, by its name."
    ),
    staff: str = STAFF,
) -> None:
    """Say that you carried out what only a person can: a correction, a restriction, a second look, a complaint.

    Example: troth request carried-out 2026-0001 "Your name is now written as you gave it." --claim c1 --staff marie
    """
    from troth.work.carry_out import carry_out

    carry_out(project(), number, claim, staff, said, by=by)
    _show(number)


@app.command()
def fee(
    number: str = NUMBER,
    what: str = typer.Argument(..., help="propose, confirm, paid, narrowed or lapsed."),
    kind: str = typer.Option("excessive", help="unfounded or excessive."),
    facts: str = typer.Option(
        "", help="The facts that show it: which requests, what overlaps, what changed."
    ),
    offered: str = typer.Option("", help="Which other way you offer, such as a narrower request."),
    hours: str = typer.Option("0", help="Hours of work it costs."),
    rate: str = typer.Option("0", help="What an hour costs."),
    postage: str = typer.Option("0", help="What postage costs."),
    currency: str = typer.Option("EUR", help="The currency, in three letters."),
    proof: str = typer.Option("", help="By what it was paid or narrowed."),
    staff: str = STAFF,
) -> None:
    """Ask for a fee where a request is manifestly unfounded or excessive: one proposes, another confirms.

    Example: troth request fee 2026-0009 propose --hours 2 --rate 30 --facts "…" --offered "the last year only"
    --staff marie
    """
    from decimal import Decimal, InvalidOperation

    from troth.rules.fee import MOVES, Cost
    from troth.work import charge

    opened = project()
    if what not in MOVES:
        raise NotAllowedError(f"One can {', '.join(MOVES)} a fee, not {what[:20]!r}.")
    if what == "propose":
        try:
            cost = Cost(Decimal(hours), Decimal(rate), Decimal(postage), currency.upper()[:3])
        except InvalidOperation:
            raise NotAllowedError("Hours, rate and postage are numbers, such as 1.5.") from None
        charge.propose(opened, number, staff, cost, kind=kind, facts=facts, offered=offered)
    elif what == "confirm":
        charge.confirm(opened, number, staff)
    else:
        charge.move(opened, number, staff, what, proof=proof)
    _show(number)


@app.command()
def plan(number: str = NUMBER, claim: str = CLAIM, staff: str = STAFF, json: bool = JSON) -> None:
    """Measure what an erasure would do, row by row, in every store; change nothing.

    Example: troth request plan 2026-0001 --claim c2 --staff marie
    """
    from troth.work.plan_erasure import measure

    event = measure(project(), number, claim, staff=staff)
    if json:
        as_json(event.facts)
        return
    show_plan(event.facts)
    out().print(
        f"Approve it with: troth request approve {number} {str(event.facts['plan_sha256'])[:12]} --claim {claim}"
    )


def show_plan(facts: Mapping[str, Any]) -> None:
    """Show a measured plan as a table."""
    words = {"delete": "erase", "blank": "blank", "retain": "archive", "replace_owner": "give to the placeholder",
             "detach": "unlink"}  # fmt: skip
    rows = [
        [store, name, words.get(verb, verb), str(rows), f"{legal} until {until}" if until else legal]
        for store, told in facts["stores"].items()
        for name, verb, rows, until, legal in told["counts"]
    ]
    rows += [
        [store, name, f"side effect: {verb}", str(rows_), ""]
        for store, told in facts["stores"].items()
        for name, verb, rows_ in told["side_effects"]
    ]
    title = f"Plan {facts['plan_sha256'][:12]}, {facts['how']}; nothing is changed yet"
    out().print(table(title, ["store", "table", "what happens", "rows#", "why it stays"], rows))
    if not rows:
        out().print("Nothing about this person is held in any store.")


@app.command()
def approve(
    number: str = NUMBER,
    sha: str = typer.Argument(..., help="The beginning of the plan's hash, at least eight characters."),
    claim: str = CLAIM,
    tolerance: int = typer.Option(0, help="How many more rows may have come until it is carried out."),
    staff: str = STAFF,
) -> None:
    """Approve a measured plan, exactly as it was measured.

    Example: troth request approve 2026-0001 3fa2b1c09d2e --claim c2 --staff paul
    """
    from troth.work.plan_erasure import approve as approving

    approving(project(), number, claim, sha, staff, tolerance=tolerance)
    _show(number)


@app.command()
def fulfil(number: str = NUMBER) -> None:
    """Do whatever is decided and approved, from wherever it stands; safe to say again.

    Example: troth request fulfil 2026-0001
    """
    from troth.work.carry_on import carry_on

    with out().status("Carrying it out …") if sys.stdout.isatty() else _quiet():
        done = carry_on(project(), number)
    if not done:
        err().print("Nothing was due that needs no decision, or a worker has it already.")
    _show(number)


def _quiet() -> Any:
    from contextlib import nullcontext

    return nullcontext()


@app.command("package")
def package_(
    number: str = NUMBER,
    file: Path = typer.Option(..., "--to", help="Where to write the ZIP for looking through it."),
    claim: str = CLAIM,
    mask: list[str] = typer.Option([], help="store.table.column#row=reason; may be repeated."),
    staff: str = STAFF,
) -> None:
    """Open the answer to an access claim, to look it through; that you did is recorded.

    Example: troth request package 2026-0001 --to answer.zip --mask "crm.message.body#3=names a colleague" --staff marie
    """
    from troth.rules.package import Mask
    from troth.work.build_package import mask_package, open_package

    opened = project()
    if mask:
        mask_package(opened, number, claim, [Mask.read(one) for one in mask], staff)
    file.touch(mode=0o600)
    with file.open("wb") as written:
        written.writelines(open_package(opened, number, claim, staff))
    err().print(f"Written to {file}. It holds personal data: delete it once you have looked.")
    _show(number)


@app.command()
def release(number: str = NUMBER, claim: str = CLAIM, staff: str = STAFF) -> None:
    """Let the answer to an access claim go out.

    Example: troth request release 2026-0001 --staff marie
    """
    from troth.work.build_package import release as releasing

    releasing(project(), number, claim, staff=staff)
    _show(number)


@app.command()
def residue(
    number: str = NUMBER,
    claim: str = CLAIM,
    accept: str = typer.Option("", help="Why what was found stays; the answer tells it to the person."),
    staff: str = STAFF,
) -> None:
    """Search every store again for what an erasure left behind, or record why it stays.

    Example: troth request residue 2026-0001 --claim c2 --staff marie
    """
    from troth.work import erase, request_file

    opened = project()
    if accept:
        erase.accept_residue(opened, number, claim, staff, accept)
    else:
        erase.search_again(opened, number, claim)
    found = request_file.load(opened, number).claim(claim)["residue"] or {}
    rows = [
        [store, hit["table"], hit["column"], str(hit["rows"]), hit["verdict"]]
        for store, hits in found.items()
        for hit in hits
    ]
    out().print(
        table("", ["store", "table", "column", "rows#", "verdict"], rows)
        if rows
        else "Nothing was left behind."
    )
    _show(number)


@app.command()
def answer(number: str = NUMBER) -> None:
    """Send the last letter, once every claim is decided and carried out.

    Example: troth request answer 2026-0001
    """
    from troth.work.answer import answer as answering

    event = answering(project(), number)
    out().print(f"The letter is {event.facts['outcome']}.")
    _show(number)


@app.command()
def withdraw(
    number: str = NUMBER, note: str = typer.Option("", help="How they said so."), staff: str = STAFF
) -> None:
    """Stop working on a request because the person wishes so.

    Example: troth request withdraw 2026-0001 --note "by phone" --staff marie
    """
    from troth.work.close_request import withdraw as withdrawing

    withdrawing(project(), number, staff=staff, note=note)
    _show(number)


@app.command()
def close(number: str = NUMBER, staff: str = STAFF) -> None:
    """Close a request that was answered, refused or withdrawn.

    Example: troth request close 2026-0001 --staff marie
    """
    from troth.work.close_request import close as closing

    closing(project(), number, staff=staff)
    _show(number)


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
    ]
    out().print(table("", columns, rows))


@app.command()
def letter(
    number: str = NUMBER,
    name: str = typer.Argument(
        ..., help="The letter, as the timeline names it, such as done or acknowledgement."
    ),
    to: Path = typer.Option(..., "--to", help="Where to write it: a file that ends in .pdf, .html or .txt."),
) -> None:
    """Write a letter into a file, on paper or as it was mailed.

    Example: troth request letter 2026-0001 done --to done.pdf
    """
    from troth.rules.letter import as_html
    from troth.work import letter_paper, request_file

    opened = project()
    written, whom = letter_paper.find(opened, number, name)
    language = str(request_file.load(opened, number).state["language"])
    match to.suffix:
        case ".pdf":
            drawn = letter_paper.pdf(opened, number, written, whom)
        case ".html":
            drawn = as_html(written, language).encode()
        case ".txt":
            drawn = f"{written.subject}\n\n{written.text}".encode()
        case _:
            raise NotAllowedError(
                "A letter is written as PDF, HTML or text: name a file .pdf, .html or .txt."
            )
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
    _show(number)


@app.command()
def preview(number: str = NUMBER) -> None:
    """Show the answer as it would be sent now; nothing is sent.

    Example: troth request preview 2026-0001
    """
    from troth.rules import request
    from troth.work import request_file, send_letter
    from troth.work.answer import said

    opened = project()
    kind, fields = said(opened, number)
    written = send_letter.write(opened, number, kind, fields)
    out().print(f"{written.subject}\n\n{written.text}", markup=False)
    for reason in request.why_not_answer(request_file.load(opened, number).state):
        err().print(f"Not yet: {reason}", markup=False)


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
