"""Rectify, restrict and lift on the command line: measured, approved, done, and said in JSON."""

import json
import sqlite3
from contextlib import closing

import pytest

from commanding import troth
from shop_project import make

ADA = ("--email", "ada@example.org")


@pytest.fixture
def folder(tmp_path):
    make(tmp_path)
    path = tmp_path / "stores" / "shop.yaml"
    columns = "    columns: {id: key, email: contact, name: identity, city: contact}\n"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(columns, f"{columns}    restriction: {{set_aside: [name]}}\n"), encoding="utf-8"
    )
    return tmp_path


def name_of(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        return connection.execute("SELECT name FROM customer WHERE id = 1").fetchone()[0]


def measured(folder, *words):
    said = troth(folder, *words, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def carried(folder, command, plan, *words):
    approve = ("--approve", plan["plan_sha256"][:12], "--staff", "marie", "--yes")
    return troth(folder, command, "--carry", plan["name"], *approve, *words)


def test_a_correction_is_measured_approved_and_done(folder):
    plan = measured(folder, "rectify", "shop", *ADA, "--set", "customer.name=Ada Lovelace")
    assert plan["plan"]["shop"]["counts"] == [["customer", "name", "own", 1]]
    assert name_of(folder) == "Ada Example"
    done = json.loads(carried(folder, "rectify", plan, "--json").out)
    assert (done["status"], done["stores"]["shop"]["done"]) == ("done", [["customer", "name", 1]])
    assert name_of(folder) == "Ada Lovelace"


def test_the_plan_says_how_to_carry_it_out_and_shows_no_value(folder):
    said = troth(folder, "rectify", "shop", *ADA, "--set", "customer.name=Canary")
    assert "To carry it out: troth rectify --carry" in said.out
    assert "Canary" not in said.out + said.err


def test_a_restriction_is_active_until_it_is_lifted(folder):
    plan = measured(folder, "restrict", *ADA, "--ground", "accuracy")
    said = carried(folder, "restrict", plan)
    assert (said.code, f"The restriction {plan['name']} is active." in said.out) == (0, True)
    assert name_of(folder) is None
    tried = json.loads(troth(folder, "lift", plan["name"], "--json").out)
    assert tried["puts_back"] == [{"store": "shop", "table": "customer", "column": "name", "values": 1}]
    assert name_of(folder) is None
    lifted = troth(folder, "lift", plan["name"], "--told", "2026-11-13", "--staff", "marie", "--yes")
    assert (lifted.code, name_of(folder)) == (0, "Ada Example")


def test_a_conflict_is_said_and_ends_in_a_code_of_its_own(folder):
    plan = measured(folder, "restrict", *ADA, "--ground", "accuracy")
    carried(folder, "restrict", plan)
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("UPDATE customer SET name = 'Canary' WHERE id = 1")
    said = troth(folder, "lift", plan["name"], "--told", "2026-11-13", "--staff", "marie", "--yes")
    assert said.code == 1
    assert "1 value of shop customer.name not put back, but kept: another value stands there now." in said.out
    assert (name_of(folder), "Canary" in said.out) == ("Canary", False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rectify", *ADA, "--set", "a.b=c"), "Name a store: news, shop."),
        (("rectify", "shop", *ADA), "Nothing is to be corrected."),
        (("rectify", "shop", *ADA, "--set", "nonsense"), "A correction is written TABLE.COLUMN=VALUE"),
        (("rectify", "shop", "--set", "customer.name=x"), "Nobody is named."),
        (("rectify", "--carry", "nothing"), "There is no rectification 'nothing'."),
        (("restrict", *ADA), "A restriction has one of these grounds: accuracy (GDPR Art. 18(1)(a))"),
        (("lift", "nothing"), "There is no restriction 'nothing'."),
        (("lift", "x", "--told", "yesterday"), "--told is a day, written such as 2026-11-23."),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(folder, words, said):
    found = troth(folder, *words)
    assert found.code == 2
    assert said in found.err


def test_a_manual_store_is_restricted_by_hand_and_the_plan_says_so(folder):
    written = "store: mailboxes\nkind: manual\nwhat: {en: mailboxes}\nowner: {name: Jo, email: jo@company.example}\n"
    (folder / "stores" / "mailboxes.yaml").write_text(written, encoding="utf-8")
    said = troth(folder, "restrict", *ADA, "--ground", "unlawful")
    assert "mailboxes is a manual store: its owner restricts there by hand." in said.out
    plan = measured(folder, "restrict", *ADA, "--ground", "unlawful")
    assert [name for name, told in plan["plan"].items() if told["by_hand"]] == ["mailboxes"]
    assert carried(folder, "restrict", plan).code == 0
    assert name_of(folder) is None
