"""An inspection: a case for an authority that freezes what is shown, and numbers and hashes each piece of it.

What it shows is fixed by the checkpoint of the moment it was opened.  Only what somebody chose is
in it; what was handed over is on record by its hashes; live looks into stores leave counts alone.

Law: GDPR Art. 31, Art. 58(1)(a) and (e); Art. 5(1)(c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from troth.rules.event import Event
from troth.rules.map import Map

State = dict[str, Any]
FAMILY = "inspection"
DOCUMENT_BYTES_MAX = 100_000_000


def fold(state: State | None, event: Event) -> State:
    """Return the state of an inspection after an event."""
    facts: Any = event.facts
    on = event.at.isoformat(timespec="seconds")
    if facts["state"] == "opened" and state is None:
        return {
            "number": facts["inspection"], "status": "open", "entity": event.entity, "scope": facts["scope"],
            "size": facts["size"], "root": facts["root"], "opened_at": on, "opened_by": event.actor,
            "hold": facts["hold"], "items": [], "queries": [], "handed": [], "closed_on": None,
        }  # fmt: skip
    if state is None or state["closed_on"]:
        raise ValueError(facts["state"])
    match facts["state"]:
        case "item_added":
            named = ("item", "what", "question", "sha256", "bytes", "kept_under")
            item = {name: facts.get(name) for name in named} | {"event": event.id}
            return {**state, "items": [*state["items"], item]}
        case "queried":
            named = ("store", "table", "rows", "oldest", "shown", "masked")
            query = {name: facts.get(name) for name in named} | {
                "at": on,
                "by": event.actor,
                "event": event.id,
            }
            return {**state, "queries": [*state["queries"], query]}
        case "handed_over":
            handed = {
                "index_sha256": facts["index_sha256"],
                "items": facts["items"],
                "at": on,
                "event": event.id,
            }
            return {**state, "handed": [*state["handed"], handed]}
        case "closed":
            return {**state, "status": "closed", "closed_on": on[:10]}
        case other:
            raise ValueError(other)


def lacking(authority: str, scope: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    """Say what an inspection lacks to be opened, as sentences."""
    if not authority.strip():
        yield "Name the authority that asks."
    if not scope:
        yield "Say what it is about, with --scope: a category, a store, or a table as store.table."
    for one in scope:
        if one not in known:
            shown = ", ".join(sorted(name for name in known if "." not in name)[:20])
            yield f"No map has data called {one[:60]!r}. Name a category, a store, or a table as store.table: {shown} …"


def wrong_scope(
    scope: Sequence[str], maps: Mapping[str, Map], theirs: Sequence[str], entity: str
) -> Iterator[str]:
    """Say what of a scope is not of the company that is inspected; `theirs` are its stores, shared ones included."""
    for one in scope:
        store = one.partition(".")[0]
        if store in maps and store not in theirs:
            yield f"The store `{store}` is not of {entity}, which is inspected. Leave {one} out, or name its company."
        elif store not in maps and not held([one], maps, theirs):
            yield f"No store of {entity} has data called {one}: there is nothing that the inspection would hold."


def held(scope: Sequence[str], maps: Mapping[str, Map], theirs: Sequence[str]) -> tuple[str, ...]:
    """Return what the hold of an inspection is about: the scope, each category by its tables in these stores.

    Where all stores are theirs, a category stays one: it is of tables too that are mapped later.
    """
    if set(theirs) == set(maps):
        return tuple(scope)
    found: dict[str, None] = {}
    for one in scope:
        if one.partition(".")[0] in maps:
            found[one] = None
        for store in theirs:
            tables = (table for table in maps[store].tables.values() if table.impersonal is None)
            found |= dict.fromkeys(
                f"{store}.{table.name}" for table in tables if one in table.columns.values()
            )
    return tuple(found)
