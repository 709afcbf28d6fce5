"""What promises say that prose could contradict: lengths of time, countries, names, rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from troth.law.period import Period
from troth.policy.promise import Promise, Recipient, Right
from troth.policy.shape import Country, Field, Text, fields_of, is_part, item_of


@dataclass(frozen=True, slots=True)
class Fact:
    """One such value: where it is said, and what it is.

    `path` is how a placeholder names it, such as `answer.within`.
    """

    kind: Literal["duration", "country", "recipient", "right"]
    value: Period | str
    path: str
    promise: str
    clause: str
    line: int


def facts(promises: Iterable[Promise]) -> tuple[Fact, ...]:
    """Return the facts of some promises; of a promise said in parts, only what each part says.

    For the promises of one clause, pass `policy.of_clause("7.1")`.
    """
    return tuple(fact for promise in promises for fact in _of(promise))


def _of(promise: Promise) -> Iterator[Fact]:
    path = f"{promise.kind}.{promise.name}" if promise.many else promise.kind
    place = (promise.id, promise.clause, promise.line)
    if isinstance(promise, Right):
        yield Fact("right", promise.name, path, *place)
    if isinstance(promise, Recipient):
        for words in promise.title.words:
            yield Fact("recipient", words[1], f"{path}.title", *place)
        for party in promise.named:
            yield Fact("recipient", party.name, f"{path}.named.{party.key}.name", *place)
    for field in fields_of(type(promise)):
        if field.name in promise.said:
            yield from _inside(getattr(promise, field.attribute), field, f"{path}.{field.name}", place)


def _inside(value: Any, field: Field, path: str, place: tuple[str, str, int]) -> Iterator[Fact]:
    hint = item_of(field.type) or field.type
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, Period):
            yield Fact("duration", one, path, *place)
        elif hint is Country and one:
            yield Fact("country", one, path, *place)
        elif is_part(type(one)) and not isinstance(one, Text):
            key = getattr(one, "key", "")
            inner = f"{path}.{key}" if key else path
            for part in fields_of(type(one)):
                yield from _inside(getattr(one, part.attribute), part, f"{inner}.{part.name}", place)
