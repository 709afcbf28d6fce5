"""What a connection cannot see of a store, and what an erasure there would set off outside it.

Law: GDPR Art. 17(1), Art. 32: what cannot be seen is not erased, what leaves is not called back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from troth.errors import Problem
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.change import Remove
from troth.rules.map import Blank, Delete, Map, MapTable, ReplaceOwner, Retain
from troth.rules.plan import Plan

Pairs = Collection[tuple[MapTable, CatalogueTable]]


def rights(map_: Map, pairs: Pairs, needed: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Say of which tables this connection sees only a part, of the columns that are `needed`."""
    for table, found in pairs:
        if found.row_security:
            yield _say(
                map_,
                (table.name,),
                f"Row-level security of `{table.name}` hides rows from this connection.",
                "Give its role BYPASSRLS, or a policy that shows it every row.",
            )
        blind = [column for column in found.unreadable if column in needed[table.name]]
        if blind:
            yield _say(
                map_,
                (table.name,),
                f"This connection may not read {listed(blind)} of `{table.name}`.",
                "GRANT SELECT on the table to its role.",
            )


def unsearched(map_: Map, catalogue: Catalogue) -> Iterator[Problem]:
    """Say which of the other tables the search for residue sees only in part."""
    for found in (*catalogue.tables, *catalogue.derived):
        table = map_.tables.get(found.name)
        if table is not None and table.impersonal is None:
            continue
        if found.unreadable:
            what = f"The search for residue cannot read {listed(found.unreadable)} of `{found.name}`."
            yield _say(map_, (found.name,), what, "GRANT SELECT on it to the role that finds.")
        elif found.row_security:
            what = (
                f"Row-level security of `{found.name}` hides rows from the search for residue, "
                "which would call them clean."
            )
            remedy = "Give the role that finds BYPASSRLS, or a policy that shows it every row."
            yield _say(map_, (found.name,), what, remedy)


def reaching_out(map_: Map, catalogue: Catalogue, plan: Plan | None) -> Iterator[Problem]:
    """Say which triggers would do something outside the database, which no rollback takes back."""
    fired = _fired(map_, catalogue, plan)
    for found in catalogue.tables:
        for trigger in found.triggers:
            if trigger.calls_out and any(event in trigger.event for event in fired.get(found.name, ())):
                how = f" ({trigger.how})" if trigger.how else ""
                yield _say(
                    map_,
                    (found.name, "erase"),
                    f"The trigger `{trigger.name}` of `{found.name}` ({trigger.event}) may reach outside "
                    f"the database{how}, where nothing is measured and nothing rolled back.",
                    "Have it write into a table instead, or choose an action that does not fire it.",
                )


def notifying(map_: Map, catalogue: Catalogue, plan: Plan | None) -> Iterator[Problem]:
    """Say which triggers would tell listeners: of what is committed alone, and of what they put into it."""
    fired = _fired(map_, catalogue, plan)
    for found in catalogue.tables:
        for trigger in found.triggers:
            if trigger.notifies and any(event in trigger.event for event in fired.get(found.name, ())):
                yield _say(
                    map_,
                    (found.name, "erase"),
                    f"The trigger `{trigger.name}` of `{found.name}` ({trigger.event}) notifies listeners "
                    "once an erasure is committed.",
                    "See that it sends no personal data, and that who listens writes none of it down.",
                )


def _fired(map_: Map, catalogue: Catalogue, plan: Plan | None) -> Mapping[str, set[str]]:
    """Return which events an erasure, a restriction or a rectification fires, by table.

    By what the map says, by what the plan adds to it (a link that is let go of), and by what
    the database does of itself (CASCADE, SET NULL), as far down as that goes.
    """
    fired: dict[str, set[str]] = {table.name: set() for table in catalogue.tables}
    for name, table in map_.tables.items():
        action = table.erase.do if table.erase is not None else None
        if name not in fired or table.impersonal is not None:
            continue
        if isinstance(action, Delete | Retain):
            fired[name].add("DELETE")
        if isinstance(action, Blank | ReplaceOwner | Retain) or any(e.leaving for e in table.edges):
            fired[name].add("UPDATE")
        if table.restriction is not None or table.copies:
            fired[name].add("UPDATE")
    for change in plan.changes if plan is not None else ():
        fired.setdefault(change.table, set()).add("DELETE" if isinstance(change, Remove) else "UPDATE")
    more = True
    while more:
        more = False
        for found in catalogue.tables:
            for key in found.foreign_keys:
                event = {"CASCADE": "DELETE", "SET NULL": "UPDATE", "SET DEFAULT": "UPDATE"}.get(
                    key.on_delete
                )
                if event and "DELETE" in fired.get(key.target, ()) and event not in fired[found.name]:
                    fired[found.name].add(event)
                    more = True
    return fired


def _say(map_: Map, path: tuple[str, ...], what: str, remedy: str) -> Problem:
    line, column = map_.place(*path)
    return Problem(map_.file, line, column, what, remedy)


def listed(names: Collection[str] | Mapping[str, object]) -> str:
    """List names in a sentence, eight of them at most.

    >>> listed(["a", "b", "c"])
    '`a`, `b` and `c`'
    """
    shown = [f"`{name}`" for name in names]
    if len(shown) > 8:
        return f"{', '.join(shown[:8])} and {len(shown) - 8} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
