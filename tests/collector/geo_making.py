"""Small made-up geo files, written after the published layouts; addresses for documentation."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Node: TypeAlias = "list[Node | int | None]"


def xdb(ranges: Sequence[tuple[str, str]], *, version: int = 4) -> bytes:
    """An xdb file of (network, text), structure 2 of IPv4 and structure 3 of IPv6."""
    size = 4 if version == 4 else 16
    parts = sorted(
        (part, text)
        for network, text in ranges
        for part in _parts(ip_network(network))
    )  # fmt: skip
    texts, at = b"", 256 + 256 * 256 * 8
    places: dict[str, int] = {}
    for _, text in parts:
        if text not in places:
            places[text] = at + len(texts)
            texts += text.encode()
    first = at + len(texts)
    blocks, vector = b"", bytearray(256 * 256 * 8)
    for part, text in parts:
        begin, end = part.network_address.packed, part.broadcast_address.packed
        slot = (begin[0] * 256 + begin[1]) * 8
        here = first + len(blocks)
        since = struct.unpack_from("<I", vector, slot)[0] or here
        if size == 4:
            blocks += begin[::-1] + end[::-1]
        else:
            blocks += begin + end
        blocks += struct.pack("<HI", len(text.encode()), places[text])
        struct.pack_into("<II", vector, slot, since, first + len(blocks))
    last = first + max(0, len(blocks) - 2 * size - 6)
    head = struct.pack("<HHIIIH", 2 if size == 4 else 3, 1, 1_790_000_000, first, last, version)
    return head.ljust(256, b"\0") + bytes(vector) + texts + blocks


def _parts(network: Network) -> list[Network]:
    """No range goes beyond the first two bytes of its addresses."""
    return list(network.subnets(new_prefix=16)) if network.prefixlen < 16 else [network]


def mmdb(
    records: Sequence[tuple[str, dict[str, object]]], *, bits: int = 24, version: int = 6
) -> bytes:
    """A MaxMind DB file of (network, record)."""
    tree: list[list[object]] = [[None, None]]
    data, places = b"", []
    for network, record in records:
        places.append(len(data))
        data += _packed(record)
        parsed = ip_network(network)
        width = parsed.max_prefixlen
        number = int(parsed.network_address)
        path = [number >> (width - 1 - bit) & 1 for bit in range(parsed.prefixlen)]
        if version == 6 and width == 32:
            path = [0] * 96 + path
        node = 0
        for side in path[:-1]:
            if not isinstance(tree[node][side], int):
                tree.append([None, None])
                tree[node][side] = len(tree) - 1
            node = tree[node][side]  # type: ignore[assignment]
        tree[node][path[-1]] = ("data", places[-1])
    nodes = len(tree)
    raw = b""
    for left, right in tree:
        one, two = (_pointed(side, nodes) for side in (left, right))
        if bits == 28:
            high = (one >> 24 << 4) | two >> 24
            raw += (one & 0xFFFFFF).to_bytes(3) + bytes([high]) + (two & 0xFFFFFF).to_bytes(3)
        else:
            raw += one.to_bytes(bits // 8) + two.to_bytes(bits // 8)
    about = {"node_count": nodes, "record_size": bits, "ip_version": version}
    return raw + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _packed(about)


def _pointed(side: object, nodes: int) -> int:
    if side is None:
        return nodes
    return nodes + 16 + side[1] if isinstance(side, tuple) else int(str(side))


def _packed(value: object) -> bytes:
    if isinstance(value, dict):
        items = b"".join(_packed(key) + _packed(one) for key, one in value.items())
        return _control(7, len(value)) + items
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_packed, value))
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8)
        return _control(6, len(raw)) + raw
    raw = str(value).encode()
    return _control(2, len(raw)) + raw


def _control(kind: int, size: int) -> bytes:
    more = b"" if size < 29 else bytes([size - 29])
    head = min(size, 29)
    return bytes([kind << 5 | head]) + more if kind < 8 else bytes([head, kind - 7]) + more


CITY: dict[str, object] = {
    "country": {"iso_code": "CN"},
    "subdivisions": [{"names": {"en": "Example", "zh-CN": "示例省"}}],
    "city": {"names": {"zh-CN": "示例市"}},
    "location": {"accuracy_radius": 5},
}
