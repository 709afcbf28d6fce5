"""Clause 7.4: erased on the grounds; what stays, why and until when is said, and nothing of anybody else goes."""

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest

import story
from promises.proving import MAELLE, SEVERIN, kept, proven, verdict
from troth.errors import NotAllowedError
from troth.stores.contract import Who
from troth.work import carry_on, decide, erase, hold, release

STAYS = "Other people wrote it in their own words, or it is a line of a log that ends with the log."


def rows(company, email):
    who = [Who("somebody", (("email", email),))]
    return Counter(f"{name}.{row.table}" for name, store in company.stores.items() for row in store.find(who))


@pytest.fixture
def erased(company):
    number = story.ask(company, "erase", email=MAELLE)
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    return number


def test_her_data_goes_the_accounts_stay_and_the_answer_says_until_when(company, erased, letters):
    assert (
        letters()[-1][0] != MAELLE or "this is our answer" not in letters()[-1][2]
    )  # residue is looked at first
    erase.accept_residue(company, erased, "c1", "marie", STAYS)
    carry_on.carry_on(company, erased)
    text = next(text for to, _, text in reversed(letters()) if to == MAELLE).replace("\xa0", " ")
    assert "because of C. com. art. L123-22" in text
    assert "are archived until" in text
    assert STAYS in text
    assert kept(company, "7.4/right/erase", erased)
    told = proven(company, erased)
    assert {event["facts"]["remaining"] for event in told["events"] if event["kind"] == "verified"} == {0}


def test_only_what_a_law_retains_is_still_found(company, erased):
    left = rows(company, MAELLE)
    assert left == {"support.ticket": 1}  # a colleague's, with her in copy; her customer row is blanked
    with closing(sqlite3.connect(company.settings.folder.parent / "billing.db")) as billing:
        assert billing.execute("SELECT count(*) FROM invoice WHERE customer_id = 1").fetchone() == (7,)


def test_nothing_of_her_colleague_goes(company):
    before = rows(company, SEVERIN)
    number = story.ask(company, "erase", email=MAELLE)
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    assert rows(company, SEVERIN) == before


def test_a_hold_on_all_of_hers_keeps_every_row_until_it_ends_in_every_store(company):
    before = rows(company, MAELLE)
    review = company.clock().date() + timedelta(days=90)
    placed = hold.place(company, "TC 26/0417", "Our defence.", review, "paul", about=[("email", MAELLE)])
    number = story.ask(company, "erase", email=MAELLE)
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    assert rows(company, MAELLE) == before
    hold.end(company, placed.state["name"], "the judgment is final", "paul")
    release.release(company)
    assert rows(company, MAELLE) == {"support.ticket": 1}


def test_a_hold_on_one_table_keeps_the_rows_she_shares_in_it_and_no_more(company):
    before, table = rows(company, MAELLE), "support.ticket_comment"
    review = company.clock().date() + timedelta(days=90)
    about = [("email", MAELLE)]
    placed = hold.place(company, "TC 26/0417", "Our defence.", review, "paul", about=about, what=[table])
    number = story.ask(company, "erase", email=MAELLE)
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    left = rows(company, MAELLE)
    assert (left[table], left["support.newsletter"]) == (before[table], 0)
    hold.end(company, placed.state["name"], "the judgment is final", "paul")
    release.release(company)
    assert rows(company, MAELLE) == {"support.ticket": 1}


def test_copies_that_were_found_and_that_nobody_looked_at_stop_the_answer(company, erased):
    with pytest.raises(NotAllowedError, match="still hold what claim c1 erased"):
        from troth.work import answer

        answer.answer(company, erased)
    assert verdict(company, "7.4/right/erase").word == "broken"


def test_a_ground_is_needed_and_so_is_a_second_person(company):
    number = story.ask(company, "erase", email=MAELLE)
    with pytest.raises(NotAllowedError, match="needs its ground: one of a, b, c, d, e, f"):
        decide.decide(company, number, "c1", "grant", "marie")
    decide.decide(company, number, "c1", "grant", "marie", ground="a")
    with pytest.raises(NotAllowedError, match="Somebody else reviews it"):
        decide.review(company, number, "c1", "marie")


def test_what_is_exempt_for_a_claim_of_ours_stays_and_is_told_and_the_rest_goes(company, letters):
    number = story.ask(company, "erase", email=MAELLE)
    story.grant_erasure(company, number, exemptions=["e:support.ticket:2027-12-31"])
    carry_on.carry_on(company, number)
    erase.accept_residue(company, number, "c1", "marie", STAYS)
    carry_on.carry_on(company, number)
    with closing(sqlite3.connect(company.settings.folder.parent / "support.db")) as support:
        assert support.execute("SELECT count(*) FROM newsletter WHERE email = ?", (MAELLE,)).fetchone() == (
            0,
        )
    text = next(text for to, _, text in reversed(letters()) if to == MAELLE).replace("\xa0", " ")
    assert "in support are archived until 31 December 2027, because of GDPR Art. 17(3)(e)" in text


def test_the_answer_calls_nothing_done_that_waits_for_a_hold(company, letters):
    review = company.clock().date() + timedelta(days=90)
    hold.place(company, "TC 26/0417", "Our defence.", review, "paul", about=[("email", MAELLE)])
    text = answered(company, letters)
    assert "The erasure of your data: not done yet, a legal hold keeps your data" in text
    assert "35 records in support stay as they are while a legal hold stands" in text
    assert "archived" not in text


def test_the_answer_says_that_a_hold_on_one_table_keeps_a_part(company, letters):
    review = company.clock().date() + timedelta(days=90)
    table = "support.ticket_comment"
    hold.place(company, "TC 26/0417", "Our defence.", review, "paul", about=[("email", MAELLE)], what=[table])
    text = answered(company, letters)
    assert "The erasure of your data: done in part; a legal hold keeps the rest" in text
    assert "records in billing are archived" in text


def answered(company, letters):
    number = story.ask(company, "erase", email=MAELLE)
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    erase.accept_residue(company, number, "c1", "marie", STAYS)
    carry_on.carry_on(company, number)
    return next(text for to, _, text in reversed(letters()) if to == MAELLE).replace("\xa0", " ")
