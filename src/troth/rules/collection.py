"""How data came in: by which channel, from whom, under which notice; and where the notice owed stands.

Channels and sources are closed lists of the policy.  A channel is reviewed before lists come
in by it: who answers for it, which version of the notice people meet there, and what shows it.

Law: GDPR Art. 13(1); Art. 14(3): within a month, and before any first communication or disclosure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from troth.policy.policy import Policy
from troth.policy.promise import Channel, Collection, Source
from troth.policy.reading import did_you_mean
from troth.rules.event import Event, local_day
from troth.rules.request import FILE_KEPT

State = dict[str, Any]
CHANNEL_FAMILY = "channel"
EXEMPT = {
    "a": "the person has the information already",
    "b": "telling is impossible, takes a disproportionate effort, or would defeat the processing",
    "c": "a law of the Union or a Member State lays the obtaining or the disclosure down, and protects the person",
    "d": "a law asks that the data stay confidential: professional secrecy",
}
"""When nobody need be told of data that came from others (GDPR Art. 14(5)(a) to (d))."""
Because = Literal["first_communication", "first_disclosure"]
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,59}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A list of people as somebody hands it in: by which channel, from whom, when, under which notice."""

    channel: str
    source: str
    obtained_on: date
    notice: str = ""
    warranted: tuple[str, ...] = ()
    warranted_by: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a list came in, once nothing is wrong with it."""

    channel: str
    source: str
    notice: str
    indirect: bool


def fold(state: State | None, event: Event) -> State:
    """Return the state after an event: where data came from others, owed until a letter went out.

    Until then `due` is when it is owed; afterwards when the file of it is destroyed.
    """
    facts = event.facts
    match event.kind:
        case "collected" if state is None:
            return {
                "subject": event.subject,
                "channel": facts["channel"],
                "source": facts["source"],
                "notice": facts["notice_version"],
                "indirect": facts["indirect"],
                "obtained": facts["obtained_on"],
                "due": facts.get("due"),
                "tz": facts.get("tz") or "UTC",
                "import": facts.get("import"),
                "owed_by": facts.get("due"),
                "status": "owed" if facts["indirect"] else "shown",
                "told_on": None,
                "tries": 0,
            }
        case "notice_brought_forward" if state is not None:
            on = str(facts["on"])
            owed_by = min(str(state["owed_by"]), on) if state["owed_by"] else on
            return {**state, "owed_by": owed_by, "due": owed_by}
        case "notice_exempted" if state is not None and facts.get("withdrawn"):
            if state["status"] != "exempt":
                raise ValueError(state["status"])
            again = {"status": "owed", "exempt": None, "exempt_on": None, "due": state["owed_by"]}
            return {**state, **again}
        case "notice_exempted" if state is not None and state["status"] == "owed":
            kept = FILE_KEPT.after(date.fromisoformat(str(facts["on"]))).isoformat()
            return {
                **state,
                "status": "exempt",
                "exempt": facts["ground"],
                "exempt_on": facts["on"],
                "due": kept,
            }
        case "letter_sent" if state is not None:
            if facts["outcome"] == "sent":
                on = local_day(event, str(state["tz"]))
                kept = FILE_KEPT.after(date.fromisoformat(on)).isoformat()
                return {**state, "status": "told", "told_on": on, "due": kept, "tries": state["tries"] + 1}
            return {**state, "tries": state["tries"] + 1}
        case "file_destroyed" if state is not None:
            return {**state, "status": "destroyed", "due": None}
        case _:
            raise ValueError(event.kind)


def fold_channel(state: State | None, event: Event) -> State:
    """Return the reviews of a channel after an event, the oldest first."""
    if event.kind != "channel_reviewed":
        raise ValueError(event.kind)
    facts = event.facts
    review = {"event": event.id, **{name: facts[name] for name in ("notice_version", "on", "proof_sha256")}}
    reviews = sorted([*(state or {}).get("reviews", ()), review], key=lambda one: str(one["on"]))
    return {"channel": facts["channel"], "reviews": reviews}


def is_late(state: Mapping[str, Any], today: date) -> bool:
    """Say whether somebody was told too late, or not at all in time.

    Nobody is told of data that was erased before, nor where an exemption of Art. 14(5) was recorded.
    """
    due = state["owed_by"]
    if state.get("exempt") or (state["status"] == "destroyed" and not state["told_on"]):
        return False
    return bool(due) and str(state["told_on"] or today.isoformat()) > str(due)


def channels(policy: Policy) -> dict[str, tuple[Collection, Channel | None]]:
    """Return every channel of the policy by name; a collection from others that names none is one itself."""
    found: dict[str, tuple[Collection, Channel | None]] = {}
    for each in policy.collections.values():
        found |= {str(one.key): (each, one) for one in each.channels}
        if each.how == "indirect" and not each.channels:
            found[str(each.key)] = (each, None)
    return found


def sources(policy: Policy) -> dict[str, tuple[Collection, Source]]:
    """Return the sources of the policy from which data about people comes, with what is collected there."""
    return {
        str(source.key): (each, source)
        for each in policy.collections.values()
        if each.how == "indirect" and each.public
        for source in each.sources
    }


def notice_on(reviews: Sequence[Mapping[str, Any]], on: date) -> str:
    """Return the version of the notice that people met at a channel on a day; empty where none is known."""
    known = [one for one in reviews if str(one["on"]) <= on.isoformat()]
    return str(known[-1]["notice_version"]) if known else ""


def judge(
    policy: Policy, told: HandedIn, reviews: Mapping[str, Sequence[Mapping[str, Any]]], today: date
) -> Terms | tuple[str, ...]:
    """Return the terms under which a list may come in, or everything that is wrong with it."""
    wrong = list(_wrong(policy, told, reviews, today))
    if wrong:
        return tuple(wrong)
    indirect = told.source in sources(policy)
    notice = told.notice or notice_on(reviews.get(told.channel, ()), told.obtained_on)
    return Terms(told.channel, told.source, policy.version if indirect else notice, indirect)


def _wrong(
    policy: Policy, told: HandedIn, reviews: Mapping[str, Sequence[Mapping[str, Any]]], today: date
) -> Iterator[str]:
    known, others = channels(policy), sources(policy)
    if told.obtained_on > today:
        yield f"Data cannot have been obtained on {told.obtained_on}, which is still to come."
    if told.channel not in known:
        yield (
            f"The policy has no channel {told.channel[:40]!r}, and its list is closed. "
            f"{did_you_mean(told.channel, list(known))}"
        )
        return
    collection, _ = known[told.channel]
    if told.source in others:
        yield from _unwarranted(others[told.source][0], told)
        return
    if collection.how == "indirect":
        yield (
            f"The policy has no source {told.source[:40]!r} of data about people. "
            f"{did_you_mean(told.source, [str(one.key) for one in collection.sources])}"
        )
        return
    near = did_you_mean(told.source, list(others)) if others else ""
    if not _LABEL.fullmatch(told.source):
        yield (
            f"{told.source[:40]!r} names no source: write it in small letters, digits and dashes, such as "
            "salon-lyon-2026; or name a source of the policy where others gave the data."
        )
    elif near.startswith("Did you mean"):
        yield f"Is {told.source!r} a source of the policy? {near} If it is not, name it otherwise."
    yield from _unnoticed(told, reviews.get(told.channel, ()))


def _unwarranted(collection: Collection, told: HandedIn) -> Iterator[str]:
    """What whoever gave data about others must warrant (the policy's `provider_duties`)."""
    lacking = [one for one in collection.provider_duties if one not in told.warranted]
    if lacking:
        yield (
            f"Whoever gave this list must warrant, by the policy: {', '.join(lacking)}. Ask them, and name each with "
            "--warrants; give their statement with --warranty."
        )
    if collection.provider_duties and not told.warranted_by.strip():
        yield "Say who gave the list and warrants for it, with --given-by."


def _unnoticed(told: HandedIn, reviews: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    versions = [str(one["notice_version"]) for one in reviews]
    if not versions:
        yield (
            f"Nothing shows that people meet the notice at {told.channel!r}: nobody answers for it yet. "
            "Say who, which version and what shows it, with `troth channel review`."
        )
    elif told.notice and told.notice not in versions:
        yield (
            f"No review of {told.channel!r} saw version {told.notice[:20]!r} of the notice there. "
            f"Reviewed: {', '.join(dict.fromkeys(versions))}."
        )
    elif not told.notice and not notice_on(reviews, told.obtained_on):
        yield (
            f"What people met at {told.channel!r} on {told.obtained_on} was never reviewed. "
            "Name the version with --notice, or review the channel for that day with `troth channel review --on`."
        )
