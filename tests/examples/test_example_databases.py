"""The example's databases are the same each time, whole, and have in them what the page says."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "example.md"
MAELLE = "maelle.trevalenne@ateliers-loriots.example"
MINE = {  # how each table of the story leads to her
    "crm.contact": "email = :email",
    "crm.address": "id IN (SELECT address_id FROM contact WHERE email = :email)",
    "crm.interaction": "contact_id = 1",
    "crm.forum_thread": "opened_by = 1",
    "crm.forum_post": "author_id = 1",
    "crm.direct_message": "1 IN (sender_id, recipient_id)",
    "billing.customer": "email = :email",
    "billing.invoice": "customer_id = 1",
    "billing.invoice_line": "invoice_id IN (SELECT id FROM invoice WHERE customer_id = 1)",
    "billing.payment": "invoice_id IN (SELECT id FROM invoice WHERE customer_id = 1)",
    "billing.credit_note": "invoice_id IN (SELECT id FROM invoice WHERE customer_id = 1)",
    "support.account": "email = :email",
    "support.newsletter": "email = :email",
    "support.ticket": "requester_email = :email",
    "support.ticket_comment": (
        "author_email = :email OR ticket_id IN (SELECT id FROM ticket WHERE requester_email = :email)"
    ),
    "support.attachment": "ticket_id IN (SELECT id FROM ticket WHERE requester_email = :email)",
    "support.survey_answer": "email = :email",
    "support.page_view": "visitor_email = :email",
}
WRONG = {  # what the page says is wrong, counted
    "crm.lead": "last_contact_on < '2023-11-23'",
    "crm.contact": "last_active_on < '2023-11-23'",
    "support.page_view": "seen_at < '2025-10-23'",
    "support.app_log": "message LIKE '%@%'",
}


def opened(folder, store):
    return sqlite3.connect(f"file:{folder / store}.db?mode=ro", uri=True)


def count(folder, where, condition):
    store, table = where.split(".")
    found = opened(folder, store).execute(
        f"SELECT count(*) FROM {table} WHERE {condition}", {"email": MAELLE}
    )
    return found.fetchone()[0]


def said(heading):
    """Return the rows of the page's table under a heading: where, and how many."""
    part = PAGE.read_text(encoding="utf-8").partition(f"# {heading}\n")[2].partition("\n#")[0]
    return {
        where: int(number)
        for where, number in re.findall(r"^\| `(\w+\.\w+)` \| (\d+) \|", part, re.MULTILINE)
    }


def dump(folder, store):
    return "\n".join(opened(folder, store).iterdump())


@pytest.mark.parametrize("store", ["crm", "billing", "support"])
def test_made_twice_they_are_the_same(demo, store, tmp_path_factory):
    import databases

    again = demo.parent / f"{demo.name}-again"
    if not again.exists():
        databases.create(again)
    assert dump(again, store) == dump(demo, store)


@pytest.mark.parametrize("store", ["crm", "billing", "support"])
def test_every_foreign_key_leads_somewhere(demo, store):
    connection = opened(demo, store)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_support_has_no_foreign_key_and_the_others_do(demo):
    keys = {
        store: opened(demo, store).execute(
            "SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) WHERE t.type = 'table'"
        ).fetchone()[0]
        for store in ("crm", "billing", "support")
    }  # fmt: skip
    assert keys == {"crm": 22, "billing": 4, "support": 0}


def test_they_have_the_size_that_the_page_says(demo):
    rows = 0
    for store in ("crm", "billing", "support"):
        connection = opened(demo, store)
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        rows += sum(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in names)
    assert 55_000 < rows < 65_000
    people = count(demo, "crm.contact", "1") + count(demo, "crm.lead", "1") + count(demo, "crm.employee", "1")
    only_here = count(demo, "support.account", "1")
    assert 2_900 < people + 600 < 3_200
    assert only_here > 1_000


def test_the_page_says_where_maelle_is(demo):
    page = said("Maëlle Trévalenne")
    assert set(page) == set(MINE) | {"crm.forum_post", "support.app_log"}
    for where, condition in MINE.items():
        assert count(demo, where, condition) == first(where), where


def first(where):
    """Return the number in the first row of her tables that names this table."""
    part = PAGE.read_text(encoding="utf-8").partition("# Maëlle Trévalenne\n")[2]
    return int(re.search(rf"^\| `{re.escape(where)}` \| (\d+) \|", part, re.MULTILINE)[1])


def test_the_page_says_what_is_wrong(demo):
    page = said("What is wrong in them")
    assert set(page) == set(WRONG)
    for where, condition in WRONG.items():
        assert count(demo, where, condition) == page[where], where


@pytest.mark.parametrize(
    ("where", "row", "text"),
    [
        ("crm.forum_post", 3, MAELLE),
        ("support.ticket_comment", 2, MAELLE),
        ("support.page_view", 9, MAELLE.replace("@", "%40")),
        ("support.app_log", 4, MAELLE),
    ],
)
def test_her_residue_is_where_the_page_says(demo, where, row, text):
    store, table = where.split(".")
    found = opened(demo, store).execute(f"SELECT * FROM {table} WHERE id = ?", [row]).fetchone()
    assert text in " ".join(map(str, found))
    part = PAGE.read_text(encoding="utf-8").partition("# Maëlle Trévalenne\n")[2]
    assert re.search(rf"^\| `{re.escape(where)}` \| {row} \|", part, re.MULTILINE)


def test_her_address_is_in_no_other_unlinked_place(demo):
    """Outside what links lead to, and the copies that invoices keep, there are four places and no more."""
    linked = {"crm.contact", "billing.customer", "billing.invoice"}
    found = []
    for store in ("crm", "billing", "support"):
        connection = opened(demo, store)
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            text = " || ' ' || ".join(f"coalesce({name}, '')" for name in columns)
            mine = MINE.get(f"{store}.{table}", "0")
            rows = connection.execute(
                f"SELECT count(*) FROM {table} WHERE replace(lower({text}), '%40', '@') LIKE :like"
                f" AND ({mine}) IS NOT TRUE",
                {"like": f"%{MAELLE}%", "email": MAELLE},
            ).fetchone()[0]
            if rows and f"{store}.{table}" not in linked:
                found.append((f"{store}.{table}", rows))
    cc = ("support.ticket", 1)  # Séverin's ticket, where she is in copy: a mention
    assert sorted(found) == sorted(
        [
            ("crm.forum_post", 1),
            ("support.ticket_comment", 1),
            ("support.page_view", 1),
            ("support.app_log", 1),
            cc,
        ]
    )


def test_ilse_is_in_support_alone(demo):
    for where in ("crm.contact", "crm.lead", "billing.customer"):
        assert count(demo, where, "email LIKE 'ilse.vantrooyen@%'") == 0
    for where in ("support.account", "support.newsletter", "support.survey_answer"):
        assert count(demo, where, "email LIKE 'ilse.vantrooyen@%'") >= 1
    assert count(demo, "support.ticket", "requester_email LIKE 'ilse.vantrooyen@%'") == 2


def test_anselme_is_named_in_the_rows_of_others(demo):
    assert count(demo, "crm.employee", "id = 7 AND email LIKE 'anselme.quessandre@%'") == 1
    for where, condition in (
        ("crm.contact", "account_owner_id = 7"),
        ("crm.interaction", "employee_id = 7"),
        ("crm.employee", "manager_id = 7"),
        ("support.ticket", "agent_id = 1"),
        ("support.ticket_comment", "agent_id = 1"),
    ):
        assert count(demo, where, condition) > 5, where


def test_names_are_as_odd_as_people_are(demo):
    for condition in (
        "last_name LIKE '%''%'", "first_name LIKE '%\"%'", "first_name LIKE '%\\%'", "first_name LIKE '%é%'",
        "first_name IS NULL", "email IS NULL", "length(last_name) > 100", "first_name = 'Ελένη'",
        "email <> lower(email)",
    ):  # fmt: skip
        assert count(demo, "crm.contact", condition) > 0, condition


def test_a_change_of_a_customer_leaves_a_trace_without_its_value(demo, tmp_path):
    import shutil

    shutil.copyfile(demo / "billing.db", tmp_path / "billing.db")
    connection = sqlite3.connect(tmp_path / "billing.db")
    connection.execute("UPDATE customer SET email = 'new@nowhere.example' WHERE id = 1")
    trace = connection.execute("SELECT * FROM audit_trail ORDER BY id DESC LIMIT 1").fetchone()
    assert trace[1:4] == ("customer", 1, "changed")
    assert "@" not in " ".join(map(str, trace))


def test_what_the_accounts_rest_on_cannot_be_removed_by_accident(demo, tmp_path):
    import shutil

    shutil.copyfile(demo / "billing.db", tmp_path / "billing.db")
    connection = sqlite3.connect(tmp_path / "billing.db")
    connection.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("DELETE FROM customer WHERE id = 1")


def test_nothing_that_is_there_is_overwritten(demo, capsys):
    import databases

    before = (demo / "crm.db").stat().st_mtime_ns
    assert databases.main([str(demo)]) == 2
    assert capsys.readouterr().err == (
        "There is already a crm.db in that folder. Name another place, or remove what is there.\n"
    )
    assert (demo / "crm.db").stat().st_mtime_ns == before


def test_the_script_says_how_to_reach_them(tmp_path, capsys):
    import databases

    assert databases.main([str(tmp_path / "demo")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("export TROTH_CRM_FIND='sqlite:///")


@pytest.mark.slow
def test_on_postgresql_it_has_the_same_rows(demo, postgresql, tmp_path):
    import databases
    import psycopg

    urls = databases.create(tmp_path, postgresql)
    assert urls["crm"] == postgresql
    assert not (tmp_path / "crm.db").exists()
    ours = opened(demo, "crm")
    with psycopg.connect(postgresql) as theirs:
        for table in databases.rows()["crm"]:
            counted = f"SELECT count(*) FROM {table}"
            assert theirs.execute(counted).fetchone()[0] == ours.execute(counted).fetchone()[0], table
        name = "SELECT first_name, last_name, email FROM contact ORDER BY id"
        assert theirs.execute(name).fetchall() == ours.execute(name).fetchall()
    with pytest.raises(FileExistsError, match="already has tables of these names"):
        databases.create(tmp_path / "again", postgresql)
