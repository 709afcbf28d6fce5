"""A request goes from receipt to proof, and every shortcut is refused with a sentence."""

import io
import json
import re
import sqlite3
import time
import zipfile
from contextlib import closing

import pytest

import story
from commanding import troth
from shop_project import opened
from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.ledger import append, read, seal, vault
from troth.ledger.verify import verify
from troth.rules.event import Draft
from troth.rules.fee import Proof
from troth.rules.package import Mask
from troth.stores.contract import Scanned
from troth.work import (
    answer,
    ask,
    build_package,
    carry_on,
    close_request,
    decide,
    erase,
    open_request,
    plan_erasure,
    prove_address,
    request_file,
)
from troth.work.verify_proof import verify_proof


def test_a_request_is_numbered_dated_and_acknowledged(project, letters):
    number = story.ask(project, "access", "erase", name="Ada", wording="all of it please")
    assert number == "2026-0001"
    assert story.ask(project, "access", email="bob@example.org") == "2026-0002"
    state = story.state(project, number)
    assert (state["received"], state["legal_due"], state["safe_due"]) == (
        "2026-11-23",
        "2026-12-23",
        "2026-12-23",
    )
    to, subject, text = letters()[0]
    assert to == "ada@example.org"
    assert number in subject
    assert "A copy of your data" in text
    assert "23 December 2026" in text
    assert request_file.link(project, number) in text


def test_a_french_request_gets_french_letters(project, letters):
    story.ask(project, "erase", language="fr")
    assert "L’effacement de vos données" in letters()[0][2]
    assert "23 décembre 2026" in letters()[0][2]


@pytest.mark.parametrize(
    ("language", "pieces"),
    [
        ("en", ["2 records about you were found on 23 November 2026", "in shop was erased on 23 November 2026",
                "since 23 November 2026 without", "C. com. L123-22", "The law asks for it. (GDPR Art. 17(3)(b))"]),
        ("fr", ["vous concernant ont été trouvés le 23 novembre 2026", "a été effacé le 23 novembre 2026",
                "depuis le 23 novembre 2026 sans", "(effacement ; les sauvegardes", "(RGPD art. 17(3)(b))"]),
    ],
)  # fmt: skip
def test_an_answer_says_when_each_thing_was_done_and_cites_the_law_as_its_language_does(
    project, code, letters, language, pieces
):
    number = story.ask(project, "access", "erase", language=language)
    story.grant_access(project, number, "c1")
    story.grant_erasure(project, number, "c2", exemptions=["b:order:2036-12-31"])
    carry_on.carry_on(project, number)
    told = " ".join(letters()[-1][2].replace("\u00a0", " ").split())
    for piece in pieces[1:]:
        assert piece in told
    assert re.search(pieces[0].replace("2 records", r"\d records"), told)
    assert ("GDPR" in told) is (language == "en")


def test_saying_it_twice_opens_one_request(project):
    first = story.ask(project, "access", once="form 1")
    assert story.ask(project, "access", once="form 1") == first
    assert len(story.kinds(project, first)) == 2


@pytest.mark.parametrize(
    ("rights", "address", "sentence"),
    [
        ([], "a@b.example", "A request asks for something"),
        (["cake"], "a@b.example", "There is no right called 'cake'"),
        (["access"], "nobody", "no e-mail address"),
        (["access"], "a@b.example\nBcc: x@y.example", "no e-mail address"),
    ],
)
def test_what_is_no_request_is_refused_with_a_sentence(project, rights, address, sentence):
    with pytest.raises(NotAllowedError, match=sentence):
        open_request.open_request(project, rights, address)


def test_the_private_address_cannot_be_made_up(project):
    number = story.ask(project, "access")
    token = request_file.token(project, number)
    assert request_file.by_token(project, token) == number
    for wrong in (
        number,
        f"{number}-",
        token[:-1] + ("a" if token[-1] != "a" else "b"),
        "",
        "x" * 500,
        "é-ü",
    ):
        with pytest.raises(NotFoundError):
            request_file.by_token(project, wrong)


def test_the_code_proves_the_address_and_moves_no_clock(project, code, clock):
    number = story.ask(project, "access")
    before = story.state(project, number)["legal_due"]
    clock.forward(days=2)
    story.prove(project, number, code)
    assert story.state(project, number)["proven"]
    assert story.state(project, number)["legal_due"] == before


def test_a_wrong_an_old_and_a_late_code_prove_nothing(project, code, clock):
    number = story.ask(project, "access")
    assert not prove_address.take_code(project, number, "00000000")
    prove_address.send_code(project, number)
    first = code()
    prove_address.send_code(project, number)
    assert not prove_address.take_code(project, number, first)
    second = code()
    clock.forward(minutes=16)
    assert not prove_address.take_code(project, number, second)
    assert not story.state(project, number)["proven"]


def test_after_five_tries_even_the_right_code_is_refused_and_codes_run_out(project, code):
    number = story.ask(project, "access")
    prove_address.send_code(project, number)
    for _ in range(5):
        assert not prove_address.take_code(project, number, "00000000")
    assert not prove_address.take_code(project, number, code())
    for _ in range(4):
        prove_address.send_code(project, number)
    with pytest.raises(NotAllowedError, match="Too many codes"):
        prove_address.send_code(project, number)


def test_an_access_request_ends_with_a_copy_that_only_the_proven_address_fetches(project, code, letters):
    number = story.ask(project, "access")
    archive = story.grant_access(project, number)
    with pytest.raises(NotAllowedError, match="not confirmed"):
        build_package.take_answer(project, number)
    carry_on.carry_on(project, number)
    state = story.state(project, number)
    assert state["status"] == "responded"
    story.prove(project, number, code)
    assert b"".join(build_package.take_answer(project, number)) == archive
    assert b"".join(build_package.take_answer(project, number)) == archive
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        names = opened.namelist()
        page = opened.read("index.html").decode()
        customer = json.loads(opened.read("data/shop/customer.json"))
        message = json.loads(opened.read("data/shop/message.json"))
        as_csv = opened.read("data/shop/message.csv").decode()
    assert {"data/shop/orders.json", "data/news/subscriber.json", "data/news/subscriber.csv"} <= set(names)
    assert customer == [{"id": 1, "email": "ada@example.org", "name": "Ada Example", "city": "Lyon"}]
    assert message[0]["author"] == "[about somebody else]"
    assert "'=HYPERLINK" in as_csv
    assert "Colleague Carl" not in page + as_csv
    assert "bob@example.org" not in page
    assert all(title in page for title in ("The purposes", "The recipients", "Example Hosting SAS", "CNIL"))
    assert "copy of your data until 23 December 2026" in letters()[-2][2]


@pytest.mark.parametrize(
    ("language", "says"),
    [("en", "that your request reached us"), ("fr", "que votre demande nous est parvenue")],
)
def test_an_answer_holds_the_receipt_of_the_opening_and_of_what_was_sealed_by_then(project, language, says):
    sealed_ = story.ask(project, "access", language=language)
    seal.seal(project.ledger)
    late = story.ask(project, "access", email="eve@example.org", language=language)
    for number, known in ((sealed_, {"request_received", "letter_sent"}), (late, {"request_received"})):
        decide.decide(project, number, "c1", "grant", "marie")
        build_package.build_package(project, number, "c1")
        whole = b"".join(build_package.open_package(project, number, "c1", "marie"))
        with zipfile.ZipFile(io.BytesIO(whole)) as opened_:
            held = [name for name in opened_.namelist() if name.startswith("receipts/")]
            proofs = [verify_proof(opened_.read(name)) for name in held]
            page = opened_.read("index.html").decode()
        assert held[0] == "receipts/01-received.json"
        assert {one.event.kind for one in proofs} == known
        assert {one.event.request for one in proofs} == {number}
        assert {one.sealed for one in proofs} == {number == sealed_}
        assert all(f'<a href="{name}">' in page for name in held)
        assert '<a href="http://127.0.0.1:8080/verify">' in page
        assert says in page
        assert ("signed" in page or "signé" in page) is (number == late)


def test_the_answer_is_gone_after_its_time(project, code, clock):
    number = story.ask(project, "access")
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    clock.forward(days=31)
    story.prove(project, number, code)
    with pytest.raises(NotAllowedError, match="time to fetch it is over"):
        build_package.take_answer(project, number)


def test_an_unknown_person_gets_the_negative_answer(project, letters):
    number = story.ask(project, "access", email="nobody@example.net")
    archive = story.grant_access(project, number)
    carry_on.carry_on(project, number)
    assert "Nothing about you is held" in letters()[-1][2]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert "hold nothing about you" in opened.read("index.html").decode()


def test_a_handler_masks_a_cell_with_a_reason_and_both_hashes_are_told(project):
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    before = story.state(project, number)["claims"]["c1"]["package"]["sha256"]
    event = build_package.mask_package(
        project, number, "c1", [Mask.read("shop.orders.note#1=trade secret")], "marie"
    )
    assert event.facts["sha256_before"] == before != event.facts["sha256_after"]
    archive = b"".join(build_package.open_package(project, number, "c1", "marie"))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert json.loads(opened.read("data/shop/orders.json"))[0]["note"] == "[masked: trade secret]"
    assert "trade secret" not in json.dumps(dict(event.facts))
    assert vault.payload(project.ledger, event)["reasons"] == ["trade secret"]


def test_a_whole_answer_cannot_be_masked(project):
    number = story.ask(project, "access", email="eve@example.org")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    with pytest.raises(NotAllowedError, match="Refuse the claim instead"):
        build_package.mask_package(project, number, "c1", [Mask.read("news.subscriber#1=secret")], "marie")
    with pytest.raises(NotAllowedError, match="A whole table cannot be masked"):
        Mask.read("news.subscriber=secret")


def test_no_answer_leaves_before_a_handler_opened_it(project):
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    with pytest.raises(NotAllowedError, match="Nobody has opened"):
        build_package.release(project, number, "c1", staff="marie")


def test_an_erasure_is_measured_approved_done_verified_and_told(project, letters, rows):
    number = story.ask(project, "erase")
    plan = story.grant_erasure(project, number)
    assert rows("shop", "SELECT email FROM customer WHERE id = 1") == [("ada@example.org",)]
    counts = {(row[0], row[1]): row[2] for row in plan.facts["stores"]["shop"]["counts"]}
    assert counts[("message", "delete")] == 1
    assert counts[("customer", "blank")] == 1
    assert counts[("orders", "retain")] == 1
    assert carry_on.carry_on(project, number)
    state = story.state(project, number)
    assert state["status"] == "responded"
    assert rows("shop", "SELECT * FROM customer ORDER BY id") == [
        (1, None, None, None),
        (2, "bob@example.org", "Bob", "Metz"),
    ]
    assert rows("shop", "SELECT id FROM message") == [(2,)]
    assert rows("shop", "SELECT note FROM orders WHERE id = 1") == [(None,)]
    assert rows("news", "SELECT email FROM subscriber") == [("eve@example.org",)]
    assert state["claims"]["c1"]["stores"]["shop"]["verified"] == 0
    text = letters()[-1][2]
    assert "archived until 5 January 2036, because of C. com. L123-22" in text
    assert "found nothing more" in text
    told = [to for to, _, _ in letters() if to == "tax@company.example"]
    assert len(told) == 1
    seal.seal_all(project.ledger)
    assert verify(project.ledger).whole


def test_carrying_on_again_changes_nothing(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    before = story.kinds(project, number)
    assert not carry_on.carry_on(project, number)
    assert story.kinds(project, number) == before


def test_in_a_bundle_the_copy_is_given_before_anything_is_erased(project, rows):
    number = story.ask(project, "access", "erase")
    story.grant_erasure(project, number, "c2")
    with pytest.raises(NotAllowedError, match="given before anything is erased"):
        erase.erase(project, number, "c2")
    carry_on.carry_on(project, number)
    assert rows("shop", "SELECT count(*) FROM message") == [(2,)]
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    assert rows("shop", "SELECT count(*) FROM message") == [(1,)]
    assert story.state(project, number)["status"] == "responded"


def test_who_decided_neither_reviews_nor_approves_and_the_dpo_decides_nothing(project):
    number = story.ask(project, "erase")
    with pytest.raises(NotAllowedError, match="advises and never decides"):
        decide.decide(project, number, "c1", "grant", "dora", ground="a", role="dpo")
    with pytest.raises(NotAllowedError, match="needs its ground"):
        decide.decide(project, number, "c1", "grant", "marie")
    decide.decide(project, number, "c1", "grant", "marie", ground="a")
    with pytest.raises(NotAllowedError, match="Somebody else reviews it"):
        decide.review(project, number, "c1", "marie")
    plan = plan_erasure.measure(project, number, "c1").facts["plan_sha256"]
    with pytest.raises(NotAllowedError, match="not reviewed"):
        plan_erasure.approve(project, number, "c1", plan, "paul")
    decide.review(project, number, "c1", "paul")
    with pytest.raises(NotAllowedError, match="Somebody else approves"):
        plan_erasure.approve(project, number, "c1", plan, "marie")
    with pytest.raises(NotAllowedError, match="not approved"):
        erase.erase(project, number, "c1")
    decide.advise(project, number, "c1", "dora", "go on")


def test_a_review_that_sends_back_opens_the_decision_again(project):
    number = story.ask(project, "erase")
    decide.decide(project, number, "c1", "grant", "marie", ground="a")
    decide.review(project, number, "c1", "paul", confirm=False, note="wrong ground")
    assert story.state(project, number)["claims"]["c1"]["outcome"] is None


def test_a_refusal_has_its_four_parts_or_does_not_go_out(project, letters):
    number = story.ask(project, "erase")
    with pytest.raises(NotAllowedError, match=r"needs its reason.*names the article"):
        decide.decide(project, number, "c1", "refuse", "marie")
    decide.decide(project, number, "c1", "refuse", "marie", reason="A court case is open.", exemptions=["e"])
    with pytest.raises(NotAllowedError, match="not reviewed by a second person"):
        answer.answer(project, number)
    decide.review(project, number, "c1", "paul")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "refused"
    text = letters()[-1][2]
    assert all(
        part in text for part in ("A court case is open.", "GDPR Art. 17(3)(e)", "CNIL", "go to court")
    )


def test_more_rows_than_approved_stop_it_and_it_is_measured_again(project, folder, rows):
    import sqlite3

    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("INSERT INTO message VALUES (9, 1, 'x', 'new')")
    with pytest.raises(ConflictError):
        carry_on.carry_on(project, number)
    assert rows("shop", "SELECT count(*) FROM message WHERE customer_id = 1") == [(2,)]
    state = story.state(project, number)["claims"]["c1"]
    assert state["plan"] is None
    plan = plan_erasure.measure(project, number, "c1")
    plan_erasure.approve(project, number, "c1", plan.facts["plan_sha256"], "paul")
    carry_on.carry_on(project, number)
    assert rows("shop", "SELECT count(*) FROM message WHERE customer_id = 1") == [(0,)]


def test_what_is_left_elsewhere_blocks_the_answer_until_somebody_decides(project, folder, letters):
    import sqlite3

    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("INSERT INTO log VALUES (1, 'mail to ada@example.org bounced')")
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "executing"
    with pytest.raises(NotAllowedError, match="1 places in shop still hold"):
        answer.answer(project, number)
    erase.accept_residue(project, number, "c1", "marie", "security logs are emptied after six months")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "responded"
    assert "security logs are emptied" in letters()[-1][2]


def test_what_is_left_can_be_removed_and_searched_for_again(project, folder):
    import sqlite3

    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("INSERT INTO log VALUES (1, 'mail to ada@example.org bounced')")
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("DELETE FROM log")
    assert erase.search_again(project, number, "c1") == {"news": 0, "shop": 0}
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "responded"


def test_an_extension_needs_a_reason_in_time_and_goes_out_first(project, letters, clock):
    number = story.ask(project, "access")
    with pytest.raises(NotAllowedError, match="no reason for an extension"):
        story.take_longer(project, number, "holidays", reasons="we are away")
    story.take_longer(project, number, "complexity", reasons="Nine archives must be searched.")
    assert story.state(project, number)["legal_due"] == "2027-02-23"
    assert "Nine archives" in letters()[-1][2]
    with pytest.raises(NotAllowedError, match="extended already"):
        story.take_longer(project, number, "complexity", reasons="again")
    late = story.ask(project, "access")
    clock.forward(days=40)
    with pytest.raises(NotAllowedError, match="too late"):
        story.take_longer(project, late, "complexity", reasons="too late")


def test_an_identity_ask_needs_a_doubt_and_stops_the_clock(project, clock):
    number = story.ask(project, "access")
    with pytest.raises(NotAllowedError, match="reasonable doubt"):
        ask.ask(project, number, "identity", "marie", doubt=" ", asked="x", enough="y")
    event = ask.ask(
        project, number, "identity", "marie", doubt="Two share it.", asked="number", enough="unique"
    )
    state = story.state(project, number)
    assert (state["status"], state["legal_due"]) == ("waiting", None)
    clock.forward(days=4)
    ask.answer_ask(project, number, event.facts["ask"], "marie", sufficient=True, method="question")
    assert story.state(project, number)["legal_due"] == "2026-12-28"


def test_whoever_withdraws_while_a_worker_begins_is_heard_by_one_or_refused_by_the_other(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    seen = request_file.load(project, number)
    who = request_file.who(project, seen)
    advised = decide.advise(project, number, "c1", "dora", "take care")
    with pytest.raises(ConflictError, match="changed meanwhile"):
        request_file.move(project, number, "withdrawn", "requester", expect=seen.version)
    assert advised.version == seen.version + 1
    close_request.withdraw(project, number)
    with pytest.raises(NotAllowedError, match="withdrawn"):
        erase._act(project, number, "c1", "news", who, None, lambda _: None)
    assert project.stores["news"].gone([who], project.clock().date()) == 1


def test_an_erasure_rolled_back_is_asked_again_however_often(project, folder):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    with closing(sqlite3.connect(folder / "shop.db", isolation_level=None)) as shop:
        for _ in range(3):
            shop.execute("INSERT INTO message VALUES (9, 1, 'Carl', 'come back')")
            with pytest.raises(ConflictError):
                erase.erase(project, number, "c1")
            assert story.state(project, number)["claims"]["c1"]["approved"] is None
            shop.execute("DELETE FROM message WHERE id = 9")
            plan = plan_erasure.measure(project, number, "c1")
            plan_erasure.approve(project, number, "c1", plan.facts["plan_sha256"], "paul")
    erase.erase(project, number, "c1")
    assert story.state(project, number)["claims"]["c1"]["done"]


def test_a_request_that_cannot_be_carried_on_holds_up_no_other(project, folder, clock, caplog):
    stuck = story.ask(project, "erase")
    story.grant_erasure(project, stuck)
    (folder / "stores" / "news.yaml").unlink()
    other = story.ask(project, "access", email="bob@example.org")
    later = opened(folder, clock)
    decide.decide(later, other, "c1", "grant", "marie")
    found = carry_on.one_round(later)
    assert (found.carried, found.failed) == (1, 1)
    assert found.sealed
    assert story.state(later, other)["claims"]["c1"]["package"]
    assert f"request/{stuck}: it could not be carried on (KeyError)." in caplog.text
    later.close()
    later.ledger.close()


def test_work_that_takes_longer_than_a_lease_is_not_taken_over(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    others = []

    def slowly(boundary):
        if boundary == "acted shop":
            time.sleep(1.5)
            others.append(carry_on.carry_on(project, number))

    assert carry_on.carry_on(project, number, stop_at=slowly, lease_seconds=0.6)
    assert others == [False]
    assert story.state(project, number)["status"] == "responded"


def test_a_released_answer_is_not_built_anew_and_is_gone_once_nobody_can_fetch_it(project, clock):
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "grant", "marie")
    build_package.build_package(project, number, "c1")
    first = story.state(project, number)["claims"]["c1"]["package"]["kept_under"]
    build_package.build_package(project, number, "c1")
    with pytest.raises(NotFoundError):
        vault.get(project.ledger, first)
    b"".join(build_package.open_package(project, number, "c1", "marie"))
    build_package.release(project, number, "c1", staff="marie")
    with pytest.raises(NotAllowedError, match="released already"):
        build_package.build_package(project, number, "c1")
    carry_on.carry_on(project, number)
    kept = story.state(project, number)["claims"]["c1"]["package"]["kept_under"]
    clock.forward(days=30)
    carry_on.carry_on(project, number)
    assert vault.get(project.ledger, kept)
    clock.forward(days=1)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "closed"
    with pytest.raises(NotFoundError):
        vault.get(project.ledger, kept)


def test_copies_that_come_later_are_not_those_that_were_accepted(project, folder, letters):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    with closing(sqlite3.connect(folder / "shop.db", isolation_level=None)) as shop:
        shop.execute("INSERT INTO log VALUES (1, 'mail to ada@example.org')")
        erase.erase(project, number, "c1")
        erase.accept_residue(project, number, "c1", "marie", "The log of October.")
        shop.execute("INSERT INTO log VALUES (2, 'again to ada@example.org')")
    erase.search_again(project, number, "c1")
    with pytest.raises(NotAllowedError, match="2 places in shop still hold"):
        answer.answer(project, number)
    erase.accept_residue(project, number, "c1", "marie", "The logs until November.")
    answer.answer(project, number)
    assert "The logs until November." in letters()[-1][2]


def told(project, number):
    return story.state(project, number)["claims"]["c1"]["recipients"]["tax-office"]


def test_a_recipient_that_could_not_be_told_is_told_later_and_before_the_answer(
    project, folder, clock, letters
):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    for _ in range(60):
        carry_on.carry_on(project, number)
        clock.forward(seconds=1)
    assert told(project, number) == "failed"
    assert story.kinds(project, number).count("recipient_notified") == 2
    assert not story.state(project, number)["claims"]["c1"]["done"]
    outbox.unlink()
    clock.forward(minutes=2)
    carry_on.carry_on(project, number)
    assert told(project, number) == "told"
    assert story.state(project, number)["status"] == "responded"
    assert "Tax office: told on 23 November 2026" in letters()[-1][2]


def test_a_recipient_that_is_never_reached_becomes_a_task(project, folder, clock):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    for _ in range(8):
        carry_on.carry_on(project, number)
        clock.forward(hours=5)
    assert told(project, number) == "task"
    assert story.state(project, number)["claims"]["c1"]["done"]


def test_a_withdrawn_request_stays_withdrawn_and_closes(project):
    number = story.ask(project, "access")
    close_request.withdraw(project, number)
    assert story.state(project, number)["status"] == "withdrawn"
    with pytest.raises(NotAllowedError, match="withdrawn"):
        decide.decide(project, number, "c1", "grant", "marie")
    close_request.close(project, number)
    with pytest.raises(NotAllowedError, match="closed already"):
        close_request.close(project, number)


def test_a_letter_that_failed_is_sent_again(project, folder, letters, clock):
    outbox = folder / ".troth" / "outbox"
    (folder / ".troth").mkdir(exist_ok=True)
    outbox.write_text("a file where the folder should be")
    number = story.ask(project, "access")
    assert [told["outcome"] for told in story.state(project, number)["letters"]] == ["failed"]
    for _ in range(100):  # as many rounds of a worker, and not as many tries
        carry_on.carry_on(project, number)
        clock.forward(seconds=1)
    assert len(story.state(project, number)["letters"]) == 1
    clock.forward(minutes=1)
    carry_on.carry_on(project, number)
    outbox.unlink()
    clock.forward(minutes=5)
    carry_on.carry_on(project, number)
    assert [told["outcome"] for told in story.state(project, number)["letters"]] == [
        "failed",
        "failed",
        "sent",
    ]
    assert len(letters()) == 1


def test_an_answer_that_failed_is_not_tried_every_second(project, folder, clock):
    story.ask(project, "access")
    number = story.ask(project, "access")
    decide.decide(
        project,
        number,
        "c1",
        "refuse",
        "marie",
        article="Art. 12(5)",
        reason="the tenth this week",
        proof=Proof(
            "excessive",
            "ten requests since Monday, all for the same rows, none of which has changed in between",
            "the last one again",
            data_changed=False,
        ),
    )
    decide.advise(project, number, "c1", "dana", "the overlap is real")
    decide.review(project, number, "c1", "paul")
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    for _ in range(90):
        carry_on.carry_on(project, number)
        clock.forward(seconds=1)
    assert sum(told["kind"] == "refusal" for told in story.state(project, number)["letters"]) == 1
    outbox.unlink()
    clock.forward(minutes=1)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "refused"


def test_an_ask_whose_letter_did_not_go_out_stops_no_clock(project, folder, clock):
    number = story.ask(project, "access")
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    told = {"doubt": "two people of that name", "asked": "your number", "enough": "it is unique"}
    with pytest.raises(NotAllowedError, match="the clock runs on"):
        ask.ask(project, number, "identity", "marie", **told)
    assert not story.state(project, number)["asks"]
    outbox.unlink()
    clock.forward(hours=1)
    carry_on.carry_on(project, number)
    assert not list(outbox.glob("*")) if outbox.exists() else True
    assert ask.ask(project, number, "identity", "marie", **told).facts["on"] == "2026-11-23"


def test_days_are_those_of_the_controller(project, clock):
    clock.forward(hours=14, minutes=30)  # 23:30 in UTC, past midnight in Paris
    number = story.ask(project, "access")
    asked = ask.ask(project, number, "identity", "marie", doubt="two of that name", asked="x", enough="y")
    assert story.state(project, number)["received"] == asked.facts["on"] == "2026-11-24"
    late = story.ask(project, "access")
    clock.forward(days=31)  # its last day, 24 December, ended in Paris half an hour ago
    with pytest.raises(NotAllowedError, match="too late"):
        story.take_longer(project, late, "complexity", reasons="too late by half an hour")


def test_a_request_taken_in_by_a_killed_process_is_acknowledged_by_the_worker(project, clock, letters):
    number = story.ask(project, "access")
    first = read.stream(project.ledger, f"request/{number}")[0]
    draft = Draft("request_received", "request/2026-0002", {**first.facts, "request": "2026-0002"},
                  subject=first.subject, request="2026-0002", payload={"email": "ada@example.org"})  # fmt: skip
    append.append(project.ledger, [draft])
    carry_on.one_round(project)
    assert len(letters()) == 1  # whoever took it in may be about to send it
    clock.forward(minutes=2)
    carry_on.one_round(project)
    carry_on.one_round(project)
    assert len(letters()) == 2
    assert "2026-0002" in letters()[1][1]


def test_rows_that_are_still_led_to_block_the_answer(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    erase.erase(project, number, "c1")
    found = request_file.load(project, number)
    step = found.claim("c1")["stores"]["shop"]["step"]
    left = {"step": step, "store": "shop", "keys_checked": 4, "remaining": 2}
    append.append(project.ledger, [Draft("verified", found.stream, left, **request_file.about(found))])
    with pytest.raises(NotAllowedError, match="still lead to 2 rows in shop"):
        answer.answer(project, number)
    erase.search_again(project, number, "c1")
    assert answer.answer(project, number).facts["outcome"] == "sent"


def test_nothing_personal_is_in_clear_in_the_ledger(project, folder, code, caplog):
    number = story.ask(project, "access", "erase", name="Canary Ada", wording="canary wording")
    story.prove(project, number, code)
    story.grant_access(project, number)
    story.grant_erasure(project, number, "c2")
    carry_on.carry_on(project, number)
    project.ledger.close()
    for file in (folder / ".troth").glob("*.db*"):
        data = file.read_bytes()
        for canary in (b"ada@example", b"Canary", b"canary", b"Lyon", b"birthday", b"Colleague"):
            assert canary not in data, (file.name, canary)
    assert "ada@" not in caplog.text


def test_what_a_search_could_not_read_is_never_called_clean(project):
    number = story.ask(project, "erase")
    scanned = Scanned("shop", 10, 0.1, (), ("log.line",), (("s", "email"),))
    erase.record_search(project, number, "c1", scanned, attempt="first")
    claim = {**story.state(project, number)["claims"]["c1"], "stores": {"shop": {}}}
    assert claim["unsearched"] == {"shop": 2}
    said = answer._residue_lines(claim, "en", "")
    assert said == ["2 places could not be searched; we cannot say that nothing is left there."]


def test_an_answer_is_dropped_when_its_time_is_over_also_of_a_request_closed_before(project, clock):
    number = story.ask(project, "access")
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    close_request.close(project, number)
    kept = story.state(project, number)["claims"]["c1"]["package"]["kept_under"]
    carry_on.one_round(project)
    assert b"".join(vault.get_chunks(project.ledger, kept))
    clock.forward(days=31)
    carry_on.one_round(project)
    carry_on.one_round(project)
    assert story.kinds(project, number)[-1] == "request_moved"
    assert story.state(project, number)["claims"]["c1"]["package"] is None
    assert story.state(project, number)["status"] == "closed"
    with pytest.raises(NotFoundError):
        b"".join(vault.get_chunks(project.ledger, kept))


def test_rows_that_came_after_one_store_had_committed_are_erased_under_the_next_plan(project, folder, rows):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    with closing(sqlite3.connect(folder / "shop.db")) as shop:
        shop.execute("INSERT INTO message VALUES (9, 1, 'x', 'new')")
        shop.commit()
    with pytest.raises(ConflictError):
        erase.erase(project, number, "c1")
    with closing(sqlite3.connect(folder / "news.db")) as news:
        news.execute("INSERT INTO subscriber VALUES ('ada@example.org', '2026-11-23')")
        news.commit()
    plan = plan_erasure.measure(project, number, "c1", staff="marie")
    plan_erasure.approve(project, number, "c1", plan.facts["plan_sha256"], "paul")
    erase.erase(project, number, "c1")
    erase.erase(project, number, "c1")
    assert rows("news", "SELECT email FROM subscriber") == [("eve@example.org",)]
    told = story.state(project, number)["claims"]["c1"]["stores"]["news"]
    assert sum(count for _, verb, count, _, _ in told["rows"] if verb == "delete") == 2
    assert told["verified"] == 0
    assert story.state(project, number)["claims"]["c1"]["done"]


def test_what_is_asked_by_word_of_mouth_is_written_down_and_read_back(project, folder):
    for more in ({}, {"read_back": True}, {"wording": "Everything you have"}):
        with pytest.raises(NotAllowedError, match="is written down and read back"):
            story.ask(project, "access", channel="phone", **more)
    number = story.ask(project, "access", channel="desk", wording="Everything you have", read_back=True)
    assert story.state(project, number)["read_back"] is True
    said = troth(folder, "request", "open", "-r", "access", "--email", "eve@example.org", "--channel", "phone",
                 "--wording", "all of it", "--no-read-back")  # fmt: skip
    assert "What was said was not read back" in said.out
    assert story.state(project, story.ask(project, "access"))["read_back"] is None


def test_one_claim_is_let_go_and_the_others_go_on(project, folder):
    number = story.ask(project, "access", "erase")
    story.grant_erasure(project, number, "c2")
    close_request.narrow(project, number, "c1")
    state = story.state(project, number)
    assert (list(state["claims"]), state["dropped"]) == (["c2"], {"c1": "access"})
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "responded"


def test_what_is_done_or_all_there_is_is_not_let_go(project, folder):
    number = story.ask(project, "object_marketing", "access")
    for claim, said in (("c1", "cannot be taken back"), ("c9", "There is no claim")):
        with pytest.raises(NotAllowedError, match=said):
            close_request.narrow(project, number, claim)
    alone = story.ask(project, "access")
    with pytest.raises(NotAllowedError, match="Withdraw the request instead"):
        close_request.narrow(project, alone, "c1")
    assert troth(folder, "request", "narrow", number, "--claim", "c2", "--staff", "marie").code == 0
