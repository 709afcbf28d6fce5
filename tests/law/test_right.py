"""Rights go with some legal bases and not with others, and say why."""

from datetime import date

import pytest

from troth.errors import NotFoundError
from troth.law.right import (
    BASES,
    access_items,
    applies,
    erasure_exemptions,
    erasure_grounds,
    restriction_grounds,
    right,
    rights,
)

ON = date(2026, 11, 23)
YES, NO = True, False

# consent, explicit consent, contract, legal obligation, vital interests, public task, legitimate interests
MATRIX = {
    "access": [YES, YES, YES, YES, YES, YES, YES],
    "rectify": [YES, YES, YES, YES, YES, YES, YES],
    "complete": [YES, YES, YES, YES, YES, YES, YES],
    "list_recipients": [YES, YES, YES, YES, YES, YES, YES],
    "erase": [YES, YES, YES, NO, YES, YES, YES],
    "restrict": [YES, YES, YES, YES, YES, YES, YES],
    "port": [YES, YES, YES, NO, NO, NO, NO],
    "object": [NO, NO, NO, NO, NO, YES, YES],
    "object_marketing": [YES, YES, YES, NO, NO, YES, YES],
    "review_decision": [YES, YES, YES, YES, YES, YES, YES],
    "withdraw": [YES, YES, NO, NO, NO, NO, NO],
    "post_mortem": [YES, YES, YES, YES, YES, YES, YES],
}


@pytest.mark.parametrize("claimed", MATRIX)
def test_each_right_applies_to_its_legal_bases(claimed):
    answers = [applies(claimed, basis, on=ON, jurisdiction="FR").applies for basis in BASES]
    assert answers == MATRIX[claimed]


def test_every_right_has_one_answer_for_every_basis_in_both_languages():
    for place in ("FR", "GB"):
        for each in rights(place, ON):
            for basis in BASES:
                verdict = applies(each.code, basis, on=ON, jurisdiction=place)
                assert verdict.reason("en") != verdict.reason("fr")
                assert verdict.law


@pytest.mark.parametrize(
    ("basis", "how", "yes"),
    [
        ("contract", {}, True),
        ("legitimate_interests", {}, False),
        ("consent", {"automated": False}, False),
        ("contract", {"origin": "inferred"}, False),
        ("contract", {"origin": "observed"}, True),
        ("legal_obligation", {}, False),
    ],
    ids=["VP1", "VP2", "VP3", "VP4 inferred", "VP4 observed", "VP5"],
)
def test_portability_goes_with_what_was_given_and_is_processed_by_machine(basis, how, yes):
    verdict = applies("port", basis, on=ON, **how)
    assert verdict.applies is yes
    assert yes or "access is open" in verdict.en


def test_an_objection_to_marketing_needs_marketing():
    assert applies("object_marketing", "contract", on=ON).applies
    assert not applies("object_marketing", "contract", on=ON, marketing=False).applies


@pytest.mark.parametrize(
    ("claimed", "basis", "letters"),
    [
        ("erase", "consent", "abdef"),
        ("erase", "contract", "ade"),
        ("erase", "legitimate_interests", "acd"),
        ("erase", "legal_obligation", ""),
        ("restrict", "contract", "abc"),
        ("restrict", "legitimate_interests", "abcd"),
    ],
)
def test_a_verdict_names_the_grounds_a_claim_may_rest_on(claimed, basis, letters):
    assert applies(claimed, basis, on=ON).grounds == tuple(letters)


def test_the_lists_of_the_articles_are_whole():
    assert "".join(ground.code for ground in erasure_grounds(ON)) == "abcdef"
    assert "".join(ground.code for ground in erasure_exemptions(ON)) == "abcde"
    assert "".join(ground.code for ground in restriction_grounds(ON)) == "abcd"
    laws = " ".join(item.law for item in access_items(ON))
    assert all(f"15(1)({letter})" in laws for letter in "abcdefgh")
    assert all(f"15({number})" in laws for number in (2, 3, 4))
    assert {item.sentence("fr") for item in access_items(ON)} != {
        item.sentence("en") for item in access_items(ON)
    }


def test_some_rights_belong_to_some_places_and_days():
    assert "post_mortem" in {each.code for each in rights("FR-57", ON)}
    assert "post_mortem" not in {each.code for each in rights("DE", ON)}
    assert "complain" in {each.code for each in rights("GB", ON)}
    assert "complain" not in {each.code for each in rights("GB", date(2026, 6, 18))}


def test_marketing_and_consent_stop_at_once_and_the_rest_without_delay():
    at_once = {each.code for each in rights("FR", ON) if each.pace == "at once"}
    assert at_once == {"object_marketing", "withdraw"}


def test_in_the_united_kingdom_the_law_is_named_as_there():
    assert right("erase", "GB", ON).law == "UK GDPR Art. 17"
    assert applies("object", "contract", on=ON, jurisdiction="GB").law == "UK GDPR Art. 21(1)"


def test_what_there_is_not_is_answered_with_what_there_is():
    with pytest.raises(NotFoundError, match="Did you mean erase"):
        applies("erese", "consent", on=ON)
    with pytest.raises(NotFoundError, match="There are: consent"):
        applies("erase", "contracts", on=ON)
    with pytest.raises(NotFoundError, match="only its clock is"):
        rights("US-CA", ON)
