"""Two companies of a group: what is of one, or of both, is closed to whoever works for the other alone."""

import pytest

import story
from console_visits import admit_all, admit_one, signed_in
from shop_project import opened
from troth.faces.console.application import console, make_desk
from troth.faces.portal.application import application
from troth.ledger import read
from troth.rules.staff import ROLES
from troth.work import draft_policy, incident

OTHER = """    other-company:
      name: Other SARL
      country: FR
      email: privacy@other.example
"""
HERE, THERE = "main-entity", "other-company"
LETTER = {
    "nature": "Somebody read it.",
    "consequences": "Mail.",
    "measures": "Closed.",
    "advice": "Open nothing.",
}


@pytest.fixture
def project(folder, clock):
    """The shop is of the one company, the newsletter of the other; staff for each role, for all and for the other."""
    policy, news = folder / "policy.md", folder / "stores" / "news.yaml"
    text = policy.read_text("utf-8").replace("  requests: {email:", f"{OTHER}  requests: {{email:", 1)
    policy.write_text(text, "utf-8")
    news.write_text(news.read_text("utf-8").replace(f"controller: {HERE}", f"controller: {THERE}"), "utf-8")
    made = opened(folder, clock)
    admit_all(made)
    for role in ROLES:
        admit_one(made, f"other.{role}", role, entity=THERE)
    yield made
    made.close()
    made.ledger.close()


@pytest.fixture
def app(project):
    return application(project)


def acts(project, part):
    """Every form of a part of the console: where it goes and the duty it needs."""
    desk = make_desk(project)
    console(desk)
    for (method, path), duty in desk.needed.items():
        if method == "POST" and path.startswith(f"/console/{part}/"):
            yield path, duty


def test_the_policy_of_a_group_is_not_one_companys_to_change(project, app):
    draft_policy.begin(project, "handler", "spring")
    before, tried = read.state(project.ledger, "policy_draft/spring"), 0
    for role in ("handler", "counsel", "dpo"):
        with signed_in(project, f"other.{role}", app) as client:
            for path, _ in acts(project, "policy"):
                here = path.replace("{name:str}", "spring").replace("{number:str}", "1")
                assert client.post(here, follow_redirects=False).status_code == 403, (here, role)
                tried += 1
    assert tried > 30
    assert read.state(project.ledger, "policy_draft/spring") == before
    with signed_in(project, "other.handler", app) as client:
        page = client.get("/console/policy/spring")
        assert page.status_code == 200
        assert "/policy/spring/date" not in page.text
    with signed_in(project, "handler", app) as client:
        assert "/policy/spring/date" in client.get("/console/policy/spring").text


def test_letters_about_one_companys_breach_leave_the_people_of_another_alone(project, app):
    number = incident.report(project, "A disk is lost.", "intake", entity=THERE).number
    incident.certain(project, number, "Dana Doe", project.clock(), "the log", "handler")
    here = f"/console/incidents/{number}/people"
    with signed_in(project, "other.handler", app) as client:
        page = client.get(here).text
        assert (">news<" in page, ">news.subscriber<" in page, ">shop.customer<" in page) == (
            True,
            True,
            False,
        )
        for source in ("shop", "shop.customer"):
            for send in ({}, {"send": "1"}):
                refused = client.post(here, data={**LETTER, "source": source, **send})
                assert refused.status_code == 403, (source, send)
        assert client.post(here, data={**LETTER, "source": "news"}).status_code == 200
        assert client.post(here, data={**LETTER, "source": "elsewhere"}).status_code == 404
    with signed_in(project, "handler", app) as client:
        assert client.post(here, data={**LETTER, "source": "shop"}).status_code == 200
        assert ">shop.customer<" in client.get(here).text


def test_people_are_found_in_the_stores_of_ones_company_alone(project, app):
    number = story.ask(project, "access", email="somebody@example.org", entity=THERE)
    form = {"by": "identifier", "kind": "email", "value": "ada@example.org"}
    with signed_in(project, "handler", app) as client:
        page = client.post("/console/people", data=form).text
        assert ("news.subscriber" in page, "shop.customer" in page) == (True, True)
    with signed_in(project, "other.handler", app) as client:
        page = client.post("/console/people", data=form).text
        assert ("news.subscriber" in page, "shop.customer" in page) == (True, False)
        named = {"by": "name", "name": "Ada Example", "other": "Lyon", "number": number, "reason": "to see"}
        assert "0 candidates" in client.post("/console/people", data=named).text
    with signed_in(project, "handler", app) as client:
        assert "1 candidates" in client.post("/console/people", data=named).text
