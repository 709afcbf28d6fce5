"""A form of a promise as a page draws it: each input with its name, its label and what it holds.

It translates `policy.form` and decides nothing; one empty row stands behind those that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from troth.faces.words import NAMES, Words
from troth.policy.form import (
    Choice,
    Day,
    Field,
    Length,
    Line,
    Number,
    OneOf,
    Part,
    Rows,
    Said,
    SomeOf,
    Widget,
    Wrong,
    YesNo,
    row_numbers,
)


@dataclass(frozen=True, slots=True)
class Input:
    """One input, or several that belong together (`parts`, or `rows` of such)."""

    kind: str
    name: str
    label: str
    help: str = ""
    law: str = ""
    required: bool = False
    values: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    wrong: str = ""
    type: str = "text"
    parts: tuple[Input, ...] = ()
    rows: tuple[tuple[str, str, tuple[Input, ...], str], ...] = ()
    """Of each row: the name of its input, its own name, its inputs, and what is wrong with its name."""

    @property
    def value(self) -> str:
        """The one value it holds."""
        return self.values[0] if self.values else ""

    @property
    def filled(self) -> bool:
        """Say whether something is said here, or wrong."""
        rows = any(key or any(one.filled for one in parts) for _, key, parts, _ in self.rows)
        return bool(self.wrong or any(self.values) or rows or any(one.filled for one in self.parts))


@dataclass(frozen=True, slots=True)
class _Drawing:
    inputs: Mapping[str, Sequence[str]]
    wrong: Mapping[str, str]
    named: str
    spoken: Mapping[str, str]


def drawn(
    fields: Sequence[Field],
    inputs: Mapping[str, Sequence[str]],
    wrong: Sequence[Wrong],
    named: str,
    spoken: Mapping[str, str],
    prefix: str,
) -> tuple[Input, ...]:
    """Return the inputs of a form; `named` is what a row's name is called, `spoken` the names of languages.

    `prefix` stands before the name of each input, so that several forms stand on one page.
    """
    drawing = _Drawing(
        {f"{prefix}{name}": values for name, values in inputs.items()},
        {f"{prefix}{one.name}": one.says for one in wrong},
        named,
        spoken,
    )
    return tuple(_field(one, f"{prefix}{one.name}", drawing) for one in fields)


def in_words(inputs: Sequence[Input], words: Words, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield what a promise says as (what, how), in words; what is not said is left out."""
    for one in inputs:
        if not one.filled:
            continue
        label = " – ".join(part for part in (before, one.label) if part)
        match one.kind:
            case "part":
                yield from in_words(one.parts, words, label)
            case "rows":
                for _, key, parts, _ in one.rows:
                    if key or any(part.filled for part in parts):
                        yield label, words.several(filter(None, (key, *_row_in_words(parts, words))))
            case "words":
                yield label, _spoken(one.parts, words)
            case "yes_no":
                yield label, words("policy.yes" if one.value == "yes" else "policy.no")
            case "length":
                number, unit = (*one.values, "")[:2]
                yield label, words.period(f"{number} {unit}") if number else dict(one.choices).get(unit, unit)
            case _:
                known = dict(one.choices)
                yield label, ", ".join(known.get(value, value) for value in one.values if value)


def _row_in_words(parts: Sequence[Input], words: Words) -> Iterator[str]:
    """Yield what a row says; of one that is said in several languages the one of the page."""
    if parts and all(part.name.rpartition(".")[2] in NAMES for part in parts):
        yield _spoken(parts, words)
        return
    for what, how in in_words(parts, words):
        yield f"{what}{words('colon')} {how}" if what else how


def _spoken(parts: Sequence[Input], words: Words) -> str:
    said = {part.name.rpartition(".")[2]: part.value for part in parts if part.value}
    return said.get(words.language) or next(iter(said.values()), "")


def _field(one: Field, name: str, drawing: _Drawing) -> Input:
    return _widget(one.widget, name, drawing, one.label, one.help, one.law, one.required)


def _widget(
    widget: Widget, name: str, drawing: _Drawing, label: str, help_: str = "", law: str = "", required: bool = False
) -> Input:  # fmt: skip
    values = tuple(drawing.inputs.get(name, ()))
    wrong = drawing.wrong.get(name, "")

    def made(
        kind: str,
        *,
        choices: tuple[Choice, ...] = (),
        type_: str = "text",
        parts: tuple[Input, ...] = (),
        held: tuple[str, ...] = values,
        said: str = wrong,
    ) -> Input:
        return Input(kind, name, label, help_, law, required, held, choices, said, type_, parts)

    match widget:
        case Line():
            return made("line", type_="email" if widget.form == "email" else "text")
        case Number():
            return made("number")
        case Day():
            return made("day")
        case YesNo():
            return made("yes_no")
        case OneOf():
            return made("one_of", choices=_with_held(widget.choices, values))
        case SomeOf():
            return made("some_of", choices=_with_held(widget.choices, values))
        case Length():
            number, unit = (tuple(drawing.inputs.get(f"{name}.{part}", ())) for part in ("number", "unit"))
            said = drawing.wrong.get(f"{name}.number", wrong)
            held = ((number or ("",))[0], (unit or ("months",))[0]) if number or unit else ()
            return made("length", choices=(*widget.units, *widget.instead), held=held, said=said)
        case Said():
            parts = tuple(
                _widget(Line(), f"{name}.{language}", drawing, drawing.spoken.get(language, language))
                for language in widget.languages
            )
            return made("words", parts=parts)
        case Part():
            return made(
                "part", parts=tuple(_field(one, f"{name}.{one.name}", drawing) for one in widget.fields)
            )
        case Rows():
            return Input("rows", name, label, help_, law, required, (), (), wrong, "named" if widget.named else "", (),
                         tuple(_rows(widget, name, drawing)))  # fmt: skip


def _rows(widget: Rows, name: str, drawing: _Drawing) -> list[tuple[str, str, tuple[Input, ...], str]]:
    found = row_numbers(drawing.inputs, name)
    rows = []
    for number in [*found, max(found, default=-1) + 1]:
        inner = f"{name}.{number}"
        key = (drawing.inputs.get(f"{inner}.key") or ("",))[0]
        item = _widget(widget.item, inner, drawing, "")
        parts = item.parts if item.kind in ("part", "words") else (item,)
        rows.append((inner, key, parts, drawing.wrong.get(f"{inner}.key", "")))
    return rows


def _with_held(choices: tuple[Choice, ...], values: Sequence[str]) -> tuple[Choice, ...]:
    """Return the choices, and whatever is held that is none of them any more."""
    known = {word for word, _ in choices}
    return (*choices, *((value, value) for value in values if value and value not in known))
