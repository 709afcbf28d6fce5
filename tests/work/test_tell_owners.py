"""Whoever answers for a table is told at marking what goes, by mail, once; whoever has no address is named."""

from __future__ import annotations

import email
import email.policy

import pytest

from shop_project import opened, with_old_messages
from troth.errors import NotAllowedError, NotFoundError, WrongFileError
from troth.ledger import read
from troth.work import carry_on, sweep, tell_owners
from troth.work.remind import remind

NAME = "shop.message.customers"


@pytest.fixture
def shop(folder, clock, mail_server):
    """A shop with old messages, of which the head of support decided, and a mail server of its own."""
    with_old_messages(folder)
    path = folder / "stores" / "shop.yaml"
    told = "erase: {do: delete, by: dpo, because: no longer needed}"
    path.write_text(path.read_text("utf-8").replace(told, told.replace("dpo", "head of support")), "utf-8")
    settings = folder / "troth.toml"
    text = settings.read_text("utf-8").replace("folder:.troth/outbox", f"smtp://127.0.0.1:{mail_server.port}")
    settings.write_text(text + '\n[owner."head of support"]\nemail = "head@shop.example"\n', "utf-8")
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def without_address(folder):
    settings = folder / "troth.toml"
    settings.write_text(settings.read_text("utf-8").partition("\n[owner.")[0] + "\n", "utf-8")


def taken(mail_server):
    found = [
        email.message_from_bytes(one.content, policy=email.policy.default)
        for one in mail_server.handler.taken
    ]
    return [(one["To"], " ".join(one.get_body(("plain",)).get_content().split())) for one in found]


def outcomes(project):
    return [(one.of, one.name, one.outcome) for one in tell_owners.owners(project)]


def test_the_owner_is_written_to_at_marking_once(shop, mail_server, clock):
    sweep.mark(shop, [NAME], staff="marie")
    ((to, text),) = taken(mail_server)
    assert to == "head@shop.example"
    assert "10 rows of shop.message have outlived" in text
    assert "the oldest of 1 January 2020. They go from 30 November 2026 on." in text
    assert f"troth sweep stop {NAME}" in text
    assert outcomes(shop) == [(NAME, "head of support", "sent")]
    assert tell_owners.tell(shop) == 0
    carry_on.one_round(shop)
    assert len(taken(mail_server)) == 1
    events = [
        one for one in read.events(shop.ledger, kind="letter_sent") if one.facts["kind"] == "sweep_owner"
    ]
    assert "support" not in str(events[0].facts), "the ledger names nobody"


def test_a_letter_that_failed_is_sent_again_by_the_worker_later_each_time(shop, mail_server, clock):
    mail_server.handler.data = "451 later"
    sweep.mark(shop, [NAME], staff="marie")
    assert outcomes(shop) == [(NAME, "head of support", "failed")]
    mail_server.handler.data = None
    carry_on.one_round(shop)
    assert taken(mail_server) == [], "not before its time"
    clock.forward(minutes=3)
    carry_on.one_round(shop)
    assert [to for to, _ in taken(mail_server)] == ["head@shop.example"]
    assert outcomes(shop) == [(NAME, "head of support", "sent")]


def test_a_letter_that_cannot_be_written_holds_up_neither_the_marking_nor_the_round(
    shop, folder, mail_server, caplog
):
    template = folder / "templates" / "letters" / "sweep_owner.en.txt"
    template.parent.mkdir(parents=True, exist_ok=True)
    template.write_bytes(b"Subject: \xff\xfe")
    (marked,) = sweep.mark(shop, [NAME], staff="marie")
    assert (marked.rows, taken(mail_server)) == (10, [])
    assert carry_on.one_round(shop).sealed, "the round goes on to its end"
    assert f"An owner could not be told of {NAME}: UnicodeDecodeError" in caplog.text
    assert "support" not in caplog.text
    template.unlink()
    carry_on.one_round(shop)
    assert [to for to, _ in taken(mail_server)] == ["head@shop.example"]


def test_whoever_was_killed_before_writing_is_followed_by_the_worker(shop, mail_server, clock):
    def killed(at):
        raise KeyboardInterrupt(at)

    with pytest.raises(KeyboardInterrupt):
        sweep.mark(shop, [NAME], staff="marie", stop_at=killed)
    assert taken(mail_server) == []
    carry_on.one_round(shop)
    assert len(taken(mail_server)) == 1


def test_whoever_has_no_address_is_named_to_the_officer_until_somebody_told_them(
    folder, shop, mail_server, clock
):
    without_address(folder)
    project = opened(folder, clock)
    sweep.mark(project, [NAME], staff="marie")
    assert outcomes(project) == [(NAME, "head of support", "no_address")]
    clock.forward(hours=3)
    assert remind(project)
    (text,) = [text for _, text in taken(mail_server)]
    assert f"nobody could write to head of support of the marked sweep {NAME}" in text
    with pytest.raises(NotAllowedError, match="Say how they were told"):
        tell_owners.by_hand(project, NAME, "head of support", " ", "marie")
    with pytest.raises(NotFoundError, match="There is: head of support"):
        tell_owners.by_hand(project, NAME, "nobody", "by telephone", "marie")
    tell_owners.by_hand(project, NAME, "head of support", "by telephone", "marie")
    assert outcomes(project) == [(NAME, "head of support", "by_hand")]
    clock.forward(days=1)
    remind(project)
    assert "nobody could write" not in taken(mail_server)[-1][1]
    project.close()
    project.ledger.close()


def test_an_address_that_is_named_later_is_written_to(folder, shop, mail_server, clock):
    settings = folder / "troth.toml"
    whole = settings.read_text("utf-8")
    without_address(folder)
    project = opened(folder, clock)
    sweep.mark(project, [NAME], staff="marie")
    project.close()
    project.ledger.close()
    settings.write_text(whole, "utf-8")
    project = opened(folder, clock)
    carry_on.one_round(project)
    assert [to for to, _ in taken(mail_server)] == ["head@shop.example"]
    project.close()
    project.ledger.close()


def test_an_owner_without_an_address_is_told_where_it_stands(folder, clock):
    with (folder / "troth.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[owner."head of sales"]\nemail = "nobody"\n')
    with pytest.raises(WrongFileError, match=r"owner\.head of sales"):
        opened(folder, clock)
