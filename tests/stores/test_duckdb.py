"""DuckDB keeps the store's promises, and what it cannot do inside one transaction is refused before."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from stores import shop
from stores.shop import who
from stores.test_oracle import FOLDER, compared, drawn, found_again, stored
from troth.errors import NotAllowedError, UnreachableError, WrongFileError
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.duckdb import LIMITS, Duckdb, DuckdbStore
from troth.testing import AmendingTests, StoreTests

TODAY = date(2026, 11, 23)
ADA, BEN = "ada@shop.example", "ben@shop.example"
PEOPLE = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
"""
ORDERS = """
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link}
    erase: {do: delete, by: dpo, because: a test}
"""


class TestDuckdb(StoreTests):
    @pytest.fixture
    def world(self, duckdb_database, tested_world):
        return tested_world(duckdb_database)


class TestDuckdbAmends(AmendingTests):
    @pytest.fixture
    def world(self, duckdb_database, tested_world):
        return tested_world(duckdb_database)


def made(database, *statements):
    """Run statements as they are, with their foreign keys."""
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement)
    return database


def test_what_refers_to_rows_that_go_is_refused_in_the_map(duckdb_database):
    made(
        duckdb_database,
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)",
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id))",
    )
    with pytest.raises(WrongFileError, match="`orders` refers to them by a foreign key: DuckDB refuses"):
        duckdb_database.open(PEOPLE + ORDERS).plan()


def test_that_is_what_duckdb_does_and_a_blank_is_no_trouble(duckdb_database):
    made(
        duckdb_database,
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)",
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id))",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben')",
        "INSERT INTO orders VALUES (1, 1), (2, 2)",
    )
    with duckdb_database.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM orders WHERE customer_id = 1")
        with pytest.raises(duckdb.ConstraintException):  # though nothing refers to it any more
            connection.execute("DELETE FROM customer WHERE id = 1")
    store = duckdb_database.open(
        PEOPLE.replace("do: delete", "do: blank, set: {email: null, name: null}") + ORDERS
    )
    done = store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert {(count.table, count.verb) for count in done.counts} == {
        ("customer", "blank"),
        ("orders", "delete"),
    }
    assert duckdb_database.query("SELECT id FROM orders") == [(2,)]


def test_a_blank_of_what_is_indexed_under_a_foreign_key_is_refused_in_the_map(duckdb_database):
    made(
        duckdb_database,
        "CREATE TABLE customer (id integer PRIMARY KEY, email text UNIQUE, name text)",
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id))",
    )
    blanked = PEOPLE.replace("do: delete", "do: blank, set: {email: null, name: null}")
    with pytest.raises(WrongFileError, match=r"`customer\.email` is indexed or a list"):
        duckdb_database.open(blanked + ORDERS).plan()


def test_a_file_open_in_another_program_is_said_to_be(duckdb_database):
    duckdb_database.run(*shop.TABLES, *shop.ROWS)
    urls = {"find": duckdb_database.url, "change": duckdb_database.url}
    store = DuckdbStore(duckdb_database.map(shop.MAP), urls, Duckdb(wait_seconds=0.1), LIMITS)
    held = f"import duckdb, sys; c = duckdb.connect({duckdb_database.url[10:]!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(UnreachableError, match="is open in another program"):
            store.measure(who(ADA), TODAY)
        other.communicate("\n", timeout=20)
    assert store.measure(who(ADA), TODAY).counts


def test_moments_with_a_time_zone_are_read_without_another_package(duckdb_database):
    made(
        duckdb_database,
        "SET TimeZone = 'Asia/Kathmandu'; CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, "
        "since timestamptz, seen timestamptz[], last struct(t timestamptz, n text))",
        "CREATE TABLE visit (at_ timestamptz PRIMARY KEY, email text)",
        f"SET TimeZone = 'Europe/Paris'; INSERT INTO customer VALUES (1, '{ADA}', 'Ada', '2026-03-29 01:30:00+01', "
        "['2026-03-29 01:30:00+01', NULL], {'t': '2026-03-29 01:30:00+01', 'n': 'x'}), "
        f"(2, '{BEN}', 'Ben', 'infinity', NULL, NULL)",
        f"SET TimeZone = 'Europe/Paris'; INSERT INTO visit VALUES ('2026-03-29 01:30:00+01', '{ADA}')",
    )
    columns = "columns: {id: key, email: contact, name: identity, since: usage, seen: usage, last: usage}"
    visit = """
  visit:
    belongs_to: [{email: customer.email}]
    columns: {at_: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
"""
    store = duckdb_database.open(
        PEOPLE.replace("columns: {id: key, email: contact, name: identity}", columns) + visit
    )
    found = {row.table: row.values for row in store.find(who(ADA))}
    assert found["customer"]["since"] == "2026-03-29 00:30:00+00"
    assert found["customer"]["seen"] == "['2026-03-29 00:30:00+00', NULL]"
    assert [row.values["since"] for row in store.find(who(BEN))] == ["infinity"]
    assert [each.key for each in store.entries(who(ADA))] == [("1",), ("2026-03-29 00:30:00+00",)]
    store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert (store.gone(who(ADA), TODAY), duckdb_database.query("SELECT id FROM customer")) == (0, [(2,)])
    assert duckdb_database.query("SELECT email FROM visit") == []


def test_between_two_verbs_the_file_is_free(duckdb_database):
    duckdb_database.run(*shop.TABLES, *shop.ROWS)
    store = duckdb_database.open(shop.MAP)
    assert store.measure(who(ADA), TODAY).counts
    asked = f"import duckdb; duckdb.connect({duckdb_database.url[10:]!r}).execute('DELETE FROM login')"
    subprocess.run([sys.executable, "-c", asked], check=True, timeout=60)
    assert duckdb_database.query("SELECT * FROM login") == []


def test_a_file_that_is_not_there_is_not_made(duckdb_database, tmp_path):
    url = f"duckdb:///{tmp_path}/nowhere.duckdb"
    with pytest.raises(UnreachableError, match="does not answer"):
        list(duckdb_database.open(shop.MAP, find=url, change=url).find(who(ADA)))
    assert not (tmp_path / "nowhere.duckdb").exists()


def test_nothing_in_the_file_reaches_other_files(duckdb_database, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    connection = Duckdb().connect(duckdb_database.url, "find")
    with pytest.raises(duckdb.Error):
        connection.rows(f"SELECT * FROM read_csv('{tmp_path}/secret.csv')")
    connection.raw.close()


def test_a_check_that_fails_is_said_without_a_value(duckdb_database):
    made(
        duckdb_database,
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text CHECK (name <> 'former'))",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada')",
    )
    store = duckdb_database.open(PEOPLE.replace("do: delete", "do: blank, set: {email: null, name: former}"))
    with pytest.raises(NotAllowedError, match="a CHECK does not hold") as raised:
        store.measure(who(ADA), TODAY)
    assert ADA not in repr(raised.value.__context__) + str(raised.value)


def test_residue_is_found_in_values_of_every_nested_type(duckdb_database):
    duckdb_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada')",
        "CREATE TABLE odd (l varchar[], s struct(x varchar), m map(varchar, varchar), u union(n integer, t varchar), "
        "v variant, j json, b blob, e text, o struct(y varchar[]))",
        f"""INSERT INTO odd VALUES (['{ADA}'], {{'x': '{ADA}'}}, map {{'{ADA}': 'v'}}, '{ADA}', '{ADA}'::variant,
            '{{"a": "{ADA}"}}', '{ADA}'::blob, repeat('x', 400000) || ' {ADA}', {{'y': ['{ADA}']}})""",
    )
    store = duckdb_database.open(PEOPLE)
    hits = {(hit.table, hit.column) for hit in store.scan(who(ADA), TODAY).hits if hit.verdict == "copy"}
    assert hits == {("customer", "email"), *(("odd", column) for column in "lsmuvjbeo")}


@pytest.mark.parametrize("collated", ["NOCASE", "NOCASE.NOACCENT"])
@pytest.mark.parametrize("other", ["café@x.example", "cafe@x.example ", "CAFE@x.example", "straße@x.example"])
def test_an_address_is_no_other_whatever_its_column_is_collated_by(duckdb_database, other, collated):
    duckdb_database.run(
        f"CREATE TABLE customer (id integer PRIMARY KEY, email text COLLATE {collated}, name text)",
        f"INSERT INTO customer VALUES (1, 'cafe@x.example', 'a'), (2, '{other}', 'b'), (3, 'strasse@x.example', 'c')",
    )
    found = {row.values["id"] for row in duckdb_database.open(PEOPLE).find(who("cafe@x.example"))}
    assert found == ({1} if other[3] == "é" or other[0] == "s" else {1, 2})


def test_a_code_is_found_letter_by_letter(duckdb_database):
    duckdb_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text COLLATE NOCASE, name text)",
        "INSERT INTO customer VALUES (1, 'Ab', 'a'), (2, 'aB', 'b')",
    )
    store = duckdb_database.open(PEOPLE.replace("kind: email", "kind: code"))
    assert [row.values["id"] for row in store.find([Who("x", (("code", "Ab"),))])] == [1]


@pytest.mark.slow
def test_duckdb_does_as_the_rules_say_in_some_cases(tmp_path):
    planned = 0
    for seed in range(20_004, 20_016):
        case, first, second = drawn(seed, "duckdb")
        case = replace(case, links=())  # of foreign keys is told above
        path = Path(FOLDER or tmp_path) / f"{tmp_path.parent.name}-{tmp_path.name}-{seed}.duckdb"
        with duckdb.connect(str(path)) as connection:
            for statement in case.statements():
                connection.execute(statement)
            for name, rows in case.data.items():
                for row in rows.values():
                    columns, gaps = ", ".join(f'"{each}"' for each in row), ", ".join("?" * len(row))
                    values = [stored(column, value, "duckdb") for column, value in row.items()]
                    connection.execute(f'INSERT INTO "{name}" ({columns}) VALUES ({gaps})', values)

        def now(path=path, case=case):
            state = {}
            with duckdb.connect(str(path)) as connection:
                for name in case.map.tables:
                    answer = connection.execute(f'SELECT * FROM "{name}" ORDER BY id')
                    names = [each for each, *_ in answer.description]
                    state[name] = {
                        row[names.index("id")]: {
                            key: found_again(value) for key, value in zip(names, row, strict=True)
                        }
                        for row in answer.fetchall()
                    }
            return state

        store = connect(case.map, {"find": f"duckdb:///{path}", "change": f"duckdb:///{path}"})
        try:
            planned += compared(case, store, now, first, second)
        except AssertionError as error:
            raise AssertionError(f"case {seed}") from error
        finally:
            store.close()
            path.unlink(missing_ok=True)
    assert planned > 3
