"""The JSON Schema of promise blocks, for editors: from the same grammar as the reader.

It says what an editor can say while somebody types: kinds, fields, types, words.  What
needs the whole policy (names that must exist, fields that go together) is said by
`troth check`.  `format` names what JSON Schema has no word for, such as a period; `$comment` is the law.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from troth.law.period import Period
from troth.policy.kinds import KINDS
from troth.policy.promise import Promise
from troth.policy.reading import COUNTRIES
from troth.policy.shape import (
    REFERENCES,
    AuthorityOf,
    Country,
    Email,
    Field,
    Jurisdiction,
    Language,
    Text,
    TimeZone,
    Url,
    alternatives_of,
    fields_of,
    is_named,
    is_part,
    item_of,
    words_of,
)

Schema = dict[str, Any]

NAME = "^[a-z0-9][a-z0-9_-]{0,62}$"

_PLAIN: Mapping[Any, Schema] = {
    int: {"type": "integer", "minimum": 0},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    Period: {"type": "string", "format": "period", "pattern": "^[0-9]{1,5} +(hour|day|week|month|year)s?$"},
    Country: {"format": "country", "enum": sorted(COUNTRIES)},
    Jurisdiction: {"type": "string", "format": "jurisdiction", "pattern": "^[A-Z]{2}(-[A-Z0-9]{1,3})?$"},
    AuthorityOf: {"type": "string", "format": "jurisdiction", "pattern": "^[A-Z]{2}(-[A-Z0-9]{1,3})?$"},
    Email: {"type": "string", "format": "email", "pattern": "^[^\\s@<>,;]+@[^\\s@<>,;]+\\.[^\\s@<>,;.]{2,}$"},
    Url: {"type": "string", "format": "uri-reference", "pattern": "^(https?://|/)"},
    TimeZone: {"type": "string", "format": "time-zone"},
    Language: {"type": "string", "format": "language", "pattern": "^[a-z]{2,3}(-[A-Z]{2})?$"},
    Text: {
        "format": "words",
        "oneOf": [
            {"type": ["string", "number"]},
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^[a-z]{2,3}(-[A-Z]{2})?$"},
                "additionalProperties": {"type": ["string", "number"]},
            },
        ],
    },
}


def schema() -> Schema:
    """Return the schema of one promise block (and of one register file)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Promises of a Troth policy",
        "description": "One promise block of policy.md, or one file of register/.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {name: _kind(kind) for name, kind in KINDS.items()},
    }


def _kind(kind: type[Promise]) -> Schema:
    one = _fields(kind, with_id=True, required=kind.many)
    about = str(kind.__doc__).strip().splitlines()[0]
    if not kind.many:
        return {"description": about, **one}
    names = {"enum": list(kind.names)} if kind.names else {"pattern": NAME}
    return {"description": about, "type": "object", "propertyNames": names, "additionalProperties": one}


def _fields(shape: Any, with_id: bool = False, required: bool = True) -> Schema:
    """Describe fields; a kind that may be said in several clauses requires none in each."""
    known = fields_of(shape)
    properties = {field.name: _field(field) for field in known}
    if with_id:
        about = "What the promise is called, whatever the number of its clause."
        properties["id"] = {"description": about, "type": "string"}
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    needed = [field.name for field in known if field.required]
    return {**found, "required": needed} if needed and required else found


def _field(field: Field) -> Schema:
    about = f"{field.help[:1].upper()}{field.help[1:]}." + (f" {field.law}." if field.law else "")
    law = {"$comment": field.law} if field.law else {}
    return {**_value(field.type), "description": about, **law}


def _value(hint: Any) -> Schema:
    item = item_of(hint)
    if item is not None:
        return _list(item)
    if words_of(hint):
        return {"enum": [*words_of(hint), *(int(word) for word in words_of(hint) if word.isdigit())]}
    if alternatives_of(hint):
        return {"anyOf": [_value(one) for one in alternatives_of(hint)]}
    if is_part(hint):
        short = [field for field in fields_of(hint) if field.short]
        parts = _fields(hint)
        if not short:
            return parts
        alone = {"description": "Stands for: " + ", ".join(field.name for field in short) + "."}
        return {"anyOf": [parts, {**_value(short[0].type), **alone}]}
    if hint in REFERENCES:
        about = f"The name of a {REFERENCES[hint]}."
        return {"type": ["string", "integer"], "format": f"name-of-{REFERENCES[hint]}", "description": about}
    return dict(_PLAIN.get(hint, {"type": ["string", "number"]}))


def _list(item: Any) -> Schema:
    if is_named(item):
        return {"type": "object", "propertyNames": {"pattern": NAME}, "additionalProperties": _named(item)}
    one = _value(item)
    if words_of(item):
        return {"anyOf": [one, {"type": "array", "items": one, "uniqueItems": True}]}
    if is_part(item):
        return {"type": "array", "items": one}
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _named(part: Any) -> Schema:
    """Describe `name: fields`, and its short forms `name: words`, `name: [words]` and `name:`."""
    known = fields_of(part)
    if any(field.required for field in known):
        return _fields(part)
    forms = [_fields(part), {"type": "null"}]
    if any(field.type == Text for field in known):
        forms.append(_value(Text))
    if any(item_of(field.type) == Text for field in known):
        forms.append({"type": "array", "items": _value(Text)})
    return {"anyOf": forms}
