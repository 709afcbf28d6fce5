"""Other systems open requests with a key, each once, and learn no more than a page without its code."""

import json
from dataclasses import replace

import pytest
from litestar import Litestar
from litestar.testing import TestClient

import story
from troth.errors import NotAllowedError, WrongFileError
from troth.faces.portal.api import api
from troth.faces.portal.application import application
from troth.faces.portal.guarded import Guard
from troth.faces.portal.limits import Limit
from troth.ledger import read
from troth.settings_file import read_settings
from troth.work import close_request, request_file
from troth.work.project import ApiKey

BOTH, FOLLOWS = "both-" + "a" * 40, "follows-" + "b" * 40
ADA = {"rights": ["access"], "email": "ada@example.org", "wording": "All of it, please."}


@pytest.fixture
def keyed(project):
    keys = {"crm": ApiKey(lambda: BOTH, ("open", "follow")), "board": ApiKey(lambda: FOLLOWS, ("follow",))}
    return replace(project, settings=replace(project.settings, api=keys))


@pytest.fixture
def client(keyed):
    with TestClient(application(keyed), base_url="http://127.0.0.1:8080") as found:
        yield found


def send(client, body=ADA, key=BOTH, once="a-name-of-its-own", raw=None):
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": once}
    return client.post("/api/requests", headers=headers, content=raw or json.dumps(body))


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == status
    return answer.json()["detail"]


def numbers(project):
    return [state.body["id"] for state in read.states(project.ledger, "request")]


def test_a_request_is_taken_in_with_its_clock_and_acknowledged(client, keyed, letters):
    answer = send(client)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["number"], told["state"], told["rights"]) == ("2026-0001", "in_progress", ["access"])
    state = story.state(keyed, "2026-0001")
    assert (state["channel"], state["legal_due"]) == ("api", told["due"])
    assert request_file.requester(keyed, "2026-0001")["wording"] == "All of it, please."
    assert letters()[0][0] == "ada@example.org"
    followed = client.get(answer.headers["location"], headers={"Authorization": f"Bearer {FOLLOWS}"})
    assert followed.json() == told


def test_sending_it_again_opens_no_second_one_and_writes_no_second_letter(client, keyed, letters):
    first = send(client)
    sent = len(letters())
    assert send(client).json() == first.json()
    assert (len(numbers(keyed)), len(letters())) == (1, sent)
    assert send(client, once="another-name").json()["number"] == "2026-0002"


@pytest.mark.parametrize(
    "more",
    [{"email": "eve@example.org"}, {"rights": ["erase"]}, {"wording": "canary"},
     {"language": "fr"}, {"received_at": "2026-11-20T09:00:00+01:00"},
     {"on_behalf_of": {"acting": "agent", "email": "bob@example.org"}}],
)  # fmt: skip
def test_another_request_under_the_same_name_is_told(client, keyed, more):
    send(client)
    assert "Draw a new one" in problem(send(client, {**ADA, **more}), 409)
    assert numbers(keyed) == ["2026-0001"]
    assert len(list(read.events(keyed.ledger, kind="subject_opened"))) == 1  # nobody was opened for nothing


def test_a_key_is_used_so_often_and_no_more(keyed):
    with TestClient(Litestar(api(keyed, Guard(keyed, Limit(2, 60))))) as client:
        follow = {"Authorization": f"Bearer {FOLLOWS}"}
        assert [client.get("/api/requests/none", headers=follow).status_code for _ in range(3)] == [
            404,
            404,
            429,
        ]
        answer = client.get("/api/requests/none", headers=follow)
        assert "too often" in problem(answer, 429)
        assert answer.headers["retry-after"] == "60"
        assert send(client).status_code == 201  # another key


def test_what_is_not_there_below_the_interface_is_a_problem_too(client):
    assert "asked by another method" in problem(client.get("/api/requests"), 405)
    assert "GET /api/openapi.json" in problem(client.get("/api/nothing"), 404)
    assert client.get("/nothing").headers["content-type"].startswith("text/html")


def test_a_request_is_for_one_company_of_the_group(client, keyed):
    assert "no company 'nowhere'" in problem(send(client, {**ADA, "entity": "nowhere"}), 422)
    own = str(keyed.policy.group.main_entity.key)
    assert send(client, {**ADA, "entity": own}).status_code == 201


def test_without_a_key_and_beyond_its_scope_nothing_is_done(client, keyed):
    for key in ("", "wrong", BOTH[:-1]):
        answer = send(client, key=key)
        assert "No key" in problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    assert "no scope 'open'" in problem(send(client, key=FOLLOWS), 403)
    assert numbers(keyed) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**ADA, "rights": []}, "asks for something"),
        ({**ADA, "rights": ["canary-right"]}, "no right called"),
        ({**ADA, "email": "canary"}, "no e-mail address"),
        ({**ADA, "colour": "canary"}, "unknown field `colour`"),
        ({**ADA, "email": 4711}, "$.email"),
        ({**ADA, "language": "de"}, "en or fr"),
        ({**ADA, "received_at": "2026-03-05T14:30:00"}, "offset"),
        ({**ADA, "received_at": "2040-03-05T14:30:00Z"}, "future"),
        ({**ADA, "on_behalf_of": {"acting": "neighbour", "email": "bob@example.org"}}, "somebody else as"),
        ([], "not a request in JSON"),
    ],
)
def test_what_is_wrong_is_a_problem_in_words_and_opens_nothing(client, keyed, body, said):
    assert said in problem(send(client, body), 422)
    assert numbers(keyed) == []


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'{"rights": ["access"], "email": "\xff"}'])
def test_bytes_that_are_no_json_are_a_problem(client, raw):
    assert "not a request in JSON" in problem(send(client, raw=raw), 422)


def test_a_body_that_is_too_large_and_a_name_that_is_too_short_are_refused(client, keyed):
    problem(send(client, {**ADA, "wording": "x" * 70_000}), 413)
    assert "Idempotency-Key" in problem(send(client, once="short"), 422)
    assert numbers(keyed) == []


def test_somebody_else_is_asked_for_and_the_request_is_about_them(client, keyed, letters):
    body = {**ADA, "on_behalf_of": {"acting": "agent", "name": "Bob", "email": "bob@example.org"}}
    assert send(client, body).status_code == 201
    assert send(client, body).json()["number"] == "2026-0001"
    body["on_behalf_of"]["email"] = "eve@example.org"
    problem(send(client, body), 409)
    assert story.state(keyed, "2026-0001")["acting"]["kind"] == "agent"
    assert letters()[0][0] == "ada@example.org"


def test_known_and_unknown_persons_are_answered_alike_and_no_outcome_is_told(client, keyed):
    known = send(client, once="name-number-1").json()
    unknown = send(client, {**ADA, "email": "nobody@example.net"}, once="name-number-2").json()
    gaps = {"id": "", "number": "", "page": ""}
    assert {**known, **gaps} == {**unknown, **gaps}


def test_a_made_up_id_is_not_found_and_a_withdrawn_request_says_so(client, keyed):
    follows = {"Authorization": f"Bearer {FOLLOWS}"}
    problem(client.get("/api/requests/2026-0001-aaaa", headers=follows), 404)
    told = send(client).json()
    close_request.withdraw(keyed, told["number"])
    after = client.get(f"/api/requests/{told['id']}", headers=follows).json()
    assert (after["state"], after["due"]) == ("withdrawn", None)
    problem(client.get(f"/api/requests/{told['id']}"), 401)


def test_without_keys_there_is_no_such_address_and_a_short_one_is_refused(project):
    with TestClient(application(project), base_url="http://127.0.0.1:8080") as client:
        assert send(client).status_code == 404
    short = replace(project.settings, api={"crm": ApiKey(lambda: "short", ("open",))})
    with pytest.raises(NotAllowedError, match="shorter than 32"):
        application(replace(project, settings=short))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('secret = "canary"\nscope = ["open"]', "no reference"),
        ('secret = "env:KEY"\nscope = ["everything"]', "good for"),
        ('secret = "env:KEY"\nscope = []', "good for"),
        ('secret = "env:KEY"', "and nothing else"),
    ],
)
def test_a_key_that_is_set_wrongly_is_told_with_its_line(tmp_path, written, said):
    (tmp_path / "troth.toml").write_text(f"[api.crm]\n{written}\n")
    with pytest.raises(WrongFileError, match=said) as told:
        read_settings(tmp_path)
    assert "canary" not in str(told.value)
    assert "troth.toml:1:" in str(told.value)


def test_a_key_is_read_from_where_it_is_referred_to(tmp_path):
    (tmp_path / "key").write_text(BOTH)
    (tmp_path / "troth.toml").write_text('[api.crm]\nsecret = "file:key"\nscope = ["open"]\n')
    key = read_settings(tmp_path).api["crm"]
    assert (key.secret(), key.scope) == (BOTH, ("open",))
    assert BOTH not in repr(key)
