"""Audit: ask every promise's control for evidence, and record what it said.

Law: GDPR Art. 5(2), Art. 24(1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from troth.errors import NotFoundError, TrothError
from troth.law import clock
from troth.ledger import append, read
from troth.policy.notice_text import sha256
from troth.policy.policy import Policy
from troth.policy.reading import did_you_mean
from troth.rules import control_consent, policy_change, sweep, telling, verdict
from troth.rules import incident as incident_rules
from troth.rules.control_collection import FirstMessages, Noticed
from troth.rules.event import Draft, Event, Fact
from troth.rules.scan_verdict import Scanned
from troth.rules.telling import Tellings
from troth.rules.verdict import Facts, Verdict
from troth.work import (
    announce_change,
    declare_refusals,
    incident,
    inform,
    record_scan,
    review_channel,
    tell_of_choices,
)
from troth.work.adopt_policy import adopted
from troth.work.draw_register import files_wrong
from troth.work.establishment import day_here, establishment
from troth.work.importing import imported_entries
from troth.work.policy_as_of import as_published, versions
from troth.work.project import Project
from troth.work.publish_policy import STREAM
from troth.work.read_sent import read_sent
from troth.work.record_register import record_register
from troth.work.sweep import unswept

EVIDENCE_MAX = 20
OVERLOOKED_AFTER = timedelta(days=1)
"""A choice that nobody has looked into for a day waits for a worker that does not come."""
_ACTS = frozenset({"act_ended", "verified", "residue_searched", "recipient_notified", "package_built"})


def audit(project: Project, *, record: bool = True) -> tuple[Verdict, ...]:
    """Judge every promise of the policy as it stands, and record each verdict."""
    facts = gather(project)
    verdicts = verdict.judge(project.policy, facts)
    if record:
        record_register(project)
        drafts = [_draft(one, project) for one in verdicts]
        for start in range(0, len(drafts), 100):
            append.append(project.ledger, drafts[start : start + 100])
    return verdicts


def judge_one(
    project: Project, promise: str, *, record: bool = True, staff: str = "troth"
) -> tuple[Verdict, str]:
    """Judge one promise again, and record what its control said; return that event's id (empty where none is).

    Raises NotFoundError where no promise of that id is judged.
    """
    verdicts = verdict.judge(project.policy, gather(project))
    found = next((one for one in verdicts if one.promise == promise), None)
    if found is None:
        near = did_you_mean(promise, [one.promise for one in verdicts])
        raise NotFoundError(f"There is no promise {promise[:60]!r}. {near}".strip())
    if not record:
        return found, ""
    (event,) = append.append(project.ledger, [replace(_draft(found, project), actor=staff)])
    return found, event.id


def _draft(found: Verdict, project: Project) -> Draft:
    facts: dict[str, Fact] = {
        "promise": found.promise,
        "verdict": found.word,
        "figure": found.figure,
        "evidence": list(found.evidence[:EVIDENCE_MAX]),
    }
    stream = f"promise/{found.promise}"
    return Draft("control_ran", stream, facts, policy=project.policy.version or None, promise=found.promise)


class _Ended(msgspec.Struct, frozen=True):
    """How a letter that can end a request went out."""

    kind: str
    outcome: str


class _Letter(msgspec.Struct, frozen=True):
    id: str
    kind_version: int
    facts: _Ended
    request: str | None = None


class _Act(msgspec.Struct, frozen=True):
    id: str
    kind_version: int
    request: str | None = None


class _Said(msgspec.Struct, frozen=True):
    """What a first message presented, and what it lacked."""

    purpose: str
    presented: tuple[str, ...] | None = None
    lacks: tuple[str, ...] | None = None


class _Message(msgspec.Struct, frozen=True):
    id: str
    at: datetime
    kind_version: int
    facts: _Said
    subject: str | None = None


def _unswept(project: Project) -> dict[str, str]:
    """Say of each store that a retention promise is bound to and that cannot be swept, why not."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(one.store for one in sweep.bound(project.policy, project.maps)):
        with suppress(TrothError):  # what cannot be opened is told by what asks it for rows
            found[name] = unswept(project, name)
    return found


def _sweeps(project: Project) -> dict[str, tuple[str, ...]]:
    """Return the ids of the events of each sweep."""
    found: dict[str, list[str]] = defaultdict(list)
    for event in read.events(project.ledger, kind="sweep_moved"):
        if event.stream.startswith(f"{sweep.FAMILY}/") and event.facts["state"] not in ("begun", "acting"):
            found[event.stream.partition("/")[2]].append(event.id)
    return {name: tuple(ids) for name, ids in found.items()}


def _sent(
    project: Project, first_no: Mapping[str, datetime]
) -> tuple[FirstMessages, list[tuple[str, str, str]]]:
    """Count the first messages, and name those that went out against a no of that moment.

    Only who had said no by then is looked at closely.
    """
    sent = FirstMessages()

    def doubted() -> Iterator[Event]:
        for told in read.told(project.ledger, "first_communication_sent", _Message):
            said = told.facts
            sent.take(told.id, said.purpose, said.presented or (), said.lacks or ())
            no = first_no.get(told.subject) if told.subject is not None else None
            if no is not None and no <= told.at:
                yield read.event(project.ledger, told.id)

    despite = [
        (event.id, str(event.facts["purpose"]), said)
        for event, _, said in read_sent(project, doubted(), said_no=first_no)
        if said
    ]
    return sent, despite


def _disclosures(project: Project) -> tuple[list[tuple[str, str, tuple[str, ...]]], frozenset[str]]:
    """Return each disclosure (its event, its recipient, the codes of what it lacked), and which were imported."""
    made, imported = [], set()
    for event in read.told(project.ledger, "disclosure_made"):
        made.append((event.id, str(event.facts["recipient"]), tuple(event.facts.get("lacks") or ())))
        if event.facts.get("imported"):
            imported.add(event.id)
    return made, frozenset(imported)


def gather(project: Project) -> Facts:
    """Collect what the controls look at."""
    letters: dict[str, list[str]] = defaultdict(list)
    acts: dict[str, list[str]] = defaultdict(list)
    for kind in _ACTS:
        for act in read.told(project.ledger, kind, _Act):
            acts[act.request or ""].append(act.id)
    for letter in read.told(project.ledger, "letter_sent", _Letter):
        if letter.facts.kind in {"done", "refusal"} and letter.facts.outcome == "sent":
            letters[letter.request or ""].append(letter.id)
    published = read.stream(project.ledger, STREAM)
    last = _in_force(project, published)
    first_no: dict[str, datetime] = {}
    answers = read.told(project.ledger, "consent_recorded", control_consent.Said)
    consents = control_consent.counted(answers, first_no)
    for objection in read.told(project.ledger, "objection_recorded", control_consent.Objected):
        control_consent.note(first_no, objection)
    sent, despite = _sent(project, first_no)
    requests = [dict(state.body) for state in read.states(project.ledger, "request")]
    disclosures, imported = _disclosures(project)
    return Facts(
        today=day_here(project),
        imported=imported,
        entries_imported=imported_entries(project),
        consents=consents,
        refusals=declare_refusals.known(project),
        first=sent,
        sent_despite=despite,
        requests=requests,
        letters={number: tuple(ids) for number, ids in letters.items()},
        acts={number: tuple(ids) for number, ids in acts.items()},
        maps=project.maps,
        published=last.facts if last else None,
        published_event=last.id if last else None,
        disclosures=disclosures,
        incidents=[
            {
                **one,
                "late": incident_rules.is_late(
                    one, end.due if (end := incident.hours(project, one)) else None, project.clock()
                ),
            }
            for one in incident.every(project)
        ],
        noticed=_noticed(project),
        channels=review_channel.reviews(project),
        sweeps={
            found.stream.partition("/")[2]: found.body for found in read.states(project.ledger, sweep.FAMILY)
        },
        sweep_events=_sweeps(project),
        unswept=_unswept(project),
        adopted={entity: tuple(found) for entity, found in adopted(project).items()},
        files_wrong=dict(files_wrong(project, project.policy)),
        scans=_scans(project),
        own_site=project.settings.site is not None,
        tellings=_tellings(project),
        overlooked=[
            (one.id, one.at.date().isoformat())
            for one in tell_of_choices.overlooked(project, project.clock() - OVERLOOKED_AFTER)
        ],
        announced=tuple(announce_change.announced(project)),
        promised=_promised(project, requests),
        hashes={language: sha256(project.policy, language) for language in project.policy.documents},
    )


def _noticed(project: Project) -> dict[str, Noticed]:
    """Count those whose data others gave us, by source."""
    found: dict[str, Noticed] = defaultdict(Noticed)
    today = day_here(project)
    for one in read.each_state(project.ledger, inform.FAMILY, other_than="shown"):
        if one.body["indirect"]:
            found[str(one.body["source"])].take(one.stream.partition("/")[2], one.body, today)
    return dict(found)


def _tellings(project: Project) -> Tellings:
    """Count what became of the recipients of choices, each once also where it moves meanwhile."""
    found = Tellings()
    for one in read.each_state(project.ledger, telling.FAMILY):
        found.take(one.stream.partition("/")[2], one.body)
    return found


def _promised(project: Project, requests: Sequence[Mapping[str, Any]]) -> dict[str, date]:
    """Return by when an answer was promised sooner than the law asks: by the version in force on the day of receipt."""
    within = [
        (one.from_.isoformat(), known[0].answer.within if known[0].answer else None)
        for one in versions(project)
        if (known := _text_of(project, one.version)) is not None
    ] or [("", project.policy.answer.within if project.policy.answer else None)]
    found = {}
    for one in requests:
        received = str(one["received"])
        mine = next((each for from_, each in reversed(within) if from_ <= received), within[0][1])
        by = policy_change.promised_by(one, mine)
        if by is not None:
            found[str(one["id"])] = by
    return found


def _text_of(project: Project, version: str) -> tuple[Policy, Event] | None:
    """Return a version as published; None where its text was not kept."""
    try:
        return as_published(project, version)
    except NotFoundError:
        return None


def _in_force(project: Project, published: Sequence[Event]) -> Event | None:
    """Return the event of the version that is judged: the last one published, or the one before what is coming."""
    events = [event for event in published if event.kind == "policy_published"]
    mine = [event for event in events if event.facts["version"] == project.policy.version]
    coming = project.policy is not project.written
    return next(iter(reversed(mine if coming else events)), None)


def _scans(project: Project) -> list[Scanned]:
    """Return the last scan of each site, with what its evidence names."""
    found = []
    zone = establishment(project).time_zone
    for site, event in record_scan.last_scans(project).items():
        report = record_scan.evidence_of(project, event)
        told = event.facts["verdicts"]
        assert isinstance(told, Mapping)
        verdicts = {str(name): int(str(number)) for name, number in told.items()}
        names = [(one["verdict"], one["name"]) for one in report["findings"]] if report is not None else []
        on, table = clock.receipt_day(event.at, zone), str(event.facts["table_sha256"])
        complete = bool(event.facts.get("complete"))
        found.append(Scanned(event.id, site, on, table, verdicts, complete, tuple(names)))
    return found
