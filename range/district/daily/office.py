"""Office: the honest days of the district's network and machines.

Browsing, updates, backups, video meetings, scanners of the security team, administrators at work,
nightly automation, releases, people who log in from home and from trips.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from district.calendar import FLAT, MINUTE_US, OFFICE, PUBLIC, SECOND_US, Day
from district.daily.acts import (
    Act,
    Asked,
    Connected,
    Entered,
    FileSeen,
    PortSeen,
    ProcessSeen,
    Requested,
    Said,
)
from district.daily.devices import Commanded, Session, Tunnel
from district.daily.machines import (
    ANSIBLE,
    AV_CLOUD,
    BACKUP,
    BACKUP_CLOUD,
    BASTION,
    FILES,
    INTRANET,
    LINUX,
    MIRROR,
    MONITOR,
    PRINTER,
    UPDATES,
    WEB,
    WINDOWS,
    Crew,
)
from district.daily.windows import Audited, started
from district.town import Clerk, Town

__all__ = ["PAGES", "SITES", "Days", "port"]

SITES: Final = (
    "oa.district.example", "portal.district.example", "www.gov.example", "news.example",
    "mail.district.example", "map.example", "cloud-meeting.example", "docs.example",
    "search.example", "video.example", "mirror.example", "weather.example", "bank.example",
)  # fmt: skip
PAGES: Final = (
    "/", "/index.html", "/notice/2026.html", "/guide/hukou.html", "/guide/company.html",
    "/affairs/list.jsp", "/affairs/detail.jsp", "/static/js/app.js", "/static/css/site.css",
    "/open/report.html", "/images/banner.png",
)  # fmt: skip
_FORMS: Final = ("/affairs/apply.jsp", "/feedback/save.jsp")
_HOOKS: Final = ("/api/notify.jsp", "/api/sms/receipt.jsp", "/api/heart.jsp")
"""Scripts that programs of others call without any page before them."""
_COMMANDS: Final = (
    "df -h", "free -m", "tail -n 200 /srv/app/logs/app.log", "systemctl status portal",
    "ls -l /data",
    "ps -ef | grep java", "vi /srv/app/conf/app.yml", "ss -lntp", "cat /etc/hosts", "top -b -n 1",
    "rm -f /tmp/upload.zip", "rm -rf /srv/app/releases/20260301", "crontab -l",
    "systemctl restart portal", "chmod 640 /srv/app/conf/app.yml", "curl -I http://127.0.0.1:8080/",
)  # fmt: skip
_SUDO: Final = (
    "/usr/bin/systemctl restart portal", "/usr/bin/systemctl status nginx",
    "/usr/bin/apt-get update",
    "/usr/bin/journalctl -u portal -n 100", "/usr/bin/tail -n 50 /var/log/syslog",
    "/usr/bin/cp /srv/app/conf/app.yml /srv/app/conf/app.yml.bak", "/usr/sbin/nginx -t",
)  # fmt: skip
_PROGRAMS: Final = (
    ("C:\\Windows\\System32\\svchost.exe", "C:\\Windows\\system32\\svchost.exe -k netsvcs -p"),
    ("C:\\Windows\\System32\\taskhostw.exe", "taskhostw.exe"),
    ("C:\\Windows\\System32\\wsqmcons.exe", "C:\\Windows\\System32\\wsqmcons.exe"),
    ("C:\\Program Files\\Backup\\agent.exe", '"C:\\Program Files\\Backup\\agent.exe" --job daily'),
    ("C:\\Windows\\System32\\ipconfig.exe", "ipconfig /all"),
    ("C:\\Windows\\System32\\gpupdate.exe", "gpupdate /target:computer"),
)  # fmt: skip
_HOME_HOURS: Final = (
    0, 0, 0, 0, 0, 0, 10, 30, 40, 20, 10, 10, 20, 10, 10, 10, 10, 20, 60, 80, 90, 60, 20, 0,
)  # fmt: skip


def port(chance: random.Random) -> int:
    """The near end of a connection."""
    return chance.randrange(49152, 65536)


def outside(chance: random.Random) -> str:
    """A site somewhere: mostly at home, some abroad."""
    if chance.random() < 0.95:
        return f"198.18.{chance.randrange(170, 200)}.{chance.randrange(1, 250)}"
    network, low = chance.choice(
        (("203.0.113", 1), ("203.0.113", 130), ("198.51.100", 1), ("198.51.100", 130))
    )
    return f"{network}.{low + chance.randrange(120)}"


class Days:
    """What happens on a day, as (moment, act)."""

    def __init__(self, town: Town, crew: Crew) -> None:
        self._town, self._crew = town, crew

    def of(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        """All of it."""
        yield from self._network(day, chance)
        yield from self._servers_out(day, chance)
        yield from self._wire(day, chance)
        yield from self._people(day, chance)
        yield from self._operators(day, chance)
        yield from self._linux(day, chance)
        yield from self._windows(day, chance)
        yield from self._web(day, chance)

    def _office(self, day: Day, chance: random.Random, base: float) -> Iterator[tuple[int, Clerk]]:
        for _ in range(day.count(chance, base if day.working else base / 12)):
            yield day.moment(chance, OFFICE), chance.choice(self._town.clerks)

    def _network(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        for at, clerk in self._office(day, chance, 500):
            sent = int(chance.lognormvariate(8, 1.5))
            yield at, Session(
                source=clerk.address, destination=outside(chance), port=443,
                source_port=port(chance), sent=sent, received=sent * chance.randrange(2, 30),
            )  # fmt: skip
        for _ in range(day.count(chance, 150)):
            citizen = chance.choice(self._town.citizens)
            yield day.moment(chance, PUBLIC), Session(
                source=citizen.home, destination=chance.choice(WEB).address, port=443,
                source_port=port(chance), direction="inbound",
            )  # fmt: skip
        for _ in range(day.count(chance, 80)):
            yield day.moment(chance, FLAT), Session(
                source=outside(chance), destination=chance.choice(WEB).address,
                port=chance.choice((22, 23, 445, 3389, 6379, 8080)), source_port=port(chance),
                allowed=False, direction="inbound",
            )  # fmt: skip
        for _ in range(day.count(chance, 25)):
            # Windows asks for its updates, wherever it stands.
            yield day.moment(chance, FLAT), Session(
                source=chance.choice(INTRANET), destination=UPDATES, port=443,
                source_port=port(chance), allowed=False,
            )  # fmt: skip

    def _servers_out(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        for machine in (*LINUX, *WINDOWS):
            minute = chance.randrange(60)
            yield day.at(chance.randrange(1, 5), minute), Session(
                source=machine.address,
                destination=MIRROR if machine.system == "linux" else UPDATES, port=443,
                 source_port=port(chance), received=chance.randrange(10**5, 10**7),
            )  # fmt: skip
            yield day.moment(chance, FLAT), Session(
                source=machine.address, destination=outside(chance), port=123, source_port=123,
                transport="udp", sent=76, received=76,
            )  # fmt: skip
        step = 20 * MINUTE_US
        for number in range(72):
            # Heartbeats of the anti-virus program's console, as even as any.
            yield day.start + number * step + chance.randrange(SECOND_US), Session(
                source=MONITOR, destination=AV_CLOUD, port=443, source_port=port(chance), sent=620,
                received=340,
            )  # fmt: skip
        yield day.at(2, chance.randrange(30)), Session(
            source=BACKUP, destination=BACKUP_CLOUD, port=443, source_port=port(chance),
            sent=chance.randrange(4, 12) * 10**9, received=10**6,
        )  # fmt: skip

    def _wire(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        for at, clerk in self._office(day, chance, 450):
            yield at, Asked(source=clerk.address, name=chance.choice(SITES))
        for at, clerk in self._office(day, chance, 60):
            label = "".join(chance.choices("abcdefghijklmnop0123456789", k=34))
            tail = chance.choice(("avts.mcafee.com", "cdn-edge.example", "tracker.example"))
            yield at, Asked(source=clerk.address, name=f"{label}.{tail}")
        for at, clerk in self._office(day, chance, 250):
            place = int(clerk.address.rsplit(".", 1)[1])
            share = FILES[(place + chance.randrange(2)) % len(FILES)]
            to, to_port = (share, 445) if chance.random() < 0.8 else (PRINTER, 9100)
            yield at, Connected(
                source=clerk.address, destination=to, port=to_port,
                size=int(chance.lognormvariate(11, 2)),
            )  # fmt: skip
        for _ in range(day.count(chance, 40)):
            machine = chance.choice(LINUX)
            yield day.moment(chance, FLAT), Connected(
                source=machine.address, destination="10.30.5.11", port=5432,
                size=chance.randrange(10**3, 10**6),
            )  # fmt: skip

    def _people(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        regulars = self._crew.others[:40]
        for _ in range(day.count(chance, 45)):
            clerk = chance.choice(regulars)
            at = day.moment(chance, _HOME_HOURS)
            where = self.home_of(clerk)
            yield at, Tunnel(user=clerk.user, address=where, inner=clerk.vpn)
            yield (
                min(at + chance.randrange(20, 120) * MINUTE_US, day.at(23, 59)),
                Tunnel(user=clerk.user, address=where, inner=clerk.vpn, action="vpn_logout"),
            )
            if chance.random() < 0.06:
                yield (
                    at - MINUTE_US,
                    Tunnel(user=clerk.user, address=where, inner=clerk.vpn, success=False),
                )
        for clerk in (*self._crew.travellers, *self._crew.operators):
            if chance.random() < 0.6:
                yield (
                    day.moment(chance, _HOME_HOURS),
                    Tunnel(user=clerk.user, address=self.home_of(clerk), inner=clerk.vpn),
                )
        clerk = self._crew.duty[day.number % len(self._crew.duty)]
        yield (
            day.at(chance.randrange(1, 5), chance.randrange(60)),
            Tunnel(user=clerk.user, address=self.home_of(clerk), inner=clerk.vpn),
        )

    def home_of(self, clerk: Clerk) -> str:
        """Where somebody logs in from: a line of their own."""
        place = int(clerk.vpn.rsplit(".", 1)[1])
        return f"198.19.{210 + place % 20}.{place % 200 + 1}"

    def _operators(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        for _ in range(day.count(chance, 25 if day.working else 3)):
            clerk, machine = chance.choice(self._crew.operators), chance.choice(LINUX)
            at = day.moment(chance, OFFICE)
            session = Commanded(
                user=clerk.user, address=clerk.address, target=machine.address, account="ops"
            )
            yield at, replace(session, action="session_opened")
            yield (
                at + SECOND_US,
                Entered(host=machine.name, user=clerk.user, address=BASTION, port=port(chance)),
            )
            yield (
                at + 2 * SECOND_US,
                Connected(
                    source=BASTION,
                    destination=machine.address,
                    port=22,
                    size=chance.randrange(10**4, 10**6),
                ),
            )
            for number in range(chance.randrange(2, 8)):
                yield (
                    at + (number + 1) * 40 * SECOND_US,
                    replace(session, command=chance.choice(_COMMANDS)),
                )
            yield at + 8 * MINUTE_US, replace(session, action="session_closed")

    def _linux(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        begin = day.at(3, chance.randrange(20))
        for number, machine in enumerate(LINUX):
            # Automation goes from machine to machine each night, backup once more.
            yield (
                begin + number * 20 * SECOND_US,
                Entered(host=machine.name, user="deploy", address=ANSIBLE, port=port(chance)),
            )
            if number % 3 == 0:
                yield (
                    day.at(4, number),
                    Entered(host=machine.name, user="git", address=BACKUP, port=port(chance)),
                )
        for _ in range(day.count(chance, 60)):
            machine = chance.choice(LINUX)
            yield day.moment(chance, FLAT), Said(
                host=machine.name, program="CRON", pid=chance.randrange(1000, 60000),
                text="(root) CMD (test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily)",
            )  # fmt: skip
        for _ in range(day.count(chance, 30 if day.working else 4)):
            machine, clerk = chance.choice(LINUX), chance.choice(self._crew.operators)
            yield day.moment(chance, OFFICE), Said(
                host=machine.name, program="sudo", pid=chance.randrange(1000, 60000),
                text=f"{clerk.user} : TTY=pts/0 ; PWD=/home/{clerk.user} ; USER=root ; "
                     f"COMMAND={chance.choice(_SUDO)}",
            )  # fmt: skip
        for _ in range(day.count(chance, 60)):
            machine = chance.choice(LINUX)
            name, parent, command = chance.choice(
                (
                    ("sh", "cron", "/bin/sh -c run-parts /etc/cron.hourly"),
                    ("bash", "sshd", "-bash"),
                    ("python3", "systemd", "/usr/bin/python3 /srv/app/report.py"),
                    ("sh", "java", "sh -c /usr/bin/convert in.docx out.pdf"),
                    ("convert", "php-fpm", "convert -resize 300 a.jpg b.jpg"),
                )
            )
            yield day.moment(chance, FLAT), ProcessSeen(
                host=machine.name, name=name, parent=parent, command=command, user="app",
                pid=chance.randrange(1000, 60000),
            )  # fmt: skip
        for _ in range(day.count(chance, 8)):
            machine = chance.choice(LINUX)
            at = day.moment(chance, FLAT)
            for action in ("port_closed", "port_opened"):
                yield at, PortSeen(host=machine.name, port=8080, process="java", action=action)
                at += 20 * SECOND_US
        if day.number % 7 == 0:
            # Once a week each machine is updated and its services start anew.
            for machine in LINUX:
                yield (
                    day.at(3, 50, chance.randrange(60)),
                    PortSeen(host=machine.name, port=8080, process="java"),
                )
        for machine in LINUX:
            # The exporter of the monitor starts with each day.
            yield (
                day.at(3, 30, chance.randrange(60)),
                PortSeen(host=machine.name, port=9100, process="node_exporter"),
            )

    def _windows(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        for _ in range(day.count(chance, 160)):
            machine = chance.choice(WINDOWS)
            program, command = chance.choice(_PROGRAMS)
            yield day.moment(chance, FLAT), started(
                machine.name, f"{machine.name}$", program, command,
                "C:\\Windows\\System32\\services.exe",
            )  # fmt: skip
        for _ in range(day.count(chance, 120)):
            machine, clerk = chance.choice(WINDOWS), chance.choice(self._town.clerks)
            at = day.moment(chance, OFFICE)
            yield at, Audited(
                host=machine.name, number=4624, user=clerk.user,
                data={"LogonType": "3", "TargetUserName": clerk.user},
            )  # fmt: skip
            yield at + 3 * MINUTE_US, Audited(host=machine.name, number=4634, user=clerk.user)

    def _web(self, day: Day, chance: random.Random) -> Iterator[tuple[int, Act]]:
        for _ in range(day.count(chance, 120)):
            citizen = chance.choice(self._town.citizens)
            machine, at = chance.choice(WEB), day.moment(chance, PUBLIC)
            address = citizen.mobile if chance.random() < 0.5 else citizen.home
            for number in range(chance.randrange(1, 5)):
                yield at + number * 9 * SECOND_US, Requested(
                    host=machine.name, address=address, agent=citizen.agent,
                    path=chance.choice(PAGES), size=chance.randrange(2000, 60000),
                )  # fmt: skip
            if chance.random() < 0.2:
                path = chance.choice(_FORMS)
                yield at + 60 * SECOND_US, Requested(
                    host=machine.name, address=citizen.home, agent=citizen.agent, path=path,
                    method="POST", referrer=f"https://portal.district.example{path}",
                )  # fmt: skip
        for machine in WEB:
            for _ in range(3):
                yield day.moment(chance, FLAT), Requested(
                    host=machine.name, address="10.30.4.11", agent="Java/1.8.0_402",
                    path=chance.choice(_HOOKS), method="POST", size=40,
                )  # fmt: skip
            for _ in range(day.count(chance, 8)):
                name = f"{chance.getrandbits(32):08x}.{chance.choice(('jpg', 'pdf', 'png'))}"
                yield day.moment(chance, PUBLIC), FileSeen(
                    host=machine.name, path=f"/srv/www/portal/upload/{day.date:%Y%m}/{name}",
                    owner="www-data",
                )  # fmt: skip
