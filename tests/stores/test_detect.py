"""Values go into the detectors, and only counts come out."""

import re
from dataclasses import fields
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import NotFoundError
from troth.rules.signs import CHECKED, Signs
from troth.stores.detect import REGIONS, TRIED_MAX, detect, libraries

TODAY = date(2026, 11, 23)
ALMOST = re.compile(r"[A-Z]{0,2}[0-9 .+:/@-]{1,30}[A-Z]?")


def kinds(*values, phones=False):
    return dict(detect(values, today=TODAY, phones=phones).kinds)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ada@shop.example", "email"),
        ("ada.o'neil+tag@bücher.example", "email"),
        ("call ada@shop.example today", "holds_email"),
        ('{"to": "ada@shop.example"}', "holds_email"),
        ("+33 1 42 68 53 00", "phone"),
        ("(212) 736-5000", "phone"),
        ("192.0.2.17", "ip"),
        ("2001:db8::17", "ip"),
        ("FR14 2004 1010 0505 0001 3M02 606", "iban"),
        ("4111 1111 1111 1111", "card"),
        ("2 95 11 78 234 567 84", "national_id"),
        ("1984-02-29", "birth_day"),
        ("29/02/1984", "birth_day"),
        ("28.2.1984", "birth_day"),
        ("12-31-1984", "birth_day"),
        ("2031-02-28 12:00:00", "day"),
        ("Zoë d'Arc", "name_like"),
        ("Please leave it with the neighbour", "prose"),
    ],
)
def test_each_kind_is_told_from_its_value(value, kind):
    assert kind in kinds(value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ada@shop", "email"),
        ("@ada", "email"),
        ("+33 1 42", "phone"),
        ("2024-01-02", "phone"),
        ("142685300", "phone"),  # digits alone are a phone's only under a phone's name
        ("1.2.3", "ip"),
        ("FR14 2004 1010 0505 0001 3M02 607", "iban"),  # one digit off
        ("4111 1111 1111 1112", "card"),
        ("0000 0000 0000 0000", "card"),
        ("2 95 11 78 234 567 85", "national_id"),
        ("2031-02-28", "birth_day"),
        ("2023-02-29", "day"),
        ("ready", "name_like"),
        ("room 12", "name_like"),
    ],
)
def test_what_only_looks_like_it_is_refused(value, kind):
    assert kind not in kinds(value)


def test_digits_alone_are_a_phone_under_a_phones_name():
    assert kinds("0142685300", phones=True) == {"phone": 1}
    assert "FR" in REGIONS


def test_shares_are_of_distinct_values_and_blanks_do_not_count():
    found = detect(["a@b.example", "A", "a@b.example", None, "  ", "c@d.example"], today=TODAY)
    assert (found.rows, found.filled, found.distinct, found.tried) == (6, 4, 3, 3)
    assert found.share("email") == pytest.approx(2 / 3)
    assert found.told("email") == "2 of 3 values are e-mail addresses"


def test_only_so_many_values_are_looked_at_closely():
    found = detect([f"p{n}@shop.example" for n in range(1_000)], today=TODAY)
    assert (found.distinct, found.tried, found.kinds) == (1_000, TRIED_MAX, {"email": TRIED_MAX})


def test_evidence_holds_numbers_and_names_of_kinds_and_nothing_else():
    found = detect(["canary@shop.example", "Canary Bird"], today=TODAY)
    for field in fields(Signs):
        value = getattr(found, field.name)
        assert isinstance(value, int) or set(value) <= set(CHECKED)
    assert "anary" not in repr(found)


def test_a_hostile_value_stops_nothing():
    odd = [
        "\x00",
        "\ud800",
        "9" * 5_000,
        "@" * 300,
        "a" * 300 + "@b.example",
        "٠١٢٣٤٥٦٧٨٩",
        "::::",
        "💥",
        "1" * 16,
    ]
    assert detect(odd, today=TODAY, phones=True).rows == len(odd)


@given(st.lists(st.text(max_size=60) | st.from_regex(ALMOST, fullmatch=True), max_size=8), st.booleans())
def test_no_text_whatever_stops_the_detectors(values, phones):
    found = detect(values, today=TODAY, phones=phones)
    assert found.rows == len(values)
    assert all(0 < count <= found.tried for count in found.kinds.values())


def test_without_the_extra_there_is_a_sentence_that_says_what_to_install():
    def missing(name):
        raise ImportError(name=name)

    with pytest.raises(NotFoundError) as raised:
        libraries(missing)
    assert str(raised.value) == (
        "Drafting a map looks at a sample of values, and `phonenumbers` is not installed to judge them. "
        "Install it with: pip install 'troth[detect]'."
    )
