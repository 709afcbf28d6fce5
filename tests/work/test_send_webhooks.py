"""Other systems are told of each choice, in order and at least once, whatever they do to us."""

import base64
import hmac
import json
import time
from dataclasses import replace

import pytest

from commanding import troth
from naming import names
from receivers import receiving
from troth.errors import ConflictError, NotFoundError, WrongFileError
from troth.ledger import delivery, lease, seal
from troth.rules import webhook
from troth.settings_file import read_settings
from troth.work import record_consent, record_objection, send_webhooks
from troth.work.project import Webhook
from troth.work.record_consent import Asked, Choice

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two letters..").decode()
ADA = [("email", "ada@example.org")]


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
def told(project, receiver):
    """The project with one receiver, that begins now."""
    return having(project, receiver)


def having(project, receiver, **more):
    hook = replace(Webhook(receiver.url, lambda: SECRET, webhook.WANTED, seconds=0.5), **more)
    made = replace(project, settings=replace(project.settings, webhooks={"crm": hook}))
    send_webhooks.one_round(made)
    return made


def object_(project, who=ADA):
    event = record_objection.record_objection(project, who, method="portal")
    seal.seal_all(project.ledger)
    return event.id


def consent(project, said):
    record_consent.record_consent(project, ADA, [Choice("newsletter", said)], Asked("preferences", "en"))
    seal.seal_all(project.ledger)


def test_a_receiver_is_told_of_consent_withdrawal_and_objection_signed_and_without_a_name(
    told, receiver, clock
):
    consent(told, "given")
    consent(told, "withdrawn")
    ident = object_(told)
    assert send_webhooks.one_round(told).taken == 3
    bodies = [json.loads(body) for _, body in receiver.got]
    assert [one["type"] for one in bodies] == ["consent.given", "consent.withdrawn", "objection.recorded"]
    assert (bodies[0]["data"]["purpose"], bodies[2]["data"]["event"]) == ("newsletter", ident)
    assert not any(names(body, "ada") for _, body in receiver.got)
    for headers, body in receiver.got:
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = base64.b64encode(hmac.digest(base64.b64decode(SECRET[6:]), said, "sha256")).decode()
        assert headers["webhook-signature"] == f"v1,{mac}"
    assert send_webhooks.one_round(told).taken == 0


def test_it_names_people_only_where_the_settings_say_so_and_only_those_who_are_known(project, receiver):
    told = having(project, receiver, identifiers=True)
    consent(told, "given")
    object_(told, [("email", "nobody@example.net")])
    send_webhooks.one_round(told)
    first, second = (json.loads(body)["data"] for _, body in receiver.got)
    assert first["identifiers"] == [{"kind": "email", "value": "ada@example.org"}]
    assert "identifiers" not in second


def test_a_receiver_asks_for_what_it_wants_and_is_told_of_nothing_before_it_was_set(project, receiver):
    object_(project)
    told = having(project, receiver, events=("withdrawal",))
    consent(told, "given")
    consent(told, "withdrawn")
    object_(told)
    assert send_webhooks.one_round(told).taken == 1
    assert json.loads(receiver.got[0][1])["type"] == "consent.withdrawn"


def test_what_is_not_taken_is_sent_again_later_and_later_in_order_under_the_same_id(told, receiver, clock):
    idents = [object_(told), object_(told, [("email", "eve@example.org")])]
    receiver.mood = "500"
    waits = []
    for _ in range(4):
        assert send_webhooks.one_round(told).failed == 1
        assert send_webhooks.one_round(told).failed == 0  # not due yet
        waits.append(round((delivery.of(told.ledger, "crm").due_us / 1e6) - clock().timestamp()))
        clock.forward(seconds=waits[-1])
    assert waits == [10, 20, 40, 80]
    receiver.mood = "204"
    assert send_webhooks.one_round(told).taken == 2
    assert receiver.ids == [*[idents[0]] * 5, idents[1]]


def test_a_message_nobody_takes_is_put_aside_after_days_and_holds_up_nothing(told, receiver, clock):
    first, second = object_(told), object_(told, [("email", "eve@example.org")])
    receiver.mood = "422"
    begun = clock()
    while not send_webhooks.one_round(told).aside:
        clock.forward(hours=6)
        assert len(receiver.got) <= webhook.ATTEMPTS_MAX
    assert (clock() - begun).days >= 3
    receiver.mood = "200"
    clock.forward(hours=6)
    send_webhooks.one_round(told)
    assert receiver.ids[-1] == second
    assert send_webhooks.retry(told, "crm") == (1, 0)
    assert receiver.ids[-1] == first
    assert send_webhooks.retry(told, "crm") == (0, 0)


@pytest.mark.parametrize("mood", ["hang", "drip", "302"])
def test_one_that_hangs_drips_or_sends_us_elsewhere_is_no_receiver(told, receiver, clock, mood):
    object_(told)
    receiver.mood = mood
    begun = time.monotonic()
    assert send_webhooks.one_round(told).failed == 1
    assert time.monotonic() - begun < 5
    assert len(receiver.got) == 1
    receiver.go_on.set()
    receiver.mood = "200"
    clock.forward(minutes=1)
    assert send_webhooks.one_round(told).taken == 1


def test_one_that_is_gone_is_left_alone_until_somebody_resumes(told, receiver, clock):
    object_(told)
    receiver.mood = "410"
    send_webhooks.one_round(told)
    receiver.mood = "200"
    clock.forward(days=2)
    assert send_webhooks.one_round(told).taken == 0
    send_webhooks.resume(told, "crm")
    assert send_webhooks.one_round(told).taken == 1


def test_an_earlier_moment_is_told_again(told, receiver, clock):
    first = object_(told)
    send_webhooks.one_round(told)
    clock.forward(days=1)
    object_(told, [("email", "eve@example.org")])
    send_webhooks.one_round(told)
    send_webhooks.resume(told, "crm", since=clock().replace(hour=0))
    assert send_webhooks.one_round(told).taken == 1
    send_webhooks.resume(told, "crm", since=clock().replace(month=1))
    assert send_webhooks.one_round(told).taken == 2
    assert receiver.ids[-2] == first


def test_one_process_tells_a_receiver_at_a_time(told, receiver):
    object_(told)
    held = lease.claim(told.ledger, "webhook/crm", 60)
    assert send_webhooks.one_round(told).taken == 0
    lease.release(told.ledger, held)
    assert send_webhooks.one_round(told).taken == 1


class Stopped(BaseException):
    """A process that is killed."""


@pytest.mark.parametrize("when", ["sent", "noted"])
def test_a_process_that_is_stopped_loses_nothing(told, receiver, when, clock):
    """Stopped after a message was sent and before it was noted, it sends it once more; noted, it does not."""
    idents = [object_(told), object_(told, [("email", "eve@example.org")])]
    calls = []

    def secret():
        calls.append(1)
        if len(calls) == 2:  # the second message is about to be signed
            raise Stopped
        return SECRET

    hook = replace(told.settings.webhooks["crm"], secret=secret)
    cut = replace(told, settings=replace(told.settings, webhooks={"crm": hook}))
    with pytest.raises(Stopped):
        send_webhooks.one_round(cut)
    if when == "sent":  # as if the note of the first one had not been written
        delivery.move(told.ledger, replace(delivery.of(told.ledger, "crm"), next=0))
    send_webhooks.one_round(told)
    assert receiver.ids == [idents[0], *([idents[0]] if when == "sent" else []), idents[1]]


def test_choices_about_cookies_are_told_to_nobody(told, receiver):
    from troth.ledger import append
    from troth.rules.event import Draft

    facts = {"purpose": "cookies", "purpose_version": "1", "given": "given", "method": "banner accept",
             "notice_sha256": "0" * 64, "language": "en"}  # fmt: skip
    append.append(told.ledger, [Draft("consent_recorded", "cookies/abc", facts)])
    seal.seal_all(told.ledger)
    assert send_webhooks.one_round(told).taken == 0


def test_the_commands_show_test_and_resume(folder, receiver, monkeypatch, project):
    monkeypatch.setenv("HOOK", SECRET)
    with (folder / "troth.toml").open("a") as file:
        file.write(f'\n[webhook.crm]\nurl = "{receiver.url}"\nsecret = "env:HOOK"\nevents = ["objection"]\n')
    assert "crm answered: 200" in troth(folder, "webhook", "test", "crm").out
    assert json.loads(receiver.got[0][1])["type"] == "webhook.tested"
    troth(folder, "webhook", "list")
    object_(project)
    (shown,) = json.loads(troth(folder, "webhook", "list", "--json").out)
    assert (shown["name"], shown["behind"] > 0, shown["status"]) == ("crm", True, "told")
    assert troth(folder, "worker", "--once").code == 0
    assert json.loads(receiver.got[1][1])["type"] == "objection.recorded"
    receiver.mood = "500"
    assert troth(folder, "webhook", "test", "crm").code == 3
    assert troth(folder, "webhook", "resume", "crm", "--since", "yesterday").code == 2
    assert "from sealed event 0 on" in troth(folder, "webhook", "resume", "crm", "--since", "2020-01-01").out
    assert "no receiver 'erp'" in troth(folder, "webhook", "test", "erp").err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('url = "http://crm.example/"\nsecret = "env:X"', "no encrypted address"),
        ('url = "https://crm.example/"\nsecret = "canary"', "no reference"),
        ('url = "https://crm.example/"', "has a `url` and a `secret`"),
        ('url = "https://crm.example/"\nsecret = "env:X"\nevents = ["all"]', "told of"),
        ('url = "https://crm.example/"\nsecret = "env:X"\nidentifiers = 1', "neither true nor false"),
    ],
)
def test_a_receiver_that_is_set_wrongly_is_told_with_its_line(tmp_path, written, said):
    (tmp_path / "troth.toml").write_text(f"[webhook.crm]\n{written}\n")
    with pytest.raises(WrongFileError, match=said) as found:
        read_settings(tmp_path)
    assert "canary" not in str(found.value)


def test_a_receiver_that_is_not_set_is_not_found(project):
    with pytest.raises(NotFoundError, match=r"write \[webhook.NAME\]"):
        send_webhooks.test(project, "crm")


def test_what_is_wrong_with_one_receiver_holds_up_no_other(project, receiver):
    def no_secret():
        raise NotFoundError("The variable CRM_SECRET is not set.")

    hook = Webhook(receiver.url, lambda: SECRET, webhook.WANTED, seconds=0.5)
    hooks = {
        "first": replace(hook, secret=no_secret),
        "second": replace(hook, url="https://shop.example:port/x"),
        "third": hook,
    }
    made = replace(project, settings=replace(project.settings, webhooks=hooks))
    send_webhooks.one_round(made)
    object_(made)
    done = send_webhooks.one_round(made)
    assert (done.taken, done.failed) == (1, 2)
    assert len(receiver.got) == 1


def test_who_is_being_told_at_this_moment_is_not_sent_back(told, receiver):
    held = lease.claim(told.ledger, "webhook/crm", 60)
    with pytest.raises(ConflictError, match="being told at this moment"):
        send_webhooks.resume(told, "crm")
    lease.release(told.ledger, held)
    assert send_webhooks.resume(told, "crm") >= 0
