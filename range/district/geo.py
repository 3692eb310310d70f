"""Geo: where the made-up addresses lie. Synthetic; a site brings its own file."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

__all__ = ["NETWORKS", "Place", "place"]


class Place(NamedTuple):
    """What a geo file says of a network."""

    country: str
    region: str
    city: str
    as_number: int


NETWORKS: Final = (
    ("198.18.0.0/24", Place("CN", "示例省", "示例市", 64496)),  # a mobile operator
    ("198.18.1.0/24", Place("CN", "示例省", "示例市", 64497)),  # another one
    ("198.18.128.0/17", Place("CN", "邻省", "邻市", 64499)),
    ("198.19.0.0/16", Place("CN", "示例省", "示例市", 64498)),  # fixed lines
    ("203.0.113.0/25", Place("US", "", "", 64510)),
    ("203.0.113.128/25", Place("NL", "", "", 64511)),
    ("198.51.100.0/25", Place("SG", "", "", 64512)),
    ("198.51.100.128/25", Place("DE", "", "", 64513)),
)
"""Internal networks have no place, as in any geo file."""

_PARSED: Final = [(ip_network(network), found) for network, found in NETWORKS]


@lru_cache(maxsize=65536)
def place(address: str) -> Place | None:
    """Where the address lies, or None for an internal or unknown one."""
    parsed = ip_address(address)
    return next((found for network, found in _PARSED if parsed in network), None)
