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
from troth.policy.document import Document, without_comments
from troth.policy.reading import did_you_mean
from troth.policy.saying import Found, Missing, bullets, find, say
from troth.policy.tables import TABLES, bullet_list, is_empty, table
from troth.policy.words import LANGUAGES, Words, words

if TYPE_CHECKING:
    from troth.policy.policy import Policy

PLACEHOLDER = re.compile(r"(?<!\\)\{\{(?P<inside>[^{}\n]{0,200})\}\}")
_BLOCK = re.compile(r"(?P<what>\w+)\s*:\s*(?P<name>.*)", re.DOTALL)
_OPEN = re.compile(r"(?<!\\)\{\{")
_CLAUSE_LINK = re.compile(r"\]\(#(?P<number>\d+(?:\.\d+)*)\)")


def filled(text: str, policy: Policy, language: Words) -> str:
    """Fill the placeholders of a text; one that names nothing is left as it is."""

    def fill(match: re.Match[str]) -> str:
        said = _said(match["inside"].strip(), policy, language)
        return match[0] if said is None else said

    return PLACEHOLDER.sub(fill, without_comments(text))


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
    if "{{" not in line and "](#" not in line:  # most lines
        return
    for match in PLACEHOLDER.finditer(line):
        inside = match["inside"].strip()
        missing = _missing(inside, policy, language)
        if missing is None and _BLOCK.fullmatch(inside) and line.strip() != match[0]:
            remedy = "Put it on its own line, with an empty line before and after."
            missing = Missing("A table or a list must stand on a line of its own.", remedy)
        if missing is not None:
            column = _column(document, number, match)
            yield Problem(document.file, number, column, missing.what, missing.remedy), missing.absent
    rest = PLACEHOLDER.sub("", line)
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


def _missing(inside: str, policy: Policy, language: Words) -> Missing | None:
    """Say what is wrong with a placeholder; tables are looked for and not written."""
    block = _BLOCK.fullmatch(inside)
    name = block["name"].strip() if block else inside
    if block is not None and block["what"] not in ("table", "list"):
        return Missing(f"There is no placeholder `{block['what'][:40]}:`.", "Write `table:` or `list:`.")
    if block is not None and name in TABLES:
        if not is_empty(name, policy):
            return None
        return Missing(
            f"There are no {name} to show.", "Write such promises, or remove the placeholder.", True
        )
    if block is not None and (block["what"] == "table" or "." not in name):
        return Missing(f"There is no {block['what']} called `{name[:40]}`.", did_you_mean(name, TABLES))
    found = find(policy, name)
    if isinstance(found, Missing):
        return found
    if block is not None and not isinstance(found.value, tuple):
        return Missing(f"`{name}` is no list.", f"Write `{name}` without `list:`.")
    if say(found, policy, language) is None:
        return Missing(f"`{name}` is more than one value.", "Name one field of it.")
    return None


def _said(inside: str, policy: Policy, language: Words) -> str | None:
    """Write what a placeholder stands for; None where it names nothing."""
    if _missing(inside, policy, language) is not None:
        return None
    block = _BLOCK.fullmatch(inside)
    name = block["name"].strip() if block else inside
    if block is not None and name in TABLES:
        write = table if block["what"] == "table" else bullet_list
        return write(name, policy, language)
    found = find(policy, name)
    if isinstance(found, Missing):
        return None
    if block is None:
        return say(found, policy, language)
    items = (say(Found((one,), found.hint, found.path), policy, language) for one in found.value)
    return bullets(item for item in items if item is not None)


def _column(document: Document, number: int, match: re.Match[str]) -> int:
    """Find the placeholder in the line as it is in the file (a title begins further right)."""
    return max(document.lines[number - 1].find(match[0]), 0) + 1
