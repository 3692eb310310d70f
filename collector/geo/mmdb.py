"""Mmdb: reads MaxMind DB files, after version 2.0 of the published format.

A search tree of 24-, 28- or 32-bit records, sixteen zero bytes, a data section, and behind the last
``\\xab\\xcd\\xefMaxMind.com`` the metadata. Only what a place needs is taken out of a record.

Nothing of the file is trusted: every place is held against its length, a walk ends with the bits
of the address, a pointer never leads to a pointer, maps and lists are at most
:data:`ITEMS_MAX` long and :data:`DEPTH_MAX` deep, and one record holds at most :data:`VALUES_MAX`.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Final, TypeAlias

from collector.geo.place import NOWHERE, Address, Place, corrupt, country_of, name_of

Value: TypeAlias = "str | int | bool | bytes | list[Value] | dict[str, Value]"

MARK: Final = b"\xab\xcd\xefMaxMind.com"
METADATA_BYTES_MAX: Final = 128 * 1024
"""As the format says: the mark is searched in the last 128 KiB."""
DEPTH_MAX: Final = 16
"""Records of the known files are four deep."""
ITEMS_MAX: Final = 1024
"""A record has some dozen names; languages of a metadata section some dozen too."""
VALUES_MAX: Final = 4096
"""Values in one record: pointers could unfold a small file without end."""
_SEPARATOR: Final = 16
_POINTER, _TEXT, _BYTES, _MAP, _LIST, _BOOLEAN = 1, 2, 4, 7, 11, 14
_SIGNED: Final = 8
_WIDTHS: Final = {3: 8, 5: 2, 6: 4, 8: 4, 9: 8, 10: 16, 15: 4}
"""Bytes at most of each type of number: double, u16, u32, i32, u64, u128, float."""
_FLOATS: Final = (3, 15)
_NAMES: Final = ("zh-CN", "en")


class MmdbFile:
    """One open file."""

    def __init__(self, path: Path) -> None:
        """Raises ``collector.geo.corrupt`` for anything that is no such file, and ``OSError``."""
        self._name = path.name
        with path.open("rb") as file:
            try:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as why:
                raise corrupt(path.name, "it is empty") from why
        at = self._data.rfind(MARK, max(0, len(self._data) - METADATA_BYTES_MAX))
        if at < 0:
            raise corrupt(path.name, "it has no MaxMind metadata")
        about = _Section(self._data, at + len(MARK), len(self._data), path.name).value(0)
        if not isinstance(about, dict):
            raise corrupt(path.name, "its metadata is no map")
        nodes, bits, version = (
            about.get(one) for one in ("node_count", "record_size", "ip_version")
        )
        if not isinstance(nodes, int) or bits not in (24, 28, 32) or version not in (4, 6):
            raise corrupt(path.name, "its metadata tells no tree that can be read")
        assert isinstance(bits, int)
        self._nodes, self._bits, self._version = nodes, bits, version
        tree = nodes * bits // 4
        if not 0 < tree <= at - _SEPARATOR:
            raise corrupt(path.name, "its tree lies outside of it")
        self._records = _Section(self._data, tree + _SEPARATOR, at, path.name)
        self._root4 = self._walk(0, bytes(12)) if version == 6 else 0

    def find(self, address: Address) -> Place:
        packed = address.packed
        if len(packed) == 16 and self._version == 4:
            return NOWHERE
        node = self._walk(self._root4 if len(packed) == 4 else 0, packed)
        if node <= self._nodes:
            return NOWHERE
        value = self._records.value(node - self._nodes - _SEPARATOR)
        return _place(value) if isinstance(value, dict) else NOWHERE

    def _walk(self, node: int, packed: bytes) -> int:
        for byte in packed:
            for bit in range(7, -1, -1):
                if node >= self._nodes:
                    return node
                node = self._child(node, byte >> bit & 1)
        return node

    def _child(self, node: int, side: int) -> int:
        size = self._bits // 4
        raw = self._data[node * size : node * size + size]
        if self._bits == 28:
            whole = raw[:3] if side == 0 else raw[4:]
            high = raw[3] >> 4 if side == 0 else raw[3] & 0xF
            return high << 24 | int.from_bytes(whole, "big")
        half = size // 2
        return int.from_bytes(raw[side * half : side * half + half], "big")

    def close(self) -> None:
        self._data.close()


class _Section:
    """Values between two places of a file; pointers count from its beginning."""

    def __init__(self, data: mmap.mmap, begin: int, end: int, name: str) -> None:
        self._data = data
        self._begin = begin
        self._end = end
        self._name = name
        self._left = 0

    def value(self, at: int) -> Value:
        """The value that begins there; raises ``collector.geo.corrupt``."""
        self._left = VALUES_MAX
        return self._value(self._begin + at, DEPTH_MAX, pointed=False)[0]

    def _value(self, at: int, depth: int, *, pointed: bool) -> tuple[Value, int]:
        """A value and where the next one begins."""
        self._left -= 1
        if depth == 0 or self._left < 0:
            raise corrupt(self._name, "a record is too deep or too large")
        control = self._number(at, 1)
        at += 1
        kind = control >> 5
        if kind == _POINTER:
            if pointed:
                raise corrupt(self._name, "a pointer leads to a pointer")
            to, at = self._pointer(control, at)
            return self._value(self._begin + to, depth - 1, pointed=True)[0], at
        if kind == 0:
            kind = 7 + self._number(at, 1)
            at += 1
        size, at = self._size(control & 0x1F, at)
        if kind == _MAP:
            return self._map(size, at, depth)
        if kind == _LIST:
            return self._list(size, at, depth)
        if kind == _BOOLEAN:
            return bool(size), at
        raw = self._bytes(at, size)
        if kind == _TEXT:
            return raw.decode("utf-8", "replace"), at + size
        if kind == _BYTES:
            return raw, at + size
        if size > _WIDTHS.get(kind, -1):
            raise corrupt(self._name, f"a value of type {kind} has {size} bytes")
        # No place needs a number with a fraction: its bytes are passed over.
        number = 0 if kind in _FLOATS else int.from_bytes(raw, "big", signed=False)
        if kind == _SIGNED and size == 4 and raw[0] & 0x80:
            number -= 1 << 32
        return number, at + size

    def _map(self, size: int, at: int, depth: int) -> tuple[Value, int]:
        self._check_count(size)
        found: dict[str, Value] = {}
        for _ in range(size):
            key, at = self._value(at, depth - 1, pointed=False)
            if not isinstance(key, str):
                raise corrupt(self._name, "a key of a map is no text")
            found[key], at = self._value(at, depth - 1, pointed=False)
        return found, at

    def _list(self, size: int, at: int, depth: int) -> tuple[Value, int]:
        self._check_count(size)
        items: list[Value] = []
        for _ in range(size):
            one, at = self._value(at, depth - 1, pointed=False)
            items.append(one)
        return items, at

    def _check_count(self, size: int) -> None:
        if size > ITEMS_MAX:
            raise corrupt(self._name, f"a map or list has {size} items")

    def _size(self, size: int, at: int) -> tuple[int, int]:
        if size < 29:
            return size, at
        width = size - 28
        base = {1: 29, 2: 285, 3: 65821}[width]
        return base + self._number(at, width), at + width

    def _pointer(self, control: int, at: int) -> tuple[int, int]:
        width = (control >> 3 & 3) + 1
        low = self._number(at, width)
        if width == 4:
            return low, at + 4
        base = {1: 0, 2: 2048, 3: 526336}[width]
        return base + ((control & 7) << 8 * width | low), at + width

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._bytes(at, width), "big")

    def _bytes(self, at: int, size: int) -> bytes:
        if not self._begin <= at <= self._end - size:
            raise corrupt(self._name, "a value lies outside of its section")
        return self._data[at : at + size]


def _place(record: dict[str, Value]) -> Place:
    country = record.get("country") or record.get("registered_country")
    regions = record.get("subdivisions")
    number = record.get("autonomous_system_number")
    return Place(
        country=country_of(_text(country.get("iso_code")))
        if isinstance(country, dict)
        else country_of(_text(country)),
        region=_named(regions[0]) if isinstance(regions, list) and regions else "",
        city=_named(record.get("city")),
        # An AS number has 32 bits (RFC 6793); anything else is none.
        as_number=number if isinstance(number, int) and 0 < number < 2**32 else 0,
    )


def _named(value: Value | None) -> str:
    names = value.get("names") if isinstance(value, dict) else None
    if not isinstance(names, dict):
        return ""
    return next((name_of(text) for one in _NAMES if (text := _text(names.get(one)))), "")


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""
