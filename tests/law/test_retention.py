"""A retention schedule counts by the calendar, from the event that starts it."""

from datetime import date

import pytest

from troth.errors import NotFoundError
from troth.law.retention import line, schedule

ON = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("code", "triggered", "ends"),
    [
        ("prospect", "2024-02-29", "2027-02-28"),  # VR1
        ("accounts", "2026-12-31", "2036-12-31"),  # VR2
        ("contract", "2026-06-30", "2031-06-30"),  # VR3
        ("prospect", "2025-01-10", "2028-01-10"),  # VR4: the click counts, the opened message does not
        ("audience_tracker", "2026-01-31", "2027-02-28"),  # VR7
        ("audience_data", "2026-01-31", "2028-02-29"),
        ("cookie_choice", "2026-08-31", "2027-02-28"),
        ("consumer_contract", "2026-03-01", "2036-03-01"),
        ("security_log", "2026-03-01", "2027-03-01"),
    ],
)
def test_each_line_ends_on_its_day(code, triggered, ends):
    assert line("FR", code, ON).ends(date.fromisoformat(triggered)) == date.fromisoformat(ends)


def test_every_line_of_france_has_a_period_a_trigger_and_a_law():
    lines = schedule("FR", ON)
    assert len(lines) == 22
    for each in lines:
        assert each.active or each.archive
        assert each.trigger_en != each.trigger_fr
        assert each.law
        assert each.kind in ("minimum", "limitation", "reference", "ours")


def test_alsace_moselle_keeps_what_france_keeps():
    assert schedule("FR-57", ON) == schedule("FR", ON)


def test_a_line_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(NotFoundError, match="Did you mean prospect"):
        line("FR", "prospects", ON)
    with pytest.raises(NotFoundError, match="No retention schedule is recorded for Germany"):
        line("DE", "prospect", ON)
