"""The proof of a consent is destroyed when the policy says, and not a day before; what was chosen stays known."""

from datetime import UTC, date, datetime

import pytest

import story
from commanding import troth
from troth.errors import KeyDestroyedError
from troth.ledger import read, seal, vault
from troth.ledger.verify import verify
from troth.rules import consent
from troth.rules.consent import Consent, Objection, Standing
from troth.work import close_request, destroy_proof, hold, tell_of_choices
from troth.work.may import may
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.record_objection import record_objection

ADA = [("email", "ada@example.org")]
PAPER = Asked("paper", "en", evidence="folder 7, sheet 12")


def said(project, word, asked=PAPER, who=ADA):
    return record_consent(project, who, [Choice("newsletter", word)], asked)[0]


def proof(project, event):
    try:
        return vault.payload(project.ledger, event).get("evidence")
    except KeyDestroyedError:
        return None


def test_five_years_after_the_consent_ended_its_proof_goes_and_the_answer_stays(project, clock):
    given = said(project, "given")
    clock.forward(days=30)
    said(project, "withdrawn", Asked("preferences", "en"))  # on 23 December 2026
    clock.now = datetime(2031, 12, 22, 12, 0, tzinfo=UTC)
    assert destroy_proof.destroy_due(project).proofs == 0
    assert proof(project, given) == "folder 7, sheet 12"
    clock.forward(days=1)
    assert destroy_proof.destroy_due(project).proofs == 1
    assert destroy_proof.destroy_due(project).proofs == 0
    assert proof(project, given) is None
    (gone,) = read.events(project.ledger, kind="key_destroyed")
    assert (gone.facts["file"], gone.facts["key"]) == ("consent", given.key)
    assert may(project, ADA, "newsletter", channel="email").reason.code != "no_consent"
    while seal.seal(project.ledger) is not None:
        pass
    assert verify(project.ledger).whole
    again = said(project, "given")  # whoever says yes again has a proof again, under a key of its own
    assert proof(project, again) == "folder 7, sheet 12"


def test_what_is_renewed_stands_and_what_runs_out_ends_on_its_day(project, clock):
    given = said(project, "given")
    until = date.fromisoformat(str(given.facts["valid_until"]))
    clock.now = datetime(until.year + 5, until.month, until.day, 12, 0, tzinfo=UTC)
    clock.forward(days=-1)
    assert destroy_proof.destroy_due(project).proofs == 0
    clock.forward(days=1)
    assert destroy_proof.destroy_due(project).proofs == 1
    renewed = said(project, "renewed")
    assert destroy_proof.destroy_due(project).proofs == 0
    assert proof(project, renewed)


def test_a_hold_and_an_open_request_keep_it(project, clock):
    given = said(project, "given")
    said(project, "withdrawn", Asked("preferences", "en"))
    clock.forward(days=5 * 366)
    hold.place(project, "A claim", "We defend it", date(2032, 1, 31), "marie", about=ADA)
    assert destroy_proof.destroy_due(project).proofs == 0
    hold.end(project, hold.in_force(project)[0].name, "settled", "marie")
    number = story.ask(project, "access")
    assert destroy_proof.destroy_due(project).proofs == 0
    close_request.withdraw(project, number)
    close_request.close(project, number)
    assert proof(project, given)
    assert destroy_proof.destroy_due(project).proofs == 1


def test_stopped_between_two_the_next_one_does_the_rest(project, clock):
    for name in ("ada", "bob", "eve"):
        who = [("email", f"{name}@example.org")]
        said(project, "given", who=who)
        said(project, "withdrawn", Asked("preferences", "en"), who=who)
    clock.forward(days=5 * 366)

    class Stopped(BaseException):
        pass

    def stop(_):
        raise Stopped

    with pytest.raises(Stopped):
        destroy_proof.destroy_due(project, stop_at=stop)
    assert destroy_proof.destroy_due(project).proofs == 2
    assert len(list(read.events(project.ledger, kind="key_destroyed"))) == 3


def test_a_hold_that_is_placed_meanwhile_keeps_what_was_not_destroyed_yet(project, clock, monkeypatch):
    monkeypatch.setattr(read, "PAGE", 1)
    people = [[("email", f"{name}@example.org")] for name in ("ada", "bob", "eve")]
    given = [said(project, "given", who=who) for who in people]
    for who in people:
        said(project, "withdrawn", Asked("preferences", "en"), who=who)
    seal.seal_all(project.ledger)
    tell_of_choices.one_round(project)
    clock.forward(days=5 * 366)

    def meanwhile(_):
        if not hold.in_force(project):
            hold.place(project, "A claim", "We defend it", date(2032, 1, 31), "marie")

    assert destroy_proof.destroy_due(project, stop_at=meanwhile).proofs == 1
    assert len([one for one in given if proof(project, one)]) == 2
    tellings = [one.status for one in read.states(project.ledger, "telling")]
    assert tellings == ["done"] * 3
    (placed,) = hold.in_force(project)
    hold.end(project, placed.name, "settled", "marie")

    gone = []

    def once_more(step):
        gone.append(step)
        if len(gone) == 3:  # two proofs, one telling
            meanwhile(step)

    assert destroy_proof.destroy_due(project, stop_at=once_more).proofs == 2
    assert sorted(one.status for one in read.states(project.ledger, "telling")) == ["done", "done", "over"]
    hold.end(project, hold.in_force(project)[0].name, "settled", "marie")
    destroy_proof.destroy_due(project)
    assert {one.status for one in read.states(project.ledger, "telling")} == {"over"}


def test_what_recipients_were_told_goes_with_it_and_the_command_says_so(project, folder, clock):
    event = record_objection(project, [("email", "bob@example.org")], method="link")
    while seal.seal(project.ledger) is not None:
        pass
    tell_of_choices.one_round(project)
    (told,) = (
        one for one in read.stream(project.ledger, f"telling/{event.id}") if one.facts["outcome"] != "owed"
    )
    assert told.facts["reason"] == "reads our data itself"
    clock.forward(days=5 * 366)
    assert destroy_proof.destroy_due(project).tellings == 0  # nothing was written to anybody
    assert read.state(project.ledger, f"telling/{event.id}").status == "over"
    done = troth(folder, "expire", "--json")
    assert (done.code, '"proofs": 0' in done.out) == (0, True)


AT = "2026-01-01T00:00:00.000000+00:00"
LATER = "2026-02-01T00:00:00.000000+00:00"
TODAY = date(2026, 6, 1)
MINE, EVERYWHERE, BY_TEXT = ("news", "main", "email"), ("news", "*", "*"), ("news", "*", "sms")
YES, YES_LATER = Consent("given", AT, "e", proven=True), Consent("given", LATER, "e", proven=True)
YES_FOR_NOW = Consent("given", AT, "e", until=date(2026, 5, 1), proven=True)
NO, NO_BEFORE = Consent("withdrawn", LATER, "f"), Consent("refused", AT, "f")
TO_ALL = {("*", "*", "*"): Objection(marketing=True, at=LATER, event="f")}


@pytest.mark.parametrize(
    ("consents", "objections", "marketing", "ended"),
    [
        pytest.param({MINE: YES}, {}, True, None, id="it stands"),
        pytest.param({}, {}, True, None, id="there was none"),
        pytest.param({MINE: YES, EVERYWHERE: NO}, {}, True, date(2026, 2, 1), id="withdrawn everywhere"),
        pytest.param({MINE: YES, BY_TEXT: NO}, {}, True, None, id="withdrawn elsewhere"),
        pytest.param({MINE: YES}, TO_ALL, True, date(2026, 2, 1), id="objected to all marketing"),
        pytest.param({MINE: YES}, TO_ALL, False, None, id="objected to marketing, which it is not"),
        pytest.param({MINE: YES_FOR_NOW}, {}, True, date(2026, 5, 1), id="ran out"),
        pytest.param({MINE: YES_LATER, EVERYWHERE: NO_BEFORE}, {}, True, None, id="yes after a no"),
    ],
)
def test_the_day_a_consent_ended(consents, objections, marketing, ended):
    assert consent.ended_on(Standing(consents, objections), "news", TODAY, marketing=marketing) == ended
