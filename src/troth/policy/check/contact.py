"""Rules on who answers and how they are reached.

Where promises stand beside the prose they decide; the prose is read where there are none.

Law: GDPR Arts. 12(2), 13(1)(a) and (b), 13(2)(d), 27, 37(7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from troth.policy.check.finding import Spot
from troth.policy.check.prose import Paragraph, Prose
from troth.policy.check.rule import rule

if TYPE_CHECKING:
    from troth.policy.promise import Contact, Promise

EEA = frozenset(
    "AT BE BG HR CY CZ DE DK EE ES FI FR GR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()  # noqa: SIM905
)
"""The countries of the European Economic Area."""

REACHED = re.compile(r"[\w+-]@[\w-]+\.\w|https?://|\bwww\.|\]\((?!#)|\{\{", re.IGNORECASE)
"""An e-mail address, a link, or a placeholder that becomes one."""

EVERY_COMPANY = (
    r"\b(?:all|every|each)(?: of)?(?: the)? "
    r"(?:compan(?:y|ies)|entit(?:y|ies)|affiliates?|subsidiar(?:y|ies)) (?:of|in) (?:the|our)\b[^.]{0,40}\bgroup\b|"
    r"\b(?:toutes les|chacune des|l'ensemble des) (?:sociétés|entités|filiales) (?:du|de notre) groupe\b"
)
_COMPANY = re.compile(
    r"\b(?:Ltd|Limited|GmbH|AG|SAS|SARL|S\.A\.|Inc|LLC|PLC|B\.V\.|S\.r\.l|RCS|registration (?:no|number))(?!\w)"
)
_LIST = (
    r"\blist of (?:the |our |these )?(?:group )?(?:companies|entities|controllers)\b|"
    r"\bliste des (?:sociétés|entités)\b"
)
_AUTHORITY = r"\b(?:supervisory|data protection|protection) authorit(?:y|ies)\b|\bautorités? de contrôle\b"
_NAMED_AUTHORITY = re.compile(
    r"\b(?:CNIL|ICO|AEPD|AP|BfDI|DPC|IMY|UODO|CNPD|Datatilsynet|Garante|Information\s+Commissioner|"
    r"Data\s+Protection\s+Commission(?:er)?|Commission\s+Nationale|Autoriteit\s+Persoonsgegevens)\b|edpb\.europa\.eu"
)
_REQUESTS = (
    r"\b(?:send|address) (?:us )?(?:his/her |your |their |a |any )?requests?\b|\bcontacted at\b|\bwrite to\b|"
    r"\bcontact (?:us|our)\b"
)
_OFFICER = r"\bdata protection officer\b|\bDPO\b|\bdéléguée? à la protection des données\b"
_INCIDENT = re.compile(
    r"\b(?:hack|breach|incident|compromised|unauthori[sz]ed|leak|stolen|pirat|fuite)[^.]{0,120}"
    r"\b(?:contact(?:ez)?|notify|tell|report|write|écri(?:re|vez)|signale[rz]|informe[rz])\b[^.:]{0,40}:\s*$",
    re.IGNORECASE,
)


def of(prose: Prose, promise: Promise) -> Iterator[Spot]:
    """Yield the place of a promise, if it is in the document that is read."""
    if prose.policy is not None and prose.document.file.rpartition("/")[2] == promise.file:
        yield Spot(promise.line, 1, 1)


def first(prose: Prose, pattern: str) -> Iterator[Spot]:
    """Yield the first place, headings apart, that says so."""
    for one in prose.saying(pattern):
        yield next(iter(one.find(pattern)))
        return


def _reachable(contact: Contact | None) -> bool:
    return contact is not None and bool(contact.email or contact.form)


@rule("K01", "en", "fr")
def no_electronic_way(prose: Prose) -> Iterator[Spot]:
    """Find a policy that gives no e-mail address and no link at all."""
    group = prose.policy.group if prose.policy else None
    if group is not None:
        if not any(map(_reachable, (group.requests, group.dpo))) and not any(
            one.email for one in group.entities
        ):
            yield from of(prose, group)
    elif not prose.says(REACHED):
        yield from first(prose, _REQUESTS)


@rule("K02", "en", "fr")
def officer_without_address(prose: Prose) -> Iterator[Spot]:
    """Find a data protection officer who is named and cannot be reached directly."""
    if prose.policy and prose.policy.group and prose.policy.group.dpo:
        if not _reachable(prose.policy.group.dpo) and not prose.policy.group.dpo.phone:
            yield from of(prose, prose.policy.group)
        return
    found = [one for one in prose.saying(_OFFICER) if not one.says(r"\bmeans\b|\bdésigne\b")]
    if found and not any(_near(prose, one) for one in found):
        yield next(iter(found[0].find(_OFFICER)))


def _near(prose: Prose, one: Paragraph) -> bool:
    """Tell whether a way to reach somebody stands in the paragraph or in those after it."""
    start = prose.paragraphs.index(one)
    return any(each.says(REACHED) for each in prose.paragraphs[start : start + 4])


@rule("K03", "en", "fr")
def empty_incident_contact(prose: Prose) -> Iterator[Spot]:
    """Find an invitation to report an incident that ends where the address should be."""
    if prose.policy and prose.policy.security and prose.policy.security.incident_contact:
        return
    for number, one in enumerate(prose.paragraphs):
        after = prose.paragraphs[number + 1 : number + 2]
        if one.kind != "heading" and (not after or _says_no_way(after[0])):
            yield from one.find(_INCIDENT)


def _says_no_way(after: Paragraph) -> bool:
    return after.kind == "heading" or not (after.says(REACHED) or after.says(r"\d"))


@rule("K04", "en", "fr")
def companies_not_listed(prose: Prose) -> Iterator[Spot]:
    """Find a policy that binds every company of a group and lists none."""
    if not (prose.policy and prose.policy.group):
        yield from _unlisted(prose)


def _unlisted(prose: Prose) -> Iterator[Spot]:
    if prose.says(_LIST):
        return
    for one in prose.saying(EVERY_COMPANY):
        section = prose.section_of(one.line)
        around = section.inside if section else prose.paragraphs
        if not any(each.says(_COMPANY) or each.kind == "row" for each in around):
            yield from one.find(EVERY_COMPANY)


@rule("K05", "en", "fr")
def authority_not_named(prose: Prose) -> Iterator[Spot]:
    """Find a right to complain to an authority that is neither named nor linked."""
    group = prose.policy.group if prose.policy else None
    if (group is not None and group.lead_authority) or prose.says(_NAMED_AUTHORITY):
        return
    for one in prose.saying(_AUTHORITY):
        if one.says(r"\bcomplain|\bréclamation|\bplainte"):
            yield next(iter(one.find(_AUTHORITY)))
            return


@rule("K06", "en", "fr")
def no_representative(prose: Prose) -> Iterator[Spot]:
    """Find companies that may be outside the Union, with no word on a representative."""
    group = prose.policy.group if prose.policy else None
    if group is None:
        if not prose.says(
            r"\brepresentatives?\b[^.]{0,80}\b(?:union|EU|EEA|UK|united kingdom)\b|\barticle 27\b|"
            r"\breprésentants?\b[^.]{0,80}\b(?:union|UE|EEE|royaume-uni)\b"
        ):
            yield from _unlisted(prose)
        return
    outside = [one for one in group.entities if one.role != "processor" and one.country not in EEA]
    if outside and not any(one.representative for one in group.entities):
        yield from of(prose, group)
