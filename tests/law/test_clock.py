"""Deadlines fall where the law says, and say why."""

import json
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import NotAllowedError, NotFoundError
from troth.law.clock import Ask, Extension, deadline, receipt_day
from troth.law.jurisdiction import jurisdictions
from troth.law.working_day import is_working_day

CASES = tomllib.loads((Path(__file__).parent / "vectors.toml").read_text(encoding="utf-8"))


def day(written):
    return date.fromisoformat(written)


def identity(sent, answered=None, reason="the address is new to us"):
    return Ask("identity", day(sent), day(answered) if answered else None, reason)


def codes(due):
    return [flag.code for flag in due.flags]


@pytest.mark.parametrize("case", CASES["deadline"], ids=lambda case: case["id"])
def test_each_worked_case_gives_its_dates(case):
    due = deadline(
        case["received"],
        case["jurisdiction"],
        asks=[Ask("identity", sent, answered, "a doubt") for sent, answered in case.get("asks", [])],
        clarification=tuple(case["clarification"]) if "clarification" in case else None,
        fee_paid=case.get("fee_paid"),
        extension=Extension("complexity", case["received"]) if case.get("extended") else None,
    )
    assert (due.legal_due, due.safe_due) == (case["legal"], case["safe"]), case["why"]
    for name in ("extension_notice_latest", "extension_notice_safe"):
        if name in case:
            assert getattr(due, name) == case[name]
    assert due.state == "running"
    assert due.explanation[0].day == case["received"]


@pytest.mark.parametrize(
    "case",
    [case for case in CASES["deadline"] if "received_at" in case] + CASES["receipt"],
    ids=lambda case: case["id"],
)
def test_the_day_of_receipt_is_that_of_the_place(case):
    assert receipt_day(case["received_at"], case["tz"]) == case["received"]


def test_a_moment_without_a_zone_has_no_day():
    with pytest.raises(NotAllowedError, match="no time zone"):
        receipt_day(datetime(2026, 3, 5, 12, 0), "Europe/Paris")


@pytest.mark.parametrize("zone", ["Europe/Pariss", "", "../etc/passwd", "/etc"])
def test_a_zone_that_is_not_one_is_named(zone):
    with pytest.raises(NotFoundError, match="There is no time zone"):
        receipt_day(datetime(2026, 3, 5, tzinfo=UTC), zone)


def test_a_month_is_not_thirty_days():
    due = deadline(day("2026-03-05"), "FR")
    assert due.legal_due not in (day("2026-04-04"), day("2026-04-06"))


# ---------------------------------------------------------------- extensions


def test_an_extension_announced_late_is_void_and_says_so():
    due = deadline(day("2026-08-31"), "FR", extension=Extension("number", day("2026-10-01")))
    assert due.legal_due == day("2026-09-30")
    assert not due.extended
    assert codes(due) == ["extension_void"]
    assert due.flags[0].sentence.en == (
        "The extension was announced on Thursday 1 October 2026, after Wednesday 30 September 2026, "
        "the last day for it: it is void and the first period holds."
    )


def test_an_extension_announced_on_the_last_day_holds():
    due = deadline(day("2026-08-31"), "FR", extension=Extension("number", day("2026-09-30")))
    assert (due.legal_due, due.extended, due.flags) == (day("2026-11-30"), True, ())


def test_an_extension_nobody_is_known_to_have_announced_is_flagged():
    due = deadline(day("2026-08-31"), "FR", extension=Extension("number"))
    assert due.legal_due == day("2026-11-30")
    assert codes(due) == ["extension_unproven"]


@pytest.mark.parametrize("reason", ["", "  ", "holidays"])
def test_an_extension_needs_a_reason_the_law_knows(reason):
    with pytest.raises(NotAllowedError, match="The law knows: complexity, number"):
        deadline(day("2026-08-31"), "FR", extension=Extension(reason, day("2026-09-15")))


def test_a_period_is_not_extended_twice():
    twice = [Extension("number", day("2026-09-15")), Extension("complexity", day("2026-09-20"))]
    with pytest.raises(NotAllowedError, match="cannot be extended twice"):
        deadline(day("2026-08-31"), "FR", extension=twice)


def test_a_pause_moves_the_last_day_for_announcing_too():
    asked = [identity("2026-07-02", "2026-07-12")]
    held = deadline(day("2026-06-30"), "FR", asks=asked, extension=Extension("number", day("2026-08-10")))
    void = deadline(day("2026-06-30"), "FR", asks=asked, extension=Extension("number", day("2026-08-11")))
    assert (held.extended, void.extended) == (True, False)


def test_the_strictest_order_of_months_and_waiting_sets_the_safe_date():
    # 30 June, eighteen days of waiting: 18 October if they are added last, 17 October if added before.
    due = deadline(
        day("2026-06-30"),
        "FR",
        asks=[
            identity("2026-07-02", "2026-07-12"),
            Ask("clarification", day("2026-07-05"), day("2026-07-20")),
        ],
        extension=Extension("number", day("2026-08-01")),
    )
    assert (due.legal_due, due.safe_due) == (day("2026-10-19"), day("2026-10-16"))


@pytest.mark.parametrize(
    ("received", "waited", "extended", "safe"),
    [
        ("2026-01-28", 3, False, "2026-02-27"),  # the days first, then the month
        ("2026-01-14", 15, True, "2026-04-28"),  # the days, then one month, then two
        ("2026-01-30", 5, True, "2026-04-30"),  # one month, then two, then the days
        ("2026-06-16", 15, True, "2026-09-30"),  # one month, then the days, then two
    ],
)
def test_each_order_of_months_and_waiting_can_be_the_strictest(received, waited, extended, safe):
    start = day(received)
    ask = Ask("identity", start, start + timedelta(days=waited), "a doubt")
    due = deadline(start, "DE", asks=[ask], extension=Extension("number", start) if extended else None)
    assert due.safe_due == day(safe)
    assert any(step.sentence.key == "safe_reading" for step in due.explanation)


def test_while_an_ask_is_open_the_time_for_announcing_waits_too():
    asked = [identity("2026-09-02")]
    held = deadline(day("2026-08-31"), "FR", asks=asked, extension=Extension("number", day("2026-10-10")))
    assert (held.extended, held.legal_due, codes(held)) == (True, None, ["awaiting"])
    late = deadline(day("2026-08-31"), "FR", extension=Extension("number", day("2026-10-10")))
    assert not late.extended


# ---------------------------------------------------------------- asks


def test_an_identity_ask_needs_a_recorded_doubt():
    with pytest.raises(NotAllowedError, match="without a recorded doubt"):
        deadline(day("2026-03-02"), "FR", asks=[Ask("identity", day("2026-03-04"))])


def test_an_answer_before_its_ask_is_refused():
    with pytest.raises(NotAllowedError, match="The answer of 2026-03-03 came before the ask of 2026-03-04"):
        deadline(day("2026-03-02"), "FR", asks=[identity("2026-03-04", "2026-03-03")])


def test_an_ask_before_the_receipt_is_refused():
    with pytest.raises(NotAllowedError, match="before the request arrived"):
        deadline(day("2026-03-02"), "FR", asks=[identity("2026-03-01")])


def test_an_open_ask_leaves_no_last_day_and_nothing_overdue():
    due = deadline(day("2026-03-02"), "FR", asks=[identity("2026-03-04")], today=day("2026-12-31"))
    assert (due.legal_due, due.safe_due, due.post_by) == (None, None, None)
    assert (due.extension_notice_latest, due.refusal_latest) == (None, None)
    assert (due.state, due.overdue, due.paused_since) == ("awaiting_identity", False, day("2026-03-04"))
    assert due.paused_days == (day("2026-12-31") - day("2026-03-04")).days
    assert codes(due) == ["awaiting"]
    assert due.alerts() == ()


@pytest.mark.parametrize(
    ("days", "flags", "paused"),
    [(5, [], 7), (6, ["ask_late"], 7), (10, ["ask_late"], 7), (11, ["ask_not_credited"], 0)],
)
def test_a_slow_ask_is_warned_of_and_a_late_one_credited_nothing(days, flags, paused):
    received = day("2026-03-02")
    sent = received + timedelta(days=days)
    due = deadline(received, "FR", asks=[Ask("identity", sent, sent + timedelta(days=7), "a doubt")])
    assert (codes(due), due.paused_days) == (flags, paused)


def test_a_late_open_ask_does_not_stop_the_clock():
    due = deadline(day("2026-03-02"), "FR", asks=[identity("2026-03-30")], today=day("2026-05-01"))
    assert (due.state, due.legal_due, due.overdue) == ("running", day("2026-04-02"), True)
    assert codes(due) == ["ask_not_credited", "overdue"]


@pytest.mark.parametrize(
    ("asks", "days"),
    [
        ([("02", "12"), ("05", "20")], 18),  # overlapping
        ([("02", "12"), ("03", "08")], 10),  # one inside the other
        ([("02", "12"), ("03", "05"), ("08", "14")], 12),  # and a third that begins inside the first
        ([("02", "05"), ("05", "09")], 7),  # touching
        ([("02", "04"), ("06", "09")], 5),  # apart
        ([("02", "02")], 0),  # answered the same day
    ],
)
def test_days_that_asks_share_count_once(asks, days):
    given_asks = [identity(f"2026-07-{sent}", f"2026-07-{answered}") for sent, answered in asks]
    due = deadline(day("2026-07-01"), "FR", asks=given_asks)
    assert due.paused_days == days
    assert deadline(day("2026-07-01"), "FR", asks=given_asks[::-1]).legal_due == due.legal_due


def test_clarification_may_be_asked_for_late_in_france_and_not_elsewhere_in_the_union():
    asked = (day("2026-07-16"), day("2026-07-21"))
    french, german = (deadline(day("2026-07-01"), code, clarification=asked) for code in ("FR", "DE"))
    assert (french.paused_days, codes(french)) == (5, [])
    assert (german.paused_days, codes(german)) == (0, ["ask_not_credited"])


def test_the_state_names_what_is_waited_for():
    received = day("2026-07-01")
    for kind in ("identity", "mandate", "clarification"):
        due = deadline(received, "FR", asks=[Ask(kind, day("2026-07-02"), reason="a doubt")])
        assert due.state == f"awaiting_{kind}"


def test_an_unknown_kind_of_ask_is_refused():
    with pytest.raises(NotAllowedError, match="no ask of kind 'passport'"):
        deadline(day("2026-07-01"), "FR", asks=[Ask("passport", day("2026-07-02"))])


# ---------------------------------------------------------------- refusals


def test_a_refusal_in_the_extended_period_is_recorded_and_flagged():
    due = deadline(
        day("2026-08-31"),
        "FR",
        extension=Extension("number", day("2026-09-15")),
        refused_on=day("2026-11-15"),
    )
    assert due.legal_due == day("2026-11-30")
    assert due.refusal_latest == day("2026-09-30")
    assert codes(due) == ["late_refusal"]


def test_a_refusal_on_the_last_day_for_it_is_in_time():
    due = deadline(day("2026-08-31"), "FR", refused_on=day("2026-09-30"))
    assert (due.refusal_latest, due.flags) == (day("2026-09-30"), ())


def test_in_the_united_kingdom_a_refusal_has_the_whole_period_since_february_2026():
    extension = Extension("number", day("2026-03-10"))
    new = deadline(day("2026-03-02"), "GB", extension=extension, refused_on=day("2026-05-15"))
    assert (new.refusal_latest, codes(new)) == (new.legal_due, [])
    old = deadline(
        day("2026-02-04"),
        "GB",
        extension=Extension("number", day("2026-02-10")),
        refused_on=day("2026-04-15"),
    )
    assert codes(old) == ["late_refusal"]


# ---------------------------------------------------------------- other places


@pytest.mark.parametrize(
    ("code", "due_on"),
    [("CH", "2026-04-01"), ("BR", "2026-03-17"), ("US-CA", "2026-04-16"), ("FR", "2026-04-02")],
)
def test_each_place_has_its_own_period(code, due_on):
    assert deadline(day("2026-03-02"), code).legal_due == day(due_on)


def test_california_confirms_in_ten_business_days_and_extends_to_ninety_days():
    due = deadline(day("2026-03-02"), "US-CA", extension=Extension("volume", day("2026-04-16")))
    assert due.acknowledge_by == day("2026-03-16")
    assert due.legal_due == day("2026-03-02") + timedelta(days=90)
    late = deadline(day("2026-03-02"), "US-CA", extension=Extension("volume", day("2026-04-17")))
    assert late.legal_due == day("2026-04-16")


def test_proof_of_identity_does_not_stop_the_clock_in_california():
    due = deadline(day("2026-03-02"), "US-CA", asks=[identity("2026-03-03", "2026-03-20")])
    assert (due.legal_due, codes(due)) == (day("2026-04-16"), ["ask_without_effect"])


def test_brazil_gives_no_extension():
    with pytest.raises(NotAllowedError, match="The law of Brazil, as recorded here, gives no extension"):
        deadline(day("2026-03-02"), "BR", extension=Extension("number"))


def test_switzerland_leaves_the_length_to_the_letter():
    with pytest.raises(NotAllowedError, match="leaves the length of an extension to the letter"):
        deadline(day("2026-03-02"), "CH", extension=Extension("many files"))
    with pytest.raises(NotAllowedError, match="before the first period ends on 2026-04-01"):
        deadline(day("2026-03-02"), "CH", extension=Extension("many files", until=day("2026-03-20")))
    due = deadline(
        day("2026-03-02"), "CH", extension=Extension("many files", day("2026-03-25"), day("2026-05-29"))
    )
    assert (due.legal_due, due.extended) == (day("2026-05-29"), True)


def test_in_the_united_kingdom_the_fee_starts_the_period_and_in_the_union_it_does_not():
    received, asked, paid = day("2026-05-05"), day("2026-05-08"), day("2026-05-20")
    british = deadline(received, "GB", fee_asked=asked, fee_paid=paid)
    french = deadline(received, "FR", fee_asked=asked, fee_paid=paid)
    assert (british.legal_due, french.legal_due) == (day("2026-06-22"), day("2026-06-05"))
    waiting = deadline(received, "GB", fee_asked=asked)
    assert (waiting.state, waiting.legal_due) == ("awaiting_fee", None)


def test_in_the_united_kingdom_clarification_counts_for_access_only():
    asked = (day("2026-06-15"), day("2026-06-22"))
    access = deadline(day("2026-06-10"), "GB", clarification=asked, rights=["access", "erase"])
    erasure = deadline(day("2026-06-10"), "GB", clarification=asked, rights=["erase"])
    assert (access.legal_due, erasure.legal_due) == (day("2026-07-20"), day("2026-07-10"))
    assert codes(erasure) == ["ask_not_credited"]


def test_days_before_the_period_began_are_not_left_out_of_it():
    # Identity comes on the 20th, in the middle of the clarification: the 20th, 21st and 22nd are left out.
    due = deadline(
        day("2026-06-10"),
        "GB",
        asks=[identity("2026-06-12", "2026-06-20")],
        clarification=(day("2026-06-15"), day("2026-06-22")),
    )
    assert (due.paused_days, due.legal_due) == (3, day("2026-07-23"))


def test_clarification_asked_after_the_end_changes_nothing():
    due = deadline(day("2026-06-10"), "GB", clarification=(day("2026-07-13"), day("2026-08-01")))
    assert (due.legal_due, codes(due)) == (day("2026-07-10"), ["ask_not_credited"])


def test_clarification_asked_on_the_last_day_still_counts():
    # A month from 11 June ends on a Saturday; Monday the 13th is the last day.
    due = deadline(day("2026-06-11"), "GB", clarification=(day("2026-07-13"), day("2026-07-15")))
    assert (due.paused_days, due.legal_due) == (3, day("2026-07-14"))


def test_clarification_asked_in_an_extended_period_counts_in_it():
    due = deadline(
        day("2026-06-10"),
        "GB",
        extension=Extension("number", day("2026-07-01")),
        clarification=(day("2026-08-03"), day("2026-08-07")),
    )
    assert (due.legal_due, due.extension_notice_latest) == (day("2026-09-15"), day("2026-07-10"))


def test_the_literal_british_reading_lowers_the_safe_date_only_where_asked():
    plain, strict = (deadline(day("2026-03-02"), "GB", strict=strict) for strict in (False, True))
    assert plain.legal_due == strict.legal_due == plain.safe_due == day("2026-04-02")
    assert strict.safe_due == day("2026-04-01")


def test_the_law_of_the_day_of_receipt_counts():
    before = deadline(day("2026-02-04"), "GB").explanation
    after = deadline(day("2026-02-05"), "GB").explanation
    assert any(step.law == "UK GDPR Art. 12(3)" for step in before)
    assert any(step.law.startswith("UK GDPR Art. 12A") for step in after)


def test_before_there_was_a_law_there_is_no_period():
    with pytest.raises(NotFoundError, match="the oldest one known here begins on 2018-07-20"):
        deadline(day("2018-07-19"), "NO")


@pytest.mark.parametrize(
    ("code", "near"), [("FX", "FR"), ("Frnace", "FR"), ("germany!", "DE"), ("ZZZ9", "troth law")]
)
def test_an_unknown_place_is_answered_with_the_nearest(code, near):
    with pytest.raises(NotFoundError, match=near):
        deadline(day("2026-03-05"), code)


def test_a_moment_is_not_a_day():
    with pytest.raises(NotAllowedError, match="receipt_day"):
        deadline(datetime(2026, 3, 5, 12, tzinfo=UTC), "FR")


@pytest.mark.parametrize("year", [2100, 9999])
def test_a_day_nobody_knows_the_holidays_of_is_refused(year):
    with pytest.raises(NotAllowedError, match="too far off"):
        deadline(date(year, 1, 1), "FR")


# ---------------------------------------------------------------- what it says


def test_it_explains_itself_day_by_day_with_the_law():
    steps = deadline(day("2026-03-05"), "FR").explanation
    told = [(step.day.isoformat(), step.sentence.en, step.law) for step in steps[:5]]
    assert told == [
        (
            "2026-03-05",
            "The request arrived on Thursday 5 March 2026. The day of receipt itself is not counted.",
            "Regulation 1182/71 Art. 3(1)",
        ),
        (
            "2026-04-05",
            "1 month from Thursday 5 March 2026 ends on Sunday 5 April 2026.",
            "Regulation 1182/71 Art. 3(2)(c)",
        ),
        ("2026-04-05", "Sunday 5 April 2026 is not a working day.", "Regulation 1182/71 Art. 3(4)"),
        (
            "2026-04-06",
            "Monday 6 April 2026 is a public holiday: Easter Monday.",
            "Regulation 1182/71 Art. 3(4); Code du travail Art. L3133-1",
        ),
        (
            "2026-04-07",
            "The answer must be given by the end of Tuesday 7 April 2026. This is the legal date.",
            "GDPR Art. 12(3)",
        ),
    ]
    assert steps[3].sentence.fr == "Le lundi 6 avril 2026 est férié : Lundi de Pâques."


def test_every_step_and_flag_speaks_both_languages():
    due = deadline(
        day("2026-06-30"),
        "FR",
        asks=[
            identity("2026-07-08", "2026-07-12"),
            Ask("clarification", day("2026-07-10"), day("2026-07-20")),
        ],
        extension=Extension("number", day("2026-08-01")),
        refused_on=day("2026-10-01"),
        today=day("2026-12-01"),
    )
    assert codes(due) == ["ask_late", "late_refusal", "overdue"]
    for said in (*due.explanation, *due.flags):
        assert said.sentence.en != said.sentence.fr
        assert "{" not in said.sentence.en + said.sentence.fr
        assert said.law


def test_the_record_is_plain_and_complete():
    record = deadline(day("2026-08-31"), "FR", extension=Extension("number", day("2026-09-15"))).record("fr")
    assert json.loads(json.dumps(record)) == record
    assert record["legal_due"] == "2026-11-30"
    assert record["extension_notice_safe"] == "2026-09-30"
    assert record["explanation"][-1]["sentence"].startswith("Par courrier")
    assert record["explanation"][0]["law"] == "règlement n° 1182/71 art. 3(1)"


def test_letters_and_warnings_go_out_before_the_safe_date():
    due = deadline(day("2026-03-05"), "FR")
    assert due.safe_due == day("2026-04-03")
    assert due.post_by == day("2026-03-31")
    assert due.alerts() == (day("2026-03-20"), day("2026-03-27"), day("2026-04-01"))


@pytest.mark.parametrize(
    ("today", "overdue", "flags"),
    [
        ("2026-04-03", False, []),
        ("2026-04-04", False, ["past_safe"]),
        ("2026-04-07", False, ["past_safe"]),
        ("2026-04-08", True, ["overdue"]),
    ],
)
def test_overdue_is_decided_on_the_legal_date(today, overdue, flags):
    due = deadline(day("2026-03-05"), "FR", today=day(today))
    assert (due.overdue, codes(due)) == (overdue, flags)


# ---------------------------------------------------------------- what holds for every date

DAYS = st.dates(day("2023-09-01"), day("2035-12-31"))
PLACES = st.sampled_from([place.code for place in jurisdictions()])
ROLLING = st.sampled_from(["FR", "FR-57", "DE", "IT", "BE", "GB", "NL", "SE", "EU"])


@given(DAYS, PLACES)
def test_the_safe_date_is_a_working_day_and_never_after_the_legal_date(received, code):
    due = deadline(received, code)
    assert received < due.safe_due <= due.legal_due
    assert is_working_day(due.safe_due, code)
    assert due.post_by < due.safe_due


@given(DAYS, ROLLING)
def test_where_periods_roll_the_legal_date_is_a_working_day(received, code):
    due = deadline(received, code)
    assert is_working_day(due.legal_due, code)
    assert 28 <= (due.legal_due - received).days <= 31 + 7


@given(DAYS, PLACES)
def test_what_comes_later_is_never_due_sooner(received, code):
    earlier, later = deadline(received, code), deadline(received + timedelta(days=1), code)
    assert earlier.legal_due <= later.legal_due
    assert earlier.safe_due <= later.safe_due


@given(DAYS, ROLLING, st.integers(0, 40))
def test_an_extension_never_shortens(received, code, waited):
    extension = Extension("number", received + timedelta(days=waited))
    plain, extended = deadline(received, code), deadline(received, code, extension=extension)
    assert extended.legal_due >= plain.legal_due
    assert extended.safe_due >= plain.safe_due
    assert extended.extended == (extension.noticed_on <= plain.extension_notice_latest)


@given(DAYS, ROLLING, st.integers(0, 10), st.integers(0, 60))
def test_waiting_never_shortens_and_adds_no_more_than_its_days(received, code, asked, waited):
    sent = received + timedelta(days=asked)
    ask = Ask("identity", sent, sent + timedelta(days=waited), "a doubt")
    plain, paused = deadline(received, code), deadline(received, code, asks=[ask])
    assert paused.legal_due >= plain.legal_due
    # A pause adds its days (a restart, those since receipt and a longer month), and the roll a week at most.
    assert (paused.legal_due - plain.legal_due).days <= asked + waited + 3 + 7
