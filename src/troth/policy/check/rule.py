"""The table of rules: the function of each, and what is told of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module, resources
from typing import Any

from troth.policy.check.finding import Confidence, Severity, Spot
from troth.policy.check.prose import Prose

GROUPS = (
    "text",
    "contact",
    "terms",
    "missing",
    "missing_rights",
    "law",
    "conflict",
    "number",
    "age",
    "promises",
)
"""The modules of rules, each with a TOML file of the same name; `missing_rights` is of the group `missing`."""

Find = Callable[[Prose], Iterable[Spot]]

_FOUND_BY: dict[str, tuple[Find, frozenset[str]]] = {}


@dataclass(frozen=True, slots=True)
class About:
    """What is told of a rule, in one language."""

    rule: str
    group: str
    severity: Severity
    confidence: Confidence
    law: str
    message: str
    remedy: str
    why: str


def rule(name: str, *languages: str) -> Callable[[Find], Find]:
    """Enter a function as the rule `name`, for documents in these languages; in any if none is given."""

    def enter(find: Find) -> Find:
        _FOUND_BY[name] = (find, frozenset(languages))
        return find

    return enter


@cache
def rule_ids() -> tuple[str, ...]:
    """Return every rule, in the order of the groups."""
    return tuple(name for group in GROUPS for name in _table(group))


@cache
def about(name: str, language: str = "en") -> About:
    """Return what is told of a rule, in `en` or `fr`; raises KeyError where there is none."""
    for group in GROUPS:
        entry = _table(group).get(name)
        if entry is not None:
            words = entry["fr" if language == "fr" else "en"]
            return About(
                name,
                group.partition("_")[0],
                entry["severity"],
                entry["confidence"],
                entry["law"],
                words["message"],
                words["remedy"],
                words["why"],
            )
    raise KeyError(name)


def finder(name: str, language: str) -> Find | None:
    """Return the function of a rule, or None where it cannot read that language."""
    for group in GROUPS:
        import_module(f"troth.policy.check.{group}")
    find, languages = _FOUND_BY[name]
    return find if not languages or language in languages else None


@cache
def _table(group: str) -> dict[str, dict[str, Any]]:
    text = resources.files("troth.policy.check").joinpath(f"{group}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
