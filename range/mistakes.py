"""Honest mistakes and rare honest deeds that look like attacks: the near misses."""

from __future__ import annotations

import random
from collections.abc import Iterator

from actions import Action, Page, Request, Shell, Step
from timetable import DAY_S, at_hour, sql_session
from town import AGENTS, CRAWLER, MONITOR, OFFICE_NAT, VPN, database_password, password

__all__ = ["NEAR_MISSES", "mistakes"]

# Honest things that look like attacks; the label file lists them so that a false alert has a name.
NEAR_MISSES: tuple[tuple[str, float, float, str, str, str], ...] = (
    (
        "N01",
        at_hour(3.2),
        at_hour(3.3),
        "li.na",
        "mistyped password three times, then logged in",
        "职员三次输错口令后登录",
    ),
    (
        "N02",
        at_hour(13.4),
        at_hour(13.6),
        "guo.ying",
        "mistyped password twice, then logged in",
        "职员两次输错口令后登录",
    ),
    (
        "N03",
        0.0,
        DAY_S,
        "",
        "broken links on the home page give 404s to everybody",
        "首页失效链接使所有人出现 404",
    ),
    (
        "N04",
        0.0,
        DAY_S,
        MONITOR,
        "monitoring probe of web, SSH port and databases each minute",
        "监控每分钟探测",
    ),
    (
        "N05",
        at_hour(7.0),
        at_hour(8.2),
        CRAWLER,
        "allowed search crawler walks the notices",
        "获准的搜索爬虫抓取",
    ),
    (
        "N06",
        at_hour(14.2),
        at_hour(15.0),
        "dev_chen",
        "developer writes SQL with syntax errors",
        "开发人员 SQL 语法错误",
    ),
    (
        "N07",
        at_hour(5.5),
        at_hour(5.9),
        "backup_ro",
        "nightly backup reads every table and large files",
        "夜间备份大量读取",
    ),
    (
        "N08",
        at_hour(15.1),
        at_hour(15.3),
        "zhao.min",
        "legitimate password change (passwd, ALTER ROLE)",
        "正常修改口令",
    ),
    ("N09", 0.0, DAY_S, "svc.backup", "timer runs sudo every ten minutes", "定时任务执行 sudo"),
    (
        "N10",
        at_hour(16.0),
        at_hour(16.2),
        "wang.fang",
        "operator creates a role during a planned change",
        "运维按计划新建角色",
    ),
    (
        "N11",
        at_hour(18.5),
        at_hour(18.7),
        "xu.li",
        "employee tries sudo without the right, once",
        "职员无权限误用 sudo 一次",
    ),
    (
        "N12",
        at_hour(17.0),
        at_hour(17.2),
        "127.20.1.4",
        "clerk forgets the web password: five 401, then in",
        "窗口人员网页口令输错五次后登录",
    ),
)


def mistakes(dice: random.Random) -> Iterator[Action]:
    """Yield the near misses that need a hand of their own."""
    for hour, user, count, label in ((3.22, "li.na", 3, "N01"), (13.42, "guo.ying", 2, "N02")):
        for turn in range(count):
            yield Shell(
                at_s=at_hour(hour) + 7.0 * turn,
                source=OFFICE_NAT[2],
                user=user,
                wrong=("typo",),
                goodbye="",
                label=label,
            )
        yield Shell(
            at_s=at_hour(hour) + 7.0 * count + 5,
            source=OFFICE_NAT[2],
            user=user,
            label=label,
            password=password(user),
            steps=(Step(after_s=1, command="ls"),),
            length_s=90,
        )
    errors = (
        "SELEC count(*) FROM catalog",
        "SELECT titel FROM catalog",
        "SELECT * FROM catalog WHERE",
        "SELECT count(*)\n  FROM catalog c\n  JOIN grants g ON g.catalog = c.id",
        "SELECT title FROM catalog WHERE id = 12",
        "SELECT * FROM catalog WHERE title LIKE '目录1%' LIMIT 3",
    )
    for cluster, database in (("share", "share"), ("pay", "pay")):
        texts = [dice.choice(errors) for _ in range(14)]
        yield sql_session(
            at_hour(14.25),
            VPN[3],
            cluster,
            database,
            "dev_chen",
            "DBeaver 23.2.0 - Main",
            texts,
            gap_s=70,
        )
    fresh = "Kd7-lantern-Forty"
    yield Shell(
        at_s=at_hour(15.12),
        label="N08",
        source=OFFICE_NAT[5],
        user="zhao.min",
        password=password("zhao.min"),
        steps=(
            Step(
                after_s=20,
                command="passwd",
                terminal=True,
                answers=(password("zhao.min"), fresh, fresh),
            ),
            Step(
                after_s=60,
                command="passwd",
                terminal=True,
                answers=(fresh, password("zhao.min"), password("zhao.min")),
            ),
        ),
        length_s=120,
    )
    yield sql_session(
        at_hour(15.2),
        VPN[1],
        "pay",
        "pay",
        "dba_liu",
        "psql",
        (f"ALTER ROLE report_ro PASSWORD '{database_password('report_ro')}'",),
        gap_s=5,
    )
    yield sql_session(
        at_hour(16.05),
        VPN[1],
        "pay",
        "pay",
        "dba_liu",
        "psql",
        (
            "CREATE ROLE report_q4 LOGIN",
            "GRANT SELECT ON notice TO report_q4",
            "COMMENT ON TABLE notice IS '缴款通知'",
        ),
        gap_s=40,
    )
    yield Shell(
        at_s=at_hour(18.52),
        label="N11",
        source=OFFICE_NAT[7],
        user="xu.li",
        password=password("xu.li"),
        steps=(
            Step(
                after_s=30,
                command="sudo /usr/bin/ls /root",
                terminal=True,
                answers=(password("xu.li"),),
            ),
        ),
        length_s=60,
    )
    for turn in range(6):
        secret = "pw77" if turn == 5 else f"guess{turn}"
        body = f"username=user77&password={secret}".encode()
        yield Page(
            at_s=at_hour(17.03) + 25 * turn,
            label="N12",
            source=OFFICE_NAT[3],
            agent=AGENTS[3],
            requests=(Request(target=b"/login", method="POST", body=body),),
        )
    for hour in (2.3, 12.7, 19.1):
        # A misconfigured client speaks TLS to the plain port.
        yield Page(
            at_s=at_hour(hour),
            source=OFFICE_NAT[9],
            agent="",
            raw=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        )
