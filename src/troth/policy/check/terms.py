"""Rules on terms: defined and not used, used and not defined, used in two meanings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.policy.check.finding import Spot
from troth.policy.check.prose import Paragraph, Prose
from troth.policy.check.rule import rule

DEFINITIONS_MIN = 3
"""Who defines fewer terms than this has no list of definitions to be held to."""

_DEFINITION = re.compile(
    r"^\W{0,3}[“\"'‘](?P<term>[^”\"'’]{2,40})[”\"'’][^.;:]{0,40}?\bmeans\b", re.IGNORECASE
)
_SPOKEN_OF = ("recipient", "supervisory authority", "profiling")


def definitions(prose: Prose) -> dict[str, Paragraph]:
    """Return the paragraph that defines each term, in small letters."""
    found = ((_DEFINITION.match(one.text.strip()), one) for one in prose.paragraphs)
    return {match["term"].lower(): one for match, one in found if match is not None}


@rule("D01", "en")
def defined_and_not_used(prose: Prose) -> Iterator[Spot]:
    """Find a term that is defined and then used only in another meaning, or not at all."""
    defined = definitions(prose)
    for term, where in defined.items():
        used = [
            (one, match)
            for one in prose.paragraphs
            if one is not where
            for match in re.finditer(_either_number(term), one.text, re.IGNORECASE)
        ]
        again = re.compile(rf"\bis\s+an?\s+(?:\w+\s+){{0,3}}{re.escape(term)}\b", re.IGNORECASE)
        if len(defined) < DEFINITIONS_MIN or (term == "processor" and prose.says(r"\bsub-?contractors?\b")):
            continue
        if all(again.search(one.text) for one, _ in used):
            yield where.whole
            yield from (one.spot(match) for one, match in used)


def _either_number(term: str) -> str:
    """Return a pattern for a term in the singular and the plural."""
    stem, end = (term[:-3], r"(?:y|ies)") if term.endswith("ies") else (term.removesuffix("s"), "s?")
    if stem.endswith("y"):
        stem, end = stem[:-1], r"(?:y|ies)"
    return rf"\b{re.escape(stem)}{end}\b"


@rule("D02", "en")
def processor_under_another_name(prose: Prose) -> Iterator[Spot]:
    """Find processors defined as such and then called subcontractors."""
    where = definitions(prose).get("processor")
    others = [one for one in prose.paragraphs if one is not where]
    if where is None or any(one.says(r"\bprocessors?\b") for one in others):
        return
    called = [spot for one in others for spot in one.find(r"\bsub-?contractors?\b")]
    if called:
        yield where.whole
        yield from called


@rule("D03", "en")
def used_and_not_defined(prose: Prose) -> Iterator[Spot]:
    """Find the law's own words used, and left out of a list of definitions."""
    defined = definitions(prose)
    if len(defined) < DEFINITIONS_MIN:
        return
    for term in _SPOKEN_OF:
        if term not in defined and f"{term}s" not in defined:
            for one in prose.paragraphs:
                if one.kind != "heading":
                    yield from one.find(rf"\b{term}s?\b")


@rule("D04", "en")
def transfer_in_two_meanings(prose: Prose) -> Iterator[Spot]:
    """Find "transfer" said of passing data to others and of sending it to third countries."""
    abroad = [
        one
        for one in prose.saying(r"\btransfer")
        if one.says(r"\boutside (?:of )?(?:the )?(?:EU|EEA|European|territory)|\bthird countr")
    ]
    passing = [
        one
        for section in prose.about(r"\btransfer\b")
        for one in section.inside
        if one.says(r"\btransfer\b") and one not in abroad
    ]
    headings = [
        one for one in prose.paragraphs if one.kind == "heading" and one.says(r"\bwhom\b.{0,40}\btransfer\b")
    ]
    if abroad and headings and passing:
        for one in (*headings, *passing, *abroad):
            yield from list(one.find(r"\btransfer\w*"))[:1]


@rule("D05", "en")
def which_title(prose: Prose) -> Iterator[Spot]:
    """Find "title" among contact data, which may mean a job or a civility."""
    for paragraph in prose.saying(r"\bname\b"):
        if paragraph.says(r"\be-?mail\b") and paragraph.says(r"\bcollect"):
            yield from paragraph.find(r"(?<!job[ ])(?<!professional[ ])(?<!the[ ])\btitle\b(?! of)")


@rule("D06", "en")
def definition_drifted(prose: Prose) -> Iterator[Spot]:
    """Find words of Article 4 replaced by their neighbours."""
    for term, where in definitions(prose).items():
        if term == "processing" and where.says(r"erasure or destruction"):
            yield from where.find(r"\blimitation\b")
        if term == "consent":
            yield from where.find(r"\bunequivocal\b")
