"""What the role that changes may not do is said by the check of the map, before any erasure meets it."""

import pytest

from troth.rules.map_check import findings
from troth.rules.map_right import Right, needed
from troth.stores.connect import connect

pytestmark = pytest.mark.slow
TABLES = (
    "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(90), name varchar(90), "
    "secret varchar(90), held integer)",
    "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer, note varchar(90), placed date)",
    "CREATE TABLE message (id integer PRIMARY KEY, customer_id integer, body varchar(90))",
    "CREATE TABLE product (id integer PRIMARY KEY, name varchar(90))",
)
MAP = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, secret: identity, held: flag}
    restriction: {flag: held, active: 1, lifted: 0}
    erase: {do: blank, set: {email: null, name: null}, by: dpo, because: a test}
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, note: free_text, placed: usage}
    erase: {do: retain, until: {period: 1 year, trigger: placed}, legal: a law, blank: {note: null}, by: dpo,
            because: a test}
  message:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, body: free_text}
    erase: {do: delete, by: dpo, because: a test}
  product: {impersonal: goods}
"""
NEEDED = [
    Right("customer", "update", "email"),
    Right("customer", "update", "held"),
    Right("customer", "update", "name"),
    Right("message", "delete"),
    Right("orders", "delete"),
    Right("orders", "update", "note"),
]


@pytest.fixture(
    params=[
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def granted(request):
    """The tables, and a store whose role that changes has been given these rights and no others."""
    database = request.getfixturevalue(f"{request.param}_database")
    database.run(*TABLES)
    name = database.url.rpartition("/")[2]
    role = f"change_{name[-8:]}"
    if database.kind == "postgresql":
        database.run(f"CREATE ROLE {role} LOGIN")
        url = database.url.replace("troth@", f"{role}@")
    else:
        database.run(f"CREATE USER {role}@'%'")
        url = database.url.replace("root@", f"{role}@")

    def grant(*rights):
        to = role if database.kind == "postgresql" else f"{role}@'%'"
        database.run(*(f"GRANT {right} TO {to}" for right in rights))
        return database, connect(database.map(MAP), {"find": database.url, "change": url})

    yield grant
    if database.kind == "postgresql":
        database.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    else:
        database.run(f"DROP USER {role}@'%'")


def lacking(database, store):
    map_, catalogue = database.map(MAP), store.catalogue()
    found = store.lacking(needed(map_, catalogue))
    said = [each.problem for each in findings(map_, catalogue, lacking=found) if each.rule == "powerless"]
    store.close()
    return sorted(found), [f"{problem.what} {problem.remedy}" for problem in said]


def test_who_has_every_right_lacks_none(granted):
    database, store = granted(
        "SELECT, UPDATE, DELETE ON customer", "SELECT, UPDATE, DELETE ON orders", "SELECT, DELETE ON message"
    )
    assert lacking(database, store) == ([], [])


def test_what_an_action_needs_is_named_by_table_and_column(granted):
    database, store = granted("SELECT, UPDATE (email) ON customer", "SELECT ON orders", "SELECT ON message")
    found, said = lacking(database, store)
    assert found == [right for right in NEEDED if right != Right("customer", "update", "email")]
    assert said == [
        "The role that changes may not update `name` and `held` of `customer`. "
        "GRANT UPDATE on the table, or on these columns, to it.",
        "The role that changes may not delete rows of `orders`. GRANT DELETE on the table to it.",
        "The role that changes may not update `note` of `orders`. "
        "GRANT UPDATE on the table, or on these columns, to it.",
        "The role that changes may not delete rows of `message`. GRANT DELETE on the table to it.",
    ]


def test_a_table_of_steps_that_may_not_be_written_is_told(granted):
    database, store = granted(
        "SELECT, UPDATE, DELETE ON customer", "SELECT, UPDATE, DELETE ON orders", "SELECT, DELETE ON message"
    )
    database.run(
        'CREATE TABLE troth_step (step varchar(90) PRIMARY KEY, plan_sha256 varchar(90), "rows" varchar(90))'
    )
    granted("SELECT ON troth_step")
    found, said = lacking(database, store)
    assert found == [Right("troth_step", "remember")]
    assert said == [
        "The role that changes may not write into `troth_step`, in which an erasure is remembered. "
        "GRANT SELECT, INSERT, UPDATE on that table to it."
    ]
    assert database.query("SELECT * FROM troth_step") == []


def test_a_column_that_may_not_be_read_is_named(granted):
    database, store = granted(
        "SELECT (id, email, name, held), UPDATE (id, email, name, held) ON customer",
        "SELECT, UPDATE, DELETE ON orders",
        "SELECT, DELETE ON message",
    )
    found, said = lacking(database, store)
    assert found == [Right("customer", "read", "secret")]
    assert said == [
        "The role that changes may not read `secret` of `customer`. "
        "GRANT SELECT on the table, or on these columns, to it."
    ]


def test_rows_that_are_hidden_from_the_role_that_changes_are_told(granted):
    database, store = granted(
        "SELECT, UPDATE, DELETE ON customer", "SELECT, UPDATE, DELETE ON orders", "SELECT, DELETE ON message"
    )
    if database.kind == "mariadb":  # it has no such thing
        assert lacking(database, store) == ([], [])
        return
    database.run("ALTER TABLE orders ENABLE ROW LEVEL SECURITY")
    found, said = lacking(database, store)
    assert found == [Right("orders", "see every row")]
    assert said == [
        "Row-level security of `orders` hides rows from the role that changes. "
        "Give it BYPASSRLS, or a policy that shows it every row."
    ]


def test_a_file_has_no_rights_to_lack(sqlite_database):
    sqlite_database.run(*TABLES)
    store = sqlite_database.open(MAP)
    assert lacking(sqlite_database, store) == ([], [])
