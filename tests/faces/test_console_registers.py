"""Registers, stores and the audit in the console."""

import io
import json
import re
import threading
from html import unescape
from urllib.parse import unquote

import pytest

from console_visits import START, admit_one, console_of, signed_in
from troth.faces.console import beside
from troth.faces.console.heard import Heard
from troth.faces.portal.application import application
from troth.ledger import read, subjects
from troth.work import action, draw_register, health


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with console_of(tmp_path_factory.mktemp("registers")) as made:
        yield made


@pytest.fixture(scope="module")
def app(project):
    return application(project)


@pytest.fixture
def auditor(project, app):
    with signed_in(project, "auditor", app) as client:
        yield client


@pytest.fixture
def handler(project, app):
    with signed_in(project, "handler", app) as client:
        yield client


# Registers


@pytest.mark.parametrize(
    "name", ["processing", "processor", "recipients", "processors", "transfers", "documents"]
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_register_is_drawn_in_both_languages(auditor, name, language):
    page = auditor.get(f"/console/registers/{name}?lang={language}")
    assert page.status_code == 200, page.text
    assert f'lang="{language}"' in page.text
    assert not re.findall(r"data-row>[a-z]+(?:-[a-z]+)*</a>", page.text)  # a key is no name


def test_a_register_is_given_in_every_format(auditor):
    from openpyxl import load_workbook

    given = {shape: auditor.get(f"/console/registers/processing?format={shape}") for shape in
             ("csv", "xlsx", "pdf", "json", "jsonld")}  # fmt: skip
    assert {one.status_code for one in given.values()} == {200}
    assert given["csv"].text.startswith("\ufeff")
    assert load_workbook(io.BytesIO(given["xlsx"].content)).active.max_row >= 1
    assert given["pdf"].content.startswith(b"%PDF")
    assert json.loads(given["json"].text)["register"] == "processing"
    assert "@context" in json.loads(given["jsonld"].text)
    assert "attachment" in given["pdf"].headers["content-disposition"]
    assert auditor.get("/console/registers/processing?format=exe").status_code == 422


def test_a_day_to_come_and_one_that_is_none_are_said(auditor):
    assert "still to come" in auditor.get("/console/registers/processing?on=2030-01-01").text
    assert "written such as" in auditor.get("/console/registers/processing?on=soon").text
    assert auditor.get("/console/registers/nothing").status_code == 422


def test_whoever_reads_one_company_draws_its_register_alone(project, app):
    here = str(project.policy.group.entities[0].key)
    admit_one(project, "local", "auditor", entity=here)
    with signed_in(project, "local", app) as client:
        for name in ("processing", "recipients", "processors"):
            drawn = client.get(f"/console/registers/{name}")
            assert drawn.status_code == 200
            assert "every company" not in drawn.text
            assert f'<option value="{here}" selected>' in drawn.text
            assert client.get(f"/console/registers/{name}?entity=elsewhere").status_code == 403
            assert client.get(f"/console/registers/{name}?entity=").text.count(here) == drawn.text.count(here)
        assert client.get("/console/audit/file/html").status_code == 403
        assert client.get("/console/audit/questions/times?entity=").status_code == 403
        assert client.get("/console/audit/questions/times?entity=elsewhere").status_code == 403
        page = client.get("/console/audit/questions/times")
        assert page.status_code == 200
        assert f"entity={here}" in page.text


def test_recipients_and_processors_are_drawn_for_the_company_that_is_asked_for(auditor, project):
    here = str(project.policy.group.entities[0].key)
    for name in ("recipients", "processors"):
        assert "every company" in auditor.get(f"/console/registers/{name}").text
        drawn = draw_register.draw(project, name, "en", here)
        rows = auditor.get(f"/console/registers/{name}?entity={here}&format=json").json()["lines"]
        assert [one["reference"] for one in rows] == [[*one["reference"]] for one in drawn.register.lines]


# Stores


def test_stores_are_asked_anew_by_a_form_and_the_last_answer_is_shown_meanwhile(
    auditor, project, monkeypatch
):
    asked, go_on = [], threading.Event()

    def slow(project):
        asked.append(project)
        if len(asked) > 1:
            go_on.wait(20)
        return found

    found = health.stores(project)
    monkeypatch.setattr(health, "stores", slow)
    heard = Heard()
    heard.ask(project, anew=True)
    other = threading.Thread(target=heard.ask, args=(project,), kwargs={"anew": True})
    other.start()
    try:
        assert {one.name for one in heard.last(project).stores} == set(project.maps)
        assert heard.ask(project, anew=False) == heard.last(project)
        assert other.is_alive()
    finally:
        go_on.set()
        other.join(20)
    assert auditor.get("/console/stores?look=1").status_code == 200
    before = len(asked)
    auditor.get("/console/stores?look=1")
    assert len(asked) == before
    assert auditor.post("/console/stores", follow_redirects=False).status_code == 303
    assert len(asked) == before + 1


def test_stores_tell_whether_they_answer_and_what_erasure_does(auditor):
    page = auditor.get("/console/stores").text
    assert page.count("data-row") == 2
    assert "never" in page
    page = auditor.get("/console/stores/shop").text
    assert "Emptied: email, name, city." in page
    assert (
        "Archived for ten\N{NO-BREAK SPACE}years after placed (C. com. L123-22); emptied at once: note."
        in page
    )
    assert "orders point here" in page
    assert "<dd>main-entity</dd>" not in page  # a company has a name, and a category its title
    french = auditor.get("/console/stores/shop", headers={"accept-language": "fr"}).text
    assert 'id <span class="soft">clé</span>' in french
    assert 'email <span class="soft">Coordonnées</span>' in french
    assert "shop.db" not in page  # where it is opened, and by whom, stands in no page
    assert auditor.get("/console/stores/nothing").status_code == 404


def test_a_map_is_held_to_its_database_drawn_and_explained(auditor):
    assert "The map is true of its database" in auditor.get("/console/stores/shop/check").text
    drawn = auditor.get("/console/stores/shop/picture.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert "<script" not in drawn.text
    assert "belongs to" in drawn.text
    french = auditor.get("/console/stores/shop/picture.svg", headers={"accept-language": "fr"})
    assert "appartient à" in french.text
    assert "belongs to" not in french.text
    assert "customer" in auditor.get("/console/stores/shop/picture").text
    page = auditor.get("/console/stores/shop/tables/message").text
    assert "customer → message" in page
    assert "An answer conceals author." in page
    assert auditor.get("/console/stores/shop/tables/nothing").status_code == 404


# The audit


@pytest.fixture(scope="module")
def audited(project, app):
    with signed_in(project, "handler", app) as client:
        page = client.post("/console/audit/run")
        assert page.status_code == 200
        with client.stream("GET", "/console/audit/live") as followed:
            assert "event: end" in "".join(followed.iter_text())
    return [one.body for one in read.states(project.ledger, "promise")]


def test_an_audit_is_run_and_shown_by_clause(auditor, audited, project):
    page = auditor.get("/console/audit").text
    assert audited
    assert page.count('class="verdict"') == len(project.policy.promises)
    word = audited[0]["status"]
    fewer = auditor.get(f"/console/audit?verdict={word}").text
    assert 0 < fewer.count('class="verdict"') < page.count('class="verdict"')
    assert "/console/ledger/events/" in page
    assert audited[0]["promise"] in auditor.get("/console/audit?format=csv").text


@pytest.mark.parametrize(
    ("shape", "begins"), [("html", b"<!doctype"), ("pdf", b"%PDF"), ("json", b"{"), ("sarif", b"{")]
)
def test_an_audit_is_given_as_a_file_and_records_nothing(auditor, audited, project, shape, begins):
    before = read.sealing(project.ledger).events
    given = auditor.get(f"/console/audit/file/{shape}")
    assert given.content.lower().startswith(begins.lower())
    assert read.sealing(project.ledger).events == before


def test_what_is_not_kept_is_replied_to_and_given_to_somebody_to_mend(handler, audited, project):
    found = next(one for one in audited if one["status"] != "kept")
    said = {"promise": found["promise"], "owner": "Head of product", "says": "It comes in January."}
    assert handler.post("/console/audit/reply", data=said).status_code == 200
    assert "It comes in January." in handler.get("/console/audit").text
    form = {"promise": found["promise"], "owner": "head of product", "due": "2026-12-20"}
    opened_ = handler.post("/console/registers/actions", data=form)
    assert "The action is open." in opened_.text, opened_.text
    number = action.every(project)[0]["number"]
    address = f"/console/registers/actions/{number}"
    assert number in handler.get("/console/registers/actions").text
    moved = handler.post(
        f"{address}/reassign", data={"owner": "legal", "due": "2026-12-22", "because": "more time"}
    )
    assert "reassigned" in moved.text
    tried = handler.post(f"{address}/close", data={"text": "done"})
    assert "It stays open" in tried.text
    assert read.stream(project.ledger, f"reading/{number}")  # its words are locked: looking is recorded
    assert "text" in handler.get(f"{address}").text
    assert number in handler.get("/console/registers/actions?format=csv&all=1").text


def test_an_action_is_opened_about_a_question_that_must_be_none_and_is_not(handler, project):
    page = handler.get("/console/audit/questions/activities-lacking").text
    assert 'name="question" value="activities-lacking"' in page
    assert 'name="question"' not in handler.get("/console/audit/questions/times").text
    form = {"question": "activities-lacking", "owner": "legal", "due": "2026-12-20"}
    assert "The action is open." in handler.post("/console/registers/actions", data=form).text
    before = [one["about"] for one in action.every(project)]
    assert "question:activities-lacking" in before
    both = handler.post("/console/registers/actions", data={**form, "hold": "h1"})
    assert "An action is about one thing" in both.text
    assert [one["about"] for one in action.every(project)] == before


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_document_has_a_form_in_both_languages_with_the_letters_in_words(handler, language):
    page = handler.get(f"/console/registers/record?lang={language}").text
    types = re.findall(r'<option value="([a-z_]+)"', page.partition('name="type"')[2])
    assert len(types) == 11
    for one in types:
        form = handler.get(f"/console/registers/record?type={one}&lang={language}")
        assert form.status_code == 200, one
        assert ('name="document:says"' in form.text) == (one in ("processor_contract", "dpia"))
        assert ('name="document:criteria"' in form.text) == (one == "dpia")
    page = handler.get(f"/console/registers/record?type=processor_contract&lang={language}").text
    assert {"en": "erasure or return", "fr": "suppression ou restitution"}[language] in page
    assert handler.get("/console/registers/record?type=poem").status_code == 404
    assert handler.get("/console/registers/record?promise=nothing").status_code == 404


def test_what_a_promise_lacks_is_put_on_record_one_click_from_its_verdict(project, handler, auditor, audited):
    assert "/registers/record" not in auditor.get("/console/audit").text
    assert auditor.get("/console/registers/record").status_code == 403
    address = "/console/registers/record"
    link = f"{address}?promise=4/recipient/hosting"
    assert f'href="{link}"' in handler.get("/console/audit").text
    form = handler.get(link).text
    given = dict(re.findall(r'<input type="hidden" name="(type|promise)" value="([^"]+)"', form))
    name = re.search(r'name="name" id="name" value="([^"]+)"', form)[1]
    ticked = re.findall(r'name="(document:[a-z]+)" value="([^"]+)" checked', form)
    assert (given["type"], name, ticked) == (
        "processor_contract", "contract-hosting", [("document:recipients", "hosting")]
    )  # fmt: skip
    titled = project.policy.recipients["hosting"].title.said("en")
    assert f'value="hosting" checked>{titled}</label>' in form
    said = {**given, "name": name, **dict(ticked), "document:says": [*"abcdefgh"]}
    late = handler.post(address, data={**said, "document:dated": "2027-01-01"}).text
    assert "still to come" in late
    assert 'value="2027-01-01"' in late
    wrong = handler.post(address, data={**said, "document:dated": "soon"}).text
    assert 'aria-invalid="true"' in wrong
    nobody = handler.post(address, data={**said, "document:recipients": "", "document:dated": "2026-11-30"})
    assert "is a contract with nobody" in nobody.text
    assert name not in project.policy.register_documents

    said["document:dated"] = "2026-11-30"
    done = handler.post(address, data=said, follow_redirects=False)
    assert done.headers["location"] == "/console/audit?told=told.registers.recorded"
    found = project.policy.register_documents[name]
    assert (found.type, found.dated.isoformat(), "".join(found.says)) == (
        "processor_contract", "2026-11-30", "abcdefgh"
    )  # fmt: skip
    recorded = read.stream(project.ledger, "register/main")[-1]
    assert (recorded.kind, recorded.actor) == ("register_recorded", "handler")
    assert handler.get(link).status_code == 404  # it is missing no more
    assert name in handler.get("/console/registers/documents").text
    assert "has a document" in handler.post(address, data=said).text


def test_the_trend_counts_each_day(auditor, audited):
    page = auditor.get("/console/audit/trend?since=2026-01-01").text
    assert "1 December 2026" in page
    assert "broken,unproven,kept" in auditor.get("/console/audit/trend?format=csv").text


def test_every_question_is_a_page_with_its_answer(auditor):
    from troth.rules import question

    page = auditor.get("/console/audit/questions").text
    for one in question.every():
        assert f"/console/audit/questions/{one.name}" in page
        assert auditor.get(f"/console/audit/questions/{one.name}").status_code == 200, one.name
    given = auditor.get("/console/audit/questions/times?format=pdf")
    assert given.content.startswith(b"%PDF")
    assert auditor.get("/console/audit/questions/nothing").status_code in {404, 422}


def test_an_answer_that_takes_long_is_looked_up_beside_its_page_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "AT_ONCE", -1)
    go_on, address = threading.Event(), "/console/audit/questions/times"

    def slow():
        if threading.current_thread().name.startswith("console answer/"):
            assert go_on.wait(60)
        return START

    with console_of(tmp_path, slow) as made, signed_in(made, "auditor", application(made)) as client:
        page = client.get(address).text
        live = unescape(re.search(r'data-live="([^"]*)"', page)[1])
        assert live.startswith(f"{address}/live?entity=")
        assert "Ask again" not in page
        assert 'data-live="' in client.get(address).text  # it goes on once
        file = f"{address}?entity=&format=csv"
        waits = client.get(file, follow_redirects=False)  # a file keeps nobody waiting either
        assert (waits.status_code, waits.headers["location"]) == (303, f"{address}?entity=")
        refused = f"{address}?from=2026-02-01&to=2026-01-01"
        assert 'data-live="' in client.get(refused).text
        go_on.set()
        with client.stream("GET", live) as followed:
            assert "event: end" in "".join(followed.iter_text())
        page = client.get(address).text
        assert 'data-live="' not in page
        assert "Looked up on 1 December 2026" in page
        assert unescape(re.search(r'href="([^"]*format=csv)"', page)[1]) == file
        assert client.get(file, follow_redirects=False).headers["content-type"].startswith("text/csv")
        with client.stream("GET", refused.replace("?", "/live?")) as followed:
            assert "event: end" in "".join(followed.iter_text())
        told = client.get(refused)
        assert told.status_code == 422
        assert "before it begins" in told.text
        go_on.clear()
        again = client.get(f"{address}?again=1&entity=", follow_redirects=False)
        assert (again.status_code, again.headers["location"]) == (303, f"{address}?entity=")
        assert 'data-live="' in client.get(again.headers["location"]).text
        go_on.set()


def test_a_question_about_somebody_is_for_who_finds_people_and_the_look_is_recorded(
    auditor, handler, project
):
    from troth.rules import question

    ada, whom = subjects.subject_for(project.ledger, "email", "ada@example.org"), "ada@example.org"
    form = {"entity": "", "kind": "email", "value": whom}
    asked = [one.name for one in question.every() if one.needs == "subject"]
    assert set(asked) >= {"subject", "proof-of-consent"}
    for name in asked:
        address = f"/console/audit/questions/{name}"
        assert auditor.post(address, data=form).status_code == 403
        before = len(list(read.events(project.ledger, kind="staff_read")))
        page = handler.get(f"{address}?ask=1&kind=email&value={whom}&format=csv")
        assert page.status_code == 200
        assert whom not in page.text
        assert 'method="post"' in page.text
        assert len(list(read.events(project.ledger, kind="staff_read"))) == before
        page = handler.post(address, data=form)
        assert page.status_code == 200
        assert not [one for one in re.findall(r'(?:href|action)="([^"]*)"', page.text) if "ada" in one]
        seen = list(read.events(project.ledger, kind="staff_read"))[before:]
        assert [(one.actor, one.subject, one.facts["screen"]) for one in seen] == [
            ("handler", ada, f"ask/{name}")
        ]
        given = handler.post(address, data={**form, "format": "csv"})
        assert given.headers["content-type"].startswith("text/csv")


def test_a_look_at_somebody_only_stores_know_is_found_by_their_identifier_alone(handler, project):
    from troth.work.record_reading import record_looking_up

    form = {"entity": "", "kind": "email", "value": "eve@example.org"}
    assert handler.post("/console/audit/questions/subject", data=form).status_code == 200
    seen = list(read.events(project.ledger, kind="staff_read"))[-1]
    assert seen.subject is None
    for value, same in ((" EVE@example.org", True), ("bob@example.org", False)):
        record_looking_up(project, "ask", "handler", "ask/subject", [("email", value)])
        other = list(read.events(project.ledger, kind="staff_read"))[-1]
        assert (other.facts["reason"] == seen.facts["reason"]) is same


def test_the_yearly_report_is_given(auditor, audited):
    assert "2026" in auditor.get("/console/audit/report").text
    given = auditor.get("/console/audit/report?year=2026&format=json")
    assert json.loads(given.text)
    assert auditor.get("/console/audit/report?year=1900&format=json").status_code == 422


def test_an_inspection_is_shown_and_the_look_is_recorded(auditor, project):
    from troth.work import inspection

    assert "No inspection was opened" in auditor.get("/console/audit/inspections").text
    number = inspection.open_inspection(project, "CNIL", ["contact"], "handler", reference="2026-77").number
    inspection.add_document(project, number, "contract.txt", b"a contract", "asked for", "handler")
    page = auditor.get("/console/audit/inspections").text
    assert number in page
    assert "2026-77" not in page
    page = auditor.get(f"/console/audit/inspections/{number}").text
    assert "CNIL (2026-77)" in page
    assert "contract.txt" in page
    assert read.stream(project.ledger, f"reading/{number}")[-1].facts["staff"] == "auditor"
    assert auditor.get("/console/audit/inspections/V-1999-001").status_code == 404
    assert "hand-over" not in page
    assert auditor.post(f"/console/audit/inspections/{number}/close", data={"reason": "x"}).status_code == 403
    taken = auditor.post(f"/console/audit/inspections/{number}/item", data={"item": "1"})
    assert taken.content == b"a contract"
    assert read.stream(project.ledger, f"reading/{number}")[-1].facts["screen"] == "console/inspection/item/1"
    assert auditor.post(f"/console/audit/inspections/{number}/item", data={"item": "9"}).status_code == 404


def test_an_inspection_is_opened_shown_handed_over_and_closed(project):
    from troth.ledger import seal
    from troth.work import hold, inspection, inspection_bundle

    with signed_in(project, "counsel") as counsel:
        form = {"authority": "CNIL", "entity": "main-entity", "scope": ["contact"], "reference": "77"}
        wrong = counsel.post("/console/audit/inspections", data=form | {"tables": "shop.nothing"})
        assert wrong.status_code == 422
        answer = counsel.post("/console/audit/inspections", data=form, follow_redirects=False)
        here = answer.headers["location"].partition("?")[0]
        number = here.rpartition("/")[2]
        assert inspection.load(project, number).state["hold"] in [one.name for one in hold.in_force(project)]
        assert counsel.post(f"{here}/hand-over", data={"to": "them", "how": "in person"}).status_code == 422
        sent = counsel.post(
            f"{here}/document", data={"why": "point 3"}, files={"file": ("a b.pdf", b"%PDF a")}
        )
        assert sent.status_code == 200
        assert "a b.pdf" in sent.text
        wishes = {"file": ("vœux d’été.pdf", b"%PDF wishes")}
        assert counsel.post(f"{here}/document", data={"why": "point 5"}, files=wishes).status_code == 200
        taken = counsel.post(f"{here}/item", data={"item": "2"})
        assert taken.content == b"%PDF wishes"
        said = taken.headers["content-disposition"]
        assert said.isascii()
        assert f'filename="{number}-2-v_ux_d_ete.pdf"' in said
        assert unquote(said.partition("filename*=UTF-8''")[2]) == f"{number}-2-vœux_d_été.pdf"
        assert (
            counsel.post(
                f"{here}/document", data={"why": "again"}, files={"file": ("c.pdf", b"%PDF a")}
            ).status_code
            == 422
        )
        extract = {"question": "times", "shape": "json", "why": "point 4", "to": "2999-01-01"}
        assert "times.json" in counsel.post(f"{here}/extract", data=extract).text
        assert counsel.post(f"{here}/extract", data=extract | {"question": "subject"}).status_code == 422
        looked = counsel.post(f"{here}/look", data={"table": "shop.customer", "rows": "2"}).text
        assert "ada@example.org" not in looked
        assert 'href="data:text/csv' in looked
        assert counsel.post(f"{here}/look", data={"table": "shop.customer", "rows": "x"}).status_code == 422
        bundle = counsel.post(f"{here}/hand-over", data={"to": "the inspectors", "how": "in person"})
        assert bundle.headers["content-type"] == "application/zip"
        seen = inspection_bundle.verify(io.BytesIO(bundle.content), *seal.verifiers(project.ledger))
        assert seen.size
        assert counsel.post(f"{here}/close", data={"reason": " "}).status_code == 422
        assert "closed" in counsel.post(f"{here}/close", data={"reason": "no measures"}).text
        assert "hand-over" not in counsel.get(here).text
        assert counsel.post(f"{here}/extract", data=extract).status_code == 422
        hold.end(project, inspection.load(project, number).state["hold"], "over", "counsel")


def test_a_channel_is_reviewed_by_a_file_that_is_given_away_again(handler, project):
    from troth.work import review_channel

    here = "/console/registers/channels"
    page = handler.get(here).text
    channel = review_channel.every(project)[0].channel
    assert channel in page
    form = {"channel": channel, "owner": "Field marketing", "notice": "", "on": "2026-11-20"}
    picture = {"proof": ("stand à Lyon.png", b"\x89PNG stand")}
    assert handler.post(here, data=form).status_code == 422
    assert handler.post(here, data=form | {"on": "2999-01-01"}, files=picture).status_code == 422
    assert handler.post(here, data=form | {"channel": "nothing"}, files=picture).status_code == 422
    done = handler.post(here, data=form, files=picture).text
    assert "The review is recorded." in done
    assert "Field marketing" in done
    (found,) = [one for one in review_channel.every(project) if one.channel == channel]
    assert (found.notice, found.on) == (project.policy.version, "2026-11-20")
    given = handler.post(f"{here}/proof", data={"channel": channel})
    assert given.content == b"\x89PNG stand"
    assert given.headers["content-disposition"].isascii()
    screens = [one.facts["screen"] for one in read.stream(project.ledger, "reading/channels")]
    assert screens[-1] == "console/registers/channels/proof"
    with signed_in(project, "dpo") as client:
        assert "Field marketing" in client.get(here).text
        assert client.post(here, data=form, files=picture).status_code == 403
