"""The register of documents: contracts, assessments, letters, and whether each still holds.

Law: GDPR Arts. 5(2), 24, 26, 28(3), 35(2), 35(7), 36(1), 37, 39.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from troth.policy.policy import Policy
from troth.policy.register import RegisterDocument
from troth.policy.soundness import DOCUMENT_LETTERS
from troth.rules.register import Cell, Line, Source

_ARTICLE = {"processor_contract": "28(3)", "dpia": "35(7)"}


def documents(source: Source, entity: str = "") -> Iterator[Line]:
    """Yield a line for each document, with what is wrong about it today."""
    for one in source.policy.register_documents.values():
        if entity and one.entities and entity not in map(str, one.entities):
            continue
        yield {
            "reference": (str(one.key),),
            "name": (source.text(one.title),),
            "type": (source.word(one.type),),
            "entities": source.companies(tuple(map(str, one.entities))) if one.entities else (),
            "about": _about(source, one),
            "clauses": one.clauses,
            "dated": source.day(one.dated),
            "until": source.day(one.until),
            "review_by": source.day(one.review_by),
            "owner": (source.text(one.owner),) if one.owner else (),
            "location": (one.location,) if one.location else (),
            "sha256": (one.sha256,) if one.sha256 else (),
            "lacks": tuple(wrong_with(source, one)),
        }


def wrong_with(source: Source, one: RegisterDocument) -> Iterator[str]:
    """Say what is wrong with a document today, each as a few words."""
    today = source.today
    if one.until and one.until < today:
        yield source.lacks("ended", day=one.until)
    if one.holds_from > today:
        yield source.lacks("not_yet", day=one.holds_from)
    if one.review_by and one.review_by < today and not _replaced(source.policy, one, today):
        yield source.lacks("review_overdue", day=one.review_by)
    if one.answer_by and one.answer_by < today and one.answered is None:
        yield source.lacks("not_answered", day=one.answer_by)
    wrong = (source.files_wrong or {}).get(str(one.key))
    if wrong:
        yield source.lacks("file_missing" if wrong == "missing" else "file_differs")
    needs_letters = one.type == "processor_contract" or (one.type == "dpia" and one.needed is not False)
    missing = [letter for letter in DOCUMENT_LETTERS.get(one.type, "") if letter not in one.says]
    if needs_letters and missing:
        letters = ", ".join(f"({letter})" for letter in missing)
        yield source.lacks("letters", article=_ARTICLE[one.type], letters=letters)
    if one.type == "dpia" and one.needed is not False:
        if one.risk is None:
            yield source.lacks("no_risk")
        if one.risk == "high" and one.consulted is None:
            yield source.lacks("not_consulted")
        if one.advice is None:
            yield source.lacks("no_advice")


def _replaced(policy: Policy, one: RegisterDocument, today: date) -> bool:
    """Say whether a review of access rights was made anew: each of its stores has a later one."""
    later = {
        store
        for each in policy.register_documents.values()
        if each.type == "access_review" and one.dated < each.dated <= today
        for store in each.stores
    }
    return one.type == "access_review" and later >= set(one.stores)


def due(policy: Policy, today: date) -> Iterator[tuple[RegisterDocument, date]]:
    """Yield the documents whose end, review or answer is near or past, each with that day, the soonest first.

    Near is within the time that each says, `remind`, before the day.
    """
    found = [
        (day, str(one.key), one)
        for one in policy.register_documents.values()
        if not _replaced(policy, one, today)
        for day in (one.until, one.review_by, one.answer_by if one.answered is None else None)
        if day is not None and one.remind.before(day) <= today
    ]
    for day, _, one in sorted(found, key=lambda each: each[:2]):
        yield one, day


def _about(source: Source, one: RegisterDocument) -> Cell:
    policy = source.policy
    named = [
        *(policy.purposes.get(str(name)) for name in one.purposes),
        *(policy.recipients.get(str(name)) for name in one.recipients),
    ]
    titles = [source.title(each) for each in named if each is not None]
    titles += [
        source.transfer(policy.transfers[str(name)])
        for name in one.transfers
        if str(name) in policy.transfers
    ]
    return (*titles, *one.stores)
