"""The reference of every kind of promise, written from the grammar itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from troth.policy.kinds import KINDS
from troth.policy.promise import Promise
from troth.policy.shape import (
    PLAIN,
    REFERENCES,
    Field,
    alternatives_of,
    fields_of,
    is_named,
    is_part,
    item_of,
    words_of,
)


def markdown() -> str:
    """Write the reference as Markdown: a heading for each kind, a table of its fields."""
    return "\n".join(line for kind in KINDS.values() for line in _kind(kind)).rstrip() + "\n"


def _kind(kind: type[Promise]) -> Iterator[str]:
    yield f"## `{kind.kind}`"
    yield ""
    yield _first_line(kind)
    yield ""
    if kind.names:
        yield f"Named promises; the names are {_listed(kind.names)}."
    else:
        yield "Named promises: `name:` and its fields." if kind.many else "Stands once in a policy."
    yield ""
    yield from _table(fields_of(kind))
    for name, part in _parts(kind, kind.kind):
        yield f"### `{name}`"
        yield ""
        yield _first_line(part)
        yield ""
        yield from _table(fields_of(part))


def _parts(shape: Any, path: str) -> Iterator[tuple[str, Any]]:
    for field in fields_of(shape):
        inner = item_of(field.type) or field.type
        if is_part(inner):
            yield f"{path}.{field.name}", inner
            yield from _parts(inner, f"{path}.{field.name}")


def _table(fields: tuple[Field, ...]) -> Iterator[str]:
    yield "| field | what it says | is | law |"
    yield "| --- | --- | --- | --- |"
    for field in fields:
        must = " (required)" if field.required else ""
        yield f"| `{field.name}`{must} | {field.help} | {described(field.type)} | {field.law} |"
    yield ""


def described(hint: Any) -> str:
    """Say what a value of this type is, as people write it."""
    item = item_of(hint)
    if item is not None:
        if is_named(item):
            return "names, each with fields"
        if words_of(item):
            return f"some of {_listed(words_of(item))}"
        if is_part(item):
            return "a list of fields"
        return f"a list: {described(item)}"
    if words_of(hint):
        words = words_of(hint)
        return f"one of {_listed(words)}" if len(words) > 1 else f"`{words[0]}`"
    if alternatives_of(hint):
        return ", or ".join(described(one) for one in alternatives_of(hint))
    if hint in REFERENCES:
        return f"the name of a {REFERENCES[hint]}".replace("a entity", "an entity")
    return "fields" if is_part(hint) else PLAIN[hint]


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _first_line(shape: Any) -> str:
    return str(shape.__doc__).strip().splitlines()[0]
