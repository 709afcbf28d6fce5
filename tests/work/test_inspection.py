"""An inspection freezes a moment, shows only what was chosen, and its bundle proves itself without us."""

import io
import json
import sqlite3
import zipfile
from contextlib import closing

import pytest

import story
from commanding import troth
from naming import names
from shop_project import make, opened, with_another_company, with_old_messages
from troth.errors import NotAllowedError, TamperedError
from troth.ledger import read, seal
from troth.ledger.rebuild import rebuild
from troth.stores.contract import Looks
from troth.work import (
    carry_on,
    communicate,
    decide,
    hold,
    inspection,
    inspection_bundle,
    record_objection,
    sweep,
)
from troth.work.answer_question import Narrowed, answer
from troth.work.publish_policy import publish_policy
from troth.work.record_register import record_register

WHO = "Inspector Canary Jones"


@pytest.fixture
def number(project):
    story.ask(project, "access", name="Ada Example")
    return inspection.open_inspection(
        project, "CNIL", ["contact", "shop.orders"], "marie", reference="canary-ref 12"
    ).number


def bundle(project, number, to=WHO):
    return inspection_bundle.hand_over(project, number, to, "in person", "marie")


def extracted(project, number, item=0):
    kept = inspection.load(project, number).state["items"][item]
    return json.loads(b"".join(inspection.content(project, kept)))


def test_it_freezes_a_checkpoint_and_holds_what_is_in_scope(project, number):
    found = inspection.load(project, number).state
    checkpoint = seal.checkpoint(project.ledger, covering=found["size"])
    assert (found["size"], found["root"]) == (checkpoint.size, checkpoint.root.hex())
    assert (number, found["entity"], found["scope"]) == (
        "V-2026-001",
        "main-entity",
        ["contact", "shop.orders"],
    )
    (one,) = hold.in_force(project)
    assert (one.name, one.what) == (found["hold"], ("contact", "shop.orders"))
    erase = story.ask(project, "erase", email="bob@example.org")
    story.grant_erasure(project, erase)
    carry_on.carry_on(project, erase)
    assert story.state(project, erase)["claims"]["c1"]["stores"]["shop"]["deferred"] == [one.name]
    for wrong, sentence in (
        (("", ["contact"]), "Name the authority"),
        (("CNIL", []), "Say what it is about"),
        (("CNIL", ["tea"]), "No map has data called 'tea'"),
    ):
        with pytest.raises(NotAllowedError, match=sentence):
            inspection.open_inspection(project, *wrong, "marie")
    assert len(hold.in_force(project)) == 1


def test_an_extract_is_what_the_checkpoint_covered_and_shows_small_cells(project, number, clock):
    later = story.ask(project, "access", email="bob@example.org")
    decide.decide(project, later, "c1", "refuse", "marie", article="Art. 15(4)", reason="it is about others")
    clock.forward(days=60)
    event = inspection.add_extract(project, number, "times", "marie")
    found = extracted(project, number)
    assert [(row["claims"], row["refused"]) for row in found["rows"]] == [(1, 0)]
    assert found["checkpoint"] == {
        "size": inspection.load(project, number).state["size"],
        "root": inspection.load(project, number).state["root"],
        "unsealed": 0,
    }
    assert found["for"] == "authority"
    assert (event.facts["item"], event.facts["question"]) == (1, "times")
    inspection.add_extract(project, number, "overdue", "marie")
    assert extracted(project, number, 1)["rows"] == []  # on the day that is frozen nothing was late yet
    with pytest.raises(NotAllowedError, match="no checkpoint freezes"):
        inspection.add_extract(
            project, number, "subject", "marie", narrowed=Narrowed(subject=(("email", "ada@example.org"),))
        )


def test_a_no_that_was_written_down_after_the_checkpoint_is_no_part_of_an_extract(project, clock):
    def broken(size):
        return answer(project, "marketing-after-no", within=size).answer.wrong

    def sealed():
        seal.seal_all(project.ledger)
        return seal.checkpoint(project.ledger).size

    early = clock.now
    clock.forward(days=1)
    record_objection.record_objection(project, (("email", "somebody@example.org"),))  # nobody is known by it
    clock.forward(days=1)
    communicate.sent(project, "zoe@example.org", "newsletter")
    before = sealed()
    clock.forward(days=1)
    # Another spelling of the address of a person, so nobody's, and said before the message went out.
    record_objection.record_objection(
        project, (("email", "Zoe+shop@example.org"),), said_at=early, method="phone"
    )
    assert broken(sealed()) == 1
    assert broken(None) == 1
    assert broken(before) == 0


def test_sweeps_in_scope_wait_and_others_do_not(folder, clock):
    with_old_messages(folder)
    project = opened(folder, clock)
    inspection.open_inspection(project, "CNIL", ["news"], "marie")
    assert sweep.look(project, record=False)[0].why_not == ""
    inspection.open_inspection(project, "CNIL", ["shop.message"], "marie")
    assert "the legal hold" in sweep.look(project, record=False)[0].why_not


def test_the_hold_is_of_the_company_that_is_inspected(folder, clock):
    with_another_company(folder)
    news = folder / "stores" / "news.yaml"
    other = "controller: other-company"
    news.write_text(news.read_text("utf-8").replace("controller: main-entity", other), "utf-8")
    project = opened(folder, clock)
    inspection.open_inspection(project, "CNIL", ["contact"], "marie", entity="other-company")
    inspection.open_inspection(project, "CNIL", ["contact", "shop.orders"], "marie", entity="main-entity")
    assert {one.what for one in hold.in_force(project)} == {
        ("news.subscriber",),
        ("shop.customer", "shop.message", "shop.orders"),
    }
    assert {one["owner"] for one in hold.every(project)} == {"marie"}
    for scope, why in (
        ("shop.orders", "The store `shop` is not of other-company"),
        ("order", "No store of other-company has data called order"),
    ):
        with pytest.raises(NotAllowedError, match=why):
            inspection.open_inspection(project, "CNIL", [scope], "marie", entity="other-company")
    assert len(hold.in_force(project)) == 2


def test_an_inspection_of_one_company_shows_nothing_of_another(folder, clock):
    with_another_company(folder)
    news = folder / "stores" / "news.yaml"
    told = news.read_text("utf-8")
    news.write_text(told.replace("controller: main-entity", "controller: other-company"), "utf-8")
    project = opened(folder, clock)
    number = inspection.open_inspection(project, "CNIL", ["contact"], "marie", entity="other-company").number
    found = inspection.load(project, number)
    assert inspection.places(project, found) == (("news", "subscriber"),)
    assert inspection.look(project, number, "news", "subscriber", "marie").count > 0
    with pytest.raises(NotAllowedError, match=r"shop\.customer is not in the scope"):
        inspection.look(project, number, "shop", "customer", "marie", rows=1)
    with pytest.raises(NotAllowedError, match="retention is answered for all companies together"):
        inspection.add_extract(project, number, "retention", "marie")
    with pytest.raises(NotAllowedError, match="An extract for main-entity is none of it"):
        inspection.add_extract(project, number, "times", "marie", narrowed=Narrowed(entity="main-entity"))
    theirs = story.ask(project, "access", name="Ada Example")
    with pytest.raises(NotAllowedError, match="was made to another company"):
        inspection.add_extract(project, number, "request", "marie", narrowed=Narrowed(number=theirs))
    assert {"retention", "subject"} & {one.name for one in inspection.extracts(project)} == set()
    assert inspection.load(project, number).state["items"] == []
    news.write_text(told.replace("controller: main-entity", "controller: elsewhere"), "utf-8")
    shared = opened(folder, clock)
    assert inspection.places(shared, inspection.load(shared, number)) == ()
    with pytest.raises(NotAllowedError, match="`news` holds rows of several companies"):
        inspection.look(shared, number, "news", "subscriber", "marie")


def test_a_register_is_that_of_the_checkpoint_and_not_of_its_day(project, folder, clock):
    publish_policy(project.ledger, project.policy, None, clock().date())
    record_register(project)
    number = inspection.open_inspection(project, "CNIL", ["contact"], "marie").number
    activity = (
        "activity:\n  shop: {title: The shop, purposes: [orders], owner: manager, reviewed: 2026-11-01}\n"
    )
    (folder / "register" / "activities.yaml").write_text(activity, "utf-8")
    later = opened(folder, clock)
    record_register(later)
    inspection.add_extract(later, number, "processing", "marie")
    frozen = [row["reference"] for row in extracted(later, number)["rows"]]
    now = answer(later, "processing", Narrowed(until=clock().date())).answer.rows
    assert ["shop"] not in frozen
    assert ("shop",) in [row["reference"] for row in now]


def test_a_document_is_numbered_hashed_and_taken_once(project, number):
    inspection.add_document(project, number, "contract.pdf", b"canary-contract", "point 3", "marie")
    with pytest.raises(NotAllowedError, match="It is item 1 already"):
        inspection.add_document(project, number, "again.pdf", b"canary-contract", "point 3", "marie")
    with pytest.raises(NotAllowedError, match="Say why it is shown"):
        inspection.add_document(project, number, "other.pdf", b"other", " ", "marie")
    assert [one["item"] for one in inspection.load(project, number).state["items"]] == [1]


def test_a_look_records_counts_and_shows_shapes(project, folder, number):
    seen = inspection.look(project, number, "shop", "customer", "marie", rows=1)
    assert (seen.count, seen.rows[0]["email"]) == (2, "xxx@xxxxxxx.xxx")
    dated = inspection.look(project, number, "shop", "orders", "marie", oldest_by="placed")
    assert (dated.count, str(dated.oldest), dated.rows) == (2, "2026-01-05", ())
    clear = inspection.look(project, number, "shop", "customer", "marie", rows=1, unmasked_because="point 4")
    assert clear.rows[0]["email"] == "ada@example.org"
    kept = inspection.load(project, number).state["queries"]
    assert [(one["rows"], one["shown"], one["masked"]) for one in kept] == [
        (2, 1, True),
        (2, 0, True),
        (2, 1, False),
    ]
    written = repr([event.facts for event in read.stream(project.ledger, f"inspection/{number}")])
    written += repr(inspection.told(project, number))
    assert "ada@example.org" not in written
    assert not names(written, "Ada")
    for place, sentence in (("log", "not in the scope"), ("nothing", "not in the scope")):
        with pytest.raises(NotAllowedError, match=sentence):
            inspection.look(project, number, "shop", place, "marie")
    with pytest.raises(NotAllowedError, match="at most 50 rows"):
        inspection.look(project, number, "shop", "customer", "marie", rows=51)
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        assert connection.execute("SELECT count(*) FROM customer").fetchone() == (2,)


def test_a_bundle_verifies_without_us_and_any_change_of_it_is_found(project, number):
    inspection.add_document(project, number, "../con tract.pdf", b"%PDF-1.7 canary", "point 3", "marie")
    inspection.add_extract(project, number, "overdue", "marie", shape="csv", why="point 5")
    inspection.look(project, number, "shop", "customer", "marie")
    made = bundle(project, number)
    trusted = seal.verifiers(project.ledger)
    found = inspection_bundle.verify(io.BytesIO(made), *trusted)
    assert (found.inspection, found.items, found.size) == (
        number,
        2,
        inspection.load(project, number).state["size"],
    )
    assert found.sealed == 4  # the opening, both items, the hand-over
    parts = {
        one.filename: zipfile.ZipFile(io.BytesIO(made)).read(one)
        for one in zipfile.ZipFile(io.BytesIO(made)).infolist()
    }
    index = json.loads(parts["index.json"])
    assert [one["file"] for one in index["items"]] == ["items/001-con_tract.pdf", "items/002-overdue.csv"]
    assert index["queries"][0]["rows"] == 2
    assert WHO not in str(parts)  # to whom it went is ours to know
    fakes = [
        {"items/001-con_tract.pdf": b"%PDF-1.7 other"},
        {"index.json": parts["index.json"].replace(b"point 3", b"point 9")},
        {"items/003-more.pdf": b"more"},
        {"checkpoint.txt": b"other"},
        {"receipts/001.json": parts["receipts/002.json"]},
        {"handed-over.json": parts["receipts/000-opened.json"]},
        {"items/002-overdue.csv": None},
    ]
    for changed in fakes:
        with pytest.raises(TamperedError):
            inspection_bundle.verify(io.BytesIO(packed(parts | changed)), *trusted)
    cut = bytearray(made)
    cut[len(made) // 3] ^= 1
    with pytest.raises((TamperedError, NotAllowedError)):
        inspection_bundle.verify(io.BytesIO(bytes(cut)), *trusted)
    with pytest.raises(NotAllowedError, match="no bundle"):
        inspection_bundle.verify(io.BytesIO(packed({"a": b"b"})), *trusted)


def packed(parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in parts.items():
            if content is not None:
                archive.writestr(name, content)
    return made.getvalue()


def test_by_another_key_it_is_not_ours(project, number, tmp_path_factory, clock):
    inspection.add_document(project, number, "a.txt", b"a", "point 3", "marie")
    other = tmp_path_factory.mktemp("other")
    make(other)
    stranger = opened(other, clock)
    theirs = seal.verifiers(stranger.ledger)
    with pytest.raises(TamperedError):
        inspection_bundle.verify(io.BytesIO(bundle(project, number)), *theirs)


def test_the_hand_over_is_on_record_once_and_a_closed_case_takes_no_more(project, number):
    with pytest.raises(NotAllowedError, match="Nothing was chosen yet"):
        bundle(project, number)
    inspection.add_document(project, number, "a.txt", b"a", "point 3", "marie")
    first, again = bundle(project, number), bundle(project, number)
    assert inspection_bundle.verify(io.BytesIO(first)) == inspection_bundle.verify(io.BytesIO(again))
    assert len(inspection.load(project, number).state["handed"]) == 1
    bundle(project, number, "the deputy")
    assert len(inspection.load(project, number).state["handed"]) == 2
    inspection.close(project, number, "closed without measures", "marie")
    for call in (
        lambda: inspection.add_document(project, number, "b.txt", b"b", "point 3", "marie"),
        lambda: inspection.look(project, number, "shop", "customer", "marie"),
        lambda: bundle(project, number, "another"),
    ):
        with pytest.raises(NotAllowedError, match="It was closed on"):
            call()
    before = inspection.load(project, number).state
    rebuild(project.ledger)
    assert inspection.load(project, number).state == before
    assert len(hold.in_force(project)) == 1  # it stands until somebody ends it
    facts = repr([event.facts for event in read.stream(project.ledger, f"inspection/{number}")])
    assert "canary" not in facts.lower()
    assert not names(facts, "CNIL")


def test_at_the_terminal_from_opening_to_verifying(folder, project, tmp_path):
    said = troth(folder, "inspection", "open", "--authority", "CNIL", "--scope", "contact", "-s", "marie")
    assert (said.code, "Opened, as V-2026-001" in said.out or "V-" in said.out) == (0, True)
    number = said.out.split("as ")[1].split(":")[0]
    document = tmp_path / "contract.txt"
    document.write_text("a contract")
    steps = [
        ("document", number, document, "--why", "point 3"),
        ("extract", number, "overdue", "--format", "csv"),
        ("query", number, "shop.customer", "--sample", "1"),
    ]
    for words in steps:
        assert troth(folder, "inspection", *words, "-s", "marie").code == 0
    out = tmp_path / "bundle.zip"
    handing = (
        "inspection",
        "hand-over",
        number,
        "--to",
        "them",
        "--how",
        "in person",
        "-o",
        out,
        "-s",
        "marie",
    )
    assert troth(folder, *handing).code == 0
    assert troth(folder, *handing).code == 2
    verified = troth(folder, "verify", out)
    assert (verified.code, "2 items, none changed or missing" in " ".join(verified.out.split())) == (0, True)
    shown = json.loads(troth(folder, "inspection", "show", number, "-s", "marie", "--json").out)
    assert shown["authority"] == "CNIL"
    assert "1. contract.txt" in troth(folder, "inspection", "show", number, "-s", "marie").out
    assert number in troth(folder, "inspection", "list").out
    out.write_bytes(out.read_bytes()[:-30])
    assert troth(folder, "verify", out).code == 4
    assert troth(folder, "inspection", "close", number, "--reason", "done", "-s", "marie").code == 0


def test_every_sql_store_can_be_looked_into(project):
    assert all(isinstance(one, Looks) for one in project.stores.values())
