"""What a promise may be made of: types, and what each field means.

A kind of promise is a frozen dataclass; its type hints and the words given to `told`
are the grammar.  The reader, the JSON Schema and the reference page are all derived
from them, so the three cannot disagree.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from troth.law.period import Period

Named = NewType("Named", str)
"""The first field of what is written as a mapping `name: fields`; it holds the name."""

Country = NewType("Country", str)
Jurisdiction = NewType("Jurisdiction", str)
AuthorityOf = NewType("AuthorityOf", str)
Email = NewType("Email", str)
Url = NewType("Url", str)
TimeZone = NewType("TimeZone", str)
Language = NewType("Language", str)

PurposeName = NewType("PurposeName", str)
RecipientName = NewType("RecipientName", str)
RetentionName = NewType("RetentionName", str)
TransferName = NewType("TransferName", str)
CategoryName = NewType("CategoryName", str)
EntityName = NewType("EntityName", str)
DocumentName = NewType("DocumentName", str)

REFERENCES: Mapping[Any, str] = {
    PurposeName: "purpose",
    RecipientName: "recipient",
    RetentionName: "retention",
    TransferName: "transfer",
    CategoryName: "category",
    EntityName: "entity",
    DocumentName: "document",
}
"""Types whose text must be the name of something that stands elsewhere in the policy."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words for people, in one or more languages.

    Written plainly (`does: answer questions`) they are in the policy's first language;
    written by language (`does: {en: answer questions, fr: répondre}`), in each.
    """

    words: tuple[tuple[str, str], ...]

    def said(self, language: str) -> str:
        """Return the words in a language, or in the first one there is.

        >>> both = Text((("en", "shop"), ("fr", "boutique")))
        >>> both.said("fr"), both.said("de"), str(both)
        ('boutique', 'shop', 'shop')
        """
        return next((words for name, words in self.words if name == language), self.words[0][1])

    def has(self, language: str) -> bool:
        """Say whether there are words in this language."""
        return any(name == language for name, _ in self.words)

    def __str__(self) -> str:
        """Return the words of the first language."""
        return self.words[0][1]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind: its name in YAML, its attribute, its type and what it means."""

    name: str
    attribute: str
    type: Any
    help: str
    law: str
    required: bool
    short: bool


Value = TypeVar("Value")


def told(
    help: str,  # noqa: A002
    *,
    law: str = "",
    required: bool = False,
    default: Any = MISSING,
    short: bool = False,
) -> Any:
    """Declare a field of a promise: what it says to whom reads it, and its law.

    Without a default a field is None, or empty for lists.  `short` marks the field that
    a single value stands for where a mapping is expected.
    """
    metadata = {"help": help, "law": law, "required": required, "short": short}
    if required:
        return field(metadata=metadata)
    return field(default=None if default is MISSING else default, metadata=metadata)


def fields_of(shape: Any) -> tuple[Field, ...]:
    """Return the fields of a kind of promise (or of a part of one), in their order."""
    return _fields_of(shape)


@cache
def _fields_of(shape: Any) -> tuple[Field, ...]:
    hints = get_type_hints(shape)
    return tuple(
        Field(
            name=one.name.rstrip("_"),
            attribute=one.name,
            type=without_none(hints[one.name]),
            help=one.metadata["help"],
            law=one.metadata["law"],
            required=one.metadata["required"],
            short=one.metadata["short"],
        )
        for one in dataclasses.fields(shape)
        if "help" in one.metadata
    )


def without_none(hint: Any) -> Any:
    """Return `X` for `X | None`."""
    if get_origin(hint) in (Union, types.UnionType):
        rest = tuple(one for one in get_args(hint) if one is not type(None))
        return rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007
    return hint


def item_of(hint: Any) -> Any | None:
    """Return `X` for `tuple[X, ...]`, else None."""
    if get_origin(hint) is tuple:
        return get_args(hint)[0]
    return None


def words_of(hint: Any) -> tuple[str, ...]:
    """Return the words of a `Literal`, or nothing."""
    return tuple(get_args(hint)) if get_origin(hint) is Literal else ()


def alternatives_of(hint: Any) -> tuple[Any, ...]:
    """Return the types of a union, or nothing."""
    return tuple(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else ()


def is_named(hint: Any) -> bool:
    """Say whether this dataclass is written as `name: fields`."""
    return dataclasses.is_dataclass(hint) and any(
        one == Named for one in list(get_type_hints(hint).values())[:1]
    )


def is_part(hint: Any) -> bool:
    """Say whether this type is a dataclass with fields of its own (not a Period or a Text)."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint not in (Period, Text)


PLAIN: Mapping[Any, str] = {
    str: "text",
    Text: "words",
    int: "a whole number",
    bool: "true or false",
    Period: "a period, such as `1 month`",
    date: "a date, such as `2026-11-23`",
    Country: "a country, such as `FR`",
    Jurisdiction: "a jurisdiction, such as `FR` or `FR-57`",
    AuthorityOf: "a jurisdiction, whose authority is meant, such as `FR`",
    Email: "an e-mail address",
    Url: "a web address",
    TimeZone: "a time zone, such as `Europe/Paris`",
    Language: "a language, such as `fr`",
}
"""How each plain type is named to people."""
