"""Two writings of one identifier have one exact form, and two people never share one."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.rules.identifier import exact, wide
from troth.stores.sql_dialect import forms

LETTERS = st.text(st.characters(categories=("Ll", "Lu", "Nd", "Mn"), codec="utf-8"), min_size=1, max_size=8)
LOCALS = st.text(st.sampled_from("abßsSéEe\u0301.+-ςσİıſkK\u212a"), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "Ada@Bücher.example", "ada@xn--bcher-kva.EXAMPLE"),
        ("email", "Ren\u00e9@x.example", "Rene\u0301@x.example"),
        ("email", "\u00c9lo@x.example", "e\u0301lo@x.example"),
        ("phone", "+33 (0)1 23 45 67 89", "0033-1-23-45-67-89"),
        ("iban", "fr76 3000 6000 0112", "FR76-3000-6000-0112"),
        ("national_id", "1 84 12 76 451 089 46", "184127645108946"),
    ],
)
def test_one_identifier_has_one_exact_form(kind, one, other):
    assert exact(kind, one) == exact(kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "strau\u00df@x.example", "strauss@x.example"),
        ("email", "a@stra\u00dfe.example", "a@strasse.example"),
        ("email", "a.da@x.example", "ada@x.example"),
        ("email", "ada+shop@x.example", "ada@x.example"),
        ("phone", "+33 1 23 45 67 89", "+1 23 45 67 89"),
        ("name", "Ada", "ada"),
    ],
)
def test_two_people_have_two_exact_forms(kind, one, other):
    assert exact(kind, one) != exact(kind, other)


@given(LOCALS, LOCALS)
def test_addresses_with_one_exact_form_differ_in_nothing_but_case_and_composition(one, other):
    if exact("email", f"{one}@x.example") == exact("email", f"{other}@x.example"):
        assert unicodedata.normalize("NFC", one.lower()) == unicodedata.normalize("NFC", other.lower())


@given(st.sampled_from(["email", "phone", "iban", "name", "national_id"]), LETTERS, LETTERS)
def test_the_exact_form_of_an_exact_form_is_itself(kind, one, other):
    written = exact(kind, f"{one}@{other}.example" if kind == "email" else f"{one}{other}")
    assert exact(kind, written) == written


def test_a_capital_that_falls_apart_is_put_together_again():
    written = exact("iban", "0\u0390")
    assert (written, exact("iban", written)) == ("0\u03aa\u0301", written)


def test_the_wide_form_joins_tags_and_dots_and_finds_nobody():
    assert wide("email", "a.da+shop@x.example") == wide("email", "ada@x.example")
    assert not set(forms("email", "a.da+shop@x.example")) & set(forms("email", "ada@x.example"))


NATIONAL = st.from_regex(r"0[1-9][0-9]{8}", fullmatch=True)


@given(NATIONAL, NATIONAL)
def test_two_french_numbers_are_never_looked_for_by_one_form(one, other):
    if one != other:
        assert not set(forms("phone", one, "FR")) & set(forms("phone", other, "FR"))


@given(NATIONAL)
def test_a_number_is_looked_for_as_it_is_written_at_home_and_abroad(number):
    abroad = f"+33{number[1:]}"
    assert set(forms("phone", number, "FR")) >= {number, abroad}
    assert set(forms("phone", abroad, "FR")) >= {number, abroad}
    assert abroad not in forms("phone", number)
