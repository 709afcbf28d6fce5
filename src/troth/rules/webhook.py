"""What other systems are told of a choice by a signed message, and when a message is sent again.

A message says who chose what about which purpose by ids and codes; identifiers are in it only where the
settings say so.  Its id is the event's, so that what is received twice is known.

Source: Standard Webhooks specification 1.0 (ids, timestamps, HMAC-SHA256 signatures).
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from troth.rules.event import Event

WANTED = ("consent", "withdrawal", "objection")
"""What a receiver may ask to be told of."""
ATTEMPTS_MAX = 24
WAIT_MAX = timedelta(hours=6)
GONE = 410
TYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "given": ("consent", "consent.given"),
        "renewed": ("consent", "consent.renewed"),
        "refused": ("consent", "consent.refused"),
        "withdrawn": ("withdrawal", "consent.withdrawn"),
        "expired": ("withdrawal", "consent.expired"),
    }
)
"""By what was said: which of `WANTED` it is, and the type of its message."""


def kind_of(event: Event) -> tuple[str, str] | None:
    """Return what an event is to a receiver and the type of its message; None for what none is told of.

    Choices about cookies belong to a browser and to nobody known, so no message is made of them.
    """
    if event.kind == "objection_recorded":
        return "objection", "objection.recorded"
    if event.kind == "consent_recorded" and event.subject is not None:
        return TYPES.get(str(event.facts["given"]))
    return None


def message(event: Event, type_: str, identifiers: Sequence[tuple[str, str]]) -> bytes:
    """Return the body of a message, the same bytes for the same event and identifiers."""
    facts = event.facts
    told: dict[str, object] = {
        "event": event.id,
        "subject": event.subject,
        "purpose": facts.get("purpose"),
        "scope": facts.get("scope") if event.kind == "objection_recorded" else None,
        "channel": facts.get("channel"),
        "controller": facts.get("controller"),
        "method": facts.get("method"),
        "policy": event.policy,
    }
    data = {name: value for name, value in told.items() if value is not None}
    if identifiers:
        data["identifiers"] = [{"kind": kind, "value": value} for kind, value in identifiers]
    said = {"type": type_, "timestamp": event.at.isoformat(timespec="microseconds"), "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def signed(secret: str, ident: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers by which a receiver sees who sent a message, and that nobody changed it.

    >>> from datetime import UTC
    >>> secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    >>> signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}'
    ...     )["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    stamp = str(int(at.timestamp()))
    mac = hmac.digest(key(secret), f"{ident}.{stamp}.".encode() + body, "sha256")
    return {
        "webhook-id": ident,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def key(secret: str) -> bytes:
    """Return the key a secret stands for: base64 after `whsec_`, else its letters as they are."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            return secret.encode()
    return secret.encode()


def again_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts failed.

    >>> again_after(1).total_seconds(), again_after(3).total_seconds(), again_after(20) == WAIT_MAX
    (10.0, 40.0, True)
    """
    return min(timedelta(seconds=10 * 2 ** min(attempts - 1, 20)), WAIT_MAX)
