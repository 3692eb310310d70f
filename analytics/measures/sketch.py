"""Sketch: how many different texts were seen, in a few kilobytes however many they were.

HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007) with 4096 registers: the standard error is
1.04 / sqrt(4096) = 1.6 %. It is used for more than 10,000 values only, where its raw estimate needs
no correction, and never says 10,000 of a few. The same texts give the same estimate in any order.
"""

from __future__ import annotations

import hashlib
from typing import Final

from analytics.measures.layered import Layered

EXACT_MAX: Final = 10_000
"""Different values that are counted one by one."""

_BITS: Final = 12
_REGISTERS: Final = 1 << _BITS
_RANK_MAX: Final = 64 - _BITS + 1
_ALPHA_MILLIONTHS: Final = 721_110
"""0.7213 / (1 + 1.079 / 4096), the constant of the estimate for so many registers."""
_SPARSE_MAX: Final = 256
"""Registers written before all of them are laid out: most sketches stay small."""


class Sketch:
    """Registers: few as a map, many as bytes."""

    __slots__ = ("_dense", "_sparse", "_weight")

    def __init__(self, dump: bytes = b"") -> None:
        self._sparse: dict[int, int] = {}
        self._dense: bytearray | None = None
        self._weight = _REGISTERS << _RANK_MAX
        """The sum of 2 ** -rank over the registers, in units of 2 ** -_RANK_MAX."""
        for place, rank in enumerate(dump):
            self._raise(place, rank)

    def add(self, text: str) -> None:
        """Count a text, if it was not yet."""
        digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
        number = int.from_bytes(digest)
        self._raise(number & (_REGISTERS - 1), _RANK_MAX - (number >> _BITS).bit_length())

    def merge(self, other: Sketch) -> None:
        """Count what the other has counted."""
        ranks = other._sparse.items() if other._dense is None else enumerate(other._dense)
        for place, rank in ranks:
            self._raise(place, rank)

    def estimate(self) -> int:
        """About how many different texts were counted."""
        scaled = _ALPHA_MILLIONTHS * _REGISTERS * _REGISTERS << _RANK_MAX
        return scaled // (self._weight * 1_000_000)

    def _raise(self, place: int, rank: int) -> None:
        dense = self._dense
        before = self._sparse.get(place, 0) if dense is None else dense[place]
        if rank <= before:
            return
        self._weight -= (1 << (_RANK_MAX - before)) - (1 << (_RANK_MAX - rank))
        if dense is not None:
            dense[place] = rank
            return
        self._sparse[place] = rank
        if len(self._sparse) > _SPARSE_MAX:
            self._dense = bytearray(_REGISTERS)
            for number, one in self._sparse.items():
                self._dense[number] = one
            self._sparse = {}

    def copy(self) -> Sketch:
        """A copy that shares nothing that changes."""
        other = Sketch()
        other._sparse, other._weight = self._sparse.copy(), self._weight
        other._dense = None if self._dense is None else self._dense.copy()
        return other

    def dump(self) -> bytes:
        """The snapshot form."""
        if self._dense is not None:
            return bytes(self._dense)
        return bytes(self._sparse.get(n, 0) for n in range(max(self._sparse, default=-1) + 1))


class Distinct:
    """Counts different texts: exactly up to ``EXACT_MAX``, by a sketch beyond; never backwards."""

    __slots__ = ("_most", "_sketch", "_texts")

    def __init__(self, dump: object = None) -> None:
        self._texts: Layered[str, int] = Layered()
        self._sketch: Sketch | None = None
        self._most = 0
        if isinstance(dump, list) and len(dump) == 2:
            most, held = dump
            self._most = most
            if isinstance(held, bytes):
                self._sketch = Sketch(held)
            else:
                self._texts = Layered((text, 1) for text in held)

    def add(self, text: str) -> int:
        """Count a text; how many different ones there were so far."""
        if self._sketch is None:
            self._texts.put(text, 1)
            self._most = len(self._texts)
            if self._most > EXACT_MAX:
                self._sketch = Sketch()
                for one in self._texts:
                    self._sketch.add(one)
                self._texts.clear()
        else:
            self._sketch.add(text)
            self._most = max(self._most, self._sketch.estimate())
        return self._most

    def __len__(self) -> int:
        return self._most

    def copy(self) -> Distinct:
        """A copy that shares nothing that changes."""
        other = Distinct()
        other._texts, other._most = self._texts.copy(), self._most
        other._sketch = self._sketch.copy() if self._sketch else None
        return other

    def dump(self) -> object:
        """The snapshot form."""
        if self._sketch:
            return [self._most, self._sketch.dump()]
        return [self._most, sorted(self._texts)]
