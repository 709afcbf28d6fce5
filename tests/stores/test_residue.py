"""What was erased is looked for everywhere, in one pass, on real databases."""

import base64
import gzip
import hashlib
import json
import sqlite3

import psycopg
import pytest

from naming import names
from troth.rules.map import Edge, Identifier, Map, MapTable, Subject
from troth.stores.catalogue import read_postgresql, read_sqlite
from troth.stores.contract import Hit, Who
from troth.stores.residue import Expected, mentioning_columns, own_kinds, scan
from troth.stores.residue_reading import VALUE_MAX

ADA = "ada@example.org"
WHO = (
    Who("subject-1", (("email", ADA), ("phone", "+33612345678"), ("name", "Ada Lovelace"))),
    Who("subject-2", (("email", "o'brien@bücher.example"),)),
)
KINDS = ("email", "phone")


class OnSqlite:
    """A SQLite database in memory."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:")

    def execute(self, statement, values=()):
        self.connection.execute(statement.replace("bytea", "BLOB").replace("%s", "?"), values)

    def scan(self, who=WHO, kinds=KINDS, expected=None, engine=None):
        catalogue = read_sqlite(self.connection, "shop")
        return scan(self.connection, catalogue, kinds, who, expected or Expected(), engine)


class OnPostgresql:
    """A PostgreSQL database of this test's own."""

    def __init__(self, url):
        self.connection = psycopg.connect(url, autocommit=True)

    def execute(self, statement, values=()):
        self.connection.execute(statement, values)

    def scan(self, who=WHO, kinds=KINDS, expected=None, engine=None):
        catalogue = read_postgresql(self.connection, "shop")
        return scan(self.connection, catalogue, kinds, who, expected or Expected(), engine)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]
)
def store(request):
    made = OnSqlite() if request.param == "sqlite" else OnPostgresql(request.getfixturevalue("postgresql"))
    yield made
    made.connection.close()


def notes(store, *values):
    """Fill a table of notes: one row a value."""
    store.execute("CREATE TABLE note (id int PRIMARY KEY, body text, size int, raw bytea)")
    for number, value in enumerate(values, 1):
        text, raw = (None, value) if isinstance(value, bytes) else (value, None)
        store.execute("INSERT INTO note VALUES (%s, %s, %s, %s)", (number, text, number, raw))


def test_a_clean_store_has_no_hits_and_says_what_was_read(store):
    notes(store, "nothing here", None, "")
    scanned = store.scan()
    assert (scanned.store, scanned.hits, scanned.unread, scanned.refused) == ("shop", (), (), ())
    assert scanned.bytes > 12
    assert scanned.seconds > 0


def test_hits_name_table_column_subject_and_how_many_rows(store):
    notes(
        store, f"from {ADA}", f"{ADA} and again {ADA}", "tel 06 12 34 56 78", "O'BRIEN@BÜCHER.EXAMPLE wrote"
    )
    store.execute('CREATE TABLE "Odd ""Table""" ("e-mail" text)')
    store.execute('INSERT INTO "Odd ""Table""" VALUES (%s)', (json.dumps({"to": [ADA.upper()]}),))
    assert store.scan().hits == (
        Hit("subject-1", 'Odd "Table"', "e-mail", 1, "copy"),
        Hit("subject-1", "note", "body", 3, "copy"),
        Hit("subject-2", "note", "body", 1, "copy"),
    )


def test_inside_a_longer_address_it_is_doubtful(store):
    notes(store, f"w{ADA}", f"{ADA}.uk", "612345678999")
    assert store.scan().hits == (Hit("subject-1", "note", "body", 3, "doubtful"),)


def test_tabs_line_ends_and_backslashes_beside_it_change_nothing(store):
    notes(store, f"\n{ADA}\t", f"\\{ADA}", f"a\tb\n{ADA}\nc\\N", f"\r\n{ADA}\x0b")
    assert store.scan().hits == (Hit("subject-1", "note", "body", 4, "copy"),)


def test_bytes_are_searched_as_text_as_utf_16_and_for_digests(store):
    digest = hashlib.sha256(ADA.encode()).digest()
    notes(
        store,
        b"\x00\x0f" + ADA.encode() + b"\x00",
        ADA.upper().encode("utf-16"),
        b"x" + digest,
        b"\\" + digest + b"\n",
        b"\xc3\xb6o'brien@b\xc3\xbccher.example",  # a longer name
    )
    assert store.scan().hits == (
        Hit("subject-1", "note", "raw", 4, "copy"),
        Hit("subject-2", "note", "raw", 1, "doubtful"),
    )


def test_a_number_that_is_all_of_a_numeric_column_is_doubtful_and_part_of_one_is_nothing(store):
    store.execute("CREATE TABLE call (id int PRIMARY KEY, number bigint)")
    for number, value in enumerate((612345678, 61234567812, 12345678, None)):
        store.execute("INSERT INTO call VALUES (%s, %s)", (number, value))
    assert store.scan().hits == (Hit("subject-1", "call", "number", 1, "doubtful"),)


def test_a_phone_number_is_doubtful_in_a_numeric_column_as_it_is_dialled_from_abroad_too(store):
    store.execute("CREATE TABLE call (id int PRIMARY KEY, number bigint, rounded double precision)")
    for number, value in enumerate((33612345678, 612345678, 777777612345678, 336123456780)):
        store.execute("INSERT INTO call VALUES (%s, %s, %s)", (number, value, value))
    assert store.scan().hits == (
        Hit("subject-1", "call", "number", 2, "doubtful"),
        Hit("subject-1", "call", "rounded", 2, "doubtful"),
    )


def test_only_identifiers_that_name_one_person_are_searched(store):
    notes(store, "Ada Lovelace wrote")
    assert store.scan().hits == ()
    assert store.scan(kinds=("name",)).hits == (Hit("subject-1", "note", "body", 1, "copy"),)


def test_identifiers_too_short_to_search_are_reported_and_not_searched(store):
    notes(store, "42")
    scanned = store.scan(who=(Who("subject-9", (("id", "42"),)),), kinds=("id",))
    assert (scanned.hits, scanned.refused) == ((), (("subject-9", "id"),))


def test_an_identifier_of_two_subjects_is_a_hit_of_both(store):
    notes(store, ADA)
    who = (Who("one", (("email", ADA),)), Who("two", (("email", ADA.title()),)))
    assert [hit.subject for hit in store.scan(who=who).hits] == ["one", "two"]


def test_retained_rows_and_mentioning_columns_are_expected_and_nothing_else_is(store):
    store.execute("CREATE TABLE orders (year int, no text, email text, PRIMARY KEY (year, no))")
    for year, no in ((2025, "a\tb"), (2025, "c"), (2026, "a\tb")):
        store.execute("INSERT INTO orders VALUES (%s, %s, %s)", (year, no, ADA))
    notes(store, ADA)
    rows = {("subject-1", "orders"): {("2025", "a\tb"), ("2026", "a\tb")}}
    assert store.scan(expected=Expected(rows=rows)).hits == (
        Hit("subject-1", "note", "body", 1, "copy"),
        Hit("subject-1", "orders", "email", 1, "copy"),
        Hit("subject-1", "orders", "email", 2, "expected"),
    )
    store.execute("INSERT INTO orders VALUES (2030, 'both', %s)", (f"{ADA} o'brien@bücher.example",))
    one_of_them = Expected(rows={("subject-2", "orders"): {("2030", "both")}})
    assert [(hit.subject, hit.verdict, hit.rows) for hit in store.scan(expected=one_of_them).hits[1:]] == [
        ("subject-1", "copy", 4),
        ("subject-2", "expected", 1),
    ]
    store.execute("DELETE FROM orders WHERE year = 2030")
    somebody_elses = {("subject-2", "orders"): {("2025", "a\tb")}}
    assert store.scan(expected=Expected(rows=somebody_elses)).hits[1].rows == 3
    columns = frozenset({("note", "body")})
    assert store.scan(expected=Expected(columns=columns)).hits[0].verdict == "expected"


@pytest.mark.parametrize("engine", ["hyperscan", "ahocorasick"])
def test_long_values_are_read_in_slices_and_counted_once(store, engine):
    if engine == "hyperscan":
        pytest.importorskip("hyperscan")
    far = "x" * (VALUE_MAX + 5000)
    notes(
        store,
        far + f" {ADA} " + far,
        f"{ADA} " + far + f" {ADA}",  # twice in one value is one row
        "y" * (VALUE_MAX - 7) + f" {ADA}",  # over the border of a slice
        "y" * (VALUE_MAX - 7) + "w" + ADA + far,
        base64.b64encode(far.encode() + ADA.encode() + far.encode()).decode(),
        f"{ADA} " + far + f" w{ADA}",  # the gravest counts
        far,
    )
    assert store.scan(engine=engine).hits == (
        Hit("subject-1", "note", "body", 5, "copy"),
        Hit("subject-1", "note", "body", 1, "doubtful"),
    )


@pytest.mark.parametrize("written", [ADA, hashlib.sha256(ADA.encode()).hexdigest()], ids=["short", "long"])
def test_a_match_at_every_place_around_the_border_of_a_slice_is_found(store, written):
    around = [VALUE_MAX - 400 + shift for shift in range(0, 420, 9)]
    notes(store, *(" " * place + written + " " * VALUE_MAX for place in around))
    assert store.scan().hits == (Hit("subject-1", "note", "body", len(around), "copy"),)


@pytest.mark.slow
@pytest.mark.parametrize("written", [f"w{ADA}", f"{ADA}.uk"])
def test_a_cut_never_makes_a_longer_word_look_like_the_shorter_one(written):
    store = OnSqlite()
    around = range(VALUE_MAX - 330, VALUE_MAX + 4)
    notes(store, *(" " * place + written + " " * 400 for place in around))
    assert store.scan().hits == (Hit("subject-1", "note", "body", len(around), "doubtful"),)


def test_one_certain_form_among_doubtful_ones_is_a_copy(store):
    inside = f"ab{hashlib.md5(ADA.encode()).hexdigest()}"
    notes(store, f"{inside} {ADA}", f"w{ADA} 0612345678", f"9612345678 {ADA}", f"{inside} w{ADA} 9612345678")
    assert store.scan().hits == (
        Hit("subject-1", "note", "body", 3, "copy"),
        Hit("subject-1", "note", "body", 1, "doubtful"),
    )


def test_many_rows_are_read_in_batches_and_each_hit_keeps_its_row(store):
    store.execute("CREATE TABLE log (id int PRIMARY KEY, a text, b text)")
    many = [(n, f"line {n} " + "z" * 200, ADA if n % 1000 == 7 else None) for n in range(20_000)]
    cursor = store.connection.cursor()
    marks = "?, ?, ?" if isinstance(store, OnSqlite) else "%s, %s, %s"
    cursor.executemany(f"INSERT INTO log VALUES ({marks})", many)
    expected = Expected(rows={("subject-1", "log"): {("7",), ("19007",)}})
    assert store.scan(expected=expected).hits == (
        Hit("subject-1", "log", "b", 18, "copy"),
        Hit("subject-1", "log", "b", 2, "expected"),
    )


def test_a_thousand_subjects_are_found_in_one_pass(store):
    who = [Who(f"s{n:04}", (("email", f"reader{n}@example.org"),)) for n in range(1000)]
    notes(store, *(f"to: reader{n}@example.org" for n in range(0, 1000, 50)))
    hits = store.scan(who=who).hits
    assert [hit.subject for hit in hits] == [f"s{n:04}" for n in range(0, 1000, 50)]
    assert {hit.verdict for hit in hits} == {"copy"}


def test_the_report_is_the_same_every_time_and_has_no_value_in_it(store):
    notes(store, ADA, "06 12 34 56 78", f"w{ADA}")
    first, second = store.scan(), store.scan()
    assert (first.hits, first.bytes) == (second.hits, second.bytes)
    assert not names(repr(first), "ada")
    assert "612345678" not in repr(first)


def test_a_credential_in_which_somebody_is_found_is_not_repeated(store):
    store.execute("CREATE TABLE session (id integer PRIMARY KEY, token text)")
    store.execute("INSERT INTO session VALUES (1, %s)", (f"kanarie:{ADA}:kanarie",))
    found = store.scan()
    assert [(hit.table, hit.column, hit.rows) for hit in found.hits] == [("session", "token", 1)]
    assert "kanarie" not in repr(found)


def test_what_compression_hides_is_not_found(store):
    notes(store, gzip.compress(ADA.encode() * 20))
    assert store.scan().hits == ()  # a limit, said in the documentation


def test_sqlite_any_column_may_hold_anything():
    store = OnSqlite()
    store.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, at DATE, n INT, b BOOLEAN)")
    store.execute("INSERT INTO t VALUES (1, ?, ?, ?)", (ADA, ADA, ADA))
    assert [hit.column for hit in store.scan().hits] == ["at", "b", "n"]


def test_sqlite_a_table_without_row_ids_and_a_full_text_index():
    store = OnSqlite()
    store.execute("CREATE TABLE t (a TEXT, b TEXT, body TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID")
    store.execute("INSERT INTO t VALUES ('x', 'y', ?)", ("z" * VALUE_MAX * 2 + " " + ADA,))
    store.execute("CREATE VIRTUAL TABLE letters USING fts5(body)")
    store.execute("INSERT INTO letters VALUES (?)", (ADA,))
    assert store.scan().hits == (
        Hit("subject-1", "letters", "body", 1, "copy"),
        Hit("subject-1", "letters_content", "c0", 1, "copy"),
        Hit("subject-1", "t", "body", 1, "copy"),
    )


def test_sqlite_what_cannot_be_read_is_said():
    store = OnSqlite()
    store.execute("CREATE VIRTUAL TABLE hidden USING fts5(body, content='gone')")
    assert store.scan().unread == ("hidden.body",)


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_arrays_json_and_other_types(postgresql):
    store = OnPostgresql(postgresql)
    store.execute(
        "CREATE TABLE t (id int PRIMARY KEY, tags text[], extra jsonb, old json, found tsvector, key uuid, at date)"
    )
    store.execute(
        "INSERT INTO t VALUES (1, ARRAY['a', %s], jsonb_build_object('m', %s::text), %s, to_tsvector('simple', %s), "
        "gen_random_uuid(), now())",
        (ADA, f"a\n{ADA}", json.dumps({"m": ADA.replace("@", "\\u0040")}).replace("\\\\", "\\"), f"by {ADA}"),
    )
    assert [(hit.column, hit.verdict) for hit in store.scan().hits] == [
        ("extra", "copy"),
        ("found", "copy"),
        ("old", "copy"),
        ("tags", "copy"),
    ]
    store.connection.close()


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_views_that_are_stored_and_partitions_are_searched(postgresql):
    store = OnPostgresql(postgresql)
    store.execute("CREATE TABLE t (id int, at date, email text) PARTITION BY RANGE (at)")
    store.execute("CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    store.execute("INSERT INTO t VALUES (1, '2026-05-01', %s)", (ADA,))
    store.execute("CREATE MATERIALIZED VIEW kept AS SELECT email FROM t")
    store.execute("DELETE FROM t WHERE id = 1")
    store.execute("INSERT INTO t VALUES (2, '2026-05-01', %s)", ("z" * VALUE_MAX + " " + ADA,))
    assert store.scan().hits == (
        Hit("subject-1", "kept", "email", 1, "copy"),
        Hit("subject-1", "t", "email", 1, "copy"),
    )
    store.connection.close()


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_what_this_role_may_not_read_is_said(postgresql):
    store = OnPostgresql(postgresql)
    notes(store, ADA)
    store.execute("CREATE TABLE secret (id int PRIMARY KEY, email text)")
    store.execute("CREATE ROLE reader; GRANT SELECT (id, body) ON note TO reader; SET ROLE reader")
    scanned = store.scan()
    store.execute("RESET ROLE; DROP OWNED BY reader; DROP ROLE reader")
    assert scanned.hits == (Hit("subject-1", "note", "body", 1, "copy"),)
    assert scanned.unread == ("note.raw", "note.size", "secret.email", "secret.id")
    store.connection.close()


def test_what_a_map_says_of_kinds_and_mentions():
    subject = Subject(
        ("id",), (Identifier("email", "email", one_person=True), Identifier("name", "name", one_person=False))
    )
    people = MapTable("people", {}, subject=subject)
    ticket = MapTable(
        "ticket",
        {},
        edges=(
            Edge("mentions", "ticket", ("staff_mail",), "people", ("email",)),
            Edge("mentions", "ticket", ("staff_id",), "people", ("id",)),
            Edge("belongs_to", "ticket", ("mail",), "people", ("email",)),
        ),
    )
    found = Map("shop", "sqlite", "us", {}, {"people": people, "ticket": ticket}, {})
    assert own_kinds(found) == {"email"}
    assert mentioning_columns(found) == {("ticket", "staff_mail")}
