"""What Troth tells by webhooks: who sent it is seen from the signature before anything is read.

Source: Standard Webhooks specification 1.0.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping

import msgspec

OLD_SECONDS = 300


class NotGenuine(Exception):  # noqa: N818
    """The message is not from who holds the secret, was changed, or is too old: answer 400 and do nothing."""


class Identifier(msgspec.Struct, frozen=True):
    """An identifier of the person, where the settings let messages name one."""

    kind: str
    value: str


class Choice(msgspec.Struct, frozen=True):
    """What was said, by ids and codes."""

    event: str = ""
    subject: str | None = None
    purpose: str | None = None
    scope: str | None = None
    channel: str | None = None
    controller: str | None = None
    method: str | None = None
    policy: str | None = None
    identifiers: tuple[Identifier, ...] = ()


class Event(msgspec.Struct, frozen=True):
    """One message: its type, such as consent.withdrawn, when it happened, and what was said."""

    type: str
    timestamp: str
    data: Choice

    @property
    def emails(self) -> tuple[str, ...]:
        """The e-mail addresses that the message names."""
        return tuple(one.value for one in self.data.identifiers if one.kind == "email")


def event_of(body: bytes, headers: Mapping[str, str], secret: str, *, now: float | None = None) -> Event:
    """Return what a message says, once its signature was checked; raises NotGenuine.

    The same id may come twice: take it once.
    """
    given = {name.lower(): value for name, value in headers.items()}
    ident, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not ident or not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise NotGenuine("It bears no id or no time.")
    if abs((time.time() if now is None else now) - int(stamp)) > OLD_SECONDS:
        raise NotGenuine("It is too old, or the clocks differ.")
    mac = hmac.digest(_key(secret), f"{ident}.{stamp}.".encode() + body, "sha256")
    good = f"v1,{base64.b64encode(mac).decode()}".encode()
    shown = [one.encode("utf-8", "replace") for one in given.get("webhook-signature", "").split(" ")]
    if not any([hmac.compare_digest(good, one) for one in shown]):  # noqa: C419  (each is compared, in equal time)
        raise NotGenuine("Its signature is not that of the secret.")
    try:
        return msgspec.json.decode(body, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotGenuine("It is signed, and says nothing that can be read.") from None


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            return secret.encode()
    return secret.encode()
