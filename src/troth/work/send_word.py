"""Send a recipient word of what became of data it holds: by a signed message, a letter, or as a task for staff.

What it is told of is its own: a recipient is named the person by the address it has, and by a
reference that no other recipient shares.  Several choices of one day go to it in one letter.

Law: GDPR Art. 19; Arts. 5(2), 24, 28(3)(e); Case C-129/21.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from troth.law import clock
from troth.ledger import keys
from troth.outside.mail import Letter
from troth.policy.promise import Recipient
from troth.rules import letter
from troth.rules.consent import EVERY
from troth.rules.event import Fact
from troth.rules.telling import ACTIONS, Word
from troth.work import send_letter, tell_by_api
from troth.work.establishment import day_here, establishment
from troth.work.project import Project
from troth.work.record_consent import Identifiers

CHOICES = frozenset(ACTIONS.values())
Went: TypeAlias = tuple[str, str, dict[str, Fact] | None]
"""The outcome (told, not_told, failed, task), its reason code, and what goes to the vault."""


def send(project: Project, recipient: Recipient, word: Word) -> Went:
    """Tell a recipient one thing."""
    how = recipient.notify
    if how is None:
        return "task", "no way is declared", None
    if how.by == "nothing":
        return "not_told", how.because.said("en") if how.because else "not owed", None
    if how.by == "itself":
        return "told", "reads our data itself", None
    if how.by == "api":
        return tell_by_api.tell(project, recipient, word)
    if not by_letter(recipient):
        return "task", f"by {how.by}", None
    return write_to(project, recipient, word)


def by_letter(recipient: Recipient) -> bool:
    """Say whether a recipient is told by e-mail."""
    return recipient.notify is not None and recipient.notify.by == "email" and bool(recipient.notify.address)


def write_to(project: Project, recipient: Recipient, word: Word) -> Went:
    """Tell a recipient one thing by a letter."""
    kind = "recipient_choice" if word.action in CHOICES else "recipient"
    token = _token(project, str(recipient.key), word.whose)
    outcome, to, text, proof = _mail(
        project, recipient, kind, word, {"token": token, "whom": whom(word.identifiers)}
    )
    return outcome, "", {"to": to, "text": text, "proof": proof}


def write_together(project: Project, recipient: Recipient, words: Sequence[Word]) -> list[Went]:
    """Tell a recipient by one letter of choices of several people that stop the same; what is kept names each alone."""
    language, name = project.policy.language, str(recipient.key)
    lines = [
        letter.phrase(
            "whom_and_reference", language, whom=whom(one.identifiers),
            token=_token(project, name, one.whose),
        )
        for one in words
    ]  # fmt: skip
    outcome, to, _, proof = _mail(project, recipient, "recipient_choices", words[0], {"whom": lines})
    return [(outcome, "", {"to": to, "whom": line, "together": len(lines), "proof": proof}) for line in lines]


def _mail(
    project: Project, recipient: Recipient, kind: str, word: Word, more: Mapping[str, object]
) -> tuple[str, str, str, str]:
    """Write and send a letter; returns the outcome, the address, the text and the proof."""
    assert recipient.notify is not None
    language, choice = project.policy.language, word.action in CHOICES
    here = establishment(project).time_zone
    on = clock.receipt_day(word.received, here) if choice else day_here(project)
    fields: dict[str, object] = {
        "number": word.name.rpartition("/")[2],
        "organisation": send_letter.organisation(project, language),
        "dpo": send_letter.dpo(project, language),
        "recipient": recipient.title.said(language),
        "action": letter.phrase(word.action, language),
        "scope": _stops(project, word, language) if choice else _scope(project, recipient, language),
        "on": send_letter.day(on.isoformat(), language),
        **more,
    }
    written = letter.write(kind, language, fields, send_letter.own_template(project, kind, language))
    to = str(recipient.notify.address)
    sent = project.mailer.send(Letter(to, written.subject, written.text, language))
    return "told" if sent.outcome == "sent" else "failed", to, written.text, sent.proof


def whom(identifiers: Identifiers) -> str:
    """Name somebody to whoever has their data: by their e-mail addresses, or by what else is known."""
    mailed = [value for kind, value in identifiers if kind == "email"]
    return ", ".join(mailed or [f"{kind} {value}" for kind, value in identifiers])


def purposes_said(project: Project, names: Iterable[str], language: str) -> str:
    """Say purposes of the policy in its own words, in one line."""
    known = project.policy.purposes
    return (" ; " if language == "fr" else "; ").join(
        known[name].does.said(language) for name in names if name in known
    )


def _stops(project: Project, word: Word, language: str) -> str:
    """Say what a choice stops, and by which channel or for which company alone."""
    assert word.stops is not None
    said = purposes_said(project, word.stops.purposes, language)
    if word.stops.channel != EVERY:
        channel = letter.phrase(f"channel_{word.stops.channel}", language)
        said = letter.phrase("only_by", language, scope=said, channel=channel)
    if word.stops.controller != EVERY:
        company = _company(project, word.stops.controller)
        said = letter.phrase("only_for", language, scope=said, company=company)
    return said


def _company(project: Project, key: str) -> str:
    group = project.policy.group
    return next((one.name for one in group.entities if str(one.key) == key), key) if group else key


def _scope(project: Project, recipient: Recipient, language: str) -> str:
    known = project.policy.categories
    titles = [(name, known[name].title if name in known else None) for name in recipient.categories]
    said = ", ".join(title.said(language) if title else str(name) for name, title in titles)
    return said or letter.phrase("everything", language)


def _token(project: Project, recipient: str, whose: str) -> str:
    """Name a person between us and one recipient, so that two recipients cannot join what they got."""
    _, secret = keys.own_key(project.ledger, "fingerprint/disclosure")
    return hmac.digest(secret, f"{recipient}/{whose}".encode(), "sha256").hex()[:20]
