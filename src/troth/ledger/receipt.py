"""Receipts: a signed promise that an event is in the ledger, and later the proof of it.

A receipt is a JSON file that anyone can verify without network: the event's bytes, the
signature over their hash, and, once sealed, the path to a signed checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import bindparam, text

from troth.errors import NotAllowedError, TamperedError
from troth.ledger import keys, note, read, seal
from troth.ledger.note import Checkpoint, Verifier
from troth.ledger.schema import Ledger
from troth.rules import tree
from troth.rules.event import Event, decode

FORMAT = "troth receipt 1"
_SEALED = text(
    "SELECT id FROM leaves WHERE id IN :ids AND number < (SELECT coalesce(max(size), 0) FROM checkpoints)"
).bindparams(bindparam("ids", expanding=True))


@dataclass(frozen=True, slots=True)
class Received:
    """What a verified receipt says: the event, and whether its place in the tree is proven."""

    event: Event
    sealed: bool
    size: int | None
    signer: str


def receipt(ledger: Ledger, event_id: str) -> bytes:
    """Write the receipt of an event: with its proof when it is sealed, a promise alone before."""
    body = read.event_body(ledger, event_id)
    _, secret = keys.own_key(ledger, seal.PURPOSE)
    hashed = tree.leaf_hash(body)
    told: dict[str, Any] = {
        "format": FORMAT,
        "event": body.decode(),
        "promise": note.signed(_promise(ledger.origin, event_id, hashed), ledger.origin, secret),
        "keys": [str(one) for one in seal.verifiers(ledger)],
    }
    with ledger.reading() as connection:
        place = connection.execute(
            text("SELECT number FROM leaves WHERE id = :id"), {"id": event_id}
        ).scalar()
        written = None
        if place is not None:
            found = text("SELECT note FROM checkpoints WHERE size > :place ORDER BY size LIMIT 1")
            written = connection.execute(found, {"place": place}).scalar()
        if place is not None and written is not None:
            size = int(written.splitlines()[1])
            path = tree.inclusion(int(place), size, partial(seal.stored_node, connection))
            told["place"] = int(place)
            told["path"] = [base64.b64encode(step).decode() for step in path]
            told["checkpoint"] = written
    return json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n"


def sealed(ledger: Ledger, event_ids: Sequence[str]) -> frozenset[str]:
    """Return those of these events that a checkpoint covers: their receipts hold the proof, and not a promise alone."""
    if not event_ids:
        return frozenset()
    with ledger.looking() as connection:
        return frozenset(map(str, connection.execute(_SEALED, {"ids": list(event_ids)}).scalars()))


def _promise(origin: str, event_id: str, hashed: bytes) -> str:
    return f"{origin}/promise\n{event_id}\n{base64.b64encode(hashed).decode()}\n"


def verify(written: bytes, *trusted: Verifier) -> Received:
    """Verify a receipt; without `trusted` keys, those it names itself are believed.

    Raises TamperedError when anything does not fit, NotAllowedError when it is no receipt.
    """
    told = _told(written)
    believed = trusted or tuple(Verifier.read(one) for one in told["keys"])
    body = str(told["event"]).encode()
    event = decode(body)
    hashed = tree.leaf_hash(body)
    promise = note.opened(str(told["promise"]), *believed)
    origin = promise.splitlines()[0].removesuffix("/promise")
    if promise != _promise(origin, event.id, hashed):
        raise TamperedError(
            f"The event {event.id} in this receipt is not the one that was promised: it was changed."
        )
    if "checkpoint" not in told:
        return Received(event, sealed=False, size=None, signer=origin)
    sealed = Checkpoint.read(str(told["checkpoint"]), *believed)
    try:
        path = [base64.b64decode(step, validate=True) for step in told["path"]]
        place = int(told["place"])
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise TamperedError("The path in this receipt cannot be read.") from None
    if sealed.origin != origin or not tree.included(hashed, place, sealed.size, path, sealed.root):
        raise TamperedError(
            f"The path in this receipt does not lead from event {event.id} to its checkpoint."
        )
    return Received(event, sealed=True, size=sealed.size, signer=origin)


def _told(written: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(written)
    except ValueError:
        raise NotAllowedError("This is no receipt: it is not JSON.") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise NotAllowedError("This is no receipt: it does not say that it is one.")
    missing = [name for name in ("event", "promise", "keys") if name not in told]
    if missing:
        raise TamperedError(f"This receipt lacks {', '.join(missing)}.")
    return told
