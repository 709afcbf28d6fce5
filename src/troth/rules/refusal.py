"""Which lists of earlier refusals are known: imported, or declared not to exist.

Before Troth, other tools kept who had unsubscribed.  Until a company has imported that list
for a channel, or somebody declares that there is none, no marketing goes out by it.

Law: GDPR Art. 21(3), Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from troth.rules.event import Event

FAMILY = "refusals"
HOW = ("imported", "none_exist")


def stream(controller: str) -> str:
    """Name the stream of a company's refusal lists."""
    return f"{FAMILY}/{controller}"


def fold(state: dict[str, Any] | None, event: Event) -> dict[str, Any]:
    """Fold, by channel, how the list is known and since when; what was imported is not undone by a declaration."""
    channels = dict((state or {"channels": {}})["channels"])
    facts = event.facts
    channel, how = str(facts["channel"]), str(facts["how"])
    if how == "imported" or channel not in channels:
        rows = int(str(facts.get("rows") or 0)) + int(channels.get(channel, {}).get("rows", 0))
        channels[channel] = {"how": how, "on": event.at.date().isoformat(), "event": event.id, "rows": rows}
    return {"channels": channels}


def known(states: Iterable[tuple[str, Mapping[str, Any]]]) -> frozenset[tuple[str, str]]:
    """Return each (company, channel) whose refusals are known, from the states of the family by stream."""
    return frozenset(
        (name.partition("/")[2], channel) for name, state in states for channel in state["channels"]
    )
