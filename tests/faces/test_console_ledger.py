"""The ledger's pages: checkpoints, events, the proof of one, verification, readings."""

import csv
import io
import json
import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

import story
from conftest import SetClock
from console_visits import START, console_of, signed_in
from troth.faces.console import fact_said
from troth.faces.console.application import console_application
from troth.faces.words import catalogues
from troth.ledger import append, read, receipt, seal
from troth.ledger.note import Checkpoint
from troth.policy.called import Called
from troth.rules.event import KINDS, Draft
from troth.work.record_reading import record_reading


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    clock = SetClock(START)
    with console_of(tmp_path_factory.mktemp("ledger"), clock) as made:
        for day in range(70):
            clock.now = START + timedelta(days=day)
            record_reading(made, f"2026-{day:04}", "handler", "request")
        clock.now = START + timedelta(days=80)
        append.append(
            made.ledger,
            [Draft("staff_moved", "office/derogation", {"staff": "admin", "move": "derogation_recorded"}, actor="admin",
                   payload={"why": "a word that is locked"}, file="office")],
        )  # fmt: skip
        seal.seal_all(made.ledger)
        yield made


@pytest.fixture
def client(project):
    with signed_in(project, "auditor") as made:
        yield made


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_kind_of_event_is_said_in_words(client, language):
    page = client.get(f"/console/ledger/events?lang={language}").text
    said = dict(re.findall(r'<option(?: selected)? value="([a-z_]+)">([^<]+)</option>', page))
    assert set(KINDS) <= set(said)
    assert not [one for one in KINDS if "_" in said[one]]
    assert len({said[one] for one in KINDS}) == len(KINDS)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_fact_of_an_event_has_a_word(language):
    words = catalogues(face="console")[language]
    named = {name for kind in KINDS.values() for name in (*kind.facts, *kind.optional)}
    assert [name for name in sorted(named) if not words.has(f"fact.{name}")] == []
    assert not [name for name in named if "_" in words(f"fact.{name}")]


@pytest.mark.parametrize(("language", "said"), [("en", ["Staff", "Page"]), ("fr", ["Personnel", "Page"])])
def test_the_facts_of_an_event_are_said_in_words(client, project, language, said):
    event = read.stream(project.ledger, "reading/2026-0005")[0]
    page = client.get(f"/console/ledger/events/{event.id}?lang={language}").text
    listed = client.get(f"/console/ledger/events?kind=staff_read&lang={language}").text
    for word in said:
        assert f"<dt>{word}</dt>" in page
        assert re.search(rf">[^<]*{word}\s?: [^<]+</td>", listed)
    assert "<dt>staff</dt>" not in page
    assert "<dt>screen</dt>" not in page


def test_a_value_is_written_as_people_write_it(project):
    for language, told in (
        ("en", ["yes", "3 May 2027", "12,345", "all", "erasure", "contract_archive", "a: 1; b: no"]),
        (
            "fr",
            [
                "oui",
                "3 mai 2027",
                "12\u202f345",
                "toutes",
                "effacement",
                "contract_archive",
                "a\xa0: 1 ; b\xa0: non",
            ],
        ),
    ):
        page = SimpleNamespace(
            words=catalogues(face="console")[language], called=Called(project.policy, language), screen=str
        )
        values = (
            ("proven", True), ("on", "2027-05-03"), ("rows", 12_345), ("controller", "*"), ("right", "erase"),
            ("table", "contract_archive"), ("counts", {"a": 1, "b": False}),
        )  # fmt: skip
        assert [fact_said.value(page, *one)[0] for one in values] == told
        assert fact_said.value(page, "sha256", "0" * 64) == ("0" * 64, True)


def test_the_first_page_tells_how_far_it_is_sealed_and_gives_the_checkpoint(client, project):
    page = client.get("/console/ledger").text
    newest = seal.checkpoint(project.ledger)
    assert newest.root.hex() in page
    given = client.get("/console/ledger/checkpoint")
    assert Checkpoint.read(given.text, *seal.verifiers(project.ledger)).size == newest.size
    assert client.get("/console/ledger/keys").text.strip() == str(seal.verifiers(project.ledger)[0])


def test_every_checkpoint_is_listed_and_given_as_a_file_that_verifies(client, project):
    sizes = []
    for _ in range(2):
        append.append(project.ledger, [Draft("staff_read", "reading/more", {"staff": "dpo", "screen": "x"})])
        sizes.append(seal.seal_all(project.ledger).size)
    page = client.get("/console/ledger/checkpoints").text
    for size in sizes:
        given = client.get(f"/console/ledger/checkpoints/{size}").text
        assert Checkpoint.read(given, *seal.verifiers(project.ledger)).root.hex() in page
    assert page.index(f"checkpoints/{sizes[1]}") < page.index(f"checkpoints/{sizes[0]}")
    older = client.get(f"/console/ledger/checkpoints?before={sizes[1]}").text
    assert f"checkpoints/{sizes[1]}" not in older
    assert client.get(f"/console/ledger/checkpoints/{sizes[1] + 1}").status_code == 404


def test_events_come_by_fifty_and_filtered_by_kind_stream_and_day(client):
    page = client.get("/console/ledger/events").text
    assert page.count("data-row") == 50
    older = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = client.get(older).text
    assert 0 < second.count("data-row") <= 50
    assert not {*_ids(page)} & {*_ids(second)}
    one_day = client.get("/console/ledger/events?since=2026-12-11&until=2026-12-11").text
    assert one_day.count("data-row") == 1
    assert "reading/2026-0010" in one_day
    assert client.get("/console/ledger/events?kind=staff_moved&until=2026-12-01").text.count("data-row") >= 14
    assert client.get("/console/ledger/events?stream=reading/2026-0003").text.count("data-row") == 1
    assert "No event is like that" in client.get("/console/ledger/events?stream=nothing").text


def _ids(page):
    return [part.split('"')[0] for part in page.split("/console/ledger/events/")[1:]]


@pytest.mark.parametrize(
    "query",
    ["kind=nothing", "since=yesterday", "since=0000-00-00", "until=9999-12-31", "before=x", "before=1.y"],
)
def test_what_is_asked_wrongly_is_said_and_never_an_error(client, query):
    assert client.get(f"/console/ledger/events?{query}").status_code in {200, 422}


def test_no_page_shows_what_is_locked(client, project):
    event = read.stream(project.ledger, "office/derogation")[-1]
    page = client.get(f"/console/ledger/events/{event.id}").text
    assert event.payload_sha256 in page
    assert "a word that is locked" not in page
    assert "a word that is locked" not in client.get("/console/ledger/events?format=csv").text


def test_an_event_shows_its_proof_and_gives_its_receipt(client, project):
    event = read.stream(project.ledger, "reading/2026-0005")[0]
    page = client.get(f"/console/ledger/events/{event.id}").text
    assert "that a signed checkpoint covers" in page
    given = client.get(f"/console/ledger/events/{event.id}/receipt")
    assert receipt.verify(given.content, *seal.verifiers(project.ledger)).sealed
    assert json.loads(given.text)["event"]
    assert client.get("/console/ledger/events/01NOTHING").status_code == 404
    record_reading(project, "later", "handler", "request")
    unsealed = read.stream(project.ledger, "reading/later")[-1]
    assert "promised by a signature" in client.get(f"/console/ledger/events/{unsealed.id}").text


def test_readings_name_who_when_and_on_which_screen(client):
    page = client.get("/console/ledger/readings").text
    assert page.count("data-row") == 50
    assert "handler" in page
    assert "reading/2026-0069" in page
    assert "staff_read" in client.get("/console/ledger/readings?format=csv").text


def test_verification_finds_a_changed_byte_and_says_whole_where_there_is_none(client, project):
    assert client.post("/console/ledger/verify", data={"what": "everything"}).status_code == 422
    _verified(client, "seals", "Everything is as it was written.")
    _verified(client, "whole", "Everything is as it was written.")
    with project.ledger.engine.begin() as connection:
        was = connection.execute(text("SELECT seq, body FROM events ORDER BY seq LIMIT 1")).one()
        changed = bytes(was.body).replace(b"invited", b"INVITED")
        connection.execute(text("UPDATE events SET body = :b WHERE seq = :s"), {"b": changed, "s": was.seq})
    try:
        _verified(client, "seals", "The ledger was changed.")
    finally:
        with project.ledger.engine.begin() as connection:
            connection.execute(
                text("UPDATE events SET body = :b WHERE seq = :s"), {"b": was.body, "s": was.seq}
            )


def _verified(client, what, said):
    page = client.post("/console/ledger/verify", data={"what": what})
    assert page.status_code == 200
    for _ in range(100):
        if "data-live" not in page.text:
            break
        with client.stream("GET", f"/console/ledger/verify/{what}/live") as followed:
            assert "event: end" in "".join(followed.iter_text())
        page = client.get("/console/ledger")
    assert said in page.text


@pytest.mark.parametrize("path", ["/requests?status=all&", "/ledger/events?", "/ledger/readings?"])
def test_a_file_that_does_not_hold_every_row_says_so_in_its_name_and_its_last_line(project, client, path):
    story.ask(project, "access", email="one@example.org")
    story.ask(project, "access", email="two@example.org")
    story.ask(project, "access", email="three@example.org")
    for number in range(3):
        reading = {"staff": "dpo", "screen": f"x{number}"}
        append.append(project.ledger, [Draft("staff_read", "reading/more", reading)])
    address = f"/console{path}format=csv"
    small = console_application(project, file_rows_max=2)
    for language, says in (("en", "more rows than these 2"), ("fr", "plus de lignes que ces 2")):
        with signed_in(project, "auditor", small, language) as visitor:
            given = visitor.get(address)
            assert "-first-2.csv" in given.headers["content-disposition"]
            lines = list(csv.reader(io.StringIO(given.content.decode("utf-8-sig"))))
            assert len(lines) == 1 + 2 + 1
            assert says in lines[-1][0]
    with signed_in(project, "auditor", console_application(project)) as visitor:
        given = visitor.get(address)
        assert "-first-" not in given.headers["content-disposition"]
        assert "more rows than" not in given.text


def test_a_page_of_a_long_list_says_how_many_rows_its_file_holds(client):
    page = client.get("/console/ledger/events").text
    assert 'rel="next"' in page
    assert "The file holds the first 10,000 rows at most" in page
