"""Tell those who answer for the tables of a marked sweep what goes and from which day, while it can be stopped.

A map says of each table who decided what becomes of its rows (`by`).  They are told at marking, by
mail where `troth.toml` names their address; who has none there is named to the officer each day until
somebody says that they were told.  A letter that failed is sent again by the worker.

Sending comes first and recording second, so that a letter may go out twice where the process is
killed between the two, and none is lost.

Law: GDPR Art. 5(1)(e), Art. 5(2), Art. 24(1).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from troth.errors import NotAllowedError, NotFoundError, TrothError
from troth.ledger import append, lease, read
from troth.outside.mail import Letter
from troth.rules import letter, own_record, sweep
from troth.rules.event import Draft, Event, Fact
from troth.rules.letter import phrase
from troth.work import send_letter
from troth.work.project import Project

LOG = logging.getLogger("troth.sweeps")
FAMILY = "sweep_owner"
KIND = "sweep_owner"
OFFICER = "dpo"
"""Who needs no address of their own: the policy names the data protection officer's."""
LEASE_SECONDS = 300.0
_OVER = frozenset({"sent", "refused", "by_hand"})


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who answers for a table of a marked sweep; `outcome` is empty where nothing was tried yet."""

    name: str
    sweep: Mapping[str, Any]  # its state
    outcome: str = ""
    attempts: int = 0
    tried_at: datetime | None = None

    @property
    def of(self) -> str:
        """The name of the sweep."""
        return f"{self.sweep['store']}.{self.sweep['table']}.{str(self.sweep['rule']).rpartition('/')[2]}"

    @property
    def told(self) -> bool:
        """Whether they know, as far as anybody can."""
        return self.outcome in {"sent", "by_hand"}


def owners(project: Project) -> Iterator[Owner]:
    """Yield who answers for what of each marked sweep, and whether they were told."""
    for found in read.states(project.ledger, sweep.FAMILY, status="marked"):
        state = found.body
        mapped = project.maps.get(str(state["store"]))
        if mapped is None:
            continue
        tables = [str(state["table"]), *(str(one).rpartition(":")[0] for one in state["allowed"])]
        before: dict[str, list[Event]] = {}
        for event in read.stream(project.ledger, _stream(state)):
            before.setdefault(str(event.facts["letter"]), []).append(event)
        for name in sweep.owners(mapped, tables):
            tried = before.get(_mark(name), [])
            outcome = str(tried[-1].facts["outcome"]) if tried else ""
            yield Owner(name, state, outcome, len(tried), tried[-1].at if tried else None)


def tell(project: Project) -> int:
    """Write to every owner who is to be told now; return how many letters went out.

    Nothing while another process does it.  A letter that cannot be written holds up no other, nor whoever asks for
    them: it is logged without its owner, and said again it is tried again.
    """
    waiting: dict[str, list[Owner]] = {}
    for one in owners(project):
        if _is_due(project, one):
            waiting.setdefault(one.name, []).append(one)
    if not waiting:
        return 0
    taken = lease.claim(project.ledger, "sweep_owners", LEASE_SECONDS)
    if taken is None:
        return 0
    try:
        return sum(_told(project, name, mine, taken) for name, mine in waiting.items())
    finally:
        lease.release(project.ledger, taken)


def _told(project: Project, name: str, mine: list[Owner], taken: lease.Lease) -> int:
    try:
        return _tell(project, name, mine, taken)
    except Exception as error:  # one letter that cannot be written holds up no other
        LOG.error(
            "An owner could not be told of %s: %s", ", ".join(dict.fromkeys(one.of for one in mine)),
            error if isinstance(error, TrothError) else type(error).__name__,
        )  # fmt: skip
        return 0


def by_hand(project: Project, name: str, owner: str, proof: str, staff: str) -> int:
    """Record that somebody told an owner of a marked sweep; return of how many it was recorded.

    Raises NotFoundError where nobody of that name waits to be told of it, NotAllowedError without how it was done.
    """
    if not proof.strip():
        raise NotAllowedError("Say how they were told: by telephone on that day, in which meeting.")
    every = [one for one in owners(project) if one.of == name]
    mine = [one for one in every if one.name == owner and not one.told]
    if not mine:
        there = ", ".join(one.name for one in every if not one.told) or "nobody"
        raise NotFoundError(
            f"Nobody called {owner[:40]!r} waits to be told of {name[:60]!r}. There is: {there}."
        )
    for one in mine:
        append.append(
            project.ledger,
            [
                _draft(
                    one,
                    "by_hand",
                    "",
                    "",
                    staff,
                    proof.strip(),
                    own_record.dated("sweep", project.clock().date()),
                )
            ],
        )
    return len(mine)


def address(project: Project, name: str) -> str:
    """Return the address of an owner; empty where none is known."""
    officer = project.policy.group.dpo if project.policy.group else None
    own = officer.email if officer and name == OFFICER else None
    return project.settings.owners.get(name) or own or ""


def _is_due(project: Project, one: Owner) -> bool:
    if one.outcome in _OVER or (one.outcome == "no_address" and not address(project, one.name)):
        return False
    if one.outcome != "failed" or one.tried_at is None:
        return True
    again = send_letter.again_at(one.tried_at, one.attempts)
    return one.attempts < send_letter.ATTEMPTS_MAX and project.clock() >= again


def _tell(project: Project, name: str, mine: list[Owner], taken: lease.Lease) -> int:
    """Write one letter of all that somebody answers for, and record what became of it for each sweep."""
    mine = [
        now for now in owners(project) if now.name == name and _is_due(project, now)
    ]  # as it stands under the lease
    to, language = address(project, name), project.policy.language
    if not mine:
        return 0
    if not to:
        drafts = [_draft(one, "no_address", "", language, "troth") for one in mine]
        append.append(project.ledger, drafts, lease=taken)
        return 0
    fields: dict[str, object] = {
        "owner": name, "lines": [said(one, language) for one in mine], "dpo": send_letter.dpo(project, language),
        "organisation": send_letter.organisation(project, language),
    }  # fmt: skip
    written = letter.write(KIND, language, fields, send_letter.own_template(project, KIND, language))
    sent = project.mailer.send(Letter(to, written.subject, written.text, language))
    digest = sha256(written.text.encode()).hexdigest()
    drafts = [_draft(one, sent.outcome, digest, language, "troth") for one in mine]
    append.append(project.ledger, drafts, lease=taken)
    return int(sent.outcome == "sent")


def said(one: Owner, language: str) -> str:
    """Say in a sentence what goes with a sweep, from when, and how it is stopped."""
    state = one.sweep
    beside = (str(one).split(":")[0] for one in state.get("beside") or ())
    also = sorted({*(str(pair).rpartition(":")[0] for pair in state["allowed"]), *beside} - {state["table"]})
    moves = f"{state['table']}:archive" in state["allowed"]
    fields: dict[str, Any] = {
        "rows": state["rows"], "table": f"{state['store']}.{state['table']}", "rule": state["rule"], "sweep": one.of,
        "oldest": send_letter.day(state["oldest"], language) if state["oldest"] else "?",
        "on": send_letter.day(state["due"], language),
    }  # fmt: skip
    told = phrase("sweep_moved" if moves else "sweep_owned", language, **fields)
    return f"{told} {phrase('sweep_along', language, tables=', '.join(also))}" if also else told


def _draft(
    one: Owner, outcome: str, digest: str, language: str, staff: str, proof: str = "", file: str = ""
) -> Draft:
    facts: dict[str, Fact] = {
        "letter": _mark(one.name), "kind": KIND, "sha256": digest, "channel": "person" if proof else "email",
        "attempt": one.attempts + 1, "outcome": outcome, "language": language or None,
    }  # fmt: skip
    stream = _stream(one.sweep)
    return Draft(
        "letter_sent", stream, facts, actor=staff, promise=str(one.sweep["rule"]),
        payload={"proof": proof} if proof else None, file=file if proof else None,
    )  # fmt: skip


def _stream(state: Mapping[str, Any]) -> str:
    return f"{FAMILY}/{state['run']}"


def _mark(owner: str) -> str:
    """Name an owner in the ledger, where no name of anybody stands."""
    return f"owner-{sha256(owner.encode()).hexdigest()[:16]}"
