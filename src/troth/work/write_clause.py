"""Save what a form says of a clause of a draft: over what its writer saw, and over nothing that was written since.

What was seen is a hash, which the form carries.  Whoever saves what stands there already saves nothing, and is
refused nothing.

Law: GDPR Arts. 5(2), 24(2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from troth.errors import ConflictError
from troth.policy import clause_text
from troth.work import draft_policy
from troth.work.draft_policy import PolicyDraft
from troth.work.project import Project

TRIES = 5
"""How often it is tried again where something else in the draft was written at the same moment."""


def text_seen(draft: PolicyDraft, file: str, clause: str) -> str:
    """Return the hash of the title and the prose of a clause in one language, as they stand; empty for no clause."""
    document = draft.documents.get(file)
    if document is None or (clause and clause not in document.by_number):
        return ""
    title = document.by_number[clause].title if clause else ""
    return _digest([title, clause_text.prose(document, clause)])


def promise_seen(draft: PolicyDraft, clause: str, kind: str, name: str) -> str:
    """Return the hash of what a promise of a clause says, and of nothing where it is not there."""
    return _digest(clause_text.promise_value(draft.main, clause, kind, name))


def save_text(
    project: Project, name: str, file: str, clause: str, title: str, words: str, staff: str, seen: str
) -> PolicyDraft:
    """Write the title (where one is given) and the prose of a clause in one language.

    Raises ConflictError where somebody wrote them otherwise since they were `seen`.
    """
    return _saved(
        project,
        name,
        seen,
        lambda draft: text_seen(draft, file, clause),
        lambda draft: draft_policy.with_text(draft, file, clause, words, title),
        lambda draft: draft_policy.write_prose(project, draft, file, clause, words, staff, title=title),
    )


def save_promise(
    project: Project,
    name: str,
    clause: str,
    promise: tuple[str, str],
    value: Mapping[str, Any] | None,
    staff: str,
    seen: str,
) -> PolicyDraft:
    """Write a promise of a clause (its kind and name) otherwise, add it, or remove it (None).

    Raises ConflictError where somebody wrote it otherwise, or removed it, since it was `seen`.
    """

    def made(draft: PolicyDraft) -> PolicyDraft:
        if value is None and clause_text.promise_value(draft.main, clause, *promise) is None:
            return draft
        return draft_policy.with_promise(draft, clause, *promise, value)

    return _saved(
        project,
        name,
        seen,
        lambda draft: promise_seen(draft, clause, *promise),
        made,
        lambda draft: draft_policy.write_promise(project, draft, clause, *promise, value, staff),
    )


def _saved(
    project: Project,
    name: str,
    seen: str,
    now: Callable[[PolicyDraft], str],
    made: Callable[[PolicyDraft], PolicyDraft],
    write: Callable[[PolicyDraft], PolicyDraft],
) -> PolicyDraft:
    for left in reversed(range(TRIES)):
        draft = draft_policy.opened(project, name)
        if made(draft).files == draft.files:
            return draft
        if seen != now(draft):
            raise ConflictError("Somebody wrote this otherwise since you opened it. Nothing was saved.")
        try:
            return write(draft)
        except ConflictError:
            if not left:
                raise
    raise AssertionError


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()
