"""Rules on promises: what does not read, and prose that contradicts the promise beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from troth.law.period import Period, Unit
from troth.policy.check.finding import Spot
from troth.policy.check.prose import Prose, Section
from troth.policy.check.rule import rule

if TYPE_CHECKING:
    from troth.policy.facts import Fact

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
_COMPANY = re.compile(
    r"\b[A-Z][\w&’'-]{1,30}(?:\s+[A-Z][\w&’'-]{1,30}){0,4}\s+"
    r"(?:Ltd|Limited|SAS|SARL|SA|Inc|GmbH|AG|BV|LLC|plc|SpA|Srl)\b"
)
_RIGHTS = {
    "access": r"\b(?:right (?:of|to) access|droit d'accès)\b",
    "rectify": r"\b(?:right to rectification|droit de rectification)\b",
    "erase": r"\b(?:right to (?:erasure|be forgotten)|droit à l'(?:effacement|oubli))\b",
    "restrict": r"\b(?:right to restriction|droit à la limitation)\b",
    "port": r"\b(?:right to (?:data )?portability|droit à la portabilité)\b",
    "object": r"\b(?:right to object(?! to .{0,40}marketing)|droit d'opposition)\b",
}


@rule("P00")
@rule("P02")
def found_while_reading(prose: Prose) -> Iterator[Spot]:  # noqa: ARG001
    """Find nothing: `check` itself reports these."""
    yield from ()


@rule("P01", "en", "fr")
def contradicts_its_promise(prose: Prose) -> Iterator[Spot]:
    """Find lengths of time, countries, companies and rights that the promises do not say."""
    policy = prose.policy
    if policy is None:
        return
    from troth.policy.facts import facts

    for section in prose.sections:
        said = facts(policy.of_clause(section.number))
        if said:
            yield from _durations(section, said, prose.language)
            yield from _countries(section, said, prose.language)
        if any(one.kind == "right" for one in said):
            yield from _rights(section, set(policy.rights))
        if any(one.kind == "recipient" for one in said):
            yield from _companies(section, _names(facts(policy.promises.values())))


def _durations(section: Section, said: Iterable[Fact], language: str) -> Iterator[Spot]:
    promised = [one.value for one in said if isinstance(one.value, Period)]
    if not promised:
        return
    known = {_measure(one) for one in promised}
    known |= {
        (first[0] + second[0], first[1]) for first in known for second in known if first[1] == second[1]
    }
    pattern, numbers, units = _written(language)
    for paragraph in section.own:
        for match in pattern.finditer(paragraph.text):
            aged = _AGE.match(paragraph.text, match.end()) or _AGED.search(paragraph.text[: match.start()])
            number = match["number"].lower()
            counted = numbers.get(number) or int(number if number.isdecimal() else 0)
            period = Period(counted, units[match["unit"].lower()])
            if not aged and _measure(period) not in known:
                yield paragraph.spot(match)


@cache
def _written(language: str) -> tuple[re.Pattern[str], dict[str, int], dict[str, Unit]]:
    """Return how lengths of time are written, and what the words for numbers and units mean."""
    numbers = {word: at for at, word in enumerate(_NUMBERS[language].split(), 1)} | _MORE_NUMBERS[language]
    some = "|".join(sorted(numbers, key=len, reverse=True))
    units = _UNITS[language]
    pattern = rf"\b(?P<number>\d{{1,4}}|{some})[\s-]+{_BETWEEN}(?P<unit>{'|'.join(units)})s?\b"
    return re.compile(pattern, re.IGNORECASE), numbers, units


def _measure(period: Period) -> tuple[int, str]:
    """Return a period in hours or in months, which are never compared with each other."""
    in_hours = {"hours": 1, "days": 24, "weeks": 168}
    if period.unit in in_hours:
        return period.number * in_hours[period.unit], "hours"
    return period.number * (12 if period.unit == "years" else 1), "months"


def _countries(section: Section, said: Iterable[Fact], language: str) -> Iterator[Spot]:
    promised = {str(one.value).partition("-")[0] for one in said if one.kind == "country"}
    if not promised:
        return
    pattern, codes = _country_names(language)
    for paragraph in section.own:
        for match in pattern.finditer(paragraph.text):
            if codes[" ".join(match[0].split())] not in promised:
                yield paragraph.spot(match)


@cache
def _country_names(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    from troth.policy.words import words

    codes = {name: code for code, name in words(language).countries().items() if len(name) > len("Iran")}
    longest_first = sorted(codes, key=len, reverse=True)
    some = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in longest_first)
    return re.compile(rf"\b(?:{some})\b"), codes


def _rights(section: Section, promised: set[str]) -> Iterator[Spot]:
    for name, pattern in _RIGHTS.items():
        if name not in promised:
            for paragraph in section.own:
                yield from paragraph.find(pattern)


def _names(said: Iterable[Fact]) -> set[str]:
    return {" ".join(str(one.value).rstrip(".").split()) for one in said if one.kind == "recipient"}


def _companies(section: Section, promised: set[str]) -> Iterator[Spot]:
    for paragraph in section.own:
        for match in _COMPANY.finditer(paragraph.text):
            name = " ".join(match[0].split())
            if not any(one in name or name in one for one in promised):
                yield paragraph.spot(match)
