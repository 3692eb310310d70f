"""Attacks that firewall and packet view see: mining, heartbeats, tunnels, uploads, ways out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.daily.acts import Act, Approved, Asked, Connected
from district.daily.devices import Session
from district.daily.machines import FILES, INTRANET, LINUX, WINDOWS
from district.daily.office import port
from district.daily.plot import Plot
from district.episode import Plan
from district.system import Attack, Occasion

__all__ = ["attacks"]

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_POOLS: Final = (
    "xmr.hashvault.pro",
    "gulf.moneroocean.stream",
    "btc.f2pool.com",
    "stratum.antpool.com",
)
_POOL_PORTS: Final = (3333, 5555, 7777, 14444)
_BULK_BYTES: Final = 2 * 10**9
"""What bulk upload begins at."""


class _Wire:
    def __init__(self, plot: Plot) -> None:
        self._plot = plot

    def pool_name(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk, name = plot.desk("D01", occasion), chance.choice(_POOLS)
        if plot.below(occasion):
            name = f"www.{name.split('.', 1)[1]}"
        happened = [
            (occasion.start + number * MINUTE_US, Asked(source=desk.address, name=name))
            for number in range(plot.once(occasion))
        ]
        return plot.label("D01", occasion, happened, desk.address)

    def pool_port(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk, to = plot.desk("D02", occasion), f"203.0.113.{140 + occasion.number}"
        to_port = chance.choice(_POOL_PORTS)
        happened = [
            (
                occasion.start + number * 200 * SECOND_US,
                Session(
                    source=desk.address, destination=to, port=to_port, source_port=port(chance),
                    sent=chance.randrange(4000, 9000), received=chance.randrange(4000, 9000),
                ),
            )
            for number in range(plot.times(occasion, 5))
        ]  # fmt: skip
        return plot.label("D02", occasion, happened, desk.address, to)

    def heartbeat(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk, to = plot.desk("D03", occasion), f"203.0.113.{40 + occasion.number}"
        pace = chance.randrange(60, 200) * SECOND_US
        happened = [
            (
                occasion.start + number * pace + int(pace * chance.uniform(-0.03, 0.03)),
                Session(
                    source=desk.address, destination=to, port=443, source_port=port(chance),
                    sent=640 + chance.randrange(40), received=320,
                ),
            )
            for number in range(1, plot.times(occasion, 30) + 1)
        ]  # fmt: skip
        return plot.label("D03", occasion, happened, desk.address, to)

    def tunnel(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk = plot.desk("D04", occasion)
        happened = [
            (
                occasion.start + number * 3 * SECOND_US,
                Asked(
                    source=desk.address, kind=chance.choice(("TXT", "CNAME", "NULL")),
                    name="".join(chance.choices(_LETTERS, k=52)) + ".t.cdn-sync.example",
                ),
            )
            for number in range(plot.times(occasion, 60))
        ]  # fmt: skip
        return plot.label("D04", occasion, happened, desk.address)

    def new_country(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        server = plot.machine((*LINUX, *WINDOWS), occasion, "D05")
        to = f"203.0.113.{180 + occasion.number}"
        below = plot.below(occasion)
        happened = [
            (
                occasion.start + number * MINUTE_US,
                Session(
                    source=server.address, destination=to, port=123 if below else 443,
                    transport="udp" if below else "tcp", source_port=port(chance), sent=40000,
                ),
            )
            for number in range(plot.once(occasion))
        ]  # fmt: skip
        return plot.label("D05", occasion, happened, server.address, to)

    def upload(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk, to = plot.desk("D06", occasion), f"198.18.172.{20 + occasion.number}"
        parts = chance.randrange(6, 20)
        wanted = _BULK_BYTES * occasion.strength // 1000
        happened = [
            (
                occasion.start + number * 5 * MINUTE_US,
                Session(
                    source=desk.address, destination=to, port=443, source_port=port(chance),
                    sent=wanted // parts + 1, received=10**5,
                ),
            )
            for number in range(parts)
        ]  # fmt: skip
        return plot.label("D06", occasion, happened, desk.address, to)

    def smb(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk = plot.desk("D20", occasion)
        first = chance.randrange(20, 100)
        happened = [
            (
                occasion.start + number * 9 * SECOND_US,
                Connected(
                    source=desk.address, port=445, size=chance.randrange(300, 5000),
                    destination=f"10.20.{1 + number % 12}.{first + number}",
                ),
            )
            for number in range(plot.times(occasion, 20))
        ]  # fmt: skip
        return plot.label("D20", occasion, happened, desk.address)

    def rdp(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk = plot.desk("D21", occasion)
        happened = [
            (
                occasion.start + number * 70 * SECOND_US,
                Connected(
                    source=desk.address, destination=f"10.30.6.{11 + number}", port=3389,
                    size=chance.randrange(2000, 200000),
                ),
            )
            for number in range(plot.times(occasion, 8))
        ]  # fmt: skip
        return plot.label("D21", occasion, happened, desk.address)

    def way_out(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        source = INTRANET[occasion.number * 3]
        return plot.label("D23", occasion, self._way_out(occasion, source, port(chance)), source)

    def _way_out(
        self, occasion: Occasion, source: str, source_port: int
    ) -> Iterator[tuple[int, Act]]:
        if self._plot.below(occasion):
            # An approved way out for an evening.
            yield (
                occasion.start,
                Approved(register="ip_ranges", key=(source,), fields={"zone": "exempt"}, hours=3),
            )
        for number in range(self._plot.once(occasion)):
            yield (
                occasion.start + (number + 1) * MINUTE_US,
                Session(
                    source=source,
                    destination="198.18.175.9",
                    port=443,
                    source_port=source_port + number,
                ),
            )

    def hotspot(self, occasion: Occasion) -> Plan:
        plot = self._plot
        source = (f"192.168.43.{20 + occasion.number}", f"172.20.10.{3 + occasion.number}")[
            occasion.number % 2
        ]
        if plot.below(occasion):
            source = f"192.168.137.{150 + occasion.number}"
        happened = [
            (
                occasion.start + number * MINUTE_US,
                Connected(source=source, destination=FILES[0], port=445, size=800),
            )
            for number in range(plot.once(occasion))
        ]
        return plot.label("D24", occasion, happened, source)


def attacks(plot: Plot) -> Iterator[Attack]:
    """All of them."""
    wire = _Wire(plot)
    yield Attack(use_case="D01", plan=wire.pool_name)
    yield Attack(use_case="D02", plan=wire.pool_port)
    yield Attack(use_case="D03", plan=wire.heartbeat, span_days=2)
    yield Attack(use_case="D04", plan=wire.tunnel, hours="office")
    yield Attack(use_case="D05", plan=wire.new_country)
    yield Attack(use_case="D06", plan=wire.upload, hours="evening")
    yield Attack(use_case="D20", plan=wire.smb, hours="office")
    yield Attack(use_case="D21", plan=wire.rdp, hours="evening")
    yield Attack(use_case="D23", plan=wire.way_out, hours="office")
    yield Attack(use_case="D24", plan=wire.hotspot, hours="office")
