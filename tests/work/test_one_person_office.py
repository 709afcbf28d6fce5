"""Who advised does not decide, who decided does not advise; a derogation lets one person do it all, and says so."""

import pytest

import story
from console_visits import admit_one
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.work import admit, decide, extend, plan_erasure

WHY = "There is one person in the office."


def test_advice_and_decision_come_from_two_people(project):
    number = story.ask(project, "erase")
    decide.advise(project, number, "c1", "marie", "take care")
    with pytest.raises(NotAllowedError, match=r"marie advised on claim c1\. Somebody else decides"):
        decide.decide(project, number, "c1", "grant", "marie", ground="a")
    decide.decide(project, number, "c1", "grant", "paul", ground="a")
    with pytest.raises(NotAllowedError, match=r"paul decided claim c1\. Somebody else advises"):
        decide.advise(project, number, "c1", "paul", "go on")
    with pytest.raises(NotAllowedError, match=r"marie advised on claim c1\. Somebody else reviews"):
        decide.review(project, number, "c1", "marie")


def test_one_person_takes_a_request_to_its_plan_and_the_record_names_the_derogation(project):
    admit_one(project, "sole", "handler")
    admit.derogate(project, WHY, "sole")
    number = story.ask(project, "erase")
    decide.decide(project, number, "c1", "grant", "sole", ground="a")
    decide.advise(project, number, "c1", "sole", "go on")
    reviewed = decide.review(project, number, "c1", "sole")
    plan = plan_erasure.measure(project, number, "c1").facts["plan_sha256"]
    approved = plan_erasure.approve(project, number, "c1", plan, "sole")
    recorded = read.stream(project.ledger, "office/derogation")[0].id
    assert (reviewed.facts["derogation"], approved.facts["derogation"]) == (recorded, recorded)
    extend.propose(project, number, "complexity", "sole", reasons="Many systems.")
    extend.confirm(project, number, "sole")
    assert story.state(project, number)["extension"]


def test_a_derogation_does_not_end_while_somebody_lives_by_it(project):
    admit_one(project, "sole", "handler")
    admit.derogate(project, WHY, "sole")
    admit.grant(project, "sole", "reviewer", "", "sole")
    with pytest.raises(NotAllowedError, match="still lets sole hold roles that must stay apart"):
        admit.end_derogation(project, "sole")
    admit.withdraw(project, "sole", "reviewer", "", "sole")
    admit.end_derogation(project, "sole")
    assert not admit.derogates(project)
