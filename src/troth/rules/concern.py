"""What presses today beside requests: stores, the worker, mail, promises that come to their end, tasks of the office.

Each concern says what it is, what it is about, on which day it fell or falls due, and for which duty of whom it is.
Everything follows from read models and today; nothing of anybody's data is in it.

Law: GDPR Art. 24(1); Art. 5(2); Art. 19; Art. 32(1)(b); Art. 46.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

from troth.law.period import Period
from troth.policy.policy import Policy
from troth.rules import action, policy_draft, register_activity, register_document, safeguard
from troth.rules.staff import Duty, Staff

Kind = Literal[
    "store_away", "sealing_late", "mail_away", "letters_fail", "inbox_away", "safeguard_lapsed", "untold",
    "hold_review", "action_overdue", "scan_incomplete", "scan_due", "store_drifted", "safeguard_lapses",
    "safeguard_doubtful", "draft_approve", "draft_publish", "draft_advise", "register_review", "document_due",
    "inspection_open", "no_second_factor", "invitation_waits",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
"""From the most pressing to the least."""
GRAVE: frozenset[Kind] = frozenset(
    {"store_away", "sealing_late", "mail_away", "letters_fail", "safeguard_lapsed", "untold", "hold_review"}
)
LAPSES_WITHIN = timedelta(days=90)
"""How long before its last day a safeguard is said to lapse: time to sign another; our own default."""
TOLD_WITHIN = Period(1, "months")
"""By when a recipient is told where the policy promises no day: our own default for `without undue delay`."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that presses: what, about which thing by its name, the day that matters, and whose duty it is."""

    kind: Kind
    duty: Duty
    about: str = ""
    on: date | None = None
    count: int = 1

    @property
    def is_grave(self) -> bool:
        """Say whether something fails or is late already, rather than waits for somebody."""
        return self.kind in GRAVE


def ordered(found: Iterable[Concern]) -> tuple[Concern, ...]:
    """Return concerns from the most pressing kind to the least, the oldest day first."""
    return tuple(sorted(found, key=lambda one: (KINDS.index(one.kind), one.on or date.max, one.about)))


def of_actions(states: Iterable[Mapping[str, Any]], today: date) -> Iterator[Concern]:
    """Yield the actions that should have been closed before today."""
    for one in action.overdue(states, today):
        yield Concern(
            "action_overdue", "read_registers", str(one["number"]), date.fromisoformat(one["due_on"])
        )


def of_hold(state: Mapping[str, Any], today: date) -> Concern | None:
    """Return a hold that stands and should have been looked at again before today."""
    review_on = date.fromisoformat(state["review_on"])
    if state["status"] != "placed" or review_on >= today:
        return None
    return Concern("hold_review", "read_sweeps", str(state["name"]), review_on)


def of_safeguards(policy: Policy, today: date) -> Iterator[Concern]:
    """Yield the transfers whose safeguard broke, ends soon, or is shown by nothing, by the recipient of each."""
    for promise in policy.transfers.values():
        standing, name = safeguard.standing(promise, policy, today), str(promise.recipient)
        if standing.broken:
            yield Concern("safeguard_lapsed", "read_recipients", name, standing.ends)
        elif standing.ends is not None and standing.ends <= today + LAPSES_WITHIN:
            yield Concern("safeguard_lapses", "read_recipients", name, standing.ends)
        elif standing.doubtful:
            yield Concern("safeguard_doubtful", "read_recipients", name)


def told_by(policy: Policy, on: date) -> date:
    """Return the last day on which recipients are told of what changed on a day."""
    promised = policy.notify_recipients.within if policy.notify_recipients else None
    return (promised or TOLD_WITHIN).after(on)


def told_before(policy: Policy, today: date) -> date:
    """Return the first day of which recipients need not be told before today: what changed earlier is late."""
    day = today
    while day > date.min and told_by(policy, day - timedelta(days=1)) >= today:
        day -= timedelta(days=1)
    return day


def of_draft(state: Mapping[str, Any], staff: Staff, *, alone: bool) -> Concern | None:
    """Return what a draft of the policy waits for from somebody: advice, approval or publication."""
    name, moved = str(state["name"]), date.fromisoformat(state["moved_on"])
    mine = {one["by"] for one in state["advice"] if one["sha256"] == state["sha256"]}
    if state["status"] == "accepted":
        return (
            Concern("draft_publish", "publish_policy", name, moved)
            if staff.may("publish_policy", "")
            else None
        )
    if state["status"] != "open" or not state["writers"]:
        return None
    approved = policy_draft.approved(state, alone=alone)
    if approved.by and not approved.lacks:
        return (
            Concern("draft_publish", "publish_policy", name, moved)
            if staff.may("publish_policy", "")
            else None
        )
    may_approve = staff.may("approve_policy", "") and (alone or staff.handle not in state["writers"])
    if may_approve and staff.handle not in approved.by and not [*policy_draft.refusals(state, staff.handle)]:
        return Concern("draft_approve", "approve_policy", name, moved)
    if (
        staff.may("advise", "")
        and staff.handle not in mine
        and not [*policy_draft.no_advice(state, staff.handle)]
    ):
        return Concern("draft_advise", "advise", name, moved)
    return None


def of_registers(policy: Policy, today: date) -> Iterator[Concern]:
    """Yield the entries of the register whose review is overdue, and documents that are near their day or past it."""
    for one in policy.activities.values():
        due = register_activity.review_due(one)
        if due is not None and due < today:
            yield Concern("register_review", "read_registers", str(one.key), due)
    for document, day in register_document.due(policy, today):
        yield Concern("document_due", "read_registers", str(document.key), day)
