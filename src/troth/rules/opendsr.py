"""Messages between a controller and its processors about one subject's request, in the OpenDSR format.

What a processor answers counts only with its signature over the exact bytes, by the
certificate that was agreed, for the domain that certificate is of.  Nothing is parsed before.

Source: OpenDSR specification 1.0 (formerly OpenGDPR), sections 5 to 8; RFC 8017 (RSASSA-PKCS1-v1_5).
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from troth.errors import NotAllowedError, TamperedError

VERSION = "1.0"
TYPES = frozenset({"erasure"})
"""What we tell of that the format has a word for; it has none for a rectification, a restriction or a choice."""
STATUSES = ("pending", "in_progress", "completed", "cancelled")
_IDENTITIES = {"email": "email", "id": "controller_customer_id"}
_NAMES = ("OpenCompliance", "OpenDSR", "OpenGDPR")
"""The names the format had; headers of each are honoured (section 10.1)."""
BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Callback:
    """What a processor says of a request later on."""

    message: str
    status: str
    url: str


def message_id(mac: bytes) -> str:
    """Return the id of a message, a UUID of version 4, from bytes that only we can make.

    >>> message_id(bytes(16))
    '00000000-0000-4000-8000-000000000000'
    """
    return str(uuid.UUID(bytes=mac[:16], version=4))


def request(
    message: str,
    action: str,
    identifiers: Sequence[tuple[str, str]],
    received: datetime,
    callback: str,
    *,
    agreed: Collection[str] = (),
    extensions: Mapping[str, object] | None = None,
) -> bytes | None:
    """Write a request; None where the format has no word for the action, or for who is meant.

    `agreed` names what else the recipient takes under its own name; `extensions` says, by the
    recipient's domain, what the format has no field for, such as the purposes that stop.
    """
    identities = [
        {"identity_type": _IDENTITIES[kind], "identity_format": "raw", "identity_value": value}
        for kind, value in identifiers
        if kind in _IDENTITIES
    ]
    if action not in {*TYPES, *agreed} or not identities:
        return None
    body: dict[str, object] = {
        "regulation": "gdpr",
        "subject_request_id": message,
        "subject_request_type": action,
        "submitted_time": received.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "subject_identities": identities,
        "api_version": VERSION,
        "status_callback_urls": [callback],
    }
    if extensions:
        body["extensions"] = dict(extensions)
    return json.dumps(body, ensure_ascii=False).encode()


def accepted(sent: bytes, status: int, headers: Mapping[str, str], body: bytes, certificate: bytes) -> str:
    """Return by when a processor expects to be done; raises TamperedError where its answer is not proven.

    Raises NotAllowedError when it refused the request.
    """
    if 400 <= status < 500:
        raise NotAllowedError(f"It refused the request (HTTP {status}).")
    if status != 201:
        raise TamperedError(f"It answered with HTTP {status}, which accepts nothing.")
    verify(headers, body, certificate)
    told = _read(body)
    echoed = told.get("encoded_request")
    try:
        same = isinstance(echoed, str) and base64.b64decode(echoed, validate=False) == sent
    except binascii.Error:
        same = False
    if not same or told.get("subject_request_id") != json.loads(sent)["subject_request_id"]:
        raise TamperedError("It answered to another request than the one that was sent.")
    return str(told.get("expected_completion_time") or "")[:40]


def callback(headers: Mapping[str, str], body: bytes, certificate: bytes) -> Callback:
    """Read what a processor says of a request later on; raises TamperedError where it is not proven."""
    verify(headers, body, certificate)
    told = _read(body)
    status = told.get("request_status")
    if status not in STATUSES:
        raise NotAllowedError(f"request_status is one of: {', '.join(STATUSES)}.")
    return Callback(str(told.get("subject_request_id")), str(status), str(told.get("status_callback_url")))


def domain(headers: Mapping[str, str]) -> str:
    """Return the domain a message says it is from, in lower case; empty where it says none."""
    return _header(headers, "Processor-Domain").strip().lower()


def domains(certificate: bytes) -> frozenset[str]:
    """Return the domains a certificate (PEM) is for; raises NotAllowedError where it cannot be read."""
    try:
        names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, x509.ExtensionNotFound):
        raise NotAllowedError("The certificate is no PEM, or names no domain.") from None
    return frozenset(name.lower() for name in names.value.get_values_for_type(x509.DNSName))


def verify(headers: Mapping[str, str], body: bytes, certificate: bytes) -> None:
    """Check a signature over the exact bytes; raises TamperedError where it is not that of the domain's certificate."""
    if domain(headers) not in domains(certificate):
        raise TamperedError("The message is not from the domain of the certificate.")
    key = x509.load_pem_x509_certificate(certificate).public_key()
    try:
        signature = base64.b64decode("".join(_header(headers, "Signature").split()), validate=True)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, body, padding.PKCS1v15(), SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, body, ec.ECDSA(SHA256()))
        else:
            raise NotAllowedError(
                "The certificate has a key of a kind that is not used here: RSA or ECDSA is."
            )
    except (InvalidSignature, binascii.Error, ValueError):
        raise TamperedError("The signature is not that of the certificate over these bytes.") from None


def _header(headers: Mapping[str, str], what: str) -> str:
    known = {name.lower(): value for name, value in headers.items()}
    return next((known[name] for one in _NAMES if (name := f"x-{one}-{what}".lower()) in known), "")


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise TamperedError("What was signed is no JSON object.")
    return told
