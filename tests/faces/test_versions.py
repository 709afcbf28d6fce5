"""Anybody sees which version of the notice held on a day, what is coming, and when it comes."""

import json
from datetime import date

import pytest
from litestar.testing import TestClient

from commanding import troth
from shop_project import opened
from troth.faces.portal.application import application
from troth.ledger import read
from troth.work import adopt_policy
from troth.work.in_force import in_force
from versions import SHORTER, publish, write_next


@pytest.fixture
def coming(folder, clock):
    """A first version of 23 November, adopted two days later, and one that comes on 5 January."""
    first = opened(folder, clock)
    publish(first)
    clock.forward(days=2)
    adopt_policy.adopt(first, "main-entity", "the board")
    write_next(folder, "0.2.0", "2027-01-05", SHORTER)
    made = opened(folder, clock)
    publish(made)
    yield made
    made.close()
    made.ledger.close()


@pytest.fixture
def portal(coming):
    with TestClient(application(coming)) as client:
        yield client


def test_the_notice_is_the_one_in_force_until_the_day_of_the_next(portal, clock):
    assert 'content="0.1.0"' in portal.get("/notice/en").text
    clock.forward(days=50)
    assert 'content="0.2.0"' in portal.get("/notice/en").text


def test_every_page_announces_what_is_coming_and_says_so_in_the_ledger_once(portal, coming, clock):
    for address in ("/", "/ask", "/report", "/preferences", "/nowhere"):
        text = portal.get(f"{address}?lang=en").text
        assert "From 5 January 2027 version 0.2.0 of our privacy notice applies." in text
        assert "5 How long we retain it" in text
    assert "À partir du 5 janvier 2027" in portal.get("/?lang=fr").text
    told = [one for one in read.stream(coming.ledger, "announcement/0.2.0") if one.kind == "change_announced"]
    assert [(one.facts["way"], one.facts["on"]) for one in told] == [("portal", "2026-11-25")]
    clock.forward(days=50)
    assert "version 0.2.0 of our privacy notice applies" not in portal.get("/?lang=en").text


def test_nothing_is_announced_before_it_is_published(folder, clock):
    publish(opened(folder, clock))
    write_next(folder, "0.2.0", "2027-01-05", SHORTER)
    with TestClient(application(opened(folder, clock))) as client:
        assert "0.2.0" not in client.get("/").text
        assert 'content="0.1.0"' in client.get("/notice/en").text
        made = opened(folder, clock)
        publish(made)
        assert "version 0.2.0 of our privacy notice applies" in client.get("/?lang=en").text, (
            "a server that runs on shows it from the publishing on"
        )
        assert [one.facts["way"] for one in read.stream(made.ledger, "announcement/0.2.0")] == ["portal"]


def test_a_regulator_sees_the_version_of_a_day_for_a_company_and_reads_it(portal):
    page = portal.get("/notice/en/versions?on=2026-11-26&entity=main-entity").text
    assert "On 26 November 2026 version 0.1.0 was in force." in page
    assert "The company adopted it on 25 November 2026." in page
    assert (
        "No record says that the company adopted it by then."
        in portal.get("/notice/en/versions?on=2026-11-24").text
    )
    assert "version 0.2.0 was in force" in portal.get("/notice/en/versions?on=2027-02-01").text
    assert (
        "Le 26 novembre 2026, la version 0.1.0 était en vigueur."
        in portal.get("/notice/fr/versions?on=2026-11-26").text
    )
    for language, words in (("en", "How long we retain it"), ("fr", "Combien de temps")):
        read_ = portal.get(f"/notice/{language}/version/0.1.0")
        assert read_.status_code == 200
        assert words in read_.text
        assert 'content="0.1.0"' in read_.text
    assert 'content="0.2.0"' in portal.get("/notice/en/version/0.2.0").text


def test_a_day_without_a_version_or_that_is_none_is_said(portal):
    before = portal.get("/notice/en/versions?on=2020-01-01")
    assert (before.status_code, "No version was in force on 1 January 2020." in before.text) == (422, True)
    assert "Write the day as year, month, day" in portal.get("/notice/en/versions?on=yesterday").text
    assert portal.get("/notice/en/versions?on=2026-11-26&entity=nobody").status_code == 422
    for address in ("/notice/xx/versions", "/notice/en/version/9.9", "/notice/xx/version/0.1.0"):
        assert portal.get(address).status_code == 404


def test_a_project_that_published_nothing_says_so(project):
    with TestClient(application(project)) as client:
        assert "No version was published yet." in client.get("/notice/en/versions").text


def test_the_answer_names_what_proves_it(coming):
    found = in_force(coming, date(2026, 11, 26), "main-entity", "fr")
    event = read.event(coming.ledger, found.event)
    assert event.facts["sha256"]["fr"] == found.sha256
    assert (found.adopted_on, in_force(coming, date(2026, 11, 24)).adopted_on) == (date(2026, 11, 25), None)


def test_on_the_command_line(coming, folder):
    said = troth(
        folder, "versions", "--on", "2026-11-26", "--entity", "main-entity", "--language", "fr", "--json"
    )
    assert json.loads(said.out)["version"] == "0.1.0"
    text = troth(folder, "versions", "--on", "2026-11-26").out
    assert "On 2026-11-26 version 0.1.0 was in force, from 2026-11-23 until 2027-01-05" in text
    assert troth(folder, "versions", "--on", "2020-01-01").code == 2
    assert troth(folder, "versions", "--entity", "main-entity").code == 2
    assert troth(folder, "versions", "--on", "2026-11-26", "--language", "de").code == 2


def test_what_a_version_changed_is_shown_clause_by_clause_and_word_by_word(portal):
    for language, gone, came, clause in (
        ("en", "Three\xa0years", "One\xa0year", "How long we retain it"),
        ("fr", "Trois\xa0ans", "Un\xa0an", "Combien de temps"),
    ):
        page = portal.get(f"/notice/{language}/changes/0.2.0")
        assert page.status_code == 200
        text = page.text.replace("&nbsp;", "\xa0")
        assert f"<del>{gone}</del>" in text, text
        assert f"<ins>{came}</ins>" in text
        assert clause in text
        assert f'href="/notice/{language}/version/0.2.0#clause-5"' in text
    assert 'href="/notice/en/changes/0.2.0"' in portal.get("/notice/en/versions").text
    assert 'href="/notice/en/changes/0.1.0"' not in portal.get("/notice/en/versions").text
    for nothing in ("/notice/en/changes/0.1.0", "/notice/en/changes/9", "/notice/xx/changes/0.2.0"):
        assert portal.get(nothing).status_code == 404
