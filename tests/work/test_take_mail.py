"""Mail that comes in is kept first, finds its request by itself or waits for a person; none is lost."""

import email
import email.policy
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import story
from commanding import troth
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.outside.inbox import Folder
from troth.work import remind, request_file, say_more, sort_mail, take_mail
from troth.work.project import Project

MAIL = b"From: Ada Example <ada@example.org>\r\nSubject: canary-subject\r\n\r\nPlease erase my data.\r\n"


def states(project):
    return {one.body["id"]: one.body for one in read.states(project.ledger, "mail")}


def waiting(project):
    return [one["id"] for one in states(project).values() if one["status"] == "waiting"]


def test_a_mail_is_kept_whole_once_and_waits_with_a_guess(project):
    ident = take_mail.take(project, MAIL)
    assert take_mail.take(project, MAIL) is None
    assert waiting(project) == [ident]
    assert states(project)[ident]["guess"] == ["erase"]
    received = read.stream(project.ledger, f"mail/{ident}")[0]
    assert b"".join(vault.get_chunks(project.ledger, received.facts["kept_under"])) == MAIL
    assert "canary" not in json.dumps(dict(received.facts))


def test_a_request_opened_from_it_was_received_when_our_server_took_it(project, letters):
    arrived = datetime(2026, 11, 20, 8, tzinfo=UTC)
    ident = take_mail.take(project, MAIL, arrived)
    number = sort_mail.open_from(project, ident, ["erase"], "marie")
    state = story.state(project, number)
    assert (state["received"], state["channel"], state["legal_due"]) == ("2026-11-20", "email", "2026-12-21")
    asked = request_file.requester(project, number)
    assert (asked["email"], asked["wording"]) == ("ada@example.org", "Please erase my data.")
    assert letters()[0][0] == "ada@example.org"
    assert states(project)[ident]["request"] == number
    with pytest.raises(NotAllowedError, match="sorted already: request"):
        sort_mail.open_from(project, ident, ["erase"], "marie")


def test_a_mail_that_says_it_comes_from_the_future_is_received_now(project, clock):
    ident = take_mail.take(project, MAIL, datetime(2030, 1, 1, tzinfo=UTC))
    assert states(project)[ident]["arrived_at"] == clock().isoformat()


def reply_to(folder, text, sender="ada@example.org"):
    """Answer the last letter in the outbox, as a mail program does."""
    file = sorted((folder / ".troth" / "outbox").glob("*.eml"))[-1]
    letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    head = (
        f"From: {sender}\r\nSubject: Re: {letter['Subject']}\r\nIn-Reply-To: {letter['Message-ID']}\r\n\r\n"
    )
    return (head + text).encode()


def test_a_reply_to_a_letter_finds_its_request(project, folder):
    number = story.ask(project, "access")
    raw = reply_to(folder, "Only the invoices, please.\r\n\r\nOn Monday shop wrote:\r\n> what?\r\n")
    ident = take_mail.take(project, raw)
    assert states(project)[ident]["status"] == "reply"
    event = read.stream(project.ledger, f"request/{number}")[-1]
    assert (event.kind, event.facts["same_address"]) == ("said_more", True)
    assert vault.payload(project.ledger, event)["text"] == "Only the invoices, please."
    assert story.state(project, number)["said_more"] == 1


def test_a_reply_from_another_address_says_so(project, folder):
    number = story.ask(project, "access")
    take_mail.take(project, reply_to(folder, "me too", sender="mallory@example.net"))
    assert read.stream(project.ledger, f"request/{number}")[-1].facts["same_address"] is False


def test_a_made_up_thread_and_a_reply_to_an_ended_request_wait_for_a_person(project, folder):
    from troth.work import close_request

    number = story.ask(project, "access")
    thread = request_file.thread(project, number)
    forged = thread[:-1] + ("a" if thread[-1] != "a" else "b")
    take_mail.take(project, MAIL.replace(b"Subject", f"In-Reply-To: <{forged}.1@x>\r\nSubject".encode()))
    raw = reply_to(folder, "too late")
    close_request.withdraw(project, number)
    take_mail.take(project, raw)
    assert len(waiting(project)) == 2
    assert "said_more" not in story.kinds(project, number)


def test_automatic_mail_is_put_aside_and_can_be_taken_up_again(project, folder):
    number = story.ask(project, "access")
    raw = b"Auto-Submitted: auto-replied\r\n" + reply_to(folder, "I am on holiday")
    ident = take_mail.take(project, raw)
    assert states(project)[ident]["status"] == "automatic"
    assert "said_more" not in story.kinds(project, number)
    sort_mail.attach(project, ident, number, "marie")
    assert states(project)[ident]["status"] == "reply"


def test_a_mail_that_is_no_request_needs_a_reason_that_goes_to_the_vault(project):
    ident = take_mail.take(project, MAIL)
    with pytest.raises(NotAllowedError, match="needs the reason"):
        sort_mail.put_aside(project, ident, "marie", " ")
    sort_mail.put_aside(project, ident, "marie", "canary: he sells chairs")
    assert waiting(project) == []
    event = read.stream(project.ledger, f"mail/{ident}")[-1]
    assert "canary" in vault.payload(project.ledger, event)["note"]
    assert "canary" not in json.dumps(dict(event.facts))


def test_that_a_mail_was_read_is_recorded(project):
    ident = take_mail.take(project, MAIL)
    mail, raw = take_mail.opened(project, ident, "marie")
    assert raw == MAIL
    assert mail.subject == "canary-subject"
    event = read.stream(project.ledger, f"mail/{ident}")[-1]
    assert (event.kind, event.facts["staff"]) == ("staff_read", "marie")


def with_inbox(project, folder):
    """The same project, with a folder where mail comes in."""
    (folder / "inbox").mkdir(exist_ok=True)
    settings = replace(project.settings, mail_inbox="folder:inbox")
    made = Project(
        settings, project.clock, project.open_policy, project.open_ledger, project.open_maps, project.open_store,
        project.open_mailer, lambda _: Folder(folder / "inbox"),
    )  # fmt: skip
    made.__dict__["ledger"] = project.ledger
    return made


def test_whoever_is_killed_between_keeping_and_moving_finds_it_again_and_takes_it_once(project, folder):
    made = with_inbox(project, folder)
    (folder / "inbox" / "1.eml").write_bytes(MAIL)
    (folder / "inbox" / "2.eml").write_bytes(b"\xff\x00 broken \xfe")
    take_mail.take(made, MAIL)  # and then it was killed, before the file was moved
    assert take_mail.fetch(made) == 1
    assert take_mail.fetch(made) == 0
    assert len(states(made)) == 2
    assert list((folder / "inbox").glob("*.eml")) == []


def test_mail_that_waits_is_in_the_days_letter(project, clock, letters):
    take_mail.take(project, MAIL)
    clock.forward(days=1)
    assert remind.remind(project)
    text = letters()[-1][2]
    assert "1 mail waits to be sorted; the oldest came on 23 November 2026." in text
    assert "canary" not in text


def test_what_a_person_adds_on_their_page_is_kept(project):
    number = story.ask(project, "access")
    say_more.say_more(project, number, "only the invoices")
    event = read.stream(project.ledger, f"request/{number}")[-1]
    assert vault.payload(project.ledger, event) == {"text": "only the invoices"}
    for wrong in ("", " ", "x" * 10_001):
        with pytest.raises(NotAllowedError):
            say_more.say_more(project, number, wrong)


# On the command line


def test_a_mail_goes_from_a_file_to_a_request(folder, tmp_path):
    file = tmp_path / "ada.eml"
    file.write_bytes(MAIL.replace(b"erase", b"\x1b[31merase"))
    said = troth(folder, "mail", "fetch", file)
    assert "New: 1" in said.out
    told = json.loads(troth(folder, "mail", "list", "--json").out)
    ident = told[0]["id"][:8]
    assert "canary" not in troth(folder, "mail", "list").out
    shown = troth(folder, "mail", "show", ident, "--staff", "marie", "--to", tmp_path / "whole.eml")
    assert "canary-subject" in shown.out
    assert "\x1b" not in shown.out
    assert (tmp_path / "whole.eml").stat().st_mode & 0o077 == 0
    opened = troth(folder, "mail", "open", ident, "--right", "erase", "--staff", "marie")
    assert "2026-0001" in opened.out or opened.code == 0, opened.err
    assert "No mail waits." in troth(folder, "mail", "list").out
    again = troth(folder, "mail", "not-a-request", ident, "--reason", "x", "--staff", "marie")
    assert (again.code, "sorted already" in again.err) == (2, True)


def test_what_is_not_there_gets_a_sentence(folder, tmp_path):
    for words, sentence in (
        (["fetch"], "No inbox is set"),
        (["fetch", tmp_path / "no.eml"], "There is no file"),
        (["show", "zzz", "--staff", "m"], "There is no mail 'zzz'"),
    ):
        said = troth(folder, "mail", *words)
        assert said.code == 2
        assert sentence in said.err


def test_an_inbox_is_read_from_the_settings(folder):
    settings = folder / "troth.toml"
    text = settings.read_text()
    settings.write_text(text.replace("[mail]", '[mail]\ninbox = "folder:post"', 1))
    (folder / "post").mkdir()
    (folder / "post" / "a.eml").write_bytes(MAIL)
    assert "New: 1" in troth(folder, "mail", "fetch").out
    settings.write_text(text.replace("[mail]", '[mail]\ninbox = "imaps://u@h"\ninbox_secret = "hunter2"', 1))
    said = troth(folder, "mail", "fetch")
    assert said.code == 2
    assert "hunter2" not in said.err
    assert "is a reference" in said.err
