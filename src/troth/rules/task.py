"""What people are asked to do in stores that no program reaches: mailboxes, paper, other people's services.

For each granted claim a *task* goes to the owner of each manual store, and comes back with an
*attestation*: done, or not found, by whom and when.  No claim is carried out while one of its
tasks is open; staff may go on without a silent owner, with their reason, and the answer says so.

Law: GDPR Art. 12(3), Art. 5(2); Art. 15 and Art. 17 know no exception for what is on paper
in a filing system (Art. 2(1)).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from troth.rules.event import Event, local_day

Letter = Literal["task", "task_reminder", "task_escalation"]
RIGHTS = ("access", "port", "erase", "rectify", "complete", "restrict")
"""The rights for which an owner is asked, where the map of the store names none."""
REMIND_AGAIN_DAYS = 3
TRIES_MAX = 12


@dataclass(frozen=True, slots=True)
class Owner:
    """Who looks after a manual store: how they are written to, and in which language."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Manual:
    """A store that only people reach, as its map describes it.

    `before_days` is how many days before the safe date of a request its owner answers.
    """

    store: str
    what: Mapping[str, str]
    owner: Owner
    rights: tuple[str, ...] = RIGHTS
    before_days: int = 7
    file: str = ""

    def said(self, language: str) -> str:
        """Say what the store is, in a language where the map has it."""
        return self.what.get(language) or self.what.get("en") or next(iter(self.what.values()))


def due_on(safe_due: date, before_days: int, today: date) -> date:
    """Return the day by which an owner answers: before the safe date, and never in the past.

    >>> due_on(date(2026, 12, 23), 7, date(2026, 11, 23))
    datetime.date(2026, 12, 16)
    >>> due_on(date(2026, 11, 25), 7, date(2026, 11, 23))
    datetime.date(2026, 11, 24)
    """
    return max(safe_due - timedelta(days=before_days), min(safe_due, today + timedelta(days=1)))


# What the events of a request say of its tasks


def opened(state: dict[str, Any], event: Event) -> None:
    """Fold that a task was given."""
    facts = event.facts
    claim = state["claims"][facts["claim"]]
    task = {"task": facts["task"], "due": facts["due"], "on": local_day(event, str(state["tz"])), "state": "open",
            "letters": [], "files": []}  # fmt: skip
    claim["tasks"] = {**claim.get("tasks", {}), facts["store"]: task}


def answered(state: dict[str, Any], event: Event) -> None:
    """Fold what an owner attested."""
    facts = event.facts
    files: Any = facts["files"]
    _change(state, event, state_=str(facts["outcome"]), ended=local_day(event, str(state["tz"])),
            event_id=event.id, channel=facts["channel"], files=[list(each) for each in files])  # fmt: skip


def moved(state: dict[str, Any], event: Event) -> None:
    """Fold that an owner was written to, or that staff went on without them."""
    facts = event.facts
    if facts["state"] == "silent":
        _change(state, event, state_="silent", ended=local_day(event, str(state["tz"])), event_id=event.id)
        return
    told = state["claims"][facts["claim"]]["tasks"][facts["store"]]
    letter = {
        "kind": facts["state"],
        "outcome": facts.get("outcome"),
        "on": local_day(event, str(state["tz"])),
    }
    _change(state, event, letters=[*told["letters"], letter])


def _change(state: dict[str, Any], event: Event, state_: str | None = None, **more: object) -> None:
    claim = state["claims"][event.facts["claim"]]
    store = str(event.facts["store"])
    told = {**claim["tasks"][store], **more, **({"state": state_} if state_ else {})}
    claim["tasks"] = {**claim["tasks"], store: told}


# What follows


def tasks(claim: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the tasks of a claim, by store."""
    found: Mapping[str, Mapping[str, Any]] = claim.get("tasks", {})
    return found


def waiting(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the stores whose owners have not answered yet."""
    return tuple(sorted(store for store, told in tasks(claim).items() if told["state"] == "open"))


def why_not_go_on(claim: Mapping[str, Any], name: str) -> Iterator[str]:
    """Reasons not to call a claim carried out: tasks that are open."""
    for store in waiting(claim):
        due = tasks(claim)[store]["due"]
        yield (
            f"Claim {name} waits for whoever looks after {store}, until {due}. Let them answer, or go on without "
            "them with a reason (`troth task silent`)."
        )


def next_letter(told: Mapping[str, Any], today: date) -> Letter | None:
    """Say which letter an open task is due today: the first, a reminder, or one to the DPO that nobody answers.

    An owner is reminded at half the time, the day before, and every three days after the day
    itself; from that day on the DPO is told once.
    """
    if told["state"] != "open":
        return None
    sent = [letter for letter in told["letters"] if letter["outcome"] == "sent"]
    kinds = {letter["kind"] for letter in sent}
    if sum(letter["on"] == today.isoformat() for letter in told["letters"]) >= TRIES_MAX:
        return None
    if "task" not in kinds:
        return "task"
    due, on = date.fromisoformat(told["due"]), date.fromisoformat(told["on"])
    if today >= due and "task_escalation" not in kinds:
        return "task_escalation"
    days = {on + (due - on) / 2, due - timedelta(days=1)}
    late = (today - due).days
    if late >= 0:
        days.add(due + timedelta(days=late - late % REMIND_AGAIN_DAYS))
    last = max(
        date.fromisoformat(letter["on"]) for letter in sent if letter["kind"] in ("task", "task_reminder")
    )
    return "task_reminder" if any(last < day <= today for day in days) else None


def coverage(claim: Mapping[str, Any], verified: Mapping[str, object]) -> tuple[tuple[str, str, str], ...]:
    """Tell each store a claim was carried out in, how that is known, and since when (ISO 8601, or empty).

    `verified`: Troth looked itself; `attested`: its owner says so; `silent`: nobody answered.
    """
    known = {store: (store, "verified", "") for store in verified}
    for store, told in tasks(claim).items():
        how = {"done": "attested", "not_found": "attested"}.get(told["state"], "silent")
        known[store] = (store, how, told.get("ended", "") if how == "attested" else "")
    return tuple(known[store] for store in sorted(known))
