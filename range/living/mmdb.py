"""MMDB: the made-up town's places as a MaxMind DB file (its published format, version 2.0)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from district.geo import NETWORKS, Place

__all__ = ["places"]

_MARKER: Final = b"\xab\xcd\xefMaxMind.com"
_EMPTY: Final = -1
_BUILD_EPOCH: Final = 1_790_000_000


def places() -> bytes:
    """A file of IPv4 networks with country, region, city and AS number."""
    tree: list[list[int]] = [[_EMPTY, _EMPTY]]
    leaves: dict[tuple[int, int], int] = {}
    data = b""
    for network, place in NETWORKS:
        node, bits = 0, _path(network)
        for bit in bits[:-1]:
            if tree[node][bit] == _EMPTY:
                tree.append([_EMPTY, _EMPTY])
                tree[node][bit] = len(tree) - 1
            node = tree[node][bit]
        leaves[node, bits[-1]] = len(data)
        data += _packed(_record(place))
    nodes = len(tree)
    raw = b""
    for node, sides in enumerate(tree):
        for bit, child in enumerate(sides):
            leaf = leaves.get((node, bit))
            value = nodes + 16 + leaf if leaf is not None else nodes if child == _EMPTY else child
            raw += value.to_bytes(3)
    about = {
        "binary_format_major_version": 2, "binary_format_minor_version": 0,
        "build_epoch": _BUILD_EPOCH, "database_type": "Fengsui-Made-Up-City", "ip_version": 4,
        "languages": ["zh-CN"], "node_count": nodes, "record_size": 24,
    }  # fmt: skip
    return raw + bytes(16) + data + _MARKER + _packed(about)


def _path(network: str) -> list[int]:
    parsed = ip_network(network)
    number = int(parsed.network_address)
    return [number >> (31 - bit) & 1 for bit in range(parsed.prefixlen)]


def _record(place: Place) -> dict[str, object]:
    record: dict[str, object] = {
        "country": {"iso_code": place.country},
        "autonomous_system_number": place.as_number,
    }
    if place.region:
        record["subdivisions"] = [{"names": {"zh-CN": place.region}}]
        record["city"] = {"names": {"zh-CN": place.city}}
    return record


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
    """Type and size; types above 7 stand in a byte of their own, sizes up to 284 here."""
    more = b"" if size < 29 else bytes([size - 29])
    head = min(size, 29)
    return bytes([kind << 5 | head]) + more if kind < 8 else bytes([head, kind - 7]) + more
