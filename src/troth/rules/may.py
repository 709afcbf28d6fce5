"""What may be done with somebody: yes or no, and why.

One pass over what bears on it: the purpose and its companies, erasure, restriction,
retention, objection, suppression, then the legal basis with its consent.  The first thing
that forbids is the reason; an answer names the clause, the event and the day it stands on.

What is said of a broader purpose holds below it where it is a no.  A yes to a broader one is
a yes to a narrower one only if the narrower was part of it when the yes was given.

Law: GDPR Arts. 6, 7, 8, 17, 18(2), 21; Directive 2002/58/EC Art. 13.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from troth.law.period import Period
from troth.law.prospecting import Addressee, prospecting
from troth.policy.doubt import closed_in_doubt
from troth.policy.policy import Policy
from troth.policy.promise import LegalBasis, Purpose
from troth.policy.shape import Text
from troth.rules import consent, purpose_scope
from troth.rules.consent import EVERY, Consent, Standing, Topic
from troth.rules.purpose_scope import Scope

FREE_OF_RESTRICTION = frozenset({"legal_obligation", "vital_interests", "public_task"})
"""Legal bases on which data may be used although it is restricted: rights of others, public interest (Art. 18(2))."""
FREE_OF_ERASURE = frozenset({"legal_obligation"})
"""What a legal duty retains stays in use for that duty (Art. 17(3)(b))."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: for which purpose, by which company and channel, towards whom, on which day.

    Without a channel, every channel of the purpose is meant.  `other_basis` says that the subject
    is among those for whom the policy names another basis; `since` gives, by retention promise, the
    day from which its period runs for this subject.
    """

    purpose: str
    entity: str
    on: date
    channel: str | None = None
    addressee: Addressee = "consumer"
    country: str = ""
    other_basis: bool = False
    since: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known whoever is asked about: the policy, the scopes once consented to, refusal lists."""

    policy: Policy
    scopes: Mapping[str, Scope]
    refusals: Collection[tuple[str, str]]  # (company, channel) whose refusals were imported or do not exist


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a code, the clause and promise it stands on, the event and the moment, and what fills its sentence."""

    code: str
    clause: str = ""
    promise: str = ""
    law: str = ""
    event: str | None = None
    at: str | None = None
    told: Mapping[str, Text | date | str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Yes:
    """It may be done."""

    reason: Reason
    allowed: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class No:
    """It may not be done."""

    reason: Reason
    allowed: bool = field(default=False, init=False)


Answer: TypeAlias = Yes | No


def may(known: Known, standing: Standing, asked: Question, *, suppressed: str | None = None) -> Answer:
    """Answer a question about a subject who stands so.

    `suppressed` is the moment since when an address is suppressed for this, if one was given and is.
    """
    purpose = known.policy.purposes.get(asked.purpose)
    if purpose is None:
        return No(Reason("unknown_purpose", told={"name": asked.purpose}))
    if purpose.entities and asked.entity not in purpose.entities:
        return _no("other_entity", purpose, entity=asked.entity)
    if asked.channel and purpose.channels and asked.channel not in purpose.channels:
        return _no("unknown_channel", purpose, channel=asked.channel)
    stopped = _stopped(standing, purpose, asked) or _retained(known.policy, purpose, asked)
    if stopped is not None:
        return stopped
    channels: tuple[str | None, ...] = (
        (asked.channel,) if asked.channel else purpose_scope.channels(known.policy, asked.purpose) or (None,)
    )
    answers = [_by(known, standing, purpose, asked, channel, suppressed) for channel in channels]
    return next((one for one in answers if not one.allowed), answers[-1])


def in_doubt(policy: Policy, name: str, seconds: int) -> Answer:
    """Answer while the ledger was not read for too long: no, unless the policy lets the purpose go on in doubt.

    Consent, marketing and profiling never do, nor does what goes to others for their own ends.
    """
    purpose = policy.purposes.get(name)
    if purpose is None:
        return No(Reason("unknown_purpose", told={"name": name}))
    told = {"seconds": str(seconds)}
    if purpose.on_doubt == "allow" and closed_in_doubt(policy, name) is None:
        return Yes(Reason("in_doubt", purpose.clause, purpose.id, told=told))
    return No(Reason("stale", purpose.clause, purpose.id, told=told))


def _stopped(standing: Standing, purpose: Purpose, asked: Question) -> No | None:
    """An erasure or a restriction stops whatever no law demands."""
    if standing.erased_on and purpose.legal_basis not in FREE_OF_ERASURE:
        back = any(
            one.said == "given" and one.at[:10] > standing.erased_on for one in standing.consents.values()
        )
        if not back:
            return _no("erased", purpose, at=standing.erased_on, on=standing.erased_on)
    for one in standing.restrictions:
        if one.purposes and asked.purpose not in one.purposes:
            continue
        if one.purposes or purpose.legal_basis not in FREE_OF_RESTRICTION:
            return _no(
                "restricted", purpose, event=one.name, at=one.on, on=one.on, ground=f"ground_{one.ground}"
            )
    return None


def _retained(policy: Policy, purpose: Purpose, asked: Question) -> No | None:
    """Say no where every retention promise of the purpose whose beginning is known has run out."""
    given = dict(asked.since)
    ends = []
    for name in purpose.retention:
        rule = policy.retention.get(name)
        if rule is not None and name in given and isinstance(rule.period, Period):
            ends.append((rule.period.after(given[name]), rule))
    if not ends or len(ends) < sum(name in given for name in purpose.retention):
        return None
    until, rule = max(ends, key=lambda end: end[0])
    if asked.on < until:
        return None
    reason = Reason(
        "retention_over", rule.clause, rule.id, "GDPR Art. 5(1)(e)", told={"until": until, "promise": rule.id}
    )
    return No(reason)


def not_judged(policy: Policy, asked: Question) -> tuple[str, ...]:
    """Return the retention promises of a purpose of which nobody said from which day their period runs."""
    purpose = policy.purposes.get(asked.purpose)
    given = dict(asked.since)
    return tuple(
        str(name)
        for name in (purpose.retention if purpose else ())
        if name not in given and name in policy.retention and policy.retention[name].period is not None
    )


def _by(
    known: Known,
    standing: Standing,
    purpose: Purpose,
    asked: Question,
    channel: str | None,
    suppressed: str | None,
) -> Answer:
    """Answer for one channel."""
    basis = purpose.other_basis if asked.other_basis else purpose.legal_basis
    if basis is None:
        return _no("basis_unknown", purpose)
    names = (asked.purpose, *purpose_scope.broader(known.policy, asked.purpose))
    marketing = purpose_scope.is_marketing(known.policy, asked.purpose)
    said = _said(standing, names, asked.entity, channel)
    objection = _objected(standing, names, asked.entity, channel, basis, said, marketing=marketing)
    if objection is not None:
        code = "objected_marketing" if marketing else "objected"
        return _no(code, purpose, event=objection.event, at=objection.at, on=objection.at[:10])
    if (
        marketing
        and suppressed
        and not (said and said[1].said == "given" and said[1].proven and said[1].at > suppressed)
    ):
        return _no("suppressed", purpose, at=suppressed, on=suppressed[:10])
    if marketing and not {(asked.entity, channel or EVERY), (asked.entity, EVERY)} & set(known.refusals):
        return _no("refusals_unknown", purpose, channel=channel or "every_channel", entity=asked.entity)
    if basis == "consent":
        return _consented(known, purpose, asked, said, "no_consent", channel)
    if said and said[1].said in {
        "refused",
        "withdrawn",
    }:  # a no is a no, whatever else the policy rests it on
        return _no(said[1].said, purpose, event=said[1].event, at=said[1].at, on=said[1].at[:10])
    if marketing and channel:
        law = prospecting(
            asked.country or _country(known.policy, asked.entity), channel, asked.addressee, asked.on
        )
        if law.consent:
            return _consented(known, purpose, asked, said, "no_consent_channel", channel, law=law.law)
        return _yes("opt_out", purpose, law=law.law)
    return _rests(purpose, basis)


def _said(
    standing: Standing, names: tuple[str, ...], entity: str, channel: str | None
) -> tuple[Topic, Consent] | None:
    """Return what was said last about the purpose or, where it was a no later than that, about a broader one."""
    found: tuple[Topic, Consent] | None = None
    for name in names:
        said = next(consent.about(standing, name, entity, channel), None)
        if said is None:
            continue
        stops = said[1].said in {"refused", "withdrawn"}
        if found is None or (stops and (said[1].at >= found[1].at or not found[1].counts)):
            found = said
    return found


def _objected(
    standing: Standing, names: tuple[str, ...], entity: str, channel: str | None, basis: LegalBasis,
    said: tuple[Topic, Consent] | None, *, marketing: bool,
) -> consent.Objection | None:  # fmt: skip
    """Return the objection that stands: one that no later, proven consent to this very purpose overrides.

    Law: GDPR Art. 21(1) is about public tasks and legitimate interests; 21(2) about all marketing; whoever
    objects to what they consented to takes the consent back (Art. 7(3)).
    """
    if not standing.objections:
        return None
    of = (*names, EVERY) if marketing else names
    found = [one for _, one in consent.objected(standing, of, entity, channel)]
    if not marketing and basis not in {"public_task", "legitimate_interests", "consent"}:
        return None
    last = max(found, key=lambda one: one.at, default=None)
    if last is None or (
        said
        and said[0][0] == names[0]
        and said[1].said == "given"
        and said[1].proven
        and said[1].at > last.at
    ):
        return None
    return last


def _consented(
    known: Known, purpose: Purpose, asked: Question, said: tuple[Topic, Consent] | None, lacking: str,
    channel: str | None, law: str = "GDPR Art. 6(1)(a)",
) -> Answer:  # fmt: skip
    """Answer by the consent there is."""
    if said is None:
        return _no(lacking, purpose, channel=channel or "every_channel", law=law)
    one = said[1]
    stands = {"event": one.event, "at": one.at, "on": one.at[:10]}
    if one.said in {"refused", "withdrawn"}:
        return _no(one.said, purpose, **stands)
    if one.said == "expired" or (one.until is not None and one.until <= asked.on):
        until = (one.until or date.fromisoformat(one.at[:10])).isoformat()
        return _no("expired", purpose, **stands, until=until)
    if not one.proven:
        return _no("unproven", purpose, **stands)
    if one.age == "minor":
        return _no("minor", purpose, **stands)
    then = known.scopes.get(one.scope or "")
    if then is None:
        return _no("scope_unknown", purpose, **stands)
    now = purpose_scope.scope(known.policy, asked.purpose)
    if then != now:
        added = purpose_scope.grown(then, now)
        if added:
            found = _no("grown", purpose, **stands)
            return No(_with(found.reason, added=added))
    return _yes("consented", purpose, **stands, **({"until": one.until.isoformat()} if one.until else {}))


def _rests(purpose: Purpose, basis: LegalBasis) -> Yes:
    told: dict[str, Text] = {}
    if purpose.duty is not None:
        told["duty"] = purpose.duty
    if purpose.interest is not None:
        told["interest"] = purpose.interest
    return Yes(Reason(basis, purpose.clause, purpose.id, _LAW[basis], told=told))


_LAW: Mapping[str, str] = {
    basis: f"GDPR Art. 6(1)({letter})"
    for basis, letter in zip(
        ("consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"),
        "abcdef", strict=True,
    )
}  # fmt: skip


def _country(policy: Policy, entity: str) -> str:
    return (
        next((str(one.country) for one in policy.group.entities if one.key == entity), "EU")
        if policy.group
        else "EU"
    )


def _reason(code: str, purpose: Purpose, told: dict[str, str]) -> Reason:
    event, at, law = told.pop("event", None), told.pop("at", None), told.get("law", "")
    return Reason(code, purpose.clause, purpose.id, law, event, at, dict(told))


def _with(reason: Reason, **more: tuple[str, ...]) -> Reason:
    return Reason(
        reason.code,
        reason.clause,
        reason.promise,
        reason.law,
        reason.event,
        reason.at,
        {**reason.told, **more},
    )


def _no(code: str, purpose: Purpose, **told: str) -> No:
    return No(_reason(code, purpose, told))


def _yes(code: str, purpose: Purpose, **told: str) -> Yes:
    return Yes(_reason(code, purpose, told))


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("troth.rules") / "may.toml").read_text(encoding="utf-8"))


def codes() -> tuple[str, ...]:
    """Return the codes of all reasons there are, and of the words within them."""
    return tuple(_words()["en"])


def spoken(language: str) -> str:
    """Return the language in which reasons are said to whoever asks for this one: English where there is no other."""
    return language if language in _words() else "en"


def sentence(reason: Reason, language: str, day: Mapping[str, str] | None = None) -> str:
    """Say a reason in words; `day` gives each date in it as the language writes it (by default as 2026-03-05).

    >>> sentence(Reason("erased", told={"on": "2026-03-05"}), "en")
    'No: their data was erased on 2026-03-05; nothing is done with it any more (GDPR Art. 17).'
    """
    words = _words()[spoken(language)]
    said: dict[str, str] = {"clause": reason.clause, "law": reason.law}
    for name, value in reason.told.items():
        if isinstance(value, Text):
            said[name] = value.said(language)
        elif isinstance(value, tuple):
            said[name] = ", ".join(words.get(f"{one}_grew", one) for one in value)
        else:
            written = str(value)
            said[name] = (day or {}).get(written, words.get(written, written))
    said["until_words"] = words["until_words"].format(until=said["until"]) if "until" in said else ""
    return words[reason.code].format(**said)
