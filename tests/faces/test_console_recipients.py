"""Recipients and disclosures in the console: who receives, on what, who was told, and what went to whom."""

import csv
import io
from datetime import date

import pytest

from console_visits import admit_one, signed_in
from shop_project import with_a_fair
from troth.ledger import read, seal
from troth.rules.disclosure import Disclosure
from troth.work import disclose, tell_of_choices
from troth.work.record_objection import record_objection

ADA = [("email", "ada@example.org")]
TAX = Disclosure(
    "tax-office", ("order",), "accounts", date(2026, 11, 20), {"legal_reference": "canary LPF L81"}
)


@pytest.fixture
def folder(folder):
    with_a_fair(folder)
    return folder


def test_recipients_are_listed_with_country_safeguard_and_what_is_wrong_with_it(project, app):
    with signed_in(project, "auditor", app) as client:
        page = client.get("/console/recipients").text
        assert "The fair" in page
        assert "United States" in page
        assert "standard clauses" in page
        assert "doubtful" in page
        one = client.get("/console/recipients/fair").text
        assert "the clauses bear no date of signature" in one
        assert "last assessed on 2025-01-10" in one
        assert "les clauses ne portent pas de date" in client.get("/console/recipients/fair?lang=fr").text
        sheet = client.get("/console/recipients?format=csv&lang=en").text.lstrip("\ufeff")
        rows = {row["key"]: row for row in csv.DictReader(io.StringIO(sheet))}
        assert (rows["fair"]["countries"], rows["fair"]["told_by"]) == ("United States", "post")
        assert client.get("/console/recipients/nobody").status_code == 404


def test_whom_a_choice_must_be_told_to_is_settled_by_staff_and_whom_it_is_of_is_a_recorded_reading(
    project, app
):
    disclose.disclose(
        project, ADA, Disclosure("fair", ("contact",), "newsletter", date(2026, 11, 20), {"consent": "C"}),
        staff="handler",
    )  # fmt: skip
    choice = record_objection(project, ADA, actor="handler")
    while seal.seal(project.ledger) is not None:
        pass
    tell_of_choices.one_round(project)
    here = f"/console/recipients/untold/{choice.id}"
    with signed_in(project, "auditor", app) as client:
        page = client.get("/console/recipients").text
        assert "for staff to tell" in page
        assert here not in page
        assert client.get(here).status_code == 403
    with signed_in(project, "handler", app) as client:
        assert here in client.get("/console/recipients").text
        page = client.get(here).text
        assert "ada@example.org" in page
        assert [e.actor for e in read.stream(project.ledger, f"reading/{choice.id}")] == ["handler"]
        assert client.post(here, data={"recipient": "fair", "unless": "", "proof": ""}).status_code == 422
        assert (
            client.post(here, data={"recipient": "fair", "unless": "cake", "proof": "x"}).status_code == 422
        )
        done = client.post(here, data={"recipient": "fair", "unless": "", "proof": "RR 12 FR"})
        assert "Recorded." in done.text
        assert "Every recipient was told of every choice." in client.get("/console/recipients").text
        course = client.get("/console/recipients/fair").text
        assert "a choice without a request" in course
        assert "ada@" not in course
        assert client.get("/console/recipients/untold/01ABC").status_code == 404


def test_the_register_of_disclosures_names_nobody_and_a_person_is_found_by_an_exact_identifier(project, app):
    disclose.disclose(project, ADA, TAX, staff="handler")
    with signed_in(project, "dpo", app) as client:
        page = client.get("/console/recipients/disclosures").text
        assert "20 November 2026" in page
        assert "canary" not in page
        assert "ada@" not in page
        sheet = client.get("/console/recipients/disclosures?format=csv").text
        assert "tax-office" in sheet
        for asked, found in (("tax-office", True), ("fair", False)):
            of_one = client.get(f"/console/recipients/disclosures?format=csv&recipient={asked}").text
            assert ("tax-office" in of_one) is found
        assert "canary" not in sheet + page
        form = {"kind": "email", "identifier": " ADA@example.org"}
        found = client.post("/console/recipients/disclosures/about", data=form).text
        assert "20 November 2026" in found
        assert len(read.stream(project.ledger, "reading/disclosures")) == 1
        form["identifier"] = "nobody@example.org"
        assert "Nothing was recorded" in client.post("/console/recipients/disclosures/about", data=form).text
        assert client.post("/console/recipients/disclosures", data=form).status_code == 403


def test_what_the_policy_does_not_allow_is_refused_unless_it_happened(project, app):
    form = {"kind": "email", "identifier": "ada@example.org", "recipient": "tax-office", "categories": "order",
            "purpose": "accounts", "on": "2026-11-20"}  # fmt: skip
    here = "/console/recipients/disclosures"
    with signed_in(project, "handler", app) as client:
        refused = client.post(here, data=form)
        assert (refused.status_code, "lacks the law that obliges" in refused.text) == (422, True)
        assert client.post(here, data={**form, "legal_reference": "LPF"}).status_code == 200
        page = client.post(here, data={**form, "happened": "1"}).text
        assert "The disclosure is recorded." in page
        assert "law that obliges" in page
        assert client.post(here, data={**form, "legal_reference": "L", "on": "2030-01-01"}).status_code == 422
        assert client.post(here, data={**form, "legal_reference": "L", "on": "soon"}).status_code == 422
    assert [e.actor for e in disclose.disclosed(project, ADA)] == ["handler"] * 2


def test_a_role_for_one_company_does_not_reach_the_disclosures_of_the_group(project, app):
    admit_one(project, "one", "handler", entity="main-entity")
    disclose.disclose(project, ADA, TAX, staff="handler")
    with signed_in(project, "one", app) as client:
        assert client.get("/console/recipients").status_code == 200
        assert client.get("/console/recipients/disclosures").status_code == 403
        form = {"kind": "email", "identifier": "ada@example.org"}
        assert client.post("/console/recipients/disclosures/about", data=form).status_code == 403
    with signed_in(project, "admin", app) as client:
        assert client.get("/console/recipients").status_code == 403


def test_the_register_goes_on_page_after_page(project, app):
    for number in range(52):
        who = [("email", f"p{number}@example.org")]
        disclose.disclose(project, who, TAX, staff="handler")
    with signed_in(project, "auditor", app, "fr") as client:
        first = client.get("/console/recipients/disclosures").text
        assert first.count("20 novembre 2026") == 50
        older = first.split('href="/console/recipients/disclosures?before=', 1)[1].split('"')[0]
        assert (
            client.get(f"/console/recipients/disclosures?before={older}").text.count("20 novembre 2026") == 2
        )
