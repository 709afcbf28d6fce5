"""Sweeps and holds in the console: counted, marked, let go by a second person, stopped; held, reviewed, ended."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from console_visits import admit_one, signed_in
from shop_project import with_old_messages
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.work import admit, hold, sweep

NAME = "shop.message.customers"
HERE = f"/console/sweeps/{NAME}"


@pytest.fixture
def folder(folder):
    """A shop of which ten messages are six years old and two are new, bound to a promise of three years."""
    with_old_messages(folder)
    return folder


def there(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        return connection.execute("SELECT count(*) FROM message").fetchone()[0]


def ended(client, path):
    assert "event: end" in client.get(path).text


def test_what_is_due_is_counted_marked_and_let_go_by_somebody_else(project, app, folder, clock):
    with signed_in(project, "handler", app) as client:
        assert "not counted yet" in client.get("/console/sweeps").text
        client.post("/console/sweeps/look")
        ended(client, "/console/sweeps/look/live")
        listed = client.get("/console/sweeps").text
        assert "to be marked" in listed
        assert '<th scope="row"><a href="/console/sweeps/shop.message.customers"' in listed
        page = client.post(f"{HERE}/mark").text
        assert "Marked. It goes once the grace is over." in page
        assert "message:delete" in page
        assert client.post(f"{HERE}/act").status_code == 403
    with signed_in(project, "reviewer", app) as client:
        assert "Its grace runs until" in client.get(HERE).text
        assert client.post(f"{HERE}/act").status_code == 422
        assert there(folder) == 12
        clock.forward(days=31)
    with signed_in(project, "reviewer", app) as client:
        client.post(f"{HERE}/act")
        ended(client, f"{HERE}/live")
        assert "10 rows went." in client.get(HERE).text
    assert there(folder) == 2


def test_whoever_marked_it_does_not_let_it_act_but_in_an_office_of_one(project, app, folder, clock):
    admit.derogate(project, "There is one person in the office.", "root")
    admit_one(project, "alone", "handler", "reviewer")
    sweep.look(project)
    with signed_in(project, "alone", app) as client:
        client.post(f"{HERE}/mark")
        clock.forward(days=31)
    with pytest.raises(NotAllowedError, match="still lets alone hold roles"):
        admit.end_derogation(project, "root")
    admit.withdraw(project, "alone", "handler", "", "root")
    admit.end_derogation(project, "root")
    with signed_in(project, "alone", app) as client:
        assert "You marked this sweep" in client.get(HERE).text
        assert client.post(f"{HERE}/act").status_code == 422
        assert there(folder) == 12
    admit.derogate(project, "There is one person in the office.", "root")
    with signed_in(project, "alone", app) as client:
        client.post(f"{HERE}/act")
        ended(client, f"{HERE}/live")
    assert there(folder) == 2


def test_a_sweep_is_stopped_with_its_reason(project, app, folder, clock):
    sweep.mark(project, [NAME], staff="handler")
    with signed_in(project, "dpo", app) as client:
        assert client.post(f"{HERE}/stop", data={"reason": "x"}).status_code == 403
        assert "Its grace runs" not in client.get(HERE).text
    with signed_in(project, "reviewer", app) as client:
        assert client.post(f"{HERE}/stop", data={"reason": " "}).status_code == 422
        page = client.post(f"{HERE}/stop", data={"reason": "the campaign starts again"}).text
        assert "the campaign starts again" in page
        assert client.post(f"{HERE}/stop", data={"reason": "again"}).status_code == 422
    assert there(folder) == 12


def test_far_more_than_the_last_time_is_marked_by_who_approves(project, app, folder, clock):
    sweep.mark(project, [NAME], staff="handler")
    clock.forward(days=31)
    list(sweep.act(project, [NAME]))
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        rows = [(number, 2, "2020-01-01") for number in range(100, 1200)]
        connection.executemany("INSERT INTO message (id, customer_id, sent) VALUES (?, ?, ?)", rows)
    sweep.look(project)
    with signed_in(project, "handler", app) as client:
        assert "and the last took 10" in client.get(HERE).text
        assert client.post(f"{HERE}/mark").status_code == 422
        assert client.post(f"{HERE}/mark", data={"confirm": "1"}).status_code == 403
    with signed_in(project, "reviewer", app) as client:
        assert client.post(f"{HERE}/mark").status_code == 403
        assert "Marked." in client.post(f"{HERE}/mark", data={"confirm": "1"}).text
    assert sweep.marked_by(project, sweep.named(project, NAME)) == "reviewer"


def test_the_first_one_of_many_rows_is_marked_by_who_approves(project, app, folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        rows = [(number, 2, "2020-01-01") for number in range(100, 200)]
        connection.executemany("INSERT INTO message (id, customer_id, sent) VALUES (?, ?, ?)", rows)
    sweep.look(project)
    with signed_in(project, "handler", app) as client:
        assert "nothing went by this promise as it stands" in client.get(HERE).text
        assert client.post(f"{HERE}/mark").status_code == 422
    with signed_in(project, "reviewer", app) as client:
        assert "Marked." in client.post(f"{HERE}/mark", data={"confirm": "1"}).text


def test_no_other_name_is_a_sweep_and_whoever_administers_sees_none(project, app):
    with signed_in(project, "auditor", app) as client:
        assert client.get("/console/sweeps/shop.orders.none").status_code == 404
        assert client.get(f"{HERE}/archive").status_code == 422  # it archives nothing
        assert client.get("/console/sweeps?format=csv").text.count("\n") == 2
        assert client.post(f"{HERE}/archive", data={"reason": "x"}).status_code == 403
        assert client.post(f"{HERE}/mark").status_code == 403
    with signed_in(project, "admin", app) as client:
        for path in ("", f"/{NAME}", "/holds", f"/{NAME}/live"):
            assert client.get(f"/console/sweeps{path}").status_code == 403


def test_a_hold_is_placed_read_reviewed_and_ended(project, app, clock):
    today = clock().date()
    form = {"matter": "canary-matter 26/0417", "reason": "our defence", "about": "email=ada@example.org\n",
            "what": ["contact"], "tables": "shop.message", "owner": "general counsel",
            "review": str(today + timedelta(days=90))}  # fmt: skip
    with signed_in(project, "counsel", app) as client:
        page = client.post("/console/sweeps/holds", data=form).text
        assert "The hold stands." in page
        assert "canary-matter" in page
        (placed,) = hold.every(project)
        here = f"/console/sweeps/holds/{placed['name']}"
        assert (len(placed["subjects"]), placed["what"]) == (1, ["contact", "shop.message"])
        assert [e.actor for e in read.stream(project.ledger, f"reading/{placed['name']}")] == ["counsel"]
        listed = client.get("/console/sweeps/holds").text
        assert "general counsel" in listed
        assert "general counsel" in client.get("/console/sweeps/holds?format=csv").text
        assert "canary-matter" not in listed
        assert "our defence" not in listed
        late = {"until": str(today + timedelta(days=400)), "note": "n"}
        assert client.post(f"{here}/review", data=late).status_code == 422
        soon = {"until": str(today + timedelta(days=120)), "note": "the appeal is pending"}
        assert "The review is recorded." in client.post(f"{here}/review", data=soon).text
        assert "It ended." in client.post(f"{here}/end", data={"reason": "final"}).text
        ended(client, "/console/sweeps/holds/live")
        assert placed["name"] not in client.get("/console/sweeps/holds").text
        assert placed["name"] in client.get("/console/sweeps/holds?all=1&format=csv").text
        assert client.post("/console/sweeps/holds", data=form | {"about": "ada"}).status_code == 422
        assert client.get("/console/sweeps/holds/h00000000").status_code == 404
    with signed_in(project, "dpo", app) as client:
        assert client.post("/console/sweeps/holds", data=form).status_code == 403
        assert client.get(here).status_code == 200


def test_a_hold_stops_a_sweep_and_the_page_says_which(project, app, clock):
    sweep.mark(project, [NAME], staff="handler")
    placed = hold.place(project, "m", "r", clock().date() + timedelta(days=90), "counsel", what=["shop"])
    clock.forward(days=31)
    with signed_in(project, "reviewer", app) as client:
        client.post(f"{HERE}/act")
        ended(client, f"{HERE}/live")
        assert f"the legal hold {placed.state['name']} is about it" in client.get(HERE).text
