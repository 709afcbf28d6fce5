"""The audit over time: each night's run, what turned since a day, how many stood how on each.

Law: GDPR Art. 5(2), Art. 24(1).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from troth.errors import TrothError
from troth.ledger import read
from troth.rules import promise_trend
from troth.work.establishment import establishment
from troth.work.project import Project
from troth.work.publish_policy import STREAM

NIGHTLY_HOUR = 3
"""The local hour from which the day's audit may run: before the officer's letter goes out."""


class _Verdict(msgspec.Struct, frozen=True):
    promise: str
    verdict: str


class _Ran(msgspec.Struct, frozen=True):
    """What is read of a control that ran: there are as many as promises, each night."""

    at: datetime
    kind_version: int
    stream: str
    facts: _Verdict


def nightly(project: Project) -> bool:
    """Audit once a day, from the small hours of the place where the controller is on; say whether it was done.

    What has outlived its retention is counted first, and what must be none is asked for too.  Before a policy is
    published there is nothing that anybody was promised.
    """
    local = project.clock().astimezone(ZoneInfo(establishment(project).time_zone))
    if local.hour < NIGHTLY_HOUR or not read.stream(project.ledger, STREAM):
        return False
    today = project.clock().date().isoformat()
    # By the questions: controls run by day as well, when somebody audits or closes an action.
    if any(one.body["on"] >= today for one in read.states(project.ledger, promise_trend.QUESTIONS)):
        return False
    from troth.work import sweep  # here, so that a server that never audits stays small
    from troth.work.answer_question import look_at_what_must_be_none
    from troth.work.audit import audit

    with suppress(TrothError):  # a store that is away is judged by when it was counted last
        sweep.look(project)
    audit(project)
    look_at_what_must_be_none(project)
    return True


def turned(project: Project, since: date) -> tuple[promise_trend.Turned, ...]:
    """Return the promises whose verdict changed on a day or after it, what broke first."""
    states = (one.body for one in read.states(project.ledger, promise_trend.FAMILY))
    return promise_trend.turned(states, since)


def trend(project: Project) -> tuple[promise_trend.Day, ...]:
    """Count how the promises stood at the end of each day on which controls ran."""
    return promise_trend.trend([(at.date(), promise, verdict) for at, promise, verdict in _judged(project)])


def runs(project: Project) -> tuple[promise_trend.Run, ...]:
    """Count how the promises stood at the end of each run of the controls."""
    return promise_trend.runs(_judged(project))


def _judged(project: Project) -> Iterator[tuple[datetime, str, str]]:
    for event in read.told(project.ledger, "control_ran", _Ran):
        if event.stream.startswith(f"{promise_trend.FAMILY}/"):
            yield event.at, event.facts.promise, event.facts.verdict
