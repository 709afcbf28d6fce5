"""A visitor's choice decides what may be on their device, and for how long."""

from dataclasses import replace

import pytest

from troth.law.period import Period
from troth.policy.promise import ChoiceKept, Cookie, Cookies
from troth.rules.cookie import (
    Choice,
    accept,
    accepted,
    match,
    must_ask,
    read_choice,
    rule,
    table,
    write_choice,
)

NOW = 1_800_000_000
DAY = 86_400
YEAR = Period(13, "months")


def row(name, category="analytics", **more):
    return Cookie(**{"name": name, "party": "first", "category": category, "lifetime": YEAR, **more})


def promise(*rows, **more):
    kept = ChoiceKept(given=Period(6, "months"), refused=Period(12, "months"))
    told = {"choice_kept": kept, "signals": ("gpc",), **more}
    return Cookies(id="9/cookies", clause="9", file="policy.md", line=1, table=rows, **told)


ROWS = (
    row("session", "necessary", lifetime="session"),
    row("_ga*"),
    row("_ga_exact"),
    row("ads", "marketing", host="ads.example", party="third"),
    row("seen", "marketing", storage="local_storage"),
)
TABLE = table(promise(*ROWS))
YES = accept(TABLE, frozenset({"analytics"}), NOW, None, "proof1")
NO = accept(TABLE, frozenset(), NOW, None, "")


@pytest.mark.parametrize(
    ("name", "storage", "host", "found"),
    [
        ("_ga_exact", "cookie", "www.shop.example", "_ga_exact"),
        ("_ga_other", "cookie", ".shop.example", "_ga*"),
        ("_gb", "cookie", "www.shop.example", None),
        ("seen", "cookie", "www.shop.example", None),
        ("seen", "local_storage", "www.shop.example", "seen"),
        ("ads", "cookie", "t.ads.example", "ads"),
        ("ads", "cookie", "www.shop.example", None),
        ("session", "cookie", "badshop.example", None),
        ("_ga[a]", "cookie", "", "_ga*"),
    ],
)
def test_the_nearest_line_of_the_same_storage_and_host_declares(name, storage, host, found):
    line = match(TABLE, name, storage, host=host, site="www.shop.example")
    assert (line.row.name if line else None) == found


def test_a_name_is_never_a_pattern_but_for_its_stars():
    assert match(table(promise(row("a.c?"))), "abcd") is None


@pytest.mark.parametrize(
    ("name", "choice", "signal", "allowed", "because"),
    [
        ("session", None, False, True, "exempt"),
        ("_ga1", None, False, False, "not_asked"),
        ("_ga1", None, True, False, "signal"),
        ("_ga1", YES, True, True, "accepted"),
        ("ads", YES, False, False, "refused"),
        ("_ga1", NO, False, False, "refused"),
    ],
)
def test_each_ruling_says_why(name, choice, signal, allowed, because):
    ruling = rule(TABLE, choice, NOW + 1, match(TABLE, name), signal=signal)
    assert (ruling.allowed, ruling.because) == (allowed, because)
    assert ruling.seconds == (393 * DAY if because == "accepted" else None)


def test_what_nobody_declared_is_never_allowed():
    assert rule(TABLE, YES, NOW, None).because == "undeclared"


def test_a_lifetime_is_longer_only_when_no_calendar_excuses_it():
    line = match(TABLE, "_ga1")
    assert not line.longer(396 * DAY)
    assert line.longer(398 * DAY)
    assert match(TABLE, "session").longer(1)


def test_a_yes_and_a_no_run_out_each_after_its_own_time():
    assert accepted(TABLE, YES, NOW + 180 * DAY) == {"analytics"}
    assert accepted(TABLE, YES, NOW + 184 * DAY) == set()
    assert must_ask(TABLE, YES, NOW + 184 * DAY)
    assert not must_ask(TABLE, NO, NOW + 184 * DAY)
    assert must_ask(TABLE, NO, NOW + 366 * DAY)


def test_a_signal_is_a_no_that_is_not_asked_for_and_that_a_choice_overrides():
    assert must_ask(TABLE, None, NOW)
    assert not must_ask(TABLE, None, NOW, signal=True)
    assert accepted(TABLE, YES, NOW) == {"analytics"}


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        ([*ROWS, row("new")], True),
        ([*ROWS, row("new", "marketing")], False),
        ([*ROWS, row("new", "necessary")], False),
        ([ROWS[0], ROWS[1]], False),
        ([ROWS[0], row("_ga*", lifetime=Period(2, "years")), *ROWS[2:]], True),
        ([ROWS[0], row("_ga*", recipient="others"), *ROWS[2:]], True),
        ([ROWS[0], row("_ga*", path="/shop"), *ROWS[2:]], False),
    ],
    ids=["a line more", "one more of what was refused", "one more that is exempt", "lines less", "longer",
         "another recipient", "another path"],
)  # fmt: skip
def test_only_a_material_change_of_what_was_accepted_asks_again(rows, asked):
    changed = table(promise(*rows))
    assert must_ask(changed, YES, NOW + 1) is asked
    assert (accepted(changed, YES, NOW + 1) == {"analytics"}) is not asked
    assert not must_ask(changed, NO, NOW + 1)


def test_a_choice_reads_back_as_it_was_written():
    for choice in (YES, NO, Choice(NOW, unsent=True)):
        assert read_choice(write_choice(choice)) == choice


def test_a_withdrawal_that_the_server_has_not_heard_of_is_a_refusal_too():
    told = write_choice(NO) + ".u.am.0123456789abcdef"
    assert read_choice(told) == replace(NO, unsent=True)
    for wrong in (".u.am", ".u..0123", ".u.n.0123", ".u.am.", ".u.a.b.c", ".u.a." + "0" * 33):
        assert read_choice(write_choice(NO) + wrong) is None, wrong


def test_a_refusal_names_nobody():
    assert write_choice(Choice(NOW, proof="abc", since=NOW, imprints=frozenset({"abcde"}))) == write_choice(
        NO
    )
    assert write_choice(NO).strip("1.").count(".") == 0


@pytest.mark.parametrize(
    "written",
    ["", "yes", "1.zz", "2.lr3x1c....", "1.lr3x1c..a..", "1.lr3x1c....proof", "1.LR3X1C....", "1.١....",
     "1.lr3x1c.lr3x1c.a.abcd.p", "1.lr3x1c....\n", "1.lr3x1c.lr3x1c.a.abcde.p.u.u"],
)  # fmt: skip
def test_what_is_no_choice_is_none(written):
    assert read_choice(written) is None


def test_a_choice_of_the_future_is_none():
    assert accepted(TABLE, accept(TABLE, frozenset({"analytics"}), NOW + 9 * DAY, None, ""), NOW) == set()


def test_a_yes_that_goes_on_counts_from_its_beginning_and_an_interrupted_one_anew():
    again = accept(TABLE, frozenset({"analytics", "marketing"}), NOW + DAY, YES, "proof1")
    assert again.since == NOW
    assert accept(TABLE, frozenset({"analytics"}), NOW + DAY, NO, "proof2").since == NOW + DAY
