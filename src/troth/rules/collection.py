"""Where the notice owed to somebody stands, whose data came from somebody else.

Law: GDPR Art. 14(3): within a month, and before any first communication or disclosure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from troth.rules.event import Event, local_day

State = dict[str, Any]


def fold(state: State | None, event: Event) -> State:
    """Return the state after an event: owed until a letter went out."""
    facts = event.facts
    match event.kind:
        case "collected" if state is None:
            return {
                "subject": event.subject,
                "source": facts["source"],
                "obtained": facts["obtained_on"],
                "due": facts.get("due"),
                "tz": facts.get("tz") or "UTC",
                "status": "owed",
                "told_on": None,
                "tries": 0,
            }
        case "letter_sent" if state is not None:
            if facts["outcome"] == "sent":
                on = local_day(event, str(state["tz"]))
                return {**state, "status": "told", "told_on": on, "tries": state["tries"] + 1}
            return {**state, "tries": state["tries"] + 1}
        case _:
            raise ValueError(event.kind)


def is_late(state: Mapping[str, Any], today: date) -> bool:
    """Say whether somebody was told too late, or not at all in time."""
    due = state["due"]
    return bool(due) and str(state["told_on"] or today.isoformat()) > str(due)
