"""The hours for telling the authority of a personal data breach.

They run from awareness through nights, weekends and holidays, are counted in UTC so that
a change of clocks takes none away, and never roll over.  Two kinder readings are shown
as arguments, for a notice that came late; no deadline is built on them.

Law: GDPR Art. 33(1); Regulation (EEC, Euratom) 1182/71 Art. 3(1), (2)(a), (4), (5).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from troth.errors import NotAllowedError, NotFoundError
from troth.law.jurisdiction import jurisdiction as find_place
from troth.law.jurisdiction import rule
from troth.law.working_day import working_days_after

TWO_WORKING_DAYS = 2


@dataclass(frozen=True, slots=True)
class Argument:
    """A later moment that can be argued for, and the rule it rests on."""

    until: datetime
    law: str


@dataclass(frozen=True, slots=True)
class BreachDue:
    """The moment by which the authority must know, in the time of the place, and its law."""

    due: datetime
    hours: int
    law: str
    hour_rule: Argument
    two_working_days: Argument


def breach_due(aware_at: datetime, jurisdiction: str = "EU", *, assume: Collection[str] = ()) -> BreachDue:
    """Return when the authority must have been told of a breach known since a moment.

    `assume` names pending packs to reckon with, such as "digital-omnibus"; none counts by itself.

    >>> due = breach_due(datetime.fromisoformat("2027-03-26T17:20:00+01:00"), "FR")
    >>> due.due.isoformat()  # the clocks went forward meanwhile
    '2027-03-29T18:20:00+02:00'
    """
    if aware_at.tzinfo is None:
        raise NotAllowedError("The moment of awareness has no time zone. Give one, such as UTC or +01:00.")
    place = find_place(jurisdiction)
    zone = ZoneInfo(place.time_zone)
    local = aware_at.astimezone(zone)
    says = rule(place.code, "breach", local.date(), assume)
    if says is None:
        raise NotFoundError(
            f"No number of hours for telling the authority is recorded for {place.en} on {local.date()}. "
            "Tell it as soon as possible, and ask counsel."
        )
    hours = timedelta(hours=says.whole("hours"))
    next_hour = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC) + timedelta(hours=1)
    second_day = working_days_after(local.date(), TWO_WORKING_DAYS, place.code)
    midnight = datetime.combine(second_day + timedelta(days=1), time(), tzinfo=zone)
    due = (aware_at.astimezone(UTC) + hours).astimezone(zone)
    by_the_hour = (next_hour + hours).astimezone(zone)
    return BreachDue(
        due=due,
        hours=says.whole("hours"),
        law=says.text("notified_under"),
        hour_rule=Argument(by_the_hour, says.text("hour_rule")),
        two_working_days=Argument(max(by_the_hour, midnight), says.text("two_days_rule")),
    )
