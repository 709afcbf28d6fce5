"""One act is enough, also where what it does releases something that only a further look finds."""

from datetime import date

from stores.shop import who

TODAY = date(2026, 11, 23)
ADA = "ada@shop.example"
TABLES = (
    "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(90))",
    "CREATE TABLE contract (id integer PRIMARY KEY, customer_id integer, signed date, body varchar(90))",
    "CREATE TABLE remark (id integer PRIMARY KEY, email varchar(90), contract_id integer, made date, body varchar(90))",
    f"INSERT INTO customer VALUES (1, '{ADA}'), (2, 'ben@shop.example')",
    "INSERT INTO contract VALUES (1, 1, '2026-01-01', 'x'), (2, 2, '2026-01-01', 'x')",
    f"INSERT INTO remark VALUES (1, '{ADA}', 1, '2026-01-01', 'y'), (2, 'ben@shop.example', 2, '2026-01-01', 'y')",
)
MAP = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: blank, set: {email: null}, by: dpo, because: a test}
  contract:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, signed: usage, body: free_text}
    erase: {do: retain, until: {period: 10 years, trigger: signed}, legal: a law, blank: {body: null}, by: dpo,
            because: a test}
  remark:
    belongs_to:
      - {email: customer.email, leaving: {blank: {email: null}}}
      - {contract_id: contract.id, leaving: {blank: {body: null}}}
    columns: {id: key, email: contact, contract_id: link, made: usage, body: free_text}
    erase: {do: retain, until: {period: 10 years, trigger: made}, legal: a law, blank: {body: null}, by: dpo,
            because: a test}
"""


def test_what_an_erasure_leaves_to_do_is_done_in_the_same_act(database):
    """Her contract is archived, and once she is gone the remark is held by it: then her address goes from it too."""
    database.run(*TABLES)
    store = database.open(MAP)
    measured = store.measure(who(ADA), TODAY)
    acted = store.act("one", who(ADA), TODAY, measured)
    assert acted.counts == measured.counts
    assert {(count.table, count.verb): count.rows for count in acted.counts} == {
        ("contract", "blank"): 1,
        ("contract", "retain"): 1,
        ("customer", "blank"): 1,
        ("remark", "blank"): 2,
        ("remark", "retain"): 1,
    }
    assert database.query("SELECT id, email, body FROM remark ORDER BY id") == [
        (1, None, None),
        (2, "ben@shop.example", "y"),
    ]
    assert store.gone(who(ADA), TODAY) == 0
    before = database.everything("customer", "contract", "remark")
    again = store.act("two", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert [count for count in again.counts if count.verb != "retain"] == []
    assert database.everything("customer", "contract", "remark") == before


def test_what_a_trigger_does_is_counted_in_every_round(sqlite_database):
    sqlite_database.run(
        *TABLES,
        "CREATE TABLE trail (id integer PRIMARY KEY, what text)",
        "CREATE TRIGGER noted AFTER UPDATE ON remark BEGIN INSERT INTO trail (what) VALUES ('changed'); END",
    )
    store = sqlite_database.open(MAP + "  trail: {impersonal: what happened}\n")
    measured = store.measure(who(ADA), TODAY)
    assert [(each.table, each.verb, each.rows) for each in measured.side_effects] == [("trail", "insert", 2)]
    store.act("one", who(ADA), TODAY, measured)
    assert sqlite_database.query("SELECT count(*) FROM trail") == [(2,)]
