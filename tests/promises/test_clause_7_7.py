"""Clause 7.7: marketing stops with the objection itself; while others are weighed nothing goes on."""

import pytest

import story
from promises.proving import MAELLE, kept, proven, verdict
from troth.errors import NotAllowedError
from troth.ledger import read, suppression
from troth.work import carry_on, decide


def test_an_objection_to_marketing_needs_no_reason_no_proof_and_no_decision(company, letters):
    number = story.ask(company, "object_marketing", email=MAELLE)
    claim = story.state(company, number)["claims"]["c1"]
    assert (claim["outcome"], claim["decided_by"], claim["purposes"]) == ("grant", "troth", ["marketing"])
    assert not story.state(company, number)["proven"]
    assert suppression.is_suppressed(company.ledger, "email", MAELLE.upper())
    acknowledged = letters()[0][2].replace("\xa0", " ")
    assert (
        "What has taken effect already: - Since 23 November 2026 your data is no longer used for"
        in acknowledged
    )
    assert "a keyed hash of your address is retained, and nothing else" in acknowledged
    carry_on.carry_on(company, number)
    assert "Since 23 November 2026 your data is no longer used for this" in letters()[-1][2].replace(
        "\xa0", " "
    )
    assert kept(company, "7.7.1/right/object_marketing", number)
    proven(company, number)


def test_her_address_stays_suppressed_when_everything_else_is_erased(company):
    story.ask(company, "object_marketing", email=MAELLE)
    number = story.ask(company, "erase", email=MAELLE)
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    assert suppression.is_suppressed(company.ledger, "email", MAELLE)


def test_marketing_recipients_are_told_first(company, letters):
    number = story.ask(company, "object_marketing", email=MAELLE)
    carry_on.carry_on(company, number)
    told = [to for to, _, _ in letters() if to not in {MAELLE}]
    assert told[0] == "rgpd@salon-saint-aubrel.example"
    assert len(told) > 1


def test_another_objection_stops_its_purposes_while_it_is_weighed(company, letters):
    number = story.ask(company, "object", email=MAELLE, purposes={"object": ["surveys"]})
    told = story.state(company, number)["claims"]["c1"]["restriction"]
    assert (told["ground"], told["purposes"]) == ("objection", ["surveys"])
    assert "we are weighing whether we may go on" in letters()[-1][2]
    with pytest.raises(NotAllowedError, match="compelling legitimate grounds that you can show"):
        decide.decide(
            company, number, "c1", "refuse", "marie", article="Art. 21(1)", reason="we like surveys"
        )
    decide.decide(company, number, "c1", "grant", "marie")
    carry_on.carry_on(company, number)
    assert [event.facts["purpose"] for event in read.events(company.ledger, kind="objection_recorded")] == [
        "surveys"
    ]
    assert kept(company, "7.7.3/right/object", number)


def test_what_nothing_proves_yet_is_not_said_to_be_kept(company):
    assert verdict(company, "7.7/first_communication").word == "unproven"
