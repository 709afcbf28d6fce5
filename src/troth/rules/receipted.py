"""Of which events of a request its person gets a receipt, and which letters reached them.

They are what the person's page shows of its course and what bears on them: that it reached us, what was decided, what
was written to them, how it ended, that the answer was fetched.  How the work was done inside is left out.

Law: GDPR Art. 5(2), Art. 12(3) and (4).
"""

from __future__ import annotations

from collections.abc import Mapping

from troth.rules.event import Event
from troth.rules.request import ENDED

STEPS: Mapping[str, str] = {
    "request_received": "received",
    "claim_decided": "decided",
    "letter_sent": "letter",
    "request_moved": "ended",
    "answer_taken": "answer-taken",
}
"""Kinds of events, and what a file of their receipt is called."""


def is_letter(event: Event) -> bool:
    """Say whether an event is a letter that went out to the person; a code is not kept, so it is none."""
    facts = event.facts
    return event.kind == "letter_sent" and facts["kind"] != "code" and facts["outcome"] == "sent"


def is_receipted(event: Event) -> bool:
    """Say whether the person gets a receipt of an event of their request."""
    match event.kind:
        case "letter_sent":
            return is_letter(event)
        case "request_moved":
            return event.facts["to"] in ENDED  # other moves are of single claims and stores
        case _:
            return event.kind in STEPS
