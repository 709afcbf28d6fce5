"""Destroyable truth: payloads, identifiers, letters and packages, encrypted under keys.

Everything here is ciphertext bound to its own id, so that rows cannot be swapped.

Law: GDPR Arts. 25, 32(1)(a).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, text

from troth.errors import NotFoundError, TamperedError
from troth.ledger import keys
from troth.ledger.each import for_each
from troth.ledger.schema import Ledger
from troth.rules.event import Event

NONCE_BYTES = 12
CHUNK_BYTES = 1 << 20

_STORE = text("INSERT INTO vault VALUES (:id, :owner, :file, :name, :key, :ciphertext)")
_GET = text("SELECT id, key, name, ciphertext FROM vault WHERE id = :id")


def lock(key: bytes, name: str, plain: bytes) -> bytes:
    """Encrypt bytes, bound to a name."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, name.encode())


def unlock(key: bytes, name: str, sealed: bytes) -> bytes:
    """Decrypt bytes; raises TamperedError when they are not what was stored under that name."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except InvalidTag:
        raise TamperedError(f"What the vault holds under {name[:40]} is not what was stored there.") from None


def store(
    connection: Connection, row_id: str, owner: str, file: str, name: str, key: str, sealed: bytes
) -> None:
    """Write a row of ciphertext inside an open transaction (for the ledger's own modules)."""
    store_all(connection, [row(row_id, owner, file, name, key, sealed)])


def row(row_id: str, owner: str, file: str, name: str, key: str, sealed: bytes) -> dict[str, object]:
    """Return a row of ciphertext to be stored."""
    return {"id": row_id, "owner": owner, "file": file, "name": name, "key": key, "ciphertext": sealed}


def store_all(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Write rows of ciphertext inside an open transaction (for the ledger's own modules)."""
    for_each(connection, _STORE, rows)


def payload(ledger: Ledger, event: Event) -> Mapping[str, Any]:
    """Return the payload of an event, empty where it has none.

    Raises KeyDestroyedError after an erasure, TamperedError when the ciphertext was changed.
    """
    if event.key is None:
        return {}
    read: Mapping[str, Any] = json.loads(get(ledger, event.id))
    return read


def put(ledger: Ledger, owner: str, file: str, name: str, plain: bytes) -> str:
    """Keep bytes under the key of (owner, file); return the id they are found by again."""
    key, secret = keys.key_for(ledger, owner, file)
    row = secrets.token_hex(12)
    with ledger.writing() as connection:
        store(connection, row, owner, file, name, key, lock(secret, row, plain))
    return row


def put_chunks(ledger: Ledger, owner: str, file: str, name: str, chunks: Iterator[bytes]) -> str:
    """Keep a long stream in rows of bounded size; return the id of the whole.

    A stream that was cut short leaves rows nothing refers to, and no id.
    """
    key, secret = keys.key_for(ledger, owner, file)
    whole = secrets.token_hex(12)
    rows = []
    for number, chunk in enumerate(chunks):
        rows.append(f"{whole}.{number}")
        with ledger.writing() as connection:
            store(connection, rows[-1], owner, file, name, key, lock(secret, rows[-1], chunk))
    with ledger.writing() as connection:
        index = lock(secret, whole, json.dumps({"chunks": len(rows)}).encode())
        store(connection, whole, owner, file, name, key, index)
    return whole


def get(ledger: Ledger, row: str) -> bytes:
    """Return the bytes kept under an id; raises NotFoundError, KeyDestroyedError or TamperedError."""
    with ledger.looking() as connection:
        found = connection.execute(_GET, {"id": row}).one_or_none()
    if found is None:
        raise NotFoundError("The vault holds nothing under that id.")
    return unlock(keys.open_key(ledger, found.key), row, bytes(found.ciphertext))


def get_chunks(ledger: Ledger, whole: str) -> Iterator[bytes]:
    """Yield a long stream again, chunk by chunk."""
    for number in range(json.loads(get(ledger, whole))["chunks"]):
        yield get(ledger, f"{whole}.{number}")


def holds(ledger: Ledger, owner: str, file: str) -> bool:
    """Say whether anything is kept in one file of an owner."""
    statement = text("SELECT 1 FROM vault WHERE owner = :owner AND file = :file LIMIT 1")
    with ledger.looking() as connection:
        return connection.execute(statement, {"owner": owner, "file": file}).scalar() is not None


def drop_file(ledger: Ledger, owner: str, file: str) -> None:
    """Remove everything kept in one file of an owner; saying it twice does no more."""
    with ledger.writing() as connection:
        connection.execute(
            text("DELETE FROM vault WHERE owner = :owner AND file = :file"), {"owner": owner, "file": file}
        )


def drop(ledger: Ledger, row: str) -> None:
    """Remove what is kept under an id, with its chunks; saying it twice does no more."""
    with ledger.writing() as connection:
        drop_within(connection, row)


def drop_within(connection: Connection, row: str) -> None:
    """Remove what is kept under an id inside an open transaction."""
    connection.execute(
        text("DELETE FROM vault WHERE id = :id OR id LIKE :chunks"), {"id": row, "chunks": f"{row}.%"}
    )
