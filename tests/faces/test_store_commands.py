"""Find, plan and act: one store by hand, without a request."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from commanding import troth

ADA = "ada@example.org"


def test_somebody_is_found_in_counts_and_their_values_only_when_asked(folder):
    said = troth(folder, "find", "shop", "--email", ADA)
    assert said.code == 0
    assert "customer" in said.out
    assert "Lyon" not in said.out
    said = troth(folder, "find", "shop", "--email", ADA, "--show")
    assert (said.code, "Nobody is named" in said.err, "Lyon" in said.out) == (2, True, False)
    assert "Lyon" in troth(folder, "find", "shop", "--email", ADA, "--show", "-s", "m").out
    assert json.loads(troth(folder, "find", "shop", "--email", ADA, "--json").out)


def test_a_credential_is_shown_to_nobody(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("ALTER TABLE customer ADD COLUMN password text")
        connection.execute("UPDATE customer SET password = 'kanarie-secret'")
        connection.commit()
    path = folder / "stores" / "shop.yaml"
    path.write_text(path.read_text().replace("city: contact}", "city: contact, password: credential}"))
    for form in ((), ("--json",)):
        said = troth(folder, "find", "shop", "--email", ADA, "--show", "-s", "m", *form)
        assert said.code == 0
        assert "Lyon" in said.out
        assert "[withheld: a credential]" in said.out
        assert "kanarie" not in said.out + said.err


def test_nobody_is_said_to_be_nobody(folder):
    said = troth(folder, "find", "shop", "--email", "none@example.org")
    assert said.code == 0
    assert "Nobody goes by that in shop." in said.out


def test_a_plan_changes_nothing_and_acting_needs_its_name(folder, rows):
    before = rows("shop", "SELECT * FROM customer")
    plan = troth(folder, "plan", "shop", "--email", ADA)
    assert plan.code == 0
    assert rows("shop", "SELECT * FROM customer") == before
    wrong = troth(folder, "act", "shop", "--email", ADA, "--approve", "0123456789ab", "--yes")
    assert wrong.code == 2
    assert rows("shop", "SELECT * FROM customer") == before
    sha = re.search(r"--approve ([0-9a-f]+)", plan.out)[1]
    done = troth(folder, "act", "shop", "--email", ADA, "--approve", sha, "--yes")
    assert done.code == 0, done.err
    assert rows("shop", "SELECT email FROM customer ORDER BY id") == [(None,), ("bob@example.org",)]


@pytest.mark.parametrize(
    "words",
    [
        ("find", "shpo", "--email", ADA),
        ("find", "shop"),
        ("find", "shop", "--identifier", "nonsense"),
        ("plan", "nowhere", "--email", ADA),
        ("find", "shop", "--map", "no-such-map.yaml", "--email", ADA),
    ],
    ids=" ".join,
)
def test_what_cannot_be_looked_for_is_said_in_a_sentence(folder, words):
    said = troth(folder, *words)
    assert said.code == 2
    assert said.err.strip()
    assert "Traceback" not in said.err
    assert ADA not in said.err


def test_a_store_that_is_away_ends_with_code_three(folder):
    (folder / "shop.db").unlink()
    said = troth(folder, "find", "shop", "--email", ADA)
    assert said.code == 3
    assert "shop" in said.err
