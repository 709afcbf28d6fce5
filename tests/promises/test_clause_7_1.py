"""Clause 7.1: we answer within a month, say so in time when we take longer, free, and doubt with a reason only."""

from datetime import date
from decimal import Decimal

import pytest

import story
from promises.proving import MAELLE, kept, proven, verdict
from troth.errors import NotAllowedError
from troth.rules.fee import Cost, Proof
from troth.work import ask, carry_on, charge, decide


def test_the_text_promises_a_month_and_the_clock_of_every_request_has_it(company):
    answer = company.policy.answer
    assert (str(answer.within), str(answer.extend_by)) == ("1 month", "2 months")
    number = story.ask(company, "access", email=MAELLE)
    state = story.state(company, number)
    assert (state["received"], state["legal_due"]) == ("2026-11-23", "2026-12-23")


def test_answered_in_time_it_is_kept_and_the_proof_holds_without_us(company, clock, letters):
    number = story.ask(company, "access", email=MAELLE, language="fr")
    clock.forward(days=20)
    story.grant_access(company, number)
    carry_on.carry_on(company, number)
    assert letters()[-1][0] == MAELLE  # asked by electronic means, answered so
    assert "voici notre réponse à votre demande" in letters()[-1][2]
    assert kept(company, "7.1/answer", number)
    told = proven(company, number)
    assert told["clock"]["legal_due"] == "2026-12-23"


def test_a_day_late_it_is_broken_and_the_request_is_named(company, clock):
    number = story.ask(company, "access", email=MAELLE)
    clock.forward(days=31)
    found = verdict(company, "7.1/answer")
    assert (found.word, found.broken_by) == ("broken", (f"request {number}: due 2026-12-23, not answered",))


def test_longer_is_told_within_the_month_with_its_reason_and_never_twice(company, clock, letters):
    number = story.ask(company, "access", email=MAELLE)
    clock.forward(days=10)
    with pytest.raises(NotAllowedError, match="reason"):
        story.take_longer(company, number, "holidays", reasons="everybody is away")
    story.take_longer(company, number, "complexity", reasons="Your data is in eleven archives.")
    assert "Your data is in eleven archives." in letters()[-1][2]
    assert story.state(company, number)["legal_due"] == "2027-02-23"
    with pytest.raises(NotAllowedError, match="extended already"):
        story.take_longer(company, number, "number", reasons="and more")
    late = story.ask(company, "access", email=MAELLE)
    clock.forward(days=40)
    with pytest.raises(NotAllowedError, match="too late"):
        story.take_longer(company, late, "complexity", reasons="Your data is in eleven archives.")


def test_it_is_free_but_for_what_is_shown_to_be_excessive_and_then_never_refused_too(company):
    story.ask(company, "access", email=MAELLE)
    number = story.ask(company, "access", email=MAELLE)
    assert story.state(company, number).get("fee") is None
    cost = Cost(Decimal(1), Decimal(30), Decimal(0), "EUR")
    with pytest.raises(NotAllowedError):
        charge.propose(company, number, "marie", cost, Proof("excessive", "", ""))
    shown = Proof("excessive", "The ninth time this week for rows that did not change; the eight answers are the same.",
                  "the rows since the last answer", data_changed=False)  # fmt: skip
    charge.propose(company, number, "marie", cost, shown)
    with pytest.raises(NotAllowedError, match="marie proposed the fee"):
        charge.confirm(company, number, "marie")
    decide.advise(company, number, "c1", "dana", "the overlap is whole")
    charge.confirm(company, number, "paul")
    with pytest.raises(NotAllowedError, match="either a fee or a refusal"):
        decide.decide(
            company,
            number,
            "c1",
            "refuse",
            "marie",
            article="GDPR Art. 12(5)(b)",
            reason="too often",
            proof=shown,
        )


def test_a_refusal_says_why_by_what_law_and_where_to_complain(company, letters):
    number = story.ask(company, "erase", email=MAELLE)
    decide.decide(
        company, number, "c1", "refuse", "marie", exemptions=["e"], reason="We are in court with you."
    )
    carry_on.carry_on(company, number)
    assert len(letters()) == 1  # nobody refuses alone
    decide.review(company, number, "c1", "paul")
    carry_on.carry_on(company, number)
    text = letters()[-1][2]
    for part in ("We are in court with you.", "GDPR Art. 17(3)(e)", "https://www.cnil.fr", "court"):
        assert part in text
    assert kept(company, "7.1/answer", number)


def test_who_they_are_is_asked_on_a_doubt_that_is_written_down_only(company):
    number = story.ask(company, "access", email=MAELLE)
    with pytest.raises(NotAllowedError, match="reasonable doubt"):
        ask.ask(
            company,
            number,
            "identity",
            "marie",
            doubt=" ",
            asked="your customer number",
            enough="it is on bills",
        )
    assert story.state(company, number)["legal_due"] == date(2026, 12, 23).isoformat()
