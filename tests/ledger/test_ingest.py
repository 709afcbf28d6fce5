"""Group commit writes what append writes, once each, and is answered after the disk."""

import asyncio
import threading

import pytest

import looping
from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, read, seal, vault
from troth.ledger.ingest import Ingest
from troth.ledger.verify import verify
from troth.rules.event import Draft, encode

FACTS = {"staff": "s1", "screen": 'quéue "x"\n'}


@pytest.fixture
def ingest(ledger):
    opened = Ingest(ledger)
    yield opened
    opened.close()


def draft(stream="site/one", **more):
    return Draft("staff_read", stream, more.pop("facts", FACTS), **more)


def test_many_writers_are_answered_and_the_ledger_is_whole(ingest, ledger):
    answered = []

    def write(number):
        for place in range(5):
            answered.append(ingest.write([draft(f"site/{number % 3}", subject=f"s{place}")])[0])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({event.id for event in answered}) == 40
    for number in range(3):
        versions = [event.version for event in read.stream(ledger, f"site/{number}")]
        assert versions == list(range(1, len(versions) + 1))
        assert read.state(ledger, f"site/{number}").body["events"] == len(versions)
    seal.seal_all(ledger)
    assert verify(ledger).whole


def test_the_bytes_are_those_of_append(ingest, ledger):
    event = ingest.write([draft(subject="s", policy="1.0", promise="4/purpose/a", entity="l'été")])[0]
    assert read.event_body(ledger, event.id) == encode(event)
    assert read.event(ledger, event.id) == event


def test_a_loop_is_answered_too(ingest, ledger):
    async def many():
        return await asyncio.gather(*(ingest.hand([draft(f"site/{n}")]) for n in range(50)))

    assert len({written[0].id for written in looping.run(many())}) == 50


def test_the_same_key_writes_once_also_within_one_transaction(ingest, ledger):
    async def twice():
        return await asyncio.gather(*(ingest.hand([draft()], once="k") for _ in range(4)))

    ids = {written[0].id for written in looping.run(twice())}
    assert len(ids) == 1
    assert ingest.write([draft()], once="k")[0].id in ids
    assert append.append(ledger, [draft()], once="k")[0].id in ids
    assert read.version(ledger, "site/one") == 1


def test_what_does_not_fit_holds_up_nobody_else(ingest, ledger):
    async def mixed():
        return await asyncio.gather(
            ingest.hand([draft()]),
            ingest.hand([draft()], needs="subject/nobody"),
            ingest.hand([Draft("subject_forgotten", "choices/x", {"subject": "x"})]),
            ingest.hand([draft()]),
            return_exceptions=True,
        )

    first, missing, wrong, last = looping.run(mixed())
    assert isinstance(missing, NotFoundError)
    assert isinstance(wrong, Exception)
    assert (first[0].version, last[0].version) == (1, 2)
    with pytest.raises(NotAllowedError, match="no kind of event"):
        ingest.write([Draft("nonsense", "a/b", {})])


def test_a_payload_is_locked_as_ever(ingest, ledger):
    facts = {"purpose": "p", "purpose_version": "1", "given": "given", "method": "paper", "notice_sha256": "0",
             "language": "en"}  # fmt: skip
    payload = {"guardian": "Canary"}
    event = ingest.write([Draft("consent_recorded", "choices/s", facts, subject="s", payload=payload)])[0]
    assert vault.payload(ledger, event) == payload
