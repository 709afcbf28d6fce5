"""What a regulator asks about the policy, its registers and its controls.

Law: GDPR Arts. 5(2), 24(1), 28(2) to (4), 30(1), 31, 44 to 49, 77.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from troth.rules import control
from troth.rules.event import Event
from troth.rules.question import Answer, Asked, Row, heading
from troth.rules.register import Register, Source
from troth.rules.register_activity import companies, review_due
from troth.rules.register_change import Changed


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the policy: from when until when it was in force, its notices, and what a check of it finds."""

    version: str
    from_: date
    until: date | None
    languages: Mapping[str, str]  # language -> SHA-256 of the notice
    changed: int
    adopted: Mapping[str, date]  # company -> the day it adopted it
    findings: Mapping[str, tuple[int, int]]  # language -> errors, warnings


def register(drawn: Register) -> Answer:
    """Answer with a register as it is drawn."""
    rows: list[Row] = [dict(line) for line in drawn.lines]
    return Answer(tuple(rows), len(rows), columns=drawn.columns)


def changes(found: Sequence[Changed], lines: int, asked: Asked) -> Answer:
    """Answer with what changed in a register of so many lines."""
    columns = tuple(
        (code, heading(code, asked.language)) for code in ("reference", "what", "column", "was", "becomes")
    )
    rows: list[Row] = [
        {
            "reference": one.reference,
            "what": one.what,
            "column": one.column,
            "was": tuple(one.was),
            "becomes": tuple(one.becomes),
        }
        for one in found
    ]
    return Answer(tuple(rows), max(lines, len(rows)), columns=columns)


def activities_lacking(source: Source, asked: Asked) -> Answer:
    """Answer which activities have no legal basis or retention, or a review that is overdue or never was."""
    rows: list[Row] = []
    looked = 0
    for reference, name, lacks in _activities(source, asked):
        looked += 1
        if lacks:
            rows.append({"reference": reference, "name": name, "lacks": lacks})
    return Answer(tuple(rows), looked, len(rows))


def _activities(source: Source, asked: Asked) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield every activity, and every purpose that none names, with what it lacks."""
    policy, named = source.policy, set()
    for one in policy.activities.values():
        named |= set(map(str, one.purposes))
        if one.role == "processor" or (asked.entity and asked.entity not in companies(one, source)):
            continue
        lacks = [] if one.purposes else [asked.word("no_basis")]
        for key in map(str, one.purposes):
            if key in policy.purposes:
                lacks += _purpose_lacks(policy.purposes[key], asked)
        due = review_due(one)
        if due is None:
            lacks.append(asked.word("never_reviewed"))
        elif due < source.today:
            lacks.append(asked.word("review_overdue", day=due))
        yield str(one.key), source.title(one), tuple(dict.fromkeys(lacks))
    for purpose in policy.purposes.values():
        if str(purpose.key) not in named and (
            not asked.entity or asked.entity in (purpose.entities or (asked.entity,))
        ):
            lacks = [*_purpose_lacks(purpose, asked), asked.word("never_reviewed")]
            yield str(purpose.key), source.title(purpose), tuple(lacks)


def _purpose_lacks(purpose: Any, asked: Asked) -> list[str]:
    lacks = [] if purpose.legal_basis else [asked.word("no_basis")]
    return lacks if purpose.retention else [*lacks, asked.word("no_retention", name=purpose.key)]


def policy(versions: Iterable[Version], entities: Sequence[str], asked: Asked) -> Answer:
    """Answer which versions were in force in the period, or on its last day where it has no beginning."""
    since = asked.since or asked.day
    rows: list[Row] = []
    for one in versions:
        if one.from_ > asked.day or (one.until is not None and one.until <= since):
            continue
        for language, digest in sorted(one.languages.items()):
            errors, warnings = one.findings.get(language, (None, None))
            for entity in entities or ("",):
                if not asked.of(entity):
                    continue
                adopted = one.adopted.get(entity)
                rows.append(
                    {
                        "policy_version": one.version,
                        "from": one.from_.isoformat(),
                        "until": one.until.isoformat() if one.until else "",
                        "language": language,
                        "notice_sha256": digest,
                        "entity": entity,
                        "adopted_on": adopted.isoformat() if adopted else "",
                        "promises_changed": one.changed,
                        "errors": errors,
                        "warnings": warnings,
                    }
                )
    return Answer(tuple(rows), len(rows))


def controls(source: Source, verdicts: Mapping[str, Mapping[str, Any]], asked: Asked) -> Answer:
    """Answer which control checks each promise and what it last said; `verdicts` are how promises stand, by id."""
    rows: list[Row] = []
    without = 0
    for one in control.checked(source.policy):
        found, last = one.control, verdicts.get(one.promise.id, {})
        without += found is None
        rows.append(
            {
                "clause": one.promise.clause,
                "promise": one.promise.id,
                "control": found.name if found else asked.word("no_control"),
                "checks": found.checks if found else "",
                "often": found.often if found else "",
                "verdict": str(last.get("status") or asked.word("unproven")),
                "on": str(last.get("on") or ""),
                "figure": str(last.get("figure") or ""),
            }
        )
    idle = [one.name for one in control.idle(source.policy)]
    notes = [asked.say("no_control", count=without)] if without else []
    notes += [asked.say("idle", names=", ".join(idle))] if idle else []
    return Answer(tuple(rows), len(rows), without, notes=tuple(notes))


def authority_letters(source: Source, states: Iterable[Mapping[str, Any]], asked: Asked) -> Answer:
    """Answer which letters of authorities and complaints there are, and how each stands."""
    rows: list[Row] = []
    for one in source.policy.register_documents.values():
        companies_ = tuple(map(str, one.entities))
        if one.type != "authority_letter" or not asked.within(one.dated.isoformat()):
            continue
        if companies_ and not any(asked.of(company) for company in companies_):
            continue
        late = one.answered is None and one.answer_by is not None and one.answer_by < source.today
        status = "answered" if one.answered else "late" if late else "open"
        rows.append(
            {
                "what": asked.word("authority_letter"),
                "reference": str(one.key),
                "title": source.text(one.title),
                "on": one.dated.isoformat(),
                "answer_by": one.answer_by.isoformat() if one.answer_by else "",
                "answered": one.answered.isoformat() if one.answered else "",
                "status": asked.word(status),
            }
        )
    rows += [row for state in states for row in _complaints(state, asked)]
    return Answer(tuple(rows), len(rows))


def _complaints(state: Mapping[str, Any], asked: Asked) -> Iterator[Row]:
    if not asked.of(state["entity"], state["jurisdiction"]):
        return
    marked = (state.get("marks") or {}).get("sa_complaint")
    if marked and asked.within(marked):
        yield _complaint(state, "complaint_case", marked, asked)
    for claim in state["claims"].values():
        if claim["right"] == "complain" and asked.within(state["received"]):
            yield _complaint(state, "complaint_claim", str(state["received"]), asked)


def _complaint(state: Mapping[str, Any], what: str, on: str, asked: Asked) -> Row:
    answered, legal = str(state.get("answered_on") or ""), str(state.get("legal_due") or "")
    late = not answered and bool(legal) and legal < asked.today.isoformat()
    status = "answered" if answered else "late" if late else "open"
    return {
        "what": asked.word(what),
        "reference": str(state["id"]),
        "title": "",
        "on": on,
        "answer_by": legal,
        "answered": answered,
        "status": asked.word(status),
    }


def trackers(
    scans: Iterable[Event],
    reports: Mapping[str, Mapping[str, Any] | None],
    titles: Mapping[str, str],
    asked: Asked,
) -> Answer:
    """Answer what the last scan of each site in the period found against the table of cookies.

    `reports` are the evidence by the id of the event, None where it is gone; `titles` say each verdict.
    """
    last = {str(event.facts["site"]): event for event in scans if asked.within(event.at.isoformat())}
    rows: list[Row] = []
    gone = 0
    for site, event in sorted(last.items()):
        facts: Mapping[str, Any] = event.facts
        report = reports.get(event.id)
        gone += report is None
        named: dict[tuple[str, str], int] = {}
        for one in (report or {}).get("findings", ()):
            named[str(one["verdict"]), str(one["name"])] = (
                named.get((str(one["verdict"]), str(one["name"])), 0) + 1
            )
        found = named or {
            (verdict, ""): int(number) for verdict, number in facts["verdicts"].items() if number
        }
        for (verdict, name), count in found.items() or ():
            rows.append(_found(event, site, titles.get(verdict, verdict), name, count))
        if not found:
            rows.append(_found(event, site, asked.word("tracker_none"), "", 0))
    notes = (asked.say("gone_evidence", count=gone),) if gone else ()
    return Answer(tuple(rows), len(last), notes=notes)


def _found(event: Event, site: str, verdict: str, name: str, count: int) -> Row:
    return {
        "site": site,
        "on": event.at.date().isoformat(),
        "verdict": verdict,
        "name": name,
        "count": count,
        "complete": bool(event.facts.get("complete")),
        "evidence_sha256": str(event.facts["evidence_sha256"]),
        "event": event.id,
    }
