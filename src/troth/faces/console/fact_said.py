"""What the facts of an event say, in the words of a page.

A fact has a name of the record and a value: an id, a code, a number, a day or a hash.  Here each name has its word, and
a value is written as people write it; what has no word, such as a hash, is shown as code, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from troth.rules.cell import word_of, written

if TYPE_CHECKING:
    from troth.faces.console.desk import Visit
    from troth.rules.event import Event

_ID = re.compile(r"[0-9a-f]{10,}|[0-9A-Z]{26}|[0-9a-z-]+-[0-9a-f]{12,}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:T.*)?")
_PLAIN = re.compile(r"[A-Z]+-\d{4}-\d+|\d{4}-\d+|[\d.]{1,9}")
"""Numbers of requests, incidents, clauses and versions: people say them as they are."""
_NAMES = frozenset(
    {
        "rows",
        "table",
        "column",
        "store",
        "trigger",
        "draft",
        "hold",
        "step",
        "pass",
        "file",
        "scan",
        "site",
        "allowed",
    }
)
"""What has a name of its own, in a store or in a file."""
_PEOPLE = frozenset({"staff", "owner", "by", "deputy", "approved_by", "tz"})
_COLUMN = {"state": "status", "to": "status", "stage": "status", "claims": "right", "act": "right"}
"""The column of an answer whose codes a fact has, where it has another name."""
_SAID = {
    "right": ("right",),
    "rights": ("right",),
    "claims": ("right",),
    "role": ("role",),
    "grade": ("grade",),
    "kind": ("letter",),
    "letter": ("letter",),
    "channel": ("channel",),
    "given": ("consents.said",),
    "choices": ("consents.said",),
    "outcome": ("sent", "review", "policy.outcome"),
    "stage": ("incidents.stage",),
    "state": ("holds.status", "sweeps.status", "status"),
    "how": ("sweeps",),
    "reason": ("reason", "status"),
    "move": ("settings.move",),
    "to": ("event.request_moved", "status"),
}
"""Where the words of pages say the codes of a fact."""
_WHOLE = {"controller": "*", "entity": "", "channel": "*", "purpose": "*"}
"""What stands for all of them."""


def facts(visit: Visit, event: Event) -> list[tuple[str, str, bool]]:
    """Return the facts of an event as lines of a page: word, value, and whether the value is code."""
    return [(word(visit, name), *value(visit, name, told)) for name, told in event.facts.items()]


def brief(visit: Visit, event: Event) -> str:
    """Return the first facts of an event, short enough for a line of a table."""
    colon = visit.words("colon")
    told = [
        f"{word(visit, name)}{colon} {value(visit, name, one)[0]}"
        for name, one in list(event.facts.items())[:4]
        if not isinstance(one, list | tuple | Mapping) and one not in (None, "")
    ]
    joined = visit.words.several(told)
    return joined if len(joined) <= 160 else f"{joined[:159]}…"


def word(visit: Visit, name: str) -> str:
    """Return what a fact is called; a part of one that has no word keeps its name."""
    key = f"fact.{name}"
    return visit.words(key) if visit.words.has(key) else name


def value(visit: Visit, name: str, told: object) -> tuple[str, bool]:
    """Write a value as people do, and say whether it is code."""
    words = visit.words
    if isinstance(told, bool):
        return words("yes" if told else "no"), False
    if isinstance(told, int | float):
        return str(words.number(told)), False
    if name in _WHOLE and told == _WHOLE[name]:
        return words("fact.every"), False
    if told is None or told in ("", [], {}):
        return "–", False
    if isinstance(told, Mapping):
        parts = [(one, value(visit, name if name == "choices" else one, each)) for one, each in told.items()]
        said = words.several(f"{_name(visit, name, one)}{words('colon')} {text}" for one, (text, _) in parts)
        return said, all(is_code for _, (_, is_code) in parts)
    if isinstance(told, Sequence) and not isinstance(told, str):
        each = [value(visit, name, one) for one in told]
        rows = any(isinstance(one, Sequence) and not isinstance(one, str) for one in told)
        inner = any(isinstance(one, int) for one in told) or name == "claims"
        said = (
            ", ".join(text for text, _ in each)
            if inner and not rows
            else words.several(text for text, _ in each)
        )
        return said, all(is_code for _, is_code in each)
    return _text(visit, name, str(told))


def _name(visit: Visit, name: str, part: str) -> str:
    """Return what a part of a fact is called: a purpose, a store, or a fact itself."""
    if name in {"choices", "purposes"}:
        return visit.called.purpose(part)
    return word(visit, part)


def _text(visit: Visit, name: str, told: str) -> tuple[str, bool]:
    words, called = visit.words, visit.called
    how: Mapping[str, Callable[[str], str]] = {
        "entity": called.company, "controller": called.company, "purpose": called.purpose, "purposes": called.purpose,
        "recipient": called.recipient, "promise": called.promise, "promises_changed": called.promise,
        "rule": called.promise, "category": called.category, "categories": called.category, "screen": visit.screen,
        "country": words.country, "jurisdiction": words.country, "article": words.law,
    }  # fmt: skip
    if name == "figure":
        return words.value(called.figure(told)), False
    if _PLAIN.fullmatch(told) or name in _PEOPLE:
        return told, False
    if _ID.fullmatch(told) or name in _NAMES:
        return told, True
    if name in how:
        said = how[name](told)
        return said, said == told and name != "article"
    if _DAY.fullmatch(told):
        return written(name, told, words.language), False
    column = _COLUMN.get(name, name)
    keys = (f"{begun}.{told}" for begun in _SAID.get(name, ()))
    if said := next(
        (words.sentences[key] for key in keys if words.has(key) and "{" not in words.sentences[key]), ""
    ):
        return said, False
    if words.language == "fr":
        known = word_of(column, told) or word_of("fact", told)
        return (known, False) if known else (told, True)
    if re.fullmatch(r"[a-z_ ]+", told):
        return told.replace("_", " "), False
    return told, True
