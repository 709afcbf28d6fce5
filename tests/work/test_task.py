"""Owners of manual stores are asked, reminded, and attest; nothing is called complete while one is silent."""

import io
import zipfile
from datetime import date

import pytest
from litestar.testing import TestClient

import story
from commanding import troth
from naming import names
from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError
from troth.faces.portal.application import application
from troth.ledger import read, vault
from troth.ledger.rebuild import rebuild
from troth.rules import task as rules
from troth.stores import manual
from troth.work import answer, build_package, carry_on, carry_out, decide, task

MAP = """
store: mailboxes
kind: manual
what: {en: the mailboxes of sales, fr: les boîtes aux lettres des ventes}
owner: {name: Jo Doe, email: jo@company.example, language: fr}
before: 5 days
"""
ID = "2026-0001.c1.mailboxes"


@pytest.fixture
def asked(folder, clock):
    (folder / "stores" / "mailboxes.yaml").write_text(MAP)
    project = opened(folder, clock)
    yield project
    project.close()
    project.ledger.close()


def granted(project, right="access"):
    number = story.ask(project, right, name="Ada")
    if right == "erase":
        story.grant_erasure(project, number)
    else:
        decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    return number


def claim(project, number="2026-0001"):
    return story.state(project, number)["claims"]["c1"]


def sent_to(letters, address):
    return [(subject, text) for to, subject, text in letters() if to == address]


def test_the_owner_is_asked_in_their_language_and_no_personal_data_is_in_the_letter(asked, letters):
    granted(asked)
    ((subject, text),) = sent_to(letters, "jo@company.example")
    assert "les boîtes aux lettres des ventes" in subject
    assert "18 décembre 2026" in text
    assert f"/task/{task.token(asked, ID)}?lang=fr" in text
    assert not names(text, "Ada")
    assert "ada@" not in text


def test_the_answer_waits_for_the_owner_and_has_what_they_hand_in(asked):
    number = granted(asked)
    assert claim(asked)["package"] is None
    with pytest.raises(NotAllowedError, match="waits for whoever looks after mailboxes"):
        build_package.release(asked, number, "c1", staff="marie")
    files = [task.Upload("../x/Mail 1.eml", b"hello Ada"), task.Upload("mail 1.EML", b"more")]
    task.answer(asked, task.by_id(asked, ID), "done", "Jo Doe", note="two", files=files)
    carry_on.carry_on(asked, number)
    data = b"".join(build_package.open_package(asked, number, "c1", "marie"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("attached/mailboxes/Mail 1.eml") == b"hello Ada"
        assert archive.read("attached/mailboxes/mail 1-2.EML") == b"more"
        page = archive.read("index.html").decode().replace("\xa0", " ")
    assert "the mailboxes of sales: those who look after it told us so on 23 November 2026." in page
    assert "shop: we searched it ourselves." in page
    assert 'href="attached/mailboxes/Mail%201.eml"' in page
    build_package.release(asked, number, "c1", staff="marie")


def test_what_comes_after_the_package_was_built_is_in_it_too(asked):
    number = granted(asked)
    build_package.build_package(asked, number, "c1")
    task.answer(asked, task.by_id(asked, ID), "done", "Jo", files=[task.Upload("a.txt", b"late")])
    data = b"".join(build_package.open_package(asked, number, "c1", "marie"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("attached/mailboxes/a.txt") == b"late"


def test_an_erasure_is_done_only_when_its_owner_attests(asked, letters):
    number = granted(asked, "erase")
    told = claim(asked)
    assert (told["stores"]["shop"]["verified"], told["done"]) == (0, False)
    task.answer(asked, task.by_id(asked, ID), "not_found", "Jo Doe")
    carry_on.carry_on(asked, number)
    assert claim(asked)["done"]
    last = sent_to(letters, "ada@example.org")[-1][1]
    assert "the mailboxes of sales: those who look after it told us so on 23 November 2026." in last


def test_a_claim_that_people_carry_out_waits_too(asked):
    number = granted(asked, "rectify")
    with pytest.raises(NotAllowedError, match="waits for whoever looks after mailboxes"):
        carry_out.carry_out(asked, number, "c1", "marie", "corrected")
    task.answer(asked, task.by_id(asked, ID), "done", "Jo Doe")
    carry_out.carry_out(asked, number, "c1", "marie", "corrected")
    assert claim(asked)["done"]


def test_a_silent_owner_is_reminded_and_then_somebody_else_is_told(asked, clock, letters):
    number = granted(asked)
    kinds = []
    for _ in range(32):
        clock.forward(days=1)
        carry_on.carry_on(asked, number)
    kinds = [(letter["kind"], letter["on"]) for letter in claim(asked)["tasks"]["mailboxes"]["letters"]]
    assert kinds == [
        ("task", "2026-11-23"),
        ("task_reminder", "2026-12-05"),
        ("task_reminder", "2026-12-17"),
        ("task_escalation", "2026-12-18"),
        ("task_reminder", "2026-12-19"),
        ("task_reminder", "2026-12-21"),
        ("task_reminder", "2026-12-24"),
    ]
    assert len(sent_to(letters, "jo@company.example")) == 6


def test_going_on_without_an_owner_needs_the_day_and_a_reason_and_the_answer_says_so(asked, clock, letters):
    number = granted(asked, "erase")
    with pytest.raises(NotAllowedError, match=r"has until 2026-12-18.*"):
        task.go_on_without(asked, task.by_id(asked, ID), "marie", "on leave")
    clock.forward(days=25)
    with pytest.raises(NotAllowedError, match="Say why"):
        task.go_on_without(asked, task.by_id(asked, ID), "marie", " ")
    task.go_on_without(asked, task.by_id(asked, ID), "marie", "on leave")
    carry_on.carry_on(asked, number)
    last = sent_to(letters, "ada@example.org")[-1][1]
    assert "have not answered, so this answer is not complete" in last


def test_an_attestation_needs_a_name_an_outcome_and_no_files_where_nothing_was_found(asked):
    granted(asked)
    one = task.by_id(asked, ID)
    for outcome, by, files, said in (
        ("done", " ", (), "Give the name"),
        ("perhaps", "Jo", (), "done or not_found"),
        ("not_found", "Jo", (task.Upload("a", b"x"),), "Nothing was found"),
        ("done", "Jo", (task.Upload("a", b"x"),) * 11, "too much"),
        ("done", "Jo", (task.Upload("a", bytes(task.BYTES_MAX + 1)),), "too much"),
    ):
        with pytest.raises(NotAllowedError, match=said):
            task.answer(asked, one, outcome, by, files=files)
    task.answer(asked, one, "done", "Jo")
    with pytest.raises(NotAllowedError, match="answered already"):
        task.answer(asked, task.by_id(asked, ID), "not_found", "Jo")


def test_events_name_nobody_and_the_state_is_folded_from_them(asked):
    number = granted(asked)
    task.answer(
        asked, task.by_id(asked, ID), "done", "Jo Doe", note="n", files=[task.Upload("Ada.txt", b"x")]
    )
    events = [e for e in read.stream(asked.ledger, f"request/{number}") if e.kind.startswith("task_")]
    assert [event.kind for event in events] == ["task_opened", "task_moved", "task_answered"]
    assert not names(repr([event.facts for event in events]), "Jo")
    assert not names(repr([event.facts for event in events]), "Ada")
    assert vault.payload(asked.ledger, events[-1])["by"] == "Jo Doe"
    before = story.state(asked, number)
    rebuild(asked.ledger)
    assert story.state(asked, number) == before


def test_the_page_works_once_without_an_account_and_shows_who_is_meant(asked):
    granted(asked)
    link = f"/task/{task.token(asked, ID)}"
    with TestClient(application(asked)) as client:
        page = client.get(f"{link}?lang=fr")
        assert page.status_code == 200
        assert "ada@example.org" in page.text
        read_by = list(read.events(asked.ledger, kind="staff_read"))
        assert [(one.actor, one.facts["screen"]) for one in read_by] == [("owner", "task/mailboxes")]
        assert "les boîtes aux lettres des ventes" in page.text
        assert client.get(link[:-1] + ("a" if link[-1] != "a" else "b")).status_code == 404
        empty = client.post(link, data={"by": "Jo"}, files={"files": ("", b"")})
        assert empty.status_code == 422
        assert "Say what you found" in empty.text
        odd = bytes(range(256)) + b"\r\n\r\n--x\r\n"
        sent = client.post(
            link, data={"outcome": "done", "by": "Jo Doé", "note": ""}, files={"files": ("é/ü.bin", odd)}
        )
        assert (sent.status_code, "Thank you" in sent.text) == (200, True)
        assert client.get(link).status_code == 404
        assert (
            client.post(link, data={"outcome": "done", "by": "x"}, files={"f": ("", b"")}).status_code == 404
        )
        other = client.post(link, data={"outcome": "done"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert other.status_code == 403
    ((kept, _, size),) = claim(asked)["tasks"]["mailboxes"]["files"]
    assert size == len(odd)
    assert b"".join(vault.get_chunks(asked.ledger, kept)) == odd


def test_what_an_owner_sends_twice_is_taken_once_and_thanked_for_twice(asked):
    granted(asked)
    link = f"/task/{task.token(asked, ID)}"
    with TestClient(application(asked)) as client:
        once = client.get(link).text.split('name="once" value="', 1)[1].partition('"')[0]
        form = {"outcome": "not_found", "by": "Jo", "once": once}
        wrong = client.post(link, data=form | {"by": " "}, files={"files": ("", b"")})
        assert wrong.status_code == 422
        answers = [client.post(link, data=form, files={"files": ("", b"")}) for _ in range(2)]
        assert [one.status_code for one in answers] == [200, 200]
        assert answers[0].text == answers[1].text
        other = client.post(link, data=form | {"once": "another form"}, files={"files": ("", b"")})
        assert other.status_code == 404
    assert len(list(read.events(asked.ledger, kind="task_answered"))) == 1


def test_the_page_refuses_more_than_its_bound(asked):
    granted(asked)
    link = f"/task/{task.token(asked, ID)}"
    with TestClient(application(asked)) as client:
        much = bytes(task.BYTES_MAX + 300_000)
        refused = client.post(link, data={"outcome": "done"}, files={"f": ("a", much)})
        assert refused.status_code == 413
        assert "This page takes 20 MB at once" in refused.text
        assert f'href="{link}"' in refused.text
    assert claim(asked)["tasks"]["mailboxes"]["state"] == "open"


def test_the_commands_list_show_and_record(asked, folder, letters):
    number = granted(asked)
    assert ID in troth(folder, "task", "list").out
    shown = troth(folder, "task", "show", ID, "--link")
    assert task.token(asked, ID) in shown.out
    assert not names(shown.out, "ada")
    (folder / "found.txt").write_text("about Ada")
    done = troth(folder, "task", "done", ID, "--by", "Jo", "--file", folder / "found.txt", "--staff", "dana")
    assert (done.code, done.out) == (0, f"Recorded for {ID}: done, 1 files.\n")
    again = troth(folder, "task", "not-found", ID, "--by", "Jo", "--staff", "dana")
    assert (again.code, "answered already" in again.err) == (2, True)
    assert troth(folder, "task", "list").out == "No task is open.\n"
    said = troth(folder, "request", "show", number).out
    assert "Coverage of c1: mailboxes attested on" in said
    assert troth(folder, "task", "show", "2026-0009.c1.x").code == 2


def test_a_map_with_mistakes_says_all_of_them(folder):
    found, problems = manual.read(
        "store: a b\nkind: manual\nwhat: x\nowner: {name: Jo, email: nowhere, language: de}\nrights: [cake]\n"
        "before: soon\ncolour: red\n",
        "stores/m.yaml",
    )
    assert found is None
    assert len(problems) == 6
    (folder / "stores" / "m.yaml").write_text("store: m\nkind: manual\n")
    assert troth(folder, "task", "list").code == 0  # nothing is asked of it yet


def test_reminders_follow_the_days():
    told = {"state": "open", "due": "2026-12-18", "on": "2026-11-23", "letters": []}
    assert rules.next_letter(told, date(2026, 11, 23)) == "task"
    failed = {**told, "letters": [{"kind": "task", "outcome": "failed", "on": "2026-11-23"}]}
    assert rules.next_letter(failed, date(2026, 11, 23)) == "task"
    assert rules.next_letter({**told, "state": "done"}, date(2027, 1, 1)) is None


def test_no_task_goes_by_an_unknown_name(asked):
    for name in ("", "x", "2026-0001", "2026-0001.c1", "2026-0001.c9.mailboxes"):
        with pytest.raises(NotFoundError, match="There is no task"):
            task.by_id(asked, name)


def test_the_owner_is_told_what_a_decision_leaves_alone_and_so_is_the_person(asked, letters):
    number = story.ask(asked, "erase", name="Ada")
    story.grant_erasure(asked, number, exemptions=["b:order:2036-12-31", "e:mailboxes:2027-06-30"])
    carry_on.carry_on(asked, number)
    ((_, text),) = sent_to(letters, "jo@company.example")
    assert "À laisser tel quel, car la loi le demande" in text
    assert "conservé jusqu’au 31 décembre 2036 (RGPD art. 17(3)(b))" in text
    assert "les boîtes aux lettres des ventes, là où seules des personnes peuvent chercher" in text
    with TestClient(application(asked)) as client:
        page = " ".join(client.get(f"/task/{task.token(asked, ID)}?lang=en").text.split())
    assert "Leave alone, because the law asks for it" in page
    assert "the mailboxes of sales in places that only people reach: stays until 30 June 2027" in page
    lines = answer.said(asked, number)[1]["claims"][0]["lines"]
    assert sum("in places that only people reach: stays until" in line for line in lines) == 2
