"""Rules on two places of a policy that cannot both be true."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.law.period import Period
from troth.policy.check.finding import Spot
from troth.policy.check.prose import Paragraph, Prose
from troth.policy.check.rule import rule
from troth.policy.check.written import durations

_COOKIES = r"\bcookies?\b"
_GENERAL_LIFE = r"\bcookies (?:are|will be) (?:stored|kept|valid|retained)\b"
_STORAGE = re.compile(r"^\W*(?:storage|duration|retention)(?:\s+(?:period|time))?\s*:", re.IGNORECASE)
_MARKETING = r"\bmarketing\b|\badvertis|\bcommercial (?:purposes|prospecting)\b"
_TAILORED = r"\btailor\b|\btarget(?:ed)? advertis|\bpersonali[sz]e(?:d)? (?:ads?|advertis|messages)"
_STATISTICS_ONLY = (
    r"\ball (?:the )?information is processed to compile statistic|\bstatistic\w* (?:purposes )?only\b|"
    r"\bonly for statistic"
)
_ONE_SITE = r"\bcannot be used from one (?:web)?site to another\b|\bnot used across (?:web)?sites\b"


@rule("X01", "en")
def longer_than_the_general_life(prose: Prose) -> Iterator[Spot]:
    """Find one tool's storage that outlives what is said of all cookies."""
    for general, storage in _lives(prose):
        longer = [(spot, life) for spot, life in storage if life.days()[0] > general[1].days()[1]]
        if longer:
            yield general[0]
            yield from (spot for spot, _ in longer)


@rule("X02", "en")
def nearly_the_same_life(prose: Prose) -> Iterator[Spot]:
    """Find one life told in two units that do not give the same days."""
    for (general, life), storage in _lives(prose):
        near = [spot for spot, other in storage if other.unit != life.unit and _near(other, life)]
        if near:
            yield general
            yield from near


@rule("X03", "en")
def session_that_may_last(prose: Prose) -> Iterator[Spot]:
    """Find session cookies that end with the session and may be stored longer."""
    for section in prose.about(r"\bsession\b"):
        longer = [one for one in section.own if one.says(r"\bor be stored (?:for )?longer\b")]
        ending = [
            one
            for one in section.own
            if one not in longer
            and one.says(r"\bsession cookies\b")
            and one.says(r"\bexpire|\bdeleted as soon as\b|\bautomatically deleted\b")
        ]
        if longer and ending:
            yield from _spots(longer, r"\bor be stored (?:for )?longer\b")
            yield from _spots(ending, r"\bexpires?\b|\bautomatically deleted\b")


@rule("X04", "en")
def many_purposes_and_one(prose: Prose) -> Iterator[Spot]:
    """Find one kind of cookie with a variety of purposes and strictly limited to one."""
    for section in prose.about(_COOKIES):
        many = [one for one in section.own if one.says(r"\bvariety of purposes\b")]
        one_only = [one for one in section.own if one.says(r"\bstrictly limited to\b")]
        if many and one_only:
            yield from _spots(many, r"\bvariety of purposes\b")
            yield from _spots(one_only, r"\bstrictly limited to\b")


@rule("X05", "en")
def two_lists_of_recipients(prose: Prose) -> Iterator[Spot]:
    """Find a list of recipients, and a sentence elsewhere that says the recipients are others."""
    if prose.policy is not None:
        return
    for section in prose.about(r"\bto whom\b|\brecipients\b|\bwho (?:receives|do we share)\b|\bdisclos"):
        inside = {one.line for one in section.inside}
        again = [
            one for one in prose.saying(r"\bthe recipients of [^.]{0,60}\bare\b") if one.line not in inside
        ]
        if len(section.items) > 1 and again:
            yield from (one.whole for one in section.items)
            yield from _spots(again, r"\bthe recipients of [^.]{0,60}\bare\b")


@rule("X06", "en")
def objection_whole_and_half(prose: Prose) -> Iterator[Spot]:
    """Find a right to object to any processing, and a clause on it that knows direct marketing only."""
    for section in prose.about(r"\bright to object\b|\bobjection\b"):
        text = section.text
        if re.search(r"direct\s+marketing", text, re.IGNORECASE) is None or re.search(
            r"legitimate\s+interest|particular\s+situation|public\s+interest", text, re.IGNORECASE
        ):
            continue
        inside = {one.line for one in section.inside}
        whole = [
            one
            for one in prose.saying(r"\bright to object to the processing\b")
            if one.line not in inside and not one.says(r"\bmarketing\b")
        ]
        if whole:
            yield from _spots(whole, r"\bright to object to the processing\b")
            first = next(one for one in section.inside if one.says(r"\bdirect marketing\b"))
            yield from _spots([first], r"\bdirect marketing\b")


@rule("X07", "en")
def statistics_only_and_advertising(prose: Prose) -> Iterator[Spot]:
    """Find a tool said to do statistics of one site, beside cookies that tailor advertisements."""
    for section in prose.about(_COOKIES):
        tailored = [one for one in section.own if one.says(_TAILORED)]
        only = [one for one in section.own if one.says(_STATISTICS_ONLY) or one.says(_ONE_SITE)]
        if tailored and only and not set(tailored) & set(only):
            yield from _spots(tailored, _TAILORED)
            yield from _spots(only, f"{_STATISTICS_ONLY}|{_ONE_SITE}")


@rule("X08", "en")
def statistics_with_marketing(prose: Prose) -> Iterator[Spot]:
    """Find a class of audience cookies that is for marketing too."""
    for paragraph in prose.saying(
        r"^\W*(?:analytic(?:al|s)?|statistic(?:al|s)?|audience)(?: cookies)?\W{0,4}[:–-]"
    ):
        yield from list(paragraph.find(_MARKETING))[:1]


@rule("X09", "en")
def asked_first_or_refused_later(prose: Prose) -> Iterator[Spot]:
    """Find cookies that need consent, and a consent that is a setting to be changed."""
    for section in prose.about(_COOKIES):
        asked = [
            one
            for one in section.own
            if one.says(r"\brequire (?:the user's |your |prior )?consent\b")
            and not one.says(r"\bdo not require\b")
        ]
        set_so = [
            one
            for one in section.own
            if one.says(r"\bconsent (?:\w+ ){0,3}set (?:using|by|through|in) [^.]{0,40}\bbrowser\b")
        ]
        if asked and set_so:
            yield from _spots(asked, r"\brequire (?:the user's |your |prior )?consent\b")
            yield from _spots(set_so, r"\bconsent (?:\w+ ){0,3}set (?:using|by|through|in)\b")


@rule("X10", "en")
def consent_or_any_basis(prose: Prose) -> Iterator[Spot]:
    """Find consent demanded in one sentence and any legal basis accepted in the next."""
    for paragraph in prose.saying(r"\b(?:prior|express) consent\b"):
        yield from paragraph.find(r"\bor have (?:a|another) (?:legal|lawful) basis\b")


@rule("X11", "en")
def confidential_and_tracked(prose: Prose) -> Iterator[Spot]:
    """Find a promise not to compromise the confidentiality of browsing, beside tracking cookies."""
    promise = r"\bcompromise the confidentiality of [^.]{0,30}\bbrowsing\b"
    promised = list(prose.saying(promise))
    tracking = [
        one
        for one in prose.saying(r"\btracking (?:cookies?|technolog)")
        if not one.says(r"\b(?:no|not|never)\b")
    ]
    if promised and tracking:
        yield from _spots(promised, promise)
        yield from _spots(tracking, r"\btracking (?:cookies?|technolog)")


@rule("X12", "en")
def separate_and_not(prose: Prose) -> Iterator[Spot]:
    """Find a right to be presented apart from everything else, in the middle of the other rights."""
    for paragraph in prose.saying(r"\bseparately from any other information\b"):
        section = prose.section_of(paragraph.line)
        if section is not None and "." in section.number and prose.policy is None:
            yield from paragraph.find(r"\bseparately from any other information\b")


@rule("X13", "en")
def contract_and_other_purposes(prose: Prose) -> Iterator[Spot]:
    """Find data passed to the group for contracts only, beside purposes that are no contract's."""
    if prose.policy is not None:
        return
    passed = (
        r"\bany (?:company|entity|member) of the [^.;]{0,60}\bfor the (?:proper )?performance of our contract"
    )
    passing = list(prose.saying(passed))
    others = [
        item
        for section in prose.about(r"\bhow do we use\b|\bpurposes?\b|\bwhy\b")
        for item in section.items
        if item.says(r"\b(?:detect|prevent|investigate)\b")
        or item.says(r"\bhow [^.;]{0,30}\buse\b[^.;]{0,30}\bfeatures\b")
    ]
    if passing and others:
        yield from _spots(passing, passed)
        yield from (one.whole for one in others)


def _lives(prose: Prose) -> Iterator[tuple[tuple[Spot, Period], list[tuple[Spot, Period]]]]:
    """Yield what a section says of the life of all cookies, and of the storage of each tool."""
    for section in prose.about(_COOKIES):
        general: tuple[Spot, Period] | None = None
        storage: list[tuple[Spot, Period]] = []
        for paragraph in section.own:
            found = [(paragraph.spot(match), life) for match, life in durations(paragraph.text, "en")]
            if found and paragraph.says(_GENERAL_LIFE) and general is None:
                general = found[0]
            elif found and _STORAGE.match(paragraph.text):
                storage += found[:1]
        if general is not None:
            yield general, storage


def _near(one: Period, other: Period) -> bool:
    """Tell whether two periods differ by less than a tenth, and do differ."""
    low, high = one.days(), other.days()
    apart = low[1] < high[0] or high[1] < low[0]
    return apart and abs(low[0] - high[0]) < high[0] / 10


def _spots(paragraphs: list[Paragraph], pattern: str) -> Iterator[Spot]:
    """Yield the first place of the pattern in each paragraph."""
    for one in paragraphs:
        yield from list(one.find(pattern))[:1]
