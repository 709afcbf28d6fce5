"""The controls of clauses on collection and first communication: what they look at, and what they say.

Law: GDPR Arts. 5(1)(c), 13(1), 14(3), 21(4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from troth.policy.policy import Policy
from troth.policy.promise import Channel, Collection, FirstCommunication, Promise
from troth.rules import collection

if TYPE_CHECKING:
    from troth.rules.verdict import Facts

TOLD_MAX = 20
"""How many are named of what breaks a promise; the others are counted."""
STRUCTURE = frozenset({"key", "link", "flag", "credential", "not_personal"})
"""What columns hold that is no category of data."""
Judged = tuple[Literal["kept", "broken", "unproven"], str, Sequence[str], Sequence[str]]
"""The word, the figure, the evidence by its event ids, and what breaks the promise."""


@dataclass(slots=True)
class FirstMessages:
    """The first messages on record: how many, those that presented a right, those that owed one and did not."""

    sent: int = 0
    presented: int = 0
    last: deque[str] = field(default_factory=lambda: deque(maxlen=TOLD_MAX))
    lacking: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    lacking_besides: int = 0
    by_purpose: dict[str, int] = field(default_factory=dict)

    def take(self, event: str, purpose: str, presented: Sequence[str], lacks: Sequence[str]) -> None:
        """Count one message by the id of its event; the first that lack something are named."""
        self.sent += 1
        self.by_purpose[purpose] = self.by_purpose.get(purpose, 0) + 1
        if presented:
            self.presented += 1
            self.last.append(event)
        if lacks and len(self.lacking) < TOLD_MAX:
            self.lacking.append((event, tuple(lacks)))
        elif lacks:
            self.lacking_besides += 1


@dataclass(slots=True)
class Noticed:
    """The people of one source whose data others gave: how many were told in time, and who was not."""

    told: int = 0
    late: list[str] = field(default_factory=list)
    late_besides: int = 0

    def take(self, name: str, state: Mapping[str, Any], today: date) -> None:
        """Count one of them, by the name of what came in."""
        if not collection.is_late(state, today):
            self.told += bool(state["told_on"])
        elif len(self.late) < TOLD_MAX:
            self.late.append(f"notice {name}: due {state['owed_by']}, {_when(state['told_on'])}")
        else:
            self.late_besides += 1


def judge(promise: Promise, policy: Policy, facts: Facts) -> Judged:
    """Judge what is held, the channels it came by, and whether those whose data others gave were told in time."""
    assert isinstance(promise, Collection)
    columns, wrong = _undeclared(policy, facts)
    own = {*(str(one.key) for one in promise.categories), *map(str, promise.collects)}
    held = sum(category in own for _, category in _columns(facts))
    mine = [facts.noticed[name] for one in promise.sources if (name := str(one.key)) in facts.noticed]
    told, late = sum(one.told for one in mine), [said for one in mine for said in one.late]
    besides = sum(one.late_besides for one in mine)
    in_all = told + len(late) + besides
    late += [f"and {besides} more notices"] if besides else []
    if promise.public:
        figure = f"{columns - len(wrong)} of {columns} mapped columns hold a declared category"
    else:  # the closed list of what is held is the policy's; the register adds to it
        figure, wrong = f"{held} mapped columns hold what it collects", []
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
    if in_all:
        figure += f"; {told} of {in_all} told in time that we hold their data"
    if wrong or late:
        return "broken", figure, evidence, [*wrong, *late]
    if not held:
        nowhere = "no map has a column of what it collects" if columns else "no store is mapped"
        return "unproven", nowhere, evidence, unseen
    return "unproven" if unseen else "kept", figure, evidence, unseen


def _key(named: Channel) -> str:
    return str(named.key)


def _undeclared(policy: Policy, facts: Facts) -> tuple[int, list[str]]:
    """Count the mapped columns, and name those that hold what the policy does not declare."""
    declared = set(policy.categories)
    columns = [*_columns(facts)]
    wrong = [f"{name}: {category} is not declared" for name, category in columns if category not in declared]
    return len(columns), wrong


def _columns(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield each mapped column that holds data about people, by its full name, with its category."""
    for store, mapped in facts.maps.items():
        for table in mapped.tables.values():
            for column, category in table.columns.items():
                if category not in STRUCTURE:
                    yield f"{store}.{table.name}.{column}", category


def _when(told_on: str | None) -> str:
    return f"sent {told_on}" if told_on else "not sent"


def judge_first(promise: Promise, facts: Facts) -> Judged:
    """Judge whether the first communication with each person presented the rights it must present."""
    assert isinstance(promise, FirstCommunication)
    found, evidence = facts.first, tuple(facts.first.last)
    wrong = [
        f"first communication {event}: it did not present {', '.join(lacks)}"
        for event, lacks in found.lacking
    ]
    wrong += [f"and {found.lacking_besides} more"] if found.lacking_besides else []
    figure = f"{found.presented} of {found.sent} first communications presented the right to object, apart"
    if wrong:
        return "broken", figure, evidence, wrong
    if not found.sent:
        return "unproven", "no first communication is on record yet", (), ()
    return "kept", figure, evidence, ()
