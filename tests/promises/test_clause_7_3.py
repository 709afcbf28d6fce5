"""Clause 7.3: what is inaccurate is mended with every copy of it, and what is incomplete is completed."""

import sqlite3
from contextlib import closing

import pytest

import story
from promises.proving import MAELLE, kept, proven
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.rules.rectification import read as written
from troth.work import carry_on, carry_out, decide, rectify


def names(folder):
    with closing(sqlite3.connect(folder.parent / "crm.db")) as crm:
        own = crm.execute("SELECT last_name FROM contact WHERE id = 1").fetchall()
        copies = crm.execute(
            "SELECT DISTINCT recipient_name FROM direct_message WHERE recipient_id = 1"
        ).fetchall()
    return own, copies


def test_the_name_is_mended_where_it_is_copied_too_and_the_recipients_are_told(company, folder, letters):
    number = story.ask(company, "rectify", email=MAELLE, wording="I married: my name is Brelivet now.")
    decide.decide(company, number, "c1", "grant", "marie")
    plan = rectify.measure(company, "crm", [("email", MAELLE)], [written("contact.last_name=Brelivet")])
    counted = plan.state["plan"]["stores"]["crm"]["counts"]
    assert ["contact", "last_name", "own", 1] in counted
    assert any(how == "copy" for _, _, how, _ in counted)
    rectify.approve(company, plan.name, plan.state["plan"]["sha256"], "paul")
    rectify.rectify(company, plan.name)
    assert names(folder) == ([("Brelivet",)], [("Brelivet",)])
    carry_out.carry_out(company, number, "c1", "marie", "Your name is Brelivet everywhere now.", by=plan.name)
    carry_on.carry_on(company, number)
    assert "Your name is Brelivet everywhere now." in letters()[-1][2]
    assert any("privacy-notices@processors.vaubrelle.example" in to for to, _, _ in letters())
    assert kept(company, "7.3/right/rectify", number)
    proven(company, number)


def test_what_it_was_and_what_it_is_are_in_the_vault_and_in_no_event(company):
    plan = rectify.measure(company, "crm", [("email", MAELLE)], [written("contact.last_name=Brelivet")])
    rectify.approve(company, plan.name, plan.state["plan"]["sha256"], "paul")
    found = rectify.rectify(company, plan.name)
    events = read.stream(company.ledger, found.stream)
    assert b"Brelivet" not in b"".join(read.event_body(company.ledger, event.id) for event in events)
    assert b"Brelivet".hex() in str([vault.payload(company.ledger, event) for event in events if event.key])


def test_where_no_column_takes_a_statement_nothing_is_said_to_be_completed(company):
    with pytest.raises(NotAllowedError, match="names no column for a supplementary statement"):
        rectify.measure(company, "crm", [("email", MAELLE)], [], supplement="I left the company in 2025.")


def test_a_completion_by_hand_is_a_claim_with_its_own_answer(company, letters):
    number = story.ask(company, "complete", email=MAELLE, wording="I left the company in 2025.")
    decide.decide(company, number, "c1", "grant", "marie")
    carry_on.carry_on(company, number)
    carry_out.carry_out(company, number, "c1", "marie", "Your statement is kept with your record.")
    carry_on.carry_on(company, number)
    assert "Your statement is kept with your record." in letters()[-1][2]
    assert kept(company, "7.3/right/complete", number)
