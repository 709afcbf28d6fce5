"""The client for other programs: one layer for both ways of waiting, and signatures checked before anything is read."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

import looping
from receivers import receiving
from troth.client import (
    AsyncClient,
    Client,
    Link,
    NotGenuine,
    Refused,
    Said,
    Unreachable,
    choices,
    event_of,
    may,
    open_request,
    preferences,
    prepare,
    request_of,
    sent,
)
from troth.faces.front import Front
from troth.faces.portal.application import application
from troth.ledger import read
from troth.rules import webhook
from troth.rules.consent_form import Form
from troth.work import declare_refusals, record_form
from troth.work.project import ApiKey

KEY = "shop-" + "k" * 40
FORM = "a" * 64
ADA = "ada@example.org"


@pytest.fixture
def front(project):
    scope = ("open", "follow", "choices", "may", "messages", "preferences")
    made = replace(project, settings=replace(project.settings, api={"shop": ApiKey(lambda: KEY, scope)}))
    record_form.record_form(made, Form("f", "en", FORM, {"newsletter": FORM}))
    declare_refusals.declare_refusals(made, "main-entity", "email", staff="marie")
    found = Front(made, application(made))
    found.wait(30)
    found.project = made
    yield found
    found.close()


def test_every_call_is_answered_typed_by_a_real_server(front):
    async def story():
        async with AsyncClient(
            "http://127.0.0.1:8080", KEY, transport=httpx.ASGITransport(app=front)
        ) as client:
            yes = choices([Said("given", "newsletter", "email")], "web", email=ADA, form=FORM)
            taken = await client.send(yes)
            assert taken.choices[0].proven
            assert await client.send(yes) == taken  # the same call again records nothing more
            assert (await client.send(may("newsletter", subject=taken.subject))).code
            links = {"offer": Link("https://shop.example/", "https://track.example/")}
            found = await client.send(
                prepare("newsletter", {ADA: "fr"}, measured_for="audience", links=links)
            )
            (message,) = found.messages
            assert (message.allowed, message.notice.language, list(message.links)) == (True, "fr", ["offer"])
            recorded = await client.send(sent("newsletter", {ADA: message.notice.token}))
            assert (recorded.recorded, recorded.wrong) == (1, ())
            assert (await client.send(preferences(ADA))).preferences[0].said == "yes"
            opened = await client.send(open_request(["access"], ADA))
            assert (await client.send(request_of(opened.id))).number == opened.number
            with pytest.raises(Refused, match="no purpose") as error:
                await client.send(prepare("nothing", [ADA]))
            assert error.value.status == 422

    looping.run(story())
    assert len(list(read.events(front.project.ledger, kind="consent_recorded"))) == 1


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def both(receiver, call, seconds=5.0):
    """Send a call both ways, and return what each raised."""
    raised = []
    with Client(receiver.url.removesuffix("/hooks"), KEY, seconds=seconds) as client:
        with pytest.raises((Refused, Unreachable)) as error:
            client.send(call)
        raised.append(error.value)

    async def later():
        async with AsyncClient(receiver.url.removesuffix("/hooks"), KEY, seconds=seconds) as client:
            await client.send(call)

    with pytest.raises((Refused, Unreachable)) as error:
        looping.run(later())
    return [*raised, error.value]


@pytest.mark.parametrize(
    ("mood", "kind", "tries"),
    [
        ("503", Unreachable, 3),
        ("422", Refused, 1),
        ("500", Unreachable, 1),
        ("302", Refused, 1),
        ("200", Unreachable, 1),
    ],
)
def test_what_may_be_tried_again_is_under_the_same_name_and_nothing_else_is(receiver, mood, kind, tries):
    receiver.mood = mood
    raised = both(receiver, open_request(["access"], ADA, once="ticket-4711"))
    assert [type(one) for one in raised] == [kind, kind]
    assert len(receiver.got) == 2 * tries
    assert {headers["idempotency-key"] for headers, _ in receiver.got} == {"ticket-4711"}
    assert {headers["authorization"] for headers, _ in receiver.got} == {f"Bearer {KEY}"}


def test_a_server_that_hangs_is_not_waited_for(receiver):
    receiver.mood = "hang"
    assert all(type(one) is Unreachable for one in both(receiver, may("newsletter", email=ADA), seconds=0.1))
    receiver.go_on.set()


def test_nobody_at_all_is_unreachable():
    with Client("http://127.0.0.1:9", KEY) as client, pytest.raises(Unreachable, match="Nothing answered"):
        client.send(may("newsletter", email=ADA))


@pytest.mark.parametrize(
    "call", [lambda: may("x"), lambda: may("x", email="a", subject="b"), lambda: request_of("../x")]
)
def test_a_call_that_means_nothing_is_not_made(call):
    with pytest.raises(ValueError, match=r"Name one|no id"):
        call()


def test_the_key_is_in_no_representation():
    assert KEY not in repr(Client("http://127.0.0.1:9", KEY))


class TestHooks:
    """Messages of webhooks, by the very function that signs them."""

    AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
    SECRET = "whsec_" + "c2VjcmV0" * 6
    BODY = json.dumps({
        "type": "consent.withdrawn", "timestamp": "2026-11-23T09:00:00+00:00",
        "data": {"event": "01", "purpose": "newsletter", "identifiers": [{"kind": "email", "value": ADA}], "new": 1},
    }).encode()  # fmt: skip

    def read(self, body=BODY, secret=SECRET, late=0, **changed):
        headers = webhook.signed(self.SECRET, "01", self.AT, self.BODY) | changed
        shown = {name.title(): value for name, value in headers.items() if value is not None}
        return event_of(body, shown, secret, now=self.AT.timestamp() + late)

    def test_what_is_signed_is_read(self):
        event = self.read()
        assert (event.type, event.emails, event.data.purpose) == ("consent.withdrawn", (ADA,), "newsletter")
        good = webhook.signed(self.SECRET, "01", self.AT, self.BODY)["webhook-signature"]
        assert self.read(**{"webhook-signature": f"v1,AAAA {good}"}).type == "consent.withdrawn"

    @pytest.mark.parametrize(
        "changed",
        [
            {"body": BODY.replace(b"newsletter", b"newslettre")},
            {"secret": "whsec_" + "b3RoZXIh" * 6},
            {"late": 301},
            {"late": -301},
            {"webhook-signature": None},
            {"webhook-signature": "v1,é"},
            {"webhook-id": "02"},
            {"webhook-id": None},
            {"webhook-timestamp": "yesterday"},
            {"webhook-timestamp": "9" * 40},
        ],
    )
    def test_what_is_changed_late_or_of_somebody_else_is_not_genuine(self, changed):
        with pytest.raises(NotGenuine):
            self.read(**changed)

    def test_what_is_signed_and_unreadable_is_not_genuine_either(self):
        signed = webhook.signed(self.SECRET, "01", self.AT, b"[]")
        with pytest.raises(NotGenuine):
            event_of(b"[]", signed, self.SECRET, now=self.AT.timestamp())
