"""Choices and questions over HTTP: from a body to the disk, and from the copy to an answer."""

import json
from dataclasses import replace

import httpx
import pytest

import looping
from troth.faces.front import Front
from troth.ledger import read, suppression
from troth.rules.consent_form import Form
from troth.work import declare_refusals, record_form
from troth.work.may import may
from troth.work.project import ApiKey
from troth.work.record_consent import subject_of

FORM = Form("sign-up", "en", "a" * 64, {"newsletter": "b" * 64, "audience": "c" * 64})
KEY, OTHER = "k" * 40, "o" * 40
ADA = "canary@example.org"
YES = {
    "choices": [{"said": "given", "purpose": "newsletter", "channel": "email"}],
    "method": "web",
    "form": "a" * 64,
}
NO = {"choices": [{"said": "withdrawn", "purpose": "newsletter"}], "method": "link"}


async def rest(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"rest"})


@pytest.fixture
def asked(project):
    """Return what posts a body to a path and returns status and JSON."""
    keys = {"shop": ApiKey(lambda: KEY, ("choices", "may")), "other": ApiKey(lambda: OTHER, ("may",))}
    made = replace(project, settings=replace(project.settings, api=keys))
    made.__dict__.update(
        {name: project.__dict__[name] for name in ("policy", "ledger") if name in project.__dict__}
    )
    record_form.record_form(made, FORM)
    declare_refusals.declare_refusals(made, "main-entity", "email", staff="marie")
    front = Front(made, rest)
    front.wait(30)

    def post(path, body, key=KEY, **headers):
        async def send():
            transport = httpx.ASGITransport(app=front)
            async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                shown = {"Authorization": f"Bearer {key}"} if key else {}
                return await client.post(path, content=content, headers={**shown, **headers})

        return looping.run(send())

    post.project, post.front = made, front
    yield post
    front.close()


def answer(asked, **more):
    asked.front.gate().refresh()
    question = {"who": {"email": ADA}, "purpose": "newsletter", "channel": "email", **more}
    return asked("/api/may", question).json()


def test_a_choice_is_on_the_disk_when_it_is_answered_and_opens_what_it_is_about(asked, clock):
    assert answer(asked)["code"] == "no_consent"
    taken = asked("/api/choices", {**YES, "who": {"email": ADA}})
    assert taken.status_code == 201
    told = taken.json()
    event = read.event(asked.project.ledger, told["choices"][0]["event"])
    assert (event.subject, told["choices"][0]["proven"]) == (told["subject"], True)
    found = answer(asked)
    assert found["may"] is True
    assert found["event"] == event.id
    assert found["why"].startswith("Yes: they consented on 2026-11-23")
    assert answer(asked, language="fr")["why"].startswith("Oui : consentement donné")
    clock.forward(seconds=2)
    again = asked("/api/choices", {**NO, "subject": told["subject"]})
    assert again.status_code == 201
    assert answer(asked, why=False) == {
        "may": False,
        "code": "withdrawn",
        "fresh_seconds": pytest.approx(0, abs=30),
    }
    assert may(asked.project, [("email", ADA)], "newsletter", channel="email").reason.code == "withdrawn"


def test_an_objection_closes_the_address_also_of_somebody_unknown(asked):
    body = {"choices": [{"said": "objected"}], "method": "link", "who": {"email": "eve@example.org"}}
    assert asked("/api/choices", body).status_code == 201
    assert suppression.is_suppressed(asked.project.ledger, "email", "Eve@example.org")
    assert answer(asked, who={"email": "e.v.e@example.org"})["code"] == "suppressed"


def test_the_same_idempotency_key_records_once_and_another_report_under_it_is_refused(asked):
    subject = subject_of(asked.project, [("email", ADA)])
    body = {**YES, "subject": subject}
    first, second = (asked("/api/choices", body, **{"Idempotency-Key": "order-4711"}) for _ in range(2))
    assert first.json()["choices"] == second.json()["choices"]
    other = asked("/api/choices", {**NO, "subject": subject}, **{"Idempotency-Key": "order-4711"})
    assert other.status_code == 409
    assert len(read.stream(asked.project.ledger, f"choices/{subject}")) == 1


WRONG = [
    ("/api/choices", YES, KEY, 422),
    ("/api/choices", {**YES, "subject": "f" * 20}, KEY, 404),
    ("/api/choices", {**YES, "who": {"email": ADA}}, None, 401),
    ("/api/choices", {**YES, "who": {"email": ADA}}, "x" * 40, 401),
    ("/api/choices", {**YES, "who": {"email": ADA}}, OTHER, 403),
    ("/api/choices", {**YES, "who": {"email": ADA}, "nonsense": 1}, KEY, 422),
    ("/api/choices", {**YES, "who": {"email": ADA}, "age": 12}, KEY, 422),
    ("/api/choices", b"\xff", KEY, 422),
    ("/api/choices", b"{" + b" " * 200_000 + b"}", KEY, 413),
    ("/api/choices", {"choices": [], "method": "web", "who": {"email": ADA}}, KEY, 422),
    ("/api/may", {"purpose": "newsletter"}, KEY, 422),
    ("/api/may", {"purpose": "newsletter", "who": {"email": ADA}, "subject": "x"}, KEY, 422),
    ("/api/may", b"[]", OTHER, 422),
]


def test_what_is_not_right_is_told_as_a_problem_without_what_was_sent(asked):
    for path, body, key, status in WRONG:
        found = asked(path, body, key)
        assert found.status_code == status, (path, body)
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json()["status"] == status
        assert "canary" not in found.text


def test_other_paths_go_on_to_the_pages_and_get_is_no_way_to_ask(asked):
    assert asked("/elsewhere", {}).status_code == 204

    async def got():
        transport = httpx.ASGITransport(app=asked.front)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return await client.get("/api/may")

    assert looping.run(got()).status_code == 405


def test_a_subject_whom_nobody_opened_is_refused_and_written_nowhere(asked):
    body = {"choices": [{"said": "objected"}], "method": "link", "subject": ADA}
    refused = asked("/api/choices", body)
    assert refused.status_code == 404
    assert ADA not in refused.text
    assert not list(read.events(asked.project.ledger, kind="objection_recorded"))
    subject = subject_of(asked.project, [("email", ADA)])
    other = asked("/api/choices", {**body, "subject": subject, "who": {"email": "bob@example.org"}})
    assert other.status_code == 422
    assert asked("/api/choices", {**body, "subject": subject, "who": {"email": ADA}}).status_code == 201
    assert suppression.is_suppressed(asked.project.ledger, "email", ADA)


def test_an_idempotency_key_used_for_another_persons_objection_records_it_too(asked):
    said = {"Idempotency-Key": "order-4712"}
    people = ("eve@example.org", "bob@example.org")
    bodies = [{"choices": [{"said": "objected"}], "method": "link", "who": {"email": one}} for one in people]
    eve, bob, again = (asked("/api/choices", one, **said).json() for one in (*bodies, bodies[0]))
    assert eve["choices"] != bob["choices"]
    assert again["choices"] == eve["choices"]
    assert len(list(read.events(asked.project.ledger, kind="objection_recorded"))) == 2
    other = {**bodies[0], "choices": [{"said": "objected", "purpose": "newsletter"}]}
    assert asked("/api/choices", other, **said).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {**YES, "choices": [{"said": ADA}]},
        {**YES, ADA: 1},
        {**YES, "who": {ADA: 1}},
        {**YES, "at": ADA},
        {"purpose": "x", "subject": "y", "addressee": ADA},
    ],
)
def test_an_error_about_a_body_repeats_nothing_of_it(asked, body):
    path = "/api/may" if "addressee" in body else "/api/choices"
    refused = asked(path, body)
    assert refused.status_code == 422
    assert "canary" not in refused.text


def test_a_yes_is_proven_as_soon_as_its_form_is_recorded(asked):
    subject = subject_of(asked.project, [("email", ADA)])
    body = {**YES, "form": "d" * 64, "subject": subject}
    assert asked("/api/choices", body).json()["choices"][0]["proven"] is False
    record_form.record_form(asked.project, replace(FORM, interface_sha256="d" * 64))
    assert asked("/api/choices", body).json()["choices"][0]["proven"] is True


def test_a_key_that_is_used_too_often_waits_and_the_others_do_not(project):
    keys = {"shop": ApiKey(lambda: KEY, ("may",), 2), "other": ApiKey(lambda: OTHER, ("may",))}
    made = replace(project, settings=replace(project.settings, api=keys))
    front = Front(made, rest)
    front.wait(30)

    async def ask(key):
        transport = httpx.ASGITransport(app=front)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            body = {"subject": "nobody", "purpose": "newsletter", "channel": "email"}
            return await client.post("/api/may", json=body, headers={"Authorization": f"Bearer {key}"})

    answers = [looping.run(ask(KEY)) for _ in range(6)]  # at most one minute ends meanwhile
    refused = [one for one in answers if one.status_code == 429]
    assert {one.status_code for one in answers} == {200, 429}
    assert len(refused) >= 2
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused[0].headers["retry-after"]) <= 60
    assert refused[0].json()["detail"] == "This key was used too often. Try again later."
    assert looping.run(ask(OTHER)).status_code == 200
    front.close()
