"""Requests on the command line: the whole story of each right, and what is refused on the way."""

import json
import re
import zipfile

import pytest

from commanding import troth

ADA = "ada@example.org"


@pytest.fixture(autouse=True)
def marie(monkeypatch):
    monkeypatch.setenv("TROTH_STAFF", "marie")


def opened(folder, *rights, email=ADA):
    words = [word for right in rights for word in ("--right", right)]
    said = troth(folder, "request", "open", *words, "--email", email, "--wording", "Please.")
    assert said.code == 0, said.err
    return re.search(r"\d{4}-\d{4}", said.out)[0]


def request(folder, verb, number, *words):
    return troth(folder, "request", verb, number, *words)


def done(folder, verb, number, *words):
    said = request(folder, verb, number, *words)
    assert said.code == 0, f"{verb}: {said.err}"
    return said.out


def status(folder, number):
    return json.loads(done(folder, "show", number, "--json"))["status"]


def test_a_copy_from_receipt_to_close(folder, tmp_path, code):
    number = opened(folder, "access")
    done(folder, "code", number)
    done(folder, "prove", number, code())
    done(folder, "decide", number, "grant")
    done(folder, "fulfil", number)
    package = tmp_path / "answer.zip"
    done(folder, "package", number, "--to", package, "--mask", "shop.orders.note#1=names a present")
    with zipfile.ZipFile(package) as answer:
        data = "".join(answer.read(name).decode() for name in answer.namelist() if name.endswith(".json"))
    assert "Lyon" in data
    assert "for my birthday" not in data
    done(folder, "release", number)
    shown = request(folder, "fulfil", number)
    assert "this is our answer to your request" in shown.out  # the answer, as it would go out
    assert f"`troth request answer {number}` sends it." in shown.err
    assert status(folder, number) != "responded"
    done(folder, "fulfil", number, "--yes")
    assert status(folder, number) == "responded"
    assert "closed" in done(folder, "close", number)


def test_an_erasure_from_receipt_to_close(folder, rows, code):
    number = opened(folder, "erase")
    done(folder, "code", number)
    done(folder, "prove", number, code())
    done(folder, "decide", number, "grant", "--ground", "a")
    done(folder, "review", number, "--staff", "paul")
    plan = json.loads(done(folder, "plan", number, "--json"))
    sha = re.search(r"[0-9a-f]{64}", json.dumps(plan))[0]
    done(folder, "approve", number, sha[:12], "--staff", "paul")
    done(folder, "fulfil", number)
    assert rows("shop", "SELECT email FROM customer WHERE id = 1") == [(None,)]
    assert rows("news", "SELECT email FROM subscriber") == [("eve@example.org",)]
    done(folder, "fulfil", number, "--yes")
    assert status(folder, number) == "responded"
    done(folder, "close", number)
    timeline = done(folder, "timeline", number)
    assert ADA not in timeline
    assert "act ended, by" in timeline


def test_a_refusal_names_its_article_and_a_second_person(folder):
    number = opened(folder, "erase")
    assert request(folder, "decide", number, "refuse").code == 2  # neither article nor reason
    done(folder, "decide", number, "refuse", "--article", "Art. 17(3)(b)", "--reason", "The law keeps it.")
    same = request(folder, "review", number)
    assert same.code == 2
    assert "Somebody else reviews it." in same.err
    done(folder, "review", number, "--staff", "paul")


def test_questions_stop_the_clock_and_answers_start_it(folder):
    number = opened(folder, "access")
    said = done(
        folder, "ask", number, "--doubt", "two people share this address", "--asked", "your customer number",
        "--enough", "only you have it",
    )  # fmt: skip
    name = re.search(r"identity-[0-9a-z]+", said)[0]
    assert status(folder, number) == "waiting"
    done(folder, "answer-ask", number, name, "--reply", "4711", "--method", "question")
    assert status(folder, number) != "waiting"


def test_a_request_is_extended_listed_and_withdrawn(folder):
    number = opened(folder, "access")
    before = json.loads(done(folder, "show", number, "--json"))["legal_due"]
    done(folder, "extend", number, "--reason", "complexity", "--reasons", "Nine archives.")
    done(folder, "extend", number, "--confirm", "--staff", "paul")
    assert json.loads(done(folder, "show", number, "--json"))["legal_due"] > before
    assert number in troth(folder, "request", "list").out
    done(folder, "withdraw", number, "--note", "by phone")
    assert status(folder, number) == "withdrawn"
    assert json.loads(troth(folder, "request", "list", "--status", "withdrawn", "--json").out)


@pytest.mark.parametrize(
    "words",
    [
        ("show", "2026-9999"),
        ("decide", "2026-0001", "perhaps"),
        ("decide", "2026-0001", "grant", "--claim", "c9"),
        ("decide", "2026-0001", "grant", "--role", "dpo"),
        ("plan", "2026-0001"),
        ("approve", "2026-0001", "0123456789ab"),
        ("release", "2026-0001"),
        ("answer", "2026-0001"),
        ("close", "2026-0001"),
        ("prove", "2026-0001", "00000000"),
        ("answer-ask", "2026-0001", "identity-none"),
        ("extend", "2026-0001", "--reason", "holidays", "--reasons", "We are away."),
    ],
    ids=" ".join,
)
def test_what_is_out_of_order_is_refused_in_a_sentence(folder, words):
    assert opened(folder, "access") == "2026-0001"
    said = troth(folder, "request", *words)
    assert said.code == 2
    assert said.err.strip()
    assert "Traceback" not in said.err
    assert ADA not in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("--right", "cake", "--email", ADA),
        ("--right", "access", "--email", "no address"),
        ("--right", "access", "--email", ADA, "--channel", "pigeon"),
        ("--right", "access", "--email", ADA, "--received", "soon"),
        ("--right", "access", "--email", ADA, "--language", "xx"),
    ],
    ids=" ".join,
)
def test_a_request_that_cannot_be_taken_in_is_refused_in_a_sentence(folder, words):
    said = troth(folder, "request", "open", *words)
    assert said.code == 2
    assert said.err.strip()
    assert "Traceback" not in said.err
    assert troth(folder, "request", "list", "--json").out.count("2026-") == 0


def test_a_worker_carries_on_what_needs_nobody(folder, code):
    number = opened(folder, "access")
    done(folder, "decide", number, "grant")
    assert troth(folder, "worker", "--once").code == 0
    assert "open the answer" in done(folder, "show", number)


def test_what_only_a_person_can_do_is_said_and_answered(folder, letters):
    number = opened(folder, "rectify", "object_marketing")
    said = done(folder, "show", number)
    assert "grant by troth" in said
    done(folder, "decide", number, "grant", "--claim", "c1")
    done(folder, "carried-out", number, "Your name is now written as you gave it.", "--claim", "c1")
    done(folder, "fulfil", number, "--yes")
    assert status(folder, number) == "responded"
    assert "Your name is now written as you gave it." in letters()[-1][2]


def test_the_rights_matrix_explains_itself(folder):
    number = opened(folder, "port")
    said = done(folder, "rights", number)
    assert "newsletter" in said
    told = {one["purpose"]: one for one in json.loads(done(folder, "rights", number, "--json"))}
    assert told["orders"]["applies"]
    assert not told["accounts"]["applies"]
    assert told["accounts"]["pourquoi"]


def test_what_presses_is_listed_and_the_dates_are_a_calendar(folder, tmp_path):
    assert "Nothing presses today." in troth(folder, "request", "due").out
    moment = "2020-01-15T09:00"
    said = troth(folder, "request", "open", "-r", "access", "--email", ADA, "--received", moment)
    assert said.code == 0, said.err
    told = json.loads(troth(folder, "request", "due", "--json").out)
    assert [(one["stage"], one["legal_due"]) for one in told] == [("overdue", "2020-02-17")]
    assert "overdue" in troth(folder, "request", "due").out
    file = tmp_path / "due.ics"
    assert troth(folder, "request", "calendar", "--to", file, "--language", "fr").code == 0
    assert "date légale" in file.read_text(encoding="utf-8")
    assert re.search(r"/calendar/[a-z2-7]{24}\.ics", troth(folder, "request", "calendar", "--address").out)


def test_a_dossier_is_written_and_verified(folder, tmp_path):
    number = opened(folder, "access")
    file, paper = tmp_path / "d.json", tmp_path / "d.pdf"
    assert "events" in done(folder, "dossier", number, "--to", file)
    assert paper.name in done(folder, "dossier", number, "--to", paper).replace("\n", "")
    assert paper.read_bytes().startswith(b"%PDF")
    assert file.stat().st_mode & 0o077 == 0
    said = troth(folder, "verify", file)
    assert (said.code, "none missing" in said.out) == (0, True)
    file.write_text(file.read_text().replace("request_received", "request_refused"))
    said = troth(folder, "verify", file)
    assert said.code == 4
    assert "Traceback" not in said.err
    said = request(folder, "dossier", number, "--to", tmp_path / "d.docx")
    assert (said.code, "PDF or JSON" in said.err) == (2, True)


def test_advice_is_recorded_and_decides_nothing(folder):
    opened(folder, "access")
    number = opened(folder, "access")
    done(
        folder,
        "decide",
        number,
        "refuse",
        "--data-unchanged",
        "--article",
        "Art. 12(5)(b)",
        "--reason",
        "the tenth this week",
        "--proof",
        "ten requests since Monday, all for the same rows, none of which has changed in between",
    )
    assert request(folder, "review", number, "--staff", "paul").code == 2
    done(folder, "advise", number, "The overlap is real.", "--staff", "dana")
    done(folder, "review", number, "--staff", "paul")


def test_a_command_that_nobody_gave_is_told_so_before_anything_is_done(folder, monkeypatch):
    monkeypatch.delenv("TROTH_STAFF", raising=False)
    for words in (["request", "decide", "2026-0001", "grant"], ["mail", "attach", "3fa2", "2026-0001"]):
        said = troth(folder, *words)
        assert said.code == 2
        assert said.err == (
            "Nobody is named, and the record says who did this. Add --staff NAME, or set TROTH_STAFF.\n"
        )
