"""Export consents as records others read, of one person or of everybody.

Law: GDPR Art. 7(1); ISO/IEC TS 27560.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from troth.errors import NotFoundError
from troth.ledger import read, subjects
from troth.rules import consent, consent_record
from troth.work import may
from troth.work.project import Project
from troth.work.record_consent import Identifiers


def of_subject(project: Project, identifiers: Identifiers, language: str) -> list[dict[str, Any]]:
    """Return the records of whom an identifier names; raises NotFoundError where it names nobody."""
    for kind, value in identifiers:
        subject = subjects.find_subject(project.ledger, kind, value)
        if subject is not None:
            return _records(project, subject, language)
    raise NotFoundError("Nobody is known by this identifier.")


def of_everybody(project: Project, language: str) -> Iterator[dict[str, Any]]:
    """Yield the records of everybody, subject by subject."""
    for state in read.states(project.ledger, consent.FAMILY):
        yield from _records(project, state.stream.partition("/")[2], language)


def _records(project: Project, subject: str, language: str) -> list[dict[str, Any]]:
    events = read.stream(project.ledger, consent.stream(subject))
    return consent_record.records(project.policy, may.scopes(project), subject, events, language)
