"""From YAML to promises: every field read by its type, every mistake noted.

The grammar is that of `promise.py`; nothing about a particular kind is said here.
"""

from __future__ import annotations

import dataclasses
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from troth.errors import Problem
from troth.law.period import Period
from troth.policy.kinds import KINDS, OF_A_POLICY
from troth.policy.promise import Promise
from troth.policy.reading import Reading, after_a_comma, did_you_mean, shortened
from troth.policy.shape import (
    REFERENCES,
    AuthorityOf,
    Country,
    Email,
    Field,
    Jurisdiction,
    Language,
    Named,
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
from troth.policy.yaml_text import Fields, Items, Node, Scalar

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_ID = re.compile(r"[a-zA-Z0-9][\w./*-]{0,118}", re.ASCII)
_EMAIL = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]+\.[^\s@<>,;.]{2,}")
_URL = re.compile(r"(https?://[^\s<>\"]+|/[^\s<>\"]*)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?", re.ASCII)
_REGION = re.compile(r"[A-Z0-9]{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """That a promise names something, and where."""

    kind: str
    name: str
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Said:
    """One promise as read: its kind, its place, and the fields its writer gave.

    Where it is not `whole`, some are wrong or missing; its name still counts as said.
    """

    kind: type[Promise]
    id: str
    clause: str
    file: str
    line: int
    column: int
    values: Mapping[str, Any]
    lines: Mapping[str, tuple[int, int]]
    whole: bool


@dataclass(slots=True)
class Readings:
    """What came out of one block or file: promises, the names they use, and problems."""

    said: list[Said] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_block(node: Node | None, file: str, clause: str, language: str) -> Readings:
    """Read the promises of one block; plain words are in `language`."""
    reader = _PromiseReader(file, clause, language)
    reader.block(node)
    reader.readings.problems.extend(reader.problems)
    return reader.readings


class _PromiseReader(Reading):
    def __init__(self, file: str, clause: str, language: str) -> None:
        super().__init__(file)
        self.clause = clause
        self.language = language
        self.readings = Readings()

    def block(self, node: Node | None) -> None:
        kinds = tuple(KINDS) if self.file.startswith("register/") else OF_A_POLICY
        if node is None:
            self.problem(None, "The promise block is empty.", f"Write one of: {', '.join(kinds)}.")
            return
        if not isinstance(node, Fields):
            self.problem(node, "A promise block must be fields (`kind: …`).", f"Kinds: {', '.join(kinds)}.")
            return
        for key, value in node.entries:
            kind = KINDS.get(key.text)
            if kind is None:
                what = f"There is no kind of promise called `{shortened(key.text)}`."
                self.problem(key, what, did_you_mean(key.text, kinds))
            elif kind.many:
                for name, fields in self.named(value, f"`{key.text}`"):
                    self._one(kind, name, fields)
            else:
                self._one(kind, key, value)

    def _one(self, kind: type[Promise], key: Scalar, node: Node) -> None:
        path = f"{kind.kind}.{key.text}" if kind.many else kind.kind
        if kind.many and not self._is_name(key, kind):
            return
        known = fields_of(kind)
        values: dict[str, Any] = {}
        lines: dict[str, tuple[int, int]] = {}
        before = len(self.problems)
        found = self.fields(node, f"`{path}`", ["id", *(one.name for one in known)])
        for one in known:
            if one.name in found:
                value = self._value(found[one.name], one.type, f"`{path}.{one.name}`")
                if value is not None:
                    values[one.attribute] = value
                    lines[one.attribute] = (found[one.name].line, found[one.name].column)
                    items = listed.items if isinstance(listed := found[one.name], Items) else ()
                    for at, item in enumerate(items):
                        lines[f"{one.attribute}[{at}]"] = (item.line, item.column)
        missing = [one.name for one in known if one.required and one.name not in found]
        if kind.many and isinstance(node, Fields):
            for name in missing:
                self.problem(key, f"`{path}` lacks `{name}`.", f"Add a line `{name}: …`.")
        if kind.many:
            values["key"] = key.text
        promise_id = self._id(found.get("id"), f"{self.clause}/{path.replace('.', '/', 1)}")
        self.readings.said.append(
            Said(
                kind,
                promise_id,
                self.clause,
                self.file,
                key.line,
                key.column,
                values,
                lines,
                len(self.problems) == before,
            )
        )

    def _id(self, node: Node | None, default: str) -> str:
        written = self.text(node, "`id`")
        if written is None:
            return default
        if not _ID.fullmatch(written):
            self.problem(node, "An `id` has letters, digits and / . _ - only.", f"Write it like `{default}`.")
            return default
        return written

    def _is_name(self, key: Scalar, kind: type[Promise]) -> bool:
        if kind.names and key.text not in kind.names:
            what = f"There is no {kind.kind} called `{shortened(key.text)}`."
            self.problem(key, what, did_you_mean(key.text, kind.names))
            return False
        if not _NAME.fullmatch(key.text):
            self.problem(
                key,
                f"`{shortened(key.text)}` cannot be a name: small letters, digits, _ and - only.",
                "Write it like `order-history`; what people read goes into a field.",
            )
            return False
        return True

    def _value(self, node: Node, hint: Any, what: str) -> Any:
        item = item_of(hint)
        if item is not None:
            return self._list(node, item, what)
        if is_part(hint):
            return self._part(node, hint, what)
        if words_of(hint):
            return self.choice(node, what, words_of(hint))
        if alternatives_of(hint):
            return self._either(node, alternatives_of(hint), what)
        if hint in REFERENCES:
            return self._reference(node, REFERENCES[hint], what)
        return _PLAIN[hint](self, node, what)

    def _list(self, node: Node, item: Any, what: str) -> tuple[Any, ...]:
        if is_named(item):
            parts = []
            for key, fields in self.named(node, what):
                if _NAME.fullmatch(key.text):
                    part = self._part(fields, item, f"{what[:-1]}.{key.text}`", key)
                    parts.append(part)
                else:
                    self.problem(
                        key,
                        f"`{shortened(key.text)}` cannot be a name: small letters, digits, _ and - only.",
                        "Write it like `main-entity`; what people read goes into a field.",
                    )
            return tuple(part for part in parts if part is not None)
        if words_of(item):
            return self.choices(node, what, words_of(item))
        alone = isinstance(node, Scalar) or (isinstance(node, Fields) and item == Text)
        nodes = (node,) if alone else self.items(node, what)
        if is_part(item):
            values = [self._part(one, item, f"{what[:-1]}[{at}]`") for at, one in enumerate(nodes, 1)]
        else:
            values = [self._value(one, item, f"Each item of {what}") for one in nodes]
        return tuple(value for value in values if value is not None)

    def _part(self, node: Node, shape: type, what: str, key: Scalar | None = None) -> Any:
        known = fields_of(shape)
        short = [one for one in known if one.short]
        if short and isinstance(node, Scalar):
            value = self._value(node, short[0].type, what)
            return None if value is None else shape(**{one.attribute: value for one in short})
        if key is not None and isinstance(node, Scalar) and node.value is None:
            node = Fields((), key.line, key.column)
        if key is not None and (not isinstance(node, Fields) or _is_by_language(node, known)):
            return self._titled(node, shape, known, what, key)
        required = [one.name for one in known if one.required]
        found = self.fields(node, what, [one.name for one in known], required)
        values = {
            one.attribute: self._value(found[one.name], one.type, f"{what[:-1]}.{one.name}`")
            for one in known
            if one.name in found
        }
        values = {name: value for name, value in values.items() if value is not None}
        if not isinstance(node, Fields) or any(one.attribute not in values for one in known if one.required):
            return None
        if not found and key is None:
            self.problem(
                node, f"{what} is empty.", f"Its fields are: {', '.join(one.name for one in known)}."
            )
            return None
        return shape(**values, **({} if key is None else {_first(shape): Named(key.text)}))

    def _titled(self, node: Node, shape: type, known: tuple[Field, ...], what: str, key: Scalar) -> Any:
        """Read `name: words`, short for `name: {title: words}`, and `name: [a, b]` for its list."""
        for one in known:
            takes = item_of(one.type) == Text if isinstance(node, Items) else one.type == Text
            if takes and not any(other.required for other in known):
                value = self._value(node, one.type, what)
                return shape(**{_first(shape): Named(key.text), one.attribute: value}) if value else None
        self.fields(node, what, [one.name for one in known])
        return None

    def _either(self, node: Node, hints: tuple[Any, ...], what: str) -> Any:
        words = [word for hint in hints for word in words_of(hint)]
        if isinstance(node, Scalar) and node.text in words:
            return node.text
        rest = [hint for hint in hints if not words_of(hint)]
        before = len(self.problems)
        value = self._value(node, rest[0], what)
        if len(self.problems) > before:
            last = self.problems[-1]
            also = " or ".join(f"`{word}`" for word in words)
            self.problems[-1] = Problem(
                last.file,
                last.line,
                last.column,
                last.what,
                f"{last.remedy} {also.capitalize()} will do too.",
            )
        return value

    def _reference(self, node: Node, kind: str, what: str) -> str | None:
        written = self.text(node, what)
        if written is not None:
            self.readings.references.append(Reference(kind, written, self.file, node.line, node.column))
        return written

    def words(self, node: Node, what: str) -> Text | None:
        """Return words in one language, or by language."""
        if not isinstance(node, Fields):
            plain = self.text(node, what)
            return None if plain is None else Text(((self.language, plain),))
        by_language: dict[str, str] = {}
        for key, value in node.entries:
            if not _LANGUAGE.fullmatch(key.text):
                wrong = f"{what} has words by language, and `{shortened(key.text)}` is none."
                self.problem(key, wrong, after_a_comma(key, value) or _LANGUAGES)
                continue
            said = self.text(value, what)
            if said is not None:
                by_language[key.text] = said
        if not by_language:
            self.problem(node, f"{what} has no words.", _LANGUAGES)
            return None
        first = self.language if self.language in by_language else next(iter(by_language))
        return Text(((first, by_language.pop(first)), *by_language.items()))

    def matching(self, node: Node, what: str, pattern: re.Pattern[str], like: str) -> str | None:
        """Return text of a certain form."""
        written = self.text(node, what)
        if written is None or pattern.fullmatch(written):
            return written
        self.problem(
            node, f"{what} is not {like.split(',')[0]}.", f"Write it like {like.split(',')[1].strip()}."
        )
        return None

    def jurisdiction(self, node: Node, what: str) -> str | None:
        """Return a country, or a country and a part of it, such as FR-57."""
        written = self.text(node, what)
        if written is None:
            return None
        country, dash, region = written.partition("-")
        if dash and not _REGION.fullmatch(region):
            self.problem(node, f"{what} is not a jurisdiction.", "Write it like `FR` or `FR-57`.")
            return None
        code = self.country(Scalar(country, country, node.line, node.column), what)
        return None if code is None else written

    def time_zone(self, node: Node, what: str) -> str | None:
        """Return the name of a time zone that there is."""
        written = self.text(node, what)
        if written is None:
            return None
        try:
            zoneinfo.ZoneInfo(written)
        except (ValueError, OSError, KeyError):
            self.problem(node, f"{what} is not a time zone.", "Write it like `Europe/Paris`.")
            return None
        return written


_LANGUAGES = "Write it like `{en: to answer you, fr: vous répondre}`."

_PLAIN: Mapping[Any, Callable[[_PromiseReader, Node, str], Any]] = {
    str: _PromiseReader.text,
    Text: _PromiseReader.words,
    int: _PromiseReader.integer,
    bool: _PromiseReader.boolean,
    Period: _PromiseReader.period,
    date: _PromiseReader.date,
    Country: _PromiseReader.country,
    Jurisdiction: _PromiseReader.jurisdiction,
    AuthorityOf: _PromiseReader.jurisdiction,
    TimeZone: _PromiseReader.time_zone,
    Email: lambda r, n, w: r.matching(n, w, _EMAIL, "an e-mail address, `privacy@company.example`"),
    Url: lambda r, n, w: r.matching(n, w, _URL, "a web address, `https://company.example/privacy`"),
    Language: lambda r, n, w: r.matching(n, w, _LANGUAGE, "a language, `en` or `fr`"),
}


def _is_by_language(node: Fields, known: tuple[Field, ...]) -> bool:
    names = {one.name for one in known}
    return bool(node.entries) and all(_LANGUAGE.fullmatch(key) and key not in names for key, _ in node)


def _first(shape: Any) -> str:
    return dataclasses.fields(shape)[0].name
