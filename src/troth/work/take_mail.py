"""Take mail in: kept whole and encrypted first, understood second, lost never.

A reply to one of our letters goes to its request; what no person wrote is put aside as
automatic; everything else waits for a person to sort it.  The clock of whatever it asks runs
from the moment our server took it, sorted or not.

Law: GDPR Art. 12(2), (3); law.md section 3.6.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, keys, read, vault
from troth.rules import mail as rules
from troth.rules import request
from troth.rules.event import Draft, Fact
from troth.rules.identifier import exact
from troth.rules.mail import Mail
from troth.work import request_file
from troth.work.project import Project

CHUNK_BYTES = 1 << 20


def fetch(project: Project) -> int:
    """Take in whatever lies in the inbox; return how many mails were new.

    Raises UnreachableError when the inbox does not answer; what was taken until then is kept.
    """
    inbox = project.inbox
    if inbox is None:
        return 0
    new = 0
    for item in inbox.items():
        new += take(project, item.raw, item.arrived_at) is not None
        item.done()
    return new


def take(project: Project, raw: bytes, arrived_at: datetime | None = None) -> str | None:
    """Take one mail in; return the id it has here, or None where it was taken before."""
    _, secret = keys.own_key(project.ledger, "mail")
    ident = hmac.digest(secret, sha256(raw).digest(), "sha256").hex()[:20]
    stream = f"mail/{ident}"
    if read.version(project.ledger, stream):
        return None
    found = rules.read(raw)
    arrived = min(arrived_at or found.arrived_at or project.clock(), project.clock())
    kept = vault.put_chunks(project.ledger, stream, "mail", "raw", _chunks(raw))
    facts: dict[str, Fact] = {
        "mail": ident, "bytes": len(raw), "automatic": found.automatic, "guess": list(rules.guess(found)),
        "kept_under": kept, "arrived_at": arrived.isoformat(),
    }  # fmt: skip
    payload: dict[str, Fact] = {"from": found.sender, "name": found.name, "subject": found.subject}
    drafts = [Draft("mail_received", stream, facts, payload=payload)]
    number = _thread(project, found)
    if number is not None and not found.automatic:
        drafts += reply(project, ident, found, number, staff="troth")
    elif found.automatic:
        drafts.append(sorting(ident, "automatic", "no person wrote it", "troth"))
    append.append(project.ledger, drafts, expect={stream: 0}, once=f"mail {ident}")
    return ident


def reply(project: Project, ident: str, mail: Mail, number: str, *, staff: str) -> list[Draft]:
    """Draft what makes a mail part of a request: that it was sorted so, and what it says."""
    found = request_file.load(project, number)
    asked = str(request_file.requester(project, number).get("email") or "")
    facts: dict[str, Fact] = {
        "channel": "email",
        "mail": ident,
        "same_address": bool(asked) and exact("email", asked) == exact("email", mail.sender),
    }
    text: dict[str, Fact] = {"text": rules.said(mail.text), "from": mail.sender}
    more = Draft(
        "said_more", found.stream, facts, **request_file.about(found), actor="requester", payload=text
    )
    return [sorting(ident, "reply", "it answers our letter", staff, number), more]


def sorting(ident: str, to: str, reason: str, staff: str, number: str | None = None, note: str = "") -> Draft:
    """Draft what became of a mail."""
    facts: dict[str, Fact] = {"mail": ident, "to": to, "reason": reason}
    payload: dict[str, Fact] | None = {"note": note} if note else None
    return Draft(
        "mail_sorted", f"mail/{ident}", facts, request=number, actor=staff, payload=payload, file="mail"
    )


def _thread(project: Project, mail: Mail) -> str | None:
    """Return the open request whose letter a mail answers; our letters are known by their ids."""
    for ident in mail.ids:
        number = request_file.by_thread(project, ident)
        if number is not None and request.is_open(request_file.load(project, number).state):
            return number
    return None


def _chunks(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), CHUNK_BYTES):
        yield raw[start : start + CHUNK_BYTES]


def find(project: Project, ident: str) -> str:
    """Return the whole id of a mail from its beginning; raises NotFoundError where it names none, or several."""
    known = [
        state.stream.partition("/")[2]
        for state in read.states(project.ledger, "mail")
        if state.stream.startswith(f"mail/{ident}")
    ]
    if len(known) != 1 or not ident:
        which = "There is no mail" if not known else "There are several mails"
        raise NotFoundError(f"{which} {ident[:20]!r}. `troth mail list` shows those that wait.")
    return known[0]


def opened(project: Project, ident: str, staff: str) -> tuple[Mail, bytes]:
    """Give a mail to a member of staff to read; that they did is recorded first."""
    stream = f"mail/{ident}"
    known = read.state(project.ledger, stream)
    if known is not None and known.body["status"] == "destroyed":
        raise NotAllowedError(
            f"The mail {ident[:8]} is destroyed: its time was over, or what hung on it was checked."
        )
    draft = Draft("staff_read", stream, {"staff": staff, "screen": "mail"}, actor=staff)
    received = read.stream(project.ledger, stream)[0]
    append.append(project.ledger, [draft])
    raw = b"".join(vault.get_chunks(project.ledger, str(received.facts["kept_under"])))
    return rules.read(raw), raw
