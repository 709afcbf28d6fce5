"""The catalogue says of a SQLite database what is really there."""

import sqlite3
import time

import pytest

from troth.rules.catalogue import ForeignKey, Trigger, sha256
from troth.stores.catalogue import read_sqlite

SHOP = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, born DATE,
                       boss REFERENCES customer);
CREATE TABLE branch (company INT NOT NULL, no INT NOT NULL, city TEXT, PRIMARY KEY (company, no)) WITHOUT ROWID;
CREATE TABLE sale (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
                   company INT, no INT, amount NUMERIC CHECK (amount > 0), note VARCHAR(10), seen BOOLEAN,
                   at DATETIME, raw BLOB, extra JSON, total REAL GENERATED ALWAYS AS (amount * 1.2) VIRTUAL,
                   FOREIGN KEY (company, no) REFERENCES branch (company, no) ON DELETE SET NULL
                       DEFERRABLE INITIALLY DEFERRED,
                   CHECK (note IS NOT NULL OR length(note) < 10));
CREATE VIEW everyone AS SELECT * FROM customer;
CREATE TABLE troth_step (step TEXT PRIMARY KEY);
"""


@pytest.fixture
def connection():
    connection = sqlite3.connect(":memory:")
    connection.executescript(SHOP)
    return connection


def table(connection, name):
    found = read_sqlite(connection, "shop").table(name)
    assert found is not None
    return found


def test_tables_are_there_and_views_and_our_own_steps_are_not(connection):
    catalogue = read_sqlite(connection, "shop")
    assert [each.name for each in catalogue.tables] == ["branch", "customer", "sale"]
    assert (catalogue.store, catalogue.dialect, catalogue.derived) == ("shop", "sqlite", ())


def test_each_column_has_its_shape(connection):
    shapes = {column.name: column.shape for column in table(connection, "sale").columns}
    assert shapes == {
        "id": "number", "customer_id": "number", "company": "number", "no": "number", "amount": "number",
        "note": "text", "seen": "boolean", "at": "moment", "raw": "bytes", "extra": "json", "total": "number",
    }  # fmt: skip
    assert table(connection, "customer").column("born").shape == "date"
    assert table(connection, "customer").column("boss").shape == "other"


def test_a_row_id_is_never_null_and_a_computed_column_is_not_written(connection):
    assert not table(connection, "sale").column("id").nullable
    assert table(connection, "sale").column("note").nullable
    assert [each.name for each in table(connection, "sale").columns if each.generated] == ["total"]


def test_keys_single_and_composite(connection):
    assert table(connection, "customer").key == ("id",)
    assert table(connection, "branch").key == ("company", "no")


def test_a_unique_key_without_nulls_stands_in_for_a_primary_key(connection):
    connection.execute("CREATE TABLE tag (a TEXT UNIQUE, b TEXT NOT NULL UNIQUE)")
    connection.execute("CREATE TABLE loose (a TEXT UNIQUE)")
    assert table(connection, "tag").key == ("b",)
    assert table(connection, "loose").key == ()


def test_foreign_keys_with_what_happens_on_delete(connection):
    assert table(connection, "sale").foreign_keys == (
        ForeignKey(("company", "no"), "branch", ("company", "no"), "SET NULL", deferrable=True),
        ForeignKey(("customer_id",), "customer", ("id",), "CASCADE", deferrable=True),
    )


def test_a_foreign_key_without_columns_refers_to_the_primary_key(connection):
    assert table(connection, "customer").foreign_keys == (ForeignKey(("boss",), "customer", ("id",)),)


def test_names_in_references_are_spelt_as_the_tables_are(connection):
    connection.execute("CREATE TABLE gift (id INTEGER PRIMARY KEY, giver INT REFERENCES CUSTOMER (ID))")
    assert table(connection, "gift").foreign_keys == (ForeignKey(("giver",), "customer", ("id",)),)


def test_checks_name_the_columns_they_read_and_those_that_may_refuse_null(connection):
    found = table(connection, "sale")
    assert found.checks == (("amount",), ("note",))
    assert found.null_refused == ("note",)


def test_partial_and_expression_indexes_make_nothing_unique(connection):
    connection.execute("CREATE UNIQUE INDEX one ON customer (name) WHERE born IS NOT NULL")
    connection.execute("CREATE UNIQUE INDEX two ON customer (lower(name))")
    connection.execute("CREATE UNIQUE INDEX three ON customer (name, born)")
    assert table(connection, "customer").unique == (("email",), ("id",), ("name", "born"))


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("INSERT INTO branch (company, no) VALUES (new.id, abs(new.boss))", ""),
        ("UPDATE customer SET name = lower(name) WHERE id IN (SELECT max(id) FROM sale)", ""),
        ("INSERT INTO branch (company, no) SELECT a, coalesce(a, 2) FROM (SELECT 1 AS a)", ""),
        ("INSERT INTO seen(company, no) VALUES (1, 2)", ""),
        ("SELECT 'send_mail(1)' -- send_mail(2)", ""),
        ("SELECT send_mail(old.email)", "send_mail"),
        ("SELECT load_extension('x')", "load_extension"),
        ("SELECT writefile('x', old.email), abs(1)", "writefile"),
    ],
)
def test_a_trigger_calls_out_when_it_calls_what_the_engine_does_not_bring(connection, body, how):
    event = "INSERT" if "new." in body else "DELETE"
    connection.execute("CREATE VIEW seen AS SELECT company, no FROM branch")
    connection.execute("CREATE TRIGGER seen_in INSTEAD OF INSERT ON seen BEGIN SELECT 1; END")
    connection.execute(f"CREATE TRIGGER told AFTER {event} ON customer BEGIN {body}\n; END")
    assert table(connection, "customer").triggers == (Trigger("told", f"AFTER {event}", bool(how), how),)


def test_a_trigger_calls_out_through_the_tables_it_writes_into(connection):
    connection.execute("CREATE TABLE far (id INTEGER PRIMARY KEY)")
    connection.execute('CREATE TABLE "near by" (id INTEGER PRIMARY KEY)')
    connection.execute("CREATE TRIGGER mails AFTER INSERT ON far BEGIN SELECT send_mail(1); END")
    connection.execute(
        'CREATE TRIGGER writes AFTER DELETE ON "near by" BEGIN INSERT INTO far VALUES (1); END'
    )
    connection.execute(
        'CREATE TRIGGER told AFTER DELETE ON customer BEGIN DELETE FROM "near by" WHERE id = 1; END'
    )
    connection.execute("CREATE TRIGGER quiet AFTER DELETE ON branch BEGIN UPDATE far SET id = 1; END")
    assert [(each.name, each.how) for each in table(connection, "customer").triggers] == [
        ("told", "the trigger writes of near by")
    ]
    assert not table(connection, "branch").triggers[0].calls_out


def test_the_event_of_a_trigger_is_read_whatever_its_writing(connection):
    connection.execute("CREATE TRIGGER a UPDATE OF name, email ON customer BEGIN SELECT 1; END")
    connection.execute("CREATE TRIGGER b before insert on customer BEGIN SELECT 1; END")
    assert [each.event for each in table(connection, "customer").triggers] == [
        "BEFORE UPDATE",
        "BEFORE INSERT",
    ]


def test_odd_names_are_read_as_they_are():
    connection = sqlite3.connect(":memory:")
    odd = ['Weird ""Table""', "sélect", "a.b", "1st", "x'y", "tab\tle"]
    for name in odd:
        connection.execute(f'CREATE TABLE "{name}" ("e-mail ""x""" TEXT NOT NULL UNIQUE, "order" INT)')
    catalogue = read_sqlite(connection, "odd")
    assert {each.name for each in catalogue.tables} == {name.replace('""', '"') for name in odd}
    assert {each.key for each in catalogue.tables} == {('e-mail "x"',)}
    assert all(each.parts == (each.name,) for each in catalogue.tables)


def test_an_attached_database_is_another_schema(tmp_path, connection):
    connection.execute("ATTACH ? AS old", (str(tmp_path / "old.db"),))
    connection.execute("CREATE TABLE old.customer (id INTEGER PRIMARY KEY, email TEXT)")
    found = table(connection, "old.customer")
    assert found.parts == ("old", "customer")
    assert table(connection, "customer").parts == ("customer",)


def test_two_tables_are_never_called_the_same(tmp_path, connection):
    connection.execute("ATTACH ? AS old", (str(tmp_path / "old.db"),))
    connection.execute("CREATE TABLE old.note (id INTEGER PRIMARY KEY)")
    connection.execute('CREATE TABLE "old.note" (id INTEGER PRIMARY KEY)')
    names = [each.name for each in read_sqlite(connection, "shop").tables]
    assert len(names) == len(set(names)) == 5
    assert {"old.note", "main.old.note"} <= set(names)


def test_a_full_text_index_is_a_table_and_its_insides_are_derived(connection):
    connection.execute("CREATE VIRTUAL TABLE letters USING fts5(body)")
    catalogue = read_sqlite(connection, "shop")
    assert catalogue.table("letters") is not None
    assert "letters_content" in [each.name for each in catalogue.derived]


def test_the_hash_changes_with_the_structure_and_with_nothing_else(connection):
    first = sha256(read_sqlite(connection, "shop"))
    connection.execute("INSERT INTO customer (email) VALUES ('ada@example.org')")
    connection.execute("CREATE INDEX quick ON customer (name)")
    assert sha256(read_sqlite(connection, "another name")) == first
    connection.execute("ALTER TABLE customer ADD COLUMN phone TEXT")
    assert sha256(read_sqlite(connection, "shop")) != first


def test_a_row_factory_of_somebody_else_changes_nothing(connection):
    plain = read_sqlite(connection, "shop")
    connection.row_factory = sqlite3.Row
    assert read_sqlite(connection, "shop") == plain


def test_rows_are_counted_roughly(connection):
    connection.executemany(
        "INSERT INTO customer (email) VALUES (?)", [(f"{n}@example.org",) for n in range(70)]
    )
    assert table(connection, "customer").rows_about == 70


def test_two_hundred_tables_take_no_time():
    connection = sqlite3.connect(":memory:")
    for number in range(200):
        connection.execute(
            f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT, c INT REFERENCES t0 (id))"
        )
    started = time.perf_counter()
    catalogue = read_sqlite(connection, "many")
    assert len(catalogue.tables) == 200
    assert time.perf_counter() - started < 1  # 20 ms on a quiet machine
