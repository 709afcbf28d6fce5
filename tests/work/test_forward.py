"""A request about data that is another controller's is passed on with proof, and the person told."""

import socket
from dataclasses import replace

import pytest

import story
from commanding import troth
from naming import names
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.work import carry_on, close_request, forward
from troth.work.open_request import Acting

TO = {"controller": "Kortebeek SA", "email": "privacy@kortebeek.example", "agreement": "DPA of 3 May 2024"}


def asked(project, **more):
    return story.ask(project, "access", name="Ada Example", wording="Everything, please.", **more)


def test_the_controller_gets_what_was_asked_and_the_person_is_told(project, letters):
    number = asked(project)
    event = forward.forward(project, number, "marie", **TO)
    (to, subject, text), (person, _, told) = letters()[-2:]
    assert (to, subject) == (TO["email"], f"A request about data we process for you ({number})")
    for part in (
        "DPA of 3 May 2024",
        "Ada Example, ada@example.org",
        "A copy of your data",
        "Everything, please.",
    ):
        assert part in text
    assert person == "ada@example.org"
    assert "This ends the request with us." in told
    assert "Kortebeek SA" in told
    assert story.state(project, number)["status"] == "forwarded"
    proof = forward.told(project, event)
    assert (proof["to"], proof["text"].split()) == (TO["email"], text.split())
    assert not names(repr(event.facts), "Kortebeek")


def test_saying_it_again_sends_nothing_more(project, letters):
    number = asked(project)
    first = forward.forward(project, number, "marie", **TO)
    before = len(letters())
    assert forward.forward(project, number, "paul", **TO).id == first.id
    assert len(letters()) == before


def test_our_own_part_goes_on(project, letters):
    number = asked(project)
    forward.forward(project, number, "marie", **TO, part=True)
    assert "For what we hold ourselves we go on" in letters()[-1][2]
    assert story.state(project, number)["status"] == "received"
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "responded"


def test_what_the_controller_confirmed_is_recorded_even_after_the_end(project):
    number = asked(project)
    forward.forward(project, number, "marie", **TO)
    with pytest.raises(NotAllowedError, match="Say by what"):
        forward.confirm(project, number, "marie", " ")
    forward.confirm(project, number, "marie", "their mail of today")
    (told,) = story.state(project, number)["forwarded"]
    assert told["confirmed_on"] == "2026-11-23"
    with pytest.raises(NotAllowedError, match="Nothing that was passed on waits"):
        forward.confirm(project, number, "marie", "again")
    before = story.state(project, number)
    rebuild(project.ledger)
    assert story.state(project, number) == before
    close_request.close(project, number)


def test_whoever_asked_for_another_is_not_the_person(project, letters):
    number = story.ask(
        project, "access", email="agent@claims.example", acting=Acting("agent", "Ada", "ada@example.org")
    )
    forward.forward(project, number, "marie", **TO)
    assert "Who asks: Ada, ada@example.org" in letters()[-2][2]


def test_a_letter_that_does_not_go_out_passes_nothing_on(project):
    number = asked(project)
    with socket.socket() as nobody:  # bound, and never listening
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        away = replace(project, settings=replace(project.settings, mail_to=f"smtp://127.0.0.1:{port}"))
        with pytest.raises(NotAllowedError, match="did not go out, so nothing is passed on"):
            forward.forward(away, number, "marie", **TO)
        away.close()
    assert "forwarded" not in [one.kind for one in read.stream(project.ledger, f"request/{number}")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"controller": " "}, "the controller's name"),
        ({"email": "nowhere"}, "an e-mail address"),
        ({"agreement": ""}, r"Name the agreement by which we process for them \(GDPR Art. 28\(3\)\)"),
    ],
)
def test_what_is_missing_is_said(project, given, said):
    number = asked(project)
    with pytest.raises(NotAllowedError, match=said):
        forward.forward(project, number, "marie", **(TO | given))


def test_what_we_carried_out_ourselves_is_not_all_somebody_elses(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    with pytest.raises(NotAllowedError):
        forward.forward(project, number, "marie", **TO)


def test_it_is_due_within_two_working_days(project):
    number = asked(project)
    assert forward.due(story.state(project, number)).isoformat() == "2026-11-25"


def test_the_command_passes_on_and_confirms(project, folder):
    asked(project)
    words = [
        "--controller",
        "Kortebeek SA",
        "--email",
        TO["email"],
        "--agreement",
        "DPA 7",
        "--staff",
        "marie",
    ]
    said = troth(folder, "request", "forward", "2026-0001", *words)
    assert (said.code, "forwarded" in said.out) == (0, True)
    assert (
        troth(folder, "request", "forward", "2026-0001", "--confirmed", "their mail", "--staff", "marie").code
        == 0
    )
    assert troth(folder, "request", "forward", "2026-0001", "--staff", "marie").code == 2
