"""Await what was asked of somebody: remind them once, and stop waiting when they stay silent.

A clarification that does not come narrows nothing: everything is answered.  Who somebody is, or
a mandate, is not made up for by waiting: two people end the request, and say so in a letter.

Law: GDPR Art. 11(2), Art. 12(2), (4) and (6), rec. 63; the days are our own defaults.
"""

from __future__ import annotations

from datetime import date

from troth.errors import KeyDestroyedError, NotAllowedError
from troth.law.sentence import cite
from troth.ledger import append, read, vault
from troth.rules import request, request_move_guard
from troth.rules.event import Draft, Event, Fact
from troth.rules.request_moves import reminder_due, silent_from
from troth.work import admit, request_file, send_letter
from troth.work.ask import refuse_unless_sent
from troth.work.project import Project

LAW = "GDPR Art. 12(2), Art. 11(2)"


def await_answer(project: Project, number: str) -> None:
    """Do what is due about what was asked and not answered; saying it again does no more."""
    found = request_file.load(project, number)
    if not request.is_open(found.state):
        return
    today = request_file.today(project, found)
    for name, ask in found.state["asks"].items():
        if ask["answered"] is not None:
            continue
        if ask["what"] == "clarification" and today >= silent_from(ask):
            _answer_everything(project, found, name, today)
        elif today >= reminder_due(ask) and not _tried(found, name):
            _remind(project, found, name)


def _tried(found: request_file.RequestFile, ask: str) -> bool:
    return any(one["letter"] == request_move_guard.reminder_of(ask) for one in found.state["letters"])


def _remind(project: Project, found: request_file.RequestFile, name: str) -> None:
    ask, language = found.state["asks"][name], str(found.state["language"])
    fields = {
        "sent": send_letter.day(ask["sent"], language),
        "asked": _asked(project, found, name),
        "until": send_letter.day(silent_from(ask).isoformat(), language),
        "what": ask["what"],
    }
    send_letter.send_letter(
        project, found.number, "reminder", fields, letter_id=request_move_guard.reminder_of(name)
    )


def _asked(project: Project, found: request_file.RequestFile, name: str) -> str:
    """Return what was asked for, in the words of the letter that asked."""
    for event in read.stream(project.ledger, found.stream):
        if event.kind == "asked" and event.facts["ask"] == name:
            try:
                told = vault.payload(project.ledger, event)
            except KeyDestroyedError:
                break
            return str(told.get("asked") or told.get("text") or "…")
    return "…"


def _answer_everything(project: Project, found: request_file.RequestFile, name: str, today: date) -> None:
    """Go on without a clarification that did not come, and leave nothing out for it."""
    facts: dict[str, Fact] = {"ask": name, "sufficient": True, "on": today.isoformat()}
    draft = Draft("ask_answered", found.stream, facts, **request_file.about(found), payload={"reply": ""})
    append.append(project.ledger, [draft], once=f"silent {found.number} {name}")


def propose_unidentified(project: Project, number: str, staff: str, shown: str) -> None:
    """Propose to end a request because nobody could find out who asks, and write down what shows it."""
    found = request_file.load(project, number)
    wrong = list(request_move_guard.why_not_unidentified(found.state, request_file.today(project, found)))
    if not shown.strip():
        wrong.append(
            "It is for you to show that you cannot find out whose data is meant (GDPR Art. 11(2), 12(2)): write down "
            "what was tried, in words for the person."
        )
    request_file.refuse_unless(wrong)
    request_file.move(
        project, number, "unidentified_proposed", request_move_guard.unanswered(found.state), staff=staff,
        note=shown.strip(), expect=found.version, again=True,
    )  # fmt: skip


def confirm_unidentified(project: Project, number: str, staff: str, *, posted: str = "") -> Event:
    """End the request so: the letter says why, by which law and where to complain, and goes out first.

    `posted` is the proof that it went by post, for somebody without an e-mail address.
    """
    found = request_file.load(project, number)
    request_file.refuse_unless(
        request_move_guard.why_not_confirm_unidentified(found.state, staff, alone=admit.derogates(project))
    )
    proposed = found.state["unidentified"]
    letter = send_letter.send_letter(
        project, number, "unidentified", letter_fields(project, found),
        letter_id=f"unidentified-{proposed['ask']}", posted=posted,
    )  # fmt: skip
    refuse_unless_sent(letter, "the request goes on")
    if not request.is_open(request_file.load(project, number).state):
        raise NotAllowedError("The request ended meanwhile.")
    request_file.move(project, number, "not_identifiable", str(proposed["ask"]), staff=staff)
    return letter


def letter_fields(project: Project, found: request_file.RequestFile) -> dict[str, object]:
    """Return what the letter says of an ending that was proposed: what was tried, and by which law."""
    proposed = read.event(project.ledger, found.state["unidentified"]["event"])
    shown = vault.payload(project.ledger, proposed)["note"]
    return {"reason": shown, "law": cite(LAW, str(found.state["language"]))}
