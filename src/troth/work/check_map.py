"""Hold the map of a store to its live database, as `troth map --check` does.

Law: GDPR Art. 5(2), Art. 32(1)(d).
"""

from __future__ import annotations

from dataclasses import dataclass

from troth.policy.policy import Policy
from troth.rules.catalogue import Catalogue
from troth.rules.map import Map
from troth.rules.map_check import findings
from troth.rules.map_finding import Found
from troth.rules.map_right import Right, needed
from troth.stores.contract import Granting, Store
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class CheckedMap:
    """What was found of one map, against the catalogue it was held to."""

    catalogue: Catalogue
    found: tuple[Found, ...]


def check_map(project: Project, name: str, policy: Policy | None, *, by_purpose: bool = False) -> CheckedMap:
    """Return what the check of a store's map finds; `policy` says which categories there are.

    Raises UnreachableError where the store does not answer.
    """
    mapped, store = project.maps[name], project.stores[name]
    catalogue = store.catalogue()
    rights = _lacking(store, mapped, catalogue)
    found = findings(mapped, catalogue, policy, by_purpose=by_purpose, lacking=rights)
    return CheckedMap(catalogue, tuple(found))


def _lacking(store: Store, map_: Map, catalogue: Catalogue) -> tuple[Right, ...]:
    """Ask a store which rights its role that changes lacks for the actions of its map."""
    if map_.credentials.get("change") is None or not isinstance(store, Granting):
        return ()
    return store.lacking(needed(map_, catalogue))
