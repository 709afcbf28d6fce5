"""Data leave the Economic Area on adequacy, on a safeguard, once on a derogation, or not."""

from datetime import date

import pytest

from troth.errors import NotAllowedError, NotFoundError
from troth.law.table import read
from troth.law.transfer import Plan, adequacy, adequate, decide, module

ON = date(2026, 11, 23)


def test_from_france_to_germany_is_no_transfer():  # VX1
    verdict = decide(Plan("FR", "DE"), ON)
    assert (verdict.standing, verdict.is_transfer) == ("none needed", False)


def test_to_the_united_kingdom_it_goes_on_the_renewed_decision():  # VX2
    verdict = decide(Plan("FR", "GB"), ON)
    assert (verdict.standing, verdict.adequacy.valid_to) == ("may go", date(2031, 12, 27))
    assert "2021/1772" in verdict.because.law


@pytest.mark.parametrize("covered", [None, False])
def test_an_american_importer_off_the_list_needs_clauses_and_an_assessment(covered):  # VX3
    plan = Plan("FR", "US", covered=covered)
    verdict = decide(plan, ON)
    assert (verdict.standing, verdict.means) == ("not yet", "scc-2")
    unassessed = decide(Plan("FR", "US", covered=covered, means="scc-2"), ON)
    assert (unassessed.standing, unassessed.because.code) == ("not yet", "assessment_missing")
    assessed = decide(Plan("FR", "US", covered=covered, means="scc-2", assessed_on=date(2026, 5, 4)), ON)
    assert assessed.standing == "may go"


def test_an_american_importer_on_the_list_needs_nothing_more():
    verdict = decide(Plan("FR", "US", covered=True), ON)
    assert verdict.standing == "may go"
    assert "C-703/25 P" in verdict.adequacy.note_en


def test_a_processor_and_its_sub_processor_need_module_three():  # VX4
    verdict = decide(Plan("FR", "US", exporter_role="processor"), ON)
    assert verdict.means == "scc-3"
    wrong = decide(Plan("FR", "US", exporter_role="processor", means="scc-2", assessed_on=ON), ON)
    assert (wrong.standing, wrong.because.code, wrong.means) == ("not yet", "wrong_module", "scc-3")


def test_looking_in_from_mexico_is_a_transfer():  # VX5
    verdict = decide(Plan("FR", "MX"), ON)
    assert (verdict.is_transfer, verdict.standing) == (True, "not yet")


def test_an_irish_importer_with_an_american_parent_is_no_transfer_but_is_watched():  # VX6
    verdict = decide(Plan("FR", "IE", parent="US"), ON)
    assert not verdict.is_transfer
    assert [said.code for said in verdict.watch] == ["foreign_parent"]
    assert decide(Plan("FR", "IE", parent="DE"), ON).watch == ()


def test_a_canadian_public_body_is_not_covered():  # VX7
    assert decide(Plan("FR", "CA", covered=False), ON).standing == "not yet"
    assert decide(Plan("FR", "CA", covered=True), ON).standing == "may go"


def test_consent_to_a_transfer_does_not_carry_one_every_week():  # VX8
    weekly = decide(Plan("FR", "MX", derogation="a", repeated=True), ON)
    assert (weekly.standing, weekly.because.code) == ("forbidden", "repeated")
    assert decide(Plan("FR", "MX", derogation="a"), ON).standing == "may go"


def test_the_old_clauses_are_dead():
    verdict = decide(Plan("FR", "MX", means="scc-2010", assessed_on=ON), ON)
    assert (verdict.standing, verdict.because.code, verdict.means) == ("forbidden", "means_ended", "scc-2")
    assert "2022-12-26" in verdict.because.en
    assert decide(Plan("FR", "MX", means="scc-2010", assessed_on=date(2022, 1, 3)), date(2022, 12, 26)).means


def test_other_safeguards_go_with_any_roles():
    verdict = decide(Plan("FR", "MX", exporter_role="processor", means="bcr", assessed_on=ON), ON)
    assert (verdict.standing, verdict.means) == ("may go", "bcr")


@pytest.mark.parametrize(
    ("exporter", "importer", "code"),
    [
        ("controller", "controller", "scc-1"),
        ("controller", "processor", "scc-2"),
        ("processor", "processor", "scc-3"),
        ("processor", "controller", "scc-4"),
    ],
)
def test_two_roles_have_one_module(exporter, importer, code):
    assert module(exporter, importer) == code


def test_decisions_have_their_days():
    assert adequacy("BR", date(2026, 1, 26)) is None
    assert adequacy("BR", date(2026, 1, 27)).confidence == "verify"
    assert adequacy("US", date(2023, 7, 9)) is None
    assert adequacy("GB", date(2031, 12, 28)) is None
    countries = " ".join(each.country for each in adequate(ON))
    assert countries == "AD AR BR CA CH EPO FO GB GG IL IM JE JP KR NZ US UY"


def test_a_decision_that_ends_soon_is_watched():
    assert decide(Plan("FR", "GB"), date(2031, 10, 1)).watch[0].code == "ends_soon"
    assert decide(Plan("FR", "GB"), ON).watch == ()


def test_the_channel_islands_greenland_and_switzerland_are_not_in_the_area():
    for country in ("CH", "GB", "JE", "GG", "IM", "FO", "GL"):
        assert decide(Plan("FR", country), ON).is_transfer
    for country in ("IS", "LI", "NO"):
        assert not decide(Plan("FR", country), ON).is_transfer


def test_what_is_no_country_or_no_means_is_refused():
    with pytest.raises(NotAllowedError, match="is no country"):
        decide(Plan("FR", "?"), ON)
    with pytest.raises(NotFoundError, match="There are: scc-1"):
        decide(Plan("FR", "MX", means="handshake"), ON)
    with pytest.raises(NotFoundError, match="There are: a, b"):
        decide(Plan("FR", "MX", derogation="z"), ON)
    with pytest.raises(NotFoundError, match="out of GB follow a law that is not recorded"):
        decide(Plan("GB", "FR"), ON)


def test_every_sentence_is_said_in_both_languages():
    for row in read("transfers.toml")["outcome"]:
        assert row.text("en") != row.text("fr")
