"""The file of a request has an end of its own; what remains are counts that name nobody."""

import json
from datetime import date

import pytest

import story
from commanding import troth
from troth.errors import KeyDestroyedError, NotFoundError
from troth.ledger import read, subjects, vault
from troth.ledger.verify import verify
from troth.rules.statistics import Tuple, cells
from troth.work import (
    carry_on,
    close_request,
    decide,
    destroy_file,
    give_receipt,
    letter_paper,
    request_file,
)
from troth.work.verify_proof import verify_proof

ADA = "ada@example.org"


def closed(project, email=ADA):
    number = story.ask(project, "rectify", email=email, wording="canary")
    decide.decide(project, number, "c1", "refuse", "marie", article="Art. 16", reason="it is right")
    decide.review(project, number, "c1", "paul")
    carry_on.carry_on(project, number)
    close_request.close(project, number)
    return number


def payloads(project, number):
    read_ = 0
    for event in read.stream(project.ledger, f"request/{number}"):
        try:
            read_ += bool(vault.payload(project.ledger, event))
        except KeyDestroyedError:
            continue
    return read_


def test_five_years_after_it_closed_the_file_is_destroyed_and_the_ledger_still_verifies(project, clock):
    number = closed(project)
    assert story.state(project, number)["due"] == "2031-11-23"
    clock.forward(days=5 * 365)
    assert not destroy_file.destroy_file(project, number, clock().date())
    assert payloads(project, number) > 0
    letter = story.state(project, number)["letters"][0]["event"]
    assert letter_paper.as_sent(project, number, letter)[2]
    clock.forward(days=2)
    carry_on.one_round(project)
    state = story.state(project, number)
    assert (state["file_destroyed"], state["due"]) == (True, None)
    assert payloads(project, number) == 0
    with pytest.raises(NotFoundError, match="no such page"):
        letter_paper.as_sent(project, number, letter)
    assert verify_proof(give_receipt.give_receipt(project, number, letter)).sealed  # the record stands
    assert subjects.find_subject(project.ledger, "email", ADA) is None
    assert request_file.requester(project, number) == {}
    carry_on.one_round(project)
    assert verify(project.ledger).whole
    assert story.kinds(project, number).count("request_moved") == 2


def test_who_they_are_stays_while_another_request_needs_it(project, clock):
    first = closed(project)
    second = story.ask(project, "access")
    clock.forward(days=5 * 365 + 3)
    assert destroy_file.destroy_file(project, first, clock().date())
    assert payloads(project, first) == 0
    assert subjects.find_subject(project.ledger, "email", ADA)
    assert request_file.requester(project, second)["email"] == ADA


def test_an_open_request_keeps_its_file_however_old(project, clock):
    number = story.ask(project, "access")
    clock.forward(days=4000)
    assert not destroy_file.destroy_file(project, number, clock().date())


def one(days, **more):
    told = {"entity": "main", "right": "access", "jurisdiction": "FR", "month": "2026-11", "outcome": "grant",
            "days": days, "in_time": True, "extended": False, "ground": ""}  # fmt: skip
    return Tuple(**{**told, **more})


def test_a_cell_is_counted_and_a_small_one_shows_nothing():
    (big, small) = cells([*(one(day) for day in (1, 2, 3, 4, 30)), one(2, right="erase", outcome="refuse")])
    assert (big.claims, big.answered, big.days_median, big.days_p95, big.in_time) == (5, 5, 3, 30, 5)
    assert small.right == "erase"
    assert small.claims is small.refused is None


def test_a_small_part_of_a_big_cell_shows_nobody_either():
    (cell,) = cells([*(one(3) for _ in range(9)), one(40, outcome="refuse", in_time=False)])
    assert (cell.claims, cell.answered, cell.extended) == (10, 10, 0)
    assert cell.refused is cell.in_time is None


@pytest.mark.parametrize(("days", "expected"), [([None] * 5, None), ([7] * 20, 7), ([*range(1, 21)], 19)])
def test_the_ninety_fifth_of_a_hundred_is_counted_by_rank(days, expected):
    assert cells([one(day) for day in days])[0].days_p95 == expected


def test_statistics_on_the_command_line_show_nobody(folder, project):
    for number in range(5):
        story.ask(project, "access", email=f"p{number}@example.org")
    story.ask(project, "erase")
    told = json.loads(troth(folder, "request", "statistics", "--json").out)
    assert [(cell["right"], cell["claims"]) for cell in told] == [("access", 5), ("erase", None)]
    said = troth(folder, "request", "statistics").out
    assert "< 5" in said
    month = date(2030, 1, 1).isoformat()[:7]
    assert "There is no request yet." in troth(folder, "request", "statistics", "--from", month).out
