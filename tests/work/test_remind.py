"""The data protection officer hears each day of what presses, and the dates are a calendar."""

from dataclasses import replace
from datetime import timedelta

import icalendar
import pytest

import story
from naming import names
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.rules import hold as hold_rules
from troth.work import carry_on, decide, due_calendar, hold, remind, remind_hold_owners

ADA = "ada@example.org"


def digests(letters):
    return [(to, subject, text) for to, subject, text in letters() if "press" in subject]


def test_one_letter_a_day_says_what_presses_and_names_nobody(project, clock, letters):
    story.ask(project, "access", "erase", name="Ada Example")
    assert not remind.remind(project)  # nothing presses yet
    clock.forward(days=31)
    assert remind.remind(project)
    assert not remind.remind(project)
    ((to, subject, text),) = digests(letters)
    assert to == "dpo@company.example"
    assert subject == "Requests that press on 24 December 2026"
    assert "2026-0001 is overdue by 1 day: A copy of your data, The erasure of your data." in text
    assert ADA not in text
    assert not names(text, "Ada")
    clock.forward(days=1)
    assert remind.remind(project)
    assert "overdue by 2 days" in digests(letters)[-1][2]


def test_a_hold_that_nobody_looked_at_again_is_told(project, clock, letters):
    review_on = clock().date() + timedelta(days=10)
    placed = hold.place(
        project, "A dispute", "It is not decided yet.", review_on, "basile", about=[("email", ADA)]
    )
    name = placed.state["name"]
    assert not remind.remind(project)
    clock.forward(days=11)
    assert remind.remind(project)
    assert f"Hold {name}: it was to be looked at again by 3 December 2026" in letters()[-1][2]
    assert "who answers for it: basile" in letters()[-1][2]


def test_whoever_answers_for_a_hold_is_written_to_once_before_each_review(folder, clock, letters):
    settings = folder / "troth.toml"
    settings.write_text(
        settings.read_text("utf-8") + '\n[owner.counsel]\nemail = "counsel@shop.example"\n', "utf-8"
    )
    project = opened(folder, clock)
    review_on = clock().date() + timedelta(days=10)
    name = hold.place(project, "Dispute Canary", "Open.", review_on, "basile", owner="counsel").state["name"]
    hold.place(project, "A dispute", "Open.", review_on, "basile")  # basile has no address
    assert remind_hold_owners.remind_hold_owners(project) == 0
    clock.forward(days=4)
    carry_on.one_round(project)
    assert remind_hold_owners.remind_hold_owners(project) == 0
    ((_, subject, text),) = [one for one in letters() if one[0] == "counsel@shop.example"]
    assert subject == f"A legal hold is to be looked at again: {name}"
    assert "again by 3 December 2026" in text
    assert "Canary" not in text
    hold.review(project, name, clock().date() + timedelta(days=100), "the appeal", "marie", owner="dpo")
    assert hold.load(project, name).state["owner"] == "dpo"
    assert remind_hold_owners.remind_hold_owners(project) == 0
    clock.forward(days=93)
    assert remind_hold_owners.remind_hold_owners(project) == 1
    assert letters()[-1][0] == "dpo@company.example"


def test_nobody_answers_for_a_hold_by_an_address_and_an_older_one_has_no_owner(project, clock):
    review_on = clock().date() + timedelta(days=10)
    with pytest.raises(NotAllowedError, match="no e-mail address"):
        hold.place(project, "A dispute", "Open.", review_on, "basile", owner="jo@shop.example")
    placed = hold.place(project, "A dispute", "Open.", review_on, "basile")
    first = read.stream(project.ledger, placed.stream)[0]
    older = replace(first, facts={name: told for name, told in first.facts.items() if name != "owner"})
    assert hold_rules.fold(None, older)["owner"] == ""


def test_it_goes_out_in_the_morning_of_the_place(project, clock, letters):
    story.ask(project, "access")
    clock.forward(days=30, hours=14.5)  # half past midnight in Paris
    assert not remind.remind(project)
    clock.forward(hours=7)
    assert remind.remind(project)


def test_a_mail_server_that_is_away_is_tried_again_and_not_every_minute(project, folder, clock, letters):
    story.ask(project, "access")
    clock.forward(days=31)
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    assert not remind.remind(project)
    clock.forward(minutes=1)
    outbox.unlink()
    assert not remind.remind(project)
    clock.forward(minutes=15)
    assert remind.remind(project)


def test_without_a_dpo_nobody_is_written_to(folder, clock, letters):
    for policy in folder.glob("policy*.md"):
        text = policy.read_text().replace(
            "  dpo: {email: dpo@company.example}\n", "  dpo: {phone: '+33 1 00'}\n"
        )
        policy.write_text(text.replace("{{ group.dpo.email }}", "that number"))
    made = opened(folder, clock)
    story.ask(made, "access")
    clock.forward(days=31)
    assert [one.stage for one in remind.pressing(made)] == ["overdue"]
    assert not remind.remind(made)
    made.close()
    made.ledger.close()


def entries(project, language="en"):
    calendar = icalendar.Calendar.from_ical(due_calendar.due_calendar(project, language))
    return {str(event["summary"]): event for event in calendar.walk("VEVENT")}


def test_the_dates_of_open_requests_are_a_calendar(project, clock):
    number = story.ask(project, "access", name="Ada Example")
    found = entries(project)
    assert {title: event.decoded("dtstart").isoformat() for title, event in found.items()} == {
        f"{number}: safe date": "2026-12-23",
        f"{number}: legal date": "2026-12-23",
        f"{number}: last safe day to extend": "2026-12-23",
    }
    assert not names(due_calendar.due_calendar(project), "Ada")
    uid = str(found[f"{number}: safe date"]["uid"])
    clock.forward(days=3)
    story.take_longer(project, number, "complexity", reasons="nine archives")
    found = entries(project, "fr")
    assert set(found) == {f"{number} : date sûre", f"{number} : date légale"}
    assert found[f"{number} : date sûre"].decoded("dtstart").isoformat() == "2027-02-23"
    assert str(found[f"{number} : date sûre"]["uid"]) == uid


def test_what_has_ended_is_in_no_calendar(project):
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "grant", "marie")
    from troth.work import close_request

    close_request.withdraw(project, number)
    assert entries(project) == {}


@pytest.mark.parametrize("given", ["", "x", "é"])
def test_the_address_of_the_calendar_cannot_be_made_up(project, given):
    assert due_calendar.is_token(project, due_calendar.token(project))
    assert not due_calendar.is_token(project, given)
    assert due_calendar.address(project).endswith(f"/calendar/{due_calendar.token(project)}.ics")
