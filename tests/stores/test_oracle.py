"""Whatever the tables, the map and the rows are: the store does what the rules say, row by row."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row

from stores.oracle import Data, Link, Oracle
from troth.errors import WrongFileError
from troth.law.period import Period
from troth.rules.map import (
    Blank,
    BlankLink,
    Condition,
    Delete,
    Edge,
    Erase,
    Identifier,
    InDocument,
    InList,
    Map,
    MapTable,
    Part,
    RemoveElement,
    ReplaceOwner,
    Retain,
    Subject,
    Via,
)
from troth.stores import postgresql as postgresql_store
from troth.stores import sqlite
from troth.stores.contract import Limits, Store, Who
from troth.stores.sql_store import SqlStore

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
    key: str = "INTEGER"
    """The type of every key, and of what links to one."""

    @property
    def kind(self) -> str:
        return self.map.kind

    def foreign_keys(self) -> list[str]:
        """Return what adds the foreign keys afterwards, where they cannot be added at once."""
        return [
            f'ALTER TABLE "{link.table}" ADD FOREIGN KEY ("{link.column}") REFERENCES "{link.target}" (id) '
            f"ON DELETE {link.on_delete}"
            for link in self.links
        ]

    def statements(self) -> list[str]:
        found = []
        if self.kind in ("postgresql", "mariadb"):
            for name, table in self.map.tables.items():
                columns = ", ".join(
                    f'"{each}" {_type(each, self.kind, self.key)}' for each in table.columns if each != "id"
                )
                found.append(f'CREATE TABLE "{name}" (id {self.key} PRIMARY KEY, {columns})')
            return found
        for name, table in self.map.tables.items():
            links = "".join(
                f', FOREIGN KEY ("{link.column}") REFERENCES "{link.target}" (id) ON DELETE {link.on_delete}'
                for link in self.links
                if link.table == name
            )
            columns = ", ".join(
                f'"{column}" {_type(column, self.kind, self.key)}'
                for column in table.columns
                if column != "id"
            )
            found.append(f'CREATE TABLE "{name}" (id {self.key} PRIMARY KEY, {columns}{links})')
        return found


def _type(column: str, dialect: str = "sqlite", key: str = "INTEGER") -> str:
    kind = column.partition("_")[0]
    if kind in ("to", "of"):
        return key
    if dialect == "postgresql":
        kinds = {"doc": "jsonb", "list": "jsonb", "ids": "integer[]"}
        return kinds.get(kind, "text")
    if dialect in ("duckdb", "mariadb") and kind in ("doc", "list"):
        return "JSON"
    return "varchar(190)" if dialect == "mariadb" else "TEXT"


def stored(column: str, value: object, dialect: str) -> object:
    """Return a value as it is written into its column."""
    if column.startswith("ids_") and dialect == "postgresql":
        return value
    return json.dumps(value) if isinstance(value, dict | list) else value


def found_again(value: object) -> object:
    """Return a value as it was before it was written: documents as such."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


class Dice(Protocol):
    """What a case is drawn with."""

    def one(self, options: Sequence[Any]) -> Any:
        """Return one of these."""

    def number(self, least: int, most: int) -> int:
        """Return a number from `least` to `most`."""


@dataclass
class Shrinking:
    """Dice of Hypothesis, which makes a failing case small."""

    draw: st.DrawFn

    def one(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))


@dataclass
class Seeded:
    """Dice that fall the same way for the same seed: many cases in a short time."""

    random: random.Random

    def one(self, options: Sequence[Any]) -> Any:
        return self.random.choice(options)

    def number(self, least: int, most: int) -> int:
        return self.random.randint(least, most)


@st.composite
def cases(draw: st.DrawFn, *, shapes: bool = False) -> Case:
    return case(Shrinking(draw), shapes=shapes)


def case(dice: Dice, kind_of_store: str = "sqlite", *, shapes: bool = False) -> Case:
    """Draw a store with people, staff and a few other tables linked at random, and in `shapes` of every kind."""
    others = [f"t{number}" for number in range(dice.number(1, 4))]
    subjects = ["people", *(["staff"] if dice.one((True, False)) else [])]
    with_facts = shapes and dice.number(0, 3) == 0
    names = [*subjects, *others, *(["facts"] if with_facts else [])]
    edges: dict[str, list[Edge]] = {name: [] for name in names}
    links: list[Link] = []
    kinds = ("NO ACTION", "NO ACTION", "CASCADE", "SET NULL", "RESTRICT")

    def edge(kind: str, table: str, target: str, number: int) -> None:
        by_email = target in subjects and kind != "points_to" and dice.number(0, 3) == 0
        prefix, inside, when = "by" if by_email else "to", None, ()
        if shapes:
            lists = ("list", "ids") if kind_of_store == "postgresql" else ("list",)
            if not by_email:
                prefix = dice.one(["to", "to", "txt", "doc", *lists])
            match prefix:
                case "doc":
                    inside = InDocument(("a", "id"))
                case "list":
                    inside = dice.one([InList(), InList(("in",), ("id",))])
                case "ids":
                    inside = InList()
                case _:
                    pass
            if dice.number(0, 2) == 0:
                when = (Condition("kind", dice.one([("k",), ("l",), ("k", "l")])),)
        column = f"{prefix}_{number}"
        shared = False
        known = [
            each for each in edges[table] if each.columns[0].startswith(f"{prefix}_") and when and each.when
        ]
        if known and not links and dice.one((True, False)):  # a column that links to several tables
            column, inside, shared = known[0].columns[0], known[0].inside, True
        leaving = None
        if kind == "belongs_to":
            parts = (Part(column, inside, None),) if isinstance(inside, InDocument) else ()
            leaving = dice.one(
                [
                    BlankLink((("note", "left"),)),
                    BlankLink((("note", "left"),), parts)
                    if parts
                    else BlankLink((("note", "left"), (column, None))),
                ]
            )
            if target == "people" and not by_email and dice.one((True, False)):
                leaving = ReplaceOwner()
            if isinstance(inside, InList):
                leaving = RemoveElement()
        conceals = dice.one([(), (), ("note",), ("note", "day")])
        theirs = ("email" if by_email else "id",)
        edges[table].append(Edge(kind, table, (column,), target, theirs, conceals, leaving, when, inside))  # type: ignore[arg-type]
        if prefix == "to" and not shared and dice.one((True, False)):
            links.append(Link(table, column, target, dice.one(kinds)))

    for name in others:
        number = 0
        for _ in range(dice.number(0, 2)):
            edge("belongs_to", name, dice.one([*subjects, *others]), number)
            number += 1
        if dice.number(0, 3) == 0:
            edge("mentions", name, dice.one([*subjects, *others]), number)
    for name in subjects if shapes else ():
        if dice.number(0, 4) == 0:
            edge("belongs_to", name, dice.one([*subjects, *others]), 5)
    for name in [*subjects, *others]:
        for number in range(dice.number(0, 1)):
            edge("points_to", name, dice.one(others), 7 + number)
    identifiers = {name: [Identifier("email", "email", one_person=True)] for name in subjects}
    if with_facts:
        edges["facts"].append(Edge("belongs_to", "facts", ("of_people",), "people", ("id",)))
        identifiers["people"].append(
            Identifier(
                "value",
                "email",
                one_person=True,
                when=(Condition("kind", ("k",)),),
                via=Via("facts", ("of_people",)),
            )
        )
    if shapes and dice.number(0, 2) == 0:
        identifiers[subjects[-1]].append(
            Identifier(
                "doc_own",
                "email",
                one_person=True,
                inside=dice.one([InDocument(("a", "mail")), InList(("in",), ("mail",))]),
                when=dice.one([(), (Condition("kind", ("k",)),)]),
            )
        )

    tables = {}
    for name in names:
        columns = [
            "id",
            "note",
            "day",
            *(["kind"] if shapes else []),
            *(["email"] if name in subjects else []),
        ]
        columns += ["value"] if name == "facts" else []
        columns += [
            each.column for each in identifiers.get(name, []) if each.via is None and each.column != "email"
        ]
        columns += [each.columns[0] for each in edges[name]]
        columns = list(dict.fromkeys(columns))
        own = [each for each in identifiers.get(name, []) if each.inside is not None]
        parts = tuple(Part(each.column, each.inside, None) for each in own if each.inside is not None)
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
        docs = [column for column in columns if column.startswith("doc_")]
        if docs:
            choices.append(
                Blank((("note", None), *named), (Part(docs[0], InDocument(("a", "x")), None), *parts))
            )
        if name in subjects:
            choices = [
                Delete(),
                Blank((("note", None), ("email", None), *named), parts),
                Blank((("email", "gone@x.example"), *named), parts),
                Retain(Period(1, "years"), "day", "law"),
            ]
        elif name == "facts":
            choices = [Delete(), Blank((("value", None),))]
        else:
            choices.append(Retain(Period(1, "years"), "day", "law", (("note", None),)))
            owned = [each for each in edges[name] if each.kind == "belongs_to"]
            if owned and all(
                each.target == "people"
                and each.target_columns == ("id",)
                and not isinstance(each.inside, InList)
                for each in owned
            ):
                choices.append(ReplaceOwner())
        do = dice.one(choices)
        subject = Subject(("id",), tuple(identifiers[name])) if name in subjects else None
        tables[name] = MapTable(
            name,
            dict.fromkeys(columns, "usage"),
            subject=subject,
            edges=tuple(edges[name]),
            erase=Erase(do, "dpo", "a test"),  # type: ignore[arg-type]
        )
    map_ = Map("drawn", kind_of_store, "main-entity", {}, tables, {"people.id": 0})

    ids = {name: list(range(1, dice.number(1, 4) + 1)) for name in names}
    data: Data = {}
    for name in names:
        data[name] = {0: {**dict.fromkeys(tables[name].columns), "id": 0}} if name == "people" else {}
        for id_ in ids[name]:
            data[name][id_] = _row(dice, tables[name], id_, ids, links, kind_of_store)
    return Case(map_, tuple(links), data)


def with_text_keys(drawn: Case) -> Case:
    """Return a case of plain links with keys that are text, some of which differ in case or a space alone."""
    spellings = ("Ka", "ka", "ka ", "k'\"%_", "é")

    def key(number: object) -> object:
        return None if number is None else spellings[int(str(number))] if number != 99 else "gone"

    def told(row: Mapping[str, object]) -> dict[str, object]:
        return {
            name: key(value) if name == "id" or name.startswith("to_") else value
            for name, value in row.items()
        }

    rows: Data = {
        name: {key(id_): told(row) for id_, row in some.items()} for name, some in drawn.data.items()
    }
    return replace(
        drawn, key="TEXT", data=rows, map=replace(drawn.map, placeholder={"people.id": str(key(0))})
    )


def _row(
    dice: Dice,
    table: MapTable,
    id_: int,
    ids: Mapping[str, list[int]],
    links: list[Link],
    kind_of_store: str,
) -> dict[str, object]:
    enforced = {(link.table, link.column) for link in links}
    row: dict[str, object] = {}
    for column in table.columns:
        targets = {edge.target for edge in table.edges if edge.columns == (column,)}
        known = sorted({id_ for target in targets for id_ in ids.get(target, [])})
        extra = [0] if "people" in targets else []
        numbers = [None, *known, *known, *known, *extra, 99]
        match column.partition("_")[0]:
            case "id":
                row[column] = id_
            case "email" | "by" | "value":
                row[column] = dice.one(WRITTEN)
            case "day":
                row[column] = dice.one(DAYS)
            case "note":
                row[column] = dice.one(["x", "y", None, "blanked"])
            case "kind":
                row[column] = dice.one(["k", "k", "l", "m", None])
            case "of":
                row[column] = dice.one([None, *ids["people"], *ids["people"], 99])
            case "txt":
                found = dice.one(numbers)
                row[column] = None if found is None else dice.one(["{}", "{}", "0{}"]).format(found)
            case "ids":
                row[column] = dice.one([None, *([dice.one(numbers) for _ in range(dice.number(0, 3))],) * 4])
            case "doc" | "list":
                broken = ["{", ""] if kind_of_store == "sqlite" else []
                plain = [_number(dice, numbers) for _ in range(dice.number(0, 4))]
                whole = any(edge.columns == (column,) and edge.inside == InList() for edge in table.edges)
                usual = plain if whole else _document(dice, numbers)
                other = _document(dice, numbers) if whole else plain
                row[column] = dice.one([usual, usual, usual, usual, other, None, *broken])
            case _:
                dangling = [] if (table.name, column) in enforced else [99]
                row[column] = dice.one([None, *known, *known, *extra, *dangling])
    return row


def _number(dice: Dice, numbers: list[int | None]) -> object:
    """Draw a number, or what is none though it looks like one."""
    found = dice.one(numbers)
    return dice.one([found, found, found, str(found), True, None, 1.5, [found], {"id": found}])


def _document(dice: Dice, numbers: list[int | None]) -> object:
    """Draw a document with a link, an identifier and a list in it, in several writings."""
    written: dict[str, object] = {"keep": [1, {}, None, "x"]}
    if dice.number(0, 5):
        written["a"] = {"id": _number(dice, numbers)}
        if dice.number(0, 1):
            written["a"] |= {"x": dice.one(["x", None, 7]), "mail": dice.one(WRITTEN)}  # type: ignore[operator]
    elif dice.number(0, 1):
        written["a"] = 3
    if dice.number(0, 3):
        written["in"] = [
            {"id": _number(dice, numbers), **({"mail": dice.one(WRITTEN)} if dice.number(0, 1) else {})}
            for _ in range(dice.number(0, 4))
        ]
    return written


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
            values = [stored(column, value, "sqlite") for column, value in row.items()]
            connection.execute(f'INSERT INTO "{name}" ({columns}) VALUES ({gaps})', values)
    connection.execute("COMMIT")
    connection.close()


def state(case: Case, path: str) -> Data:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = {
        name: {
            row["id"]: {key: found_again(row[key]) for key in dict(row)}
            for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY id')
        }
        for name in case.map.tables
    }
    assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()
    return found


def subjects(*emails: str) -> list[Who]:
    return [Who(email, (("email", email),)) for email in emails]


FOLDER = next((folder for folder in ("/dev/shm",) if os.access(folder, os.W_OK)), None)


def limits(of: Limits, *, counting: bool) -> Limits:
    """Let plans be counted rather than measured from the first row on."""
    return replace(of, rows_measured_max=0) if counting else of


def check(case: Case, first: list[str], second: list[str], *, counting: bool = False) -> bool:
    """Erase two batches one after the other, and compare each with the oracle; False where there is no plan."""
    with tempfile.TemporaryDirectory(prefix="troth-", dir=FOLDER) as folder:
        path = os.path.join(folder, "drawn.db")
        built(case, path)
        url = f"sqlite:///{path}"
        urls = {"find": url, "change": url}
        store = SqlStore(case.map, urls, sqlite.Sqlite(), limits(sqlite.LIMITS, counting=counting))
        try:
            return compared(case, store, lambda: state(case, path), first, second)
        finally:
            store.close()


def compared(case: Case, store: Store, now: Callable[[], Data], first: list[str], second: list[str]) -> bool:
    try:
        store.catalogue()
        store.plan()  # type: ignore[attr-defined]
    except WrongFileError:
        return False
    before = now()
    assert before == case.data
    for step, emails in (("one", first), ("two", second)):
        expected, reached = Oracle(case.map, before, case.links, TODAY).erase(emails)
        rounds = 1
        while True:  # what a round leaves may release more
            more, _ = Oracle(case.map, expected, case.links, TODAY).erase(emails)
            if more == expected:
                break
            expected, rounds = more, rounds + 1
            assert rounds < 5, "it never ends"
        who = subjects(*emails)
        found = {
            (row.table, row.values["id"]): set(row.concealed)
            for row in store.find(who)
            if "mentions" not in row.path[-1]
        }
        assert set(found) == reached
        if len(who) == 1:
            assert found == Oracle(case.map, before, case.links, TODAY).concealed(emails)
        measured = store.measure(who, TODAY)
        assert now() == before, "measuring changed something"
        left, meant = store.gone(who, TODAY), sum(c.rows for c in measured.counts if c.verb != "retain")
        assert left == meant if rounds == 1 else 0 < left < meant, "counted otherwise"
        counting = store.limits().rows_measured_max == 0 and bool(reached) and not store.plan().in_rounds  # type: ignore[attr-defined]
        assert measured.how == ("counted" if counting else "measured")
        acted = store.act(step, who, TODAY, measured)
        after = now()
        assert after == expected
        assert acted.counts == measured.counts
        again = store.act(
            step, who, TODAY, measured
        )  # as after a crash: the answer was lost, the step is there
        assert again.resumed
        assert again.counts == acted.counts
        assert now() == after, "the same step changed something again"
        assert store.gone(who, TODAY) == 0
        store.act(f"{step} again", who, TODAY, store.measure(who, TODAY))
        assert now() == after, "erasing again changed something"
        before = after
    return True


QUICK = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,  # the same cases each time; many more are drawn by seed below
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
)


SOME = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2, unique=True)


@given(cases(), SOME, SOME)
@QUICK
def test_a_store_is_left_as_the_rules_say(case, first, second):
    assume(check(case, first, second))


@given(cases(shapes=True), SOME, SOME)
@QUICK
def test_links_of_every_shape_are_as_the_rules_say(case, first, second):
    assume(check(case, first, second))


def drawn(seed: int, kind_of_store: str, *, textual: bool = False) -> tuple[Case, list[str], list[str]]:
    """Draw a case and two batches of people, the same for the same seed; `textual` cases have keys that are text."""
    dice = Seeded(random.Random(seed))
    found = case(dice, kind_of_store, shapes=seed % 4 > 0)
    batches = [dice.random.sample(PEOPLE, dice.number(1, 3)) for _ in range(2)]
    return (with_text_keys(found) if textual else found, *batches)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 1_900, 380))
def test_a_store_is_left_as_the_rules_say_in_many_more_cases(start):
    planned = 0
    for seed in range(start, start + 380):
        try:
            planned += check(*drawn(seed, "sqlite", textual=seed % 8 == 0), counting=seed % 3 == 0)
        except AssertionError as error:
            raise AssertionError(f"case {seed}") from error
    assert planned > 265


@pytest.mark.slow
@pytest.mark.postgresql
def test_postgresql_does_as_the_rules_say_in_some_hundred_cases(postgresql):
    planned = 0
    with psycopg.connect(postgresql, autocommit=True, row_factory=dict_row) as connection:
        for seed in range(10_000, 10_150):
            found, first, second = drawn(seed, "postgresql", textual=seed % 8 == 0)
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            for statement in found.statements():
                connection.execute(statement)
            for name, rows in found.data.items():
                for row in rows.values():
                    columns = sql.SQL(", ").join(map(sql.Identifier, row))
                    gaps = sql.SQL(", ").join(sql.Placeholder() * len(row))
                    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                        sql.Identifier(name), columns, gaps
                    )
                    connection.execute(
                        insert, [stored(column, value, "postgresql") for column, value in row.items()]
                    )
            for statement in found.foreign_keys():
                connection.execute(statement)

            def now(case: Case = found) -> Data:
                return {
                    name: {
                        row["id"]: row for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY id')
                    }
                    for name in case.map.tables
                }

            urls = {"find": postgresql, "change": postgresql}
            postgres = postgresql_store.Postgresql()
            counting = limits(postgresql_store.LIMITS, counting=seed % 3 == 0)
            store = SqlStore(found.map, urls, postgres, counting)
            try:
                planned += compared(found, store, now, first, second)
            except AssertionError as error:
                raise AssertionError(f"case {seed}") from error
            finally:
                store.close()
    assert planned > 100


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
