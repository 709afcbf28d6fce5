"""Whatever is changed behind the ledger's back is found and named."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import text

from troth.errors import NotAllowedError, TamperedError
from troth.ledger import append, destroy, export, read, receipt, seal
from troth.ledger.rebuild import rebuild
from troth.ledger.verify import verify, verify_export
from troth.rules.event import Draft


@pytest.fixture
def sealed(ledger, write, proven):
    """A ledger with sealed events, a payload and a destroyed key."""
    for number in range(5):
        write(stream=f"site/{number % 2}")
    seal.seal_all(ledger)
    return ledger


def change(ledger, statement, **bound):
    with ledger.engine.begin() as connection:
        return connection.execute(text(statement), bound)


def named(ledger, **more):
    return [wrong.event for wrong in verify(ledger, **more).wrong]


def test_an_untouched_ledger_is_whole(sealed, write):
    found = verify(sealed)
    assert found.whole
    assert (found.sealed, found.unsealed, found.ciphertexts) == (7, 0, 1)
    write()
    assert verify(sealed).unsealed == 1


def test_any_changed_byte_of_a_sealed_event_is_found_and_named(sealed, proven):
    body = read.event_body(sealed, proven.id)
    for place in range(0, len(body), 1 if sealed.dialect == "sqlite" else 29):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        change(sealed, "UPDATE events SET body = :b WHERE id = :i", b=changed, i=proven.id)
        assert proven.id in named(sealed), place
    change(sealed, "UPDATE events SET body = :b WHERE id = :i", b=body, i=proven.id)
    assert verify(sealed).whole


def test_a_deleted_event_is_named(sealed, proven):
    change(sealed, "DELETE FROM events WHERE id = :i", i=proven.id)
    assert proven.id in named(sealed)


def test_swapped_events_are_named(sealed):
    first, second = list(read.events(sealed))[-2:]
    one, other = read.event_body(sealed, first.id), read.event_body(sealed, second.id)
    change(sealed, "UPDATE events SET body = :b WHERE id = :i", b=other, i=first.id)
    change(sealed, "UPDATE events SET body = :b WHERE id = :i", b=one, i=second.id)
    assert {first.id, second.id} <= set(named(sealed))


def test_an_event_put_in_by_hand_is_named(sealed, proven):
    change(
        sealed,
        "INSERT INTO events (id, at_us, kind, stream, version, body) "
        "SELECT 'forged', at_us, kind, stream, version + 1, body FROM events WHERE id = :i",
        i=proven.id,
    )
    assert "forged" in named(sealed)


def test_an_event_put_in_under_the_id_of_a_sealed_one_is_named(sealed, proven):
    forged = replace(proven, stream="site/forged", version=1, facts={"request": "1", "method": "forged"})
    row = append._row(forged)
    change(
        sealed,
        f"INSERT INTO events ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})",
        **row,
    )
    change(sealed, "INSERT INTO heads VALUES ('site/forged', 1)")
    rebuild(sealed)
    assert proven.id in named(sealed)


def test_a_changed_column_beside_the_bytes_is_named(sealed, proven):
    change(sealed, "UPDATE events SET kind = 'cake' WHERE id = :i", i=proven.id)
    assert proven.id in named(sealed)


def test_a_rewritten_event_with_its_leaf_is_found_by_the_checkpoint(sealed, proven):
    from troth.rules.tree import leaf_hash

    body = read.event_body(sealed, proven.id).replace(b'"code"', b'"desk"')
    change(sealed, "UPDATE events SET body = :b WHERE id = :i", b=body, i=proven.id)
    change(sealed, "UPDATE leaves SET hash = :h WHERE id = :i", h=leaf_hash(body), i=proven.id)
    assert any("does not fit the leaves" in wrong.what for wrong in verify(sealed).wrong)


def test_a_changed_checkpoint_is_found(sealed):
    change(sealed, "UPDATE checkpoints SET note = replace(note, 'troth.ledger', 'other.ledger')")
    assert not verify(sealed).whole


def test_a_changed_payload_is_named(sealed, proven):
    change(sealed, "UPDATE vault SET ciphertext = :c WHERE id = :i", c=b"0" * 60, i=proven.id)
    assert named(sealed) == [proven.id]


def test_a_changed_state_is_found_and_mended_by_a_rebuild(sealed):
    change(sealed, "UPDATE state SET body = '{}' WHERE stream = 'site/1'")
    assert "site/1" in verify(sealed).wrong[0].what
    rebuild(sealed)
    assert verify(sealed).whole


def test_a_removed_tail_is_found_by_a_checkpoint_kept_elsewhere(sealed, write):
    kept = seal.checkpoint(sealed)
    last = list(read.events(sealed))[-1]
    for statement in (
        "DELETE FROM events WHERE id = :i", "DELETE FROM leaves WHERE id = :i",
        "UPDATE heads SET version = version - 1 WHERE stream = :s", "DELETE FROM checkpoints",
        "DELETE FROM nodes WHERE level > 0 AND (number + 1) * 2 > 6 AND level = 1",
    ):  # fmt: skip
        change(
            sealed,
            statement,
            **{k: v for k, v in {"i": last.id, "s": last.stream}.items() if f":{k}" in statement},
        )
    rebuild(sealed)
    assert any("1 of them are not here" in wrong.what for wrong in verify(sealed, outside=kept.note).wrong)


def test_rebuilt_state_is_the_same_to_the_byte_even_without_keys(sealed, ada):
    def rows():
        with sealed.reading() as connection:
            return connection.execute(text("SELECT * FROM state ORDER BY stream")).all()

    destroy.destroy(sealed, ada, "request/1", "erased")
    destroy.destroy(sealed, ada, "identifiers", "erased")
    before = rows()
    with sealed.keys.begin() as connection:
        connection.execute(text("DELETE FROM keys"))
    rebuild(sealed)
    assert rows() == before


def test_a_stream_that_began_during_a_rebuild_keeps_its_state(ledger, write):
    write(stream="site/one")
    began = []
    rebuild(ledger, lambda _: began or began.append(write(stream="site/two")))
    assert read.state(ledger, "site/two").version == 1
    assert verify(ledger).whole


def test_sealing_in_parts_gives_the_tree_of_sealing_at_once(ledger, write):
    for size in range(1, 12):
        write(stream=f"site/{size}")
        assert seal.seal(ledger).size == size
        assert seal.seal(ledger) is None
    assert verify(ledger).whole


def test_a_receipt_promises_at_once_and_proves_later(ledger, write):
    event = write()
    promised = receipt.verify(receipt.receipt(ledger, event.id))
    assert (promised.event, promised.sealed) == (event, False)
    for _ in range(6):
        write()
    seal.seal_all(ledger)
    proven = receipt.verify(receipt.receipt(ledger, event.id), *seal.verifiers(ledger))
    assert (proven.event, proven.sealed, proven.size) == (event, True, 7)


def test_which_receipts_prove_is_known_at_a_glance(ledger, write):
    first = write()
    assert receipt.sealed(ledger, []) == frozenset()
    assert receipt.sealed(ledger, [first.id]) == frozenset()
    seal.seal(ledger)
    second = write()
    assert receipt.sealed(ledger, [first.id, second.id, "made-up"]) == {first.id}
    assert receipt.sealed(ledger, []) == frozenset()


def test_a_changed_receipt_is_refused(sealed, proven):
    told = json.loads(receipt.receipt(sealed, proven.id))
    other = json.loads(receipt.receipt(sealed, list(read.events(sealed))[-1].id))
    for change_of in (
        {"event": told["event"].replace("code", "desk")}, {"place": told["place"] + 1}, {"path": other["path"]},
        {"promise": other["promise"]}, {"checkpoint": told["checkpoint"].replace("\n7\n", "\n8\n")},
        {"path": ["!"]},
    ):  # fmt: skip
        with pytest.raises(TamperedError):
            receipt.verify(json.dumps(told | change_of).encode())
    with pytest.raises(NotAllowedError):
        receipt.verify(b"{}")
    with pytest.raises(NotAllowedError):
        receipt.verify(b"not json")


def test_an_export_verifies_offline_and_any_change_in_it_is_found(sealed):
    lines = list(export.export(sealed))
    assert verify_export(iter(lines)).whole
    assert b"ada@" not in b"".join(lines)
    for number in range(1, len(lines) - 2):
        changed = lines.copy()
        changed[number] = (
            changed[number].replace(b"site", b"sine").replace(b"code", b"desk").replace(b"subj", b"subi")
        )
        assert not verify_export(iter(changed)).whole, number
    assert not verify_export(iter(lines[:3] + lines[4:])).whole
    assert not verify_export(iter(lines[:4])).whole


def test_many_events_are_sealed_in_batches(ledger, monkeypatch):
    monkeypatch.setattr(seal, "BATCH", 7)
    drafts = [Draft("staff_read", f"site/{n}", {"staff": "s", "screen": "q"}) for n in range(40)]
    append.append(ledger, drafts)
    assert seal.seal_all(ledger).size == 40
    assert verify(ledger).whole
