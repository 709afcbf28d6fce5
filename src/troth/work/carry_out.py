"""Say that a member of staff carried a claim out, and what they did, in words for the person.

Rectification, completion, restriction, a human review, directives for after death and
complaints are acts of people; Troth sees that they were decided, done, told and proven.

Law: GDPR Arts. 16, 18, 22(3); Loi 78-17 Arts. 84-86; DPA 2018 s. 164A.
"""

from __future__ import annotations

from typing import Any

from troth.ledger import append
from troth.rules import request_guard
from troth.rules.event import Draft, Fact
from troth.work import amend_rows, read_disclosures, request_file, restrict, tell_recipients
from troth.work.project import Project

SAID_MAX = 10_000
FAMILIES = {"rectify": "rectification", "complete": "rectification", "restrict": "restriction"}
"""By what Troth carries such a claim out in the stores, where it does."""
_OVER = {"rectification": ("done",), "restriction": ("active", "provisional")}


def carry_out(project: Project, number: str, claim: str, staff: str, said: str, *, by: str = "") -> None:
    """Record that a claim is carried out; `said` goes to the person with the answer, and to the vault.

    `by` names the rectification or restriction that did it in the stores; then every recipient
    who has the data is told too.  Raises NotAllowedError when it may not be, or when nothing is
    said.
    """
    found = request_file.load(project, number)
    right = str(found.claim(claim)["right"])
    wrong = list(request_guard.why_not_carry_out(found.state, claim))
    if not said.strip():
        wrong.append("Say what was done, in words for the person: the answer tells it (GDPR Art. 12(3)).")
    if len(said) > SAID_MAX:
        wrong.append(f"That is too long for a letter: {SAID_MAX} characters at most.")
    changed = _changed(project, found, right, by, wrong) if by else []
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {"to": "claim_done", "reason": claim}
    if by and FAMILIES[right] == restrict.FAMILY:
        restrict.confirm(project, by)
    if by:
        facts |= {"by": f"{FAMILIES[right]}/{by}", "changed": changed}
    draft = Draft(
        "request_moved", found.stream, facts, **request_file.about(found), actor=staff,
        payload={"note": said.strip()},
    )  # fmt: skip
    append.append(
        project.ledger,
        [draft],
        expect={found.stream: found.version},
        once=f"moved {number} claim_done {claim}",
    )
    if by:
        read_disclosures.of_subject(project, request_file.who(project, found))
        tell_recipients.tell_recipients(project, number, claim)


def _changed(
    project: Project, found: request_file.RequestFile, right: str, by: str, wrong: list[str]
) -> list[Fact]:
    """Return the places that a rectification or restriction changed, as [store, table, column]."""
    family = FAMILIES.get(right)
    if family is None:
        wrong.append(
            f"A claim for {right.replace('_', ' ')} is carried out by no rectification or restriction."
        )
        return []
    amendment = amend_rows.load(project, family, by).state
    if amendment["subject"] != found.state["subject"]:
        wrong.append(f"The {family} {by[:20]!r} is about somebody else.")
    if amendment["status"] not in _OVER[family]:
        wrong.append(f"The {family} {by[:20]!r} is {amendment['status']}; carry it out first.")
    places: dict[tuple[str, str, str], None] = {}
    for store, told in amendment["stores"].items():
        rows: Any = told["done"] or ()
        places |= {(store, str(row[0]), str(row[1])): None for row in rows}
    return [list(place) for place in places]
