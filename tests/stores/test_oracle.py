"""Whatever the tables, the map and the rows are: the store does what the rules say, row by row."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stores.oracle import Data, Link, Oracle
from troth.law.period import Period
from troth.rules.map import (
    Blank,
    BlankLink,
    Delete,
    Edge,
    Erase,
    Identifier,
    Map,
    MapTable,
    ReplaceOwner,
    Retain,
    Subject,
)
from troth.rules.plan import compile_plan
from troth.stores.catalogue import read_sqlite
from troth.stores.connect import connect
from troth.stores.contract import Who

TODAY = date(2026, 11, 23)
PEOPLE = ("a@x.example", "b@x.example", "c@x.example")
WRITTEN = (*PEOPLE, "A@X.example", " b@x.example ", "", None, "gone@x.example")
DAYS = ("2026-11-22", "2025-11-23", "2025-11-24", "2012-02-29 10:00:00", None)


@dataclass(frozen=True)
class Case:
    """Tables, their links, a map and rows."""

    map: Map
    links: tuple[Link, ...]
    data: Data

    def statements(self) -> list[str]:
        found = []
        for name, table in self.map.tables.items():
            links = "".join(
                f', FOREIGN KEY ("{link.column}") REFERENCES "{link.target}" (id) ON DELETE {link.on_delete}'
                for link in self.links
                if link.table == name
            )
            columns = ", ".join(f'"{column}" {_type(column)}' for column in table.columns if column != "id")
            found.append(f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY, {columns}{links})')
        return found


def _type(column: str) -> str:
    return "INTEGER" if column.startswith("to_") else "TEXT"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a store with people, staff and a few other tables linked at random."""
    others = [f"t{number}" for number in range(draw(st.integers(1, 4)))]
    subjects = ["people", *(["staff"] if draw(st.booleans()) else [])]
    names = [*subjects, *others]
    edges: dict[str, list[Edge]] = {name: [] for name in names}
    links: list[Link] = []
    kinds = ("NO ACTION", "NO ACTION", "CASCADE", "SET NULL", "RESTRICT")

    def edge(kind: str, table: str, target: str, number: int) -> None:
        by_email = target in subjects and kind != "points_to" and draw(st.integers(0, 3)) == 0
        column = f"{'by' if by_email else 'to'}_{number}"
        leaving = None
        if kind == "belongs_to":
            leaving = draw(
                st.sampled_from(
                    [BlankLink((("note", "left"),)), BlankLink((("note", "left"), (column, None)))]
                )
            )
            if target == "people" and not by_email and draw(st.booleans()):
                leaving = ReplaceOwner()
        edges[table].append(
            Edge(kind, table, (column,), target, ("email" if by_email else "id",), (), leaving)  # type: ignore[arg-type]
        )
        if not by_email and draw(st.booleans()):
            links.append(Link(table, column, target, draw(st.sampled_from(kinds))))

    for name in others:
        number = 0
        for _ in range(draw(st.integers(0, 2))):
            edge("belongs_to", name, draw(st.sampled_from(names)), number)
            number += 1
        if draw(st.integers(0, 3)) == 0:
            edge("mentions", name, draw(st.sampled_from(names)), number)
    for name in names:
        for number in range(draw(st.integers(0, 1))):
            edge("points_to", name, draw(st.sampled_from(others)), 7 + number)

    tables = {}
    for name in names:
        columns = ["id", "note", "day", *(["email"] if name in subjects else [])]
        columns += [each.columns[0] for each in edges[name]]
        named = tuple(
            (each.columns[0], None)
            for each in edges[name]
            if each.kind == "belongs_to" and each.target_columns == ("email",)
        )
        choices: list[object] = [
            Delete(),
            Delete(),
            Blank((("note", None), *named)),
            Blank((("note", "blanked"), *named)),
        ]
        if name in subjects:
            choices = [
                Delete(),
                Blank((("note", None), ("email", None), *named)),
                Blank((("email", "gone@x.example"), *named)),
                Retain(Period(1, "years"), "day", "law"),
            ]
        else:
            choices.append(Retain(Period(1, "years"), "day", "law", (("note", None),)))
            owned = [each for each in edges[name] if each.kind == "belongs_to"]
            if owned and all(each.target == "people" and each.target_columns == ("id",) for each in owned):
                choices.append(ReplaceOwner())
        do = draw(st.sampled_from(choices))
        subject = (
            Subject(("id",), (Identifier("email", "email", one_person=True),)) if name in subjects else None
        )
        tables[name] = MapTable(
            name,
            dict.fromkeys(columns, "usage"),
            subject=subject,
            edges=tuple(edges[name]),
            erase=Erase(do, "dpo", "a test"),  # type: ignore[arg-type]
        )
    map_ = Map("drawn", "sqlite", "main-entity", {}, tables, {"people.id": 0})

    ids = {name: list(range(1, draw(st.integers(1, 4)) + 1)) for name in names}
    data: Data = {}
    for name in names:
        data[name] = {0: _row(draw, tables[name], 0, {}, links)} if name == "people" else {}
        if name == "people":
            data[name][0] = {**dict.fromkeys(tables[name].columns), "id": 0}
        for id_ in ids[name]:
            data[name][id_] = _row(draw, tables[name], id_, ids, links)
    return Case(map_, tuple(links), data)


def _row(
    draw: st.DrawFn, table: MapTable, id_: int, ids: Mapping[str, list[int]], links: list[Link]
) -> dict[str, object]:
    enforced = {(link.table, link.column) for link in links}
    row: dict[str, object] = {}
    for column in table.columns:
        if column == "id":
            row[column] = id_
        elif column == "email" or column.startswith("by_"):
            row[column] = draw(st.sampled_from(WRITTEN))
        elif column == "day":
            row[column] = draw(st.sampled_from(DAYS))
        elif column == "note":
            row[column] = draw(st.sampled_from(["x", "y", None, "blanked"]))
        else:
            target = next(edge.target for edge in table.edges if edge.columns == (column,))
            known = list(ids.get(target, []))
            dangling = [] if (table.name, column) in enforced else [99]
            extra = [0] if target == "people" else []
            row[column] = draw(st.sampled_from([None, *known, *known, *extra, *dangling]))
    return row


def built(case: Case, path: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for statement in case.statements():
        connection.execute(statement)
    for name, rows in case.data.items():
        for row in rows.values():
            columns = ", ".join(f'"{column}"' for column in row)
            gaps = ", ".join("?" * len(row))
            connection.execute(f'INSERT INTO "{name}" ({columns}) VALUES ({gaps})', list(row.values()))
    connection.execute("COMMIT")
    connection.close()


def state(case: Case, path: str) -> Data:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = {
        name: {row["id"]: dict(row) for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY id')}
        for name in case.map.tables
    }
    assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()
    return found


def planned(case: Case, path: str) -> bool:
    connection = sqlite3.connect(path)
    plan, _ = compile_plan(case.map, read_sqlite(connection, "drawn"))
    connection.close()
    return plan is not None


def subjects(*emails: str) -> list[Who]:
    return [Who(email, (("email", email),)) for email in emails]


def keeps_until_it_has_another_owner(case: Case) -> bool:
    """Tell whether a retained row may keep an owner whose period is over, and then get another one.

    What it kept is found, counted as remaining and measured when the same subject is erased again.
    """
    return any(
        isinstance(table.erase and table.erase.do, Retain)
        and sum(
            (edge.kind, edge.table) == ("belongs_to", table.name)
            or (edge.kind, edge.target) == ("points_to", table.name)
            for edge in case.map.edges()
        )
        > 1
        for table in case.map.tables.values()
    )


def check(case: Case, first: list[str], second: list[str]) -> None:
    """Erase two batches one after the other, and compare each with the oracle, row by row."""
    with tempfile.TemporaryDirectory(prefix="troth-") as folder:
        path = os.path.join(folder, "drawn.db")
        built(case, path)
        assume(planned(case, path))
        url = f"sqlite:///{path}"
        store = connect(case.map, {"find": url, "change": url})
        before = state(case, path)
        assert before == case.data
        for step, emails in (("one", first), ("two", second)):
            oracle = Oracle(case.map, before, case.links, TODAY)
            expected, reached = oracle.erase(emails)
            who = subjects(*emails)
            found = {
                (row.table, row.values["id"]) for row in store.find(who) if "mentions" not in row.path[-1]
            }
            assert found == reached
            measured = store.measure(who, TODAY)
            assert state(case, path) == before, "measuring changed something"
            assert store.gone(who, TODAY) == sum(c.rows for c in measured.counts if c.verb != "retain"), (
                "counted otherwise"
            )
            acted = store.act(step, who, TODAY, measured)
            after = state(case, path)
            assert after == expected
            assert acted.counts == measured.counts
            passes = 1
            while store.gone(who, TODAY) and keeps_until_it_has_another_owner(case):
                assert passes < 4, "it never ends"
                store.act(f"{step} pass {passes}", who, TODAY, store.measure(who, TODAY))
                after, passes = state(case, path), passes + 1
            assert store.gone(who, TODAY) == 0
            store.act(f"{step} again", who, TODAY, store.measure(who, TODAY))
            assert state(case, path) == after, "erasing again changed something"
            before = after
        store.close()


QUICK = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(
    cases(),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2, unique=True),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2, unique=True),
)
@QUICK
def test_a_store_is_left_as_the_rules_say(case, first, second):
    check(case, first, second)


@pytest.mark.slow
@given(
    cases(),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True),
)
@settings(QUICK, max_examples=2_000)
def test_a_store_is_left_as_the_rules_say_in_many_more_cases(case, first, second):
    check(case, first, second)


def test_the_oracle_itself_sees_a_row_too_many_and_a_row_too_few():
    """The comparison is worth something only if it can fail."""
    people = MapTable(
        "people",
        {"id": "key", "email": "contact"},
        subject=Subject(("id",), (Identifier("email", "email", one_person=True),)),
        erase=Erase(Delete(), "dpo", "a test"),
    )
    map_ = Map("drawn", "sqlite", "main-entity", {}, {"people": people}, {})
    data: Data = {"people": {1: {"id": 1, "email": "A@x.example"}, 2: {"id": 2, "email": "b@x.example"}}}
    after, reached = Oracle(map_, deepcopy(data), (), TODAY).erase(["a@x.example"])
    assert (after, reached) == ({"people": {2: data["people"][2]}}, {("people", 1)})
    kept = replace(people, erase=Erase(Blank((("email", None),)), "dpo", "a test"))
    after, _ = Oracle(replace(map_, tables={"people": kept}), data, (), TODAY).erase(["a@x.example"])
    assert after["people"][1]["email"] is None
