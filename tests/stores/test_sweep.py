"""What has outlived its retention goes in every kind of database and lake, with what hangs on it, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from stores.conftest import KINDS, LAKES
from stores.test_controllers import opened
from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.stores.contract import Batch, Expiry, Looked, Looks, Overdue, Sweeps, Who

TODAY = date(2026, 11, 23)
DAY = date(2023, 11, 23)
ADA, BEN, EVE = "ada@shop.example", "ben@shop.example", "eve@shop.example"
TABLES = (
    "CREATE TABLE address (id integer PRIMARY KEY, street varchar(80))",
    "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(80), seen date, address_id integer, held integer)",
    "CREATE TABLE payer (id integer PRIMARY KEY, email varchar(80), seen date)",
    "CREATE TABLE bill (id integer PRIMARY KEY, payer_id integer, made date, note varchar(80))",
    "CREATE TABLE visit (id integer PRIMARY KEY, customer_id integer, came date)",
    "CREATE TABLE chat (id integer PRIMARY KEY, sender_id integer, reader_id integer, body varchar(80))",
    "INSERT INTO address VALUES (1, 'shared'), (2, 'alone')",
    f"""INSERT INTO customer VALUES (1, '{ADA}', '2023-11-22', 1, 0), (2, '{BEN}', '2023-11-23', 1, 0),
        (3, '{EVE}', '2020-01-01', 2, 0), (4, '{ADA}', '2026-01-01', NULL, 0)""",
    f"INSERT INTO payer VALUES (2, '{BEN}', '2015-01-01')",
    "INSERT INTO bill VALUES (1, 2, '2010-01-01', 'old'), (2, 2, '2024-01-01', 'new')",
    "INSERT INTO visit VALUES (1, 1, '2022-01-01'), (2, 1, '2026-01-01'), (3, 2, '2022-01-01'), (4, 4, '2021-01-01')",
    "INSERT INTO chat VALUES (1, 1, 2, 'hello'), (2, 3, 3, 'to myself')",
)
MAP = """
tables:
  address:
    columns: {id: key, street: contact}
    erase: {do: delete, by: dpo, because: a test}
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    points_to: [{address_id: address.id}]
    columns: {id: key, email: contact, seen: usage, address_id: link, held: flag}
    restriction: {flag: held, active: 1, lifted: 0}
    retention: [{promise: retention/prospects, trigger: seen}]
    erase: {do: delete, by: dpo, because: a test}
  payer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, seen: usage}
    retention: [{promise: retention/prospects, trigger: seen}]
    erase: {do: blank, set: {email: null}, by: dpo, because: a test}
  bill:
    belongs_to: [{payer_id: payer.id}]
    columns: {id: key, payer_id: link, made: usage, note: free_text}
    retention: [{promise: retention/bills, trigger: made}]
    erase: {do: retain, until: {period: 10 years, trigger: made}, legal: a law, by: dpo, because: a test}
  visit:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, came: usage}
    retention: [{promise: retention/visits, trigger: came}]
    erase: {do: delete, by: dpo, because: a test}
  chat:
    belongs_to:
      - {sender_id: customer.id, leaving: {blank: {sender_id: null}}}
      - {reader_id: customer.id, leaving: {blank: {reader_id: null}}}
    columns: {id: key, sender_id: link, reader_id: link, body: free_text}
    erase: {do: delete, by: dpo, because: a test}
"""
PROSPECTS, VISITS = Expiry("customer", "seen", DAY), Expiry("visit", "came", DAY)
BILLS = Expiry("bill", "made", DAY)


@pytest.fixture
def database(request):
    made = request.getfixturevalue(f"{request.param}_database")
    made.run(*TABLES)
    return made


def swept(store, expiry, *, but_for=(), step="one", rows=100, passed=0, after=None):
    assert isinstance(store, Sweeps)
    measured = store.measure_sweep(expiry, but_for, TODAY)
    allowed = {(count.table, count.verb) for count in measured.counts}
    return store.sweep(step, expiry, but_for, TODAY, Batch(rows, passed, allowed, after=after))


def told(done):
    return {(one.table, one.verb): one.rows for one in done.counts}


@pytest.mark.parametrize("database", [*KINDS, *LAKES], indirect=True)
def test_people_go_by_their_own_day_with_what_is_theirs_alone(database):
    store = database.open(MAP)
    assert store.overdue(PROSPECTS, (), TODAY) == Overdue(2, date(2020, 1, 1))
    before = database.everything("customer", "visit")
    measured = store.measure_sweep(PROSPECTS, (), TODAY)
    assert database.everything("customer", "visit") == before
    done = swept(store, PROSPECTS)
    assert (done.looked, done.held) == (2, 0)
    assert told(done.acted) == told(measured) == {
        ("customer", "delete"): 2, ("address", "delete"): 1, ("visit", "delete"): 2,
        ("chat", "delete"): 1, ("chat", "blank"): 1,
    }  # fmt: skip
    # the one who was seen on the very day stays, and so does Ada's other row, seen this year
    assert database.query("SELECT id FROM customer ORDER BY id") == [(2,), (4,)]
    assert database.query("SELECT id FROM address") == [(1,)]
    assert database.query("SELECT id FROM visit ORDER BY id") == [(3,), (4,)]
    assert database.query("SELECT id, sender_id, reader_id FROM chat") == [(1, None, 2)]
    assert store.overdue(PROSPECTS, (), TODAY) == Overdue(0, None)


@pytest.mark.parametrize("database", [*KINDS, *LAKES], indirect=True)
def test_a_row_goes_by_its_day_whoever_owns_it_and_its_owner_stays(database):
    store = database.open(MAP)
    done = swept(store, VISITS)
    assert told(done.acted) == {("visit", "delete"): 3}
    assert database.query("SELECT id FROM visit") == [(2,)]
    assert len(database.query("SELECT id FROM customer")) == 4


@pytest.mark.parametrize("database", [*KINDS, "parquet", "lines"], indirect=True)
def test_rows_of_several_controllers_go_by_the_day_of_their_own_and_others_by_the_first(database):
    database.run("ALTER TABLE visit ADD company varchar(20)")
    database.run("UPDATE visit SET came = '2023-11-23'", *(
        f"UPDATE visit SET company = '{company}' WHERE id = {number}"
        for number, company in ((1, "east"), (2, "west"), (3, "East"))
    ))  # fmt: skip
    database.run("INSERT INTO visit VALUES (5, 1, '2023-11-22', 'west'), (6, 1, '2023-11-22', NULL)")
    database.run("INSERT INTO visit VALUES (7, 1, '2023-11-24', 'east')")
    store = opened(
        database,
        "{column: company, ours: [east, west]}",
        MAP.replace("came: usage}", "came: usage, company: link}"),
    )
    apart = (("east", DAY + timedelta(days=1)), ("west", DAY))
    visits = Expiry("visit", "came", DAY + timedelta(days=1), of=apart)
    assert store.overdue(visits, (), TODAY) == Overdue(3, date(2023, 11, 22))
    assert told(swept(store, visits).acted) == {("visit", "delete"): 3}
    assert database.query("SELECT id FROM visit ORDER BY id") == [(2,), (3,), (4,), (7,)]


@pytest.mark.parametrize("database", [*KINDS, *LAKES], indirect=True)
def test_what_the_law_keeps_longer_is_not_due_yet(database):
    store = database.open(MAP)
    assert store.overdue(BILLS, (), TODAY) == Overdue(1, date(2010, 1, 1))
    assert told(swept(store, BILLS).acted) == {("bill", "delete"): 1}
    assert database.query("SELECT id FROM bill") == [(2,)]


@pytest.mark.parametrize("database", [*KINDS, *LAKES], indirect=True)
def test_people_who_are_passed_by_lose_nothing_and_neither_do_those_who_are_restricted(database):
    store = database.open(MAP)
    database.run("UPDATE customer SET held = 1 WHERE id = 3")
    ada = [Who("a", (("email", ADA),))]
    assert store.overdue(PROSPECTS, ada, TODAY).rows == 0
    assert store.overdue(VISITS, ada, TODAY).rows == 1
    swept(store, VISITS, but_for=ada)
    assert database.query("SELECT id FROM visit ORDER BY id") == [(1,), (2,), (4,)]


@pytest.mark.parametrize("database", [*KINDS, *LAKES], indirect=True)
def test_a_step_that_is_said_twice_changes_nothing_more(database):
    store = database.open(MAP)
    first = swept(store, VISITS, step="s/1", rows=2)
    again = swept(store, VISITS, step="s/1", rows=2)
    assert told(first.acted) == told(again.acted) == {("visit", "delete"): 2}
    assert again.acted.resumed
    assert len(database.query("SELECT id FROM visit")) == 2


@pytest.mark.parametrize("database", [*KINDS, *LAKES], indirect=True)
def test_a_row_that_is_blanked_for_what_it_keeps_is_due_once_only(database):
    store = database.open(MAP)
    payers = Expiry("payer", "seen", DAY)
    assert store.overdue(payers, (), TODAY).rows == 1
    assert told(swept(store, payers).acted)["payer", "blank"] == 1
    assert store.overdue(payers, (), TODAY).rows == 0
    assert database.query("SELECT id, email FROM payer") == [(2, None)]


@pytest.mark.parametrize("database", ["duckdb"], indirect=True)
def test_rows_that_lead_to_nobody_and_have_no_number_are_refused_with_a_sentence(database):
    database.run(
        "CREATE TABLE hit (name varchar(20) PRIMARY KEY, came date)",
        "INSERT INTO hit VALUES ('a', '2020-01-01')",
    )
    store = database.open(MAP + """
  hit:
    columns: {name: key, came: usage}
    retention: [{promise: retention/visits, trigger: came}]
    erase: {do: delete, by: dpo, because: a test}
""")  # fmt: skip
    with pytest.raises(NotAllowedError, match="nobody leads to rows of `hit`"):
        store.measure_sweep(Expiry("hit", "came", DAY), (), TODAY)
    assert len(database.query("SELECT name FROM hit")) == 1


@pytest.mark.parametrize(
    "database",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow]), *LAKES],
    indirect=True,
)
def test_rows_that_lead_to_nobody_go_by_their_day_too(database):
    database.run(
        "CREATE TABLE hit (id integer PRIMARY KEY, came date)",
        "INSERT INTO hit VALUES (1, '2020-01-01'), (2, '2026-01-01')",
    )
    store = database.open(MAP + """
  hit:
    columns: {id: key, came: usage}
    retention: [{promise: retention/visits, trigger: came}]
    erase: {do: delete, by: dpo, because: a test}
""")  # fmt: skip
    hits = Expiry("hit", "came", DAY)
    assert told(store.measure_sweep(hits, (), TODAY)) == {("hit", "delete"): 1}
    assert told(swept(store, hits).acted) == {("hit", "delete"): 1}
    assert database.query("SELECT id FROM hit") == [(2,)]


@pytest.mark.parametrize("database", ["sqlite", *LAKES], indirect=True)
def test_rows_that_move_within_their_file_as_others_go_are_in_the_next_batch(database):
    store, looked, after = database.open(MAP), [], None
    for number in range(4):
        batch = Batch(1, 0, {("visit", "delete")}, None, after)
        done = store.sweep(f"s/{number}", VISITS, (), TODAY, batch)
        looked.append(done.looked)
        after = done.last
    assert looked == [1, 1, 1, 0]
    assert database.query("SELECT id FROM visit") == [(2,)]


DATED = MAP.replace(
    "    columns: {id: key, street: contact}",
    "    columns: {id: key, street: contact, made: usage}\n"
    "    retention: [{promise: retention/prospects, trigger: made}]",
)


@pytest.mark.parametrize("database", ["sqlite", *LAKES], indirect=True)
def test_batches_go_on_after_what_is_held(database):
    database.run("ALTER TABLE address ADD made date", "UPDATE address SET made = '2001-01-01'")
    database.run("UPDATE customer SET address_id = NULL WHERE id = 3")
    database.run("INSERT INTO address VALUES (3, 'nobody', '2001-01-01')")
    database.run("INSERT INTO chat VALUES (3, 2, 2, 'x')")
    store = database.open(DATED)
    passed, steps = 0, []
    for number in range(10):
        done = swept(store, Expiry("address", "made", DAY), step=f"s/{number}", rows=1, passed=passed)
        if not done.looked:
            break
        passed += done.held
        steps.append((done.looked, done.held))
    assert steps == [(1, 1), (1, 0), (1, 0)]
    assert database.query("SELECT id FROM address") == [(1,)]


@pytest.mark.parametrize("database", ["sqlite", *LAKES], indirect=True)
def test_a_row_that_something_still_points_to_stays(database):
    database.run("ALTER TABLE address ADD made date", "UPDATE address SET made = '2001-01-01'")
    done = swept(database.open(DATED), Expiry("address", "made", DAY))
    assert (done.looked, done.held, told(done.acted)) == (2, 2, {})
    assert len(database.query("SELECT id FROM address")) == 2


@pytest.mark.parametrize("database", ["sqlite", *LAKES], indirect=True)
def test_what_was_not_measured_is_not_done(database):
    store = database.open(MAP)
    before = database.everything("customer", "visit", "chat", "address")
    with pytest.raises(ConflictError, match="now changes rows of `address`"):
        store.sweep("s", PROSPECTS, (), TODAY, Batch(10, 0, {("customer", "delete")}))
    assert database.everything("customer", "visit", "chat", "address") == before
    with pytest.raises(NotFoundError, match="has no column `gone`"):
        store.overdue(Expiry("visit", "gone", DAY), (), TODAY)


@pytest.mark.parametrize("database", ["sqlite", *LAKES], indirect=True)
def test_rows_that_are_blanked_are_done_with_once_they_are(database):
    written = MAP.replace(
        "    retention: [{promise: retention/visits, trigger: came}]\n    erase: {do: delete,",
        "    retention: [{promise: retention/visits, trigger: came}]\n    erase: {do: blank, set: {came: null},",
    ).replace(
        "trigger: came}]\n    erase: {do: blank, set: {came: null}",
        "trigger: came}]\n    erase: {do: blank, set: {what: null}",
    )
    written = written.replace("came: usage}\n", "came: usage, what: free_text}\n")
    database.run("ALTER TABLE visit ADD what varchar(20)", "UPDATE visit SET what = 'lamps'")
    store = database.open(written)
    assert told(swept(store, VISITS).acted) == {("visit", "blank"): 3}
    assert store.overdue(VISITS, (), TODAY).rows == 0
    assert database.query("SELECT id FROM visit WHERE what IS NOT NULL") == [(2,)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_rows_with_which_nothing_goes_are_removed_by_the_range_of_their_keys_and_by_their_day(database):
    database.run(
        "INSERT INTO visit VALUES (-7, 2, '2019-01-01'), (50, 2, '2026-02-02'), (51, 1, '2019-01-01'), "
        "(60, 2, '2019-01-01'), (70, NULL, '2019-01-01')"
    )
    store = database.open(MAP)
    ada = Who("ada", (("email", ADA),))
    before = database.everything("customer", "address", "chat")
    first = swept(store, VISITS, but_for=(ada,), rows=3)
    assert (first.looked, first.held, told(first.acted)) == (3, 0, {("visit", "delete"): 3})
    # -7, 3 and 60 went: 51 between them is of somebody who is passed by, and 50 is too young
    assert first.last == 60
    left = [(1,), (2,), (4,), (50,), (51,), (70,)]
    assert database.query("SELECT id FROM visit ORDER BY id") == left
    database.run("INSERT INTO visit VALUES (-8, 2, '2019-01-01')")  # came meanwhile, below what was looked at
    second = swept(store, VISITS, but_for=(ada,), step="two", rows=3, after=first.last)
    assert (second.looked, second.last) == (1, 70)
    third = swept(store, VISITS, but_for=(ada,), step="three", rows=3, after=second.last)
    assert (third.looked, third.acted.counts, third.last) == (0, (), None)
    # from the beginning, it is seen
    assert swept(store, VISITS, but_for=(ada,), step="four", rows=3).looked == 1
    assert database.query("SELECT id FROM visit ORDER BY id") == left[:-1]
    assert database.everything("customer", "address", "chat") == before
    # said again, nothing more goes
    assert swept(store, VISITS, but_for=(ada,), rows=3, step="one").looked == 3
    assert database.query("SELECT id FROM visit ORDER BY id") == left[:-1]


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_a_table_is_looked_into_whole_with_its_oldest_row_and_a_few_of_them(database):
    store = database.open(MAP)
    assert isinstance(store, Looks)
    before = database.everything("customer")
    found = store.look("customer", "seen", 2)
    assert (found.count, found.oldest) == (4, date(2020, 1, 1))
    assert [(row["id"], row["email"]) for row in found.sample] == [(1, ADA), (2, BEN)]
    assert store.look("customer") == Looked(4)
    assert database.everything("customer") == before
    for table, column in (("nothing", ""), ("customer", "nothing"), ("customer; DROP TABLE customer", "")):
        with pytest.raises(NotFoundError):
            store.look(table, column)
