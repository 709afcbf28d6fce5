"""Rules on what a notice must say of people's rights and does not.

Where promises stand beside the prose they decide; the prose is read where there are none.

Law: GDPR Arts. 7(3), 12(4) and (5), 13(2), 15, 17, 18, 20, 21.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from troth.policy.check.contact import EVERY_COMPANY, first, of
from troth.policy.check.finding import Spot
from troth.policy.check.missing import about_cookies
from troth.policy.check.prose import Paragraph, Prose, Section
from troth.policy.check.rule import rule

if TYPE_CHECKING:
    from troth.policy.promise import Right

_OBJECT = r"\bright to object\b"
_GENERAL_OBJECTION = (
    r"\bparticular situation\b|\blegitimate (?:\w+ )?interests?\b|\bpublic interest\b|\bpublic task\b|"
    r"\bprofiling\b"
)
_RIGHT_TITLES = r"\b(?:rectification|erasure|restriction|right to object|effacement|limitation|opposition)\b"
_MONTH = r"\bwithin (?:a|one|1|thirty|30) (?:calendar )?(?:months?|days)\b"
_REFUSES = (
    r"\brefuse to (?:comply|act|answer|respond)|"
    r"\b(?:refuse|reject|decline|deny) (?:such |your |the |a )?requests?\b"
)
_REMEDY = (
    r"\bjudicial\b|\bappeal\b|\b(?:before|to|in) (?:a |the )?courts?\b(?! order)|"
    r"\breasons? (?:for|why)[^.]{0,30}\b(?:not|refus|declin|reject)"
)
_ACCESS = (
    r"\bright (?:of|to) access\b|"
    r"\baccess to (?:your |the |their |his |her )?(?:personal )?(?:data|information)\b|\bdroit d'accès\b"
)
_UNFOUNDED = r"\b(?:manifestly )?unfounded\b|\binfondée?s?\b"
_PROOF = r"\bburden\b|\bprove\b|\bproof\b|\bdemonstrat|\bto show\b|\bwe show\b|\bdémontr|\bprouve|\bpreuve|\bincomb"
_PORTABILITY = r"\bportabilit[yé]\b"
_PORTABLE = (
    r"\bmachine[ -]readable\b|\bcommonly used\b|\binteroperable\b|\bexport|\bright to transmit\b|"
    r"\btransmit (?:it|them|those|that|this)\b|\bJSON\b|\bCSV\b|\blisibles? par\b|\bcouramment utilisé"
)
RIGHTS_MIN = 4
"""A paragraph that names so many rights is the list of them."""
_NAMED_RIGHTS = (
    r"\baccess\b",
    r"\brectif|\bcorrect",
    r"\berasure\b|\berase\b|\bdelet",
    r"\brestrict",
    r"\bobject\b",
    r"\bportability\b",
    r"\bcomplain",
)
UK_COMPLAINTS_FROM = date(2026, 6, 19)
"""The day s. 164A of the UK Data Protection Act 2018 took effect."""


def _right(prose: Prose, name: str) -> Right | None:
    return prose.policy.rights.get(name) if prose.policy else None


def _rights_listed(prose: Prose) -> Iterator[Paragraph]:
    """Yield the paragraphs that name four rights or more."""
    for one in prose.paragraphs:
        if one.kind != "heading" and sum(map(one.says, _NAMED_RIGHTS)) >= RIGHTS_MIN:
            yield one


def _last_item(section: Section) -> Paragraph | None:
    """Return the last lettered item of a section."""
    items = [one for one in section.own if one.label.strip("()").isalpha() and one.label]
    return items[-1] if items else None


@rule("M04", "en")
def withdrawal_for_cookies_only(prose: Prose) -> Iterator[Spot]:
    """Find consent that can be withdrawn for cookies, and for nothing else."""
    policy = prose.policy
    if policy and ("withdraw" in policy.rights or (policy.consent and policy.consent.withdrawal)):
        return
    if policy and policy.purposes and not prose.says(r"\bwithdraw"):
        asked = [one for one in policy.purposes.values() if one.legal_basis == "consent"]
        for purpose in asked:
            yield from of(prose, purpose)
    pattern = r"\bwithdraw(?:ing|al|s|n)?\b"
    found = [one for one in prose.saying(pattern) if one.kind != "item" or one.says(r"\b(?:right|may|can)\b")]
    cookies = [one for one in found if about_cookies(prose, one)]
    if cookies and len(cookies) == len(found):
        yield from (next(iter(one.find(pattern))) for one in cookies)


@rule("M05", "en")
def objection_to_marketing_only(prose: Prose) -> Iterator[Spot]:
    """Find a right to object that is explained for marketing only."""
    if _right(prose, "object"):
        return
    if prose.policy and prose.policy.rights and not prose.says(_GENERAL_OBJECTION):
        for purpose in prose.policy.purposes.values():
            if purpose.legal_basis in ("legitimate_interests", "public_task"):
                yield from of(prose, purpose)
    if any(one.says(r"\bobject") for one in prose.saying(_GENERAL_OBJECTION)):
        return
    titled = [one for one in prose.about(r"\bobject(?:ion)?\b") if one.says(r"\bmarketing\b")]
    bare = [one for one in titled if not one.says(_GENERAL_OBJECTION)]
    if not titled or len(bare) < len(titled):
        return
    yield from (one.heading for one in bare)
    inside = {one.line for section in bare for one in section.inside}
    for one in prose.saying(_OBJECT):
        if one.line not in inside:
            yield from one.find(_OBJECT)


@rule("M06", "en")
def pending_objection_missing(prose: Prose) -> Iterator[Spot]:
    """Find a list of grounds for restriction without that of a pending objection."""
    right = _right(prose, "restrict")
    if right is not None:
        if right.grounds and "d" not in right.grounds:
            yield from of(prose, right)
        return
    for section in prose.about(r"\brestrict"):
        last = _last_item(section)
        if last and not section.says(
            r"\bpending\b|\bhave objected\b|\bhas objected\b|\barticle 21\b|\boverride"
        ):
            yield last.whole


@rule("M07", "en")
def erasure_incomplete(prose: Prose) -> Iterator[Spot]:
    """Find grounds of erasure without that of children, and exemptions that leave some out."""
    right = _right(prose, "erase")
    if right is not None:
        grounds_lack = bool(right.grounds) and "f" not in right.grounds
        exemptions_lack = bool(right.exemptions) and not {"c", "d"} <= {*right.exemptions}
        if grounds_lack or exemptions_lack:
            yield from of(prose, right)
        return
    for section in prose.about(r"\b(?:erasure|erase|deletion|forgotten)\b"):
        last = _last_item(section)
        if last is None:
            continue
        if not section.says(r"\binformation society\b|\bchild"):
            yield last.whole
        exempt = r"\b(?:shall|does|do|will) not apply\b|\bexceptions?\b|\bexempt"
        if not (section.says(r"\bpublic health\b") and section.says(r"\barchiv|\bresearch\b")):
            yield from (spot for one in section.own if one.kind == "text" for spot in one.find(exempt))


@rule("M08", "en", "fr")
def access_without_content(prose: Prose) -> Iterator[Spot]:
    """Find a section on access that promises neither a confirmation nor a copy."""
    if _right(prose, "access") or prose.says(r"\bcopy of (?:your|the|his|her|their|it)\b|\bcopie de vos\b"):
        return
    for section in prose.about(_ACCESS):
        if not section.says(r"\bcop(?:y|ies?)\b|\bconfirm"):
            yield section.heading


@rule("M09", "en", "fr")
def portability_without_format(prose: Prose) -> Iterator[Spot]:
    """Find portability that is named, and no format or way to have it."""
    right = _right(prose, "port")
    if right is not None:
        if not right.formats and not prose.says(_PORTABLE):
            yield from of(prose, right)
    elif not prose.says(_PORTABLE) and len(prose.about(_RIGHT_TITLES)) > 1 and not prose.about(_PORTABILITY):
        yield from first(prose, _PORTABILITY)


@rule("M10", "en")
def refusal_without_remedies(prose: Prose) -> Iterator[Spot]:
    """Find a clock for answers and a right to refuse, with no word on reasons and remedies."""
    answer = prose.policy.answer if prose.policy else None
    if answer is not None:
        if "refuse" in answer.when_unfounded_or_excessive and not answer.refusal:
            yield from of(prose, answer)
        return
    clocks = [one for one in prose.saying(_MONTH) if one.says(r"\brequests?\b")]
    if clocks and not prose.says(_REMEDY):
        yield from (next(iter(one.find(_MONTH))) for one in clocks)
        yield from (next(iter(one.find(_REFUSES))) for one in prose.saying(_REFUSES))


@rule("M11", "en", "fr")
def burden_of_proof(prose: Prose) -> Iterator[Spot]:
    """Find unfounded or excessive requests, with no word on who must show that they are."""
    answer = prose.policy.answer if prose.policy else None
    if answer is not None:
        if answer.when_unfounded_or_excessive and not answer.we_prove_it:
            yield from of(prose, answer)
        return
    found = list(prose.saying(_UNFOUNDED))
    if not any(one.says(_PROOF) for one in found):
        yield from (next(iter(one.find(_UNFOUNDED))) for one in found)


@rule("M20", "en", "fr")
def nothing_after_death(prose: Prose) -> Iterator[Spot]:
    """Find rights for people in France, without that to leave directives for after one's death."""
    group = prose.policy.group if prose.policy else None
    if group is not None:
        if any(one.country == "FR" for one in group.entities) and not _right(prose, "post_mortem"):
            yield from of(prose, group)
        return
    if prose.says(r"\bfrance\b|\bfrench\b|\bCNIL\b") and not prose.says(
        r"\bdeath\b|\bpost-mortem\b|\bdeceased\b|\bdécès\b"
    ):
        yield from (one.whole for one in list(_rights_listed(prose))[:1])


@rule("M24", "en", "fr")
def no_complaint_to_us(prose: Prose) -> Iterator[Spot]:
    """Find complaints to the authority, without the way to complain to the controller in the United Kingdom."""
    if prose.today < UK_COMPLAINTS_FROM:
        return
    group = prose.policy.group if prose.policy else None
    if group is not None:
        if any(one.country == "GB" for one in group.entities) and not _right(prose, "complain"):
            yield from of(prose, group)
        return
    british = prose.says(r"\bunited kingdom\b|\bUK\b|\bgreat britain\b|\bengland\b") or prose.says(
        EVERY_COMPANY
    )
    ours = r"\bcomplain (?:directly )?to us\b|\bcomplaints? (?:procedure|form|officer|team)\b|\backnowledge"
    complaint = r"\b(?:lodge|make|file|submit|bring) a complaint\b|\bcomplain to\b"
    if british and not prose.says(ours):
        yield from first(prose, complaint)
