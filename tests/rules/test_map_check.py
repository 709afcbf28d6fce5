"""A map is held to its database: what would be missed, taken or refused is said before anybody acts."""

import sqlite3
from dataclasses import replace

import psycopg
import pytest

from sample_databases import load
from troth.policy.loading import load as load_policy
from troth.rules.catalogue import sha256
from troth.rules.map_check import check, findings, remarks
from troth.rules.map_drift import outlines
from troth.stores.catalogue import read_postgresql, read_sqlite
from troth.stores.map_file import read

SCHEMA = """
CREATE TABLE address (id INTEGER PRIMARY KEY, street TEXT);
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name VARCHAR(80), created DATE NOT NULL,
                       address_id INT REFERENCES address, restricted BOOLEAN NOT NULL DEFAULT 0);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer, placed DATE NOT NULL,
                     gift_note TEXT, code TEXT, part INT, UNIQUE (code, part), CHECK (length(gift_note) < 100));
CREATE TABLE visit (id INTEGER PRIMARY KEY, email TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE product (id INTEGER PRIMARY KEY, title TEXT);
"""

MAP = """\
store: shop
kind: sqlite
credentials: {find: "sqlite:///shop.db"}
controller: us
placeholder: {customer.id: 0}
tables:
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: nobody lives there}
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, created: usage, address_id: link, restricted: flag}
    points_to: [{address_id: address.id}]
    restriction: {flag: restricted, active: true, lifted: false}
    retention: [{promise: retention/prospects, trigger: created}]
    erase: {do: blank, set: {email: null, name: null}, by: dpo, because: accounts}
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, placed: usage, gift_note: free_text, code: usage, part: usage}
    erase: {do: retain, until: {period: 10 years, trigger: placed}, legal: C. com. L123-22, by: counsel,
            because: accounts}
  visit:
    belongs_to: [{email: customer.email}]
    columns: {id: key, email: contact, at: usage}
    erase: {do: delete, by: dpo, because: nothing is owed}
  product: {impersonal: a catalogue of goods}
"""

POLICY = """\
---
title: Privacy policy
language: en
version: "1"
date: 2026-11-01
---

# Privacy policy

## 1 What we collect

```promise
collection:
  all:
    categories:
      identity: names
      contact: addresses of mail
      address: where people live
      usage: what people do
      free_text: what people write
    how: direct
retention:
  prospects:
    period: 3 years
    trigger: last contact
```
"""


def both(schema, written):
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema)
    found, problems = read(written, "shop.yaml")
    assert problems == (), [str(problem) for problem in problems]
    return found, read_sqlite(connection, "shop")


def said(schema=SCHEMA, written=MAP, of=check, **arguments):
    return [str(problem) for problem in of(*both(schema, written), **arguments)]


def without(old, new, schema=False):
    text = SCHEMA if schema else MAP
    assert old in text
    changed = text.replace(old, new)
    return said(changed, MAP) if schema else said(SCHEMA, changed)


def test_a_good_map_has_no_problems():
    assert said() == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # what the map names and the database does not have
        ("  visit:", "  visits:",
         ["shop.yaml:1:1: The table `visit` is in the database and not in the map. It has columns that look personal: "
          "`email`. Describe it, or say why not: `visit: {impersonal: …}`.",
          "shop.yaml:22:3: The database has no table `visits`. Did you mean `visit`?"]),
        ("gift_note: free_text", "gift_not: free_text",
         ["shop.yaml:19:14: `orders` has columns without a category: `gift_note`. Add each to `columns:`, with a "
          "category of the policy or one of key, link, flag, not_personal.",
          "shop.yaml:19:58: The table `orders` has no column `gift_not`. Did you mean `gift_note`?"]),
        ("set: {email: null, name: null}", "set: {email: null, nmae: null}",
         ["shop.yaml:16:43: The table `customer` has no column `nmae`. Did you mean `name`?"]),
        ("trigger: placed", "trigger: place",
         ["shop.yaml:20:60: The table `orders` has no column `place`. Did you mean `placed`?"]),
        ("{flag: restricted,", "{flag: restrictd,",
         ["shop.yaml:14:18: The table `customer` has no column `restrictd`. Did you mean `restricted`?"]),
        ("trigger: created", "trigger: made",
         ["shop.yaml:15:17: The table `customer` has no column `made`. There are: id, email, name, created, "
          "address_id, restricted."]),
        ("[{email: customer.email}]", "[{email: customer.e_mail}]",
         ["shop.yaml:23:18: The table `customer` has no column `e_mail`, which an edge refers to. "
          "Did you mean `email`?"]),
        ("[{email: customer.email}]", "[{email: customer.email, conceals: [body]}]",
         ["shop.yaml:23:18: The table `visit` has no column `body`. There are: id, email, at."]),
        ("{customer.id: 0}", "{customer.no: 0}",
         ["shop.yaml:5:15: The table `customer` has no column `no`. There are: id, email, name, created, address_id, "
          "restricted."]),
        ("controller: us", "controller: {column: tenant, ours: us}",
         ["shop.yaml:4:13: No table has the column `tenant`, which names the controller. "
          "Name the column as the database does."]),
        # what nobody has decided
        ("gift_note: free_text", 'gift_note: "?"',
         ["shop.yaml:19:58: Nobody has said yet what `orders.gift_note` is. Look, and give it a category."]),
        ("  product: {impersonal: a catalogue of goods}\n", "",
         ["shop.yaml:1:1: The table `product` is in the database and not in the map. "
          "Describe it, or say why not: `product: {impersonal: …}`."]),
        ("    erase: {do: delete, by: dpo, because: nothing is owed}\n", "",
         ["shop.yaml:22:3: Rows of `visit` are reached by an erasure, and nobody decided what becomes of them. "
          "Add `erase:` with who decided and why."]),
        # whose it is
        ("    belongs_to: [{email: customer.email}]\n", "",
         ["shop.yaml:22:3: Nobody owns `visit`: no path leads there from a subject and has `email` and `at`. "
          "Add `subject`, `belongs_to` or `mentions`, point to it from another table, or call it `impersonal`."]),
        ("[{email: customer.email}]", "[{email: customer.name}]",
         ["shop.yaml:23:18: `name` is not unique in `customer`: a row of `visit` would belong to several. "
          "Refer to its key, or to an identifier that is `one_person: true`."]),
        ("{key: id, identifiers: {email", "{key: created, identifiers: {email",
         ["shop.yaml:11:14: The key of the subject, `created`, is not unique in `customer`. "
          "Name the primary key: `id`."]),
        ("    points_to: [{address_id: address.id}]\n", "",
         ["shop.yaml:7:3: Nobody owns `address`: no path leads there from a subject and has `street`. "
          "Add `subject`, `belongs_to` or `mentions`, point to it from another table, or call it `impersonal`."]),
        # what an erasure may not do
        ("{do: blank, set: {email: null, name: null}, by: dpo, because: accounts}",
         "{do: delete, by: dpo, because: nothing is owed}",
         ["shop.yaml:16:12: `customer` is deleted, and would orphan the rows of `orders` that are retained. "
          "Blank `customer` instead: a retained row keeps its owner's row."]),
        ("because: accounts}\n  visit:", "because: accounts, blank: {code: gone}}\n  visit:",
         ["shop.yaml:21:40: `orders.code` is unique with others, and would be the same in every row. "
          "Write null, or choose another action."]),
    ],
)  # fmt: skip
def test_each_mistake_of_a_map_is_said_with_its_place_and_remedy(old, new, expected):
    found = without(old, new)
    for sentence in expected:
        assert sentence in found
    assert len(found) <= len(expected) + 1


def test_an_impersonal_table_with_columns_that_look_personal_must_be_looked_at():
    schema = SCHEMA.replace("title TEXT", "title TEXT, contactEmail TEXT, first_name TEXT")
    assert said(schema) == [
        "shop.yaml:26:25: `product` is called impersonal and has columns that look personal: `contactEmail` and "
        "`first_name`. Describe whose they are; or, having looked, add "
        "`columns: {contactEmail: not_personal, first_name: not_personal}`."
    ]
    looked = MAP.replace(
        "{impersonal: a catalogue of goods}",
        "{impersonal: a catalogue of goods, columns: {contactEmail: not_personal, first_name: not_personal}}",
    )
    assert said(schema, looked) == []


def test_an_impersonal_table_that_refers_to_people_mentions_them():
    schema = SCHEMA.replace("title TEXT", "title TEXT, buyer INT REFERENCES customer")
    assert said(schema) == [
        "shop.yaml:26:25: `product` is called impersonal and refers to the people of `customer` by `buyer`. "
        "Write it as `mentions` (or `belongs_to`) and classify the columns."
    ]


HOLDS = "Rows of `product` hold rows of `address` by `made_at`, and the map calls `product` impersonal."
TAKES = "Deleting from `address` takes rows of `product` with it (ON DELETE CASCADE), which the map calls impersonal."


@pytest.mark.parametrize(
    ("on_delete", "what"), [("ON DELETE CASCADE", TAKES), ("", HOLDS), ("ON DELETE RESTRICT", HOLDS)]
)
def test_rows_that_would_be_dragged_along_or_would_hold_others(on_delete, what):
    schema = SCHEMA.replace("title TEXT", f"title TEXT, made_at INT REFERENCES address {on_delete}")
    assert [sentence.split(": ", 1)[1].startswith(what) for sentence in said(schema)] == [True]


def test_a_cascade_from_rows_that_are_only_blanked_drags_nothing():
    schema = SCHEMA.replace("title TEXT", "title TEXT, buyer INT REFERENCES customer ON DELETE CASCADE")
    (sentence,) = said(schema)
    assert "refers to the people of `customer`" in sentence


def test_an_identifier_that_people_share_is_no_owner():
    schema = SCHEMA.replace("email TEXT UNIQUE", "email TEXT")
    assert said(schema) == []
    (sentence,) = said(schema, MAP.replace("one_person: true", "one_person: false"))
    assert "`email` is not unique in `customer`: a row of `visit` would belong to several." in sentence


def test_a_foreign_key_to_people_that_the_map_does_not_mention():
    schema = SCHEMA.replace("at TEXT NOT NULL", "at TEXT NOT NULL, referrer INT REFERENCES customer")
    written = MAP.replace("at: usage}", "at: usage, referrer: link}")
    assert said(schema, written) == [
        "shop.yaml:22:3: `visit` refers to `customer` by `referrer`, and the map says nothing of it. "
        "Write it as `belongs_to`, `points_to` or `mentions`."
    ]


def reviewed(written, **tables):
    listed = ", ".join(f'{name}: "{outline}"' for name, outline in tables.items())
    outlined = f", tables: {{{listed}}}" if tables else ""
    return MAP.replace(
        "controller: us",
        f"controller: us\nreviewed: {{date: 2026-11-01, catalogue: sha256:{written}{outlined}}}",
    )


def drift(schema, written):
    (sentence,) = [each for each in said(schema, written) if "when this map was reviewed" in each]
    before, _, rest = sentence.partition("reviewed on 2026-11-01: ")
    assert before == "shop.yaml:5:11: The database is not as it was when this map was "
    what, _, remedy = rest.partition(". Review the map, then write today's date and `catalogue: sha256:")
    assert remedy.endswith("` (`troth map --reviewed shop` prints it whole).")
    return what


def test_drift_since_the_review_is_said_with_what_to_write():
    now = sha256(both(SCHEMA, MAP)[1])
    for written in (now, now[:4], now[:16]):
        assert said(SCHEMA, reviewed(written)) == []
        assert drift(SCHEMA.replace("title TEXT", "title TEXT, price INT"), reviewed(written)) == (
            "the same tables and columns are there, so a type, a key, a constraint or a trigger has changed, "
            "or a table called impersonal"
        )


def test_drift_is_told_by_names_where_the_map_keeps_no_outlines():
    good = reviewed(sha256(both(SCHEMA, MAP)[1]))
    changed = SCHEMA.replace("gift_note TEXT", "note TEXT, gift TEXT").replace("(gift_note)", "(note)")
    changed += "CREATE TABLE fresh (id INTEGER PRIMARY KEY);"
    changed = changed.replace("CREATE TABLE product (id INTEGER PRIMARY KEY, title TEXT);", "")
    assert drift(changed, good) == (
        "the table `fresh` is new; the table `product` is gone; "
        "`orders` has other columns (new: `note` and `gift`, gone: `gift_note`)"
    )


def test_drift_is_told_by_outlines_where_the_map_keeps_them():
    catalogue = both(SCHEMA, MAP)[1]
    good = reviewed(sha256(catalogue), **outlines(catalogue))
    assert said(SCHEMA, good) == []
    changed = SCHEMA.replace("title TEXT", "title TEXT NOT NULL UNIQUE").replace("at TEXT", "at DATE")
    changed = changed.replace("INT NOT NULL REFERENCES customer", "INT NOT NULL")
    changed += "CREATE TRIGGER told AFTER DELETE ON visit BEGIN UPDATE product SET title = ''; END;"
    assert drift(changed, good) == (
        "`orders` has other foreign keys; `product` has other columns and unique keys; "
        "`visit` has other columns and triggers"
    )
    fresh = SCHEMA.replace("product", "goods")
    assert drift(fresh, good) == "the table `goods` is new; the table `product` is gone"


def test_an_outline_that_is_none_is_a_mistake():
    _, problems = read(reviewed("12345678", visit="12"), "shop.yaml")
    assert [str(each) for each in problems] == [
        "shop.yaml:5:74: The outline of `visit` is 24 hexadecimal digits, in quotes. `troth map --reviewed` prints it."
    ]


def test_a_trigger_that_calls_out_is_refused_where_it_would_fire():
    trigger = "CREATE TRIGGER told AFTER {} ON visit BEGIN SELECT send_mail(1); END;"
    assert said(SCHEMA + trigger.format("DELETE")) == [
        "shop.yaml:25:12: The trigger `told` of `visit` (AFTER DELETE) may reach outside the database (send_mail), "
        "where nothing is measured and nothing rolled back. Have it write into a table instead, or choose an action "
        "that does not fire it."
    ]
    assert said(SCHEMA + trigger.format("UPDATE")) == []
    assert (
        said(
            SCHEMA
            + "CREATE TRIGGER told AFTER DELETE ON visit BEGIN UPDATE product SET title = upper(title); END;"
        )
        == []
    )


def test_a_trigger_fires_through_what_the_database_does_of_itself():
    """The link of a row that stays is emptied, by the plan or by ON DELETE SET NULL: its trigger fires."""
    schema = SCHEMA.replace(
        "at TEXT NOT NULL)", "at TEXT NOT NULL, seen_by INT REFERENCES customer ON DELETE SET NULL)"
    )
    schema += "CREATE TRIGGER told AFTER UPDATE ON visit BEGIN SELECT send_mail(1); END;"
    written = MAP.replace("at: usage}", "at: usage, seen_by: link}\n    mentions: [{seen_by: customer.id}]")
    assert said(schema, written) == []  # nobody is deleted from `customer`
    written = written.replace(
        "erase: {do: blank, set: {email: null, name: null}, by: dpo, because: accounts}",
        "erase: {do: delete, by: dpo, because: x}",
    ).replace(
        "{do: retain, until: {period: 10 years, trigger: placed}, legal: C. com. L123-22, by: counsel,\n"
        "            because: accounts}",
        "{do: delete, by: dpo, because: x}",
    )
    (sentence,) = said(schema, written)
    assert (
        "The trigger `told` of `visit` (AFTER UPDATE) may reach outside the database (send_mail)" in sentence
    )


def test_copies_must_be_reached_by_an_edge():
    schema = SCHEMA.replace("at TEXT NOT NULL", "at TEXT NOT NULL, who TEXT")
    columns = MAP.replace("at: usage}", "at: usage, who: identity}\n    copies: {who: %s}")
    assert said(schema, columns % "customer.name via email") == []
    (wrong,) = said(schema, columns % "customer.name via id")
    assert "`who` is copied via `id`, and no edge of `visit` leads by it to `customer`." in wrong
    (wrong,) = said(schema, columns % "customer.nmae via email")
    assert wrong.endswith("The table `customer` has no column `nmae`. Did you mean `name`?")


def test_values_that_cannot_be_set_aside():
    written = MAP.replace("{flag: restricted, active: true, lifted: false}", "{set_aside: [name, created]}")
    assert said(SCHEMA, written) == [
        "shop.yaml:14:18: `customer.created` cannot be emptied while its values are set aside. "
        "Choose columns that may be null, or a flag."
    ]


def test_what_links_or_names_people_cannot_be_set_aside():
    schema = SCHEMA.replace("email TEXT NOT NULL", "email TEXT").replace(
        "email TEXT UNIQUE NOT NULL", "email TEXT UNIQUE"
    )
    written = MAP.replace("{flag: restricted, active: true, lifted: false}", "{set_aside: [name, email]}")
    found = [each for each in said(schema, written) if "set aside" in each]
    assert found == [
        "shop.yaml:14:18: `customer.email` cannot be set aside: it links rows, and while it is empty nobody would know "
        "whose they are. Leave it out, or restrict by a flag."
    ]


def test_categories_and_retention_are_those_of_the_policy():
    policy, problems = load_policy({"policy.md": POLICY})
    assert problems == ()
    assert said(policy=policy) == []
    wrong = MAP.replace("gift_note: free_text", "gift_note: freetext").replace(
        "promise: retention/prospects", "promise: retention/prospect"
    )
    assert said(SCHEMA, wrong, policy=policy) == [
        "shop.yaml:15:17: The policy has no promise `retention/prospect`. Did you mean `retention/prospects`?",
        "shop.yaml:19:58: The policy has no category `freetext` (of `orders.gift_note`). Did you mean `free_text`?",
    ]


def test_what_the_planner_cannot_plan_is_said_too():
    written = MAP.replace(
        "belongs_to: [{email: customer.email}]", "belongs_to: [{email: customer.email}, {id: customer.id}]"
    )
    found = said(SCHEMA, written)
    assert len([sentence for sentence in found if "has several owners" in sentence]) == 2


def test_nothing_is_said_twice():
    written = MAP.replace("gift_note: free_text", "gift_not: free_text")
    found = said(SCHEMA, written)
    assert len(found) == len(set(found)) == 2


# Remarks


def test_a_good_map_has_no_remarks():
    assert said(of=remarks) == []


def test_links_that_may_all_be_null_are_worth_a_look():
    schema = SCHEMA.replace("email TEXT NOT NULL", "email TEXT")
    assert said(schema, of=remarks) == [
        "shop.yaml:22:3: Every way from a subject to `visit` is by columns that may be null (`email`). "
        "Rows where they are null belong to nobody and are found by nobody: see if there are any."
    ]


def test_what_stays_readable_after_blanking_is_worth_a_look():
    written = MAP.replace("set: {email: null, name: null}", "set: {email: null}")
    assert said(SCHEMA, written, of=remarks) == [
        "shop.yaml:16:12: After `customer` is blanked, `name` can still be read. "
        "Add them to `set`, or see that they may stay."
    ]


def test_a_new_value_that_a_check_reads_is_worth_a_look():
    written = MAP.replace(
        "because: accounts}\n  visit:", "because: accounts, blank: {gift_note: gone}}\n  visit:"
    )
    (remark,) = said(SCHEMA, written, of=remarks)
    assert "A CHECK of `orders` reads `gift_note`, which gets a new value." in remark


def test_a_retention_that_may_never_begin_is_worth_a_look():
    schema = SCHEMA.replace("placed DATE NOT NULL", "placed DATE")
    (remark,) = said(schema, of=remarks)
    assert "`orders.placed` starts a retention and may be null. Such a row's retention never ends." in remark


def test_many_owners_are_worth_a_look():
    columns = "".join(f", c{number} INT NOT NULL" for number in range(4))
    schema = SCHEMA.replace("at TEXT NOT NULL", f"at TEXT NOT NULL{columns}")
    edges = "".join(f", {{c{number}: customer.id}}" for number in range(4))
    written = MAP.replace("[{email: customer.email}]", f"[{{email: customer.email}}{edges}]")
    (remark,) = said(schema, written, of=remarks)
    assert "`visit` belongs to subjects in 5 ways." in remark


def test_owners_who_never_meet_in_a_row_are_not_many():
    schema = SCHEMA.replace("at TEXT NOT NULL", "at TEXT NOT NULL, role TEXT")
    edges = ", ".join(f"{{email: customer.email, when: {{role: r{number}}}}}" for number in range(6))
    written = MAP.replace("[{email: customer.email}]", f"[{edges}]").replace(
        "at: usage}", "at: usage, role: usage}"
    )
    assert [each for each in said(schema, written, of=remarks) if "ways" in each] == []


def test_a_table_behind_one_that_may_belong_to_nobody_is_named_with_it():
    schema = SCHEMA.replace("email TEXT NOT NULL, at", "email TEXT, at")
    schema += "CREATE TABLE page (id INTEGER PRIMARY KEY, visit_id INT NOT NULL REFERENCES visit, url TEXT);"
    page = """\
  page:
    belongs_to: [{visit_id: visit.id}]
    columns: {id: key, visit_id: link, url: usage}
    erase: {do: delete, by: dpo, because: nothing is owed}
"""
    assert said(schema, MAP + page, of=remarks) == [
        "shop.yaml:22:3: Every way from a subject to `visit` is by columns that may be null (`email`). Rows where they "
        "are null belong to nobody and are found by nobody, and with them those of `page`: see if there are any."
    ]


@pytest.mark.parametrize(
    ("column", "category", "expected"),
    [
        ("password_hash TEXT", "usage", 1),
        ("api_key TEXT", "identity", 1),
        ("password_hash TEXT", "credential", 0),
        ("password_changed DATETIME", "usage", 0),
        ("otp_enabled BOOLEAN", "usage", 0),
    ],
)
def test_a_column_that_looks_like_a_credential_and_is_not_called_one(column, category, expected):
    schema = SCHEMA.replace("at TEXT NOT NULL", f"at TEXT NOT NULL, {column}")
    written = MAP.replace("at: usage}", f"at: usage, {column.split()[0]}: {category}}}")
    found = [each for each in findings(*both(schema, written)) if each.rule == "credential"]
    assert len(found) == expected
    for each in found:
        assert str(each.problem).endswith(
            f"looks like a credential and is called `{category}`, so that an answer shows it. Call it `credential`, "
            "and its values are never shown; or see that it is none."
        )


PURPOSES = """
```promise
group:
  title: Us
  entities:
    us: {name: Us Ltd, country: FR}
    them: {name: Them Ltd, country: FR}
purpose:
  shopping:
    does: to sell
    legal_basis: contract
    categories: [identity, contact, address, usage]
    entities: [us]
    retention: [prospects]
  support:
    does: to help
    legal_basis: contract
    categories: [contact, free_text]
    entities: [them]
    retention: [prospects]
```
"""


def by_purpose(written):
    policy, problems = load_policy({"policy.md": POLICY + PURPOSES})
    assert problems == (), [str(each) for each in problems]
    found = findings(*both(SCHEMA, written), policy, by_purpose=True)
    return [str(each.problem) for each in found if each.rule in ("purpose", "policy")]


def test_every_category_is_declared_for_a_purpose_of_the_store():
    assert by_purpose(MAP) == [
        "shop.yaml:19:58: `orders.gift_note` is `free_text`, which no purpose of this store has (`shopping`). "
        "Declare the category for a purpose of this store, or stop holding the column."
    ]
    named = MAP.replace("controller: us", "controller: us\npurposes: [shopping, support]")
    assert by_purpose(named) == []
    named = MAP.replace("controller: us", "controller: us\npurposes: [support]")
    assert len(by_purpose(named)) == 7  # identity, address and usage
    assert all("Add `shopping` to `purposes:` if this store serves it" in each for each in by_purpose(named))
    assert by_purpose(MAP.replace("controller: us", "processor_for: acme")) == []  # all of them


def test_a_purpose_or_an_entity_that_the_policy_does_not_have():
    named = MAP.replace("controller: us", "controller: us\npurposes: [shoping, support, shopping]")
    assert by_purpose(named) == [
        "shop.yaml:5:12: The policy has no purpose `shoping`. Did you mean `shopping`?"
    ]
    assert by_purpose(MAP.replace("controller: us", "controller: usa")) == [
        "shop.yaml:4:13: The policy has no entity `usa`, so the purposes of this store are not known. "
        "Did you mean `us`?"
    ]
    assert by_purpose(MAP.replace("controller: us", 'controller: "?"')) == []  # said otherwise
    only = MAP.replace("controller: us", "controller: us\npurposes: []")
    _, problems = read(only, "shop.yaml")
    assert [str(each) for each in problems] == [
        "shop.yaml:5:11: `purposes` names none. Name the purposes of this store, or leave it out."
    ]


def test_a_credential_needs_no_category_of_the_policy():
    schema = SCHEMA.replace("at TEXT NOT NULL", "at TEXT NOT NULL, password TEXT")
    written = MAP.replace("at: usage}", "at: usage, password: credential}").replace(
        "gift_note: free_text", "gift_note: usage"
    )
    policy, _ = load_policy({"policy.md": POLICY + PURPOSES})
    assert [
        each for each in findings(*both(schema, written), policy, by_purpose=True) if each.level == "problem"
    ] == []


# On PostgreSQL, where types and rights are strict


@pytest.fixture
def shop(postgresql):
    with psycopg.connect(postgresql, autocommit=True) as connection:
        for statement in SCHEMA.replace("DEFAULT 0", "DEFAULT false").strip().split(";\n"):
            connection.execute(statement)
        yield connection


def on_postgresql(connection, written=MAP, of=check):
    found, problems = read(written.replace("kind: sqlite", "kind: postgresql"), "shop.yaml")
    assert problems == ()
    return [str(problem) for problem in of(found, read_postgresql(connection, "shop"))]


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_a_good_map_has_no_problems(shop):
    assert on_postgresql(shop) == []


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_types_that_cannot_be_compared(shop):
    shop.execute(
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey, ALTER customer_id TYPE uuid USING NULL"
    )
    assert on_postgresql(shop) == [
        "shop.yaml:18:18: `orders.customer_id` (uuid) cannot be compared with `customer.id` (integer). "
        "Link columns of one type."
    ]


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_a_number_may_link_to_the_text_that_is_how_it_is_written(shop):
    shop.execute("ALTER TABLE orders ALTER customer_id TYPE text, DROP CONSTRAINT orders_customer_id_fkey")
    assert on_postgresql(shop) == []


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_constants_of_another_type(shop):
    written = MAP.replace("because: accounts}\n  visit:", "because: accounts, blank: {part: none}}\n  visit:")
    found = on_postgresql(shop, written)
    assert (
        "shop.yaml:21:40: `orders.part` is integer, and its new value is not. Write null, or a value of that type."
        in found
    )
    written = MAP.replace(
        "{flag: restricted, active: true, lifted: false}", "{flag: restricted, active: 1, lifted: null}"
    )
    assert [sentence.split(": ", 1)[1] for sentence in on_postgresql(shop, written)] == [
        "The flag `customer.restricted` is boolean, and cannot have one of its values. Write values of that type."
    ]


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_a_connection_that_sees_only_a_part_is_refused(shop):
    shop.execute("ALTER TABLE visit ENABLE ROW LEVEL SECURITY")
    shop.execute("CREATE ROLE finder; GRANT SELECT ON ALL TABLES IN SCHEMA public TO finder")
    shop.execute(
        "REVOKE SELECT ON customer FROM finder; GRANT SELECT (id, email) ON customer TO finder; SET ROLE finder"
    )
    found = on_postgresql(shop)
    shop.execute("RESET ROLE; DROP OWNED BY finder; DROP ROLE finder")
    assert found == [
        "shop.yaml:10:3: This connection may not read `name`, `created`, `address_id` and `restricted` of `customer`. "
        "GRANT SELECT on the table to its role.",
        "shop.yaml:22:3: Row-level security of `visit` hides rows from this connection. "
        "Give its role BYPASSRLS, or a policy that shows it every row.",
    ]


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_what_notifies_is_a_remark_and_what_calls_out_a_problem(shop):
    shop.execute("""
        CREATE FUNCTION tells() RETURNS trigger LANGUAGE plpgsql AS
            $f$ BEGIN PERFORM pg_notify('gone', OLD.email); RETURN OLD; END $f$;
        CREATE TRIGGER tells AFTER DELETE ON visit FOR EACH ROW EXECUTE FUNCTION tells();
    """)
    assert on_postgresql(shop) == []
    assert on_postgresql(shop, of=remarks) == [
        "shop.yaml:25:12: The trigger `tells` of `visit` (AFTER DELETE) notifies listeners once an erasure is "
        "committed. See that it sends no personal data, and that who listens writes none of it down."
    ]
    shop.execute("CREATE TABLE gone (who text)")
    shop.execute("""
        CREATE FUNCTION calls() RETURNS trigger LANGUAGE plpgsql AS
            $f$ BEGIN COPY gone TO PROGRAM 'cat'; RETURN NEW; END $f$;
        CREATE TRIGGER calls AFTER INSERT ON gone FOR EACH ROW EXECUTE FUNCTION calls();
        CREATE OR REPLACE FUNCTION tells() RETURNS trigger LANGUAGE plpgsql AS
            $f$ BEGIN INSERT INTO gone VALUES (OLD.email); RETURN OLD; END $f$;
    """)
    (sentence,) = on_postgresql(shop, MAP + "  gone: {impersonal: nothing}\n")
    assert "may reach outside the database (the trigger calls of gone), where nothing is measured" in sentence


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_a_search_for_residue_that_would_be_blind_is_worth_a_look(shop):
    shop.execute("ALTER TABLE product ENABLE ROW LEVEL SECURITY; CREATE ROLE finder")
    shop.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO finder; SET ROLE finder")
    found = on_postgresql(shop, of=remarks)
    shop.execute("RESET ROLE; DROP OWNED BY finder; DROP ROLE finder")
    assert found == [
        "shop.yaml:26:3: Row-level security of `product` hides rows from the search for residue, which would call them "
        "clean. Give the role that finds BYPASSRLS, or a policy that shows it every row."
    ]


@pytest.mark.postgresql
@pytest.mark.slow
def test_postgresql_a_map_of_somebody_elses_database(samples, postgresql):
    """The eleven tables of a music shop, all described; then one too few."""
    load(postgresql, samples / "data" / "chinook_postgres.sql")
    written = """\
store: chinook
kind: postgresql
credentials: {find: env:CHINOOK}
controller: us
tables:
  customer:
    subject: {key: customer_id, identifiers: {email: {kind: email, one_person: true}}}
    mentions: [{support_rep_id: employee.employee_id, conceals: [email, phone]}]
    columns: {customer_id: key, first_name: identity, last_name: identity, company: identity, address: contact,
              city: contact, state: contact, country: contact, postal_code: contact, phone: contact, fax: contact,
              email: contact, support_rep_id: link}
    erase: {do: blank, set: {first_name: former, last_name: customer, company: null, address: null, city: null,
            state: null, postal_code: null, phone: null, fax: null, email: gone@example.invalid},
            by: dpo, because: invoices refer to it}
  employee:
    subject: {key: employee_id, identifiers: {email: {kind: email, one_person: true}}}
    mentions: [{reports_to: employee.employee_id}]
    columns: {employee_id: key, last_name: identity, first_name: identity, title: identity, reports_to: link,
              birth_date: identity, hire_date: usage, address: contact, city: contact, state: contact,
              country: contact, postal_code: contact, phone: contact, fax: contact, email: contact}
    erase: {do: blank, set: {last_name: employee, first_name: former, title: null, birth_date: null, address: null,
            city: null, state: null, country: null, postal_code: null, phone: null, fax: null, email: null},
            by: hr, because: customers refer to it}
  invoice:
    belongs_to: [{customer_id: customer.customer_id}]
    columns: {invoice_id: key, customer_id: link, invoice_date: usage, billing_address: contact,
              billing_city: contact, billing_state: contact, billing_country: contact, billing_postal_code: contact,
              total: usage}
    erase: {do: retain, until: {period: 10 years, trigger: invoice_date}, legal: C. com. L123-22, by: counsel,
            because: accounts}
  invoice_line:
    belongs_to: [{invoice_id: invoice.invoice_id}]
    columns: {invoice_line_id: key, invoice_id: link, track_id: link, unit_price: usage, quantity: usage}
    erase: {do: delete, by: counsel, because: goes with its invoice}
  album: {impersonal: goods}
  artist: {impersonal: goods, by public figures}
  genre: {impersonal: goods}
  media_type: {impersonal: goods}
  playlist: {impersonal: made by the shop}
  playlist_track: {impersonal: made by the shop}
  track: {impersonal: goods}
"""
    found, problems = read(written, "chinook.yaml")
    assert problems == ()
    with psycopg.connect(postgresql) as connection:
        catalogue = read_postgresql(connection, "chinook")
    assert check(found, catalogue) == ()
    bare = replace(found, tables={name: table for name, table in found.tables.items() if name != "track"})
    assert any("The table `track` is in the database" in str(problem) for problem in check(bare, catalogue))
