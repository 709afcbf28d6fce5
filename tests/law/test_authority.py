"""A person may complain where they live, where they work and where it happened."""

from datetime import date

import pytest

from troth.errors import NotFoundError
from troth.law.authority import authorities, authority, choices
from troth.law.jurisdiction import jurisdictions

ON = date(2026, 11, 23)


def test_every_place_but_the_union_itself_has_an_authority():
    for place in jurisdictions():
        if place.code != "EU":
            assert authority(place.code, ON).web.startswith("https://")
    with pytest.raises(NotFoundError, match="Name a member state"):
        authority("EU", ON)


def test_the_list_has_each_country_once():
    countries = [each.country for each in authorities(ON)]
    assert countries == sorted(set(countries))
    assert len(countries) == 34


def test_a_part_of_a_country_has_the_authority_of_the_country():
    assert authority("FR-57", ON) == authority("FR", ON)
    assert authority("GB-SCT", ON).short == "ICO"


def test_in_germany_companies_answer_to_the_land():
    assert "Land" in authority("DE", ON).note("en")
    assert "Land" in authority("DE", ON).note("fr")


def test_in_the_united_kingdom_the_controller_comes_first_since_june_2026():
    assert authority("GB", date(2026, 6, 18)).note("en") == ""
    assert authority("GB", ON).note("en") == "A complaint goes to the controller first."


def test_the_commission_that_will_replace_the_commissioner_is_not_named_before_its_day():
    assert authority("GB", ON).short == "ICO"
    assert authority("GB", ON, assume=["information-commission"]).name == "Information Commission"


def test_choices_name_each_authority_once_and_the_leading_one_last():
    found = choices(ON, lives_in="DE", works_in="FR", happened_in="DE", led_by="IE")
    assert [each.country for each in found] == ["DE", "FR", "IE"]
    assert choices(ON) == ()
