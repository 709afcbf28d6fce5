"""Typed values out of YAML nodes, with every mistake collected on the way.

Each method of `Reading` returns the value, or None after noting a Problem, so one
pass over a file finds all its mistakes.  A node that is None (the key was not there)
gives None and no Problem: what must be there is said in `fields`.

Values are never quoted in a Problem where they could be personal; keys, choices and
short codes are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from importlib.resources import files
from typing import TypeVar

from troth.errors import Problem
from troth.law.period import Period
from troth.policy.yaml_text import Fields, Items, Node, Scalar

Choice = TypeVar("Choice", bound=str)

COUNTRIES = frozenset((files("troth.policy") / "data" / "countries.txt").read_text("ascii").split())
"""The country codes of ISO 3166-1 (alpha-2)."""

_OTHER_NAMES = {"UK": "GB", "EL": "GR", "USA": "US"}
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false", "y": "true", "n": "false"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Reading:
    """One file being read; `problems` holds what was found so far."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def problem(self, at: Node | None, what: str, remedy: str) -> None:
        """Note a mistake at a node (at the start of the file without one)."""
        line, column = (at.line, at.column) if at is not None else (1, 1)
        self.problems.append(Problem(self.file, line, column, what, remedy))

    def fields(
        self, node: Node | None, what: str, known: Collection[str], required: Iterable[str] = ()
    ) -> Mapping[str, Node]:
        """Return the nodes by key; an unknown key and a missing required one are Problems.

        A key whose value is empty counts as missing.  `what` names the mapping in
        messages, such as "`answer`".
        """
        if node is None:
            return {}
        if not isinstance(node, Fields):
            some = ", ".join(list(known)[:6])
            self.problem(node, f"{what} must be fields (`key: value`).", f"Its fields are: {some}.")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.entries:
            if key.text not in known:
                self.problem(
                    key,
                    f"{what} has no field called `{shortened(key.text)}`.",
                    after_a_comma(key, value) or did_you_mean(key.text, known),
                )
            elif not _is_empty(value):
                found[key.text] = value
        for key_name in required:
            if key_name not in found:
                self.problem(node, f"{what} lacks `{key_name}`.", f"Add a line `{key_name}: …`.")
        return found

    def named(self, node: Node | None, what: str) -> tuple[tuple[Scalar, Node], ...]:
        """Return the entries of a mapping whose keys are names its writer chose."""
        if node is None:
            return ()
        if not isinstance(node, Fields):
            self.problem(
                node, f"{what} must be a mapping of names.", "Write `name:` and its fields below it."
            )
            return ()
        return node.entries

    def items(self, node: Node | None, what: str) -> tuple[Node, ...]:
        """Return the nodes of a list."""
        if node is None:
            return ()
        if not isinstance(node, Items):
            self.problem(node, f"{what} must be a list.", "Write [one, two], or one `- item` a line.")
            return ()
        return node.items

    def text(self, node: Node | None, what: str) -> str | None:
        """Return text that is not empty; numbers and words such as true count as text."""
        if node is None:
            return None
        if not isinstance(node, Scalar):
            self.problem(node, f"{what} must be text.", "Write one value, in quotes if it has a colon.")
            return None
        if not node.text.strip():
            self.problem(node, f"{what} is empty.", "Write something, or remove the key.")
            return None
        return node.text.strip()

    def texts(self, node: Node | None, what: str) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        if isinstance(node, Scalar):
            one = self.text(node, what)
            return () if one is None else (one,)
        found = (self.text(item, f"Each item of {what}") for item in self.items(node, what))
        return tuple(item for item in found if item is not None)

    def integer(self, node: Node | None, what: str, at_least: int = 0, at_most: int = 10**12) -> int | None:
        """Return a whole number within bounds."""
        if node is None:
            return None
        if not isinstance(node, Scalar) or not isinstance(node.value, int) or isinstance(node.value, bool):
            self.problem(node, f"{what} must be a whole number.", "Write digits, without quotes.")
            return None
        if not at_least <= node.value <= at_most:
            self.problem(
                node,
                f"{what} must be from {at_least} to {at_most}, not {node.value}.",
                "Write a number in between.",
            )
            return None
        return node.value

    def boolean(self, node: Node | None, what: str) -> bool | None:
        """Return true or false; `yes` and `no` are words, and a Problem."""
        if node is None:
            return None
        if not isinstance(node, Scalar) or not isinstance(node.value, bool):
            meant = _BOOLEANS.get(node.text.lower()) if isinstance(node, Scalar) else None
            remedy = f"Write `{meant}`." if meant else "Write `true` or `false`."
            self.problem(node, f"{what} must be true or false.", remedy)
            return None
        return node.value

    def choice(self, node: Node | None, what: str, choices: Collection[Choice]) -> Choice | None:
        """Return one of `choices`."""
        if node is None:
            return None
        if isinstance(node, Scalar):
            for choice in choices:
                if node.text == choice:
                    return choice
            self.problem(
                node,
                f"{what} cannot be `{shortened(node.text)}`.",
                did_you_mean(node.text, choices),
            )
            return None
        self.problem(node, f"{what} must be one word.", f"It is one of: {', '.join(choices)}.")
        return None

    def choices(self, node: Node | None, what: str, choices: Collection[Choice]) -> tuple[Choice, ...]:
        """Return several of `choices`, each once; a single one is a list of one."""
        nodes = (node,) if isinstance(node, Scalar) else self.items(node, what)
        found: list[Choice] = []
        for item in nodes:
            one = self.choice(item, what, choices)
            if one is not None and one in found:
                self.problem(item, f"{what} has `{one}` twice.", "Keep one of the two.")
            elif one is not None:
                found.append(one)
        return tuple(found)

    def period(self, node: Node | None, what: str) -> Period | None:
        """Return a length of time such as `13 months`; a bare number has no unit and is a Problem."""
        if node is None:
            return None
        found = Period.parse(node.text) if isinstance(node, Scalar) else None
        if found is None:
            written = f" not `{shortened(node.text)}`" if isinstance(node, Scalar) else ""
            number = node.text if isinstance(node, Scalar) and isinstance(node.value, int) else "13"
            self.problem(
                node,
                f"{what} must be a length of time with its unit,{written}."
                if written
                else f"{what} must be a length of time with its unit.",
                f"Write it like `{number} months`; the units are hours, days, weeks, months and years.",
            )
        return found

    def date(self, node: Node | None, what: str) -> date | None:
        """Return a day of the calendar, written as in 2026-11-23."""
        if node is None:
            return None
        if isinstance(node, Scalar) and _DATE.fullmatch(node.text):
            try:
                return date.fromisoformat(node.text)
            except ValueError:
                self.problem(node, f"{what} is not a day of the calendar.", "Mend the month or the day.")
                return None
        self.problem(node, f"{what} must be a date.", "Write year, month and day, as in 2026-11-23.")
        return None

    def country(self, node: Node | None, what: str) -> str | None:
        """Return the two letters of a country (ISO 3166-1)."""
        if node is None:
            return None
        if isinstance(node, Scalar) and node.text in COUNTRIES:
            return node.text
        meant = _country_meant(node.text) if isinstance(node, Scalar) else None
        remedy = f"Did you mean `{meant}`?" if meant else "Write two capitals, as in FR, NO or US."
        self.problem(node, f"{what} must be the code of a country (ISO 3166-1).", remedy)
        return None


def did_you_mean(written: str, known: Collection[str]) -> str:
    """Say which known name is nearest, or which there are.

    >>> did_you_mean("withn", ["within", "extend_by"])
    'Did you mean `within`?'
    >>> did_you_mean("colour", ["within", "extend_by"])
    'There are: within, extend_by.'
    """
    by_plain = {name.lower().replace("-", "_"): name for name in known}
    near = get_close_matches(written[:80].lower().replace("-", "_"), by_plain, 1, 0.6)
    if near:
        return f"Did you mean `{by_plain[near[0]]}`?"
    if not known:
        return "There are none."
    listed = list(known)
    shown = ", ".join(listed[:30]) + (" …" if len(listed) > 30 else "")
    return f"There are: {shown}."


def after_a_comma(key: Scalar, value: Node) -> str:
    """Say the remedy where words after a comma, in `{a: one, two}`, were taken for a key."""
    end = (key.line, key.column + len(key.text))
    alone = isinstance(value, Scalar) and value.text == "" and (value.line, value.column) == end
    return "A comma ends a value inside { }: put the words in quotes." if alone else ""


def shortened(text: str, length: int = 40) -> str:
    """Cut a text for a message, in one line.

    >>> shortened("a b" * 30)
    'a ba ba ba ba ba ba ba ba ba ba ba ba b…'
    """
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _country_meant(written: str) -> str | None:
    code = written.strip().upper()
    code = _OTHER_NAMES.get(code, code)
    return code if code in COUNTRIES else None


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
