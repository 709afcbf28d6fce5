"""Stores that only people reach: their maps say what they are, who looks after them and for which rights.

Nothing is connected to here; `work.task` asks the owner, and they attest.
"""

from __future__ import annotations

import re

from troth.errors import Problem
from troth.policy.reading import Reading
from troth.policy.yaml_text import Fields, Node, Scalar
from troth.policy.yaml_text import read as read_yaml
from troth.rules.claim import WAYS
from troth.rules.letter import LANGUAGES
from troth.rules.task import RIGHTS, Manual, Owner

KIND = "manual"
_FIELDS = ("store", "kind", "what", "owner", "rights", "before", "controller")
_STORE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}", re.ASCII)
_DAYS = re.compile(r"([0-9]{1,2}) days?")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def is_manual(text: str) -> bool:
    """Tell whether a map is of this kind, whatever else is wrong with it."""
    node, _ = read_yaml(text, "")
    if not isinstance(node, Fields):
        return False
    return any(
        key.text == "kind" and isinstance(value, Scalar) and value.text == KIND for key, value in node.entries
    )


def read(text: str, file: str) -> tuple[Manual | None, tuple[Problem, ...]]:
    """Read the map of a manual store; None when there is any Problem."""
    node, problems = read_yaml(text, file)
    reading = _Reading(file)
    reading.problems.extend(problems)
    found = reading.manual(node) if node is not None else None
    if reading.problems:
        return None, tuple(sorted(reading.problems))
    return found, ()


class _Reading(Reading):
    def manual(self, node: Node) -> Manual | None:
        fields = self.fields(node, "The map of a manual store", _FIELDS, ("store", "kind", "what", "owner"))
        store = self._text(fields.get("store"), "`store`")
        if store is not None and not _STORE.fullmatch(store):
            self.problem(
                fields["store"],
                "The name of a manual store is of letters, digits, - and _, 41 at most.",
                "Shorten it.",
            )
        what = self._what(fields.get("what"))
        owner = self._owner(fields.get("owner"))
        rights = self._rights(fields.get("rights"))
        before = self._days(fields.get("before"))
        if store is None or owner is None or not what:
            return None
        return Manual(store, what, owner, rights, before, self.file)

    def _text(self, node: Node | None, what: str) -> str | None:
        if node is None:
            return None
        if isinstance(node, Scalar) and node.text.strip():
            return node.text.strip()
        self.problem(node, f"{what} must be text.", "Write it so.")
        return None

    def _what(self, node: Node | None) -> dict[str, str]:
        """Read what the store is: a text, or one by language."""
        if node is None:
            return {}
        if isinstance(node, Scalar):
            text = self._text(node, "`what`")
            return {"en": text} if text else {}
        found = self.fields(node, "`what`", LANGUAGES)
        texts = {language: self._text(value, f"`{language}`") for language, value in found.items()}
        return {language: text for language, text in texts.items() if text}

    def _owner(self, node: Node | None) -> Owner | None:
        fields = self.fields(node, "`owner`", ("name", "email", "language"), ("name", "email"))
        name, address = (
            self._text(fields.get("name"), "`name`"),
            self._text(fields.get("email"), "`email`"),
        )
        if address is not None and not _ADDRESS.fullmatch(address):
            self.problem(
                fields["email"],
                "The `email` of the owner is no address.",
                "Write one, such as it@shop.example.",
            )
        language = self._text(fields.get("language"), "`language`") or "en"
        if language not in LANGUAGES:
            self.problem(
                fields["language"],
                "Tasks are written in " + " or ".join(LANGUAGES) + ".",
                "Choose one of them.",
            )
        return Owner(name, address, language) if name and address else None

    def _rights(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return RIGHTS
        found = []
        for item in self.items(node, "`rights`"):
            right = self._text(item, "A right")
            if right is not None and right not in WAYS:
                self.problem(item, "There is no right of that name.", f"There are: {', '.join(WAYS)}.")
            elif right is not None:
                found.append(right)
        return tuple(dict.fromkeys(found))

    def _days(self, node: Node | None) -> int:
        written = self._text(node, "`before`")
        if written is None:
            return 7
        match = _DAYS.fullmatch(written)
        if match is None:
            self.problem(
                node, "`before` says how many days before the safe date the owner answers.", "Write `7 days`."
            )
            return 7
        return int(match[1])
