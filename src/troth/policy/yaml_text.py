"""YAML as people write it by hand: every value with its place, and nothing clever.

The YAML 1.2 core schema, so `NO` is the country and not false, and `010` is ten.
Aliases, anchors, tags, merge keys, several documents in one file and a key said
twice are Problems: what a reviewer reads in a diff is what the machine reads.

`read` is total: any text at all gives a node or Problems, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import yaml

from troth.errors import Problem

Value = str | int | float | bool | None

DEPTH_MAX = 32
LENGTH_MAX = 4_000_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]{1,20}", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,15}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_ODD_FLOAT = {".inf": "inf", "-.inf": "-inf", "+.inf": "inf", ".nan": "nan"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `text` is how it was written, `value` what the core schema reads in it."""

    value: Value
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, in the order of the file; no key is there twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        """Yield each key, as it was written, and its node."""
        return ((key.text, node) for key, node in self.entries)

    def get(self, key: str) -> Node | None:
        """Return the node under `key`, or None."""
        return next((node for name, node in self if name == key), None)


Node = Scalar | Items | Fields


def plain(node: Node) -> object:
    """Return what a node says, without its places.

    >>> plain(read("a: [1, {b: NO}]", "store.yaml")[0])
    {'a': [1, {'b': 'NO'}]}
    """
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Fields():
            return {name: plain(value) for name, value in node}


def read(text: str, file: str, line_offset: int = 0) -> tuple[Node | None, tuple[Problem, ...]]:
    """Read one document; lines count from `line_offset` + 1.  An empty text is None.

    >>> node, problems = read("country: NO", "store.yaml")
    >>> node.get("country").value, problems
    ('NO', ())
    >>> read("a: 1", "store.yaml", line_offset=10)[0].entries[0][0].line
    11
    """
    return _Composer(file, line_offset).compose(text)


class _Composer:
    """Builds nodes from the parser's events; `problems` fills up on the way."""

    def __init__(self, file: str, line_offset: int) -> None:
        self.file = file
        self.line_offset = line_offset
        self.problems: list[Problem] = []

    def compose(self, text: str) -> tuple[Node | None, tuple[Problem, ...]]:
        text = text.removeprefix("\ufeff")
        if len(text) > LENGTH_MAX:
            self._problem(0, 0, f"There is more than {LENGTH_MAX:,} characters of YAML.", "Split it up.")
            return None, tuple(self.problems)
        text, strange = _without_surrogates(text)
        if strange:
            self._problem(*strange, "There is half of a character here.", "Save the file as UTF-8.")
        node: Node | None = None
        try:
            node = self._document(yaml.parse(text, Loader=_LOADER))
        except yaml.reader.ReaderError as error:
            line, column = _place(text, error.position)
            what = f"There is a control character here (number {_number(error.character)})."
            self._problem(line, column, what, "Remove it.")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (0, 0) if mark is None else _inside(text, mark.line, mark.column)
            self._problem(line, column, *_explained(str(error.problem or error.context), text, line, column))
        except yaml.YAMLError as error:
            self._problem(0, 0, f"This is not YAML: {error}.", "Mend it.")
        return node, tuple(self.problems)

    def _document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    mark = cast(Any, event.start_mark)
                    self._problem(
                        mark.line, mark.column, "A second document starts here.", "Put it into its own file."
                    )
            elif isinstance(event, yaml.NodeEvent):
                node = self._node(event, events, 1)
                root = node if documents == 1 else root
        if isinstance(root, Scalar) and root.text == "" and root.value is None:
            return None
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        line, column = event.start_mark.line, event.start_mark.column
        at = (self.line_offset + line + 1, column + 1)
        if isinstance(event, yaml.AliasEvent):
            self._problem(line, column, "An alias (`*`) is not allowed here.", "Write the value out.")
            return Scalar(None, "", *at)
        if event.anchor is not None:
            self._problem(
                line, column, "An anchor (`&`) is not allowed here.", "Write values out where used."
            )
        if event.tag is not None:
            self._problem(line, column, "A tag (`!`) is not allowed here.", "Remove it; put text in quotes.")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(self._value(event) if event.implicit[0] else event.value, event.value, *at)
        if depth > DEPTH_MAX:
            if depth == DEPTH_MAX + 1:
                self._problem(line, column, f"This is nested more than {DEPTH_MAX} deep.", "Make it flatter.")
            _skip(events)
            return Scalar(None, "", *at)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := next(events), yaml.SequenceEndEvent):
                items.append(self._node(inner, events, depth + 1))
            return Items(tuple(items), *at)
        return Fields(tuple(self._entries(events, depth)), *at)

    def _entries(self, events: Iterator[Any], depth: int) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, int] = {}
        while not isinstance(inner := next(events), yaml.MappingEndEvent):
            line, column = inner.start_mark.line, inner.start_mark.column
            key = self._node(inner, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                self._problem(line, column, "A key must be one word or text.", "Name it with plain text.")
            elif key.text == "<<":
                self._problem(line, column, "A merge key (`<<`) is not allowed.", "Write the fields out.")
            elif key.text in seen:
                self._problem(
                    line,
                    column,
                    f"`{_short(key.text)}` is already said on line {seen[key.text]}.",
                    "Keep one of the two.",
                )
            else:
                seen[key.text] = key.line
                yield key, value

    def _value(self, event: Any) -> Value:
        text: str = event.value
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INTEGER.fullmatch(text):
            return int(text)
        if _OCTAL.fullmatch(text):
            return int(text[2:], 8)
        if _HEXADECIMAL.fullmatch(text):
            return int(text[2:], 16)
        if text.lower() in _ODD_FLOAT:
            return float(_ODD_FLOAT[text.lower()])
        if len(text) <= 40 and _FLOAT.fullmatch(text):
            return float(text)
        return text

    def _problem(self, line: int, column: int, what: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, self.line_offset + line + 1, column + 1, what, remedy))


def _skip(events: Iterator[Any]) -> None:
    """Read to the end of the collection that has just begun."""
    depth = 1
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            if depth == 0:
                return


def _explained(said: str, text: str, line: int, column: int) -> tuple[str, str]:
    """Turn the parser's words into what is wrong and how to mend it."""
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    if "\t" in here[: column + 1] and here[: column + 1].strip() == "":
        return "The indentation has a tab in it.", "Indent with spaces."
    if "mapping values are not allowed" in said:
        return (
            "There is a second colon and space in this line, or the indentation is off.",
            "Put text with a colon in quotes.",
        )
    if "found character that cannot start any token" in said:
        mark = here[column : column + 1]
        return f"A value cannot begin with {mark!r}.", "Put the text in quotes."
    if "could not find expected ':'" in said:
        return "This line is not `key: value`.", "Write a colon and a space after the key."
    if "did not find expected key" in said or "did not find expected '-' indicator" in said:
        return "The indentation does not line up here.", "Line the keys (or dashes) up with those above."
    if "did not find expected ',' or" in said or "expected node content" in said:
        return "A bracket or a comma is missing.", "Close the { or [, or put a comma between."
    if "unexpected end of stream" in said or "quoted scalar" in said:
        return "A quotation mark is not closed.", "Close it, or double it inside the text."
    return f"This is not YAML: {said}.", "Mend this line or the one above it."


def _inside(text: str, line: int, column: int) -> tuple[int, int]:
    """Bring a place after the last line back to the end of the text."""
    lines = text.splitlines() or [""]
    if line >= len(lines):
        return len(lines) - 1, len(lines[-1])
    return line, column


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n"), position - (before.rfind("\n") + 1)


def _number(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")


def _without_surrogates(text: str) -> tuple[str, tuple[int, int] | None]:
    found = re.search("[\ud800-\udfff]", text)
    if found is None:
        return text, None
    return re.sub("[\ud800-\udfff]", "\ufffd", text), _place(text, found.start())


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
