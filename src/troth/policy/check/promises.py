"""Rules on promises: what does not read, and prose that contradicts the promise beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from troth.law.period import Period
from troth.policy.check.finding import Spot
from troth.policy.check.prose import Prose, Section
from troth.policy.check.rule import rule
from troth.policy.check.written import durations

if TYPE_CHECKING:
    from troth.policy.facts import Fact

_IN_ALL = re.compile(
    r"\W+(?:in\s+all|in\s+total|altogether|at\s+most|en\s+tout|au\s+total|au\s+plus)\b", re.IGNORECASE
)
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


@rule("P03", "en", "fr")
def stays_at_high_risk(prose: Prose) -> Iterator[Spot]:
    """Find clauses with a purpose whose risk stays high and of which the authority was not consulted."""
    policy = prose.policy
    if policy is None:
        return
    from troth.policy.publishing import at_high_risk

    clauses = {purpose.clause for _, purpose in at_high_risk(policy)}
    yield from (section.heading for section in prose.sections if section.number in clauses)


def _durations(section: Section, said: Iterable[Fact], language: str) -> Iterator[Spot]:
    promised = [one.value for one in said if isinstance(one.value, Period)]
    if not promised:
        return
    known = {_measure(one) for one in promised}
    sums = {(one[0] + two[0], one[1]) for one in known for two in known if one[1] == two[1]}
    for paragraph in section.own:
        for match, period in durations(paragraph.text, language):
            summed = _IN_ALL.match(paragraph.text, match.end()) is not None
            if _measure(period) not in (known | sums if summed else known):
                yield paragraph.spot(match)


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
