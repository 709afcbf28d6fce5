"""Signed notes and checkpoints, in the formats that transparency logs share.

A note is a text, an empty line, and signature lines `— NAME BASE64`; a checkpoint is the
note `ORIGIN, SIZE, ROOT`.  Other people's tools verify both.

Source: C2SP signed-note and tlog-checkpoint (key type 0x01, Ed25519, RFC 8032).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from troth.errors import NotAllowedError, TamperedError

ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Whose signature is believed: a name and a public key."""

    name: str
    public: bytes

    @property
    def hint(self) -> bytes:
        """The four bytes that tell the keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        """Write it as others do: NAME+HINT+KEY."""
        return f"{self.name}+{self.hint.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def read(cls, written: str) -> Verifier:
        """Read NAME+HINT+KEY; raises NotAllowedError when it is not one."""
        name, _, rest = written.strip().partition("+")
        hint, _, key = rest.partition("+")
        try:
            decoded = base64.b64decode(key, validate=True)
        except binascii.Error:
            decoded = b""
        found = cls(name, decoded[1:])
        if decoded[:1] != ED25519 or len(decoded) != 33 or found.hint.hex() != hint:
            raise NotAllowedError(
                "That is no verifier key. It looks like NAME+HINT+KEY, as `troth ledger key` prints it."
            )
        return found


def signed(text: str, name: str, secret: bytes) -> str:
    """Sign a text that ends with a line's end; return the note."""
    private = Ed25519PrivateKey.from_private_bytes(secret)
    signature = verifier(name, secret).hint + private.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(signature).decode()}\n"


def verifier(name: str, secret: bytes) -> Verifier:
    """Return who verifies what this secret signs."""
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    return Verifier(name, public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def opened(note: str, *trusted: Verifier) -> str:
    """Return the text of a note that one of `trusted` signed; raises TamperedError otherwise."""
    text, gap, signatures = note.rpartition("\n\n")
    if not gap:
        raise TamperedError("This is no signed note: it has no signature.")
    text += "\n"
    for line in signatures.splitlines():
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.rpartition(" ")
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        for one in trusted:
            if mark == "—" and one.name == name and blob[:4] == one.hint:
                try:
                    Ed25519PublicKey.from_public_bytes(one.public).verify(blob[4:], text.encode())
                except InvalidSignature:
                    raise TamperedError(
                        f"The signature of {name} does not fit: the text was changed."
                    ) from None
                return text
    raise TamperedError("No signature on this note is by a key that is trusted here.")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How many events are sealed, their root hash, and the signed note that says so."""

    origin: str
    size: int
    root: bytes
    note: str = ""

    def text(self) -> str:
        """Write the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def read(cls, note: str, *trusted: Verifier) -> Checkpoint:
        """Read a signed checkpoint; raises TamperedError when it is not one, or not by a trusted key."""
        lines = opened(note, *trusted).splitlines()
        try:
            origin, size, root = lines[:3]
            return cls(origin, int(size), base64.b64decode(root, validate=True), note)
        except (ValueError, binascii.Error):
            raise TamperedError("This signed note is no checkpoint.") from None
