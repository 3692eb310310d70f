"""Merkle trees: known shapes, every proof of every size, no proof for another place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from schema import merkle
from schema.errors import FengsuiError
from schema.merkle import Proof


def leaf_hashes(count: int) -> list[bytes]:
    return merkle.leaves(
        [index.to_bytes(16, "big") for index in range(count)],
        [b"event %d" % index for index in range(count)],
    )


def refused(leaf: bytes, proof: Proof, root: bytes) -> bool:
    try:
        merkle.check(leaf, proof, root)
    except FengsuiError as error:
        return error.code == "schema.proof.invalid"
    return False


def test_a_leaf_is_the_hash_of_a_zero_its_salt_and_its_bytes() -> None:
    salt = b"s" * merkle.SALT_BYTES
    assert merkle.leaves([salt], [b"event"]) == [sm3.digest(b"\0" + salt + b"event")]


def test_the_root_of_five_promotes_the_odd_one() -> None:
    one, two, three, four, five = leaf_hashes(5)

    def node(left: bytes, right: bytes) -> bytes:
        return sm3.digest(b"\1" + left + right)

    expected = node(node(node(one, two), node(three, four)), five)
    assert merkle.root([one, two, three, four, five]) == expected
    assert merkle.root([one]) == one


@pytest.mark.parametrize("count", [*range(1, 18), 255, 256, 257, 1023, 1024])
def test_every_event_of_a_batch_can_be_proven_by_at_most_ten_hashes(count: int) -> None:
    hashes = leaf_hashes(count)
    root = merkle.root(hashes)
    for index in {0, count // 2, max(0, count - 2), count - 1}:
        proof = merkle.prove(hashes, index)
        merkle.check(hashes[index], proof, root)
        assert len(proof.path) <= 10


@given(st.integers(1, 40), st.integers(0, 39), st.integers(-2, 45), st.integers(-1, 45))
def test_a_proof_does_not_hold_for_another_place(
    count: int, index: int, other: int, width: int
) -> None:
    index %= count
    hashes = leaf_hashes(count)
    root = merkle.root(hashes)
    proof = merkle.prove(hashes, index)
    moved = Proof(index=other, count=count, path=proof.path)
    assert other == index or refused(hashes[index], moved, root)
    outside = Proof(index=index, count=width, path=proof.path)
    # Another count is noticed wherever it changes the shape; the root is signed with its count.
    if not refused(hashes[index], outside, root):
        assert _turns(index, width) == _turns(index, count)


def _turns(index: int, width: int) -> list[tuple[bool, bool]]:
    """At each level: whether there is a sibling, and whether it stands on the right."""
    turns = []
    while width > 1:
        turns.append((index ^ 1 < width, index % 2 == 0))
        index, width = index // 2, (width + 1) // 2
    return [turn for turn in turns if turn[0]]


@given(st.integers(2, 40), st.integers(0, 39), st.data())
def test_a_changed_proof_leads_nowhere(count: int, index: int, data: st.DataObject) -> None:
    index %= count
    hashes = leaf_hashes(count)
    root, proof = merkle.root(hashes), merkle.prove(hashes, index)
    path = list(proof.path)
    place = data.draw(st.integers(0, len(path) - 1))
    for changed in (
        [*path[:place], bytes(32), *path[place + 1 :]],
        path[:place] + path[place + 1 :],
        [*path, bytes(32)],
    ):
        assert refused(hashes[index], Proof(index=index, count=count, path=tuple(changed)), root)
    assert refused(bytes(32), proof, root)
    assert refused(hashes[index], proof, bytes(32))


def test_an_inner_node_does_not_pass_as_an_event() -> None:
    hashes = leaf_hashes(4)
    root = merkle.root(hashes)
    forged = merkle.leaves([hashes[0][:16]], [hashes[0][16:] + hashes[1]])[0]
    path = merkle.prove(hashes, 0).path[1:]
    assert refused(forged, Proof(index=0, count=2, path=path), root)
