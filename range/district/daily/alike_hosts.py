"""Honest work on machines that looks like attacks: backups, releases, maintenance, group policy."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from district.calendar import MINUTE_US, SECOND_US
from district.daily.acts import Approved, FileSeen, PortSeen, ProcessSeen, Requested, Said
from district.daily.machines import LINUX, WEB, WINDOWS
from district.daily.windows import Audited, started
from district.daily.world import Happening, When, World

__all__ = ["HostAlike"]


class HostAlike:
    """What happens on the machines, one method a use case, told from the moment it begins."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.of: Mapping[str, Callable[[When], Iterator[Happening]]] = {
            "D07": self._shadow_copies,
            "D08": self._release,
            "D09": self._maintenance,
            "D10": self._upload,
            "D11": self._new_form,
            "D25": self._archived,
            "D26": self._rotated,
            "D27": self._group_policy,
            "D28": self._ordinary_group,
            "D29": self._package_group,
            "D30": self._new_service,
            "X03": self._converter,
        }

    def _shadow_copies(self, when: When) -> Iterator[Happening]:
        machine, operator = (
            when.chance.choice(WINDOWS),
            when.chance.choice(self.world.crew.operators),
        )
        program = "C:\\Windows\\System32\\vssadmin.exe"
        yield when.at, started(machine.name, operator.user, program, "vssadmin list shadows",
                          "C:\\Windows\\System32\\cmd.exe")  # fmt: skip
        yield when.at + MINUTE_US, started(
            machine.name, f"{machine.name}$", program,
            "vssadmin delete shadows /for=D: /oldest /quiet",
            "C:\\Program Files\\Backup\\agent.exe",
        )  # fmt: skip

    def _release(self, when: When) -> Iterator[Happening]:
        machine, version = when.chance.choice(LINUX), f"{when.chance.getrandbits(24):06x}"
        signed = when.chance.random() < 0.4
        for number in range(70):
            path = (
                f"/srv/share/out/doc-{version}-{number}.pdf.p7s"
                if signed
                else f"/srv/www/portal/static/js/chunk-{version}-{number}.min.js.map"
            )
            yield when.at + number * SECOND_US, FileSeen(host=machine.name, path=path, owner="root")

    def _maintenance(self, when: When) -> Iterator[Happening]:
        machine, operator = (
            when.chance.choice(WINDOWS),
            when.chance.choice(self.world.crew.operators),
        )
        names = when.chance.sample(
            ("MSSQLSERVER", "SQLSERVERAGENT", "ReportServer", "SQLBrowser", "SQLWriter"), 3
        )
        for number, name in enumerate(names):
            for word in ("stop", "start"):
                yield when.at + (number * 60 + (word == "start") * 400) * SECOND_US, started(
                    machine.name, operator.user, "C:\\Windows\\System32\\net.exe",
                    f"net {word} {name}",
                    "C:\\Windows\\System32\\cmd.exe",
                )  # fmt: skip

    def _upload(self, when: When) -> Iterator[Happening]:
        machine, name = when.chance.choice(WEB), f"{when.chance.getrandbits(32):08x}"
        yield (
            when.at,
            FileSeen(
                host=machine.name, path=f"/srv/www/portal/upload/{name}.docx", owner="www-data"
            ),
        )
        yield (
            when.at + MINUTE_US,
            FileSeen(
                host=machine.name,
                path=f"/srv/www/portal/static/editor/jsp/{name}.jsp",
                owner="root",
            ),
        )

    def _new_form(self, when: When) -> Iterator[Happening]:
        machine = when.chance.choice(WEB)
        citizen = when.chance.choice(self.world.town.citizens)
        path = f"/affairs/form{when.chance.randrange(10**6)}.jsp"
        page = Requested(host=machine.name, address=citizen.home, agent=citizen.agent, path=path)
        sent = replace(page, method="POST", referrer=f"https://portal.district.example{path}")
        yield when.at, page
        yield when.at + MINUTE_US, sent

    def _archived(self, when: When) -> Iterator[Happening]:
        machine, operator = (
            when.chance.choice(WINDOWS),
            when.chance.choice(self.world.crew.operators),
        )
        if when.chance.random() < 0.3:
            yield when.at, self._order(operator.user, machine.name)
            yield when.at + MINUTE_US, Audited(host=machine.name, number=1102, user=operator.user)
        else:
            yield when.at, Audited(host=machine.name, number=1105, user="SYSTEM")

    def _rotated(self, when: When) -> Iterator[Happening]:
        machine, operator = when.chance.choice(LINUX), when.chance.choice(self.world.crew.operators)
        if when.chance.random() < 0.3:
            yield when.at, self._order(operator.user, machine.name)
            command = "/usr/bin/journalctl --vacuum-size=500M"
        else:
            command = when.chance.choice(
                (
                    "/usr/bin/rm -f /var/log/syslog.5.gz",
                    "/usr/bin/rm -f /srv/app/logs/app.log.3",
                    "/usr/bin/less /var/log/auth.log",
                )
            )
        yield when.at + MINUTE_US, self._sudo(machine.name, operator.user, command, when.chance)

    def _group_policy(self, when: When) -> Iterator[Happening]:
        machine, operator = (
            when.chance.choice(WINDOWS),
            when.chance.choice(self.world.crew.operators),
        )
        server = when.chance.choice(LINUX)
        yield when.at, Audited(
            host=machine.name, number=4719, user=f"{machine.name}$",
            data={"AuditPolicyChanges": when.chance.choice(("%%8448", "%%8449, %%8451"))},
        )  # fmt: skip
        approved = when.chance.random() < 0.5
        if approved:
            yield when.at, self._order(operator.user, server.name)
        verb = "stop" if approved else "restart"
        yield (
            when.at + MINUTE_US,
            self._sudo(
                server.name, operator.user, f"/usr/bin/systemctl {verb} auditd", when.chance
            ),
        )

    def _ordinary_group(self, when: When) -> Iterator[Happening]:
        machine, operator = (
            when.chance.choice(WINDOWS),
            when.chance.choice(self.world.crew.operators),
        )
        group, name = "S-1-5-32-555", "Remote Desktop Users"
        if when.chance.random() < 0.3:
            yield when.at, self._order(operator.user, machine.name)
            group, name = "S-1-5-32-544", "Administrators"
        yield when.at + MINUTE_US, Audited(
            host=machine.name, number=4732, user=operator.user,
            data={"TargetSid": group, "TargetUserName": name, "MemberName": "-"},
        )  # fmt: skip

    def _package_group(self, when: When) -> Iterator[Happening]:
        machine = when.chance.choice(LINUX)
        member, group = when.chance.choice(
            (("www-data", "ssl-cert"), ("nginx", "certs"), ("postgres", "ssl-cert"))
        )
        if when.chance.random() < 0.3:
            member, group = when.chance.choice(self.world.crew.operators).user, "sudo"
            yield when.at, self._order(member, machine.name)
        yield when.at + MINUTE_US, Said(
            host=machine.name, program="usermod", pid=when.chance.randrange(1000, 60000),
            text=f"add '{member}' to group '{group}'",
        )  # fmt: skip

    def _new_service(self, when: When) -> Iterator[Happening]:
        machine, kind = when.chance.choice(LINUX), when.chance.random()
        number = when.chance.randrange(9000, 9900)
        if kind < 0.3:
            yield (
                when.at,
                Approved(
                    register="exposed_services",
                    key=(machine.name, str(number)),
                    fields={"order": "CH"},
                    hours=24,
                ),
            )
            yield when.at + MINUTE_US, PortSeen(host=machine.name, port=number, process="java")
        elif kind < 0.7:
            yield (
                when.at,
                PortSeen(host=machine.name, port=number, process="java", address="127.0.0.1"),
            )
        else:
            yield (
                when.at,
                PortSeen(
                    host=machine.name, port=when.chance.randrange(33000, 60000), process="java"
                ),
            )

    def _converter(self, when: When) -> Iterator[Happening]:
        machine, name = when.chance.choice(WEB), f"{when.chance.getrandbits(32):08x}"
        yield (
            when.at,
            FileSeen(
                host=machine.name, path=f"/srv/www/portal/upload/{name}.docx", owner="www-data"
            ),
        )
        yield when.at + 5 * SECOND_US, ProcessSeen(
            host=machine.name, name="sh", parent="java", user="www-data",
            command=f"sh -c /usr/bin/soffice --convert-to pdf {name}.docx",
            pid=when.chance.randrange(1000, 60000),
        )  # fmt: skip

    def _order(self, user: str, machine: str) -> Approved:
        return Approved(register="changes", key=(user, machine), fields={"order": "CH"}, hours=4)

    def _sudo(self, host: str, user: str, command: str, chance: random.Random) -> Said:
        return Said(
            host=host, program="sudo", pid=chance.randrange(1000, 60000),
            text=f"{user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND={command}",
        )  # fmt: skip
