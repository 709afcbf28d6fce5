"""Somebody asks for somebody else: nothing leaves before their authority was looked at, and it goes where that says."""

from datetime import date

import pytest

import story
from commanding import troth
from naming import names
from troth.errors import NotAllowedError
from troth.faces.cli.request_shown import age_hint
from troth.faces.portal import session
from troth.ledger import read, suppression, vault
from troth.rules import representation
from troth.work import answer, ask, build_package, carry_on, decide, request_file
from troth.work.check_authority import check_authority
from troth.work.open_request import Acting

AGENT = "agent@claims.example"
ADA = "ada@example.org"
FOR_ADA = Acting("agent", "Ada Example", ADA)
SEEN = "a mandate of 3 May 2026 for access, signed; canary-seen"


def asked(project, *rights, acting=FOR_ADA):
    return story.ask(project, *(rights or ("access",)), email=AGENT, name="Claims Ltd", acting=acting)


def to(letters):
    return [address for address, _, _ in letters()]


def test_the_request_is_about_the_person_and_the_letters_go_to_whoever_asked(project, letters):
    number = asked(project)
    found = request_file.load(project, number)
    assert request_file.who(project, found).identifiers == (("email", ADA),)
    assert found.state["acting"] == {"kind": "agent", "checked": None}
    assert to(letters) == [AGENT]
    assert "“your data” means theirs here" in letters()[0][2]
    events = read.stream(project.ledger, found.stream)
    assert not names(repr([event.facts for event in events]), "Ada")


def test_nothing_is_granted_before_somebody_looked_and_a_refusal_may_be(project):
    number = asked(project)
    with pytest.raises(NotAllowedError, match="nobody has looked yet at what shows it"):
        decide.decide(project, number, "c1", "grant", "marie")
    decide.decide(project, number, "c1", "refuse", "marie", article="Art. 12(2)", reason="No mandate came.")


def test_where_the_mandate_covers_receiving_it_the_answer_goes_to_the_agent(project, letters, code):
    number = asked(project)
    check_authority(project, number, "marie", SEEN, sufficient=True, receives=True)
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    assert to(letters)[-1] == AGENT
    story.prove(project, number, code)
    assert len(b"".join(build_package.take_answer(project, number))) > 1000


def test_else_it_goes_to_the_person_whose_own_address_is_then_proven(project, letters, code):
    number = asked(project)
    story.prove(project, number, code)
    check_authority(project, number, "marie", SEEN, sufficient=True, receives=False)
    assert not story.state(project, number)["proven"]  # it was the agent's
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    assert to(letters)[-1] == ADA
    assert "theirs here" not in letters()[-1][2]
    with pytest.raises(NotAllowedError, match="not confirmed"):
        build_package.take_answer(project, number)
    story.prove(project, number, code)
    assert to(letters)[-1] == ADA
    assert len(b"".join(build_package.take_answer(project, number))) > 1000


def test_an_agent_who_was_shown_the_page_sees_no_more_once_the_answer_goes_to_the_person(project):
    number = asked(project)
    agent = session.issue(project, number)
    assert session.holds(project, number, agent)
    check_authority(project, number, "marie", SEEN, sufficient=True, receives=False)
    assert not session.holds(project, number, agent)
    assert session.holds(project, number, session.issue(project, number))


def test_a_mandate_covers_what_it_says_and_until_it_ends(project, clock):
    number = asked(project, "access", "erase")
    check_authority(
        project,
        number,
        "marie",
        SEEN,
        sufficient=True,
        receives=True,
        rights=["access"],
        until=date(2026, 12, 1),
    )
    with pytest.raises(NotAllowedError, match="does not cover 'erase'"):
        decide.decide(project, number, "c2", "grant", "marie", ground="a")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    b"".join(build_package.open_package(project, number, "c1", "marie"))
    clock.forward(days=9)
    with pytest.raises(NotAllowedError, match="ended on 2026-12-01"):
        build_package.release(project, number, "c1", staff="marie")


def test_once_a_mandate_ended_its_agent_gets_nothing_more(project, clock, code, letters):
    number = asked(project)
    until = date(2026, 12, 1)
    check_authority(project, number, "marie", SEEN, sufficient=True, receives=True, until=until)
    story.prove(project, number, code)
    story.grant_access(project, number)
    sent = len(letters())
    clock.forward(days=9)
    with pytest.raises(NotAllowedError, match="ended on 2026-12-01"):
        answer.answer(project, number)
    assert len(letters()) == sent
    check_authority(project, number, "marie", SEEN, sufficient=True, receives=True, until=date(2027, 1, 10))
    carry_on.carry_on(project, number)
    assert len(b"".join(build_package.take_answer(project, number))) > 1000
    clock.forward(days=40)
    with pytest.raises(NotAllowedError, match="ended on 2027-01-10"):
        build_package.take_answer(project, number)


def test_looking_answers_the_mandate_that_was_asked_for_and_the_clock_runs_again(project, clock):
    number = asked(project)
    ask.ask(project, number, "mandate", "marie", doubt="You ask for Ada.", asked="her signed mandate")
    assert story.state(project, number)["status"] == "waiting"
    assert story.state(project, number)["legal_due"] is None
    clock.forward(days=5)
    check_authority(project, number, "marie", "a letter without a signature", sufficient=False)
    assert story.state(project, number)["status"] == "waiting"
    check_authority(project, number, "marie", SEEN, sufficient=True, receives=True)
    assert story.state(project, number)["status"] == "received"
    assert story.state(project, number)["legal_due"] == "2026-12-28"


def test_what_was_seen_is_words_in_the_vault_and_no_document(project):
    number = asked(project)
    event = check_authority(project, number, "marie", SEEN, sufficient=True, receives=True)
    assert vault.payload(project.ledger, event) == {"seen": SEEN}
    assert "canary" not in repr(event.facts)


def test_an_objection_to_marketing_needs_nothing_to_be_shown_and_stops_the_persons_address_alone(project):
    asked(project, "object_marketing")
    assert suppression.is_suppressed(project.ledger, "email", ADA)
    assert not suppression.is_suppressed(project.ledger, "email", AGENT)


def test_nothing_is_restricted_for_somebody_else_before_somebody_looked(project):
    number = story.ask(project, "restrict", email=AGENT, acting=FOR_ADA, because="accuracy")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"].get("restriction") is None
    check_authority(project, number, "marie", SEEN, sufficient=True, receives=True)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"]["restriction"]["ground"] == "accuracy"


@pytest.mark.parametrize(
    ("acting", "rights", "said"),
    [
        (Acting("cousin", "Ada", ADA), ["access"], "Nobody asks for somebody else as 'cousin'"),
        (
            Acting("heir", "Ada", ADA),
            ["port"],
            r"As heir one cannot ask for 'port', but for: access.*Loi 78-17 Art. 85",
        ),
        (Acting("agent", "Ada"), ["access"], "Somebody is asked for whom nothing names"),
        (Acting("agent", "Ada", "nowhere"), ["access"], "no e-mail address a letter can be sent to"),
    ],
)
def test_what_cannot_be_asked_for_somebody_else_is_said(project, acting, rights, said):
    with pytest.raises(NotAllowedError, match=said):
        asked(project, *rights, acting=acting)


def test_heirs_have_rights_of_their_own_where_the_law_gives_them():
    assert "no rights of their own" in next(representation.lacking("heir", ["access"], ["access", "erase"]))
    assert list(representation.lacking("heir", ["access"], ["access", "post_mortem"])) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sufficient": True, "receives": True, "rights": ["port"]}, "Nobody asked for 'port' here"),
        ({"sufficient": True, "receives": True, "until": date(2026, 11, 1)}, "is none"),
        ({"sufficient": True, "receives": True, "seen": " "}, "Say what was looked at"),
    ],
)
def test_a_check_that_is_not_whole_is_refused(project, more, said):
    number = asked(project)
    seen = more.pop("seen", SEEN)
    with pytest.raises(NotAllowedError, match=said):
        check_authority(project, number, "marie", seen, **more)


def test_nobody_is_reached_whom_nobody_said_how_to_reach(project):
    number = story.ask(
        project, "access", email=AGENT, acting=Acting("agent", "Ada"), identifiers=[("id", "1")]
    )
    with pytest.raises(NotAllowedError, match="nobody said how they are reached"):
        check_authority(project, number, "marie", SEEN, sufficient=True)


def test_who_asks_for_themselves_needs_no_authority(project):
    number = story.ask(project, "access")
    with pytest.raises(NotAllowedError, match="for themselves"):
        check_authority(project, number, "marie", SEEN, sufficient=True, receives=True)


def test_the_commands_open_and_record(project, folder):
    words = ["request", "open", "-r", "access", "--email", AGENT, "--acting", "agent", "--for-email", ADA]
    assert troth(folder, *words).code == 0
    shown = troth(folder, "request", "show", "2026-0001").out
    assert "Asked for somebody else, as agent: nobody has looked yet at what shows the authority." in shown
    assert "Next: ask for what shows the authority of the agent, or record that it was seen." in shown
    refused = troth(folder, "request", "decide", "2026-0001", "grant", "--staff", "marie")
    assert "nobody has looked yet" in refused.err
    seen = ["--seen", SEEN, "--answer-to", "asker", "--until", "2027-05-03", "--staff", "marie"]
    assert troth(folder, "request", "authority", "2026-0001", *seen).code == 0
    granted = troth(folder, "request", "decide", "2026-0001", "grant", "--staff", "marie")
    assert (granted.code, "authority seen for everything asked for until 2027-05-03" in granted.out) == (
        0,
        True,
    )
    assert (
        troth(
            folder, "request", "authority", "2026-0001", "--seen", "x", "--answer-to", "me", "--staff", "m"
        ).code
        == 2
    )
    missing = troth(folder, "request", "open", "-r", "access", "--email", AGENT, "--for-email", ADA)
    assert "Say as what they ask for somebody else" in missing.err


# Who somebody is


@pytest.mark.parametrize(("place", "years"), [("FR", "From 15 years"), ("DE", "From 16 years"), ("BR", "")])
def test_who_looks_at_a_parents_request_is_told_from_which_age_a_child_acts_alone(place, years):
    hint = age_hint({"jurisdiction": place, "received": "2026-11-23"})
    assert hint.startswith("The rights are the child's own.") is bool(years)
    assert years in hint


def test_how_an_identity_was_shown_is_said_and_nothing_of_it_is_kept(project):
    number = story.ask(project, "access")
    event = ask.ask(project, number, "identity", "marie", doubt="Two people share this address.",
                    asked="your customer number", enough="only you have it")  # fmt: skip
    with pytest.raises(NotAllowedError, match="Say how they showed who they are: question, document_seen"):
        ask.answer_ask(project, number, event.facts["ask"], "marie", sufficient=True)
    with pytest.raises(NotAllowedError, match="is one of"):
        ask.answer_ask(
            project, number, event.facts["ask"], "marie", sufficient=True, method="copy_of_passport"
        )
    told = ask.answer_ask(
        project, number, event.facts["ask"], "marie", sufficient=True, method="document_seen"
    )
    assert told.facts["method"] == "document_seen"
    assert vault.payload(project.ledger, told) == {"reply": ""}
