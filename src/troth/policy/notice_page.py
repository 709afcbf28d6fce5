"""The notice as one HTML page: nothing is loaded from elsewhere, and it prints well.

Landmarks, a list of contents, one section for each clause, tables with column headings
that scroll inside themselves on a narrow screen.

Law: GDPR Art. 12(1), (7); WCAG 2.2 AA.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

from troth.policy.notice_text import dates, document_in, prose, sha256, title
from troth.policy.notice_tree import Node, parsed, runs
from troth.policy.typography import set_spaces
from troth.policy.words import Words, words

if TYPE_CHECKING:
    from troth.policy.policy import Policy


def page(policy: Policy, language: str) -> str:
    """Write the whole page."""
    said, document = words(language), document_in(policy, language)
    name = escape(set_spaces(document.title, language))
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<meta name="generator" content="Troth">
<meta name="policy-version" content="{escape(policy.version)}">
<meta name="policy-sha256" content="{sha256(policy, language)}">
<style>
{_style()}</style>
</head>
<body>
<a class="skip" href="#text">{escape(said.page("skip"))}</a>
<main>
{fragment(policy, language)}</main>
</body>
</html>
"""


def fragment(policy: Policy, language: str) -> str:
    """Write header, contents, text and footer, to stand inside the `main` of another page."""
    said, document = words(language), document_in(policy, language)
    dated = escape(dates(policy, said))
    top = f'<p class="dates">{dated}</p>\n' if dated else ""
    seal = escape(set_spaces(said.page("seal") + str(said.table["grammar"]["colon"]), language))
    hash_ = sha256(policy, language)
    return f"""<article class="notice" lang="{language}">
<header>
<h1>{escape(set_spaces(document.title, language))}</h1>
{top}</header>
{_contents(policy, said)}
<div id="text" tabindex="-1">
{_preamble(policy, said)}{"".join(_sections(policy, said))}</div>
<footer>
{top}<p class="seal">{seal}<code>{hash_[:32]}<wbr>{hash_[32:]}</code></p>
</footer>
</article>
"""


def inline(text: str, language: str) -> str:
    """Write one line of Markdown, such as a cell of a table, as HTML; nothing in it is read as HTML.

    >>> inline("*ours* <b>", "en")
    '<em>ours</em> &lt;b&gt;'
    """
    return _html_runs(runs(text, language))


def _contents(policy: Policy, said: Words) -> str:
    clauses = document_in(policy, said.language).clauses
    lines = [
        f'<nav class="contents" aria-labelledby="contents"><h2 id="contents">{said.page("contents")}</h2>'
    ]
    depth = 0
    for clause in clauses:
        here = min(clause.number.count(".") + 1, depth + 1)
        if here > depth:
            lines.append("<ol>")
        else:
            lines.append("</li></ol>" * (depth - here) + "</li>")
        depth = here
        words_ = _html_runs(runs(title(clause, policy, said), said.language), links=False)
        number = f'<span class="number">{clause.number}</span>'
        lines.append(f'<li><a href="#clause-{clause.number}">{number} {words_}</a>')
    lines.append("</li></ol>" * depth + "</nav>")
    return "\n".join(lines)


def _preamble(policy: Policy, said: Words) -> str:
    text = prose(document_in(policy, said.language).preamble, policy, said)
    return _html_blocks(parsed(text, said.language))


def _sections(policy: Policy, said: Words) -> Iterator[str]:
    open_depth = 0
    for clause in document_in(policy, said.language).clauses:
        depth = clause.number.count(".") + 1
        here = min(depth, open_depth + 1)
        yield "</section>\n" * (open_depth - here + 1)
        open_depth = here
        level = min(depth + 1, 6)
        words_ = _html_runs(runs(title(clause, policy, said), said.language))
        name = f"title-{clause.number}"
        yield f'<section id="clause-{clause.number}" aria-labelledby="{name}">\n'
        number = f'<a class="number" href="#clause-{clause.number}">{clause.number}</a>'
        yield f'<h{level} id="{name}">{number} {words_}</h{level}>\n'
        yield _html_blocks(parsed(prose(clause.text, policy, said), said.language))
    yield "</section>\n" * open_depth


Piece: TypeAlias = tuple[str, str]
"""A part of a clause as HTML: of a table what stands inside it, with its columns as label; of text no label."""


def clause_pieces(policy: Policy, language: str, number: str) -> list[Piece]:
    """Write one clause as the notice has it, without its heading, so that a page draws its tables in its own way."""
    said = words(language)
    clause = document_in(policy, language).by_number[number]
    found: list[Piece] = []
    for block in parsed(prose(clause.text, policy, said), language):
        if block["is"] == "table":
            found.append((_columns(block), _inside_table(block)))
        else:
            found.append(("", _html_block(block)))
    return found


def _html_blocks(blocks: list[Node]) -> str:
    return "".join(_html_block(block) for block in blocks)


def _html_block(block: Node) -> str:
    match block["is"]:
        case "paragraph":
            return f"<p>{_html_runs(block['runs'])}</p>\n"
        case "list":
            return _html_list(block)
        case "quote":
            return f"<blockquote>\n{_html_blocks(block['blocks'])}</blockquote>\n"
        case "table":
            return _html_table(block)
        case "code":
            return f"<pre><code>{escape(block['text'])}</code></pre>\n"
        case _:
            return "<hr>\n"


def _html_list(block: Node) -> str:
    name = "ol" if block["start"] else "ul"
    start = f' start="{block["start"]}"' if block["start"] > 1 else ""
    items = []
    for item in block["items"]:
        plain = len(item) == 1 and item[0]["is"] == "paragraph"
        inside = _html_runs(item[0]["runs"]) if plain else _html_blocks(item)
        items.append(f"<li>{inside}</li>\n")
    return f"<{name}{start}>\n{''.join(items)}</{name}>\n"


def _html_table(block: Node) -> str:
    wide = " wide" if len(block["head"]) >= 5 else ""
    top = f'<div class="table{wide}" role="group" aria-label="{escape(_columns(block))}" tabindex="0">\n<table>\n'
    return f"{top}{_inside_table(block)}\n</table>\n</div>\n"


def _columns(block: Node) -> str:
    return ", ".join(_words(cell) for cell in block["head"])


def _inside_table(block: Node) -> str:
    head = "".join(f'<th scope="col">{_html_runs(cell)}</th>' for cell in block["head"])
    lines = [f"<thead><tr>{head}</tr></thead>\n<tbody>"]
    for row in block["rows"]:
        first, *rest = row
        cells = "".join(f"<td>{_html_runs(cell)}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{_html_runs(first)}</th>{cells}</tr>')
    return "\n".join(lines) + "\n</tbody>"


def _words(runs_: list[dict[str, Any]]) -> str:
    """Return the plain words of runs."""
    return "".join(_words(run["runs"]) if "runs" in run else run.get("text", " ") for run in runs_)


def _html_runs(found: list[dict[str, Any]], links: bool = True) -> str:
    return "".join(_html_run(run, links) for run in found)


def _html_run(run: dict[str, Any], links: bool) -> str:
    match run["is"]:
        case "text":
            return escape(run["text"])
        case "code":
            return f"<code>{escape(run['text'])}</code>"
        case "break":
            return "<br>"
        case "link" if links:
            # A link whose words are its address needs no second one on paper.
            bare = ' class="bare"' if run["runs"] == [{"is": "text", "text": run["to"]}] else ""
            return f'<a{bare} href="{escape(_target(run["to"]))}">{_html_runs(run["runs"])}</a>'
        case "strong" | "em":
            return f"<{run['is']}>{_html_runs(run['runs'], links)}</{run['is']}>"
        case _:
            return _html_runs(run["runs"], links)


def _target(to: str) -> str:
    """Point a link to a clause (`#7.7`) at its section."""
    return f"#clause-{to[1:]}" if to[:1] == "#" and to[1:2].isdigit() else to


@cache
def _style() -> str:
    return (files("troth.policy") / "templates" / "notice.css").read_text("utf-8")
