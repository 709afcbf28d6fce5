"""A plan is approved with everything that was measured, what the database does by itself too."""

import sqlite3

import pytest

import story
from troth.errors import NotAllowedError
from troth.work import carry_on, erase, plan_erasure

TRAIL = """
CREATE TABLE trail (id integer PRIMARY KEY, what text);
CREATE TRIGGER customer_changed AFTER UPDATE ON customer BEGIN INSERT INTO trail (what) VALUES ('changed'); END;
"""


@pytest.fixture
def with_a_trigger(folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.executescript(TRAIL)
    file = folder / "stores" / "shop.yaml"
    file.write_text(file.read_text() + "  trail: {impersonal: what changed}\n", encoding="utf-8")


def test_what_a_trigger_does_is_measured_approved_and_carried_out(with_a_trigger, project, code, rows):
    number = story.ask(project, "erase")
    story.prove(project, number, code)
    plan = story.grant_erasure(project, number)
    assert plan.facts["stores"]["shop"]["side_effects"] == [["trail", "insert", 1]]

    carry_on.carry_on(project, number)

    assert story.state(project, number)["claims"]["c1"]["done"]
    assert rows("shop", "SELECT count(*) FROM trail") == [(1,)]


def test_a_plan_read_back_from_the_ledger_is_the_one_that_was_measured(with_a_trigger, project):
    number = story.ask(project, "erase")
    story.decide.decide(project, number, "c1", "grant", "marie", ground="a")
    story.decide.review(project, number, "c1", "paul")
    told = plan_erasure.measure(project, number, "c1").facts["stores"]["shop"]
    assert plan_erasure._facts(plan_erasure.approved("shop", told)) == told


def test_nothing_is_searched_for_residue_before_it_is_carried_out(project, code):
    number = story.ask(project, "erase")
    story.prove(project, number, code)
    for early in (
        lambda: erase.search_again(project, number, "c1"),
        lambda: erase.accept_residue(project, number, "c1", "marie", "it may stay"),
    ):
        with pytest.raises(NotAllowedError) as error:
            early()
        assert str(error.value) == (
            "Claim c1 is not carried out yet: what an erasure leaves behind is searched for after it."
        )
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    assert erase.search_again(project, number, "c1") == {"news": 0, "shop": 0}
