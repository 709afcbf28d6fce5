"""The links of a message: to stop such messages, to one's preferences, and those whose following is measured.

None needs a sign-in, none can be guessed or altered, and none holds anything about the person that
anybody but us can read.  A link to stop works for ever, whoever the person is by then.

Law: GDPR Art. 7(3), Art. 21(2), (3); Directive 2002/58/EC Art. 5(3), Art. 13(4).
Source: RFC 2369, RFC 8058 (one-click unsubscription).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlsplit

from troth.errors import NotAllowedError, NotFoundError
from troth.outside.mail import is_address
from troth.policy.promise import Purpose
from troth.rules.first_communication import BASES, purpose_of
from troth.work.project import Project
from troth.work.sealed import seal, unseal

STOP, FOLLOW = "stop link", "followed link"
SHOWS_DAYS = 30
"""How long a link to stop also opens the person's preferences; after that a code is asked for."""
URL_MAX = 2000
_URL = re.compile(r"[\x21-\x7e]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stop:
    """Whom a link to stop is for, which purpose its message had, and until when it shows preferences."""

    email: str = field(repr=False)
    purpose: str
    shows_until: date


@dataclass(frozen=True, slots=True)
class Followed:
    """A link or a picture whose following is measured: where it leads, and where it is measured on the way.

    A picture leads nowhere: `target` is empty.
    """

    email: str = field(repr=False)
    purpose: str
    target: str
    measured: str


def stop_token(project: Project, email: str, purpose: str) -> str:
    """Return the token by which messages of a purpose are stopped; raises NotAllowedError for one that cannot be."""
    _address(email)
    if not stoppable(purpose_of(project.policy, purpose)):
        raise NotAllowedError(
            f"Messages for {purpose} cannot be unsubscribed from: the purpose is no marketing, and rests on neither "
            "consent nor a legitimate interest."
        )
    return seal(project, STOP, [email.strip(), purpose, project.clock().date().isoformat()])


def stop_of(project: Project, token: str) -> Stop:
    """Return whom a token is for; raises NotFoundError for what is none."""
    email, purpose, made = unseal(project, STOP, token)
    return Stop(str(email), str(purpose), date.fromisoformat(made) + timedelta(days=SHOWS_DAYS))


def stoppable(purpose: Purpose) -> bool:
    """Say whether a person can stop a purpose by a word: marketing, consent, or what may be objected to."""
    bases = {purpose.legal_basis, purpose.other_basis}
    return purpose.marketing or bool(bases & {"consent", *BASES})


def headers(project: Project, token: str) -> dict[str, str]:
    """Return the two headers of RFC 8058 that a message carries, covered by its DKIM signature."""
    return {
        "List-Unsubscribe": f"<{stop_url(project, token)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def stop_url(project: Project, token: str) -> str:
    """Return the address of the page that stops messages."""
    return f"{project.settings.public_url}/unsubscribe/{token}"


def preferences_url(project: Project, token: str) -> str:
    """Return the address of the preferences of whom a token is for."""
    return f"{project.settings.public_url}/preferences/{token}"


def followed_token(project: Project, email: str, purpose: str, *, target: str, measured: str) -> str:
    """Return the token of a link (or, without a target, a picture) whose following is measured.

    Measuring who opens or follows what is a purpose of its own and rests on consent, apart from the
    one to receive messages.  Raises NotAllowedError for another purpose, and for what is no web address.

    Law: Directive 2002/58/EC Art. 5(3); CNIL, délibération 2026-042 of 12 March 2026.
    """
    _address(email)
    found = purpose_of(project.policy, purpose)
    if found.legal_basis != "consent":
        raise NotAllowedError(
            f"Who opens or follows what is measured on consent alone, and the purpose {purpose} rests on "
            f"{found.legal_basis.replace('_', ' ')} (Directive 2002/58/EC Art. 5(3); CNIL 2026-042)."
        )
    for name, url in (("measured", measured), *((("target", target),) if target else ())):
        _web_address(name, url)
    return seal(project, FOLLOW, [email.strip(), purpose, target, measured])


def followed_of(project: Project, token: str) -> Followed:
    """Return what a token leads to; raises NotFoundError for what is none."""
    return Followed(*map(str, unseal(project, FOLLOW, token)))


def picture_url(project: Project, token: str) -> str:
    """Return the address of a picture that is measured only with consent."""
    return f"{project.settings.public_url}/m/{token}.gif"


def follow_url(project: Project, token: str) -> str:
    """Return the address of a link that is measured only with consent."""
    return f"{project.settings.public_url}/m/{token}"


def _address(email: str) -> None:
    if not is_address(email.strip()):
        raise NotAllowedError("That is no e-mail address. Write it as name@example.org.")


def _web_address(name: str, url: str) -> None:
    """See that an address leads to the web, and can stand in a header as it is."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        good = False
    if not good or len(url) > URL_MAX or not _URL.fullmatch(url):
        raise NotAllowedError(
            f"`{name}` is no web address: it begins with https:// or http://, names a host and no account, is in "
            f"ASCII and has {URL_MAX} letters at most."
        )


def token_of(found: str) -> str:
    """Return a token as it stood in an address; raises NotFoundError where it cannot be one."""
    if not re.fullmatch(r"[\w-]{40,8000}", found, re.ASCII):
        raise NotFoundError("There is no such page.")
    return found
