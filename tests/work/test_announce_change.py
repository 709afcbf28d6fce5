"""A change is announced by the ways and as long before as promised: each person once, killed or not, and proven."""

import json
import os
import signal
import sqlite3
from datetime import date

import pytest

from commanding import troth
from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.outside.mail import Sent
from troth.rules.announcement import first_effective
from troth.work import announce_change, record_objection, remind, restrict
from troth.work.audit import audit
from troth.work.weigh_change import weigh
from versions import SHORTER, pending, publish, write_next

ADDRESSES = ["ada@example.org", "bob@example.org", "eve@example.org"]


@pytest.fixture
def coming(folder, clock):
    """A first version, and one that shortens a retention on 5 January: to be announced until 6 December."""
    made = pending(folder, clock, SHORTER)
    yield made
    made.close()
    made.ledger.close()


def everybody(project, **said):
    return announce_change.write_to_all(project, wait=lambda _: None, **said)


def change(project):
    return next(one for one in audit(project, record=False) if one.promise == "10/change")


def test_everybody_whom_a_store_names_gets_one_letter_in_both_languages(coming, letters):
    done = everybody(coming)
    assert (done.sent, done.known, done.failed, done.done) == (3, 0, 0, True)
    assert sorted(to for to, _, _ in letters()) == ADDRESSES
    _, subject, text = letters()[0]
    assert subject == "Our privacy policy changes on 5 January 2027"
    assert "5 How long we retain it" in text
    assert "Notre politique" not in subject
    assert "la version 0.2.0 de notre politique de confidentialité s’applique" in text
    assert "/notice/en/versions" in text


def test_said_again_nobody_is_written_to_twice(coming, letters):
    everybody(coming)
    again = everybody(coming)
    assert (again.sent, again.known) == (0, 3)
    assert len(letters()) == 3


def test_it_goes_out_in_parts_and_no_faster_than_said(coming, letters):
    waited = []
    done = announce_change.write_to_all(coming, most=2, per_minute=30, wait=waited.append)
    assert (done.sent, done.done, waited) == (2, False, [2.0])
    assert not any(one.kind == "change_announced" for one in read.stream(coming.ledger, "announcement/0.2.0"))
    done = everybody(coming)
    assert (done.sent, done.known, done.done) == (1, 2, True)
    assert len(letters()) == 3


@pytest.mark.parametrize("boundary", ["sent", "recorded"])
def test_killed_it_goes_on_where_it_stopped(coming, letters, folder, clock, boundary):
    child = os.fork()
    if child == 0:
        own, times = opened(folder, clock), []

        def die(name):
            times.append(name)
            if name == boundary and len(times) > 2:
                os.kill(os.getpid(), signal.SIGKILL)

        everybody(own, stop_at=die, lease_seconds=0)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert len(letters()) == 2
    done = everybody(coming)
    assert done.sent + done.known == 3
    sent = sorted(to for to, _, _ in letters())
    assert sorted(set(sent)) == ADDRESSES
    assert len(sent) == (4 if boundary == "sent" else 3), "at most the letter in hand goes twice"


def test_two_runs_at_once_write_to_nobody_twice(coming, letters, folder, clock):
    refused = []

    def other_run(boundary):
        if boundary == "sent" and not refused:
            with pytest.raises(NotAllowedError, match="Another run is writing") as raised:
                everybody(opened(folder, clock))
            refused.append(str(raised.value))

    assert everybody(coming, stop_at=other_run).sent == 3
    assert "300 seconds at most" in refused[0]
    assert sorted(to for to, _, _ in letters()) == ADDRESSES
    assert everybody(coming).known == 3, "the first run let it go at its end"


def test_a_run_that_was_taken_over_writes_no_more_and_keeps_what_it_sent(coming, letters, folder, clock):
    taken = []

    def other_run(boundary):
        if boundary == "recorded" and not taken:
            taken.append(everybody(opened(folder, clock), most=1))

    first = everybody(coming, stop_at=other_run, lease_seconds=0)
    assert (first.sent, first.done, first.recorded) == (1, False, False)
    assert (taken[0].sent, taken[0].known, taken[0].recorded) == (1, 1, False)
    assert (everybody(coming).sent, len(letters())) == (1, 3)
    assert sorted(to for to, _, _ in letters()) == ADDRESSES


LOGS = """
store: web-logs
kind: logs
credentials: {{find: "logs://{folder}", change: "logs://{folder}"}}
controller: main-entity
tables:
  access:
    subject: {{key: line, identifiers: {{user: {{kind: email, one_person: true}}}}}}
    columns: {{line: key, ip: usage, user: contact, time: usage, request: usage, referrer: usage, agent: usage}}
    retention: [{{promise: retention/logs, trigger: time}}]
    erase: {{do: delete, by: dpo, because: no longer needed}}
"""


def test_whom_no_store_can_list_is_named_and_nothing_is_recorded_until_staff_answer_for_them(
    coming, folder, clock, letters
):
    (folder / "logs").mkdir()
    (folder / "stores" / "web-logs.yaml").write_text(LOGS.format(folder=folder / "logs"), "utf-8")
    made = opened(folder, clock)
    done = everybody(made)
    assert (done.sent, done.unread, done.done, done.recorded) == (3, ("web-logs",), False, False)
    assert "email" not in read.state(made.ledger, "announcement/0.2.0").body["ways"]
    with pytest.raises(NotFoundError, match="no store called 'nowhere'"):
        everybody(made, left_out=["nowhere"])
    with pytest.raises(NotAllowedError, match="Nobody is left out of `shop`"):
        everybody(made, left_out=["shop"])
    said = troth(folder, "policy", "announce")
    assert said.code == 1
    assert "Nobody can look up whom web-logs names" in " ".join(said.out.split())
    said = troth(folder, "policy", "announce", "--left-out", "web-logs", "--json")
    assert (said.code, json.loads(said.out)["recorded"]) == (0, True)
    (event,) = [
        one for one in read.stream(made.ledger, "announcement/0.2.0") if one.kind == "change_announced"
    ]
    assert (event.facts["people"], list(event.facts["left_out"])) == (3, ["web-logs"])
    assert len(letters()) == 3


def test_nobody_to_write_to_is_no_announcement(coming, folder):
    for name, table in (("shop", "customer"), ("news", "subscriber")):
        with sqlite3.connect(folder / f"{name}.db") as connection:
            connection.execute(f"UPDATE {table} SET email = 'nowhere' || rowid")
    done = everybody(coming)
    assert (done.sent, done.unreadable, done.recorded) == (0, 2, False)
    assert read.state(coming.ledger, "announcement/0.2.0") is None


LONGER = (*SHORTER[:2], SHORTER[2].replace("1 year", "9 years"))
TYPO = (
    ("policy.md", "as easily as you gave it", "as easily as you said yes"),
    ("policy.fr.md", "aussi simplement que vous", "aussi facilement que vous"),
)


def test_a_change_is_announced_though_the_version_that_made_it_was_replaced_before_its_day(
    folder, clock, letters
):
    """What counts is the version people live under: the replaced one held for nobody."""
    publish(opened(folder, clock))
    write_next(folder, "0.2.0", "2027-01-05", LONGER)
    publish(opened(folder, clock))
    clock.forward(days=1)
    write_next(folder, "0.2.1", "2027-01-05", *TYPO)
    assert [one.becomes for one in weigh(opened(folder, clock)).differences if one.field == "period"] == [
        "9 years"
    ]
    made = opened(folder, clock)
    publish(made)
    assert [one.version for one in announce_change.announced(made)] == ["0.2.1"]
    assert change(made).word == "unproven"
    assert everybody(made).sent == 3
    announce_change.attest(made, "site", date(2026, 11, 24), "https://shop.example/news/7", "marie")
    assert change(made).word == "kept"
    assert weigh(made, "0.1.0").becomes == "0.2.1"
    assert weigh(made, until="0.2.1").was == "0.1.0"


def test_who_was_told_of_a_replaced_version_that_promises_the_same_is_not_written_to_again(
    folder, clock, letters
):
    publish(opened(folder, clock))
    write_next(folder, "0.2.0", "2027-01-05", LONGER)
    first = opened(folder, clock)
    publish(first)
    assert everybody(first, most=2).sent == 2
    announce_change.attest(first, "site", date(2026, 11, 23), "https://shop.example/news/7", "marie")
    clock.forward(days=1)
    write_next(folder, "0.2.1", "2027-01-05", *TYPO)
    made = opened(folder, clock)
    publish(made)
    done = everybody(made)
    assert (done.sent, done.known, done.recorded) == (1, 2, True)
    assert sorted(to for to, _, _ in letters()) == ADDRESSES
    assert change(made).word == "kept", "the site of the day before counts"
    assert all(announce_change.letter_to(made, "0.2.1", one) for one in ADDRESSES)
    # One that promises otherwise is told of anew.
    write_next(
        folder, "0.2.2", "2027-01-05", (*LONGER[:1], LONGER[2], LONGER[2].replace("9 years", "8 years"))
    )
    other = opened(folder, clock)
    publish(other)
    assert everybody(other).sent == 3


def test_an_objection_to_marketing_stops_no_letter_that_is_owed(coming, letters):
    record_objection.record_objection(coming, (("email", "ada@example.org"),))
    assert everybody(coming).sent == 3


def test_whoever_has_their_data_restricted_is_not_written_to(folder, clock, letters):
    columns = "    columns: {id: key, email: contact, name: identity, city: contact}\n"
    mapped = (folder / "stores" / "shop.yaml").read_text("utf-8")
    assert columns in mapped
    mapped = mapped.replace(columns, f"{columns}    restriction: {{set_aside: [name, city]}}\n")
    (folder / "stores" / "shop.yaml").write_text(mapped, "utf-8")
    publish(opened(folder, clock))
    write_next(folder, "0.2.0", "2027-01-05", SHORTER)
    made = opened(folder, clock)
    publish(made)
    found = restrict.measure(made, (("email", "ada@example.org"),), "accuracy")
    restrict.approve(made, found.name, found.state["plan"]["sha256"], "marie")
    restrict.restrict(made, found.name)
    done = everybody(made)
    assert (done.sent, done.restricted, done.done) == (2, 1, True)
    assert sorted(to for to, _, _ in letters()) == ["bob@example.org", "eve@example.org"]


def test_what_fails_is_tried_again_and_what_is_refused_is_not(coming, letters):
    class Failing:
        outcome = "failed"

        def send(self, letter):
            return Sent(self.outcome, "smtp 451")

    real = coming.mailer
    coming.__dict__["mailer"] = failing = Failing()
    done = everybody(coming)
    assert (done.sent, done.failed, done.done) == (0, 3, False)
    failing.outcome = "refused"
    done = everybody(coming)
    assert (done.done, done.recorded) == (True, False), "no letter was taken: nobody was told"
    assert "email" not in read.state(coming.ledger, "announcement/0.2.0").body["ways"]
    coming.__dict__["mailer"] = real
    assert everybody(coming).known == 3
    assert letters() == []
    state = read.state(coming.ledger, "announcement/0.2.0").body
    assert state["letters"] == {"failed": 3, "refused": 3}


def test_a_server_that_is_away_ends_the_run(coming, folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.executemany(
            "INSERT INTO customer (id, email) VALUES (?, ?)",
            [(n, f"p{n}@example.org") for n in range(10, 50)],
        )

    class Away:
        tries = 0

        def send(self, letter):
            self.tries += 1
            return Sent("failed", "ConnectionRefusedError")

    coming.__dict__["mailer"] = away = Away()
    assert not everybody(coming).done
    assert away.tries == announce_change.FAILED_MAX


def test_each_letter_is_proven_by_its_address_and_the_ledger_names_nobody(coming):
    everybody(coming)
    event = announce_change.letter_to(coming, "0.2.0", "ADA@example.org")
    assert event.kind == "letter_sent"
    assert event.facts["outcome"] == "sent"
    assert announce_change.letter_to(coming, "0.2.0", "nobody@example.org") is None
    for one in read.events(coming.ledger):
        assert not any(address in str(one) for address in ADDRESSES)
    before = read.state(coming.ledger, "announcement/0.2.0").body
    rebuild(coming.ledger)
    assert read.state(coming.ledger, "announcement/0.2.0").body == before


def test_the_promise_is_unproven_then_kept_once_every_way_is_done_in_time(coming, clock):
    assert change(coming).word == "unproven"
    everybody(coming)
    assert "not announced by site yet, due by 2026-12-06" in change(coming).broken_by[0]
    announce_change.attest(coming, "site", date(2026, 11, 23), "https://shop.example/news/7", "marie")
    found = change(coming)
    assert found.word == "kept"
    assert "1 of 1 changes announced as promised" in found.figure


def test_a_change_that_was_published_without_its_announcement_breaks_the_promise(coming, clock):
    clock.forward(days=14)  # 7 December
    found = change(coming)
    assert found.word == "broken"
    assert found.broken_by == (
        "version 0.2.0: not announced by site, due by 2026-12-06",
        "version 0.2.0: not announced by email, due by 2026-12-06",
    )
    everybody(coming)
    assert "announced by email on 2026-12-07, due by 2026-12-06" in change(coming).broken_by[1]


def test_the_next_version_that_is_announced_in_time_is_kept_once_it_holds(coming, folder, clock):
    clock.forward(days=44)
    assert change(coming).word == "broken"
    back = (SHORTER[0], SHORTER[2], SHORTER[1])
    write_next(folder, "0.3.0", "2027-03-01", back)
    made = opened(folder, clock)
    publish(made)
    everybody(made)
    announce_change.attest(made, "site", date(2027, 1, 6), "https://shop.example/news/8", "marie")
    assert change(made).word == "broken", "0.2.0 holds still"
    clock.forward(days=60)
    assert change(made).word == "kept"


def test_words_alone_are_announced_to_nobody(folder, clock):
    publish(opened(folder, clock))
    write_next(
        folder, "0.2.0", "2026-11-23", ("policy.md", "as easily as you gave it", "as easily as you said yes"),
        ("policy.fr.md", "aussi simplement que vous", "aussi facilement que vous"),
    )  # fmt: skip
    made = opened(folder, clock)
    publish(made)
    with pytest.raises(NotAllowedError, match="changes no promise that is announced"):
        everybody(made)
    assert change(made).word == "kept"


def test_what_only_promises_more_is_not_announced_ahead_where_the_policy_says_so(folder, clock):
    path = folder / "policy.md"
    told = "announced_before: 30 days\n"
    path.write_text(
        path.read_text("utf-8").replace(told, f"{told}  announced_unless: [promises_more]\n"), "utf-8"
    )
    publish(opened(folder, clock))
    write_next(folder, "0.2.0", "2026-11-23", SHORTER)
    shorter = opened(folder, clock)
    publish(shorter)
    assert change(shorter).word == "kept"
    write_next(folder, "0.3.0", "2026-11-23", (SHORTER[0], SHORTER[2], SHORTER[1]))
    longer = opened(folder, clock)
    publish(longer)
    assert change(longer).word == "broken"


def test_there_is_nothing_to_announce_of_a_first_version_or_of_none(project):
    with pytest.raises(NotFoundError, match="No version of the policy is published yet"):
        everybody(project)
    publish(project)
    with pytest.raises(NotAllowedError, match="is the first"):
        everybody(project)


def test_what_staff_attest_needs_a_day_that_was_and_what_shows_it(coming):
    with pytest.raises(NotAllowedError, match=r"still to come\. Say what shows it"):
        announce_change.attest(coming, "site", date(2026, 12, 24), " ", "marie")
    with pytest.raises(NotAllowedError, match="Staff attest site or post"):
        announce_change.attest(coming, "email", date(2026, 11, 23), "a list", "marie")
    first = announce_change.attest(coming, "post", date(2026, 11, 23), "invoice 7", "marie")
    assert announce_change.attest(coming, "post", date(2026, 11, 22), "invoice 8", "marie").id == first.id


def test_the_first_day_a_change_can_take_effect_leaves_the_time_ahead(coming):
    promised = coming.policy.change
    assert first_effective(promised, date(2026, 12, 1)) == date(2026, 12, 31)


def test_on_the_command_line(coming, folder):
    coming.ledger.close()
    said = troth(folder, "policy", "announced", "--json")
    assert (said.code, json.loads(said.out)["verdict"]) == (0, "unproven")
    sent = troth(folder, "policy", "announce", "--per-minute", "60000", "--json")
    assert (sent.code, json.loads(sent.out)["sent"]) == (0, 3)
    said = troth(folder, "policy", "announced", "--address", "bob@example.org")
    assert "A letter about version 0.2.0 went there on" in said.out
    assert (
        "No letter about version 0.2.0"
        in troth(folder, "policy", "announced", "--address", "x@example.org").out
    )
    assert troth(folder, "policy", "announce", "--by", "site", "--proof", "https://shop.example").code == 0
    assert "Announcements" in troth(folder, "policy", "announced").out


def test_the_officer_is_told_each_day_what_is_still_to_be_announced(coming):
    lines = remind._announcements(coming, "en")
    assert [" ".join(line.split()) for line in lines] == [
        "Policy: version 0.2.0 is not announced by the site yet; promised until 6 December 2026",
        "Policy: version 0.2.0 is not announced by e-mail yet; promised until 6 December 2026",
    ]
    everybody(coming)
    assert len(remind._announcements(coming, "fr")) == 1


def test_a_version_alike_one_that_was_announced_in_time_is_never_too_soon(coming, folder, clock):
    everybody(coming)
    announce_change.attest(coming, "site", date(2026, 11, 23), "https://shop.example/news/7", "marie")
    clock.forward(days=20)  # later than 6 December, by when people must know
    write_next(folder, "0.2.1", "2027-01-05")
    assert not weigh(opened(folder, clock)).too_soon
    write_next(folder, "0.2.2", "2027-01-04")
    assert weigh(opened(folder, clock)).too_soon, "that is another day than the one that people know of"
