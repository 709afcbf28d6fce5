"""Take longer: one person proposes it with the reasons, another confirms, the letter goes out, and then it counts.

Law: GDPR Art. 12(3); law.md section 3.3, transition 8.
"""

from __future__ import annotations

from troth.errors import NotAllowedError
from troth.ledger import append, read, vault
from troth.rules import request, request_guard
from troth.rules.event import Draft, Event, Fact
from troth.work import admit, request_file, send_letter
from troth.work.ask import refuse_unless_sent
from troth.work.project import Project


def propose(project: Project, number: str, reason: str, staff: str, *, reasons: str) -> None:
    """Propose to take longer; nothing is told to the person before a second one confirms it."""
    found = request_file.load(project, number)
    today = request_file.today(project, found)
    wrong = list(request_guard.why_not_propose_extension(found.state, reason, today, staff))
    if not reasons.strip():
        wrong.append("The letter needs the reasons in words (GDPR Art. 12(3)).")
    request_file.refuse_unless(wrong)
    request_file.move(
        project,
        number,
        "extension_proposed",
        reason,
        staff=staff,
        note=reasons.strip(),
        expect=found.version,
        again=True,
    )


def confirm(project: Project, number: str, staff: str, *, posted: str = "") -> Event:
    """Take longer as was proposed: the letter goes out first, with its reasons and the new date.

    `posted` is the proof that it went by post today, for somebody without an e-mail address.
    """
    found = request_file.load(project, number)
    today = request_file.today(project, found)
    request_file.refuse_unless(
        request_guard.why_not_confirm_extension(found.state, staff, today, alone=admit.derogates(project))
    )
    reason, fields = str(found.state["extension_proposed"]["reason"]), letter_fields(project, found)
    letter = send_letter.send_letter(
        project,
        number,
        "extension",
        fields,
        letter_id=f"extension-{today}",
        posted=posted,
    )
    refuse_unless_sent(letter, "the period is not extended")
    found = request_file.load(project, number)
    facts: dict[str, Fact] = {
        "reason": reason,
        "letter": str(letter.facts["letter"]),
        "on": today.isoformat(),
    }
    draft = Draft(
        "clock_extended",
        found.stream,
        facts,
        **request_file.about(found),
        actor=staff,
        payload={"reasons": str(fields["reasons"])},
    )
    return append.append(project.ledger, [draft], once=f"extended {number}")[0]


def letter_fields(project: Project, found: request_file.RequestFile) -> dict[str, object]:
    """Return what the letter says of an extension that was proposed, if it went out today: the date, the reasons."""
    proposed, today = found.state["extension_proposed"], request_file.today(project, found)
    reasons = str(vault.payload(project.ledger, read.event(project.ledger, proposed["event"]))["note"])
    extension = {"reason": str(proposed["reason"]), "on": today.isoformat()}
    later = request.deadline({**found.state, "extension": extension})
    if later.legal_due is None:
        raise NotAllowedError("The clock stands still, so no later date can be named.")
    due = send_letter.day(later.legal_due.isoformat(), str(found.state["language"]))
    return {"due": due, "reasons": reasons}
