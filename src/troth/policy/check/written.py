"""What prose writes in words and figures: lengths of time and days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache

from troth.law.period import Period, Unit

_NUMBERS = {
    "en": "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen",
    "fr": "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze",
}
"""The words for 1, 2 … in their order."""

_MORE_NUMBERS = {
    "en": {
        "eighteen": 18,
        "twenty": 20,
        "twenty-four": 24,
        "thirty": 30,
        "thirty-six": 36,
        "forty-eight": 48,
        "sixty": 60,
        "ninety": 90,
    },
    "fr": {
        "une": 1,
        "dix-huit": 18,
        "vingt": 20,
        "vingt-quatre": 24,
        "trente": 30,
        "trente-six": 36,
        "quarante-huit": 48,
        "soixante": 60,
        "quatre-vingt-dix": 90,
    },
}
_UNITS: dict[str, dict[str, Unit]] = {
    "en": {"hour": "hours", "day": "days", "week": "weeks", "month": "months", "year": "years"},
    "fr": {
        "heure": "hours",
        "jour": "days",
        "semaine": "weeks",
        "mois": "months",
        "an": "years",
        "année": "years",
    },
}
_BETWEEN = r"(?:(?:working|calendar|business|further|more|full)\s+)?"
_AGE = re.compile(r"\s+(?:old|of\s+age)\b", re.IGNORECASE)
_AGED = re.compile(r"(?:under|over|aged|below|moins\s+de|plus\s+de|âgée?s?\s+de)\s+$", re.IGNORECASE)

_MONTHS = "january february march april may june july august september october november december"
_MONTH = "|".join(_MONTHS.split())
_DATES = (
    re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b"),
    re.compile(
        rf"\b(?P<name>{_MONTH})\s+(?P<day>\d{{1,2}})(?P<ordinal>st|nd|rd|th)?,?\s+(?P<year>(?:19|20)\d\d)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?P<day>\d{{1,2}})(?P<ordinal>st|nd|rd|th)?\s+(?:of\s+)?(?P<name>{_MONTH}),?\s+(?P<year>(?:19|20)\d\d)",
        re.IGNORECASE,
    ),
    re.compile(r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>(?:19|20)\d\d)\b"),
)


def durations(text: str, language: str) -> Iterator[tuple[re.Match[str], Period]]:
    """Yield each length of time a text writes, ages left out.

    >>> [str(period) for _, period in durations("within thirty days, or 13 months; 15 years old", "en")]
    ['30 days', '13 months']
    """
    if language not in _UNITS:
        return
    pattern, numbers, units = _pattern(language)
    for match in pattern.finditer(text):
        if not _AGE.match(text, match.end()) and not _AGED.search(
            text[max(0, match.start() - 20) : match.start()]
        ):
            number = match["number"].lower()
            counted = numbers.get(number) or int(number if number.isdecimal() else 0)
            yield match, Period(counted, units[match["unit"].lower()])


def dates(text: str) -> Iterator[tuple[re.Match[str], date, bool]]:
    """Yield each day an English text writes, and whether it is written so that nobody can mistake it.

    >>> [(str(day), plain) for _, day, plain in dates("2026-11-23, September 12th, 2022, 03/04/2025")]
    [('2026-11-23', True), ('2022-09-12', False), ('2025-04-03', False)]
    """
    for pattern in _DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            name = parts.get("name")
            month = _MONTHS.split().index(name.lower()) + 1 if name else int(parts["month"])
            plain = not parts.get("ordinal") and pattern is not _DATES[-1]
            try:
                yield match, date(int(parts["year"]), month, int(parts["day"])), plain
            except ValueError:
                continue


@cache
def _pattern(language: str) -> tuple[re.Pattern[str], dict[str, int], dict[str, Unit]]:
    """Return how lengths of time are written, and what the words for numbers and units mean."""
    numbers = {word: at for at, word in enumerate(_NUMBERS[language].split(), 1)} | _MORE_NUMBERS[language]
    some = "|".join(sorted(numbers, key=len, reverse=True))
    units = _UNITS[language]
    pattern = rf"\b(?P<number>\d{{1,4}}|{some})[\s-]+{_BETWEEN}(?P<unit>{'|'.join(units)})s?\b"
    return re.compile(pattern, re.IGNORECASE), numbers, units
