"""Staff say what became of a recipient that could not be told: with proof, or two people with the reason why not."""

import pytest

import story
from commanding import troth
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.work import audit, carry_on, settle_recipient

FACTS = "The company was wound up in 2024; nobody holds its records."


@pytest.fixture
def project(folder, clock):
    """The shop, whose tax office is told by post."""
    policy = folder / "policy.md"
    text = policy.read_text()
    assert "notify: {by: email, address: tax@company.example}" in text
    policy.write_text(
        text.replace(
            "notify: {by: email, address: tax@company.example}", "notify: {by: post, address: 1 Tax Street}"
        )
    )
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


@pytest.fixture
def number(project):
    found = story.ask(project, "erase")
    story.grant_erasure(project, found)
    carry_on.carry_on(project, found)
    assert recipients(project, found)["tax-office"] == "task"
    return found


def recipients(project, number):
    return story.state(project, number)["claims"]["c1"]["recipients"]


def verdict(project):
    return next(one for one in audit.audit(project) if one.promise.endswith("/notify_recipients"))


def test_staff_tell_it_and_say_by_what(project, number):
    assert verdict(project).word == "unproven"
    event = settle_recipient.told(project, number, "c1", "tax-office", "marie", "RR 12 FR")
    assert recipients(project, number)["tax-office"] == "told"
    assert vault.payload(project.ledger, event) == {"proof": "RR 12 FR"}
    assert verdict(project).word == "kept"
    with pytest.raises(NotAllowedError, match="told already"):
        settle_recipient.told(project, number, "c1", "tax-office", "marie", "RR 13 FR")


def test_that_it_is_impossible_takes_two_people_and_a_reason(project, number):
    with pytest.raises(NotAllowedError, match="Say why it is so, with the facts"):
        settle_recipient.excuse(project, number, "c1", "tax-office", "marie", "impossible", " ")
    settle_recipient.excuse(project, number, "c1", "tax-office", "marie", "impossible", FACTS)
    assert recipients(project, number)["tax-office"] == "excuse_proposed"
    with pytest.raises(NotAllowedError, match=r"marie proposed this\. Somebody else confirms it"):
        settle_recipient.excuse(project, number, "c1", "tax-office", "marie", "impossible", "")
    with pytest.raises(NotAllowedError, match="What was proposed is that it is impossible"):
        settle_recipient.excuse(project, number, "c1", "tax-office", "paul", "disproportionate_effort", "")
    event = settle_recipient.excuse(project, number, "c1", "tax-office", "paul", "impossible", "")
    assert recipients(project, number)["tax-office"] == "not_told"
    assert vault.payload(project.ledger, event) == {"reason": FACTS}
    assert "wound up" not in repr([one.facts for one in read.stream(project.ledger, f"request/{number}")])


def test_what_was_confirmed_is_recorded_once_it_was_told(project, number):
    with pytest.raises(NotAllowedError, match="was not told yet"):
        settle_recipient.confirmed(project, number, "c1", "tax-office", "marie", "their mail")
    settle_recipient.confirmed(project, number, "c1", "hosting", "marie", "their mail")
    settle_recipient.confirmed(project, number, "c1", "hosting", "marie", "their mail")
    told = story.state(project, number)["claims"]["c1"]["confirmed"]
    assert told == {"hosting": {"status": "completed", "on": "2026-11-23"}}
    kinds = [one.kind for one in read.stream(project.ledger, f"request/{number}")]
    assert kinds.count("recipient_confirmed") == 1


def test_who_is_no_recipient_is_said_with_those_there_are(project, number):
    with pytest.raises(
        NotAllowedError, match=r"has no recipient 'nobody' to be told. There are: .*tax-office \(task\)"
    ):
        settle_recipient.told(project, number, "c1", "nobody", "marie", "x")


def test_the_command_says_one_thing_at_a_time(project, number, folder):
    words = ["request", "told", number, "tax-office", "--staff", "marie"]
    assert troth(folder, *words).code == 2
    assert troth(folder, *words, "--proof", "a", "--confirmed", "b").code == 2
    assert troth(folder, *words, "--unless", "lazy").code == 2
    assert troth(folder, *words, "--unless", "impossible", "--reason", FACTS).code == 0
    assert troth(folder, *words[:-1], "paul", "--unless", "impossible").code == 0
    assert recipients(project, number)["tax-office"] == "not_told"


def test_recipients_are_told_whatever_the_policy_promises_of_it(project, folder, clock):
    policy = folder / "policy.md"
    text = policy.read_text("utf-8").replace(
        "  of: [rectification, erasure, restriction]", "  of: [rectification]"
    )
    policy.write_text(text, "utf-8")
    made = opened(folder, clock)
    number = story.ask(made, "erase")
    story.grant_erasure(made, number)
    carry_on.carry_on(made, number)
    assert recipients(made, number)["tax-office"] == "task"
