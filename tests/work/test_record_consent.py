"""Consent and objection as they are recorded, and what may be done afterwards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

import story
from naming import names
from troth.errors import ConflictError, NotAllowedError
from troth.ledger import read, rebuild, subjects, suppression, vault
from troth.rules.consent_form import Form
from troth.rules.may import sentence
from troth.work import audit, carry_on, decide, declare_refusals, record_form
from troth.work.may import may
from troth.work.record_consent import Asked, Choice, end, expire, record_consent
from troth.work.record_objection import record_objection

ADA = (("email", "ada@example.org"),)
PAGE = b"<form><label><input type=checkbox> Send me the newsletter</label></form>"
TEXT = sha256(b"Send me the newsletter").hexdigest()
FORM = Form("sign-up", "en", sha256(PAGE).hexdigest(), {"newsletter": TEXT, "audience": TEXT})
ASKED = Asked("web", "en", form=FORM.interface_sha256)
YES = (Choice("newsletter", "given", "email"),)
NO = (Choice("newsletter", "withdrawn"),)


@pytest.fixture
def news(project):
    """A project whose form is recorded and that has no refusals of old."""
    record_form.record_form(project, FORM, PAGE)
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    return project


def code(project, who=ADA, purpose="newsletter", **more):
    return may(project, who, purpose, channel=more.pop("channel", "email"), **more).reason.code


def test_a_consent_is_proven_by_the_form_it_was_given_on_and_opens_its_purpose(news, clock):
    assert code(news) == "no_consent"
    event = record_consent(news, ADA, YES, ASKED)[0]
    assert code(news) == "consented"
    assert event.facts["proven"] is True
    assert event.facts["text_sha256"] == TEXT
    assert record_form.evidence(news, FORM.interface_sha256) == PAGE
    assert may(news, ADA, "newsletter", channel="email").reason.event == event.id


def test_no_name_reaches_the_facts_and_the_guardian_is_encrypted(news):
    child = Asked("web", "en", form=FORM.interface_sha256, age=14, country="FR", guardian="Canary Mother")
    event = record_consent(news, ADA, YES, child)[0]
    assert event.facts["age_class"] == "guardian"
    body = read.event_body(news.ledger, event.id).decode()
    assert "Canary" not in body
    assert not names(body, "ada")
    assert vault.payload(news.ledger, event)["guardian"] == "Canary Mother"


@pytest.mark.parametrize(
    ("age", "country", "alone"), [(14, "FR", False), (15, "FR", True), (15, "DE", False), (16, "DE", True)]
)
def test_a_child_consents_alone_from_the_age_of_its_country(news, age, country, alone):
    asked = Asked("web", "en", form=FORM.interface_sha256, age=age, country=country)
    if alone:
        assert record_consent(news, ADA, YES, asked)[0].facts["age_class"] == "alone"
    else:
        with pytest.raises(NotAllowedError, match="joins in below"):
            record_consent(news, ADA, YES, asked)
    record_consent(news, ADA, NO, asked)
    assert code(news) == "withdrawn"


def test_without_the_form_that_was_shown_it_is_not_demonstrable_and_does_not_count(news):
    event = record_consent(news, ADA, YES, Asked("web", "en", texts={"newsletter": TEXT}))[0]
    assert event.facts["lacks"] == ["form"]
    assert code(news) == "unproven"
    paper = Asked("paper", "en", texts={"newsletter": TEXT}, evidence="folder 12, sheet 7")
    record_consent(news, ADA, YES, paper)
    assert code(news) == "consented"


@pytest.mark.parametrize(
    ("more", "sentence_"),
    [
        ({"ticked_before": True}, "ticked before"),
        ({"together": (("newsletter", "audience"),)}, "ask for each apart"),
        ({"clicks_to_withdraw": 2}, "Taking back needs 2 clicks"),
        ({"sign_in_to_withdraw": True}, "needs to sign in"),
        ({"with_terms": True}, "part of accepting the terms"),
        ({"required": True}, "without saying yes"),
    ],
)
def test_a_form_that_breaks_a_condition_is_refused_and_no_consent_by_it_counts(project, more, sentence_):
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    wrong = replace(FORM, **more)
    with pytest.raises(NotAllowedError, match=sentence_):
        record_form.record_form(project, wrong)
    record_form.record_form(project, wrong, happened=True)
    record_consent(project, ADA, YES, ASKED)
    assert code(project) == "unproven"


def test_a_withdrawal_two_seconds_before_sending_stops_it(news, clock):
    record_consent(news, ADA, YES, ASKED)
    clock.forward(minutes=5)
    record_consent(news, ADA, NO, Asked("link", "en"))
    clock.forward(seconds=2)
    assert code(news) == "withdrawn"


def test_as_of_a_moment_past_the_answer_is_that_moments(news, clock):
    record_consent(news, ADA, YES, ASKED)
    clock.forward(minutes=5)
    then = clock.now
    clock.forward(minutes=5)
    record_consent(news, ADA, NO, Asked("link", "en"))
    assert code(news, on=then) == "consented"
    assert code(news, on=clock.now) == "withdrawn"


def test_said_twice_is_recorded_once(news):
    first = record_consent(news, ADA, YES, ASKED, once="checkout 4711")
    assert record_consent(news, ADA, YES, ASKED, once="checkout 4711") == first
    objection = record_objection(news, ADA, once="click 1")
    assert record_objection(news, ADA, once="click 1") == objection


def test_what_was_said_last_counts_and_not_what_was_recorded_last(news, clock):
    record_consent(news, ADA, NO, Asked("link", "en"))
    old = Asked(
        "paper", "en", at=clock.now - timedelta(days=30), texts={"newsletter": TEXT}, evidence="sheet"
    )
    record_consent(news, ADA, YES, old)
    assert code(news) == "withdrawn"


def test_an_objection_closes_the_address_and_outlives_the_person(news, clock):
    record_consent(news, ADA, YES, ASKED)
    clock.forward(seconds=10)
    record_objection(news, ADA, method="link")
    assert code(news) == "objected_marketing"
    subject = subjects.find_subject(news.ledger, *ADA[0])
    subjects.forget_identifiers(news.ledger, subject)
    assert subjects.find_subject(news.ledger, *ADA[0]) is None
    for spelling in ("ada@example.org", "ADA+x@example.org"):
        assert code(news, (("email", spelling),)) == "suppressed"
    assert code(news, (("email", "adam@example.org"),)) == "no_consent"


def test_a_later_yes_opens_the_address_again_for_its_purpose_alone(news, clock):
    record_objection(news, ADA, channel="email")
    clock.forward(seconds=10)
    assert code(news) == "objected_marketing" or code(news) == "suppressed"
    record_consent(news, ADA, YES, ASKED)
    assert code(news) == "consented"
    known = suppression.of(news.ledger, *ADA[0])
    assert suppression.since(known, ["newsletter"], "main-entity", "email") is None
    assert suppression.since(known, ["other"], "main-entity", "email") is not None


def test_an_objection_of_an_unknown_address_opens_no_subject(news):
    event = record_objection(news, (("email", "eve@example.org"),))
    assert event.subject is None
    assert subjects.find_subject(news.ledger, "email", "eve@example.org") is None
    assert code(news, (("email", "eve@example.org"),)) == "suppressed"


def test_a_request_restricts_and_objects_and_withdraws(news, clock):
    record_consent(news, ADA, YES, ASKED)
    clock.forward(days=1)
    number = story.ask(news, "restrict", because="accuracy")
    assert code(news) == "restricted"
    assert code(news, purpose="accounts", channel=None) == "legal_obligation"
    decide.decide(news, number, "c1", "refuse", staff="marie", reason="it is right", article="Art. 18(1)")
    decide.review(news, number, "c1", "paul")
    assert code(news) == "restricted", "nobody told the person yet"
    carry_on.carry_on(news, number)
    assert code(news) == "consented"
    story.ask(news, "withdraw", purposes={"withdraw": ("newsletter",)})
    assert code(news) == "withdrawn"


def test_an_objection_by_request_takes_effect_on_receipt(news):
    record_consent(news, ADA, YES, ASKED)
    number = story.ask(news, "object_marketing")
    carry_on.carry_on(news, number)
    assert code(news) == "objected_marketing"


def test_consents_end_when_the_policy_says_and_the_end_is_recorded_once(news, clock):
    asked = Asked("web", "en", form=FORM.interface_sha256)
    until = record_consent(news, ADA, YES, asked)[0].facts.get("valid_until")
    if until is None:
        pytest.skip("The first policy lets consents run.")
    clock.now = datetime.fromisoformat(until).replace(tzinfo=UTC, hour=9)
    assert code(news) == "expired"
    assert expire(news) == 1
    assert expire(news) == 0
    assert code(news) == "expired"


def test_a_no_is_recorded_for_every_company_and_channel_by_default(news):
    event = record_consent(news, ADA, NO, Asked("link", "en"))[0]
    assert (event.facts["controller"], event.facts["channel"]) == ("*", "*")


@pytest.mark.parametrize(
    ("choice", "sentence_"),
    [
        (Choice("nonsense", "given"), "no purpose 'nonsense'"),
        (Choice("orders", "given"), "rests on no consent"),
        (Choice("newsletter", "given", "pigeon"), "no channel 'pigeon'"),
        (Choice("newsletter", "given", controller="acme"), "no company 'acme'"),
        (Choice("newsletter", "given", controller="*"), "to one company"),
    ],
)
def test_what_the_policy_does_not_know_is_refused_in_a_sentence(news, choice, sentence_):
    with pytest.raises(NotAllowedError, match=sentence_.replace("(", r"\(")):
        record_consent(news, ADA, [choice], ASKED)


def test_state_is_the_same_when_folded_anew(news, clock):
    record_consent(news, ADA, YES, ASKED)
    clock.forward(seconds=5)
    record_objection(news, ADA)
    before = {one.stream: one.body for one in read.states(news.ledger, "choices")}
    rebuild.rebuild(news.ledger)
    assert {one.stream: one.body for one in read.states(news.ledger, "choices")} == before


def test_the_sentence_is_said_in_both_languages(news):
    found = may(news, ADA, "newsletter", channel="email")
    assert sentence(found.reason, "fr").startswith("Non : cela demande un consentement")


def test_the_audit_finds_a_message_that_went_out_against_a_no(news, clock):
    from troth.ledger import append
    from troth.rules.event import Draft

    record_consent(news, ADA, YES, ASKED)
    word = lambda: {one.promise: one.word for one in audit.audit(news, record=False)}[promise]  # noqa: E731
    promise = news.policy.purposes["newsletter"].id
    assert word() == "kept"
    clock.forward(minutes=1)
    event = record_consent(news, ADA, NO, Asked("link", "en"))[0]
    clock.forward(minutes=1)
    facts = {"purpose": "newsletter", "notice_version": "1", "language": "en", "channel": "email"}
    draft = Draft("first_communication_sent", f"first/{event.subject}", facts, subject=event.subject)
    append.append(news.ledger, [draft])
    assert word() == "broken"


def test_who_they_are_stays_known_while_a_consent_stands_and_goes_with_the_last_file_after(news):
    from troth.work.destroy_file import _consented

    subject = record_consent(news, ADA, YES, ASKED)[0].subject
    assert _consented(news, subject)
    record_consent(news, ADA, NO, Asked("link", "en"))
    assert not _consented(news, subject)


def test_a_later_objection_closes_again_what_a_yes_opened_and_one_said_before_it_does_not(news, clock):
    record_objection(news, ADA, purpose="newsletter", once="click 1")
    clock.forward(seconds=10)
    record_consent(news, ADA, YES, ASKED)

    def closed():
        known = suppression.of(news.ledger, *ADA[0])
        return suppression.since(known, ["newsletter"], "main-entity", "email") is not None

    clock.forward(seconds=10)
    record_objection(news, ADA, purpose="newsletter", once="click 1")
    assert not closed()
    record_objection(news, ADA, purpose="newsletter", once="click 2")
    assert closed()
    rows = len(suppression.of(news.ledger, *ADA[0]))
    record_objection(news, ADA, purpose="newsletter", once="click 2")
    assert len(suppression.of(news.ledger, *ADA[0])) == rows


def test_an_objection_by_request_that_is_carried_on_again_undoes_no_later_yes(news, clock):
    number = story.ask(news, "object_marketing")
    clock.forward(seconds=10)
    record_consent(news, ADA, YES, ASKED)
    clock.forward(seconds=10)
    carry_on.carry_on(news, number)
    known = suppression.of(news.ledger, *ADA[0])
    assert suppression.since(known, ["newsletter"], "main-entity", "email") is None


@pytest.mark.parametrize("channel", ["email", "*"])
def test_a_yes_that_is_not_proven_undoes_no_no_whichever_is_recorded_first(news, clock, channel):
    unproven = Asked("web", "en", texts={"newsletter": TEXT})
    record_consent(news, ADA, (Choice("newsletter", "refused", channel),), Asked("web", "en"))
    clock.forward(seconds=10)
    record_consent(news, ADA, YES, unproven)
    assert code(news) == "refused"
    eve = (("email", "eve@example.org"),)
    record_consent(news, eve, YES, unproven)
    before = Asked("web", "en", at=clock.now - timedelta(days=1))
    record_consent(news, eve, (Choice("newsletter", "refused", channel),), before)
    assert code(news, eve) == "refused"
    record_consent(news, eve, YES, ASKED)
    assert code(news, eve) == "consented"


def test_a_clock_that_is_fast_makes_no_later_no_void(news, clock):
    fast = clock.now + timedelta(minutes=4)
    record_consent(news, ADA, YES, Asked("web", "en", form=FORM.interface_sha256, at=fast))
    clock.forward(seconds=10)
    record_consent(news, ADA, NO, Asked("link", "en"))
    assert code(news) == "withdrawn"
    objection = record_objection(news, ADA, said_at=clock.now + timedelta(minutes=4))
    assert objection.facts["said_at"] == clock.now.isoformat()


@pytest.mark.parametrize(
    ("at", "sentence_"),
    [
        (datetime(2026, 11, 1, 9), "no offset"),
        (datetime(2036, 11, 1, 9, tzinfo=UTC), "still to come"),
        (datetime(1969, 11, 1, 9, tzinfo=UTC), "before 1990"),
        (datetime.fromisoformat("0001-01-01T00:00+05:00"), "before 1990"),
        (datetime.fromisoformat("9999-12-31T23:59-05:00"), "still to come"),
    ],
)
def test_a_moment_at_which_nothing_can_have_been_said_is_refused(news, at, sentence_):
    with pytest.raises(NotAllowedError, match=sentence_):
        record_objection(news, ADA, said_at=at)
    with pytest.raises(NotAllowedError, match=sentence_):
        record_consent(news, ADA, NO, Asked("link", "en", at=at))


def test_an_objection_of_a_subject_named_by_id_closes_their_addresses(news):
    subject = record_consent(news, ADA, YES, ASKED)[0].subject
    record_objection(news, (), subject=subject)
    assert suppression.is_suppressed(news.ledger, *ADA[0])
    subjects.forget_identifiers(news.ledger, subject)
    record_objection(news, (), subject=subject)


def test_a_subject_named_by_id_is_asked_about_with_their_addresses(news, clock):
    subject = record_consent(news, ADA, YES, ASKED)[0].subject
    clock.forward(seconds=10)
    other = ("email", "ada.work@example.org")
    record_objection(news, [other])
    assert may(news, (), "newsletter", channel="email", subject=subject).allowed
    subjects.add_identifier(news.ledger, subject, *other)
    assert may(news, (), "newsletter", channel="email", subject=subject).reason.code == "suppressed"


def test_a_no_is_refused_for_no_language(news):
    event = record_consent(news, ADA, NO, Asked("link", "sv"))[0]
    assert event.facts["language"] == news.policy.language
    with pytest.raises(NotAllowedError, match="not published in 'sv'"):
        record_consent(news, ADA, YES, Asked("web", "sv", form=FORM.interface_sha256))


def test_a_consent_that_is_renewed_meanwhile_does_not_end(news, clock):
    subject = record_consent(news, ADA, YES, ASKED)[0].subject
    seen = read.state(news.ledger, f"choices/{subject}")
    ended = {name: {**one, "until": "2026-11-24"} for name, one in seen.body["consents"].items()}
    stale = replace(seen, body={**seen.body, "consents": ended})
    record_consent(news, ADA, (Choice("newsletter", "renewed", "email"),), ASKED)
    assert end(news, stale, "2026-11-24") == 0
    assert code(news) == "consented"


def test_the_day_is_that_of_the_place_of_the_company(news, clock):
    until = record_consent(news, ADA, YES, ASKED)[0].facts["valid_until"]
    clock.now = datetime.fromisoformat(until).replace(tzinfo=UTC) - timedelta(minutes=30)
    assert code(news) == "expired"  # in Paris the day has begun


def test_another_form_under_the_same_hash_is_refused(news):
    assert record_form.record_form(news, FORM).facts["interface_sha256"] == FORM.interface_sha256
    for other in (
        replace(FORM, texts={"newsletter": TEXT}),
        replace(FORM, together=(("newsletter", "audience"),)),
    ):
        with pytest.raises(ConflictError, match="Another form was recorded under this hash"):
            record_form.record_form(news, other, happened=True)
