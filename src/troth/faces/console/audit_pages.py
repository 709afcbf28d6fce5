"""Audit: every promise by its clause with its last verdict, what mends it, and what its owner said.

The verdicts are those on record; an audit that is begun here goes on in the background and records its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from litestar import Response
from litestar.exceptions import PermissionDeniedException

from troth.errors import NotAllowedError
from troth.faces.cli import audit_commands
from troth.faces.console import saved
from troth.faces.console.beside import Beside, Sought
from troth.faces.console.desk import PAGES, Desk, Visit
from troth.faces.console.document_pages import missing
from troth.faces.console.kept import kept
from troth.faces.console.progress import Tell, Works, live
from troth.faces.console.register_pages import day_of
from troth.ledger import read
from troth.policy.words import words as policy_words
from troth.rules import promise_trend, purpose_scope, question
from troth.rules.cell import written
from troth.rules.question import Cell, Reader
from troth.rules.verdict import Verdict
from troth.work import action, answer_paper, audit_trend, yearly_report
from troth.work.answer_question import Narrowed
from troth.work.audit import audit
from troth.work.establishment import establishment
from troth.work.reply import replies, reply

RUN = "audit"
DAYS_SHOWN = 30
SHAPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json",
    "sarif": "application/sarif+json",
}  # fmt: skip
NARROWED = ("from", "to", "jurisdiction", "category", "rule", "request", "redact", "for")
"""What the links to an answer's files carry on; nothing that names anybody, who is asked about by a form only."""
ORDER = ("broken", "unproven", "kept")


@dataclass(frozen=True, slots=True)
class Stands:
    """How a promise stands: by what is on record, with what breaks and mends it where this server looked last."""

    promise: str
    clause: str
    word: str
    figure: str
    on: str
    event: str
    evidence: tuple[str, ...]
    broken_by: tuple[str, ...]
    remedy: str


def audit_pages(desk: Desk) -> None:
    """Register the pages of audits, questions and reports."""
    works, looked = Works(desk.project), dict[str, Verdict]()
    _questions(desk)

    @desk.page("/audit", "read_audit")
    def verdicts(visit: Visit) -> Response[Any]:
        """GET /console/audit: every promise by its clause."""
        project, word = visit.project, visit.asked("verdict")
        stands = list(_stands(visit, looked))
        counts = Counter(one.word for one in stands)
        shown = [one for one in stands if not word or one.word == word]
        if visit.asked("format") == "csv":
            heads = [
                visit.words(f"audit.{one}")
                for one in ("clause", "promise", "verdict", "figure", "on", "event")
            ]
            rows = [
                (
                    one.clause,
                    one.promise,
                    one.word,
                    one.figure if visit.sees_figures else "",
                    one.on,
                    one.event,
                )
                for one in shown
            ]
            return saved.csv_file("audit", heads, rows)
        clauses: dict[str, list[Stands]] = {}
        for one in sorted(shown, key=lambda one: (_in_order(one.clause), ORDER.index(one.word), one.promise)):
            clauses.setdefault(one.clause, []).append(one)
        titles = {clause.number: clause.title for clause in project.policy.documents[_spoken(visit)].clauses}
        return visit.show(
            "audit.html", visit.words("audit.title"), clauses=clauses, titles=titles, counts=counts, word=word,
            order=ORDER, mending=partial(_mending, visit), actions=action.beside(project), replies=replies(project),
            run=works.last(RUN), shapes=tuple(SHAPES), kept=kept(visit, "audit"),
            missing=missing(visit) if visit.may("write_registers", "") else {},
            type_said=policy_words(visit.words.language).word,
        )  # fmt: skip

    @desk.act("/audit/run", "run_audit")
    def begin(visit: Visit) -> Response[Any]:
        """POST /console/audit/run: ask every control, and record what it says."""
        visit.must("run_audit", "")

        def work(tell: Tell) -> None:
            tell(0, 0, "")
            looked.update({one.promise: one for one in audit(visit.project)})

        works.begin(RUN, visit.staff.handle, work)
        works.wait(RUN, 0.3)
        return visit.to("/audit")

    @desk.page("/audit/live", "read_audit")
    def follow(visit: Visit) -> Response[Any]:
        """GET /console/audit/live: whether it goes on."""
        return live(visit, lambda: works.step(RUN, lambda _: visit.words("audit.running")))

    @desk.page("/audit/file/{shape:str}", "read_audit")
    def file(visit: Visit) -> Response[Any]:
        """GET /console/audit/file/SHAPE: an audit of this moment as a file; it records nothing."""
        shape = visit.path["shape"]
        visit.must("read_audit", "")
        if shape not in SHAPES:
            raise NotAllowedError("An audit is given as HTML, PDF, JSON or SARIF.")
        found = audit(visit.project, record=False)
        head = {**audit_commands.heading(visit.project), "trend": audit_trend.trend(visit.project)}
        content = audit_commands.written(visit.project, found, head, shape, visit.words.language)
        return saved.document("audit", shape, SHAPES[shape], content)

    @desk.page("/audit/trend", "read_audit")
    def trend(visit: Visit) -> Response[Any]:
        """GET /console/audit/trend: how many promises stood how, day by day."""
        days = list(audit_trend.trend(visit.project))
        if visit.asked("format") == "csv":
            heads = [visit.words(f"audit.{one}") for one in ("on", *ORDER)]
            return saved.csv_file(
                "audit-trend",
                heads,
                [(one.on.isoformat(), one.broken, one.unproven, one.kept) for one in days],
            )
        since = day_of(visit.asked("since"))
        return visit.show(
            "audit_trend.html", visit.words("audit.trend"), days=list(reversed(days[-DAYS_SHOWN:])),
            turned=audit_trend.turned(visit.project, since) if since else (), since=visit.asked("since"),
        )  # fmt: skip

    @desk.act("/audit/reply", "run_audit")
    def replied(visit: Visit) -> Response[Any]:
        """POST /console/audit/reply: what the owner of a promise says to its verdict."""
        visit.must("run_audit", "")
        reply(
            visit.project,
            visit.given("promise"),
            visit.given("says"),
            visit.given("owner"),
            visit.staff.handle,
        )
        return visit.to("/audit", "told.audit.replied")

    @desk.page("/audit/report", "read_audit")
    def report(visit: Visit) -> Response[Any]:
        """GET /console/audit/report: the yearly report of the data protection officer, as a file."""
        shape, year, entity = visit.asked("format"), visit.asked("year"), visit.asked("entity")
        today = visit.project.clock().year
        if not shape:
            return visit.show(
                "audit_report.html", visit.words("audit.report"),
                years=[(str(one), str(one)) for one in range(today, today - 6, -1)],
                entities=visit.companies_or_all("read_audit"),
            )  # fmt: skip
        visit.must("read_audit", entity)
        if not year.isdecimal() or not today - 20 <= int(year) <= today:
            raise NotAllowedError("Choose a year that was, or this one.")
        drawn = yearly_report.yearly_report(
            visit.project, int(year), entity=entity, language=visit.words.language, reader="staff"
        )
        match shape:
            case "pdf":
                content, kind = yearly_report.as_pdf(visit.project, drawn), SHAPES["pdf"]
            case "docx":
                content, kind = yearly_report.as_docx(visit.project, drawn), saved.DOCX
            case "json":
                content, kind = yearly_report.as_json(drawn), SHAPES["json"]
            case _:
                raise NotAllowedError("The report is given as PDF, DOCX or JSON.")
        return saved.document(f"report-{year}", shape, kind, content)


def _questions(desk: Desk) -> None:
    beside = Beside(Works(desk.project))

    @desk.page("/audit/questions", "read_audit")
    def questions(visit: Visit) -> Response[str]:
        """GET /console/audit/questions: the thirty questions of a regulator."""
        return visit.show(
            "audit_questions.html", visit.words("audit.questions"), questions=question.every(), spoken=_words(visit)
        )  # fmt: skip

    @desk.page("/audit/questions/{name:str}", "read_audit")
    def one(visit: Visit) -> Response[Any]:
        """GET /console/audit/questions/NAME: one question with its answer; of one about somebody, its form."""
        return _asked(visit, visit.asked, _company(visit), beside, about=False)

    @desk.page("/audit/questions/{name:str}/live", "read_audit")
    def follow(visit: Visit) -> Response[Any]:
        """GET /console/audit/questions/NAME/live: whether the answer is still looked up."""
        entity = _company(visit)
        visit.must("read_audit", entity)
        sought = _sought(visit, visit.asked, _narrowed(visit.asked, entity, visit.asked("request")))
        said = visit.words("audit.looking_up.said")
        return live(visit, lambda: beside.works.step(sought.name, lambda _: said))

    @desk.act("/audit/questions/{name:str}", "read_audit")
    def about_somebody(visit: Visit) -> Response[Any]:
        """POST /console/audit/questions/NAME: one about somebody, whom no address names, with its answer."""
        return _asked(visit, visit.given, visit.given("entity"), beside, about=True)


def _company(visit: Visit) -> str:
    """Return the company an address names; the first of theirs where it names none."""
    if "entity" in visit.request.query_params:
        return visit.asked("entity")
    return visit.companies_or_all("read_audit")[0][0]


def _narrowed(
    said: Callable[[str], str], entity: str, number: str, subject: Sequence[tuple[str, str]] = ()
) -> Narrowed:
    return Narrowed(
        entity, day_of(said("from")), day_of(said("to")), said("jurisdiction").upper(), said("category"), said("rule"),
        number, subject,
    )  # fmt: skip


def _sought(visit: Visit, said: Callable[[str], str], narrowed: Narrowed) -> Sought:
    reader: Reader = "authority" if said("for") == "authority" else "staff"
    return Sought(question.question(visit.path["name"]).name, narrowed, visit.words.language, reader)


def _asked(
    visit: Visit, said: Callable[[str], str], entity: str, beside: Beside, *, about: bool
) -> Response[Any]:
    """Ask a question narrowed by what was `said`; one `about` somebody is asked by a form only."""
    asking = question.question(visit.path["name"])
    of_somebody = bool(asking.needs)
    if of_somebody and not visit.may("read_requests"):
        raise PermissionDeniedException
    visit.must("read_audit", entity)
    if question.of_the_whole_group(asking) and not visit.may("read_audit", ""):
        _refuse_of_the_group(visit, asking.name)
    subject = _subject(said) if of_somebody and about else ()
    number = said("request") if about or not of_somebody else ""
    refuse_request_beyond(visit, number, subject)
    if about and not (number or subject):
        raise NotAllowedError(
            "Give the number of a request, or an identifier of the person that the question is about."
        )
    sought = _sought(visit, said, _narrowed(said, entity, number, subject))
    narrowing = {name: said(name) for name in NARROWED if said(name)} | {"entity": entity}
    if said("again"):
        beside.forget(sought)
        return visit.to(f"/audit/questions/{asking.name}", **narrowing)
    given, seen = None if of_somebody else beside.kept(sought), None
    was_kept = given is not None
    if of_somebody and (number or subject):
        given = beside.now(sought, visit.staff.handle)
    elif not of_somebody and given is None:
        given = beside.answer(sought, visit.staff.handle)
    if given is not None:
        seen = answer_paper.as_shown(given, redact=said("redact") == "1")
        if said("format"):
            return _answered(visit, given, seen, said("format"))
    elif said("format") and not of_somebody:  # the page waits for the answer, and then offers its files
        return visit.to(f"/audit/questions/{asking.name}", **narrowing)
    return visit.show(
        "audit_question.html", asking.said[_words(visit)], question=asking, given=given, seen=seen,
        cell=partial(_cell, visit), entity=entity,
        asked=said if about or not of_somebody else _nothing,
        entities=visit.companies_or_all("read_audit"), query=urlencode(narrowing), of_somebody=of_somebody,
        going=given is None and not of_somebody, was_kept=was_kept,
        moment=partial(visit.words.moment, zone=establishment(visit.project, entity or None).time_zone),
    )  # fmt: skip


_MENDED_UNDER = {
    "sweep": "sweeps", "logs": "sweeps", "hold": "sweeps", "map": "stores", "scan": "cookies", "adopt": "registers",
    "register": "registers", "document": "registers", "policy": "policy", "publish": "policy", "request": "requests",
    "incident": "incidents", "disclosure": "recipients", "consent": "consents", "may": "consents",
}  # fmt: skip
"""Under which part of the console is done what a command does."""


def _mending(visit: Visit, remedy: str) -> tuple[str, str] | None:
    """Return the page where what a command does is done: its name and address; None without one for who looks."""
    _, command, what, *_ = [*remedy.split(), "", ""]
    part = _MENDED_UNDER.get(command)
    duty = next((one[2] for one in PAGES if one[0] == part), None)
    of_the_register = command == "policy" and re.search(
        r"/(?:activity|document)/", remedy
    )  # no page writes there
    if part is None or duty is None or of_the_register or not visit.may(duty):
        return None
    name = what if command == "register" else {"document": "documents", "adopt": "adoption"}.get(command, "")
    address = next(one[1] for one in PAGES if one[0] == part)
    said = visit.words(f"nav.{part}")
    return (f"{said}, {visit.words(f'registers.{name}')}", f"{address}/{name}") if name else (said, address)


def _cell(visit: Visit, code: str, cell: Cell) -> str:
    """Write a cell of an answer, keys of the policy in its own words."""
    called = visit.called
    how: Mapping[str, Callable[[str], str]] = {
        "entity": called.company, "purpose": called.purpose, "recipient": called.recipient, "rule": called.rule,
        "category": called.category, "categories": called.category, "promise": called.promise, "screen": visit.screen,
    }  # fmt: skip
    if code in how and isinstance(cell, str):
        cell = how[code](cell)
    elif code in how and isinstance(cell, Sequence):
        cell = [how[code](one) for one in cell]
    return written(code, cell, visit.words.language)


def _refuse_of_the_group(visit: Visit, name: str) -> None:
    """Refuse an answer for all companies to whoever reads for some, unless there is one alone."""
    if len(purpose_scope.entities(visit.project.policy)) > 1:
        raise NotAllowedError(
            f"The question {name} is answered for all companies together, and you read for some of them. "
            "Ask somebody who reads for all."
        )


def _answered(visit: Visit, given: Any, seen: Any, shape: str) -> Response[Any]:
    name = f"answer-{given.question.name}"
    match shape:
        case "csv":
            return saved.document(name, "csv", "text/csv; charset=utf-8", answer_paper.as_csv(given, seen))
        case "json":
            return saved.document(name, "json", SHAPES["json"], answer_paper.as_json(given, seen))
        case "pdf":
            return saved.document(name, "pdf", SHAPES["pdf"], answer_paper.as_pdf(visit.project, given, seen))
        case _:
            raise NotAllowedError("An answer is given as CSV, JSON or PDF.")


def refuse_request_beyond(visit: Visit, number: str, subject: Sequence[tuple[str, str]]) -> None:
    """Refuse a request of an entity that whoever asks does not read, and a person for whoever does not read all."""
    found = read.state(visit.project.ledger, f"request/{number}") if number else None
    if found is not None:
        visit.must("read_requests", str(found.body["entity"]))
    if subject:
        visit.must("read_requests", "")
        visit.must("find_people", "")


def _subject(said: Callable[[str], str]) -> Sequence[tuple[str, str]]:
    value = said("value").strip()
    return ((said("kind") or "email", value),) if value else ()


def _nothing(_: str) -> str:
    return ""


def _words(visit: Visit) -> str:
    return "fr" if visit.words.language == "fr" else "en"


def _spoken(visit: Visit) -> str:
    documents = visit.project.policy.documents
    return visit.words.language if visit.words.language in documents else next(iter(documents))


def _stands(visit: Visit, looked: Mapping[str, Verdict]) -> Iterator[Stands]:
    """Yield how each promise of the policy in force stands by what is on record."""
    ledger = visit.project.ledger
    states = {str(one.body["promise"]): one for one in read.states(ledger, promise_trend.FAMILY)}
    for promise in visit.project.policy.promises.values():
        state = states.get(promise.id)
        if state is None:
            yield Stands(promise.id, promise.clause, "unproven", "", "", "", (), (), "")
            continue
        ran, _ = read.page(ledger, stream=state.stream, limit=1)
        last, held = ran[0][1], looked.get(promise.id)
        same = held is not None and held.word == state.status
        yield Stands(
            promise.id, promise.clause, str(state.status), str(state.body["figure"]), str(state.body["on"]), last.id,
            tuple(str(one) for one in last.facts.get("evidence") or ()),  # type: ignore[union-attr]
            held.broken_by if held and same else (), held.remedy if held and same else "",
        )  # fmt: skip


def _in_order(clause: str) -> tuple[tuple[int, str], ...]:
    """Return what sorts clauses as people number them: 7.10 after 7.9, and the register after every number."""
    return tuple((int(part) if part.isdecimal() else 1_000_000, part) for part in clause.split("."))
