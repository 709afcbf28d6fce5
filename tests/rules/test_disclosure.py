"""The list of recipients is closed, and each class has its condition."""

from dataclasses import replace
from datetime import date

import pytest

from troth.rules import disclosure
from troth.rules.disclosure import Disclosure
from writing_policies import first_project, read

DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def policy():
    files = first_project()
    more = """
  police:
    title: {en: Police, fr: Police}
    class: police
    role: not_a_recipient
    country: FR
    condition: {en: to find an offence, fr: pour constater une infraction}
    requires: [requisition]
    notify: {by: nothing, because: {en: they inquire, fr: elles enquêtent}}
  abroad:
    title: {en: Printer, fr: Imprimeur}
    class: processor
    role: processor
    does: {en: prints, fr: imprime}
    named:
      japan: {name: Print KK, country: JP}
      mexico: {name: Imprenta SA, country: MX}
    requires: [agreement]
    notify: {by: itself}
  tax-office:"""
    text = files["policy.md"].replace("\n  tax-office:", more, 1)
    text = text.replace(
        "recipients: [hosting, tax-office]", "recipients: [hosting, tax-office, police, abroad]"
    )
    return read({**files, "policy.md": text})


def made(to, **more):
    told = Disclosure(to, ("order",), "accounts", DAY, {"legal_reference": "LPF Art. L81"})
    return replace(told, **more)


def codes(policy, one):
    return [code for code, _ in disclosure.lacking(policy, one)]


def test_a_disclosure_with_what_its_class_needs_lacks_nothing(policy):
    assert codes(policy, made("tax-office")) == []
    assert codes(policy, made("hosting", evidence={"agreement": "DPA 7"})) == []


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (made("tax-office", evidence={}), ["legal_reference"]),
        (made("tax-office", evidence={"legal_reference": "  "}), ["legal_reference"]),
        (made("neighbour"), ["recipient"]),
        (made("tax-office", categories=()), ["category"]),
        (made("tax-office", categories=("shoe-size",)), ["category"]),
        (made("tax-office", purpose="fun"), ["purpose"]),
        (made("tax-office", purpose="newsletter"), ["purpose"]),
        (made("police", evidence={"requisition": "R 1"}), ["two_approvals"]),
        (made("police", evidence={"requisition": "R 1"}, approved_by=("marie", "marie")), ["two_approvals"]),
        (made("police", approved_by=("marie", "paul")), ["requisition"]),
        (made("police", evidence={"requisition": "R 1"}, approved_by=("marie", "paul")), []),
        (made("abroad", evidence={"agreement": "A"}, party="japan"), []),  # adequacy
        (made("abroad", evidence={"agreement": "A"}, party="mexico"), ["transfer"]),
        (made("abroad", evidence={"agreement": "A"}, party="peru"), ["party"]),
    ],
)
def test_what_lacks_something_is_told_what(policy, one, code):
    assert codes(policy, one) == code


def test_a_wrong_recipient_is_told_the_nearest(policy):
    ((_, sentence),) = disclosure.lacking(policy, made("tax-ofice"))
    assert "tax-office" in sentence


def test_every_condition_has_words():
    asked = {one for needed in disclosure.OWED.values() for one in needed}
    assert asked == set(disclosure.WORDS)


def test_the_same_person_written_twice_is_not_two_who_approve(policy):
    twice = made("police", evidence={"requisition": "R 1"}, approved_by=("marie", "Marie "))
    assert codes(policy, twice) == ["two_approvals"]


def test_what_goes_to_a_court_needs_the_proceeding_and_a_hold():
    assert disclosure.OWED["legal_proceedings"] == ("proceeding", "hold")
