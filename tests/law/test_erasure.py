"""A claim for erasure ends by category and purpose, and each end has its reason."""

from datetime import date

import pytest

from troth.errors import NotFoundError
from troth.law.erasure import Case, Erase, Keep, Wait, decide
from troth.law.table import read

ON = date(2026, 11, 23)


def test_newsletter_data_go_with_the_consent_and_leave_the_proof_and_the_suppression():  # VE1
    end = decide(Case("b", "consent", marketing=True), ON)
    assert isinstance(end, Erase)
    assert end.leaves == ("proof_of_consent", "suppression")


def test_the_invoice_of_the_same_person_stays_for_its_ten_years():  # VE2
    until = date(2036, 12, 31)
    end = decide(Case("b", "legal_obligation", exemption="b", exempt_until=until), ON)
    assert isinstance(end, Keep)
    assert (end.until, end.law) == (until, "GDPR Art. 17(3)(b)")
    assert end.en == "The data are kept: the law demands that they be kept, or a public task needs them."


def test_an_objection_nothing_was_shown_against_erases():  # VE3
    assert isinstance(decide(Case("c", "legitimate_interests", overriding=False), ON), Erase)


def test_an_objection_is_weighed_under_restriction_and_compelling_grounds_keep():  # VE4
    weighing = decide(Case("c", "legitimate_interests"), ON)
    assert isinstance(weighing, Wait)
    assert weighing.law == "GDPR Art. 18(1)(d)"
    assert isinstance(decide(Case("c", "legitimate_interests", overriding=True), ON), Keep)


def test_an_objection_to_marketing_is_never_weighed():  # VE5
    for overriding in (None, True, False):
        end = decide(Case("c", "legitimate_interests", marketing=True, overriding=overriding), ON)
        assert isinstance(end, Erase)
        assert end.leaves == ("suppression",)


def test_a_running_contract_keeps_what_it_needs_and_nothing_else():  # VE6
    assert isinstance(decide(Case("a", "contract", still_needed=True), ON), Keep)
    assert isinstance(decide(Case("a", "contract"), ON), Erase)


def test_a_hold_keeps_whatever_the_ground():  # VE7
    for ground in "abcdef":
        end = decide(Case(ground, "consent", hold=True), ON)
        assert isinstance(end, Keep)
        assert end.why == "hold"


def test_consent_that_something_else_carries_does_not_erase():
    assert decide(Case("b", "consent", other_basis=True), ON).why == "other_basis"
    assert decide(Case("b", "contract"), ON).why == "no_consent"
    assert decide(Case("c", "contract"), ON).why == "no_objection"


@pytest.mark.parametrize("ground", "def")
def test_what_is_unlawful_or_a_childs_or_must_go_goes(ground):
    assert isinstance(decide(Case(ground, "legitimate_interests"), ON), Erase)


@pytest.mark.parametrize("exemption", "abcde")
def test_each_exemption_keeps_and_says_its_article(exemption):
    end = decide(Case("a", "contract", exemption=exemption), ON)
    assert isinstance(end, Keep)
    assert end.law == f"GDPR Art. 17(3)({exemption})"
    assert "{" not in end.en + end.fr


def test_every_end_can_be_reached():
    cases = [
        Case(ground, basis, marketing, needed, other, overriding, exemption, None, hold)
        for ground in "abcdef"
        for basis in ("consent", "contract", "legitimate_interests")
        for marketing in (True, False)
        for needed in (True, False)
        for other in (True, False)
        for overriding in (True, False, None)
        for exemption in (None, "e")
        for hold in (True, False)
    ]
    reached = {decide(case, ON).why for case in cases}
    assert reached == {row.text("code") for row in read("rights.toml")["erasure_outcome"]}


def test_letters_that_are_no_grounds_are_refused():
    with pytest.raises(NotFoundError, match=r"no ground \(g\)"):
        decide(Case("g", "consent"), ON)
    with pytest.raises(NotFoundError, match=r"no exemption \(f\)"):
        decide(Case("a", "consent", exemption="f"), ON)
    with pytest.raises(NotFoundError, match="no legal basis 'because'"):
        decide(Case("a", "because"), ON)
