"""Other systems ask before they send and record after, with the key and scope for it; and the description is true."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from litestar.testing import TestClient

from troth.faces.portal.application import application
from troth.faces.portal.openapi import OPERATIONS, document
from troth.ledger import read
from troth.work import declare_refusals, message_link
from troth.work.project import ApiKey

KEY, READER = "shop-" + "a" * 40, "reader-" + "b" * 40
ADA, PURPOSE = "ada@example.org", "newsletter"
COMPONENTS = document()["components"]
ROOT = Path(__file__).resolve().parents[2]
MEASURED = {"purpose": "audience", "picture": "https://track.example/o.gif",
            "links": {"offer": {"to": "https://shop.example/", "by": "https://track.example/c"}}}  # fmt: skip


@pytest.fixture
def keyed(project):
    keys = {
        "shop": ApiKey(lambda: KEY, ("messages", "preferences")),
        "reader": ApiKey(lambda: READER, ("open", "follow")),
    }
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    return replace(project, settings=replace(project.settings, api=keys))


@pytest.fixture
def client(keyed):
    with TestClient(application(keyed), base_url="http://127.0.0.1:8080") as found:
        yield found


def ask(client, path, body, key=KEY):
    content = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(path, content=content, headers={"Authorization": f"Bearer {key}"})


def problem(answer, status=422):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    return answer.json()["detail"]


def test_messages_are_prepared_one_answer_each_and_nothing_is_recorded(client, keyed):
    before = len(list(read.events(keyed.ledger)))
    to = [{"email": ADA, "language": "fr"}, {"email": "nowhere"}, {"email": "eve@example.org"}]
    answer = ask(client, "/api/messages/prepare", {"purpose": PURPOSE, "to": to, "measured": MEASURED})
    assert answer.status_code == 200, answer.text
    ada, nowhere, eve = answer.json()["messages"]
    assert (ada["notice"]["language"], eve["notice"]["language"]) == ("fr", "en")
    assert ada["headers"]["List-Unsubscribe"] == f"<{ada['unsubscribe']}>"
    assert (nowhere["allowed"], "no e-mail address" in nowhere["wrong"]) == (False, True)
    assert message_link.stop_of(keyed, ada["unsubscribe"].rpartition("/")[2]).email == ADA
    assert message_link.followed_of(keyed, ada["picture"].rpartition("/")[2][:-4]).target == ""
    assert (
        message_link.followed_of(keyed, ada["links"]["offer"].rpartition("/")[2]).target
        == "https://shop.example/"
    )
    assert len(list(read.events(keyed.ledger))) == before


def test_what_was_sent_is_recorded_once_with_its_notice(client, keyed):
    asked = ask(client, "/api/messages/prepare", {"purpose": PURPOSE, "to": [{"email": ADA}]}).json()[
        "messages"
    ][0]
    sent = {
        "purpose": PURPOSE,
        "sent": [{"email": ADA, "notice": asked["notice"]["token"]}, {"email": "nowhere"}],
    }
    first = ask(client, "/api/messages/sent", sent).json()
    assert (first["recorded"], first["known"], first["wrong"][0]["at"]) == (1, 0, 1)
    assert ask(client, "/api/messages/sent", sent).json()["recorded"] == 0
    (event,) = read.events(keyed.ledger, kind="first_communication_sent")
    assert (event.actor, event.facts["lacks"]) == ("api/shop", [])
    again = ask(client, "/api/messages/prepare", {"purpose": PURPOSE, "to": [{"email": ADA}]}).json()[
        "messages"
    ][0]
    assert (again["first"], again["notice"]) == (False, None)


def test_preferences_are_told_with_the_persons_own_page(client):
    told = ask(client, "/api/preferences", {"email": ADA}).json()
    assert {one["purpose"]: one["said"] for one in told["preferences"]}["audience"] == "never"
    assert client.get(told["page"].removeprefix("http://127.0.0.1:8080")).status_code == 200
    assert "no e-mail address" in problem(ask(client, "/api/preferences", {"email": "nowhere"}))


@pytest.mark.parametrize("path", ["/api/messages/prepare", "/api/messages/sent", "/api/preferences"])
def test_without_the_scope_nothing_is_told(client, path):
    assert "no scope" in problem(ask(client, path, {}, key=READER), 403)
    assert "No key" in problem(ask(client, path, {}, key="wrong"), 401)
    for body in (b"{", b"\xff", {"canary": 1}, []):
        assert "canary-value" not in problem(ask(client, path, body))


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        ("prepare", {"purpose": "canary"}, "no purpose"),
        ("prepare", {"channel": "pigeon"}, "no channel"),
        ("prepare", {"to": []}, "one person at least"),
        ("prepare", {"to": [{"email": ADA}] * 501}, "500 at most"),
        ("prepare", {"measured": {**MEASURED, "purpose": PURPOSE}}, "a purpose of its own"),
        ("prepare", {"measured": {**MEASURED, "purpose": "orders"}}, "CNIL 2026-042"),
        ("prepare", {"measured": {**MEASURED, "picture": "javascript:x"}}, "no web address"),
        ("sent", {"purpose": "canary"}, "no purpose"),
        ("sent", {"sent": []}, "one person at least"),
    ],
)
def test_what_is_wrong_with_all_of_it_is_a_problem(client, path, change, said):
    good = {
        "prepare": {"purpose": PURPOSE, "to": [{"email": ADA}]},
        "sent": {"purpose": PURPOSE, "sent": [{"email": ADA}]},
    }
    assert said in problem(ask(client, f"/api/messages/{path}", {**good[path], **change}))


class TestDescription:
    """OpenAPI 3.1, made from the types that bodies are read with."""

    def test_it_describes_every_route_there_is_and_no_other(self, keyed):
        routes = {
            (method.lower(), route.path_format.replace("{token}", "{id}"))
            for route in application(keyed).routes
            for method in route.methods
            if route.path_format.startswith("/api/") and method != "OPTIONS"
        }
        hot = {("post", "/api/may"), ("post", "/api/choices")}  # they stand before the application
        described = {(each.method, each.path) for each in OPERATIONS}
        assert described | {("get", "/api/openapi.json")} == routes | hot

    def test_it_is_openapi_and_its_examples_are_what_it_says(self):
        told = document()
        assert told["openapi"].startswith("3.1")
        for each in OPERATIONS:
            for kind, example in ((each.takes, each.example), (each.gives, each.given)):
                if kind is not None:
                    schema = {
                        "$ref": f"#/components/schemas/{kind.__name__}",
                        "components": told["components"],
                    }
                    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(example)))

    def test_the_page_of_the_documentation_is_the_one_that_is_served(self, client):
        served = client.get("/api/openapi.json").json()
        assert served.pop("servers") == [{"url": "http://127.0.0.1:8080"}]
        assert json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")) == served

    def test_without_a_key_there_is_none(self, project):
        with TestClient(application(project)) as client:
            assert client.get("/api/openapi.json").status_code == 404

    @pytest.mark.slow
    def test_whatever_is_sent_is_answered_as_described(self, keyed):
        described = schemathesis.openapi.from_dict(document())
        wanted = described.include(path_regex="messages|preferences").get_all_operations()
        with TestClient(application(keyed), base_url="http://127.0.0.1:8080") as client:
            for operation in wanted:
                tried(operation.ok(), client)


def tried(operation, client):
    """Send what hypothesis draws from one operation's description."""
    from hypothesis import given

    @given(case=operation.as_strategy())
    @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def each(case):
        headers = {"Authorization": f"Bearer {KEY}", "content-type": "application/json"}
        answer = client.request(
            operation.method.upper(), operation.path, content=json.dumps(case.body), headers=headers
        )
        told = operation.definition.raw["responses"]
        assert str(answer.status_code) in told, answer.text
        schema = next(iter(told[str(answer.status_code)]["content"].values()))["schema"]
        jsonschema.Draft202012Validator({**schema, "components": COMPONENTS}).validate(answer.json())

    each()
