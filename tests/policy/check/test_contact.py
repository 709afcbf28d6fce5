"""Contacts: the promises decide where there are any, and French prose is read too."""

from datetime import date

import pytest

from troth.policy.check import check
from troth.policy.loading import load

TODAY = date(2026, 11, 23)


def rules(text, file="policy.md"):
    policy = None
    if file == "policy.md":
        policy, problems = load({file: text})
        assert policy is not None, problems
    return {one.rule for one in check(text, file, today=TODAY, policy=policy)}


def group(*, entity="email: privacy@harbour.example", country="FR", rest="", prose="We answer."):
    return (
        f"# Notice\n\n## 1 Who we are\n\n{prose}\n\n```promise\ngroup:\n  title: Harbour\n  entities:\n    tools:\n"
        f"      name: Harbour Tools\n      country: {country}\n      {entity}\n{rest}```\n"
    )


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ("K01", group(entity="address: 1 Quay Street"), group()),
        (
            "K02",
            group(rest="  dpo: {address: 1 Quay Street}\n"),
            group(rest="  dpo: {email: dpo@harbour.example}\n"),
        ),
        (
            "K05",
            group(prose="You may complain to the supervisory authority."),
            group(prose="You may complain to the supervisory authority.", rest="  lead_authority: FR\n"),
        ),
        (
            "K06",
            group(country="US"),
            group(country="US", entity="representative: {name: Harbour Outils, email: eu@harbour.example}"),
        ),
    ],
)
def test_promises_decide(rule, bad, good):
    assert rule in rules(bad)
    assert rule not in rules(good)


def test_a_promise_that_lists_the_companies_speaks_for_the_prose():
    prose = "This notice binds all companies of the Harbour Group."
    assert "K04" not in rules(group(prose=prose))
    assert "K04" in rules(f"# Notice\n\n## 1 Who we are\n\n{prose}\n")


def test_an_incident_contact_among_the_promises_is_one():
    prose = "# Notice\n\n## 1 Safety\n\nIf your account was hacked, please contact us at:\n"
    promise = "\n```promise\nsecurity:\n  incident_contact: {email: security@harbour.example}\n```\n"
    assert "K03" in rules(prose)
    assert "K03" not in rules(prose + promise)


@pytest.mark.parametrize(
    ("rule", "bad", "mended"),
    [
        (
            "K02",
            "Notre délégué à la protection des données est à Calais.",
            "Écrivez-lui : dpo@harbour.example.",
        ),
        ("K03", "En cas de fuite ou d'incident, écrivez à :", "securite@harbour.example"),
        (
            "K04",
            "Cet avis lie toutes les sociétés du groupe.",
            "Ce sont Harbour Outils SAS et Harbour Tools Ltd.",
        ),
        (
            "K05",
            "Vous pouvez déposer une réclamation auprès de l'autorité de contrôle.",
            "La nôtre est la CNIL.",
        ),
        (
            "K06",
            "Cet avis lie toutes les sociétés du groupe.",
            "Notre représentant dans l'Union est à Calais.",
        ),
    ],
)
def test_french_is_read(rule, bad, mended):
    top = "# Avis\n\n## 1 Qui sommes-nous\n\n"
    assert rule in rules(f"{top}{bad}\n", "policy.fr.md")
    assert rule not in rules(f"{top}{bad}\n\n{mended}\n", "policy.fr.md")
