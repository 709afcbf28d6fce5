"""Verifying the whole ledger: any changed byte of any sealed event is found and named.

What is compared: every event with its leaf, every leaf with every checkpoint's root, every
checkpoint with its signature, every stream's versions, every payload's ciphertext with the
hash its event committed to, and every state with what its events fold to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import text

from troth.errors import TamperedError
from troth.ledger import listed, rebuild, seal
from troth.ledger.append import microseconds
from troth.ledger.note import Checkpoint, Verifier
from troth.ledger.schema import Ledger
from troth.rules import tree
from troth.rules.event import Event, decode

PAGE = 2000
FINDINGS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is not as it was written, and what it concerns."""

    what: str
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found."""

    sealed: int
    unsealed: int
    unsealed_seconds: float
    checkpoints: int
    root: bytes
    wrong: tuple[Wrong, ...]
    ciphertexts: int = 0

    @property
    def whole(self) -> bool:
        """Say whether everything is as it was written."""
        return not self.wrong


def verify(
    ledger: Ledger, *, outside: str | None = None, told: Callable[[int], object] = lambda _: None
) -> Verification:
    """Verify everything; `outside` is a checkpoint that was kept elsewhere.

    Memory does not grow with the ledger.
    """
    trusted = seal.verifiers(ledger)
    wrong: list[Wrong] = []
    roots: dict[int, bytes] = {}
    notes = _checkpoints(ledger, trusted, wrong)
    kept = _outside(outside, trusted, ledger.origin, wrong)
    wanted = set(notes) | ({kept.size} if kept else set())
    growing = tree.Growing()
    counts = {"ciphertexts": 0}
    for number, leaf, event_id, body in _leaves(ledger):
        if number != growing.size:
            wrong.append(Wrong(f"The leaves {growing.size} to {number - 1} are missing.", None))
        if body is None:
            wrong.append(Wrong("The event is missing: its leaf is there.", event_id))
        elif tree.leaf_hash(body) != leaf:
            wrong.append(Wrong("Its bytes are not those that were sealed.", event_id))
        growing.add(leaf)
        if growing.size in wanted:
            roots[growing.size] = growing.root()
        if growing.size % PAGE == 0:
            told(PAGE)
        if len(wrong) > FINDINGS_MAX:
            break
    for size, checkpoint in notes.items():
        if roots.get(size) != checkpoint.root:
            wrong.append(
                Wrong(f"The checkpoint of {size} events does not fit the leaves: some were changed.")
            )
    if kept is not None and kept.size > growing.size:
        missing = kept.size - growing.size
        wrong.append(
            Wrong(
                f"The checkpoint kept elsewhere covers {kept.size} events, and {missing} of them are not here: "
                "the ledger was rolled back, as by restoring an older backup."
            )
        )
    elif kept is not None and kept.size and roots.get(kept.size) != kept.root:
        wrong.append(Wrong(f"The first {kept.size} events are not those of the checkpoint kept elsewhere."))
    _check_nodes(ledger, growing.size, growing.root(), wrong)
    unsealed, oldest = _check_events(ledger, wrong, counts)
    _check_state(ledger, wrong)
    age = (microseconds(ledger.clock()) - oldest) / 1e6 if oldest else 0.0
    return Verification(
        growing.size, unsealed, age, len(notes), growing.root(), tuple(wrong), counts["ciphertexts"]
    )


def _checkpoints(ledger: Ledger, trusted: tuple[Verifier, ...], wrong: list[Wrong]) -> dict[int, Checkpoint]:
    found: dict[int, Checkpoint] = {}
    with ledger.reading() as connection:
        rows = connection.execute(text("SELECT size, note FROM checkpoints ORDER BY size")).all()
    for row in rows:
        try:
            checkpoint = Checkpoint.read(row.note, *trusted)
        except TamperedError as error:
            wrong.append(Wrong(f"The checkpoint of {row.size} events: {error}"))
            continue
        if checkpoint.size != row.size or checkpoint.origin != ledger.origin:
            wrong.append(Wrong(f"The checkpoint stored for {row.size} events is of another tree."))
            continue
        found[row.size] = checkpoint
    return found


def _outside(
    written: str | None, trusted: tuple[Verifier, ...], origin: str, wrong: list[Wrong]
) -> Checkpoint | None:
    if written is None:
        return None
    kept = Checkpoint.read(written, *trusted)
    if kept.origin != origin:
        wrong.append(Wrong("The checkpoint kept elsewhere is of another ledger."))
        return None
    return kept


def _leaves(ledger: Ledger) -> Iterator[tuple[int, bytes, str, bytes | None]]:
    statement = text(
        "SELECT l.number, l.hash, l.id, (SELECT e.body FROM events e WHERE e.id = l.id ORDER BY e.seq LIMIT 1) AS body "
        "FROM leaves l WHERE l.number > :after ORDER BY l.number LIMIT :page"
    )
    after = -1
    while True:
        with ledger.reading() as connection:
            page = connection.execute(statement, {"after": after, "page": PAGE}).all()
        for row in page:
            yield row.number, bytes(row.hash), row.id, None if row.body is None else bytes(row.body)
        if len(page) < PAGE:
            return
        after = page[-1].number


def _check_nodes(ledger: Ledger, size: int, root: bytes, wrong: list[Wrong]) -> None:
    """The stored inner nodes, from which proofs are made, must give the root that the leaves give."""
    if not size:
        return
    with ledger.reading() as connection:
        try:
            found = tree.root(size, lambda level, number: seal.stored_node(connection, level, number))
        except Exception as error:  # a node is missing, whatever the driver calls it
            wrong.append(Wrong(f"The stored tree is incomplete ({type(error).__name__})."))
            return
    if found != root:
        wrong.append(Wrong("The stored tree does not give the root that the leaves give."))


def _check_events(ledger: Ledger, wrong: list[Wrong], counts: dict[str, int]) -> tuple[int, int | None]:
    """Every event is sealed or waiting, once, in its place in its stream, with its payload as committed."""
    statement = text(
        "SELECT e.seq, e.id, e.at_us, e.kind, e.stream, e.version, e.subject, e.request, e.body, l.number, "
        "l.hash, u.seq AS waiting, v.ciphertext "
        "FROM events e LEFT JOIN leaves l ON l.id = e.id LEFT JOIN unsealed u ON u.seq = e.seq "
        "LEFT JOIN vault v ON v.id = e.id WHERE e.seq > :after ORDER BY e.seq LIMIT :page"
    )
    after, unsealed, oldest = 0, 0, None
    named = {found.event for found in wrong}
    while len(wrong) <= FINDINGS_MAX:
        with ledger.reading() as connection:
            page = connection.execute(statement, {"after": after, "page": PAGE}).all()
        for row in page:
            if row.number is None and row.waiting is None:
                wrong.append(Wrong("It is neither sealed nor waiting to be: it was put in by hand.", row.id))
            elif (
                row.number is not None and row.id not in named and tree.leaf_hash(bytes(row.body)) != row.hash
            ):
                wrong.append(Wrong("It bears the id of a sealed event and is another one.", row.id))
            if row.waiting is not None:
                unsealed += 1
                oldest = row.at_us if oldest is None else min(oldest, row.at_us)
            try:
                event = decode(bytes(row.body))
            except TamperedError as error:
                wrong.append(Wrong(str(error), row.id))
                continue
            if not _same(event, row):
                wrong.append(Wrong("Its columns do not say what its bytes say.", row.id))
            if event.payload_sha256 is not None:
                counts["ciphertexts"] += 1
                if row.ciphertext is None:
                    wrong.append(Wrong("Its encrypted payload is missing.", row.id))
                elif sha256(bytes(row.ciphertext)).hexdigest() != event.payload_sha256:
                    wrong.append(Wrong("Its encrypted payload is not the one it was written with.", row.id))
        if len(page) < PAGE:
            break
        after = page[-1].seq
    wrong.extend(_check_versions(ledger))
    return unsealed, oldest


def _same(event: Event, row: object) -> bool:
    columns = ("id", "kind", "stream", "version", "subject", "request")
    return all(getattr(event, name) == getattr(row, name) for name in columns) and microseconds(
        event.at
    ) == getattr(row, "at_us", None)


def _check_versions(ledger: Ledger) -> Iterator[Wrong]:
    """The versions of each stream must run from 1 to its head without a gap."""
    statement = text(
        "SELECT h.stream, h.version, count(e.id) AS events, coalesce(max(e.version), 0) AS last, "
        "count(DISTINCT e.version) AS different FROM heads h LEFT JOIN events e ON e.stream = h.stream "
        "GROUP BY h.stream, h.version"
    )
    with ledger.reading() as connection:
        for row in connection.execute(statement):
            if not row.version == row.events == row.last == row.different:
                yield Wrong(
                    f"The stream {row.stream} should have events 1 to {row.version}, and has {row.events} "
                    f"up to {row.last}."
                )
        orphans = text("SELECT DISTINCT stream FROM events WHERE stream NOT IN (SELECT stream FROM heads)")
        for stream in connection.execute(orphans).scalars():
            yield Wrong(f"The stream {stream} has events and no head.")


def _check_state(ledger: Ledger, wrong: list[Wrong]) -> None:
    """Each stored state must be what the events fold to, byte for byte."""
    statement = text("SELECT stream, family, version, status, due, body FROM state WHERE stream = :stream")
    streams = 0
    try:
        for row in rebuild.refolded(ledger):
            streams += 1
            with ledger.reading() as connection:
                found = connection.execute(statement, {"stream": row["stream"]}).one_or_none()
            if found is None or dict(found._mapping) != row:
                if found is not None and found.version > int(str(row["version"])):
                    continue  # written while we were looking
                wrong.append(
                    Wrong(
                        f"The state of {row['stream']} is not what its events say. `troth ledger rebuild` mends it."
                    )
                )
    except TamperedError:
        return  # the event that cannot be read is named already
    with ledger.reading() as connection:
        stored = connection.execute(text("SELECT count(*) FROM state")).scalar_one()
        heads = connection.execute(text("SELECT count(*) FROM heads WHERE version > 0")).scalar_one()
    if stored > max(heads, streams):
        wrong.append(
            Wrong("There are states of streams in which nothing happened. `troth ledger rebuild` mends it.")
        )
    if unlike := listed.wrong(ledger):
        wrong.append(
            Wrong(
                f"The list of requests is not what the states of {unlike} of them say: an older Troth may have "
                "written beside this one. `troth ledger rebuild` mends it."
            )
        )


def verify_export(lines: Iterator[bytes], *trusted: Verifier) -> Verification:
    """Verify an exported ledger, which needs neither network nor database.

    The first line says whose it is, then one event a line in the order of the leaves, and
    at last the checkpoint.
    """
    head = _json(next(lines, b""))
    own = head.get("keys", [])
    believed = trusted or tuple(Verifier.read(str(one)) for one in (own if isinstance(own, list) else []))
    growing = tree.Growing()
    wrong: list[Wrong] = []
    checkpoint: Checkpoint | None = None
    for line in lines:
        told = _json(line)
        if "checkpoint" in told:
            checkpoint = Checkpoint.read(str(told["checkpoint"]), *believed)
            break
        growing.add(tree.leaf_hash(str(told.get("event", "")).encode()))
    if checkpoint is None:
        wrong.append(Wrong("The export has no checkpoint at its end: it was cut short."))
    elif (checkpoint.size, checkpoint.root) != (growing.size, growing.root()):
        wrong.append(
            Wrong(f"The {growing.size} events here are not the {checkpoint.size} of the checkpoint.")
        )
    return Verification(growing.size, 0, 0.0, 1 if checkpoint else 0, growing.root(), tuple(wrong))


def _json(line: bytes) -> dict[str, object]:
    try:
        told = json.loads(line)
    except ValueError:
        raise TamperedError("A line of this export is not JSON.") from None
    if not isinstance(told, dict):
        raise TamperedError("A line of this export is not an object.")
    return told
