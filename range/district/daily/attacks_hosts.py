"""Attacks on the machines themselves: before ransomware, web shells, covered tracks, new rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.daily.acts import (
    Act,
    Approved,
    FileSeen,
    PortSeen,
    ProcessSeen,
    Requested,
    Said,
)
from district.daily.machines import LINUX, WEB, WINDOWS, Machine
from district.daily.plot import Plot
from district.daily.windows import Audited, started
from district.episode import Plan
from district.system import Attack, Occasion

__all__ = ["attacks"]

_SHADOWS: Final = (
    "vssadmin.exe delete shadows /all /quiet", "wmic shadowcopy delete",
    "wbadmin delete catalog -quiet", "bcdedit /set {default} recoveryenabled no",
)  # fmt: skip
_STOPPED: Final = (
    "MSSQLSERVER", "SQLSERVERAGENT", "SQLBrowser", "SQLWriter", "VeeamBackupSvc",
    "VeeamTransportSvc", "BackupExecJobEngine", "OracleServiceORCL", "MySQL80", "VSS", "wbengine",
    "swprv", "MSExchangeIS", "AcronisAgent", "SQLTELEMETRY",
)  # fmt: skip
_CMD: Final = "C:\\Windows\\System32\\cmd.exe"


class _Hosts:
    def __init__(self, plot: Plot) -> None:
        self._plot = plot

    def shadows(self, occasion: Occasion) -> Plan:
        plot = self._plot
        machine, clerk = self._windows("D07", occasion), plot.desk("D07", occasion)
        happened = [
            (
                occasion.start + number * 5 * SECOND_US,
                started(
                    machine.name, clerk.user, _CMD,
                    "vssadmin delete shadows /for=C: /oldest /quiet"
                    if plot.below(occasion)
                    else _SHADOWS[(number + occasion.number) % len(_SHADOWS)],
                    "C:\\Users\\Public\\w.exe",
                ),
            )
            for number in range(plot.once(occasion))
        ]  # fmt: skip
        return plot.label("D07", occasion, happened, machine.name)

    def encrypted(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        machine = plot.machine(
            [one for one in LINUX if one.name.startswith("nas")], occasion, "D08"
        )
        tail = "".join(chance.choices("abcdefghijkmnpqrstuvwxyz", k=6))
        happened = [
            (
                occasion.start + number * 2 * SECOND_US,
                FileSeen(
                    host=machine.name, owner="root", action="file_created",
                    path=f"/srv/share/dept{number % 7}/plan-{number}."
                         f"{chance.choice(('docx', 'xlsx', 'pdf', 'wps'))}.{tail}",
                ),
            )
            for number in range(plot.times(occasion, 40))
        ]  # fmt: skip
        return plot.label("D08", occasion, happened, machine.name)

    def stopped(self, occasion: Occasion) -> Plan:
        plot = self._plot
        machine, clerk = self._windows("D09", occasion), plot.desk("D09", occasion)
        happened = [
            (
                occasion.start + number * 20 * SECOND_US,
                started(
                    machine.name, clerk.user, "C:\\Windows\\System32\\net.exe",
                    f"net stop {_STOPPED[number]} /y", _CMD,
                ),
            )
            for number in range(plot.times(occasion, 5))
        ]  # fmt: skip
        return plot.label("D09", occasion, happened, machine.name)

    def script_written(self, occasion: Occasion) -> Plan:
        plot = self._plot
        machine = plot.machine(WEB, occasion, "D10")
        happened = [
            (
                occasion.start + number * 30 * SECOND_US,
                FileSeen(
                    host=machine.name, owner="root" if plot.below(occasion) else "www-data",
                    path=f"/srv/www/portal/upload/{occasion.day.date:%Y%m}/t{number}.jsp",
                ),
            )
            for number in range(plot.once(occasion))
        ]  # fmt: skip
        return plot.label("D10", occasion, happened, machine.name)

    def script_called(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        machine = plot.machine(WEB, occasion, "D11")
        citizen = chance.choice(plot.town.citizens)
        path = f"/affairs/{chance.getrandbits(24):06x}.jsp"
        referrer = f"https://portal.district.example{path}" if plot.below(occasion) else "-"
        happened = [
            (
                occasion.start + number * 30 * SECOND_US,
                Requested(
                    host=machine.name, address=citizen.mobile, agent=citizen.agent, path=path,
                    method="POST", size=chance.randrange(100, 4000), referrer=referrer,
                ),
            )
            for number in range(plot.once(occasion))
        ]  # fmt: skip
        return plot.label("D11", occasion, happened, machine.name, citizen.mobile)

    def shell(self, occasion: Occasion) -> Plan:
        plot, chance = self._plot, occasion.chance
        machine = plot.machine(WEB, occasion, "X03")
        # Below: so long after the file that the two are not taken for one deed.
        wait = (14 if plot.below(occasion) else 3) * MINUTE_US
        happened: list[tuple[int, Act]] = [
            (
                occasion.start,
                FileSeen(
                    host=machine.name, owner="www-data",
                    path=f"/srv/www/portal/help/{chance.getrandbits(24):06x}.jsp",
                ),
            )
        ]  # fmt: skip
        for number, command in enumerate(
            ("id", "cat /etc/passwd", "uname -a")[: plot.once(occasion)]
        ):
            happened.append(
                (
                    occasion.start + wait + number * 40 * SECOND_US,
                    ProcessSeen(
                        host=machine.name, name="sh", parent="java", user="www-data",
                        command=f"sh -c {command}", pid=chance.randrange(1000, 60000),
                    ),
                )
            )  # fmt: skip
        return plot.label("X03", occasion, happened, machine.name)

    def windows_log(self, occasion: Occasion) -> Plan:
        return self._audited("D25", occasion, 1102, {})

    def audit_policy(self, occasion: Occasion) -> Plan:
        if occasion.number % 2:
            return self._sudo("D27", occasion, "/usr/bin/systemctl stop auditd")
        return self._audited("D27", occasion, 4719, {"AuditPolicyChanges": "%%8448, %%8450"})

    def windows_administrator(self, occasion: Occasion) -> Plan:
        return self._audited(
            "D28", occasion, 4732, {"TargetSid": "S-1-5-32-544", "TargetUserName": "Administrators"}
        )

    def linux_log(self, occasion: Occasion) -> Plan:
        return self._sudo("D26", occasion, "/usr/bin/truncate -s 0 /var/log/auth.log")

    def linux_administrator(self, occasion: Occasion) -> Plan:
        machine = self._plot.machine(LINUX, occasion, "D29")
        member = self._plot.desk("D29", occasion).user
        return self._plot.label("D29", occasion, self._joined(occasion, machine, member), member)

    def new_port(self, occasion: Occasion) -> Plan:
        machine = self._plot.machine(LINUX, occasion, "D30")
        return self._plot.label("D30", occasion, self._opened(occasion, machine), machine.name)

    def _opened(self, occasion: Occasion, machine: Machine) -> Iterator[tuple[int, Act]]:
        number = occasion.chance.randrange(4000, 7000)
        if self._plot.below(occasion):
            yield occasion.start, Approved(
                register="exposed_services", key=(machine.name, str(number)),
                fields={"order": "CH"}, hours=24,
            )  # fmt: skip
        for more in range(self._plot.once(occasion)):
            yield (
                occasion.start + (more + 1) * MINUTE_US,
                PortSeen(host=machine.name, port=number + more, process="python3"),
            )

    def _joined(
        self, occasion: Occasion, machine: Machine, member: str
    ) -> Iterator[tuple[int, Act]]:
        if self._plot.below(occasion):
            yield occasion.start, self._order(member, machine.name)
        for number, group in enumerate(("sudo", "docker", "adm")[: self._plot.once(occasion)]):
            yield occasion.start + (number + 1) * SECOND_US, Said(
                host=machine.name, program="usermod", pid=occasion.chance.randrange(1000, 60000),
                text=f"add '{member}' to group '{group}'",
            )  # fmt: skip

    def _sudo(self, use_case: str, occasion: Occasion, command: str) -> Plan:
        user = self._plot.desk(use_case, occasion).user
        return self._plot.label(
            use_case, occasion, self._run(use_case, occasion, user, command), user
        )

    def _run(
        self, use_case: str, occasion: Occasion, user: str, command: str
    ) -> Iterator[tuple[int, Act]]:
        machine = self._plot.machine(LINUX, occasion, use_case)
        if self._plot.below(occasion):
            yield occasion.start, self._order(user, machine.name)
        for number in range(self._plot.once(occasion)):
            yield occasion.start + (number + 1) * 20 * SECOND_US, Said(
                host=machine.name, program="sudo", pid=occasion.chance.randrange(1000, 60000),
                text=f"{user} : TTY=pts/1 ; PWD=/root ; USER=root ; COMMAND={command}",
            )  # fmt: skip

    def _audited(
        self, use_case: str, occasion: Occasion, number: int, data: dict[str, str]
    ) -> Plan:
        machine = self._windows(use_case, occasion)
        user = self._plot.desk(use_case, occasion).user
        happened = self._told(occasion, machine, user, number, data)
        return self._plot.label(use_case, occasion, happened, machine.name)

    def _told(
        self, occasion: Occasion, machine: Machine, user: str, number: int, data: dict[str, str]
    ) -> Iterator[tuple[int, Act]]:
        if self._plot.below(occasion):
            yield occasion.start, self._order(user, machine.name)
        for more in range(self._plot.once(occasion)):
            yield (
                occasion.start + (more + 1) * 30 * SECOND_US,
                Audited(host=machine.name, number=number, user=user, data=data),
            )

    def _windows(self, use_case: str, occasion: Occasion) -> Machine:
        return self._plot.machine(WINDOWS, occasion, use_case)

    def _order(self, user: str, machine: str) -> Approved:
        return Approved(register="changes", key=(user, machine), fields={"order": "CH"}, hours=4)


def attacks(plot: Plot) -> Iterator[Attack]:
    """All of them."""
    hosts = _Hosts(plot)
    yield Attack(use_case="D07", plan=hosts.shadows, hours="night")
    yield Attack(use_case="D08", plan=hosts.encrypted, hours="night")
    yield Attack(use_case="D09", plan=hosts.stopped, hours="night")
    yield Attack(use_case="D10", plan=hosts.script_written)
    yield Attack(use_case="D11", plan=hosts.script_called)
    yield Attack(use_case="X03", plan=hosts.shell)
    yield Attack(use_case="D25", plan=hosts.windows_log)
    yield Attack(use_case="D26", plan=hosts.linux_log)
    yield Attack(use_case="D27", plan=hosts.audit_policy)
    yield Attack(use_case="D28", plan=hosts.windows_administrator)
    yield Attack(use_case="D29", plan=hosts.linux_administrator)
    yield Attack(use_case="D30", plan=hosts.new_port)
