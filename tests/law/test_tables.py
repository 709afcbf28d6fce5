"""Every row of law says where it comes from, since when, and how sure we are."""

from datetime import date
from importlib.resources import files

import pytest

from troth.errors import WrongFileError
from troth.law import table
from troth.law.authority import authorities
from troth.law.jurisdiction import in_the_eea, jurisdictions, rule

AS_OF = date(2026, 11, 23)
ROWS = [
    (name, kind, row) for name in table.names() for kind, rows in table.read(name).items() for row in rows
]

# What makes two rows of a table say the same thing at the same time.
KEYS = {
    "age": ["jurisdiction"],
    "jurisdiction": ["code"],
    "ceiling": ["jurisdiction", "of"],
    "prospecting": ["jurisdiction", "channel", "addressee"],
    "rule": ["jurisdiction", "topic", "code"],
    "authority": ["country"],
    "adequacy": ["country"],
    "mechanism": ["code"],
    "derogation": ["code"],
    "right": ["code"],
    "limit": ["code"],
    "outcome": ["code"],
    "erasure_ground": ["code"],
    "erasure_exemption": ["code"],
    "restriction_ground": ["code"],
    "access_item": ["code"],
    "erasure_outcome": ["code"],
    "add": ["country", "every"],
    "drop": ["country", "named"],
}

WHOLE = """
[[rule]]
period = "1 month"
valid_from = 2018-05-25
status = "in_force"
nature = "law"
confidence = "known"
source = "GDPR Art. 12(3)"
"""


def test_all_tables_are_walked():
    assert table.names() == (
        "ages.toml",
        "authorities.toml",
        "clocks.toml",
        "cookies.toml",
        "holidays.toml",
        "jurisdictions.toml",
        "prospecting.toml",
        "retention.toml",
        "rights.toml",
        "transfers.toml",
    )
    assert len(ROWS) > 250


@pytest.mark.parametrize("row", [row for _, _, row in ROWS], ids=[f"{name} {kind}" for name, kind, _ in ROWS])
def test_each_row_has_its_source_date_and_confidence(row):
    assert row.source.strip()
    assert row.confidence in table.CONFIDENCES
    assert row.nature in table.NATURES
    assert row.valid_from is not None or row.pack


def test_no_row_in_force_says_nothing():
    for name, kind, row in ROWS:
        for field, value in row.says.items():
            assert value not in ("", []), f"{name} {kind}: {field} is empty"


@pytest.mark.parametrize("kind", KEYS)
def test_no_two_rows_say_different_things_for_the_same_day(kind):
    for name in table.names():
        rows = table.read(name).get(kind, ())
        assert table.overlapping(rows, KEYS[kind]) == ()


def test_each_kind_of_row_but_the_matrix_is_held_to_that():
    assert {kind for _, kind, _ in ROWS} - set(KEYS) == {"matrix"}


def test_english_and_french_stand_side_by_side():
    for name, kind, row in ROWS:
        for english in [field for field in row.says if field == "en" or field.endswith("_en")]:
            french = english[:-2] + "fr"
            assert row.says.get(french), f"{name} {kind}: {row.says[english]!r} has no French"


def test_a_pending_row_counts_for_nobody_who_did_not_ask():
    pending = [row for _, _, row in ROWS if row.pack]
    assert {row.pack for row in pending} == {"digital-omnibus", "information-commission"}
    for row in pending:
        assert not row.counts(date(2099, 1, 1))
        assert row.counts(date(2099, 1, 1), assume=[row.pack])
    assert rule("FR", "breach", AS_OF).whole("hours") == 72
    assert rule("FR", "breach", AS_OF, assume=["digital-omnibus"]).whole("hours") == 96


def test_what_was_not_checked_is_marked_so():
    unsure = {row.source for _, _, row in ROWS if row.confidence == "verify"}
    for fragment in (
        "Décret 2019-536 Art. 77",
        "délib. 2021-131",
        "adequacy decision for Brazil",
        "SI 2026/386",
    ):
        assert any(fragment in source for source in unsure), fragment


def test_every_place_has_its_clock_today():
    for place in jurisdictions():
        assert rule(place.code, "answer", AS_OF) is not None
        assert rule(place.code, "counting", AS_OF) is not None


def test_every_country_of_the_economic_area_has_a_pack():
    members = {each.country for each in authorities(AS_OF)} - {"GB", "CH", "BR", "US-CA"}
    assert len(members) == 30
    assert members == {place.code for place in jurisdictions() if in_the_eea(place.code)} - {"EU", "FR-57"}


def test_a_whole_row_is_read():
    (row,) = table.parse(WHOLE, "law.toml")["rule"]
    assert str(row.period("period")) == "1 month"
    assert row.counts(date(2018, 5, 25))
    assert not row.counts(date(2018, 5, 24))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('source = "GDPR Art. 12(3)"', 'source = " "', "The row has no source."),
        (
            "valid_from = 2018-05-25",
            'valid_from = "2018-05-25"',
            "The row does not say since when",
        ),
        ("valid_from = 2018-05-25", "", "The row does not say since when"),
        ('confidence = "known"', 'confidence = "sure"', "The confidence is 'sure'."),
        ('nature = "law"', "", "The nature is None."),
        ('status = "in_force"', 'status = "pending"', "A pending row has a day from which it is valid."),
        ('status = "in_force"', 'status = "pending"', "A pending row belongs to no pack."),
        (
            'status = "in_force"',
            'status = "in_force"\nvalid_to = 2018-05-24',
            "The row ends before it begins",
        ),
    ],
)
def test_a_row_with_a_gap_is_named_with_its_line(old, new, what):
    with pytest.raises(WrongFileError) as raised:
        table.parse(WHOLE.replace(old, new), "law.toml")
    problem = next(problem for problem in raised.value.problems if problem.what.startswith(what))
    assert (problem.file, problem.line) == ("law.toml", 2)
    assert problem.remedy.endswith(".")


def test_all_mistakes_of_a_file_are_told_at_once():
    broken = WHOLE.replace('source = "GDPR Art. 12(3)"', "")
    with pytest.raises(WrongFileError) as raised:
        table.parse(broken + broken, "law.toml")
    assert len(raised.value.problems) == 2


def test_a_file_that_is_no_toml_is_named_with_its_place():
    with pytest.raises(WrongFileError) as raised:
        table.parse("[[rule]]\nperiod = 1 month\n", "law.toml")
    assert raised.value.problems[0].line == 2


def test_overlapping_rows_are_found():
    later = WHOLE.replace("2018-05-25", "2020-01-01")
    rows = table.parse(WHOLE + later, "law.toml")["rule"]
    assert len(table.overlapping(rows, ["topic"])) == 1
    ended = WHOLE.replace("2018-05-25", "2018-05-25\nvalid_to = 2019-12-31")
    rows = table.parse(ended + later, "law.toml")["rule"]
    assert table.overlapping(rows, ["topic"]) == ()


def test_the_tables_ship_with_the_package():
    assert (files("troth.law") / "data" / "clocks.toml").is_file()
