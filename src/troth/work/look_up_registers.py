"""Look up what is asked about the policy, its registers, its controls and what its sites store.

Law: GDPR Arts. 5(2), 24(1), 28, 30, 31, 44 to 49.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from troth.errors import NotFoundError, TamperedError
from troth.ledger import vault
from troth.policy.check import check
from troth.policy.loading import load
from troth.rules import promise_trend, scan_words
from troth.rules import question_register as questions
from troth.rules.question import Answer
from troth.rules.register import Name, Source
from troth.rules.scan import VERDICTS
from troth.work import adopt_policy, draw_register, record_scan
from troth.work.look_up import Look
from troth.work.policy_as_of import Version, versions


def processing(look: Look) -> Answer:
    """The register of processing, or what changed in it since a day."""
    return _register(look, "processing", entity=look.asked.entity)


def transfers(look: Look) -> Answer:
    """The register of transfers, with what does not hold."""
    return _register(look, "transfers", entity=look.asked.entity)


def processors(look: Look) -> Answer:
    """The register of processors, with what their contracts do not cover."""
    return _register(look, "processors", entity=look.asked.entity)


def _register(look: Look, name: Name, entity: str = "") -> Answer:
    asked = look.asked
    found, first = look.source_or_none(), next(iter(versions(look.project, look.past)), None)
    if found is None or (asked.since is not None and (first is None or first.from_ > asked.day)):
        return Answer((), 0)  # nothing was in force to compare with
    drawn = draw_register.draw(look.project, name, asked.language, entity, look.then, look.past)
    if asked.since is None or first is None:
        answer = questions.register(drawn.register)
    else:
        since = max(asked.since, first.from_)
        changed = draw_register.changes(
            look.project, name, since, look.then, asked.language, entity, look.past
        )
        answer = questions.changes(changed, len(drawn.register.lines), asked)
        if since != asked.since:
            said = asked.say("first_version", first=since, since=asked.since)
            answer = replace(answer, notes=(*answer.notes, said))
    return replace(answer, notes=(*answer.notes, found[1]))


def activities_lacking(look: Look) -> Answer:
    """Which activities lack a basis, a retention or a review."""
    found = look.source_or_none()
    if found is None:
        return Answer((), 0)
    return replace(questions.activities_lacking(found[0], look.asked), notes=(found[1],))


def policy(look: Look) -> Answer:
    """Which version was in force, by company and language, and what the check finds in its text as it was kept."""
    group = look.project.policy.group
    entities = [str(one.key) for one in group.entities] if group else []
    return questions.policy(_versions(look), entities, look.asked)


def _versions(look: Look) -> Iterator[questions.Version]:
    adopted = adopt_policy.adopted(look.project, look.past)
    for one in versions(look.project, look.past):
        changed = one.published.facts.get("promises_changed")
        yield questions.Version(
            one.version,
            one.from_,
            one.until,
            dict(one.languages),
            len(changed) if isinstance(changed, list | tuple) else 0,
            {entity: days[one.version] for entity, days in adopted.items() if one.version in days},
            _findings(look, one),
        )


def _findings(look: Look, one: Version) -> dict[str, tuple[int, int]]:
    """Count the errors and warnings of the check in each language; nothing where the text was not kept."""
    try:
        texts = dict(vault.payload(look.past.ledger, one.published).get("files") or {})
    except (NotFoundError, TamperedError):
        return {}
    found, _ = load(texts)
    if found is None:
        return {}
    counted = {}
    for language, document in found.documents.items():
        findings = check(document.text, document.file, today=look.asked.day, policy=found)
        severities = [each.severity for each in findings]
        counted[language] = (severities.count("error"), severities.count("warn"))
    return counted


def controls(look: Look) -> Answer:
    """Which control checks each promise, and what it last said."""
    source = Source(*look.held(), look.asked.day, look.asked.language)
    return questions.controls(source, {
        str(state["promise"]): state for state in look.past.states(promise_trend.FAMILY).values()
    }, look.asked)  # fmt: skip


def authority_letters(look: Look) -> Answer:
    """Which letters of authorities and complaints there are."""
    found = look.source_or_none()
    if found is None:
        return Answer((), 0)
    return questions.authority_letters(found[0], look.requests(), look.asked)


def trackers(look: Look) -> Answer:
    """What the last scan of each site found."""
    scans = sorted(look.past.events("site_scanned"), key=lambda one: one.at)
    reports = {event.id: record_scan.evidence_of(look.project, event) for event in scans}
    titles: dict[str, str] = {verdict: scan_words.title(verdict, look.asked.language) for verdict in VERDICTS}
    return questions.trackers(scans, reports, titles, look.asked)
