"""A whole small project: a policy, two SQLite stores, a ledger, and letters in a folder."""

import sqlite3
from contextlib import closing, suppress
from datetime import date
from importlib import import_module
from pathlib import Path

from troth import wiring
from troth.policy.starting import project_files
from troth.work import project as projects

SHOP = """
CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, city text);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), placed date, note text);
CREATE TABLE message (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), author text, body text);
CREATE TABLE log (id integer PRIMARY KEY, line text);
INSERT INTO customer VALUES (1, 'ada@example.org', 'Ada Example', 'Lyon'), (2, 'bob@example.org', 'Bob', 'Metz');
INSERT INTO orders VALUES (1, 1, '2026-01-05', 'for my birthday'), (2, 2, '2026-01-06', NULL);
INSERT INTO message VALUES (1, 1, 'Colleague Carl', '=HYPERLINK("x")'), (2, 2, 'Carl', 'hello');
"""
SHOP_MAP = """
store: shop
kind: sqlite
credentials: {find: "sqlite:///shop.db", change: "sqlite:///shop.db"}
controller: main-entity
backups_expire: 35 days
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, city: contact}
    erase: {do: blank, set: {email: null, name: null, city: null}, by: dpo, because: orders point here}
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, placed: order, note: order}
    erase: {do: retain, until: {period: 10 years, trigger: placed}, legal: C. com. L123-22, blank: {note: null},
            by: counsel, because: accounts}
  message:
    belongs_to: [{customer_id: customer.id, conceals: [author]}]
    columns: {id: key, customer_id: link, author: identity, body: contact}
    erase: {do: delete, by: dpo, because: no longer needed}
  log: {impersonal: what the server did}
"""
NEWS = """
CREATE TABLE subscriber (email text PRIMARY KEY, since date);
INSERT INTO subscriber VALUES ('ada@example.org', '2025-01-01'), ('eve@example.org', '2025-01-01');
"""
NEWS_MAP = """
store: news
kind: sqlite
credentials: {find: "sqlite:///news.db", change: "sqlite:///news.db"}
controller: main-entity
tables:
  subscriber:
    subject: {key: email, identifiers: {email: {kind: email, one_person: true}}}
    columns: {email: contact, since: contact}
    erase: {do: delete, by: dpo, because: no longer needed}
"""

FAIR = """  fair:
    title: {en: The fair, fr: Le salon}
    class: marketing
    role: controller
    named: {fair: {name: Fair SA, country: US}}
    categories: [contact]
    transfers: [fair-us]
    notify: {by: post, address: "1 Fair Street"}
  tax-office:
"""
TRANSFER = """
```promise
transfer:
  fair-us: {country: US, mechanism: standard_clauses, module: "1", recipient: fair, assessed: 2025-01-10,
            copy_from: {en: ask us, fr: demandez-nous}}
```
"""


def make(folder):
    """Write the project and its databases into a folder."""
    for name, text in project_files("shop", date(2026, 11, 23)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, rows, mapped in (("shop", SHOP, SHOP_MAP), ("news", NEWS, NEWS_MAP)):
        connection = sqlite3.connect(folder / f"{name}.db")
        connection.executescript(rows)
        connection.close()
        (folder / "stores" / f"{name}.yaml").write_text(mapped, encoding="utf-8")


def opened(folder, clock, ledger_urls=None):
    """Open the project as the wiring does, with a clock that is set."""
    made = wiring.open_project(folder)
    settings = made.settings
    if ledger_urls:
        from dataclasses import replace

        settings = replace(settings, ledger_url=ledger_urls[0], keys_url=ledger_urls[1])
    return projects.Project(
        settings,
        clock,
        made.open_policy,
        made.open_ledger,
        made.open_maps,
        made.open_store,
        made.open_mailer,
        open_manual=made.open_manual,
    )


def with_another_company(folder):
    """Write a second company of the group, `other-company`, into the policy."""
    path = folder / "policy.md"
    other = "    other-company: {name: Other SARL, country: FR, email: privacy@other.example}\n"
    text, before = path.read_text("utf-8"), "  requests: {email:"
    assert before in text
    path.write_text(text.replace(before, other + before, 1), "utf-8")


def with_a_fair(folder):
    """Write a recipient of the newsletter into the policy, which is told of choices by post."""
    path = folder / "policy.md"
    text = path.read_text("utf-8").replace("  tax-office:\n", FAIR, 1)
    before, newsletter, after = text.partition("  newsletter:\n")
    path.write_text(
        before + newsletter + after.replace("recipients: [hosting]", "recipients: [fair]", 1) + TRANSFER,
        "utf-8",
    )


def load_for_children(folder, clock):
    """Load what work in this project needs, so that processes forked from this one need not."""
    for name in ("holidays.countries", "hyperscan", "sqlalchemy.dialects.sqlite"):
        with suppress(ImportError):  # not every machine has each of them
            import_module(name)
    assert opened(Path(folder), clock).policy  # the same texts are read once


def with_old_messages(folder):
    """Bind messages to a promise of three years; ten are six years old and two are new."""
    path = folder / "stores" / "shop.yaml"
    columns = "columns: {id: key, customer_id: link, author: identity, body: contact"
    bound = f"{columns}, sent: usage}}\n    retention: [{{promise: retention/customers, trigger: sent}}]"
    path.write_text(path.read_text("utf-8").replace(columns + "}", bound), "utf-8")
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("ALTER TABLE message ADD sent date")
        connection.execute("UPDATE message SET sent = '2026-01-01'")
        rows = [(number, 2, "2020-01-01") for number in range(10, 20)]
        connection.executemany("INSERT INTO message (id, customer_id, sent) VALUES (?, ?, ?)", rows)


ARCHIVED_PROMISE = """
```promise
retention:
  orders:
    categories: [order]
    period: 1 year
    trigger: {en: the order}
    grace: 0 days
    archive: {period: 9 years, legal: {en: C. com. L123-22}}
```
"""
ARCHIVED = """CREATE TABLE archived_orders
(id integer PRIMARY KEY, customer_id integer, placed date, note text, put_by text)"""


def with_archived_orders(folder):
    """Bind orders to a promise of a year and an archive of nine more: two of January 2026, six of 2020, one of 2014."""
    policy = folder / "policy.md"
    policy.write_text(policy.read_text("utf-8") + ARCHIVED_PROMISE, "utf-8")
    path = folder / "stores" / "shop.yaml"
    bound = (
        "columns: {id: key, customer_id: link, placed: order, note: order}\n"
        "    retention: [{promise: retention/orders, trigger: placed}]\n"
        "    archive: {table: archived_orders, readers: [accounts], step: put_by}"
    )
    old = "columns: {id: key, customer_id: link, placed: order, note: order}"
    path.write_text(path.read_text("utf-8").replace(old, bound), "utf-8")
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute(ARCHIVED)
        rows = [(number, 1, "2020-03-01", "a gift") for number in range(10, 16)] + [
            (9, 2, "2014-01-01", "old")
        ]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
        connection.commit()
