"""Where a rectification or a restriction stands, folded from its events.

It is measured, approved, and done store by store; each store's step has begun when what it
will overwrite is in the vault.  A restriction is then provisional, while something is verified or
weighed, or active; and it stands until it is lifted, after a letter and its waiting time.

Law: GDPR Art. 16; Art. 18, of which (3) has the subject told before it is lifted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from troth.law.working_day import working_days_after
from troth.rules.event import Event

State = dict[str, Any]
STANDING = ("provisional", "active", "lift_decided", "lift_notice_sent")
"""The states in which a restriction holds: until it is lifted, not until somebody decides to."""
WAITING_WORKING_DAYS = 5
"""How long whoever was informed has before a restriction is lifted: our own default, the law names no number."""


def fold(state: State | None, event: Event) -> State:
    """Return the state after an event."""
    if state is None:
        state = {"subject": event.subject, "status": "measured", "stores": {}, "plan": None, "ground": None}
    state = {**state, "stores": {name: {**told} for name, told in state["stores"].items()}}
    state["moved_on"] = event.at.date().isoformat()
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
            state["on"] = state.get("on") or event.at.date().isoformat()
            state["told_on"] = facts.get("told_on") or state.get("told_on")
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


def why_not_announce(state: Mapping[str, Any], reason: str, staff: str) -> Iterator[str]:
    """Say why the subject cannot be told yet that a restriction will be lifted."""
    if state["status"] not in STANDING:
        yield f"This restriction is {_said(state['status'])}, and only one that stands can be lifted."
    elif state.get("told_on"):
        yield f"The person was informed on {state['told_on']} already; lift it once their time to answer is over."
    if not reason.strip():
        yield "Say why it is lifted, in words for the person: the letter tells them (GDPR Art. 18(3))."
    if not staff.strip():
        yield "Somebody decides it: say who, with --staff."


def lifted_from(told_on: date, place: str) -> date:
    """Return the first day on which a restriction may be lifted, after the subject was informed.

    >>> lifted_from(date(2026, 11, 13), "FR")
    datetime.date(2026, 11, 20)
    """
    return working_days_after(told_on, WAITING_WORKING_DAYS, place)


def why_not_lift(state: Mapping[str, Any], told_on: date | None, today: date, place: str) -> Iterator[str]:
    """Say why a restriction cannot be lifted."""
    if state["status"] not in STANDING:
        yield f"This restriction is {_said(state['status'])}, and only one that stands can be lifted."
    elif told_on is None:
        yield (
            "Whoever obtained a restriction is informed before it is lifted (GDPR Art. 18(3)). Write to them with "
            "--reason, or say on which day they were informed, with --told."
        )
    elif told_on > today:
        yield "The day they were informed is still to come. Lift it then."
    elif today < lifted_from(told_on, place):
        yield (
            f"The person was informed on {told_on}, and has {WAITING_WORKING_DAYS} working days to answer: lift it "
            f"from {lifted_from(told_on, place)} on."
        )


def _said(status: str) -> str:
    return status.replace("_", " ")


def more(now: Mapping[str, int], approved: Mapping[str, int]) -> list[str]:
    """Name the places where there is more to change than was approved."""
    return sorted(place for place, rows in now.items() if rows > approved.get(place, 0))
