"""A receipt is checked by whoever holds it: ours, another's, changed, or none; and nothing of it is kept."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import story
from faces.portal_client import portal
from troth.errors import NotAllowedError, TamperedError
from troth.faces.portal.verify_pages import FILE_BYTES_MAX
from troth.ledger import note, read, receipt, seal
from troth.rules import tree
from troth.work import dossier
from troth.work.verify_proof import verify_proof


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Return the project, its client, and a sealed receipt with a dossier of a request."""
    with portal(tmp_path_factory.mktemp("shop")) as (project, client):
        number = story.ask(project, "access")
        seal.seal(project.ledger)
        event = read.stream(project.ledger, f"request/{number}")[0]
        whole = json.dumps(dossier.dossier(project, number, "marie"), default=str).encode()
        yield project, client, receipt.receipt(project.ledger, event.id), whole


def check(client, raw, name="receipt.json", **more):
    return client.post("/verify", files={"file": (name, raw, "application/json")}, **more)


def test_a_receipt_of_ours_says_what_it_proves(held):
    project, client, written, _ = held
    before = len(list(read.events(project.ledger)))
    answer = check(client, written)
    assert answer.status_code == 200
    for said in (
        "Genuine: it is ours",
        "That a request reached us",
        "23 November 2026, 09:00:00 UTC",
        "What this proves",
    ):
        assert said in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert len(list(read.events(project.ledger))) == before
    assert "Authentique" in check(client, written, headers={"Accept-Language": "fr"}).text


def test_a_dossier_of_ours_is_whole_in_its_order(held):
    _, client, _, whole = held
    assert "events in their order, none missing" in check(client, whole).text


def test_a_receipt_that_was_changed_proves_nothing(held):
    _, client, written, whole = held
    for changed in (
        written.replace(b"access", b"erase"),
        written.replace(b"2026-11-23", b"2026-11-24"),
        whole[:1] + whole[1:].replace(b'"kind": "letter_sent"', b'"kind": "letter_read"', 1),
    ):
        answer = check(client, changed)
        assert "Not genuine: it was changed" in answer.text
        assert "Genuine: it is ours" not in answer.text


def test_a_receipt_that_somebody_else_signed_is_not_ours(held):
    project, client, written, _ = held
    told = json.loads(written)
    secret = b"7" * 32
    text = note.opened(told["promise"], *seal.verifiers(project.ledger))
    forged = {**told, "promise": note.signed(text, project.ledger.origin, secret),
              "keys": [str(note.verifier(project.ledger.origin, secret))]}  # fmt: skip
    for name in ("checkpoint", "path", "place"):
        forged.pop(name, None)
    answer = check(client, json.dumps(forged).encode())
    assert "Not ours" in answer.text
    assert "it is ours" not in answer.text


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "Choose a file first."), (b"PK\x03\x04", "This is no receipt"), (b"{}", "This is no receipt"),
        (b"[" * 100_000, "This is no receipt"), (b"\xff\xfe", "This is no receipt"), (b"null", "This is no receipt"),
        (b" " * (FILE_BYTES_MAX + 1), "too large to be a receipt"),
        (b'{"format": "troth receipt 1"}', "it was changed"), (b'{"format": "troth dossier 1"}', "This is no receipt"),
        (b'{"format": "troth receipt 1", "event": 1, "promise": [], "keys": 7}', "it was changed"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)  # fmt: skip
def test_what_is_no_receipt_is_told_so(held, raw, says):
    answer = check(held[1], raw)
    assert answer.status_code in {200, 413, 422}
    assert says in answer.text


def test_a_body_far_too_large_is_refused_before_it_is_read(held):
    for language, says in (("en", "too large to be a receipt"), ("fr", "trop gros pour être un reçu")):
        answer = check(held[1], b" " * (FILE_BYTES_MAX + 200_000), headers={"Accept-Language": language})
        assert answer.status_code == 413
        assert says in answer.text
        assert 'action="/verify' in answer.text


def test_what_a_receipt_says_is_only_words(held):
    _, client, written, _ = held
    told = json.loads(written)
    event = json.loads(told["event"])
    event["kind"] = "<script>alert(1)</script>"
    body = json.dumps(event).encode()
    secret = b"7" * 32
    promise = receipt._promise("<img src=x>", event["id"], tree.leaf_hash(body))
    forged = {"format": told["format"], "event": body.decode(), "promise": note.signed(promise, "<img src=x>", secret),
              "keys": [str(note.verifier("<img src=x>", secret))]}  # fmt: skip
    text = check(client, json.dumps(forged).encode(), name="<b>\r\nX: y.json").text
    assert "Not ours" in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_to_a_receipt_is_found(held, data):
    project, _, written, _ = held
    told = json.loads(written)
    value = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.none(), max_size=2))
    at = data.draw(st.sampled_from((told, told["path"], told["keys"])).filter(bool))
    key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
    at[key] = data.draw(value)
    try:
        verify_proof(json.dumps(told).encode(), *seal.verifiers(project.ledger))
    except (TamperedError, NotAllowedError):
        return
    whole = json.loads(written)
    assert {name for name in whole if told[name] != whole[name]} <= {
        "keys"
    }  # ours are believed, not those it names
