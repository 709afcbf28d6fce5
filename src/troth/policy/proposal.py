"""What somebody proposes in a reviewed document: paragraph by paragraph, never merged by itself.

Tracked changes come with who and when.  What was changed without tracking is found by comparing with what was
given out, and marked so.  A change of words that a promise says is a proposal about that promise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

What = Literal["words", "promise", "comment"]
UNREAD = (
    "Something was changed here that Troth cannot read (paragraphs joined or split, a footnote, a symbol, a picture, "
    "cells of a table): look into the document, and write the change by hand."
)


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment, or an answer to one."""

    who: str
    when: str
    text: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One paragraph of a document that came back.

    `before` is its Markdown without the tracked changes (None where they added it), `after` with them (None where
    they removed it); `values` are the locked values in it, each with its words before and after.  `unread` says
    that something was changed in it that has no words here: paragraphs joined, a footnote, a picture.
    """

    before: str | None
    after: str | None
    who: str = ""
    when: str = ""
    values: tuple[tuple[str, str, str], ...] = ()
    remarks: tuple[tuple[Remark, ...], ...] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class GivenOut:
    """One paragraph as it was given out: its Markdown, and the words of the values in it."""

    markdown: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A reviewed document: what it says it is of, and its paragraphs by clause."""

    language: str
    sha256: str
    version: str
    clauses: Mapping[str, tuple[Reviewed, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing proposed for a clause; `behind` is the paragraph before it: as given out, or as it was added."""

    clause: str
    what: What
    was: str = ""
    becomes: str = ""
    who: str = ""
    when: str = ""
    tracked: bool = True
    promise: str = ""
    behind: str = ""
    remarks: tuple[Remark, ...] = ()


def proposals(given: Mapping[str, Sequence[GivenOut]], came: Document) -> tuple[Proposal, ...]:
    """Return what a document proposes, against what was given out, in the order in which that was given out.

    A clause that did not come back at all was removed, and is proposed so.
    """
    return tuple(
        one
        for clause in dict.fromkeys((*given, *came.clauses))
        for one in _of_clause(clause, given.get(clause, ()), came.clauses.get(clause, ()))
    )


def _of_clause(clause: str, given: Sequence[GivenOut], came: Sequence[Reviewed]) -> Iterator[Proposal]:
    there = [one for one in came if one.before is not None]
    origin: dict[int, GivenOut] = {}
    gone: dict[int, list[GivenOut]] = {}
    for what, start, stop, new_start, new_stop in _compared(
        [one.markdown for one in given], [str(one.before) for one in there]
    ):
        paired = min(stop - start, new_stop - new_start)
        for number in range(paired):
            origin[id(there[new_start + number])] = given[start + number]
        if what in ("replace", "delete"):
            gone[new_start + paired] = list(given[start + paired : stop])
    at, behind = 0, ""
    for one in came:
        if one.before is not None:
            yield from _removed(clause, gone.get(at, ()), behind)
            behind = gone[at][-1].markdown if gone.get(at) else behind
            at += 1
        yield from _of_paragraph(clause, one, origin.get(id(one)), behind)
        behind = origin[id(one)].markdown if id(one) in origin else one.after or behind
    yield from _removed(clause, gone.get(at, ()), behind)


def _compared(was: Sequence[str], now: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield what became of the paragraphs; the like ones at the beginning cost one look each."""
    alike = next(
        (number for number, (one, other) in enumerate(zip(was, now, strict=False)) if one != other),
        min(len(was), len(now)),
    )
    yield "equal", 0, alike, 0, alike
    for what, *places in SequenceMatcher(None, was[alike:], now[alike:], autojunk=False).get_opcodes():
        start, stop, new_start, new_stop = (alike + place for place in places)
        yield what, start, stop, new_start, new_stop


def _removed(clause: str, found: Sequence[GivenOut], behind: str) -> Iterator[Proposal]:
    for one in found:
        yield Proposal(clause, "words", one.markdown, "", tracked=False, behind=behind)
        behind = one.markdown


def _of_paragraph(clause: str, one: Reviewed, given: GivenOut | None, behind: str) -> Iterator[Proposal]:
    remarks = one.remarks[0] if one.remarks else ()
    was = given.markdown if given else ""
    tracked = one.before is None or one.before == was
    if (one.after or "") != was:
        yield Proposal(
            clause, "words", was, one.after or "", one.who if tracked else "", one.when if tracked else "", tracked,
            behind=behind, remarks=remarks,
        )  # fmt: skip
        rest = one.remarks[1:]
    else:
        rest = one.remarks
    before = dict(given.values) if given else {}
    for name, first, last in one.values:
        held = before.get(name, first)
        if last != held:
            yield Proposal(clause, "promise", held, last, one.who, one.when, first == held, name)
    if one.unread:
        remark = Remark(one.who, one.when, UNREAD)
        yield Proposal(clause, "comment", was, was, one.who, one.when, remarks=(remark,))
    for thread in rest:
        yield Proposal(clause, "comment", was, was, thread[0].who, thread[0].when, remarks=thread)
