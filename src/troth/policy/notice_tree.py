"""The notice as blocks and runs of text: what a typesetter needs, and no markup.

Every value is a string, a number, a list or a mapping, so it can be handed over as JSON
and set as text; nothing in it is ever read as a program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from troth.policy.notice_text import dates, document_in, prose, sha256, title
from troth.policy.typography import QUOTES, set_spaces
from troth.policy.words import words

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from troth.policy.policy import Policy

Node = dict[str, Any]


def tree(policy: Policy, language: str) -> Node:
    """Return the whole notice as a tree."""
    said, document = words(language), document_in(policy, language)
    blocks: list[Node] = list(parsed(prose(document.preamble, policy, said), language))
    for clause in document.clauses:
        heading = runs(title(clause, policy, said), language)
        level = min(clause.number.count(".") + 1, 5)
        blocks.append({"is": "heading", "level": level, "number": clause.number, "runs": heading})
        blocks.extend(parsed(prose(clause.text, policy, said), language))
    return {
        "language": language,
        "title": set_spaces(document.title, language),
        "dates": dates(policy, said),
        "version": policy.version,
        "day": policy.effective.isoformat() if policy.effective else "",
        "seal": set_spaces(said.page("seal") + str(said.table["grammar"]["colon"]), language),
        "sha256": sha256(policy, language),
        "contents": said.page("contents"),
        "of": said.page("of", "{}", "{}"),
        "blocks": blocks,
    }


@cache
def parser(language: str) -> MarkdownIt:
    """Return the Markdown parser of the notice: CommonMark and tables; HTML is shown, not run."""
    from markdown_it import MarkdownIt

    options = {"html": False, "typographer": True, "quotes": QUOTES.get(language, QUOTES["en"])}
    return MarkdownIt("commonmark", options).enable(["table", "smartquotes"])


def tokens(text: str, language: str) -> list[Token]:
    """Parse Markdown, with the spaces of the language set in its text."""
    found = parser(language).parse(text)
    for token in found:
        for child in token.children or ():
            if child.type == "text":
                child.content = set_spaces(child.content, language)
    return found


def parsed(text: str, language: str) -> list[Node]:
    """Return Markdown as blocks."""
    return list(_blocks(iter(tokens(text, language)), ""))


def runs(text: str, language: str) -> list[Node]:
    """Return one line of Markdown as runs of text."""
    found = tokens(text, language)
    inline = next((token for token in found if token.type == "inline"), None)
    return _runs(inline.children or ()) if inline else []


def _blocks(stream: Iterator[Token], until: str) -> Iterator[Node]:
    for token in stream:
        kind = token.type
        if kind == until:
            return
        if kind == "inline":
            yield {"is": "paragraph", "runs": _runs(token.children or ())}
        elif kind == "heading_open":
            inner = list(_blocks(stream, "heading_close"))
            yield {"is": "paragraph", "runs": [{"is": "strong", "runs": inner[0]["runs"]}]}
        elif kind in ("bullet_list_open", "ordered_list_open"):
            ordered = kind.startswith("ordered")
            items = list(_items(stream, kind.replace("open", "close")))
            start = int(token.attrGet("start") or 1) if ordered else 0
            yield {"is": "list", "start": start, "items": items}
        elif kind == "blockquote_open":
            yield {"is": "quote", "blocks": list(_blocks(stream, "blockquote_close"))}
        elif kind == "table_open":
            rows = list(_rows(stream))
            yield {"is": "table", "head": rows[0], "rows": rows[1:]}
        elif kind in ("fence", "code_block", "html_block"):
            yield {"is": "code", "text": token.content}
        elif kind == "hr":
            yield {"is": "rule"}


def _items(stream: Iterator[Token], until: str) -> Iterator[list[Node]]:
    for token in stream:
        if token.type == until:
            return
        if token.type == "list_item_open":
            yield list(_blocks(stream, "list_item_close"))


def _rows(stream: Iterator[Token]) -> Iterator[list[list[Node]]]:
    cells: list[list[Node]] = []
    for token in stream:
        if token.type == "table_close":
            return
        if token.type == "tr_open":
            cells = []
        elif token.type == "inline":
            cells.append(_runs(token.children or ()))
        elif token.type == "tr_close":
            yield cells


_CLOSING = {"strong_open": "strong_close", "em_open": "em_close", "link_open": "link_close"}


def _runs(children: Sequence[Token]) -> list[Node]:
    return list(_run(iter(children), ""))


def _run(stream: Iterator[Token], until: str) -> Iterator[Node]:
    for token in stream:
        kind = token.type
        if kind == until:
            return
        if kind in ("strong_open", "em_open"):
            yield {"is": kind.removesuffix("_open"), "runs": list(_run(stream, _CLOSING[kind]))}
        elif kind == "link_open":
            to = str(token.attrGet("href") or "")
            yield {"is": "link", "to": to, "runs": list(_run(stream, "link_close"))}
        elif kind == "code_inline":
            yield {"is": "code", "text": token.content}
        elif kind == "hardbreak":
            yield {"is": "break"}
        elif kind == "softbreak":
            yield {"is": "text", "text": " "}
        elif token.content:
            yield {"is": "text", "text": token.content}
