"""The master key, which wraps every other key and is kept apart from them.

Law: GDPR Art. 32(1)(a).  Source: AES-GCM (NIST SP 800-38D), with the wrapped key's name as
associated data.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger.put_new import put_new

NONCE_BYTES = 12
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key that wraps all others; `id` tells masters apart and gives nothing away."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """The first bytes of a hash of the key."""
        return hashlib.sha256(b"troth master key" + self.secret).hexdigest()[:12]

    def wrap(self, name: str, secret: bytes) -> bytes:
        """Encrypt a key, bound to its name."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.secret).encrypt(nonce, secret, name.encode())

    def unwrap(self, name: str, master: str, wrapped: bytes) -> bytes:
        """Decrypt a key; raises NotAllowedError when another master wrapped it."""
        if master != self.id:
            raise NotAllowedError(
                f"This was locked under the master key {master}, and the one in use is {self.id}. "
                "Put the right master key back; without it these payloads cannot be read again."
            )
        try:
            return AESGCM(self.secret).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise NotAllowedError(
                "A wrapped key in the keys database is damaged; restore it from a backup."
            ) from None


def master_key(reference: str, folder: Path) -> MasterKey:
    """Read the master key named by `env:NAME` or `file:PATH` (made, for its owner only, where not there)."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        written = os.environ.get(name, "")
        if not written:
            raise NotFoundError(f"The environment variable {name}, which holds the master key, is not set.")
    elif kind == "file":
        file = folder / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            _make(file)
        written = file.read_text(encoding="ascii", errors="replace")
    else:
        raise NotAllowedError(
            "A master key is named by env:NAME or file:PATH, and never stands in troth.toml."
        )
    try:
        secret = base64.b64decode(written.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise NotAllowedError(f"The master key at {kind}:{name} is not {KEY_BYTES} bytes in base64.")
    return MasterKey(secret)


def _make(file: Path) -> None:
    """Write a new key whole, for its owner only, unless somebody else has just done so."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
    with suppress(FileExistsError):
        put_new(beside, file)
    beside.unlink(missing_ok=True)
