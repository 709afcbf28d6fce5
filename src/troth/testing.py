"""The tests every store must pass, for those who write one.

Subclass `StoreTests` in your own test file and give it a fixture `world`: a store opened
with the map that `map_of` returns, over tables that hold `ROWS`, and two ways to look at
and add to those tables behind the store's back.

    class TestMyStore(StoreTests):
        @pytest.fixture
        def world(self):
            ...
            yield MyWorld(...)

Each test is one promise that an erasure, or an answer to somebody, stands on.
"""

# A test says in its name what it promises.
# ruff: noqa: D102
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Protocol

from troth.errors import ConflictError
from troth.law.period import Period
from troth.policy.yaml_text import Fields
from troth.policy.yaml_text import read as read_yaml
from troth.rules.map import (
    Blank,
    Delete,
    Edge,
    Erase,
    Identifier,
    Map,
    MapTable,
    Retain,
    Subject,
)
from troth.stores.amend import Amending, Amendment, Cell
from troth.stores.contract import Batch, Expiry, Overdue, Row, Store, Sweeps, Swept, Who

TODAY = date(2026, 11, 23)

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "people": {"id": "integer", "email": "text", "name": "text", "home": "integer"},
    "homes": {"id": "integer", "street": "text"},
    "notes": {"id": "integer", "person": "integer", "body": "text"},
    "invoices": {"id": "integer", "person": "integer", "issued": "date", "gift": "text"},
    "visits": {"id": "integer", "email": "text", "seen_by": "integer"},
}
"""Each table and its columns; `id` is the key everywhere."""

ROWS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "people": (
        {"id": 1, "email": "ada@example.org", "name": "Ada", "home": 1},
        {"id": 2, "email": "o'brien@example.org", "name": "O'Brien", "home": 1},
        {"id": 3, "email": "100%_sure@example.org", "name": "Sure", "home": 2},
        {"id": 4, "email": None, "name": "Nobody", "home": None},
    ),
    "homes": ({"id": 1, "street": "Shared Street"}, {"id": 2, "street": "Lonely Lane"}),
    "notes": (
        {"id": 1, "person": 1, "body": "about Ada"},
        {"id": 2, "person": 1, "body": "more about Ada"},
        {"id": 3, "person": 2, "body": "about O'Brien"},
    ),
    "invoices": (
        {"id": 1, "person": 1, "issued": "2026-01-31", "gift": "a card from Bob"},
        {"id": 2, "person": 1, "issued": "2010-01-31", "gift": None},
        {"id": 3, "person": 2, "issued": "2026-01-31", "gift": "roses"},
    ),
    "visits": (
        {"id": 1, "email": "ADA@example.org ", "seen_by": 2},
        {"id": 2, "email": "stranger@example.org", "seen_by": None},
        {"id": 3, "email": None, "seen_by": 1},
    ),
}

ADA = Who("ada", (("email", "Ada@Example.org"),))
OBRIEN = Who("obrien", (("email", "o'brien@example.org"),))
SURE = Who("sure", (("email", "100%_sure@example.org"),))


def map_of(kind: str) -> Map:
    """Return the map of these tables for a kind of store."""

    def decided(do: Any) -> Erase:
        return Erase(do, "dpo", "a test")

    def table(name: str, **more: Any) -> MapTable:
        return MapTable(name, dict.fromkeys(COLUMNS[name], "usage") | {"id": "key"}, **more)

    return Map(
        store="tested",
        kind=kind,
        controller="main-entity",
        credentials={"find": "env:FIND", "change": "env:CHANGE"},
        placeholder={},
        tables={
            "people": table(
                "people",
                subject=Subject(("id",), (Identifier("email", "email", one_person=True),)),
                edges=(Edge("points_to", "people", ("home",), "homes", ("id",)),),
                erase=decided(Blank((("email", None), ("name", None)))),
            ),
            "homes": table("homes", erase=decided(Delete())),
            "notes": table(
                "notes",
                edges=(Edge("belongs_to", "notes", ("person",), "people", ("id",)),),
                erase=decided(Delete()),
            ),
            "invoices": table(
                "invoices",
                edges=(Edge("belongs_to", "invoices", ("person",), "people", ("id",)),),
                erase=decided(Retain(Period(10, "years"), "issued", "a law", (("gift", None),))),
            ),
            "visits": table(
                "visits",
                edges=(
                    Edge("belongs_to", "visits", ("email",), "people", ("email",)),
                    Edge("mentions", "visits", ("seen_by",), "people", ("id",), conceals=("email",)),
                ),
                erase=decided(Delete()),
            ),
        },
    )


def described(map_: Map, own: Mapping[str, str], whole: str = "") -> Map:
    """Return a map with what only its kind of store understands, as YAML: of tables by name, and of the whole."""

    def fields(text: str) -> Fields | None:
        node, problems = read_yaml(text, "own")
        assert not problems, problems
        return node if isinstance(node, Fields) else None

    tables = {name: replace(table, own=fields(own.get(name, ""))) for name, table in map_.tables.items()}
    return replace(map_, tables=tables, own=fields(whole))


class World(Protocol):
    """A store, and its tables behind its back."""

    store: Store

    def rows(self, table: str) -> Sequence[Mapping[str, object]]:
        """Return every row of a table, in the order of `id`."""
        ...

    def add(self, table: str, row: Mapping[str, object]) -> None:
        """Add a row."""
        ...


def everything(world: World) -> dict[str, list[dict[str, object]]]:
    """Return every row of every table."""
    return {table: [dict(row) for row in world.rows(table)] for table in COLUMNS}


def key(row: Row) -> object:
    """Return the `id` of a row that was found: a store that only has texts may give it as one."""
    found = row.values["id"]
    return int(found) if isinstance(found, str) and found.isdecimal() else found


def ids(world: World, table: str) -> list[object]:
    """Return the ids that are in a table."""
    return [row["id"] for row in world.rows(table)]


class StoreTests:
    """What a store promises, one test for each promise."""

    # Seeing

    def test_it_shows_every_column(self, world: World) -> None:
        seen = {
            (table.name, column.name) for table in world.store.catalogue().tables for column in table.columns
        }
        assert {(table, column) for table, columns in COLUMNS.items() for column in columns} <= seen

    def test_it_is_called_what_its_map_calls_it(self, world: World) -> None:
        assert world.store.name == "tested"

    # Finding

    def test_it_finds_one_subject_and_no_other(self, world: World) -> None:
        found = {(row.table, key(row)) for row in world.store.find([OBRIEN])}
        assert found == {("people", 2), ("homes", 1), ("notes", 3), ("invoices", 3), ("visits", 1)}

    def test_an_identifier_is_found_whatever_its_case_and_the_blanks_around_it(self, world: World) -> None:
        found = {(row.table, key(row)) for row in world.store.find([ADA])}
        assert {("people", 1), ("visits", 1)} <= found

    def test_it_finds_each_row_once(self, world: World) -> None:
        found = [(row.subject, row.table, key(row)) for row in world.store.find([ADA, OBRIEN])]
        assert len(found) == len(set(found))

    def test_it_says_by_which_way_and_what_that_way_conceals(self, world: World) -> None:
        mentioned = next(row for row in world.store.find([OBRIEN]) if row.table == "visits")
        assert mentioned.path[-1] == "mentions visits.seen_by"
        assert mentioned.concealed == ("email",)
        assert not next(
            row for row in world.store.find([ADA]) if str(row.values.get("seen_by")) == "2"
        ).concealed

    def test_an_identifier_is_never_a_pattern(self, world: World) -> None:
        for written in (
            "%",
            "_",
            "*",
            "%@example.org",
            "100%",
            "' OR 1=1 --",
            '" OR ""="',
            "\\",
            "a\0b",
            "\ud800",
        ):
            assert not list(world.store.find([Who("x", (("email", written),))])), written

    def test_an_identifier_with_the_marks_of_patterns_finds_itself(self, world: World) -> None:
        assert {key(row) for row in world.store.find([SURE]) if row.table == "people"} == {3}

    def test_an_empty_identifier_finds_nobody(self, world: World) -> None:
        world.add("people", {"id": 5, "email": "", "name": "Empty", "home": None})
        world.add("visits", {"id": 5, "email": "", "seen_by": None})
        for written in ("", " ", "\t"):
            assert not list(world.store.find([Who("x", (("email", written),))]))

    def test_an_identifier_of_another_kind_finds_nobody(self, world: World) -> None:
        assert not list(world.store.find([Who("x", (("phone", "ada@example.org"),))]))

    def test_nobody_finds_nothing(self, world: World) -> None:
        assert not list(world.store.find([]))

    # Measuring

    def test_measuring_changes_nothing(self, world: World) -> None:
        before = everything(world)
        world.store.measure([ADA, OBRIEN, SURE], TODAY)
        assert everything(world) == before

    def test_it_measures_what_goes_what_is_blanked_and_what_is_retained_until_when(
        self, world: World
    ) -> None:
        measured = world.store.measure([ADA], TODAY)
        assert [(count.table, count.verb, count.rows, count.until) for count in measured.counts] == [
            ("invoices", "blank", 1, None),
            ("invoices", "delete", 1, None),  # its ten years are over
            ("invoices", "retain", 1, date(2036, 1, 31)),
            ("notes", "delete", 2, None),
            ("people", "blank", 1, None),
            ("visits", "delete", 1, None),
        ]
        assert next(count.legal for count in measured.counts if count.verb == "retain") == "a law"

    # Acting

    def test_it_erases_one_subject_and_no_other(self, world: World) -> None:
        world.store.act("one", [ADA], TODAY, world.store.measure([ADA], TODAY))
        assert [(row["id"], row["email"], row["name"]) for row in world.rows("people")] == [
            (1, None, None),
            (2, "o'brien@example.org", "O'Brien"),
            (3, "100%_sure@example.org", "Sure"),
            (4, None, "Nobody"),
        ]
        assert ids(world, "homes") == [1, 2]
        assert ids(world, "notes") == [3]
        assert [(row["id"], row["gift"]) for row in world.rows("invoices")] == [(1, None), (3, "roses")]
        assert ids(world, "visits") == [2, 3]

    def test_what_two_share_goes_with_the_last(self, world: World) -> None:
        for step, subject in (("one", ADA), ("two", OBRIEN)):
            world.store.act(step, [subject], TODAY, world.store.measure([subject], TODAY))
        assert ids(world, "homes") == [2]

    def test_what_two_share_goes_when_both_go_together(self, world: World) -> None:
        both = [ADA, OBRIEN]
        world.store.act("both", both, TODAY, world.store.measure(both, TODAY))
        assert ids(world, "homes") == [2]

    def test_it_does_what_was_measured(self, world: World) -> None:
        measured = world.store.measure([ADA, SURE], TODAY)
        assert world.store.act("one", [ADA, SURE], TODAY, measured).counts == measured.counts

    def test_after_it_the_identifiers_lead_nowhere(self, world: World) -> None:
        assert world.store.gone([ADA], TODAY) > 0
        world.store.act("one", [ADA], TODAY, world.store.measure([ADA], TODAY))
        assert world.store.gone([ADA], TODAY) == 0
        assert world.store.gone([OBRIEN], TODAY) > 0

    def test_saying_a_step_again_changes_nothing_and_returns_the_same(self, world: World) -> None:
        approved = world.store.measure([ADA], TODAY)
        first = world.store.act("one", [ADA], TODAY, approved)
        after = everything(world)
        world.add("notes", {"id": 9, "person": 2, "body": "meanwhile"})
        if first.certainty == "at_least_once":  # where no step can be remembered there is nothing left to do
            assert world.store.act("one", [ADA], TODAY, approved).counts == ()
            assert ids(world, "notes") == [3, 9]
            return
        again = world.store.act("one", [ADA, OBRIEN], TODAY, approved)
        assert again.resumed
        assert not first.resumed
        assert (again.counts, again.keys_checked, again.grade) == (
            first.counts,
            first.keys_checked,
            first.grade,
        )
        assert everything(world) == {
            **after,
            "notes": [*after["notes"], {"id": 9, "person": 2, "body": "meanwhile"}],
        }

    def test_erasing_again_under_another_step_changes_nothing(self, world: World) -> None:
        world.store.act("one", [ADA], TODAY, world.store.measure([ADA], TODAY))
        after = everything(world)
        world.store.act("two", [ADA], TODAY, world.store.measure([ADA], TODAY))
        assert everything(world) == after

    def test_more_rows_than_were_approved_are_left_alone(self, world: World) -> None:
        approved = world.store.measure([ADA], TODAY)
        world.add("notes", {"id": 9, "person": 1, "body": "meanwhile"})
        before = everything(world)
        try:
            world.store.act("one", [ADA], TODAY, approved)
        except ConflictError as error:
            assert "1 rows more" in str(error)
        else:
            raise AssertionError("More was erased than was approved.")
        assert everything(world) == before

    def test_as_many_more_as_are_tolerated_go_too(self, world: World) -> None:
        approved = world.store.measure([ADA], TODAY)
        world.add("notes", {"id": 9, "person": 1, "body": "meanwhile"})
        world.store.act("one", [ADA], TODAY, approved, tolerance=1)
        assert ids(world, "notes") == [3]

    def test_rows_in_another_table_are_never_tolerated(self, world: World) -> None:
        approved = world.store.measure([SURE], TODAY)
        world.add("notes", {"id": 9, "person": 3, "body": "meanwhile"})
        before = everything(world)
        try:
            world.store.act("one", [SURE], TODAY, approved, tolerance=100)
        except ConflictError as error:
            assert "`notes`" in str(error)
        else:
            raise AssertionError("Rows of another table were erased than was approved.")
        assert everything(world) == before

    def test_fewer_rows_than_were_approved_are_fine(self, world: World) -> None:
        approved = world.store.measure([ADA, SURE], TODAY)
        assert world.store.act("one", [SURE], TODAY, approved).counts

    def test_an_approval_of_another_plan_is_refused(self, world: World) -> None:
        approved = replace(world.store.measure([ADA], TODAY), plan_sha256="0" * 64)
        before = everything(world)
        try:
            world.store.act("one", [ADA], TODAY, approved)
        except ConflictError as error:
            assert "changed since the plan was measured" in str(error)
        else:
            raise AssertionError("Another plan was carried out than was approved.")
        assert everything(world) == before

    def test_nobody_to_erase_is_nothing_found(self, world: World) -> None:
        stranger = [Who("x", (("email", "nobody@example.org"),))]
        acted = world.store.act("one", stranger, TODAY, world.store.measure(stranger, TODAY))
        assert (acted.counts, acted.grade, acted.keys_checked) == ((), "nothing_found", 0)

    # Searching

    def test_a_copy_is_seen_by_the_residue_search(self, world: World) -> None:
        world.add("notes", {"id": 9, "person": 2, "body": "told by ada@example.org yesterday"})
        world.store.act("one", [ADA], TODAY, world.store.measure([ADA], TODAY))
        hits = [
            (hit.subject, hit.table, hit.column, hit.verdict) for hit in world.store.scan([ADA], TODAY).hits
        ]
        assert hits == [("ada", "notes", "body", "copy")]

    # Keeping quiet

    def test_a_row_and_a_subject_do_not_show_their_values(self, world: World) -> None:
        shown = repr([*world.store.find([ADA]), ADA, world.store])
        assert "example.org" not in shown.lower()
        assert "Shared Street" not in shown


class AmendingTests:
    """What a store promises that rectifies and restricts (`Limits.amends`): the verbs of `troth.stores.amend`."""

    def _emptied(self, world: World, *columns: str) -> list[Amendment]:
        found = _amending(world).standing([ADA], {"people": columns}, copies=False)
        return [
            Amendment(
                each.table,
                each.key,
                tuple(Cell(name, value, None) for name, value in each.values.items() if value is not None),
                each.witness,
            )
            for each in found
        ]

    def _back(self, amendments: Sequence[Amendment]) -> list[Amendment]:
        return [
            Amendment(
                each.table,
                each.key,
                tuple(Cell(c.column, c.after, c.before) for c in each.cells),
                each.witness,
            )
            for each in amendments
        ]

    def test_it_says_that_it_amends(self, world: World) -> None:
        assert world.store.limits().amends
        assert isinstance(world.store, Amending)

    def test_it_reads_the_rows_of_one_subject_and_tells_what_somebody_else_holds_too(
        self, world: World
    ) -> None:
        found = _amending(world).standing([ADA], {"people": ("name",), "homes": ("street",)}, copies=False)
        shown = {(each.table, _amending(world).shown(*each.values.values()), each.shared) for each in found}
        assert shown == {("people", "Ada", False), ("homes", "Shared Street", True)}

    def test_a_link_by_value_is_a_copy(self, world: World) -> None:
        found = _amending(world).standing([ADA], {"people": ("email",)}, copies=True)
        assert sorted((each.table, each.source is not None) for each in found) == [
            ("people", False),
            ("visits", True),
        ]

    def test_trying_out_changes_nothing(self, world: World) -> None:
        before = everything(world)
        _, tried = _amending(world).try_out(self._emptied(world, "name", "home"), on_conflict="stop")
        assert [(each.column, each.rows) for each in tried.counts] == [("home", 1), ("name", 1)]
        assert everything(world) == before

    def test_what_was_emptied_is_put_back_exactly_and_nothing_else_moves(self, world: World) -> None:
        before = everything(world)
        saved = self._emptied(world, "name", "home")
        _amending(world).amend("aside", "plan", saved, on_conflict="stop")
        (ada, *others) = everything(world)["people"]
        assert (ada["name"], ada["home"], others) == (None, None, before["people"][1:])
        lifted = _amending(world).amend("back", "plan", self._back(saved), on_conflict="leave")
        assert (lifted.conflicts, everything(world)) == ((), before)

    def test_an_empty_text_comes_back_empty_and_not_null(self, world: World) -> None:
        world.add("people", {"id": 6, "email": "ada@example.org", "name": "", "home": None})
        before = everything(world)
        saved = self._emptied(world, "name", "home")
        _amending(world).amend("aside", "plan", saved, on_conflict="stop")
        _amending(world).amend("back", "plan", self._back(saved), on_conflict="leave")
        assert everything(world) == before

    def test_what_changed_since_it_was_read_stops_the_step(self, world: World) -> None:
        saved = self._emptied(world, "name")
        _amending(world).amend("other", "plan", saved, on_conflict="stop")
        newer = [
            Amendment(each.table, each.key, (Cell("name", None, _amending(world).coded("Ada King")),))
            for each in saved
        ]
        settled, _ = _amending(world).try_out(newer, on_conflict="stop")
        _amending(world).amend("newer", "plan", settled, on_conflict="stop")
        before = everything(world)
        try:
            _amending(world).amend("late", "plan", saved, on_conflict="stop")
        except ConflictError:
            pass
        else:
            raise AssertionError("A value was overwritten that had changed.")
        assert everything(world) == before
        left = _amending(world).amend("back", "plan", self._back(saved), on_conflict="leave")
        assert [(each.column, each.reason) for each in left.conflicts] == [("name", "changed")]
        assert everything(world) == before

    def test_a_step_said_again_changes_nothing_and_returns_the_same(self, world: World) -> None:
        saved = self._emptied(world, "name")
        first = _amending(world).amend("aside", "plan", saved, on_conflict="stop")
        if (
            first.certainty == "at_least_once"
        ):  # where no step is remembered, it is said again before any other
            before = everything(world)
            again = _amending(world).amend("aside", "plan", saved, on_conflict="stop")
            assert (again.counts, again.conflicts, everything(world)) == (first.counts, (), before)
            return
        _amending(world).amend("back", "plan", self._back(saved), on_conflict="leave")
        before = everything(world)
        again = _amending(world).amend("aside", "plan", saved, on_conflict="stop")
        assert (again.resumed, again.counts, everything(world)) == (True, first.counts, before)

    def test_values_are_not_shown(self, world: World) -> None:
        amendments = self._emptied(world, "name", "email")
        shown = repr([amendments, _amending(world).standing([ADA], {"people": ("name",)}, copies=False)])
        assert "Ada" not in shown
        assert "example" not in shown


def _amending(world: World) -> Amending:
    assert isinstance(world.store, Amending)
    return world.store


DUE = Expiry("invoices", "issued", date(2023, 11, 23))
"""One invoice, of Ada's, which no law keeps any longer."""


class SweepingTests:
    """What a store promises in which rows go once their retention has ended: the verbs of `Sweeps`."""

    def _swept(
        self, world: World, step: str = "sweep/1/1", but_for: Sequence[Who] = (), passed: int = 0
    ) -> Swept:
        store = _sweeping(world)
        allowed = {(count.table, count.verb) for count in store.measure_sweep(DUE, (), TODAY).counts} or {
            ("invoices", "delete")
        }
        return store.sweep(step, DUE, but_for, TODAY, Batch(100, passed, allowed))

    def test_it_counts_what_is_due_and_changes_nothing(self, world: World) -> None:
        before, store = everything(world), _sweeping(world)
        assert store.unswept() == ""
        assert store.overdue(DUE, (), TODAY) == Overdue(1, date(2010, 1, 31))
        measured = store.measure_sweep(DUE, (), TODAY)
        assert [(one.table, one.verb, one.rows) for one in measured.counts if one.verb != "retain"] == [
            ("invoices", "delete", 1)
        ]
        assert everything(world) == before

    def test_what_is_due_goes_and_nothing_else(self, world: World) -> None:
        before = everything(world)
        done = self._swept(world)
        assert (done.looked, done.held) == (1, 0)
        assert [(one.table, one.verb, one.rows) for one in done.acted.counts if one.verb != "retain"] == [
            ("invoices", "delete", 1)
        ]
        kept = [row for row in before["invoices"] if row["id"] != 2]
        assert everything(world) == {**before, "invoices": kept}
        assert _sweeping(world).overdue(DUE, (), TODAY) == Overdue(0, None)

    def test_said_again_nothing_more_goes(self, world: World) -> None:
        self._swept(world)
        world.add("invoices", {"id": 9, "person": 2, "issued": "2001-01-01", "gift": None})
        after = everything(world)
        if world.store.limits().remembers:
            self._swept(world)
            assert everything(world) == after
        assert self._swept(world, "sweep/1/2").looked == 1

    def test_batches_go_on_until_nothing_is_due(self, world: World) -> None:
        for number in range(10, 15):
            world.add("invoices", {"id": number, "person": 2, "issued": "2001-01-01", "gift": None})
        store, looked, after = _sweeping(world), [], None
        for number in range(5):
            batch = Batch(2, 0, {("invoices", "delete")}, None, after)
            done = store.sweep(f"sweep/1/{number}", DUE, (), TODAY, batch)
            looked.append(done.looked)
            after = done.last
        assert looked == [2, 2, 2, 0, 0]
        assert ids(world, "invoices") == [1, 3]

    def test_people_who_are_passed_by_lose_nothing(self, world: World) -> None:
        before = everything(world)
        assert _sweeping(world).overdue(DUE, [ADA], TODAY).rows == 0
        assert self._swept(world, but_for=[ADA]).looked == 0
        assert everything(world) == before
        assert _sweeping(world).overdue(DUE, [OBRIEN], TODAY).rows == 1

    def test_what_was_not_measured_is_not_done(self, world: World) -> None:
        before = everything(world)
        try:
            _sweeping(world).sweep("sweep/1/1", DUE, (), TODAY, Batch(100, 0, set()))
        except ConflictError:
            assert everything(world) == before
            return
        raise AssertionError("Rows went that nobody had measured.")


def _sweeping(world: World) -> Sweeps:
    store = world.store
    assert isinstance(store, Sweeps)
    return store
