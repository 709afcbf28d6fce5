"""Run every rule over a policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from troth.policy import document as markdown
from troth.policy import plain
from troth.policy.check.finding import Finding, Spot
from troth.policy.check.prose import Prose
from troth.policy.check.rule import about, finder, rule_ids
from troth.policy.document import Document

if TYPE_CHECKING:
    from troth.policy.policy import Policy

_DISABLE = re.compile(
    r"(?:<!--|^[ \t]*#)[ \t]*troth:[ \t]*disable[ \t]+(?P<rules>[A-Z]\d\d(?:[ \t]*,[ \t]*[A-Z]\d\d)*)"
    r"(?:[ \t]+(?:because|car|parce que)[ \t]+(?P<reason>[^\n]*?))?[ \t]*(?:-->|$)",
    re.MULTILINE,
)
WORDS_MIN = 3
"""A reason of fewer words is none, and the comment silences nothing."""


@dataclass(frozen=True, slots=True)
class Disabled:
    """A comment that silences rules from one line to another, and why."""

    rules: frozenset[str]
    spot: Spot
    first: int
    last: int
    reason: str

    @property
    def counts(self) -> bool:
        """Tell whether it gives a reason; without one it silences nothing."""
        return bool(self.rules)


def check(
    text: str, file: str, *, today: date, policy: Policy | None = None, language: str | None = None
) -> tuple[Finding, ...]:
    """Return what the rules find in a policy and no comment silences, in the order of the file.

    `file` ending in `.md` is Markdown, else plain text.  With `policy` the promises decide
    what they can.  `language` is that of the words, by default the document's.  The text
    may be anything: it never raises.
    """
    every = check_all(text, file, today=today, policy=policy, language=language)
    return tuple(one for one in every if not one.silenced)


def check_all(
    text: str, file: str, *, today: date, policy: Policy | None = None, language: str | None = None
) -> tuple[Finding, ...]:
    """Return what the rules find, with what comments silence and the reasons they give."""
    text = markdown.plain_lines(text)
    document = _known(text, file, policy) or read(text, file)
    prose = Prose(document, policy, today)
    told = language or prose.language
    disabled = tuple(_disabled(text, document))
    found = [
        replace(_finding(name, spot, told), silenced=_reason(disabled, name, spot))
        for name in rule_ids()
        if (find := finder(name, prose.language)) is not None
        for spot in dict.fromkeys(find(prose))
    ]
    found += [_finding("P02", one.spot, told) for one in disabled if not one.counts]
    found += [
        replace(_finding("P00", Spot(one.line, one.column, 1), told), message=one.what, remedy=one.remedy)
        for one in document.problems
    ]
    return tuple(sorted(found, key=lambda one: (one.line, one.column, one.rule)))


def _known(text: str, file: str, policy: Policy | None) -> Document | None:
    """Return the document where the policy was read from this very text."""
    documents = policy.documents.values() if policy is not None else ()
    return next((one for one in documents if one.file == file and one.text == text), None)


def _reason(disabled: Iterable[Disabled], name: str, spot: Spot) -> str:
    """Return why a finding is silenced, or nothing."""
    return next(
        (one.reason for one in disabled if name in one.rules and one.first <= spot.line <= one.last), ""
    )


def read(text: str, file: str) -> Document:
    """Read a policy as Markdown or as plain text, by the name of its file."""
    if file.endswith((".md", ".markdown")):
        return markdown.parse(text, file)
    return plain.parse(_DISABLE.sub(lambda match: " " * len(match[0]), text), file)


def _disabled(text: str, document: Document) -> Iterator[Disabled]:
    """Find the comments that silence rules: for the clause they stand in, or above all clauses for all."""
    for match in _DISABLE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        spot = Spot(line, match.start() - text.rfind("\n", 0, match.start()), len(match[0].strip()))
        first, last = _reach(document, line)
        rules = frozenset(re.split(r"[\s,]+", match["rules"]))
        reason = match["reason"] or ""
        yield Disabled(rules if len(reason.split()) >= WORDS_MIN else frozenset(), spot, first, last, reason)


def _reach(document: Document, line: int) -> tuple[int, int]:
    around = [one for one in document.clauses if one.line <= line <= one.end_line]
    if not around:
        return 1, len(document.lines)
    below = [one for one in document.clauses if one.number.startswith(around[-1].number + ".")]
    return around[-1].line, max(one.end_line for one in (around[-1], *below))


def _finding(name: str, spot: Spot, language: str) -> Finding:
    told = about(name, language)
    return Finding(
        name,
        spot.line,
        spot.column,
        spot.length,
        told.severity,
        told.message,
        told.law,
        told.remedy,
        told.confidence,
    )
