"""Placeholders in prose: `{{ answer.within }}`, `{{ table: cookies }}`, `{{ list: purposes }}`.

A single value reads on in its sentence; a table or a list stands on a line of its own.
`{{ list: right.erase.grounds }}` lists what a field holds.  What names nothing is a
Problem with its place, so no notice shows an empty hole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from troth.errors import Problem
from troth.policy.document import Document
from troth.policy.reading import did_you_mean
from troth.policy.saying import Found, Missing, bullets, find, say
from troth.policy.tables import TABLES, bullet_list, is_empty, table
from troth.policy.words import LANGUAGES, Words, words

if TYPE_CHECKING:
    from troth.policy.policy import Policy

_PLACEHOLDER = re.compile(r"\{\{(?P<inside>[^{}\n]{0,200})\}\}")
_BLOCK = re.compile(r"(?P<what>\w+)\s*:\s*(?P<name>.*)", re.DOTALL)
_OPEN = re.compile(r"(?<!\\)\{\{")
_CLAUSE_LINK = re.compile(r"\]\(#(?P<number>\d+(?:\.\d+)*)\)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def filled(text: str, policy: Policy, language: Words) -> str:
    """Fill the placeholders of a text; one that names nothing is left as it is."""

    def fill(match: re.Match[str]) -> str:
        said = _said(match["inside"].strip(), policy, language)
        return match[0] if isinstance(said, Missing) else said

    return _PLACEHOLDER.sub(fill, without_comments(text))


def without_comments(text: str) -> str:
    """Remove `<!-- … -->`; the lines stay."""
    return _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)


def problems(policy: Policy, document: Document, whole: bool = True) -> Iterator[Problem]:
    """Find placeholders that name nothing, and links to clauses that are not there.

    Where the policy is not `whole`, its promises have mistakes of their own, and what
    is absent for that reason is not told twice.
    """
    language = words(document.language if document.language in LANGUAGES else "en")
    texts = [(document.preamble, document.preamble_line)]
    texts.extend((clause.text, clause.text_line) for clause in document.clauses)
    texts.extend((clause.title, clause.line) for clause in document.clauses)
    for text, start in texts:
        for number, line in enumerate(without_comments(text).split("\n"), start):
            for problem, absent in _of_line(line, number, policy, document, language):
                if whole or not absent:
                    yield problem


def _of_line(
    line: str, number: int, policy: Policy, document: Document, language: Words
) -> Iterator[tuple[Problem, bool]]:
    for match in _PLACEHOLDER.finditer(line):
        inside = match["inside"].strip()
        said = _said(inside, policy, language)
        what, remedy = (said.what, said.remedy) if isinstance(said, Missing) else ("", "")
        if not what and _BLOCK.fullmatch(inside) and line.strip() != match[0]:
            what = "A table or a list must stand on a line of its own."
            remedy = "Put it on its own line, with an empty line before and after."
        if what:
            absent = isinstance(said, Missing) and said.absent
            yield Problem(document.file, number, _column(document, number, match), what, remedy), absent
    rest = _PLACEHOLDER.sub("", line)
    if _OPEN.search(rest):
        column = document.lines[number - 1].find("{{") + 1
        yield (
            Problem(document.file, number, max(column, 1), "A placeholder is not closed.", "Write `}}`."),
            False,
        )
    for match in _CLAUSE_LINK.finditer(line):
        if match["number"] not in document.by_number:
            what = f"There is no clause {match['number']} to link to."
            yield Problem(document.file, number, match.start() + 1, what, "Mend the number."), False


def _said(inside: str, policy: Policy, language: Words) -> str | Missing:
    block = _BLOCK.fullmatch(inside)
    if block is not None:
        return _block(block["what"], block["name"].strip(), policy, language)
    found = find(policy, inside)
    if isinstance(found, Missing):
        return found
    said = say(found, policy, language)
    if said is None:
        return Missing(f"`{inside}` is more than one value.", "Name one field of it.")
    return said


def _block(what: str, name: str, policy: Policy, language: Words) -> str | Missing:
    if what not in ("table", "list"):
        return Missing(f"There is no placeholder `{what}:`.", "Write `table:` or `list:`.")
    if name in TABLES:
        if is_empty(name, policy):
            return Missing(
                f"There are no {name} to show.", "Write such promises, or remove the placeholder.", True
            )
        return table(name, policy, language) if what == "table" else bullet_list(name, policy, language)
    found = find(policy, name) if what == "list" and "." in name else None
    if isinstance(found, Found) and isinstance(found.value, tuple):
        items = [say(Found((one,), found.hint, found.path), policy, language) for one in found.value]
        return bullets(item for item in items if item is not None)
    if isinstance(found, Missing):
        return found
    return Missing(f"There is no {what} called `{name[:40]}`.", did_you_mean(name, TABLES))


def _column(document: Document, number: int, match: re.Match[str]) -> int:
    """Find the placeholder in the line as it is in the file (a title begins further right)."""
    return max(document.lines[number - 1].find(match[0]), 0) + 1
