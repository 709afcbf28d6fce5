"""The verdict on a promise: kept, broken or unproven, with the figure that says so.

*Unproven* is what is said where no control has run, or had nothing to look at; silence is
never taken for a kept promise.

Law: GDPR Art. 5(2), accountability.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from troth.law.period import Period
from troth.policy.policy import Policy
from troth.policy.promise import (
    Cookies,
    Group,
    Promise,
    Purpose,
    Recipient,
    RetentionRule,
    Security,
    Transfer,
)
from troth.policy.register import Activity, RegisterDocument
from troth.rules import (
    announcement,
    control,
    control_collection,
    control_consent,
    control_evidence,
    control_retention,
    incident,
    request,
    scan_verdict,
)
from troth.rules import control_register as registered
from troth.rules import remedy as remedies
from troth.rules.announcement import Announced
from troth.rules.claim import AT_ONCE, WAYS
from troth.rules.control_evidence import Evidence
from troth.rules.map import Map
from troth.rules.register import Source
from troth.rules.safeguard import standing
from troth.rules.scan import BREAKS_NOTHING, VERDICTS
from troth.rules.scan_verdict import Scanned
from troth.rules.telling import Tellings, untold

Word = Literal["kept", "broken", "unproven"]
# CNIL, délibération 2020-091 Art. 5 and the page of 4 July 2025: for audience measurement, trackers live
# 13 months at most and what they collect stays 25 months at most.
CHOSEN = frozenset({"object", "object_marketing", "withdraw"})
"""Choices of which recipients are told who hold the data for what they stop (Case C-129/21)."""
TOLD_OF = frozenset({"erase", "rectify", "complete", "restrict"}) | CHOSEN
"""The rights after which recipients are told (GDPR Art. 19, Arts. 5(2) and 28(3)(e))."""
TRACKER_MAX = Period(13, "months")
AUDIENCE_DATA_MAX = Period(25, "months")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one promise; `evidence` are ids of events, `broken_by` places and numbers.

    `looked_at` says what the verdict is about; `remedy` is the command that mends what is not kept.
    """

    promise: str
    clause: str
    word: Word
    figure: str
    evidence: tuple[str, ...] = ()
    broken_by: tuple[str, ...] = ()
    looked_at: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the controls look at: the states of requests, the maps, what was published."""

    today: date
    requests: Sequence[Mapping[str, Any]]
    letters: Mapping[str, tuple[str, ...]]  # request number -> ids of the events that ended it
    acts: Mapping[str, tuple[str, ...]]  # request number -> ids of the events that carried it out
    maps: Mapping[str, Map]
    published: Mapping[str, Any] | None
    published_event: str | None
    hashes: Mapping[str, str] = field(default_factory=dict)
    disclosures: Sequence[
        tuple[str, str, tuple[str, ...]]
    ] = ()  # event id, recipient, codes of what it lacked
    incidents: Sequence[
        Mapping[str, Any]
    ] = ()  # each with `late`: the authority was told too late, or not yet
    scans: Sequence[Scanned] = ()  # the last of each site
    own_site: bool = False  # whether the project serves a site of its own
    noticed: Mapping[str, control_collection.Noticed] = field(default_factory=dict)  # by source
    channels: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # reviews by channel
    first: control_collection.FirstMessages = field(default_factory=control_collection.FirstMessages)
    sweeps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # states by the name of the sweep
    unswept: Mapping[str, str] = field(
        default_factory=dict
    )  # why, by the name of the store that cannot be swept
    sweep_events: Mapping[str, Sequence[str]] = field(default_factory=dict)  # ids by the name of the sweep
    adopted: Mapping[str, Sequence[str]] = field(default_factory=dict)  # company -> versions it adopted
    files_wrong: Mapping[str, Literal["missing", "differs"]] = field(default_factory=dict)
    consents: Mapping[str, control_consent.Counted] = field(default_factory=dict)  # by purpose
    refusals: Collection[tuple[str, str]] = ()  # (company, channel) whose refusals of old are known
    imported: Collection[str] = ()  # ids of disclosures that were taken over from elsewhere
    entries_imported: Mapping[str, date] = field(default_factory=dict)  # entries of the register, by name
    sent_despite: Sequence[tuple[str, str, str]] = ()  # event id, purpose, code of the no that stood
    tellings: Tellings = field(default_factory=Tellings)  # of choices without a request
    overlooked: Sequence[tuple[str, str]] = ()  # choice, day: nobody looked yet whom to tell
    announced: Sequence[Announced] = ()  # how each version that holds or is coming was announced
    promised: Mapping[str, date] = field(
        default_factory=dict
    )  # request -> day of a promise sooner than the law


_SHOWN_BY: Mapping[str, frozenset[str]] = {
    "table": frozenset(VERDICTS) - BREAKS_NOTHING,
    "lifetime_max": frozenset({"longer_than_declared", "longer_than_ceiling"}),
    "before_consent": frozenset({"before_consent", "tracker_request"}),
    "asked_by": frozenset({"survives_refusal"}),
    "choice_kept": frozenset({"survives_refusal"}),
    "withdraw_by": frozenset({"survives_withdrawal"}),
}
"""Which verdicts of a scan break which field of `cookies`."""


def judge(policy: Policy, facts: Facts) -> tuple[Verdict, ...]:
    """Give the verdict on every promise: of the document in its order, then of the register."""
    return tuple(
        _whole(promise, _judge(promise, policy, facts), policy, facts) for promise in policy.promises.values()
    )


def _whole(promise: Promise, found: Verdict, policy: Policy, facts: Facts) -> Verdict:
    """Return a verdict with what was looked at, and with the command that mends what is not kept."""
    evidence = control_evidence.beside(promise, _source(policy, facts))
    found = _with_evidence(found, evidence)
    return replace(
        found,
        looked_at=remedies.looked_at(promise, policy, facts),
        remedy=remedies.remedy(promise, found, policy, facts, evidence),
    )


def _with_evidence(found: Verdict, evidence: Evidence) -> Verdict:
    """Return a verdict that the documents of the register bear out, or do not."""
    if evidence.wrong:
        figure = found.figure if found.word == "broken" else evidence.wrong[0]
        return replace(found, word="broken", figure=figure, broken_by=(*found.broken_by, *evidence.wrong))
    if not evidence.doubts or found.word == "broken":
        return found
    figure = f"{found.figure}; {evidence.doubts[0]}" if found.word == "kept" else found.figure
    return replace(found, word="unproven", figure=figure, broken_by=(*found.broken_by, *evidence.doubts))


def _source(policy: Policy, facts: Facts) -> Source:
    return Source(policy, facts.maps, facts.today, files_wrong=facts.files_wrong)


def _judge(promise: Promise, policy: Policy, facts: Facts) -> Verdict:
    match promise.kind:
        case "answer":
            return _answer(promise, facts)
        case "right" if promise.name in WAYS:
            return _right(promise, facts)
        case "notify_recipients":
            return _recipients_told(promise, policy, facts)
        case "collection":
            return _said(promise, *control_collection.judge(promise, policy, facts))
        case "consent":
            return _said(promise, *control_consent.judge(promise, facts))
        case "purpose" if control_consent.watched(promise):
            return _said(promise, *control_consent.about_purpose(promise, policy, facts))
        case "first_communication":
            return _said(promise, *control_collection.judge_first(promise, facts))
        case "cookies":
            return _cookies(promise, policy, facts)
        case "group" if "entities" not in promise.said:
            return _published(promise, facts)  # who is reached how is kept by being told
        case "right":
            return _published(promise, facts)  # what nobody asks us for is kept by being told
        case "retention":
            return _retained(promise, policy, facts)
        case "transfer" | "group" | "activity" | "document" | "purpose":
            return _said(promise, *_registered(promise, policy, facts))
        case "recipient":
            return _safeguarded(promise, policy, facts)
        case "security":
            return _security(promise, policy, facts)
        case "change":
            return _announced(promise, facts)
        case _:
            raise TypeError(promise.kind)


_WORST_LAST: tuple[Word, ...] = ("kept", "unproven", "broken")


def _said(
    promise: Promise, word: Word, figure: str, evidence: Iterable[str] = (), broken_by: Iterable[str] = ()
) -> Verdict:
    return Verdict(promise.id, promise.clause, word, figure, tuple(evidence), tuple(broken_by))


def counted(number: int, one: str, many: str) -> str:
    """Say a number with its noun.

    >>> counted(1, "copy", "copies"), counted(2, "copy", "copies")
    ('1 copy', '2 copies')
    """
    return f"{number} {one if number == 1 else many}"


def _answer(promise: Promise, facts: Facts) -> Verdict:
    claimed = sum(request.is_claimed(one) for one in facts.requests)
    ended = [one for one in facts.requests if one.get("answered_on") and not request.is_claimed(one)]
    due = {one["id"]: _due(one, facts) for one in facts.requests}
    late = [
        f"request {one['id']}: due {due[one['id']]}, answered {one['answered_on']}"
        for one in ended
        if due[one["id"]] and one["answered_on"] > due[one["id"]]
    ]
    overdue = [
        f"request {one['id']}: due {due[one['id']]}, not answered"
        for one in facts.requests
        if request.is_open(one) and due[one["id"]] and facts.today.isoformat() > due[one["id"]]
    ]
    evidence = [event for one in ended for event in facts.letters.get(one["id"], ())]
    waiting = sum(request.is_open(one) for one in facts.requests)
    figure = (
        f"{len(ended) - len(late)} of {len(ended)} answered in time; {waiting} open, {len(overdue)} overdue"
    )
    figure += _elsewhere(claimed)
    if late or overdue:
        return _said(promise, "broken", figure, evidence, [*late, *overdue])
    return _said(promise, "kept" if ended else "unproven", figure, evidence)


def _due(one: Mapping[str, Any], facts: Facts) -> str:
    """Return the day by which an answer was owed: the law's, or the policy's of that day where it was sooner."""
    legal, promised = str(one["legal_due"] or ""), facts.promised.get(one["id"])
    return min(filter(None, (legal, promised.isoformat() if promised else "")), default="")


def _elsewhere(number: int) -> str:
    """Say how many ended elsewhere before they were imported: no seal vouches for them, so they prove nothing."""
    if not number:
        return ""
    said = (
        "1 ended before it was imported and is"
        if number == 1
        else f"{number} ended before they were imported and are"
    )
    return f"; {said} not counted"


def _right(promise: Promise, facts: Facts) -> Verdict:
    done = 0
    wrong: list[str] = []
    evidence: list[str] = []
    for one in facts.requests:
        for name, claim in one["claims"].items():
            if claim["right"] != promise.name or not claim["done"]:
                continue
            done += 1
            evidence.extend(facts.acts.get(one["id"]) or facts.letters.get(one["id"], ()))
            found = (*_wrong_with(claim), *_not_at_once(claim, one["received"]))
            wrong.extend(f"request {one['id']}, claim {name}: {what}" for what in found)
    what = f"{counted(done, 'claim', 'claims')} carried out"
    if WAYS[promise.name] == "copy":
        what = f"{counted(done, 'copy', 'copies')} given"
    elif promise.name == "erase":
        what = f"{counted(done, 'erasure', 'erasures')} carried out and verified"
    figure = what if done else "nothing was asked and carried out yet"
    if wrong:
        return _said(promise, "broken", f"{done} carried out, {len(wrong)} not as promised", evidence, wrong)
    return _said(promise, "kept" if done else "unproven", figure, evidence)


def _wrong_with(claim: Mapping[str, Any]) -> Iterator[str]:
    for store, told in claim["stores"].items():
        if told.get("verified"):
            yield f"{counted(told['verified'], 'row remains', 'rows remain')} in {store}"
    for store, hits in (claim["residue"] or {}).items():
        copies = sum(int(hit["rows"]) for hit in hits if hit["verdict"] == "copy")
        if copies and not claim["copies_accepted"]:
            yield f"{counted(copies, 'copy', 'copies')} left in {store}"


def _not_at_once(claim: Mapping[str, Any], received: str) -> Iterator[str]:
    """What the law has take effect on receipt (GDPR Art. 21(3), Art. 7(3)) may not wait for a decision."""
    if claim["right"] in AT_ONCE and claim["purposes"] and claim.get("decided_on", "") > received:
        yield f"received {received}, in effect {claim['decided_on']} only"


def _recipients_told(promise: Promise, policy: Policy, facts: Facts) -> Verdict:
    outcomes: list[str] = []
    pending: list[str] = []
    evidence: list[str] = []
    for one in facts.requests:
        for name, claim in one["claims"].items():
            if claim["right"] not in TOLD_OF or not (claim["done"] or claim["recipients"]):
                continue
            evidence.extend(facts.acts.get(one["id"], ()))
            outcomes += claim["recipients"].values()
            pending += untold(f"request {one['id']}, claim {name}", claim["recipients"])
    evidence += facts.tellings.last
    pending += facts.tellings.untold
    pending += [f"choice {choice}: nobody has looked yet whom to tell" for choice, _ in facts.overlooked]
    told, owed_none = (outcomes.count(one) + facts.tellings.outcomes[one] for one in ("told", "not_told"))
    if pending:
        waiting = len(pending) + facts.tellings.untold_besides
        pending += [f"and {facts.tellings.untold_besides} more"] if facts.tellings.untold_besides else []
        figure = f"{told} told, {waiting} still to be told"
        return _said(promise, "broken" if _late(policy, facts) else "unproven", figure, evidence, pending)
    besides = f", {owed_none} need not be" if owed_none else ""
    recipients = counted(told, "recipient", "recipients")
    figure = f"{recipients} told of what was erased, rectified, restricted or objected to{besides}"
    return _said(promise, "kept" if told else "unproven", figure, evidence)


def _late(policy: Policy, facts: Facts) -> bool:
    """Say whether what recipients are still to be told of is older than the time within which they are told."""
    within = policy.notify_recipients.within if policy.notify_recipients else None
    days = [
        told["on"]
        for one in facts.requests
        for claim in one["claims"].values()
        for told in claim["stores"].values()
        if told.get("on")
    ]
    days += [
        claim["decided_on"]
        for one in facts.requests
        for claim in one["claims"].values()
        if claim["right"] in CHOSEN and claim.get("decided_on") and [*untold("", claim["recipients"])]
    ]
    days += [facts.tellings.oldest] if facts.tellings.oldest else []
    days += [day for _, day in facts.overlooked]
    return within is not None and any(within.after(date.fromisoformat(day)) < facts.today for day in days)


def _cookies(promise: Promise, policy: Policy, facts: Facts) -> Verdict:
    """Judge the part of the promise that this clause says: the policy's own limit, the table, what scans saw."""
    assert isinstance(promise, Cookies)
    wrong = [] if promise.said.isdisjoint({"table", "lifetime_max"}) else list(_over_own_limit(promise))
    if "table" in promise.said:
        wrong += _over_ceiling(promise)
    figure = ""
    if wrong:
        figure = f"{len(wrong)} of {len(promise.table)} declarations break a limit"
    elif "table" in promise.said:
        figure = f"{counted(len(promise.table), 'cookie', 'cookies')} declared within limits"
    shown = frozenset().union(*(_SHOWN_BY[name] for name in promise.said if name in _SHOWN_BY))
    if not shown:
        if wrong:
            return _said(promise, "broken", figure, (), wrong)
        return _published(promise, facts)  # how consent is asked and withdrawn is what the served banner does
    seen = scan_verdict.seen(policy, facts.scans, shown, facts.today)
    figure = "; ".join(filter(None, (figure, seen.figure)))
    broken = [*wrong, *seen.broken_by]
    return _said(promise, "broken" if broken else seen.word, figure, seen.evidence, broken)


def _over_own_limit(promise: Cookies) -> Iterator[str]:
    limit = promise.lifetime_max
    for cookie in promise.table:
        if isinstance(cookie.lifetime, Period) and limit and cookie.lifetime.days()[0] > limit.days()[1]:
            yield f"{cookie.name}: declared for {cookie.lifetime}, and the policy's own limit is {limit}"


def _over_ceiling(promise: Cookies) -> Iterator[str]:
    for cookie in promise.table:
        if cookie.category != "analytics":
            continue
        life, kept = cookie.lifetime, cookie.data_kept
        if isinstance(life, Period) and life.days()[0] > TRACKER_MAX.days()[1]:
            yield f"{cookie.name}: declared for {life}, more than {TRACKER_MAX} (CNIL 2020-091 Art. 5)"
        if kept and kept.days()[0] > AUDIENCE_DATA_MAX.days()[1]:
            limit = f"{AUDIENCE_DATA_MAX} (CNIL 2020-091 Art. 5)"
            yield f"{cookie.name}: what it collects stays {kept}, more than {limit}"


def _retained(promise: Promise, policy: Policy, facts: Facts) -> Verdict:
    assert isinstance(promise, RetentionRule)
    judged = control_retention.judge(
        promise, policy, facts.maps, facts.sweeps, facts.sweep_events, facts.today, facts.unswept
    )
    return _said(promise, *judged)


def _registered(
    promise: Promise, policy: Policy, facts: Facts
) -> tuple[Word, str, tuple[str, ...], tuple[str, ...]]:
    """Judge what a register shows."""
    source = _source(policy, facts)
    match promise:
        case Transfer():
            word, figure, wrong = registered.transfer(promise, source)
        case Group():
            version = str(facts.published["version"]) if facts.published else ""
            word, figure, wrong = registered.group(promise, version, facts.adopted)
        case Purpose():
            word, figure, wrong = registered.purpose(promise, source)
        case Activity():
            word, figure, wrong = registered.activity(promise, source)
        case RegisterDocument():
            word, figure, wrong = registered.document(promise, source)
        case _:
            raise TypeError(promise.kind)
    since = facts.entries_imported.get(f"{promise.kind}/{promise.name}")
    return word, f"{figure}; imported on {since}, and not proven before" if since else figure, (), wrong


def _security(promise: Promise, policy: Policy, facts: Facts) -> Verdict:
    """Judge what is said of breaches, and what is said of measures or passwords: the worst word of them counts."""
    assert isinstance(promise, Security)
    found = {one: _part_of_security(one.name, promise, policy, facts) for one in control.of(promise)}
    worst = max(found, key=lambda one: _WORST_LAST.index(found[one].word))
    return replace(
        found[worst],
        figure="; ".join(one.figure for one in found.values()),
        broken_by=tuple(by for one in found.values() for by in one.broken_by),
        remedy=worst.command,
    )


def _part_of_security(name: str, promise: Security, policy: Policy, facts: Facts) -> Verdict:
    match name:
        case "security-breach":
            return _breaches(promise, facts)
        case "security-measures":
            word, figure, wrong = registered.measures(promise, _source(policy, facts))
        case "security-credentials":
            word, figure, wrong = registered.credentials(_source(policy, facts))
        case _:
            return _published(promise, facts)  # whom people tell of a leak is kept by being told
    return _said(promise, word, figure, (), wrong)


def _breaches(promise: Security, facts: Facts) -> Verdict:
    """Judge what was promised to follow a breach; whether measures hold, no register of incidents can say."""
    assert promise.breach is not None
    every = [one for one in facts.incidents if one["aware_at"]]
    breaches = [one for one in every if not incident.is_claimed(one)]
    elsewhere = _elsewhere(len(every) - len(breaches))
    wrong = [f"{one['number']}: the authority was not told in time" for one in breaches if one["late"]]
    wrong += [
        f"{one['number']}: the risk is high, it is closed, and nobody it is about was told"
        for one in breaches
        if promise.breach.subjects_when_high_risk
        and (one["risk"], one["status"]) == ("high", "closed")
        and not one["people_told"]
        and not one["exempt"]
    ]
    if wrong:
        return _said(
            promise,
            "broken",
            f"{counted(len(wrong), 'breach', 'breaches')} handled wrongly{elsewhere}",
            (),
            wrong,
        )
    if not breaches:
        return _said(promise, "unproven", f"no breach is on record: nothing was to be told{elsewhere}")
    running = [one for one in breaches if one["risk"] != "unlikely" and not one["authority"]]
    if running:
        said = counted(len(running), "breach", "breaches")
        figure = f"{said} of which the authority is not told yet, in time{elsewhere}"
        return _said(promise, "unproven", figure)
    untold = [
        f"{one['number']}: the risk is high, and nobody it is about was told yet"
        for one in breaches
        if promise.breach.subjects_when_high_risk
        and one["risk"] == "high"
        and not one["people_told"]
        and not one["exempt"]
    ]
    if untold:
        said = counted(len(untold), "breach", "breaches")
        return _said(
            promise, "unproven", f"{said} of which people are still to be told{elsewhere}", (), untold
        )
    return _said(
        promise,
        "kept",
        f"{counted(len(breaches), 'breach', 'breaches')} told in time, or not to be told{elsewhere}",
    )


def _safeguarded(promise: Promise, policy: Policy, facts: Facts) -> Verdict:
    """A recipient outside the EEA must have a transfer whose safeguard holds."""
    assert isinstance(promise, Recipient)
    wrong: list[str] = []
    for name in promise.transfers:
        found = policy.transfers.get(name)
        if found is not None:
            wrong.extend(standing(found, policy, facts.today).broken)
    if wrong:
        return _said(promise, "broken", "a transfer to it has no safeguard", (), wrong)
    made = [(event, lacks) for event, to, lacks in facts.disclosures if to == promise.key]
    lacking = [f"disclosure {event}: it lacked {', '.join(lacks)}" for event, lacks in made if lacks]
    if promise.key == next(iter(policy.recipients), None):  # whoever is in no list is told with its first
        lacking += [
            f"disclosure {event}: it went to somebody the policy does not name"
            for event, to, _ in facts.disclosures
            if to not in policy.recipients
        ]
    evidence = [event for event, _ in made if event not in facts.imported]
    claimed = len(made) - len(evidence)
    imported = f", of which {claimed} imported and not proven" if claimed else ""
    figure = f"{counted(len(made), 'disclosure', 'disclosures')} recorded{imported}"
    if lacking:
        return _said(promise, "broken", f"{figure}, {len(lacking)} not as promised", evidence, lacking)
    if not made:
        return _said(promise, "unproven", "no disclosure was recorded yet")
    if not evidence:
        return _said(promise, "unproven", figure)
    return _said(promise, "kept", f"{figure}, each with what it needs", evidence)


def _published(promise: Promise, facts: Facts) -> Verdict:
    if facts.published is None:
        return _said(promise, "unproven", "this policy was never published")
    known = dict(facts.published["sha256"])
    differing = sorted(language for language, digest in facts.hashes.items() if known.get(language) != digest)
    evidence = [facts.published_event] if facts.published_event else []
    if differing:
        wrong = [f"the text in {language} is not the one published" for language in differing]
        return _said(promise, "unproven", "the policy was changed since it was published", evidence, wrong)
    figure = f"version {facts.published['version']} is in force in {len(known)} languages"
    return _said(promise, "kept", figure, evidence)


def _announced(promise: Promise, facts: Facts) -> Verdict:
    """Judge that the text is the one published, and that each change was announced as promised before it."""
    published = _published(promise, facts)
    if not facts.announced:
        return published
    word, figure, evidence, wrong = announcement.judge(facts.announced, facts.today)
    if word == "broken" or (word == "unproven" and published.word == "kept"):
        return _said(promise, word, figure, (*published.evidence, *evidence), wrong)
    figure = f"{published.figure}; {figure}"
    return _said(promise, published.word, figure, (*published.evidence, *evidence), published.broken_by)


def exit_code(verdicts: Iterable[Verdict], *, strict: bool) -> int:
    """Return 1 when a promise is broken, or unproven where that counts too; else 0."""
    words = {verdict.word for verdict in verdicts}
    return 1 if "broken" in words or (strict and "unproven" in words) else 0
