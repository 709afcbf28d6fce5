"""Clause 7.7: marketing stops with the objection itself; while others are weighed nothing goes on."""

import pytest

import story
from promises.proving import MAELLE, SEVERIN, kept, proven, verdict
from troth.errors import NotAllowedError
from troth.ledger import read, seal, suppression
from troth.ledger.verify import verify
from troth.work import carry_on, communicate, decide, message_link, prepare_message, stop_messages
from troth.work.may import may


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


def test_the_first_message_presents_both_objections_in_the_words_of_the_clause(company):
    asked = prepare_message.prepare(company, MAELLE, "marketing", language="fr")
    assert asked.due.notice.text.startswith("Vous pouvez vous opposer à tout moment, sans frais ni motif")
    event = communicate.sent(company, MAELLE, "marketing", token=asked.due.notice.token)
    found = verdict(company, "7.7/first_communication")
    assert (found.word, found.evidence) == ("kept", (event.id,))
    communicate.sent(company, SEVERIN, "surveys")
    found = verdict(company, "7.7/first_communication")
    assert (found.word, len(found.broken_by)) == ("broken", 1)
    seal.seal_all(company.ledger)
    assert verify(company.ledger).whole


def test_one_click_stops_marketing_for_whoever_holds_the_link(company):
    token = message_link.stop_token(company, MAELLE, "marketing")
    stop_messages.stop_by_link(company, token, message_link.stop_of(company, token))
    answer = may(company, [("email", MAELLE)], "marketing", channel="email")
    assert (answer.allowed, answer.reason.code) == (False, "suppressed")
