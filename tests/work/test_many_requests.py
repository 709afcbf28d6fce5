"""Mail servers and recipients that fail, hang and lie: every request ends, none is lost, none is answered twice.

`TROTH_REQUESTS=1000` tries a thousand; fewer are tried every time.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller

import story
from processors import processor
from servers import free_port
from shop_project import opened
from troth.ledger import read, seal
from troth.ledger.verify import verify
from troth.outside.mail import Server
from troth.work import carry_on
from troth.work.project import Peer

pytestmark = pytest.mark.slow
REQUESTS = int(os.environ.get("TROTH_REQUESTS", "16"))
ROUNDS_MAX = 40
SILENT_SECONDS = 0.2
MAIL = "notify: {by: email, address: tax@company.example}"


class Moody:
    """A mail server that takes a letter, fails, hangs, or takes it and never says so, as it is drawn."""

    def __init__(self):
        self.drawn, self.taken, self.unsaid = random.Random(7), [], []
        self.moods = Counter()

    async def handle_RCPT(self, server, session, envelope, address, _):
        if self.drawn.random() < 0.1:
            self.moods["failed at once"] += 1
            return "450 come again"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        mood = self.drawn.choices(["took", "failed", "hung", "lied"], [6, 1, 1, 1])[0]
        self.moods[mood] += 1
        match mood:
            case "failed":
                return "451 no room"
            case "hung":
                await asyncio.sleep(SILENT_SECONDS * 3)
                return "451 no more"
            case "lied":  # it has the letter, and its word is lost on the way
                self.unsaid.append(envelope.rcpt_tos[0])
                server.transport.close()
                return "250 taken"
            case _:
                self.taken.append(envelope.rcpt_tos[0])
                return "250 taken"


@pytest.fixture
def mail_server():
    controller = Controller(Moody(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def tax():
    with processor() as made:
        yield made


@pytest.fixture
def project(folder, clock, mail_server, tax):
    policy = folder / "policy.md"
    text = policy.read_text()
    assert MAIL in text
    policy.write_text(text.replace(MAIL, f"notify: {{by: api, address: '{tax.url}'}}"))
    made = opened(folder, clock)
    server = Server("127.0.0.1", mail_server.port, "privacy@shop.example", seconds=SILENT_SECONDS)
    peers = {"tax-office": Peer(lambda: "token", lambda: tax.certificate, SILENT_SECONDS)}
    made = replace(made, settings=replace(made.settings, peers=peers), open_mailer=lambda _: server)
    yield made
    made.close()
    made.ledger.close()


def test_every_request_ends_once_whatever_servers_do(project, clock, rows, mail_server, tax):
    moods = random.Random(11)
    erased, numbers = {"ada@example.org", "bob@example.org"}, []
    for place, address in enumerate(
        [*sorted(erased), *(f"p{each}@example.org" for each in range(REQUESTS - 2))]
    ):
        right = "erase" if address in erased else ("object_marketing", "list_recipients")[place % 2]
        numbers.append(story.ask(project, right, email=address))
        if address in erased:
            story.grant_erasure(project, numbers[-1])
        elif right == "list_recipients":
            story.decide.decide(project, numbers[-1], "c1", "grant", "marie")
    for _ in range(ROUNDS_MAX):
        tax.mood = moods.choice(["accept", "fail", "lie", "unsigned", "hang"])
        carry_on.one_round(project)
        clock.forward(hours=5)
        states = list(read.states(project.ledger, "request"))
        if all(found.status == "responded" and not _waiting(found.body) for found in states):
            break
        tax.go_on.set()
        tax.go_on.clear()
    assert {found.status for found in states} == {"responded"}
    assert len(states) == len(numbers) == REQUESTS
    went = Counter()
    for number in numbers:
        events = read.stream(project.ledger, f"request/{number}")
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        sent = Counter(
            event.facts["kind"]
            for event in events
            if event.kind == "letter_sent" and event.facts["outcome"] == "sent"
        )
        assert sent["done"] == 1, number
        assert sent["acknowledgement"] == 1, number
        told = Counter(
            event.facts["recipient"]
            for event in events
            if event.kind == "recipient_notified" and event.facts["outcome"] != "failed"
        )
        assert set(told.values()) <= {1}, number
        went[story.request_file.requester(project, number)["email"]] += sent.total()
    # each letter that the ledger has as sent was taken, and nothing else was; what was lost on the way came twice
    assert Counter(mail_server.handler.taken) == went
    assert set(mail_server.handler.unsaid) <= set(went)
    assert {"took", "failed", "hung", "lied", "failed at once"} == set(mail_server.handler.moods)
    assert rows("shop", "SELECT count(*) FROM customer WHERE email IS NOT NULL") == [(0,)]
    assert story.state(project, numbers[0])["claims"]["c1"]["recipients"]["tax-office"] in {"told", "task"}
    seal.seal_all(project.ledger)
    assert verify(project.ledger).whole


def _waiting(state):
    """Say whether a letter of a request is still to go out."""
    last = {told["letter"]: told["outcome"] for told in state["letters"]}
    return "failed" in last.values()
