"""Look up what is asked about data itself: how long it stays, that it is gone, who received it, what is restricted.

Law: GDPR Arts. 5(1)(e), 14(3), 17, 18(3), 19, 33, 34.
"""

from __future__ import annotations

from datetime import date, datetime

from troth.rules import hold, incident, purpose_scope, sweep
from troth.rules import question_store as questions
from troth.rules.question import Answer
from troth.rules.register import Source
from troth.work import inform
from troth.work.incident import hours
from troth.work.look_up import Look


def retention(look: Look) -> Answer:
    """How many rows are past their retention, as last counted, and which holds stand."""
    bound = tuple(sweep.bound(*look.held()))
    holds = sorted(look.past.states(hold.FAMILY).values(), key=lambda one: str(one["review_on"]))
    return questions.retention(bound, look.past.states(sweep.FAMILY), holds, look.asked)


def deletions(look: Look) -> Answer:
    """What shows that data went."""
    backups, (policy, maps) = {}, look.held()
    for event in look.past.events("act_ended", "sweep_moved"):
        found = maps.get(str(event.facts.get("store") or ""))
        if found is not None and found.backups_expire:
            on = date.fromisoformat(str(event.facts.get("on") or event.at.date()))
            backups[event.id] = found.backups_expire.after(on).isoformat()
    events = look.past.events("act_ended", "verified", "residue_searched", "sweep_moved")
    known = purpose_scope.entities(policy)
    controllers = {
        name: str(one.controller) if str(one.controller) in known else "" for name, one in maps.items()
    }
    return questions.deletions(events, backups, controllers, look.asked)


def recipients(look: Look) -> Answer:
    """Who receives data, by the policy and by what is on record."""
    asked, (policy, maps) = look.asked, look.held()
    words = Source(policy, maps, asked.today, asked.language)
    return questions.recipients(policy, look.past.events("disclosure_made"), words, asked)


def recipients_told(look: Look) -> Answer:
    """Which recipients were told of what was done."""
    return questions.recipients_told(look.requests(), look.past.events("recipient_notified"), look.asked)


def breaches(look: Look) -> Answer:
    """How soon the authority and people were told of breaches."""
    states = sorted(look.past.states(incident.FAMILY).values(), key=lambda one: str(one["number"]))
    words: dict[str, dict[str, str]] = {}
    dues: dict[str, datetime] = {}
    for state in states:
        number = str(state["number"])
        said: dict[str, str] = {}
        for event in look.past.stream(f"{incident.FAMILY}/{number}"):
            said |= {name: str(value) for name, value in look.past.said(event).items() if value}
        words[number] = said
        end = hours(look.project, state)
        if end is not None:
            dues[number] = end.due
    return questions.breaches(states, words, dues, look.moment, look.asked)


def indirect_notices(look: Look) -> Answer:
    """When people were told of data that came from others."""
    return questions.indirect_notices(look.past.states(inform.FAMILY), look.asked)


def restrictions(look: Look) -> Answer:
    """Which restrictions stand, and which were lifted with nobody told."""
    moved = look.past.events("restriction_moved")
    states = look.past.states("restriction")
    return questions.restrictions(moved, states, look.requests(), look.asked)
