"""A policy as text: a title, clauses by number, and the promise blocks under them.

Clauses are numbered by their full path.  A heading may carry it whole ("7.1 How we
answer"), in part (a "1." under clause 7 is 7.1), or not at all (then its place counts).

`parse` is total: any text gives a Document, with Problems where it is not in order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, TypeAlias

from troth.errors import Problem
from troth.policy.reading import Reading
from troth.policy.yaml_text import Scalar, read

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LENGTH_MAX = 4_000_000

_NUMBER = re.compile(r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,7})(?:[.)]|[.)]?(?=\s))\s*(?P<title>.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LANGUAGE_OF_FILE = re.compile(r"\.([a-z]{2,3}(?:-[A-Z]{2})?)\.(?:md|txt)$")
_FRONT = ("title", "version", "date", "language")


Heading: TypeAlias = tuple[str, int, int, int]
"""The words of a heading, its level, its first line and the line after it (from 0)."""


@dataclass(frozen=True, slots=True)
class Front:
    """What stands at the very top of the file, between two lines of `---`."""

    title: str | None = None
    version: str | None = None
    date: date | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Block:
    """A promise block: its YAML, and the line in the file on which that begins."""

    text: str
    line: int


@dataclass(frozen=True)
class Clause:
    """A numbered part of a policy, without the clauses below it.

    `text` is the prose after the heading; promise blocks in it are empty lines, so its
    first line is line `line + heading_lines` of the file and every other follows.
    """

    number: str
    title: str
    level: int
    line: int
    end_line: int
    text: str
    blocks: tuple[Block, ...] = ()
    heading_lines: int = 1

    @property
    def text_line(self) -> int:
        """The line of the file on which `text` begins."""
        return self.line + self.heading_lines

    @cached_property
    def sha256(self) -> str:
        """The hash of what people read here: title and prose, whatever the white space."""
        words = " ".join(f"{self.title}\n{without_comments(self.text)}".split())
        return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Document:
    """A policy in one language, as text."""

    file: str
    text: str
    front: Front
    title: str
    preamble: str
    clauses: tuple[Clause, ...]
    problems: tuple[Problem, ...] = ()
    preamble_line: int = 1

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text, line by line, as the line numbers count."""
        return tuple(self.text.split("\n"))

    @cached_property
    def by_number(self) -> dict[str, Clause]:
        """The clauses by number; the first where a number is there twice."""
        found: dict[str, Clause] = {}
        for clause in self.clauses:
            found.setdefault(clause.number, clause)
        return found

    @property
    def language(self) -> str:
        """The language it is written in."""
        return self.front.language


def parse(text: str, file: str) -> Document:
    r"""Read a Markdown policy.

    >>> document = parse("# Privacy\n\n## 7 Rights\n\n### 1. How\n\nWe answer.\n", "policy.md")
    >>> [(clause.number, clause.title, clause.line) for clause in document.clauses]
    [('7', 'Rights', 3), ('7.1', 'How', 5)]
    """
    text = plain_lines(text)
    reading = Reading(file)
    if len(text) > LENGTH_MAX:
        _note(reading, 1, f"It has more than {LENGTH_MAX:,} characters.", "Shorten it.")
        text = text[:LENGTH_MAX]
    if "\0" in text:
        _note(reading, 1, "It is not text: there are zero bytes in it.", "Name a text file, saved as UTF-8.")
        text = text.replace("\0", "\ufffd")
    front, body_start = _front(text, file, reading)
    lines = text.split("\n")
    body = "\n".join([""] * body_start + lines[body_start:])
    title, (preamble, preamble_line), clauses = _clauses(body, lines, body_start, reading)
    if not text.strip():
        _note(
            reading,
            1,
            "The policy is empty.",
            "Write a title and a first clause, or start with `troth init`.",
        )
    elif not clauses and "```promise" in text:
        _note(reading, 1, "There are no clauses.", "Write headings such as `## 1 Who we are`.")
    return Document(
        file=file,
        text=text,
        front=front,
        title=front.title or title,
        preamble=preamble,
        preamble_line=preamble_line,
        clauses=clauses,
        problems=tuple(reading.problems),
    )


def plain_lines(text: str) -> str:
    r"""Drop a byte order mark and write every line end as a line feed.

    >>> plain_lines("\ufeffa\r\nb\rc")
    'a\nb\nc'
    """
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def language_of(file: str) -> str:
    """Return the language a file name carries; English without one.

    >>> language_of("policy.fr.md"), language_of("policy.md")
    ('fr', 'en')
    """
    found = _LANGUAGE_OF_FILE.search(file)
    return found[1] if found else "en"


def _front(text: str, file: str, reading: Reading) -> tuple[Front, int]:
    """Read what stands between two lines of `---` at the top; say where the rest begins.

    Without a promise below, the file may be anybody's and have other fields there.
    """
    default = Front(language=language_of(file))
    lines = text.split("\n", 60)
    if lines[0].rstrip() != "---":
        return default, 0
    end = next((n for n, line in enumerate(lines[1:60], 1) if line.rstrip() == "---"), None)
    if end is None:
        _note(reading, 1, "The top of the file opens with `---` and does not close.", "Write `---` after it.")
        return default, 0
    node, problems = read("\n".join(lines[1:end]), file, 1)
    reading.problems.extend(problems)
    ours = "```promise" in text
    found = (reading if ours else Reading(file)).fields(node, "The top of the file", _FRONT)
    language = reading.text(found.get("language"), "`language`") or default.language
    if _LANGUAGE_OF_FILE.search(file) and language != default.language:
        reading.problem(
            found.get("language"),
            f"The file name says `{default.language}` and this says otherwise.",
            "Rename the file, or mend the language.",
        )
        language = default.language
    elif not re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", language):
        reading.problem(found.get("language"), "`language` is not a language.", "Write it like `en` or `fr`.")
        language = default.language
    version = found.get("version")
    return (
        Front(
            title=reading.text(found.get("title"), "`title`"),
            version=version.text if isinstance(version, Scalar) else reading.text(version, "`version`"),
            date=reading.date(found.get("date"), "`date`"),
            language=language,
        ),
        end + 1,
    )


def _clauses(
    body: str, lines: Sequence[str], body_start: int, reading: Reading
) -> tuple[str, tuple[str, int], tuple[Clause, ...]]:
    """Find headings and blocks; return title, preamble (and its line) and clauses."""
    title, title_end = "", body_start
    headings: list[Heading] = []
    blocks: list[Block] = []
    for heading, fence in _parts(_markdown().parse(body)):
        if fence is not None:
            blocks.extend(_block(fence, lines, reading))
        elif heading is not None:
            words, level, start, end = heading
            if not headings and not title and level == 1 and not _NUMBER.match(words):
                title, title_end = _ESCAPE.sub(r"\1", words), end
            else:
                headings.append(heading)
    ends = [*(start for _, _, start, _ in headings[1:]), len(lines)][: len(headings)]
    first = headings[0][2] if headings else len(lines)
    loose = [block for block in blocks if block.line - 1 <= first]
    for block in loose:
        _note(
            reading, block.line - 1, "This promise block stands under no clause.", "Put it under a heading."
        )
    clauses = []
    numbering = _Numbering(reading)
    for (words, level, start, text_start), end in zip(headings, ends, strict=True):
        number, name = numbering.next(words, level, start + 1)
        own = tuple(block for block in blocks if text_start < block.line <= end)
        clauses.append(
            Clause(
                number=number,
                title=name,
                level=level,
                line=start + 1,
                end_line=end,
                text=_prose(lines, text_start, end, own),
                blocks=own,
                heading_lines=text_start - start,
            )
        )
    return title, (_prose(lines, title_end, first, loose), title_end + 1), tuple(clauses)


def _prose(lines: Sequence[str], start: int, end: int, blocks: Iterable[Block]) -> str:
    """Return lines `start` to `end` with the promise blocks emptied."""
    kept = list(lines[start:end])
    for block in blocks:
        opening = block.line - 2 - start
        closing = min(opening + 2 + block.text.count("\n"), len(kept))
        for index in range(opening, closing):
            kept[index] = ""
    return "\n".join(kept)


def _parts(tokens: Sequence[Token]) -> Iterable[tuple[Heading | None, Token | None]]:
    """Yield each top heading (words, level, first line, line after) and each promise fence."""
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            words = " ".join(tokens[index + 1].content.split()).strip("\u00a0 ")
            yield (words, int(token.tag[1:]), token.map[0], token.map[1]), None
        elif token.type == "fence" and token.info.split()[:1] == ["promise"]:
            yield None, token


def _block(token: Token, lines: Sequence[str], reading: Reading) -> Iterable[Block]:
    start, end = token.map or (0, 0)
    if token.level > 0 or lines[start][:1] in (" ", "\t"):
        _note(
            reading,
            start + 1,
            "A promise block must not be indented or inside a list.",
            "Move it to the margin.",
        )
        return
    last = lines[end - 1].strip() if end <= len(lines) else ""
    if end - 1 <= start or set(last) != {token.markup[0]} or len(last) < len(token.markup):
        _note(
            reading,
            start + 1,
            "This promise block is never closed.",
            f"Write {token.markup} on a line after it.",
        )
    yield Block(text=token.content, line=start + 2)


class _Numbering:
    """Gives each heading its full path, in the order of the file."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.open: list[tuple[int, tuple[int, ...]]] = []
        self.last: dict[tuple[int, ...], int] = {}
        self.lines: dict[tuple[int, ...], int] = {}

    def next(self, words: str, level: int, line: int) -> tuple[str, str]:
        """Return the number and the title of a heading."""
        while self.open and self.open[-1][0] >= level:
            self.open.pop()
        above = self.open[-1][1] if self.open else ()
        match = _NUMBER.fullmatch(words)
        path, title = (*above, self.last.get(above, 0) + 1), words
        if match is not None:
            path, title = self._written(match["number"], above, line), match["title"].strip()
        if not title:
            _note(self.reading, line, "This heading has no words.", "Write what the clause is about.")
        number = ".".join(map(str, path))
        if path in self.lines:
            what = f"Clause {number} is already on line {self.lines[path]}."
            _note(self.reading, line, what, "Give one of the two another number.")
        self.lines.setdefault(path, line)
        self.last[path[:-1]] = max(self.last.get(path[:-1], 0), path[-1])
        self.open.append((level, path))
        return number, title

    def _written(self, number: str, above: tuple[int, ...], line: int) -> tuple[int, ...]:
        path = tuple(map(int, number.split(".")))
        if path[: len(above)] == above and len(path) > len(above):
            return path
        if len(path) > 1:
            what = f"The heading says {number} but stands under {'.'.join(map(str, above))}."
            _note(self.reading, line, what, "Mend the number, or the number of # signs.")
            return path
        return above + path


@cache
def _markdown() -> MarkdownIt:
    """Return a parser of blocks only: what is inside a line does not matter here."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable("inline")


def without_comments(text: str) -> str:
    r"""Remove `<!-- … -->` and keep its line ends; what is never closed is no comment.

    >>> without_comments("a <!-- b\nc --> d <!-- e")
    'a \n d <!-- e'
    """
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept += [text[at:start], "\n" * text.count("\n", start, end)]
        at = end + 3
    return "".join(kept) + text[at:]


def _note(reading: Reading, line: int, what: str, remedy: str) -> None:
    reading.problem(Scalar(None, "", line, 1), what, remedy)
