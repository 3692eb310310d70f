"""Registers: what the district has written down about its machines, networks and people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from district.daily.machines import (
    ANSIBLE,
    APPROVED,
    BACKUP,
    BASTION,
    MONITOR,
    PATCH,
    SCANNER,
    Crew,
    servers,
)
from district.stream import Statement
from schema.registers import ALWAYS

__all__ = ["MEETING_ROOM", "statements"]

MEETING_ROOM: Final = "192.168.137.128/25"
"""A network of the site itself that happens to look like a shared connection of Windows."""

_RANGES: Final = (
    ("10.20.0.0/16", "office"), ("10.30.0.0/16", "server"), ("10.40.0.0/24", "vpn"),
    ("10.50.0.0/24", "intranet_only"), ("10.50.0.9", "exempt"), (MEETING_ROOM, "office"),
)  # fmt: skip


def statements(crew: Crew) -> Iterator[Statement]:
    """All that is known before the first day."""
    for address, purpose in APPROVED.items():
        yield _row("approved_destinations", (address,), purpose=purpose)
    for machine in servers():
        yield Statement(
            "assets", (machine.name,),
            {"name": machine.name, "kind": "server", "addresses": [machine.address]}, ALWAYS,
        )  # fmt: skip
    for address, kind in ((BASTION, "bastion"), (ANSIBLE, "automation"), (BACKUP, "backup"),
                          (MONITOR, "monitor"), (SCANNER, "scanner")):  # fmt: skip
        yield _row("operation_sources", (address,), kind=kind)
    for address in (SCANNER, PATCH, MONITOR):
        yield _row("scanners", (address,), owner="data bureau")
    for clerk in crew.duty:
        yield _row("night_work", (clerk.user,), why="on call")
    for network, zone in _RANGES:
        yield _row("ip_ranges", (network,), zone=zone)
    # Rows nobody asks for: what a register knows of old, before somebody travels or changes much.
    yield _row("trips", ("retired.clerk", "SG"), order="CG-2019")
    yield _row("changes", ("retired-host", "retired-task"), order="BG-2019")
    yield _row("exposed_services", ("retired-host", "443"), order="KF-2019")


def _row(register: str, key: tuple[str, ...], **fields: str) -> Statement:
    return Statement(register, key, fields, ALWAYS)
