"""Tell a person who received their data: by name, not by category.

The recipients are those to whom a disclosure about this person is on record, and those the
policy names for the categories that are really held, found by looking; each with the parties
known by name.  Whoever is on record and not in the policy is named as it was recorded.

Law: GDPR Art. 15(1)(c), Art. 19; Case C-154/21 (actual recipients, on request).
"""

from __future__ import annotations

from troth.policy.promise import Recipient
from troth.rules.letter import phrase
from troth.rules.package import CREDENTIAL
from troth.stores.contract import Who
from troth.work import disclose, read_disclosures, request_file
from troth.work.project import Project

_INSIDE = frozenset({"staff"})


def list_recipients(project: Project, number: str, claim: str) -> None:
    """Look up who received this person's data, and keep the list for the answer."""
    found = request_file.load(project, number)
    if found.claim(claim)["done"]:
        return
    request_file.move(project, number, "claim_done", claim, note=said(project, found))


def said(project: Project, found: request_file.RequestFile) -> str:
    """Say who received this person's data, in lines of the answer."""
    language = str(found.state["language"])
    lines = [
        phrase("held_by", language, recipient=one.title.said(language), names=_names(one, language))
        for one in received(project, found)
    ]
    beyond = {name for _, name, _ in disclose.outside(project, request_file.who(project, found).identifiers)}
    lines += sorted(beyond)
    return "\n".join(lines or [phrase("held_by_nobody", language)])


def received(project: Project, found: request_file.RequestFile) -> tuple[Recipient, ...]:
    """Return the recipients of the categories held of whoever a request is about."""
    return received_about(project, request_file.who(project, found))


def received_about(project: Project, who: Who) -> tuple[Recipient, ...]:
    """Return the recipients of the categories held of a person, and those to whom a disclosure is on record."""
    held: set[str] = set()
    for name, store in project.stores.items():
        tables = project.maps[name].tables
        seen = {row.table for row in store.find([who])}
        held |= {category for table in seen if table in tables for category in tables[table].columns.values()}
    held -= {CREDENTIAL}
    read_disclosures.of_subject(project, who)
    recorded = {event.facts["recipient"] for event in disclose.disclosed(project, who.identifiers)}
    return tuple(
        one
        for one in project.policy.recipients.values()
        if one.role != "not_a_recipient"
        and one.class_ not in _INSIDE
        and (one.key in recorded or (held and _may_have(project, one, held)))
    )


def _may_have(project: Project, one: Recipient, held: set[str]) -> bool:
    received = project.policy.received_by(one)
    return bool(received & held) or (one.public and not received)


def _names(one: Recipient, language: str) -> str:
    named = [f"{party.name} ({party.country})" for party in one.named]
    return ", ".join(named) or (one.does.said(language) if one.does else one.title.said(language))
