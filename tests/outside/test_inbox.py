"""Mail is fetched from a folder and from a real IMAP server, and leaves its place only when it was kept."""

import imaplib
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from servers import free_port, imap_server
from troth.errors import NotAllowedError, UnreachableError
from troth.outside.inbox import Folder, Mailbox, inbox

MAIL = b"From: ada@example.org\r\nSubject: canary-subject\r\n\r\nErase me.\r\n"
TOKEN = "a-token-of-today"


@pytest.fixture(scope="module")
def introspection():
    """Whoever says which OAuth 2 tokens are good."""

    class Asked(BaseHTTPRequestHandler):
        def do_POST(self):
            given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            good = given.get("token") == [TOKEN]
            answer = json.dumps(
                {"active": True, "username": "privacy"} if good else {"active": False}
            ).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", free_port()), Asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/introspect"
    server.shutdown()


@pytest.fixture(scope="module")
def port(tmp_path_factory, introspection):
    with imap_server(tmp_path_factory.mktemp("imap"), "privacy", "secret", introspection) as found:
        yield found


@pytest.fixture
def client(port):
    """The mailbox by another program, emptied first."""
    server = imaplib.IMAP4("127.0.0.1", port)
    server.login("privacy", "secret")
    if server.select("INBOX")[1] != [b"0"]:
        server.store("1:*", "+FLAGS", r"(\Deleted)")
        server.expunge()
    yield server
    server.logout()


def mailbox(port, **more):
    told = {"host": "127.0.0.1", "port": port, "login": "privacy", "secret": "secret",
            "encrypted": False, "seconds": 5.0, **more}  # fmt: skip
    secret = told["secret"]
    return Mailbox(**{**told, "secret": secret if callable(secret) else lambda: secret})


def count(client, name):
    status, data = client.select(f'"{name}"')
    return int(data[0]) if status == "OK" else 0


def test_mails_are_fetched_whole_with_the_moment_the_server_took_them(port, client):
    client.append("INBOX", "", imaplib.Time2Internaldate(datetime(2026, 11, 20, 8, tzinfo=UTC)), MAIL)
    (item,) = mailbox(port).items()
    assert item.raw == MAIL
    assert item.arrived_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert "canary" not in repr(item)


def test_a_mail_stays_until_it_was_kept_and_then_moves(port, client):
    client.append("INBOX", "", None, MAIL)
    before = count(client, "Troth")
    for item in mailbox(port).items():
        assert item.raw == MAIL  # and then the process is killed
    assert count(client, "INBOX") == 1
    for item in mailbox(port).items():
        item.done()
    assert count(client, "INBOX") == 0
    assert count(client, "Troth") == before + 1


def test_many_mails_come_in_order_and_all_move(port, client):
    for number in range(5):
        client.append("INBOX", "", None, MAIL.replace(b"canary", str(number).encode()))
    seen = []
    for item in mailbox(port).items():
        seen.append(item.raw.split(b"Subject: ")[1][:1])
        item.done()
    assert seen == [b"0", b"1", b"2", b"3", b"4"]
    assert count(client, "INBOX") == 0


def test_a_token_opens_the_mailbox_and_a_wrong_one_does_not(port, client):
    client.append("INBOX", "", None, MAIL)
    (item,) = mailbox(port, secret=TOKEN, bearer=True).items()
    assert item.raw == MAIL
    with pytest.raises(UnreachableError) as told:
        list(mailbox(port, secret="yesterdays", bearer=True).items())
    assert "yesterdays" not in str(told.value)


def test_a_token_that_ended_is_looked_up_anew_the_next_time(port, client):
    client.append("INBOX", "", None, MAIL)
    tokens = iter(["yesterdays", TOKEN])
    found = mailbox(port, secret=lambda: next(tokens), bearer=True)
    with pytest.raises(UnreachableError):
        list(found.items())
    (item,) = found.items()
    assert item.raw == MAIL


@pytest.mark.parametrize("more", [{"secret": "wrong"}, {"mailbox": "Nowhere"}])
def test_what_does_not_open_is_a_sentence_without_the_secret(port, more):
    with pytest.raises(UnreachableError) as told:
        list(mailbox(port, **more).items())
    assert "wrong" not in str(told.value)


def test_a_server_that_is_not_there_is_a_sentence():
    with pytest.raises(UnreachableError, match="did not answer"):
        list(mailbox(free_port()).items())


def test_a_folder_of_mails_is_emptied_into_taken(tmp_path):
    for name in ("b.eml", "a.eml"):
        (tmp_path / name).write_bytes(MAIL + name.encode())
    (tmp_path / "notes.txt").write_text("no mail")
    found = Folder(tmp_path)
    assert [item.raw[-5:] for item in found.items()] == [b"a.eml", b"b.eml"]
    for item in found.items():
        item.done()
    (tmp_path / "a.eml").write_bytes(b"another of that name")
    for item in found.items():
        item.done()
    assert list(found.items()) == []
    assert sorted(file.name for file in (tmp_path / "taken").iterdir()) == ["a-1.eml", "a.eml", "b.eml"]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(UnreachableError, match="is not there"):
        list(Folder(tmp_path / "no").items())


@pytest.mark.parametrize(
    ("where", "secret", "sentence"),
    [
        ("pop3://x", "s", "folder:PATH or imaps"),
        ("imaps://host/INBOX", "s", "folder:PATH or imaps"),
        ("imaps://u:p@host", "s", "inbox_secret"),
        ("imap://u@mail.example", "s", "not encrypted"),
        ("imaps://u@mail.example", "", "needs its password"),
        ("imaps://u@mail.example:x", "s", ""),
    ],
)
def test_a_setting_that_is_none_is_a_sentence(tmp_path, where, secret, sentence):
    if sentence:
        with pytest.raises(NotAllowedError, match=sentence):
            inbox(where, (lambda: secret) if secret else None, tmp_path)
    else:
        assert inbox(where, lambda: secret, tmp_path).port == 993


def test_an_address_with_everything_is_read(tmp_path):
    found = inbox(
        "imaps://privacy%40company.example@mail.example:1993/Requests%2FIn", str, tmp_path, bearer=True
    )
    assert (found.login, found.port, found.mailbox, found.bearer) == (
        "privacy@company.example", 1993, "Requests/In", True,
    )  # fmt: skip
