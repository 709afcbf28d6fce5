"""A policy as rules see it: paragraphs with their lines, sections with what is inside.

A paragraph is what a reader takes for one: lines without a blank between them, each item
of a list and each row of a table by itself.  Promise blocks, comments and the top of the
file are not prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal

from troth.policy.check.finding import Spot
from troth.policy.document import Clause, Document, without_comments

if TYPE_CHECKING:
    from troth.policy.policy import Policy

_ITEM = re.compile(
    r"[ \t\u00a0]*(?P<label>[-*+•◦–]|\(?(?:[ivx]{1,4}|[a-z]|\d{1,2})\)|\d{1,2}\.)[ \t\u00a0]+(?=\S)|[ \t]*\([a-z]\)"
)
_ROW = re.compile(r"[ \t]*\|")
_RULE = re.compile(r"[ \t]*\|?[ \t:|-]{3,}$")

_CAPITAL = re.compile(r"(?<![\\?])[A-Z]+")

Pattern = str | re.Pattern[str]
"""A string is for any case, a compiled pattern for the letters as they were written."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph: its first line in the file (from 1), its column, its text with line ends."""

    line: int
    text: str
    kind: Literal["text", "item", "row", "heading"]
    label: str = ""

    def spot(self, match: re.Match[str]) -> Spot:
        """Return where a match in `text` stands in the file."""
        before = self.text[: match.start()]
        line_start = before.rfind("\n") + 1
        end = self.text.find("\n", match.start())
        stop = match.end() if end < 0 else min(match.end(), end)
        return Spot(
            self.line + before.count("\n"), match.start() - line_start + 1, max(stop - match.start(), 1)
        )

    @property
    def whole(self) -> Spot:
        """The place of its first line."""
        first = self.text.split("\n", 1)[0]
        indent = len(first) - len(first.lstrip())
        return Spot(self.line, indent + 1, max(len(first.strip()), 1))

    @cached_property
    def small(self) -> str:
        """The text in small letters, each in its place."""
        return small(self.text)

    def says(self, pattern: Pattern) -> bool:
        """Tell whether the pattern is found in it, whatever the case and the line ends."""
        return said_in(self.text, self.small, pattern)

    def find(self, pattern: Pattern) -> Iterator[Spot]:
        """Yield each place the pattern is found."""
        text = self.small if isinstance(pattern, str) else self.text
        for match in compiled(pattern).finditer(text):
            yield self.spot(match)


@dataclass(frozen=True)
class Section:
    """A clause with the clauses below it: `own` is its own prose, `inside` that of all."""

    clause: Clause
    own: tuple[Paragraph, ...]
    inside: tuple[Paragraph, ...]

    @property
    def number(self) -> str:
        """Its full path, such as 7.7.1."""
        return self.clause.number

    @property
    def title(self) -> str:
        """Its heading, without the number."""
        return self.clause.title

    @property
    def line(self) -> int:
        """The line of its heading."""
        return self.clause.line

    @property
    def heading(self) -> Spot:
        """The place of its heading."""
        return Spot(self.clause.line, 1, max(len(self.clause.title), 1))

    @cached_property
    def items(self) -> tuple[Paragraph, ...]:
        """The items of lists inside."""
        return tuple(one for one in self.inside if one.kind == "item")

    def _may_say(self, pattern: Pattern) -> bool:
        """Tell whether a search in each paragraph could find anything; one search in all is quicker."""
        return _tied(pattern) or said_in(self.text, self._small, pattern)

    @cached_property
    def _small(self) -> str:
        return small(self.text)

    @cached_property
    def text(self) -> str:
        """All prose inside, paragraphs apart by a blank line, without headings."""
        return "\n\n".join(one.text for one in self.inside if one.kind != "heading")

    def says(self, pattern: Pattern) -> bool:
        """Tell whether a paragraph inside says so; the headings do not count."""
        return self._may_say(pattern) and any(
            one.says(pattern) for one in self.inside if one.kind != "heading"
        )

    def find(self, pattern: Pattern) -> Iterator[Spot]:
        """Yield each place inside, headings apart."""
        if self._may_say(pattern):
            for one in self.inside:
                if one.kind != "heading":
                    yield from one.find(pattern)


@dataclass(frozen=True)
class Prose:
    """All that a rule may look at."""

    document: Document
    policy: Policy | None
    today: date

    @property
    def language(self) -> str:
        """The language of the document."""
        return self.document.language.split("-", 1)[0]

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the prose, as in the file; what is no prose is blank."""
        kept = [""] * len(self.document.lines)
        for line, text in self._parts():
            for offset, words in enumerate(text.split("\n")):
                if line - 1 + offset < len(kept):
                    kept[line - 1 + offset] = words
        return tuple(kept)

    @cached_property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        """Every paragraph and heading, in the order of the file."""
        headings = {clause.line for clause in self.document.clauses}
        return tuple(_paragraphs(self.lines, headings))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every clause, in the order of the file."""
        return tuple(self._section(clause) for clause in self.document.clauses)

    def _may_say(self, pattern: Pattern) -> bool:
        """Tell whether a search in each paragraph could find anything; one search in all is quicker."""
        return _tied(pattern) or said_in(self.text, self._small, pattern)

    @cached_property
    def _small(self) -> str:
        return small(self.text)

    @cached_property
    def text(self) -> str:
        """All the prose and headings, paragraphs apart by a blank line."""
        return "\n\n".join(one.text for one in self.paragraphs)

    @property
    def top(self) -> Spot:
        """The first line with words: for what is missing everywhere."""
        first = next((one for one in self.paragraphs), None)
        return Spot(1, 1, 1) if first is None else first.whole

    def says(self, pattern: Pattern) -> bool:
        """Tell whether any paragraph or heading says so."""
        return self._may_say(pattern) and any(one.says(pattern) for one in self.paragraphs)

    def find(self, pattern: Pattern) -> Iterator[Spot]:
        """Yield each place in a paragraph or heading."""
        if self._may_say(pattern):
            for one in self.paragraphs:
                yield from one.find(pattern)

    def saying(self, pattern: Pattern) -> Iterator[Paragraph]:
        """Yield each paragraph, headings apart, that says so."""
        if self._may_say(pattern):
            for one in self.paragraphs:
                if one.kind != "heading" and one.says(pattern):
                    yield one

    def about(self, pattern: Pattern) -> tuple[Section, ...]:
        """Return the sections whose title says so."""
        return tuple(one for one in self.sections if said_in(one.title, small(one.title), pattern))

    def section_of(self, line: int) -> Section | None:
        """Return the innermost section a line is in."""
        inside = [one for one in self.sections if one.clause.line <= line <= one.clause.end_line]
        return inside[-1] if inside else None

    def lettered_lists(self) -> Iterator[tuple[Paragraph, ...]]:
        """Yield each list of items (a), (b) … whose items are paragraphs."""
        current: list[Paragraph] = []
        for one in (*self.paragraphs, Paragraph(0, "", "text")):
            letter = one.label.strip("()") if one.kind == "item" else ""
            if (
                len(letter) == 1
                and letter.isalpha()
                and (letter == "a" or (current and ord(letter) == ord(current[-1].label.strip("()")) + 1))
            ):
                if letter == "a":
                    if len(current) > 1:
                        yield tuple(current)
                    current = []
                current.append(one)
            else:
                if len(current) > 1:
                    yield tuple(current)
                current = []

    def _parts(self) -> Iterable[tuple[int, str]]:
        """Yield the line and the prose of the title, preamble, headings and clauses."""
        document = self.document
        if document.clauses:
            yield from self._title(document.clauses[0].line)
        yield document.preamble_line, without_comments(document.preamble)
        for clause in document.clauses:
            yield clause.line, "\n".join(document.lines[clause.line - 1 : clause.text_line - 1])
            yield clause.text_line, without_comments(clause.text)

    def _title(self, before: int) -> Iterable[tuple[int, str]]:
        for number, words in enumerate(self.document.lines[: before - 1], 1):
            if self.document.title and self.document.title in words and not re.match(r"title\s*:", words):
                yield number, words
                return

    def _section(self, clause: Clause) -> Section:
        end = clause.end_line
        for other in self.document.clauses:
            if other.line > clause.line and other.number.startswith(clause.number + "."):
                end = max(end, other.end_line)
        inside = tuple(one for one in self.paragraphs if clause.line < one.line <= end)
        own = tuple(one for one in inside if one.line <= clause.end_line)
        return Section(clause, own, inside)


def small(text: str) -> str:
    """Write a text in small letters, so that every letter keeps its place.

    >>> small("ÉTÉ"), len(small("İstanbul"))
    ('été', 8)
    """
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)


def said_in(text: str, in_small: str, pattern: Pattern) -> bool:
    """Tell whether a pattern is found; one written as a string is looked for in the small letters."""
    return compiled(pattern).search(in_small if isinstance(pattern, str) else text) is not None


def compiled(pattern: Pattern) -> re.Pattern[str]:
    """Return a pattern for prose in small letters: a space is any white space, ' any apostrophe.

    One that is compiled already stays as it is, and is for prose as it was written.
    """
    return pattern if isinstance(pattern, re.Pattern) else _compiled(pattern)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    lower = _CAPITAL.sub(lambda match: match[0].lower(), pattern)
    return re.compile(lower.replace(" ", r"\s+").replace("'", "['’]"))


def _tied(pattern: Pattern) -> bool:
    """Tell whether a pattern is tied to the beginning or end of a paragraph."""
    written = compiled(pattern).pattern.replace("[^", "")
    return "^" in written or "$" in written


def _paragraphs(lines: Sequence[str], headings: set[int]) -> Iterator[Paragraph]:
    gathered: list[str] = []
    start, kind, label = 0, "text", ""

    def done() -> Iterator[Paragraph]:
        if gathered and any(words.strip() for words in gathered):
            yield Paragraph(start, "\n".join(gathered), kind, label)  # type: ignore[arg-type]
        gathered.clear()

    for number, words in enumerate(lines, 1):
        item, row = _ITEM.match(words), _ROW.match(words)
        if not words.strip("\u00a0 \t") or number in headings or item or row or kind in ("row", "heading"):
            yield from done()
            start, kind, label = number, "text", ""
        if not words.strip("\u00a0 \t"):
            continue
        if not gathered:
            start = number
            if number in headings:
                kind = "heading"
            elif row:
                kind = "row"
            elif item:
                kind, label = "item", (item["label"] or item[0]).strip()
        gathered.append(words)
    yield from done()
