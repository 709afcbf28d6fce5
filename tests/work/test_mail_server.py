"""Mail comes in by SMTP: kept before it is acknowledged, for our addresses alone, nothing lost and nothing twice."""

import logging
import os
import signal
import smtplib
import ssl
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from processors import certified
from serving import TROTH
from troth.errors import NotAllowedError, UnreachableError
from troth.ledger import read, vault
from troth.outside.mail_server import MailServer
from troth.work import take_mail

OURS = "privacy@shop.example"
MAIL = b"From: Ada <ada@example.org>\r\nTo: privacy@shop.example\r\nSubject: canary\r\n\r\nPlease erase my data.\r\n"


@contextmanager
def listening(take, clock, **more):
    server = MailServer(take, [OURS], clock, **more)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


def keeping(project):
    return lambda raw, at: take_mail.take(project, raw, at)


def send(port, raw=MAIL, to=OURS):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        return client.sendmail("ada@example.org", [to], raw)


def kept(project):
    events = list(read.events(project.ledger, kind="mail_received"))
    return [b"".join(vault.get_chunks(project.ledger, one.facts["kept_under"])) for one in events]


def test_a_mail_is_kept_byte_by_byte_when_it_is_acknowledged(project, clock):
    with listening(keeping(project), clock) as server:
        send(server.port)
        assert kept(project) == [MAIL]
        send(server.port)
        assert kept(project) == [MAIL]
        odd = b"Subject: \xff\x00broken\r\n\r\n..dots\r\n\xe9\r\n"
        send(server.port, odd)
        assert kept(project) == [MAIL, odd]


def test_for_another_address_nothing_is_taken_and_nothing_is_relayed(project, clock):
    with listening(keeping(project), clock) as server:
        for to in ("somebody@elsewhere.example", "privacy@shop.example.evil.example", "postmaster"):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as told:
                send(server.port, to=to)
            assert {code for code, _ in told.value.recipients.values()} == {550}
        send(server.port, to=OURS.upper())
    assert len(kept(project)) == 1


def test_what_cannot_be_kept_is_not_acknowledged(project, clock, caplog):
    def away(raw, at):
        raise UnreachableError("The ledger is away: ada@example.org")

    caplog.set_level(logging.DEBUG)
    with listening(away, clock) as server:
        with pytest.raises(smtplib.SMTPDataError) as told:
            send(server.port)
        assert told.value.smtp_code == 451
    assert "UnreachableError" in caplog.text
    assert "ada@" not in caplog.text
    assert kept(project) == []


def test_a_mail_that_is_too_large_is_refused_by_its_size(project, clock):
    with (
        listening(keeping(project), clock) as server,
        smtplib.SMTP("127.0.0.1", server.port, timeout=20) as client,
    ):
        client.ehlo()
        assert int(client.esmtp_features["size"]) == 50 * 1024 * 1024
        assert client.mail("ada@example.org", ["SIZE=60000000"])[0] == 552
    assert kept(project) == []


def test_with_a_certificate_it_is_encrypted(project, clock, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "mx.pem").write_bytes(certified(key, "localhost"))
    (tmp_path / "mx.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    trusting = ssl.create_default_context(cafile=str(tmp_path / "mx.pem"))
    with (
        listening(
            keeping(project), clock, certificate=tmp_path / "mx.pem", key=tmp_path / "mx.key"
        ) as server,
        smtplib.SMTP("localhost", server.port, timeout=20) as client,
    ):
        client.starttls(context=trusting)
        client.sendmail("ada@example.org", [OURS], MAIL)
    assert kept(project) == [MAIL]


@pytest.mark.parametrize("content", [b"", b"no certificate"])
def test_a_certificate_that_is_none_is_said(project, clock, tmp_path, content):
    (tmp_path / "mx.pem").write_bytes(content)
    with pytest.raises(NotAllowedError, match="cannot be read as PEM"):
        MailServer(keeping(project), [OURS], clock, certificate=tmp_path / "mx.pem")


def test_a_port_that_is_taken_and_an_address_that_is_none_are_said(project, clock):
    with (
        listening(keeping(project), clock) as server,
        pytest.raises(NotAllowedError, match="Name another port"),
    ):
        MailServer(keeping(project), [OURS], clock, port=server.port)
    with pytest.raises(NotAllowedError, match="Name the addresses"):
        MailServer(keeping(project), ["nowhere"], clock)


@pytest.mark.slow
def test_the_command_takes_mail_and_whoever_kills_it_loses_none(project, folder: Path):
    command = [*TROTH, "--project", str(folder), "mail", "listen", "--port", "0", "--address", OURS]
    mails = [MAIL + f"number {number}\r\n".encode() for number in range(30)]
    sent = 0
    for ending in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Taking mail at 127.0.0.1:"), line
            port = int(line.split(":")[1].split(";")[0])
            killer = threading.Timer(0.5, os.kill, (process.pid, ending))
            if ending == signal.SIGKILL:
                killer.start()
            while sent < len(mails):
                try:
                    send(port, mails[sent])
                except (OSError, smtplib.SMTPException):
                    break  # not acknowledged: it is sent again to the next
                sent += 1
            killer.cancel()
            process.send_signal(ending)
            code = process.wait(30)
        assert code == (0 if ending == signal.SIGTERM else -signal.SIGKILL)
    assert sent == len(mails)
    assert sorted(kept(project)) == sorted(mails)
