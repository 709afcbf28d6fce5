"""Reading what a store map says of an erasure: its action, the values it writes, who decided.

An empty mapping never means everything: it is a Problem.
"""

from __future__ import annotations

from collections.abc import Mapping

from troth.policy.reading import Reading, shortened
from troth.policy.yaml_text import Fields, Node, Scalar
from troth.rules.map import (
    Action,
    Blank,
    Delete,
    Erase,
    InList,
    Inside,
    Part,
    Parts,
    Place,
    ReplaceOwner,
    Retain,
    Value,
    Values,
)
from troth.stores.map_notation import link_of

_ALLOWED = {
    "delete": (),
    "blank": ("set",),
    "replace_owner": (),
    "retain": ("until", "legal", "blank"),
}


class ErasureReading(Reading):
    """Reads erasures and constants in one map file; `places` remembers where things stand."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.places: dict[tuple[str, ...], Place] = {}
        self.columns: Mapping[str, str] = {}  # of the table being read

    def at(self, node: Node | None, *path: str) -> None:
        """Remember where this path stands."""
        if node is not None:
            self.places[path] = (node.line, node.column)

    def spot(self, written: str) -> tuple[str, Inside | None]:
        """Read the name of a column, or of a place inside a column of this table."""
        found = link_of(written) if written not in self.columns else None
        if found is None or found[1] is None or found[0][0] not in self.columns:
            return written, None
        return found[0][0], found[1]

    def erase(self, table: str, node: Node | None) -> Erase | None:
        """Read what an erasure does with the rows of a table, and who decided it."""
        if node is None:
            return None
        self.at(node, table, "erase")
        fields = self.fields(
            node,
            "`erase`",
            ("do", "set", "until", "legal", "blank", "by", "because"),
            ("do", "by", "because"),
        )
        do = self.choice(fields.get("do"), "`do`", tuple(_ALLOWED))
        by, because = self.text(fields.get("by"), "`by`"), self.text(fields.get("because"), "`because`")
        action: Action | None = None
        if do is not None:
            for other in fields:
                if other not in ("do", "by", "because", *_ALLOWED[do]):
                    self.problem(
                        fields[other],
                        f"`{other}` means nothing with `do: {do}`.",
                        _remedy_for_option(other, do),
                    )
            action = self.action(table, do, node, fields)
        if action is None or by is None or because is None:
            return None
        return Erase(action, by, because)

    def action(self, table: str, do: str, node: Node, fields: Mapping[str, Node]) -> Action | None:
        """Read the action that `do` names."""
        match do:
            case "delete":
                return Delete()
            case "replace_owner":
                return ReplaceOwner()
            case "blank":
                if "set" not in fields:
                    self.problem(
                        node, "`do: blank` does not say what to blank.", "Add `set: {column: null}`."
                    )
                    return None
                values, parts = self.values(fields["set"], "`set`", table, "erase")
                return Blank(values, parts) if values or parts else None
            case _:
                return self.retain(table, node, fields)

    def retain(self, table: str, node: Node, fields: Mapping[str, Node]) -> Retain | None:
        """Read until when rows are retained, and by which law."""
        for needed, example in (
            ("until", "{period: 10 years, trigger: placed}"),
            ("legal", "C. com. L123-22"),
        ):
            if needed not in fields:
                self.problem(node, f"`do: retain` lacks `{needed}`.", f"Add `{needed}: {example}`.")
        until = self.fields(fields.get("until"), "`until`", ("period", "trigger"), ("period", "trigger"))
        period = self.period(until.get("period"), "`period`")
        trigger = self.text(until.get("trigger"), "`trigger`")
        legal = self.text(fields.get("legal"), "`legal`")
        blank: Values = ()
        parts: Parts = ()
        if "blank" in fields:
            blank, parts = self.values(fields["blank"], "`blank`", table, "erase")
        if period is None or trigger is None or legal is None:
            return None
        self.at(until.get("trigger"), table, "erase", "until")
        return Retain(period, trigger, legal, blank, parts)

    def values(self, node: Node | None, what: str, table: str, under: str) -> tuple[Values, Parts]:
        """Read columns, and parts of columns, and the constants they are set to; an empty mapping is a Problem."""
        entries = self.named(node, what)
        if isinstance(node, Fields) and not entries:
            self.problem(node, f"{what} names no column.", "Name each column: `{email: null}`.")
        values: list[tuple[str, Value]] = []
        parts: list[Part] = []
        for key, written in entries:
            self.at(key, table, under, key.text)
            value = self.value(written, f"The value of `{shortened(key.text)}`")
            column, inside = self.spot(key.text)
            if inside is None:
                values.append((column, value))
            elif isinstance(inside, InList) and not inside.below:
                what_ = (
                    f"`{shortened(key.text)}` is a whole element of a list, which has no place to be emptied."
                )
                self.problem(key, what_, "Name a key below it, `people.*.name`; or blank the list.")
            else:
                parts.append(Part(column, inside, value))
        return tuple(values), tuple(parts)

    def value(self, node: Node, what: str) -> Value:
        """Read one constant; null is one."""
        if not isinstance(node, Scalar):
            self.problem(
                node, f"{what} must be one value.", "Write null, text, a whole number, true or false."
            )
            return None
        if isinstance(node.value, float):
            self.problem(node, f"{what} is a fraction.", f"Put it in quotes: '{shortened(node.text)}'.")
            return None
        return node.value


def _remedy_for_option(option: str, do: str) -> str:
    owners = [action for action, options in _ALLOWED.items() if option in options]
    return f"Remove it, or write `do: {owners[0]}`." if owners and owners[0] != do else "Remove it."
