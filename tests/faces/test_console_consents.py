"""Consents in the console: counts that name nobody, one person's proof, what staff record, refusal lists of old."""

import csv
import io
import json
from collections import Counter

import pytest

from console_visits import admit_one, signed_in
from troth.faces.console import consent_pages
from troth.ledger import lease, read, subjects
from troth.policy.called import Called
from troth.rules.consent_form import WORDS
from troth.work import declare_refusals, may
from troth.work.count_consents import Counted
from troth.work.record_consent import Asked, Choice, record_consent

ADA, BOB = ([("email", f"{name}@example.org")] for name in ("ada", "bob"))
YES = Asked("paper", "en", texts={"newsletter": "0" * 64}, evidence="canary-evidence", age=40)


@pytest.fixture
def said(project, clock):
    for who in (ADA, BOB):
        record_consent(project, who, [Choice("newsletter", "given", "email")], YES)
    clock.forward(days=40)
    record_consent(project, BOB, [Choice("newsletter", "withdrawn", "email")], Asked("paper", "en"))


def counts(client):
    sheet = client.get("/console/consents?format=csv").text.lstrip("\ufeff")
    told = Counter()
    for row in csv.DictReader(io.StringIO(sheet)):
        told.update({(row["month"], name): int(row[name]) for name in ("proven", "unproven", "withdrawn")})
    return told


def test_counts_by_purpose_and_month_name_nobody_and_go_on(project, app, said):
    with signed_in(project, "auditor", app) as client:
        page = client.get("/console/consents").text
        title = Called(project.policy, "en").purpose("newsletter")
        assert f'<th scope="row">{title}</th>' in page
        assert '<th scope="row">newsletter</th>' not in page
        assert f'<option value="newsletter">{title}</option>' in page
        assert "November 2026" in page
        assert "example.org" not in page
        told = counts(client)
        assert (told["2026-11", "proven"] + told["2026-11", "unproven"], told["2027-01", "withdrawn"]) == (
            2,
            1,
        )
        record_consent(project, ADA, [Choice("newsletter", "withdrawn")], Asked("paper", "en"))
        assert counts(client)["2027-01", "withdrawn"] == 2


def test_more_than_a_page_can_count_is_counted_beside_it(project, app, said, monkeypatch):
    monkeypatch.setattr(consent_pages, "AT_ONCE", 0)
    with signed_in(project, "auditor", app) as client:
        assert 'data-live="/console/consents/live"' in client.get("/console/consents").text
        assert "event: end" in client.get("/console/consents/live").text
    counted = Counted()
    assert not counted.go_on(project.ledger, most=0)
    assert counted.go_on(project.ledger)
    assert sum(sum(one.values()) for one in counted.counts.values()) == 3


def test_consents_are_counted_also_while_another_server_counts(project, app, said, monkeypatch):
    monkeypatch.setattr(consent_pages, "AT_ONCE", 0)
    assert lease.claim(project.ledger, f"console/{consent_pages.COUNT}", 60)
    with signed_in(project, "auditor", app) as client:
        assert client.get("/console/consents").status_code == 200
        assert "event: end" in client.get("/console/consents/live").text
        assert sum(counts(client).values()) == 3


def test_one_person_is_found_by_an_exact_identifier_and_the_reading_is_recorded(project, app, said):
    form = {"kind": "email", "identifier": " BOB@example.org"}
    with signed_in(project, "dpo", app) as client:
        page = client.post("/console/consents/person", data=form).text
        assert "withdrawn" in page
        assert "canary-evidence" not in page
        bob = subjects.find_subject(project.ledger, *BOB[0])
        assert [(e.facts["screen"], e.subject) for e in read.stream(project.ledger, "reading/consents")] == [
            ("console/consents/person", bob)
        ]
        event = page.split("/console/consents/receipts/", 1)[1].split('"')[0]
        receipt = client.get(f"/console/consents/receipts/{event}")
        assert json.loads(receipt.text)["format"] == "troth receipt 1"
        assert [e.subject for e in read.stream(project.ledger, f"reading/{event}")] == [bob]
        told = client.post("/console/consents/person", data={**form, "format": "jsonld"})
        assert json.loads(told.text.splitlines()[0])["@type"] == "dpv:ConsentRecord"
        for other in ("bo@example.org", "%"):
            page = client.post("/console/consents/person", data={"kind": "email", "identifier": other}).text
            assert "Nobody is known by this identifier." in page
        assert client.post("/console/consents/person", data={"kind": "email"}).status_code == 422
        other = next(iter(read.events(project.ledger, kind="staff_moved"))).id
        assert client.get(f"/console/consents/receipts/{other}").status_code == 404
        assert client.get("/console/consents/forms/00").status_code == 404


def test_whoever_finds_no_people_finds_nobody_by_their_consents(project, app, said):
    with signed_in(project, "auditor", app) as client:
        assert "/console/consents/person" not in client.get("/console/consents").text
        form = {"kind": "email", "identifier": "bob@example.org"}
        assert client.post("/console/consents/person", data=form).status_code == 403


def test_staff_record_a_withdrawal_and_an_objection_with_their_reason(project, app, said):
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="handler")
    assert may.may(project, ADA, "newsletter", channel="email").allowed
    form = {"kind": "email", "identifier": "ada@example.org", "purpose": "newsletter", "channel": "email",
            "said": "withdrawn", "method": "oral", "language": "en", "reason": "canary: their call"}  # fmt: skip
    with signed_in(project, "handler", app) as client:
        assert client.post("/console/consents", data={**form, "reason": ""}).status_code == 422
        assert client.post("/console/consents", data={**form, "said": "cake"}).status_code == 422
        assert "It is in effect." in client.post("/console/consents", data=form).text
        assert not may.may(project, ADA, "newsletter", channel="email").allowed
        client.post("/console/consents", data={**form, "identifier": "eve@example.org", "said": "objected"})
    assert may.may(project, [("email", "eve@example.org")], "newsletter", channel="email").reason.code in {
        "suppressed", "objected_marketing", "objected",
    }  # fmt: skip
    clear = repr([dict(event.facts) for event in read.events(project.ledger)])
    assert "canary" not in clear
    with signed_in(project, "dpo", app) as client:
        assert client.post("/console/consents", data=form).status_code == 403


def test_that_there_are_no_refusals_of_old_is_declared(project, app):
    here, form = "/console/consents/refusals", {"controller": "main-entity", "channel": "email"}
    with signed_in(project, "auditor", app) as client:
        assert "Declare that none exist" not in client.get("/console/consents").text
        assert client.post(here, data=form).status_code == 403
    with signed_in(project, "handler", app) as client:
        page = client.get("/console/consents").text
        assert "declared: none exist" not in page
        assert "Of 6 ways to reach people it is not known whether somebody refused before Troth" in page
        assert '<td><span class="soft">not known</span></td>' in page  # nothing is wrong yet: no red
        assert "declared: none exist" in client.post(here, data=form).text
        assert "Of 5 ways" in client.get("/console/consents").text
        assert client.post(here, data={**form, "channel": "pigeon"}).status_code == 422
    assert ("main-entity", "email") in declare_refusals.known(project)


def test_every_word_for_what_a_yes_lacks_is_there_and_another_company_is_closed(project, app, said):
    from troth.faces.words import catalogues

    words = catalogues(face="console")["fr"]
    assert all(words.has(f"consents.lacks.{code}") for code in WORDS)
    admit_one(project, "one", "handler", entity="main-entity")
    with signed_in(project, "one", app) as client:
        assert client.get("/console/consents").status_code == 200
        form = {"kind": "email", "identifier": "ada@example.org", "format": "jsonld"}
        assert client.post("/console/consents/person", data=form).status_code == 403
        refused = client.post(
            "/console/consents/refusals", data={"controller": "elsewhere", "channel": "email"}
        )
        assert refused.status_code == 403
    with signed_in(project, "admin", app) as client:
        assert client.get("/console/consents").status_code == 403
