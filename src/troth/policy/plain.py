"""A policy that is plain text: its clauses numbered by their full path.

Old documents restart their numbers under each heading ("7." then "1.", "2."); from the
order of the numbers follows which heading stands under which.

`parse` is total: any text gives a Document, with Problems where it is not in order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from troth.errors import Problem
from troth.policy.document import LENGTH_MAX, Clause, Document, Front

HEADING_MAX = 140
TITLE_MAX = 80
LOOK_AHEAD = 12
NUMBERED = re.compile(
    r"^[\s\u00a0]*(?P<number>\d{1,3}(?:\.\d{1,3}){0,7})(?P<dot>[.)])?[\s\u00a0]+(?P<title>\S.*?)[\s\u00a0]*$"
)
_ENDS_A_SENTENCE = re.compile(r"[.;,:]$")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A line that begins with a number: its line, its own number, its full path, and its words."""

    line: int
    leaf: str
    path: tuple[int, ...]
    title: str
    heading: bool


def parse(text: str, file: str) -> Document:
    """Read plain text into clauses."""
    problems: list[Problem] = []
    if len(text) > LENGTH_MAX:
        problems.append(
            Problem(file, 1, 1, "It is too long to be a policy.", f"At most {LENGTH_MAX} characters.")
        )
        text = text[:LENGTH_MAX]
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    headings = [one for one in numbered(lines) if one.heading] or titled(lines)
    first = headings[0].line if headings else len(lines) + 1
    title_line = next((n for n, line in enumerate(lines[: first - 1], 1) if line.strip()), 0)
    title = lines[title_line - 1].strip() if title_line else ""
    preamble = "\n".join(lines[title_line : first - 1])
    clauses = []
    for at, heading in enumerate(headings):
        end = headings[at + 1].line if at + 1 < len(headings) else len(lines) + 1
        clauses.append(
            Clause(
                number=".".join(map(str, heading.path)),
                title=heading.title,
                level=len(heading.path),
                line=heading.line,
                end_line=end - 1,
                text="\n".join(lines[heading.line : end - 1]),
            )
        )
    if not text.strip():
        remedy = "Write a title and a first clause, or start with `troth init`."
        problems.append(Problem(file, 1, 1, "The policy is empty.", remedy))
    elif not headings:
        what = "No line begins with a number or looks like a heading, so there are no clauses."
        problems.append(Problem(file, 1, 1, what, "Number the headings: 1., 2., 2.1."))
    front = Front(title=title or None, language=language_of(text))
    return Document(file, text, front, title, preamble, tuple(clauses), tuple(problems), title_line + 1)


def numbered(lines: list[str]) -> list[Numbered]:
    """Return the lines that begin with a number, each with its full path.

    A number that goes on from an open level belongs there and a 1 opens a level below;
    where two places fit, the one that lets the numbers after it fit too, else the outermost.
    """
    seen = [
        (line, match["number"], match["title"], bool(match["dot"]))
        for line, words in enumerate(lines, 1)
        if (match := NUMBERED.match(words)) is not None
    ]
    headings = [one for one in seen if _is_heading(one[1], one[2], one[3])]
    paths = _placed([one[1] for one in headings])
    path_of = {one[0]: path for one, path in zip(headings, paths, strict=True)}
    found: list[Numbered] = []
    above: tuple[int, ...] = ()
    inner = 0  # the last numbered paragraph under the heading, which is no heading
    for line, number, title, dot in seen:
        path = path_of.get(line)
        if path is not None:
            above, inner = path, 0
            found.append(Numbered(line, number, path, title, True))
        elif line not in path_of and dot and "." not in number and int(number) == inner + 1:
            inner = int(number)
            found.append(Numbered(line, number, (*above, inner), title, False))
    return found


def titled(lines: list[str]) -> list[Numbered]:
    """Return the headings of a text without numbers, counted: short lines by themselves, with text below.

    The first line with words is the title, never a heading.
    """
    words = [at for at, line in enumerate(lines) if line.strip()]
    found = [
        at
        for at, after in pairwise(words[1:])
        if not lines[at - 1].strip()
        and after > at + 1
        and len(lines[at].strip()) <= TITLE_MAX
        and len(lines[after].strip()) > len(lines[at].strip())
        and lines[at].strip()[0].isupper()
        and not _ENDS_A_SENTENCE.search(lines[at].strip())
    ]
    return [
        Numbered(at + 1, str(number), (number,), lines[at].strip(), True)
        for number, at in enumerate(found, 1)
    ]


def _is_heading(number: str, title: str, dot: bool) -> bool:
    short = len(title) <= HEADING_MAX and not _ENDS_A_SENTENCE.search(title) and not title[0].islower()
    return short and (dot or "." in number)


_Path = tuple[int, ...]


def _placed(numbers: list[str]) -> list[_Path | None]:
    """Give each heading its full path, or None where it fits nowhere; the fewest are left out."""
    placed: list[_Path | None] = []
    stack: _Path = ()
    for at, written in enumerate(numbers):
        choices = _choices(stack, written)
        if not choices:
            placed.append(None)
            continue
        ahead = numbers[at + 1 : at + 1 + LOOK_AHEAD]
        stack = min(choices, key=lambda path: (_left_out(path, tuple(ahead)), len(path)))
        placed.append(stack)
    return placed


def _choices(stack: _Path, written: str) -> list[_Path]:
    parts = tuple(int(part) for part in written.split("."))
    if len(parts) > 1:
        return [parts]
    number = parts[0]
    found = [(*stack[:level], number) for level, last in enumerate(stack) if number == last + 1]
    if number == 1:
        found.append((*stack, 1))
    return found or ([(number,)] if not stack else [])


@lru_cache(maxsize=4096)
def _left_out(stack: _Path, ahead: tuple[str, ...]) -> int:
    if not ahead:
        return 0
    choices = _choices(stack, ahead[0])
    if not choices:
        return 1 + _left_out(stack, ahead[1:])
    return min(_left_out(path, ahead[1:]) for path in choices)


_FRENCH = re.compile(
    r"\b(?:les|des|nous|vous|vos|données|être|avec|sont|droit|traitement|personnel)\b", re.IGNORECASE
)
_ENGLISH = re.compile(r"\b(?:the|and|of|you|your|data|are|with|right|processing|personal)\b", re.IGNORECASE)


def language_of(text: str) -> str:
    """Guess whether a text is French or English.

    >>> language_of("Nous protégeons vos données"), language_of("We protect your data")
    ('fr', 'en')
    """
    some = text[:20_000]
    return "fr" if len(_FRENCH.findall(some)) > len(_ENGLISH.findall(some)) else "en"
