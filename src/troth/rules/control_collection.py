"""The controls of clauses on collection and first communication: what they look at, and what they say.

Law: GDPR Arts. 5(1)(c), 13(1), 14(3), 21(4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from troth.policy.policy import Policy
from troth.policy.promise import Channel, Collection, FirstCommunication, Promise
from troth.rules import collection

if TYPE_CHECKING:
    from troth.rules.verdict import Facts

STRUCTURE = frozenset({"key", "link", "flag", "credential", "not_personal"})
"""What columns hold that is no category of data."""
Judged = tuple[Literal["kept", "broken", "unproven"], str, Sequence[str], Sequence[str]]
"""The word, the figure, the evidence by its event ids, and what breaks the promise."""


def judge(promise: Promise, policy: Policy, facts: Facts) -> Judged:
    """Judge what is held, the channels it came by, and whether those whose data others gave were told in time."""
    assert isinstance(promise, Collection)
    columns, wrong = _undeclared(policy, facts)
    late, told = _told_of_it(promise, facts)
    figure = f"{columns - len(wrong)} of {columns} mapped columns hold a declared category"
    unseen = [
        f"channel {one.key}: nobody saw version {policy.version} of the notice there"
        for one in promise.channels
        if not any(seen["notice_version"] == policy.version for seen in facts.channels.get(str(one.key), ()))
    ]
    evidence = [
        str(facts.channels[name][-1]["event"])
        for name in map(_key, promise.channels)
        if name in facts.channels
    ]
    if promise.channels:
        figure += (
            f"; {len(promise.channels) - len(unseen)} of {len(promise.channels)} channels show this notice"
        )
    if told or late:
        figure += f"; {told} of {told + len(late)} told in time that we hold their data"
    if wrong or late:
        return "broken", figure, evidence, [*wrong, *late]
    if not columns:
        return "unproven", "no store is mapped", evidence, unseen
    return "unproven" if unseen else "kept", figure, evidence, unseen


def _key(named: Channel) -> str:
    return str(named.key)


def _undeclared(policy: Policy, facts: Facts) -> tuple[int, list[str]]:
    """Count the mapped columns, and name those that hold what the policy does not declare."""
    declared = set(policy.categories)
    columns, wrong = 0, []
    for store, mapped in facts.maps.items():
        for table in mapped.tables.values():
            for column, category in table.columns.items():
                if category in STRUCTURE:
                    continue
                columns += 1
                if category not in declared:
                    wrong.append(f"{store}.{table.name}.{column}: {category} is not declared")
    return columns, wrong


def _told_of_it(promise: Collection, facts: Facts) -> tuple[list[str], int]:
    """Name those who were told too late, or not in time, that others gave us their data; count those told in time."""
    own = {str(one.key) for one in promise.sources}
    late, told = [], 0
    for name, one in facts.collected.items():
        if not one["indirect"] or one["source"] not in own:
            continue
        if collection.is_late(one, facts.today):
            late.append(f"notice {name}: due {one['owed_by']}, {_when(one['told_on'])}")
        else:
            told += bool(one["told_on"])
    return late, told


def _when(told_on: str | None) -> str:
    return f"sent {told_on}" if told_on else "not sent"


def judge_first(promise: Promise, facts: Facts) -> Judged:
    """Judge whether the first communication with each person presented the rights it must present."""
    assert isinstance(promise, FirstCommunication)
    wrong = [
        f"first communication {event}: it did not present {', '.join(lacks)}"
        for event, _, lacks in facts.first
        if lacks
    ]
    evidence = [event for event, presented, _ in facts.first if presented]
    figure = (
        f"{len(evidence)} of {len(facts.first)} first communications presented the right to object, apart"
    )
    if wrong:
        return "broken", figure, evidence, wrong
    if not facts.first:
        return "unproven", "no first communication is on record yet", (), ()
    return "kept", figure, evidence, ()
