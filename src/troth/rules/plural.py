"""Fill the gaps of a sentence, and choose its words by the numbers in them.

`{rows} {rows:ligne|lignes}` has the singular and the plural of a word.  English takes the plural of all but
one, French from two on; what is no number, such as *fewer than 5*, is several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from troth.law.sentence import month

_CHOICE = re.compile(r"\{(?P<name>\w+):(?P<one>[^|{}]*)\|(?P<many>[^|{}]*)\}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")


def filled(template: str, language: str, **gaps: object) -> str:
    """Fill a sentence: a gap that is a day is written as people do.

    >>> filled("{n} {n:row|rows} on {on}", "en", n=1, on="2026-12-01")
    '1 row on 1 December 2026'
    >>> filled("{n} {n:ligne|lignes} le {on}", "fr", n=0, on=date(2026, 12, 1))
    '0 ligne le 1er décembre 2026'
    >>> filled("{n} {n:ligne|lignes}", "fr", n="moins de 5")
    'moins de 5 lignes'
    """
    told = {name: day(one, language) for name, one in gaps.items()}
    return chosen(template, language, gaps).format(**told)


def chosen(template: str, language: str, gaps: Mapping[str, object]) -> str:
    """Choose the words of a sentence by the numbers in it; its gaps stay.

    >>> chosen("{n} {n:row|rows}, {kept} {kept:stays|stay}", "en", {"n": 1, "kept": 0})
    '{n} row, {kept} stay'
    """

    def one_of(found: re.Match[str]) -> str:
        return found["many"] if is_many(str(gaps[found["name"]]), language) else found["one"]

    return _CHOICE.sub(one_of, template)


def is_many(number: str, language: str) -> bool:
    """Say whether a number wants the plural.

    >>> is_many("0", "en"), is_many("0", "fr"), is_many("1", "en"), is_many("2", "fr"), is_many("not shown", "en")
    (True, False, False, True, True)
    """
    if not number.isdecimal():
        return True
    return int(number) > 1 if language == "fr" else int(number) != 1


def several(said: Iterable[str], language: str) -> str:
    """Write several sayings of one cell after each other, as the language separates them.

    >>> several(["accès", "effacement"], "fr"), several(["access", "erasure"], "en"), several(["access"], "fr")
    ('accès ; effacement', 'access; erasure', 'access')
    """
    return (" ; " if language == "fr" else "; ").join(said)


def day(written: object, language: str) -> object:
    """Write a day, given as one or in ISO 8601, as people do; a moment to the minute, in UTC; what is neither stays.

    >>> day("2026-12-01", "fr"), day(date(2026, 4, 3), "en"), day("orders", "en"), day(7, "fr")
    ('1er décembre 2026', '3 April 2026', 'orders', 7)
    >>> day("2026-12-01T09:05:07.123456+01:00", "en"), day("2026-12-01T09:05:07", "fr")
    ('1 December 2026, 08:05 UTC', '1er décembre 2026, 09:05 UTC')
    """
    match written:
        case datetime():
            return moment(written, language)
        case date():
            return _day(written, language)
        case str() if _DAY.fullmatch(written) or _MOMENT.fullmatch(written):
            try:
                if len(written) == len("2026-12-01"):
                    return _day(date.fromisoformat(written), language)
                return moment(datetime.fromisoformat(written), language)
            except ValueError:
                return written
    return written


def moment(when: datetime, language: str) -> str:
    """Write a moment to the minute in UTC; one without a zone is of UTC."""
    at = when.astimezone(UTC) if when.tzinfo else when
    return f"{_day(at.date(), language)}, {at:%H:%M} UTC"


def _day(when: date, language: str) -> str:
    french = language == "fr"
    return f"{'1er' if french and when.day == 1 else when.day} {month(when, 'fr' if french else 'en')} {when.year}"
