"""Draw up the yearly report of the data protection officer, and set it on paper or as a document.

Law: GDPR Art. 38(3), Art. 39(1).
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date
from importlib.resources import files

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import read, seal
from troth.ledger.past import Past
from troth.outside.pdf import typeset
from troth.outside.word import docx
from troth.policy.words import words
from troth.rules import action, promise_trend
from troth.rules import question as questions
from troth.rules import yearly_report as rules
from troth.rules.question import Answer, Asked, Reader
from troth.rules.register import Source
from troth.rules.register_document import documents
from troth.rules.yearly_report import Report, Section
from troth.work import audit_trend, draw_register, send_letter
from troth.work.answer_question import Narrowed, answer
from troth.work.establishment import day_here
from troth.work.look_up import Look
from troth.work.policy_as_of import versions
from troth.work.project import Project

YEAR_MIN = 2000


def yearly_report(
    project: Project, year: int, *, entity: str = "", language: str = "", reader: Reader = "staff"
) -> Report:
    """Draw up the report of a year; of one that is not over, until today.

    Raises NotAllowedError for a year to come and for a company the policy does not have.
    """
    today = day_here(project, entity or None)
    if not YEAR_MIN <= year <= today.year:
        raise NotAllowedError(f"There is nothing to report of {year}: a year that began, from {YEAR_MIN} on.")
    if reader not in questions.READERS:
        raise NotAllowedError(f"Nobody reads as {reader[:20]!r}. There are: {', '.join(questions.READERS)}.")
    spoken = language or project.policy.language
    words(spoken)  # refuses a language without words, with those there are
    since, until = date(year, 1, 1), min(date(year, 12, 31), today)
    narrowed = Narrowed(entity=entity, since=since, until=until)

    def asked_for(name: str, within: Narrowed = narrowed) -> Answer:
        return answer(project, name, within, language=spoken, reader=reader).answer

    given = answer(project, "times", narrowed, language=spoken, reader=reader)
    asked = replace(given.asked, today=until)
    past = Past(project.ledger)
    look = Look(project, past, asked)
    sections = (
        rules.requests(_received(look), asked_for("overdue"), asked_for("extensions"), asked),
        rules.refusals(asked_for("refusals"), asked_for("late-refusals"), asked),
        rules.incidents(asked_for("breaches"), asked),
        rules.audit(audit_trend.runs(project), _last_verdicts(past, until), asked),
        _register(project, asked),
        rules.transfers(asked_for("transfers", replace(narrowed, since=None)), asked),
        *_documents(look),
        rules.actions([one.body for one in read.states(project.ledger, action.FAMILY)], asked),
    )
    said = {"entity": _called(project, entity, spoken), "on": today, "version": project.policy.version}
    subtitle = rules.say("title", "for", spoken, **said)
    if until < date(year, 12, 31):
        subtitle += f" · {rules.say('title', 'unfinished', spoken, on=until)}"
    checkpoint = seal.seal_all(project.ledger)
    sealed = (
        asked.say("checkpoint", size=checkpoint.size, root=checkpoint.root.hex(), unsealed=past.unsealed())
        if checkpoint
        else asked.say("no_checkpoint", unsealed=past.unsealed())
    )
    return Report(spoken, rules.say("title", "report", spoken, year=year), subtitle, sections, sealed)


def _last_verdicts(past: Past, until: date) -> list[dict[str, object]]:
    """Return how each promise stood at the end of a day, by its last control."""
    last = {
        str(event.facts["promise"]): {"status": event.facts["verdict"], "figure": event.facts["figure"]}
        for event in past.events("control_ran")
        if event.stream.startswith(f"{promise_trend.FAMILY}/") and event.at.date() <= until
    }
    return [{"promise": promise, **told} for promise, told in last.items()]


def _called(project: Project, company: str, language: str) -> str:
    group = project.policy.group
    if group is None or not company:
        return send_letter.organisation(project, language)
    return str(group.entity(company).name)


def _received(look: Look) -> list[dict[str, object]]:
    asked = look.asked
    return [
        dict(state)
        for state in look.requests()
        if asked.within(state["received"]) and asked.of(state["entity"], state["jurisdiction"])
    ]


def _register(project: Project, asked: Asked) -> Section:
    """What changed from the first day of the year on which a version was in force to the last day reported."""
    first = next((one.from_ for one in versions(project)), None)
    if first is None or first > asked.day or asked.since is None:
        return rules.register(None, (), asked)
    since = max(asked.since, first)
    try:
        found = draw_register.changes(project, "processing", since, asked.day, asked.language, asked.entity)
    except NotFoundError:
        return rules.register(None, (), asked)
    return rules.register(since, found, asked)


def _documents(look: Look) -> tuple[Section, Section]:
    """The documents of the year, and the advice that the officer gave."""
    asked = look.asked
    advised = {
        (event.request, event.facts["claim"])
        for event in look.past.events("dpo_advised")
        if asked.within(event.at.isoformat()) and asked.of(event.entity)
    }
    found = look.source_or_none()
    source = found[0] if found else Source(look.project.policy, look.project.maps, asked.day, asked.language)
    lines = list(documents(source, asked.entity))
    opinions = {str(one.key) for one in source.policy.register_documents.values() if one.type == "dpo_advice"}
    written = [line for line in lines if line["reference"][0] in opinions]
    return rules.documents(lines, asked), rules.advice(len(advised), written, asked)


def as_pdf(project: Project, report: Report) -> bytes:
    """Set a report on paper (PDF/UA-1)."""
    template = (files("troth.work") / "yearly_report.typ").read_text(encoding="utf-8")
    return typeset(template, {**asdict(report), "language": _spoken(report)}, project.clock())


def as_docx(project: Project, report: Report) -> bytes:
    """Write a report as a Word document; raises NotAllowedError where the extra `office` is not installed."""
    parts = [(one.heading, one.sentences, one.headings, one.rows) for one in report.sections]
    whose = send_letter.organisation(project, report.language)
    return docx(
        report.title, [report.subtitle], parts, [report.sealed], _spoken(report), whose, project.clock()
    )


def as_json(report: Report) -> bytes:
    """Write a report for machines: its lines with codes, and days in ISO 8601."""
    told = asdict(report)
    for one in told["sections"]:
        one["rows"] = one.pop("coded")
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def _spoken(report: Report) -> str:
    return "fr" if report.language == "fr" else "en"
