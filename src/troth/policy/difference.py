"""What two versions of a policy promise otherwise: promise by promise, value by value.

Words that changed in a clause without a promise changing are told apart: they are for a reader to
compare, and nothing follows from them by itself.

Law: GDPR Arts. 5(2), 12(1), 13(3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from troth.policy.policy import Policy
from troth.policy.promise import Promise
from troth.policy.shape import Field, Text, fields_of

What = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that a promise gives otherwise; the whole promise where it was added or removed.

    `field` is the path of the value in its promise, such as `table.mrv_id*.data_kept`.
    """

    promise: str
    kind: str
    name: str
    clause: str
    what: What
    field: str = ""
    was: str = ""
    becomes: str = ""


def differences(then: Policy, now: Policy, language: str = "") -> tuple[Difference, ...]:
    """Return what the later policy promises otherwise, in the order of its document; what it dropped comes last."""
    return tuple(_differences(then, now, language or now.language))


def reworded(then: Policy, now: Policy) -> tuple[str, ...]:
    """Return the clauses whose words changed in some language, new ones and those that went included."""
    numbers = dict.fromkeys(one.number for policy in (now, then) for one in policy.document.clauses)
    return tuple(number for number in numbers if _words_of(then, number) != _words_of(now, number))


def material(found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """Return the differences that people are to be told of: all but the number and the dates of the version."""
    return tuple(one for one in found if one.kind != "change" or one.field.startswith("announced"))


def _words_of(policy: Policy, number: str) -> dict[str, str]:
    return {
        language: document.by_number[number].sha256
        for language, document in policy.documents.items()
        if number in document.by_number
    }


def _differences(then: Policy, now: Policy, language: str) -> Iterator[Difference]:
    before, after = _said(then, language), _said(now, language)
    for key, (promise, values) in after.items():
        if key not in before:
            yield _whole(promise, "added", becomes=_together(values))
            continue
        known = before[key][1]
        for path in dict.fromkeys((*values, *known)):
            was, becomes = known.get(path, ""), values.get(path, "")
            if was != becomes:
                where = _saying(now, then, promise, path)
                yield Difference(
                    where.id, where.kind, where.name, where.clause, "changed", path, was, becomes
                )
    for key, (promise, values) in before.items():
        if key not in after:
            yield _whole(promise, "removed", was=_together(values))


def _whole(promise: Promise, what: What, was: str = "", becomes: str = "") -> Difference:
    return Difference(promise.id, promise.kind, promise.name, promise.clause, what, "", was, becomes)


def _together(values: Mapping[str, str]) -> str:
    return "; ".join(f"{path}: {value}" for path, value in values.items() if not path.endswith(")"))


def _said(policy: Policy, language: str) -> dict[tuple[str, str], tuple[Promise, dict[str, str]]]:
    """Return what each public promise says, by kind and name; a kind said in several clauses is one."""
    found: dict[tuple[str, str], tuple[Promise, dict[str, str]]] = {}
    for promise in policy.promises.values():
        if not promise.public:
            continue
        values = {
            path: value
            for one in fields_of(type(promise))
            if one.name in promise.said
            for path, value in _values(getattr(promise, one.attribute), one.name, language)
        }
        first, known = found.get((promise.kind, promise.name), (promise, {}))
        found[promise.kind, promise.name] = (first, {**known, **values})
    return found


def _saying(now: Policy, then: Policy, promise: Promise, path: str) -> Promise:
    """Return the promise that says a value now, or said it then, of those of one kind in several clauses."""
    name = path.partition(".")[0]
    for policy in (now, then):
        for one in policy.promises.values():
            if (one.kind, one.name) == (promise.kind, promise.name) and one.public and name in one.said:
                return one
    return promise


def _values(value: Any, path: str, language: str) -> Iterator[tuple[str, str]]:
    if value is None or value == ():
        return
    if isinstance(value, tuple) and dataclasses.is_dataclass(value[0]) and not isinstance(value[0], Text):
        for number, one in enumerate(value, 1):
            called = _called(one, number)
            yield from tuple(_parts(one, f"{path}.{called}", language)) or ((f"{path}.{called}", called),)
    elif isinstance(value, tuple):
        yield from _words_in(value, path, language)
    elif isinstance(value, Text):
        yield from _words_in((value,), path, language)
    elif _fields(value):
        yield from _parts(value, path, language)
    else:
        yield path, _word(value, language)


def _words_in(values: tuple[Any, ...], path: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield several values as one, then the words of each other language under a path of its own."""
    yield path, ", ".join(_word(one, language) for one in values)
    spoken = dict.fromkeys(name for one in values if isinstance(one, Text) for name, _ in one.words)
    for other in spoken:
        if other != language:
            yield f"{path} ({other})", ", ".join(_word(one, other) for one in values)


def _parts(value: Any, path: str, language: str) -> Iterator[tuple[str, str]]:
    for one in _fields(value):
        yield from _values(getattr(value, one.attribute), f"{path}.{one.name}", language)


def _fields(value: Any) -> tuple[Field, ...]:
    """Return the fields of a part of a promise; nothing for a period, words or a plain value."""
    return fields_of(type(value)) if dataclasses.is_dataclass(value) and not isinstance(value, Text) else ()


def _called(value: Any, number: int) -> str:
    """Name one of several: by the name its writer gave it, else by what tells it apart."""
    return str(
        getattr(value, "key", "") or getattr(value, "name", "") or getattr(value, "version", "") or number
    )


def _word(value: Any, language: str) -> str:
    match value:
        case Text():
            return value.said(language)
        case bool():
            return "yes" if value else "no"
        case date():
            return value.isoformat()
        case _:
            return str(value)
