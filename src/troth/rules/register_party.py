"""The registers of recipients, of processors and of transfers.

Law: GDPR Arts. 13(1)(e) and (f), 28(3), 30(1)(d) and (e), 44 to 49; Case C-154/21.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from troth.policy.promise import Recipient, Transfer
from troth.policy.register import RegisterDocument
from troth.policy.soundness import DOCUMENT_LETTERS
from troth.rules.register import Cell, Line, Source
from troth.rules.register_document import wrong_with
from troth.rules.safeguard import standing


def recipients(source: Source, entity: str = "") -> Iterator[Line]:
    """Yield a line for each recipient; of a company, for each to which something it does discloses data."""
    for one in source.policy.recipients.values():
        if entity and not _receives_from(source, one, entity):
            continue
        purposes = [
            each for each in source.policy.purposes.values() if str(one.key) in map(str, each.recipients)
        ]
        yield {
            "reference": (str(one.key),),
            "name": (source.text(one.title),),
            "class": (source.word(one.class_, "recipient.class"),),
            "role": (source.word(one.role),),
            "named": _parties(source, one),
            "purposes": tuple(source.text(each.does) for each in purposes),
            "categories": _data(source, source.policy.received_by(one)),
            "condition": (source.text(one.condition),) if one.condition else (),
            "requires": tuple(source.word(each) for each in one.requires),
            "notify": (source.word(one.notify.by),) if one.notify else (),
            "transfers": source.transfers(_of(source, one)),
            "clauses": source.clauses([one]),
        }


def processors(source: Source, entity: str = "") -> Iterator[Line]:
    """Yield a line for each processor, with its contract and what the contract does not cover.

    Of a company, its own processors, with the contracts that are of the whole group or of it.
    """
    for one in source.policy.recipients.values():
        if one.role != "processor" or (entity and not _receives_from(source, one, entity)):
            continue
        contracts = [
            each
            for each in contracts_with(source, one)
            if not entity or not each.entities or entity in map(str, each.entities)
        ]
        covered = {letter for each in contracts for letter in each.says}
        missing = [letter for letter in DOCUMENT_LETTERS["processor_contract"] if letter not in covered]
        faults = [[*wrong_with(source, each)] for each in contracts]
        wrong = [said for each in faults for said in each] if all(faults) else []
        yield {
            "reference": (str(one.key),),
            "name": (source.text(one.title),),
            "named": _parties(source, one),
            "does": (source.text(one.does),) if one.does else (),
            "categories": _data(source, source.policy.received_by(one)),
            "agreement": tuple(source.title(each) for each in contracts),
            "signed": tuple(each.dated.isoformat() for each in contracts),
            "covers": tuple(sorted(covered)),
            "missing": tuple(missing) if contracts else (),
            "until": tuple(each.until.isoformat() for each in contracts if each.until),
            "transfers": source.transfers(_of(source, one)),
            "clauses": source.clauses([one]),
            "lacks": tuple(wrong) if contracts else (source.lacks("no_contract"),),
        }


def transfers(source: Source, entity: str = "") -> Iterator[Line]:
    """Yield a line for each transfer, with what does not hold about it today."""
    for one in source.policy.transfers.values():
        if entity and one.exporter and str(one.exporter) != entity:
            continue
        found = standing(one, source.policy, source.today, source.language)
        recipient = source.policy.recipients.get(str(one.recipient)) if one.recipient else None
        yield {
            "reference": (str(one.key),),
            "country": (source.words.country(one.country),),
            "importer": (one.importer,) if one.importer else (source.title(recipient),) if recipient else (),
            "exporter": source.companies((str(one.exporter),) if one.exporter else ()),
            "mechanism": (source.transfer(one),),
            "signed": source.day(one.signed),
            "assessed": source.day(one.assessed),
            "ends": source.day(found.ends),
            "onward": _onward(source, one),
            "categories": _data(source, map(str, one.categories)),
            "purposes": tuple(
                source.text(source.policy.purposes[str(name)].does)
                for name in one.purposes
                if str(name) in source.policy.purposes
            ),
            "measures": source.texts(one.measures),
            "copy": (source.text(one.copy_from),) if one.copy_from else (),
            "clauses": source.clauses([one]),
            "lacks": (*found.broken, *found.doubtful),
        }


def contracts_with(source: Source, recipient: Recipient) -> list[RegisterDocument]:
    """Return the contracts on record with a recipient."""
    return [
        one
        for one in source.policy.register_documents.values()
        if one.type == "processor_contract" and str(recipient.key) in map(str, one.recipients)
    ]


def _receives_from(source: Source, recipient: Recipient, entity: str) -> bool:
    """Say whether a company discloses data to a recipient; whom nothing names is everybody's."""
    name = str(recipient.key)
    by = [one.entities for one in source.policy.purposes.values() if name in map(str, one.recipients)]
    by += [one.entities for one in source.policy.activities.values() if name in map(str, one.recipients)]
    return not by or any(not companies or entity in map(str, companies) for companies in by)


def _onward(source: Source, transfer: Transfer) -> Cell:
    return tuple(
        source.title(source.policy.recipients[str(name)])
        for name in transfer.onward
        if str(name) in source.policy.recipients
    )


def _of(source: Source, recipient: Recipient) -> Iterator[Transfer]:
    for name in recipient.transfers:
        if str(name) in source.policy.transfers:
            yield source.policy.transfers[str(name)]


def _parties(source: Source, recipient: Recipient) -> Cell:
    if not recipient.named:
        return (source.words.country(recipient.country),) if recipient.country else ()
    return tuple(
        source.phrase("of", name=party.name, what=source.words.country(party.country))
        for party in recipient.named
    )


def _data(source: Source, names: Iterable[str]) -> Cell:
    known = source.policy.categories
    return tuple(source.title(known[name]) for name in sorted(names) if name in known)
