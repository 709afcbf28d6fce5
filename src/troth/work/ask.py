"""Ask the requester for something, or take their answer: what stops the clock and lets it run again.

Law: GDPR Art. 12(6) (identity, only on reasonable doubt), rec. 63.
"""

from __future__ import annotations

import secrets

from troth.errors import NotAllowedError
from troth.law.sentence import cite
from troth.ledger import append
from troth.rules import request_guard
from troth.rules.event import Draft, Event, Fact
from troth.work import destroy_mail, request_file, send_letter, show_document
from troth.work.project import Project

METHODS = ("question", "document_seen", "video", "call_back", "in_person", "sign_in")
"""How somebody shows who they are, none of which is kept."""
_LAW = {"identity": "GDPR Art. 12(6)", "clarification": "GDPR rec. 63", "mandate": "GDPR Art. 12(6)"}


def ask(
    project: Project,
    number: str,
    what: str,
    staff: str,
    *,
    doubt: str,
    asked: str = "",
    enough: str = "",
    posted: str = "",
) -> Event:
    """Ask for identity, a clarification or a mandate; the clock stands still as its law says.

    `doubt` is recorded as the reason; the letter says it, what is asked and why it is enough.
    `posted` is the proof that the letter went by post today, for somebody without an e-mail
    address.
    """
    found = request_file.load(project, number)
    request_file.refuse_unless(request_guard.why_not_ask(found.state, what, doubt))
    ident = f"{what}-{secrets.token_hex(3)}"
    fields = letter_fields(found, what, doubt=doubt, asked=asked, enough=enough)
    letter = send_letter.send_letter(project, number, what, fields, letter_id=ident, posted=posted)
    refuse_unless_sent(letter, "nothing was asked and the clock runs on")
    found = request_file.load(project, number)
    today = request_file.today(project, found).isoformat()
    facts: dict[str, Fact] = {
        "ask": ident,
        "what": what,
        "reason": "doubt" if what == "identity" else what,
        "on": today,
    }
    draft = Draft(
        "asked", found.stream, facts, **request_file.about(found), actor=staff,
        payload={"text": doubt, "asked": asked},
    )  # fmt: skip
    return append.append(
        project.ledger, [draft], expect={found.stream: found.version}, once=f"ask {number} {ident}"
    )[0]


def letter_fields(
    found: request_file.RequestFile, what: str, *, doubt: str, asked: str, enough: str
) -> dict[str, object]:
    """Return what the letter that asks says besides what all letters do."""
    law = cite(_LAW[what], str(found.state["language"]))
    return {"doubt": doubt, "asked": asked, "enough": enough, "law": law}


def refuse_unless_sent(letter: Event, so: str) -> None:
    """Raise NotAllowedError where a letter that must go out first did not: so nothing counts yet."""
    if letter.facts["outcome"] == "to_post":
        raise NotAllowedError(
            f"There is no e-mail address, so {so} yet. Print the letter (`troth request letter {letter.request} "
            f"{letter.facts['letter']}`), post it, and say the same again with its proof of posting as --posted."
        )
    sent = letter.facts["outcome"] == "sent"
    request_file.refuse_unless([] if sent else [f"The letter did not go out, so {so}. Try again."])


def answer_ask(
    project: Project,
    number: str,
    ident: str,
    staff: str,
    *,
    sufficient: bool,
    reply: str = "",
    method: str = "",
) -> Event:
    """Record what came back; when it is sufficient the clock runs again.

    `method` is how an identity was shown: that a document was seen is recorded, and never the
    document, its number or a copy (GDPR Art. 5(1)(c)): what was handed in, or hung on a mail, is
    destroyed with it.
    """
    found = request_file.load(project, number)
    _refuse_method(found, ident, method, sufficient=sufficient)
    waiting = [name for name, told in found.state["asks"].items() if told["answered"] is None]
    request_file.refuse_unless(
        []
        if ident in waiting
        else [f"Nothing called {ident[:30]!r} is awaited. Awaited: {', '.join(waiting) or 'nothing'}."]
    )
    facts: dict[str, Fact] = {
        "ask": ident,
        "sufficient": sufficient,
        "on": request_file.today(project, found).isoformat(),
    }
    if method:
        facts["method"] = method
    draft = Draft(
        "ask_answered",
        found.stream,
        facts,
        **request_file.about(found),
        actor=staff,
        payload={"reply": reply},
    )
    event = append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
    if found.state["asks"][ident]["what"] != "clarification":
        show_document.let_go(project, number, "checked")
        destroy_mail.that_showed(project, number, found.state["asks"][ident]["sent"])
    return event


def _refuse_method(found: request_file.RequestFile, ident: str, method: str, *, sufficient: bool) -> None:
    identity = found.state["asks"].get(ident, {}).get("what") == "identity"
    known = ", ".join(METHODS)
    wrong = []
    if identity and sufficient and not method:
        wrong.append(f"Say how they showed who they are: {known}. A document is looked at and never kept.")
    if method and (method not in METHODS or not identity):
        wrong.append(f"How an identity was shown is one of: {known}; and nothing else is shown so.")
    request_file.refuse_unless(wrong)
