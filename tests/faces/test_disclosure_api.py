"""Other systems record what they disclose, each once, and are refused what the policy does not allow."""

import json
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from naming import names
from troth.faces.portal.application import application
from troth.ledger import read
from troth.work.project import ApiKey

KEY, OTHER = "books-" + "a" * 40, "other-" + "b" * 40
GOES = {
    "identifier": "ada@example.org", "recipient": "tax-office", "categories": ["order"], "purpose": "accounts",
    "evidence": {"legal_reference": "LPF Art. L81"},
}  # fmt: skip


@pytest.fixture
def keyed(project):
    keys = {"books": ApiKey(lambda: KEY, ("disclosures",)), "other": ApiKey(lambda: OTHER, ("open",))}
    return replace(project, settings=replace(project.settings, api=keys))


@pytest.fixture
def client(keyed):
    with TestClient(application(keyed), base_url="http://127.0.0.1:8080") as found:
        yield found


def tell(client, body, key=KEY, once="ledger-4711"):
    headers = {"Authorization": f"Bearer {key}", **({"Idempotency-Key": once} if once else {})}
    return client.post("/api/disclosures", content=json.dumps(body), headers=headers)


def recorded(project):
    return list(read.events(project.ledger, kind="disclosure_made"))


def test_it_is_recorded_once_under_its_name(client, keyed):
    first, again = tell(client, GOES), tell(client, GOES)
    assert (first.status_code, first.json()) == (200, again.json())
    (event,) = recorded(keyed)
    assert first.json() == {"may": True, "event": event.id, "lacks": [], "why": []}
    assert event.actor == "api/books"
    assert not names(repr(dict(event.facts)), "ada")


def test_asking_records_nothing_and_says_what_lacks(client, keyed):
    answer = tell(client, {**GOES, "evidence": {}, "ask": True}, once="").json()
    assert (answer["may"], answer["event"], answer["lacks"]) == (False, None, ["legal_reference"])
    assert "the law that obliges" in answer["why"][0]
    assert recorded(keyed) == []


def test_what_is_not_allowed_is_refused_and_what_happened_is_recorded_with_what_it_lacked(client, keyed):
    refused = tell(client, {**GOES, "evidence": {}})
    assert refused.status_code == 422
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert "ada@" not in refused.text
    happened = tell(client, {**GOES, "evidence": {}, "happened": True}, once="ledger-4712").json()
    assert (happened["may"], happened["lacks"]) == (False, ["legal_reference"])
    assert len(recorded(keyed)) == 1


@pytest.mark.parametrize(
    ("body", "key", "once", "status"),
    [
        (GOES, OTHER, "ledger-4711", 403),
        (GOES, "nobody", "ledger-4711", 401),
        (GOES, KEY, "", 422),
        ({**GOES, "categories": []}, KEY, "ledger-4711", 422),
        ({**GOES, "identifier": " "}, KEY, "ledger-4711", 422),
        ({**GOES, "on": "2062-01-01"}, KEY, "ledger-4711", 422),
        ({**GOES, "cake": 1}, KEY, "ledger-4711", 422),
    ],
)
def test_what_cannot_be_is_refused(client, keyed, body, key, once, status):
    assert tell(client, body, key, once).status_code == status
    assert recorded(keyed) == []
