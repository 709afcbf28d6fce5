"""Days are those of where the controller is established, whatever the server's clock says.

Between eleven in the evening and midnight UTC it is the next day in Paris: receipt, decision,
letter and deadline all fall on that day (Regulation 1182/71 Art. 2(1)).
"""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

import story
from troth.errors import NotAllowedError
from troth.rules.disclosure import Disclosure
from troth.work import carry_on, decide, disclose, request_file
from troth.work.establishment import day_here


@pytest.fixture
def late(project, clock):
    clock.now = datetime(2026, 11, 23, 23, 20, tzinfo=UTC)
    return project


def test_a_request_is_received_decided_and_answered_on_one_local_day(late, letters):
    number = story.ask(late, "erase")
    decide.decide(late, number, "c1", "refuse", "marie", reason="A court case is open.", exemptions=["e"])
    decide.review(late, number, "c1", "paul")
    carry_on.carry_on(late, number)
    state = story.state(late, number)
    assert (state["received"], state["legal_due"]) == ("2026-11-24", "2026-12-24")
    assert state["claims"]["c1"]["decided_on"] == state["answered_on"] == state["last_on"] == "2026-11-24"
    assert "24 November 2026" in letters()[0][2]
    assert "23 November 2026" not in " ".join(text for _, _, text in letters())


def test_an_answer_in_the_last_local_hour_of_the_due_day_is_in_time_and_one_after_it_is_late(late, clock):
    number = story.ask(late, "access")
    clock.now = datetime(2026, 12, 24, 22, 30, tzinfo=UTC)
    assert request_file.today(late, request_file.load(late, number)) == date(2026, 12, 24)
    story.take_longer(late, number, "complexity", reasons="Eleven years of letters.")
    other = story.ask(late, "access", email="bob@example.org")
    clock.now = datetime(2027, 1, 25, 23, 30, tzinfo=UTC)  # received on 24 December: due by 25 January
    with pytest.raises(NotAllowedError, match="too late"):
        story.take_longer(late, other, "complexity", reasons="Eleven years of letters.")


def test_an_erasure_is_carried_out_and_told_on_the_local_day(late, letters):
    number = story.ask(late, "erase")
    story.grant_erasure(late, number)
    carry_on.carry_on(late, number)
    claim = story.state(late, number)["claims"]["c1"]
    assert {told["on"] for told in claim["stores"].values()} == {"2026-11-24"}
    assert "23 November 2026" not in letters()[-1][2]


def test_what_is_dated_by_hand_may_be_dated_today_here(late):
    assert day_here(late) == date(2026, 11, 24)
    made = Disclosure("tax-office", ("order",), "accounts", day_here(late), {"legal_reference": "LPF L81"})
    disclose.disclose(late, [("email", "ada@example.org")], made, staff="marie")
    with pytest.raises(NotAllowedError, match="future"):
        disclose.disclose(
            late, [("email", "ada@example.org")], replace(made, on=date(2026, 11, 25)), staff="marie"
        )
