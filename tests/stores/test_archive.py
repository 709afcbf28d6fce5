"""Rows whose time in use is over move to an archive that few may read, whole or not at all, and can come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from stores.conftest import KINDS
from troth.errors import NotAllowedError, WrongFileError
from troth.rules.map_right import Right, needed
from troth.stores.contract import Archives, Batch, Expiry, Overdue, Who
from troth.stores.map_file import read

TODAY = date(2026, 11, 23)
DAY = date(2025, 11, 24)
ADA, BEN = "ada@shop.example", "ben@shop.example"
BOTH = "id integer PRIMARY KEY, customer_id integer, closed date, sent_to varchar(80)"
LINE = "bill_id integer NOT NULL, no integer NOT NULL, closed date, what varchar(80)"
TABLES = (
    "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(80), name varchar(80))",
    f"CREATE TABLE bill ({BOTH})",
    f"CREATE TABLE line ({LINE}, PRIMARY KEY (bill_id, no), FOREIGN KEY (bill_id) REFERENCES bill (id))",
    f"CREATE TABLE old_bill ({BOTH}, put_by varchar(200), put_on date)",
    f"CREATE TABLE old_line ({LINE}, put_by varchar(200), PRIMARY KEY (bill_id, no))",
    "CREATE TABLE note (id integer PRIMARY KEY, bill_id integer, body varchar(80))",
    f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben')",
    f"""INSERT INTO bill VALUES (1, 1, '2024-12-31', '{ADA}'), (2, 2, '2024-12-31', '{BEN}'),
        (3, 1, '2025-12-31', '{ADA}'), (4, 1, '2010-12-31', '{ADA}')""",
    """INSERT INTO line VALUES (1, 1, '2024-12-31', 'lamp'), (1, 2, '2024-12-31', 'oil'), (2, 1, '2024-12-31', 'wick'),
        (3, 1, '2025-12-31', 'lamp')""",
)
MAP = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: blank, set: {email: null, name: null}, by: dpo, because: a test}
  bill:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, closed: usage, sent_to: contact}
    retention: [{promise: retention/bills, trigger: closed}]
    archive: {table: old_bill, readers: [accounts], step: put_by, on: put_on}
    erase:
      {do: retain, until: {period: 10 years, trigger: closed}, legal: a law, blank: {sent_to: null},
       by: dpo, because: t}
  line:
    belongs_to: [{bill_id: bill.id}]
    columns: {bill_id: key, no: key, closed: usage, what: orders}
    retention: [{promise: retention/bills, trigger: closed}]
    archive: {table: old_line, readers: [accounts], step: put_by}
    erase: {do: retain, until: {period: 10 years, trigger: closed}, legal: a law, by: dpo, because: t}
  note:
    belongs_to: [{bill_id: bill.id}]
    columns: {id: key, bill_id: link, body: free_text}
    erase: {do: delete, by: dpo, because: a test}
"""
BILLS = Expiry("bill", "closed", DAY, "old_bill")
LINES = Expiry("line", "closed", DAY, "old_line")
ALLOWED = {("bill", "archive"), ("line", "archive")}


def told(done):
    return {(one.table, one.verb): one.rows for one in done.counts}


@pytest.fixture
def database(request):
    made = request.getfixturevalue(f"{request.param}_database")
    made.run(*TABLES)
    return made


def moved(store, expiry, *, but_for=(), step="sweep/r/1", rows=100, passed=0):
    return store.sweep(step, expiry, but_for, TODAY, Batch(rows, passed, ALLOWED))


def ids(database, table, column="id"):
    return [row[0] for row in database.query(f"SELECT {column} FROM {table} ORDER BY 1")]


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_rows_move_once_nothing_in_use_belongs_to_them_and_are_still_found(database):
    store = database.open(MAP)
    assert store.overdue(BILLS, (), TODAY) == Overdue(3, date(2010, 12, 31))
    before = database.everything("bill", "line", "old_bill", "old_line")
    assert told(store.measure_sweep(LINES, (), TODAY)) == {("line", "archive"): 3}
    assert database.everything("bill", "line", "old_bill", "old_line") == before
    first = moved(store, BILLS)  # bills with lines in use wait; the one without moves
    assert (first.looked, first.held, told(first.acted)) == (3, 2, {("bill", "archive"): 1})
    lines = moved(store, LINES, step="sweep/l/1")
    assert (lines.held, told(lines.acted)) == (0, {("line", "archive"): 3})
    again = moved(store, BILLS, step="sweep/r/2")
    assert told(again.acted) == {("bill", "archive"): 2}
    assert (ids(database, "bill"), ids(database, "old_bill")) == ([3], [1, 2, 4])
    assert ids(database, "old_line", "bill_id") == [1, 1, 2]
    assert database.query("SELECT sent_to, put_by, put_on FROM old_bill WHERE id = 1") == [
        (ADA, "sweep/r/2", database.query("SELECT max(put_on) FROM old_bill")[0][0])
    ]
    found = {
        (row.table, *sorted(map(str, row.values.values()))[:1])
        for row in store.find([Who("a", (("email", ADA),))])
    }
    assert {table for table, *_ in found} == {"customer", "bill", "line", "old_bill", "old_line"}
    # at the end of the archive what is old goes from there, with what belongs to it
    assert store.overdue(Expiry("old_bill", "closed", date(2015, 1, 1)), (), TODAY).rows == 1


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_it_is_done_once_a_step_and_comes_back_by_run_or_by_key(database):
    store = database.open(MAP)
    assert isinstance(store, Archives)
    moved(store, LINES, step="sweep/l/1")
    moved(store, BILLS)
    assert moved(store, BILLS).acted.resumed
    assert (store.put_by("old_bill", "sweep/r/1"), store.put_by("old_bill", "sweep/l/1")) == (3, 0)
    before = database.query("SELECT * FROM old_line ORDER BY 1, 2")
    # a line whose bill is in the archive waits for it
    assert told(store.bring_back("back/0", "old_line", "sweep/l/1", (), TODAY)) == {}
    one = store.bring_back("back/1", "old_bill", "sweep/r/1", ("2",), TODAY)
    assert told(one) == {("bill", "return"): 1}
    assert store.bring_back("back/1", "old_bill", "sweep/r/1", ("2",), TODAY).resumed
    assert (ids(database, "bill"), ids(database, "old_bill")) == ([2, 3], [1, 4])
    assert told(store.bring_back("back/2", "old_line", "sweep/l/1", (), TODAY)) == {("line", "return"): 1}
    store.bring_back("back/3", "old_bill", "sweep/r/1", (), TODAY)
    store.bring_back("back/4", "old_line", "sweep/l/1", ("1 2",), TODAY)
    assert database.query("SELECT bill_id, no FROM old_line") == [(1, 1)]
    store.bring_back("back/5", "old_line", "sweep/l/1", (), TODAY)
    assert (ids(database, "bill"), ids(database, "old_bill"), ids(database, "old_line", "no")) == (
        [1, 2, 3, 4],
        [],
        [],
    )
    assert len(before) == 3
    assert len(database.query("SELECT * FROM line")) == 4


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_an_erasure_archives_what_it_retains_in_the_same_transaction(database):
    database.run("INSERT INTO note VALUES (1, 3, 'call her')")
    store = database.open(MAP)
    ada = [Who("a", (("email", ADA),))]
    approved = store.measure(ada, TODAY)
    assert told(approved) == {
        ("bill", "archive"): 2, ("bill", "blank"): 2, ("bill", "delete"): 1, ("bill", "retain"): 2,
        ("customer", "blank"): 1, ("line", "archive"): 3, ("line", "retain"): 3, ("note", "delete"): 1,
    }  # fmt: skip
    assert not approved.side_effects
    acted = store.act("request/1", ada, TODAY, approved)
    assert (told(acted), acted.grade, acted.expires) == (told(approved), "archived", date(2035, 12, 31))
    assert (ids(database, "bill"), ids(database, "old_bill")) == ([2], [1, 3])
    assert database.query("SELECT DISTINCT sent_to, put_by FROM old_bill") == [(None, "request/1")]
    assert ids(database, "old_line", "no") == [1, 1, 2]
    assert (store.gone(ada, TODAY), store.scan(ada, TODAY).hits) == (0, ())
    # what is archived goes with its time, and its owner's row is kept until then
    assert database.query("SELECT id, email FROM customer ORDER BY id") == [(1, None), (2, BEN)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_many_are_counted_by_reading_and_then_moved_as_counted(database):
    store = database.open(MAP)
    store._limits = replace(store._limits, rows_measured_max=2)
    ada = [Who("a", (("email", ADA),))]
    approved = store.measure(ada, TODAY)
    assert (approved.how, told(approved)["bill", "archive"], told(approved)["line", "archive"]) == (
        "counted",
        2,
        3,
    )
    assert told(store.act("request/1", ada, TODAY, approved)) == told(approved)
    assert store.gone(ada, TODAY) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_is_passed_by_stays_where_they_are(database):
    store = database.open(MAP)
    assert told(moved(store, LINES, but_for=[Who("b", (("email", BEN),))]).acted) == {("line", "archive"): 2}
    assert ids(database, "old_line", "bill_id") == [1, 1]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_does_not_arrive_does_not_leave(database):
    database.run(
        "CREATE TRIGGER lost BEFORE INSERT ON old_line WHEN new.no = 2 BEGIN SELECT RAISE(IGNORE); END"
    )
    store = database.open(MAP)
    before = database.everything("line", "old_line")
    with pytest.raises(NotAllowedError, match="not every row of `line` arrived in `old_line`"):
        moved(store, LINES)
    assert database.everything("line", "old_line") == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_archive_that_could_not_take_the_rows_is_told_before(database):
    database.run("ALTER TABLE old_bill DROP COLUMN sent_to", "ALTER TABLE old_line DROP COLUMN put_by")
    with pytest.raises(WrongFileError) as caught:
        database.open(MAP).plan()
    said = str(caught.value)
    assert "The archive `old_line` has no column `put_by`." in said
    assert "sent_to" in said
    database.run("ALTER TABLE old_line ADD put_by text", "ALTER TABLE old_bill ADD sent_to integer")
    with pytest.raises(WrongFileError, match="has no `sent_to` of the type that `bill` has"):
        database.open(MAP).plan()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("erase: {do: retain, until: {period: 10 years, trigger: closed}, legal: a law,", "erase: {do: delete,"),
         "`line` has an archive, and an erasure does not retain its rows."),
        (("{table: old_line,", "{table: old_bill,"), "is the archive of two tables"),
        (("readers: [accounts], step: put_by}", "readers: [], step: put_by}"), "`readers` names no role"),
        (("step: put_by}", "step: what}"), "are its own"),
    ],
)  # fmt: skip
def test_a_map_says_what_is_wrong_with_its_archives(wrong, said):
    head = "store: shop\nkind: sqlite\ncredentials: {find: env:F}\ncontroller: us\n"
    assert said in " ".join(str(problem) for problem in read(head + MAP.replace(*wrong), "m.yaml")[1])
    assert not read(head + MAP, "m.yaml")[1]
    other = read(head.replace("sqlite", "http") + MAP, "m.yaml")[1]
    assert any("cannot be moved to an archive" in str(problem) for problem in other) or other


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_rights_it_needs_are_told(database):
    store = database.open(MAP)
    rights = needed(database.map(MAP), store.catalogue())
    assert {Right("old_bill", "insert"), Right("bill", "insert"), Right("bill", "delete")} <= set(rights)


@pytest.mark.parametrize("database", ["sqlite", "duckdb"], indirect=True)
def test_where_there_are_no_roles_nobody_can_tell_who_reads(database):
    assert database.open(MAP).beyond("old_bill") is None


@pytest.mark.slow
@pytest.mark.postgresql
def test_postgresql_says_who_can_read_an_archive(postgresql_database):
    database = postgresql_database
    database.run(*TABLES)
    names = {each: f"{each}_{database.url.rpartition('/')[2].lower()}" for each in ("web", "accounts", "eve")}
    written = MAP.replace("readers: [accounts]", f"readers: [{names['accounts']}]")
    database.run(
        *(f'CREATE ROLE "{name}"' for name in names.values()),
        f'GRANT "{names["accounts"]}" TO "{names["eve"]}"',
        f'GRANT SELECT ON old_bill TO "{names["accounts"]}"',
    )
    try:
        store = database.open(written)
        assert store.beyond("old_bill") == ()
        database.run(f'GRANT SELECT (closed) ON old_bill TO "{names["web"]}"')
        assert store.beyond("old_bill") == (names["web"],)
        database.run("GRANT SELECT ON old_bill TO PUBLIC")
        assert {"public", names["web"]} <= set(store.beyond("old_bill"))
        assert names["eve"] not in store.beyond("old_bill")
    finally:
        database.run(*(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"' for name in names.values()))


@pytest.mark.slow
@pytest.mark.mariadb
def test_mariadb_says_who_can_read_an_archive(mariadb_database):
    database = mariadb_database
    database.run(*TABLES)
    name = f"web_{database.url.rpartition('/')[2]}"[:70]
    database.run(f"CREATE USER '{name}'@'localhost' IDENTIFIED BY 'x'")
    try:
        store = database.open(MAP)
        before = store.beyond("old_bill")
        assert before is not None
        assert name not in before
        database.run(f"GRANT SELECT (closed) ON old_bill TO '{name}'@'localhost'")
        assert set(store.beyond("old_bill")) - set(before) == {name}
        assert store.beyond("old_line") == before
    finally:
        database.run(f"DROP USER '{name}'@'localhost'")
