"""Rules on what a policy says otherwise than the law."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.policy.check.finding import Spot
from troth.policy.check.prose import Prose
from troth.policy.check.rule import rule

_WHOSE = r"(?:his/her|his or her|their|your)"
_ERASURE = r"\berasure\b|\bforgotten\b|\bdeletion\b"
_ANALYTICS = r"\b(?:google analytics|adobe analytics|analytics|matomo|hotjar|mixpanel)\b"
_NOT_NAMED = re.compile(r"^\W*(?:any\s+)?(?:other\s+)?third\s+part(?:y|ies),", re.IGNORECASE)


@rule("W01", "en")
def objection_turned_round(prose: Prose) -> Iterator[Spot]:
    """Find erasure after an objection made to depend on the presence of a compelling ground."""
    return prose.find(
        r"object[^.;]{0,80}\bif there (?:is|are) (?:an? )?(?:compelling|overriding) legitimate ground\w*"
    )


@rule("W02", "en")
def consent_by_browser(prose: Prose) -> Iterator[Spot]:
    """Find browser settings that are said to give or take consent."""
    for paragraph in prose.saying(r"\bcookies?\b"):
        yield from paragraph.find(
            r"\bconsent (?:\w+ ){0,4}?(?:can be|may be|is|will be) (?:set|given|expressed|managed|configured)"
            r"[^.;]{0,60}\bbrowser\b[^.,;]{0,20}"
        )


@rule("W03", "en")
def anonymous_by_word_only(prose: Prose) -> Iterator[Spot]:
    """Find audience tools called anonymous, which know a device again by an online identifier."""
    for paragraph in prose.saying(_ANALYTICS):
        if not paragraph.says(r"pseudonym|\bnot anonymous"):
            yield from paragraph.find(
                r"\banonymous(?:ly)?\b|\b(?:do|does) not (?:allow|enable|permit) us to identify\b"
            )


@rule("W04", "en")
def duty_to_inform_passed_on(prose: Prose) -> Iterator[Spot]:
    """Find the duty to inform people laid on whoever gave us their data."""
    return prose.find(
        r"\b(?:he/she|he or she|they|you) (?:must|shall|undertakes? to|agrees? to) (?:inform|notify)"
        r" (?:the |those |these )?(?:data subjects?|persons?|people|individuals?)\b"
    )


@rule("W05", "en")
def complaint_at_home_only(prose: Prose) -> Iterator[Spot]:
    """Find the complaint to an authority limited to that of one's own country."""
    for paragraph in prose.saying(r"supervisory authority|data protection authority"):
        if not paragraph.says(r"place of work|where you work|infringement|habitual residence"):
            yield from paragraph.find(rf"\bauthority (?:in|of|for) {_WHOSE} (?:own )?country\b")


@rule("W06", "en")
def extension_of_two_months_in_all(prose: Prose) -> Iterator[Spot]:
    """Find an extension of two months that does not say that they are further months."""
    return prose.find(
        r"\bextended (?:by|for|to) (?:up to )?(?:two(?: [(]2[)])?|2) months\b(?! (?:more|further|longer))"
    )


@rule("W07", "en")
def only_information_is_free(prose: Prose) -> Iterator[Spot]:
    """Find free of charge said of the information alone."""
    return prose.find(r"\bthis information (?:is|shall be|will be) (?:provided )?free of charge\b")


@rule("W08", "en")
def erasure_grounds_cut_short(prose: Prose) -> Iterator[Spot]:
    """Find the grounds of erasure (b) and (e) without the half that limits them."""
    for section in prose.about(_ERASURE):
        lines = {one.line for one in section.inside}
        for item in (one for items in prose.lettered_lists() if items[0].line in lines for one in items):
            if (
                item.says(r"withdr[ae]w")
                and item.says(r"consent")
                and not item.says(r"other legal (?:ground|basis)")
            ):
                yield item.whole
            obligation = item.says(r"must be erased|have to be erased") and item.says(r"legal obligation")
            if obligation and not item.says(r"union|member state|national law|domestic law|\blaw of\b"):
                yield item.whole


@rule("W09", "en")
def necessary_for_the_internet(prose: Prose) -> Iterator[Spot]:
    """Find cookies exempted because "the Internet" needs them."""
    return prose.find(
        r"\bnecessary for the (?:proper |correct )?(?:functioning|working|operation)"
        r" of the (?:internet|web)\b(?!\s?site)"
    )


@rule("W10", "en")
def clauses_for_some_exporters(prose: Prose) -> Iterator[Spot]:
    """Find standard contractual clauses promised for customers in one place only."""
    for paragraph in prose.saying(r"standard contractual clauses"):
        yield from paragraph.find(
            r"\b(?:customers|clients) (?:who are )?(?:located|established|based|resident) in (?:the )?"
            r"(?:EU|EEA|European Union|European Economic Area)\b"
        )


@rule("W11", "en")
def security_disclaimed(prose: Prose) -> Iterator[Spot]:
    """Find security that is promised and disclaimed in one paragraph."""
    for paragraph in prose.saying(
        r"\bwe (?:ensure|guarantee|are committed to ensuring)\b[^.]{0,60}\bsecurity\b"
    ):
        yield from paragraph.find(r"\bwe (?:cannot|can not|can't|do not) (?:guarantee|warrant)\b")


@rule("W12", "en")
def words_of_another_measure(prose: Prose) -> Iterator[Spot]:
    """Find "first contact" and "as soon as possible" where the law has words of its own."""
    for paragraph in prose.saying(r"\b(?:request|rectification|erasure|right to object|the right referred)"):
        yield from paragraph.find(r"\bas soon as possible\b|\bfirst contact\b")


@rule("W13", "en")
def unnamed_third_parties(prose: Prose) -> Iterator[Spot]:
    """Find recipients that could be anybody."""
    for section in prose.about(r"whom|recipients?|disclos|shar(?:e|ing)|transfer|access"):
        for item in section.items:
            yield from item.find(_NOT_NAMED)
        yield from section.find(
            r"\bany (?:entity|company|partner|organi[sz]ation|third party) for"
            r" (?:\w+ ){0,2}(?:marketing|advertising|prospecting)\b"
        )
