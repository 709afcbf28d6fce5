"""Rules on lifetimes and periods: over a ceiling, or of nobody knows what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from troth.law.ceiling import Ceiling, ceiling
from troth.law.jurisdiction import jurisdictions
from troth.law.period import Period
from troth.policy.check.finding import Spot
from troth.policy.check.prose import Paragraph, Prose
from troth.policy.check.rule import rule
from troth.policy.check.written import durations
from troth.policy.promise import Cookie, Cookies

BROWSER_MAX = Period(400, "days")
"""The longest that browsers keep a cookie (RFC 6265bis draft; Chrome from version 104 on, August 2022)."""

_STORAGE = re.compile(
    r"^\W*(?:storage|duration|retention|conservation|durée)(?:\s+(?:period|time|de conservation))?\s*:",
    re.IGNORECASE,
)
_COOKIE_LIVES = (
    r"\bcookies?\b[^.;]{0,40}\b(?:stored|kept|last|lasts|expires?|remains?|conservés?|expirent?|valid)\b"
)
_ENTRY = re.compile(r"^[ \t]*[A-Z][\w ]{2,28}?[ \t]*(?::|[–—-][ \t])", re.IGNORECASE)
_NO_ENTRY = re.compile(r"^\W*(?:last |latest )?(?:updated?|version|date|note|contact)\b", re.IGNORECASE)
_COOKIES_WE_USE = (
    r"\bcookies? (?:that )?(?:we|this (?:web)?site) (?:use|set)|\blist of cookies\b|\bour cookies\b"
)
_TRACKING = r"\btracking (?:links?|pixels?)"
_WITHDRAWN = (
    r"\bconsent\b[^.]{0,60}\bwithdrawn at any time\b|"
    r"\bwithdraw\b[^.]{0,60}\bconsent\b[^.]{0,40}\bat any time\b"
)
_MEANS = (
    r"\bclick|\blinks?\b|\bbutton\b|\bsettings?\b|\bcontact|\be-?mail|\bwrit(?:e|ing)\b|\bunsubscrib|\bbanner\b|"
    r"\bpreferences?\b|\bpage\b|\bform\b|\bprocedures?\b|\bdescribed\b|\bdetailed\b|\bopt(?:ing)? out\b|\{\{"
)


@rule("N01", "en", "fr")
def over_the_ceiling(prose: Prose) -> Iterator[Spot]:
    """Find lives of cookies and of what they collected beyond what authorities accept."""
    places = _places(prose)
    tracker = ceiling("tracker", places, prose.today)
    collected = ceiling("collected", places, prose.today)
    for paragraph, spot, period in _lives(prose):
        if _over(period, tracker if paragraph.says(_COOKIE_LIVES) else collected):
            yield spot
    yield from _rows(
        prose,
        lambda one, _: (
            (isinstance(one.lifetime, Period) and _over(one.lifetime, tracker))
            or (one.data_kept is not None and _over(one.data_kept, collected))
        ),
    )


@rule("N02", "en", "fr")
def life_of_what(prose: Prose) -> Iterator[Spot]:
    """Find a duration under the name of storage that is a cookie's or a server's."""
    for paragraph, spot, _ in _lives(prose):
        if _STORAGE.match(paragraph.text) and not paragraph.says(r"\bserver|\bserveur|\bcookie"):
            yield spot


@rule("N03", "en", "fr")
def longer_than_browsers_keep(prose: Prose) -> Iterator[Spot]:
    """Find lives of cookies that no browser grants."""
    for paragraph, spot, period in _lives(prose):
        if not paragraph.says(r"\bserver|\bserveur") and _longer(period, BROWSER_MAX):
            yield spot
    yield from _rows(
        prose,
        lambda one, _: (
            one.storage == "cookie"
            and isinstance(one.lifetime, Period)
            and _longer(one.lifetime, BROWSER_MAX)
        ),
    )


@rule("N04", "en")
def no_table_of_cookies(prose: Prose) -> Iterator[Spot]:
    """Find cookies listed in sentences where a table of name, host, party and life is owed."""
    if prose.policy is not None and prose.policy.cookies is not None and prose.policy.cookies.table:
        return
    for section in prose.about(_COOKIES_WE_USE):
        entries = [
            one
            for one in section.own
            if _ENTRY.match(one.text) and not _STORAGE.match(one.text) and not _NO_ENTRY.match(one.text)
        ]
        if len(entries) > 1 and not any(one.kind == "row" for one in section.own):
            yield from (one.whole for one in entries)


@rule("N05", "en")
def choice_kept_for_how_long(prose: Prose) -> Iterator[Spot]:
    """Find a consent to cookies with no word on how long the choice is remembered."""
    if (
        prose.policy is not None
        and prose.policy.cookies is not None
        and prose.policy.cookies.choice_kept is not None
    ):
        return
    kept = (
        r"\b(?:choices?|preferences?|consent|refusal|decision)\b[^.]{0,60}"
        r"\b(?:kept|stored|remember\w*|saved|valid|renewed?|asked? again)\b[^.]{0,60}"
        r"\b(?:days?|weeks?|months?|years?)\b"
    )
    if not prose.says(kept):
        yield from list(prose.find(r"\bconsent to (?:the use of )?cookies\b[^.]{0,40}\bwithdrawn?\b"))[:1]


@rule("N06", "en")
def withdrawal_without_means(prose: Prose) -> Iterator[Spot]:
    """Find a consent that may be withdrawn at any time, in a clause that says no way to."""
    for paragraph in prose.saying(_WITHDRAWN):
        section = prose.section_of(paragraph.line)
        around = section.own if section is not None else (paragraph,)
        if not any(one.says(_MEANS) for one in around):
            yield from paragraph.find(_WITHDRAWN)


@rule("N07", "en")
def mail_tracked_without_consent(prose: Prose) -> Iterator[Spot]:
    """Find tracking of e-mails and links without a consent of its own."""
    for paragraph in prose.saying(_TRACKING):
        agreed = r"\bconsent|\bagree|\bopt(?:ed)?[- ]?(?:in|out)\b|\bdo not\b|\bdon't\b|\bnever\b|\bno\b|\bcontrol\b"
        if paragraph.says(r"\be-?mails?\b|\bnewsletters?\b") and not paragraph.says(agreed):
            yield from list(paragraph.find(_TRACKING))[:1]


@rule("N08")
def exempt_without_a_reason(prose: Prose) -> Iterator[Spot]:
    """Find cookies set before any choice, without a word on why they need none."""
    yield from _rows(
        prose,
        lambda one, cookies: one.category in cookies.before_consent and one.exempt_because is None,
    )


def _lives(prose: Prose) -> Iterator[tuple[Paragraph, Spot, Period]]:
    """Yield each life of a cookie, or storage of what it collected, that a section on cookies writes."""
    for section in prose.about(r"\bcookies?\b|\btrackers?\b|\btraceurs?\b"):
        for paragraph in section.own:
            if _STORAGE.match(paragraph.text) or paragraph.says(_COOKIE_LIVES):
                for match, period in durations(paragraph.text, prose.language):
                    yield paragraph, paragraph.spot(match), period


def _longer(period: Period, ceiling: Period) -> bool:
    """Tell whether a period is longer than the ceiling, whatever the day it begins."""
    return period.days()[0] > ceiling.days()[1]


def _over(period: Period, most: Ceiling | None) -> bool:
    return most is not None and _longer(period, most.period)


def _places(prose: Prose) -> list[str]:
    """Return where the companies of the policy are established."""
    group = prose.policy.group if prose.policy is not None else None
    places = [str(one.jurisdiction or one.country) for one in (group.entities if group is not None else ())]
    known = {place.code for place in jurisdictions()}
    return [place for place in places if place in known or place.partition("-")[0] in known]


def _is_main(prose: Prose) -> bool:
    return prose.policy is not None and prose.document.language == prose.policy.language


def _rows(prose: Prose, wrong: Callable[[Cookie, Cookies], bool]) -> Iterator[Spot]:
    """Yield the place of each line of the cookie table that is wrong."""
    promises = prose.policy.promises.values() if prose.policy is not None and _is_main(prose) else ()
    cookies = prose.policy.cookies if prose.policy is not None else None
    said = next((one for one in promises if one.kind == "cookies" and "table" in one.said), None)
    if cookies is None or said is None:
        return
    lines, at = prose.document.lines, said.line - 1
    for row in cookies.table:
        name = re.compile(rf"""\bname["']?:\s*["']?(?={re.escape(row.name)}["']?\s*(?:[,}}#]|$))""")
        here = next((number for number in range(at, len(lines)) if name.search(lines[number])), None)
        at = at if here is None else here + 1
        if wrong(row, cookies):
            found = None if here is None else name.search(lines[here])
            yield Spot(said.line, 1, 1) if found is None else Spot(at, found.end() + 1, len(row.name))
