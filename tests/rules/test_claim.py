"""Each right has its own grounds, its own second person, and its own purposes it applies to."""

from datetime import date
from typing import get_args

import pytest

from troth.law import right
from troth.policy.promise import RightName
from troth.rules import claim, portable
from writing_policies import first_project, read

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def policy():
    return read(first_project())


def test_every_right_of_the_law_is_carried_out_in_some_way():
    known = {one.code for place in ("EU", "FR", "GB") for one in right.rights(place, TODAY)}
    assert known == set(claim.WAYS)
    assert set(claim.WAYS) <= set(get_args(RightName))


def test_rights_differ_by_place_and_are_the_gdprs_where_a_law_is_not_recorded():
    assert set(claim.rights_at("FR", TODAY)) - set(claim.rights_at("EU", TODAY)) == {"post_mortem"}
    assert set(claim.rights_at("GB", TODAY)) - set(claim.rights_at("EU", TODAY)) == {"complain"}
    assert claim.rights_at("CH", TODAY) == claim.rights_at("EU", TODAY)


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        ("access", ("orders", "accounts", "newsletter", "audience", "payroll")),  # payroll is in the register
        ("port", ("orders", "newsletter", "audience")),
        ("withdraw", ("newsletter", "audience")),
        ("object_marketing", ("newsletter",)),
        ("object", ()),
        ("erase", ("orders", "newsletter", "audience")),
    ],
)
def test_a_right_applies_to_the_purposes_whose_legal_basis_it_goes_with(policy, claimed, expected):
    assert claim.purposes(policy, claimed, "FR", TODAY) == expected


def test_the_matrix_says_why(policy):
    told = {one.purpose.key: one.verdict for one in claim.matrix(policy, "port", "FR", TODAY)}
    assert not told["accounts"].applies
    assert "Art. 20" in told["accounts"].law
    assert told["accounts"].reason("fr") != told["accounts"].reason("en")


def test_what_was_inferred_or_came_from_others_is_not_taken_elsewhere(policy):
    assert portable.categories(policy, "FR", TODAY) == {"identity", "contact", "order", "usage"}
    files = first_project()
    text = files["policy.md"].replace("how: observed", "how: inferred")
    assert portable.categories(read({**files, "policy.md": text}), "FR", TODAY) == {
        "identity",
        "contact",
        "order",
    }


def lacking(claimed, outcome, **more):
    return " ".join(claim.lacking(claimed, outcome, on=TODAY, **more))


@pytest.mark.parametrize(
    ("claimed", "outcome", "more", "sentence"),
    [
        ("erase", "grant", {}, "Granting an erasure needs its ground: one of a, b, c, d, e, f"),
        ("restrict", "grant", {"ground": "e"}, "Granting a restriction needs its ground: one of a, b, c, d "),
        ("object", "refuse", {"cited": "Art. 21(1)", "reason": "x"}, "compelling legitimate grounds"),
        ("access", "refuse", {"cited": "Art. 12(5)"}, "needs its reason"),
        ("access", "refuse", {"reason": "no"}, "names the article"),
        ("erase", "part", {"ground": "a", "reason": "x", "exemptions": ["z"]}, "There is no exemption 'z'"),
        ("access", "part", {"reason": "x", "exemptions": ["b"]}, "those of an erasure"),
        (
            "object_marketing",
            "refuse",
            {"cited": "x", "reason": "x", "fitting": ["newsletter"]},
            "no room for a refusal, whole or in part (GDPR Art. 21(3))",
        ),
        ("withdraw", "part", {"reason": "x", "fitting": ["newsletter"]}, "(GDPR Art. 7(3))"),
        ("object", "grant", {"chosen": ["orders"], "fitting": []}, "does not apply to the purpose 'orders'"),
    ],
)
def test_a_decision_that_lacks_something_is_told_what(claimed, outcome, more, sentence):
    assert sentence in lacking(claimed, outcome, **more)


@pytest.mark.parametrize(
    ("claimed", "outcome", "more"),
    [
        ("access", "grant", {}),
        ("restrict", "grant", {"ground": "a"}),
        ("object", "refuse", {"ground": "claims", "cited": "Art. 21(1)", "reason": "a court case"}),
        ("withdraw", "refuse", {"cited": "Art. 7(3)", "reason": "nothing rests on consent", "fitting": []}),
        ("complain", "part", {"reason": "we were late, and not wrong"}),
    ],
)
def test_a_whole_decision_lacks_nothing(claimed, outcome, more):
    assert lacking(claimed, outcome, **more) == ""


def test_the_article_of_a_ground_is_known():
    assert claim.article("restrict", "d", TODAY) == "GDPR Art. 18(1)(d)"
    assert claim.article("access", "a", TODAY) is None
