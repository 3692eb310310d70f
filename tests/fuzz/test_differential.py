"""A short round of ``differential.py``; the long one is run by hand, with a million cases."""

import secrets
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import differential
import operations

from crypto import engines
from crypto.engines.libcrypto import LibcryptoEngine

CHOSEN = list(engines.available().values())


@pytest.mark.parametrize("cases", [2_000, pytest.param(40_000, marks=pytest.mark.long)])
def test_the_engines_agree_in_every_operation(cases):
    seed = secrets.randbits(64)
    counts: Counter[str] = Counter()
    numbers = range(cases)
    found = differential.differences(CHOSEN, seed=seed, numbers=numbers, counts=counts)
    assert [f"seed {seed}: {one}" for one in found] == []
    every = (*operations.SM2, *operations.SM3, *operations.SM4)
    assert set(counts) == {make.__name__ for make in every}


class _Wrong(LibcryptoEngine):
    """An engine whose SM3 is wrong for whole blocks."""

    name = "wrong"

    def sm3_digest(self, data: bytes) -> bytes:
        whole = super().sm3_digest(data)
        return whole if len(data) % 64 else whole[::-1]


def test_a_planted_mistake_is_found_with_its_case():
    chosen = [LibcryptoEngine(), _Wrong()]
    found = differential.differences(chosen, seed=1, numbers=range(5_000), counts=Counter())
    difference = next(found)
    assert difference.operation == "digest"
    again = range(difference.number, difference.number + 1)
    assert str(difference) == str(
        next(differential.differences(chosen, seed=1, numbers=again, counts=Counter()))
    )
