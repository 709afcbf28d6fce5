"""Two companies of a group: what is of one, or of both, is closed to whoever works for the other alone."""

import re
from datetime import date
from hashlib import sha256

import pytest

import story
from console_visits import admit_one, console_of, signed_in
from shop_project import opened, with_a_fair, with_another_company, with_old_messages
from troth.faces.console.application import console, make_desk
from troth.ledger import read, seal
from troth.rules.consent_form import Form
from troth.rules.disclosure import Disclosure
from troth.rules.staff import DUTIES, ROLES
from troth.rules.sweep import bound
from troth.work import (
    admit,
    audit,
    disclose,
    draft_policy,
    hold,
    incident,
    inspection,
    record_form,
    sweep,
    tell_of_choices,
)
from troth.work.record_objection import record_objection

HERE, THERE = "main-entity", "other-company"
AUDIENCE = "  audience:\n"
OWN = f"    entities: [{HERE}]\n"
LETTER = {
    "nature": "Somebody read it.",
    "consequences": "Mail.",
    "measures": "Closed.",
    "advice": "Open nothing.",
}


@pytest.fixture
def folder(folder):
    """The shop is of the one company, the newsletter of the other."""
    with_another_company(folder)
    news = folder / "stores" / "news.yaml"
    news.write_text(news.read_text("utf-8").replace(f"controller: {HERE}", f"controller: {THERE}"), "utf-8")
    with_old_messages(folder)
    with_a_fair(folder)
    policy = folder / "policy.md"
    policy.write_text(policy.read_text("utf-8").replace(AUDIENCE, AUDIENCE + OWN, 1), "utf-8")
    return folder


@pytest.fixture
def staffed(staffed):
    """Staff for each role, for all and for the other company alone."""
    for role in ROLES:
        admit_one(staffed, f"other.{role}", role, entity=THERE)
    return staffed


OF_THE_GROUP = {
    "/audit/file/{shape:str}", "/audit/questions/{name:str}", "/audit/questions/{name:str}/live",
    "/cookies/scans/{event:str}", "/cookies/scans/{event:str}/pictures/{name:str}",
    "/ledger/checkpoints/{size:str}", "/ledger/verify/{what:str}/live", "/ledger/verify/{what:str}",
    "/policy/in.force/{number:str}", "/recipients/{key:str}", "/registers/{name:str}",
    "/registers/actions/{number:str}", "/registers/actions/{number:str}/reassign",
    "/registers/actions/{number:str}/close", "/registers/actions/{number:str}/reopen",
    "/settings/staff/{handle:str}",
}  # fmt: skip
"""What an address of the group names: of all companies, or narrowed to one's own, as tests beside this one say."""


@pytest.fixture
def of_one_company(project):
    """One thing of each kind that an address can name, all of the one company: address by route."""
    number = story.ask(project, "access", email="ada@example.org", entity=HERE)
    broken = incident.report(project, "A disk is lost.", "intake", entity=HERE).number
    placed = hold.place(
        project, "A claim", "It goes to court.", date(2027, 1, 15), "handler", what=["shop"], entity=HERE
    ).state["name"]
    seen = inspection.open_inspection(project, "CNIL", ["shop"], "handler", entity=HERE).number
    inspection.add_document(project, seen, "contract.txt", b"a contract", "asked for", "handler")
    shown = sha256(b"a page").hexdigest()
    record_form.record_form(project, Form("sign-up", "en", shown, {"audience": shown}), b"a page")
    ada = [("email", "ada@example.org")]
    disclose.disclose(
        project, ada, Disclosure("fair", ("contact",), "newsletter", date(2026, 11, 20), {"consent": "C"}),
        staff="handler",
    )  # fmt: skip
    choice = record_objection(project, ada, purpose="newsletter", controller=HERE, actor="handler").id
    while seal.seal(project.ledger) is not None:
        pass
    tell_of_choices.one_round(project)
    event = read.stream(project.ledger, f"request/{number}")[0].id
    (swept,) = [one.name for one in bound(project.policy, project.maps) if one.table == "message"]
    return {
        "/requests/{number:str}": f"/requests/{number}", "/incidents/{number:str}": f"/incidents/{broken}",
        "/sweeps/holds/{hold:str}": f"/sweeps/holds/{placed}", "/sweeps/{name:str}": f"/sweeps/{swept}",
        "/audit/inspections/{number:str}": f"/audit/inspections/{seen}", "/stores/{name:str}": "/stores/shop",
        "/consents/forms/{form:str}": f"/consents/forms/{shown}",
        "/ledger/events/{event:str}": f"/ledger/events/{event}",
        "/consents/receipts/{event:str}": f"/consents/receipts/{choice}",
        "/recipients/untold/{choice:str}": f"/recipients/untold/{choice}",
    }  # fmt: skip


def test_no_address_opens_to_another_company_what_it_names_of_one(project, app, of_one_company):
    """Every route with a gap is of one company, or is said to be the group's: a new one is one of the two."""
    desk, tried = make_desk(project), 0
    console(desk)
    ours = {
        "item": "1",
        "name": "1",
        "claim": "c1",
        "table": "shop.customer",
        "store": "shop",
        "reason": "why",
    }
    for (method, route), duty in desk.needed.items():
        path = route.removeprefix("/console")
        if "{" not in path or path in OF_THE_GROUP or path.startswith(("/policy/", "/settings/staff/")):
            continue
        start = max((one for one in of_one_company if path.startswith(one)), key=len, default=None)
        assert start is not None, f"{path}: say of which company it is, or that it is the group's"
        here = path.replace(start, of_one_company[start])
        here = here.replace("{act:str}", "advise").replace("{table:str}", "customer")
        for role in ROLES:
            if duty is not None and duty not in DUTIES[role]:
                continue
            with signed_in(project, f"other.{role}", app) as client:
                data = ours if method == "POST" else None
                answer = client.request(method, f"/console{here}", data=data, follow_redirects=False)
                assert answer.status_code == 403, (method, here, role, answer.status_code)
                tried += 1
    assert tried > 150


def test_no_list_and_no_file_of_a_list_names_to_another_company_what_is_of_one(project, app, of_one_company):
    desk, tried = make_desk(project), 0
    console(desk)
    names = {one.rpartition("/")[2] for one in of_one_company.values()} - {"shop"}
    for role in ROLES:
        with signed_in(project, f"other.{role}", app) as client:
            for (method, path), duty in desk.needed.items():
                if method == "GET" and "{" not in path and (duty is None or duty in DUTIES[role]):
                    for query in ("", "?format=csv", "?all=1&format=csv", "?status=all"):
                        page = client.get(f"{path}{query}")
                        assert page.status_code < 500, path
                        assert not [one for one in names if one in page.text], (path, query, role)
                        tried += 1
    assert tried > 200


def test_a_form_is_shown_to_every_company_that_asked_by_it(project, app, of_one_company):
    theirs, both = of_one_company["/consents/forms/{form:str}"], sha256(b"another").hexdigest()
    record_form.record_form(project, Form("news", "en", both, {"newsletter": both}), b"another")
    for handle, seen in (("auditor", (200, 200)), ("other.auditor", (403, 200))):
        with signed_in(project, handle, app) as client:
            found = [client.get(f"/console{one}") for one in (theirs, f"/consents/forms/{both}")]
            assert tuple(one.status_code for one in found) == seen
            assert found[1].content == b"another"


def test_a_figure_about_all_companies_is_not_shown_to_one(project, app):
    audit.audit(project)
    figures = {
        str(one.body["figure"]) for one in read.states(project.ledger, "promise") if one.body["figure"]
    }
    figures = {one for one in figures if any(letter.isdigit() for letter in one)}
    assert figures
    for path in ("/audit", "/audit?format=csv", "/audit/trend?since=2026-01-01", "", "/policy/in.force/4"):
        with signed_in(project, "other.auditor", app) as client:
            page = client.get(f"/console{path}").text
            assert not [one for one in figures if one in page], path
    with signed_in(project, "auditor", app) as client:
        page = client.get("/console/audit").text
        assert [one for one in figures if one in page]


def test_a_store_is_read_for_its_company_or_for_all_that_share_it(project, app):
    with signed_in(project, "other.auditor", app) as client:
        page = client.get("/console/stores").text
        assert ('stores/news"' in page, 'stores/shop"' in page) == (True, False)
        assert "shop" not in client.get("/console/stores?format=csv").text
        assert client.get("/console/stores/news").status_code == 200
    with signed_in(project, "auditor", app) as client:
        assert 'stores/shop"' in client.get("/console/stores").text


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
        assert "1 candidate, at most" in client.post("/console/people", data=named).text


def test_a_no_that_names_no_company_is_recorded_by_whoever_records_for_all(project, app):
    form = {
        "kind": "email", "identifier": "ada@example.org", "purpose": "newsletter", "said": "refused",
        "reason": "by telephone", "method": "oral",
    }  # fmt: skip
    for handle, refused in (("other.handler", True), ("handler", False)):
        with signed_in(project, handle, app) as client:
            for more in ({}, {"controller": "*"}, {"said": "withdrawn"}):
                answer = client.post("/console/consents", data=form | more, follow_redirects=False)
                assert (answer.status_code == 403) is refused, (handle, more)


def test_a_hold_of_one_company_keeps_what_is_its_own_alone(project, app):
    form = {"matter": "A claim", "reason": "It goes to court.", "review": "2027-01-15"}
    here = "/console/sweeps/holds"
    with signed_in(project, "other.handler", app) as client:
        assert 'value="shop"' not in client.get(here).text
        for more in ({"what": "shop"}, {"tables": "shop.orders"}, {"what": "contact"}, {"entity": HERE}):
            assert client.post(here, data=form | more, follow_redirects=False).status_code == 403, more
        assert client.post(here, data=form, follow_redirects=False).status_code == 303
    (placed,) = hold.every(project)
    assert placed["what"] == ["news"]
    assert read.stream(project.ledger, f"hold/{placed['name']}")[0].entity == THERE
    with signed_in(project, "handler", app) as client:
        answer = client.post(here, data=form | {"entity": "nowhere"}, follow_redirects=False)
        assert answer.status_code == 422
        answer = client.post(here, data=form | {"entity": THERE}, follow_redirects=False)
        assert answer.status_code == 303
    assert {read.stream(project.ledger, f"hold/{one['name']}")[0].entity for one in hold.every(project)} == {
        THERE
    }


def test_the_ledger_of_a_group_is_read_for_the_group_and_verified_without_reading_it(project, app):
    ours = incident.report(project, "Theirs.", "intake", entity=THERE).number
    others = incident.report(project, "Not theirs.", "intake", entity=HERE).number
    own, other = (read.stream(project.ledger, f"incident/{one}")[0].id for one in (ours, others))
    lists = ("/ledger/events", "/ledger/events?format=csv", "/ledger/readings")
    with signed_in(project, "other.auditor", app) as client:
        for path in (*lists, f"/ledger/events/{other}", f"/ledger/events/{other}/receipt"):
            assert client.get(f"/console{path}").status_code == 403, path
        assert client.get(f"/console/ledger/events/{own}").status_code == 200
        assert client.get(f"/console/ledger/events/{own}/receipt").status_code == 200
    with signed_in(project, "admin", app) as client:
        for path in (*lists, f"/ledger/events/{other}", f"/ledger/events/{own}/receipt"):
            assert client.get(f"/console{path}").status_code == 403, path
        assert client.get("/console/ledger").status_code == 200
    with signed_in(project, "auditor", app) as client:
        assert client.get(f"/console/ledger/events/{other}").status_code == 200
        assert client.get("/console/ledger/events").status_code == 200


def test_actions_and_replies_are_about_promises_of_the_group(project, app):
    with signed_in(project, "other.handler", app) as client:
        assert client.get("/console/registers/actions").status_code == 403
        assert client.get("/console/registers/actions/A-2026-1").status_code == 403
        for path in ("", "/A-2026-1/reassign", "/A-2026-1/close", "/A-2026-1/reopen"):
            assert client.post(f"/console/registers/actions{path}").status_code == 403, path
        assert client.post("/console/audit/reply").status_code == 403
        assert "registers/actions" not in client.get("/console/registers").text
    with signed_in(project, "handler", app) as client:
        assert client.get("/console/registers/actions").status_code == 200
        assert "registers/actions" in client.get("/console/registers").text


def test_who_administers_one_company_takes_over_nobody_without_a_role_or_with_a_lent_one(project, app):
    admit_one(project, "new.one")
    admit_one(project, "deputy", "intake", entity=THERE)
    admit.away(project, "handler", date(2027, 1, 4), None, "deputy", "admin")
    with signed_in(project, "other.admin", app) as client:
        for handle in ("new.one", "deputy"):
            assert client.get(f"/console/settings/staff/{handle}").status_code == 403, handle
            for act in ("link", "close"):
                assert client.post(f"/console/settings/staff/{handle}/{act}").status_code == 403, (
                    handle,
                    act,
                )
        invited = {"handle": "own.one", "name": "Own One", "email": "own@staff.example"}
        assert client.post("/console/settings/invite", data=invited).status_code == 200
        assert client.post("/console/settings/staff/own.one/link").status_code == 200
    with signed_in(project, "admin", app) as client:
        assert client.get("/console/settings/staff/new.one").status_code == 200


def test_today_names_the_sweeps_of_ones_company_alone(project, app):
    (name,) = [one.name for one in bound(project.policy, project.maps) if one.table == "message"]
    sweep.mark(project, [name], staff="handler", confirmed=True)
    with signed_in(project, "handler", app) as client:
        assert "shop.message" in client.get("/console").text
    with signed_in(project, "other.handler", app) as client:
        assert "shop.message" not in client.get("/console").text


def test_a_question_for_all_companies_is_not_answered_for_one(project, app):
    with signed_in(project, "other.auditor", app) as client:
        assert client.get("/console/audit/questions/times").status_code == 200
        for name in ("retention", "recipients", "controls"):
            page = client.get(f"/console/audit/questions/{name}")
            assert page.status_code != 200
            assert "is answered for all companies together" in page.text
            assert "<td" not in page.text
    with signed_in(project, "auditor", app) as client:
        assert client.get("/console/audit/questions/retention").status_code == 200


NONE = "None that is yours to see"
EMPTY = {
    "/stores": "No store that is yours to see is mapped.",
    "/sweeps": "No map that is yours to see binds a table",
    "/sweeps/holds": NONE,
    "/audit/inspections": NONE,
    "/incidents": NONE,
    "/incidents?all=1": NONE,
    "/requests": "No request that is yours to see is like that.",
    "/requests/restrictions": "No restriction that is yours to see stands.",
    "/consents": "Nothing that is yours to see was said about any purpose yet.",
    "/recipients": "Every recipient was told of every choice that is yours to see.",
}


def test_an_empty_list_of_one_company_says_nothing_of_the_others(project, app, folder, of_one_company):
    news = folder / "stores" / "news.yaml"
    news.write_text(news.read_text("utf-8").replace(f"controller: {THERE}", f"controller: {HERE}"), "utf-8")
    again = opened(folder, project.clock)
    for path, says in EMPTY.items():
        with signed_in(again, "other.reviewer") as client:
            page = client.get(f"/console{path}").text
            assert says in page, path
            assert "<code>troth " not in page, path
            french = client.get(f"/console{path}", headers={"accept-language": "fr"}).text
            assert re.search("que vous (pouvez|puissiez) voir", french), path
        with signed_in(again, "reviewer") as client:
            assert "yours to see" not in client.get(f"/console{path}").text, path
    again.close()
    again.ledger.close()


def test_what_the_command_line_does_about_an_empty_list_is_said_to_whoever_administers_all(tmp_path, clock):
    with console_of(tmp_path / "bare", clock):
        for map_ in (tmp_path / "bare" / "stores").glob("*.yaml"):
            map_.unlink()
        again = opened(tmp_path / "bare", clock)
        for handle, told in (("admin", True), ("auditor", False)):
            with signed_in(again, handle) as client:
                page = client.get("/console/stores").text
                assert "No store is mapped yet." in page
                assert ("drafts a map" in page) is told
        again.close()
        again.ledger.close()
