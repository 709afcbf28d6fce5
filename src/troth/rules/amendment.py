"""Where a rectification or a restriction stands, folded from its events.

It is measured, approved, and done store by store; each store's step has begun when what it
will overwrite is in the vault.  A restriction is then active until it is lifted.

Law: GDPR Art. 16; Art. 18, of which (3) has the subject told before it is lifted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from troth.rules.event import Event

State = dict[str, Any]


def fold(state: State | None, event: Event) -> State:
    """Return the state after an event."""
    if state is None:
        state = {"subject": event.subject, "status": "measured", "stores": {}, "plan": None, "ground": None}
    state = {**state, "stores": {name: {**told} for name, told in state["stores"].items()}}
    facts: Any = event.facts
    match event.kind:
        case "plan_measured":
            state["plan"] = {"sha256": facts["plan_sha256"], "stores": facts["stores"], "event": event.id}
        case "plan_approved":
            state |= {"status": "approved", "staff": facts["staff"]}
        case "values_set_aside":
            told = _store(state, facts["store"])
            told["saved"] = {
                **told["saved"],
                facts["step"]: [*told["saved"].get(facts["step"], []), event.id],
            }
        case "act_begun":
            told = _store(state, facts["store"])
            told |= {"step": facts["step"], "begun": event.id, "tries": told["tries"] + 1}
        case "act_ended" if facts["outcome"] == "rolled_back":
            _store(state, facts["store"])["begun"] = None
        case "act_ended":
            _store(state, facts["store"])["done"] = facts["rows"]
        case "rectified":
            _store(state, facts["store"])["done"] = [*facts["rows"], *facts["copies"]]
        case "verified":
            _store(state, facts["store"])["remaining"] = facts["remaining"]
            if all(_store(state, name)["remaining"] is not None for name in state["plan"]["stores"]):
                state["status"] = "done"
        case "values_put_back":
            told = _store(state, facts["store"])
            told["back"] = [*(told["back"] or []), [facts["table"], facts["rows"], facts["conflicts"]]]
        case "restriction_moved":
            state |= {"status": facts["state"], "ground": facts["ground"]}
        case _:
            raise ValueError(event.kind)
    return state


def _store(state: State, name: str) -> dict[str, Any]:
    fresh: dict[str, Any] = {"step": "", "begun": None, "tries": 0, "saved": {}, "done": None, "remaining": None,
                             "back": None}  # fmt: skip
    found: dict[str, Any] = state["stores"].setdefault(name, fresh)
    return found


def why_not_approve(state: Mapping[str, Any], sha256: str, staff: str) -> Iterator[str]:
    """Say why a plan cannot be approved."""
    if state["status"] != "measured":
        yield f"It was approved before, and is {state['status']}."
    elif len(sha256) < 8 or not state["plan"]["sha256"].startswith(sha256.lower()):
        yield "That is not the plan that was measured. Look at it, then approve what it is called."
    if not staff.strip():
        yield "Somebody approves it: say who, with --staff."


def why_not_lift(state: Mapping[str, Any], told_on: date | None, today: date) -> Iterator[str]:
    """Say why a restriction cannot be lifted."""
    if state["status"] not in ("active", "lift_decided"):
        yield f"This restriction is {state['status']}, and only one that is active can be lifted."
    elif state["status"] == "active" and told_on is None:
        yield (
            "Whoever obtained a restriction is informed before it is lifted (GDPR Art. 18(3)). Say on which day "
            "that was, with --told."
        )
    elif told_on is not None and told_on > today:
        yield "The day they were informed is still to come. Lift it then."


def more(now: Mapping[str, int], approved: Mapping[str, int]) -> list[str]:
    """Name the places where there is more to change than was approved."""
    return sorted(place for place, rows in now.items() if rows > approved.get(place, 0))
