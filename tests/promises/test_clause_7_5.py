"""Clause 7.5: contested data is only stored, and the person is told before that ends."""

import sqlite3
from contextlib import closing

import pytest

import story
from promises.proving import MAELLE, kept, proven
from troth.errors import NotAllowedError
from troth.rules import set_aside
from troth.work import amend_rows, carry_on, decide, lift, restrict


def restricted(folder):
    """Return what the stores show of her: flags, and what was set aside."""
    with closing(sqlite3.connect(folder.parent / "crm.db")) as crm:
        (flag,) = crm.execute("SELECT restricted FROM contact WHERE email = ?", (MAELLE,)).fetchone()
    with closing(sqlite3.connect(folder.parent / "support.db")) as support:
        (phone,) = support.execute("SELECT phone FROM account WHERE email = ?", (MAELLE,)).fetchone()
    return bool(flag), phone


def test_the_grounds_are_those_of_the_text(company):
    assert list(company.policy.promises["7.5/right/restrict"].grounds) == list(set_aside.LETTERS)


def test_from_the_receipt_to_the_last_row_put_back(company, folder, code, letters, clock):
    before = restricted(folder)
    number = story.ask(company, "restrict", email=MAELLE, because="accuracy")
    assert "you say that the data is wrong, and we are checking it" in letters()[-1][2]
    story.prove(company, number, code)
    carry_on.carry_on(company, number)
    name = story.state(company, number)["claims"]["c1"]["restriction"]["name"]
    assert restricted(folder) == before  # values would be set aside: somebody looks at that first
    plan = amend_rows.load(company, "restriction", name).state["plan"]["sha256"]
    restrict.approve(company, name, plan, "marie")
    carry_on.carry_on(company, number)
    assert restricted(folder) == (True, None)
    decide.decide(company, number, "c1", "grant", "marie", ground="a")
    carry_on.carry_on(company, number)
    assert story.state(company, number)["status"] == "responded"
    assert kept(company, "7.5/right/restrict", number)
    with pytest.raises(NotAllowedError, match="informed before it is lifted"):
        lift.lift(company, name, None, "marie")
    lift.announce(company, name, "We asked your company, and the number is right.", "marie")
    clock.forward(days=7)
    lift.lift(company, name, None, "marie")
    assert restricted(folder) == before
    proven(company, number)
