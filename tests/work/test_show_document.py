"""A document that shows who somebody is lies encrypted until somebody looked, three days at most, and is gone then."""

import email
import email.policy
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from email.message import EmailMessage

import pytest

import story
from commanding import troth
from troth.errors import ConflictError, KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger import keys, read, vault
from troth.work import (
    ask,
    carry_on,
    close_request,
    destroy_file,
    destroy_mail,
    request_file,
    show_document,
    sort_mail,
    take_mail,
)

PASSPORT = b"\x89PNG\r\n\x1a\n" + b"canary passport 12AB34567" * 100


def doubted(project, what="identity", **more):
    number = story.ask(project, "access", **more)
    event = ask.ask(
        project, number, what, "marie", doubt="two share it", asked="a document", enough="it names you"
    )
    return number, str(event.facts["ask"])


def gone(project, number):
    return [one["gone"] for one in story.state(project, number)["documents"].values()]


def rows_of(project, number):
    """Return what the vault still holds of documents of a request."""
    from sqlalchemy import text

    with project.ledger.looking() as connection:
        like = {"file": f"document/{number}/%"}
        return connection.execute(text("SELECT count(*) FROM vault WHERE file LIKE :file"), like).scalar()


@pytest.mark.parametrize("sufficient", [True, False])
def test_it_is_looked_at_on_record_and_destroyed_with_what_was_seen(project, sufficient):
    number, name = doubted(project)
    shown = show_document.take(project, number, PASSPORT)
    assert show_document.look(project, number, "marie") == ("png", PASSPORT)
    events = read.stream(project.ledger, f"request/{number}")
    assert (events[-1].kind, events[-1].facts["screen"]) == ("staff_read", "document")
    assert rows_of(project, number) > 0
    method = "document_seen" if sufficient else ""
    ask.answer_ask(project, number, name, "marie", sufficient=sufficient, method=method)
    assert gone(project, number) == ["checked"]
    assert rows_of(project, number) == 0
    with pytest.raises(NotFoundError, match=f"No document '{shown}' is there"):
        show_document.look(project, number, "marie", shown)


def test_nobody_looked_for_three_days_and_it_is_destroyed_unseen(project, clock):
    number, _ = doubted(project)
    show_document.take(project, number, PASSPORT)
    clock.forward(hours=71)
    carry_on.carry_on(project, number)
    assert gone(project, number) == [None]
    clock.forward(hours=1)
    carry_on.carry_on(project, number)
    carry_on.carry_on(project, number)
    assert gone(project, number) == ["time"]
    assert rows_of(project, number) == 0
    assert story.state(project, number)["status"] == "waiting"


def test_it_goes_with_a_request_that_is_withdrawn(project):
    number, _ = doubted(project)
    show_document.take(project, number, PASSPORT)
    close_request.withdraw(project, number)
    carry_on.carry_on(project, number)
    assert gone(project, number) == ["ended"]


def test_a_kill_after_the_key_is_destroyed_is_made_good_by_the_worker(project, clock):
    number, _ = doubted(project)
    name = show_document.take(project, number, PASSPORT)
    state = story.state(project, number)
    from troth.ledger import destroy

    destroy.destroy(project.ledger, state["subject"], f"document/{number}/{name}", "document: time")
    with pytest.raises(KeyDestroyedError):
        show_document.look(project, number, "marie")
    clock.forward(hours=72)
    carry_on.carry_on(project, number)
    assert gone(project, number) == ["time"]


@pytest.mark.parametrize(
    "raw",
    [b"", b"MZ\x90 a program", b"<svg onload=alert(1)>", b"%PDF-1.7" + b"\0" * show_document.BYTES_MAX],
    ids=["empty", "program", "page", "too long"],
)
def test_what_is_no_document_is_not_taken(project, raw):
    number, _ = doubted(project)
    with pytest.raises(NotAllowedError, match="a PDF, a JPEG or a PNG"):
        show_document.take(project, number, raw)


def test_what_nobody_asked_for_and_a_sixth_one_are_not_taken(project):
    number, _ = doubted(project)
    for _ in range(5):
        show_document.take(project, number, PASSPORT)
    with pytest.raises(NotAllowedError, match="5 documents wait"):
        show_document.take(project, number, PASSPORT)
    other = story.ask(project, "access", email="bob@example.org")
    with pytest.raises(NotAllowedError, match="Nothing is awaited"):
        show_document.take(project, other, PASSPORT)
    unclear, _ = doubted(project, "clarification", email="eve@example.org")
    with pytest.raises(NotAllowedError, match="Nothing is awaited"):
        show_document.take(project, unclear, PASSPORT)


def test_on_the_command_line_it_is_written_where_nothing_stands_for_the_owner_alone(
    folder, tmp_path, project
):
    number, _ = doubted(project)
    show_document.take(project, number, PASSPORT)
    said = troth(folder, "request", "show", number)
    assert "A document was handed in (d" in said.out
    file = tmp_path / "seen.png"
    said = troth(folder, "request", "document", number, "--to", file, "--staff", "marie")
    assert said.code == 0, said.err
    assert (file.read_bytes(), file.stat().st_mode & 0o077) == (PASSPORT, 0)
    said = troth(folder, "request", "document", number, "--to", file, "--staff", "marie")
    assert (said.code, "There is a file" in said.err) == (2, True)


# Mails


def reply(folder, files):
    """Answer the last letter in the outbox, with something hanging on it or not."""
    last = sorted((folder / ".troth" / "outbox").glob("*.eml"))[-1]
    letter = email.message_from_bytes(last.read_bytes(), policy=email.policy.default)
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ada@example.org", f"Re: {letter['Subject']}"
    mail["In-Reply-To"] = letter["Message-ID"]
    mail.set_content("Here it is, my number is 17.")
    for name in files:
        mail.add_attachment(PASSPORT, maintype="image", subtype="png", filename=name)
    return mail.as_bytes()


def mail_status(project, ident):
    return read.state(project.ledger, f"mail/{ident}").body["status"]


def test_a_mail_with_a_document_is_destroyed_once_it_was_checked_and_its_words_stay(project, folder):
    number, name = doubted(project)
    with_it = take_mail.take(project, reply(folder, ["../../passport.png"]))
    without = take_mail.take(project, reply(folder, []))
    assert take_mail.opened(project, with_it, "marie")[0].attachments
    ask.answer_ask(project, number, name, "marie", sufficient=True, method="document_seen")
    assert [mail_status(project, one) for one in (with_it, without)] == ["destroyed", "reply"]
    with pytest.raises(NotAllowedError, match="is destroyed: its time was over"):
        take_mail.opened(project, with_it, "marie")
    more = [e for e in read.stream(project.ledger, f"request/{number}") if e.kind == "said_more"]
    assert vault.payload(project.ledger, more[0])["text"].startswith("Here it is")


def test_mails_go_with_the_file_of_their_request(project):
    ident = take_mail.take(project, b"From: ada@example.org\r\nSubject: me\r\n\r\nErase my data.\r\n")
    number = sort_mail.open_from(project, ident, ["erase"], "marie")
    close_request.withdraw(project, number)
    close_request.close(project, number)
    assert destroy_file.destroy_file(project, number, date(2032, 1, 1))
    assert mail_status(project, ident) == "destroyed"


def test_mails_that_were_no_request_go_after_a_year_and_what_waits_never(project):
    offer = take_mail.take(project, b"From: x@example.net\r\nSubject: chairs\r\n\r\nBuy chairs.\r\n")
    waits = take_mail.take(project, b"From: y@example.net\r\nSubject: hello\r\n\r\nHello.\r\n")
    sort_mail.put_aside(project, offer, "marie", "an offer of office chairs")
    destroy_mail.old(project, date(2027, 11, 22))
    assert mail_status(project, offer) == "not_a_request"
    destroy_mail.old(project, date(2027, 11, 23))
    destroy_mail.old(project, date(2040, 1, 1))
    assert [mail_status(project, one) for one in (offer, waits)] == ["destroyed", "waiting"]
    with pytest.raises(NotAllowedError, match="sorted already: destroyed"):
        sort_mail.put_aside(project, offer, "marie", "again")


def test_what_was_handed_in_twice_at_once_leaves_nothing_behind(project):
    number, _ = doubted(project)

    def hand_in(_):
        with suppress(ConflictError, NotAllowedError):
            show_document.take(project, number, PASSPORT)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(hand_in, range(6)))
    state = story.state(project, number)
    kept = keys.files_of(project.ledger, str(state["subject"]), f"document/{number}/")
    assert set(kept) == {f"document/{number}/{name}" for name in state["documents"]}
    assert kept


def test_what_no_event_names_goes_when_the_request_has_ended(project):
    number, _ = doubted(project)
    subject = str(story.state(project, number)["subject"])
    vault.put_chunks(project.ledger, subject, f"document/{number}/dlost", "document", iter([PASSPORT]))
    show_document.let_go(project, number)
    assert rows_of(project, number) > 0  # it may be coming in at this moment
    request_file.move(project, number, "withdrawn", "by_subject", staff="marie", note="by phone")
    show_document.let_go(project, number)
    assert rows_of(project, number) == 0
