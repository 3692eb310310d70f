"""Registers: clients, leavers, approved impersonations and address ranges of the district."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from district.calendar import DAY_US
from district.identity.people import LEAVERS
from district.identity.provider import CLIENTS
from district.stream import Statement
from district.town import Town
from schema.registers import ALWAYS

__all__ = ["client_row", "leaver", "statements"]

OLD: Final = "2025-03-01"
SINCE_US: Final = 400 * DAY_US
"""How long before the first day the leavers left."""


def leaver(number: int) -> str:
    """Account of somebody who left."""
    return f"left.clerk{number}"


def client_row(
    client: str, addresses: tuple[str, ...], created: str, sensitive: tuple[str, ...], level: int,
    since: int,
) -> Statement:  # fmt: skip
    """A row of the register of clients."""
    fields: dict[str, str | int | bool | list[str]] = {
        "addresses": list(addresses), "created": created, "sensitive_scopes": list(sensitive),
        "mlps_level": level,
    }  # fmt: skip
    return Statement("clients", (client,), fields, since)


def statements(town: Town, first: int) -> Iterator[Statement]:
    """What is known before the first day."""
    for name, (servers, level) in CLIENTS.items():
        yield client_row(name, servers, OLD, ("idcard",) * (name == "open-data"), level, ALWAYS)
        yield Statement(
            "systems", (name,), {"name": name, "unit": town.units[0].code, "mlps_level": level},
            ALWAYS,
        )  # fmt: skip
    for number in range(LEAVERS):
        row = {"unit": town.units[number].code, "left_on": "2025-05-18"}
        yield Statement("leavers", (leaver(number),), row, first - SINCE_US)
    # Known, and empty until somebody approves one.
    yield Statement(
        "impersonations", ("retired.admin", "retired.clerk"), {"ticket": "GD-2019"}, ALWAYS
    )
    for network, kind in (("198.51.100.0/28", "vpn"), ("10.40.0.0/24", "vpn")):
        yield Statement("ip_ranges", (network,), {"kind": kind, "zone": kind}, ALWAYS)
