"""Merkle tree over a batch's events: leaf = SM3(0x00 ‖ salt ‖ bytes), node = SM3(0x01 ‖ l ‖ r).

An odd node is promoted. Salts keep a redacted event's leaf from being guessed back. The prefix
bytes keep a node from passing as a leaf (RFC 6962, section 2.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crypto import sm3
from schema.errors import FengsuiError

SALT_BYTES: Final = 16
HASH_BYTES: Final = 32


def leaves(salts: Sequence[bytes], payloads: Sequence[bytes]) -> list[bytes]:
    """Leaf hashes, one for each salted payload."""
    return sm3.leaves(salts, payloads)


def _level_up(level: Sequence[bytes]) -> list[bytes]:
    pairs = [left + right for left, right in zip(level[0::2], level[1::2], strict=False)]
    above = sm3.digest_many(pairs, prefix=b"\1")
    if len(level) % 2:
        above.append(level[-1])
    return above


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over at least one leaf."""
    return sm3.merkle_root(leaf_hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The hashes that join one leaf to the root of its batch."""

    index: int
    count: int
    path: tuple[bytes, ...]


def prove(leaf_hashes: Sequence[bytes], index: int) -> Proof:
    """The proof for the leaf at ``index``."""
    path: list[bytes] = []
    level, position = leaf_hashes, index
    while len(level) > 1:
        sibling = position ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, position = _level_up(level), position // 2
    return Proof(index=index, count=len(leaf_hashes), path=tuple(path))


def check(leaf: bytes, proof: Proof, expected_root: bytes) -> None:
    """Raise ``schema.proof.invalid`` unless the proof joins the leaf to the root.

    Index and count decide the shape, so a proof cannot be reused for another place.
    """
    value, position, width = leaf, proof.index, proof.count
    path = list(proof.path)
    if 0 <= position < width:
        while width > 1:
            sibling = position ^ 1
            if sibling < width:
                if not path:
                    break
                other = path.pop(0)
                pair = value + other if position < sibling else other + value
                value = sm3.digest(b"\1" + pair)
            position, width = position // 2, (width + 1) // 2
        if width == 1 and not path and value == expected_root:
            return
    raise FengsuiError(
        "schema.proof.invalid",
        f"the proof of event {proof.index} of {proof.count} does not lead to the batch root",
        index=proof.index,
    )
