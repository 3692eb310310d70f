"""What timers do: probes, collection, synchronisation, exchange, backup, the search crawler."""

from __future__ import annotations

import random
from collections.abc import Iterator

from actions import Action, LocalSudo, Page, PortProbe, Request, Shell, Step
from timetable import at_hour, sql_session
from town import CRAWLER, CRAWLER_AGENT, HOURS, MONITOR, SYSTEM_HOSTS

__all__ = ["crawler", "machines"]


def machines(dice: random.Random) -> Iterator[Action]:
    """Yield what timers do: probes, collection, synchronisation, exchange with partners."""
    for minute in range(HOURS * 60):
        at = minute * 60.0
        health = (
            Request(target=b"/api/share/catalog/1"),
            Request(target=b"/index.html", method="HEAD"),
        )
        yield Page(at_s=at + 2, source=MONITOR, agent="Zabbix", requests=health)
        yield PortProbe(at_s=at + 5, source=MONITOR)
        for cluster, database in (("pay", "pay"), ("share", "share")):
            if minute % 2 == 0:
                yield sql_session(
                    at + 7,
                    MONITOR,
                    cluster,
                    database,
                    "monitor",
                    "zabbix_agent",
                    ("SELECT 1", "SELECT count(*) FROM pg_stat_activity"),
                )
        if minute % 2 == 0:
            yield Shell(
                at_s=at + 11 + dice.random(),
                source=SYSTEM_HOSTS["collect"],
                user="svc.collect",
                key=True,
                steps=(Step(after_s=0, command="uptime"),),
            )
        if minute % 3 == 0:
            yield Shell(
                at_s=at + 21 + dice.random(),
                source=SYSTEM_HOSTS["sync"],
                user="svc.sync",
                key=True,
                steps=(Step(after_s=0, command="date"),),
            )
        if minute % 10 == 3:
            yield LocalSudo(
                at_s=at + 1, source="", user="svc.backup", command=("/usr/bin/du", "-s", "/var/log")
            )
        if minute % 15 == 4:
            yield sql_session(
                at + 31,
                SYSTEM_HOSTS["etl"],
                "share",
                "share",
                "etl_share",
                "etl",
                [f"UPDATE catalog SET level = {n % 4} WHERE id = {n}" for n in range(1, 25)],
            )
        unit = minute % 30
        yield Page(
            at_s=at + 40,
            source=SYSTEM_HOSTS["exchange"],
            agent="Apache-HttpClient/4.5.14 (Java/1.8.0_402)",
            requests=(Request(target=f"/api/share/exchange?unit=unit{unit}".encode()),),
        )
    for night in (5.5, 29.5):
        yield from _backup(night)


def _backup(hour: float) -> Iterator[Action]:
    """Yield the nightly backup: whole tables and the large files, from one known machine."""
    host = SYSTEM_HOSTS["backup"]
    tables = {"pay": ("account", "notice", "payment"), "cert": ("certificate", "print_log")}
    for database, names in tables.items():
        yield sql_session(
            at_hour(hour),
            host,
            "pay",
            database,
            "backup_ro",
            "pg_dump",
            [f"COPY public.{name} TO stdout" for name in names],
        )
    yield sql_session(
        at_hour(hour) + 90,
        host,
        "share",
        "share",
        "backup_ro",
        "pg_dump",
        [f"COPY public.{name} TO stdout" for name in ("catalog", "grant_list")],
    )
    for number in range(1, 201):
        target = f"/files/archive-{number:04d}.pdf".encode()
        yield Page(
            at_s=at_hour(hour) + 200 + 4 * number,
            source=host,
            agent="rsnapshot-web/1.4",
            requests=(Request(target=target),),
        )


def crawler(dice: random.Random) -> Iterator[Action]:
    """Yield the walk of the allowed search crawler."""
    at = at_hour(7.0)
    yield Page(
        at_s=at, source=CRAWLER, agent=CRAWLER_AGENT, requests=(Request(target=b"/robots.txt"),)
    )
    for number in range(1, 190):
        at += dice.uniform(15, 30)
        target = f"/notice/2026-{1 + number % 66:03d}.html".encode()
        yield Page(at_s=at, source=CRAWLER, agent=CRAWLER_AGENT, requests=(Request(target=target),))
