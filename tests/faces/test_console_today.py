"""The first page: what waits for whom, what is due, and nothing that is not theirs to see."""

import re
import threading
from datetime import timedelta

import pytest

import story
from console_visits import admit_all, admit_one, signed_in
from troth.faces.console.chart import chart
from troth.faces.console.heard import Heard
from troth.faces.portal.application import application
from troth.outside.mail import Sent
from troth.work import admit, decide, draft_policy, hold, incident, inspection, write_to
from troth.work import today as work
from troth.work.audit import audit

APPS = {}


@pytest.fixture
def number(project, clock):
    admit_all(project)
    made = story.ask(project, "erase", wording="Forget me, says Ada.")
    clock.forward(days=2)
    return made


@pytest.fixture(autouse=True)
def app(project):
    """One application of a project: it takes longer to make than a page to draw."""
    made = APPS[id(project)] = application(project)
    yield made
    APPS.clear()


def first_page(project, handle, language="en"):
    with signed_in(project, handle, APPS[id(project)], language) as client:
        answer = client.get("/console")
        assert answer.status_code == 200
        return answer.text


def test_a_decision_waits_for_the_handler_and_its_review_for_somebody_else(project, number):
    assert "?waits=decide" in first_page(project, "handler")
    assert "?waits=decide" not in first_page(project, "reviewer")
    decide.decide(project, number, "c1", "grant", "reviewer", ground="a")  # such as a deputy did
    assert "?waits=review" not in first_page(project, "reviewer")
    admit_one(project, "paul", "reviewer")
    page = first_page(project, "paul")
    assert "?waits=review" in page
    assert "review the decision" in page
    assert f"/console/requests/{number}" in page


def test_nothing_personal_is_on_it_and_roles_without_requests_see_none(project, number):
    for handle in ("handler", "reviewer", "dpo", "intake", "auditor", "counsel"):
        page = first_page(project, handle)
        assert number in page
        assert "ada@example.org" not in page
        assert "says Ada" not in page
    assert number not in first_page(project, "admin")


def test_another_entity_is_not_shown(project, number):
    admit_one(project, "elsa")
    admit.record(project, "elsa", {"move": "granted", "role": "handler", "entity": "elsewhere"}, "root")
    page = first_page(project, "elsa")
    assert number not in page
    assert "?waits=" not in page


def test_overdue_and_due_soon_are_counted_by_day(project, number, clock):
    assert (work.overdue(project, None), work.soon(project, None, clock().date() + timedelta(days=60))) == (
        0,
        1,
    )
    clock.forward(days=60)
    assert work.overdue(project, None) == 1
    assert "overdue" in first_page(project, "handler")


def test_hours_of_an_incident_are_said(project, clock):
    admit_all(project)
    found = incident.report(project, "A laptop was lost.", "dpo", channel="staff")
    incident.certain(project, found.number, "dpo", clock(), "It held addresses.", "dpo")
    clock.forward(hours=10)
    assert "62 hours left" in first_page(project, "dpo")
    clock.forward(hours=61)
    assert ("1 hour left" in first_page(project, "dpo"), "1 heure restante" in first_page(project, "dpo", "fr")) == (
        True, True,
    )  # fmt: skip


def test_months_are_drawn_with_their_table_in_both_languages(project, number):
    assert "open at the end of the month" in first_page(project, "handler")
    page = first_page(project, "handler", "fr")
    assert "ouvertes à la fin du mois" in page
    assert '<polyline points="' in page
    assert work.months(project, None)[-1].came == 1


def test_a_curve_has_a_gap_where_nothing_was_answered():
    drawn = chart("Days", ["a", "b", "c", "d"], [("median", [1, None, 3, 4])])
    assert len(drawn.curves[0].pieces) == 1
    assert len(drawn.curves[0].dots) == 3
    assert [values for _, values in drawn.rows] == [("1",), ("–",), ("3",), ("4",)]


def test_the_month_that_is_not_over_is_drawn_as_such():
    drawn = chart("Days", ["a", "b", "c"], [("median", [1, 3, 0])], is_going=True)
    assert [len(one.split()) for one in drawn.curves[0].pieces] == [2]
    assert len(drawn.curves[0].dots) == 2
    assert drawn.curves[0].going[1] == (630.0, 146.0)
    alone = chart("Days", ["a", "b"], [("median", [None, 0])], is_going=True).curves[0]
    assert (alone.pieces, alone.dots, alone.going[0]) == ((), (), "")


def test_months_are_written_as_people_do_and_the_present_one_is_marked(project, number):
    page = first_page(project, "handler", "fr")
    assert "nov. 2026" in page
    assert "2026-11<" not in page
    assert page.count("(en cours)") == 1


def test_a_broken_promise_is_told_in_words_with_its_clause_and_leads_to_its_verdict(project, number, clock):
    clock.forward(days=60)
    audit(project)
    page = first_page(project, "auditor", "fr")
    link = re.search(
        r'<li><a href="/console/audit#([^"]+)">Réponses aux demandes</a> <span class="soft">(.*?)<', page
    )
    assert link is not None
    assert link[2].startswith(link[1].partition("/")[0] + " ")  # the number of the clause, and its title
    with signed_in(project, "auditor", APPS[id(project)], "fr") as client:
        verdicts = client.get("/console/audit").text
    assert f'id="{link[1]}"' in verdicts
    assert "Réponses aux demandes <code" in verdicts
    with signed_in(project, "handler", APPS[id(project)], "fr") as client:  # who reads requests
        client.post("/console/audit/run")
        with client.stream("GET", "/console/audit/live") as followed:
            assert "event: end" in "".join(followed.iter_text())
        mended = re.findall(
            r'Ce qui y remédie : <a href="([^"]+)">([^<]+)</a> .*?<code>([^<]+)<',
            client.get("/console/audit").text,
        )
    assert ("/console/requests", "Demandes", "troth request list") in mended


def test_what_presses_beside_requests_is_told_to_whom_it_concerns(project, clock):
    admit_all(project)
    admit_one(project, "elsewhere.dpo")
    elsewhere = {"move": "granted", "role": "dpo", "entity": "elsewhere"}
    admit.record(project, "elsewhere.dpo", elsewhere, "root")
    placed = hold.place(project, "A claim.", "Our defence.", clock().date() + timedelta(days=20), "counsel")
    visit = inspection.open_inspection(project, "CNIL", ["contact"], "counsel").number
    draft = draft_policy.begin(project, "handler", "spring")
    draft = draft_policy.write_prose(project, draft, "policy.md", "7", "Other words.", "handler")
    held = f"/console/sweeps/holds/{placed.state['name']}"
    assert held not in first_page(project, "dpo")
    clock.forward(days=21)
    page = first_page(project, "dpo")
    assert held in page
    assert f"/console/audit/inspections/{visit}" in page
    assert "The draft spring waits for your advice." in page
    assert "The draft spring waits for your approval." in first_page(project, "counsel")
    assert "/policy/spring" not in first_page(project, "handler")
    assert "was to be looked at again" in page
    assert "devait être revu" in first_page(project, "dpo", "fr")
    other = first_page(project, "elsewhere.dpo")
    assert (held in other, visit in other, "/policy/spring" in other) == (False, False, False)
    draft_policy.advise(project, draft, "agrees", "Well said.", "dpo")
    assert "/policy/spring" not in first_page(project, "dpo")


def test_the_first_page_of_whoever_administers_says_what_does_not_run(project, clock, folder):
    admit_all(project)
    page = first_page(project, "admin")
    assert "Accounts in use without a second factor: 7." in page
    assert "the worker does not run" not in page
    clock.forward(minutes=5)
    (folder / "news.db").write_bytes(b"no database any more" * 1000)
    with signed_in(project, "admin", APPS[id(project)]) as client:
        assert "does not answer" in client.get("/console/settings/health").text
        page = client.get("/console").text
    assert "Nothing was sealed for 5 minutes: the worker does not run." in page
    assert "The store news does not answer." in page
    assert 'href="/console/stores/news"' in page
    assert "the worker does not run" not in first_page(project, "intake")


def test_letters_that_fail_one_after_the_other_are_told(project):
    admit_all(project)

    class Failing:
        def send(self, letter):
            return Sent("failed", "smtp 451")

    number = story.ask(project, "access")
    assert "could not be sent" not in first_page(project, "handler")
    project.__dict__["mailer"] = Failing()
    for about in ("one thing", "another"):
        write_to.write_to(project, number, about, "Soon.", "handler")
    page = first_page(project, "handler")
    assert "Of the last letters 2 could not be sent, the first on " in page
    assert "/console/settings/health" not in page.partition("<main")[2]
    assert "could not be sent" in first_page(project, "admin")
    assert "could not be sent" not in first_page(project, "auditor")


def test_what_cannot_be_asked_beside_a_page_ends_nothing(project, caplog):
    class Broken:
        @property
        def maps(self):
            raise RuntimeError("a word of a driver")

    heard = Heard()
    assert heard.last(Broken()).stores == ()
    for thread in threading.enumerate():
        if thread.name == "health":
            thread.join(20)
    assert "could not be asked (RuntimeError)" in caplog.text
    assert "a word of a driver" not in caplog.text
    assert heard.ask(project, anew=False).mail == "answers"
