"""Whether the policy says what a map says: categories, retention, and what each purpose may hold.

A store serves purposes: those its map names, or all that its controller has.  What it holds
must be among the categories of one of them.

Law: GDPR Art. 5(1)(b) and (c), Art. 13(1)(c), Art. 30(1)(b) and (c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from troth.errors import Problem
from troth.policy.policy import Policy
from troth.policy.promise import Purpose
from troth.policy.reading import did_you_mean
from troth.rules.disclosure import WORDS
from troth.rules.map import Map, MapTable
from troth.rules.map_reach import listed

STRUCTURE = ("key", "link", "flag", "not_personal")
"""What a column may be instead of a category of the policy: nothing about anybody by itself."""

CREDENTIAL = "credential"
"""A password, a token, a secret: a category everywhere, since no value of it is ever shown."""


def against(map_: Map, policy: Policy) -> Iterator[Problem]:
    """Yield the categories and retention promises that the policy does not have."""
    known = list(policy.categories)
    for table in map_.tables.values():
        for column, category in table.columns.items():
            if known and category not in (*STRUCTURE, CREDENTIAL, "?") and category not in known:
                yield _say(
                    map_,
                    (table.name, "columns", column),
                    f"The policy has no category `{category}` (of `{table.name}.{column}`).",
                    did_you_mean(category, [*known, *STRUCTURE]),
                )
        for number, retention in enumerate(table.retention):
            promise = policy.find(retention.promise)
            if promise is None or promise.kind != "retention":
                yield _say(
                    map_,
                    (table.name, "retention", str(number)),
                    f"The policy has no promise `{retention.promise}`.",
                    did_you_mean(retention.promise, [f"retention/{name}" for name in policy.retention]),
                )
        yield from _disclosing(map_, table, policy)
    for number, name in enumerate(map_.purposes):
        if name not in policy.purposes:
            yield _say(
                map_,
                ("", "purposes", str(number)),
                f"The policy has no purpose `{name}`.",
                did_you_mean(name, list(policy.purposes)),
            )


def _disclosing(map_: Map, table: MapTable, policy: Policy) -> Iterator[Problem]:
    """Yield what a table's disclosures name that the policy does not have."""
    told = table.discloses
    if told is None:
        return
    named: list[tuple[str, str, list[str]]] = [
        ("recipient", told.to.text, list(policy.recipients)),
        ("purpose", told.purpose.text, list(policy.purposes)),
        *(("category", one, list(policy.categories)) for one in told.categories),
    ]
    for what, name, known in named:
        if name and name not in known:
            said = f"The policy has no {what} `{name}`, of which the disclosures in `{table.name}` are."
            yield _say(map_, (table.name, "discloses"), said, did_you_mean(name, known))
    for name in told.evidence:
        if name not in WORDS:
            said = f"There is no evidence called `{name}` for a disclosure."
            yield _say(map_, (table.name, "discloses"), said, did_you_mean(name, list(WORDS)))


def purposes_of(map_: Map, policy: Policy) -> Mapping[str, Purpose]:
    """Return the purposes a store serves: those its map names, or all that its controller has.

    Where rows name their own controller, or somebody else is the controller of all of them,
    no purpose can be told apart by its entity, so that all are meant.
    """
    if map_.purposes:
        return {name: policy.purposes[name] for name in map_.purposes if name in policy.purposes}
    return {
        name: purpose
        for name, purpose in policy.purposes.items()
        if not purpose.entities or not map_.controller or map_.controller in purpose.entities
    }


def beyond_purposes(map_: Map, policy: Policy) -> Iterator[Problem]:
    """Yield every column whose category no purpose of this store has."""
    if map_.controller == "?" and not map_.purposes:
        return  # said already: nobody has said who decides
    entities = [entity.key for entity in policy.group.entities] if policy.group is not None else []
    if entities and map_.controller not in (*entities, "", "?"):
        yield _say(
            map_,
            ("", "controller"),
            f"The policy has no entity `{map_.controller}`, so the purposes of this store are not known.",
            did_you_mean(map_.controller, entities),
        )
        return
    found = purposes_of(map_, policy)
    if not found:
        if any(name in policy.purposes for name in map_.purposes) or not map_.purposes:
            yield _say(
                map_,
                ("", "controller"),
                "The policy has no purpose for what this store holds.",
                "Declare one, or name the purposes of this store under `purposes:`.",
            )
        return
    declared = {category for purpose in found.values() for category in purpose.categories}
    elsewhere: dict[str, list[str]] = {}
    for name, purpose in policy.purposes.items():
        for used in purpose.categories if name not in found else ():
            elsewhere.setdefault(used, []).append(name)
    for table in map_.tables.values():
        for column, category in table.columns.items():
            if category in (*STRUCTURE, CREDENTIAL, "?") or category in declared:
                continue
            if policy.categories and category not in policy.categories:
                continue  # said already: the policy has no such category at all
            others = elsewhere.get(category, [])
            remedy = (
                f"Add {listed(others)} to `purposes:` if this store serves it, or stop holding the column."
                if others and map_.purposes
                else "Declare the category for a purpose of this store, or stop holding the column."
            )
            yield _say(
                map_,
                (table.name, "columns", column),
                f"`{table.name}.{column}` is `{category}`, which no purpose of this store has "
                f"({listed(found)}).",
                remedy,
            )


def _say(map_: Map, path: tuple[str, ...], what: str, remedy: str) -> Problem:
    line, column = map_.place(*path)
    return Problem(map_.file, line, column, what, remedy)
