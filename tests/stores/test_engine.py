"""What becomes of rows, in the situations real databases are in; each on every kind of store."""

from __future__ import annotations

from datetime import date

import pytest

from troth.errors import ConflictError, NotAllowedError, WrongFileError
from troth.stores.contract import Who

TODAY = date(2026, 11, 23)
ADA, BEN, CLEO = "ada@shop.example", "ben@shop.example", "cleo@shop.example"
CUSTOMER = "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)"
CUSTOMERS = f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben'), (3, '{CLEO}', 'Cleo')"
PEOPLE = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
"""
BLANKED = PEOPLE.replace("do: delete", "do: blank, set: {email: null, name: null}")


# Engines that show where a row without a key stands, let a trigger keep a row and a foreign key wait.
ENFORCING = ["sqlite", pytest.param("mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
             pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]  # fmt: skip
"""Engines with foreign keys of every kind and with triggers."""
KEEPING = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]


def who(*emails: str) -> list[Who]:
    return [Who(email.partition("@")[0], (("email", email),)) for email in emails]


def erase(store, *emails, step="one", subjects=None):
    subjects = subjects or who(*emails)
    measured = store.measure(subjects, TODAY)
    acted = store.act(step, subjects, TODAY, measured)
    assert acted.counts == measured.counts
    assert store.gone(subjects, TODAY) == 0
    return acted


def counted(done) -> dict[tuple[str, str], int]:
    return {(count.table, count.verb): count.rows for count in done.counts}


# Several owners


MESSAGE = "CREATE TABLE message (id integer PRIMARY KEY, sender_id integer, recipient_id integer, recipient_name text)"
MESSAGES = f"""{BLANKED}
  message:
    belongs_to:
      - {{sender_id: customer.id, conceals: [recipient_id, recipient_name], leaving: replace_owner}}
      - {{recipient_id: customer.id, conceals: [sender_id], leaving: {{blank: {{recipient_name: null}}}}}}
    columns: {{id: key, sender_id: link, recipient_id: link, recipient_name: identity}}
    erase: {{do: delete, by: dpo, because: a test}}
placeholder: {{customer.id: 0}}
"""


@pytest.fixture
def messages(database):
    database.run(
        CUSTOMER,
        MESSAGE,
        CUSTOMERS,
        "INSERT INTO customer VALUES (0, NULL, 'somebody who left')",
        """INSERT INTO message VALUES (1, 1, 2, 'Ben'), (2, 2, 1, 'Ada'), (3, 1, 1, 'Ada'), (4, 2, 3, 'Cleo'),
                                      (5, 1, NULL, NULL)""",
    )
    return database


def test_a_row_with_two_owners_stays_when_one_leaves(messages):
    store = messages.open(MESSAGES)
    done = erase(store, ADA)
    assert messages.query("SELECT * FROM message ORDER BY id") == [
        (1, 0, 2, "Ben"),  # Ada had sent it
        (2, 2, 1, None),  # Ada had got it
        (4, 2, 3, "Cleo"),
    ]
    assert counted(done) == {
        ("customer", "blank"): 1,
        ("message", "blank"): 1,
        ("message", "delete"): 2,
        ("message", "replace_owner"): 1,
    }


def test_it_goes_when_both_leave_together(messages):
    erase(messages.open(MESSAGES), ADA, BEN)
    assert messages.query("SELECT * FROM message") == [(4, 0, 3, "Cleo")]


def test_it_goes_when_the_second_leaves_after_the_first(messages):
    store = messages.open(MESSAGES)
    erase(store, ADA)
    erase(store, BEN, step="two")
    assert messages.query("SELECT * FROM message") == [(4, 0, 3, "Cleo")]


def test_a_message_to_oneself_conceals_nothing_from_oneself(messages):
    rows = {row.values["id"]: row for row in messages.open(MESSAGES).find(who(ADA)) if row.table == "message"}
    assert rows[1].concealed == ("recipient_id", "recipient_name")
    assert rows[2].concealed == ("sender_id",)
    assert rows[3].concealed == ()


def test_without_its_placeholder_nothing_is_given_away(messages):
    messages.run("DELETE FROM customer WHERE id = 0")
    before = messages.everything("customer", "message")
    with pytest.raises(NotAllowedError, match="has no placeholder in `customer`"):
        messages.open(MESSAGES).measure(who(ADA), TODAY)
    assert messages.everything("customer", "message") == before


def test_the_placeholder_is_nobody(messages):
    messages.run(
        "UPDATE customer SET email = 'left@shop.example' WHERE id = 0", "UPDATE message SET sender_id = 0"
    )
    store = messages.open(MESSAGES)
    assert not list(store.find(who("left@shop.example")))
    assert store.measure(who("left@shop.example"), TODAY).counts == ()


def test_a_shared_row_without_a_decision_is_refused(messages):
    with pytest.raises(WrongFileError, match="has several owners, and nobody decided"):
        messages.open(MESSAGES.replace(", leaving: replace_owner", "")).measure(who(ADA), TODAY)


# Shared rows and retention


ORDERS = f"""{BLANKED.replace("name: identity}", "name: identity, address_id: link}")}
    points_to: [{{address_id: address.id}}]
  address:
    columns: {{id: key, street: address, country_id: link}}
    points_to: [{{country_id: country.id}}]
    erase: {{do: delete, by: dpo, because: a test}}
  country:
    columns: {{id: key, name: address}}
    erase: {{do: delete, by: dpo, because: a test}}
  orders:
    belongs_to: [{{customer_id: customer.id}}]
    points_to: [{{address_id: address.id}}]
    columns: {{id: key, customer_id: link, address_id: link, placed: usage, gift: free_text}}
    erase: {{do: retain, until: {{period: 10 years, trigger: placed}}, legal: a law, blank: {{gift: null}},
            by: counsel, because: accounts}}
"""


@pytest.fixture
def orders(database):
    database.run(
        "CREATE TABLE country (id integer PRIMARY KEY, name text)",
        "CREATE TABLE address (id integer PRIMARY KEY, street text, country_id integer)",
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, address_id integer)",
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer, address_id integer, placed date, gift text)",
        "INSERT INTO country VALUES (1, 'A'), (2, 'B'), (3, 'C')",
        "INSERT INTO address VALUES (1, 'kept', 1), (2, 'old', 2), (3, 'home', 3), (4, 'nobody', 3)",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada', 3), (2, '{BEN}', 'Ben', NULL)",
        """INSERT INTO orders VALUES (1, 1, 1, '2016-11-24', 'roses'), (2, 1, 2, '2016-11-23', NULL),
                                     (3, 1, NULL, NULL, 'no day')""",
    )
    return database


def test_a_retained_row_keeps_what_it_points_to_and_what_that_points_to(orders):
    done = erase(orders.open(ORDERS), ADA)
    assert orders.query("SELECT id, gift FROM orders ORDER BY id") == [(1, None), (3, None)]
    assert orders.query("SELECT id FROM address ORDER BY id") == [(1,), (4,)]
    assert orders.query("SELECT id FROM country ORDER BY id") == [(1,), (3,)]
    assert (done.grade, done.expires) == ("archived", date(2026, 11, 24))
    assert next(count for count in done.counts if count.verb == "retain").rows == 2


def test_a_retained_row_ends_on_the_day_its_period_is_over(orders):
    store = orders.open(ORDERS)
    assert counted(store.measure(who(ADA), date(2026, 11, 22)))["orders", "retain"] == 3
    assert counted(store.measure(who(ADA), date(2026, 11, 23)))["orders", "retain"] == 2
    assert counted(store.measure(who(ADA), date(2026, 11, 24)))["orders", "retain"] == 1


def test_deleting_under_a_retained_row_is_refused(orders):
    with pytest.raises(WrongFileError, match="would orphan the rows of `orders` that are retained"):
        orders.open(ORDERS.replace("do: blank, set: {email: null, name: null}", "do: delete")).plan()


@pytest.mark.parametrize(
    "written",
    [
        {"": ("text", "'2020-02-29T10:00:00Z'")},
        {"": ("text", "'not a date'")},
        {
            "sqlite": ("integer", "1582934400"),
            "": ("timestamptz", "'2020-02-29 23:00:00+00'"),
            "mariadb": ("datetime(6)", "'2020-02-29 23:00:00'"),
        },
        {
            "sqlite": ("text", "'infinity'"),
            "": ("timestamp", "'infinity'"),
            "mariadb": ("date", "'0000-00-00'"),
        },
    ],
)
def test_a_retention_starts_on_any_kind_of_day(database, written):
    kind, value = written.get(database.kind) or written[""]
    database.run(
        CUSTOMER,
        CUSTOMERS,
        f"CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer, placed {kind})",
        f"INSERT INTO orders VALUES (1, 1, {value})",
    )
    store = database.open(
        BLANKED
        + """
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, placed: usage}
    erase: {do: retain, until: {period: 10 years, trigger: placed}, legal: a law, by: counsel, because: accounts}
"""
    )
    known = not any(word in value for word in ("not a date", "infinity", "0000"))
    (kept,) = [count for count in store.measure(who(ADA), TODAY).counts if count.verb == "retain"]
    assert kept.until == (date(2030, 2, 28) if known else None)
    assert bool(store.measure(who(ADA), date(2030, 2, 28)).counts[0].verb == "blank")
    gone = counted(store.measure(who(ADA), date(2030, 2, 28)))
    assert ("orders", "delete" if known else "retain") in gone


# Keys, links and names


def test_keys_and_links_of_several_columns(database):
    database.run(
        "CREATE TABLE branch (company integer, no text, email text, PRIMARY KEY (company, no))",
        """CREATE TABLE desk (company integer, branch_no text, n integer, note text,
                              PRIMARY KEY (n, company),
                              FOREIGN KEY (company, branch_no) REFERENCES branch (company, no))""",
        f"INSERT INTO branch VALUES (1, 'a', '{ADA}'), (1, 'b', '{BEN}'), (2, 'a', '{CLEO}')",
        "INSERT INTO desk VALUES (1, 'a', 1, 'x'), (1, 'b', 2, 'y'), (2, 'a', 1, 'z'), (1, NULL, 9, 'nobody')",
    )
    store = database.open("""
tables:
  branch:
    subject: {key: [company, no], identifiers: {email: {kind: email, one_person: true}}}
    columns: {company: key, no: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
  desk:
    belongs_to: [{company + branch_no: branch.company + no}]
    columns: {company: link, branch_no: link, n: key, note: usage}
    erase: {do: delete, by: dpo, because: a test}
""")
    erase(store, ADA)
    assert database.query("SELECT note FROM desk ORDER BY note") == [("nobody",), ("y",), ("z",)]
    assert database.query("SELECT company, no FROM branch ORDER BY 1, 2") == [(1, "b"), (2, "a")]


@pytest.mark.parametrize("database", KEEPING, indirect=True)
def test_rows_without_any_key_and_alike_in_every_column(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE click (customer_id integer, page text)",
        "INSERT INTO click VALUES (1, '/'), (1, '/'), (2, '/'), (NULL, '/')",
        "CREATE TABLE tag (customer_id integer, word text)",
        "INSERT INTO tag VALUES (1, 'x'), (1, 'x'), (2, 'x')",
    )
    store = database.open(
        PEOPLE
        + """
  click:
    belongs_to: [{customer_id: customer.id}]
    columns: {customer_id: link, page: usage}
    erase: {do: delete, by: dpo, because: a test}
  tag:
    belongs_to: [{customer_id: customer.id}]
    columns: {customer_id: link, word: usage}
    erase: {do: blank, set: {word: null}, by: dpo, because: a test}
"""
    )
    assert sum(row.table == "click" for row in store.find(who(ADA))) == 2
    done = erase(store, ADA)
    assert counted(done)["click", "delete"] == 2
    assert database.query("SELECT count(*) FROM click") == [(2,)]
    assert sorted(database.query("SELECT * FROM tag"), key=repr) == [(1, None), (1, None), (2, "x")]


def test_names_that_nobody_should_give(database):
    weird, column = 'Weird "Table"', "per cent % : ? $1 'q' {x} é"
    quoted = '"Weird ""Table"""'
    written = "\"per cent % : ? $1 'q' {x} é\""
    database.run(
        f'CREATE TABLE {quoted} ("select" integer PRIMARY KEY, {written} text)',
        f"""CREATE TABLE "group" ("order" integer PRIMARY KEY,
                                  "from" integer REFERENCES {quoted} ("select"), "naïve" text)""",
        f"INSERT INTO {quoted} VALUES (1, '{ADA}'), (2, '{BEN}')",
        """INSERT INTO "group" VALUES (1, 1, 'x'), (2, 2, 'y')""",
    )
    from dataclasses import replace

    from troth.rules.map import Delete, Edge, Erase, Identifier, MapTable, Subject

    decided = Erase(Delete(), "dpo", "a test")
    map_ = replace(
        database.map(PEOPLE),
        tables={
            weird: MapTable(
                weird,
                {"select": "key", column: "contact"},
                subject=Subject(("select",), (Identifier(column, "email", one_person=True),)),
                erase=decided,
            ),
            "group": MapTable(
                "group",
                {"order": "key", "from": "link", "naïve": "usage"},
                edges=(Edge("belongs_to", "group", ("from",), weird, ("select",)),),
                erase=decided,
            ),
        },
    )
    store = database.open(map_)
    assert {row.table for row in store.find(who(ADA))} == {weird, "group"}
    erase(store, ADA)
    assert database.query('SELECT "order" FROM "group"') == [(2,)]
    assert database.query(f'SELECT "select" FROM {quoted}') == [(2,)]


def test_a_number_links_to_the_text_that_is_how_it_is_written(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE card (ref text PRIMARY KEY, customer_ref text)",
        'CREATE TABLE "use" (id integer PRIMARY KEY, card_ref integer)',
        "INSERT INTO card VALUES ('7', '1'), ('007', '01'), ('8', ' 1'), ('x', NULL), ('9', '2'), ('1e0', '1.0')",
        'INSERT INTO "use" VALUES (1, 7), (2, 9), (3, NULL)',
    )
    store = database.open(
        PEOPLE
        + """
  card:
    belongs_to: [{customer_ref: customer.id}]
    columns: {ref: key, customer_ref: link}
    erase: {do: delete, by: dpo, because: a test}
  use:
    belongs_to: [{card_ref: card.ref}]
    columns: {id: key, card_ref: link}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    erase(store, ADA)
    assert sorted(database.query("SELECT ref FROM card")) == [("007",), ("1e0",), ("8",), ("9",), ("x",)]
    assert database.query('SELECT id FROM "use" ORDER BY id') == [(2,), (3,)]


def test_subjects_are_found_by_number_and_by_telephone(database):
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, phone text, email text, name text)",
        f"""INSERT INTO customer VALUES (1, '+33 1 23-45.67 89', '{ADA}', 'Ada'), (2, '0033123456780', NULL, 'Ben'),
            (3, '', NULL, 'Cleo')""",
    )
    store = database.open("""
tables:
  customer:
    subject: {key: id, identifiers: {id: {kind: id, one_person: true}, phone: {kind: phone, one_person: true}}}
    columns: {id: key, phone: contact, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
""")

    def found(kind, value):
        return [row.values["id"] for row in store.find([Who("x", ((kind, value),))])]

    assert found("phone", "0033 (0)1 23 45 67 89") == [1]
    assert found("phone", "+33123456780") == [2]
    assert found("id", " 2 ") == [2]
    for value in ("99999999999999999999", "two", "2.0", "1 OR 1=1", "-", "٢"):
        assert found("id", value) == [], value
    assert found("phone", "+") == []


def test_one_person_is_followed_from_identifier_to_identifier(database):
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, phone text)",
        "CREATE TABLE lead (id integer PRIMARY KEY, phone text, mail text)",
        "CREATE TABLE letter (id integer PRIMARY KEY, mail text)",
        f"INSERT INTO customer VALUES (1, '{ADA}', '+33 1'), (2, '{BEN}', '+33 2'), (3, '{CLEO}', NULL)",
        "INSERT INTO lead VALUES (1, '+331', 'private@ada.example'), (2, '+332', NULL), (3, NULL, NULL)",
        "INSERT INTO letter VALUES (1, 'private@ada.example'), (2, 'other@x.example'), (3, NULL), (4, '')",
    )
    store = database.open("""
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}, phone: {kind: phone, one_person: true}}}
    columns: {id: key, email: contact, phone: contact}
    erase: {do: delete, by: dpo, because: a test}
  lead:
    subject: {key: id, identifiers: {phone: {kind: phone, one_person: true}, mail: {kind: email, one_person: true}}}
    columns: {id: key, phone: contact, mail: contact}
    erase: {do: delete, by: dpo, because: a test}
  letter:
    belongs_to: [{mail: lead.mail}]
    columns: {id: key, mail: contact}
    erase: {do: delete, by: dpo, because: a test}
""")
    found = {(row.table, row.values["id"]) for row in store.find(who(ADA))}
    assert found == {("customer", 1), ("lead", 1), ("letter", 1)}
    erase(store, ADA)
    assert database.everything("customer", "lead", "letter") == {
        "customer": [(2, BEN, "+33 2"), (3, CLEO, None)],
        "lead": [(2, "+332", None), (3, None, None)],
        "letter": [(2, "other@x.example"), (3, None), (4, "")],
    }


def test_what_several_people_share_is_not_followed(database):
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, phone text)",
        f"INSERT INTO customer VALUES (1, '{ADA}', '+33 1'), (2, '{BEN}', '+33 1')",
        'CREATE TABLE "call" (id integer PRIMARY KEY, phone text)',
        """INSERT INTO "call" VALUES (1, '+331')""",
    )
    store = database.open("""
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}, phone: {kind: phone, one_person: false}}}
    columns: {id: key, email: contact, phone: contact}
    erase: {do: delete, by: dpo, because: a test}
  call:
    belongs_to: [{phone: customer.phone}]
    columns: {id: key, phone: contact}
    erase: {do: delete, by: dpo, because: a test}
""")
    erase(store, ADA)
    assert database.query("SELECT id FROM customer") == [(2,)]
    assert database.query('SELECT id FROM "call"') == [(1,)]  # Ben's too
    erase(store, BEN, step="two")
    assert database.query('SELECT id FROM "call"') == []


def test_a_tree_goes_from_its_leaves(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        """CREATE TABLE comment (id integer PRIMARY KEY, parent integer REFERENCES comment (id),
                                 customer_id integer REFERENCES customer (id))""",
        "INSERT INTO comment VALUES (1, NULL, 1)",
        *(f"INSERT INTO comment VALUES ({n}, {n - 1}, NULL)" for n in range(2, 60)),
        "INSERT INTO comment VALUES (100, NULL, 2)",
    )
    store = database.open(
        PEOPLE
        + """
  comment:
    belongs_to:
      - {customer_id: customer.id, leaving: {blank: {customer_id: null}}}
      - {parent: comment.id, leaving: {blank: {parent: null}}}
    columns: {id: key, parent: link, customer_id: link}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    assert counted(erase(store, ADA))["comment", "delete"] == 59
    assert database.query("SELECT id FROM comment") == [(100,)]


# What the engine itself does


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_rows_that_restrict_stop_everything_and_are_named(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE audit (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), secret text)",
        "INSERT INTO audit VALUES (1, 1, 'top secret')",
    )
    store = database.open(PEOPLE + "  audit: {impersonal: numbers only}\n")
    before = database.everything("customer", "audit")
    with pytest.raises(NotAllowedError, match=r"refuses the change: rows (of|that)") as raised:
        store.measure(who(ADA), TODAY)
    assert "secret" not in str(raised.value)
    assert ADA not in str(raised.value)
    assert database.everything("customer", "audit") == before
    assert counted(store.measure(who(BEN), TODAY)) == {("customer", "delete"): 1}


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_cascades_are_measured_and_compared(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        """CREATE TABLE session (id integer PRIMARY KEY,
                                 customer_id integer REFERENCES customer (id) ON DELETE CASCADE)""",
        """CREATE TABLE cart (id integer PRIMARY KEY,
                              customer_id integer REFERENCES customer (id) ON DELETE SET NULL)""",
        "INSERT INTO session VALUES (1, 1), (2, 1), (3, 2)",
        "INSERT INTO cart VALUES (1, 1), (2, 2)",
    )
    store = database.open(PEOPLE + "  session: {impersonal: a test}\n  cart: {impersonal: a test}\n")
    approved = store.measure(who(ADA), TODAY)
    assert {(effect.table, effect.verb): effect.rows for effect in approved.side_effects} == {
        ("session", "delete"): 2,
        ("cart", "update"): 1,
    }
    database.run("INSERT INTO session VALUES (4, 1)")
    before = database.everything("customer", "session", "cart")
    with pytest.raises(ConflictError, match="more rows of `session`"):
        store.act("one", who(ADA), TODAY, approved)
    assert database.everything("customer", "session", "cart") == before
    store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert database.everything("session", "cart") == {"session": [(3, 2)], "cart": [(1, None), (2, 2)]}
    assert store.measure(who(CLEO), TODAY).side_effects == ()


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_cascade_never_takes_a_row_that_was_to_stay(database):
    """The link is taken off first where it may be null; where not, the map is refused."""
    database.run(
        CUSTOMER,
        CUSTOMERS,
        """CREATE TABLE thread (id integer PRIMARY KEY,
                                starter integer REFERENCES customer (id) ON DELETE CASCADE,
                                owner integer REFERENCES customer (id) ON DELETE CASCADE)""",
        "INSERT INTO thread VALUES (1, 1, 2), (2, 2, 1), (3, 1, 1)",
    )
    written = (
        PEOPLE
        + """
  thread:
    belongs_to:
      - {starter: customer.id, leaving: {blank: {starter: null}}}
      - {owner: customer.id, leaving: {blank: {owner: null}}}
    columns: {id: key, starter: link, owner: link}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    done = erase(database.open(written), ADA)
    assert database.query("SELECT * FROM thread ORDER BY id") == [(1, None, 2), (2, 2, None)]
    assert counted(done) == {("customer", "delete"): 1, ("thread", "blank"): 2, ("thread", "delete"): 1}


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_link_that_cannot_be_null_to_a_row_that_goes_is_refused(database):
    database.run(
        CUSTOMER,
        "CREATE TABLE ticket (id integer PRIMARY KEY, agent integer NOT NULL REFERENCES customer (id))",
    )
    store = database.open(
        PEOPLE
        + """
  ticket:
    mentions: [{agent: customer.id}]
    columns: {id: key, agent: link}
"""
    )
    with pytest.raises(WrongFileError, match="their link `agent` cannot be null"):
        store.plan()


HELD = f"""{PEOPLE}
  company:
    columns: {{id: key, name: work, address_id: link}}
    points_to: [{{address_id: address.id}}]
  address:
    columns: {{id: key, street: address}}
    erase: {{do: delete, by: dpo, because: a test}}
  home:
    belongs_to: [{{customer_id: customer.id}}]
    points_to: [{{address_id: address.id}}]
    columns: {{id: key, customer_id: link, address_id: link}}
    erase: {{do: delete, by: dpo, because: a test}}
  talk:
    belongs_to:
      - {{sender_id: customer.id, leaving: replace_owner}}
      - {{recipient_id: customer.id, leaving: replace_owner}}
    columns: {{id: key, sender_id: link, recipient_id: link}}
    erase: {{do: delete, by: dpo, because: a test}}
  talk_line:
    belongs_to: [{{talk_id: talk.id}}]
    columns: {{id: key, talk_id: link}}
    erase: {{do: delete, by: dpo, because: a test}}
placeholder: {{customer.id: 0}}
"""


def test_links_that_cannot_be_null_are_fine_where_what_they_refer_to_stays_or_is_replaced(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "INSERT INTO customer VALUES (0, NULL, 'somebody who left')",
        "CREATE TABLE address (id integer PRIMARY KEY, street text)",
        "CREATE TABLE company (id integer PRIMARY KEY, name text, address_id int NOT NULL REFERENCES address (id))",
        """CREATE TABLE home (id integer PRIMARY KEY, customer_id int NOT NULL REFERENCES customer (id),
                              address_id int NOT NULL REFERENCES address (id))""",
        """CREATE TABLE talk (id integer PRIMARY KEY, sender_id int NOT NULL REFERENCES customer (id),
                              recipient_id int NOT NULL REFERENCES customer (id))""",
        "CREATE TABLE talk_line (id integer PRIMARY KEY, talk_id int NOT NULL REFERENCES talk (id))",
        "INSERT INTO address VALUES (1, 'of a company'), (2, 'of two'), (3, 'of one')",
        "INSERT INTO company VALUES (1, 'Example', 1)",
        "INSERT INTO home VALUES (1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 1, 3)",
        "INSERT INTO talk VALUES (1, 1, 2), (2, 3, 1), (3, 1, 1)",
        "INSERT INTO talk_line VALUES (1, 1), (2, 2), (3, 3)",
    )
    store = database.open(HELD)
    erase(store, ADA)
    assert database.query("SELECT id FROM address ORDER BY id") == [(1,), (2,)]
    assert database.query("SELECT id FROM home ORDER BY id") == [(3,)]
    assert database.query("SELECT * FROM talk ORDER BY id") == [(1, 0, 2), (2, 3, 0)]
    assert database.query("SELECT id FROM talk_line ORDER BY id") == [(1,), (2,)]
    erase(store, BEN, CLEO, step="two")
    assert database.query("SELECT id FROM address") == [(1,)]
    assert database.query("SELECT id FROM talk") == database.query("SELECT id FROM talk_line") == []


@pytest.mark.parametrize("blanked", [True, False])
@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_blanked_row_does_not_hold_what_it_points_to_and_must_be_able_to_let_go(database, blanked):
    database.run(
        "CREATE TABLE address (id integer PRIMARY KEY, street text)",
        CUSTOMER.replace("name text", "name text, address_id int NOT NULL REFERENCES address (id)"),
    )
    written = BLANKED if blanked else PEOPLE
    written = written.replace("name: identity}", "name: identity, address_id: link}")
    written = written.replace("    columns", "    points_to: [{address_id: address.id}]\n    columns")
    store = database.open(
        written
        + """
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    if blanked:
        with pytest.raises(WrongFileError, match="Rows of `customer` may stay while rows of `address` go"):
            store.plan()
    else:
        assert store.plan().removed() == ("customer", "address")


BOOKS = f"""{BLANKED}
  invoice:
    belongs_to: [{{customer_id: customer.id}}]
    columns: {{id: key, customer_id: link, closed: usage}}
    erase: {{do: retain, until: {{period: 10 years, trigger: closed}}, legal: a law, by: counsel, because: accounts}}
  line:
    belongs_to: [{{invoice_id: invoice.id}}]
    columns: {{id: key, invoice_id: link, closed: usage}}
    erase: {{do: retain, until: {{period: 10 years, trigger: closed}}, legal: a law, by: counsel, because: accounts}}
"""


def test_a_retained_child_keeps_its_retained_owner_though_its_link_cannot_be_null(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        """CREATE TABLE invoice (id integer PRIMARY KEY, customer_id int NOT NULL REFERENCES customer (id),
                                 closed date)""",
        """CREATE TABLE line (id integer PRIMARY KEY, invoice_id int NOT NULL REFERENCES invoice (id),
                              closed date)""",
        "INSERT INTO invoice VALUES (1, 1, '2026-01-01'), (2, 1, '2010-01-01'), (3, 1, '2010-01-01')",
        """INSERT INTO line VALUES (1, 1, '2026-01-01'), (2, 2, '2026-01-01'), (3, 2, '2010-01-01'),
                                   (4, 3, '2010-01-01')""",
    )
    store = database.open(BOOKS)
    assert counted(erase(store, ADA)) == {
        ("customer", "blank"): 1,
        ("invoice", "retain"): 2,
        ("invoice", "delete"): 1,
        ("line", "retain"): 2,
        ("line", "delete"): 2,
    }
    assert database.query("SELECT id FROM invoice ORDER BY id") == [
        (1,),
        (2,),
    ]  # the second for its first line
    assert database.query("SELECT id FROM line ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_mention_loses_its_link_and_nothing_else(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE ticket (id integer PRIMARY KEY, agent integer REFERENCES customer (id), body text)",
        "INSERT INTO ticket VALUES (1, 1, 'x'), (2, 2, 'y')",
    )
    store = database.open(
        PEOPLE
        + """
  ticket:
    mentions: [{agent: customer.id}]
    columns: {id: key, agent: link, body: free_text}
"""
    )
    assert counted(erase(store, ADA)) == {("customer", "delete"): 1, ("ticket", "detach"): 1}
    assert database.query("SELECT * FROM ticket ORDER BY id") == [(1, None, "x"), (2, 2, "y")]


def trigger(
    database, name: str, table: str, when: str, sqlite: str, plpgsql: str, mariadb: str | None = None
) -> None:
    if database.kind == "mariadb":
        database.run(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW BEGIN {mariadb or sqlite}; END")
        return
    if database.kind == "sqlite":
        database.run(f"CREATE TRIGGER {name} {when} ON {table} BEGIN {sqlite}; END")
        return
    database.run(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {plpgsql}; END $$",
        f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_what_triggers_write_is_measured(database):
    database.run(CUSTOMER, CUSTOMERS, "CREATE TABLE log (word text)")
    insert = "INSERT INTO log VALUES ('gone')"
    trigger(database, "logged", "customer", "AFTER DELETE", insert, f"{insert}; RETURN NULL")
    store = database.open(PEOPLE + "  log: {impersonal: a test}\n")
    measured = store.measure(who(ADA, BEN), TODAY)
    assert [(effect.table, effect.verb, effect.rows) for effect in measured.side_effects] == [
        ("log", "insert", 2)
    ]
    assert database.query("SELECT * FROM log") == []
    store.act("one", who(ADA, BEN), TODAY, measured)
    assert len(database.query("SELECT * FROM log")) == 2


@pytest.mark.parametrize("database", KEEPING, indirect=True)
def test_a_trigger_that_keeps_a_row_is_found_out(database):
    database.run(CUSTOMER, CUSTOMERS)
    trigger(
        database, "kept", "customer", "BEFORE DELETE", "SELECT RAISE(IGNORE)",
        "UPDATE customer SET name = 'removed' WHERE id = OLD.id; RETURN NULL",
    )  # fmt: skip
    before = database.everything("customer")
    with pytest.raises(NotAllowedError, match="rows of `customer` are still there after their removal"):
        database.open(PEOPLE).measure(who(ADA), TODAY)
    assert database.everything("customer") == before


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_trigger_that_puts_values_back_is_found_out(database):
    database.run(CUSTOMER, CUSTOMERS)
    trigger(
        database, "back", "customer", "AFTER UPDATE OF email" if database.kind == "sqlite" else "BEFORE UPDATE",
        "UPDATE customer SET name = OLD.name WHERE id = OLD.id", "NEW.name = OLD.name; RETURN NEW",
        "SET NEW.name = OLD.name",
    )  # fmt: skip
    before = database.everything("customer")
    with pytest.raises(NotAllowedError, match="do not hold their new values"):
        database.open(BLANKED).measure(who(ADA), TODAY)
    assert database.everything("customer") == before


def test_a_check_that_fails_is_named_and_nothing_is_changed(database):
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text CHECK (name <> 'former'))",
        CUSTOMERS,
    )
    store = database.open(BLANKED.replace("name: null}", "name: former}"))
    before = database.everything("customer")
    with pytest.raises(NotAllowedError, match=r"(a CHECK does not hold|does not hold in `customer`)"):
        store.measure(who(ADA), TODAY)
    assert database.everything("customer") == before


@pytest.mark.parametrize("database", KEEPING, indirect=True)
def test_a_circle_of_tables_that_cannot_be_null_waits_for_the_end(database):
    # SQLite lets any foreign key wait, PostgreSQL those that were declared so
    wait = "DEFERRABLE INITIALLY IMMEDIATE"
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, main integer NOT NULL)"
    )
    if database.kind == "sqlite":
        database.run(
            "DROP TABLE customer",
            """CREATE TABLE customer (id integer PRIMARY KEY, email text, name text,
               main integer NOT NULL REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED)""",
            "CREATE TABLE account (id integer PRIMARY KEY, owner integer NOT NULL REFERENCES customer (id))",
            f"""PRAGMA foreign_keys = OFF; INSERT INTO customer VALUES (1, '{ADA}', 'Ada', 10), (2, '{BEN}', 'Ben', 20);
                INSERT INTO account VALUES (10, 1), (20, 2)""",
        )
    else:
        database.run(
            f"""CREATE TABLE account (id integer PRIMARY KEY,
                                      owner integer NOT NULL REFERENCES customer (id) {wait})""",
            f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada', 10), (2, '{BEN}', 'Ben', 20)",
            "INSERT INTO account VALUES (10, 1), (20, 2)",
            f"ALTER TABLE customer ADD FOREIGN KEY (main) REFERENCES account (id) {wait}",
        )
    store = database.open(
        PEOPLE.replace("name: identity}", "name: identity, main: link}")
        + """
    belongs_to: [{main: account.id}]
  account:
    belongs_to: [{owner: customer.id}]
    columns: {id: key, owner: link}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    assert counted(erase(store, ADA)) == {("account", "delete"): 1, ("customer", "delete"): 1}
    assert database.query("SELECT id FROM account") == [(20,)]


# Blanking what cannot be blanked


@pytest.mark.parametrize(
    ("column", "set_", "said"),
    [
        ("note text NOT NULL", "note: null", "must not be null"),
        ("note varchar(5) UNIQUE", "note: x", "must be unique"),
        ("note text GENERATED ALWAYS AS (name) STORED", "note: null", "is computed by the database"),
        ("note text", "id: 4", "is part of the key"),
    ],
)
@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_what_the_catalogue_forbids_is_refused_before(database, column, set_, said):
    database.run(f"CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, {column})")
    store = database.open(BLANKED.replace("name: null}", f"name: null, {set_}}}"))
    with pytest.raises(WrongFileError, match=said):
        store.measure(who(ADA), TODAY)


def test_a_blanked_row_that_would_still_name_its_subject_is_refused(database):
    database.run(CUSTOMER)
    store = database.open(BLANKED.replace("email: null, ", ""))
    with pytest.raises(WrongFileError, match=r"`customer.email` would still name the subject"):
        store.plan()


def test_what_an_erasure_writes_in_place_of_an_identifier_names_nobody(database):
    database.run(CUSTOMER, CUSTOMERS, "CREATE TABLE visit (id integer PRIMARY KEY, email text)")
    database.run(f"INSERT INTO visit VALUES (1, '{ADA}'), (2, 'left@shop.example')")
    store = database.open(
        BLANKED.replace("email: null", "email: Left@shop.example")
        + """
  visit:
    belongs_to: [{email: customer.email}]
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    erase(store, ADA)
    erase(store, BEN, step="two")
    assert database.query("SELECT id FROM visit") == [(2,)]
    assert not list(store.find(who("left@shop.example")))


# Change


def test_a_database_that_changed_since_it_was_measured_is_measured_again(database):
    database.run(CUSTOMER, CUSTOMERS)
    store = database.open(PEOPLE)
    approved = store.measure(who(ADA), TODAY)
    database.run("ALTER TABLE customer ADD COLUMN nick text")
    with pytest.raises(ConflictError, match="have changed since the plan was measured"):
        store.act("one", who(ADA), TODAY, approved)
    assert len(database.query("SELECT * FROM customer")) == 3
    store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert len(database.query("SELECT * FROM customer")) == 2


def test_a_step_and_its_rows_are_remembered_in_the_store(database):
    database.run(CUSTOMER, CUSTOMERS)
    store = database.open(PEOPLE)
    done = erase(store, ADA, step="request/7Q2M/erase/shop")
    ((step, sha, rows),) = database.query('SELECT step, plan_sha256, "rows" FROM troth_step')
    assert (step, sha) == ("request/7Q2M/erase/shop", done.plan_sha256)
    assert '"customer"' in rows
    assert ADA not in rows
    again = database.open(PEOPLE).act(
        "request/7Q2M/erase/shop", who(ADA), TODAY, store.measure(who(BEN), TODAY)
    )
    assert (again.counts, again.resumed) == (done.counts, True)


def test_a_row_is_expected_by_a_search_only_until_its_retention_ends(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE invoice (id integer PRIMARY KEY, email text, placed date)",
        f"INSERT INTO invoice VALUES (1, '{ADA}', '2020-01-31')",
    )
    store = database.open(
        BLANKED
        + """
  invoice:
    belongs_to: [{email: customer.email}]
    columns: {id: key, email: contact, placed: usage}
    erase: {do: retain, until: {period: 10 years, trigger: placed}, legal: a law, by: counsel, because: accounts}
"""
    )
    assert store.gone(who(ADA), date(2030, 1, 30)) == 1
    assert store.gone(who(ADA), date(2030, 1, 31)) == 2

    def verdict(day):
        return next(hit.verdict for hit in store.scan(who(ADA), day).hits if hit.table == "invoice")

    assert (verdict(date(2030, 1, 30)), verdict(date(2030, 1, 31))) == ("expected", "copy")


def test_what_an_erasure_writes_in_one_table_names_nobody_in_another(database):
    """Somebody may really be called as those are who left elsewhere: they are not followed to that row."""
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE employee (id integer PRIMARY KEY, email text, home text, phone text)",
        "INSERT INTO customer VALUES (9, 'left@shop.example', 'Lee Ft')",
        "INSERT INTO employee VALUES (1, 'left@shop.example', 'lee@home.example', '+33612345678')",
    )
    store = database.open(
        PEOPLE
        + """
  employee:
    subject:
      key: id
      identifiers:
        email: {kind: email, one_person: true}
        home: {kind: email, one_person: true}
        phone: {kind: phone, one_person: true}
    columns: {id: key, email: contact, home: contact, phone: contact}
    erase: {do: blank, set: {email: left@shop.example, home: null, phone: null}, by: hr, because: a test}
"""
    )
    asking = [Who("x", (("phone", "+33 6 12 34 56 78"),))]
    assert [row.table for row in store.find(asking)] == ["employee"]
    assert counted(erase(store, subjects=asking)) == {("employee", "blank"): 1}
    assert database.query("SELECT name FROM customer WHERE id = 9") == [("Lee Ft",)]


def test_what_an_edge_conceals_stays_concealed_in_a_row_that_names_its_subject_too(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE account (id integer PRIMARY KEY, customer_id integer, email text, agent_note text)",
        "INSERT INTO account VALUES (1, 1, 'ada@home.example', 'x'), (2, 2, NULL, 'y')",
    )
    store = database.open(
        PEOPLE
        + """
  account:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    belongs_to: [{customer_id: customer.id, conceals: [agent_note]}]
    columns: {id: key, customer_id: link, email: contact, agent_note: free_text}
    erase: {do: delete, by: dpo, because: a test}
"""
    )

    def concealed(email):
        return {row.table: row.concealed for row in store.find(who(email))}

    assert concealed(ADA) == {"customer": (), "account": ("agent_note",)}
    assert concealed("ada@home.example") == {"account": ()}


def test_a_row_of_two_by_one_and_the_same_edge_keeps_its_link_while_one_of_them_stays(database):
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, household text)",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'h1'), (2, '{BEN}', 'h1')",
        "CREATE TABLE letter (id integer PRIMARY KEY, household text)",
        "INSERT INTO letter VALUES (1, 'h1')",
    )
    store = database.open("""
tables:
  customer:
    subject:
      key: id
      identifiers: {email: {kind: email, one_person: true}, household: {kind: code, one_person: false}}
    columns: {id: key, email: contact, household: link}
    erase: {do: delete, by: dpo, because: a test}
  letter:
    belongs_to: [{household: customer.household, leaving: {blank: {household: null}}}]
    columns: {id: key, household: link}
    erase: {do: delete, by: dpo, because: a test}
""")
    assert counted(erase(store, ADA)) == {("customer", "delete"): 1}
    assert database.query("SELECT household FROM letter") == [("h1",)]
    assert counted(erase(store, BEN, step="two")) == {("customer", "delete"): 1, ("letter", "delete"): 1}
