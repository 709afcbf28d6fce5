"""Review a channel by which data comes in: who answers for it, what people meet there, what shows it.

What is shown (a screenshot, a photograph, the printed form) is kept encrypted; its hash stands
in the event for ever.

Law: GDPR Art. 5(2), Art. 13(1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger import append, read, vault
from troth.policy.reading import did_you_mean
from troth.rules import collection, own_record
from troth.rules.collection import CHANNEL_FAMILY
from troth.rules.event import Draft, Event
from troth.work.establishment import day_here
from troth.work.project import Project

PROOF_BYTES_MAX = 25 << 20
OWNER_MAX = 200


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A channel of the policy with its last review; empty where there is none."""

    channel: str
    collection: str
    owner: str = field(default="", repr=False)
    notice: str = ""
    on: str = ""
    proof_sha256: str = ""
    event: str = ""


def review(
    project: Project, channel: str, *, owner: str, notice: str, proof: Path, on: date, staff: str
) -> Event:
    """Record a review by a file on this machine; raises NotAllowedError with all that is wrong."""
    if not proof.is_file():
        raise NotAllowedError(
            f"There is no file {proof.name!r}. Give what shows the notice: a screenshot, a photograph, the form."
        )
    body = proof.read_bytes() if proof.stat().st_size <= PROOF_BYTES_MAX else None
    return record(
        project, channel, owner=owner, notice=notice, name=proof.name, body=body, on=on, staff=staff
    )


def record(
    project: Project,
    channel: str,
    *,
    owner: str,
    notice: str,
    name: str,
    body: bytes | None,
    on: date,
    staff: str,
) -> Event:
    """Record a review; saying the same again records no more.  A body that is too large to be read is None.

    Raises NotAllowedError with all that is wrong.
    """
    known = collection.channels(project.policy)
    wrong = []
    if channel not in known:
        near = did_you_mean(channel, list(known))
        wrong.append(f"The policy has no channel {channel[:40]!r}, and its list is closed. {near}")
    if not 0 < len(owner.strip()) <= OWNER_MAX:
        wrong.append("Say who answers for the channel, in a few words, such as the name of a team.")
    if not notice.strip() or len(notice) > 40:
        wrong.append("Say which version of the notice people meet there.")
    if on > day_here(project):
        wrong.append(f"A review cannot have been made on {on}, which is still to come.")
    if not body or len(body) > PROOF_BYTES_MAX:
        wrong.append(f"{name!r} is empty, or larger than {PROOF_BYTES_MAX >> 20} MB.")
    if wrong or not body:
        raise NotAllowedError(" ".join(wrong))
    digest, stream = sha256(body).hexdigest(), f"{CHANNEL_FAMILY}/{channel}"
    once = f"channel {channel} {notice.strip()} {on} {digest} {owner.strip()}"
    told = read.said(project.ledger, once := f"channel {sha256(once.encode()).hexdigest()}")
    if told:
        return told[0]
    file = own_record.dated("channel", project.clock().date())
    kept = vault.put_chunks(project.ledger, stream, file, "proof", _chunks(body))
    facts = {
        "channel": channel, "notice_version": notice.strip(), "on": on.isoformat(), "proof_sha256": digest,
    }  # fmt: skip
    payload = {"owner": owner.strip(), "proof": kept, "name": name}
    draft = Draft("channel_reviewed", stream, facts, actor=staff, payload=payload, file=file)
    return append.append(project.ledger, [draft], once=once)[0]


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), vault.CHUNK_BYTES):
        yield body[start : start + vault.CHUNK_BYTES]


def reviews(project: Project) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return the reviews of every channel, the oldest first."""
    return {
        str(state.body["channel"]): state.body["reviews"]
        for state in read.states(project.ledger, CHANNEL_FAMILY)
    }


def every(project: Project) -> tuple[Reviewed, ...]:
    """Return every channel of the policy, those without a review too."""
    known = reviews(project)
    return tuple(
        _reviewed(project, name, str(each.key), known.get(name, ()))
        for name, (each, channel) in collection.channels(project.policy).items()
        if channel is not None
    )


def _reviewed(project: Project, name: str, collected: str, told: Sequence[Mapping[str, Any]]) -> Reviewed:
    if not told:
        return Reviewed(name, collected)
    last = told[-1]
    try:
        owner = str(
            vault.payload(project.ledger, read.event(project.ledger, str(last["event"]))).get("owner", "")
        )
    except KeyDestroyedError:
        owner = ""
    return Reviewed(
        name, collected, owner, str(last["notice_version"]), str(last["on"]), str(last["proof_sha256"]),
        str(last["event"]),
    )  # fmt: skip


def proof(project: Project, channel: str) -> tuple[str, Iterator[bytes]]:
    """Return the name and the bytes of what the last review of a channel was shown; raises NotFoundError."""
    told = reviews(project).get(channel, ())
    if not told:
        raise NotFoundError(f"The channel {channel[:40]!r} was never reviewed.")
    payload = vault.payload(project.ledger, read.event(project.ledger, str(told[-1]["event"])))
    return str(payload["name"]), vault.get_chunks(project.ledger, str(payload["proof"]))
