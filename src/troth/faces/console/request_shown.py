"""What the page of a request shows: facts, clock, claims and course, in words; nobody is named in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from troth.faces.console.acts import Act, Sight
from troth.faces.words import Words
from troth.law.deadline import Deadline
from troth.law.sentence import cite
from troth.rules import request
from troth.rules.claim import WAYS
from troth.rules.event import Event
from troth.rules.request_wait import waits
from troth.work import cover, hold

DOES: Mapping[str, str] = {
    "authority": "authority", "extension": "extend_confirm", "unidentified": "unidentified_confirm",
    "person": "answer_ask", "fee": "fee_confirm", "fee_paid": "fee_moved", "escalated": "decide", "decide": "decide",
    "advise": "advise", "review": "review", "owner": "task", "measure": "measure", "approve": "approve",
    "release": "release", "by_hand": "carried_out", "post": "posted", "answer": "answer", "close": "close",
    "explain": "late",
}  # fmt: skip
"""By which act a step that waits is done."""
FACTS = (
    "claim",
    "store",
    "rows",
    "kind",
    "letter",
    "amount",
    "currency",
    "recipient",
    "ask",
    "state",
    "right",
)


def next_steps(sight: Sight, acts: Mapping[str, Act]) -> list[dict[str, Any]]:
    """Return the steps that wait: what each is, and the act by which whoever looks may do it now, if they may."""
    found = []
    for one in waits(sight.state):
        act = acts.get(DOES.get(one.step, ""))
        at = replace(sight, claim=one.claim)
        able = act is not None and act.may(at) and act.when(at) and not list(act.why_not(at))
        found.append(
            {"step": one.step, "claim": one.claim, "but": one.but, "act": act.name if act and able else ""}
        )
    return found


def offered(sight: Sight, acts: Sequence[Act]) -> list[dict[str, Any]]:
    """Return the acts that come into question for whoever looks, each with the reasons why it cannot be done now."""
    return [
        {"name": act.name, "why_not": list(act.why_not(sight)), "claim": sight.claim, "grave": act.grave}
        for act in acts
        if act.may(sight) and act.when(sight)
    ]


def claims(sight: Sight, acts: Sequence[Act]) -> list[dict[str, Any]]:
    """Return each claim as the page shows it."""
    found = []
    for name, told in sight.state["claims"].items():
        at = replace(sight, claim=name)
        found.append(
            {
                "name": name, "told": told, "way": WAYS.get(told["right"], ""), "acts": offered(at, acts),
                "plan": plan(told["plan"]["stores"]) if told["plan"] else None,
                "coverage": cover.coverage(sight.project, told) if told.get("tasks") else (),
                "stores": list(_stores(told)), "hits": list(_hits(told)),
            }
        )  # fmt: skip
    return found


def plan(stores: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measured plan as a briefing: what goes, what stays and why, what else the database does."""
    rows = [
        {"store": store, "table": table, "verb": verb, "rows": count, "until": until, "legal": legal}
        for store, told in stores.items()
        for table, verb, count, until, legal in told["counts"]
    ]
    effects = [
        {"store": store, "table": table, "verb": verb, "rows": count}
        for store, told in stores.items()
        for table, verb, count in told["side_effects"]
    ]
    kept = sum(one["rows"] for one in rows if one["verb"] in {"retain", "archive"})
    return {
        "rows": rows, "effects": effects, "changed": sum(one["rows"] for one in rows) - kept, "kept": kept,
        "stores": sum(1 for told in stores.values() if told["counts"]),
        "processed": sum(int(told.get("processed") or 0) for told in stores.values()),
    }  # fmt: skip


def _stores(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for store, done in sorted(told["stores"].items()):
        yield {
            "store": store, "grade": done.get("grade", ""), "on": done.get("on"), "verified": done.get("verified"),
            "rows": sum(int(row[2]) for row in done.get("rows", ())), "deferred": done.get("deferred", ""),
        }  # fmt: skip


def _hits(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for store, hits in (told["residue"] or {}).items():
        for hit in hits:
            yield {"store": store, **hit}


def deadline(sight: Sight) -> Deadline:
    """Return the clock of a request, as of today while it is open."""
    return request.deadline(sight.state, sight.today if request.is_open(sight.state) else None)


def explained(due: Deadline, words: Words) -> list[tuple[str, str, str]]:
    """Return the clock day by day: the day, what is said of it, by which law."""
    return [
        (words.day(step.day), step.sentence.say(words.language), cite(step.law, words.language))
        for step in due.explanation
    ]


def flags(due: Deadline, words: Words) -> list[str]:
    """Return what of the clock a person should look at."""
    return [f"{one.sentence.say(words.language)} ({cite(one.law, words.language)})" for one in due.flags]


def holds(sight: Sight) -> list[str]:
    """Return the holds under which what the request is about is not erased."""
    subject = str(sight.state["subject"])
    return [one.name for one in hold.in_force(sight.project) if one.about(subject)]


def timeline(events: Sequence[Event], words: Words) -> list[dict[str, Any]]:
    """Return what happened, the last first; no personal data is in it."""
    return [
        {"at": event.at, "id": event.id, "actor": event.actor, "text": sentence(event, words)}
        for event in reversed(events)
    ]


def sentence(event: Event, words: Words) -> str:
    """Say an event in a sentence: by its kind and its code where there is one, and by its name else."""
    facts = event.facts
    codes = [
        str(facts.get(name))
        for name in ("outcome", "to", "state", "screen", "what", "sufficient")
        if name in facts
    ]
    named = {name: str(facts.get(name) or "") for name in FACTS}
    if event.kind == "letter_sent":
        kind = str(facts["kind"])
        named["kind"] = words(f"letter.{kind}") if words.has(f"letter.{kind}") else kind
    if isinstance(facts.get("rows"), Sequence) and not isinstance(facts.get("rows"), str):
        listed: Any = facts["rows"]
        named["rows"] = str(sum(int(row[2]) for row in listed))
    for code in codes:
        if words.has(f"event.{event.kind}.{code}"):
            return words(f"event.{event.kind}.{code}", **named)
    if words.has(f"event.{event.kind}"):
        return words(f"event.{event.kind}", **named)
    return event.kind.replace("_", " ")


def far(state: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many steps of the erasures are done, of how many: each store acts, is verified and is searched."""
    done = of = 0
    for told in state["claims"].values():
        if not told["approved"] or not told["plan"]:
            continue
        stores = told["plan"]["stores"]
        of += 3 * len(stores)
        for store in stores:
            acted = told["stores"].get(store, {})
            done += (
                ("step" in acted) + (acted.get("verified") is not None) + (store in (told["residue"] or {}))
            )
    return done, of


def as_day(written: str | None) -> date | None:
    """Read a day of a state."""
    return date.fromisoformat(written[:10]) if written else None
