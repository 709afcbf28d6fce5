"""MariaDB keeps the store's promises; collations, engines, locks and counts that are its own."""

import threading
import time
from datetime import date

import pytest
from pymysql.cursors import DictCursor

from stores import shop
from stores.shop import who
from stores.test_oracle import compared, drawn, found_again, stored
from troth.errors import NotAllowedError, UnreachableError, WrongFileError
from troth.stores import mariadb
from troth.stores.contract import SideEffect, Who
from troth.testing import AmendingTests, StoreTests

pytestmark = [pytest.mark.mariadb, pytest.mark.slow]
TODAY = date(2026, 11, 23)
ADA, BEN = "ada@shop.example", "ben@shop.example"
CUSTOMER = "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)"
CUSTOMERS = f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben')"
PEOPLE = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
"""
NOTE = """
  note:
    belongs_to: [{customer: customer.id}]
    columns: {id: key, customer: link}
    erase: {do: delete, by: dpo, because: a test}
"""


class TestMariadb(StoreTests):
    @pytest.fixture
    def world(self, mariadb_database, tested_world):
        return tested_world(mariadb_database)


class TestMariadbAmends(AmendingTests):
    @pytest.fixture
    def world(self, mariadb_database, tested_world):
        return tested_world(mariadb_database)


# Letter by letter


NAMES = (
    "cafe",
    "café",
    "CAFE",
    "Straße",
    "Strasse",
    "cafe ",
    "ﬀ",
    "ff",
    "😀",
    "😁",
    "e\u0301",
    "ı",
    "i",
)


@pytest.mark.parametrize(
    "collated",
    [
        "utf8mb4 COLLATE utf8mb4_general_ci",
        "utf8mb4 COLLATE utf8mb4_unicode_ci",
        "utf8mb4 COLLATE utf8mb4_uca1400_ai_ci",
        "utf8mb4 COLLATE utf8mb4_bin",
        "utf8mb4 COLLATE utf8mb4_nopad_bin",
    ],
)
def test_a_code_is_found_letter_by_letter_whatever_the_collation(mariadb_database, collated):
    mariadb_database.run(
        f"CREATE TABLE customer (id integer PRIMARY KEY, email varchar(90) CHARACTER SET {collated}, "
        "name text, KEY (email))",
        *(f"INSERT INTO customer VALUES ({n}, '{each}', 'x')" for n, each in enumerate(NAMES)),
    )
    store = mariadb_database.open(PEOPLE.replace("kind: email", "kind: code"))
    for number, each in enumerate(NAMES):
        if each == each.strip():
            found = [row.values["id"] for row in store.find([Who("x", (("code", each),))])]
            assert found == [number], each
    store.act(
        "one", [Who("x", (("code", "cafe"),))], TODAY, store.measure([Who("x", (("code", "cafe"),))], TODAY)
    )
    assert mariadb_database.query("SELECT count(*) FROM customer WHERE id = 0") == [(0,)]
    assert mariadb_database.query("SELECT count(*) FROM customer") == [(len(NAMES) - 1,)]


def test_an_address_in_a_narrow_character_set_is_found_and_no_other(mariadb_database):
    mariadb_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(90) CHARACTER SET latin1, name text)",
        "INSERT INTO customer VALUES (1, 'é@x.example', 'x'), (2, 'e@x.example', 'x'), (3, '?@x.example', 'x')",
    )
    store = mariadb_database.open(PEOPLE)
    for given, ids in (
        ("É@x.example", [1]),
        ("e@x.example ", [2]),
        ("😀@x.example", []),
        ("?@x.example", [3]),
    ):
        assert [row.values["id"] for row in store.find([Who("x", (("email", given),))])] == ids, given


def test_links_without_a_foreign_key_are_letter_by_letter_and_those_with_one_as_it_compares(mariadb_database):
    kind = "varchar(20) COLLATE utf8mb4_general_ci"
    mariadb_database.run(
        f"CREATE TABLE customer (id {kind} PRIMARY KEY, email text, name text)",
        f"INSERT INTO customer VALUES ('ab', '{ADA}', 'Ada'), ('b', '{BEN}', 'Ben')",
        f"CREATE TABLE note (id integer PRIMARY KEY, customer {kind})",
        "INSERT INTO note VALUES (1, 'ab'), (2, 'AB'), (3, 'áb'), (4, 'ab ')",
    )
    store = mariadb_database.open(PEOPLE + NOTE)
    assert sorted(row.values["id"] for row in store.find(who(ADA)) if row.table == "note") == [1]
    mariadb_database.run("ALTER TABLE note ADD FOREIGN KEY (customer) REFERENCES customer (id)")
    assert sorted(row.values["id"] for row in store.find(who(ADA)) if row.table == "note") == [1, 2, 3, 4]
    store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert mariadb_database.query("SELECT id FROM note") == []


def test_a_placeholder_of_number_nought_is_not_every_text(mariadb_database):
    mariadb_database.run(
        "CREATE TABLE customer (id varchar(20) PRIMARY KEY, email text, name text)",
        f"INSERT INTO customer VALUES ('a', '{ADA}', 'Ada'), ('0', NULL, 'nobody')",
    )
    store = mariadb_database.open(PEOPLE + "placeholder: {customer.id: 0}\n")
    assert [row.values["id"] for row in store.find(who(ADA))] == ["a"]


# Keys of every type


@pytest.mark.parametrize(
    ("kind", "one", "two"),
    [
        ("binary(16)", "x'00ff27225c0041420000000000000001'", "x'00ff27225c0041420000000000000002'"),
        ("bigint unsigned", "18446744073709551615", "18446744073709551614"),
        ("decimal(30,5)", "1234567890123456789012345.00001", "1234567890123456789012345.00002"),
        ("int(6) unsigned zerofill", "7", "8"),
        ("enum('a','b','é')", "'a'", "'é'"),
        ("set('a','b')", "'a,b'", "'b'"),
        ("bit(20)", "b'101'", "b'110'"),
        ("year", "2020", "2021"),
        ("uuid", "'7f8b7417-8a87-40e3-acd7-2ee54c16ec19'", "'7f8b7417-8a87-40e3-acd7-2ee54c16ec20'"),
        ("datetime(6)", "'2020-02-29 10:00:00.000001'", "'2020-02-29 10:00:00.000002'"),
        ("timestamp(3)", "'2020-02-29 10:00:00.001'", "'2020-02-29 10:00:00.002'"),
        ("time(2)", "'-10:00:00.01'", "'10:00:00.01'"),
        ("varchar(20) CHARACTER SET latin1", "'éa'", "'é'"),
        ("varchar(20) COLLATE utf8mb4_bin", "'😀'", "'😁'"),
    ],
)
def test_a_row_is_told_by_a_key_of_any_type(mariadb_database, kind, one, two):
    mariadb_database.run(
        f"CREATE TABLE customer (id {kind} PRIMARY KEY, email text, name text)",
        f"INSERT INTO customer VALUES ({one}, '{ADA}', 'Ada'), ({two}, '{BEN}', 'Ben')",
        f"CREATE TABLE note (id integer PRIMARY KEY, customer {kind})",
        f"INSERT INTO note VALUES (1, {one}), (2, {two})",
    )
    store = mariadb_database.open(PEOPLE + NOTE)
    done = store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert {(count.table, count.rows) for count in done.counts} == {("customer", 1), ("note", 1)}
    assert mariadb_database.query("SELECT email FROM customer") == [(BEN,)]
    assert mariadb_database.query("SELECT id FROM note") == [(2,)]
    assert store.gone(who(ADA), TODAY) == 0


def test_a_number_that_is_not_exact_is_no_key(mariadb_database):
    mariadb_database.run("CREATE TABLE customer (id double PRIMARY KEY, email text, name text)")
    with pytest.raises(WrongFileError, match="`customer` has no key, and MariaDB shows nothing else"):
        mariadb_database.open(PEOPLE).plan()


# Engines and histories


@pytest.mark.parametrize("engine", ["MyISAM", "Aria", "MEMORY", "CSV"])
def test_an_engine_without_transactions_is_refused(mariadb_database, engine):
    columns = "id integer NOT NULL, email varchar(90) NOT NULL, name varchar(90) NOT NULL"
    key = "" if engine == "CSV" else ", PRIMARY KEY (id)"
    mariadb_database.run(f"CREATE TABLE customer ({columns}{key}) ENGINE = {engine}")
    with pytest.raises(WrongFileError, match=f"the engine {engine} knows no transactions"):
        mariadb_database.open(PEOPLE).plan()


def test_a_table_that_keeps_its_history_is_refused(mariadb_database):
    mariadb_database.run(CUSTOMER + " WITH SYSTEM VERSIONING")
    with pytest.raises(WrongFileError, match="keeps every former row"):
        mariadb_database.open(PEOPLE).plan()


def test_a_trigger_that_writes_where_nothing_is_undone_calls_out(mariadb_database):
    mariadb_database.run(
        CUSTOMER,
        "CREATE TABLE log (word varchar(20)) ENGINE = MyISAM",
        "CREATE TABLE fine (word varchar(20))",
        "CREATE TRIGGER a AFTER DELETE ON customer FOR EACH ROW INSERT INTO fine VALUES (lower(OLD.name))",
        "CREATE TRIGGER b AFTER UPDATE ON customer FOR EACH ROW INSERT INTO log VALUES ('x')",
    )
    triggers = mariadb_database.open(PEOPLE).catalogue().table("customer").triggers
    assert [(each.name, each.calls_out) for each in triggers] == [("a", False), ("b", True)]
    mariadb_database.run("CREATE TRIGGER c AFTER INSERT ON fine FOR EACH ROW INSERT INTO log VALUES ('x')")
    triggers = mariadb_database.open(PEOPLE).catalogue().table("customer").triggers
    assert [(each.name, each.how) for each in triggers] == [
        ("a", "the trigger c of fine"),
        ("b", "the table log, where nothing is undone"),
    ]


def test_views_are_left_alone_and_computed_columns_are_known(mariadb_database):
    mariadb_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, "
        "v varchar(9) AS (left(name, 9)) VIRTUAL, s varchar(9) AS (left(name, 9)) STORED)",
        "CREATE VIEW seen AS SELECT * FROM customer",
    )
    (table,) = mariadb_database.open(PEOPLE).catalogue().tables
    assert [(column.name, column.generated) for column in table.columns][3:] == [("v", True), ("s", True)]


# Counts


def test_what_cascades_and_triggers_change_is_counted(mariadb_database):
    mariadb_database.run(
        CUSTOMER,
        CUSTOMERS,
        """CREATE TABLE visit (id integer PRIMARY KEY, customer_id integer,
                               FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE)""",
        """CREATE TABLE hint (id integer PRIMARY KEY, visit_id integer,
                              FOREIGN KEY (visit_id) REFERENCES visit (id) ON DELETE SET NULL)""",
        "CREATE TABLE log (word varchar(20))",
        "CREATE TABLE total (n integer PRIMARY KEY, gone integer)",
        "INSERT INTO visit VALUES (1, 1), (2, 1), (3, 2)",
        "INSERT INTO hint VALUES (1, 1), (2, 2), (3, 3), (4, NULL)",
        "INSERT INTO total VALUES (1, 0)",
        "CREATE TRIGGER t AFTER DELETE ON customer FOR EACH ROW "
        "BEGIN INSERT INTO log VALUES ('a'), ('b'); UPDATE total SET gone = gone + 1; END",
    )
    store = mariadb_database.open(PEOPLE)
    measured = store.measure(who(ADA), TODAY)
    assert measured.side_effects == (
        SideEffect("hint", "update", 2),
        SideEffect("log", "insert", 2),
        SideEffect("total", "update", 1),
        SideEffect("visit", "delete", 2),
    )
    assert mariadb_database.query("SELECT count(*) FROM visit") == [(3,)]
    store.act("one", who(ADA), TODAY, measured)
    assert mariadb_database.query("SELECT id FROM visit") == [(3,)]


def test_partitions_are_one_table_and_no_side_effect(mariadb_database):
    mariadb_database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE note (id integer PRIMARY KEY, customer integer) PARTITION BY HASH (id) PARTITIONS 3",
        "INSERT INTO note VALUES (1, 1), (2, 1), (3, 2), (4, 1)",
    )
    store = mariadb_database.open(PEOPLE + NOTE)
    measured = store.measure(who(ADA), TODAY)
    assert measured.side_effects == ()
    store.act("one", who(ADA), TODAY, measured)
    assert mariadb_database.query("SELECT id FROM note") == [(3,)]


def test_a_set_that_the_server_cuts_short_is_refused(mariadb_database):
    mariadb_database.run(CUSTOMER, "INSERT INTO customer SELECT seq, 'a@x.example', 'x' FROM seq_1_to_2000")
    engine = mariadb.Mariadb()
    connection = engine.connect(mariadb_database.url, "find")
    connection.execute("SET SESSION group_concat_max_len = 1024")
    with pytest.raises(mariadb.CutShort):
        connection.rows("SELECT json_arrayagg(id), count(*) FROM customer")
    assert "hands over in one piece" in str(engine.said(mariadb.CutShort(), "shop"))
    engine.close(connection)


# Sessions


def test_foreign_keys_are_checked_though_the_server_is_set_not_to(mariadb_database):
    mariadb_database.run(
        CUSTOMER,
        CUSTOMERS,
        """CREATE TABLE held (id integer PRIMARY KEY, customer_id integer NOT NULL,
                              FOREIGN KEY (customer_id) REFERENCES customer (id))""",
        "INSERT INTO held VALUES (1, 1)",
    )
    store = mariadb_database.open(PEOPLE)
    mariadb_database.run("SET GLOBAL foreign_key_checks = 0")
    try:
        with pytest.raises(NotAllowedError, match="rows of `held` that stay refer by"):
            store.measure(who(ADA), TODAY)
    finally:
        mariadb_database.run("SET GLOBAL foreign_key_checks = 1")


def test_rows_that_are_locked_are_not_waited_for_long(mariadb_database):
    mariadb_database.run(*shop.TABLES, *shop.ROWS)
    store = mariadb_database.open(shop.MAP)
    approved, before = store.measure(who(ADA), TODAY), mariadb_database.everything(*shop.NAMES)
    with mariadb_database.connect() as other:
        other.begin()
        other.cursor().execute("SELECT * FROM customer WHERE id = 1 FOR UPDATE")
        with pytest.raises(UnreachableError, match="are locked by somebody else for more than 2 seconds"):
            store.act("one", who(ADA), TODAY, approved)
        other.rollback()
    assert mariadb_database.everything(*shop.NAMES) == before
    assert not store.act("one", who(ADA), TODAY, approved).resumed


@pytest.mark.parametrize("snapshot", [True, False])
def test_a_row_that_changed_hands_meanwhile_is_left_to_its_new_owner(mariadb_database, snapshot):
    mariadb_database.run(*shop.TABLES, *shop.ROWS)
    store = mariadb_database.open(shop.MAP)
    approved = store.measure(who(ADA), TODAY)
    if not snapshot:  # as on a server that knows no snapshot isolation
        (connection,) = store._free["change"]
        connection.execute("SET SESSION innodb_snapshot_isolation = 0")
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    other = mariadb_database.connect()
    other.begin()
    other.cursor().execute("UPDATE orders SET customer_id = 2 WHERE id = 'ord-c'")
    results = []
    worker = threading.Thread(target=lambda: results.append(store.act("one", who(ADA), TODAY, approved)))
    worker.start()
    time.sleep(0.6)
    other.commit()
    other.close()
    worker.join()
    assert len(results) == 1
    assert mariadb_database.query("SELECT id, customer_id FROM orders ORDER BY id") == [
        ("ord-b", 2),
        ("ord-c", 2),
        ("ord-e", 3),
    ]


def test_a_server_that_is_away_is_said_in_a_sentence_without_its_password(mariadb_database):
    url = "mariadb://ada:hunter2@127.0.0.1:9/nowhere"
    with pytest.raises(UnreachableError) as raised:
        list(mariadb_database.open(shop.MAP, find=url, change=url).find(who(ADA)))
    assert str(raised.value).startswith("The store `shop` does not answer.")
    assert "hunter2" not in repr(raised.value) + repr(raised.value.__context__)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mariadb://root@127.0.0.1:9/", "names no database"),
        ("mariadb://root@127.0.0.1:port/shop", "cannot be read"),
        ("mariadb://root@127.0.0.1:9/shop?init_command=x", "may say unix_socket and ssl_ca"),
    ],
)
def test_a_url_that_cannot_be_meant_is_said_to_be(mariadb_database, url, said):
    with pytest.raises(NotAllowedError, match=said):
        list(mariadb_database.open(shop.MAP, find=url, change=url).find(who(ADA)))


@pytest.mark.parametrize("version", ["8.0.36", "10.5.20-MariaDB-log", "5.5.5-10.4.1-MariaDB"])
def test_a_server_that_was_never_tried_is_refused(version):
    with pytest.raises(NotAllowedError, match=r"not been tested|too old"):
        mariadb._check_version(version)
    mariadb._check_version("5.5.5-10.11.6-MariaDB")


def test_in_a_large_table_an_index_is_used_and_a_new_way_of_writing_is_noticed(mariadb_database):
    mariadb_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(90), name varchar(200), KEY (email))",
        "INSERT INTO customer SELECT seq, concat('C', seq, '@shop.example '), repeat('x', 99) FROM seq_1_to_20000",
        "ANALYZE TABLE customer",
    )
    store = mariadb_database.open(PEOPLE)
    for _ in range(40):  # a table written to in this second is not trusted
        found = [row.values["id"] for row in store.find(who("c7@shop.example"))]
        assert found == [7]
        if frozenset({("customer", "email")}) in store._known.written:
            break
        time.sleep(0.1)
    assert frozenset({("customer", "email")}) in store._known.written
    mariadb_database.run("INSERT INTO customer VALUES (0, ' c7@shop.example', 'y')")
    assert sorted(row.values["id"] for row in store.find(who("c7@shop.example"))) == [0, 7]


def test_the_search_for_residue_reads_every_type(mariadb_database):
    mariadb_database.run(
        CUSTOMER,
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada')",
        f"CREATE TABLE odd (j json, t longtext CHARACTER SET latin1, b blob, e enum('{ADA}', 'x'), u longblob)",
    )
    with mariadb_database.connect() as connection:
        connection.cursor().execute(
            "INSERT INTO odd VALUES (%s, %s, %s, %s, %s)",
            (
                f'{{"a": "{ADA}"}}',
                f"é {ADA}",
                ADA.encode(),
                ADA,
                b"x" * 262_130 + ADA.encode() + b"y" * 600_000,
            ),
        )
    found = mariadb_database.open(PEOPLE).scan(who(ADA), TODAY).hits
    hits = {(hit.table, hit.column) for hit in found if hit.verdict == "copy"}
    assert hits == {("customer", "email"), *(("odd", column) for column in "jtbe")}
    with mariadb_database.connect() as connection:
        connection.cursor().execute(
            "UPDATE odd SET u = %s", (b"x " * 131_060 + ADA.encode() + b" y" * 300_000,)
        )
    hits = {(hit.table, hit.column) for hit in mariadb_database.open(PEOPLE).scan(who(ADA), TODAY).hits}
    assert ("odd", "u") in hits


def test_roles_without_the_right_to_change_are_told(mariadb_database):
    mariadb_database.run(*shop.TABLES, *shop.ROWS)
    name = mariadb_database.url.rsplit("/", 1)[1]
    mariadb_database.run(
        f"CREATE USER finder_{name}@'127.0.0.1'", f"GRANT SELECT ON {name}.* TO finder_{name}@'127.0.0.1'"
    )
    try:
        finder = mariadb_database.url.replace("root@", f"finder_{name}@")
        store = mariadb_database.open(shop.MAP, find=finder, change=finder)
        assert {row.table for row in store.find(who(ADA))} >= {"customer", "orders", "address"}
        with pytest.raises(NotAllowedError, match="lacks a right"):
            store.measure(who(ADA), TODAY)
    finally:
        mariadb_database.run(f"DROP USER finder_{name}@'127.0.0.1'")


def test_mariadb_does_as_the_rules_say_in_some_cases(mariadb_database):
    planned = 0
    for seed in range(10_000, 10_024):
        found, first, second = drawn(seed, "mariadb")
        cursor = mariadb_database.behind.cursor()
        cursor.execute("SET foreign_key_checks = 0")
        mariadb_database.run(
            *(f'DROP TABLE IF EXISTS "{name}"' for name in [*found.map.tables, "troth_step"])
        )
        cursor.execute("SET foreign_key_checks = 1")
        mariadb_database.run(*found.statements())
        for name, rows in found.data.items():
            for row in rows.values():
                columns, gaps = ", ".join(f'"{each}"' for each in row), ", ".join(["%s"] * len(row))
                cursor.execute(
                    f'INSERT INTO "{name}" ({columns}) VALUES ({gaps})',
                    [stored(column, value, "mariadb") for column, value in row.items()],
                )
        mariadb_database.run(*found.foreign_keys())

        def now(tables=tuple(found.map.tables)):
            reading = mariadb_database.behind.cursor(DictCursor)
            state = {}
            for name in tables:
                reading.execute(f'SELECT * FROM "{name}" ORDER BY id')
                state[name] = {
                    row["id"]: {key: found_again(value) for key, value in row.items()}
                    for row in reading.fetchall()
                }
            return state

        store = mariadb_database.open(found.map)
        try:
            planned += compared(found, store, now, first, second)
        except AssertionError as error:
            raise AssertionError(f"case {seed}") from error
        finally:
            store.close()
    assert planned > 5
