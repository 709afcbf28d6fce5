"""Whose data a sweep passes by today, though its period is over.

What a person has had restricted is stored and nothing else; and what somebody asks to see or to
take along must be there when the answer is made, and so must what a legal hold is about, or what an
authority or a court looks at by a complaint.  Each is passed by until that ends.

Law: GDPR Art. 18(2) (restriction), Art. 15 and 20 (access, portability), Art. 12(3) (the answer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from troth.ledger import read, subjects
from troth.rules import request_guard, set_aside
from troth.rules.request import is_open
from troth.stores.contract import Who
from troth.work import hold
from troth.work.project import Project
from troth.work.restrict import FAMILY, OVER

RIGHTS = ("access", "port", "restrict", "rectify", "complete", "object")
"""The rights for whose answer the data is needed as it stands: what is contested or weighed is not swept meanwhile."""


def kept_back(project: Project) -> tuple[Who, ...]:
    """Return everybody whose lines are passed by, with every identifier known."""
    held = [subject for one in hold.in_force(project) for subject in one.subjects]
    found = dict.fromkeys([*_restricted(project), *_asking(project), *held])
    return tuple(Who(subject, subjects.identifiers(project.ledger, subject)) for subject in found)


def restricted(project: Project) -> Iterator[str]:
    """Yield the e-mail addresses of those whose data is stored and nothing else, in small letters."""
    for subject in dict.fromkeys(_restricted(project)):
        for kind, value in subjects.identifiers(project.ledger, subject):
            if kind == "email":
                yield value.strip().casefold()


def _restricted(project: Project) -> Iterator[str]:
    for each in read.states(project.ledger, FAMILY):
        if each.status not in OVER:
            yield str(each.body["subject"])


def _asking(project: Project) -> Iterator[str]:
    for each in read.states(project.ledger, "request"):
        claims = each.body["claims"].values()
        waiting = any(one["right"] in RIGHTS and not _refused(each.body, one) for one in claims)
        disputed = bool(each.body.get("marks"))
        if each.body.get("subject") and ((is_open(each.body) and waiting) or disputed):
            yield str(each.body["subject"])


def _refused(state: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    """Tell whether a claim was refused for good: a second person looked, and nothing stands that it restricted."""
    if claim["outcome"] != "refuse" or request_guard.needs_review(claim):
        return False
    return not claim.get("restriction") or set_aside.lapse(state, claim) is not None
