"""A request takes longer, ends for want of an answer, is taken up again, marked and explained: by the law's rules."""

from datetime import date

import pytest

import story
from commanding import troth
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.work import (
    ask,
    await_answer,
    carry_on,
    close_request,
    decide,
    destroy_file,
    extend,
    mark,
    open_request,
    remind,
    reopen,
    request_file,
)

ASKED = {"asked": "your customer number", "enough": "only you have it"}


def doubted(project, what="identity", **more):
    number = story.ask(project, "access", **more)
    event = ask.ask(project, number, what, "marie", doubt="two people share it", **ASKED)
    return number, str(event.facts["ask"])


def subjects_of(letters):
    return [subject for _, subject, _ in letters()]


# Longer


def test_one_proposes_to_extend_and_another_confirms_before_anything_is_told(project, letters):
    number = story.ask(project, "access")
    with pytest.raises(NotAllowedError, match="Nobody proposed"):
        extend.confirm(project, number, "paul")
    with pytest.raises(NotAllowedError, match="needs the reasons in words"):
        extend.propose(project, number, "complexity", "marie", reasons=" ")
    extend.propose(project, number, "complexity", "marie", reasons="Nine archives must be searched.")
    assert not any("longer" in one for one in subjects_of(letters))
    with pytest.raises(NotAllowedError, match="marie proposed to extend"):
        extend.confirm(project, number, "marie")
    with pytest.raises(NotAllowedError, match="proposed to extend already"):
        extend.propose(project, number, "number", "paul", reasons="Eleven requests.")
    extend.propose(project, number, "complexity", "marie", reasons="Ten archives must be searched.")
    extend.confirm(project, number, "paul")
    assert "Ten archives must be searched." in letters()[-1][2]
    assert story.state(project, number)["legal_due"] == "2027-02-23"


def test_a_proposal_that_nobody_confirmed_in_time_extends_nothing(project, clock):
    number = story.ask(project, "access")
    extend.propose(project, number, "complexity", "marie", reasons="Nine archives.")
    clock.forward(days=31)
    with pytest.raises(NotAllowedError, match="it is too late"):
        extend.confirm(project, number, "paul")
    assert story.state(project, number)["legal_due"] == "2026-12-23"


# Without an answer


@pytest.mark.parametrize(("language", "piece"), [("en", "still waiting"), ("fr", "toujours votre réponse")])
def test_whoever_is_silent_is_reminded_once_after_thirty_days(project, clock, letters, language, piece):
    number, _ = doubted(project, language=language)
    clock.forward(days=29)
    carry_on.carry_on(project, number)
    assert not any(piece in one for one in subjects_of(letters))
    clock.forward(days=1)
    carry_on.carry_on(project, number)
    clock.forward(days=1)
    carry_on.carry_on(project, number)
    assert sum(piece in one for one in subjects_of(letters)) == 1
    text = letters()[-1][2]
    assert ASKED["asked"] in text
    assert ("22 January 2027" if language == "en" else "22 janvier 2027") in text


@pytest.mark.parametrize(("language", "court"), [("en", "go to court"), ("fr", "saisir un tribunal")])
def test_after_sixty_days_two_people_end_it_as_not_identifiable_with_the_remedies(
    project, clock, letters, language, court
):
    number, _ = doubted(project, language=language)
    clock.forward(days=30)
    carry_on.carry_on(project, number)
    with pytest.raises(NotAllowedError, match="They have 60 days, until 2027-01-22"):
        await_answer.propose_unidentified(project, number, "marie", "nobody knows")
    clock.forward(days=30)
    with pytest.raises(NotAllowedError, match="for you to show"):
        await_answer.propose_unidentified(project, number, "marie", " ")
    await_answer.propose_unidentified(project, number, "marie", "Two people write from this address.")
    assert story.state(project, number)["status"] == "waiting"
    with pytest.raises(NotAllowedError, match="marie proposed it"):
        await_answer.confirm_unidentified(project, number, "marie")
    await_answer.confirm_unidentified(project, number, "paul")
    text = letters()[-1][2]
    law = {"en": "GDPR Art. 12(2), Art. 11(2)", "fr": "RGPD art. 12(2), art. 11(2)"}[language]
    for piece in ("Two people write from this address.", law, "CNIL", court):
        assert piece in text
    assert story.state(project, number)["status"] == "not_identifiable"
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "closed"


def test_nobody_is_turned_away_unreminded_or_unasked(project, clock):
    number, _ = doubted(project)
    clock.forward(days=61)
    with pytest.raises(NotAllowedError, match="not reminded yet"):
        await_answer.propose_unidentified(project, number, "marie", "nobody knows")
    other = story.ask(project, "access", email="bob@example.org")
    with pytest.raises(NotAllowedError, match="not having shown what they were not asked for"):
        await_answer.propose_unidentified(project, other, "marie", "nobody knows")


def test_what_was_not_enough_needs_no_sixty_days_and_what_is_enough_ends_the_proposal(project):
    number, name = doubted(project)
    ask.answer_ask(project, number, name, "marie", sufficient=False, reply="somebody else's number")
    await_answer.propose_unidentified(project, number, "marie", "The number is somebody else's.")
    ask.answer_ask(project, number, name, "marie", sufficient=True, method="question", reply="the right one")
    with pytest.raises(NotAllowedError, match="Nobody proposed"):
        await_answer.confirm_unidentified(project, number, "paul")
    assert story.state(project, number)["legal_due"] == "2026-12-23"


def test_a_clarification_that_does_not_come_narrows_nothing(project, clock, letters):
    number, name = doubted(project, "clarification")
    clock.forward(days=30)
    carry_on.carry_on(project, number)
    assert "we answer on everything" in letters()[-1][2]
    clock.forward(days=30)
    carry_on.carry_on(project, number)
    state = story.state(project, number)
    assert state["asks"][name]["answered"] == "2027-01-22"
    assert state["status"] == "received"
    with pytest.raises(NotAllowedError, match="one asks once"):
        ask.ask(project, number, "clarification", "marie", doubt="still", asked="which?")


def test_with_mail_away_the_reminder_comes_later_and_the_end_not_at_all(project, folder, clock):
    number, name = doubted(project)
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    clock.forward(days=30)
    carry_on.carry_on(project, number)
    tried = [one for one in story.state(project, number)["letters"] if one["letter"] == f"{name}-reminder"]
    assert [one["outcome"] for one in tried] == ["failed"]
    ask.answer_ask(project, number, name, "marie", sufficient=False, reply="no")
    await_answer.propose_unidentified(project, number, "marie", "It is somebody else's.")
    with pytest.raises(NotAllowedError, match="so the request goes on"):
        await_answer.confirm_unidentified(project, number, "paul")
    assert story.state(project, number)["status"] == "waiting"
    outbox.unlink()
    clock.forward(days=1)
    carry_on.carry_on(project, number)
    tried = [one for one in story.state(project, number)["letters"] if one["letter"] == f"{name}-reminder"]
    assert [one["outcome"] for one in tried] == ["failed", "sent"]


# Again


def refused(project, **more):
    number = story.ask(project, "rectify", "access", **more)
    for claim in ("c1", "c2"):
        decide.decide(project, number, claim, "refuse", "marie", article="Art. 16", reason="it is right")
        decide.review(project, number, claim, "paul")
    carry_on.carry_on(project, number)
    return number


def test_a_request_that_ended_is_taken_up_again_as_a_new_one_with_its_own_clock(project, clock, letters):
    number = refused(project, language="fr", wording="canary Oak Street")
    clock.forward(days=40)
    opened = reopen.reopen(project, number, "authority", "dana", note="CNIL 2026-417", claims=["c2"])
    assert reopen.reopen(project, opened.number and number, "court", "dana", note="x").number != opened.number
    again = story.state(project, opened.number)
    assert again["reopens"] == {"request": number, "because": "authority"}
    assert [one["right"] for one in again["claims"].values()] == ["access"]
    assert (again["received"], again["subject"]) == ("2027-01-02", story.state(project, number)["subject"])
    assert request_file.requester(project, opened.number)["wording"] == "canary Oak Street"
    assert f"votre demande {number}" in letters()[-2][2]
    before = story.state(project, number)
    assert before["reopened"][0]["as"] == opened.number
    assert before["status"] == "refused"


def test_what_has_not_ended_or_is_gone_or_has_no_reason_is_not_taken_up_again(project, clock):
    number = story.ask(project, "access")
    with pytest.raises(NotAllowedError, match="It has not ended"):
        reopen.reopen(project, number, "error", "marie", note="wrong person")
    ended = refused(project, email="bob@example.org")
    with pytest.raises(NotAllowedError, match="for a reason: error"):
        reopen.reopen(project, ended, "boredom", "marie", note="x")
    with pytest.raises(NotAllowedError, match="no claim 'c9'"):
        reopen.reopen(project, ended, "error", "marie", note="x", claims=["c9"])
    close_request.close(project, ended)
    clock.forward(days=6 * 366)
    assert destroy_file.destroy_file(project, ended, date(2033, 1, 1))
    with pytest.raises(NotAllowedError, match="Its file is destroyed"):
        reopen.reopen(project, ended, "court", "marie", note="x")


def test_a_kill_between_the_two_halves_of_taking_up_again_opens_no_second_one(project):
    number = refused(project)
    asked = request_file.requester(project, number)
    first = open_request.open_request(
        project, ["rectify", "access"], asked["email"], reopens=(number, "error"), once=f"reopened {number} 1"
    )
    assert reopen.reopen(project, number, "error", "marie", note="it was wrong").number == first.number
    assert [one["as"] for one in story.state(project, number)["reopened"]] == [first.number]


# Around it


def test_a_file_is_kept_while_a_mark_stands_or_what_took_it_up_again_is_kept(project, clock):
    number = refused(project)
    close_request.close(project, number)
    mark.mark(project, number, "sa_complaint", "dana", note="CNIL 2026-417")
    with pytest.raises(NotAllowedError, match="already"):
        mark.mark(project, number, "sa_complaint", "dana", note="again")
    with pytest.raises(NotAllowedError, match="marked with one of"):
        mark.mark(project, number, "weather", "dana", note="rain")
    far = date(2033, 1, 1)
    assert not destroy_file.destroy_file(project, number, far)
    mark.mark(project, number, "sa_complaint", "dana", note="settled", over=True)
    again = reopen.reopen(project, number, "authority", "dana", note="CNIL 2026-417").number
    assert not destroy_file.destroy_file(project, number, far)
    close_request.withdraw(project, again)
    close_request.close(project, again)
    assert destroy_file.destroy_file(project, again, far)
    assert destroy_file.destroy_file(project, number, far)


def test_what_was_answered_late_is_not_closed_before_somebody_said_why(project, clock, letters):
    number = story.ask(project, "rectify")
    with pytest.raises(NotAllowedError, match="not late"):
        mark.explain_delay(project, number, "marie", "no reason")
    clock.forward(days=33)
    decide.decide(project, number, "c1", "refuse", "marie", article="Art. 16", reason="it is right")
    decide.review(project, number, "c1", "paul")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "refused"
    clock.forward(days=40)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "refused"
    assert remind.remind(project)
    assert f"{number} was answered late" in letters()[-1][2]
    with pytest.raises(NotAllowedError, match="nobody recorded why"):
        close_request.close(project, number)
    mark.explain_delay(project, number, "marie", "canary: the archive was flooded")
    event = [e for e in read.stream(project.ledger, f"request/{number}") if e.kind == "request_moved"][-1]
    assert vault.payload(project.ledger, event)["note"] == "canary: the archive was flooded"
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "closed"
    clock.forward(days=1)
    assert not remind.remind(project)


def test_on_the_command_line_the_course_of_a_request_is_told_in_sentences(folder):
    assert troth(folder, "request", "open", "-r", "access", "--email", "ada@example.org").code == 0
    said = troth(folder, "request", "extend", "2026-0001", "--reason", "complexity", "--reasons", "Nine archives.",
                 "--staff", "marie")  # fmt: skip
    assert (said.code, "Next: confirm the extension (a second person" in said.out) == (0, True), said.err
    said = troth(folder, "request", "extend", "2026-0001", "--confirm", "--reasons", "x", "--staff", "paul")
    assert (said.code, "confirmed as it is" in said.err) == (2, True)
    assert troth(folder, "request", "extend", "2026-0001", "--confirm", "--staff", "paul").code == 0
    said = troth(folder, "request", "mark", "2026-0001", "litigation", "--note", "case 12", "--staff", "dana")
    assert "Marked litigation on" in said.out
    said = troth(folder, "request", "unidentified", "2026-0001", "--shown", "x", "--staff", "marie")
    assert (said.code, "Neither identity nor a mandate" in said.err) == (2, True)
    said = troth(folder, "request", "late", "2026-0001", "--why", "x", "--staff", "marie")
    assert (said.code, "It is not late" in said.err) == (2, True)
    assert troth(folder, "request", "withdraw", "2026-0001", "--staff", "marie").code == 0
    said = troth(
        folder, "request", "reopen", "2026-0001", "--because", "error", "--note", "x", "--staff", "marie"
    )
    assert "is taken up again as 2026-0002" in said.out
    assert "It takes up 2026-0001 again: we made a mistake." in said.out
