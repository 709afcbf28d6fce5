"""The separate notice about the right to object, and the token that names it afterwards.

Law: GDPR Art. 21(4).
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import escape

from troth.errors import NotAllowedError
from troth.ledger import keys, read
from troth.rules import first_communication as rules
from troth.work import send_letter
from troth.work.project import Project

MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Notice:
    """The separate notice about the right to object: the rights, the words, and what names them afterwards."""

    rights: tuple[str, ...]
    language: str
    text: str
    html: str
    token: str


def state_of(project: Project, subject: str) -> read.State | None:
    """Return which rights were presented to somebody already; None before a first communication."""
    return read.state(project.ledger, f"{rules.FAMILY}/{subject}")


def notice(project: Project, rights: Sequence[str], language: str) -> Notice:
    """Return the separate notice about some rights, in a language."""
    group = project.policy.group
    contact = send_letter.contact(group.requests if group else None, language) or project.settings.mail_from
    said = rules.words(
        project.policy, rights, language, send_letter.organisation(project, language), contact
    )  # fmt: skip
    html = f'<p lang="{language}"><strong>{escape(said)}</strong></p>'
    told = [project.policy.version, language, list(rights), sha256(said.encode()).hexdigest()]
    return Notice(tuple(rights), language, said, html, _token(project, told))


def _token(project: Project, told: Sequence[object]) -> str:
    """Sign what a notice said, so that whoever sent it can name it and nobody can make one up."""
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{_text(body)}.{_text(_mac(project, body))}"


def given(project: Project, token: str) -> tuple[str, str, tuple[str, ...], str]:
    """Return what a token says of a notice: version, language, rights, hash; raises NotAllowedError for none."""
    written, _, mac = token.partition(".")
    try:
        body = base64.urlsafe_b64decode(f"{written}{'=' * (-len(written) % 4)}")
        shown = base64.urlsafe_b64decode(f"{mac}{'=' * (-len(mac) % 4)}")
    except ValueError:
        body, shown = b"", b""
    if not hmac.compare_digest(shown, _mac(project, body)):
        raise NotAllowedError(
            "No notice was given out under that token. Ask before you send, and hand its token back."
        )
    version, language, rights, digest = json.loads(body)
    return str(version), str(language), tuple(map(str, rights)), str(digest)


def _mac(project: Project, body: bytes) -> bytes:
    _, secret = keys.own_key(project.ledger, "objection notices")
    return hmac.digest(secret, body, "sha256")[:MAC_BYTES]


def _text(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")
