"""Xdb: reads files of ip2region, structures 2 and 3, as its published layout says.

Little-endian throughout. A header of 256 bytes: structure u16, index policy u16, made at u32, first
and last index block u32 each; in structure 3 also the IP version u16. Then 256 x 256 pairs of u32,
by the first two bytes of an address: where its index blocks begin and end. An index block is the
first and last address of a range, length u16 and place u32 of its text. Addresses of version 4
stand little-endian in it, those of version 6 big-endian. The text has five columns between bars:
country, area, province, city, operator; in newer files country, province, city, operator, code.

Nothing of the file is trusted: every place is held against its length, a search ends after at most
32 steps, and a text is at most 65,535 bytes by its own length.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from struct import Struct, error
from typing import Final

from collector.geo.countries import CODES
from collector.geo.place import NOWHERE, Address, Place, corrupt, country_of, name_of

HEADER: Final = 256
_PAIR: Final = Struct("<II")
_INDEX: Final = HEADER + 256 * 256 * _PAIR.size
_HEAD: Final = Struct("<HHIIIH")
_TAIL: Final = Struct("<HI")
_STRUCTURES: Final = (2, 3)
_VERSION_6: Final = 6


class XdbFile:
    """One open file; it tells nothing of addresses of the other version."""

    def __init__(self, path: Path) -> None:
        """Raises ``collector.geo.corrupt`` for anything that is no such file, and ``OSError``."""
        self._name = path.name
        with path.open("rb") as file:
            try:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as why:
                raise corrupt(path.name, "it is empty") from why
        if len(self._data) < _INDEX:
            raise corrupt(path.name, "it is shorter than its own index")
        structure, _, _, first, last, version = _HEAD.unpack_from(self._data)
        if structure not in _STRUCTURES:
            raise corrupt(path.name, f"its structure is {structure}, not 2 or 3")
        self._size = 16 if structure > _STRUCTURES[0] and version == _VERSION_6 else 4
        self._block = 2 * self._size + _TAIL.size
        if not _INDEX <= first <= last <= len(self._data) - self._block:
            raise corrupt(path.name, "its index lies outside of it")

    def find(self, address: Address) -> Place:
        packed = address.packed
        if len(packed) != self._size:
            return NOWHERE
        begin, end = _PAIR.unpack_from(self._data, HEADER + (packed[0] * 256 + packed[1]) * 8)
        if begin == 0 or end == 0:
            return NOWHERE
        if not _INDEX <= begin <= end <= len(self._data):
            raise corrupt(self._name, f"the index of {packed[0]}.{packed[1]} lies outside of it")
        text = self._search(begin, end, packed)
        return _place(text) if text else NOWHERE

    def _search(self, begin: int, end: int, packed: bytes) -> str:
        """The text of the range that holds the address, empty where none does."""
        low = 0
        # Some writers name the last block, some what is behind it: one past is harmless.
        high = min((end - begin) // self._block, (len(self._data) - begin) // self._block - 1)
        while low <= high:
            middle = (low + high) // 2
            at = begin + middle * self._block
            if packed < self._address(at):
                high = middle - 1
            elif packed > self._address(at + self._size):
                low = middle + 1
            else:
                return self._text(at + 2 * self._size)
        return ""

    def _address(self, at: int) -> bytes:
        raw = self._data[at : at + self._size]
        return raw[::-1] if self._size == 4 else raw

    def _text(self, at: int) -> str:
        try:
            length, place = _TAIL.unpack_from(self._data, at)
        except error as why:
            raise corrupt(self._name, "an index block is cut off") from why
        if not _INDEX <= place <= len(self._data) - length:
            raise corrupt(self._name, "the text of a range lies outside of it")
        try:
            return self._data[place : place + length].decode("utf-8")
        except UnicodeDecodeError as why:
            raise corrupt(self._name, "the text of a range is no UTF-8") from why

    def close(self) -> None:
        self._data.close()


def _place(text: str) -> Place:
    columns = [name_of(one) for one in text.split("|")[:8]] + [""] * 5
    code = country_of(columns[4])
    if code:
        return Place(country=code, region=columns[1], city=columns[2])
    country = CODES.get(columns[0], country_of(columns[0]))
    if not country:
        # A network of the inside, or one reserved: it lies nowhere.
        return NOWHERE
    return Place(country=country, region=columns[2], city=columns[3])
