"""`troth request`, the part where people decide: claims, second persons, plans, fees, and what is carried out."""

from __future__ import annotations

import sys
from typing import Any

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project
from troth.faces.cli.recipient_settled import CONFIRMED, PROOF, REASON, UNLESS, settle
from troth.faces.cli.request_shown import (
    CLAIM,
    JSON,
    NUMBER,
    POSTED,
    PURPOSE,
    show_answer,
    show_plan,
    show_request,
)
from troth.faces.cli.staff import STAFF

app = typer.Typer()

KIND = typer.Option("excessive", help="unfounded or excessive.")


INTENT = typer.Option(
    "", help="What shows an abusive intent; a first request is excessive only by that (C-526/24)."
)


DATA_CHANGED = typer.Option(
    None, "--data-changed/--data-unchanged", help="Whether the data changed since they last asked."
)


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
    exempt: list[str] = typer.Option(
        [],
        metavar="LETTER[:WHAT:DATE]",
        help="For what is not erased: a letter of Art. 17(3), the category, store.table or "
        "store it keeps, and until when, such as b:billing:2036-12-31.",
    ),
    purpose: list[str] = PURPOSE,
    reason: str = typer.Option("", help="Why, in words the person understands."),
    proof: str = typer.Option(
        "",
        help="For a refusal under Art. 12(5): the facts that show it; which requests, what overlaps, what changed.",
    ),
    kind: str = KIND,
    offered: str = typer.Option(
        "the refusal is of this claim alone", help="For such a refusal: which other way you offered."
    ),
    intent: str = INTENT,
    data_changed: bool | None = DATA_CHANGED,
    role: str = typer.Option("handler", help="Your role; the data protection officer decides nothing."),
    staff: str = STAFF,
) -> None:
    """Decide a claim.

    Example: troth request decide 2026-0001 grant --claim c2 --ground a --staff marie
    """
    from troth.rules.fee import Proof
    from troth.work.decide import decide as deciding

    shown = Proof(kind, proof, offered, intent, data_changed) if proof else None
    deciding(
        project(), number, claim, outcome, staff, ground=ground, article=article, exemptions=exempt,  # type: ignore[arg-type]
        purposes=purpose, reason=reason, proof=shown, role=role,  # type: ignore[arg-type]
    )  # fmt: skip
    show_request(number)


@app.command()
def told(
    number: str = NUMBER,
    recipient: str = typer.Argument(..., help="The recipient, by its name in the policy."),
    claim: str = CLAIM,
    proof: str = PROOF,
    unless: str = UNLESS,
    reason: str = REASON,
    confirmed: str = CONFIRMED,
    staff: str = STAFF,
) -> None:
    """Say what became of a recipient that staff had to tell of an erasure, a rectification or a restriction.

    Example: troth request told 2026-0001 processors --claim c2 --proof "registered letter RR 12 FR" --staff marie
    """
    settle(
        project(),
        number,
        claim,
        recipient,
        staff,
        proof=proof,
        unless=unless,
        reason=reason,
        confirmed=confirmed,
    )
    show_request(number)


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
    show_request(number)


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
    show_request(number)


@app.command()
def fee(
    number: str = NUMBER,
    what: str = typer.Argument(..., help="propose, confirm, paid, narrowed or lapsed."),
    kind: str = KIND,
    facts: str = typer.Option(
        "", help="The facts that show it: which requests, what overlaps, what changed."
    ),
    offered: str = typer.Option("", help="Which other way you offer, such as a narrower request."),
    intent: str = INTENT,
    data_changed: bool | None = DATA_CHANGED,
    hours: str = typer.Option("0", help="Hours of work it costs."),
    rate: str = typer.Option("0", help="What an hour costs."),
    postage: str = typer.Option("0", help="What postage costs."),
    currency: str = typer.Option("EUR", help="The currency, in three letters."),
    proof: str = typer.Option("", help="By what it was paid or narrowed."),
    posted: str = POSTED,
    staff: str = STAFF,
) -> None:
    """Ask for a fee where a request is manifestly unfounded or excessive: one proposes, another confirms.

    Example: troth request fee 2026-0009 propose --hours 2 --rate 30 --facts "…" --offered "the last year only"
    --staff marie
    """
    from decimal import Decimal, InvalidOperation

    from troth.rules.fee import MOVES, Cost, Proof
    from troth.work import charge

    opened = project()
    if what not in MOVES:
        raise NotAllowedError(f"One can {', '.join(MOVES)} a fee, not {what[:20]!r}.")
    if what == "propose":
        try:
            cost = Cost(Decimal(hours), Decimal(rate), Decimal(postage), currency.upper()[:3])
        except InvalidOperation:
            raise NotAllowedError("Hours, rate and postage are numbers, such as 1.5.") from None
        charge.propose(opened, number, staff, cost, Proof(kind, facts, offered, intent, data_changed))
    elif what == "confirm":
        charge.confirm(opened, number, staff, posted=posted)
    else:
        charge.move(opened, number, staff, what, proof=proof)
    show_request(number)


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
    show_request(number)


@app.command()
def fulfil(
    number: str = NUMBER,
    staff: str = typer.Option(
        "",
        "--staff",
        "-s",
        help="Who you are: the answer is shown to you before it goes.",
        envvar="TROTH_STAFF",
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="Send the answer, too, without showing it first."),
) -> None:
    """Do whatever is decided and approved, from wherever it stands, and show the answer; safe to say again.

    Example: troth request fulfil 2026-0001 --staff marie
    """
    from troth.work import request_file
    from troth.work.answer import answer
    from troth.work.carry_on import awaits_answer, carry_on

    opened = project()
    with out().status("Carrying it out …") if sys.stdout.isatty() else _quiet():
        done = carry_on(opened, number, answers=yes)
    waits = awaits_answer(request_file.load(opened, number).state)
    if not done and not waits:
        err().print("Nothing was due that needs no decision, or a worker has it already.")
    if waits and staff:
        show_answer(opened, number, staff)
        if sys.stdin.isatty() and typer.confirm("Send this?", err=True):
            answer(opened, number)
            waits = False
    if waits:
        shown = "" if staff else f"`troth request preview {number} --staff NAME` shows the answer. "
        err().print(f"{shown}`troth request answer {number}` sends it.", markup=False)
    show_request(number)


def _quiet() -> Any:
    from contextlib import nullcontext

    return nullcontext()


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
    show_request(number)
