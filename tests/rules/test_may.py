"""May this be done with somebody: every reason, from values alone."""

from dataclasses import replace
from datetime import date

import pytest

from troth.policy.loading import load
from troth.policy.starting import project_files
from troth.rules import may as rules
from troth.rules import purpose_scope
from troth.rules.consent import NOBODY, Consent, Objection, Restriction, Standing
from troth.rules.may import Known, Question, sentence

DAY = date(2026, 11, 23)
NEWS = ("newsletter", "main-entity", "email")
ALL_NEWS = ("newsletter", "main-entity", "*")
BROADER = """
```promise
purpose:
  outreach:
    does: {en: tell you about us, fr: vous parler de nous}
    legal_basis: consent
    marketing: true
    channels: [email]
    categories: [identity, contact]
    recipients: [hosting]
  sport-news:
    does: {en: send you sport news, fr: vous adresser des nouvelles du sport}
    legal_basis: consent
    broader: outreach
    channels: [email]
    marketing: true
    categories: [contact]
    recipients: [hosting]
  letters:
    does: {en: write to shopkeepers, fr: écrire aux commerçants}
    legal_basis: legitimate_interests
    interest: {en: being known, fr: se faire connaître}
    marketing: true
    channels: [email, phone, post]
    categories: [contact]
```
"""


def policy(more="", old="", new=""):
    texts = project_files("shop", DAY)
    written = {name: text for name, text in texts.items() if name.endswith((".md", ".yaml"))}
    written = {name: text for name, text in written.items() if name.startswith(("policy", "register/"))}
    written["policy.md"] = written["policy.md"].replace("## 6 Your rights", f"{more}\n\n## 6 Your rights")
    assert not old or old in written["policy.md"]
    written["policy.md"] = written["policy.md"].replace(old, new) if old else written["policy.md"]
    loaded, problems = load(written)
    assert loaded is not None, problems
    return loaded


POLICY = policy(BROADER)
SCOPES = {one.imprint: one for one in (purpose_scope.scope(POLICY, name) for name in POLICY.purposes)}
KNOWN = Known(POLICY, SCOPES, {("main-entity", channel) for channel in ("email", "phone", "post")})


def imprint(name):
    return purpose_scope.scope(POLICY, name).imprint


def given(purpose="newsletter", said="given", at="2026-11-01T10:00:00.000000+00:00", **more):
    facts = {"proven": True, "age": "alone", "scope": imprint(purpose), "event": "E1"} | more
    return Consent(said, at, facts.pop("event"), **facts)


def asked(purpose="newsletter", channel="email", **more):
    return Question(purpose, "main-entity", DAY, channel, **more)


def answer(standing, question=None, known=KNOWN, **more):
    return rules.may(known, standing, question or asked(), **more)


def yes(**more):
    return Standing({NEWS: given(**more)}, {})


def code(*args, **more):
    return answer(*args, **more).reason.code


def test_a_proven_consent_is_a_yes_that_names_its_event_and_clause():
    found = answer(yes(until=date(2028, 11, 1)))
    assert found.allowed
    assert (found.reason.event, found.reason.clause) == ("E1", POLICY.purposes["newsletter"].clause)
    assert sentence(found.reason, "en") == (
        f"Yes: they consented on 2026-11-01, until 2028-11-01 (GDPR Art. 6(1)(a), clause {found.reason.clause})."
    )
    assert sentence(found.reason, "fr").startswith(
        "Oui : consentement donné le 2026-11-01, jusqu’au 2028-11-01"
    )


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (NOBODY, "no_consent"),
        (yes(said="refused"), "refused"),
        (yes(said="withdrawn"), "withdrawn"),
        (yes(said="expired"), "expired"),
        (yes(until=DAY), "expired"),
        (yes(proven=False), "unproven"),
        (yes(age="minor"), "minor"),
        (yes(age="guardian"), "consented"),
        (yes(scope=None), "scope_unknown"),
        (replace(yes(), restrictions=(Restriction("r", "a", "2026-11-02"),)), "restricted"),
        (replace(yes(), restrictions=(Restriction("r", "d", "2026-11-02", ("audience",)),)), "consented"),
        (replace(yes(), erased_on="2026-11-02"), "erased"),
        (replace(yes(), erased_on="2026-10-02"), "consented"),
        (Standing({ALL_NEWS: given()}, {}), "consented"),
        (Standing({("newsletter", "main-entity", "phone"): given()}, {}), "no_consent"),
        (Standing({ALL_NEWS: given(), NEWS: given(said="withdrawn")}, {}), "withdrawn"),
        (Standing({ALL_NEWS: given(said="withdrawn"), NEWS: given(at="2026-11-02T00")}, {}), "consented"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_state_of_a_consent_has_its_answer(standing, expected):
    assert code(standing) == expected


def test_the_day_before_it_ends_is_a_yes():
    assert code(yes(until=date(2026, 11, 24))) == "consented"


def test_a_purpose_that_grew_needs_a_new_consent_and_one_that_shrank_does_not():
    then = purpose_scope.scope(POLICY, "newsletter")
    smaller = replace(then, recipients=())
    larger = replace(then, recipients=(*then.recipients, "broker (marketing)"))
    known = replace(KNOWN, scopes={smaller.imprint: smaller, larger.imprint: larger})
    found = answer(yes(scope=smaller.imprint), known=known)
    assert found.reason.code == "grown"
    assert "hosting (processor)" in sentence(found.reason, "en")
    assert code(yes(scope=larger.imprint), known=known) == "consented"


def test_an_objection_to_marketing_is_absolute_until_a_later_proven_yes_to_the_same_purpose():
    objection = Objection(marketing=True, at="2026-11-05T10", event="O1")
    for topic in (("*", "*", "*"), ("newsletter", "*", "email"), ("newsletter", "main-entity", "*")):
        assert code(Standing({NEWS: given()}, {topic: objection})) == "objected_marketing", topic
        assert code(Standing({NEWS: given(at="2026-11-06")}, {topic: objection})) == "consented", topic
        assert (
            code(Standing({NEWS: given(at="2026-11-06", proven=False)}, {topic: objection})) != "consented"
        ), topic
    for topic in (("newsletter", "*", "phone"), ("audience", "*", "*")):
        assert code(Standing({NEWS: given()}, {topic: objection})) == "consented", topic


def test_a_suppressed_address_is_a_no_whoever_it_belongs_to_now():
    assert code(NOBODY, suppressed="2026-11-05T10") == "suppressed"
    assert code(yes(), suppressed="2026-11-05T10") == "suppressed"
    assert code(yes(at="2026-11-06"), suppressed="2026-11-05T10") == "consented"
    assert code(yes(at="2026-11-06", proven=False), suppressed="2026-11-05T10") == "suppressed"


def test_no_marketing_goes_out_before_earlier_refusals_are_known_for_the_channel():
    nothing = replace(KNOWN, refusals=set())
    assert code(yes(), known=nothing) == "refusals_unknown"
    assert code(yes(), known=replace(KNOWN, refusals={("main-entity", "phone")})) == "refusals_unknown"
    assert code(yes(), known=replace(KNOWN, refusals={("main-entity", "*")})) == "consented"
    assert code(NOBODY, asked("orders", None), nothing) == "contract"


def test_a_no_to_the_broader_purpose_is_a_no_to_the_narrower_and_a_yes_only_if_it_was_part_of_it():
    above, below = ("outreach", "main-entity", "*"), ("sport-news", "main-entity", "*")
    question = asked("sport-news")
    assert code(Standing({above: given("outreach")}, {}), question) == "consented"
    assert (
        code(Standing({above: given("outreach", said="withdrawn"), below: given("sport-news")}, {}), question)
        == "withdrawn"
    )
    later = given("sport-news", at="2026-11-02")
    assert (
        code(Standing({above: given("outreach", said="withdrawn"), below: later}, {}), question)
        == "consented"
    )
    alone = replace(purpose_scope.scope(POLICY, "outreach"), narrower=())
    known = replace(KNOWN, scopes={alone.imprint: alone})
    assert code(Standing({above: given("outreach", scope=alone.imprint)}, {}), question, known) == "grown"


@pytest.mark.parametrize(
    ("channel", "addressee", "on", "expected"),
    [
        ("email", "consumer", DAY, "no_consent_channel"),
        ("email", "customer", DAY, "opt_out"),
        ("email", "professional", DAY, "opt_out"),
        ("post", "consumer", DAY, "opt_out"),
        ("phone", "consumer", date(2026, 8, 10), "opt_out"),
        ("phone", "consumer", date(2026, 8, 11), "no_consent_channel"),
        ("phone", "professional", DAY, "opt_out"),
    ],
)
def test_marketing_on_a_legitimate_interest_needs_what_the_law_of_its_channel_asks(
    channel, addressee, on, expected
):
    question = Question("letters", "main-entity", on, channel, addressee, "FR")
    assert code(NOBODY, question) == expected


def test_a_refusal_stands_also_where_no_consent_was_needed():
    standing = Standing({("letters", "*", "*"): given("letters", said="refused")}, {})
    assert code(standing, Question("letters", "main-entity", DAY, "post")) == "refused"


def test_without_a_channel_every_channel_must_be_a_yes():
    assert code(NOBODY, Question("letters", "main-entity", DAY, None, "professional", "FR")) == "opt_out"
    assert (
        code(NOBODY, Question("letters", "main-entity", DAY, None, "consumer", "FR")) == "no_consent_channel"
    )


def test_contract_and_duty_go_on_and_restriction_stops_the_contract_alone():
    restricted = replace(NOBODY, restrictions=(Restriction("r", "a", "2026-11-02"),))
    assert code(NOBODY, asked("orders", None)) == "contract"
    assert code(restricted, asked("orders", None)) == "restricted"
    assert code(NOBODY, asked("accounts", None)) == "legal_obligation"
    assert code(restricted, asked("accounts", None)) == "legal_obligation"


def test_what_the_policy_does_not_say_is_a_no():
    assert code(NOBODY, asked("world-domination")) == "unknown_purpose"
    assert code(yes(), asked(channel="phone")) == "unknown_channel"
    assert code(yes(), asked(other_basis=True)) == "basis_unknown"


def test_retention_that_has_run_out_is_a_no():
    since = (("prospects", date(2023, 11, 23)),)
    assert code(yes(), asked(since=since)) == "retention_over"
    assert code(yes(), asked(since=(("prospects", date(2023, 11, 24)),))) == "consented"


def test_every_reason_has_a_sentence_in_both_languages():
    words = rules._words()
    assert set(words["en"]) == set(words["fr"])
    for code_, text in words["en"].items():
        gaps = set(text.split("{")[1:])
        assert gaps == gaps
        assert {part.split("}")[0] for part in gaps} == {
            part.split("}")[0] for part in words["fr"][code_].split("{")[1:]
        }, code_


def test_a_purpose_that_is_part_of_itself_is_told():
    with pytest.raises(AssertionError, match="part of itself"):
        policy(BROADER.replace("  outreach:\n", "  outreach:\n    broader: sport-news\n"))


def test_marketing_that_names_no_channel_is_held_to_what_the_law_says_of_each():
    plain = policy(BROADER.replace("    channels: [email, phone, post]\n", ""))
    known = Known(plain, {}, {("main-entity", "*")})
    assert code(NOBODY, asked("letters", None), known) == "no_consent_channel"
    assert code(NOBODY, asked("letters", "email"), known) == "no_consent_channel"
    assert code(NOBODY, asked("letters", "post"), known) == "opt_out"


def test_an_objection_to_what_rests_on_consent_takes_it_back_until_a_later_proven_yes():
    said = Standing({("audience", "main-entity", "*"): given("audience")}, {
        ("audience", "*", "*"): Objection(False, "2026-11-02T10:00:00.000000+00:00", "E2")})  # fmt: skip
    assert code(said, asked("audience", None)) == "objected"
    later = {("audience", "main-entity", "*"): given("audience", at="2026-11-03T10:00:00.000000+00:00")}
    assert code(replace(said, consents=later), asked("audience", None)) == "consented"


def test_a_refusal_of_the_broader_purpose_outweighs_a_yes_that_is_not_proven():
    said = Standing({
        ("outreach", "*", "*"): given("outreach", "refused"),
        ("sport-news", "main-entity", "email"): given("sport-news", at="2026-11-02T10", proven=False),
    }, {})  # fmt: skip
    assert code(said, asked("sport-news")) == "refused"


@pytest.mark.parametrize(
    ("class_", "role", "allowed"),
    [("other", "controller", False), ("marketing", "joint_controller", False), ("processor", "processor", True),
     ("payment", "controller", True)],
)  # fmt: skip
def test_in_doubt_nothing_goes_on_to_others_for_their_own_ends(class_, role, allowed):
    processor = "class: processor\n    role: processor"
    said = f"class: {class_}\n    role: {role}"
    if allowed:
        assert rules.in_doubt(policy(old=processor, new=said), "orders", 9).allowed
    else:
        with pytest.raises(
            AssertionError, match="orders` cannot go on in doubt: it is about disclosure to others"
        ):
            policy(old=processor, new=said)


def test_in_doubt_a_purpose_is_held_to_the_broader_one():
    allowed = "    on_doubt: allow\n"
    assert allowed in project_files("shop", DAY)["policy.md"]
    written = BROADER.replace("    marketing: true\n    categories: [contact]\n    recipients: [hosting]\n",
                              "    categories: [contact]\n    on_doubt: allow\n")  # fmt: skip
    with pytest.raises(AssertionError, match="sport-news` cannot go on in doubt: it is about consent"):
        policy(written)
    basis = "legal_basis: consent\n    broader: outreach\n    channels: [email]"
    written = written.replace(basis, "legal_basis: contract\n    broader: letters")
    with pytest.raises(AssertionError, match="sport-news` cannot go on in doubt: it is about marketing"):
        policy(written)


def test_it_is_told_which_retention_nobody_could_judge():
    asked = Question("newsletter", "main-entity", DAY)
    assert rules.not_judged(POLICY, asked) == ("prospects",)
    assert rules.not_judged(POLICY, replace(asked, since=(("prospects", DAY),))) == ()
    assert rules.not_judged(POLICY, replace(asked, purpose="nothing")) == ()
