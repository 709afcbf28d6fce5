"""Tell every recipient what happened to data it received: erased, or no longer to be used for a purpose.

They are told whether the policy promises it or not: the law does.

Whom: for an erasure, those to whom a disclosure about the person is on record, and the
recipients the policy names for the categories that were erased; for an objection or a
withdrawal, those it names for the purposes, marketing recipients first.  Those it says need
not be told are left out, with its reason.  A recipient that cannot be told by mail becomes a
task for staff; what became of each is recorded, and the person learns it on request.

Law: GDPR Art. 19; Arts. 5(2), 24, 28(3)(e); Cases C-154/21, C-129/21.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from troth.ledger import append, read
from troth.ledger.lease import Lease
from troth.policy.promise import Recipient
from troth.rules.event import Draft, Event, Fact
from troth.rules.telling import Reach, Word
from troth.work import disclose, request_file, send_letter, send_word, told_before
from troth.work.project import Project
from troth.work.record_consent import Identifiers
from troth.work.send_word import CHOICES

TRIES_MAX = 8
"""Four hours: longer than that, nobody's answer waits for a recipient's mail server."""


ACTIONS = {
    "erase": "erasure",
    "rectify": "rectification",
    "complete": "rectification",
    "restrict": "restriction",
    "object": "objection",
    "object_marketing": "objection",
    "withdraw": "withdrawal",
}
"""What recipients are told of, by the right that was used."""
ROLES = frozenset({"controller", "joint_controller", "processor"})
SETTLED = frozenset({"told", "not_told", "task", "excuse_proposed"})
"""What became of a recipient that Troth does not try again by itself."""


def concerned(project: Project, claim: str, number: str) -> tuple[Recipient, ...]:
    """Return the recipients to tell: they received what was changed, or serve the purposes that stop."""
    found = request_file.load(project, number)
    told = found.claim(claim)
    known = project.policy.recipients
    if ACTIONS.get(str(told["right"])) in CHOICES:
        return holding(project, tuple(told["purposes"]), request_file.who(project, found).identifiers)
    erased: set[str] = set()
    for store, done in told["stores"].items():
        tables = project.maps[store].tables
        for table, verb, rows, _, _ in done.get("rows", []):
            if rows and verb in {"delete", "blank", "replace_owner"} and table in tables:
                erased |= set(tables[table].columns.values())
    for store, table, column in told.get("changed") or ():
        mapped = project.maps[store].tables.get(table) if store in project.maps else None
        if mapped is not None and column in mapped.columns:
            erased.add(mapped.columns[column])
    recorded = _recorded(project, request_file.who(project, found).identifiers) if erased else set()
    return tuple(
        one
        for one in known.values()
        if one.role != "not_a_recipient"
        and (one.key in recorded or _received(project.policy.received_by(one), erased, public=one.public))
    )


def holding(
    project: Project, purposes: tuple[str, ...], identifiers: Identifiers, *, roles: Collection[str] = ROLES
) -> tuple[Recipient, ...]:
    """Return who holds data of a person for these purposes, marketing recipients first.

    Those to whom a disclosure is on record, and those of these `roles` that the policy names for the purposes.
    """
    holders = _recorded(project, identifiers, purposes)
    named = {str(name) for one in purposes for name in project.policy.purposes[one].recipients}
    known = project.policy.recipients.values()
    holders |= {str(one.key) for one in known if str(one.key) in named and one.role in roles}
    to = [one for one in known if str(one.key) in holders and one.role != "not_a_recipient"]
    return tuple(sorted(to, key=lambda one: one.class_ != "marketing"))


def _recorded(
    project: Project, identifiers: Identifiers, purposes: tuple[str, ...] | None = None
) -> set[str]:
    """Return the recipients to whom something about a person is on record, for these purposes or for any."""
    return {
        str(event.facts["recipient"])
        for event in disclose.disclosed(project, identifiers)
        if purposes is None or event.facts["purpose"] in purposes
    }


def _received(declared: frozenset[str], erased: set[str], *, public: bool) -> bool:
    """Tell whether a recipient may have had what was erased; one of the notice that declares nothing may."""
    return bool(declared & erased) or (public and not declared)


def tell_recipients(
    project: Project,
    number: str,
    claim: str,
    *,
    lease: Lease | None = None,
    stop_at: Callable[[str], object] = lambda _: None,
) -> None:
    """Tell each recipient once; what failed is tried again when this is said again, and is a task at last."""
    found = request_file.load(project, number)
    if found.state.get("instruction"):
        return  # whom it gave its data to is the controller's to tell (GDPR Art. 19)
    action = ACTIONS[str(found.claim(claim)["right"])]
    if action == "erasure":
        _ask_others(project, number, claim, lease)
    _ask_beyond(project, number, claim, action, lease)
    for recipient in concerned(project, claim, number):
        found = request_file.load(project, number)
        if found.claim(claim)["recipients"].get(recipient.key) in SETTLED:
            continue
        failed = _failed(project, number, claim, recipient.key)
        if failed and project.clock() < send_letter.again_at(failed[-1].at, len(failed)):
            continue
        outcome, reason, payload = _tell(project, found, claim, recipient, action)
        if outcome == "failed" and len(failed) + 1 >= TRIES_MAX:
            outcome, reason = "task", "could not be told"
        facts: dict[str, Fact] = {
            "recipient": recipient.key, "action": action, "attempt": found.version, "outcome": outcome,
            "reason": reason, "claim": claim,
        }  # fmt: skip
        draft = Draft("recipient_notified", found.stream, facts, **request_file.about(found), payload=payload)
        once = None if outcome == "failed" else f"told {number} {claim} {recipient.key}"
        append.append(project.ledger, [draft], once=once, lease=lease)
        stop_at(f"told {recipient.key}")


def _ask_others(project: Project, number: str, claim: str, lease: Lease | None) -> None:
    """Give staff the task to tell whoever else has what we had made public (GDPR Art. 17(2))."""
    for place in made_public(project, request_file.load(project, number).claim(claim)):
        found = request_file.load(project, number)
        facts: dict[str, Fact] = {
            "recipient": place, "action": "erasure", "attempt": found.version, "outcome": "task",
            "reason": "made public", "claim": claim,
        }  # fmt: skip
        draft = Draft("recipient_notified", found.stream, facts, **request_file.about(found))
        append.append(project.ledger, [draft], once=f"told {number} {claim} {place}", lease=lease)


def _ask_beyond(project: Project, number: str, claim: str, action: str, lease: Lease | None) -> None:
    """Give staff the task to tell whoever has the data and is not, or no longer, in the policy."""
    found = request_file.load(project, number)
    told = found.claim(claim)
    if action not in CHOICES and not (told["stores"] or told.get("changed")):
        return
    beyond: dict[str, list[str]] = {}
    for key, name, purpose in disclose.outside(project, request_file.who(project, found).identifiers):
        if action not in CHOICES or purpose in told["purposes"]:
            beyond.setdefault(key, []).append(name)
    for key, names in beyond.items():
        found = request_file.load(project, number)
        facts: dict[str, Fact] = {
            "recipient": key, "action": action, "attempt": found.version, "outcome": "task",
            "reason": "not in the policy", "claim": claim,
        }  # fmt: skip
        draft = Draft(
            "recipient_notified", found.stream, facts, **request_file.about(found),
            payload={"names": sorted(set(names))},
        )  # fmt: skip
        append.append(project.ledger, [draft], once=f"told {number} {claim} {key}", lease=lease)


def made_public(project: Project, claim: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tables, as store.table, from which rows went that anybody could read."""
    return tuple(
        dict.fromkeys(
            f"{store}.{table}"
            for store, done in sorted(claim["stores"].items())
            for table, verb, rows, _, _ in done.get("rows", [])
            if rows and verb in {"delete", "blank", "replace_owner"}
            if store in project.maps
            and (mapped := project.maps[store].tables.get(table)) is not None
            and mapped.made_public
        )
    )


def place_said(project: Project, recipient: str) -> str:
    """Return where rows of a table could be read by anybody; empty where they could not."""
    store, _, table = recipient.partition(".")
    mapped = project.maps[store].tables.get(table) if store in project.maps else None
    return mapped.made_public if mapped is not None else ""


def all_told(project: Project, number: str, claim: str) -> bool:
    """Say whether no recipient is still to be told again."""
    return "failed" not in request_file.load(project, number).claim(claim)["recipients"].values()


def _failed(project: Project, number: str, claim: str, recipient: str) -> list[Event]:
    """Return the times when a recipient could not be told."""
    return [
        event
        for event in read.stream(project.ledger, f"request/{number}")
        if event.kind == "recipient_notified"
        and (event.facts.get("claim"), event.facts["recipient"]) == (claim, recipient)
        and event.facts["outcome"] == "failed"
    ]


def _tell(
    project: Project, found: request_file.RequestFile, claim: str, recipient: Recipient, action: str
) -> send_word.Went:
    """Tell a recipient, unless it was told of the same choice before."""
    choice = action in CHOICES
    stops = Reach(tuple(found.claim(claim)["purposes"])) if choice else None
    subject = str(found.state["subject"])
    if stops is not None and told_before.of_request(
        project, subject, found.number, stops, str(recipient.key)
    ):
        return "told", "told of it before", None
    word = Word(
        found.number, claim, action, subject, datetime.fromisoformat(found.state["received_at"]),
        request_file.who(project, found).identifiers, stops,
    )  # fmt: skip
    return send_word.send(project, recipient, word)
