"""What a decision exempts stays whole in every kind of database, with the rows it belongs to; the rest goes."""

from __future__ import annotations

from datetime import date

import pytest

from stores.conftest import KINDS
from troth.errors import NotAllowedError
from troth.law.period import Period
from troth.rules.exemption import Exemption, keeping, kept_in, lacking, read
from troth.rules.map import Retain
from troth.stores.contract import Who

TODAY = date(2026, 11, 23)
END = date(2036, 12, 31)
ADA, BEN = "ada@shop.example", "ben@shop.example"
TABLES = (
    "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(80), name varchar(80))",
    "CREATE TABLE bill (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), amount integer)",
    "CREATE TABLE line (id integer PRIMARY KEY, bill_id integer REFERENCES bill (id), what varchar(80))",
    "CREATE TABLE news (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), topic varchar(80))",
    f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben')",
    "INSERT INTO bill VALUES (1, 1, 30), (2, 2, 40)",
    "INSERT INTO line VALUES (1, 1, 'a lamp'), (2, 2, 'a chair')",
    "INSERT INTO news VALUES (1, 1, 'lamps'), (2, 2, 'chairs')",
)
MAP = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
  bill:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, amount: billing}
    erase: {do: delete, by: dpo, because: a test}
  line:
    belongs_to: [{bill_id: bill.id}]
    columns: {id: key, bill_id: link, what: billing}
    erase: {do: delete, by: dpo, because: a test}
  news:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, topic: preference}
    erase: {do: delete, by: dpo, because: a test}
"""


@pytest.fixture
def database(request):
    made = request.getfixturevalue(f"{request.param}_database")
    made.run(*TABLES)
    return made


def erased(database, *exemptions, email=ADA):
    """Erase with exemptions; return the counts by table and action, with the last day and the law."""
    store = database.open(keeping(database.map(MAP), exemptions, TODAY))
    who = [Who("someone", (("email", email),))]
    measured = store.measure(who, TODAY)
    acted = store.act("one", who, TODAY, measured)
    assert acted.counts == measured.counts
    assert store.gone(who, TODAY) == 0
    return {(one.table, one.verb): (one.rows, one.until, one.legal) for one in acted.counts}


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_a_category_stays_with_the_rows_it_belongs_to_and_the_rest_goes(database):
    told = erased(database, Exemption("b", "billing", END))
    law = (1, END, "GDPR Art. 17(3)(b)")
    assert told == {
        ("customer", "retain"): law, ("bill", "retain"): law, ("line", "retain"): law,
        ("news", "delete"): (1, None, ""),
    }  # fmt: skip
    assert database.everything("customer", "bill", "line", "news") == {
        "customer": [(1, ADA, "Ada"), (2, BEN, "Ben")],
        "bill": [(1, 1, 30), (2, 2, 40)],
        "line": [(1, 1, "a lamp"), (2, 2, "a chair")],
        "news": [(2, 2, "chairs")],
    }


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_a_row_to_which_nothing_exempt_belongs_goes(database):
    database.run("DELETE FROM line WHERE id = 1", "DELETE FROM bill WHERE id = 1")
    told = erased(database, Exemption("b", "shop.bill", END))
    assert told == {("customer", "delete"): (1, None, ""), ("news", "delete"): (1, None, "")}
    assert database.query("SELECT id FROM customer") == [(2,)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_table_stays_alone_and_what_belongs_to_it_goes(database):
    told = erased(database, Exemption("e", "shop.bill", END))
    assert {place: one[0] for place, one in told.items()} == {
        ("customer", "retain"): 1, ("bill", "retain"): 1, ("line", "delete"): 1, ("news", "delete"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_whole_store_stays_until_the_day_and_goes_on_it(database):
    told = erased(database, Exemption("e", "shop", date(2026, 11, 24)))
    assert {verb for _, verb in told} == {"retain"}
    map_ = database.map(MAP)
    assert keeping(map_, [Exemption("e", "shop", date(2026, 11, 24))], date(2026, 11, 24)) is map_


def test_a_map_that_retains_already_is_not_shortened():
    from stores.conftest import HEAD
    from troth.stores.map_file import read as read_map

    written = MAP.replace(
        "erase: {do: delete, by: dpo, because: a test}\n  line",
        "erase: {do: retain, until: {period: 6 years, trigger: made}, legal: a law, by: dpo, because: b}\n  line",
    )
    map_, problems = read_map(HEAD.format(kind="sqlite") + written, "shop.yaml")
    assert not problems
    kept = keeping(map_, [Exemption("e", "shop.bill", date(2027, 1, 1))], TODAY).tables["bill"].erase.do
    assert kept == Retain(Period(6, "years"), "made", "a law; GDPR Art. 17(3)(e)", until=date(2027, 1, 1))


def test_what_was_exempt_is_written_with_the_map_and_read_back():
    from stores.conftest import HEAD
    from troth.stores.map_file import read as read_map

    map_, _ = read_map(HEAD.format(kind="sqlite") + MAP, "shop.yaml")
    exempt = (Exemption("b", "billing", END), Exemption("e", "shop.news", END))
    left = keeping(map_, exempt, TODAY)
    again, problems = read_map(left.written, "then")
    assert not problems
    assert kept_in(again.written) == exempt
    assert keeping(again, kept_in(again.written), TODAY).tables == left.tables
    assert kept_in(map_.written) == ()


@pytest.mark.parametrize("written", ["b:billing", "b:billing:soon", "b:a:b:c", ":::"])
def test_an_exemption_that_is_not_whole_is_refused(written):
    with pytest.raises(NotAllowedError, match="Write its letter, what it keeps and until when"):
        read(written)


def test_an_exemption_names_data_that_a_map_has_and_a_day_to_come():
    from stores.conftest import HEAD
    from troth.stores.map_file import read as read_map

    map_, _ = read_map(HEAD.format(kind="sqlite") + MAP, "shop.yaml")
    wrong = list(lacking([Exemption("b", "biling", TODAY)], {"shop": map_}, TODAY))
    assert wrong[0] == "What stays under Art. 17(3)(b) needs a day after today on which it ends."
    assert wrong[1].startswith("No map has data called 'biling'. Name a category, a store, or a table")


def test_a_hold_on_one_table_keeps_the_row_it_belongs_to_where_a_decision_keeps_that_for_some_years(
    sqlite_database,
):
    customer, bill, *_ = TABLES
    owned = "customer_id integer NOT NULL REFERENCES customer (id)"
    seller = "seller_id integer NOT NULL REFERENCES customer (id)"
    sqlite_database.run(
        customer,
        bill.replace("customer_id integer REFERENCES customer (id)", f"{owned}, {seller}"),
        *TABLES[2:4],
        TABLES[4],
        "INSERT INTO bill VALUES (1, 1, 2, 30)",
    )
    written = MAP.replace(
        "{customer_id: customer.id}]\n    columns: {id: key, customer_id: link, amount",
        "{customer_id: customer.id, leaving: {blank: {amount: null}}}, "
        "{seller_id: customer.id, leaving: {blank: {amount: null}}}]\n"
        "    columns: {id: key, customer_id: link, seller_id: link, amount",
    )
    exempt = Exemption("b", "shop.customer", END), Exemption("e", "shop.bill", hold="h1")
    store = sqlite_database.open(keeping(sqlite_database.map(written), exempt, TODAY))
    who = [Who("someone", (("email", ADA),))]
    store.act("one", who, TODAY, store.measure(who, TODAY))
    assert sqlite_database.query("SELECT * FROM bill") == [(1, 1, 2, 30)]
    assert sqlite_database.query("SELECT email FROM customer WHERE id = 1") == [(ADA,)]


@pytest.mark.parametrize("database", KINDS, indirect=True)
@pytest.mark.parametrize("exempt", ["shop.customer", "shop.bill"])
def test_a_decision_with_a_day_stops_no_erasure_of_rows_that_two_own_by_links_that_cannot_be_null(
    database, exempt
):
    bill = TABLES[1]
    one = "customer_id integer REFERENCES customer (id)"
    two = "customer_id integer NOT NULL REFERENCES customer (id), seller_id integer NOT NULL REFERENCES customer (id)"
    database.run(
        "DROP TABLE news",
        "DROP TABLE line",
        "DROP TABLE bill",
        bill.replace(one, two),
        "INSERT INTO bill VALUES (1, 1, 2, 30), (2, 2, 2, 40)",
        "INSERT INTO customer VALUES (9, NULL, 'Nobody')",
    )
    blanked = exempt == "shop.customer"
    leaving = "{blank: {amount: null}}" if blanked else "replace_owner"
    erase = (
        "{do: blank, set: {email: null, name: null}, by: dpo, because: a test}"
        if blanked
        else "{do: delete, by: dpo, because: a test}"
    )
    written = f"""
placeholder: {{customer.id: 9}}
tables:
  customer:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact, name: identity}}
    erase: {erase}
  bill:
    belongs_to:
    - {{customer_id: customer.id, leaving: {leaving}}}
    - {{seller_id: customer.id, leaving: {leaving}}}
    columns: {{id: key, customer_id: link, seller_id: link, amount: billing}}
    erase: {{do: delete, by: dpo, because: a test}}
"""
    store = database.open(keeping(database.map(written), [Exemption("b", exempt, END)], TODAY))
    who = [Who("someone", (("email", ADA),))]
    store.act("one", who, TODAY, store.measure(who, TODAY))
    assert store.gone(who, TODAY) == 0
    kept = database.query("SELECT name FROM customer WHERE id = 1")
    bills = database.query("SELECT customer_id, seller_id, amount FROM bill ORDER BY id")
    assert kept == ([("Ada",)] if blanked else [])
    assert bills == [(1, 2, None) if blanked else (9, 2, 30), (2, 2, 40)], (
        "who leaves is let go as the map says"
    )
