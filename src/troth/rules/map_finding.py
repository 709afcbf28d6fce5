"""What the check of a map found, under the rule that found it: a problem stops, a remark does not.

The names of rules are for build servers (SARIF, JSON), which count and silence by them: once
given, a name keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from troth.errors import Problem

Level = Literal["problem", "remark"]

RULES: Mapping[str, str] = MappingProxyType({
    "unreadable": "The file is no map, or refers to what it does not have.",
    "stale": "The map names a table or column that the database does not have.",
    "unmapped": "The database has a table of which the map says nothing.",
    "stray": "A folder of logs has files of which the map says nothing.",
    "unclassified": "A column has no category, or looks personal where none should be.",
    "undecided": "A question of a draft has no answer yet.",
    "drift": "The database has changed since somebody reviewed the map.",
    "unowned": "No path leads to a table from a subject, or subjects are not told apart.",
    "edge": "An edge cannot be followed, or leads to several rows where one is meant.",
    "link": "The database links rows to people, and the map does not say so.",
    "blind": "The connection that finds sees only a part of the rows or columns.",
    "powerless": "The connection that changes lacks a right that the actions of the map need.",
    "outside": "A trigger that would fire may do something outside the database.",
    "value": "A new value is one that its column cannot hold.",
    "policy": "The policy does not say what the map says of a column or a retention.",
    "purpose": "No purpose of this store has the category of a column.",
    "plan": "The database would refuse an erasure by this map, or it would take somebody else's rows.",
    "loose": "Every path from a subject to a table may be missing.",
    "crowded": "A table has so many owners that some of them may only be mentioned.",
    "left": "What is about the subject stays readable after an erasure.",
    "doubted": "A constraint may refuse a new value.",
    "waits": "Rows wait for ever to be archived, for others that are never let go.",
    "given_again": "A key is given again once its row was archived.",
    "unsearched": "The search for residue sees only a part of the database.",
    "notifies": "A trigger tells listeners outside the database, once a change is committed.",
    "credential": "A column looks like a credential and is not called one.",
})  # fmt: skip
"""Each rule, and what it finds, in a sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One thing found, by the name of its rule."""

    problem: Problem
    rule: str
    level: Level = "problem"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise KeyError(self.rule)
