"""What is written is written once, in order, all or nothing."""

import threading

import pytest
from sqlalchemy import text

from troth.errors import ConflictError, KeyDestroyedError, NotAllowedError
from troth.ledger import append, destroy, lease, listed, read, subjects, vault
from troth.ledger.schema import open_ledger
from troth.rules.event import KINDS, Draft, decode, encode


def test_events_of_a_stream_come_back_in_order(ledger, write):
    written = [write() for _ in range(3)]
    assert list(read.stream(ledger, "site/one")) == written
    assert [event.version for event in written] == [1, 2, 3]


def test_an_event_is_the_same_after_its_bytes(write):
    event = write(facts={"staff": "élodie", "screen": "q", "reason": "x"})
    assert decode(encode(event)) == event
    assert encode(decode(encode(event))) == encode(event)


def test_saying_it_twice_under_one_key_writes_once(ledger):
    draft = Draft("staff_read", "site/one", {"staff": "s1", "screen": "queue"})
    first = append.append(ledger, [draft], once="a")
    assert append.append(ledger, [draft], once="a") == first
    assert len(read.stream(ledger, "site/one")) == 1


def test_a_writer_that_saw_an_older_version_is_refused_and_nothing_is_written(ledger, write):
    write()
    draft = Draft("staff_read", "site/one", {"staff": "s1", "screen": "queue"})
    with pytest.raises(ConflictError, match="it is at version 1, not 0"):
        append.append(ledger, [Draft("staff_read", "site/two", draft.facts), draft], expect={"site/one": 0})
    assert read.stream(ledger, "site/two") == ()
    assert read.version(ledger, "site/one") == 1


@pytest.mark.parametrize(
    ("kind", "facts", "sentence"),
    [
        ("cake", {}, "There is no kind of event called 'cake'."),
        ("staff_read", {"staff": "s"}, "An event 'staff_read' lacks screen."),
        ("staff_read", {"staff": "s", "screen": "q", "mood": 1}, "An event 'staff_read' does not know mood."),
        ("staff_read", {"staff": "a@b.example", "screen": "q"}, "looks like an e-mail address"),
        ("staff_read", {"staff": 1.5, "screen": "q"}, "neither text, whole number"),
    ],
)
def test_what_is_no_event_is_refused_with_a_sentence(ledger, kind, facts, sentence):
    with pytest.raises(NotAllowedError, match=sentence):
        append.append(ledger, [Draft(kind, "site/one", facts)])


def test_every_kind_has_a_name_and_no_fact_twice():
    for name, kind in KINDS.items():
        assert name == kind.name
        assert len(set(kind.facts + kind.optional)) == len(kind.facts + kind.optional)


def test_a_payload_is_nowhere_in_clear(ledger, proven, urls):
    assert vault.payload(ledger, proven) == {"address": "ada@example.org"}
    with ledger.reading() as connection:
        rows = connection.exec_driver_sql("SELECT body FROM events").scalars().all()
        rows += connection.exec_driver_sql("SELECT ciphertext FROM vault").scalars().all()
        rows += [text.encode() for text in connection.exec_driver_sql("SELECT body FROM state").scalars()]
    assert not any(b"ada@" in bytes(row) for row in rows)


def test_destroying_a_key_erases_its_payloads_and_no_others(ledger, ada, proven):
    other = append.append(
        ledger,
        [Draft("address_proven", "paper/2", {"request": "2", "method": "code"}, subject=ada, request="2",
               payload={"address": "x"})],
    )[0]  # fmt: skip
    event = destroy.destroy(ledger, ada, "request/1", "retention ended")
    assert event.facts["reason"] == "retention ended"
    with pytest.raises(KeyDestroyedError):
        vault.payload(ledger, proven)
    assert vault.payload(ledger, other) == {"address": "x"}
    assert destroy.destroy(ledger, ada, "request/1", "again") == event
    assert destroy.destroy(ledger, ada, "request/none", "never was") is None


def test_nothing_more_can_be_written_under_a_destroyed_key(ledger, ada, proven):
    destroy.destroy(ledger, ada, "request/1", "retention ended")
    with pytest.raises(KeyDestroyedError):
        append.append(
            ledger, [Draft("address_proven", "paper/1", proven.facts, subject=ada, request="1", payload={})]
        )


def test_one_identifier_names_one_subject_however_it_is_written(ledger, ada):
    assert subjects.find_subject(ledger, "email", " ADA@example.ORG") == ada
    assert subjects.find_subject(ledger, "email", "ada@example.com") is None
    assert subjects.add_identifier(ledger, ada, "phone", "+33 1 23 45 67 89") == ada
    assert subjects.find_subject(ledger, "phone", "0033 123456789") == ada
    assert set(subjects.identifiers(ledger, ada)) == {
        ("email", "ada@example.org"),
        ("phone", "+33 1 23 45 67 89"),
    }
    assert len(read.stream(ledger, f"subject/{ada}")) == 1


def test_one_use_of_a_fingerprint_cannot_be_joined_with_another(ledger):
    macs = {domain: subjects.fingerprint(ledger, domain, "email", "a@b.example")[1]
            for domain in ("requests", "suppression", "disclosure", "replay")}  # fmt: skip
    assert len(set(macs.values())) == 4


def test_many_writers_lose_nothing_and_number_without_gaps(ledger):
    def work(number):
        for _ in range(5):
            append.append(ledger, [Draft("staff_read", "site/one", {"staff": f"s{number}", "screen": "q"})])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [event.version for event in read.stream(ledger, "site/one")] == list(range(1, 31))


def test_two_openings_of_one_subject_at_once_open_one(ledger):
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(subjects.subject_for(ledger, "email", "bob@example.org"))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 6
    assert len(set(found)) == 1


def test_whoever_lost_the_lease_cannot_write(ledger):
    first = lease.claim(ledger, "request/1", seconds=-1)
    second = lease.claim(ledger, "request/1", seconds=60)
    assert (first.number, second.number) == (1, 2)
    assert lease.claim(ledger, "request/1", seconds=60) is None
    draft = Draft("staff_read", "site/one", {"staff": "s1", "screen": "q"})
    with pytest.raises(ConflictError, match="taken this work over"):
        append.append(ledger, [draft], lease=first)
    assert append.append(ledger, [draft], lease=second)
    assert lease.renew(ledger, second, 60)
    assert not lease.renew(ledger, first, 60)
    lease.release(ledger, second)
    assert lease.claim(ledger, "request/1", seconds=60).number == 3


def test_a_long_stream_is_kept_in_chunks_and_dropped_whole(ledger, ada):
    row = vault.put_chunks(ledger, ada, "request/1", "package", iter([b"one", b"two", b""]))
    assert b"".join(vault.get_chunks(ledger, row)) == b"onetwo"
    vault.drop(ledger, row)
    with ledger.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM vault WHERE name = 'package'").scalar() == 0


def test_as_of_leaves_out_what_came_later(ledger, write, clock):
    before = write()
    then = clock()
    clock.forward(days=1)
    write()
    assert list(read.events(ledger, as_of=then)) == [before]
    assert len(list(read.events(ledger))) == 2


def test_how_large_a_ledger_is_and_how_its_list_is_counted_is_asked_alike_of_each_engine(ledger, write, urls):
    write()
    write()
    assert [read.has_more_than(ledger, most) for most in (0, 1, 2)] == [True, True, False]
    with ledger.writing() as connection:
        connection.execute(text("DROP INDEX requests_kept_back"))
        connection.execute(text("ALTER TABLE requests DROP COLUMN kept_back_by"))
    open_ledger(*urls, ledger.master, ledger.clock).close()  # it lacked a column, and has it now
    lines = [("2026-0001", "", "2026-01-09", None, " H-1 "), ("2026-0002", "a", "2026-01-09", "2026-01-08", ""),
             ("2026-0003", "a", "2026-02-09", "2026-03-01", " H-10 H-2 ")]  # fmt: skip
    with ledger.writing() as connection:
        for number, entity, due, ended, held in lines:
            connection.execute(
                text(
                    "INSERT INTO requests (number, entity, status, rights, received, legal_due, ended_on, answer_days, "
                    "waits, kept_back_by) VALUES (:n, :e, 'received', '', '2026-01-02', :d, :z, 3, '', :h)"
                ),
                {"n": number, "e": entity, "d": due, "z": ended, "h": held},
            )
    assert listed.kept_back(ledger) == ["2026-0001", "2026-0003"]
    assert listed.kept_back(ledger, "H-1") == ["2026-0001"]
    assert sorted(listed.perhaps_late(ledger, None, "", "", "2026-01-09")) == ["2026-0001", "2026-0003"]
    assert listed.perhaps_late(ledger, ["a", ""], "", "2026-01-31", "2026-01-08") == []
    assert listed.with_legal_date(ledger, ["a"], "2026-02-01", "") == 1
    assert (listed.overdue(ledger, None, "2026-01-10"), listed.not_ended(ledger, None)) == (1, 1)
    assert listed.came(ledger, None, "2026-01-01") == [("2026-01-02", 3)]
    assert sorted(listed.ended(ledger, ["a"], "2026-01-01")) == [("2026-01-08", 3, 1), ("2026-03-01", 3, 1)]
