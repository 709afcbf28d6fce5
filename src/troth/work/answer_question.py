"""Answer a question of a regulator from what is on record, and say from which checkpoint.

Law: GDPR Arts. 5(2), 31, 58(1)(a); law.md section 12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal

from troth.errors import NotAllowedError
from troth.law import clock
from troth.ledger import append, seal
from troth.ledger.past import Past
from troth.policy.words import words
from troth.rules import question as rules
from troth.rules.event import Draft, Fact
from troth.rules.promise_trend import QUESTIONS
from troth.rules.question import Answer, Asked, Question, Reader
from troth.work import dossier
from troth.work import look_up_choices as choices
from troth.work import look_up_registers as registers
from troth.work import look_up_requests as requests
from troth.work import look_up_stores as stores
from troth.work import look_up_subject as about_subject
from troth.work.establishment import day_here, establishment
from troth.work.look_up import Look
from troth.work.project import Project
from troth.work.record_reading import record_looking_up

EVIDENCE_MAX = 20
LOOK_UP: Mapping[str, Callable[[Look], Answer]] = MappingProxyType(
    {
        "overdue": requests.overdue,
        "times": requests.times,
        "extensions": requests.extensions,
        "refusals": requests.refusals,
        "remedies": requests.remedies,
        "late-refusals": requests.late_refusals,
        "identity": requests.identity,
        "request": requests.request,
        "subject": about_subject.subject,
        "marketing-after-no": choices.marketing_after_no,
        "proof-of-consent": choices.proof_of_consent,
        "consents": choices.consents,
        "processing": registers.processing,
        "activities-lacking": registers.activities_lacking,
        "retention": stores.retention,
        "deletions": stores.deletions,
        "recipients": stores.recipients,
        "recipients-told": stores.recipients_told,
        "transfers": registers.transfers,
        "processors": registers.processors,
        "breaches": stores.breaches,
        "indirect-notices": stores.indirect_notices,
        "first-communications": choices.first_communications,
        "restrictions": stores.restrictions,
        "trackers": registers.trackers,
        "policy": registers.policy,
        "controls": registers.controls,
        "staff-access": requests.staff_access,
        "minors-and-agents": requests.minors_and_agents,
        "authority-letters": registers.authority_letters,
    }
)
"""By the name of a question, what looks its answer up."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a question is narrowed to; `subject` are identifiers, as (kind, value)."""

    entity: str = ""
    since: date | None = None
    until: date | None = None
    jurisdiction: str = ""
    category: str = ""
    rule: str = ""
    number: str = ""
    subject: Sequence[tuple[str, str]] = field(default=(), repr=False)


EVERYTHING = Narrowed()


@dataclass(frozen=True, slots=True)
class Given:
    """An answer with what it was asked of, when, and the checkpoint it was answered from."""

    question: Question
    asked: Asked
    answer: Answer
    at: datetime
    size: int
    root: str
    unsealed: int

    @property
    def sealed(self) -> str:
        """Say from which checkpoint it was answered, and how much was not sealed yet."""
        if not self.root:
            return self.asked.say("no_checkpoint", unsealed=self.unsealed)
        return self.asked.say("checkpoint", size=self.size, root=self.root, unsealed=self.unsealed)


def answer(
    project: Project,
    name: str,
    narrowed: Narrowed = EVERYTHING,
    *,
    language: str = "",
    reader: Reader = "staff",
    staff: str = "troth",
    within: int | None = None,
    at: datetime | None = None,
) -> Given:
    """Answer a question by name or number, from all that is recorded, or from what was sealed `within` so many events.

    Everything is sealed first, the record that somebody's data is looked at too, so that the checkpoint covers it;
    `at` is another moment than this one, such as that of the checkpoint.  Raises NotFoundError where there is no such
    question, request or version; NotAllowedError for what cannot be asked.
    """
    asking = rules.question(name)
    asked = _asked(project, asking, narrowed, language or project.policy.language, reader)
    if at is not None:
        zone = establishment(project, narrowed.entity or None).time_zone
        asked = replace(asked, today=clock.receipt_day(at, zone))
    known = _recorded(project, asking, narrowed, staff)
    if within is None:
        seal.seal_all(project.ledger)
    checkpoint = seal.checkpoint(project.ledger, covering=within)
    past = Past(project.ledger, within)
    look = Look(project, past, asked, narrowed.subject, known, narrowed.number, at or project.clock())
    found = LOOK_UP[asking.name](look)
    return Given(
        asking,
        asked,
        found,
        project.clock(),
        checkpoint.size if checkpoint else 0,
        checkpoint.root.hex() if checkpoint else "",
        past.unsealed(),
    )


def _recorded(project: Project, asking: Question, narrowed: Narrowed, staff: str) -> str | None:
    """Record that somebody's data is looked at, where it is; return whom the ledger knows by the identifiers."""
    match asking.needs:
        case "request":
            dossier.record_reading(project, narrowed.number, staff)
        case "subject":
            return record_looking_up(project, "ask", staff, f"ask/{asking.name}", narrowed.subject)
    return None


def look_at_what_must_be_none(project: Project) -> tuple[Given, ...]:
    """Ask each question whose answer must be none, and record what each said: kept, broken, or unproven."""
    found = tuple(answer(project, one.name) for one in rules.must_be_none())
    append.append(project.ledger, [_control_ran(project, one) for one in found])
    return found


def look_again(
    project: Project, name: str, *, record: bool = False, staff: str = "troth"
) -> tuple[Given, str]:
    """Ask one question whose answer must be none; return it and the id of the event, empty where none is recorded.

    Raises NotFoundError where there is no such question, NotAllowedError where its answer may be anything.
    """
    asking = rules.question(name)
    if not asking.must_be_none:
        known = ", ".join(one.name for one in rules.must_be_none())
        raise NotAllowedError(
            f"The answer of {asking.name} may be anything. Those whose answer must be none: {known}."
        )
    found = answer(project, asking.name)
    if not record:
        return found, ""
    (event,) = append.append(project.ledger, [replace(_control_ran(project, found), actor=staff)])
    return found, event.id


def verdict(found: Given) -> Literal["kept", "broken", "unproven"]:
    """Say how a question whose answer must be none stands: unproven where there was nothing to look at."""
    word = found.answer.word(found.question)
    return "broken" if word == "broken" else "unproven" if word == "unanswered" else "kept"


def _control_ran(project: Project, found: Given) -> Draft:
    facts: dict[str, Fact] = {
        "promise": f"ask/{found.question.name}",
        "verdict": verdict(found),
        "figure": rules.shown(found.question, found.answer, found.asked).sentence,
        "evidence": list(found.answer.evidence[:EVIDENCE_MAX]),
    }
    version = project.policy.version or None
    return Draft("control_ran", f"{QUESTIONS}/{found.question.name}", facts, policy=version)


def _asked(project: Project, asking: Question, narrowed: Narrowed, language: str, reader: Reader) -> Asked:
    wrong = []
    if reader not in rules.READERS:
        wrong.append(f"Nobody reads as {reader[:20]!r}. There are: {', '.join(rules.READERS)}.")
    if narrowed.since and narrowed.until and narrowed.since > narrowed.until:
        wrong.append(f"The period ends on {narrowed.until}, before it begins on {narrowed.since}.")
    if asking.needs == "request" and not narrowed.number:
        wrong.append("Say which request: --request 2026-0001.")
    if asking.needs == "subject" and not narrowed.subject:
        wrong.append("Say of whom, as kind=value: --subject email=ada@example.org.")
    if narrowed.category and narrowed.category not in project.policy.categories:
        known = ", ".join(map(str, project.policy.categories))
        wrong.append(f"The policy has no category {narrowed.category[:40]!r}. It has: {known}.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    words(language)  # refuses a language without words, with those there are
    if narrowed.entity:
        establishment(project, narrowed.entity)
    group = project.policy.group
    every = [str(one.key) for one in group.entities] if group else []
    return Asked(
        day_here(project, narrowed.entity or None),
        narrowed.entity,
        narrowed.jurisdiction,
        narrowed.since,
        narrowed.until,
        language,
        reader,
        {one: establishment(project, one).place for one in every},
        narrowed.category,
        narrowed.rule,
    )
