"""What a verdict looked at, and the one command that mends what is not kept or shows more of it.

A command mends what it names; where people must do something first (sign, decide, write), it records
that they did.

Law: GDPR Arts. 5(2), 24(1), 32(1)(d).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from troth.law.period import Period
from troth.policy.policy import Policy
from troth.policy.promise import Collection, Cookies, Group, Promise, Purpose, RetentionRule, Transfer
from troth.policy.register import Activity, DocumentType, RegisterDocument
from troth.policy.soundness import DOCUMENT_LETTERS
from troth.rules import control
from troth.rules.control_evidence import Evidence, Missing
from troth.rules.safeguard import standing
from troth.rules.sweep import bound

if TYPE_CHECKING:
    from troth.rules.verdict import Facts, Verdict

TRACKER_MAX, AUDIENCE_DATA_MAX = Period(13, "months"), Period(25, "months")
"""CNIL, délibération 2020-091 Art. 5, and its page of 4 July 2025."""


_CALLED = {
    "processor_contract": "contract", "joint_arrangement": "arrangement", "dpia": "dpia",
    "interest_assessment": "interests", "transfer_assessment": "assessment", "access_review": "access-review",
}  # fmt: skip
"""What a document that is put on record is called by the type it is of, before what it is about."""


def remedy(promise: Promise, found: Verdict, policy: Policy, facts: Facts, evidence: Evidence) -> str:
    """Return the command that mends a promise which is not kept; empty for one that is."""
    if found.word == "kept":
        return ""
    wrong = " ".join(found.broken_by)
    if evidence.mend is not None and set(found.broken_by) <= {*evidence.wrong, *evidence.doubts}:
        return _put_on_record(evidence.mend, policy, facts)
    match promise:
        case RetentionRule():
            return _sweep(promise, found, policy, facts)
        case Group() if "entities" in promise.said:
            lacking = [str(one.key) for one in promise.entities if f"{one.key} has not" in wrong]
            return f"troth adopt {' '.join(lacking or (str(one.key) for one in promise.entities))} --by WHO"
        case Activity():
            if "review" in wrong or not wrong:
                return f"troth policy set {promise.id} reviewed {facts.today}"
            if evidence.mend is not None:
                return _put_on_record(evidence.mend, policy, facts)
        case Purpose():
            late = [one for one in policy.activities.values() if _not_reviewed(one, found)]
            if late:
                return f"troth policy set {late[0].id} reviewed {facts.today}"
        case RegisterDocument():
            return _document(promise, facts)
        case Transfer() if standing(promise, policy, facts.today).to_assess:
            return f"troth policy set {promise.id} assessed {facts.today}"
        case Cookies():
            return _scan(promise, found, own_site=facts.own_site)
        case Collection() if found.word == "unproven" and promise.channels:
            unseen = [str(one.key) for one in promise.channels if f"channel {one.key}:" in wrong]
            if unseen:
                return f"troth channel review {unseen[0]}"
        case _:
            pass
    if found.figure.startswith(("this policy was never published", "the policy was changed")):
        return "troth publish"
    return found.remedy or next((one.command for one in control.of(promise)), "")


def _not_reviewed(one: Activity, found: Verdict) -> bool:
    mine = [by for by in found.broken_by if by.startswith(f"{one.key}: ")]
    return any("its review was due" in by or "was never reviewed" in by for by in mine)


def _sweep(promise: RetentionRule, found: Verdict, policy: Policy, facts: Facts) -> str:
    mine = [one for one in bound(policy, facts.maps) if one.rule.key == promise.key and not one.why_not]
    names = [one.name for one in mine if not facts.unswept.get(one.store)]
    logs = [one.store for one in mine if facts.maps[one.store].kind == "logs"]
    if logs and not names:
        return f"troth logs sweep {logs[0]}"
    if not names:
        return "troth map --check"
    if found.word == "unproven":
        return "troth sweep"
    due = [name for name in names if any(name in said for said in found.broken_by)]
    return f"troth sweep mark {' '.join(due or names)} --staff WHO"


def free_name(type_: DocumentType, about: Sequence[str], policy: Policy) -> str:
    """Return what a document of a type, about something, may be called: no other of the register is called so."""
    first = "-".join((_CALLED.get(type_, type_.replace("_", "-")), *about[:1]))
    names = (first, *(f"{first}-{number}" for number in range(2, len(policy.register_documents) + 3)))
    return next(one for one in names if one not in policy.register_documents)


def _put_on_record(mend: RegisterDocument | Missing, policy: Policy, facts: Facts) -> str:
    """Return the command that mends a document, or puts the one that is missing on record."""
    if isinstance(mend, RegisterDocument):
        return _document(mend, facts)
    name = free_name(mend.type, mend.about, policy)
    letters = DOCUMENT_LETTERS.get(mend.type, "")
    return " ".join(
        (
            f"troth document {name} --type {mend.type}",
            *(f"--about {one}" for one in mend.about),
            *((f"--says {letters}",) if letters else ()),
            *(("--risk RISK --advice ADVICE",) if mend.type == "dpia" else ()),
        )
    )


def _document(promise: RegisterDocument, facts: Facts) -> str:
    owed = DOCUMENT_LETTERS.get(promise.type, "")
    if owed and not set(owed) <= set(promise.says):
        return f'troth policy set {promise.id} says "[{", ".join(owed)}]"'
    if promise.answer_by and promise.answered is None and promise.answer_by < facts.today:
        return f"troth policy set {promise.id} answered {facts.today}"
    if promise.review_by and promise.review_by < facts.today:
        return f"troth policy set {promise.id} review_by {Period(1, 'years').after(facts.today)}"
    if promise.until and promise.until < facts.today:
        return f"troth policy set {promise.id} until {Period(1, 'years').after(facts.today)}"
    return "troth register documents"


def _scan(promise: Cookies, found: Verdict, *, own_site: bool) -> str:
    """Return the scan that mends what it can first; the project's own site needs no address."""
    where = "" if own_site else f" https://{promise.sites[0]}" if promise.sites else " URL"
    return f"troth scan{where}{' --mend' if found.word == 'broken' else ''}"


def shortened(promise: Cookies) -> Iterator[tuple[str, str]]:
    """Yield the declared periods of the table that are over a limit, by their path, each with the longest allowed."""
    for cookie in promise.table:
        of_audience = cookie.category == "analytics"
        limits = [promise.lifetime_max, TRACKER_MAX if of_audience else None]
        longest = min((one for one in limits if one is not None), key=lambda one: one.days()[1], default=None)
        life, kept = cookie.lifetime, cookie.data_kept
        if isinstance(life, Period) and longest is not None and life.days()[0] > longest.days()[1]:
            yield f"table.{cookie.name}.lifetime", str(longest)
        if of_audience and kept and kept.days()[0] > AUDIENCE_DATA_MAX.days()[1]:
            yield f"table.{cookie.name}.data_kept", str(AUDIENCE_DATA_MAX)


def looked_at(promise: Promise, policy: Policy, facts: Facts) -> str:
    """Say what the verdict is about: what was looked at, and on which day."""
    what = [_what(one.name, promise, policy, facts) for one in control.of(promise)]
    return "; ".join([*what, str(facts.today)])


def _what(name: str, promise: Promise, policy: Policy, facts: Facts) -> str:
    match name:
        case "answer" | "right-claimed" | "notify_recipients":
            return f"requests on record: {len(facts.requests)}"
        case "collection":
            if not facts.maps:
                return "no map of a store; reviews of channels; notices of Art. 14"
            return f"maps of the stores {_named(facts.maps)}; reviews of channels; notices of Art. 14"
        case "consent" | "purpose-chosen":
            return "consents, objections and first messages on record"
        case "first_communication":
            return f"first messages on record: {facts.first.sent}"
        case "cookies":
            sites = _named(one.site for one in facts.scans)
            if not sites:
                return "the table of the policy; no scan of a site"
            return f"the table of the policy; the last scans of {sites}"
        case "retention":
            tables = _named(
                f"{one.store}.{one.table}" for one in bound(policy, facts.maps) if one.rule.id == promise.id
            )
            return f"the tables {tables}" if tables else "the maps of the stores, which bind no table to it"
        case "group-adopted":
            return "the companies of the group, and what each adopted"
        case "recipient":
            return f"disclosures on record: {sum(to == promise.name for _, to, _ in facts.disclosures)}; its transfers"
        case "security-breach":
            return f"incidents on record: {len(facts.incidents)}"
        case "security-credentials":
            return f"maps of the stores {_named(facts.maps)}" if facts.maps else "no map of a store"
        case "transfer" | "purpose-registered" | "security-measures" | "activity" | "document":
            return "the register and its documents, as their files stand"
        case "change":
            return "what was published, and how it was announced"
        case _:
            return "the text, against the one published"


def _named(names: Iterable[str]) -> str:
    return ", ".join(names)
