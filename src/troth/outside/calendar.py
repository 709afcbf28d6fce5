"""Dates as a calendar that other programs subscribe to.

Source: RFC 5545 (iCalendar), RFC 7986 (names and refresh).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Entry:
    """One whole day: an id that stays the same, what it is called, what is said of it."""

    id: str
    day: date
    title: str
    text: str = ""
    link: str = ""


def written(name: str, entries: Iterable[Entry], made: datetime) -> bytes:
    """Write a calendar, all of it anew; whoever subscribed looks again each hour."""
    import icalendar  # 0.2 s, and only whoever draws a calendar needs it

    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Troth//Requests//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for entry in entries:
        event = icalendar.Event()
        event.add("uid", entry.id)
        event.add("dtstamp", made)
        event.add("dtstart", entry.day)
        event.add("dtend", entry.day + timedelta(days=1))
        event.add("summary", entry.title)
        event.add("transp", "TRANSPARENT")
        if entry.text:
            event.add("description", entry.text)
        if entry.link:
            event.add("url", entry.link)
        calendar.add_component(event)
    drawn: bytes = calendar.to_ical()
    return drawn
