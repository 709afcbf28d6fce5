"""Place, review and end legal holds, and say what they keep back of erasures.

Danger: what a hold kept back is erased once it has ended (`work/release.py`).

Law: GDPR Art. 17(3)(e), Art. 5(2).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger import append, listed, read, subjects, vault
from troth.rules import exemption
from troth.rules import hold as rules
from troth.rules.event import Draft, Fact
from troth.rules.hold import FAMILY, Hold
from troth.stores.contract import Replays, Who
from troth.work.establishment import day_here
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class HoldFile:
    """One hold as it stands."""

    stream: str
    version: int
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deferred:
    """What a hold keeps back of one erasure: in which store, for which claim of which request."""

    number: str
    claim: str
    store: str


def place(
    project: Project,
    matter: str,
    reason: str,
    review_on: date,
    staff: str,
    *,
    about: Sequence[tuple[str, str]] = (),
    what: Sequence[str] = (),
    entity: str = "",
    owner: str = "",
) -> HoldFile:
    """Place a hold on the data of those named `about` (everybody where nobody is), `what` of it or all.

    `owner` answers for it, and is written to before it is to be looked at again: whoever places it, if left out.

    Raises NotAllowedError with everything it lacks.
    """
    known = exemption.names(project.maps)
    owner = owner.strip() or staff
    wrong = list(rules.lacking(matter, reason, owner, review_on, what, known, day_here(project)))
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    named = [subjects.subject_for(project.ledger, kind, value) for kind, value in about]
    name = f"h{secrets.token_hex(4)}"
    group = project.policy.group
    scope: dict[str, Fact] = {"subjects": list(dict.fromkeys(named)), "what": list(dict.fromkeys(what))}
    facts: dict[str, Fact] = {
        "state": "placed",
        "hold": name,
        "scope_sha256": sha256(json.dumps(scope, sort_keys=True).encode()).hexdigest(),
        "review_on": review_on.isoformat(),
        "owner": owner,
        **scope,
    }
    draft = Draft(
        "hold_moved", f"{FAMILY}/{name}", facts, entity=entity or (str(group.main_entity.key) if group else ""),
        actor=staff, payload={"matter": matter.strip(), "reason": reason.strip()},
    )  # fmt: skip
    append.append(project.ledger, [draft], expect={draft.stream: 0})
    return load(project, name)


def load(project: Project, name: str) -> HoldFile:
    """Read a hold; raises NotFoundError where there is none of that name."""
    found = read.state(project.ledger, f"{FAMILY}/{name}")
    if found is None:
        raise NotFoundError(f"There is no hold {name[:20]!r}. `troth hold list` shows them.")
    return HoldFile(found.stream, found.version, found.body)


def every(project: Project) -> tuple[Mapping[str, Any], ...]:
    """Return every hold, the soonest to be looked at first and those that ended last."""
    return tuple(found.body for found in read.states(project.ledger, FAMILY))


def in_force(project: Project) -> tuple[Hold, ...]:
    """Return the holds that stand."""
    placed = read.states(project.ledger, FAMILY, status="placed")
    return tuple(rules.from_state(found.body) for found in placed)


def met(project: Project, standing: Sequence[Hold], who: Who) -> tuple[str, ...]:
    """Return whom rows of the stores name beside a subject: people go by several addresses, and one may be held.

    Nothing is read while no hold is about single people.
    """
    found = dict.fromkeys([who.subject])
    if any(one.subjects and who.subject not in one.subjects for one in standing):
        for opened in project.stores.values():
            for entry in opened.entries([who]) if isinstance(opened, Replays) else ():
                known = (subjects.find_subject(project.ledger, *one) for one in entry.identifiers)
                found |= dict.fromkeys(one for one in known if one)
    return tuple(found)


def covers(project: Project, name: str, identifiers: Sequence[tuple[str, str]], on: date) -> bool:
    """Say whether a hold of that name stood on a day and is about whom these identifiers name."""
    found = read.state(project.ledger, f"{FAMILY}/{name}")
    if found is None or str(found.body["ended_on"] or date.max) < on.isoformat():
        return False
    if date.fromisoformat(found.body["placed_on"]) > on + timedelta(days=1):  # it was placed in UTC
        return False
    standing = rules.from_state(found.body)
    known = [subjects.find_subject(project.ledger, *one) for one in identifiers]
    return not standing.subjects or any(one and standing.about(one) for one in known)


def told(project: Project, name: str) -> Mapping[str, Any]:
    """Return the matter and the reason of a hold; empty once they were erased."""
    first = read.stream(project.ledger, load(project, name).stream)[0]
    try:
        return vault.payload(project.ledger, first)
    except KeyDestroyedError:
        return {}


def review(
    project: Project, name: str, review_on: date, note: str, staff: str, *, owner: str = ""
) -> HoldFile:
    """Record that somebody looked at a hold, why it still stands, and when it is looked at again.

    `owner` answers for it from now on; whoever did, if left out.
    """
    found = _standing(project, name)
    wrong = list(rules.wrong_review(review_on, day_here(project)))
    wrong += rules.wrong_owner(owner) if owner.strip() else []
    wrong += [] if note.strip() else ["Say why the hold is still needed, in words."]
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    facts: dict[str, Fact] = {"review_on": review_on.isoformat()}
    facts |= {"owner": owner.strip()} if owner.strip() else {}
    _moved(project, found, "reviewed", facts, staff, {"note": note.strip()})
    return load(project, name)


def end(project: Project, name: str, reason: str, staff: str) -> HoldFile:
    """End a hold: what it kept back is erased by the next round of a worker."""
    found = _standing(project, name)
    if not reason.strip():
        raise NotAllowedError(
            "Say why the hold ends, in words: the matter is over, or the data is not needed."
        )
    _moved(project, found, "ended", {}, staff, {"reason": reason.strip()})
    return load(project, name)


def deferred(project: Project, name: str = "") -> Iterator[Deferred]:
    """Yield the erasures of which holds (or one of them) keep something back."""
    for number in listed.kept_back(project.ledger, name):
        found = read.state(project.ledger, f"request/{number}")
        assert found is not None
        for claim, body in found.body["claims"].items():
            for store, done in body["stores"].items():
                if done.get("deferred") and (not name or name in done["deferred"]):
                    yield Deferred(number, claim, store)


def keeps_back(state: Mapping[str, Any]) -> bool:
    """Say whether something of a request is still to be erased, once holds end."""
    return any(
        done.get("deferred") for claim in state["claims"].values() for done in claim["stores"].values()
    )


def due(project: Project) -> tuple[Deferred, ...]:
    """Return the erasures of which nothing is kept back by a hold that still stands, and something was."""
    standing = {one.name for one in in_force(project)}
    found = []
    for one in deferred(project):
        state = read.state(project.ledger, f"request/{one.number}")
        assert state is not None
        if not set(state.body["claims"][one.claim]["stores"][one.store]["deferred"]) & standing:
            found.append(one)
    return tuple(found)


def _standing(project: Project, name: str) -> HoldFile:
    found = load(project, name)
    if found.state["status"] != "placed":
        raise NotAllowedError(f"The hold {name} ended on {found.state['ended_on']}.")
    return found


def _moved(
    project: Project,
    found: HoldFile,
    state: str,
    more: Mapping[str, Fact],
    staff: str,
    payload: Mapping[str, Fact],
) -> None:
    first = read.stream(project.ledger, found.stream)[0]
    facts: dict[str, Fact] = {
        "state": state, "hold": found.state["name"], "scope_sha256": first.facts["scope_sha256"], **more,
    }  # fmt: skip
    draft = Draft(
        "hold_moved", found.stream, facts, entity=first.entity, actor=staff,
        payload=dict(payload),
    )  # fmt: skip
    append.append(project.ledger, [draft], expect={found.stream: found.version})
