"""The notice as Markdown: prose with its placeholders filled from the promises, and its hash.

The hash is the SHA-256 of the Markdown above the line that carries it.  The same policy
gives the same bytes.

Law: GDPR Arts. 12(1), 12(7), 13, 14.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from troth.errors import NotFoundError
from troth.policy.document import Clause, Document
from troth.policy.placeholder import filled
from troth.policy.reading import did_you_mean
from troth.policy.saying import escaped
from troth.policy.words import Words, words

if TYPE_CHECKING:
    from troth.policy.policy import Policy


def markdown(policy: Policy, language: str) -> str:
    """Write the notice as Markdown, with its version, date and hash at the end."""
    text = body(policy, language)
    said = words(language)
    seal = said.page("seal") + str(said.table["grammar"]["colon"])
    dated = dates(policy, said)
    return f"{text}\n---\n\n{dated}{'. ' if dated else ''}{seal}`{_hash(text)}`\n"


def sha256(policy: Policy, language: str) -> str:
    """Return the hash of the notice in a language."""
    return _hash(body(policy, language))


def body(policy: Policy, language: str) -> str:
    """Write the text of the notice: what its hash is about."""
    document, said = document_in(policy, language), words(language)
    parts = [f"# {escaped(document.title)}", dates(policy, said)]
    parts.append(prose(document.preamble, policy, said))
    for clause in document.clauses:
        hashes = "#" * min(clause.number.count(".") + 2, 6)
        parts.append(f"{hashes} {clause.number} {title(clause, policy, said)}")
        parts.append(prose(clause.text, policy, said))
    return "\n\n".join(part for part in parts if part) + "\n"


def document_in(policy: Policy, language: str) -> Document:
    """Return the document in a language; raises NotFoundError where there is none."""
    words(language)
    if language not in policy.documents:
        there = did_you_mean(language, list(policy.documents))
        raise NotFoundError(f"The policy is not written in the language `{language}`. {there}")
    return policy.documents[language]


def title(clause: Clause, policy: Policy, said: Words) -> str:
    """Return the title of a clause, as Markdown."""
    return filled(clause.title, policy, said).strip()


def prose(text: str, policy: Policy, said: Words) -> str:
    """Return prose as Markdown, filled and without the lines that blocks left empty."""
    return re.sub(r"\n{3,}", "\n\n", filled(text, policy, said)).strip()


def dates(policy: Policy, said: Words) -> str:
    """Say version and date in a line."""
    parts = []
    if policy.version:
        parts.append(said.page("version", escaped(policy.version)))
    if policy.effective is not None:
        parts.append(said.page("in_force", said.date(policy.effective)))
    if policy.updated is not None and policy.updated != policy.effective:
        parts.append(said.page("updated", said.date(policy.updated)))
    return ", ".join(parts)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
