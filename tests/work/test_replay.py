"""A backup of a store is restored, and whoever was erased since it was taken is erased again."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

import story
from commanding import troth
from naming import names
from shop_project import SHOP_MAP, opened
from troth.errors import ConflictError, KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger import destroy, keys, read, seal, subjects, vault
from troth.ledger import replay as memory
from troth.work import carry_on, read_back, replay

BEFORE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def rows(folder, statement, store="shop"):
    with closing(sqlite3.connect(folder / f"{store}.db")) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def restored(project, folder):
    """Ada was erased, and then last night's backup of the shop was put back."""
    shutil.copy(folder / "shop.db", folder / "shop.backup")
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"]["done"]
    assert rows(folder, "SELECT email FROM customer WHERE id = 1") == [(None,)]
    put_back(project, folder)
    return number


def put_back(project, folder):
    project.stores["shop"].close()
    shutil.copy(folder / "shop.backup", folder / "shop.db")


def count(planned):
    return {(one.table, one.verb): one.rows for one in planned.counts}


def test_an_erasure_is_repeated_as_it_was(project, folder, restored):
    planned = replay.plan(project, "shop", BEFORE)
    assert count(planned) == {
        ("customer", "blank"): 1,
        ("message", "delete"): 1,
        ("orders", "blank"): 1,
        ("orders", "retain"): 1,
    }
    assert (planned.erasures, planned.left, planned.unnamed, planned.unrecorded) == (1, {}, {}, ())
    done = replay.repeat(project, planned)
    assert (done.erasures, done.remaining) == (1, 0)
    assert rows(folder, "SELECT id, email, name FROM customer ORDER BY id") == [
        (1, None, None),
        (2, "bob@example.org", "Bob"),
    ]
    assert rows(folder, "SELECT id FROM message") == [(2,)]
    assert rows(folder, "SELECT id, note FROM orders") == [(1, None), (2, None)]


def test_planning_changes_nothing_and_saying_it_again_does_no_more(project, folder, restored):
    before = rows(folder, "SELECT * FROM customer")
    planned = replay.plan(project, "shop", BEFORE)
    assert rows(folder, "SELECT * FROM customer") == before
    assert replay.plan(project, "shop", BEFORE).sha256 == planned.sha256
    replay.repeat(project, planned)
    again = replay.plan(project, "shop", BEFORE)
    assert (again.again, again.left) == ((), {})


def test_an_erasure_before_the_backup_is_not_looked_for(project, clock, restored):
    clock.forward(hours=3)
    planned = replay.plan(project, "shop", clock.now)
    assert (planned.erasures, planned.again, planned.unrecorded) == (0, (), ())


def test_the_events_of_a_replay_name_nobody(project, restored):
    replay.repeat(project, replay.plan(project, "shop", BEFORE))
    events = read.stream(project.ledger, "replay/shop")
    assert [event.kind for event in events] == ["act_begun", "act_ended", "verified"]
    assert all(event.subject is None and event.request is None for event in events)
    assert events[1].facts["outcome"] == "committed"
    assert events[2].facts["remaining"] == 0


def test_what_is_remembered_joins_with_no_subject_and_no_request(project, restored):
    subject = story.state(project, restored)["subject"]
    with project.ledger.reading() as connection:
        tables = ("replays", "replay_marks", "replay_maps", "replay_pending")
        told = {name: connection.execute(text(f"SELECT * FROM {name}")).all() for name in tables}
        others = set(connection.execute(text("SELECT mac FROM fingerprints")).scalars())
    assert told["replay_pending"] == []
    assert len(told["replays"]) == 1  # the news have no backups_expire
    assert len(told["replay_marks"]) == 2
    written = repr(told)
    assert subject not in written
    assert restored not in written
    assert not names(written, "ada")
    assert not others & {row.mac for row in told["replay_marks"]}


def test_somebody_who_came_back_under_a_new_account_is_left_alone_and_listed(project, folder, restored):
    rows(folder, "INSERT INTO customer VALUES (7, 'Ada@Example.org', 'Ada again', 'Lyon')")
    rows(folder, "INSERT INTO message VALUES (7, 7, 'Carl', 'welcome back')")
    planned = replay.plan(project, "shop", BEFORE)
    assert planned.left == {"customer": 1, "message": 1}
    assert count(planned)["customer", "blank"] == 1
    replay.repeat(project, planned)
    assert rows(folder, "SELECT id, name FROM customer ORDER BY id") == [
        (1, None),
        (2, "Bob"),
        (7, "Ada again"),
    ]
    assert rows(folder, "SELECT id FROM message ORDER BY id") == [(2,), (7,)]
    assert replay.plan(project, "shop", BEFORE).again == ()


def test_a_key_that_was_given_to_somebody_else_does_not_mark_them(project, folder, restored):
    rows(folder, "UPDATE customer SET email = 'carol@example.org', name = 'Carol' WHERE id = 1")
    planned = replay.plan(project, "shop", BEFORE)
    assert planned.again == ()
    assert planned.left == {"customer": 1}


def test_what_cannot_be_dated_is_old_where_nobody_wrote_since(project, folder, restored):
    rows(folder, "UPDATE customer SET id = 70 WHERE id = 1")
    rows(folder, "UPDATE message SET customer_id = 70 WHERE customer_id = 1")
    rows(folder, "UPDATE orders SET customer_id = 70 WHERE customer_id = 1")
    assert replay.plan(project, "shop", BEFORE).again == ()
    planned = replay.plan(project, "shop", BEFORE, untouched=True)
    assert count(planned)["customer", "blank"] == 1
    assert planned.left == {}


def test_the_map_of_the_erasure_is_the_one_that_is_repeated(project, folder, clock, restored):
    changed = SHOP_MAP.replace(
        "erase: {do: delete, by: dpo, because: no longer needed}",
        "erase: {do: blank, set: {body: null}, by: x, because: y}",
    )
    assert changed != SHOP_MAP
    (folder / "stores" / "shop.yaml").write_text(changed)
    later = opened(folder, clock)
    assert count(replay.plan(later, "shop", BEFORE))["message", "delete"] == 1
    later.close()
    later.ledger.close()


@pytest.mark.parametrize("boundary", ["begun", "acted"])
def test_a_replay_that_was_cut_short_is_taken_up(project, folder, restored, boundary):
    class CutError(Exception):
        pass

    def stop(passed):
        if passed == boundary:
            raise CutError

    with pytest.raises(CutError):
        replay.repeat(project, replay.plan(project, "shop", BEFORE), stop_at=stop)
    done = replay.repeat(project, replay.plan(project, "shop", BEFORE))
    assert sum(one.rows for one in done.counts if one.table == "message") == 1
    assert rows(folder, "SELECT id FROM message") == [(2,)]
    ended = [event for event in read.stream(project.ledger, "replay/shop") if event.kind == "act_ended"]
    assert [event.facts["outcome"] for event in ended].count("committed") == 1
    assert replay.plan(project, "shop", BEFORE).again == ()


def test_rows_that_came_since_the_plan_stop_it(project, folder, restored):
    planned = replay.plan(project, "shop", BEFORE)
    rows(folder, "INSERT INTO message VALUES (8, 1, 'Carl', 'one more')")
    with pytest.raises(ConflictError):
        replay.repeat(project, planned)
    assert rows(folder, "SELECT name FROM customer WHERE id = 1") == [("Ada Example",)]


def test_marks_go_when_the_backups_are_gone_and_the_request_is_named_then(project, folder, clock, restored):
    clock.forward(days=36)
    carry_on.one_round(project)
    with project.ledger.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM replay_marks")).scalar() == 0
        assert connection.execute(text("SELECT count(*) FROM replay_maps")).scalar() == 0
    planned = replay.plan(project, "shop", BEFORE)
    assert (planned.again, planned.unrecorded) == ((), (restored,))


def test_a_backup_made_between_the_restore_and_the_replay_is_covered_too(project, folder, clock, restored):
    clock.forward(days=2)
    middle = clock.now
    shutil.copy(folder / "shop.db", folder / "shop.middle")
    clock.forward(days=1)
    replay.repeat(project, replay.plan(project, "shop", BEFORE))
    project.stores["shop"].close()
    shutil.copy(folder / "shop.middle", folder / "shop.db")
    clock.forward(days=33)
    assert count(replay.plan(project, "shop", middle))["message", "delete"] == 1


def test_marks_are_found_after_their_key_was_rotated(project, restored):
    assert keys.rotate_own(project.ledger, memory.PURPOSE) == 2
    assert count(replay.plan(project, "shop", BEFORE))["message", "delete"] == 1


def test_a_mark_of_one_store_says_nothing_in_another(project, restored):
    elsewhere = memory.marker(project.ledger, "news")
    pair = memory.of_identifier("email", "ada@example.org")
    here = memory.marker(project.ledger, "shop")
    today = project.clock().date()
    assert memory.known(project.ledger, here, [pair], BEFORE, today)
    assert not memory.known(project.ledger, elsewhere, [pair], BEFORE, today)
    assert here.newest([pair]) != elsewhere.newest([pair])


def test_an_erasure_that_was_rolled_back_leaves_nothing_to_repeat(project, folder):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    rows(folder, "INSERT INTO message VALUES (8, 1, 'Carl', 'one more')")
    with pytest.raises(ConflictError):
        carry_on.carry_on(project, number)
    today = project.clock().date()
    assert memory.since(project.ledger, "shop", BEFORE, today) == ()
    with project.ledger.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM replay_pending")).scalar() == 0


def test_stores_that_cannot_be_replayed_are_refused_with_a_sentence(project, clock):
    with pytest.raises(NotFoundError, match="There is no store called 'shopp'"):
        replay.plan(project, "shopp", BEFORE)
    with pytest.raises(NotAllowedError, match="does not say how long its backups live"):
        replay.plan(project, "news", BEFORE)
    with pytest.raises(NotAllowedError, match="after now"):
        replay.plan(project, "shop", datetime(2027, 1, 1, tzinfo=UTC))


def test_the_command_shows_then_asks_then_erases(folder, project, restored):
    word = ("replay", "shop", "--taken-at", "2026-11-22T03:00Z")
    shown = troth(folder, *word)
    assert shown.code == 0
    assert "nothing was changed" in shown.out
    assert troth(folder, *word, "--check").code == 1
    told = json.loads(troth(folder, *word, "--json").out)
    assert (told["erasures"], told["repeated"], told["left"]) == (1, 1, {})
    assert not names(shown.out + json.dumps(told), "ada")
    assert troth(folder, *word, "--approve", "0" * 12, "--yes").code == 2
    assert rows(folder, "SELECT name FROM customer WHERE id = 1") == [("Ada Example",)]
    done = troth(folder, *word, "--approve", told["plan_sha256"][:12], "--yes")
    assert (done.code, "1 erasure was repeated" in done.out) == (0, True)
    assert rows(folder, "SELECT name FROM customer WHERE id = 1") == [(None,)]
    assert troth(folder, *word, "--check").code == 0


def test_the_command_refuses_what_is_no_moment(folder):
    said = troth(folder, "replay", "shop", "--taken-at", "last night")
    assert (said.code, "--taken-at is a day or a moment" in said.err) == (2, True)


def put_ledger_back(folder, clock, names):
    for name in names:
        for left_over in (folder / ".troth").glob(f"{name}.db*"):
            left_over.unlink()
        shutil.copy(folder / f"{name}.copy", folder / ".troth" / f"{name}.db")
    return opened(folder, clock)


def copy_ledger(folder):
    for name in ("ledger", "keys"):
        with (
            closing(sqlite3.connect(folder / ".troth" / f"{name}.db")) as whole,
            closing(sqlite3.connect(folder / f"{name}.copy")) as copy,
        ):
            whole.backup(copy)


def test_a_ledger_put_back_reads_forgotten_erasures_from_the_stores(project, folder, clock):
    subjects.subject_for(project.ledger, "email", "zoe@example.org")
    copy_ledger(folder)
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    project.ledger.close()
    restored = put_ledger_back(folder, clock, ("ledger",))
    forgotten = read_back.read_back(restored)
    assert [(one.store, one.request) for one in forgotten] == [("news", number), ("shop", number)]
    (event,) = read.stream(restored.ledger, "forgotten/shop")
    assert event.facts["outcome"] == "committed"
    assert read_back.read_back(restored) == ()
    planned = replay.plan(restored, "shop", BEFORE)
    assert (planned.again, planned.unrecorded) == ((), (number,))
    restored.close()
    restored.ledger.close()


def test_a_number_given_again_after_a_restore_is_not_taken_for_its_namesakes_erasure(project, folder, clock):
    subjects.subject_for(project.ledger, "email", "zoe@example.org")
    copy_ledger(folder)
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    project.ledger.close()
    restored = put_ledger_back(folder, clock, ("ledger", "keys"))
    assert story.ask(restored, "erase", email="bob@example.org") == number
    story.grant_erasure(restored, number)
    carry_on.carry_on(restored, number)
    assert story.state(restored, number)["claims"]["c1"]["done"]
    assert rows(folder, "SELECT email FROM customer") == [(None,), (None,)]
    restored.close()
    restored.ledger.close()


def test_keys_destroyed_since_the_backup_are_destroyed_again_from_the_list_that_left(project, folder, clock):
    subject = subjects.subject_for(project.ledger, "email", "zoe@example.org")
    kept = vault.put(project.ledger, subject, "request/1", "letter", b"to Zoe")
    seal.seal_all(project.ledger)
    copy_ledger(folder)
    destroy.destroy(project.ledger, subject, "request/1", "erasure")
    listed = troth(folder, "ledger", "destroyed").out
    project.ledger.close()
    restored = put_ledger_back(folder, clock, ("ledger", "keys"))
    assert vault.get(restored.ledger, kept) == b"to Zoe"
    (folder / "destroyed.txt").write_text(listed)
    said = troth(folder, "ledger", "settle", "--destroyed", folder / "destroyed.txt")
    assert (said.code, "1 keys were destroyed again" in said.out) == (0, True)
    with pytest.raises(KeyDestroyedError):
        vault.get(restored.ledger, kept)
    (folder / "destroyed.txt").write_text(listed.replace("/destroyed", "/destroyes"))
    assert troth(folder, "ledger", "settle", "--destroyed", folder / "destroyed.txt").code == 4
    restored.ledger.close()


def test_what_a_decision_exempted_stays_when_the_erasure_is_repeated(project, folder):
    shutil.copy(folder / "shop.db", folder / "shop.backup")
    number = story.ask(project, "erase")
    story.grant_erasure(project, number, exemptions=["e:shop.message:2027-06-30"])
    carry_on.carry_on(project, number)
    assert rows(folder, "SELECT id FROM message") == [(1,), (2,)]
    put_back(project, folder)
    planned = replay.plan(project, "shop", BEFORE)
    assert count(planned)["message", "retain"] == 1
    replay.repeat(project, planned)
    assert rows(folder, "SELECT id FROM message") == [(1,), (2,)]
    assert rows(folder, "SELECT email FROM customer WHERE id = 1") == [(None,)]
