"""Each of the thirty questions: not answered while nothing is recorded, answered and changed by what happens."""

import re
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

import story
from reports import reported
from shop_project import opened, with_old_messages
from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, read, seal
from troth.ledger.past import Past
from troth.rules import question as rules
from troth.rules import question_store
from troth.rules.consent_form import Form
from troth.rules.event import Draft
from troth.work import (
    adopt_policy,
    carry_on,
    close_request,
    communicate,
    decide,
    disclose,
    hold,
    incident,
    inform,
    lift,
    mark,
    record_form,
    record_objection,
    record_scan,
    remind,
    restrict,
    show_document,
    sweep,
)
from troth.work import ask as asking
from troth.work.answer_paper import as_shown
from troth.work.answer_question import LOOK_UP, Narrowed, answer, look_at_what_must_be_none
from troth.work.audit import audit
from troth.work.audit_trend import nightly
from troth.work.check_authority import check_authority
from troth.work.look_up import Look
from troth.work.open_request import Acting
from troth.work.publish_policy import publish_policy
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.record_register import record_register

ADA = (("email", "ada@example.org"),)
PAGE = b"<form>Send me the newsletter</form>"
FORM = Form(
    "sign-up", "en", sha256(PAGE).hexdigest(), {"newsletter": sha256(b"Send me the newsletter").hexdigest()}
)
YES = (Choice("newsletter", "given", "email"),)
REGISTER = """
activity:
  shop:
    title: The shop
    purposes: [orders, accounts, newsletter, audience]
    owner: shop manager
    reviewed: 2026-11-01
    measures: [access by role]
  pay:
    title: Paying staff
    purposes: [payroll]
    owner: personnel
    reviewed: 2026-11-01
    measures: [access by role]
"""


def say(project, name, **more):
    """Answer a question; return the word for it and its lines."""
    language, reader = more.pop("language", "en"), more.pop("reader", "staff")
    redact = more.pop("redact", False)
    given = answer(project, name, Narrowed(**more), language=language, reader=reader, staff="dana")
    seen = as_shown(given, redact=redact)
    return seen.word, [dict(row) for row in seen.rows]


def sentence(project, name, **more):
    """Answer a question; return the sentence and the notes."""
    seen = as_shown(answer(project, name, Narrowed(**more), staff="dana"))
    return seen.sentence, seen.notes


def of_company(project, name, entity):
    """Answer a question of a company as if the policy had it."""
    asked = replace(answer(project, name).asked, entity=entity)
    return LOOK_UP[name](Look(project, Past(project.ledger), asked))


def refuse(project, number, claim="c1", article="Art. 15(4)"):
    decide.decide(project, number, claim, "refuse", "marie", article=article, reason="it is about others")
    decide.review(project, number, claim, "paul")
    decide.advise(project, number, claim, "dana", "I agree.")
    carry_on.carry_on(project, number)


def forge(project, kind_, number, by, payload=None, **facts):
    """Write an event that no rule of ours would have let through, as an import or another hand could."""
    stream = f"request/{number}"
    first = read.stream(project.ledger, stream)[0]
    draft = Draft(
        kind_, stream, facts, first.entity, by, first.subject, number, payload=payload
    )  # fmt: skip
    return append.append(project.ledger, [draft])[0]


def publish(project, clock):
    published = publish_policy(project.ledger, project.policy, None, clock().date())
    record_register(project)
    return published


def test_every_question_of_the_list_has_what_looks_it_up_and_none_has_more():
    assert list(LOOK_UP) == [one.name for one in rules.every()]
    assert [one.number for one in rules.every()] == list(range(1, 31))
    assert {one.number for one in rules.must_be_none()} == {5, 10, 14, 17, 23, 24}


FROM_FILES = {"processing", "activities-lacking", "processors", "controls"}
OF_A_DAY = ("processing", "transfers", "processors", "activities-lacking", "authority-letters")


def test_what_must_be_none_says_to_staff_alone_what_to_do_by_commands_that_there_are():
    commands = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
    assert {one.name for one in rules.must_be_none()} < {one.name for one in rules.every() if one.next}
    for one in rules.every():
        for said in one.next.values():
            for command in re.findall(r"`(troth [a-z -]+)", said):
                named = " ".join(word for word in command.split() if word[0] != "-")
                assert re.search(rf"^###? {named}$", commands, re.MULTILINE), (one.name, command)
        found = rules.Answer((), 3, wrong=1, late=1)
        asked = rules.Asked(date(2026, 12, 1), language="fr")
        assert (one.next.get("fr") in rules.shown(one, found, asked).notes) is bool(one.next)
        for reader in ("authority", "publication"):
            assert one.next.get("fr") not in rules.shown(one, found, replace(asked, reader=reader)).notes


def test_nothing_recorded_is_no_answer_and_never_none(project):
    needs = {"subject": {"subject": (("email", "nobody@example.org"),)}}
    for one in rules.every():
        if one.needs == "request":
            with pytest.raises(NotFoundError):
                say(project, one.name, number="2026-0001")
            continue
        word, rows = say(project, one.name, **needs.get(one.needs, {}))
        if one.name in FROM_FILES:  # the files themselves say that
            assert (one.name, word) in {(one.name, "answered"), (one.name, "broken")}
            assert rows
        else:
            assert (one.name, word) == (one.name, "unanswered")
            assert rows == [] or one.name == "recipients"  # whom the policy names is told all the same
    for name in OF_A_DAY:  # nothing was in force then
        assert say(project, name, until=date(2026, 1, 1)) == ("unanswered", [])
        assert (
            "lies in what was asked for (until 1 January 2026)."
            in sentence(project, name, until=date(2026, 1, 1))[0]
        )


def test_what_lies_outside_of_what_was_asked_for_is_never_denied(old, clock):
    """A period, a company, a category or a rule leaves nothing: that says nothing of the rest."""
    number = story.ask(old, "erase")
    story.grant_erasure(old, number)
    carry_on.carry_on(old, number)
    sweep.look(old)
    past = {"since": date(2026, 1, 1), "until": date(2026, 1, 31)}
    for one in rules.every():
        if one.needs:
            continue
        asked = rules.Asked(
            date(2026, 11, 23),
            "main-entity",
            "FR",
            *past.values(),
            category="order",
            rule="5/retention/customers",
        )
        seen = rules.shown(one, rules.Answer((), 0), asked)
        given = {"entity": "company main-entity", "jurisdiction": "law of FR", "category": "category order",
                 "rule": "rule 5/retention/customers", "period": "from 1 January 2026 to 31 January 2026"}  # fmt: skip
        for name, said in given.items():
            narrows = name in one.narrows
            assert (said in seen.sentence) is narrows, (one.name, name)
            not_by = asked.say("not_narrowed", what=asked.word(name))
            assert (not_by in seen.notes) is not narrows, (one.name, name)
        if one.narrows:
            for language in ("en", "fr"):
                why = rules.nothing(one, replace(asked, since=None, until=None, entity="", jurisdiction="", category="",
                                                 rule="", language=language))  # fmt: skip
                assert (
                    why
                    not in rules.shown(one, rules.Answer((), 0), replace(asked, language=language)).sentence
                )
    assert sentence(old, "times")[0] == "1 line, from 1 record."
    assert sentence(old, "times", **past)[0] == (
        "Not answered: no record of what this question looks at lies in what was asked for (from 1 January "
        "2026 to 31 January 2026). That is not the same as none, and says nothing of what was not asked for."
    )
    assert say(old, "deletions")[0] == "answered"
    assert "(rule 5/retention/customers)" in sentence(old, "deletions", rule="5/retention/customers")[0]
    assert sentence(old, "retention", category="order")[1] == (
        "Not recorded by category: this answer is not narrowed by it.",
    )


def test_letters_that_nobody_can_read_any_more_are_not_said_never_to_have_been_sent(project):
    found = rules.Answer((), 0, notes=("1 letters can no longer be read: their keys are destroyed.",))
    asking = rules.question("remedies")
    seen = rules.shown(asking, found, rules.Asked(date(2026, 12, 1)))
    assert "no refusal that can still be read was sent" in seen.sentence


@pytest.mark.parametrize("name", ["processing", "transfers", "processors"])
def test_what_changed_since_a_day_before_the_first_version_is_compared_with_the_first(
    project, folder, clock, name
):
    year = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}
    assert say(project, name, **year) == ("unanswered", [])  # nothing was ever in force
    publish(project, clock)
    clock.forward(days=2)
    (folder / "register" / "activities.yaml").write_text(REGISTER, "utf-8")
    again = opened(folder, clock)
    record_register(again)
    told, notes = sentence(again, name, **year)
    first = (
        "Compared with 23 November 2026, the day the first version of the policy came into force: on 1 January 2026 "
        "there was none."
    )
    assert first in notes
    if name == "processing":
        assert ("shop", "added") in [(row["reference"], row["what"]) for row in say(again, name, **year)[1]]
    assert first not in sentence(again, name, since=date(2026, 11, 24), until=date(2026, 12, 31))[1]
    if told.startswith("Not answered"):  # of transfers there are none
        assert sentence(again, name, since=date(2026, 1, 1))[0].startswith("Not answered")
    else:
        assert sentence(again, name, since=date(2026, 1, 1))[0] == told


def test_what_is_overdue_and_why(project, clock, letters):
    number = story.ask(project, "access")
    assert say(project, "overdue") == ("none", [])
    clock.forward(days=40)
    assert remind.remind(project)
    mark.explain_delay(project, number, "marie", "The archive was flooded.")
    word, (row,) = say(project, "overdue")
    assert word == "answered"
    assert (row["legal_due"], row["days_late"]) == ("2026-12-23", 10)
    assert (row["escalated"], row["reason"]) == ("2027-01-02", "The archive was flooded.")
    (hidden,) = say(project, "overdue", redact=True)[1]
    assert hidden["reason"] == "hidden"
    assert say(project, "overdue", since=date(2027, 1, 1))[0] == "unanswered"
    assert say(project, "overdue", until=date(2026, 12, 22))[0] == "unanswered"
    story.ask(project, "access", email="p1@example.org")  # is not late
    every = answer(project, "overdue", Narrowed(jurisdiction="EU")).answer  # reads every request
    assert answer(project, "overdue").answer == every
    here = str(project.policy.group.main_entity.key)
    assert answer(project, "overdue", Narrowed(here, since=date(2026, 1, 1))).answer == every
    assert (every.looked, every.late) == (2, 1)
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    assert answer(project, "overdue").answer == answer(project, "overdue", Narrowed(jurisdiction="EU")).answer
    size = answer(project, "overdue").size
    assert answer(project, "overdue", within=size).answer == answer(project, "overdue").answer
    (row,) = say(project, "overdue")[1]
    assert row["answered"] == "2027-01-02"


def test_how_soon_by_right_and_month_and_a_small_cell_is_for_an_authority_alone(project, clock):
    numbers = [story.ask(project, "access", email=f"p{one}@example.org") for one in range(5)]
    numbers.append(story.ask(project, "erase"))
    clock.forward(days=3)
    for number in numbers[:5]:
        story.grant_access(project, number)
        carry_on.carry_on(project, number)
    word, rows = say(project, "times", reader="authority")
    assert word == "answered"
    access, erase = rows
    assert (access["claims"], access["days_median"], access["days_p95"], access["in_time_percent"]) == (
        5,
        3,
        3,
        100.0,
    )
    assert (erase["claims"], erase["answered"]) == (1, 0)
    published = say(project, "times", reader="publication")[1]
    assert published[0]["claims"] == 5
    assert published[1]["claims"] == published[1]["days_median"] == "not shown"
    told = as_shown(answer(project, "times", reader="publication")).sentence
    assert told == "2 lines; from how many records is not shown."  # six less five would show the one
    assert say(project, "times", jurisdiction="DE")[0] == "unanswered"
    assert len(say(project, "times", jurisdiction="EU")[1]) == 2


def test_extensions_and_one_that_came_too_late_has_no_effect(project, clock):
    number = story.ask(project, "access")
    assert say(project, "extensions") == ("none", [])
    story.take_longer(project, number)
    (row,) = say(project, "extensions")[1]
    assert (row["reason_code"], row["in_time"], row["standing"]) == ("complexity", True, "valid")
    late = story.ask(project, "access", email="bob@example.org")
    clock.forward(days=45)
    forge(project, "clock_extended", late, "marie", reason="number", letter="l1")
    assert [(one["in_time"], one["standing"]) for one in say(project, "extensions")[1]] == [
        (True, "valid"), (False, "void"),
    ]  # fmt: skip


def test_refusals_with_article_reviewer_and_advice_and_fees_with_their_proof(project):
    number = story.ask(project, "access")
    assert say(project, "refusals")[0] == "unanswered"
    refuse(project, number)
    word, (row,) = say(project, "refusals")
    assert word == "answered"
    assert (row["outcome"], row["article"], row["proof"]) == ("refuse", "Art. 15(4)", False)
    assert (row["decided_by"], row["reviewed_by"], row["advised_by"], row["advice"]) == (
        "marie",
        "paul",
        "dana",
        "I agree.",
    )
    (hidden,) = say(project, "refusals", redact=True)[1]
    assert hidden["decided_by"] == ("staff 1",)
    assert hidden["reviewed_by"] == ("staff 2",)
    assert hidden["reason"] == hidden["advice"] == "hidden"
    other = story.ask(project, "access", email="bob@example.org")
    forge(
        project, "fee_moved", other, "marie", state="proposed", amount="20", currency="EUR",
        payload={"kind": "excessive", "facts": "the tenth in a month"},
    )  # fmt: skip
    rows = say(project, "refusals")[1]
    assert [(one["outcome"], one["proof"]) for one in rows] == [
        ("refuse", False),
        ("fee proposed: 20 EUR", True),
    ]


def test_a_refusal_without_the_ways_to_complain_must_be_none(project):
    number = story.ask(project, "access")
    refuse(project, number)
    assert say(project, "remedies") == ("none", [])
    forge(
        project, "letter_sent", number, "marie", letter="x", kind="refusal", sha256="0" * 64, channel="email",
        attempt=1, outcome="sent", payload={"subject": "No", "text": "We do not. Complain at www.cnil.fr."},
    )  # fmt: skip
    word, (row,) = say(project, "remedies")
    assert (word, row["lacks"]) == ("broken", ("the judicial remedy",))
    forge(
        project, "letter_sent", number, "marie", letter="y", kind="refusal", sha256="0" * 64, channel="email",
        attempt=1, outcome="sent", payload={"subject": "Non", "text": "Vous pouvez saisir un tribunal."},
    )  # fmt: skip
    assert say(project, "remedies")[1][1]["lacks"] == ("the complaint to an authority",)


def test_refusals_after_the_first_month_also_where_the_clock_was_extended(project, clock):
    number = story.ask(project, "access")
    story.take_longer(project, number)
    early = story.ask(project, "access", email="bob@example.org")
    refuse(project, early)
    assert say(project, "late-refusals") == ("none", [])
    clock.forward(days=50)
    refuse(project, number)
    (row,) = say(project, "late-refusals")[1]
    assert (row["request"], row["limit"], row["extended"]) == (number, "2026-12-23", True)
    assert row["days_late"] == 20


def test_how_often_identity_was_asked_and_when_copies_were_gone(project, clock):
    number = story.ask(project, "access")
    (row,) = say(project, "identity")[1]
    assert (row["asked"], row["documents"]) == (0, 0)
    asking.ask(
        project, number, "identity", "marie", doubt="two share it", asked="a document", enough="it names you"
    )
    show_document.take(project, number, b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    clock.forward(hours=5)
    show_document.look(project, number, "marie")
    show_document.let_go(project, number, "seen")
    (row,) = say(project, "identity")[1]
    assert (row["requests"], row["asked"], row["share_percent"]) == (1, 1, 100.0)
    assert (row["documents"], row["gone"], row["hours_median"]) == (1, 1, 5.0)
    (small,) = say(project, "identity", reader="publication")[1]
    assert small["asked"] == small["reasons"] == "not shown"


def test_one_request_end_to_end_is_verified_and_that_it_was_read_is_on_record(project):
    number = story.ask(project, "access", wording="canary-wording")
    word, rows = say(project, "request", number=number)
    assert word == "answered"
    assert (rows[0]["kind"], rows[0]["genuine"]) == ("request_received", True)
    assert "canary-wording" in rows[0]["said"]
    assert story.kinds(project, number)[-1] == "staff_read"
    more = say(project, "request", number=number, redact=True)[1]
    assert len(more) == len(rows) + 1
    assert more[0]["said"] == "hidden"
    assert "dana" not in str(more)
    with pytest.raises(NotAllowedError, match="Say which request"):
        say(project, "request")


def test_everything_on_one_person_is_read_and_kept_nowhere(project, rows):
    word, found = say(project, "subject", subject=ADA)
    assert word == "answered"
    held = {(row["place"], row["name"]): row["value"] for row in found if row["part"] == "held"}
    assert held["shop.customer", "name"] == "Ada Example"
    assert held["shop.message", "author"] == "hidden"  # whose it is is somebody else
    assert any(row["part"] == "received by" and row["place"] == "hosting" for row in found)
    inform.record(project, "ada@example.org", "employer", date(2026, 11, 20), "marie")
    disclose.disclose(
        project, ADA, disclose.Disclosure("hosting", ("contact",), "orders", date(2026, 11, 20), {"agreement": "DPA"}),
        staff="marie",
    )  # fmt: skip
    parts = {row["part"] for row in say(project, "subject", subject=ADA)[1]}
    assert parts == {"held", "came from", "received by", "disclosed to"}
    (seen, _) = read.events(project.ledger, kind="staff_read")
    assert {**seen.facts, "reason": ""} == {"staff": "dana", "screen": "ask/subject", "reason": ""}
    assert str(seen.facts["reason"]).startswith("asked for 1:")  # whom the ledger knows by no request
    assert {row["value"] for row in say(project, "subject", subject=ADA, redact=True)[1]} <= {"hidden", ""}
    with pytest.raises(NotAllowedError, match="Say of whom"):
        say(project, "subject")


def test_marketing_after_a_no_must_be_none_and_how_soon_a_no_counts(project, clock):
    communicate.sent(project, "eve@example.org", "newsletter")
    assert say(project, "marketing-after-no") == ("none", [])
    at = clock.now
    clock.forward(seconds=90)
    record_objection.record_objection(project, ADA, said_at=at, method="phone")
    clock.forward(days=1)
    communicate.sent(project, "ada@example.org", "newsletter")
    word, (row,) = say(project, "marketing-after-no")
    assert (word, row["no"], row["purpose"]) == ("broken", "objected", "newsletter")
    notes = answer(project, "marketing-after-no").answer.notes
    assert notes == (
        "A no took effect, by when it was said: median 90 s, 95% within 90 s, at most 90 s (1 of them).",
    )


@pytest.fixture
def consented(project):
    record_form.record_form(project, FORM, PAGE)
    record_consent(project, ADA, YES, Asked("web", "en", form=FORM.interface_sha256))
    return project


def test_proof_of_consent_shows_what_was_seen_and_what_stood_on_the_day(consented, clock):
    word, (row,) = say(consented, "proof-of-consent", subject=ADA)
    assert word == "answered"
    assert (row["purpose"], row["said_word"], row["stands"], row["proven"]) == (
        "newsletter",
        "given",
        True,
        True,
    )
    assert (row["form"], row["evidence"]) == ("sign-up", "kept, and is what was recorded")
    assert row["interface_sha256"] == FORM.interface_sha256
    clock.forward(days=10)
    record_consent(consented, ADA, (Choice("newsletter", "withdrawn", "email"),), Asked("web", "en"))
    assert [one["stands"] for one in say(consented, "proof-of-consent", subject=ADA)[1]] == [False, False]
    then = say(consented, "proof-of-consent", subject=ADA, until=date(2026, 11, 25))[1]
    assert [one["stands"] for one in then] == [True]
    assert say(consented, "proof-of-consent", subject=(("email", "eve@example.org"),))[0] == "unanswered"


def test_consents_by_purpose_and_version_and_whether_taking_back_is_as_easy(consented, clock):
    (row,) = say(consented, "consents")[1]
    assert (row["purpose"], row["policy_version"], row["given"], row["proven"]) == (
        "newsletter",
        "0.1.0",
        1,
        1,
    )
    assert row["ease"] == "as easy as giving"
    for number in range(9):
        who = (("email", f"p{number}@example.org"),)
        record_consent(consented, who, (Choice("newsletter", "refused", "email"),), Asked("web", "en"))
    hard = replace(FORM, interface_sha256="1" * 64, clicks_to_withdraw=3)
    record_form.record_form(consented, hard, b"", happened=True)
    (row,) = say(consented, "consents")[1]
    assert (row["said_total"], row["refused"]) == (10, 9)
    assert row["ease"] == "taking back is harder than giving"
    (small,) = say(consented, "consents", reader="publication")[1]
    assert (small["said_total"], small["given"], small["refused"]) == (10, "not shown", "not shown")


def test_the_register_as_of_a_day_and_what_changed(project, folder, clock):
    publish(project, clock)
    clock.forward(days=2)
    (folder / "register" / "activities.yaml").write_text(REGISTER, "utf-8")
    again = opened(folder, clock)
    record_register(again)
    then = say(again, "processing", until=date(2026, 11, 24))[1]
    assert "shop" not in [row["reference"][0] for row in then]
    assert "shop" in [row["reference"][0] for row in say(again, "processing")[1]]
    changed = say(again, "processing", since=date(2026, 11, 24), until=date(2026, 11, 25))[1]
    assert ("shop", "added") in [(row["reference"], row["what"]) for row in changed]
    assert {row["dpo"] for row in say(again, "processing", redact=True)[1]} == {"hidden"}


def test_activities_without_basis_retention_or_review_must_be_none(project, folder, clock):
    word, rows = say(project, "activities-lacking")
    assert word == "broken"
    assert {row["lacks"] for row in rows} == {("never reviewed",)}
    (folder / "register" / "activities.yaml").write_text(REGISTER, "utf-8")
    assert say(opened(folder, clock), "activities-lacking") == ("none", [])
    clock.forward(days=400)
    rows = say(opened(folder, clock), "activities-lacking")[1]
    assert [row["lacks"] for row in rows] == [("review overdue since 1 November 2027",)] * 2
    policy = folder / "policy.md"
    policy.write_text(policy.read_text("utf-8").replace("    retention: [prospects]\n", ""), "utf-8")
    assert "no retention: newsletter" in say(opened(folder, clock), "activities-lacking")[1][0]["lacks"]


@pytest.fixture
def old(folder, clock):
    """A shop whose messages are bound to a promise of three years, ten of them older."""
    with_old_messages(folder)
    made = opened(folder, clock)
    yield made
    made.close()


def test_what_is_past_its_retention_and_which_holds_stand(old):
    word, (row,) = say(old, "retention")
    assert (word, row["rows"], row["measured_on"]) == ("unanswered", None, "never counted")
    sweep.look(old)
    (row,) = say(old, "retention")[1]
    assert (row["rows"], row["oldest"], row["place"]) == (10, "2020-01-01", "shop.message")
    hold.place(old, "a trial", "our defence", date(2027, 3, 1), "marie", what=["shop"])
    rows = say(old, "retention")[1]
    assert [(one["what"], one["review_overdue"]) for one in rows] == [("rule", None), ("hold", False)]
    assert [one["owner"] for one in rows] == ["", "marie"]


def test_what_shows_that_data_went_with_the_backups(old, clock):
    number = story.ask(old, "erase")
    story.grant_erasure(old, number)
    carry_on.carry_on(old, number)
    rows = say(old, "deletions")[1]
    shop = next(row for row in rows if row["place"] == "shop")
    assert (shop["what"], shop["remaining"], shop["copies"]) == ("erasure", 0, 0)
    assert shop["backups_until"] == "2026-12-28"
    sweep.look(old)
    sweep.mark(old, staff="marie")
    clock.forward(days=8)
    assert [one.rows for one in sweep.act(old)] == [10]
    rule = "5/retention/customers"
    assert len(say(old, "deletions")[1]) == len(rows) + 1
    (swept,) = say(old, "deletions", rule=rule)[1]
    assert (swept["what"], swept["rows"], swept["remaining"], swept["backups_until"]) == (
        "sweep",
        10,
        0,
        "2027-01-05",
    )
    assert say(old, "deletions", since=date(2027, 1, 1))[0] == "unanswered"
    ours = of_company(old, "deletions", "main-entity")
    assert [row["event"] for row in ours.rows] == [row["event"] for row in say(old, "deletions")[1]]
    assert ours.notes == ()
    assert of_company(old, "deletions", "other") == rules.Answer((), 0)
    expired = {
        "state": "acted",
        "rule": "versions_expire",
        "rule_version": "2026-12-01",
        "run": "a",
        "rows": 3,
    }
    append.append(old.ledger, [Draft("sweep_moved", "versions/shop", expired)])
    assert say(old, "deletions", rule="versions_expire")[1][0]["place"] == "shop"


def disclosed(project, recipient, categories=("contact",), **more):
    made = disclose.Disclosure(recipient, categories, "orders", date(2026, 11, 20), {"agreement": "DPA"})
    return disclose.disclose(project, ADA, made, staff="marie", **more)


def test_who_receives_a_category_and_what_went_outside_must_be_none(project):
    assert {row["recipient"] for row in say(project, "recipients", category="usage")[1]} == {"Hosting"}
    disclosed(project, "hosting")
    word, rows = say(project, "recipients")
    assert word == "none"
    assert {row["recipient"]: row["disclosures"] for row in rows} == {"Hosting": 1, "Tax office": 0}
    disclosed(project, "somebody", happened=True)
    word, rows = say(project, "recipients")
    assert (word, rows[-1]["recipient"], rows[-1]["outside"]) == ("broken", "unnamed", True)
    assert say(project, "recipients", category="order")[0] == "unanswered"
    with pytest.raises(NotAllowedError, match="no category"):
        say(project, "recipients", category="weight")


def test_which_recipients_were_told_and_a_granted_claim_that_told_none(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    (row,) = say(project, "recipients-told")[1]
    assert (row["outcome"], row["recipient"]) == ("not told", "")
    carry_on.carry_on(project, number)
    rows = say(project, "recipients-told")[1]
    assert "not told" not in {row["outcome"] for row in rows}
    assert ("tax-office", "told") in {(row["recipient"], row["outcome"]) for row in rows}


TRANSFER = """
  support:
    title: {en: Support, fr: Assistance}
    class: processor
    role: processor
    does: {en: answers you, fr: vous répond}
    named:
      desk: {name: Desk Inc, country: US}
    requires: [agreement]
    transfers: [to-the-desk]
    notify: {by: itself}
  tax-office:"""
CLAUSES = """
transfer:
  to-the-desk:
    country: US
    recipient: support
    mechanism: standard_clauses
    module: "2"
    signed: 2024-05-03
    assessed: 2026-05-03
    categories: [contact]
    copy_from: {en: our office, fr: notre bureau}
"""


def test_transfers_and_processors_with_what_does_not_hold(project, folder, clock):
    assert [row["lacks"] for row in say(project, "processors")[1]] == [
        ("no contract is on record (Art. 28(3), (9))",)
    ]
    policy = folder / "policy.md"
    policy.write_text(policy.read_text("utf-8").replace("\n  tax-office:", TRANSFER, 1), "utf-8")
    (folder / "register" / "transfers.yaml").write_text(CLAUSES, "utf-8")
    made = opened(folder, clock)
    word, (row,) = say(made, "transfers")
    assert (word, row["lacks"]) == ("answered", ())
    assert row["assessed"] == ("2026-05-03",)
    clock.forward(days=300)
    assert "more than twelve months ago" in say(opened(folder, clock), "transfers")[1][0]["lacks"][0]
    assert len(say(made, "processors")[1]) == 2


def test_breaches_with_their_hours_and_who_was_not_told_and_why(project, clock):
    number = incident.report(project, "a laptop was stolen", "marie").number
    assert say(project, "breaches") == ("none", [])
    incident.certain(project, number, "Dana Doe", project.clock(), "the log shows it", "marie")
    assert answer(project, "breaches").answer.late == 0
    clock.forward(hours=80)
    incident.assess(project, number, "high", "many", "marie", types=["confidentiality"], people=2, records=4)
    assert answer(project, "breaches").answer.late == 1  # the hours ended today, and nobody told it
    (row,) = say(project, "breaches")[1]
    assert (row["hours"], row["in_time"], row["certain_by"]) == (None, None, "Dana Doe")
    incident.told_authority(
        project, number, project.clock(), "CNIL 12", "marie", because="The log came late."
    )
    assert answer(project, "breaches").answer.late == 1  # told, and too late
    incident.exempt(project, number, "unintelligible", "the disk is encrypted", "marie")
    (row,) = say(project, "breaches", redact=True)[1]
    assert (row["hours"], row["in_time"], row["late_because"]) == (80.0, False, "hidden")
    assert row["people_not_told_because"] == "GDPR Art. 34(3)(a)"
    assert row["certain_by"] == ("staff 1",)


def test_when_people_were_told_of_data_from_others(project, clock):
    inform.record(project, "eve@example.org", "employer", date(2026, 11, 20), "marie")
    (row,) = say(project, "indirect-notices")[1]
    assert (row["obtained"], row["late"], row["status"]) == ("2026-11-20", False, "owed")
    clock.forward(days=60)
    assert say(project, "indirect-notices")[1][0]["late"] is True
    inform.tell(project, row["notice"])
    (row,) = say(project, "indirect-notices")[1]
    assert (row["status"], row["told_on"], row["late"]) == ("told", "2027-01-22", True)


def test_first_messages_without_the_separate_notice_must_be_none(project):
    due = communicate.ask(project, "eve@example.org", "newsletter")
    communicate.sent(project, "eve@example.org", "newsletter", token=due.notice.token)
    assert say(project, "first-communications") == ("none", [])
    communicate.sent(project, "ada@example.org", "newsletter")
    word, (row,) = say(project, "first-communications")
    assert (word, row["lacks"]) == ("broken", ("object_marketing", "object"))


@pytest.fixture
def restricted(folder, clock):
    path = folder / "stores" / "shop.yaml"
    columns = "    columns: {id: key, email: contact, name: identity, city: contact}\n"
    path.write_text(
        path.read_text("utf-8").replace(columns, columns + "    restriction: {set_aside: [name, city]}\n"),
        "utf-8",
    )
    made = opened(folder, clock)
    found = restrict.measure(made, ADA, "accuracy")
    restrict.approve(made, found.name, found.state["plan"]["sha256"], "paul")
    restrict.restrict(made, found.name)
    yield made, found.name
    made.close()


def test_restrictions_that_stand_and_lifting_without_notice_must_be_none(restricted, clock):
    project, name = restricted
    word, (row,) = say(project, "restrictions")
    assert (word, row["restriction"], row["ground"]) == ("none", name, "accuracy")
    clock.forward(days=30)
    lift.lift(project, name, date(2026, 12, 1), "marie")
    (row,) = say(project, "restrictions")[1]
    assert (row["status"], row["told_on"], row["lifted_on"], row["untold"]) == (
        "lifted",
        "2026-12-01",
        "2026-12-23",
        False,
    )
    facts = {"claim": "other", "state": "active", "ground": "claims"}
    stream = "restriction/other"
    append.append(project.ledger, [Draft("restriction_moved", stream, facts)])
    append.append(project.ledger, [Draft("restriction_moved", stream, facts | {"state": "lifted"})])
    word, rows = say(project, "restrictions")
    assert word == "broken"
    assert [one["restriction"] for one in rows if one["untold"]] == ["other"]
    number = story.ask(project, "restrict", email="eve@example.org")
    by_request = {
        "restriction": {"name": "other", "on": "2026-12-23", "ground": "claims"},
        "right": "restrict",
        "outcome": "grant",
    }
    led = {"id": number, "entity": "main-entity", "jurisdiction": "FR", "claims": {"c1": by_request}}
    past = Past(project.ledger)
    moved, states = list(past.events("restriction_moved")), past.states("restriction")
    for entity, jurisdiction, wrong, count in (
        ("main-entity", "", 1, 2),
        ("other", "", 0, 1),
        ("", "FR", 1, 2),
        ("", "DE", 0, 1),
    ):
        asked = rules.Asked(date(2026, 12, 23), entity, jurisdiction)
        found = question_store.restrictions(moved, states, [led], asked)
        assert (found.wrong, len(found.rows)) == (
            wrong,
            count,
        )  # the one by hand names no company, and counts with each
        assert found.notes == (asked.say("of_group", count=1),)


def test_a_restriction_that_ends_with_its_claim_is_told_with_the_day_of_the_answer(project, clock, code):
    """It has no name, as it stood in no store: the request alone says so."""
    refused = story.ask(project, "restrict", because="accuracy", email="eve@example.org")
    withdrawn = story.ask(project, "restrict", because="accuracy", email="zoe@example.org")
    both = story.ask(project, "restrict", "access", because="accuracy", email="tom@example.org")
    clock.forward(days=1)
    decide.decide(project, refused, "c1", "refuse", "marie", article="Art. 18(1)(a)", reason="It was right.")
    decide.review(project, refused, "c1", "paul")
    assert {row["status"] for row in say(project, "restrictions")[1]} == {"provisional"}
    clock.forward(days=1)
    carry_on.carry_on(project, refused)
    close_request.withdraw(project, withdrawn)
    close_request.narrow(project, both, "c1")
    word, rows = say(project, "restrictions")
    told = {row["request"]: (row["status"], row["since"], row["told_on"], row["lifted_on"]) for row in rows}
    assert word == "none"
    assert told == dict.fromkeys(
        (refused, withdrawn, both), ("lifted", "2026-11-23", "2026-11-25", "2026-11-25")
    )


def test_what_sites_store_against_the_table(project, clock):
    record_scan.record(project, reported(project))
    assert {row["verdict"] for row in say(project, "trackers")[1]} == {"Declared, never seen"}
    clock.forward(days=1)
    record_scan.record(project, reported(project, "visits", "stranger"))
    rows = say(project, "trackers")[1]
    assert {"visits", "stranger"} <= {row["name"] for row in rows}
    assert {row["on"] for row in rows} == {"2026-11-24"}
    before = say(project, "trackers", until=date(2026, 11, 23))[1]
    assert {row["on"] for row in before} == {"2026-11-23"}


def test_the_version_in_force_by_company_and_language_with_what_the_check_finds(project, clock):
    publish(project, clock)
    word, rows = say(project, "policy")
    assert word == "answered"
    assert {(row["language"], row["entity"], row["adopted_on"]) for row in rows} == {
        ("en", "main-entity", ""), ("fr", "main-entity", ""),
    }  # fmt: skip
    assert {row["errors"] for row in rows} == {0}
    adopt_policy.adopt(project, "main-entity", "the board")
    assert {row["adopted_on"] for row in say(project, "policy")[1]} == {"2026-11-23"}
    assert say(project, "policy", until=date(2026, 11, 1))[0] == "unanswered"


def test_which_control_checks_each_promise_and_what_it_last_said(project):
    rows = say(project, "controls")[1]
    assert {row["verdict"] for row in rows} == {"unproven"}
    assert all(row["control"] for row in rows)
    audit(project)
    rows = say(project, "controls")[1]
    assert {row["verdict"] for row in rows} >= {"kept", "unproven"}
    assert {row["on"] for row in rows} == {"2026-11-23"}


def test_who_opened_files_and_whose_hands_were_where_they_may_not_be(project):
    number = story.ask(project, "access")
    story.grant_access(project, number)
    word, rows = say(project, "staff-access")
    assert word == "answered"
    assert {(row["what"], row["staff"], row["screen"]) for row in rows} == {("opened", "marie", "package/c1")}
    other = story.ask(project, "access", email="bob@example.org")
    forge(project, "claim_decided", other, "marie", claim="c1", outcome="refuse", ground=None, staff="marie")
    forge(project, "decision_reviewed", other, "marie", claim="c1", outcome="confirm", staff="marie")
    forge(project, "dpo_advised", other, "marie", claim="c1", outcome="advised", staff="marie")
    found = answer(project, "staff-access")
    assert found.answer.wrong == 2
    assert "2 decisions break the separation of duties." in found.answer.notes
    assert "marie" not in str(say(project, "staff-access", redact=True)[1])


def test_requests_for_somebody_else_and_consents_of_minors(consented):
    acting = Acting("agent", "Ada Example", "ada@example.org")
    number = story.ask(consented, "access", email="agent@claims.example", acting=acting)
    word, (row,) = say(consented, "minors-and-agents")
    assert (word, row["acting"], row["verified"], row["outcome"]) == (
        "answered",
        "agent",
        False,
        ("access: open",),
    )
    check_authority(consented, number, "marie", "a mandate", sufficient=True, receives=True)
    record_consent(
        consented, (("email", "kid@example.org"),), YES,
        Asked("web", "en", form=FORM.interface_sha256, age=12, country="FR", guardian="the mother"),
    )  # fmt: skip
    rows = say(consented, "minors-and-agents")[1]
    assert [(one["acting"], one["verified"]) for one in rows] == [("agent", True), ("guardian", True)]


LETTER = """
document:
  cnil-letter:
    type: authority_letter
    title: {en: The letter of 10 November, fr: La lettre du 10 novembre}
    dated: 2026-11-10
    answer_by: 2026-12-10
"""


def test_letters_of_authorities_and_complaints_with_their_deadlines(project, folder, clock):
    number = story.ask(project, "access")
    mark.mark(project, number, "sa_complaint", "marie", note="reference 12")
    (row,) = say(project, "authority-letters")[1]
    assert (row["what"], row["reference"], row["status"]) == ("complaint about a request", number, "open")
    (folder / "register" / "letters.yaml").write_text(LETTER, "utf-8")
    assert say(opened(folder, clock), "authority-letters")[1][0]["status"] == "open"
    clock.forward(days=20)
    late = say(opened(folder, clock), "authority-letters")[1][0]
    assert (late["answer_by"], late["status"]) == ("2026-12-10", "late")


def test_an_answer_names_its_checkpoint_and_says_it_in_french(project):
    story.ask(project, "access")
    given = answer(project, "overdue", language="fr")
    checkpoint = seal.checkpoint(project.ledger)
    assert (given.size, given.root, given.unsealed) == (checkpoint.size, checkpoint.root.hex(), 0)
    assert given.root in given.sealed
    assert as_shown(given).sentence == "Aucun, sur 1 examiné."


def test_that_somebody_looked_is_sealed_with_all_else(project):
    number = story.ask(project, "access")
    for name, more in (
        ("request", {"number": number}),
        ("subject", {"subject": ADA}),
        ("proof-of-consent", {"subject": ADA}),
    ):
        before = len(list(read.events(project.ledger, kind="staff_read")))
        given = answer(project, name, Narrowed(**more), staff="dana")
        assert len(list(read.events(project.ledger, kind="staff_read"))) == before + 1
        assert given.unsealed == 0
        assert given.size == len(list(read.events(project.ledger)))


def test_an_answer_from_a_checkpoint_stays_what_it_was(project):
    number = story.ask(project, "access")
    size = seal.seal_all(project.ledger).size
    refuse(project, number)
    then = answer(project, "refusals", within=size)
    assert (then.answer.rows, then.size, then.unsealed) == ((), size, 0)
    assert len(answer(project, "refusals").answer.rows) == 1
    assert answer(project, "times", within=size).answer.rows[0]["refused"] == 0


def test_a_publication_shows_no_single_case(project, clock):
    story.ask(project, "access")
    clock.forward(days=40)
    given = answer(project, "overdue", reader="publication")
    seen = as_shown(given)
    assert seen.rows == ()
    assert "fewer than 5 cases" in seen.notes[0]
    assert len(as_shown(answer(project, "overdue", reader="authority")).rows) == 1


def test_what_is_not_recorded_by_company_is_said_so(project):
    given = answer(project, "indirect-notices", Narrowed(entity="main-entity"))
    assert as_shown(given).notes == ("Not recorded by company: this answer is not narrowed by it.",)


def test_what_must_be_none_is_looked_at_every_night_and_told_while_it_is_not(project, clock, letters):
    publish(project, clock)
    communicate.sent(project, "ada@example.org", "newsletter")
    clock.forward(hours=1)
    assert nightly(project)
    found = {
        one.facts["promise"]: one.facts["verdict"] for one in read.events(project.ledger, kind="control_ran")
    }
    assert found["ask/first-communications"] == "broken"
    assert found["ask/remedies"] == "unproven"
    assert len([name for name in found if name.startswith("ask/")]) == 6
    for _ in range(2):
        clock.forward(days=1)
        assert remind.remind(project)
        assert "Must be none and is not: first-communications" in letters()[-1][2]


def test_asking_what_must_be_none_records_no_more_than_the_six(project):
    assert len(look_at_what_must_be_none(project)) == 6


def test_there_is_no_such_question_or_company(project):
    with pytest.raises(NotFoundError, match="There is no question 'overdu'\\. Did you mean `overdue`"):
        answer(project, "overdu")
    with pytest.raises(NotAllowedError, match="no company"):
        answer(project, "overdue", Narrowed(entity="other"))
