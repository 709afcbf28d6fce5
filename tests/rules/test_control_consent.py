"""What the audit says of consent, from what was recorded and nothing else."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from troth.policy.loading import load
from troth.policy.starting import project_files
from troth.rules import control_collection, control_consent, verdict
from troth.rules.event import Event

FILES = project_files("shop", date(2026, 11, 23))
POLICY, _ = load({name: text for name, text in FILES.items() if name.startswith(("policy", "register/"))})
CONSENT = next(one for one in POLICY.promises.values() if one.kind == "consent")
NEWS = POLICY.purposes["newsletter"]
SENT = control_collection.FirstMessages(sent=3, by_purpose={"newsletter": 3})
ALL = {("main-entity", channel) for channel in ("email", "phone", "post")}


def recorded(given="given", **facts):
    told = {"purpose": "newsletter", "given": given, "method": "web"} | facts
    event = Event(
        "E1", datetime(2026, 11, 1, tzinfo=UTC), "consent_recorded", 1, "choices/s", 1, "", "subject", told
    )
    return msgspec.convert(event, control_consent.Said, from_attributes=True)


def facts(*events, **more):
    base = {"today": date(2026, 11, 23), "requests": [], "letters": {}, "acts": {}, "maps": {}, "published": None,
            "published_event": None, "refusals": ALL}  # fmt: skip
    return verdict.Facts(**base | {"consents": control_consent.counted(events, {})} | more)


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ([], "unproven"),
        ([recorded(proven=True)], "kept"),
        ([recorded(proven=True), recorded("withdrawn")], "kept"),
        ([recorded(proven=True), recorded(proven=False, lacks=["evidence"], method="import")], "kept"),
        ([recorded(proven=False, lacks=["evidence"], method="import")], "unproven"),
        ([recorded(proven=True), recorded(proven=False, lacks=["form"])], "broken"),
        ([recorded(proven=True), recorded(proven=False, lacks=["withdrawal_clicks"])], "broken"),
        ([recorded(proven=True), recorded(proven=False, lacks=["bundled"])], "broken"),
    ],
)
def test_the_promise_on_consent_is_judged_by_what_each_consent_lacks(events, word):
    assert control_consent.judge(CONSENT, facts(*events))[0] == word


def test_what_breaks_it_is_told_by_its_event_and_its_code():
    _, figure, _, wrong = control_consent.judge(CONSENT, facts(recorded(proven=False, lacks=["form"])))
    assert figure == "0 of 1 consents can be shown"
    assert wrong == ["consent E1: it cannot be shown (form)"]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "unproven"),
        ({"events": [recorded(proven=True)]}, "kept"),
        ({"events": [recorded(proven=True)], "refusals": ()}, "unproven"),
        ({"first": SENT}, "kept"),
        ({"first": SENT, "sent_despite": [("E9", "newsletter", "withdrawn")]}, "broken"),
        ({"first": SENT, "sent_despite": [("E9", "audience", "withdrawn")]}, "kept"),
    ],
)
def test_a_purpose_on_consent_is_broken_by_a_message_against_a_no(more, word):
    told = dict(more)
    assert control_consent.about_purpose(NEWS, POLICY, facts(*told.pop("events", ()), **told))[0] == word
