"""Remind the data protection officer each day of the requests that press.

One letter a day, in the morning of the place where the controller is established, and none
when nothing presses.  It says numbers, rights and dates; no name and no address is in it.

Law: GDPR Art. 12(3), Art. 39(1)(b).
"""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from troth.law import clock
from troth.ledger import append, read
from troth.outside.mail import Letter
from troth.rules import action, french, hold, letter, promise_trend, register_document
from troth.rules.alert import Alert, alerts
from troth.rules.event import Draft, Fact
from troth.rules.letter import has_phrase, phrase
from troth.work import announce_change, incident, send_letter, sweep, tell_owners
from troth.work.audit_trend import turned
from troth.work.establishment import establishment
from troth.work.project import Project

HOUR = 7
"""The local hour from which the day's letter may go out."""
TRIES_MAX = 12
TRY_AGAIN = timedelta(minutes=15)


def pressing(project: Project) -> tuple[Alert, ...]:
    """Return every request that presses today, the most pressing first."""
    states = [found.body for found in read.states(project.ledger, "request", other_than="closed")]
    return alerts(states, clock.receipt_day(project.clock(), establishment(project).time_zone))


def remind(project: Project) -> bool:
    """Send the day's letter when it is time and something presses; say whether one went out."""
    to = project.policy.group.dpo.email if project.policy.group and project.policy.group.dpo else None
    now = project.clock()
    local = now.astimezone(ZoneInfo(establishment(project).time_zone))
    if not to or local.hour < HOUR:
        return False
    today = local.date()
    stream = f"digest/{today.isoformat()}"
    tried = read.stream(project.ledger, stream)
    if any(event.facts["outcome"] != "failed" for event in tried) or len(tried) >= TRIES_MAX:
        return False
    if tried and now < tried[-1].at + TRY_AGAIN:
        return False
    language = project.policy.language
    lines = [said(one, language, today) for one in pressing(project)] + _mail(project, language)
    lines += _incidents(project, language) + _sweeps(project, language) + _turned(project, language, today)
    lines += _actions(project, language, today) + _looked_at_again(project, language, today)
    lines += _not_none(project, language)
    lines += _announcements(project, language)
    if not lines:
        return False
    fields: dict[str, object] = {
        "on": send_letter.day(today.isoformat(), language),
        "lines": lines,
        "organisation": send_letter.organisation(project, language),
    }
    written = letter.write("digest", language, fields)
    sent = project.mailer.send(Letter(to, written.subject, written.text, language))
    facts: dict[str, Fact] = {
        "letter": f"digest-{today.isoformat()}", "kind": "digest", "channel": "email", "outcome": sent.outcome,
        "sha256": sha256(written.text.encode()).hexdigest(), "attempt": len(tried) + 1, "language": language,
    }  # fmt: skip
    once = None if sent.outcome == "failed" else f"digest {today.isoformat()}"
    append.append(project.ledger, [Draft("letter_sent", stream, facts)], once=once)
    return sent.outcome == "sent"


def _incidents(project: Project, language: str) -> list[str]:
    """Say which reports nobody has looked at, and by when the authority must know of a breach."""
    lines = []
    for one in incident.every(project):
        end = incident.hours(project, one)
        if one["status"] == "reported":
            lines.append(phrase("incident_waits", language, number=one["number"]))
        elif one["status"] == "breach" and end and not one["authority"] and one["risk"] != "unlikely":
            due = f"{send_letter.day(end.due.date().isoformat(), language)} {end.due:%H:%M %Z}"
            lines.append(phrase("breach_presses", language, number=one["number"], due=due))
    return lines


def _sweeps(project: Project, language: str) -> list[str]:
    """Say which sweeps are marked, from which day they act, and who is to be told of them by somebody."""
    unknown = [
        phrase("sweep_owner_unknown", language, owner=one.name, rule=one.of)
        for one in tell_owners.owners(project)
        if one.outcome in {"no_address", "refused"}
    ]
    return unknown + [
        phrase(
            "sweep_waits", language, rows=one["rows"], table=f"{one['store']}.{one['table']}", rule=one["rule"],
            on=send_letter.day(one["due"], language),
        )
        for one in sweep.every(project)
        if one["status"] == "marked"
    ]  # fmt: skip


def _announcements(project: Project, language: str) -> list[str]:
    """Say which ways of announcing a coming version are still to be gone, and by when."""
    if project.policy is project.written:
        return []
    return [
        phrase("announcement_waits", language, version=one.version, way=phrase(f"way_{way}", language),
               on=send_letter.day((one.by or one.effective).isoformat(), language))
        for one in announce_change.announced(project)
        for way, done in one.ways.items()
        if done is None
    ]  # fmt: skip


def _turned(project: Project, language: str, today: date) -> list[str]:
    """Say which promises are newly broken, and which are kept again, since yesterday."""
    return [
        phrase(f"promise_{one.becomes}", language, rule=one.promise, figure=french.said(one.figure, language))
        for one in turned(project, today - timedelta(days=1))
        if has_phrase(f"promise_{one.becomes}")
    ]


def _actions(project: Project, language: str, today: date) -> list[str]:
    """Say which actions should have been closed by now."""
    states = [found.body for found in read.states(project.ledger, action.FAMILY, status="open")]
    return [
        phrase(
            "action_overdue", language, number=one["number"], rule=action.about(one["about"]).name,
            owner=one["owner"], on=send_letter.day(one["due_on"], language),
        )
        for one in action.overdue(states, today)
    ]  # fmt: skip


def _looked_at_again(project: Project, language: str, today: date) -> list[str]:
    """Say which holds were to be looked at again by now, and which documents of the register are due soon or past."""
    holds = [
        phrase(
            "hold_review",
            language,
            number=found.body["name"],
            owner=found.body.get("owner") or phrase("hold_owner_unknown", language),
            on=send_letter.day(found.body["due"], language),
        )
        for found in read.states(project.ledger, hold.FAMILY, status="placed", due_before=today.isoformat())
    ]
    documents = [
        phrase("document_due", language, rule=str(one.key), on=send_letter.day(day.isoformat(), language))
        for one, day in register_document.due(project.policy, today)
    ]
    return holds + documents


def _not_none(project: Project, language: str) -> list[str]:
    """Say what the last night found of what must be none: each day, until it is."""
    return [
        phrase("not_none", language, rule=name, figure=str(found.body["figure"]))
        for found in read.states(project.ledger, promise_trend.QUESTIONS)
        if found.body["status"] == "broken" and (name := found.stream.partition("/")[2])
    ]


def _mail(project: Project, language: str) -> list[str]:
    """Say how much mail nobody sorted yet: the clock of what it asks may be running."""
    waiting = [
        str(one.body["arrived_at"])[:10] for one in read.states(project.ledger, "mail", status="waiting")
    ]
    if not waiting:
        return []
    return [phrase("mail_waits", language, rows=len(waiting), on=send_letter.day(min(waiting), language))]


def said(one: Alert, language: str, today: date) -> str:
    """Say an alert in a line: the number, what presses, what is asked for."""
    days = {"overdue": (today - one.legal_due).days, "late": (one.legal_due - today).days}.get(one.stage, 0)
    rights = ", ".join(phrase(right, language) if has_phrase(right) else right for right in one.rights)
    return phrase(
        one.stage, language, number=one.number, rights=rights, rows=days,
        safe=send_letter.day(one.safe_due.isoformat(), language),
        legal=send_letter.day(one.legal_due.isoformat(), language),
    )  # fmt: skip
