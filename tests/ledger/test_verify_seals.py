"""The seals alone: every changed byte, missing event and foreign checkpoint is found, quickly."""

import pytest
from sqlalchemy import text

from troth.ledger import append, seal
from troth.ledger.verify import verify
from troth.ledger.verify_seals import verify_seals
from troth.rules import tree
from troth.rules.event import Draft


@pytest.fixture
def sealed(ledger):
    """A ledger with three checkpoints, of 7, 7 + 30 and 7 + 30 + 1 events."""
    for count in (7, 30, 1):
        drafts = [
            Draft("staff_read", f"site/{n % 5}", {"staff": "s", "screen": str(n)}) for n in range(count)
        ]
        append.append(ledger, drafts)
        seal.seal_all(ledger)
    append.append(ledger, [Draft("staff_read", "site/1", {"staff": "s", "screen": "waiting"})])
    return ledger


def damage(ledger, statement):
    with ledger.writing() as connection:
        connection.execute(text(statement))


def test_a_whole_ledger_is_whole_and_has_the_root_that_the_slow_way_finds(sealed):
    found = verify_seals(sealed)
    assert (found.whole, found.sealed, found.checkpoints) == (True, 38, 3)
    assert found.root == verify(sealed).root


def test_a_changed_byte_is_named(sealed):
    ident = "(SELECT id FROM leaves WHERE number = 12)"
    damage(
        sealed,
        f"UPDATE events SET stream = stream, body = (SELECT body FROM events WHERE seq = 3) WHERE id = {ident}",
    )
    wrong = [one.what for one in verify_seals(sealed).wrong]
    assert any("not those that were sealed" in one for one in wrong)
    assert any("checkpoint of 37" in one for one in wrong)
    assert not any("checkpoint of 7 " in one for one in wrong)


def test_a_missing_event_is_named_and_so_are_missing_leaves(sealed):
    damage(sealed, "DELETE FROM events WHERE id = (SELECT id FROM leaves WHERE number = 20)")
    assert [one.what for one in verify_seals(sealed).wrong] == ["The event is missing: its leaf is there."]
    damage(sealed, "DELETE FROM leaves WHERE number = 37")
    assert any("1 are not here" in one.what for one in verify_seals(sealed).wrong)


def test_leaves_sealed_in_another_order_than_their_numbers_are_whole(sealed):
    damage(sealed, "UPDATE events SET seq = 1000 WHERE seq = 4")
    assert verify_seals(sealed).whole


def test_whole_subtrees_give_the_root_of_leaf_by_leaf():
    leaves = [bytes([n]) * 32 for n in range(200)]
    for parts in ([200], [1, 2, 3, 194], [64, 64, 72], [5, 123, 1, 1, 70], [127, 73]):
        growing, at = tree.Growing(), 0
        for part in parts:
            growing.add_all(leaves[at : at + part])
            at += part
            assert growing.root() == tree.root_of(leaves[:at])
