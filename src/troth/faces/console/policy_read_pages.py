"""The policy in force, to be read: each clause as people read it, its promises in words, and how each stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from litestar import Response
from markupsafe import Markup

from troth.errors import NotFoundError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.promise_form import drawn, in_words
from troth.ledger import read
from troth.policy import clause_text, form
from troth.policy.document import Document
from troth.policy.notice_page import Piece, clause_pieces
from troth.policy.promise import Promise
from troth.rules import promise_trend
from troth.work import draft_policy, policy_as_of
from troth.work.establishment import day_here

ORDER = ("broken", "unproven", "kept")


def policy_read_pages(desk: Desk) -> None:
    """Register the pages of the clauses in force; no draft has a name with a dot."""

    @desk.page("/policy/in.force/{number:str}", "read_policy")
    def clause(visit: Visit) -> Response[str]:
        """GET /console/policy/in.force/NUMBER: one clause, its promises, and their verdicts."""
        policy, number = visit.project.policy, str(visit.path["number"])
        document = spoken(visit)
        found = document.by_number.get(number)
        if found is None:
            raise NotFoundError(f"The policy has no clause {number[:20]!r}.")
        order = list(document.by_number)
        at = order.index(number)
        return visit.show(
            "policy_read.html", visit.words("policy.clause", number=number), number=number, named=found.title,
            spoken=document.language, pieces=_pieces(clause_pieces(policy, document.language, number)),
            promises=list(_promises(visit, number)), before=order[at - 1] if at else "",
            after=order[at + 1] if at + 1 < len(order) else "", policy=policy, day=date.fromisoformat,
        )  # fmt: skip


def spoken(visit: Visit) -> Document:
    """Return the policy in the language of the page, or in its own."""
    documents = visit.project.policy.documents
    return documents.get(visit.words.language) or next(iter(documents.values()))


def clauses(visit: Visit) -> list[Mapping[str, Any]]:
    """Return every clause with how many of its promises stand how, for whoever reads the audit."""
    words = _verdicts(visit)
    counted: dict[str, dict[str, int]] = {}
    for promise in visit.project.policy.promises.values():
        word = str(words[promise.id]["status"]) if promise.id in words else "unproven"
        of = counted.setdefault(promise.clause, dict.fromkeys(ORDER, 0))
        of[word] = of.get(word, 0) + 1
    return [
        {"number": number, "title": clause.title, "level": clause.level, "counts": counted.get(number, {})}
        for number, clause in spoken(visit).by_number.items()
    ]


def versions(visit: Visit) -> list[Mapping[str, Any]]:
    """Return the versions that were published, the newest first."""
    today = day_here(visit.project)
    return [
        {"version": one.version, "from": one.from_, "until": one.until,
         "state": "over" if one.is_over(today) else "coming" if one.from_ > today else "holds"}
        for one in reversed(policy_as_of.versions(visit.project))
    ]  # fmt: skip


def _verdicts(visit: Visit) -> Mapping[str, Mapping[str, Any]]:
    if not visit.may("read_audit"):
        return {}
    return {
        str(one.body["promise"]): one.body for one in read.states(visit.project.ledger, promise_trend.FAMILY)
    }


def _promises(visit: Visit, number: str) -> Iterator[Mapping[str, Any]]:
    policy, words = visit.project.policy, visit.words
    document, verdicts = policy.document, _verdicts(visit)
    spoken_ = {language: words(f"policy.language.{language}") for language in policy.documents}
    for kind, name in clause_text.promises(document, number):
        fields = draft_policy.described(policy, kind, name, words.language)
        value = clause_text.promise_value(document, number, kind, name) or {}
        inputs = drawn(fields, form.filled(fields, value), (), "", spoken_, "")
        one = _promise(visit, number, kind, name)
        verdict = verdicts.get(one.id) if one is not None else None
        yield {
            "kind": form.kind_said(kind, words.language), "name": name, "own": visit.called.named(kind, name, value),
            "verdict": verdict, "says": list(in_words(inputs, words)),
        }  # fmt: skip


def _promise(visit: Visit, number: str, kind: str, name: str) -> Promise | None:
    """Return the promise of a clause; of one that several clauses say, the one this clause is told by, or its first."""
    alike = [
        one for one in visit.project.policy.promises.values() if one.kind == kind and name in {"", one.name}
    ]
    return next((one for one in alike if one.clause == number), alike[0] if alike else None)


def _pieces(found: list[Piece]) -> list[tuple[str, Markup]]:
    """Mark what the notice wrote as HTML: whatever is in it was escaped there."""
    return [(label, Markup(html)) for label, html in found]  # noqa: S704
