"""Incidents in the console: the hours, the notice, the letters, the register, and who may what."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfReader

from console_visits import admit_one, signed_in
from shop_project import with_another_company
from troth.ledger import read
from troth.work import incident

HOSTING = """
activity:
  hosting:
    title: {en: Hosting for customers, fr: Hébergement pour les clients}
    role: processor
    does: [{en: hosting, fr: hébergement}]
    controllers:
      mirabelle: {name: Banque Mirabelle SA, country: FR, contact: {email: dpo@mirabelle.example}}
    owner: head of operations
    reviewed: 2026-11-01
"""
PLAIN = {
    "nature": "Somebody read the list.", "consequences": "You may get mail.", "measures": "The hole is closed.",
    "advice": "Open nothing.",
}  # fmt: skip


@pytest.fixture
def folder(folder):
    with_another_company(folder)
    (folder / "register" / "hosting.yaml").write_text(HOSTING, encoding="utf-8")
    return folder


@pytest.fixture
def number(project):
    return incident.report(project, "canary-what: a laptop is gone", "intake", contact="jo@x.example").number


@pytest.fixture
def breach(project, number):
    incident.certain(project, number, "Dana Doe", project.clock(), "the log", "handler")
    return number


def assessed(client, number, risk="high", **more):
    form = {"risk": risk, "why": "passwords", "types": ["confidentiality"], "categories": ["contact"], "people": "2",
            "records": "4", "nature": "The list was read.", "consequences": "Spam.", "measures": "Closed.",
            "subjects": "customers", **more}  # fmt: skip
    return client.post(f"/console/incidents/{number}/assess", data=form)


def test_its_whole_way_from_the_report_to_the_register(project, app, clock):
    with signed_in(project, "handler", app) as client:
        once = client.get("/console/incidents/new").text.split('name="once" value="', 1)[1].partition('"')[0]
        form = {"what": "A disk is gone", "channel": "phone", "entity": "", "once": once}
        made = client.post("/console/incidents/new", data=form)
        assert client.post("/console/incidents/new", data=form).url == made.url  # pressed twice
        number = made.url.path.rpartition("/")[2]
        assert "Nobody has assessed" in made.text
        moment = {"by": "Dana", "facts": "the log", "at": "2026-11-22T08:00"}
        page = client.post(f"/console/incidents/{number}/certain", data=moment).text
        assert "46 h 0 min left" in page  # 8:00 in Paris on the day before; it is 10:00 there now
        assert "25 November 2026, 08:00 CET" in page
        assert "25 November 2026, 07:00 UTC" in page
        page = assessed(client, number).text
        assert "a high risk" in page
        assert "The people are told, since the risk is high" in page
        refused = client.post(f"/console/incidents/{number}/close", data={"lessons": "locks"})
        assert (refused.status_code, "authority was not told" in refused.text) == (422, True)
        page = client.post(f"/console/incidents/{number}/notified", data={"reference": "CNIL 47"}).text
        assert "told in time" in page
        page = client.post(f"/console/incidents/{number}/notified", data={"reference": "CNIL 48"}).text
        assert "CNIL 47" in page
        assert "CNIL 48" in page
        ground = {"ground": "unintelligible", "reason": "AES-256"}
        client.post(f"/console/incidents/{number}/exempt", data=ground)
        page = client.post(f"/console/incidents/{number}/close", data={"lessons": "lock the disks"}).text
        assert "It is closed, and stays in the register." in page
        sheet = client.get("/console/incidents/register")
        (line,) = csv.DictReader(io.StringIO(sheet.text.lstrip("\ufeff")))
        assert (line["number"], line["authority_reference"], line["lessons"]) == (
            number, "CNIL 47", "lock the disks",
        )  # fmt: skip
        assert 'filename="register-of-breaches.csv"' in sheet.headers["content-disposition"]


def test_after_the_hours_it_is_late_and_the_reasons_are_asked_for(project, app, clock, breach):
    clock.forward(hours=73, minutes=30)
    with signed_in(project, "handler", app) as client:
        page = client.get(f"/console/incidents/{breach}").text
        assert "1 h 30 min late" in page
        assert "Later moments that can be argued for" in page
        path = f"/console/incidents/{breach}/notified"
        assert "say the reasons for the delay" in client.post(path, data={"reference": "x"}).text
        page = client.post(path, data={"reference": "x", "because": "the host was silent"}).text
        assert "told late" in page
        assert "the host was silent" in page
        assert "1 h 30 min late" in client.get("/console/incidents").text or "told late" in page


def test_every_reading_of_what_was_said_is_recorded_before_it_is_shown(project, app, breach):
    with signed_in(project, "dpo", app) as client:
        assert "canary-what" not in client.get("/console/incidents?all=1").text
        assert not list(read.stream(project.ledger, f"reading/{breach}"))
        for path in ("", "/notice", "/notice?format=json", "/notice?format=pdf"):
            assert client.get(f"/console/incidents/{breach}{path}").status_code == 200
        client.get("/console/incidents/register")
        seen = [(e.actor, e.facts["screen"]) for e in read.stream(project.ledger, f"reading/{breach}")]
        assert seen == [
            ("dpo", f"console/incidents/{breach}"),
            *[("dpo", f"console/incidents/{breach}/notice")] * 3,
        ]
        assert (
            read.stream(project.ledger, "reading/incidents")[0].facts["screen"]
            == "console/incidents/register"
        )


def test_the_notice_is_seen_in_both_languages_and_given_away(project, app, breach):
    with signed_in(project, "handler", app) as client:
        assessed(client, breach)
        here = f"/console/incidents/{breach}/notice"
        page = client.get(f"{here}?in=fr").text
        assert "Conséquences probables" in page
        assert "Commission nationale" in page
        told = json.loads(client.get(f"{here}?in=en&format=json").text)
        assert (told["people"], told["follows_later"]) == (2, [])
        paper = client.get(f"{here}?in=fr&format=pdf")
        assert "Notification d" in PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()
        assert client.get(f"{here}?in=xx").status_code == 422


def test_letters_to_people_are_seen_first_and_leave_once(project, app, letters, breach):
    with signed_in(project, "handler", app) as client:
        here = f"/console/incidents/{breach}/people"
        assert "shop.customer" in client.get(here).text
        form = {**PLAIN, "source": "shop.customer", "language": "en"}
        seen = client.post(here, data=form).text
        assert "Somebody read the list." in seen
        assert "It would go to 2 addresses" in seen
        days = {"source": "shop.orders", "dated": "placed", "since": "2026-01-06", "until": ""}
        narrowed = client.post(here, data={**form, **days}).text
        assert "It would go to 1 address." in narrowed
        assert narrowed.count('name="since" value="2026-01-06"') == 1  # it is sent as it was seen
        assert "no day" in client.post(here, data={**form, **days, "since": "soon"}).text
        assert not letters()
        for _ in range(2):
            client.post(here, data={**form, "send": "1"})
            told = client.get(f"{here}/live").text
            assert "event: end" in told
        assert sorted(to for to, *_ in letters()) == ["ada@example.org", "bob@example.org"]
        assert "Written to 0; to 2 before" in client.get(f"/console/incidents/{breach}").text
        refused = client.post(here, data={**form, "listed": "x@example.org"})
        assert (refused.status_code, "one of the two" in refused.text) == (422, True)
        assert client.post(here, data={**form, "advice": ""}).status_code == 422


def test_a_controller_is_told_by_a_letter_that_was_seen(project, app, letters, breach):
    with signed_in(project, "handler", app) as client:
        here = f"/console/incidents/{breach}/controllers"
        assert "Banque Mirabelle" in client.get(here).text
        assert "dpo@mirabelle.example" in client.get(f"{here}?to=mirabelle&in=en").text
        assert not letters()
        client.post(here, data={"to": "mirabelle", "language": "en"})
        assert len(letters()) == 1
        assert "written to" in client.get(here).text
        assert client.get(f"{here}?to=nobody").status_code == 404
        client.post(here, data={"name": "Kornblume", "proof": "a call"})
        assert "Told so far: 2" in client.get(here).text
        early = {"name": "Acme", "proof": "a call", "at": "2026-11-01T08:00"}
        assert "nobody is told of a breach before it is certain" in client.post(here, data=early).text
        assert "Kornblume: " in client.get(f"/console/incidents/{breach}").text


def test_a_report_that_was_no_breach_is_dismissed_with_its_reason(project, app, number):
    with signed_in(project, "handler", app) as client:
        page = client.post(f"/console/incidents/{number}/dismiss", data={"reason": "it was found"}).text
        assert "It ended as no breach." in page
        assert "it was found" in page
        assert number not in client.get("/console/incidents").text
        assert number in client.get("/console/incidents?all=1&format=csv").text


ACTS = ("certain", "assess", "notified", "exempt", "dismiss", "close", "people", "controllers")


def test_whoever_only_reads_records_nothing(project, app, number):
    for handle in ("dpo", "reviewer", "auditor", "intake", "counsel"):
        with signed_in(project, handle, app) as client:
            done = {client.post(f"/console/incidents/{number}/{act}", data={"reason": "x"}) for act in ACTS}
            assert {one.status_code for one in done} == {403}
            assert "What to record" not in client.get(f"/console/incidents/{number}").text
    assert len(read.stream(project.ledger, f"incident/{number}")) == 1


def test_whoever_administers_sees_no_incident(project, app, number):
    with signed_in(project, "admin", app) as client:
        for path in ("", "/register", "/new", f"/{number}", f"/{number}/notice", f"/{number}/controllers"):
            assert client.get(f"/console/incidents{path}").status_code == 403


def test_another_company_of_the_group_is_closed_to_whoever_has_one(project, app):
    admit_one(project, "elsewhere", "handler", entity="other-company")
    number = incident.report(project, "theirs", "intake", entity="main-entity").number
    own = incident.report(project, "ours", "intake", entity="other-company").number
    with signed_in(project, "elsewhere", app) as client:
        listed = client.get("/console/incidents?all=1").text
        assert (own in listed, number in listed) == (True, False)
        assert client.get(f"/console/incidents/{own}").status_code == 200
        reported = client.post(
            "/console/incidents/new", data={"what": "w", "channel": "staff", "entity": "main-entity"}
        )
        assert reported.status_code == 403
        for path in ("", "/notice", "/people", "/people/live", "/controllers"):
            assert client.get(f"/console/incidents/{number}{path}").status_code == 403
        assert client.post(f"/console/incidents/{number}/dismiss", data={"reason": "x"}).status_code == 403
        assert number not in client.get("/console/incidents/register").text


def test_what_somebody_reported_is_shown_as_text_and_nothing_else(project, app):
    number = incident.report(project, "<script>alert(1)</script>", "intake").number
    with signed_in(project, "handler", app) as client:
        page = client.get(f"/console/incidents/{number}").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page
        assert client.get("/console/incidents/I-2026-999").status_code == 404


def test_an_hour_that_comes_twice_is_the_first_and_a_moment_to_come_is_refused(project, app, clock, number):
    clock.now = datetime(2027, 11, 1, tzinfo=UTC)
    with signed_in(project, "handler", app) as client:
        path, form = f"/console/incidents/{number}/certain", {"by": "D", "facts": "f"}
        assert client.post(path, data={**form, "at": "2030-01-01T08:00"}).status_code == 422
        assert client.post(path, data={**form, "at": "yesterday"}).status_code == 422
        client.post(path, data={**form, "at": "2027-10-31T02:30"})
    at = datetime.fromisoformat(incident.load(project, number).state["aware_at"])
    assert at.utcoffset() == timedelta(hours=2)


def test_the_list_goes_on_over_pages(project, app):
    for _ in range(52):
        incident.report(project, "w", "intake")
    with signed_in(project, "handler", app, "fr") as client:
        first, second = (client.get(f"/console/incidents?page={page}").text for page in (1, 2))
        assert "Page 1 sur 2" in first
        assert first.count("data-row") == 50
        assert second.count("data-row") == 2
