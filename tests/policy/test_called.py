"""What people call what a policy names by a key: the example's own words, in the language that is asked for."""

from pathlib import Path

import pytest

from troth.policy.called import Called
from troth.policy.loading import load

GROUP = Path(__file__).resolve().parents[2] / "examples" / "group"


@pytest.fixture(scope="module")
def policy():
    return load(
        {
            path.relative_to(GROUP).as_posix(): path.read_text("utf-8")
            for path in [*GROUP.glob("policy*.md"), *GROUP.glob("register/*.yaml")]
        }
    )[0]


def test_what_a_policy_names_is_said_by_its_own_words(policy):
    french, english = Called(policy, "fr"), Called(policy, "en")
    assert french.company("vaubrelle-logiciels") == "Vaubrelle Logiciels SAS"
    assert (english.category("usage"), french.category("contact")) == (
        "Usage",
        "Coordonnées professionnelles",
    )
    assert french.recipient("police") == "Services de police"
    assert french.purpose("contract").startswith("Exécuter nos obligations contractuelles")
    assert english.clause("7.4").startswith("7.4 ")
    assert french.clause("7.4").startswith("7.4 Droit à l’effacement")


def test_a_promise_is_said_by_its_kind_and_its_own_name_and_clause(policy):
    french, english = Called(policy, "fr"), Called(policy, "en")
    assert english.promise("7.4/right/erase") == "Right: erasure"
    assert french.promise("7.4/right/erase") == "Droit : effacement"
    assert french.promise("7.1/answer") == "Réponses aux demandes"
    assert french.promise("7.2.4/transfer/group-uk") == "Transfert : Royaume-Uni"
    assert french.clause_of("7.4/right/erase").startswith("7.4 Droit à l’effacement")


def test_what_the_policy_does_not_know_stays_as_it_is(policy):
    called = Called(policy, "fr")
    for say in (
        called.purpose,
        called.category,
        called.company,
        called.recipient,
        called.promise,
        called.clause,
    ):
        assert say("of-old") == "of-old"
    assert called.clause_of("of-old") == ""
