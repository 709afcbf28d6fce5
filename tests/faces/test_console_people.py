"""Finding a person: logged before anything is shown, masked, and for no company that is not theirs."""

from datetime import timedelta

import story
from console_visits import admit_one, signed_in
from troth.ledger import read, vault
from troth.rules.request import ANSWER_DAYS
from troth.work import admit, close_request


def find(client, **form):
    return client.post("/console/people", data=form)


def test_an_exact_identifier_leads_to_rows_and_requests(project, app):
    number = story.ask(project, "erase")
    with signed_in(project, "handler", app) as client:
        assert client.get("/console/people").status_code == 200
        page = find(client, by="identifier", kind="email", value="Ada@example.org").text
        assert f"requests/{number}" in page
        assert "shop.orders" in page
        assert "Lyon" not in page
        (event,) = read.stream(project.ledger, "reading/people")
        assert (event.actor, event.facts["screen"]) == ("handler", "people/identifier")
        assert event.subject == story.state(project, number)["subject"]
        assert (
            "No store holds anything"
            in find(client, by="identifier", kind="email", value="x@example.org").text
        )
        assert find(client, by="identifier", kind="evil", value="x").status_code == 422


def test_a_name_alone_finds_nobody_and_with_a_town_only_shapes(project, app):
    number = story.ask(project, "access", email="somebody@example.org")
    form = {
        "by": "name",
        "name": "example ADA",
        "other": "lyon",
        "number": number,
        "reason": "Ada wrote by hand.",
    }
    with signed_in(project, "dpo", app) as client:
        for missing in ("other", "reason", "name"):
            assert find(client, **form | {missing: " "}).status_code == 422
        assert find(client, **form | {"number": "2026-9999"}).status_code == 422
        assert [kind for kind in story.kinds(project, number) if kind == "staff_read"] == []
        for written in ("Éxample-Adà", "EXAMPLE  ada"):
            assert "1 candidate, at most" in find(client, **form | {"name": written}).text
        page = find(client, **form).text
    assert "1 candidate, at most" in page
    assert "xxx@xxxxxxx.xxx" in page
    assert "ada@example.org" not in page
    event = read.stream(project.ledger, f"request/{number}")[-1]
    assert (event.kind, event.facts["screen"]) == ("staff_read", "people/name")
    assert vault.payload(project.ledger, event)["reason"] == "Ada wrote by hand."


def test_whoever_may_not_looks_for_nobody(project, app):
    number = story.ask(project, "access")
    admit_one(project, "elsa")
    admit.record(project, "elsa", {"move": "granted", "role": "handler", "entity": "elsewhere"}, "root")
    form = {"by": "name", "name": "Ada Example", "other": "Lyon", "number": number, "reason": "to see"}
    with signed_in(project, "elsa", app) as client:
        refused = find(client, **form)
        assert refused.status_code == 422
        assert "not yours" in refused.text
        page = find(client, by="identifier", kind="email", value="ada@example.org").text
        assert f"requests/{number}" not in page
    for handle in ("intake", "reviewer", "admin", "auditor"):
        with signed_in(project, handle, app) as client:
            assert find(client, **form).status_code == 403


def test_people_are_found_by_a_name_that_their_erasure_leaves(folder, project, app):
    path = folder / "stores" / "shop.yaml"
    kept = path.read_text("utf-8").replace("set: {email: null, name: null, city: null}", "set: {email: null}")
    path.write_text(kept, "utf-8")
    number = story.ask(project, "access", email="somebody@example.org")
    form = {"by": "name", "name": "Ada Example", "other": "Lyon", "number": number, "reason": "A letter."}
    with signed_in(project, "dpo", app) as client:
        assert project.stores["shop"].map.written == kept
        page = find(client, **form)
    assert page.status_code == 200
    assert "1 candidate, at most" in page.text


def test_nobody_is_looked_for_by_name_for_a_request_that_ended_long_ago(project, app, clock):
    number = story.ask(project, "access", email="somebody@example.org")
    form = {"by": "name", "name": "Ada Example", "other": "Lyon", "number": number, "reason": "A letter."}
    close_request.withdraw(project, number)
    ended = clock.now
    for days, status in ((0, 200), (ANSWER_DAYS, 200), (ANSWER_DAYS + 1, 422)):
        clock.now = ended + timedelta(days=days)
        with signed_in(project, "dpo", app) as client:
            assert find(client, **form).status_code == status, days
    with signed_in(project, "dpo", app) as client:
        assert "ended more than" in find(client, **form).text
    with signed_in(project, "dpo", app, "fr") as client:
        assert "a pris fin il y a plus de" in find(client, **form).text
    assert list(story.kinds(project, number)).count("staff_read") == 2
