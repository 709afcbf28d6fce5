"""Letters leave through a real mail server, or into a folder; whatever goes wrong is an outcome, not an error."""

import email
import email.policy
import socket
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers import free_port
from troth.errors import NotAllowedError
from troth.outside.mail import SECONDS_MAX, Dropped, Letter, Server, is_address, mailer

SENDER = "privacy@company.example"
LETTER = Letter("ada@example.org", "Your request 2026-0001", "We received it.\n")


def read(data):
    return email.message_from_bytes(data, policy=email.policy.default)


@pytest.fixture
def sending(mail_server):
    return Server("127.0.0.1", mail_server.port, SENDER)


@pytest.fixture
def taken(mail_server):
    """The letters the server took, as they came over the wire."""
    return lambda: [read(envelope.content) for envelope in mail_server.handler.taken]


def test_a_letter_that_was_taken_is_sent_and_proven_by_its_message_id(sending, taken, mail_server):
    sent = sending.send(LETTER)
    (message,) = taken()
    assert (sent.outcome, sent.proof) == ("sent", message["Message-ID"])
    assert mail_server.handler.taken[0].rcpt_tos == ["ada@example.org"]
    assert (message["From"], message["To"]) == (SENDER, "ada@example.org")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "en"
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content().split() == ["We", "received", "it."]


def test_a_subject_and_a_text_in_french_arrive_as_they_were_written(sending, taken):
    letter = Letter(
        "ada@example.org", "Votre demande : l’effacement est terminé ✓", "Été « à côté » œuf €\n", "fr"
    )
    assert sending.send(letter).outcome == "sent"
    (message,) = taken()
    assert message["Subject"] == letter.subject
    assert message.get_content().replace("\r\n", "\n") == letter.text
    assert message["Content-Language"] == "fr"


def test_an_attachment_arrives_byte_for_byte(sending, taken):
    data = bytes(range(256)) * 300
    letter = Letter("a@b.example", "s", "t\n", attachments=(("réponse.zip", "application/zip", data),))
    assert sending.send(letter).outcome == "sent"
    (attached,) = taken()[0].iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("réponse.zip", data)


def test_a_line_with_a_single_dot_ends_no_letter(sending, taken):
    assert sending.send(Letter("a@b.example", "s", "before\n.\n..after\n")).outcome == "sent"
    assert taken()[0].get_content().split() == ["before", ".", "..after"]


@pytest.mark.parametrize("command", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 try later", "failed"),
        ("421 shutting down", "failed"),
        ("550 nobody of ada@example.org", "refused"),
    ],
)
def test_a_passing_refusal_is_tried_again_and_a_lasting_one_is_not(
    sending, taken, mail_server, command, answer, outcome
):
    setattr(mail_server.handler, command, answer)
    sent = sending.send(LETTER)
    assert (sent.outcome, sent.proof) == (outcome, f"smtp {answer[:3]}")
    assert taken() == []
    setattr(mail_server.handler, command, None)
    assert sending.send(LETTER).outcome == "sent"


def test_a_letter_too_large_for_the_server_is_refused_for_good(sending, taken):
    letter = Letter("a@b.example", "s", "t\n", attachments=(("a.bin", "application/zip", bytes(2 << 20)),))
    assert (sending.send(letter).outcome, taken()) == ("refused", [])


def test_where_nobody_listens_it_failed():
    sent = Server("127.0.0.1", free_port(), SENDER).send(LETTER)
    assert (sent.outcome, sent.proof) == ("failed", "ConnectionRefusedError")


def test_a_server_that_asks_for_no_password_and_gets_one_fails_without_showing_it(mail_server):
    server = Server("127.0.0.1", mail_server.port, SENDER, login="u", password="canary-secret")
    sent = server.send(LETTER)
    assert sent.outcome in {"failed", "refused"}
    assert "canary" not in repr(server) + repr(sent)


def test_a_name_that_leads_nowhere_failed():
    assert Server("nowhere.invalid", 25, SENDER).send(LETTER).outcome == "failed"


def _talking(answers):
    """Listen once, say these lines one after the other, and then nothing or good-bye (None)."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(60)

    def talk():
        with listening, listening.accept()[0] as connection:
            for answer in answers:
                if answer is None:
                    return
                connection.sendall(answer)
                connection.recv(4096)
            while connection.recv(4096):
                pass

    threading.Thread(target=talk, daemon=True).start()
    return listening.getsockname()[1]


@pytest.mark.parametrize(
    "answers",
    [
        [None],
        [b"HTTP/1.1 400 Bad Request\r\n\r\n", None],
        [b"220 hello\r\n", None],
        [b"220 hello\r\n", b"250 x\r\n", None],
    ],
    ids=["hangs up", "no mail server", "hangs up after hello", "hangs up after the sender"],
)
def test_a_server_that_goes_away_or_is_none_is_an_outcome(answers):
    sent = Server("127.0.0.1", _talking(answers), SENDER).send(LETTER)
    assert sent.outcome in {"failed", "refused"}


def test_a_server_that_says_nothing_is_left_after_the_seconds_it_was_given():
    sent = Server("127.0.0.1", _talking([]), SENDER, seconds=0.2).send(LETTER)
    assert (sent.outcome, sent.proof) == ("failed", "SMTPServerDisconnected")


def test_a_server_is_given_the_limit_unless_it_is_said_otherwise():
    assert Server("127.0.0.1", 25, SENDER).seconds == SECONDS_MAX


@pytest.mark.parametrize(
    "sender",
    [SENDER, f"Privacy <{SENDER}>", f'"Privacy, at Company" <{SENDER}>'],
    ids=["bare", "named", "quoted"],
)
def test_the_id_of_a_letter_ends_in_the_domain_of_the_sender(tmp_path, sender):
    assert Dropped(tmp_path, sender).send(LETTER).proof.endswith("@company.example>")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("field", ["to", "subject"])
def test_no_field_adds_a_header(sending, taken, mail_server, field, end):
    fields = {"to": "ada@example.org", "subject": "s", "text": "t\n"}
    fields[field] += f"{end}Bcc: eve@example.org"
    with pytest.raises(ValueError, match="linefeed"):
        sending.send(Letter(**fields))
    assert mail_server.handler.taken == []


@given(st.text(max_size=12), st.text(max_size=12))
def test_what_counts_as_an_address_is_one_address_and_adds_no_header(before, after):
    written = f"a{before}@b{after}.example"
    if not is_address(written):
        return
    from troth.outside import mail

    message, _ = mail._message(Letter(written, "s", "t\n"), SENDER)
    assert len(message["To"].addresses) == 1
    assert message["Bcc"] is None
    again = read(message.as_bytes(policy=email.policy.SMTPUTF8))
    assert len(again["To"].addresses) == 1


@pytest.mark.parametrize(
    "written",
    ["", "ada", "@b.example", "a@", "a@b", "a b@c.example", "a@b.example\nBcc: c@d.example", "a@b..example",
     "a@-b.example", "a,c@b.example", "a@b.example, c@d.example", "<a@b.example>", "a@b.example;c@d.example",
     "a\u2028b@c.example", "a\x85b@c.example", "a\u00a0b@c.example", "a\x00@c.example", "a" * 250 + "@b.example"],
)  # fmt: skip
def test_what_is_no_address_is_none(written):
    assert not is_address(written)


@pytest.mark.parametrize(
    "written",
    ["ada@example.org", "ada.l+troth@mail.example.org", "o'hara@b.example", "élodie@exemple.example"],
)
def test_what_is_an_address_is_one(written):
    assert is_address(written)


def test_an_address_beyond_ascii_arrives_where_the_server_can_take_it(sending, mail_server):
    assert sending.send(Letter("élodie@exemple.example", "s", "t\n")).outcome == "sent"
    assert mail_server.handler.taken[0].rcpt_tos == ["élodie@exemple.example"]


def test_letters_dropped_into_a_folder_are_for_their_owner_alone(tmp_path):
    folder = tmp_path / ".troth" / "outbox"
    way = mailer("folder:.troth/outbox", SENDER, tmp_path)
    assert isinstance(way, Dropped)
    sent = [way.send(LETTER), way.send(Letter("bob@example.org", "Été", "à bientôt\n", "fr"))]
    assert [one.outcome for one in sent] == ["sent", "sent"]
    files = sorted(folder.iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    first, second = (read(file.read_bytes()) for file in files)
    assert (first["To"], first["Message-ID"]) == ("ada@example.org", sent[0].proof)
    assert (second["Subject"], second.get_content().strip()) == ("Été", "à bientôt")


def test_a_folder_that_cannot_be_is_a_failure_to_be_tried_again(tmp_path):
    (tmp_path / "outbox").write_text("a file")
    assert mailer("folder:outbox", SENDER, tmp_path).send(LETTER).outcome == "failed"


@pytest.mark.parametrize("to", ["", "smtp://", "http://mail.example", "mail.example:25", "/var/mail"])
def test_a_setting_that_names_no_way_is_refused_with_a_sentence(tmp_path, to):
    with pytest.raises(NotAllowedError, match="smtp://HOST:PORT"):
        mailer(to, SENDER, tmp_path)


def test_a_setting_names_host_port_user_and_password(tmp_path):
    way = mailer("smtps://user%40x:p%2Fw@mail.example", SENDER, tmp_path)
    assert way == Server("mail.example", 465, SENDER, True, "user@x", "p/w")
    assert mailer("smtp://mail.example", SENDER, tmp_path) == Server("mail.example", 25, SENDER)
    assert "p/w" not in repr(way)


def test_a_letter_shows_nothing_of_itself():
    assert "ada" not in repr(LETTER)
    assert "received" not in repr(LETTER)
