"""One clause of a policy written otherwise, in its file: its title, its prose or one of its promises.

Everything else stays byte for byte as it is, line ends included: only the lines that say something else
are replaced, so promise blocks stay where they stand between the paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from troth.errors import NotAllowedError, NotFoundError
from troth.policy import promise_writing
from troth.policy.document import Block, Clause, Document, parse
from troth.policy.form import Field, said
from troth.policy.kinds import KINDS
from troth.policy.yaml_text import Fields, Node, read

PREAMBLE = ""
"""The number of what stands between the title and the first clause."""
PROSE_MAX = 200_000
_ENDS = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_HEADING = re.compile(
    r"(#{1,6}[ \t]+(?:\d{1,3}(?:\.\d{1,3}){0,7}(?:[.)]|[.)]?(?=\s))[ \t]*)?)(.*?)([ \t]+#+)?[ \t]*"
)


def prose(document: Document, number: str) -> str:
    """Return the prose of a clause as it is edited: without its promise blocks, and without blank lines around it.

    Raises NotFoundError where there is no such clause.
    """
    lines = document.text.split("\n")
    return "\n".join(lines[at] for at in _shown(document, number))


def with_prose(text: str, file: str, number: str, words: str) -> str:
    """Return the file with the prose of one clause written otherwise.

    Raises NotFoundError where there is no such clause, NotAllowedError where the words would change another clause
    or a promise.
    """
    if len(words) > PROSE_MAX:
        raise NotAllowedError(f"The text of a clause has at most {PROSE_MAX:,} characters.")
    document = parse(text, file)
    shown = _shown(document, number)
    plain = document.text.split("\n")
    raw, end = raw_lines(text), _line_end(text)
    before = [plain[at].rstrip() for at in shown]
    wanted = [
        line.rstrip() for line in words.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    ]
    if wanted == [""]:
        wanted = []
    made: dict[int, list[str]] = {}
    after: dict[int, list[str]] = {}
    first = _first_line(document, number)
    for what, start, stop, new_start, new_stop in SequenceMatcher(
        None, before, wanted, autojunk=False
    ).get_opcodes():
        if what == "equal":
            continue
        lines = [line + end for line in wanted[new_start:new_stop]]
        for at in shown[start:stop]:
            made[at] = []
        if start < stop:
            made[shown[start]] = lines
        elif not shown:
            after[first - 1] = [end, *lines]
        elif start:
            after.setdefault(shown[start - 1], []).extend(lines)
        else:
            made.setdefault(shown[0], [raw[shown[0]]])[:0] = lines
    found: list[str] = []
    for at, line in enumerate(raw):
        found += made.get(at, [line])
        if at in after and found and not found[-1].endswith(("\n", "\r")):
            found[-1] += end
        found += after.get(at, [])
    return _held("".join(found), document, number, blocks=True)


def with_title(text: str, file: str, number: str, title: str) -> str:
    """Return the file with another title over a clause; its number stays."""
    document = parse(text, file)
    clause = _clause(document, number)
    words = " ".join(title.split())
    if not words:
        raise NotAllowedError("A clause needs a title.")
    raw = raw_lines(text)
    line = raw[clause.line - 1]
    bare = line.rstrip("\r\n")
    match = _HEADING.fullmatch(bare)
    if match is None or clause.heading_lines != 1:
        raise NotAllowedError("This heading is not written with # signs: change it in its file.")
    raw[clause.line - 1] = f"{match[1]}{words}{match[3] or ''}{line[len(bare) :]}"
    return _held("".join(raw), document, number, blocks=True)


def with_promise(
    text: str,
    file: str,
    number: str,
    kind: str,
    name: str,
    fields: Sequence[Field],
    value: Mapping[str, Any] | None,
) -> str:
    """Return the file with one promise of a clause written otherwise, added (where it is not there) or removed (None).

    Raises NotFoundError where there is no such clause, or no such promise to remove.
    """
    document = parse(text, file)
    clause = _clause(document, number)
    block = _block_of(clause, kind, name)
    raw, end = raw_lines(text), _line_end(text)
    if block is None:
        if value is None:
            raise NotFoundError(f"Clause {number} has no such promise.")
        made = promise_writing.written("", kind, name, fields, value)
        last = _last_line(document, clause)
        if not raw[last].endswith(("\n", "\r")):
            raw[last] += end
        lines = ["", "```promise", *made.rstrip("\n").split("\n"), "```"]
        raw[last] += "".join(line + end for line in lines)
        return _held("".join(raw), document, number, blocks=False)
    made = promise_writing.written(block.text, kind, name, fields, value)
    start, stop = block.line - 1, block.line - 1 + block.text.count("\n")
    if not made.strip():
        start, stop, made = start - 1, min(stop + 1, len(raw)), ""
        if start and not raw[start - 1].strip() and (stop == len(raw) or not raw[stop].strip()):
            start -= 1
    raw[start:stop] = [line + end for line in made.split("\n")[:-1]]
    return _held("".join(raw), document, number, blocks=False)


def with_front(text: str, file: str, key: str, value: str) -> str:
    """Return the file with `version` or `date` at its top written otherwise; unchanged where the top has none."""
    document = parse(text, file)
    raw = raw_lines(text)
    top = next((at for at, line in enumerate(raw[1:60], 1) if line.rstrip() == "---"), 0)
    if not raw or raw[0].lstrip("\ufeff").rstrip() != "---":
        return text
    for at, line in enumerate(raw[1:top], 1):
        match = re.match(
            rf"({key}:[ \t]*)(\"[^\"\n]*\"|'[^'\n]*'|[^#\s][^#\n]*?)?([ \t]*(?:#.*)?\r?\n)", line
        )
        if match is not None:
            raw[at] = f"{match[1].rstrip()} {value}{match[3]}"
    return _held("".join(raw), document, "", blocks=True)


def _held(text: str, before: Document, number: str, *, blocks: bool) -> str:
    """Return the text where all but one clause still says what it said; raises NotAllowedError otherwise.

    Clauses below the changed one may come and go with the headings in its prose.
    """
    after = parse(text, before.file)
    for clause in before.clauses:
        now = after.by_number.get(clause.number)
        if now is None or (
            now.blocks != clause.blocks
            and [one.text for one in now.blocks] != [one.text for one in clause.blocks]
        ):
            if clause.number == number and now is not None and not blocks:
                continue
            raise _spills(clause.number)
        if clause.number != number and (now.title, now.text.strip()) != (clause.title, clause.text.strip()):
            raise _spills(clause.number)
    told = {problem.what for problem in before.problems}
    wrong = next((problem for problem in after.problems if problem.what not in told), None)
    if wrong is not None:
        raise NotAllowedError(f"{wrong.what} {wrong.remedy}")
    return text


def _spills(number: str) -> NotAllowedError:
    return NotAllowedError(
        f"These words would change clause {number} too: a code fence (```), an HTML comment or a heading in them is "
        "not closed, or takes its number. Promises are changed in their form, not in the text."
    )


def _shown(document: Document, number: str) -> list[int]:
    """Return the lines (from 0) that are the prose of a clause, blank ones in a row once, none around it."""
    first = _first_line(document, number)
    text = document.preamble if number == PREAMBLE else _clause(document, number).text
    found: list[int] = []
    for at, line in enumerate(text.split("\n"), first):
        blank = not line.strip()
        if blank and (
            not found or not document.lines[found[-1]].strip() or _in_block(document, number, found[-1])
        ):
            continue
        if blank and _in_block(document, number, at):
            continue
        found.append(at)
    while found and not document.lines[found[-1]].strip():
        found.pop()
    return found


def promises(document: Document, number: str) -> tuple[tuple[str, str], ...]:
    """Return the promises of a clause by kind and name (empty where the kind has none), in their order."""
    return tuple((kind, name) for kind, name, _ in _nodes(_clause(document, number)))


def promise_value(document: Document, number: str, kind: str, name: str) -> dict[str, Any] | None:
    """Return what a promise of a clause says, as values of a form; None where it is not there or not in order."""
    for clause in (document.by_number[number],) if number in document.by_number else ():
        for its_kind, its_name, node in _nodes(clause):
            if (its_kind, its_name) == (kind, name):
                value = said(node)
                return value if isinstance(value, dict) else {}
    return None


def _nodes(clause: Clause) -> Iterator[tuple[str, str, Node]]:
    for block in clause.blocks:
        root = _read(block.text)
        for kind, value in root if isinstance(root, Fields) else ():
            known = KINDS.get(kind)
            if known is None or not known.many:
                yield kind, "", value
            elif isinstance(value, Fields):
                yield from ((kind, name, one) for name, one in value)


@lru_cache(maxsize=256)
def _read(text: str) -> Node | None:
    return read(text, "")[0]


def _in_block(document: Document, number: str, at: int) -> bool:
    if number == PREAMBLE:
        return False
    return any(
        one.line - 2 <= at <= one.line - 1 + one.text.count("\n") for one in _clause(document, number).blocks
    )


def _first_line(document: Document, number: str) -> int:
    if number == PREAMBLE:
        return document.preamble_line - 1
    return _clause(document, number).text_line - 1


def _clause(document: Document, number: str) -> Clause:
    found = document.by_number.get(number)
    if found is None:
        raise NotFoundError(f"{document.file} has no clause {number[:20]!r}.")
    return found


def _block_of(clause: Clause, kind: str, name: str) -> Block | None:
    """Return the block that has the promise, else the last one to which one of its kind can be added."""
    of_kind = None
    for block in clause.blocks:
        keys = re.findall(rf"^{re.escape(kind)}:", block.text, re.MULTILINE)
        if keys and (
            not name or re.search(rf"^[ \t]+[\"']?{re.escape(name)}[\"']?:", block.text, re.MULTILINE)
        ):
            return block
        of_kind = block if keys else of_kind
    return of_kind


def _last_line(document: Document, clause: Clause) -> int:
    at = clause.end_line - 1
    while at > clause.line - 1 and not document.lines[at].strip():
        at -= 1
    return at


def raw_lines(text: str) -> list[str]:
    """Return the lines with their ends, numbered as the parser numbers them."""
    found = _ENDS.findall(text)
    return found if found and not found[-1].endswith(("\n", "\r")) else [*found, ""]


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
