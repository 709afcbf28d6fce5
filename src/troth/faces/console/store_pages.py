"""Stores: where personal data is, whether each answers and has drifted, and what erasure does to every table.

Of a store its catalogue is asked for; no row of anybody is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from litestar import Response
from litestar.exceptions import PermissionDeniedException

from troth.errors import NotFoundError, UnreachableError
from troth.faces.console import saved
from troth.faces.console.desk import CONSOLE_HEADERS, Desk, Visit
from troth.faces.words import Words
from troth.rules import picture
from troth.rules.map import Blank, Delete, Map, MapTable, ReplaceOwner, Retain
from troth.rules.map_path import declared, paths, sentence, written_edge
from troth.work.check_map import check_map
from troth.work.health import StoreHealth
from troth.work.store_entity import store_entity

Said = tuple[str, Mapping[str, str]]


def store_pages(desk: Desk) -> None:
    """Register the pages of stores."""

    @desk.page("/stores", "read_stores")
    def stores(visit: Visit) -> Response[Any]:
        """GET /console/stores: every store, with its kind and whether it answers."""
        project, found = visit.project, _answers(visit, anew=False)
        rows = [
            (name, map_, found[name]) for name, map_ in sorted(project.maps.items()) if _sees(visit, name)
        ]
        if visit.asked("format") == "csv":
            heads = [visit.words(f"stores.{one}") for one in ("store", "kind", "tables", "reviewed", "now")]
            lines = [
                (name, map_.kind, len(map_.tables), map_.reviewed.on if map_.reviewed else "",
                 visit.words(f"health.{one.state}"))
                for name, map_, one in rows
            ]  # fmt: skip
            return saved.csv_file("stores", heads, lines)
        return visit.show(
            "stores.html", visit.words("stores.title"), rows=rows,
            manual=[(name, one.said(visit.words.language)) for name, one in sorted(project.manual.items())],
        )  # fmt: skip

    @desk.act("/stores", "read_stores")
    def again(visit: Visit) -> Response[Any]:
        """POST /console/stores: ask every store anew whether it answers."""
        _answers(visit, anew=True)
        return visit.to("/stores")

    @desk.page("/stores/{name:str}", "read_stores")
    def store(visit: Visit) -> Response[Any]:
        """GET /console/stores/NAME: its tables with their columns, and what erasure does to each."""
        map_ = _map(visit)
        if visit.asked("format") == "csv":
            heads = [visit.words(f"stores.{one}") for one in ("table", "column", "category")]
            lines = [
                (table.name, name, category)
                for table in map_.tables.values()
                for name, category in table.columns.items()
            ]
            return saved.csv_file(f"store-{map_.store}", heads, lines)
        return visit.show(
            "store.html", map_.store, map=map_, health=_answers(visit, anew=False).get(map_.store),
            tables=list(map_.tables.values()), erased=partial(_erased, words=visit.words),
        )  # fmt: skip

    @desk.page("/stores/{name:str}/check", "read_stores")
    def check(visit: Visit) -> Response[str]:
        """GET /console/stores/NAME/check: the map held to the live database."""
        map_ = _map(visit)
        checked = check_map(visit.project, map_.store, visit.project.policy)
        title = visit.words("stores.check.title", store=map_.store)
        return visit.show("store_check.html", title, map=map_, checked=checked)

    @desk.page("/stores/{name:str}/picture", "read_stores")
    def drawing(visit: Visit) -> Response[str]:
        """GET /console/stores/NAME/picture: the graph of the map."""
        map_ = _map(visit)
        return visit.show(
            "store_picture.html", visit.words("stores.picture.title", store=map_.store), map=map_,
            lines=picture.written(map_, visit.words.language),
        )  # fmt: skip

    @desk.page("/stores/{name:str}/picture.svg", "read_stores")
    def svg(visit: Visit) -> Response[Any]:
        """GET /console/stores/NAME/picture.svg: the same as a picture, which loads nothing and runs nothing."""
        headers = {**CONSOLE_HEADERS, "Content-Security-Policy": "default-src 'none'"}
        return Response(
            picture.svg(_map(visit), visit.words.language), media_type="image/svg+xml", headers=headers
        )

    @desk.page("/stores/{name:str}/tables/{table:str}", "read_stores")
    def explained(visit: Visit) -> Response[str]:
        """GET /console/stores/NAME/tables/TABLE: every path from a subject to it, and what becomes of its rows."""
        map_, name = _map(visit), visit.path["table"]
        table = map_.tables.get(name)
        if table is None:
            raise NotFoundError(f"The map of {map_.store} has no table `{name[:60]}`.")
        try:
            catalogue = visit.project.stores[map_.store].catalogue()
        except UnreachableError:
            catalogue = None
        resting_on = partial(declared, catalogue=catalogue)
        ways = [
            {
                "subject": path.subject, "conceals": path.conceals, "mentions": path.mentions,
                "hops": [(to, written_edge(edge), sentence(edge, resting_on(edge))) for edge, to in path.hops],
            }
            for path in paths(map_, name)
        ]  # fmt: skip
        return visit.show(
            "store_table.html", f"{map_.store}.{name}", map=map_, table=table, ways=ways,
            erased=_erased(table, visit.words), answers=catalogue is not None,
        )  # fmt: skip


def _sees(visit: Visit, store: str) -> bool:
    """Say whether a store is of a company that somebody reads; one that companies share is read for each of them."""
    return visit.may("read_stores", store_entity(visit.project, store) or None)


def _map(visit: Visit) -> Map:
    found = visit.project.maps.get(visit.path["name"])
    if found is None:
        raise NotFoundError("There is no such store in this project. `troth map` lists those there are.")
    if not _sees(visit, found.store):
        raise PermissionDeniedException
    return found


def _erased(table: MapTable, words: Words) -> Said:
    """Return the sentence that says what erasure does to a table, with what fills it."""
    if table.impersonal is not None:
        return "impersonal", {"why": table.impersonal}
    match table.erase.do if table.erase is not None else None:
        case Delete():
            return "delete", {}
        case Blank(values):
            return "blank", {"columns": ", ".join(name for name, _ in values)}
        case ReplaceOwner():
            return "replace_owner", {}
        case Retain(period, trigger, legal, blank):
            columns = ", ".join(name for name, _ in blank)
            return ("retain_blank" if columns else "retain"), {
                "period": words.period(str(period)), "trigger": str(trigger), "legal": words.law(legal),
                "columns": columns,
            }  # fmt: skip
        case _:
            return "nothing", {}


def _answers(visit: Visit, *, anew: bool) -> Mapping[str, StoreHealth]:
    """Return how each store is, by name."""
    return {one.name: one for one in visit.desk.heard.ask(visit.project, anew=anew).stores}
