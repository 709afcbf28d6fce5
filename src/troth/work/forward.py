"""Pass a request on to the controller whose processor we are: we assist, and do not answer for them.

The controller gets what the person wrote and how they are reached; the person is told who
answers them.  What was sent, to whom, when and with what result is recorded, and so is the
controller's confirmation.  Where some of the data is our own too, our part of the request
goes on here.

Sending comes first and recording second: killed between the two, the controller gets the
same letter twice and never not at all.

Law: GDPR Art. 28(3)(e), Art. 12(2); law.md section 3.3, 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Any

from troth.law.working_day import working_days_after
from troth.ledger import append, read, vault
from troth.outside.mail import Letter, is_address
from troth.rules import letter, request
from troth.rules.event import Draft, Event, Fact
from troth.work import open_request, request_file, send_letter
from troth.work.project import Project

WITHIN_WORKING_DAYS = 2
"""How soon a request is passed on: our own default; the agreement with the controller may say less."""


def forward(
    project: Project,
    number: str,
    staff: str,
    *,
    controller: str,
    email: str,
    agreement: str,
    part: bool = False,
) -> Event:
    """Pass a request on; saying it again for the same controller sends nothing more.

    `agreement` is the reference of the processing agreement; with `part` we are controller of
    some of the data too, and the request goes on.  Raises NotAllowedError with every reason why
    not, also when the letter does not go out.
    """
    found = request_file.load(project, number)
    sha = sha256(f"{controller}\0{email}".casefold().encode()).hexdigest()
    before = [one for one in found.state.get("forwarded") or () if one["to_sha256"] == sha]
    if before:
        return read.event(project.ledger, before[0]["event"])
    request_file.refuse_unless(_why_not(found.state, controller, email, agreement, part=part))
    language = str(found.state["language"])
    written = _written(project, found, controller, agreement)
    sent = project.mailer.send(Letter(email, written.subject, written.text, language))
    request_file.refuse_unless(
        []
        if sent.outcome == "sent"
        else ["The letter to the controller did not go out, so nothing is passed on. Try again."]
    )
    facts: dict[str, Fact] = {
        "to_sha256": sha,
        "letter_sha256": sha256(f"{written.subject}\n{written.text}".encode()).hexdigest(),
        "part": part,
        "staff": staff,
    }
    payload: dict[str, Fact] = {
        "controller": controller, "to": email, "agreement": agreement, "text": written.text, "proof": sent.proof,
    }  # fmt: skip
    draft = Draft("forwarded", found.stream, facts, **request_file.about(found), actor=staff, payload=payload)
    event = append.append(project.ledger, [draft], once=f"forwarded {number} {sha}")[0]
    told = {"controller": controller, "part": part}
    send_letter.send_letter(project, number, "forwarded", told, letter_id=f"forwarded-{sha[:12]}")
    if not part:
        request_file.move(project, number, "forwarded", "processor", staff=staff)
    return event


def letters(
    project: Project, number: str, *, controller: str, email: str, agreement: str, part: bool = False
) -> tuple[letter.Written, letter.Written]:
    """Write what would go to the controller and what would go to the person, and send nothing.

    Raises NotAllowedError with every reason why not.
    """
    found = request_file.load(project, number)
    request_file.refuse_unless(_why_not(found.state, controller, email, agreement, part=part))
    told = send_letter.write(project, number, "forwarded", {"controller": controller, "part": part})
    return _written(project, found, controller, agreement), told


def _written(
    project: Project, found: request_file.RequestFile, controller: str, agreement: str
) -> letter.Written:
    asked, language = request_file.requester(project, found.number), str(found.state["language"])
    fields = _fields(project, found.number, found, asked, controller, agreement)
    own = send_letter.own_template(project, "forwarding", language)
    return letter.write("forwarding", language, fields, own)


def confirm(project: Project, number: str, staff: str, proof: str) -> Event:
    """Record that the controller has confirmed what was passed on, and by what."""
    found = request_file.load(project, number)
    waiting = [one for one in found.state.get("forwarded") or () if not one["confirmed_on"]]
    wrong = [] if waiting else ["Nothing that was passed on waits to be confirmed."]
    wrong += (
        []
        if proof.strip()
        else ["Say by what the controller confirmed it, such as their mail of 3 December."]
    )
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {
        "to_sha256": waiting[0]["to_sha256"],
        "confirmed_on": request_file.today(project, found).isoformat(),
        "staff": staff,
    }
    draft = Draft(
        "forwarding_confirmed", found.stream, facts, **request_file.about(found), actor=staff,
        payload={"proof": proof.strip()},
    )  # fmt: skip
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]


def told(project: Project, event: Event) -> Mapping[str, Any]:
    """Return to whom a request was passed on, under which agreement, with what and with what result."""
    return vault.payload(project.ledger, event)


def due(state: Mapping[str, Any]) -> date:
    """Return the day by which a request of somebody else's data is passed on."""
    return working_days_after(
        date.fromisoformat(state["received"]), WITHIN_WORKING_DAYS, str(state["jurisdiction"])
    )


def _why_not(
    state: Mapping[str, Any], controller: str, email: str, agreement: str, *, part: bool
) -> list[str]:
    wrong = []
    if not request.is_open(state):
        wrong.append("The request has ended.")
    if not controller.strip():
        wrong.append("Say whose data it is: the controller's name.")
    if not is_address(email.strip()):
        wrong.append(
            "Say where the controller takes requests: an e-mail address, such as privacy@example.org."
        )
    if not agreement.strip():
        wrong.append(
            "Name the agreement by which we process for them (GDPR Art. 28(3)): its number or its date."
        )
    if not part and any(claim["stores"] or claim["done"] for claim in state["claims"].values()):
        wrong.append(
            "Some of the request was carried out here, so that a part of it is ours: pass the rest on with --part."
        )
    return wrong


def _fields(
    project: Project,
    number: str,
    found: request_file.RequestFile,
    asked: Mapping[str, Any],
    controller: str,
    agreement: str,
) -> dict[str, object]:
    language = str(found.state["language"])
    subject = asked.get("for") or asked
    who = ", ".join(str(subject.get(name)) for name in ("name", "email", "address") if subject.get(name))
    return {
        **send_letter.common(project, number, language),
        "claims": [open_request.claimed(claim, language) for claim in found.state["claims"].values()],
        "controller": controller,
        "agreement": agreement,
        "person": who,
        "wording": str(asked.get("wording") or "").strip(),
    }
