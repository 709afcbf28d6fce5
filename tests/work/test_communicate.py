"""Whoever sends asks first: which objection is presented, in which words and language; and it is recorded once."""

import csv
import json
from datetime import date

import pytest

from commanding import troth
from naming import names
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.work import audit, communicate, inform

ADA = "ada@example.org"


def sent(project, email=ADA, purpose="newsletter", **more):
    return communicate.sent(project, email, purpose, **more)


def events(project):
    return list(read.events(project.ledger, kind="first_communication_sent"))


def verdict(project):
    return next(one for one in audit.audit(project) if one.promise.endswith("/first_communication"))


def test_the_first_message_carries_both_objections_and_the_second_none(project):
    due = communicate.ask(project, ADA, "newsletter")
    assert due.first
    assert due.notice.rights == ("object_marketing", "object")
    assert due.notice.html == f'<p lang="en"><strong>{due.notice.text}</strong></p>'
    assert list(read.events(project.ledger, kind="subject_opened")) == []  # asking records nothing
    event = sent(project, token=due.notice.token)
    assert (event.facts["presented"], event.facts["lacks"]) == (["object_marketing", "object"], [])
    again = communicate.ask(project, " ADA@example.org", "orders")
    assert (again.first, again.notice) == (False, None)
    assert sent(project) is None
    assert len(events(project)) == 1


def test_it_is_said_in_the_language_asked_for_or_known_of_the_person(project):
    assert communicate.ask(project, ADA, "newsletter", language="fr").notice.language == "fr"
    source = next(one for one in project.policy.collections.values() if one.how == "indirect").sources[0].key
    inform.record(project, ADA, source, date(2026, 11, 20), "marie", language="fr")
    assert communicate.ask(project, ADA, "newsletter").notice.language == "fr"
    assert communicate.ask(project, "eve@example.org", "newsletter").notice.language == "en"
    with pytest.raises(NotAllowedError, match="en or fr"):
        communicate.ask(project, ADA, "newsletter", language="de")


def test_a_message_without_its_notice_is_recorded_and_breaks_the_promise(project):
    assert verdict(project).word == "unproven"
    sent(
        project,
        "eve@example.org",
        token=communicate.ask(project, "eve@example.org", "newsletter").notice.token,
    )
    assert verdict(project).word == "kept"
    event = sent(project)
    assert event.facts["lacks"] == ["object_marketing", "object"]
    found = verdict(project)
    assert (found.word, len(found.broken_by)) == ("broken", 1)
    due = communicate.ask(project, ADA, "newsletter")
    assert (due.first, due.notice.rights) == (False, ("object_marketing", "object"))
    assert sent(project, token=due.notice.token).facts["lacks"] == []
    assert verdict(project).word == "broken"  # the first one stays what it was


def test_only_what_was_not_presented_yet_is_presented(project):
    whole = communicate.ask(project, ADA, "newsletter").notice
    part = communicate.objection_notice.notice(project, ["object_marketing"], "en")
    sent(project, token=part.token)
    due = communicate.ask(project, ADA, "newsletter")
    assert due.notice.rights == ("object",)
    assert sent(project, token=whole.token).facts["presented"] == ["object"]
    assert sent(project, token=whole.token) is None


@pytest.mark.parametrize("token", ["made-up", "eyJ.AAAA", ".", "é.é", "WzFd." + "A" * 22])
def test_a_made_up_token_is_refused_and_records_nothing(project, token):
    with pytest.raises(NotAllowedError, match="No notice was given out"):
        sent(project, token=token)
    assert events(project) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"email": "nowhere"}, "no e-mail address"),
        ({"purpose": "nonsense"}, "no purpose 'nonsense'"),
        ({"channel": "pigeon"}, "no channel 'pigeon'"),
        ({"on": date(2027, 1, 1)}, "still to come"),
    ],
)
def test_what_is_wrong_is_said(project, given, said):
    with pytest.raises(NotAllowedError, match=said):
        sent(project, **given)
    assert events(project) == []


def test_whoever_others_named_is_informed_by_the_first_message_at_the_latest(project, clock, letters):
    source = next(one for one in project.policy.collections.values() if one.how == "indirect").sources[0].key
    owed = inform.record(project, ADA, source, date(2026, 11, 20), "marie")
    assert communicate.ask(project, ADA, "newsletter").owed == (owed.ident,)
    sent(project, token=communicate.ask(project, ADA, "newsletter").notice.token)
    assert inform.load(project, owed.ident).state["due"] == "2026-11-23"
    sent(project)
    assert len(read.stream(project.ledger, f"collection/{owed.ident}")) == 2
    clock.forward(days=1)
    inform.tell(project, owed.ident)
    found = next(
        one for one in audit.audit(project) if one.broken_by and one.broken_by[0].startswith("notice")
    )
    assert found.broken_by == (f"notice {owed.ident}: due 2026-11-23, sent 2026-11-24",)
    before = [
        state.body
        for family in ("collection", "communication")
        for state in read.states(project.ledger, family)
    ]
    rebuild(project.ledger)
    assert before == [
        state.body
        for family in ("collection", "communication")
        for state in read.states(project.ledger, family)
    ]


def test_the_notice_of_article_14_is_a_first_communication_and_presents_the_objections(project, letters):
    source = next(one for one in project.policy.collections.values() if one.how == "indirect").sources[0].key
    owed = inform.record(project, ADA, source, date(2026, 11, 20), "marie", language="fr")
    inform.tell(project, owed.ident)
    assert events(project)[0].facts["presented"] == ["object_marketing", "object"]
    assert "Vous pouvez vous opposer à nos messages à tout moment" in letters()[0][2].replace("\xa0", " ")
    assert communicate.ask(project, ADA, "newsletter").notice is None


def test_the_events_name_nobody(project):
    sent(project)
    assert not names(repr([(event.stream, event.facts) for event in read.events(project.ledger)]), "ada")


def test_the_commands_ask_and_record_one_and_many(project, folder, tmp_path):
    asked = json.loads(troth(folder, "communication", "ask", ADA, "--purpose", "newsletter", "--json").out)
    assert asked["first"]
    assert (asked["allowed"], asked["code"]) == (False, "refusals_unknown")
    assert asked["headers"]["List-Unsubscribe"] == f"<{asked['unsubscribe']}>"
    shown = troth(folder, "communication", "ask", ADA, "--purpose", "newsletter")
    assert (shown.code, "--notice" in shown.out, "List-Unsubscribe-Post" in shown.out) == (1, True, True)
    one = ["communication", "sent", ADA, "--purpose", "newsletter", "--notice", asked["notice"]["token"]]
    assert "Recorded: 1" in troth(folder, *one).out
    assert "nothing new: 1" in troth(folder, *one).out
    assert (
        "presented to this person before"
        in troth(folder, "communication", "ask", ADA, "--purpose", "newsletter").out
    )
    many = tmp_path / "many.csv"
    many.write_text("email,language\nada@example.org,\neve@example.org,fr\nnowhere,\n", encoding="utf-8")
    done = troth(
        folder, "communication", "ask", "--purpose", "newsletter", "--list", many, "-o", tmp_path / "out.csv"
    )
    assert (done.code, "line 4, cell A4: That is no e-mail address" in done.err) == (1, True)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["email"], row["first"], row["language"]) for row in rows] == [
        (ADA, "no", ""),
        ("eve@example.org", "yes", "fr"),
    ]
    said = troth(
        folder, "communication", "sent", "--purpose", "newsletter", "--list", tmp_path / "out.csv", "--json"
    )
    assert json.loads(said.out) == {"recorded": 1, "known": 1, "wrong": []}
    assert troth(folder, "communication", "sent", "--purpose", "newsletter").code == 2
