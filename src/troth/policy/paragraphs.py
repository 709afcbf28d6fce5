"""The prose of a clause as paragraphs of formatted text, and back to Markdown, a paragraph at a time.

A value that comes from a promise is one piece, named by its placeholder; its words are filled in elsewhere.
So a paragraph that went through a word processor can be compared with what was given out, and written back
where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote

from troth.errors import NotAllowedError
from troth.policy.document import without_comments
from troth.policy.notice_tree import tokens
from troth.policy.placeholder import PLACEHOLDER

if TYPE_CHECKING:
    from markdown_it.token import Token

_BLOCK = re.compile(r"(?:table|list)\s*:")
_FIRST, _LAST = 0xE100, 0xF8FF
_MARKER = re.compile(r"\s*(?:>\s?)*\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)?(?:>\s?)*")
_SPECIAL = re.compile(r"([\\`*_\[\]<>]|&(?=#?\w{1,32};)|\{(?=\{)|(?<=\{)\{)")
_FIRST_WORD = re.compile(r"[-+#|~=]|\d{1,9}[.)](?=\s|$)")
_LINE_END = re.compile(r"[\n\r\v\f\x85\u2028\u2029]+")
_IN_LINK = re.compile(r"[\s()<>{}\\]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text in one format; `locked` is the placeholder where a promise says it."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    link: str = ""
    locked: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph: how it stands (`plain`, `bullet`, `number`, `quote`, `code`, `value`, `table`), and its lines.

    A `value` is a table or a list that promises fill; a `table` one that is written by hand, row by row.
    """

    style: str
    pieces: tuple[Piece, ...]
    level: int = 0
    start: int = 0
    end: int = 0

    @property
    def markdown(self) -> str:
        """The paragraph as Markdown, without what marks a list or a quotation."""
        return markdown(self.pieces)


def paragraphs(text: str, language: str) -> tuple[Paragraph, ...]:
    """Return the paragraphs of prose; lines count from 0 in `text`."""
    names: list[str] = []

    def hide(match: re.Match[str]) -> str:
        names.append(match["inside"].strip())
        return chr(_FIRST + len(names) - 1) if len(names) <= _LAST - _FIRST else match[0]

    hidden = PLACEHOLDER.sub(hide, without_comments(text))
    return tuple(_paragraphs(tokens(hidden, language), names))


def _paragraphs(found: Sequence[Token], names: Sequence[str]) -> Iterator[Paragraph]:
    lists: list[str] = []
    quotes = 0
    table: Token | None = None
    cells: list[Piece] = []
    for token in found:
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            lists.append("bullet" if kind.startswith("bullet") else "number")
        elif kind in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif kind in ("blockquote_open", "blockquote_close"):
            quotes += 1 if kind.endswith("open") else -1
        elif kind == "table_open":
            table, cells = token, []
        elif kind == "table_close" and table is not None:
            yield Paragraph("table", tuple(cells), 0, *(table.map or (0, 0)))
            table = None
        elif kind == "inline" and table is not None:
            cells += [*_pieces(token.children or (), names), Piece("\t")]
        elif kind == "inline":
            pieces = merged(_pieces(token.children or (), names))
            style = lists[-1] if lists else "quote" if quotes else "plain"
            if len(pieces) == 1 and _BLOCK.match(pieces[0].locked):
                style = "value"
            yield Paragraph(style, pieces, max(len(lists) - 1, 0), *(token.map or (0, 0)))
        elif kind in ("fence", "code_block", "html_block"):
            yield Paragraph(
                "code", (Piece(token.content.rstrip("\n"), code=True),), 0, *(token.map or (0, 0))
            )


def _pieces(children: Sequence[Token], names: Sequence[str]) -> Iterator[Piece]:
    bold = italic = 0
    link = ""
    for token in children:
        match token.type:
            case "strong_open" | "strong_close":
                bold += 1 if token.type.endswith("open") else -1
            case "em_open" | "em_close":
                italic += 1 if token.type.endswith("open") else -1
            case "link_open":
                link = str(token.attrGet("href") or "")
            case "link_close":
                link = ""
            case "softbreak" | "hardbreak":
                yield Piece(" ", bool(bold), bool(italic), link=link)
            case _:
                like = Piece("", bool(bold), bool(italic), token.type == "code_inline", link)
                yield from _split(token.content, like, names)


def _split(text: str, like: Piece, names: Sequence[str]) -> Iterator[Piece]:
    kept = ""
    for letter in text:
        at = ord(letter) - _FIRST
        if 0 <= at < len(names):
            if kept:
                yield replace(like, text=kept)
            yield replace(like, text="", locked=names[at])
            kept = ""
        else:
            kept += letter
    if kept:
        yield replace(like, text=kept)


def merged(pieces: Iterator[Piece] | Sequence[Piece]) -> tuple[Piece, ...]:
    """Join neighbours of one format."""
    found: list[Piece] = []
    there = (piece for piece in pieces if piece.text or piece.locked)
    for like, alike in groupby(there, lambda piece: replace(piece, text="")):
        if like.locked:
            found += alike
        else:
            found.append(replace(like, text="".join(piece.text for piece in alike)))
    return tuple(found)


def markdown(pieces: Sequence[Piece]) -> str:
    r"""Write pieces as one line of Markdown.

    >>> markdown((Piece("We answer in "), Piece("", locked="answer.within"), Piece("*", bold=True)))
    'We answer in {{ answer.within }}**\\***'

    What would begin a heading, a list or a table, or be filled in as a value, is escaped.

    >>> markdown((Piece("1. {{ answer.within }}"),))
    '1\\. \\{\\{ answer.within }}'
    """
    written = "".join(_written(piece) for piece in merged(pieces)).strip()
    begins = _FIRST_WORD.match(written)
    return f"{written[: begins.end() - 1]}\\{written[begins.end() - 1 :]}" if begins else written


def _written(piece: Piece) -> str:
    text = f"{{{{ {piece.locked} }}}}" if piece.locked else " ".join(_LINE_END.split(piece.text))
    inner = text.strip()
    if not inner:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if not piece.locked:
        inner = _as_code(inner) if piece.code and "{{" not in inner else _SPECIAL.sub(r"\\\1", inner)
    if piece.italic:
        inner = f"*{inner}*"
    if piece.bold:
        inner = f"**{inner}**"
    if piece.link and not piece.locked:  # a value brings its own link
        inner = f"[{inner}]({_IN_LINK.sub(lambda found: quote(found[0]), piece.link)})"
    return f"{before}{inner}{after}"


def _as_code(text: str) -> str:
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    gap = " " if "`" in text else ""
    return f"{fence}{gap}{text}{gap}{fence}"


def replaced(prose: str, language: str, was: str, becomes: str, after: str = "") -> str:
    """Return prose with one paragraph written otherwise, removed (`becomes` is empty), or added (`was` is empty).

    `after` is the paragraph behind which a new one is added; at the beginning where it is empty.
    Raises NotAllowedError where the paragraph is not there, or there twice.
    """
    known = [one for one in paragraphs(prose, language) if one.style not in ("value", "table", "code")]
    lines = prose.split("\n")
    wanted = was or after
    found = [one for one in paragraphs(prose, language) if one.markdown == wanted] if wanted else []
    if wanted and len(found) != 1:
        raise NotAllowedError(
            "The paragraph that was reviewed is not in the draft as it was given out: write the change by hand."
        )
    if not was:
        at = found[0].end if found else 0
        before, behind = lines[:at], lines[at:]
        gap = [""] if before and before[-1].strip() else []
        rest = ["", *behind] if behind and behind[0].strip() else behind
        return "\n".join([*before, *gap, becomes, *rest]).strip("\n")
    one = found[0]
    if one not in known:
        raise NotAllowedError("A table or a list of the notice comes from its promises: change those.")
    marker = _MARKER.match(lines[one.start])
    kept = marker[0] if marker and one.style != "plain" else ""
    lines[one.start : one.end] = [kept + becomes] if becomes else []
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
