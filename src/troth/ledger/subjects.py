"""Who is meant: subjects found again by keyed hashes of their identifiers.

A *fingerprint* is a keyed hash of an identifier's exact or wide form; each use has a key of
its own, so that one use cannot be joined with another.

Law: GDPR Art. 4(5), pseudonymisation; Art. 25.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import text

from troth.ledger import append, keys
from troth.ledger.schema import Ledger
from troth.ledger.vault import get, lock, store
from troth.rules import identifier
from troth.rules.event import Draft

Domain = Literal["requests", "suppression", "disclosure", "replay"]

FIND = text(
    "SELECT subject FROM fingerprints WHERE domain = :domain AND kind = :kind AND form = :form "
    "AND key_version = :version AND mac = :mac"
)
FINGERPRINT = text(
    "INSERT INTO fingerprints (domain, kind, form, key_version, mac, subject) "
    "VALUES (:domain, :kind, :form, :version, :mac, :subject) "
    "ON CONFLICT (domain, kind, form, key_version, mac) DO NOTHING RETURNING subject"
)


def fingerprint(
    ledger: Ledger, domain: Domain, kind: str, value: str, *, wide: bool = False, version: int | None = None
) -> tuple[int, bytes]:
    """Return the key version and the keyed hash of an identifier, for one use of it."""
    version, secret = keys.own_key(ledger, f"fingerprint/{domain}", version)
    return version, hashed(secret, kind, value, wide=wide)


def hashed(secret: bytes, kind: str, value: str, *, wide: bool = False) -> bytes:
    """Return the keyed hash of an identifier's exact or wide form."""
    form = identifier.wide(kind, value) if wide else identifier.exact(kind, value)
    return hmac.digest(secret, f"{kind}\x00{form}".encode(), "sha256")


def find_subject(ledger: Ledger, kind: str, value: str) -> str | None:
    """Return the subject an identifier names, or None; whichever key version found them."""
    for version, _ in keys.versions(ledger, "fingerprint/requests"):
        _, mac = fingerprint(ledger, "requests", kind, value, version=version)
        bound = {"domain": "requests", "kind": kind, "form": "exact", "version": version, "mac": mac}
        with ledger.looking() as connection:
            found = connection.execute(FIND, bound).scalar()
        if found is not None:
            return str(found)
    return None


def subject_for(ledger: Ledger, kind: str, value: str) -> str:
    """Return the subject an identifier names, opened where there is none."""
    found = find_subject(ledger, kind, value)
    if found is not None:
        return found
    subject = secrets.token_hex(10)
    return _name(ledger, subject, kind, value, opening=True)


def add_identifier(ledger: Ledger, subject: str, kind: str, value: str) -> str:
    """Let an identifier name a subject; return whom it names (another, if it was theirs already)."""
    return find_subject(ledger, kind, value) or _name(ledger, subject, kind, value, opening=False)


def unlisted(ledger: Ledger, named: Sequence[tuple[str, str]]) -> str:
    """Open a subject whom no identifier leads to: somebody another controller named to us as its processor.

    Whoever is known to us under the same address as controllers ourselves stays apart from them.

    Law: GDPR Art. 28(3)(a), Art. 5(1)(b).
    """
    subject = secrets.token_hex(10)
    key, secret = keys.key_for(ledger, subject, "identifiers")
    with ledger.writing() as connection:
        for kind, value in named:
            row = secrets.token_hex(12)
            plain = json.dumps([kind, value], ensure_ascii=False).encode()
            store(connection, row, subject, "identifiers", "identifier", key, lock(secret, row, plain))
        draft = Draft("subject_opened", f"subject/{subject}", {"subject": subject}, subject=subject)
        append.append_within(connection, ledger, [draft], [None])
    return subject


def _name(ledger: Ledger, subject: str, kind: str, value: str, *, opening: bool) -> str:
    version, mac = fingerprint(ledger, "requests", kind, value)
    key, secret = keys.key_for(ledger, subject, "identifiers")
    row = secrets.token_hex(12)
    plain = json.dumps([kind, value], ensure_ascii=False).encode()
    bound = {"domain": "requests", "kind": kind, "form": "exact", "version": version, "mac": mac}
    with ledger.writing() as connection:
        if connection.execute(FINGERPRINT, bound | {"subject": subject}).scalar() is None:
            return str(connection.execute(FIND, bound).scalar_one())  # somebody was quicker
        store(connection, row, subject, "identifiers", "identifier", key, lock(secret, row, plain))
        if opening:
            draft = Draft("subject_opened", f"subject/{subject}", {"subject": subject}, subject=subject)
            append.append_within(connection, ledger, [draft], [None])
    return subject


def identifiers(ledger: Ledger, subject: str) -> tuple[tuple[str, str], ...]:
    """Return every identifier known of a subject, as (kind, value), in the order they came."""
    statement = text("SELECT id FROM vault WHERE owner = :owner AND file = 'identifiers' ORDER BY id")
    with ledger.looking() as connection:
        rows = connection.execute(statement, {"owner": subject}).scalars().all()
    found = (json.loads(get(ledger, row)) for row in rows)
    return tuple(sorted((kind, value) for kind, value in found))


def disclosure_stream(
    ledger: Ledger, identifiers: Sequence[tuple[str, str]], *, opening: bool = False
) -> str | None:
    """Return the stream that holds what was disclosed about somebody; None where nothing was.

    It is named at random, and found by keyed hashes of a domain of their own: disclosures
    cannot be joined with requests or consents but by whoever knows the person.  `opening`
    makes one where there is none, and lets every identifier given find it.
    """
    found = None
    for kind, value in identifiers:
        for version, _ in keys.versions(ledger, "fingerprint/disclosure"):
            _, mac = fingerprint(ledger, "disclosure", kind, value, version=version)
            bound = {"domain": "disclosure", "kind": kind, "form": "exact", "version": version, "mac": mac}
            with ledger.looking() as connection:
                found = found or connection.execute(FIND, bound).scalar()
    if not opening:
        return str(found) if found else None
    stream = str(found) if found else f"disclosure/{secrets.token_hex(10)}"
    for kind, value in identifiers:
        version, mac = fingerprint(ledger, "disclosure", kind, value)
        bound = {"domain": "disclosure", "kind": kind, "form": "exact", "version": version, "mac": mac}
        with ledger.writing() as connection:
            if connection.execute(FINGERPRINT, bound | {"subject": stream}).scalar() is None and not found:
                found = stream = str(connection.execute(FIND, bound).scalar_one())  # somebody was quicker
    return stream


def forget_identifiers(ledger: Ledger, subject: str) -> None:
    """Remove the fingerprints by which a subject is found (with the key, the identifiers themselves), and say so."""
    with ledger.writing() as connection:
        gone = connection.execute(
            text("DELETE FROM fingerprints WHERE subject = :s AND domain = 'requests'"), {"s": subject}
        )
        if gone.rowcount:
            draft = Draft("subject_forgotten", f"subject/{subject}", {"subject": subject}, subject=subject)
            append.append_within(connection, ledger, [draft], [None])
