"""Legal holds: what must not be erased while a matter goes on, for whom, and until it is looked at again.

A hold narrows what an erasure does and stops what a sweep would delete; it keeps no more than
its scope, and it is reviewed.  What it held back is erased when it ends.

Law: GDPR Art. 17(3)(e), Art. 5(1)(c) and (e), Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from troth.rules.event import Event
from troth.rules.exemption import Exemption
from troth.rules.map import Map

State = dict[str, Any]
FAMILY = "hold"
REVIEW_WITHIN = timedelta(days=183)
"""A hold is looked at again within six months: our own default (law.md 6), so that none is forgotten."""
OWNER_MAX = 100
REMINDED_BEFORE = timedelta(days=7)
"""How long before its review whoever answers for a hold is written to: our own default."""
LETTER = "e"
"""Art. 17(3)(e): the establishment, exercise or defence of legal claims."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold in force; no `subjects` are everybody's, no `what` is every store."""

    name: str
    subjects: tuple[str, ...]
    what: tuple[str, ...]
    review_on: date

    def about(self, subject: str) -> bool:
        """Say whether it is about a subject."""
        return not self.subjects or subject in self.subjects


def fold(state: State | None, event: Event) -> State:
    """Return the state of a hold after an event: placed, looked at again, ended."""
    facts, on = event.facts, event.at.date().isoformat()
    match facts["state"]:
        case "placed" if state is None:
            return {
                "name": facts["hold"], "status": "placed", "subjects": facts.get("subjects") or [],
                "what": facts.get("what") or [], "placed_on": on, "placed_by": event.actor,
                "owner": facts.get("owner") or "",
                "review_on": facts["review_on"], "reviews": 0, "ended_on": None, "due": facts["review_on"],
            }  # fmt: skip
        case "reviewed" if state is not None and state["status"] == "placed":
            again = facts["review_on"]
            owner = facts.get("owner") or state.get("owner") or ""
            return {
                **state,
                "owner": owner,
                "review_on": again,
                "due": again,
                "reviews": state["reviews"] + 1,
            }
        case "ended" if state is not None and state["status"] == "placed":
            return {**state, "status": "ended", "ended_on": on, "due": None}
        case _:
            raise ValueError(facts["state"])


def from_state(state: Mapping[str, Any]) -> Hold:
    """Return a hold from its state."""
    return Hold(
        state["name"], tuple(state["subjects"]), tuple(state["what"]), date.fromisoformat(state["review_on"])
    )


def exemptions(holds: Iterable[Hold], subjects: Sequence[str], store: str) -> tuple[Exemption, ...]:
    """Return what an erasure of these subjects leaves alone in a store, because a hold says so."""
    return tuple(
        Exemption(LETTER, what, hold=one.name)
        for one in holds
        if any(one.about(subject) for subject in subjects)
        for what in one.what or (store,)
    )


def stops(holds: Iterable[Hold], mapped: Map) -> str:
    """Return the hold on everybody that is about a store or any of its data; or an empty text."""
    about = {mapped.store}
    for name, table in mapped.tables.items():
        about |= {f"{mapped.store}.{name}", *table.columns.values()}
    return next(
        (one.name for one in holds if not one.subjects and (not one.what or about & set(one.what))), ""
    )


def wrong_owner(owner: str) -> Iterator[str]:
    """Say why nobody answers for a hold by that name."""
    if not owner.strip() or len(owner) > OWNER_MAX or "@" in owner:
        yield (
            "Name who answers for the hold as staff are named in the record, or by function: it stands there in "
            f"clear, so no e-mail address, and {OWNER_MAX} characters at most."
        )


def lacking(
    matter: str,
    reason: str,
    owner: str,
    review_on: date,
    what: Sequence[str],
    known: Sequence[str],
    today: date,
) -> Iterator[str]:
    """Say what a hold still lacks, as sentences."""
    if not matter.strip():
        yield "Name the matter: the proceeding, the inquiry or the letter that calls for the hold."
    if not reason.strip():
        yield "Say why the data is needed for it, in words: a hold keeps no more than that (GDPR Art. 5(1)(c))."
    yield from wrong_owner(owner)
    yield from wrong_review(review_on, today)
    for one in what:
        if one not in known:
            shown = ", ".join(sorted(name for name in known if "." not in name)[:20])
            yield f"No map has data called {one[:60]!r}. Name a category, a store, or a table as store.table: {shown} …"


def wrong_review(review_on: date, today: date) -> Iterator[str]:
    """Say why a hold cannot be looked at again on that day only."""
    if review_on <= today:
        yield "The day on which the hold is looked at again lies in the future."
    elif review_on > today + REVIEW_WITHIN:
        yield f"A hold is looked at again within six months: by {today + REVIEW_WITHIN}. It can be prolonged then."
