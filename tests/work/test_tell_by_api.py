"""A recipient with an API is told by a message, and is believed when its certificate proves what it says."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from litestar.testing import TestClient

import story
from processors import Processor, certified, processor
from shop_project import opened
from troth.errors import NotAllowedError, TamperedError, WrongFileError
from troth.faces.portal.application import application
from troth.ledger import read
from troth.outside.post import post
from troth.rules import opendsr
from troth.settings_file import read_settings
from troth.work import carry_on, tell_by_api
from troth.work.project import Peer

MAIL = "notify: {by: email, address: tax@company.example}"
ADA = "ada@example.org"


@pytest.fixture(scope="module")
def running():
    with processor() as made:
        yield made


@pytest.fixture
def tax(running) -> Processor:
    """The tax office, who has an API."""
    running.mood = "accept"
    running.got.clear()
    return running


@pytest.fixture
def project(folder, clock, tax):
    policy = folder / "policy.md"
    text = policy.read_text()
    assert MAIL in text
    policy.write_text(text.replace(MAIL, f"notify: {{by: api, address: '{tax.url}'}}"))
    made = opened(folder, clock)
    peers = {"tax-office": Peer(lambda: "secret-token", lambda: tax.certificate, 1)}
    made = replace(made, settings=replace(made.settings, peers=peers))
    yield made
    made.close()
    made.ledger.close()


def erased(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    return number


def outcome(project, number):
    return story.state(project, number)["claims"]["c1"]["recipients"]["tax-office"]


def reason(project, number):
    return [
        one.facts["reason"]
        for one in read.stream(project.ledger, f"request/{number}")
        if one.kind == "recipient_notified" and one.facts["recipient"] == "tax-office"
    ][-1]


def test_it_is_told_once_by_a_message_in_the_format(project, tax):
    number = erased(project)
    assert outcome(project, number) == "told"
    carry_on.carry_on(project, number)
    ((headers, message),) = tax.got
    assert headers["Authorization"] == "Bearer secret-token"
    assert message["subject_request_type"] == "erasure"
    assert message["regulation"] == "gdpr"
    assert message["submitted_time"] == "2026-11-23T09:00:00Z"
    assert message["subject_identities"] == [
        {"identity_type": "email", "identity_format": "raw", "identity_value": ADA}
    ]
    assert message["status_callback_urls"] == ["http://127.0.0.1:8080/opendsr/callbacks"]
    events = repr([one.facts for one in read.stream(project.ledger, f"request/{number}")])
    assert message["subject_request_id"] not in events
    assert "secret-token" not in events


@pytest.mark.parametrize(
    ("mood", "why"),
    [
        ("fail", "its answer was not proven"),
        ("lie", "its answer was not proven"),
        ("unsigned", "its answer was not proven"),
        ("hang", "it did not answer"),
    ],
)
def test_one_that_fails_hangs_or_lies_is_told_again_under_the_same_id(project, tax, clock, mood, why):
    tax.mood = mood
    number = erased(project)
    assert (outcome(project, number), reason(project, number)) == ("failed", why)
    tax.mood = "accept"
    tax.go_on.set()
    clock.forward(minutes=5)
    carry_on.carry_on(project, number)
    assert outcome(project, number) == "told"
    assert len({message["subject_request_id"] for _, message in tax.got}) == 1
    assert len(tax.got) == 2


def test_one_that_refuses_becomes_a_task_at_once(project, tax):
    tax.mood = "refuse"
    number = erased(project)
    assert (outcome(project, number), reason(project, number)) == ("task", "refused with HTTP 400")
    assert len(tax.got) == 1


def test_one_that_never_answers_becomes_a_task_in_the_end(project, tax, clock):
    tax.mood = "fail"
    number = erased(project)
    for _ in range(12):
        clock.forward(hours=5)
        carry_on.carry_on(project, number)
    assert (outcome(project, number), reason(project, number)) == ("task", "could not be told")
    assert len(tax.got) == 8


def test_without_a_certificate_agreed_nothing_is_sent(project, tax):
    bare = replace(project, settings=replace(project.settings, peers={}))
    number = erased(bare)
    assert (outcome(bare, number), reason(bare, number)) == ("task", "no certificate is agreed")
    assert tax.got == []
    bare.close()


def test_that_it_is_done_is_heard_once_and_proven(project, tax):
    number = erased(project)
    body = tax.says("completed")
    with TestClient(application(project)) as client:
        for _ in range(2):
            answer = client.post("/opendsr/callbacks", content=body, headers=tax.headers(body))
            assert answer.status_code == 202
    told = story.state(project, number)["claims"]["c1"]["confirmed"]
    assert told == {"tax-office": {"status": "completed", "on": "2026-11-23"}}
    kinds = [one.kind for one in read.stream(project.ledger, f"request/{number}")]
    assert kinds.count("recipient_confirmed") == 1


def test_what_is_not_proven_is_refused_before_it_is_read(project, tax):
    erased(project)
    body = tax.says("completed")
    good = tax.headers(body)
    stranger = Processor(rsa.generate_private_key(65537, 2048), b"")
    with TestClient(application(project)) as client:

        def said(content, headers):
            return client.post("/opendsr/callbacks", content=content, headers=headers).status_code

        assert said(body + b" ", good) == 403  # other bytes
        assert said(body, good | {"X-OpenDSR-Signature": "!"}) == 403
        assert said(body, {**good, "X-OpenDSR-Processor-Domain": "elsewhere.example"}) == 403
        assert said(body, {"X-OpenDSR-Processor-Domain": "processor.example"}) == 403
        assert said(body, {}) == 403
        assert said(body, good | {"X-OpenDSR-Signature": stranger.sign(body)}) == 403
        other = tax.says("completed", status_callback_url="https://elsewhere.example/callbacks")
        assert said(other, tax.headers(other)) == 403
        unknown = tax.says("completed", subject_request_id="3f2b8c14-9d7e-4a06-b153-2e8f7c4a9d51")
        assert said(unknown, tax.headers(unknown)) == 404
        odd = tax.says("vanished")
        assert said(odd, tax.headers(odd)) == 400
        assert said(b"[]", tax.headers(b"[]")) == 403


def test_the_older_names_of_the_format_are_honoured(project, tax):
    erased(project)
    body = tax.says("in_progress")
    headers = {name.replace("OpenDSR", "OpenGDPR"): value for name, value in tax.headers(body).items()}
    assert tell_by_api.heard(project, headers, body).facts["status"] == "in_progress"


def test_an_elliptic_key_signs_too():
    with processor(elliptic=True) as made:
        body = b'{"a": 1}'
        opendsr.verify(made.headers(body), body, made.certificate)
        with pytest.raises(TamperedError):
            opendsr.verify(made.headers(b"{}"), body, made.certificate)


def test_a_rectification_has_no_word_in_the_format():
    from datetime import UTC, datetime

    at = datetime(2026, 11, 23, tzinfo=UTC)
    assert opendsr.request("x", "rectification", [("email", ADA)], at, "https://x") is None
    assert opendsr.request("x", "erasure", [("phone", "+33199001011")], at, "https://x") is None


@pytest.mark.parametrize(
    "url", ["http://processor.example/x", "ftp://x", "x", "https://user:pw@processor.example/"]
)
def test_nothing_about_people_leaves_in_clear(url):
    with pytest.raises(NotAllowedError):
        post(url, b"{}", {})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('token = "env:X"', "has a `certificate`"),
        ('certificate = "-----BEGIN CERTIFICATE-----"', "is no reference"),
        ('certificate = "file:c.pem"\ntoken = "s3cret"', "never the secret itself"),
        ('certificate = "file:c.pem"\nurl = "https://x"', "nothing else"),
    ],
)
def test_a_wrong_setting_of_a_recipient_is_said(folder, written, said):
    file = folder / "troth.toml"
    file.write_text(f"{file.read_text()}\n[recipient.tax-office]\n{written}\n")
    with pytest.raises(WrongFileError) as told:
        read_settings(folder)
    assert said in str(told.value)
    assert "s3cret" not in str(told.value)


def test_settings_name_the_certificate_by_a_file(folder, tax):
    (folder / "tax.pem").write_bytes(certified(tax.key))
    file = folder / "troth.toml"
    file.write_text(f'{file.read_text()}\n[recipient.tax-office]\ncertificate = "file:tax.pem"\n')
    peer = read_settings(folder).peers["tax-office"]
    assert opendsr.domains(peer.certificate()) == {"processor.example"}
    assert peer.token() == ""
