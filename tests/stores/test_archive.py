"""Rows whose time in use is over move to an archive that few may read, whole or not at all, and can come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from stores.conftest import KINDS
from troth.errors import NotAllowedError, WrongFileError
from troth.rules.map_right import Right, needed
from troth.stores.contract import Archives, Batch, Expiry, Overdue, SideEffect, Who
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
DEED = """
  deed:
    belongs_to: [{customer_id: customer.id}]
    columns: {area: key, no: key, customer_id: link, closed: usage}
    retention: [{promise: retention/bills, trigger: closed}]
    archive: {table: old_deed, readers: [accounts], step: put_by}
    erase: {do: retain, until: {period: 10 years, trigger: closed}, legal: a law, by: dpo, because: t}
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
    return store.sweep(
        step, expiry, but_for, TODAY, Batch(rows, passed, {*ALLOWED, (expiry.table, "archive")})
    )


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


FIRING = [kind for kind in KINDS if kind != "duckdb"]
"""The kinds of database that do more by themselves than they are told: cascades and triggers."""


def fires(database, when, table, does):
    """Let a trigger do something for each row."""
    if database.kind == "postgresql":
        body = f"BEGIN {does}; RETURN {'NEW' if when.startswith('BEFORE') else 'NULL'}; END"
        database.run(f"CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        does = "EXECUTE FUNCTION lost()"
    else:
        does = f"BEGIN {does}; END"
    database.run(f"CREATE TRIGGER lost {when} ON {table} FOR EACH ROW {does}")


@pytest.mark.parametrize("database", FIRING, indirect=True)
@pytest.mark.parametrize(
    ("child", "target", "action"),
    [("old_line", "bill", "CASCADE"), ("old_line", "old_bill", "CASCADE"), ("scan", "bill", "SET NULL")],
)
def test_a_foreign_key_that_would_act_when_a_row_moves_is_told_before(database, child, target, action):
    key = f"FOREIGN KEY (bill_id) REFERENCES {target} (id) ON DELETE {action}"
    if child == "old_line":
        database.run(
            "DROP TABLE old_line",
            f"CREATE TABLE old_line ({LINE}, put_by varchar(200), PRIMARY KEY (bill_id, no), {key})",
        )
    else:
        database.run(f"CREATE TABLE scan (id integer PRIMARY KEY, bill_id integer, {key})")
    with pytest.raises(WrongFileError) as caught:
        moved(database.open(MAP + "  scan: {impersonal: pictures}\n"), BILLS)
    said = f"A row that moves out of `{target}` would take rows of `{child}` with it, or change them"
    assert f"{said}: the foreign key on bill_id says ON DELETE {action}." in str(caught.value)


@pytest.mark.parametrize("database", FIRING, indirect=True)
def test_a_cascade_to_rows_that_a_move_waits_for_takes_nothing(database):
    database.run(
        "DROP TABLE line",
        f"CREATE TABLE line ({LINE}, PRIMARY KEY (bill_id, no), "
        "FOREIGN KEY (bill_id) REFERENCES bill (id) ON DELETE CASCADE)",
        "INSERT INTO line VALUES (1, 1, '2024-12-31', 'lamp'), (2, 1, '2026-12-31', 'wick')",
    )
    store = database.open(MAP)
    assert moved(store, BILLS).held == 2
    moved(store, LINES, step="sweep/l/1")
    assert (moved(store, BILLS, step="sweep/r/2").held, ids(database, "bill")) == (1, [2, 3])
    assert (ids(database, "old_line", "bill_id"), ids(database, "line", "bill_id")) == ([1], [2])
    store.bring_back("back/1", "old_bill", "sweep/r/2", (), TODAY)
    store.bring_back("back/2", "old_line", "sweep/l/1", (), TODAY)
    assert (ids(database, "bill"), ids(database, "line", "bill_id")) == ([1, 2, 3], [1, 2])


@pytest.mark.parametrize("database", FIRING, indirect=True)
def test_a_move_with_which_a_trigger_takes_other_rows_is_undone(database):
    fires(database, "AFTER DELETE", "bill", "DELETE FROM old_line WHERE bill_id = OLD.id")
    store = database.open(MAP)
    moved(store, LINES, step="sweep/l/1")
    before = database.everything("bill", "line", "old_bill", "old_line")
    with pytest.raises(NotAllowedError, match=r"moving rows of `bill` .*change rows of `old_line`"):
        store.measure_sweep(BILLS, (), TODAY)
    with pytest.raises(NotAllowedError, match=r"moving rows of `bill` .*change rows of `old_line`"):
        moved(store, BILLS)
    assert database.everything("bill", "line", "old_bill", "old_line") == before


@pytest.mark.parametrize("database", FIRING, indirect=True)
def test_a_way_back_with_which_a_trigger_changes_other_rows_is_undone(database):
    fires(database, "AFTER DELETE", "old_line", "UPDATE customer SET name = NULL WHERE id = OLD.bill_id")
    store = database.open(MAP)
    moved(store, LINES, step="sweep/l/1")
    before = database.everything("customer", "line", "old_line")
    with pytest.raises(NotAllowedError, match=r"moving rows of `old_line` .*change rows of `customer`"):
        store.bring_back("back/1", "old_line", "sweep/l/1", (), TODAY)
    assert database.everything("customer", "line", "old_line") == before


@pytest.mark.parametrize("database", FIRING, indirect=True)
def test_what_a_trigger_writes_when_rows_move_is_measured(database):
    database.run("CREATE TABLE log (bill_id integer)")
    fires(database, "AFTER INSERT", "old_line", "INSERT INTO log VALUES (NEW.bill_id)")
    store = database.open(MAP)
    assert store.measure_sweep(LINES, (), TODAY).side_effects == (SideEffect("log", "insert", 3),)
    assert told(moved(store, LINES).acted) == {("line", "archive"): 3}
    assert ids(database, "log", "bill_id") == [1, 1, 2]


@pytest.mark.parametrize("database", FIRING, indirect=True)
def test_a_row_that_would_arrive_with_another_value_does_not_move(database):
    match database.kind:
        case "sqlite":
            change = "UPDATE old_line SET what = upper(what) WHERE bill_id = NEW.bill_id"
            fires(database, "AFTER INSERT", "old_line", change)
        case "postgresql":
            fires(database, "BEFORE INSERT", "old_line", "NEW.what := upper(NEW.what)")
        case _:
            fires(database, "BEFORE INSERT", "old_line", "SET NEW.what = upper(NEW.what)")
    store = database.open(MAP)
    before = database.everything("line", "old_line")
    with pytest.raises(NotAllowedError, match="not every row of `line` arrived in `old_line`"):
        moved(store, LINES)
    assert database.everything("line", "old_line") == before


@pytest.mark.parametrize("database", FIRING, indirect=True)
def test_what_the_table_computes_stays_in_an_archive_that_does_not_compute_it(database):
    kept = "STORED" if database.kind == "postgresql" else "VIRTUAL"
    database.run(
        f"ALTER TABLE line ADD COLUMN loud varchar(80) GENERATED ALWAYS AS (upper(what)) {kept}",
        "ALTER TABLE old_line ADD COLUMN loud varchar(80)",
    )
    store = database.open(MAP.replace("no: key, closed: usage,", "no: key, loud: orders, closed: usage,"))
    moved(store, LINES, step="sweep/l/1")
    assert ids(database, "old_line", "loud") == ["LAMP", "OIL", "WICK"]
    store.bring_back("back/1", "old_line", "sweep/l/1", (), TODAY)
    assert ids(database, "line", "loud") == ["LAMP", "LAMP", "OIL", "WICK"]


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize("counted", [("bill",), ("bill", "old_bill")])
def test_a_number_that_the_database_counts_goes_along_and_comes_back(postgresql_database, counted):
    database = postgresql_database
    database.run(*TABLES)
    for table in counted:
        database.run(f"ALTER TABLE {table} ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY")
    store = database.open(MAP)
    moved(store, LINES, step="sweep/l/1")
    before = database.query("SELECT id, sent_to FROM bill WHERE id <> 3 ORDER BY id")
    moved(store, BILLS)
    assert database.query("SELECT id, sent_to FROM old_bill ORDER BY id") == before
    store.bring_back("back/1", "old_bill", "sweep/r/1", (), TODAY)
    assert database.query("SELECT id, sent_to FROM bill WHERE id <> 3 ORDER BY id") == before
    column = store.catalogue().table("bill").column("id")
    assert (column.generated, column.identity, column.computed) == (True, True, False)


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_a_key_is_compared_letter_by_letter_and_part_by_part(database):
    exactly = (
        "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        if database.kind == "mariadb"
        else "varchar(20)"
    )
    deed = f"area {exactly} NOT NULL, no {exactly} NOT NULL, customer_id integer, closed date"
    database.run(
        f"CREATE TABLE deed ({deed}, PRIMARY KEY (area, no))",
        f"CREATE TABLE old_deed ({deed}, put_by varchar(200), PRIMARY KEY (area, no))",
        """INSERT INTO deed VALUES ('a b', 'c', 1, '2024-12-31'), ('a', 'b c', 1, '2024-12-31'),
            ('a', 'c', 1, '2024-12-31'), ('A', 'c', 1, '2024-12-31'), ('á', 'c', 1, '2024-12-31')""",
    )
    store = database.open(MAP + DEED)
    step = "sweep/d/1"
    assert told(moved(store, Expiry("deed", "closed", DAY, "old_deed"), step=step).acted) == {
        ("deed", "archive"): 5
    }
    assert told(store.bring_back("back/1", "old_deed", step, ("a c",), TODAY)) == {("deed", "return"): 1}
    assert database.query("SELECT area, no FROM deed") == [("a", "c")]
    with pytest.raises(NotAllowedError, match="does not have 2 parts") as caught:
        store.bring_back("back/2", "old_deed", step, ("a b c",), TODAY)
    assert "a b c" not in str(caught.value)
    assert told(store.bring_back("back/3", "old_deed", step, ('["a b", "c"]',), TODAY)) == {
        ("deed", "return"): 1
    }
    assert set(database.query("SELECT area, no FROM deed")) == {("a", "c"), ("a b", "c")}


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
