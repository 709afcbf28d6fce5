"""What a controller for whom we process tells us to do about one subject, and what we answer.

The receiving half of the OpenDSR format.  We assist: the rows are those of that controller
alone, the answer goes to it, and what it tells us is carried out unless it is unlawful.

Source: OpenDSR specification 1.0, sections 6 to 8.  Law: GDPR Art. 28(3)(a), (e).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from troth.errors import NotAllowedError
from troth.rules.opendsr import VERSION
from troth.rules.request import is_open

RIGHTS: Mapping[str, str] = MappingProxyType({"erasure": "erase", "access": "access", "portability": "port"})
"""What the format can ask for, and the right we carry it out as."""
IDENTITIES: Mapping[str, str] = MappingProxyType({"email": "email", "controller_customer_id": "id"})
LAW = "Art. 28(3)(a)"
_RECORDED = "# on the instruction of: "
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One message of a controller: its own id, what is asked for, and whom it is about."""

    message: str
    right: str
    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    submitted: datetime
    callbacks: tuple[str, ...] = field(repr=False, default=())


def read(body: bytes, allowed: Sequence[str]) -> Instruction:
    """Read a message; raises NotAllowedError with every reason why it is none we can take.

    `allowed` are the beginnings of addresses that the controller agreed to be called back at.
    """
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise NotAllowedError("The body is no JSON object.")
    wrong = []
    message = told.get("subject_request_id")
    if not isinstance(message, str) or not _UUID4.fullmatch(message.lower()):
        wrong.append("`subject_request_id` is no UUID of version 4.")
    right = RIGHTS.get(str(told.get("subject_request_type")))
    if right is None:
        wrong.append(f"`subject_request_type` is one of: {', '.join(RIGHTS)}.")
    if told.get("regulation") != "gdpr":
        wrong.append("`regulation` is gdpr; others are not carried out here.")
    submitted = _moment(told.get("submitted_time"))
    if submitted is None:
        wrong.append("`submitted_time` is a moment with its offset from UTC, such as 2026-03-05T14:30:00Z.")
    found, unknown = _identities(told.get("subject_identities"))
    wrong += unknown
    callbacks = told.get("status_callback_urls") or []
    if not isinstance(callbacks, list) or any(not _agreed(one, allowed) for one in callbacks):
        wrong.append("`status_callback_urls` has an address that was not agreed on.")
    if wrong or right is None or submitted is None:
        raise NotAllowedError(" ".join(wrong))
    return Instruction(str(message).lower(), right, found, submitted, tuple(map(str, callbacks)))


def _moment(told: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None


def _identities(told: object) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """Return whom a message is about, as (kind, value), and why some of it cannot be read."""
    known = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    found: dict[tuple[str, str], None] = {}
    for one in known:
        kind, value = IDENTITIES.get(str(one.get("identity_type"))), one.get("identity_value")
        if kind and one.get("identity_format") == "raw" and isinstance(value, str) and value.strip():
            found[kind, value.strip()] = None
    if len(found) == len(known) and found:
        return tuple(found), []
    return (), [
        "`subject_identities` names somebody by what we cannot look for. We know: "
        f"{', '.join(IDENTITIES)}, each raw."
    ]


def _agreed(url: object, allowed: Sequence[str]) -> bool:
    return isinstance(url, str) and any(url.startswith(one) for one in allowed)


def status(state: Mapping[str, Any]) -> str:
    """Return how far an instruction is, by the word of the format: pending, in_progress, completed, cancelled."""
    if state["status"] in {"responded", "closed"} and state["answered"]:
        return "completed"
    if not is_open(state):
        return "cancelled"
    decided = any(claim["outcome"] for claim in state["claims"].values())
    return "in_progress" if decided else "pending"


def accepted(controller: str, body: bytes, message: str, received: datetime, due: date) -> bytes:
    """Write that a message was taken, by when it is meant to be done, and which bytes were taken."""
    return _written(
        {
            "controller_id": controller,
            "subject_request_id": message,
            "received_time": _said(received),
            "expected_completion_time": _said(datetime.combine(due, time(), UTC)),
            "encoded_request": base64.b64encode(body).decode(),
        }
    )


def told(controller: str, message: str, word: str, due: date, *, callback: str = "") -> bytes:
    """Write how far an instruction is; `callback` names the address it is told to."""
    said = {
        "controller_id": controller,
        "subject_request_id": message,
        "request_status": word,
        "expected_completion_time": _said(datetime.combine(due, time(), UTC)),
        "api_version": VERSION,
    }
    return _written(said | ({"status_callback_url": callback} if callback else {}))


def cancelled(controller: str, message: str, received: datetime) -> bytes:
    """Write that an instruction is taken back."""
    return _written({"controller_id": controller, "subject_request_id": message, "received_time": _said(received),
                     "api_version": VERSION})  # fmt: skip


def discovery(certificate_url: str) -> bytes:
    """Write what can be asked of us, by what somebody can be named, and where our certificate is."""
    return _written(
        {
            "api_version": VERSION,
            "supported_identities": [{"identity_type": one, "identity_format": "raw"} for one in IDENTITIES],
            "supported_subject_request_types": list(RIGHTS),
            "processor_certificate": certificate_url,
        }
    )


def signed(body: bytes, certificate: bytes, key: bytes) -> Mapping[str, str]:
    """Return the headers that prove a message ours; raises NotAllowedError for a key that is not the certificate's."""
    try:
        names = x509.load_pem_x509_certificate(certificate)
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError):
        raise NotAllowedError(
            "[opendsr] has no certificate and key that can be read (PEM, no password)."
        ) from None
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise NotAllowedError("The key of [opendsr] is of a kind that is not used here: RSA or ECDSA is.")
    if private.public_key() != names.public_key():
        raise NotAllowedError("The key of [opendsr] is not that of its certificate.")
    if isinstance(private, rsa.RSAPrivateKey):
        signature = private.sign(body, padding.PKCS1v15(), SHA256())
    else:
        signature = private.sign(body, ec.ECDSA(SHA256()))
    (domain, *_) = names.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.DNSName)
    return {
        "X-OpenDSR-Processor-Domain": domain,
        "X-OpenDSR-Signature": base64.b64encode(signature).decode(),
    }


def recorded(written: str, controller: str) -> str:
    """Return the text of a map with whose rows alone it was used for; the same text where they were our own."""
    return f"{_RECORDED}{json.dumps(controller)}\n{written}" if controller else written


def recorded_in(written: str) -> str:
    """Return for whose rows alone a map was used.

    >>> recorded_in(recorded("store: shop", "acme")), recorded_in("store: shop")
    ('acme', '')
    """
    first = written.partition("\n")[0]
    return str(json.loads(first.removeprefix(_RECORDED))) if first.startswith(_RECORDED) else ""


def _said(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _written(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
