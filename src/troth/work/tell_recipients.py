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

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from troth.ledger import append, keys, read
from troth.ledger.lease import Lease
from troth.outside.mail import Letter
from troth.policy.promise import Recipient
from troth.rules import letter
from troth.rules.event import Draft, Event, Fact
from troth.work import disclose, request_file, send_letter, tell_by_api
from troth.work.establishment import day_here
from troth.work.project import Project

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
CHOICES = frozenset({"objection", "withdrawal"})
SETTLED = frozenset({"told", "not_told", "task", "excuse_proposed"})
"""What became of a recipient that Troth does not try again by itself."""


def concerned(project: Project, claim: str, number: str) -> tuple[Recipient, ...]:
    """Return the recipients to tell: they received what was changed, or serve the purposes that stop."""
    found = request_file.load(project, number)
    told = found.claim(claim)
    known = project.policy.recipients
    if ACTIONS.get(str(told["right"])) in CHOICES:
        serving = {str(name) for one in told["purposes"] for name in project.policy.purposes[one].recipients}
        serving |= _recorded(project, found, tuple(told["purposes"]))
        to = [one for one in known.values() if str(one.key) in serving and one.role != "not_a_recipient"]
        return tuple(sorted(to, key=lambda one: one.class_ != "marketing"))
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
    recorded = _recorded(project, found) if erased else set()
    return tuple(
        one
        for one in known.values()
        if one.role != "not_a_recipient"
        and (one.key in recorded or _received(project.policy.received_by(one), erased, public=one.public))
    )


def _recorded(
    project: Project, found: request_file.RequestFile, purposes: tuple[str, ...] | None = None
) -> set[str]:
    """Return the recipients to whom something about this person is on record, for these purposes or for any."""
    made = disclose.disclosed(project, request_file.who(project, found).identifiers)
    return {
        str(event.facts["recipient"])
        for event in made
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
        outcome, reason, payload = _tell(project, number, claim, recipient, action)
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
    project: Project, number: str, claim: str, recipient: Recipient, action: str
) -> tuple[str, str, dict[str, Fact] | None]:
    """Return the outcome, its reason code, and the message for the vault."""
    how = recipient.notify
    language = project.policy.language
    if how is None:
        return "task", "no way is declared", None
    if how.by == "nothing":
        return "not_told", how.because.said("en") if how.because else "not owed", None
    if how.by == "itself":
        return "told", "reads our data itself", None
    if how.by == "api":
        return tell_by_api.tell(project, number, claim, recipient, action)
    if how.by != "email" or not how.address:
        return "task", f"by {how.by}", None
    state = request_file.load(project, number).state
    chosen = action in CHOICES
    scope = purposes_said(project, state["claims"][claim]["purposes"], language) if chosen else ""
    fields: dict[str, object] = {
        **send_letter.common(project, number, language),
        "recipient": recipient.title.said(language),
        "action": letter.phrase(action, language),
        "scope": scope or _scope(project, recipient, language),
        "on": send_letter.day(day_here(project).isoformat(), language),
        "token": _token(project, recipient.key, str(state["subject"])),
    }
    written = letter.write("recipient_choice" if chosen else "recipient", language, fields)
    sent = project.mailer.send(Letter(how.address, written.subject, written.text, language))
    outcome = "told" if sent.outcome == "sent" else "failed"
    return outcome, "", {"to": how.address, "text": written.text, "proof": sent.proof}


def purposes_said(project: Project, names: Iterable[str], language: str) -> str:
    """Say purposes of the policy in its own words, in one line."""
    known = project.policy.purposes
    return "; ".join(known[name].does.said(language) for name in names if name in known)


def _scope(project: Project, recipient: Recipient, language: str) -> str:
    known = project.policy.categories
    titles = [(name, known[name].title if name in known else None) for name in recipient.categories]
    return ", ".join(title.said(language) if title else str(name) for name, title in titles) or letter.phrase(
        "everything", language
    )


def _token(project: Project, recipient: str, subject: str) -> str:
    """Name a person between us and one recipient, so that two recipients cannot join what they got."""
    _, secret = keys.own_key(project.ledger, "fingerprint/disclosure")
    return hmac.digest(secret, f"{recipient}/{subject}".encode(), "sha256").hex()[:20]
