"""What two versions of a policy say in other words: clause by clause, for whoever reads them side by side.

The text compared is the notice as people read it, so a period that a promise changed shows where it is said.

Law: GDPR Arts. 5(1)(a), 12(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from troth.policy.notice_text import prose, title
from troth.policy.policy import Policy
from troth.policy.typography import set_spaces
from troth.policy.words import words

Piece = tuple[Literal["same", "gone", "new"], str]
ALIKE = 0.35
"""Paragraphs less alike than this are shown one after the other, since words picked from both read as neither."""
_MARKUP = re.compile(r"\\(?=[\\`*_{}\[\]<>|~])|[*`]|<(?=https?:|\S+@)|(?<=\S)>(?=\s|$)")
_ITEM = re.compile(r"\s*(?:[-+*]|\d+[.)]|#+|>)\s")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Reworded:
    """A clause that reads otherwise: `paragraphs` are those that changed, each in pieces that stayed, went or came."""

    number: str
    title: str
    what: Literal["added", "removed", "changed"]
    paragraphs: tuple[tuple[Piece, ...], ...]


def rewordings(then: Policy, now: Policy, language: str) -> tuple[Reworded, ...]:
    """Return the clauses that read otherwise in a language, in the order of the later document; removed ones last."""
    before, after = _clauses(then, language), _clauses(now, language)
    found = []
    for number in dict.fromkeys((*after, *before)):
        old, new = before.get(number), after.get(number)
        if old == new:
            continue
        paragraphs = tuple(_changed(old[1] if old else (), new[1] if new else ()))
        what: Literal["added", "removed", "changed"] = (
            "added" if old is None else "removed" if new is None else "changed"
        )
        called = (new or old or ("", ()))[0]
        if paragraphs or what != "changed":
            found.append(Reworded(number, called, what, paragraphs))
    return tuple(found)


def _clauses(policy: Policy, language: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the title and the paragraphs of every clause as people read them."""
    said = words(language)
    document = policy.documents.get(language) or policy.document
    return {
        one.number: (
            set_spaces(_plain(title(one, policy, said)), language),
            tuple(
                set_spaces(plain, language)
                for paragraph in _paragraphs(prose(one.text, policy, said))
                if (plain := _plain(paragraph))
            ),
        )
        for one in document.clauses
    }


def _paragraphs(text: str) -> Iterator[str]:
    r"""Yield paragraphs, lines of tables and items of lists, each as one line however it was broken.

    >>> list(_paragraphs("One\ntwo.\n\n- a\n  b\n- c\n| x |\n| y |"))
    ['One two.', '- a b', '- c', '| x |', '| y |']
    """
    open_: list[str] = []
    for line in (*text.splitlines(), ""):
        begins = line.lstrip().startswith("|") or _ITEM.match(line) is not None
        if open_ and (not line.strip() or begins):
            yield " ".join(open_)
            open_ = []
        if line.strip():
            open_.append(line.strip())


def _plain(line: str) -> str:
    """Take the marks of Markdown away.

    >>> _plain("| **Name** | [here](https://a.example) |"), _plain("| --- | --- |"), _plain("- one")
    ('Name · here', '', 'one')
    """
    text = line.strip()
    if text.startswith("|"):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", text)[1:-1]]
        text = "" if all(re.fullmatch(r":?-+:?", cell) for cell in cells) else " · ".join(filter(None, cells))
    text = re.sub(r"^(?:[-+*]|#+|>)\s+", "", text)
    return _MARKUP.sub("", _LINK.sub(r"\1", text)).strip()


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Piece, ...]]:
    """Yield the paragraphs that changed, in pieces."""
    for _, start, end, begin, stop in (
        one for one in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if one[0] != "equal"
    ):
        gone, came = list(old[start:end]), list(new[begin:stop])
        for one in gone:
            near = max(came, key=lambda other: _alike(one, other), default="")
            if near and _alike(one, near) >= ALIKE:
                came.remove(near)
                yield tuple(pieces(one.split(" "), near.split(" "), " "))
            else:
                yield (("gone", one),)
        yield from ((("new", one),) for one in came)


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one.split(" "), other.split(" "), autojunk=False).ratio()


def pieces(old: Sequence[str], new: Sequence[str], between: str) -> Iterator[Piece]:
    """Yield what stays, goes and comes between two texts that are cut into words, with what stands `between` them."""
    for tag, start, end, begin, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "same", between.join(old[start:end])
            continue
        if end > start:
            yield "gone", between.join(old[start:end])
        if stop > begin:
            yield "new", between.join(new[begin:stop])
