"""P01: prose that says something else than the promise beside it."""

from datetime import date

import pytest

from troth.policy.check import check
from troth.policy.loading import load


def contradictions(text, language="en"):
    file = "policy.md" if language == "en" else "policy.fr.md"
    policy, problems = load({file: text.strip("\n")})
    assert policy is not None, problems
    return [
        one
        for one in check(text.strip("\n"), file, today=date(2026, 11, 23), policy=policy)
        if one.rule == "P01"
    ]


def answer(prose, promise="answer:\n  within: 1 month\n  extend_by: 2 months"):
    return f"# Notice\n\n## 1 Answers\n\n{prose}\n\n```promise\n{promise}\n```\n"


@pytest.mark.parametrize(
    "prose",
    [
        "We answer in six weeks.",
        "We answer within 45 days.",
        "You wait a year: 1 year.",
        "We take 3 working days.",
    ],
)
def test_another_length_of_time_is_found(prose):
    (found,) = contradictions(answer(prose))
    assert (found.line, found.severity) == (5, "error")


@pytest.mark.parametrize(
    "prose",
    [
        "We answer within {{ answer.within }}.",
        "We answer within one month.",
        "We answer in a month, or in three months in all.",
        "We do not ask children under 15 years, or anybody 13 years old.",
        "There were 12 monkeys.",
    ],
)
def test_the_same_length_of_time_is_not(prose):
    assert contradictions(answer(prose)) == []


def test_years_are_months_and_weeks_are_days():
    promise = "retention:\n  invoices: {title: Invoices, period: 24 months, trigger: closing, then: erase}"
    assert contradictions(answer("We keep them for two years.", promise)) == []
    assert len(contradictions(answer("We keep them for 730 days.", promise))) == 1


def test_a_french_length_of_time_is_read_in_french():
    promise = "answer:\n  within: 1 month\n  extend_by: 2 months"
    french = "# Avis\n\n## 1 Réponses\n\n{}\n\n```promise\n" + promise + "\n```\n"
    assert contradictions(french.format("Nous répondons sous un mois, ou trois mois au plus."), "fr") == []
    (found,) = contradictions(french.format("Nous répondons sous quarante-huit heures."), "fr")
    assert found.length == len("quarante-huit heures")


def test_a_company_that_is_no_recipient_is_found():
    promise = (
        "recipient:\n  hosts:\n    title: Hosts\n    class: processor\n    role: processor\n"
        "    named: {acme: {name: Acme Ltd, country: GB}}"
    )
    assert contradictions(answer("We pass it to Acme Ltd.", promise)) == []
    assert len(contradictions(answer("We pass it to Zenith Cloud Inc.", promise))) == 1
