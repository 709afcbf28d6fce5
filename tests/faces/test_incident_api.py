"""Other systems report incidents for triage, each once; nothing they say is in clear."""

import json
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from naming import names
from troth.faces.portal.application import application
from troth.ledger import read
from troth.work import incident
from troth.work.project import ApiKey

KEY, OTHER = "watch-" + "a" * 40, "other-" + "b" * 40
SAYS = {"what": "Many accounts were opened from one address: canary-value", "contact": "help desk, 4711"}


@pytest.fixture
def keyed(project):
    keys = {"watch": ApiKey(lambda: KEY, ("incidents",)), "other": ApiKey(lambda: OTHER, ("open",))}
    return replace(project, settings=replace(project.settings, api=keys))


@pytest.fixture
def client(keyed):
    with TestClient(application(keyed), base_url="http://127.0.0.1:8080") as found:
        yield found


def tell(client, body, key=KEY, once="alarm-4711"):
    headers = {"Authorization": f"Bearer {key}", **({"Idempotency-Key": once} if once else {})}
    return client.post("/api/incidents", content=json.dumps(body), headers=headers)


def test_it_waits_for_triage_once_and_no_hours_run(client, keyed):
    first, again = tell(client, SAYS), tell(client, SAYS)
    assert (first.status_code, first.json()) == (200, {"number": "I-2026-001", "status": "reported"})
    assert again.json() == first.json()
    (one,) = incident.every(keyed)
    assert (one["channel"], one["aware_at"]) == ("api", None)
    (event,) = read.stream(keyed.ledger, "incident/I-2026-001")
    assert event.actor == "api/watch"
    assert not names(repr(event), "canary")
    assert incident.words(keyed, "I-2026-001")["contact"] == "help desk, 4711"
    assert tell(client, SAYS, once="alarm-4712").json()["number"] == "I-2026-002"


def test_what_is_wrong_is_refused_and_repeats_nothing(client, keyed):
    assert tell(client, SAYS, key=OTHER).status_code == 403
    assert tell(client, SAYS, key="wrong").status_code == 401
    for body, once in ((SAYS, ""), ({"what": " "}, "alarm-1234"), ({"what": "x" * 10_001}, "alarm-1234"),
                       ({**SAYS, "entity": "nobody"}, "alarm-1234")):  # fmt: skip
        found = tell(client, body, once=once)
        assert found.status_code == 422
        assert "canary-value" not in found.text
    assert list(incident.every(keyed)) == []


def test_without_a_key_there_is_no_such_address(project):
    with TestClient(application(project)) as client:
        assert tell(client, SAYS).status_code == 404
