"""A plain text policy as Markdown: its clauses numbered by their full path, ready for promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from troth.policy.document import Clause, Document

_BULLET = re.compile(r"^[ \t\u00a0]*[•◦▪‣·∙●○–—*-][ \t\u00a0]+(?=\S)")
_LOOKS_LIKE_BLOCK = re.compile(r"^(#{1,6}(?=\s)|>|[+*-](?=\s)|={2,}\s*$|-{2,}\s*$|`{3,}|~{3,})")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s)")
_INLINE = re.compile(r"([\\`*_\[\]<>]|\{(?=\{))")


def markdown(document: Document) -> str:
    """Write a policy that was read from plain text as a Markdown policy.

    Words are kept as they are; only what Markdown would read as a sign is escaped.  The
    date and the version are left to whoever signs the policy.
    """
    title = document.title or "Privacy policy"
    top = [
        "---",
        f"title: {json.dumps(title, ensure_ascii=False)}",
        "version: 0.1.0",
        f"language: {document.language}",
        "---",
        "",
        f"# {_escaped(title)}",
    ]
    parts = ["\n".join(top), _prose(document.preamble)]
    for clause in document.clauses:
        parts.extend((_heading(clause), _prose(clause.text)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(clause: Clause) -> str:
    hashes = "#" * min(clause.number.count(".") + 2, 6)
    return f"{hashes} {clause.number} {_escaped(' '.join(clause.title.split()))}"


def _prose(text: str) -> str:
    """Write paragraphs and bullets; an empty line stands between paragraphs, none between bullets."""
    parts: list[str] = []
    was_bullet = False
    for line, bullet in _lines(text):
        between = "\n" if bullet and was_bullet else "\n\n"
        parts.append((between if parts else "") + line)
        was_bullet = bullet
    return "".join(parts)


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    for line in text.split("\n"):
        words = line.strip(" \t\u00a0\u3000")
        if not words:
            continue
        bullet = _BULLET.match(line)
        if bullet is not None:
            yield f"- {_escaped(line[bullet.end() :].strip())}", True
        else:
            yield _escaped(words), False


def _escaped(words: str) -> str:
    words = _INLINE.sub(r"\\\1", words)
    words = _NUMBERED.sub(r"\1\\\2", words)
    return _LOOKS_LIKE_BLOCK.sub(r"\\\1", words)
