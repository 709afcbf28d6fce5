"""What a restriction does in a store, by its map, and how long one stands that a request began by itself.

Law: GDPR Art. 18 (restriction), Art. 4(3); recital 67 (the methods: moving data away, marking it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from troth.rules.catalogue import Catalogue
from troth.rules.map import Columns, Flag, Map, MapTable, SetAside

Ground = Literal["accuracy", "unlawful", "claims", "objection"]
GROUNDS: dict[str, str] = {
    "accuracy": "GDPR Art. 18(1)(a)",
    "unlawful": "GDPR Art. 18(1)(b)",
    "claims": "GDPR Art. 18(1)(c)",
    "objection": "GDPR Art. 18(1)(d)",
}
"""On which ground somebody may ask for it, and where the law says so."""
LETTERS: dict[str, str] = {"a": "accuracy", "b": "unlawful", "c": "claims", "d": "objection"}
"""The grounds by their letters in Art. 18(1), as decisions name them."""
AT_ONCE = frozenset({"accuracy", "objection"})
"""What is still to be verified or weighed: until then the law has nothing done (Art. 18(1)(a), (d))."""

TOLD_BY = frozenset({"unidentified", "forwarded"})
"""The letters that tell somebody that their request ends without an answer."""


def provisional(claimed: str, because: str) -> str:
    """Return the ground on which a claim restricts at once; empty where it waits for a decision.

    >>> provisional("object", ""), provisional("restrict", "accuracy"), provisional("restrict", "claims")
    ('objection', 'accuracy', '')
    """
    if claimed == "object":
        return "objection"
    return because if claimed == "restrict" and because in AT_ONCE else ""


@dataclass(frozen=True, slots=True)
class Lapse:
    """That a restriction ended with its claim: on which day, and when the person was told; empty where nobody was."""

    on: str
    told_on: str


def lapse(state: Mapping[str, Any], claim: Mapping[str, Any]) -> Lapse | None:
    """Return how what a request restricted by itself ended, in no store and under no name; None while it stands.

    It stands until the answer says how the claim was decided (Art. 18(3)), or the request ends without one: who
    withdraws it knows, and who cannot be identified, or is sent to another controller, is told by a letter.
    One that was granted stands until somebody lifts it.
    """
    found = claim.get("restriction") or {}
    if found.get("lifted_on"):
        return Lapse(str(found["lifted_on"]), str(found["told_on"]))
    if claim["right"] == "restrict" and claim["outcome"] in {"grant", "part"}:
        return None
    if state.get("answered_on"):
        return Lapse(str(state["answered_on"]), str(state["answered_on"]))
    if not state.get("ended"):
        return None
    on = str(state["ended_on"])
    if claim["outcome"] is not None:
        return Lapse(on, "")
    told = [str(one["on"]) for one in state["letters"] if one["kind"] in TOLD_BY and one["outcome"] == "sent"]
    return Lapse(on, told[-1] if told else on)


def wanted(map: Map) -> dict[str, Columns]:  # noqa: A002
    """Return the columns that a restriction changes, by table."""
    found: dict[str, Columns] = {}
    for name, table in map.tables.items():
        match table.restriction:
            case Flag(column):
                found[name] = (column,)
            case SetAside(columns):
                found[name] = columns
            case None:
                pass
    return found


def why_not(map: Map, catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:  # noqa: A002
    """Yield (table, column, why) for what cannot be set aside though it may be null."""
    targets = {(edge.target, name) for edge in map.edges() for name in edge.target_columns}
    for name, table in map.tables.items():
        found = catalogue.table(name)
        if not isinstance(table.restriction, SetAside) or found is None:
            continue
        linking = {column for edge in table.edges for column in edge.columns}
        for column in table.restriction.columns:
            if column in linking or (name, column) in targets:
                yield name, column, "links rows, and while it is empty nobody would know whose they are"
            elif _names_alone(table, column):
                yield name, column, "is how people are found there, and while it is empty nobody is"
        if not found.key:
            yield name, table.restriction.columns[0], "cannot be put back where the table has no key"


def _names_alone(table: MapTable, column: str) -> bool:
    """Tell whether setting these columns aside leaves nothing by which a subject is found."""
    if table.subject is None or not isinstance(table.restriction, SetAside):
        return False
    names = {each.column for each in table.subject.identifiers if each.via is None}
    away = [via for via in table.subject.identifiers if via.via is not None]
    return column in names and names <= set(table.restriction.columns) and not away
