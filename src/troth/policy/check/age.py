"""Rules on what time has overtaken: old dates, retired products, repealed decisions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from dateutil.relativedelta import relativedelta

from troth.law.transfer import newest_adequacy
from troth.policy.check.finding import Spot
from troth.policy.check.prose import Paragraph, Prose
from troth.policy.check.rule import rule
from troth.policy.check.written import dates

REVIEW_MONTHS = 12
"""How old a policy may be before somebody must look at it again; our default, not law."""

_UPDATED = (
    r"\b(?:last|latest) (?:update|updated|revised|modified|revision|changed?)\b|\bupdated (?:on|in)?\b|"
    r"\beffective\b|\bversion of\b"
)
_RETIRED = re.compile(r"\bpardot\b|\buniversal\s+analytics\b|\bprivacy\s+shield\b", re.IGNORECASE)
_ABROAD = r"\btransferred\b[^.]{0,60}\b(?:outside|third countr|abroad)"


@rule("A01")
def not_looked_at_for_long(prose: Prose) -> Iterator[Spot]:
    """Find a last update of more than twelve months ago."""
    oldest = prose.today - relativedelta(months=REVIEW_MONTHS)
    updated = prose.policy.updated if prose.policy is not None else None
    if updated is not None:
        if updated < oldest:
            yield prose.top
        return
    last = _last_update(prose)
    if last is not None and last[2] < oldest:
        yield last[1]


@rule("A02", "en", "fr")
def retired_product(prose: Prose) -> Iterator[Spot]:
    """Find tools that are gone or renamed, and periods that only a retired one could be set to."""
    audience: Paragraph | None = None
    for paragraph in prose.paragraphs:
        yield from list(paragraph.find(_RETIRED))[:1]
        if audience is not None and paragraph.says(r"\b(?:26|38|50) (?:months|mois)\b"):
            yield from paragraph.find(r"\b(?:26|38|50) (?:months|mois)\b")
        if paragraph.kind == "heading" or paragraph.says(r"\b(?:google analytics|storage)\b"):
            audience = paragraph if paragraph.says(r"\bgoogle analytics\b") else None


@rule("A03", "en")
def clauses_without_decision(prose: Prose) -> Iterator[Spot]:
    """Find standard contractual clauses without the decision they stand in."""
    transfers = prose.policy.transfers.values() if prose.policy is not None else ()
    by_clauses = [one for one in transfers if one.mechanism == "standard_clauses"]
    if by_clauses:
        yield from (Spot(one.line) for one in by_clauses if not one.decision)
    elif not prose.says(r"2021/914"):
        yield from list(prose.find(r"\bstandard (?:contractual|data protection) clauses\b"))[:1]


@rule("A04", "en")
def day_that_can_be_mistaken(prose: Prose) -> Iterator[Spot]:
    """Find a last update written so that it can be read in two ways."""
    last = _last_update(prose)
    if last is not None and not last[3]:
        yield last[1]


@rule("A05", "en")
def law_has_moved(prose: Prose) -> Iterator[Spot]:
    """Find a clause on third countries older than the newest adequacy decision in force."""
    last = _last_update(prose)
    newest = newest_adequacy(prose.today)
    if last is not None and newest is not None and last[2] < newest:
        yield from (one.whole for one in list(prose.saying(_ABROAD))[:1])


def _last_update(prose: Prose) -> tuple[Paragraph, Spot, date, bool] | None:
    """Return where the policy says when it was last changed, that day, and whether it is plain."""
    for paragraph in prose.saying(_UPDATED):
        for match, day, plain in dates(paragraph.text):
            return paragraph, paragraph.spot(match), day, plain
    return None
