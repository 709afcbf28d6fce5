"""A choice made without a request reaches every recipient who holds the data for what it stops, once.

Run as a program, this file tells recipients, and is killed where it is said.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from sqlalchemy import text

import story
from processors import processor
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import append, read, seal
from troth.outside.mail import Sent
from troth.rules import telling
from troth.rules.concern import told_by
from troth.rules.disclosure import Disclosure
from troth.rules.event import Draft
from troth.rules.staff import Grant, Staff
from troth.work import (
    audit,
    carry_on,
    disclose,
    import_choices,
    keep_waiting,
    message_link,
    send_word,
    settle_recipient,
    stop_messages,
    tell_of_choices,
    telling_file,
)
from troth.work.concerns import UNTOLD_READ, Answers, concerns
from troth.work.project import Peer
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.record_objection import record_objection

ADA, BOB, EVE = ([("email", f"{name}@example.org")] for name in ("ada", "bob", "eve"))
STRANGER = [("email", "stranger@example.org")]
FAIR, COUNT = "stop@fair.example", "stop@counting.example"
RECIPIENTS = """  fair:
    title: {en: The fair, fr: Le salon}
    class: marketing
    role: controller
    named: {fair: {name: Fair SA, country: FR}}
    categories: [contact]
    requires: [consent]
    notify: NOTIFY
  counting:
    title: {en: Counting, fr: Comptage}
    class: processor
    role: processor
    does: {en: counts visits, fr: compte les visites}
    named: {count: {name: Counting SARL, country: FR}}
    requires: [agreement]
    categories: [usage, contact]
    notify: {by: email, address: stop@counting.example}
  tax-office:
"""


def marketed(folder, clock, notify=f"{{by: email, address: {FAIR}}}", ledger_urls=None):
    """Open the shop with a fair that has the addresses of the newsletter, and somebody who counts what is read."""
    policy = folder / "policy.md"
    written = policy.read_text().replace("  tax-office:\n", RECIPIENTS.replace("NOTIFY", notify), 1)
    before, newsletter, after = written.partition("  newsletter:\n")
    after = after.replace("recipients: [hosting]", "recipients: [counting, fair]", 1)
    policy.write_text(before + newsletter + after)
    return opened(folder, clock, ledger_urls)


@pytest.fixture
def project(folder, clock):
    made = marketed(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def tell(project, **more):
    while seal.seal(project.ledger) is not None:
        pass
    return tell_of_choices.one_round(project, **more)


def told(letters, to):
    return [text for address, _, text in letters() if address == to]


def outcomes(project, event):
    return dict(telling_file.load(project, event.id).state["recipients"])


def withdraw(project, who, once=None):
    return record_consent(
        project, who, [Choice("newsletter", "withdrawn")], Asked("preferences", "en"), once=once
    )[0]


def test_a_withdrawal_is_told_to_whoever_serves_the_purpose_marketing_first(project, letters):
    event = withdraw(project, ADA)
    assert tell(project).told == 2
    sent = [(to, text) for to, _, text in letters()]
    assert [to for to, _ in sent] == [FAIR, COUNT]
    assert "has withdrawn their consent" in sent[0][1]
    assert "For what: send you our newsletter" in sent[0][1]
    assert "Who: ada@example.org" in sent[0][1]
    assert outcomes(project, event) == {"fair": "told", "counting": "told"}
    assert telling_file.load(project, event.id).state["status"] == "done"


def test_a_choice_that_nobody_was_told_of_in_time_presses_for_who_reads_recipients(project, clock):
    def pressing(handle, role):
        staff = Staff(handle, (Grant(role),))
        return [one for one in concerns(project, staff, Answers()) if one.kind == "untold"]

    withdraw(project, ADA)
    while seal.seal(project.ledger) is not None:
        pass
    event = withdraw(project, BOB)
    project.__dict__["mailer"] = failing = Failing()
    tell(project)
    assert failing.tried
    assert telling_file.load(project, event.id).state["status"] == "open"
    by = told_by(project.policy, clock().date())
    assert pressing("dpo", "dpo") == []
    clock.forward(days=(by - clock().date()).days + 1)
    (found,) = pressing("dpo", "dpo")
    assert (found.on, found.count, found.is_grave) == (by, 2, True)
    assert pressing("alan", "admin") == []
    before = record_objection(project, [("email", "yan@example.org")])
    clock.forward(minutes=1)
    last = record_objection(project, [("email", "zoe@example.org")], controller="main-entity")
    while seal.seal(project.ledger) is not None:
        pass
    tell(project)  # whoever reads for one company finds its choice behind those of others
    shown = (({"main-entity"}, [last.id]), ({"other-company"}, []), (None, [before.id]))
    for entities, found in shown:
        states = telling_file.of_companies(project, "open", entities, 1)
        assert [one["choice"] for one in states] == found, entities
    facts = read.stream(project.ledger, telling.stream(event.id))[-1].facts
    fresh = append.new_ids(clock(), UNTOLD_READ + 1)
    for start in range(0, len(fresh), 100):  # not late yet, and tried again sooner than what was tried often
        drafts = [
            Draft("recipient_notified", telling.stream(one), {**facts, "choice": one})
            for one in fresh[start : start + 100]
        ]
        append.append(project.ledger, drafts)
    (found,) = pressing("dpo", "dpo")
    assert (found.on, found.count) == (by, 2)


class Failing:
    """A mail server that takes nothing."""

    tried = 0

    def send(self, letter):
        self.tried += 1
        return Sent("failed", "no")


def test_saying_it_again_or_stopping_anywhere_tells_nobody_twice(project, letters):
    withdraw(project, ADA)

    class Stopped(BaseException):
        pass

    def stop(_):
        raise Stopped

    for _ in range(6):
        with pytest.raises(Stopped):
            tell(project, stop_at=stop)
        if len(letters()) == 2:
            break
    tell(project)
    tell(project)
    assert sorted(to for to, *_ in letters()) == [COUNT, FAIR]


def test_what_was_told_is_not_told_again_until_the_person_said_yes_anew(project, letters, clock):
    withdraw(project, ADA)
    tell(project)
    clock.forward(minutes=1)
    again = record_objection(project, ADA, purpose="newsletter", method="link")
    tell(project)
    assert outcomes(project, again) == {"fair": "covered", "counting": "covered"}
    assert len(letters()) == 2
    clock.forward(minutes=1)
    record_consent(project, ADA, [Choice("newsletter", "given")], Asked("paper", "en", evidence="folder 7"))
    clock.forward(minutes=1)
    withdraw(project, ADA)
    assert tell(project).told == 2
    assert len(letters()) == 4


def agree(project, who):
    record_consent(project, who, [Choice("newsletter", "given")], Asked("paper", "en", evidence="folder 7"))


def refuse(project, who, at=None):
    return record_consent(project, who, [Choice("newsletter", "refused")], Asked("web", "en", at=at))[0]


def test_a_no_said_as_a_refusal_is_told_where_it_ends_a_yes(project, letters, clock):
    never = refuse(project, BOB)
    agree(project, ADA)
    clock.forward(minutes=1)
    event = refuse(project, ADA)
    assert tell(project).told == 2
    assert outcomes(project, event) == {"fair": "told", "counting": "told"}
    assert "has withdrawn their consent" in told(letters, FAIR)[0]
    again = refuse(project, ADA)
    tell(project)
    assert len(letters()) == 2
    for one in (never, again):
        assert read.state(project.ledger, telling.stream(one.id)) is None
    clock.forward(minutes=1)
    proven = Asked("paper", "en", evidence="folder 8", texts={"newsletter": "0" * 64})
    assert record_consent(project, ADA, [Choice("newsletter", "given")], proven)[0].facts["proven"]
    refuse(project, ADA, at=clock() - timedelta(days=30))  # a slip of paper that was found late
    tell(project)
    assert len(letters()) == 2


def test_what_is_recorded_while_a_letter_leaves_sends_it_no_second_time(project, letters, monkeypatch):
    event = withdraw(project, ADA)
    send = send_word.send

    def and_meanwhile(project, recipient, word):
        went = send(project, recipient, word)
        if recipient.key == "counting":
            settle_recipient.confirmed(project, event.id, "", "fair", "marie", "their mail of today")
        return went

    monkeypatch.setattr(send_word, "send", and_meanwhile)
    assert tell(project).told == 2
    tell(project)
    assert sorted(to for to, *_ in letters()) == [COUNT, FAIR]
    assert outcomes(project, event) == {"fair": "told", "counting": "told"}
    assert telling_file.load(project, event.id).state["confirmed"]["fair"]["status"] == "completed"


def test_whom_staff_told_meanwhile_is_not_written_to(project, letters):
    event = withdraw(project, ADA)

    def meanwhile(step):
        if step == "told fair":
            settle_recipient.told(project, event.id, "", "counting", "marie", "a call")

    assert tell(project, stop_at=meanwhile).told == 1
    assert [to for to, *_ in letters()] == [FAIR]
    assert outcomes(project, event) == {"fair": "told", "counting": "told"}


def test_a_choice_by_one_channel_says_so_and_a_wider_one_is_told_anew(project, letters, clock):
    at_the_fair(project, ADA)
    record_objection(project, ADA, purpose="newsletter", channel="email", method="link")
    tell(project)
    assert "send you our newsletter (only by e-mail)" in told(letters, FAIR)[0]
    clock.forward(minutes=1)
    record_objection(project, ADA, method="link")
    assert tell(project).told == 2
    assert "only by" not in told(letters, FAIR)[1]


def at_the_fair(project, who):
    made = Disclosure("fair", ("contact",), "newsletter", date(2026, 11, 20))
    disclose.disclose(project, who, made, staff="marie", happened=True)


def test_an_address_nobody_knows_goes_to_no_controller_who_may_never_have_had_it(project, letters):
    record_objection(project, STRANGER, method="link")
    assert tell(project).told == 1
    assert [to for to, *_ in letters()] == [COUNT]


def test_somebody_nobody_here_knows_is_told_of_and_then_forgotten(project, letters, clock):
    at_the_fair(project, STRANGER)
    event = record_objection(project, STRANGER, method="link")
    assert event.subject is None
    assert keep_waiting.waiting(project, event.stream) == tuple(STRANGER)
    assert tell(project).told == 2
    assert "Who: stranger@example.org" in told(letters, FAIR)[0]
    assert keep_waiting.waiting(project, event.stream) == ()
    clock.forward(hours=26)
    again = record_objection(project, STRANGER, method="link", once="another day")
    tell(project)
    assert len(letters()) == 2
    assert outcomes(project, again) == {"fair": "covered", "counting": "covered"}
    assert keep_waiting.waiting(project, again.stream) == ()
    assert keep_waiting.destroy_old(project, date(2026, 11, 24)) == 0
    assert keep_waiting.destroy_old(project, date(2026, 11, 25)) == 1
    assert keep_waiting.destroy_old(project, date(2026, 11, 25)) == 0
    facts = repr([one.facts for one in read.events(project.ledger)])
    assert "stranger@" not in facts


def test_one_click_tells_of_one_thing_once(project, letters):
    record_consent(project, ADA, [Choice("newsletter", "given")], Asked("paper", "en", evidence="folder 7"))
    token = message_link.stop_token(project, "ada@example.org", "newsletter")
    stop_messages.stop_by_link(project, token, message_link.stop_of(project, token))
    stop_messages.stop_by_link(project, token, message_link.stop_of(project, token))
    tell(project)
    assert sorted(to for to, *_ in letters()) == [COUNT, FAIR]


def test_who_has_the_data_by_a_disclosure_alone_is_told_and_who_left_the_policy_is_staffs(project, letters):
    record_consent(project, ADA, [Choice("newsletter", "given")], Asked("paper", "en", evidence="folder 7"))
    for to in ("tax-office", "gone-by-now"):
        made = Disclosure(to, ("contact",), "newsletter", date(2026, 11, 20))
        disclose.disclose(project, ADA, made, staff="marie", happened=True)
    event = withdraw(project, ADA)
    tell(project)
    assert outcomes(project, event) == {
        "fair": "told", "counting": "told", "tax-office": "told", "unnamed": "task",
    }  # fmt: skip
    settle_recipient.told(project, event.id, "", "unnamed", "marie", "a call to the fair of old")
    assert outcomes(project, event)["unnamed"] == "told"
    with pytest.raises(NotAllowedError, match="was told already"):
        settle_recipient.told(project, event.id, "", "unnamed", "marie", "a call")
    settle_recipient.confirmed(project, event.id, "", "fair", "marie", "their mail of today")
    assert telling_file.load(project, event.id).state["confirmed"]["fair"]["status"] == "completed"


def test_a_list_of_refusals_tells_in_one_letter_of_those_who_are_known(project, letters, tmp_path):
    record_consent(project, ADA, [Choice("newsletter", "refused")], Asked("web", "en"))
    record_consent(project, BOB, [Choice("newsletter", "refused")], Asked("web", "en"))
    made = Disclosure("fair", ("contact",), "newsletter", date(2026, 11, 20))
    disclose.disclose(project, EVE, made, staff="marie", happened=True)
    file = tmp_path / "refusals.csv"
    file.write_text("email\nada@example.org\nbob@example.org\neve@example.org\nnobody@example.org\n")
    rows = import_choices.refusals(project, file, "email")
    import_choices.take_refusals(
        project, file, rows, controller="main-entity", channel="email", source="old tool", staff="marie"
    )
    tell(project)
    (fair,) = told(letters, FAIR)
    for address in ("ada@", "bob@", "eve@"):
        assert address in fair
    assert "nobody@" not in fair
    (count,) = told(letters, COUNT)
    assert "eve@" not in count
    for one in read.states(project.ledger, telling.FAMILY):
        assert set(one.body["recipients"].values()) == {"told"}


def test_what_a_request_told_is_not_told_by_a_click_and_the_other_way_round(project, letters, clock):
    record_consent(project, ADA, [Choice("newsletter", "given")], Asked("paper", "en", evidence="folder 7"))
    number = story.ask(project, "object_marketing")
    carry_on.carry_on(project, number)
    assert len(told(letters, FAIR)) == 1
    clock.forward(minutes=1)
    event = withdraw(project, ADA)
    tell(project)
    assert outcomes(project, event) == {"fair": "covered", "counting": "covered"}

    withdraw(project, BOB)
    tell(project)
    clock.forward(minutes=1)
    number = story.ask(project, "object_marketing", email="bob@example.org")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"]["recipients"]["fair"] == "told"
    assert len(told(letters, FAIR)) == 2


def test_the_audit_sees_who_was_not_told(project, clock, letters):
    promise = "6.3/notify_recipients"
    found = {one.promise: one for one in audit.audit(project, record=False)}
    promise = next(name for name in found if name.endswith("/notify_recipients"))
    event = withdraw(project, ADA)
    clock.forward(days=2)
    (word,) = (one for one in audit.audit(project, record=False) if one.promise == promise)
    assert (word.word, word.broken_by) == (
        "unproven", (f"choice {event.id}: nobody has looked yet whom to tell",),
    )  # fmt: skip
    clock.forward(days=8)
    (word,) = (one for one in audit.audit(project, record=False) if one.promise == promise)
    assert word.word == "broken"
    tell(project)
    (word,) = (one for one in audit.audit(project, record=False) if one.promise == promise)
    assert word.word == "kept"
    assert word.figure.startswith("2 recipients told")


@pytest.fixture(scope="module")
def running():
    with processor() as made:
        yield made


def by_message(folder, clock, fair, types):
    made = marketed(folder, clock, f"{{by: api, address: '{fair.url}'}}")
    fair.mood = "accept"
    fair.got.clear()
    peers = {"fair": Peer(lambda: "secret-token", lambda: fair.certificate, 1, types)}
    return replace(made, settings=replace(made.settings, peers=peers))


def test_a_signed_message_tells_of_it_where_that_is_agreed_and_is_retried_then_staffs(folder, clock, running):
    project = by_message(folder, clock, running, ("objection", "withdrawal"))
    event = withdraw(project, ADA)
    running.mood = "fail"
    tell(project)
    assert outcomes(project, event) == {"fair": "failed", "counting": "told"}
    tell(project)
    assert len(running.got) == 1  # it waits, twice as long each time
    clock.forward(minutes=5)
    running.mood = "accept"
    tell(project)
    assert outcomes(project, event)["fair"] == "told"
    (_, first), (_, second) = running.got
    assert first["subject_request_id"] == second["subject_request_id"]
    assert second["subject_request_type"] == "withdrawal"
    ((_, what),) = second["extensions"].items()
    assert what == {"purposes": ["newsletter"], "channel": "*", "controller": "*"}
    from troth.work import tell_by_api

    body = running.says("completed")
    assert tell_by_api.heard(project, running.headers(body), body).stream == telling.stream(event.id)
    assert telling_file.load(project, event.id).state["confirmed"]["fair"]["status"] == "completed"

    running.mood = "fail"
    clock.forward(minutes=1)
    other = withdraw(project, BOB)
    for _ in range(telling.TRIES_MAX + 2):
        tell(project)
        clock.forward(hours=5)
    assert outcomes(project, other)["fair"] == "task"
    project.close()
    project.ledger.close()


def test_a_recipient_that_does_not_answer_holds_nobody_else_up(folder, clock, running, letters, monkeypatch):
    monkeypatch.setattr(tell_of_choices, "ROUND_MAX", 2)
    monkeypatch.setattr(read, "PAGE", 2)
    project = by_message(folder, clock, running, ("objection", "withdrawal"))
    running.mood = "fail"
    events = []
    for number in range(5):
        events.append(withdraw(project, [("email", f"reader{number}@example.org")]))
        clock.forward(minutes=1 if number < 4 else 0)
    seal.seal_all(project.ledger)
    following = tell_of_choices.Following(project)
    for _ in range(3):
        following.one_round()
    assert len(running.got) == 1
    assert {outcomes(project, one)["counting"] for one in events} == {"told"}
    running.mood = "accept"
    clock.forward(minutes=2)
    for _ in range(3):
        following.one_round()
    assert {outcomes(project, one)["fair"] for one in events} == {"told"}
    following.close()
    project.close()
    project.ledger.close()


def test_without_an_agreement_a_message_is_a_task_for_staff(folder, clock, running):
    project = by_message(folder, clock, running, ())
    event = withdraw(project, ADA)
    tell(project)
    assert outcomes(project, event)["fair"] == "task"
    assert running.got == []
    project.close()
    project.ledger.close()


def at_now():
    return datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.slow
def test_killed_after_a_step_it_goes_on_and_nobody_is_told_twice(folder, letters):
    project = marketed(folder, at_now)
    at_the_fair(project, STRANGER)
    event = record_objection(project, STRANGER, method="link")
    while seal.seal(project.ledger) is not None:
        pass
    for kill_at in (f"begun {event.id}", "told fair", ""):
        order = json.dumps({"folder": str(folder), "kill_at": kill_at})
        ended = subprocess.run([sys.executable, __file__, order], timeout=100, check=False)
        assert ended.returncode == (-signal.SIGKILL if kill_at else 0)
        with (
            project.ledger.writing() as connection
        ):  # who was killed let go of nothing: let its lease run out
            connection.execute(text("UPDATE leases SET until = 0"))
    assert outcomes(project, event) == {"fair": "told", "counting": "told"}
    assert [to for to, *_ in letters()] == [FAIR, COUNT]
    assert keep_waiting.waiting(project, event.stream) == ()
    project.close()
    project.ledger.close()


def test_on_postgresql_it_is_the_same(folder, letters, postgresql):
    project = marketed(folder, at_now, ledger_urls=(postgresql, f"sqlite:///{folder}/keys.db"))
    event = withdraw(project, ADA)
    record_consent(project, BOB, [Choice("newsletter", "refused")], Asked("web", "en"))
    agree(project, EVE)
    other = refuse(project, EVE)
    soon = at_now() + timedelta(seconds=1)
    assert [one.id for one in tell_of_choices.overlooked(project, soon)] == [event.id, other.id]
    seal.seal_all(project.ledger)
    assert [one.id for one in tell_of_choices.overlooked(project, soon)] == [event.id, other.id]
    assert tell(project).told == 4
    for one in (event, other):
        assert outcomes(project, one) == {"fair": "told", "counting": "told"}
    assert tell_of_choices.overlooked(project, at_now() + timedelta(seconds=1)) == ()
    project.close()
    project.ledger.close()


def tell_and_die(order):
    """Tell recipients in a project, and die by a signal that nothing can catch where it is said."""
    asked = json.loads(order)

    def passed(name):
        if name == asked["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    tell_of_choices.one_round(opened(Path(asked["folder"]), at_now), stop_at=passed)


if __name__ == "__main__":
    tell_and_die(sys.argv[1])
