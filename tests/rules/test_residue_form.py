"""An identifier is known again however it was written down."""

import base64
import hashlib
import html
import json
import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.rules.residue_form import Form, certain, compacted, forms

ADDRESS = "ada.lovelace+shop@example.org"


def found(kind, value, text):
    """Say of a text: True where an identifier stands in it for certain, False perhaps, None not at all."""
    sure = None
    for form in forms(kind, value):
        where = compacted(text) if form.compact else text
        if form.caseless:
            at = where.lower().find(form.pattern.lower())
        else:
            at = where.find(form.pattern)
        if at >= 0:
            sure = bool(sure) or certain(form, where, at, at + len(form.pattern))
    return sure


def dotnet(value):
    """Escape as some writers of JSON do: everything but letters and digits."""
    return "".join(c if c.isalnum() or c in ".-_@" else f"\\u{ord(c):04X}" for c in value)


@pytest.mark.parametrize(
    "written",
    [
        ADDRESS.encode(),
        ADDRESS.upper().encode(),
        f"To: <{ADDRESS}>, and others".encode(),
        f'{{"mail": "{ADDRESS}"}}'.encode(),
        json.dumps({"note": f"line one\n{ADDRESS}\tend"}).encode(),
        f'"{dotnet(ADDRESS)}"'.encode(),
        json.dumps({"body": f'{{"mail": "{dotnet(ADDRESS)}"}}'}).encode(),
        f"https://x.example/?mail={quote(ADDRESS, safe='')}&a=b".encode(),
        f"https://x.example/?mail={quote(ADDRESS, safe='@')}".encode(),
        f"mail={quote_plus(ADDRESS)}".encode(),
        f"next={quote(quote(ADDRESS, safe=''), safe='')}".encode(),
        f"<a>{ADDRESS.replace('@', '&#64;')}</a>".encode(),
        ADDRESS.encode("utf-16"),
        b"\x00\x01" + ADDRESS.encode("utf-16-be"),
        ADDRESS.encode().hex().encode(),
        base64.b64encode(ADDRESS.encode()),
        base64.b64encode(f"{ADDRESS}:password".encode()),
        base64.b64encode(f"user={ADDRESS};".encode()),
        base64.b64encode(b"12" + ADDRESS.encode()),
        base64.urlsafe_b64encode(f'{{"sub": "{ADDRESS}"}}'.encode()),
        hashlib.md5(ADDRESS.encode()).hexdigest().encode(),
        hashlib.sha1(ADDRESS.encode()).hexdigest().upper().encode(),
        b"id=" + hashlib.sha256(ADDRESS.encode()).hexdigest().encode() + b";",
        base64.b64encode(hashlib.sha256(ADDRESS.encode()).digest()),
        hashlib.sha256(ADDRESS.encode()).digest(),
    ],
)
def test_an_address_is_found_in_every_form(written):
    assert found("email", ADDRESS, written) is True


def test_an_address_is_hashed_in_small_letters_whatever_its_spelling():
    digest = hashlib.sha256(b"ada@example.org").hexdigest().encode()
    assert found("email", " Ada@Example.ORG ", digest) is True


@pytest.mark.parametrize(
    "written",
    [
        b"wada@example.org",
        b"x.ada@example.org",
        b"ada@example.org.uk",
        b"ada@example.organisation",
        b"ada@example.org-x",
        "éada@example.org".encode(),
    ],
)
def test_inside_a_longer_address_it_is_doubtful(written):
    assert found("email", "ada@example.org", written) is False


@pytest.mark.parametrize(
    "written",
    [
        b"ada@example.org.",
        b"(ada@example.org)",
        b"\\nada@example.org",
        b"%20ada@example.org",
        b"\\u003cada@example.org\\u003e",
        b"mailto:ada@example.org?x",
    ],
)
def test_marks_and_escapes_beside_it_are_no_part_of_it(written):
    assert found("email", "ada@example.org", written) is True


def test_a_hash_inside_a_longer_hash_is_doubtful():
    digest = hashlib.md5(b"ada@example.org").hexdigest()
    assert found("email", "ada@example.org", f"ab{digest}".encode()) is False


@pytest.mark.parametrize(
    "written", ["Zoë@Bücher.example", "ZOË@BÜCHER.EXAMPLE", "zoë@xn--bcher-kva.example", "Zoë@bücher.example"]
)
def test_letters_beyond_ascii_in_any_case_and_any_writing_of_the_domain(written):
    assert found("email", "zoë@bücher.example", written.encode()) is True
    assert found("email", "zoë@xn--bcher-kva.example", written.encode()) is True


def test_letters_and_accents_written_apart_are_the_same_letters():
    assert found("email", "zoë@example.org", unicodedata.normalize("NFD", "zoë@example.org").encode()) is True
    assert found("email", unicodedata.normalize("NFD", "zoë@example.org"), "ZOË@example.org".encode()) is True


def test_letters_beyond_ascii_escaped():
    for text in (
        json.dumps("zoë@example.org"),
        quote("zoë@example.org"),
        "zoë@example.org".encode("ascii", "xmlcharrefreplace").decode(),
        "zo=C3=AB@example.org",
    ):
        assert found("email", "zoë@example.org", text.encode()) is True
    assert found("email", "zoë@example.org", "zoë@example.org".encode("latin-1")) is True


def test_an_apostrophe_in_sql_and_in_html():
    for text in (
        "'o''brien@example.org'",
        "'o\\'brien@example.org'",
        html.escape("o'brien@example.org"),
        "o&#39;brien@example.org",
    ):
        assert found("email", "O'Brien@example.org", text.encode()) is True


@pytest.mark.parametrize(
    "written",
    ["+33612345678", "0612345678", "06 12 34 56 78", "06.12.34.56.78", "06-12-34-56-78", "+33 6 12 34 56 78",
     "+33 (0)6 12 34 56 78", "0033612345678", "33612345678", "tel:06\u00a012\u202f34 56 78", "call 612345678 now",
     hashlib.sha256(b"+33612345678").hexdigest(), hashlib.md5(b"33612345678").hexdigest()],
)  # fmt: skip
@pytest.mark.parametrize("known", ["+33612345678", "0033 6 12 34 56 78", "+33 06 12 34 56 78"])
def test_a_phone_number_is_found_however_it_is_grouped(known, written):
    assert found("phone", known, written.encode()) is True


@pytest.mark.parametrize("written", ["16612345678", "612345678901", "9612345678"])
def test_a_phone_number_inside_a_longer_number_is_doubtful(written):
    assert found("phone", "+33612345678", written.encode()) is False


@pytest.mark.parametrize("written", ["(555) 236-8000", "555-236-8000", "+1 555 236 8000", "15552368000"])
def test_a_phone_number_of_another_shape(written):
    assert found("phone", "+1 555 236 8000", written.encode()) is True


@pytest.mark.parametrize(
    "written",
    ["FR7630006000011234567890189", "FR76 3000 6000 0112 3456 7890 189", "fr76-3000-6000-0112-3456-7890-189"],
)
def test_an_account_number_is_found_however_it_is_grouped(written):
    assert found("iban", "FR76 3000 6000 0112 3456 7890 189", written.encode()) is True


@pytest.mark.parametrize(
    ("kind", "value"), [("id", "42"), ("name", "Ada"), ("phone", "0112"), ("iban", "FR"), ("email", "a@b")]
)
def test_what_is_too_short_is_not_searched(kind, value):
    assert forms(kind, value) == ()


def test_a_short_number_may_be_any_number():
    assert found("id", "123456", b"order 123456") is False
    assert found("id", "1234567890", b"order 1234567890") is True


def test_forms_are_always_in_the_same_order_and_none_is_empty():
    assert forms("email", ADDRESS) == forms("email", ADDRESS)
    assert len({(form.pattern, form.compact) for form in forms("email", ADDRESS)}) == len(
        forms("email", ADDRESS)
    )


@given(st.sampled_from(["email", "phone", "iban", "id", "name"]), st.text(max_size=30))
def test_any_value_has_forms_that_can_be_searched(kind, value):
    for form in forms(kind, value):
        assert isinstance(form, Form)
        assert len(form.pattern) >= 4


@given(
    st.from_regex(r"[a-z0-9]{3,12}(\.[a-z]{2,6})?@[a-z]{3,12}\.(org|example)", fullmatch=True),
    st.integers(0, 5),
)
def test_every_base64_with_an_address_in_it_is_known(address, before):
    assert found("email", address, base64.b64encode(b"x" * before + address.encode() + b"yz")) is True
