"""The policy for people without git: drafts by clause, prose beside the form of each promise, never YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from litestar import Response

from troth.errors import ConflictError, NotAllowedError, NotFoundError, TrothError
from troth.faces.console import saved
from troth.faces.console.desk import Desk, Page, Visit
from troth.faces.console.policy_read_pages import clauses, spoken, versions
from troth.faces.console.promise_form import drawn, in_words
from troth.ledger import accounts
from troth.outside import notice_word
from troth.policy import clause_text, form
from troth.policy.flowing import flowing
from troth.policy.kinds import KINDS, OF_A_POLICY
from troth.policy.rewording import Piece, pieces
from troth.rules import policy_draft as rules
from troth.rules.staff import Duty
from troth.work import accept_draft, draft_policy, review_document, write_clause
from troth.work.draft_policy import Found, PolicyDraft

if TYPE_CHECKING:
    from troth.faces.words import Words
    from troth.policy.merging import Side, Sides
    from troth.policy.policy import Policy

TOP = "top"
FORMS_AT_ONCE = 3
"""Where a clause has more promises, each form is drawn when it is asked for: one of countries is long."""
FROM_DRAFT = "/policy/{name:str}"
_WORDS = re.compile(r"\s+|[\w’'{}.]+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed over a clause in one language, and the hash of what was seen there before."""

    title: str
    prose: str
    seen: str


def policy_pages(desk: Desk) -> None:
    """Register the pages of the policy."""
    _lists(desk)
    _writing(desk)
    _deciding(desk)
    _reviewing(desk)


def _act(desk: Desk, path: str, duty: Duty, *, files: bool = False) -> Callable[[Page], Page]:
    """Register an act on the policy: it binds the whole group, so that a duty for one company is not enough."""

    def registered(done: Page) -> Page:
        @wraps(done)
        def act(visit: Visit) -> Response[Any]:
            visit.must(duty, "")
            return done(visit)

        return desk.act(path, duty, files=files)(act)

    return registered


def _lists(desk: Desk) -> None:
    @desk.page("/policy", "read_policy")
    def drafts(visit: Visit) -> Response[str]:
        """GET /console/policy: the version that holds, and the drafts of the next."""
        policy = visit.project.policy
        return visit.show(
            "policy.html", visit.words("policy.title"), policy=policy, drafts=draft_policy.every(visit.project),
            clauses=clauses(visit), versions=versions(visit), notice=spoken(visit).language,
        )  # fmt: skip

    @_act(desk, "/policy/begin", "write_policy")
    def begin(visit: Visit) -> Response[Any]:
        """POST /console/policy/begin: a draft of the files as they stand."""
        draft = draft_policy.begin(visit.project, visit.staff.handle, visit.given("name"))
        return visit.to(f"/policy/{draft.name}")

    @desk.page(FROM_DRAFT, "read_policy")
    def one(visit: Visit) -> Response[str]:
        """GET /console/policy/NAME: the clauses of a draft with their states, and how far it is."""
        draft = _draft(visit)
        found = draft_policy.findings(visit.project, draft)
        stale = draft_policy.stale_clauses(draft)
        changed = {(side.file, side.clause) for side in draft.changed}
        comments = [
            entry for entry in draft.state["comments"] if entry["event"] not in draft.state["settled"]
        ]
        spoken = (one for one in draft.documents.values() if one.language == visit.words.language)
        titles = {
            number: clause.title for document in spoken for number, clause in document.by_number.items()
        }
        clauses = [
            {
                "number": number,
                "title": titles.get(number) or clause.title,
                "level": clause.level,
                "changed": [
                    document.language
                    for file, document in draft.documents.items()
                    if (file, number) in changed
                ],
                "stale": [draft.documents[file].language for file in stale.get(number, ())],
                "errors": sum(1 for entry in found if entry.clause == number and entry.severity == "error"),
                "warnings": sum(1 for entry in found if entry.clause == number and entry.severity == "warn"),
                "comments": sum(1 for entry in comments if entry["clause"] == number),
            }
            for number, clause in draft.main.by_number.items()
        ]
        moved = [side for side in draft_policy.three_ways(visit.project, draft) if side.moved]
        return visit.show(
            "policy_draft.html", visit.words("policy.draft", name=draft.name), draft=draft, state=draft.state,
            clauses=clauses, approved=accept_draft.approved(visit.project, draft),
            advice=_said(visit, draft, draft.state["advice"]),
            moved=moved if _open(draft) else (),
            moved_at=", ".join(dict.fromkeys(side.clause or visit.words("policy.top") for side in moved)),
            top=[entry for entry in found if not entry.clause],
            outcomes=[(word, visit.words(f"policy.outcome.{word}")) for word in rules.OUTCOMES],
        )  # fmt: skip

    @desk.page(f"{FROM_DRAFT}/difference", "read_policy")
    def difference(visit: Visit) -> Response[str]:
        """GET /console/policy/NAME/difference: in words, in promises, and what follows."""
        from troth.work.weigh_change import weigh_draft

        draft = _draft(visit)
        wrong, weighed = "", None
        try:
            weighed = weigh_draft(visit.project, draft, visit.words.language)
        except TrothError as error:
            wrong = str(error)
        now = visit.project.policy
        base, yours = draft.loaded_base or now, draft.loaded[0] or now
        sides = [
            (side, language, _pieces(before, after))
            for side in draft.changed
            for language in [draft.documents[side.file].language]
            for before, after in [
                (_words(side, side.base, base, language), _words(side, side.yours, yours, language))
            ]
            if before != after
        ]
        return visit.show(
            "policy_difference.html", visit.words("policy.difference"), draft=draft, sides=sides, weighed=weighed,
            wrong=wrong, kind_said=partial(form.kind_said, language=visit.words.language),
            path_said=partial(form.path_said, language=visit.words.language),
        )  # fmt: skip

    @desk.page(f"{FROM_DRAFT}/conflicts", "read_policy")
    def conflicts(visit: Visit) -> Response[str]:
        """GET /console/policy/NAME/conflicts: the texts of then, of now and of the draft, clause by clause."""
        draft, now = _draft(visit), visit.project.policy
        base, yours = draft.loaded_base or now, draft.loaded[0] or now
        moved = [
            (
                side,
                [
                    _shown(side, text, policy, draft.documents[side.file].language, visit.words)
                    for text, policy in ((side.base, base), (side.theirs, now), (side.yours, yours))
                ],
            )
            for side in draft_policy.three_ways(visit.project, draft)
            if side.moved
        ]
        return visit.show("policy_conflicts.html", visit.words("policy.conflicts"), draft=draft, moved=moved)

    @_act(desk, f"{FROM_DRAFT}/renew", "write_policy")
    def renew(visit: Visit) -> Response[Any]:
        """POST /console/policy/NAME/renew: begin from the files of now, with a choice for each clause."""
        draft = _draft(visit)
        keep: dict[tuple[str, str], Side] = {}
        for side in draft_policy.three_ways(visit.project, draft):
            chosen = visit.given(f"keep {side.file} {side.clause}")
            if chosen == "theirs":
                keep[side.file, side.clause] = "theirs"
            elif chosen == "yours":
                keep[side.file, side.clause] = "yours"
        draft_policy.renew(visit.project, draft, keep, visit.staff.handle)
        return visit.to(f"/policy/{draft.name}", "told.policy.renewed")


def _writing(desk: Desk) -> None:
    @desk.page(f"{FROM_DRAFT}/clause/{{number:str}}", "read_policy")
    def clause(visit: Visit) -> Response[str]:
        """GET /console/policy/NAME/clause/NUMBER: its prose in every language beside the forms of its promises."""
        return _clause_page(visit, _draft(visit))

    @_act(desk, f"{FROM_DRAFT}/clause/{{number:str}}/text", "write_policy")
    def text(visit: Visit) -> Response[Any]:
        """POST …/text: the prose and the title of a clause in one language; `check` only looks."""
        draft, number, file = _draft(visit), _number(visit), visit.given("file")
        typed = Typed(visit.given("title"), visit.given("prose"), visit.given("seen"))
        if visit.given("do") == "check":
            checked, wrong = _checked(draft, file, number, typed)
            found = [one for one in draft_policy.findings(visit.project, checked) if one.clause == number]
            if visit.given("part"):
                return visit.show("policy_findings.html", "", findings=found, wrong=wrong)
            return _clause_page(visit, draft, typed={file: typed}, found=found, wrong=wrong)
        try:
            draft = write_clause.save_text(
                visit.project,
                draft.name,
                file,
                number,
                typed.title,
                typed.prose,
                visit.staff.handle,
                typed.seen,
            )
        except ConflictError:
            return _clause_page(visit, _draft(visit), typed={file: typed}, meanwhile=file)
        except NotAllowedError as error:
            return _clause_page(visit, draft, typed={file: typed}, wrong=str(error))
        return _back(visit, draft, "told.policy.saved")

    @_act(desk, f"{FROM_DRAFT}/clause/{{number:str}}/promise", "write_policy")
    def promise(visit: Visit) -> Response[Any]:
        """POST …/promise: one promise of a clause, as its form says it."""
        draft, number = _draft(visit), _number(visit)
        kind, name = visit.given("kind"), visit.given("name")
        if kind not in OF_A_POLICY or (KINDS[kind].many and not name):
            raise NotAllowedError(visit.words("policy.promise.unnamed"))
        fields = draft_policy.promise_form(draft, number, kind, name, visit.words.language)
        prefix = _prefix(kind, name)
        posted = {
            one.removeprefix(prefix): [value for value in values if isinstance(value, str)]
            for one, values in visit.form.items()
            if one.startswith(prefix)
        }
        value, wrong = form.read(fields, posted, visit.words.language)
        if visit.given("do") == "check":
            return _promise_checked(visit, draft, (kind, name), (posted, wrong), value)
        removed = visit.given("do") == "remove"
        if wrong and not removed:
            return _clause_page(visit, draft, posted={(kind, name): (posted, wrong)})
        try:
            draft = write_clause.save_promise(
                visit.project, draft.name, number, (kind, name), None if removed else value, visit.staff.handle,
                visit.given("seen"),
            )  # fmt: skip
        except ConflictError:
            given = {(kind, name): (posted, () if removed else wrong)}
            return _clause_page(visit, _draft(visit), posted=given, meanwhile=(kind, name))
        except NotAllowedError as error:
            return _clause_page(visit, draft, posted={(kind, name): (posted, wrong)}, wrong=str(error))
        return _back(visit, draft, "told.policy.removed" if removed else "told.policy.saved")

    @desk.page(f"{FROM_DRAFT}/clause/{{number:str}}/add", "write_policy")
    def add(visit: Visit) -> Response[Any]:
        """GET …/add: the empty form of a promise that the clause does not have yet."""
        draft, kind, name = _draft(visit), visit.asked("kind"), visit.asked("called")
        if kind not in OF_A_POLICY or (KINDS[kind].many and not name):
            raise NotAllowedError(visit.words("policy.promise.unnamed"))
        return _clause_page(visit, draft, posted={(kind, name if KINDS[kind].many else ""): ({}, ())})

    @_act(desk, f"{FROM_DRAFT}/clause/{{number:str}}/comment", "read_policy")
    def comment(visit: Visit) -> Response[Any]:
        """POST …/comment: a comment on a clause, or an answer to one."""
        if not visit.may("write_policy", ""):
            visit.must("advise", "")
        draft, number = _draft(visit), _number(visit)
        draft_policy.comment(
            visit.project, draft, number, visit.given("text"), visit.staff.handle, visit.given("about")
        )
        return _back(visit, draft, "told.policy.commented")

    @_act(desk, f"{FROM_DRAFT}/clause/{{number:str}}/settle", "write_policy")
    def settle(visit: Visit) -> Response[Any]:
        """POST …/settle: a comment is settled."""
        draft = _draft(visit)
        draft_policy.settle(visit.project, draft, visit.given("about"), visit.staff.handle)
        return _back(visit, draft, "told.policy.settled")


def _deciding(desk: Desk) -> None:
    @_act(desk, f"{FROM_DRAFT}/advise", "advise")
    def advise(visit: Visit) -> Response[Any]:
        """POST …/advise: what the data protection officer advises on the text as it stands."""
        draft = _draft(visit)
        draft_policy.advise(
            visit.project, draft, visit.given("outcome"), visit.given("text"), visit.staff.handle
        )
        return visit.to(f"/policy/{draft.name}", "told.policy.advised")

    @_act(desk, f"{FROM_DRAFT}/approve", "approve_policy")
    def approve(visit: Visit) -> Response[Any]:
        """POST …/approve: counsel approves the text that was looked at."""
        draft = _draft(visit)
        draft_policy.approve(visit.project, draft, visit.staff.handle, visit.given("sha256"))
        return visit.to(f"/policy/{draft.name}", "told.policy.approved")

    @_act(desk, f"{FROM_DRAFT}/date", "write_policy")
    def dated(visit: Visit) -> Response[Any]:
        """POST …/date: the version a draft makes, and the day from which it is in force."""
        draft = _draft(visit)
        try:
            effective = date.fromisoformat(visit.given("effective"))
        except ValueError:
            raise NotAllowedError(visit.words("policy.date.wrong")) from None
        draft_policy.set_date(visit.project, draft, visit.given("version"), effective, visit.staff.handle)
        return visit.to(f"/policy/{draft.name}", "told.policy.dated")

    @_act(desk, f"{FROM_DRAFT}/accept", "publish_policy")
    def accept(visit: Visit) -> Response[Any]:
        """POST …/accept: the text becomes the files, as a commit or a numbered version."""
        draft = _draft(visit)
        accept_draft.accept(visit.project, draft, visit.staff.handle, _author(visit))
        return visit.to(f"/policy/{draft.name}", "told.policy.accepted")

    @_act(desk, f"{FROM_DRAFT}/undo", "publish_policy")
    def undo(visit: Visit) -> Response[Any]:
        """POST …/undo: the text before is put back."""
        draft = _draft(visit)
        accept_draft.undo(visit.project, draft, visit.staff.handle)
        return visit.to(f"/policy/{draft.name}", "told.policy.undone")

    @_act(desk, f"{FROM_DRAFT}/publish", "publish_policy")
    def publish(visit: Visit) -> Response[Any]:
        """POST …/publish: an accepted draft is in force from its day."""
        draft = _draft(visit)
        accept_draft.publish(visit.project, draft, visit.staff.handle, _author(visit))
        return visit.to(f"/policy/{draft.name}", "told.policy.published")

    @_act(desk, f"{FROM_DRAFT}/drop", "write_policy")
    def drop(visit: Visit) -> Response[Any]:
        """POST …/drop: a draft that is not wanted ends."""
        draft_policy.drop(visit.project, _draft(visit), visit.staff.handle)
        return visit.to("/policy", "told.policy.dropped")


def _reviewing(desk: Desk) -> None:
    @desk.page(f"{FROM_DRAFT}/review", "read_policy")
    def reviewed(visit: Visit) -> Response[str]:
        """GET /console/policy/NAME/review: documents to give out, and what those that came back propose."""
        draft = _draft(visit)
        found = review_document.kept(visit.project, draft)
        return visit.show(
            "policy_review.html", visit.words("policy.review"), draft=draft,
            found=[(one, _pieces(one.proposal.was, one.proposal.becomes)) for one in found],
            languages_of=[one.language for one in draft.documents.values()],
            writes=visit.may("write_policy", "") and _open(draft),
        )  # fmt: skip

    @desk.page(f"{FROM_DRAFT}/notice/{{language:str}}", "read_policy")
    def given(visit: Visit) -> Response[Any]:
        """GET …/notice/LANGUAGE: the draft as a Word document for review, its values locked."""
        draft, language = _draft(visit), str(visit.path["language"])
        content = notice_word.notice(draft.policy, language)
        return saved.document(f"{draft.name}-{language}", "docx", saved.DOCX, content)

    @_act(desk, f"{FROM_DRAFT}/review", "write_policy", files=True)
    def upload(visit: Visit) -> Response[Any]:
        """POST …/review: a document that came back; its proposals are kept, and nothing is merged."""
        draft, sent = _draft(visit), visit.file("document")
        if sent is None:
            raise NotAllowedError(visit.words("policy.review.missing"))
        review_document.propose(visit.project, draft, sent[1], visit.staff.handle)
        return visit.to(f"/policy/{draft.name}/review", "told.policy.reviewed")

    @_act(desk, f"{FROM_DRAFT}/proposal", "write_policy")
    def answer(visit: Visit) -> Response[Any]:
        """POST …/proposal: one proposal is taken into the draft, or declined."""
        draft = _draft(visit)
        act = review_document.take if visit.given("do") == "take" else review_document.decline
        act(visit.project, draft, visit.given("proposal"), visit.staff.handle)
        told = "told.policy.taken" if visit.given("do") == "take" else "told.policy.declined"
        return visit.to(f"/policy/{draft.name}/review", told)


def _draft(visit: Visit) -> PolicyDraft:
    return draft_policy.opened(visit.project, str(visit.path["name"]))


def _open(draft: PolicyDraft) -> bool:
    return bool(draft.state["status"] == "open")


def _number(visit: Visit) -> str:
    number = str(visit.path["number"])
    return "" if number == TOP else number


def _back(visit: Visit, draft: PolicyDraft, told: str) -> Response[Any]:
    return visit.to(f"/policy/{draft.name}/clause/{visit.path['number']}", told)


def _author(visit: Visit) -> str:
    """Return who accepts as git names them: from their account, as far as they have one."""
    found = accounts.read(visit.project.ledger, visit.staff.handle)
    return f"{found.name} <{found.email}>" if found else ""


def _prefix(kind: str, name: str) -> str:
    return f"{kind}:{name}:"


def _checked(draft: PolicyDraft, file: str, number: str, typed: Typed) -> tuple[PolicyDraft, str]:
    """Return the draft as it would be with these words, which are not kept; and why they will not do."""
    try:
        return draft_policy.with_text(draft, file, number, typed.prose, typed.title), ""
    except NotAllowedError as error:
        return draft, str(error)


def _promise_checked(
    visit: Visit, draft: PolicyDraft, one: tuple[str, str],
    given: tuple[Mapping[str, Sequence[str]], Sequence[form.Wrong]], value: Mapping[str, Any],
) -> Response[str]:  # fmt: skip
    """Show what would be found with a promise as its form says it, and keep nothing."""
    number, (kind, name), (_, bad) = _number(visit), one, given
    wrong = " ".join(dict.fromkeys(each.says for each in bad))
    checked = draft
    if not bad:
        try:
            checked = draft_policy.with_promise(draft, number, kind, name, value)
        except TrothError as error:
            wrong = str(error)
    found = [each for each in draft_policy.findings(visit.project, checked) if each.clause == number]
    if visit.given("part"):
        return visit.show("policy_findings.html", "", findings=found, wrong=wrong)
    return _clause_page(visit, draft, found=found, wrong=wrong, posted={one: given})


def _clause_page(
    visit: Visit,
    draft: PolicyDraft,
    *,
    typed: Mapping[str, Typed] | None = None,
    found: Sequence[Found] | None = None,
    wrong: str = "",
    posted: Mapping[tuple[str, str], tuple[Mapping[str, Sequence[str]], Sequence[form.Wrong]]] | None = None,
    meanwhile: str | tuple[str, str] = "",
) -> Response[str]:
    """Draw a clause; with what was typed where it is kept, beside what stands now where that changed `meanwhile`."""
    number = _number(visit)
    if number and number not in draft.main.by_number:
        raise NotFoundError(f"The policy has no clause {number[:20]!r}.")
    given = posted or {}
    stale = draft_policy.stale_clauses(draft).get(number, ())
    texts = [
        {
            "file": file,
            "language": document.language,
            "stale": file in stale,
            **_text(draft, file, number, (typed or {}).get(file), meanwhile=file == meanwhile),
        }
        for file, document in draft.documents.items()
        if not number or number in document.by_number
    ]
    there = list(clause_text.promises(draft.main, number)) if number else []
    shown = [*there, *(one for one in given if one not in there)]
    asked = visit.asked("promise")
    promises = [
        _promise(
            visit, draft, number, kind, name, given.get((kind, name)), meanwhile=(kind, name) == meanwhile
        )
        if len(shown) <= FORMS_AT_ONCE or (kind, name) in given or f"{kind}/{name}" == asked
        else _folded(visit, kind, name)
        for kind, name in shown
    ]
    order = list(draft.main.by_number)
    at = order.index(number) if number else -1
    found = draft_policy.findings(visit.project, draft) if found is None else found
    return visit.show(
        "policy_clause.html", visit.words("policy.clause", number=number) if number else visit.words("policy.top"),
        409 if meanwhile else 422 if wrong or any(one["wrong"] for one in promises) else 200,
        meanwhile=_anchor(draft, meanwhile),
        draft=draft, number=number or TOP, texts=texts, promises=promises, wrong=wrong,
        findings=[one for one in found if one.clause == number],
        kinds=[(kind, form.kind_said(kind, visit.words.language)) for kind in OF_A_POLICY],
        comments=_said(visit, draft, [one for one in draft.state["comments"] if one["clause"] == number]),
        before=order[at - 1] if at > 0 else TOP if at == 0 else "", after=order[at + 1] if at + 1 < len(order) else "",
        writes=visit.may("write_policy", "") and _open(draft),
        comments_allowed=(visit.may("write_policy", "") or visit.may("advise", "")) and _open(draft),
    )  # fmt: skip


def _anchor(draft: PolicyDraft, meanwhile: str | tuple[str, str]) -> str:
    if isinstance(meanwhile, tuple):
        return f"promise-{meanwhile[0]}-{meanwhile[1]}"
    return f"text-{draft.documents[meanwhile].language}" if meanwhile else ""


def _text(
    draft: PolicyDraft, file: str, number: str, typed: Typed | None, *, meanwhile: bool
) -> dict[str, Any]:
    """Return what the form of a text is filled with; what was typed is saved over what stood when it was opened.

    Where that changed meanwhile, it is saved over what stands now, which is shown.
    """
    document = draft.documents[file]
    title = document.by_number[number].title if number else ""
    now = Typed(title, clause_text.prose(document, number), write_clause.text_seen(draft, file, number))
    shown, policy = typed or now, draft.loaded[0]
    return {
        "title": shown.title or title,
        "prose": shown.prose,
        "read": flowing(shown.prose, policy, document.language) if policy else shown.prose,
        "seen": now.seen if meanwhile else shown.seen,
        "now": "\n\n".join(part for part in (now.title, now.prose) if part) if meanwhile else None,
    }


def _promise(
    visit: Visit,
    draft: PolicyDraft,
    number: str,
    kind: str,
    name: str,
    given: tuple[Mapping[str, Sequence[str]], Sequence[form.Wrong]] | None,
    *,
    meanwhile: bool,
) -> dict[str, Any]:
    fields = draft_policy.promise_form(draft, number, kind, name, visit.words.language)
    value = clause_text.promise_value(draft.main, number, kind, name)
    now = form.filled(fields, value or {})
    inputs, wrong = given or (now, ())
    spoken = {language: visit.words(f"policy.language.{language}") for language in ("en", "fr")}
    kept = given is not None and visit.request.method == "POST" and not meanwhile
    return {
        "kind": kind,
        "name": name,
        "own": visit.called.named(kind, name, value),
        "title": form.kind_said(kind, visit.words.language),
        "new": value is None,
        "seen": visit.given("seen") if kept else write_clause.promise_seen(draft, number, kind, name),
        "now": list(in_words(drawn(fields, now, (), "", spoken, ""), visit.words)) if meanwhile else None,
        "wrong": [*wrong],
        "open": bool(given) or visit.asked("promise") == f"{kind}/{name}",
        "inputs": drawn(fields, inputs, wrong, visit.words("policy.row.key"), spoken, _prefix(kind, name)),
    }


def _folded(visit: Visit, kind: str, name: str) -> dict[str, Any]:
    """Return a promise without its form, which is drawn when it is asked for."""
    title = form.kind_said(kind, visit.words.language)
    return {
        "kind": kind,
        "name": name,
        "own": visit.called.named(kind, name),
        "title": title,
        "wrong": [],
        "inputs": None,
    }


def _said(visit: Visit, draft: PolicyDraft, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    told = draft_policy.texts(visit.project, draft, entries)
    settled = draft.state["settled"]
    return [
        {
            **one,
            "text": told.get(one["event"], ""),
            "settled": one["event"] in settled,
            "day": visit.words.day(date.fromisoformat(one["on"])),
            "now": one.get("sha256") == draft.state["sha256"],
        }
        for one in entries
    ]


def _words(side: Sides, text: str, policy: Policy, language: str) -> str:
    """Return the title and the prose of a clause as one reads them; of the top of a file, its introduction."""
    document = draft_policy.parsed(text, side.file)
    if not side.clause:
        return flowing(clause_text.prose(document, clause_text.PREAMBLE), policy, language)
    return "\n\n".join(
        f"{one.title}\n\n{flowing(clause_text.prose(document, one.number), policy, language)}"
        for one in document.clauses
    )


def _shown(side: Sides, text: str, policy: Policy, spoken_in: str, words: Words) -> str:
    """Return a clause in its language, with what its promises say, in words and values."""
    document, language = draft_policy.parsed(text, side.file), words.language
    said = [
        f"{form.kind_said(kind, language)} {name}".strip()
        + f" – {form.path_said(path, language)}{words('colon')} {value}"
        for one in document.clauses
        for kind, name in clause_text.promises(document, one.number)
        for path, value in _leaves(clause_text.promise_value(document, one.number, kind, name), "")
    ]
    return "\n\n".join(part for part in (_words(side, text, policy, spoken_in), "\n".join(said)) if part)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield from _leaves(one, f"{path}.{number}")
    else:
        yield path, str(value)


def _pieces(before: str, after: str) -> list[Piece]:
    """Return what stays, goes and comes between two texts, word by word."""
    return list(pieces(_WORDS.findall(before), _WORDS.findall(after), ""))
