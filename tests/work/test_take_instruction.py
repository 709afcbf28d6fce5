"""A controller tells its processor: its rows alone are touched, and it is told how far that is, by signed words."""

import json
import sqlite3
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from litestar.testing import TestClient

import story
from processors import certified
from shop_project import opened
from troth.errors import NotAllowedError, WrongFileError
from troth.faces.portal.application import application
from troth.ledger import read
from troth.rules import opendsr
from troth.settings_file import read_settings
from troth.work import carry_on, decide, replay
from troth.work.project import Controller

DOMAIN = "us.example"
ID = "8a3f2f0c-6f3e-4f5a-9d55-0123456789ab"
DESK = """
CREATE TABLE guest (id integer PRIMARY KEY, email text, tenant text);
INSERT INTO guest VALUES (1, 'ada@example.org', 'us'), (2, 'ada@example.org', 'acme'), (3, 'ada@example.org', 'zenith');
"""
DESK_MAP = """
store: desk
kind: sqlite
credentials: {find: "sqlite:///desk.db", change: "sqlite:///desk.db"}
controller: {column: tenant, ours: us}
backups_expire: 35 days
tables:
  guest:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, tenant: not_personal}
    erase: {do: delete, by: dpo, because: no longer needed}
"""


class Heard:
    """A controller that listens at a free port, and says 500 while it is down."""

    def __init__(self):
        self.got, self.down = [], False
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                heard.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(500 if heard.down else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def signing():
    key = ec.generate_private_key(ec.SECP256R1())
    return certified(key, DOMAIN), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def acme():
    heard = Heard()
    yield heard
    heard.server.shutdown()
    heard.server.server_close()


@pytest.fixture
def project(folder, clock, signing, acme):
    with sqlite3.connect(folder / "desk.db") as desk:
        desk.executescript(DESK)
    (folder / "stores" / "desk.yaml").write_text(DESK_MAP)
    made = opened(folder, clock)
    controllers = {
        "acme": Controller(
            lambda: "token-of-acme-0123456789-0123456789",
            "privacy@acme.example",
            "DPA 7",
            "acme",
            (acme.url,),
        ),
        "zenith": Controller(
            lambda: "token-of-zenith-0123456789-012345678", "privacy@zenith.example", "DPA 8", "zenith"
        ),
    }
    certificate, key = signing
    settings = replace(
        made.settings, controllers=controllers, own_certificate=lambda: certificate, own_key=lambda: key
    )
    made = replace(made, settings=settings)
    yield made
    made.close()
    made.ledger.close()


@pytest.fixture
def client(project):
    with TestClient(application(project)) as made:
        yield made


def message(kind="erasure", ident=ID, callbacks=(), **other):
    told = {
        "regulation": "gdpr",
        "subject_request_id": ident,
        "subject_request_type": kind,
        "submitted_time": "2026-11-23T08:00:00Z",
        "subject_identities": [
            {"identity_type": "email", "identity_format": "raw", "identity_value": "ada@example.org"}
        ],
        "api_version": "1.0",
        "status_callback_urls": list(callbacks),
    }
    return json.dumps(told | other).encode()


def send(client, body, token="token-of-acme-0123456789-0123456789"):
    return client.post("/opendsr/requests", content=body, headers={"Authorization": f"Bearer {token}"})


def how_far(client, ident=ID, token="token-of-acme-0123456789-0123456789"):
    return client.get(f"/opendsr/requests/{ident}", headers={"Authorization": f"Bearer {token}"})


def guests(folder):
    with sqlite3.connect(folder / "desk.db") as desk:
        return [row[0] for row in desk.execute("SELECT tenant FROM guest ORDER BY id")]


def number_of(project):
    ((number, _),) = {
        (event.request, event.facts["channel"])
        for event in read.events(project.ledger, kind="request_received")
    }
    return number


def test_its_rows_alone_go_and_it_hears_of_each_step(project, client, folder, acme, signing):
    sent = message(callbacks=[f"{acme.url}done"])
    answered = send(client, sent)
    assert answered.status_code == 201
    assert opendsr.accepted(sent, 201, dict(answered.headers), answered.content, signing[0]) == (
        "2026-12-23T00:00:00Z"
    )
    number = number_of(project)
    assert how_far(client).json()["request_status"] == "pending"
    carry_on.carry_on(project, number)
    assert acme.got == []  # it knows that already
    plan = story.grant_erasure(project, number)
    assert list(plan.facts["stores"]) == ["desk"]  # the others are all our own
    carry_on.carry_on(project, number)
    assert guests(folder) == ["us", "zenith"]
    with sqlite3.connect(folder / "shop.db") as shop:
        assert shop.execute("SELECT count(*) FROM customer WHERE email = 'ada@example.org'").fetchone() == (
            1,
        )
    carry_on.carry_on(project, number)
    assert how_far(client).json()["request_status"] == "completed"
    said = [opendsr.callback(headers, body, signing[0]) for headers, body in acme.got]
    assert [one.status for one in said] == ["completed"]
    assert {(one.message, one.url) for one in said} == {(ID, f"{acme.url}done")}
    state = story.state(project, number)
    assert state["claims"]["c1"]["residue"]["desk"] == [
        {"table": "guest", "column": "email", "rows": 2, "verdict": "expected"}
    ]
    assert state["claims"]["c1"]["article"] == "Art. 28(3)(a)"
    assert state["claims"]["c1"]["recipients"] == {}


def test_the_same_message_again_opens_nothing_and_another_under_its_id_is_refused(project, client):
    first, again = send(client, message()), send(client, message())
    assert (again.status_code, again.content) == (201, first.content)
    number_of(project)
    assert send(client, message("access")).status_code == 409
    assert len(list(read.events(project.ledger, kind="subject_opened"))) == 1


def test_whom_it_names_is_not_whom_we_know(project, client):
    ours = story.ask(project, "access")
    send(client, message("access"))
    (other,) = {
        event.request
        for event in read.events(project.ledger, kind="request_received")
        if event.request != ours
    }
    assert story.state(project, ours)["subject"] != story.state(project, other)["subject"]


def test_the_copy_it_asks_for_has_its_rows_alone_and_goes_to_it(project, client, letters):
    send(client, message("access"))
    number = number_of(project)
    opened_ = story.grant_access(project, number)
    assert story.state(project, number)["claims"]["c1"]["package"]["rows"] == 1
    assert b"zenith" not in opened_
    assert {to for to, _, _ in letters()} == {"privacy@acme.example"}
    assert "means what we process for you about the person you named" in letters()[0][2]


def test_a_callback_that_fails_is_said_again_and_not_twice(project, client, acme, clock):
    acme.down = True
    send(client, message(callbacks=[acme.url]))
    number = number_of(project)
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    carry_on.carry_on(project, number)
    assert len(acme.got) == 1  # it is waited for a while
    acme.down = False
    clock.forward(minutes=10)
    carry_on.carry_on(project, number)
    carry_on.carry_on(project, number)
    assert [json.loads(body)["request_status"] for _, body in acme.got] == ["in_progress", "in_progress"]


def test_it_is_taken_back_until_something_was_done(project, client, folder):
    send(client, message())
    number = number_of(project)

    def cancel(token="token-of-acme-0123456789-0123456789"):
        return client.delete(f"/opendsr/requests/{ID}", headers={"Authorization": f"Bearer {token}"})

    assert cancel("token-of-zenith-0123456789-012345678").status_code == 404
    assert cancel().status_code == 202
    assert cancel().status_code == 202
    assert how_far(client).json()["request_status"] == "cancelled"
    with pytest.raises(NotAllowedError, match="withdrawn"):
        story.grant_erasure(project, number)
    send(client, message(ident=ID.replace("8a", "8b")))
    other = next(
        event.request
        for event in read.events(project.ledger, kind="request_received")
        if event.request != number
    )
    story.grant_erasure(project, other)
    carry_on.carry_on(project, other)
    again = client.delete(
        f"/opendsr/requests/{ID.replace('8a', '8b')}",
        headers={"Authorization": "Bearer token-of-acme-0123456789-0123456789"},
    )
    assert again.status_code == 400
    assert guests(folder) == ["us", "zenith"]


def test_nobody_else_learns_of_it(project, client):
    send(client, message())
    assert how_far(client, token="token-of-zenith-0123456789-012345678").status_code == 404
    for token in ("", "wrong", "token-of-acme-0123456789-012345678"):
        assert how_far(client, token=token).status_code == 401
        assert send(client, message(), token=token).status_code == 401


WRONG = [
    (b"", "no JSON object"),
    (b"[" * 50_000, "no JSON object"),
    (message("rectification"), "`subject_request_type` is one of: erasure, access, portability."),
    (message(ident="1"), "`subject_request_id` is no UUID of version 4."),
    (message(regulation="ccpa"), "`regulation` is gdpr"),
    (message(submitted_time="yesterday"), "`submitted_time` is a moment"),
    (message(subject_identities=[]), "names somebody by what we cannot look for"),
    (
        message(
            subject_identities=[
                {"identity_type": "email", "identity_format": "sha256", "identity_value": "00"}
            ]
        ),
        "each raw",
    ),
    (message(callbacks=["https://elsewhere.example/"]), "an address that was not agreed on"),
]


def test_what_cannot_be_taken_says_why_and_opens_nothing(project, client):
    for body, said in WRONG:
        answered = send(client, body)
        assert (answered.status_code, said in answered.json()["error"]["message"]) == (400, True), said
        assert "ada@example.org" not in answered.text
    assert list(read.events(project.ledger, kind="request_received")) == []


def test_a_restored_backup_loses_its_rows_again_and_no_others(project, client, folder, clock):
    send(client, message())
    number = number_of(project)
    taken = clock()
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    with sqlite3.connect(folder / "desk.db") as desk:
        desk.executescript("DELETE FROM guest;" + DESK.partition(");")[2])
    planned = replay.plan(project, "desk", taken, untouched=True)
    replay.repeat(project, planned)
    assert guests(folder) == ["us", "zenith"]


def test_what_can_be_asked_of_us_is_signed(client, signing):
    found = client.get("/opendsr/discovery")
    opendsr.verify(dict(found.headers), found.content, signing[0])
    assert found.json()["supported_subject_request_types"] == ["erasure", "access", "portability"]
    assert client.get("/opendsr/certificate.pem").content == signing[0]


def test_a_key_that_is_not_the_certificates_serves_nothing(project):
    other = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for key, said in ((other, "is not that of its certificate"), (b"", "no certificate and key")):
        wrong = replace(project, settings=replace(project.settings, own_key=lambda key=key: key))
        with pytest.raises(NotAllowedError, match=said):
            application(wrong)


def test_a_token_that_could_be_guessed_serves_nothing(project):
    short = {"acme": Controller(lambda: "short", "privacy@acme.example", "DPA 7", "acme")}
    wrong = replace(project, settings=replace(project.settings, controllers=short))
    with pytest.raises(NotAllowedError, match="shorter than 32 characters"):
        application(wrong)


def test_a_ground_of_an_instruction_needs_one(project):
    number = story.ask(project, "erase")
    with pytest.raises(NotAllowedError, match="No controller instructed us"):
        decide.decide(project, number, "c1", "grant", "marie", ground="instruction")
    with pytest.raises(NotAllowedError, match="by its own messages"):
        story.ask(project, "erase", acting=story.open_request.Acting("controller", email="x@example.org"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('token = "secret"\nemail = "a@b.example"\nagreement = "1"', "`token` in [controller.acme] is no reference."),
        ('token = "env:A"\nemail = "a@b.example"', "has `token`, `email` and `agreement`"),
        ('token = "env:A"\nemail = 1\nagreement = "1"', "are texts in quotes"),
        ('token = "env:A"\nemail = "a@b.example"\nagreement = "1"\ncallbacks = ["https://acme.example"]',
         "each ending in a slash"),
    ],
)  # fmt: skip
def test_settings_that_are_wrong_say_so(folder, lines, said):
    file = folder / "troth.toml"
    file.write_text(f"{file.read_text()}\n[controller.acme]\n{lines}\n")
    with pytest.raises(WrongFileError, match=said.replace("[", r"\[").replace("]", r"\]")):
        read_settings(folder)
