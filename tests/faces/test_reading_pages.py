"""Anybody looks up recipients, cookies and authorities, and reads them as the policy says them."""

import hashlib
import re

import pytest

from faces.portal_client import portal
from troth.faces.words import catalogues
from troth.law.authority import authorities


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with portal(tmp_path_factory.mktemp("shop")) as found:
        yield found


@pytest.fixture
def page(shop):
    return lambda path, **more: shop[1].get(path, **more)


def test_every_recipient_of_the_policy_is_listed_by_name_and_place(shop, page):
    policy, text = shop[0].policy, page("/recipients").text
    for one in policy.recipients.values():
        assert one.title.said("en") in text
        for party in one.named:
            assert party.name in text
    assert 'href="/ask?right=list_recipients"' in text
    french = page("/recipients?lang=fr").text
    assert 'href="/ask?right=list_recipients&amp;lang=fr"' in french
    assert "Centre des impôts" in french or all(
        one.title.said("fr")[1:] in french for one in policy.recipients.values()
    )


def test_every_cookie_is_listed_and_says_whether_it_needs_consent(shop, page):
    cookies, text = shop[0].policy.cookies, page("/cookies").text
    consent, free = text.split('id="kind-necessary"')
    for one in cookies.table:
        assert f"<code>{one.name}</code>" in (free if one.category == "necessary" else consent)
    assert "Only with your consent" in consent
    assert "Without consent" in free
    assert 'href="/choices/mine"' in text


def test_the_authority_of_the_country_is_shown_and_ours_where_none_is_chosen(page):
    assert "informatique et des libertés (CNIL)" in page("/complain").text
    german = page("/complain?country=DE").text
    assert re.search(r'value="DE" selected', german)
    assert "https://www.bfdi.bund.de" in german
    british = page("/complain?country=GB&lang=fr").text
    assert "Information Commission" in british
    assert "Royaume-Uni" in british


@pytest.mark.parametrize("country", ["ZZ", "<b>", "%00", "x" * 300, "FR' OR 1=1"])
def test_a_country_without_an_authority_is_a_sentence(page, country):
    answer = page("/complain", params={"country": country})
    assert answer.status_code == 422
    assert "No authority of that country is known here." in answer.text
    assert '<option value="FR" selected>' in answer.text


def test_all_authorities_can_be_chosen(shop, page):
    text = page("/complain").text
    for one in authorities(shop[0].clock().date()):
        assert f'value="{one.country}"' in text


def test_a_right_is_ticked_by_its_address_and_each_is_explained(page):
    text = page("/ask?right=erase&right=nonsense").text
    ticked = re.findall(r'value="(\w+)" id="right-\w+" aria-describedby="[^"]*"\s*checked', text)
    assert ticked == ["erase"]
    for right in re.findall(r'name="right" value="(\w+)"', text):
        option = text.split(f'id="right-{right}"')[1].split("</dl>")[0]
        assert "What it does not do" in option
        assert re.search(r"<dt>How long</dt><dd>[A-Z][^<]{10,}", option), right


def test_the_notice_stands_in_the_frame_and_each_clause_has_an_address(shop, page):
    text = page("/notice/fr").text
    assert 'aria-current="page">Politique de confidentialité' in text
    assert "<style" not in text
    for clause in shop[0].policy.document.clauses:
        assert f'<section id="clause-{clause.number}"' in text
        assert f'<a class="number" href="#clause-{clause.number}">' in text


def test_whatever_a_page_loads_has_the_hash_of_it_in_its_address(page):
    loaded = {
        one for path in ("/notice/fr", "/verify", "/console/sign-in")
        for one in re.findall(r'(?:href|src)="([^"]*/static/[^"]*)"', page(path).text)
    }  # fmt: skip
    assert {one.rpartition("/")[2].partition("?")[0] for one in loaded} == {
        "portal.css", "portal.js", "notice.css", "console.css", "console.js",
    }  # fmt: skip
    for one in loaded:
        answer = page(one)
        assert one.partition("?")[2] == hashlib.sha256(answer.content).hexdigest()[:12]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert page(one[:-1]).headers["cache-control"] == "public, max-age=86400"


def test_what_is_not_there_says_what_to_do(page):
    for path in ("/notice/xx", "/notice/en/changes/9.9", "/notice/en/changes/0.1.0", "/static/nothing.css"):
        answer = page(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text
        assert "To the first page" in answer.text


@pytest.mark.parametrize(
    "path", ["/asked", "/follow/2026-0001-x/answer", "/preferences/enter", "/choices/say"]
)
def test_the_address_of_a_form_opened_as_a_page_leads_back(page, path):
    answer = page(path)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert "This address is used by a form, and is no page." in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("face", ["portal", "console"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503])
def test_every_error_says_what_happened_and_what_to_do(language, face, status):
    words = catalogues(face=face)[language]
    if (face, status) == ("console", 401):
        return  # whoever is not signed in is led to the door
    assert words.has(f"error.{status}.title")
    assert status == 500 or words(f"error.{status}.title") != words("error.500.title")
    advice = {
        "en": r"\b(Go|go back|Load|Look|Try|Make|Wait|Enter|Begin|Send|see and change)\b",
        "fr": r"\b(Commencez|Envoyez|voir et les changer|Revenez|Relisez|[Rr]echargez|Réessayez|Raccourcissez"
        r"|Attendez|Allez|Saisissez)\b",
    }
    assert re.search(advice[language], words(f"error.{status}.text")), words(f"error.{status}.text")


TRANSFERS = """
```promise
transfer:
  to-lyra: {country: US, mechanism: standard_clauses, module: "2", importer: Lyra Inc., signed: 2025-01-01,
            assessed: 2026-06-01, copy_from: {en: ask lyra@company.example, fr: demandez à lyra@company.example}}
  to-brit: {country: GB, mechanism: adequacy, importer: Brit Ltd}
```
"""


def test_anybody_gets_a_copy_of_the_safeguards_that_the_policy_tells_of_and_nothing_else(tmp_path):
    def promise(folder):
        path = folder / "policy.md"
        path.write_text(path.read_text("utf-8") + TRANSFERS, "utf-8")
        (folder / "safeguards").mkdir()

    with portal(tmp_path, prepare=promise) as (_, client):
        before = client.get("/recipients").text
        assert "Lyra Inc., United States" in before
        assert "ask lyra@company.example" in before
        assert "Brit Ltd, United Kingdom" not in before  # of a decision there is no copy
        assert "/safeguards/" not in before
        for name in ("to-lyra", "to-brit", "other"):
            (tmp_path / "safeguards" / f"{name}.pdf").write_bytes(b"%PDF-1.7 blacked out")
        assert 'href="/safeguards/to-lyra.pdf"' in client.get("/recipients").text
        assert "Ce qui protège les données hors de l’EEE" in client.get("/recipients?lang=fr").text
        given = client.get("/safeguards/to-lyra.pdf")
        assert (given.headers["content-type"], given.content) == ("application/pdf", b"%PDF-1.7 blacked out")
        for wrong in ("other.pdf", "to-brit.pdf", "nobody.pdf", "..%2Ftroth.toml", "%2e%2e%2fpolicy.md"):
            missing = client.get(f"/safeguards/{wrong}")
            assert (missing.status_code, b"%PDF" in missing.content) == (404, False)
