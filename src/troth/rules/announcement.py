"""Announcing a change of the policy: by which ways, by when, and what was done.

What counts is what the version before promised: people read that one.  A change of words alone, without
a promise changing, is none that anybody is told of.

Law: GDPR Arts. 5(1)(a), 12(1), 13(3); WP260 rev.01, paragraphs 29 to 31 (changes are told of well ahead of
when they take effect; corrections of spelling or style need not be).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from troth.law.period import Period
from troth.policy.difference import Difference, material
from troth.policy.promise import Change
from troth.rules.event import Event

State = dict[str, Any]
FAMILY = "announcement"
Way = Literal["site", "email", "portal", "post"]
ATTESTED: tuple[Way, ...] = ("site", "post")
"""The ways that staff attest: what stands on a site that is not ours, and what the post carries."""
_FEWER = frozenset({"recipient", "transfer", "purpose"})
_SHORTER: Mapping[str, tuple[str, ...]] = {
    "answer": ("within", "extension_told_within"),
    "collection": ("told_within",),
    "cookies": ("lifetime_max", "lifetime", "data_kept", "data_kept_max"),
    "notify_recipients": ("within",),
    "recipient": ("within",),
    "retention": ("period",),
    "right": ("within",),
    "security": ("authority_within",),
}
"""The periods of each kind whose shortening is for the good of the people the promise is made to."""
Word = Literal["kept", "broken", "unproven"]


@dataclass(frozen=True, slots=True)
class Announced:
    """How one version was announced: when it takes effect, by when each way was promised, and when it was done.

    `changed` is how many promises it changed; `ways` are those promised by the version before, each with its
    day, None while it is not done.  `by` is None where no time ahead was promised.
    """

    version: str
    effective: date
    changed: int
    by: date | None
    ways: Mapping[str, date | None]
    event: str


def stream(version: str) -> str:
    """Name the stream of the announcement of a version."""
    return f"{FAMILY}/{version}"


def owed(promised: Change | None, found: Sequence[Difference]) -> bool:
    """Say whether people are to be told of what changed before it takes effect, as was promised to them."""
    changed = material(tuple(found))
    if promised is not None and "promises_more" in promised.announced_unless:
        changed = tuple(one for one in changed if not promises_more(one))
    return promised is not None and bool(promised.announced_by) and bool(changed)


def promises_more(one: Difference) -> bool:
    """Say whether a change only promises people more: a period that is surely shorter, or fewer who receive data.

    >>> promises_more(Difference("5/retention/a", "retention", "a", "5", "changed", "period", "3 years", "1 year"))
    True
    >>> promises_more(Difference("5/retention/a", "retention", "a", "5", "changed", "period", "1 year", "3 years"))
    False
    """
    if one.what == "removed":
        return one.kind in _FEWER
    was, becomes = Period.parse(one.was), Period.parse(one.becomes)
    if one.what != "changed" or was is None or becomes is None:
        return False
    return one.field.rpartition(".")[2] in _SHORTER.get(one.kind, ()) and becomes.days()[1] < was.days()[0]


def last_day(promised: Change | None, effective: date) -> date | None:
    """Return the last day on which a change that takes effect on a day can be announced as promised."""
    if promised is None or not promised.announced_by or promised.announced_before is None:
        return None
    return promised.announced_before.before(effective)


def first_effective(promised: Change | None, today: date) -> date | None:
    """Return the first day on which a change that is announced today can take effect, as promised."""
    if promised is None or not promised.announced_by or promised.announced_before is None:
        return None
    day = promised.announced_before.after(today)
    while promised.announced_before.before(day) < today:  # months clamp: a month before 1 March is 1 February
        day = date.fromordinal(day.toordinal() + 1)
    return day


def fold(state: State | None, event: Event) -> State:
    """Return how far the announcement of a version is after an event."""
    facts = event.facts
    before: State = state or {
        "version": event.stream.partition("/")[2], "ways": {}, "letters": {}, "status": "begun", "due": None,
    }  # fmt: skip
    match event.kind:
        case "letter_sent":
            outcome = str(facts["outcome"])
            letters = {**before["letters"], outcome: before["letters"].get(outcome, 0) + 1}
            return {**before, "letters": letters}
        case "change_announced" if facts.get("scheduled"):
            planned = {"left_out": list(facts.get("left_out") or ()), "per_minute": facts["per_minute"]}  # type: ignore[arg-type]
            return {**before, **planned, "status": "scheduled", "due": str(facts["on"])}
        case "change_announced" if "scheduled" in facts:
            return {**before, "status": "ended", "due": None}
        case "change_announced" if facts["way"] == "email":
            ways = {**before["ways"], "email": str(facts["on"])}
            return {**before, "ways": ways, "status": "announced", "due": None}
        case "change_announced":
            return {**before, "ways": {**before["ways"], str(facts["way"]): str(facts["on"])}}
        case _:
            raise ValueError(event.kind)


def judge(found: Sequence[Announced], today: date) -> tuple[Word, str, tuple[str, ...], tuple[str, ...]]:
    """Judge the announcements of the versions: the word, the figure, the evidence and what breaks it.

    Nothing to announce is no reason to call it kept: the caller judges then by what was published.
    """
    wrong: list[str] = []
    waiting: list[str] = []
    for one in found:
        for way, on in one.ways.items():
            if on is not None and (one.by is None or on <= one.by):
                continue
            if on is None and today <= (one.by or one.effective):
                waiting.append(
                    f"version {one.version}: not announced by {way} yet, due by {one.by or one.effective}"
                )
            elif on is None:
                wrong.append(
                    f"version {one.version}: not announced by {way}, due by {one.by or one.effective}"
                )
            else:
                wrong.append(f"version {one.version}: announced by {way} on {on}, due by {one.by}")
    evidence = tuple(one.event for one in found)
    kept = len({one.version for one in found}) - len({said.partition(":")[0] for said in (*wrong, *waiting)})
    figure = f"{kept} of {len(found)} changes announced as promised"
    if wrong:
        return "broken", figure, evidence, (*wrong, *waiting)
    if waiting:
        return "unproven", waiting[0], evidence, tuple(waiting)
    return "kept", figure, evidence, ()
