"""What must be on record beside a promise before it can be kept: contracts, assessments, arrangements.

What the law itself asks for, as a contract or an arrangement, breaks the promise where a register
of documents is kept and it is not there; where none is kept, nothing shows it.  What follows from
accountability alone leaves it unproven.  A document that is there and does not hold breaks it.

Law: GDPR Arts. 5(2), 6(1)(f), 26(1), 28(3), 28(9), 32(1)(d), 46; Case C-311/18.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troth.law.period import Period
from troth.policy.promise import Group, Promise, Purpose, Recipient, Security, Transfer
from troth.policy.register import Activity, DocumentType, RegisterDocument
from troth.rules.register import Source
from troth.rules.register_activity import documents_owed
from troth.rules.register_document import wrong_with
from troth.rules.register_party import contracts_with

ACCESS_REVIEWED_AFTER = Period(12, "months")
"""How long a review of access rights without a day of its own is relied on: our own default, no number of law."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A document that is not on record: of which type, and about what, by names."""

    type: DocumentType
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the documents say against a promise (`wrong`), what nobody has shown (`doubts`), and what mends it."""

    wrong: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    mend: RegisterDocument | Missing | None = None


NOTHING_AGAINST = Evidence()


def beside(promise: Promise, source: Source) -> Evidence:
    """Say what the documents of the register show of a promise that needs one."""
    match promise:
        case Recipient() if promise.role == "processor":
            said = source.lacks("no_contract")
            contracts = contracts_with(source, promise)
            return _held(source, "processor_contract", (promise.name,), contracts, said)
        case Purpose() if "legitimate_interests" in (promise.legal_basis, promise.other_basis):
            papers = _of_type(source, "interest_assessment")
            mine = [one for one in papers if promise.name in map(str, one.purposes)]
            said = source.lacks("interest_not_weighed")
            return _held(source, "interest_assessment", (promise.name,), mine, said, owed=False)
        case Group() if "entities" in promise.said:
            return _joint(promise, source)
        case Transfer() if promise.mechanism not in ("adequacy", "derogation"):
            return _assessed(promise, source)
        case Security() if not promise.said.isdisjoint({"against", "measures"}):
            return _access_reviewed(source)
        case Activity():  # what it lacks is in its own line of the register
            return Evidence(mend=_owed(promise, source))
        case _:
            return NOTHING_AGAINST


def _access_reviewed(source: Source) -> Evidence:
    """Say of each mapped store whether its access rights were reviewed in time: the last review counts."""
    reviews = _of_type(source, "access_review")
    wrong: list[str] = []
    doubts: list[str] = []
    stale: list[RegisterDocument] = []
    unseen: list[str] = []
    for store in source.maps:
        last = max((one for one in reviews if store in one.stores), key=lambda one: one.dated, default=None)
        if last is None:
            doubts.append(source.lacks("no_access_review", store=store))
            unseen.append(store)
        elif last.review_by is not None and last.review_by < source.today:
            wrong.append(source.lacks("access_review_overdue", store=store, day=last.review_by))
            stale.append(last)
        elif last.review_by is None and ACCESS_REVIEWED_AFTER.after(last.dated) < source.today:
            doubts.append(source.lacks("access_review_old", store=store, day=last.dated))
            unseen.append(store)
        else:
            faults = [f"{last.key}: {said}" for said in wrong_with(source, last)]
            wrong += faults
            stale += [last] if faults else []
    wrong = list(dict.fromkeys(wrong))
    mend = stale[0] if stale else Missing("access_review", tuple(unseen)) if unseen else None
    return Evidence(tuple(wrong), tuple(doubts), mend)


def _owed(promise: Activity, source: Source) -> RegisterDocument | Missing | None:
    """Return what an activity needs and has not: a document of a type, or one that does not hold."""
    type_ = next(documents_owed(source, promise), None)
    if type_ is not None:
        return Missing(type_, tuple(map(str, promise.purposes)))
    known = source.policy.register_documents
    papers = [known[str(one.agreement)] for one in promise.controllers if str(one.agreement) in known]
    return next((one for one in papers if [*wrong_with(source, one)]), None)


def _held(
    source: Source,
    type_: DocumentType,
    about: tuple[str, ...],
    found: Sequence[RegisterDocument],
    said: str,
    *,
    owed: bool = True,
) -> Evidence:
    """Judge by documents of which one that holds is enough; `owed` where the law asks for it by name."""
    faults = [(one, [*wrong_with(source, one)]) for one in found]
    if not found:
        missing = Missing(type_, about)
        if owed and source.policy.register_documents:
            return Evidence(wrong=(said,), mend=missing)
        return Evidence(doubts=(said,), mend=missing)
    if any(not wrong for _, wrong in faults):
        return NOTHING_AGAINST
    every = tuple(f"{one.key}: {each}" for one, wrong in faults for each in wrong)
    return Evidence(wrong=every, mend=max(found, key=lambda one: one.dated))


def _joint(promise: Group, source: Source) -> Evidence:
    """Judge whether companies that decide together have arranged who does what (GDPR Art. 26(1))."""
    joint = [str(one.key) for one in promise.entities if one.role == "joint_controller"]
    if not joint:
        return NOTHING_AGAINST
    papers = _of_type(source, "joint_arrangement")
    covering = [one for one in papers if not one.entities or set(joint) <= set(map(str, one.entities))]
    return _held(source, "joint_arrangement", tuple(joint), covering, source.lacks("no_arrangement"))


def _assessed(promise: Transfer, source: Source) -> Evidence:
    """Judge by the assessments of the country's law on record: one that is to be looked at again shows nothing."""
    papers = [
        one for one in _of_type(source, "transfer_assessment") if promise.name in map(str, one.transfers)
    ]
    said = source.lacks("no_transfer_assessment")
    found = _held(source, "transfer_assessment", (promise.name,), papers, said)
    return Evidence(doubts=(*found.wrong, *found.doubts), mend=found.mend)


def _of_type(source: Source, type_: DocumentType) -> list[RegisterDocument]:
    return [one for one in source.policy.register_documents.values() if one.type == type_]
