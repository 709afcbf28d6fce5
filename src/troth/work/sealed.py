"""What leaves us and comes back in an address or a cookie, and only we can read or make.

A sealed value is encrypted under a key of its own with a fresh nonce: two of the same person cannot be
joined, none can be guessed, altered or counted through, and nothing in it can be read by anybody else.

Law: GDPR Art. 25, Art. 32(1)(a).  Source: AES-GCM (NIST SP 800-38D).
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from troth.errors import NotFoundError
from troth.ledger import keys
from troth.work.project import Project

NONCE_BYTES = 12
PAD_BYTES = 48
SEALED_MAX = 8000


def seal(project: Project, kind: str, told: Sequence[Any]) -> str:
    """Seal values of one kind; what is short is padded, so that the length tells nothing."""
    version, key = keys.own_key(project.ledger, f"sealed/{kind}")
    plain = json.dumps(list(told), ensure_ascii=False, separators=(",", ":")).encode()
    plain += b" " * (-len(plain) % PAD_BYTES)
    nonce = secrets.token_bytes(NONCE_BYTES)
    body = bytes([version % 256]) + nonce + AESGCM(key).encrypt(nonce, plain, kind.encode())
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def unseal(project: Project, kind: str, sealed: str) -> list[Any]:
    """Return what was sealed as this kind; raises NotFoundError for anything else, whatever is wrong with it."""
    try:
        if len(sealed) > SEALED_MAX or not sealed.isascii():
            raise ValueError
        body = base64.b64decode(f"{sealed}{'=' * (-len(sealed) % 4)}", altchars=b"-_", validate=True)
        newest, key = keys.own_key(project.ledger, f"sealed/{kind}")
        version = body[0]
        if version != newest % 256:
            _, key = keys.own_key(project.ledger, f"sealed/{kind}", version)
        plain = AESGCM(key).decrypt(body[1 : 1 + NONCE_BYTES], body[1 + NONCE_BYTES :], kind.encode())
    except (ValueError, IndexError, InvalidTag, NotFoundError):
        raise NotFoundError("There is no such page.") from None
    told: list[Any] = json.loads(plain)
    return told
