"""When a complaint made to the controller itself must be acknowledged.

Law: DPA 2018 s. 164A (United Kingdom), from 19 June 2026.
"""

from __future__ import annotations

from datetime import date, timedelta

from troth.errors import NotFoundError
from troth.law.jurisdiction import jurisdiction as find_place
from troth.law.jurisdiction import rule


def acknowledge_by(received: date, jurisdiction: str) -> date:
    """Return the last day for acknowledging a complaint; the day of receipt is the first of the period.

    >>> acknowledge_by(date(2026, 7, 1), "GB")
    datetime.date(2026, 7, 30)
    """
    place = find_place(jurisdiction)
    says = rule(place.code, "complaint", received)
    if says is None:
        raise NotFoundError(
            f"The law of {place.en} set no period on {received} for a complaint to the controller. "
            "Answer it, and name the supervisory authority."
        )
    end = says.period("period").after(received)
    return end - timedelta(days=1) if says.text("first_day") == "counted" else end
