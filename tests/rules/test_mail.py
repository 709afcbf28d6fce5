"""A mail that came in is read as well as it can be, however broken it is."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.rules import mail


def written(text="Please erase my data.", *, html=False, **headers):
    message = EmailMessage()
    message["From"] = "Ada Example <ada@example.org>"
    message["Subject"] = "My data"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text, subtype="html" if html else "plain")
    return message


def test_a_plain_mail_is_read():
    found = mail.read(written().as_bytes())
    assert (found.sender, found.name, found.subject) == ("ada@example.org", "Ada Example", "My data")
    assert found.text.strip() == "Please erase my data."
    assert not found.automatic


def test_what_it_answers_is_known_by_ids():
    found = mail.read(written(In_Reply_To="<b@x>", References="<a@x> <b@x>").as_bytes())
    assert found.ids == ("b@x", "a@x", "b@x")


def test_a_page_is_read_without_its_scripts():
    page = "<html><style>p{}</style><p>Hello <b>you</b></p><script>alert(1)</script><p>Erase me</p>"
    assert mail.read(written(page, html=True).as_bytes()).text == "Hello you\nErase me"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"Return_Path": "<>"},
    ],
)
def test_what_no_person_wrote_is_known(headers):
    assert mail.read(written(**headers).as_bytes()).automatic


def test_attachments_are_named_with_their_size():
    message = written()
    message.add_attachment(b"12345", maintype="application", subtype="pdf", filename="mandate été.pdf")
    assert mail.read(message.as_bytes()).attachments == (("mandate été.pdf", 5),)


def test_it_arrived_when_our_own_server_took_it_whatever_the_sender_dates_it():
    message = written(Date="Mon, 1 Jan 2001 00:00:00 +0000")
    raw = b"Received: from x by y; Mon, 23 Nov 2026 10:00:00 +0100\r\n" + message.as_bytes()
    assert mail.read(raw).arrived_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert mail.read(message.as_bytes()).arrived_at is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?q?=FF?=\r\nFrom: <<<>>>\r\n\r\n\xff",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nhello",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Received: nonsense; not a date\r\nReferences: " + b"<a@b>" * 5000 + b"\r\n\r\n",
        b"From: " + b"(" * 2000 + b"\r\n\r\n",
    ],
)
def test_broken_mails_are_read_as_far_as_they_go(raw):
    found = mail.read(raw)
    assert len(found.ids) <= mail.IDS_MAX


@given(st.binary(max_size=400))
def test_no_bytes_raise(raw):
    mail.guess(mail.read(raw))


@pytest.mark.parametrize(
    ("text", "rights"),
    [
        ("Please send me a copy of all my data", {"access"}),
        ("Delete my account and all information about me", {"erase"}),
        ("Merci de supprimer toutes mes données", {"erase"}),
        ("Je m’oppose à la prospection : plus de publicité !", {"object", "object_marketing"}),
        ("unsubscribe", {"object_marketing"}),
        ("We sell office chairs.", set()),
    ],
)
def test_its_words_are_a_guess_to_start_from(text, rights):
    assert set(mail.guess(mail.read(written(text, Subject2="x").as_bytes()))) == rights


def test_a_french_quotation_is_left_out_of_a_reply():
    assert mail.said("Oui, tout.\n\nLe lundi 23 novembre, vous a écrit :\n> Quoi ?") == "Oui, tout."
    assert mail.said("> only a quotation") == "> only a quotation"
