"""A restriction begins provisionally with the receipt, and ends after a letter and its waiting time."""

import json
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date

import pytest

import story
from commanding import troth
from shop_project import make, opened
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.rules import request_guard
from troth.work import amend_rows, carry_on, carry_out, decide, lift, lift_claim, may, open_request, restrict

COLUMNS = "    columns: {id: key, customer_id: link, author: identity, body: contact}\n"
FLAG = "    restriction: {flag: held, active: true, lifted: false}\n"
ASIDE = "    restriction: {set_aside: [body]}\n"


@pytest.fixture
def folder(tmp_path):
    make(tmp_path)
    return tmp_path


@pytest.fixture
def flagged(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("ALTER TABLE message ADD held boolean DEFAULT 0")
    mapped(folder, COLUMNS.replace("}", ", held: flag}") + FLAG)
    return folder


@pytest.fixture
def project(folder, clock):
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def mapped(folder, table):
    file = folder / "stores" / "shop.yaml"
    file.write_text(file.read_text().replace(COLUMNS, table))


def held(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        return [one for (one,) in connection.execute("SELECT held FROM message ORDER BY id")]


def restriction(project, number, claim="c1"):
    return story.state(project, number)["claims"][claim].get("restriction")


def named(project, number):
    return amend_rows.load(project, "restriction", restriction(project, number)["name"])


def asked(project, code, because="accuracy"):
    number = story.ask(project, "restrict", because=because)
    story.prove(project, number, code)
    carry_on.carry_on(project, number)
    return number


def test_rows_are_flagged_once_the_address_is_proven_and_nobody_had_to_approve(flagged, project, code):
    number = story.ask(project, "restrict", because="accuracy")
    carry_on.carry_on(project, number)
    assert restriction(project, number)["ground"] == "accuracy"
    assert held(flagged) == [0, 0]
    story.prove(project, number, code)
    carry_on.carry_on(project, number)
    assert held(flagged) == [1, 0]
    assert restriction(project, number)["marked"]
    assert named(project, number).state["status"] == "provisional"


@pytest.mark.parametrize("because", ["", "claims", "unlawful"])
def test_what_the_law_does_not_have_at_once_waits_for_a_decision(flagged, project, code, because):
    number = asked(project, code, because)
    assert restriction(project, number) is None
    assert held(flagged) == [0, 0]


def test_values_are_set_aside_only_when_somebody_approves_that(folder, project, code):
    mapped(folder, COLUMNS + ASIDE)
    number = asked(project, code)
    found = named(project, number)
    assert (found.state["status"], restriction(project, number)["marked"]) == ("measured", False)
    (step, _) = request_guard.next_steps(story.state(project, number))
    assert (
        step
        == f"claim c1 (restrict): look at the restriction {found.name} and approve it (troth restrict --carry)"
    )
    restrict.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    carry_on.carry_on(project, number)
    assert named(project, number).state["status"] == "active"
    assert restriction(project, number)["marked"]


def test_a_grant_makes_it_active_and_carries_the_claim_out(flagged, project, code, letters):
    number = asked(project, code)
    decide.decide(project, number, "c1", "grant", "marie", ground="a")
    carry_on.carry_on(project, number)
    assert named(project, number).state["status"] == "active"
    assert story.state(project, number)["status"] == "responded"
    assert "Since 23 November 2026 the use of your data is restricted: you say that the data is wrong" in (
        letters()[-1][2].replace("\xa0", " ")
    )
    assert held(flagged) == [1, 0]


def test_a_refused_one_stands_until_the_person_was_told_and_could_answer(
    flagged, project, code, letters, clock
):
    number = asked(project, code)
    decide.decide(project, number, "c1", "refuse", "marie", article="Art. 18(1)", reason="It is right.")
    decide.review(project, number, "c1", "paul")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "refused"
    name = named(project, number).name
    assert held(flagged) == [1, 0]
    with pytest.raises(NotAllowedError, match="is informed before it is lifted"):
        lift.lift(project, name, None, "marie")
    found = lift.announce(project, name, "We checked it, and it is right.", "marie")
    assert (found.state["status"], found.state["told_on"]) == ("lift_notice_sent", "2026-11-23")
    text = letters()[-1][2].replace("\xa0", " ")
    assert "will end on 30 November 2026, and not before" in text
    assert "Why: We checked it, and it is right." in text
    clock.forward(days=6)
    with pytest.raises(NotAllowedError, match="lift it from 2026-11-30 on"):
        lift.lift(project, name, None, "marie")
    assert held(flagged) == [1, 0]
    clock.forward(days=1)
    assert lift.lift(project, name, None, "marie").state["status"] == "lifted"
    assert held(flagged) == [0, 0]


def test_one_that_was_granted_in_words_alone_is_lifted_after_a_letter(project, letters, clock):
    number = story.ask(project, "restrict", because="accuracy")
    carry_on.carry_on(project, number)
    decide.decide(project, number, "c1", "grant", "marie", ground="a")
    carry_out.carry_out(project, number, "c1", "marie", "We use it no more.")
    carry_on.carry_on(project, number)
    name, subject = f"{number}/c1", story.state(project, number)["subject"]
    assert [one for one, _ in lift_claim.standing(project)] == [name]
    with pytest.raises(NotAllowedError, match="is informed before it is lifted"):
        lift_claim.lift(project, name, None, "marie")
    assert lift_claim.announce(project, name, "We checked it, and it is right.", "marie") == date(
        2026, 11, 23
    )
    assert "Why: We checked it, and it is right." in letters()[-1][2]
    clock.forward(days=6)
    with pytest.raises(NotAllowedError, match="lift it from 2026-11-30 on"):
        lift_claim.lift(project, name, None, "marie")
    assert may.stopping(project, subject)[0]
    clock.forward(days=1)
    lift_claim.lift(project, name, None, "marie")
    lift_claim.lift(project, name, None, "marie")
    assert not may.stopping(project, subject)[0]
    assert list(lift_claim.standing(project)) == []
    before = story.state(project, number)
    rebuild(project.ledger)
    assert story.state(project, number) == before
    assert before["claims"]["c1"]["restriction"]["lifted_on"] == "2026-11-30"


def test_a_letter_that_did_not_go_out_lifts_nothing_and_is_sent_again(flagged, project, code, clock):
    number = asked(project, code)
    name = named(project, number).name
    with socket.socket() as nobody:  # bound, and never listening
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        away = replace(project, settings=replace(project.settings, mail_to=f"smtp://127.0.0.1:{port}"))
        assert lift.announce(away, name, "It is right.", "marie").state["status"] == "lift_decided"
        away.close()
    clock.forward(days=20)
    with pytest.raises(NotAllowedError, match="is informed before it is lifted"):
        lift.lift(project, name, None, "marie")
    assert lift.announce(project, name, "It is right.", "marie").state["told_on"] == "2026-12-13"
    with pytest.raises(NotAllowedError, match="was informed on 2026-12-13 already"):
        lift.announce(project, name, "It is right.", "marie")


def test_where_no_request_led_to_it_the_day_they_were_informed_is_given(flagged, project):
    found = restrict.measure(project, [("email", "ada@example.org")], "claims", staff="marie")
    restrict.approve(project, found.name, found.state["plan"]["sha256"], "paul")
    restrict.restrict(project, found.name)
    with pytest.raises(NotAllowedError, match="No request led to the restriction"):
        lift.announce(project, found.name, "It is over.", "marie")
    assert lift.lift(project, found.name, date(2026, 11, 13), "marie").state["status"] == "lifted"


def test_a_ground_goes_with_a_restriction_alone(project):
    for rights, because in ((("access",), "accuracy"), (("restrict",), "spite")):
        with pytest.raises(NotAllowedError, match="A ground goes with a request for restriction"):
            open_request.open_request(project, rights, "ada@example.org", because=because)


def test_the_state_is_folded_again_from_events_alone(flagged, project, code):
    number = asked(project, code)
    before = story.state(project, number)
    rebuild(project.ledger)
    assert story.state(project, number) == before
    assert [one.facts["state"] for one in read.events(project.ledger, kind="restriction_moved")] == (
        ["provisional"] * 4
    )


def test_the_commands_list_announce_and_lift(flagged, project, code, clock):
    number = asked(project, code)
    name = named(project, number).name
    listed = troth(flagged, "lift")
    assert name in listed.out
    assert "1 restriction stands." in listed.out
    said = troth(flagged, "lift", name, "--reason", "It is right.", "--staff", "marie")
    assert said.code == 0
    assert "The subject was informed on 20" in said.out
    early = troth(flagged, "lift", name, "--staff", "marie", "--yes")
    assert early.code == 2
    assert "working days to answer" in early.err
    assert held(flagged) == [1, 0]
    (told,) = json.loads(troth(flagged, "lift", "--json").out)
    assert (told["name"], told["status"]) == (name, "lift_notice_sent")


def test_the_console_tells_the_person_and_lifts_what_stands_in_two_steps(
    flagged, project, code, clock, letters
):
    from console_visits import admit_all, signed_in

    admit_all(project)
    number = asked(project, code)
    name, here = named(project, number).name, "/console/requests/restrictions"
    with signed_in(project, "dpo") as client:  # who advises decides nothing
        page = client.get(here).text
        assert name in page
        assert f"End the restriction {name}" not in page
        assert client.post(f"{here}/tell", data={"name": name, "reason": "It is right."}).status_code == 403
    with signed_in(project, "handler", language="fr") as client:
        assert "Limitations en cours" in client.get(here).text
    with signed_in(project, "handler") as client:
        assert f"End the restriction {name}" in client.get(here).text
        assert client.post(f"{here}/tell", data={"name": "nothing", "reason": "x"}).status_code == 404
        early = client.post(f"{here}/lift", data={"name": name, "confirm": "1"})
        assert "say on which day they were informed." in early.text
        assert early.status_code == 422
        told = client.post(f"{here}/tell", data={"name": name, "reason": "We checked it, and it is right."})
        assert "the letter to the person is written" in told.text
        assert "Why: We checked it, and it is right." in letters()[-1][2]
        assert "The person can answer still. Lift it from" in told.text
        assert client.post(f"{here}/lift", data={"name": name, "confirm": "1"}).status_code == 422
        clock.forward(days=8)
    with signed_in(project, "handler") as client:
        looked = client.post(f"{here}/lift", data={"name": name})
        assert f"What lifting {name} puts back" in looked.text
        assert "message of shop, values: 1" in looked.text
        assert held(flagged) == [1, 0]
        done = client.post(f"{here}/lift", data={"name": name, "confirm": "1"})
        assert "The restriction is lifted." in done.text
        assert "No restriction stands." in done.text
        assert held(flagged) == [0, 0]
