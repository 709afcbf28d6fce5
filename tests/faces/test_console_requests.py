"""The list of requests: what it finds, what is kept, what is done to many, and what is taken in by hand."""

import csv
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import story
from console_visits import admit_one, signed_in
from troth.faces.console import progress
from troth.faces.console.kept import LISTS
from troth.ledger import read
from troth.work import admit, in_bulk, request_file


@pytest.fixture
def handler(project, app):
    with signed_in(project, "handler", app) as client:
        yield client


def shown(client, query=""):
    answer = client.get(f"/console/requests{query}")
    assert answer.status_code == 200
    return answer.text


def test_filters_find_what_they_say_and_show_nothing_personal(project, handler):
    access = story.ask(project, "access", wording="Says Ada.")
    erase = story.ask(project, "erase", email="bob@example.org")
    page = shown(handler)
    assert f"requests/{access}" in page
    assert f"requests/{erase}" in page
    assert "example.org" not in page
    assert f"requests/{access}" not in shown(handler, "?right=erase")
    assert f"requests/{erase}" not in shown(handler, f"?number={access}")
    assert f"requests/{erase}" in shown(handler, "?waits=decide&order=received")
    assert "No request is like that" in shown(handler, "?status=closed")
    assert "No request is like that" in shown(handler, "?due=2026-11-23")
    assert f"requests/{access}" in shown(handler, "?page=zero&order=evil&due=never&waits=nothing&right='")


def test_a_list_is_paged_by_fifty_and_given_away_as_csv(project, handler):
    for one in range(51):
        story.ask(project, "access", email=f"p{one}@example.org")
    first, second = shown(handler), shown(handler, "?page=2")
    assert first.count("data-row") == 50
    assert second.count("data-row") == 1
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    answer = handler.get("/console/requests?format=csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 52
    assert rows[1][0] == "2026-0001"
    assert len(first.encode()) < 150_000


def test_whoever_has_another_entity_finds_nothing(project, app):
    number = story.ask(project, "access")
    admit_one(project, "elsa")
    admit.record(project, "elsa", {"move": "granted", "role": "handler", "entity": "elsewhere"}, "root")
    with signed_in(project, "elsa", app) as client:
        assert number not in shown(client, "?status=all")
        assert number not in client.get("/console/requests?format=csv&status=all").text
        page = client.post(
            "/console/requests/bulk", data={"what": "code", "number": number, "step": "do"}
        ).text
    assert "not yours" in page
    assert story.kinds(project, number) == ["request_received", "letter_sent"]


def test_filters_are_kept_for_whoever_kept_them(project, app, handler):
    form = {"name": "Erasures <1>", "filter-right": "erase", "filter-evil": "x"}
    handler.post("/console/requests/filters", data=form)
    assert "?right=erase" in shown(handler)
    assert "Erasures &lt;1&gt;" in shown(handler)
    with signed_in(project, "dpo", app) as client:
        assert "Erasures" not in shown(client)
    handler.post("/console/requests/filters", data={"gone": "Erasures <1>"})
    assert "Erasures" not in shown(handler)


def test_every_list_that_filters_keeps_its_filters_apart_from_the_others(project, app):
    addresses = {name: f"/console{one.address}" for name, one in LISTS.items()}
    for name, one in LISTS.items():
        role = "auditor" if one.duty == "read_ledger" else "handler"
        with signed_in(project, role, app) as client:
            kept = {f"filter-{field}": "1" if field in {"all", "overdue"} else "" for field in one.names}
            first = next(
                (field for field in one.names if field not in {"all", "overdue", "since", "until"}), "since"
            )
            kept[f"filter-{first}"] = {"since": "2026-01-01", "kind": "staff_read", "status": "all"}.get(
                first, "erase"
            )
            answer = client.post(f"{addresses[name]}/filters", data={"name": "Mine", **kept})
            assert answer.status_code == 200, name
            for other, address in addresses.items():
                page = client.get(address)
                assert page.status_code in {200, 403}, address
                assert (">Mine</a>" in page.text) == (other == name), (name, other)
            assert client.post(f"{addresses[name]}/filters", data={"gone": "Mine"}).status_code == 200
            assert ">Mine</a>" not in client.get(addresses[name]).text
    with signed_in(project, "intake", app) as client:
        assert client.post("/console/ledger/events/filters", data={"name": "Mine"}).status_code == 403


def test_what_is_done_to_many_is_shown_before_and_done_to_those_to_which_it_can_be(project, app, handler):
    one, two = story.ask(project, "access"), story.ask(project, "erase", email="bob@example.org")
    story.take_longer(project, two)
    form = {"what": "extend", "number": [one, two], "reason": "complexity", "words": "Nine archives."}
    page = handler.post("/console/requests/bulk", data=form).text
    assert "It can be done to 1 of 2" in page
    assert "cannot be extended twice" in page
    assert not story.state(project, one).get("extension_proposed")
    done = handler.post("/console/requests/bulk", data=form | {"step": "do"}).text
    assert "Done to 1 of 2" in done
    assert story.state(project, one)["extension_proposed"]["by"] == "handler"
    with signed_in(project, "dpo", app) as client:
        assert client.post("/console/requests/bulk", data=form).status_code == 403
    assert handler.post("/console/requests/bulk", data={"what": "extend"}).status_code == 422
    assert handler.post("/console/requests/bulk", data={"what": "decide", "number": one}).status_code == 422


def test_the_letter_that_asks_many_who_they_are_is_seen_before_it_goes(project, handler):
    one, two = story.ask(project, "access"), story.ask(project, "erase", email="bob@example.org")
    form = {"what": "identity", "number": [one, two], "words": "Two of that name.", "asked": "Your birthday",
            "enough": "It tells you apart."}  # fmt: skip
    assert 'value="letters"' in handler.post("/console/requests/bulk", data=form).text
    shown = handler.post("/console/requests/bulk", data=form | {"step": "letters"}).text
    assert "Two of that name." in shown
    assert f"here for {one}" in shown
    assert 'value="do"' in shown
    assert any(event.stream == f"request/{one}" for event in read.events(project.ledger, kind="staff_read"))
    assert not story.state(project, one)["asks"]
    done = handler.post("/console/requests/bulk", data=form | {"step": "do"}).text
    assert "Done to 2 of 2" in done
    assert [one["what"] for one in story.state(project, two)["asks"].values()] == ["identity"]


def test_a_letter_is_taken_in_by_hand_with_the_day_it_came(project, app):
    with signed_in(project, "intake", app) as client:
        assert client.get("/console/requests/new").status_code == 200
        wrong = client.post(
            "/console/requests/new", data={"right": "access", "email": "nowhere", "name": "Ada"}
        )
        assert wrong.status_code == 422
        assert 'value="Ada"' in wrong.text
        form = {"right": ["access", "erase"], "address": "1 Example Street\nLyon", "name": "Ada", "channel": "post",
                "received": "2026-11-20", "language": "fr", "wording": "Effacez-moi."}  # fmt: skip
        answer = client.post("/console/requests/new", data=form, follow_redirects=False)
        assert answer.status_code == 303
    number = answer.headers["location"].split("/")[-1].split("?")[0]
    state = request_file.load(project, number).state
    assert (state["received"], state["channel"], state["language"]) == ("2026-11-20", "post", "fr")
    assert [claim["right"] for claim in state["claims"].values()] == ["access", "erase"]
    with signed_in(project, "dpo", app) as client:
        assert client.get("/console/requests/new").status_code == 403
    assert read.state(project.ledger, "request/2026-0002") is None


def once_in(page):
    return re.search(r'name="once" value="([^"]+)"', page)[1]


def test_what_is_taken_in_twice_at_once_is_one_request_with_one_receipt(project, app, letters):
    with signed_in(project, "intake", app) as client:
        form = {"right": ["access"], "email": "ada@example.org", "channel": "post", "language": "en"}
        form["once"] = once_in(client.get("/console/requests/new").text)

        def send(name):
            sent = client.post("/console/requests/new", data=form | {"name": name}, follow_redirects=False)
            return sent.headers["location"]

        with ThreadPoolExecutor(3) as pressed:
            assert len(set(pressed.map(send, ["Ada"] * 3))) == 1
        assert len(letters()) == 1
        assert send("Ada Mended") != send("Ada")


def test_what_takes_long_for_many_goes_on_beside_the_page(project, handler, monkeypatch):
    number = story.ask(project, "erase")
    monkeypatch.setattr(progress, "AT_ONCE_SECONDS", 0.0)
    begun, go_on = threading.Event(), threading.Event()

    real = in_bulk.carry_on.carry_on

    def waits(*asked, **said):
        begun.set()
        go_on.wait(10)
        return real(*asked, **said)

    monkeypatch.setattr(in_bulk.carry_on, "carry_on", waits)
    form = {"what": "carry", "number": number, "step": "do"}
    page = handler.post("/console/requests/bulk", data=form).text
    assert 'data-live="/console/requests/bulk/live"' in page
    assert begun.wait(10)
    assert handler.post("/console/requests/bulk", data=form).status_code == 409
    go_on.set()
    assert "event: end" in handler.get("/console/requests/bulk/live").text
    assert "Done to 1 of 1" in handler.get("/console/requests/bulk").text


def test_what_no_clock_and_no_column_holds_is_refused_or_left_out(project, app):
    with signed_in(project, "intake", app) as client:
        form = {"right": "access", "address": "1 Example Street\nLyon", "name": "A\0da", "channel": "post",
                "received": "2026-11-20", "language": "fr", "wording": "Effacez-\0moi."}  # fmt: skip
        for received in ("0001-01-01", "9999-12-31"):
            answer = client.post("/console/requests/new", data=form | {"received": received, "hour": "00:00"})
            assert answer.status_code == 422
        answer = client.post("/console/requests/new", data=form, follow_redirects=False)
        assert answer.status_code == 303
        number = answer.headers["location"].split("/")[-1].split("?")[0]
        assert request_file.requester(project, number)["name"] == "Ada"
        assert client.get("/console/requests/%00").status_code == 404
