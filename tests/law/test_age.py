"""The age of consent is that of the place, and sixteen where a place says nothing."""

from datetime import date

import pytest

from troth.errors import NotFoundError
from troth.law.age import consent_age

ON = date(2026, 11, 23)
AGES = {
    16: "DE HR HU IE LU NL PL RO SK LI EU",
    15: "FR CZ GR SI DK",
    14: "AT BG CY ES IT LT",
    13: "BE EE FI LV MT PT SE IS NO GB",
}


@pytest.mark.parametrize(("years", "codes"), AGES.items())
def test_each_place_has_its_age(years, codes):
    for code in codes.split():
        assert consent_age(code, ON).years == years


def test_denmark_raised_its_age_in_2024():
    assert (consent_age("DK", date(2023, 12, 31)).years, consent_age("DK", date(2024, 1, 1)).years) == (
        13,
        15,
    )


def test_what_is_under_reform_is_marked():
    assert {code for code in ("ES", "NO", "DK", "FR") if consent_age(code, ON).confidence == "verify"} == {
        "ES",
        "NO",
        "DK",
    }


def test_outside_the_area_there_is_none_recorded():
    with pytest.raises(NotFoundError, match="for California"):
        consent_age("US-CA", ON)
