"""The verdicts on what registers show: transfers, companies that adopted, activities, documents.

Law: GDPR Arts. 5(2), 24, 28(3), 30, 35, 36, 44 to 49.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from troth.policy.promise import Group, Purpose, Security, Transfer
from troth.policy.register import Activity, RegisterDocument
from troth.rules.register import Source
from troth.rules.register_activity import as_processor, processing
from troth.rules.register_document import wrong_with
from troth.rules.safeguard import standing

Word = Literal["kept", "broken", "unproven"]
Judged: TypeAlias = tuple[Word, str, tuple[str, ...]]


def transfer(promise: Transfer, source: Source) -> Judged:
    """Say whether a transfer stands on a safeguard today."""
    found = standing(promise, source.policy, source.today)
    if found.broken:
        return "broken", "the safeguard does not hold", found.broken
    if found.doubtful:
        return "unproven", found.doubtful[0], found.doubtful
    means = promise.mechanism.replace("_", " ")
    figure = f"{means} in force on {source.today}"
    return "kept", f"{figure}, until {found.ends}" if found.ends else figure, ()


def group(promise: Group, version: str, adopted: Mapping[str, Sequence[str]]) -> Judged:
    """Say whether every company adopted the version that is published (clause 3)."""
    every = [str(one.key) for one in promise.entities]
    if not version or not any(version in found for found in adopted.values()):
        return "unproven", "no company is recorded as having adopted this version", ()
    lacking = tuple(one for one in every if version not in adopted.get(one, ()))
    figure = f"{len(every) - len(lacking)} of {len(every)} companies adopted version {version}"
    wrong = tuple(f"{one} has not adopted it" for one in lacking)
    return ("broken" if lacking else "kept"), figure, wrong


def activity(promise: Activity, source: Source) -> Judged:
    """Say whether an entry of the register of processing has all it must have, and was looked at in time."""
    lines = [*processing(source), *as_processor(source)]
    mine = [one for one in lines if one["reference"][0].partition("/")[0] == promise.key]
    lacks = tuple(said for one in mine for said in one["lacks"])
    if lacks:
        return "broken", _lacking(len(lacks)), lacks
    return "kept", f"whole, and reviewed on {promise.reviewed}", ()


def purpose(promise: Purpose, source: Source) -> Judged:
    """Say whether a purpose has its activities in the register, each whole and looked at in time.

    Whether nothing else is done with the data, no control can see from here.
    """
    named = [one for one in source.policy.activities.values() if promise.key in map(str, one.purposes)]
    if not named:
        return "unproven", "no activity of the register names it", ()
    wrong = tuple(f"{one.key}: {said}" for one in named for said in activity(one, source)[2])
    if wrong:
        return "broken", _lacking(len(wrong)), wrong
    return "kept", f"in the register with {', '.join(str(one.key) for one in named)}", ()


def measures(promise: Security, source: Source) -> Judged:
    """Say what bears out the measures, and the secrecy of passwords where that is said beside them."""
    papers = [
        one
        for one in source.policy.register_documents.values()
        if one.type in ("measure", "access_review", "training")
    ]
    if not papers or not source.measures():
        return "unproven", "the register has no measure, or no document that bears one out", ()
    wrong = tuple(
        f"{one.key}: {said}"
        for one in papers
        if one.type != "access_review"  # judged by store, with what is on record beside it
        for said in wrong_with(source, one)
    )
    if wrong:
        return "broken", _lacking(len(wrong)), wrong
    figure = f"{len(source.measures())} measures; borne out by {', '.join(str(one.key) for one in papers)}"
    if "passwords_disclosed" not in promise.said or promise.passwords_disclosed is not False:
        return "kept", figure, ()
    word, more, wrong = credentials(source)
    return word, f"{figure}; {more}", wrong


def credentials(source: Source) -> Judged:
    """Say what the maps show of passwords: columns of credentials are never answered, shown or sampled."""
    hidden = sum(
        category == "credential"
        for mapped in source.maps.values()
        for table in mapped.tables.values()
        for category in table.columns.values()
    )
    if not source.maps:
        return "unproven", "no store is mapped", ()
    return "kept", f"{hidden} columns of credentials, which are never answered, shown or sampled", ()


def document(promise: RegisterDocument, source: Source) -> Judged:
    """Say whether a document holds today and says what it must."""
    wrong = tuple(wrong_with(source, promise))
    if wrong:
        return "broken", _lacking(len(wrong)), wrong
    return "kept", f"of {promise.dated}" + (f", until {promise.until}" if promise.until else ""), ()


def _lacking(number: int) -> str:
    return "one thing is lacking" if number == 1 else f"{number} things are lacking"
