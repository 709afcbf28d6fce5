"""Ask for a fee where a request is manifestly unfounded or excessive: two people, advice, a letter first.

The clock runs on in the Union while a fee is awaited, and begins at payment in the United
Kingdom.

Law: GDPR Art. 12(5)(a); UK GDPR Art. 12A; law.md section 3.5.
"""

from __future__ import annotations

from datetime import date, timedelta

from troth.ledger import append, read, vault
from troth.policy.words import words
from troth.rules import fee as rules
from troth.rules import request
from troth.rules.event import Draft, Event, Fact
from troth.rules.fee import Cost
from troth.work import admit, request_file, send_letter
from troth.work.ask import refuse_unless_sent
from troth.work.project import Project

PAY_WITHIN_DAYS = 30
"""How long a fee is awaited before it may lapse; our own default."""


def propose(project: Project, number: str, staff: str, cost: Cost, proof: rules.Proof) -> Event:
    """Propose a fee, with the record that shows why; nothing goes out before a second person confirms it.

    Raises NotAllowedError with everything the record lacks.
    """
    found = request_file.load(project, number)
    before = earlier(project, found)
    wrong = [] if request.is_open(found.state) else ["The request has ended."]
    wrong += rules.why_not_propose(found.state, cost, project.policy.answer)
    wrong += rules.lacking_proof(proof, before)
    request_file.refuse_unless(wrong)
    received = date.fromisoformat(found.state["received"])
    record: dict[str, Fact] = {**proof.record(before, received, "fee"), "cost": cost.said()}
    return _moved(project, found, "proposed", staff, cost=cost, payload=record)


def earlier(project: Project, found: request_file.RequestFile) -> tuple[rules.Earlier, ...]:
    """Return what the person of a request asked before."""
    return rules.earlier(found.state, (one.body for one in read.states(project.ledger, "request")))


def confirm(project: Project, number: str, staff: str, *, posted: str = "") -> Event:
    """Let a proposed fee be asked for: the letter goes out first, and counts from then.

    `posted` is the proof that it went by post today, for somebody without an e-mail address.
    """
    found = request_file.load(project, number)
    wrong = [] if request.is_open(found.state) else ["The request has ended."]
    request_file.refuse_unless(
        [*wrong, *rules.why_not_confirm(found.state, staff, alone=admit.derogates(project))]
    )
    fields, version = letter_fields(project, found)
    letter = send_letter.send_letter(
        project, number, "fee", fields, letter_id=f"fee-{version}", posted=posted
    )
    refuse_unless_sent(letter, "no fee is asked for")
    return _moved(project, request_file.load(project, number), "asked", staff)


def letter_fields(project: Project, found: request_file.RequestFile) -> tuple[dict[str, object], int]:
    """Return what the letter says of the fee that was proposed, and the version it was proposed at."""
    proposed = [
        event for event in read.stream(project.ledger, found.stream)
        if event.kind == "fee_moved" and event.facts["state"] == "proposed"
    ][-1]  # fmt: skip
    proof = vault.payload(project.ledger, proposed)
    language = str(found.state["language"])
    return {
        "amount": f"{found.state['fee']['amount']} {found.state['fee']['currency']}",
        "calculation": proof["cost"],
        "reason": proof["facts"],
        "offered": proof["offered"],
        "until": words(language).date(request_file.today(project, found) + timedelta(days=PAY_WITHIN_DAYS)),
    }, proposed.version


def move(project: Project, number: str, staff: str, to: str, *, proof: str = "") -> Event:
    """Record that a fee was paid, that the request was narrowed instead, or that neither came in time."""
    found = request_file.load(project, number)
    wrong = [] if request.is_open(found.state) else ["The request has ended."]
    wrong += rules.why_not_move(found.state)
    if to not in {"paid", "narrowed", "lapsed"}:
        wrong.append(f"A fee is paid, the request narrowed, or it lapsed; not {to[:20]!r}.")
    if to in {"paid", "narrowed"} and not proof.strip():
        wrong.append("Say by what: the reference of the payment, or the words that narrow the request.")
    if to == "lapsed" and not wrong and not _is_over(project, found):
        wrong.append(f"The person has {PAY_WITHIN_DAYS} days to pay or narrow; they are not over.")
    request_file.refuse_unless(wrong)
    return _moved(project, found, to, staff, payload={"proof": proof.strip()})


def _is_over(project: Project, found: request_file.RequestFile) -> bool:
    asked = date.fromisoformat(found.state["fee"]["asked_on"])
    return request_file.today(project, found) > asked + timedelta(days=PAY_WITHIN_DAYS)


def _moved(
    project: Project,
    found: request_file.RequestFile,
    to: str,
    staff: str,
    *,
    cost: Cost | None = None,
    payload: dict[str, Fact] | None = None,
) -> Event:
    facts: dict[str, Fact] = {"state": to, "on": request_file.today(project, found).isoformat()}
    if cost is not None:
        facts |= {"amount": str(cost.total), "currency": cost.currency}
    draft = Draft("fee_moved", found.stream, facts, **request_file.about(found), actor=staff, payload=payload)
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
