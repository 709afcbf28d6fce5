"""A promise as a form: fields with labels, help and kinds of widget, out of its JSON Schema, and back to values.

`fields` describes, `filled` gives what the inputs of a form hold for a value, and `read` makes a value of
what was posted, with a problem at each field that is wrong.  Nobody sees YAML.  The names of inputs are
paths, such as `table.3.lifetime.number`; whoever posts sends each as one or more strings.

What needs the whole policy (names that must exist, fields that go together) is said by `troth check`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from troth.law.period import Period
from troth.policy.schema import Schema
from troth.policy.words import Words, words
from troth.policy.yaml_text import Fields, Items, Node, Scalar

ROWS_MAX = 500
TEXT_MAX = 20_000
Posted: TypeAlias = Mapping[str, Sequence[str]]
"""What a form sent: each name with its values, in their order."""
Choice: TypeAlias = tuple[str, str]
"""A word as it is written in the policy, and how it is said."""
_UNITS = ("hours", "days", "weeks", "months", "years")
_INDEX = re.compile(r"\d{1,4}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in a certain form, such as `email`; `pattern` is what it must match."""

    form: str = "text"
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number."""


@dataclass(frozen=True, slots=True)
class YesNo:
    """Yes, no, or nothing said."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar."""


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time: a number and its unit, or a word that stands for one."""

    units: tuple[Choice, ...]
    instead: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several words."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Any of several words."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """Words for people, in each of the languages."""

    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Fields that belong together; `short` names those for which a single value may stand."""

    fields: tuple[Field, ...]
    short: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """As many as one likes of one thing; each with a name of its own where it is `named`."""

    item: Widget
    named: bool = False


Widget: TypeAlias = Line | Number | YesNo | Day | Length | OneOf | SomeOf | Said | Part | Rows


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    name: str
    label: str
    help: str
    law: str
    required: bool
    widget: Widget


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one input, by its name, and how to mend it."""

    name: str
    says: str


def fields(
    schema: Schema,
    kind: str,
    language: str,
    languages: Sequence[str],
    names: Mapping[str, Sequence[Choice]] | None = None,
    leave: frozenset[str] = frozenset(),
    name: str = "",
) -> tuple[Field, ...]:
    """Describe the form of a kind of promise, in a language; `languages` are those in which words are given.

    `names` are what references may name, each with what it is called, by kind (`purpose`, `recipient`, …); a kind
    that is not there is a line of text.  `leave` are fields that another clause says; `name` is that of the promise.
    Raises KeyError for a kind there is not.
    """
    made = _Form(words(language), tuple(languages), names or {})
    found = schema["properties"][kind]
    described = found["additionalProperties"] if "propertyNames" in found else found
    return made.fields(described, f"{kind}.{name}" if name else kind, frozenset({"id"}) | leave)


@dataclass(frozen=True, slots=True)
class _Form:
    said: Words
    languages: tuple[str, ...]
    names: Mapping[str, Sequence[Choice]]

    def fields(self, described: Schema, path: str, leave: frozenset[str] = frozenset()) -> tuple[Field, ...]:
        needed = set(described.get("required", ()))
        catalogue = _catalogue(self.said.language)
        return tuple(
            Field(
                name,
                _label(name, catalogue),
                _help(one, catalogue),
                str(one.get("$comment", "")),
                name in needed,
                self.widget(one, f"{path}.{name}"),
            )
            for name, one in described["properties"].items()
            if name not in leave
        )

    def widget(self, one: Schema, path: str) -> Widget:
        match one.get("format"):
            case "words":
                return Said(self.languages)
            case "period":
                return self.length()
            case "date":
                return Day()
            case "country":
                return OneOf(self.countries(one["enum"]))
            case str() as form if form.startswith("name-of-"):
                known = self.names.get(form.removeprefix("name-of-"))
                return Line() if known is None else OneOf(tuple(known))
            case str() as form:
                return Line(form, str(one.get("pattern", "")))
            case _:
                pass
        if "anyOf" in one:
            return self.alternatives(one["anyOf"], path)
        if "enum" in one:
            return OneOf(self.choices(one["enum"], path))
        match one.get("type"):
            case "boolean":
                return YesNo()
            case "integer":
                return Number()
            case "array":
                return self.several(one["items"], path)
            case "object" if "properties" in one:
                return Part(self.fields(one, path))
            case "object":
                return Rows(self.widget(one["additionalProperties"], path), named=True)
            case _:
                return Line()

    def alternatives(self, found: Sequence[Schema], path: str) -> Widget:
        """Choose the form that can say all that the alternatives say."""
        parts = next((one for one in found if "properties" in one), None)
        if parts is not None:
            alone = [
                one["description"] for one in found if str(one.get("description", "")).startswith("Stands")
            ]
            short = tuple(alone[0].removeprefix("Stands for: ").rstrip(".").split(", ")) if alone else ()
            return Part(self.fields(parts, path), short)
        array = next((one for one in found if one.get("type") == "array"), None)
        if array is not None:
            return self.several(array["items"], path)
        enum = next((one for one in found if "enum" in one and "format" not in one), None)
        rest = next(one for one in found if one is not enum)
        widget = self.widget(rest, path)
        if enum is not None and isinstance(widget, Length):
            return replace(widget, instead=self.choices(enum["enum"], path))
        return widget

    def several(self, item: Schema, path: str) -> Widget:
        widget = self.widget(item, path)
        return SomeOf(widget.choices) if isinstance(widget, OneOf) else Rows(widget)

    def length(self) -> Length:
        return Length(tuple((unit, str(self.said.table["period"][unit][1])) for unit in _UNITS))

    def choices(self, found: Sequence[Any], path: str) -> tuple[Choice, ...]:
        said = dict.fromkeys(str(word) for word in found)
        letters = all(len(word) == 1 and word.isalpha() for word in said)
        kind, _, rest = path.partition(".")
        unnamed = f"{kind}.{rest.rpartition('.')[2]}"  # homonyms are told apart by kind and field
        return tuple(
            (word, self.said.letter(word, path) if letters else self.said.word(word, unnamed))
            for word in said
        )

    def countries(self, codes: Sequence[str]) -> tuple[Choice, ...]:
        return tuple(sorted(((code, self.said.country(code)) for code in codes), key=lambda one: one[1]))


def filled(known: Sequence[Field], value: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what the inputs hold for a value of a promise, every short form written out."""
    return dict(_filled(Part(tuple(known)), value, ""))


def _filled(widget: Widget, value: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if value is None:
        if isinstance(widget, Part) and path:
            value = {}
        else:
            return
    match widget:
        case Part():
            yield from _filled_part(widget, value, path)
        case Rows():
            yield from _filled_rows(widget, value, path)
        case SomeOf():
            several = value if isinstance(value, list) else [value]
            yield path, [str(one) for one in several]
        case Said():
            by_language = value if isinstance(value, dict) else {widget.languages[0]: value}
            for language, text in by_language.items():
                yield f"{path}.{language}", [str(text)]
        case Length():
            period = Period.parse(str(value))
            if period is None:
                yield f"{path}.unit", [str(value)]
            else:
                yield f"{path}.number", [str(period.number)]
                yield f"{path}.unit", [period.unit]
        case YesNo():
            yield path, ["yes" if value is True else "no" if value is False else str(value)]
        case _:
            yield path, [str(value)]


def _filled_part(widget: Part, value: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(value, Mapping) or (
        widget.short and value and not set(value) & {one.name for one in widget.fields}
    ):
        value = _written_out(widget, value)
    for one in widget.fields:
        yield from _filled(one.widget, value.get(one.name), f"{path}.{one.name}" if path else one.name)


def _written_out(widget: Part, value: Any) -> Mapping[str, Any]:
    """Return the fields that a single value, words or a list of words stand for."""
    if widget.short:
        return dict.fromkeys(widget.short, value)
    wanted = Rows if isinstance(value, list) else Said
    for one in widget.fields:
        if isinstance(one.widget, wanted) and (wanted is Said or _is_words(one.widget)):
            return {one.name: value}
    return {}


def _is_words(widget: Widget) -> bool:
    return isinstance(widget, Rows) and isinstance(widget.item, Said)


def _filled_rows(widget: Rows, value: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if widget.named:
        for number, (name, one) in enumerate(value.items() if isinstance(value, Mapping) else ()):
            yield f"{path}.{number}.key", [str(name)]
            yield from _filled(widget.item, _named_value(widget.item, one), f"{path}.{number}")
        return
    for number, one in enumerate(value if isinstance(value, list) else [value]):
        yield from _filled(widget.item, one, f"{path}.{number}")


def _named_value(widget: Widget, value: Any) -> Any:
    """Write `name: words` and `name: [words]` out as the fields they are short for."""
    if not isinstance(widget, Part) or value is None:
        return value
    known = {one.name for one in widget.fields}
    if isinstance(value, Mapping) and (set(value) & known or not value):
        return value
    return _written_out(widget, value)


def read(known: Sequence[Field], posted: Posted, language: str) -> tuple[dict[str, Any], tuple[Wrong, ...]]:
    """Make a value of what was posted; what is wrong is told in a language, input by input."""
    reader = _Reader(posted, _catalogue(language)["problem"])
    found = reader.part(Part(tuple(known)), "")
    return found or {}, tuple(reader.wrong)


class _Reader:
    def __init__(self, posted: Posted, say: Mapping[str, str]) -> None:
        self.posted = posted
        self.say = say
        self.wrong: list[Wrong] = []

    def problem(self, path: str, word: str, *parts: str) -> None:
        self.wrong.append(Wrong(path, self.say[word].format(*parts)))

    def one(self, path: str) -> str:
        text = " ".join((self.posted.get(path) or [""])[0].split())
        if len(text) > TEXT_MAX:
            self.problem(path, "long", f"{TEXT_MAX:,}")
            return ""
        return "".join(letter for letter in text if letter >= " " and not "\ud800" <= letter <= "\udfff")

    def part(self, widget: Part, path: str) -> dict[str, Any] | None:
        found = {}
        for one in widget.fields:
            inner = f"{path}.{one.name}" if path else one.name
            value = self.value(one.widget, inner)
            if value is not None:
                found[one.name] = value
        if not found and path:
            return None
        for one in widget.fields:
            inner = f"{path}.{one.name}" if path else one.name
            if (
                one.required
                and one.name not in found
                and not any(w.name.startswith(inner) for w in self.wrong)
            ):
                self.problem(inner, "needed")
        return found

    def value(self, widget: Widget, path: str) -> Any:
        match widget:
            case Part():
                return self.part(widget, path)
            case Rows():
                return self.rows(widget, path)
            case SomeOf():
                known = {word for word, _ in widget.choices}
                said = [word for word in dict.fromkeys(self.posted.get(path, ())) if word]
                for word in said:
                    if word not in known:
                        self.problem(path, "choice")
                return said or None
            case Said():
                return self.words(widget, path)
            case Length():
                return self.length(widget, path)
            case YesNo():
                said_ = self.one(path)
                return {"yes": True, "no": False}.get(said_)
            case Number():
                return self.number(path)
            case OneOf():
                return self.choice(widget, path)
            case Day():
                return self.matching(path, r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "date")
            case Line():
                return self.matching(path, widget.pattern, widget.form)

    def choice(self, widget: OneOf, path: str) -> str | None:
        said = self.one(path)
        if said and said not in {word for word, _ in widget.choices}:
            self.problem(path, "choice")
        return said or None

    def matching(self, path: str, pattern: str, form: str) -> str | None:
        said = self.one(path)
        if said and pattern and not re.search(pattern, said):
            self.problem(path, form if form in self.say else "form")
        return said or None

    def number(self, path: str) -> int | None:
        said = self.one(path)
        if not said:
            return None
        if not re.fullmatch(r"\d{1,12}", said, re.ASCII):
            self.problem(path, "number")
            return None
        return int(said)

    def length(self, widget: Length, path: str) -> str | None:
        number, unit = self.one(f"{path}.number"), self.one(f"{path}.unit")
        if unit in {word for word, _ in widget.instead}:
            return unit
        if not number:
            return None
        if not re.fullmatch(r"\d{1,5}", number, re.ASCII) or unit not in _UNITS:
            self.problem(f"{path}.number", "period")
            return None
        return f"{int(number)} {unit.removesuffix('s') if int(number) == 1 else unit}"

    def words(self, widget: Said, path: str) -> Any:
        names = dict.fromkeys(widget.languages)
        spoken = re.compile(rf"{re.escape(path)}\.([a-z]{{2,3}})")
        names |= dict.fromkeys(match[1] for name in self.posted if (match := spoken.fullmatch(name)))
        found = {name: text for name in names if (text := self.one(f"{path}.{name}"))}
        if not found:
            return None
        first = widget.languages[0]
        return found[first] if list(found) == [first] else found

    def rows(self, widget: Rows, path: str) -> Any:
        numbers = row_numbers(self.posted, path)
        if len(numbers) > ROWS_MAX:
            self.problem(path, "many", str(ROWS_MAX))
            return None
        found: list[tuple[int, str, Any]] = []
        for number in numbers:
            inner = f"{path}.{number}"
            if self.one(f"{inner}.remove"):
                continue
            value = self.value(widget.item, inner)
            key = self.one(f"{inner}.key") if widget.named else ""
            if value is not None or key:
                found.append((number, key, value))
        if not widget.named:
            return [value for _, _, value in found] or None
        return self.by_name(found, path) or None

    def by_name(self, found: Sequence[tuple[int, str, Any]], path: str) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for number, key, value in found:
            if not _NAME.fullmatch(key):
                self.problem(f"{path}.{number}.key", "name")
            elif key in named:
                self.problem(f"{path}.{number}.key", "twice")
            named[key] = value
        return named


def row_numbers(names: Iterable[str], path: str) -> list[int]:
    """Return the numbers of the rows that the names of inputs speak of, the smallest first.

    >>> row_numbers(["table.10.key", "table.2.lifetime.unit", "table.2.key", "tables.1"], "table")
    [2, 10]
    """
    found = (name[len(path) + 1 :].partition(".")[0] for name in names if name.startswith(f"{path}."))
    return sorted({int(one) for one in found if _INDEX.fullmatch(one)})


def canonical(widget: Widget, value: Any) -> Any:
    """Return a value as a form would give it back: what two ways of writing the same have in common."""
    inputs = dict(_filled(widget, value, "v"))
    return _Reader(inputs, _Silent()).value(widget, "v")


class _Silent(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""

    def __contains__(self, key: object) -> bool:
        return True


def said(node: Node | None) -> Any:
    """Return what a node says as values of a form: text as it was written, not as YAML reads numbers."""
    match node:
        case None:
            return None
        case Scalar():
            return node.value if node.value is None or isinstance(node.value, bool) else node.text
        case Items():
            return [said(item) for item in node.items]
        case Fields():
            return {name: said(value) for name, value in node}


def _label(name: str, catalogue: Mapping[str, Mapping[str, str]]) -> str:
    plain = name.replace("_", " ")
    return catalogue["label"].get(name, plain[:1].upper() + plain[1:])


def _help(one: Schema, catalogue: Mapping[str, Mapping[str, str]]) -> str:
    law = f" {one['$comment']}." if "$comment" in one else ""
    plain = str(one.get("description", "")).removesuffix(law)
    return catalogue["help"].get(plain, plain)


def kind_said(kind: str, language: str) -> str:
    """Return what a kind of promise is called in a form."""
    return str(_catalogue(language)["kind"][kind])


def path_said(path: str, language: str) -> str:
    """Return the path of a value in its promise as a form labels it; names and numbers of rows stay as they are.

    >>> path_said("table.visits.data_kept", "fr")
    'Tableau des cookies › visits › Conservation des données'
    """
    catalogue = _catalogue(language)
    known = {*_catalogue("fr")["label"], *_catalogue("en")["label"]}
    return " › ".join(_label(one, catalogue) if one in known else one for one in path.split("."))


@cache
def _catalogue(language: str) -> Mapping[str, Mapping[str, str]]:
    text = (files("troth.policy") / "data" / f"form.{language}.toml").read_text("utf-8")
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(text)
    return found
