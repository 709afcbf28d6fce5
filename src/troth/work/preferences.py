"""What somebody agreed to and objected to, as they see it and change it; and the code that proves an address.

The purposes are those a person decides about: all marketing, and whatever rests on consent.  A code of eight
digits goes to any address that is typed in, known or not, so that nobody learns from it who is known.

Law: GDPR Art. 7(3), Art. 21(2); Art. 25.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import forms, keys, subjects, tries
from troth.ledger.receipt import receipt
from troth.outside.mail import Letter, is_address
from troth.policy.promise import Purpose
from troth.rules import letter, purpose_scope
from troth.rules.consent_form import Form
from troth.work import record_form, send_letter
from troth.work.may import may
from troth.work.project import Project
from troth.work.record_consent import Asked, Choice, record_consent, takes_consent
from troth.work.sealed import seal, unseal

DIGITS, MINUTES, TRIES_MAX, CODES_PER_HOUR = 8, 15, 5, 5
SESSION_MINUTES = 30
CODE, SESSION = "preference code", "preference session"
_SAID = {
    "objected_marketing": "objected", "objected": "objected", "suppressed": "objected",
    "withdrawn": "refused", "refused": "refused", "expired": "ended",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preference:
    """One purpose as somebody stands to it: `said` is yes, unless, objected, refused, ended or never.

    `events` are the ids of the answers it stands on, one for each channel that was asked about; none where nobody
    answered, and where an objection is known by the address alone.
    """

    purpose: str
    said: str
    on: str
    may_stop: bool
    may_give: bool
    events: tuple[str, ...] = ()


def choices(project: Project) -> tuple[Purpose, ...]:
    """Return the purposes that people decide about."""
    return tuple(
        one
        for one in project.policy.purposes.values()
        if one.public and (one.marketing or "consent" in {one.legal_basis, one.other_basis})
    )


def of(project: Project, email: str) -> tuple[Preference, ...]:
    """Return how somebody stands to each purpose; of whom nobody knows, that they were never asked."""
    return tuple(_stands(project, email, purpose) for purpose in choices(project))


def _stands(project: Project, email: str, purpose: Purpose) -> Preference:
    channels: tuple[str | None, ...] = purpose_scope.channels(project.policy, str(purpose.key)) or (None,)
    answers = [may(project, [("email", email)], str(purpose.key), channel=one) for one in channels]
    reason = next((one for one in answers if one.allowed), answers[0]).reason
    allowed = any(one.allowed for one in answers)
    said = _said(reason.code, allowed=allowed)
    stands = (one.reason for one in answers if _said(one.reason.code, allowed=one.allowed) == said)
    return Preference(
        str(purpose.key), said, (reason.at or "")[:10], may_stop=said not in {"objected", "refused"},
        may_give=takes_consent(purpose) and said not in {"yes", "unless"},
        events=tuple(dict.fromkeys(one.event for one in stands if one.event and _is_answer(one.code))),
    )  # fmt: skip


def _is_answer(code: str) -> bool:
    """Say whether a reason is what the person said; a restriction names its stream, and is none."""
    return code == "consented" or code in _SAID


def _said(code: str, *, allowed: bool) -> str:
    if allowed:
        return "yes" if code == "consented" else "unless"
    return _SAID.get(code, "never")


def receipt_of(project: Project, email: str, event_id: str) -> bytes:
    """Return the receipt of an answer that stands now; raises NotFoundError for whatever is not this person's."""
    if not any(event_id in one.events for one in of(project, email)):
        raise NotFoundError("There is no such page.")
    return receipt(project.ledger, event_id)


def give(
    project: Project, email: str, purpose: str, *, language: str, text: str, shown: bytes, name: str
) -> None:
    """Record a yes that somebody gave on the page that was `shown`, once they proved the address is theirs."""
    found = next((one for one in choices(project) if str(one.key) == purpose), None)
    if found is None or not takes_consent(found):
        raise NotFoundError("There is no such choice.")
    digest = sha256(shown).hexdigest()
    form = Form("preferences", language, digest, {purpose: sha256(text.encode()).hexdigest()})
    record_form.record_form(project, form, shown)
    said = [Choice(purpose, "given", one) for one in found.channels] or [Choice(purpose, "given")]
    asked = Asked("preferences", language, form=digest)
    record_consent(project, [("email", email)], said, asked, once=f"give {name} {purpose}")


def send_code(project: Project, email: str, language: str, once: str = "") -> str:
    """Send a code to an address, and return what must come back with it; raises NotAllowedError after too many.

    The same `once` for the same address sends one, and its time is counted from the first.
    """
    address = email.strip()
    if not is_address(address):
        raise NotAllowedError("That is no e-mail address.")
    _, mark = subjects.fingerprint(project.ledger, "requests", "email", address, wide=True)
    at, drawn = project.clock().isoformat(), secrets.token_hex(12)
    if once:
        drawn = _drawn(project, once, address)
        before = forms.sent(project.ledger, f"preference code {drawn}")
        if before:
            return seal(project, CODE, [drawn, address, before])
    if tries.count(project.ledger, f"preferences/{mark.hex()}", 3600) > CODES_PER_HOUR:
        raise NotAllowedError("Too many codes were asked for. Wait an hour, then ask again.")
    organisation = send_letter.organisation(project, language)
    told = letter.write(
        "preference_code", language,
        {"code": _code(project, drawn), "minutes": MINUTES, "organisation": organisation},
        send_letter.own_template(project, "preference_code", language),
    )  # fmt: skip
    html = letter.as_html(told, language)
    project.mailer.send(Letter(address, told.subject, told.text, language, html=html))
    if once:
        forms.led(project.ledger, f"preference code {drawn}", at)
    return seal(project, CODE, [drawn, address, at])


def take_code(project: Project, asked: str, given: str) -> str | None:
    """Return the session of whoever entered the right code in time; None for any other, told apart by nobody."""
    try:
        drawn, email, at = map(str, unseal(project, CODE, asked))
    except NotFoundError:
        return None
    late = project.clock() > datetime.fromisoformat(at) + timedelta(minutes=MINUTES)
    tried = tries.count(project.ledger, f"preference code/{drawn}", MINUTES * 60 * 2)
    digits = "".join(one for one in given if one.isdigit() and one.isascii())[: DIGITS + 1]
    right = hmac.compare_digest(_code(project, drawn).encode(), digits.encode())
    if late or tried > TRIES_MAX or not right:
        return None
    if tries.count(project.ledger, f"preference taken/{drawn}", MINUTES * 60 * 2) > 1:
        return None  # a code is good once
    until = project.clock() + timedelta(minutes=SESSION_MINUTES)
    return seal(project, SESSION, [email, until.isoformat(), secrets.token_hex(8)])


@dataclass(frozen=True, slots=True)
class Proven:
    """Whoever entered a code in this browser, for a while."""

    email: str = field(repr=False)
    name: str


def proven(project: Project, session: str | None) -> Proven | None:
    """Return whose session it is, while it lasts."""
    try:
        email, until, name = map(str, unseal(project, SESSION, session or ""))
    except NotFoundError:
        return None
    return Proven(email, name) if project.clock() < datetime.fromisoformat(until) else None


def _drawn(project: Project, once: str, address: str) -> str:
    """Draw by the form and the address: nobody learns from one what another form or address would give."""
    _, secret = keys.own_key(project.ledger, "codes")
    return hmac.digest(secret, f"preferences form/{once}/{address}".encode(), "sha256").hex()[:24]


def _code(project: Project, drawn: str) -> str:
    _, secret = keys.own_key(project.ledger, "codes")
    mac = hmac.digest(secret, f"preferences/{drawn}".encode(), "sha256")
    return f"{int.from_bytes(mac[:8]) % 10**DIGITS:0{DIGITS}}"
