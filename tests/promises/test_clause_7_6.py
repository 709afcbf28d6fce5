"""Clause 7.6: recipients are told what was erased, rectified or restricted, and the person is told who they are."""

import story
from promises.proving import MAELLE, kept, proven, verdict
from troth.work import carry_on, erase

PROCESSORS = "privacy-notices@processors.vaubrelle.example"


def test_every_recipient_of_what_was_erased_is_told_by_which_address_to_find_it_and_no_name(company, letters):
    number = story.ask(company, "erase", email=MAELLE, name="Maëlle Trévalenne")
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    told = [text for to, _, text in letters() if to == PROCESSORS]
    assert len(told) == 1
    assert "erased" in told[0]
    assert f"Who: {MAELLE}" in told[0]
    assert "Maëlle" not in told[0]
    erase.accept_residue(company, number, "c1", "marie", "Other people's words.")
    carry_on.carry_on(company, number)
    recipients = story.state(company, number)["claims"]["c1"]["recipients"]
    assert recipients["processors"] == "told"
    proven(company, number)


def test_the_person_learns_their_names(company, letters):
    number = story.ask(company, "list_recipients", email=MAELLE)
    from troth.work import decide

    decide.decide(company, number, "c1", "grant", "marie")
    carry_on.carry_on(company, number)
    text = letters()[-1][2]
    for party in ("Sillagys", "Mirevisite"):
        assert party in text
    assert kept(company, "7.6/right/list_recipients", number)


def test_before_anything_was_erased_nobody_is_said_to_be_told(company):
    assert verdict(company, "7.6/notify_recipients").word == "unproven"
