"""Keys lost, rotated or restored; a process killed: what then."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from troth.errors import KeyDestroyedError, NotAllowedError
from troth.ledger import destroy, keys, receipt, seal, subjects, vault
from troth.ledger.master_key import MasterKey
from troth.ledger.rebuild import rebuild
from troth.ledger.schema import open_ledger
from troth.ledger.verify import verify

MASTER = MasterKey(bytes(range(32)))
OTHER = MasterKey(bytes(range(1, 33)))


def test_without_the_master_key_the_events_still_prove_themselves(ledger, urls, clock, proven):
    seal.seal_all(ledger)
    trusted = seal.verifiers(ledger)
    written = receipt.receipt(ledger, proven.id)
    lost = open_ledger(*urls, OTHER, clock)
    with pytest.raises(NotAllowedError, match="Put the right master key back"):
        vault.payload(lost, proven)
    assert receipt.verify(written, *trusted).sealed
    assert rebuild(lost) == 2
    lost.close()


def test_another_master_key_is_refused_before_anything_is_written(ledger, urls, clock, proven):
    keys.check_master(ledger)
    lost = open_ledger(*urls, OTHER, clock)
    with pytest.raises(NotAllowedError, match="Put the right one back"):
        keys.check_master(lost)
    lost.close()


def test_a_master_key_that_is_gone_is_not_made_anew(folder):
    from troth.wiring import open_project

    made = open_project(folder)
    assert subjects.subject_for(made.ledger, "email", "ada@example.org")
    made.ledger.close()
    (folder / ".troth" / "master.key").unlink()
    with pytest.raises(NotAllowedError, match="Put the right one back"):
        assert open_project(folder).ledger
    assert not (folder / ".troth" / "master.key").exists()


def test_a_rotated_master_key_opens_everything_and_the_old_one_nothing(ledger, urls, clock, ada, proven):
    assert keys.rotate_master(ledger, OTHER) >= 3
    rotated = open_ledger(*urls, OTHER, clock)
    assert vault.payload(rotated, proven) == {"address": "ada@example.org"}
    assert subjects.find_subject(rotated, "email", "ada@example.org") == ada
    assert verify(rotated).whole
    with pytest.raises(NotAllowedError):
        vault.payload(ledger, proven)
    rotated.close()


def test_a_key_destroyed_or_made_during_a_rotation_is_neither_brought_back_nor_lost(
    ledger, urls, clock, ada, proven
):
    """Rotation holds the keys: who destroys one or makes one meanwhile comes after it."""
    with ThreadPoolExecutor(2) as others:
        begun = []

        class Rotating(MasterKey):
            def wrap(self, name, secret):
                if not begun:
                    begun.append(others.submit(destroy.destroy, ledger, ada, "request/1", "erased"))
                    begun.append(others.submit(keys.key_for, ledger, "another", "request/2"))
                    time.sleep(0.5)
                return MasterKey.wrap(self, name, secret)

        keys.rotate_master(ledger, Rotating(OTHER.secret))
        assert begun[0].result(30) is not None
        with pytest.raises(NotAllowedError, match="Put the right one back"):
            begun[1].result(30)
    rotated = open_ledger(*urls, OTHER, clock)
    keys.check_master(rotated)
    with pytest.raises(KeyDestroyedError):
        vault.payload(rotated, proven)
    rotated.close()


def test_a_rotated_signing_key_leaves_old_checkpoints_good(ledger, write):
    write()
    first = seal.seal_all(ledger)
    assert keys.rotate_own(ledger, seal.PURPOSE) == 2
    write()
    second = seal.seal_all(ledger)
    assert verify(ledger, outside=first.note).whole
    assert first.note.splitlines()[-1][:40] != second.note.splitlines()[-1][:40]


def test_fingerprints_of_an_older_key_still_find_their_subject(ledger, ada):
    keys.rotate_own(ledger, "fingerprint/requests")
    assert subjects.find_subject(ledger, "email", "ada@example.org") == ada
    bob = subjects.subject_for(ledger, "email", "bob@example.org")
    assert subjects.find_subject(ledger, "email", "bob@example.org") == bob


def test_keys_brought_back_by_a_backup_are_destroyed_again(ledger, ada, proven):
    with ledger.keys.begin() as connection:
        backup = connection.execute(text("SELECT * FROM keys WHERE file = 'request/1'")).one()._asdict()
    destroy.destroy(ledger, ada, "request/1", "erased")
    with ledger.keys.begin() as connection:
        connection.execute(text("DELETE FROM keys WHERE id = :id"), {"id": backup["id"]})
        connection.execute(
            text("INSERT INTO keys VALUES (:id, :owner, :file, :master, :wrapped, :destroyed_at, :reason)"),
            backup,
        )
    assert vault.payload(ledger, proven)
    assert destroy.settle(ledger) == (0, 1)
    with pytest.raises(KeyDestroyedError):
        vault.payload(ledger, proven)
    assert destroy.settle(ledger) == (0, 0)


def test_a_destruction_cut_short_before_its_event_is_recorded_later(ledger, ada, proven):
    with ledger.keys.begin() as connection:
        connection.execute(
            text(
                "UPDATE keys SET wrapped = NULL, master = NULL, destroyed_at = 'then' WHERE file = 'request/1'"
            )
        )
    assert destroy.settle(ledger) == (1, 0)
    assert destroy.settle(ledger) == (0, 0)


def test_an_older_ledger_restored_from_a_backup_is_told_apart(tmp_path, clock):
    urls = f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/keys.db"
    ledger = open_ledger(*urls, MASTER, clock)
    subjects.subject_for(ledger, "email", "ada@example.org")
    seal.seal_all(ledger)
    ledger.close()
    shutil.copy(tmp_path / "ledger.db", tmp_path / "backup.db")
    ledger = open_ledger(*urls, MASTER, clock)
    subjects.subject_for(ledger, "email", "bob@example.org")
    kept = seal.seal_all(ledger).note
    ledger.close()
    for leftover in ("ledger.db-wal", "ledger.db-shm"):
        (tmp_path / leftover).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / "ledger.db")
    ledger = open_ledger(*urls, MASTER, clock)
    assert verify(ledger).whole
    assert "rolled back" in verify(ledger, outside=kept).wrong[0].what
    ledger.close()


def test_the_wrapped_key_is_in_no_file_after_its_destruction(tmp_path, clock):
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/keys.db", MASTER, clock)
    keys.key_for(ledger, "someone", "request/1")
    with ledger.keys.connect() as connection:
        wrapped = bytes(connection.execute(text("SELECT wrapped FROM keys")).scalar_one())
    destroy.destroy(ledger, "someone", "request/1", "erased")
    ledger.close()
    assert not any(wrapped in file.read_bytes() for file in tmp_path.glob("keys.db*"))


WRITER = """
import sys
from datetime import UTC, datetime
from troth.ledger import append, destroy, seal
from troth.ledger.master_key import MasterKey
from troth.ledger.schema import open_ledger
from troth.rules.event import Draft
ledger = open_ledger(sys.argv[1], sys.argv[2], MasterKey(bytes(range(32))), lambda: datetime.now(UTC))
number = 0
while True:
    number += 1
    name = f"{sys.argv[3]}.{number}"
    facts = {"request": name, "method": "code"}
    draft = Draft("address_proven", f"paper/{name}", facts, subject=name, request=name, payload={"address": "x"})
    append.append(ledger, [draft, Draft("staff_read", "site/all", {"staff": "s", "screen": "q"})])
    print(name, flush=True)
    if number % 3 == 0:
        destroy.destroy(ledger, name, f"request/{name}", "test")
    if number % 4 == 0:
        seal.seal(ledger)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_ledger_with_all_it_said_it_wrote(ledger, urls):
    said = []
    for round_ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, *urls, str(round_)], stdout=subprocess.PIPE, text=True
        )
        said.append(writer.stdout.readline().strip())
        time.sleep(0.05 + 0.07 * round_)
        os.kill(writer.pid, signal.SIGKILL)
        said += writer.stdout.read().split()
        writer.wait(30)
    destroy.settle(ledger)
    found = verify(ledger)
    assert found.whole, found.wrong
    with ledger.reading() as connection:
        written = set(
            connection.execute(text("SELECT request FROM events WHERE request IS NOT NULL")).scalars()
        )
    assert said
    assert set(said) <= written
    assert seal.seal_all(ledger).size == found.sealed + found.unsealed
    assert verify(ledger).whole


def test_many_who_begin_at_once_share_one_key(ledger):
    with ThreadPoolExecutor(8) as beginning:
        found = list(beginning.map(lambda _: keys.own_key(ledger, "beginning"), range(8)))
    assert len(set(found)) == 1
