"""The tree, its proofs and its notes are those of the standards."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import NotAllowedError, TamperedError
from troth.ledger import note
from troth.ledger.note import Checkpoint, Verifier
from troth.rules import tree

# The test inputs and roots that RFC 6962 implementations share.
INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves):
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def nodes_of(leaves):
    found = {}
    for place, leaf in enumerate(leaves):
        for level, number, hashed in tree.added(place, leaf, lambda level, number: found[level, number]):
            found[level, number] = hashed
    return lambda level, number: found[level, number]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_the_known_ones(size):
    leaves = [tree.leaf_hash(text) for text in INPUTS[:size]]
    assert tree.root_of(leaves).hex() == ROOTS[size - 1]
    assert tree.root(size, nodes_of(leaves)).hex() == ROOTS[size - 1]


@given(st.integers(1, 70), st.data())
def test_every_leaf_of_every_tree_is_proven_and_no_other_is(size, data):
    leaves = [tree.leaf_hash(str(number).encode()) for number in range(size)]
    node, root = nodes_of(leaves), naive_root(leaves)
    assert tree.root(size, node) == tree.root_of(leaves) == root
    place = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(place, size, node)
    assert tree.included(leaves[place], place, size, path, root)
    assert not tree.included(tree.leaf_hash(b"other"), place, size, path, root)
    for wrong in {(place + 1) % size, 0} - {place}:
        assert not tree.included(leaves[place], wrong, size, path, root)


@given(st.integers(1, 70), st.data())
def test_an_old_tree_is_the_beginning_of_the_new_one(size, data):
    old = data.draw(st.integers(0, size))
    leaves = [tree.leaf_hash(str(number).encode()) for number in range(size)]
    proof = tree.consistency(old, size, nodes_of(leaves))
    old_root, root = naive_root(leaves[:old]), naive_root(leaves)
    assert tree.consistent(old, old_root, size, root, proof)
    if 0 < old < size:
        assert not tree.consistent(old, naive_root([b"x" * 32, *leaves[1:old]]), size, root, proof)


SECRET = bytes(range(32))


def test_a_note_is_signed_as_the_standard_says():
    made = note.signed("hello\n", "troth.example/log", SECRET)
    text, line = made.split("\n\n")
    mark, name, encoded = line.strip().split(" ")
    blob = base64.b64decode(encoded)
    public = note.verifier("troth.example/log", SECRET).public
    assert (text, mark, name) == ("hello", "—", "troth.example/log")
    assert blob[:4] == sha256(b"troth.example/log\n\x01" + public).digest()[:4]
    assert len(blob) == 4 + 64
    assert note.opened(made, note.verifier("troth.example/log", SECRET)) == "hello\n"


def test_a_verifier_key_is_read_as_it_is_written():
    one = note.verifier("troth.example/log", SECRET)
    assert Verifier.read(str(one)) == one
    with pytest.raises(NotAllowedError):
        Verifier.read(str(one)[:-4] + "AAA=")


def test_a_changed_or_foreign_note_is_refused():
    one = note.verifier("troth.example/log", SECRET)
    made = Checkpoint("troth.example/log", 7, b"r" * 32)
    signed = note.signed(made.text(), "troth.example/log", SECRET)
    assert Checkpoint.read(signed, one).size == 7
    with pytest.raises(TamperedError, match="does not fit"):
        Checkpoint.read(signed.replace("\n7\n", "\n8\n"), one)
    with pytest.raises(TamperedError, match="trusted"):
        Checkpoint.read(signed, note.verifier("troth.example/log", bytes(32)))
    with pytest.raises(TamperedError, match="no signature"):
        Checkpoint.read("7", one)
