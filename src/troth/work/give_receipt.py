"""Give a person the receipts of what was recorded of their request, and find the receipts that go with its answer.

A receipt holds its event word for word: codes, days and hashes, and the handle of whoever of the staff did it; what
was said by or to the person is in none.

Law: GDPR Art. 5(2).
"""

from __future__ import annotations

from dataclasses import dataclass

from troth.errors import NotFoundError
from troth.ledger import read
from troth.ledger.receipt import receipt, sealed
from troth.rules.event import Event
from troth.rules.receipted import STEPS, is_receipted
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A receipt that goes with an answer: the name of its file, its event, and whether its place is proven already."""

    name: str
    event: Event
    sealed: bool
    written: bytes


def give_receipt(project: Project, number: str, event_id: str) -> bytes:
    """Return the receipt of a step of this request; raises NotFoundError for an event that is none of its steps."""
    events = read.stream(project.ledger, f"request/{number}")
    if not any(one.id == event_id and is_receipted(one) for one in events):
        raise NotFoundError("There is no such page.")
    return receipt(project.ledger, event_id)


def enclosed(project: Project, number: str) -> tuple[Enclosed, ...]:
    """Return the receipts that go with an answer: of the request's opening, and of each step that is sealed by now."""
    events = [one for one in read.stream(project.ledger, f"request/{number}") if is_receipted(one)]
    proven = sealed(project.ledger, [one.id for one in events])
    return tuple(
        Enclosed(
            f"receipts/{place:02}-{STEPS[one.kind]}.json", one, one.id in proven,
            receipt(project.ledger, one.id),
        )
        for place, one in enumerate(events, 1)
        if one.id in proven or one.kind == "request_received"
    )  # fmt: skip
