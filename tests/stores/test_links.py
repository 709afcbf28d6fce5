"""Links of every shape lead to the same rows, and to no others; each on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest

from stores.conftest import HEAD
from stores.test_engine import ENFORCING
from troth.errors import NotAllowedError, WrongFileError
from troth.stores.contract import Who
from troth.stores.map_file import read

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


WITH_LISTS = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]


def who(*emails: str) -> list[Who]:
    return [Who(email.partition("@")[0], (("email", email),)) for email in emails]


def found(store, email, table):
    return sorted(row.values["id"] for row in store.find(who(email)) if row.table == table)


def erase(store, *emails, step="one"):
    subjects = who(*emails)
    measured = store.measure(subjects, TODAY)
    acted = store.act(step, subjects, TODAY, measured)
    assert acted.counts == measured.counts
    assert store.gone(subjects, TODAY) == 0
    again = store.measure(subjects, TODAY)
    assert [count for count in again.counts if count.verb != "retain"] == []
    return {(count.table, count.verb): count.rows for count in acted.counts}


def documents(database, statement):
    """Return rows whose first column is JSON, parsed."""
    rows = database.query(statement)
    return [(json.loads(row[0]) if isinstance(row[0], str) else row[0], *row[1:]) for row in rows]


# Links that are there in some rows only


POLYMORPHIC = f"""{PEOPLE}
  agent:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact}}
    erase: {{do: delete, by: dpo, because: a test}}
  note:
    belongs_to:
      - {{owner_id: customer.id, when: {{owner_type: customer}}}}
      - {{owner_id: agent.id, when: {{owner_type: [agent, Agent]}}}}
    columns: {{id: key, owner_id: link, owner_type: link, body: free_text}}
    erase: {{do: delete, by: dpo, because: a test}}
"""


@pytest.fixture
def notes(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE agent (id integer PRIMARY KEY, email text)",
        "INSERT INTO agent VALUES (1, 'agent@shop.example'), (2, 'other@shop.example')",
        "CREATE TABLE note (id integer PRIMARY KEY, owner_id text, owner_type text, body text)",
        """INSERT INTO note VALUES (1, '1', 'customer', 'x'), (2, '1', 'agent', 'x'), (3, '1', 'Agent', 'x'),
           (4, '2', 'customer', 'x'), (5, '1', NULL, 'x'), (6, '1', 'order', 'x'), (7, '01', 'customer', 'x')""",
    )
    return database


def test_a_column_links_to_the_table_that_another_column_names(notes):
    store = notes.open(POLYMORPHIC)
    assert found(store, ADA, "note") == [1]
    assert found(store, "agent@shop.example", "note") == [2, 3]
    assert erase(store, ADA) == {("customer", "delete"): 1, ("note", "delete"): 1}
    assert notes.query("SELECT id FROM note ORDER BY id") == [(2,), (3,), (4,), (5,), (6,), (7,)]
    assert len(notes.query("SELECT * FROM agent")) == 2


def test_the_way_to_a_row_says_under_which_condition(notes):
    (row,) = [row for row in notes.open(POLYMORPHIC).find(who(ADA)) if row.table == "note"]
    assert row.path[-1] == "belongs_to note.owner_id when owner_type is customer"


def test_owners_under_conditions_that_overlap_need_a_decision(notes):
    written = POLYMORPHIC.replace("[agent, Agent]", "[agent, customer]")
    with pytest.raises(WrongFileError, match="has several owners, and nobody decided"):
        notes.open(written).plan()


def test_the_column_of_a_condition_is_not_blanked(notes):
    written = POLYMORPHIC.replace(
        "body: free_text}\n    erase: {do: delete",
        "body: free_text}\n    erase: {do: blank, set: {owner_type: null}",
    )
    with pytest.raises(WrongFileError, match=r"`note\.owner_type` is a link"):
        notes.open(written).plan()


@pytest.mark.parametrize(
    ("kind", "values", "when"),
    [
        ("text", ("'buyer'", "'seller'"), "buyer"),
        ("integer", ("7", "8"), "7"),
        ("boolean", ("TRUE", "FALSE"), "true"),
        ("varchar(9)", ("'7'", "'8'"), "7"),
    ],
)
@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_whose_a_row_is_depends_on_a_column(database, kind, values, when):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        f"CREATE TABLE party (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), kind {kind})",
        f"INSERT INTO party VALUES (1, 1, {values[0]}), (2, 1, {values[1]}), (3, 2, {values[0]}), (4, 1, NULL)",
    )
    store = database.open(
        PEOPLE
        + f"""
  party:
    belongs_to: [{{customer_id: customer.id, when: {{kind: {when}}}}}]
    columns: {{id: key, customer_id: link, kind: link}}
    erase: {{do: delete, by: dpo, because: a test}}
"""
    )
    assert found(store, ADA, "party") == [1]
    # the others refer to her row, stay, and lose their link
    assert erase(store, ADA) == {("customer", "delete"): 1, ("party", "delete"): 1, ("party", "detach"): 2}
    assert database.query("SELECT id, customer_id FROM party ORDER BY id") == [(2, None), (3, 2), (4, None)]


def test_an_address_stays_while_somebody_points_to_it_under_the_condition(database):
    database.run(
        CUSTOMER.replace("name text", "name text, place_id integer, place_kind text"),
        "CREATE TABLE address (id integer PRIMARY KEY, street text)",
        "INSERT INTO address VALUES (1, 'x'), (2, 'y')",
        f"""INSERT INTO customer VALUES (1, '{ADA}', 'Ada', 1, 'address'), (2, '{BEN}', 'Ben', 1, 'planet'),
            (3, '{CLEO}', 'Cleo', 2, 'address'), (4, NULL, NULL, 2, 'address')""",
    )
    store = database.open(
        PEOPLE.replace("name: identity}", "name: identity, place_id: link, place_kind: link}")
        + """
    points_to: [{place_id: address.id, when: {place_kind: address}}]
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    erase(store, ADA)
    erase(store, CLEO, step="two")
    assert database.query("SELECT id FROM address") == [(2,)]


def test_a_row_given_to_nobody_gets_the_nobody_of_its_kind(notes):
    notes.run(
        "INSERT INTO customer VALUES (0, NULL, NULL)",
        "INSERT INTO agent VALUES (99, NULL)",
        "UPDATE note SET owner_id = '1' WHERE id = 7",
    )
    written = POLYMORPHIC.rpartition("do: delete")
    store = notes.open(
        f"{written[0]}do: replace_owner{written[2]}placeholder: {{customer.id: 0, agent.id: 99}}\n"
    )
    assert erase(store, ADA)["note", "replace_owner"] == 2
    assert erase(store, "agent@shop.example", step="two")["note", "replace_owner"] == 2
    owners = dict(notes.query("SELECT id, owner_id FROM note"))
    assert (owners[1], owners[7], owners[2], owners[3], owners[4]) == ("0", "0", "99", "99", "2")


# Documents


DOCUMENTS = f"""{PEOPLE}
  event:
    belongs_to: [{{data.buyer.id: customer.id, conceals: [memo]}}]
    columns: {{id: key, data: usage, memo: free_text}}
    erase: {{do: delete, by: dpo, because: a test}}
"""
BUYERS = (
    '{"buyer": {"id": 1, "name": "Ada"}, "n": 1}',
    '{"buyer": {"id": "1", "name": "Ada"}, "n": 2}',
    '{"buyer": {"id": "01"}, "n": 3}',
    '{"buyer": {"id": 1.0}, "n": 4}',
    '{"buyer": {"id": null}}',
    '{"buyer": [1]}',
    '{"buyer": {"id": {"id": 1}}}',
    '{"id": 1}',
    "[1]",
    "1",
    '{"buyer": {"id": 2, "name": "Ben", "list": [1, "1", null, true, {"a": 1.50}]}, "n": 11}',
)


def json_type(database, kind="jsonb"):
    return {"postgresql": kind, "mariadb": "json", "duckdb": "json"}.get(database.kind, "text")


@pytest.fixture(params=["a", "another"])
def events(database, request):
    """Documents in a column of either type that holds them."""
    types = {
        "postgresql": ("jsonb", "json"),
        "sqlite": ("text", "json"),
        "mariadb": ("json", "json"),
        "duckdb": ("json", "json"),
    }[database.kind]
    kind = types[request.param == "another"]
    rows = ", ".join(f"({number}, '{each}', 'memo')" for number, each in enumerate(BUYERS, 1))
    database.run(
        CUSTOMER,
        CUSTOMERS,
        f"CREATE TABLE event (id integer PRIMARY KEY, data {kind}, memo text)",
        f"INSERT INTO event VALUES {rows}, (99, NULL, 'memo')",
    )
    if database.kind == "sqlite":
        database.run(
            """INSERT INTO event VALUES (50, '{"buyer": {"id": 1', 'cut short'), (51, '', 'empty')"""
        )
    return database


def test_a_link_inside_a_document_is_followed(events):
    store = events.open(DOCUMENTS)
    assert found(store, ADA, "event") == [1, 2]
    assert [row.concealed for row in store.find(who(ADA)) if row.table == "event"] == [("memo",)] * 2
    before = len(events.query("SELECT id FROM event"))
    assert erase(store, ADA) == {("customer", "delete"): 1, ("event", "delete"): 2}
    assert len(events.query("SELECT id FROM event")) == before - 2


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_one_path_of_a_document_is_blanked_and_the_rest_stays(events):
    before = {row[1]: row[0] for row in documents(events, "SELECT data, id FROM event WHERE id < 50")}
    head, _, tail = DOCUMENTS.rpartition("do: delete")
    store = events.open(f"{head}do: blank, set: {{data.buyer.name: null, memo: null}}{tail}")
    assert erase(store, ADA) == {("customer", "delete"): 1, ("event", "blank"): 2}
    after = {row[1]: row[0] for row in documents(events, "SELECT data, id FROM event WHERE id < 50")}
    for number in (1, 2):
        before[number]["buyer"]["name"] = None
    assert after == before
    assert dict(events.query("SELECT id, memo FROM event"))[1] is None


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_link_inside_a_document_is_given_to_the_placeholder(events):
    events.run("INSERT INTO customer VALUES (0, NULL, NULL)")
    head, _, tail = DOCUMENTS.rpartition("do: delete")
    store = events.open(f"{head}do: replace_owner{tail}placeholder: {{customer.id: 0}}\n")
    assert erase(store, ADA)["event", "replace_owner"] == 2
    ids = [
        row[0]["buyer"]["id"] for row in documents(events, "SELECT data FROM event WHERE id < 3 ORDER BY id")
    ]
    assert ids == [0, 0]


IN_DOCUMENT = """
tables:
  account:
    subject: {key: id, identifiers: {profile.contact.mail: {kind: email, one_person: true}}}
    columns: {id: key, profile: contact}
    erase: {do: delete, by: dpo, because: a test}
  login:
    belongs_to: [{account_id: account.id}]
    columns: {id: key, account_id: link}
    erase: {do: delete, by: dpo, because: a test}
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
"""


@pytest.fixture
def accounts(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        f"CREATE TABLE account (id integer PRIMARY KEY, profile {json_type(database)})",
        "CREATE TABLE login (id integer PRIMARY KEY, account_id integer)",
        """INSERT INTO account VALUES (1, '{"contact": {"mail": " Ada@Shop.example"}, "age": 3}'),
           (2, '{"contact": {"mail": "ben@shop.example"}}'), (3, '{"contact": {}}'), (4, NULL),
           (5, '{"contact": {"mail": ""}}')""",
        "INSERT INTO login VALUES (1, 1), (2, 1), (3, 2), (4, NULL)",
    )
    return database


def test_a_subject_is_named_inside_a_document(accounts):
    store = accounts.open(IN_DOCUMENT)
    rows = {(row.table, row.values["id"]) for row in store.find(who(ADA))}
    assert rows == {("account", 1), ("login", 1), ("login", 2), ("customer", 1)}
    erase(store, ADA)
    assert accounts.query("SELECT id FROM account ORDER BY id") == [(2,), (3,), (4,), (5,)]
    assert accounts.query("SELECT id FROM login ORDER BY id") == [(3,), (4,)]


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_an_identifier_inside_a_document_is_blanked_and_names_nobody_then(accounts):
    store = accounts.open(IN_DOCUMENT.replace("do: delete", "do: blank, set: {profile.contact: null}", 1))
    assert erase(store, ADA)["account", "blank"] == 1
    ((document,),) = documents(accounts, "SELECT profile FROM account WHERE id = 1")
    assert document == {"contact": None, "age": 3}
    kept = IN_DOCUMENT.replace("do: delete", "do: blank, set: {profile.age: null}", 1)
    with pytest.raises(WrongFileError, match=r"`account.profile.contact.mail` would still name the subject"):
        accounts.open(kept).plan()


def test_a_column_that_holds_no_document_is_refused(database):
    database.run(CUSTOMER, "CREATE TABLE event (id integer PRIMARY KEY, data integer, memo text)")
    with pytest.raises(WrongFileError, match=r"`event.data.buyer.id` is a place inside a column"):
        database.open(DOCUMENTS).plan()


# Lists


LISTS = """
  room:
    belongs_to: [{members.*: customer.id, leaving: remove}]
    columns: {id: key, members: link, topic: usage}
    erase: {do: delete, by: dpo, because: a test}
  line:
    belongs_to: [{room_id: room.id}]
    columns: {id: key, room_id: link}
    erase: {do: delete, by: dpo, because: a test}
"""


def list_types(database):
    return ["text"] if database.kind == "sqlite" else ["integer[]", "bigint[]", "text[]", "jsonb"]


def as_list(kind, *values):
    if kind.endswith("[]"):
        return "'{" + ",".join("NULL" if each is None else str(each) for each in values) + "}'"
    return "'" + json.dumps(values) + "'"


@pytest.mark.parametrize("database", WITH_LISTS, indirect=True)
def test_a_row_belongs_to_all_in_its_list_and_goes_with_the_last(database):
    for kind in list_types(database):
        database.run(
            "DROP TABLE IF EXISTS room",
            "DROP TABLE IF EXISTS line",
            "DROP TABLE IF EXISTS customer",
            CUSTOMER,
            CUSTOMERS,
            f"CREATE TABLE room (id integer PRIMARY KEY, members {kind}, topic text)",
            "CREATE TABLE line (id integer PRIMARY KEY, room_id integer)",
            f"""INSERT INTO room VALUES (1, {as_list(kind, 1, 2)}, 'both'), (2, {as_list(kind, 1)}, 'one'),
                (3, {as_list(kind, 3, 1, 2, 1, None)}, 'three'), (4, {as_list(kind)}, 'none'), (5, NULL, 'null'),
                (6, {as_list(kind, 2)}, 'other'), (7, {as_list(kind, 11, 21)}, 'near')""",
            "INSERT INTO line VALUES (1, 1), (2, 2), (3, 3)",
        )
        store = database.open(PEOPLE + LISTS)
        assert found(store, ADA, "room") == [1, 2, 3], kind
        done = erase(store, ADA, step=f"one {kind}")
        assert done == {
            ("customer", "delete"): 1,
            ("line", "delete"): 1,
            ("room", "delete"): 1,
            ("room", "detach"): 2,
        }, kind
        rooms = dict(database.query("SELECT id, members FROM room ORDER BY id"))
        listed = {
            number: json.loads(each) if isinstance(each, str) else each for number, each in rooms.items()
        }
        one = "text[]" if kind == "text[]" else ""
        people = {number: str(number) if one else number for number in (2, 3, 11, 21)}
        assert listed == {
            1: [people[2]],
            3: [people[3], people[2], None],
            4: [],
            5: None,
            6: [people[2]],
            7: [people[11], people[21]],
        }, kind
        erase(store, BEN, CLEO, step=f"two {kind}")
        left = sorted(row[0] for row in database.query("SELECT id FROM room"))
        assert left == [4, 5, 7], kind
        assert database.query("SELECT id FROM line") == []
        store.close()


@pytest.mark.parametrize("database", WITH_LISTS, indirect=True)
def test_two_who_share_a_list_leave_it_together(database):
    kind = list_types(database)[0]
    database.run(
        CUSTOMER,
        CUSTOMERS,
        f"CREATE TABLE room (id integer PRIMARY KEY, members {kind}, topic text)",
        "CREATE TABLE line (id integer PRIMARY KEY, room_id integer)",
        f"INSERT INTO room VALUES (1, {as_list(kind, 1, 2, 3)}, 'x'), (2, {as_list(kind, 2, 1)}, 'y')",
    )
    assert erase(database.open(PEOPLE + LISTS), ADA, BEN)["room", "detach"] == 1
    assert database.query("SELECT id FROM room") == [(1,)]


@pytest.mark.parametrize("database", WITH_LISTS, indirect=True)
def test_elements_that_are_documents_leave_whole_and_other_elements_stay_as_they_are(database):
    database.run(
        CUSTOMER,
        CUSTOMERS,
        f"CREATE TABLE post (id integer PRIMARY KEY, data {json_type(database)})",
        """INSERT INTO post VALUES
           (1, '{"t": 1.50, "watchers": [{"id": 1, "n": "Ada"}, {"id": 2, "n": "a\\"b"}, true, null, "x", [1], 1]}'),
           (2, '{"watchers": [{"id": 1}]}'), (3, '{"watchers": {"id": 1}}'), (4, '{"watchers": "1"}'),
           (5, '{}')""".replace('\\\\"', '\\"'),
    )
    store = database.open(
        PEOPLE
        + """
  post:
    belongs_to: [{data.watchers.*.id: customer.id, leaving: remove}]
    columns: {id: key, data: usage}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    assert found(store, ADA, "post") == [1, 2]
    erase(store, ADA)
    rows = documents(database, "SELECT data, id FROM post ORDER BY id")
    assert [number for _, number in rows] == [1, 3, 4, 5]
    assert rows[0][0] == {"t": 1.5, "watchers": [{"id": 2, "n": 'a"b'}, True, None, "x", [1], 1]}


@pytest.mark.parametrize("database", WITH_LISTS, indirect=True)
def test_a_list_of_addresses_belongs_to_whom_they_name(database):
    kind = "text[]" if database.kind == "postgresql" else "text"
    database.run(
        CUSTOMER,
        CUSTOMERS,
        f"CREATE TABLE thread (id integer PRIMARY KEY, readers {kind})",
        f"""INSERT INTO thread VALUES (1, {as_list(kind, ADA.upper(), BEN)}), (2, {as_list(kind, ADA)}),
            (3, {as_list(kind, BEN)})""",
    )
    store = database.open(
        PEOPLE
        + """
  thread:
    belongs_to: [{readers.*: customer.email, leaving: remove}]
    columns: {id: key, readers: contact}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    assert found(store, ADA, "thread") == [1, 2]
    erase(store, ADA)
    rows = dict(database.query("SELECT id, readers FROM thread"))
    left = {number: json.loads(each) if isinstance(each, str) else each for number, each in rows.items()}
    assert left == {1: [BEN], 3: [BEN]}


@pytest.mark.parametrize("database", WITH_LISTS, indirect=True)
def test_what_a_list_points_to_goes_with_its_last_pointer(database):
    kind = list_types(database)[0]
    database.run(
        CUSTOMER.replace("name text", f"name text, files {kind}"),
        "CREATE TABLE file (id integer PRIMARY KEY, path text)",
        "INSERT INTO file VALUES (1, 'x'), (2, 'y'), (3, 'z')",
        f"""INSERT INTO customer VALUES (1, '{ADA}', 'Ada', {as_list(kind, 1, 2)}),
            (2, '{BEN}', 'Ben', {as_list(kind, 2)}), (3, '{CLEO}', 'Cleo', NULL)""",
    )
    store = database.open(
        PEOPLE.replace("name: identity}", "name: identity, files: link}")
        + """
    points_to: [{files.*: file.id}]
  file:
    columns: {id: key, path: usage}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    assert found(store, ADA, "file") == [1, 2]
    erase(store, ADA)
    assert database.query("SELECT id FROM file ORDER BY id") == [(2,), (3,)]


@pytest.mark.parametrize("database", WITH_LISTS, indirect=True)
def test_a_list_without_a_decision_is_refused(database):
    database.run(
        CUSTOMER,
        f"CREATE TABLE room (id integer PRIMARY KEY, members {list_types(database)[0]}, topic text)",
        "CREATE TABLE line (id integer PRIMARY KEY, room_id integer)",
    )
    with pytest.raises(WrongFileError, match="has several owners, and nobody decided"):
        database.open(PEOPLE + LISTS.replace(", leaving: remove", "")).plan()


# Attributes


ATTRIBUTES = """
tables:
  entity:
    subject:
      key: id
      identifiers:
        attribute.value: {kind: email, one_person: true, via: entity_id, when: {name: [email, alt_email]}}
    columns: {id: key, created: usage, address_id: link}
    points_to: [{address_id: address.id}]
    erase: {do: delete, by: dpo, because: a test}
  attribute:
    belongs_to: [{entity_id: entity.id}]
    columns: {id: key, entity_id: link, name: usage, value: contact}
    erase: {do: delete, by: dpo, because: a test}
  purchase:
    belongs_to: [{entity_id: entity.id}]
    columns: {id: key, entity_id: link}
    erase: {do: delete, by: dpo, because: a test}
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: a test}
"""


@pytest.fixture
def entities(database):
    database.run(
        "CREATE TABLE address (id integer PRIMARY KEY, street text)",
        "CREATE TABLE entity (id integer PRIMARY KEY, created date, address_id integer)",
        "CREATE TABLE attribute (id integer PRIMARY KEY, entity_id integer, name text, value text)",
        "CREATE TABLE purchase (id integer PRIMARY KEY, entity_id integer)",
        "INSERT INTO address VALUES (1, 'x'), (2, 'y')",
        "INSERT INTO entity VALUES (1, '2020-01-01', 1), (2, '2020-01-01', 1), (3, '2020-01-01', 2)",
        f"""INSERT INTO attribute VALUES (1, 1, 'email', '{ADA}'), (2, 1, 'name', 'Ada'), (3, 2, 'email', '{BEN}'),
            (4, 2, 'nick', '{ADA}'), (5, 3, 'alt_email', '{ADA.upper()}'), (6, NULL, 'email', '{ADA}'),
            (7, 9, 'email', '{CLEO}')""",
        "INSERT INTO purchase VALUES (1, 1), (2, 2), (3, 3)",
    )
    return database


def test_a_subject_is_named_in_a_table_of_attributes(entities):
    store = entities.open(ATTRIBUTES)
    rows = {(row.table, row.values["id"]) for row in store.find(who(ADA))}
    assert rows == {
        ("attribute", 1), ("attribute", 2), ("attribute", 5), ("attribute", 6), ("entity", 1), ("entity", 3),
        ("purchase", 1), ("purchase", 3), ("address", 1), ("address", 2),
    }  # fmt: skip
    erase(store, ADA)
    assert entities.query("SELECT id FROM attribute ORDER BY id") == [(3,), (4,), (7,)]
    assert entities.query("SELECT id FROM entity") == [(2,)]
    assert entities.query("SELECT id FROM address") == [(1,)]
    erase(store, BEN, step="two")
    assert entities.query("SELECT id FROM address") == []


def test_a_blanked_entity_without_its_attributes_is_nobody_and_holds_nothing(entities):
    written = ATTRIBUTES.replace("do: delete", "do: blank, set: {created: null}", 1)
    store = entities.open(written)
    erase(store, ADA)
    assert entities.query("SELECT id FROM address ORDER BY id") == [(1,)]  # the other's, and nobody else's
    erase(store, BEN, step="two")
    assert entities.query("SELECT id FROM address") == []
    assert len(entities.query("SELECT id FROM entity")) == 3


def test_attributes_that_belong_to_nobody_are_refused(database):
    written = ATTRIBUTES.replace(
        "belongs_to: [{entity_id: entity.id}]\n    columns: {id: key, entity_id: link, name",
        "columns: {id: key, entity_id: link, name",
    )
    found_, problems = read(HEAD.format(kind=database.kind) + written, "stores/shop.yaml")
    assert found_ is None
    assert "stands in `attribute`, whose rows do not belong to it" in str(problems[0])


# Indexes


CROSSING = f"""{PEOPLE}
  card:
    belongs_to: [{{customer_ref: customer.id}}]
    columns: {{id: key, customer_ref: link}}
    erase: {{do: delete, by: dpo, because: a test}}
  card_use:
    belongs_to: [{{card_ref: card.id}}]
    columns: {{id: key, card_ref: link}}
    erase: {{do: delete, by: dpo, because: a test}}
  note:
    belongs_to: [{{owner_id: customer.id, when: {{owner_type: customer}}}}]
    columns: {{id: key, owner_id: link, owner_type: link}}
    erase: {{do: delete, by: dpo, because: a test}}
  room:
    belongs_to: [{{members.*: customer.id, leaving: remove}}]
    columns: {{id: key, members: link}}
    erase: {{do: delete, by: dpo, because: a test}}
  event:
    belongs_to: [{{data.buyer.id: customer.id}}]
    columns: {{id: key, data: usage}}
    erase: {{do: delete, by: dpo, because: a test}}
"""


@pytest.mark.slow
@pytest.mark.postgresql
def test_links_of_every_shape_are_followed_by_their_indexes(postgresql_database):
    database = postgresql_database
    rows = "FROM generate_series(1, 20000) AS n"
    database.run(
        "CREATE TABLE customer (id bigint PRIMARY KEY, email text UNIQUE, name text)",
        f"INSERT INTO customer SELECT n, 'someone-' || n || '@shop.example', 'x' {rows}",
        "CREATE TABLE card (id text PRIMARY KEY, customer_ref text)",
        f"INSERT INTO card SELECT n, n {rows}",
        "CREATE INDEX ON card (customer_ref)",
        "CREATE TABLE card_use (id bigint PRIMARY KEY, card_ref integer)",
        f"INSERT INTO card_use SELECT n, n {rows}",
        "CREATE INDEX ON card_use (card_ref)",
        "CREATE TABLE note (id bigint PRIMARY KEY, owner_id bigint, owner_type text)",
        f"INSERT INTO note SELECT n, n, 'customer' {rows}",
        "CREATE INDEX ON note (owner_id)",
        "CREATE TABLE room (id bigint PRIMARY KEY, members bigint[])",
        f"INSERT INTO room SELECT n, ARRAY[n, n + 1] {rows}",
        "CREATE INDEX ON room USING gin (members)",
        "CREATE TABLE event (id bigint PRIMARY KEY, data jsonb)",
        f"INSERT INTO event SELECT n, jsonb_build_object('buyer', jsonb_build_object('id', n)) {rows}",
        "CREATE INDEX ON event ((data #>> ARRAY['buyer', 'id']::text[]))",
        "ANALYZE",
    )
    indexes = {
        "card_customer_ref_idx",
        "card_use_card_ref_idx",
        "note_owner_id_idx",
        "room_members_idx",
        "event_expr_idx",
    }

    def scans():
        database.run("SELECT pg_stat_force_next_flush()")
        told = database.query("SELECT indexrelname, idx_scan FROM pg_stat_user_indexes")
        return {name: count for name, count in told if name in indexes}

    before = scans()
    store = database.open(CROSSING)
    tables = sorted(row.table for row in store.find(who("someone-77@shop.example")))
    store.close()  # what a connection counted is told when it ends at the latest
    assert tables == ["card", "card_use", "customer", "event", "note", "room", "room"]
    for _ in range(100):
        after = scans()
        if set(after) == indexes and all(after[name] > before[name] for name in indexes):
            break
        time.sleep(0.05)
    assert {name for name in indexes if after[name] > before[name]} == indexes


# Where tables stand


@pytest.mark.slow
@pytest.mark.postgresql
def test_links_cross_schemas_partitions_and_uuids_and_leave_views_alone(postgresql_database):
    database = postgresql_database
    ada, ben = (f"{number}0000000-0000-4000-8000-000000000000" for number in "ab")
    database.run(
        "CREATE SCHEMA crm",
        "CREATE SCHEMA sales",
        "CREATE TABLE crm.customer (id uuid PRIMARY KEY, email text)",
        f"INSERT INTO crm.customer VALUES ('{ada}', '{ADA}'), ('{ben}', '{BEN}')",
        """CREATE TABLE sales.event (id bigint, owner text, kind text, at date, PRIMARY KEY (id, at))
           PARTITION BY RANGE (at)""",
        "CREATE TABLE sales.event_2025 PARTITION OF sales.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "CREATE TABLE sales.event_rest PARTITION OF sales.event DEFAULT",
        f"""INSERT INTO sales.event VALUES (1, '{ada}', 'customer', '2025-02-01'), (2, '{ada}', 'order', '2025-02-01'),
            (3, '{ada}', 'customer', '2030-01-01'), (4, '{ben}', 'customer', '2025-01-01'),
            (5, 'no uuid', 'customer', '2025-03-01')""",
        "CREATE VIEW sales.seen AS SELECT c.email, e.id FROM crm.customer c JOIN sales.event e ON e.owner = c.id::text",
        "CREATE VIEW people AS SELECT * FROM crm.customer",
    )
    store = database.open("""
tables:
  crm.customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
  sales.event:
    belongs_to: [{owner: crm.customer.id, when: {kind: customer}}]
    columns: {id: key, owner: link, kind: link, at: key}
    erase: {do: delete, by: dpo, because: a test}
""")
    assert {table.name for table in store.catalogue().tables} == {"crm.customer", "sales.event"}
    assert found(store, ADA, "sales.event") == [1, 3]
    assert erase(store, ADA) == {("crm.customer", "delete"): 1, ("sales.event", "delete"): 2}
    assert database.query("SELECT id FROM sales.event ORDER BY id") == [(2,), (4,), (5,)]
    assert database.query("SELECT count(*) FROM people") == [(1,)]


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_text_leads_to_the_uuid_that_it_writes(postgresql_database):
    database = postgresql_database
    key = "a0000000-0000-4000-8000-000000000000"
    database.run(
        "CREATE TABLE note (ref text PRIMARY KEY, email text)",
        f"INSERT INTO note VALUES ('{key}', '{ADA}'), ('{key.upper()}', '{BEN}'), ('x', '{CLEO}')",
        "CREATE TABLE line (id integer PRIMARY KEY, note uuid)",
        f"INSERT INTO line VALUES (1, '{key}'), (2, NULL)",
    )
    store = database.open("""
tables:
  note:
    subject: {key: ref, identifiers: {email: {kind: email, one_person: true}}}
    columns: {ref: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
  line:
    belongs_to: [{note: note.ref}]
    columns: {id: key, note: link}
    erase: {do: delete, by: dpo, because: a test}
""")
    assert found(store, ADA, "line") == [1]
    assert found(store, BEN, "line") == []  # written otherwise than the engine writes it
    erase(store, ADA)
    assert database.query("SELECT id FROM line") == [(2,)]


# Triggers


def test_what_a_trigger_changes_in_a_list_is_measured_and_a_list_put_back_is_found_out(sqlite_database):
    database = sqlite_database
    database.run(
        CUSTOMER,
        CUSTOMERS,
        "CREATE TABLE room (id integer PRIMARY KEY, members text, topic text)",
        "CREATE TABLE line (id integer PRIMARY KEY, room_id integer)",
        "CREATE TABLE log (word text)",
        "INSERT INTO room VALUES (1, '[1, 2]', 'both')",
        "CREATE TRIGGER logged AFTER UPDATE ON room BEGIN INSERT INTO log VALUES ('x'); END",
    )
    store = database.open(PEOPLE + LISTS + "  log: {impersonal: a test}\n")
    measured = store.measure(who(ADA), TODAY)
    assert [(effect.table, effect.verb, effect.rows) for effect in measured.side_effects] == [
        ("log", "insert", 1)
    ]
    database.run(
        """CREATE TRIGGER back AFTER UPDATE OF members ON room WHEN NEW.members <> OLD.members
           BEGIN UPDATE room SET members = OLD.members WHERE id = OLD.id; END"""
    )
    before = database.everything("room", "customer", "log")
    with pytest.raises(NotAllowedError, match="a list still names somebody after they were taken out of it"):
        store.measure(who(ADA), TODAY)
    assert database.everything("room", "customer", "log") == before


# Who holds what


def test_an_entity_is_somebody_while_an_attribute_names_it_though_all_its_values_are_blank(entities):
    entities.run("UPDATE entity SET created = NULL WHERE id = 2")
    store = entities.open(ATTRIBUTES.replace("do: delete", "do: blank, set: {created: null}", 1))
    erase(store, ADA)
    assert entities.query("SELECT id FROM address ORDER BY id") == [(1,)]  # where the other one lives


def test_who_is_named_by_an_attribute_goes_though_the_row_belongs_to_somebody_who_stays(entities):
    entities.run(
        "CREATE TABLE company (id integer PRIMARY KEY, name text)",
        "INSERT INTO company VALUES (1, 'Example')",
        "ALTER TABLE entity ADD COLUMN company_id integer",
        "UPDATE entity SET company_id = 1",
    )
    written = ATTRIBUTES.replace(
        "address_id: link}\n    points_to", "address_id: link, company_id: link}\n    points_to"
    )
    written = written.replace(
        "    points_to:", "    belongs_to: [{company_id: company.id}]\n    points_to:", 1
    )
    store = entities.open(
        written
        + """
  company:
    columns: {id: key, name: not_personal}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    erase(store, ADA)
    assert entities.query("SELECT id FROM entity") == [(2,)]
    assert entities.query("SELECT id FROM company") == [(1,)]


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_row_without_the_value_of_its_condition_loses_its_link_where_others_get_a_new_owner(database):
    database.run(
        CUSTOMER.replace("name text", "name text, seat_id integer"),
        """CREATE TABLE seat (id integer PRIMARY KEY, kind text, customer_id integer REFERENCES customer (id))""",
        f"""INSERT INTO customer VALUES (0, NULL, NULL, NULL), (1, '{ADA}', 'Ada', 1), (2, '{BEN}', 'Ben', 2),
            (3, '{CLEO}', 'Cleo', 3)""",
        "INSERT INTO seat VALUES (1, NULL, 1), (2, 'let', 2), (3, 'sold', 3)",
    )
    store = database.open(
        PEOPLE.replace("name: identity}", "name: identity, seat_id: link}")
        + """
    points_to: [{seat_id: seat.id}]
  seat:
    belongs_to: [{customer_id: customer.id, when: {kind: let}}]
    columns: {id: key, kind: link, customer_id: link}
    erase: {do: replace_owner, by: dpo, because: a test}
placeholder: {customer.id: 0}
"""
    )
    erase(store, ADA, BEN, CLEO)
    assert database.query("SELECT * FROM seat ORDER BY id") == [
        (1, None, None),
        (2, "let", 0),
        (3, "sold", None),
    ]


def test_a_row_that_is_nobodys_for_want_of_its_condition_holds_what_it_points_to(database):
    database.run(
        CUSTOMER.replace("name text", "name text, address_id integer"),
        "CREATE TABLE address (id integer PRIMARY KEY, street text)",
        "CREATE TABLE thing (id integer PRIMARY KEY, kind text, customer_id integer, address_id integer, note text)",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada', 1), (2, '{BEN}', 'Ben', 2)",
        "INSERT INTO address VALUES (1, 'x'), (2, 'y')",
        "INSERT INTO thing VALUES (1, NULL, 1, 1, NULL), (2, 'let', 2, 2, NULL)",
    )
    store = database.open(
        PEOPLE.replace("name: identity}", "name: identity, address_id: link}")
        + """
    points_to: [{address_id: address.id}]
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: a test}
  thing:
    belongs_to: [{customer_id: customer.id, when: {kind: let}}]
    points_to: [{address_id: address.id}]
    columns: {id: key, kind: link, customer_id: link, address_id: link, note: free_text}
    erase: {do: blank, set: {note: null}, by: dpo, because: a test}
"""
    )
    erase(store, ADA, BEN)
    assert database.query("SELECT id FROM address") == [(1,)]


def test_a_row_given_to_nobody_by_two_edges_of_one_column_is_counted_once(database):
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(90))",
        "CREATE TABLE post (id integer PRIMARY KEY, kind varchar(9), author integer)",
        "INSERT INTO customer VALUES (0, NULL), (1, 'ada@shop.example')",
        "INSERT INTO post VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1)",
    )
    store = database.open("""
placeholder: {customer.id: 0}
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: blank, set: {email: null}, by: dpo, because: a test}
  post:
    belongs_to:
      - {author: customer.id, when: {kind: [a, b]}, leaving: replace_owner}
      - {author: customer.id, when: {kind: [b, c]}, leaving: replace_owner}
    columns: {id: key, kind: usage, author: link}
    erase: {do: replace_owner, by: dpo, because: a test}
""")
    measured = store.measure(who(ADA), TODAY)
    assert {(count.table, count.verb): count.rows for count in measured.counts} == {
        ("customer", "blank"): 1,
        ("post", "replace_owner"): 3,
    }
    assert store.gone(who(ADA), TODAY) == 4  # by reading, the same
    store.act("one", who(ADA), TODAY, measured)
    assert database.query("SELECT DISTINCT author FROM post") == [(0,)]


def test_a_backup_is_read_for_those_whom_an_attribute_names(entities):
    """What stands in other attributes is nobody's identifier."""
    store = entities.open(ATTRIBUTES)
    assert {(entry.key[0], *entry.identifiers) for entry in store.entries()} == {
        ("1", ("email", ADA)),
        ("3", ("email", BEN)),
        ("5", ("email", ADA.upper())),
        ("6", ("email", ADA)),
        ("7", ("email", CLEO)),
    }
    assert {entry.key for entry in store.entries(who(ADA))} == {("1",), ("5",), ("6",)}


def test_a_backup_is_read_for_those_whom_a_document_names(accounts):
    store = accounts.open(IN_DOCUMENT)
    found = {(entry.key, entry.identifiers) for entry in store.entries(who(ADA)) if entry.table == "account"}
    assert found == {(("1",), (("email", " Ada@Shop.example"),))}
