"""Honest behaviour: citizens, clerks, operators, developers, timers, probes and their mistakes.

Everything is planned beforehand from one seed, as actions with recorded times, so that two
recordings with one seed hold the same deeds.
"""

from __future__ import annotations

import random
import urllib.parse
from collections.abc import Iterator

from actions import Action, Page, Request, Shell, Step
from machines import crawler, machines
from mistakes import mistakes
from timetable import DAY_S, sql_session
from town import (
    AGENTS,
    CITIZEN_NAT,
    DEVELOPERS,
    EMPLOYEES,
    OFFICE_NAT,
    OPERATORS,
    VPN,
    citizen_number,
    load_at,
    password,
)

__all__ = ["plan"]

_PAGES_PER_LOAD_HOUR = 1000
_SHELLS_PER_LOAD_HOUR = 17
_QUERIES_PER_LOAD_HOUR = 16
_PEAK = 2.0
_SITE = "http://portal.gov.example"
_STATIC = (
    *("css/gov.css", "css/theme-red.css", "js/vue.min.js", "js/app.js", "img/logo.png"),
    *("img/emblem.png", "img/banner-2026.jpg", "fonts/iconfont.woff2", "favicon.ico"),
)
_WORDS = ("居住证明", "社保缴费", "不动产登记", "营业执照", "学籍", "医保", "公积金", "低保")
_BROKEN = ("/img/banner-2025.png", "/notice/2025-118.html", "/js/stat.js", "/help/old/faq.html")


def plan(seed: int) -> list[Action]:
    """Return every honest action of the recorded time, in order."""
    dice = random.Random(seed)
    actions: list[Action] = [
        *_citizens(dice),
        *machines(dice),
        *_shells(dice),
        *_queries(dice),
        *crawler(dice),
        *mistakes(dice),
    ]
    return sorted(actions, key=lambda action: action.at_s)


def _moments(dice: random.Random, *, per_load_hour: float) -> Iterator[float]:
    """Yield moments that follow the day curve (a thinned Poisson process)."""
    at = 0.0
    while True:
        at += dice.expovariate(per_load_hour * _PEAK / 3600.0)
        if at >= DAY_S:
            return
        if dice.random() < load_at(at) / _PEAK:
            yield at


def _statics(dice: random.Random, *, page: str) -> list[Request]:
    """Return the files a browser fetches after a page, some from its cache."""
    names = dice.sample(_STATIC, dice.randrange(2, 7))
    fresh = dice.random() < 0.35
    requests = [
        Request(target=f"/{name}".encode(), referer=_SITE + page, cached=not fresh)
        for name in names
    ]
    if dice.random() < 0.14:
        broken = dice.choice(_BROKEN)
        requests.append(Request(target=broken.encode(), referer=_SITE + page))
    return requests


def _dynamic(dice: random.Random) -> tuple[str, list[Request]]:
    """Return a page path and the calls behind it."""
    kind = dice.choices(
        ("cert", "share", "pay", "notice", "search", "home"), (22, 22, 22, 12, 12, 10)
    )
    page = {"cert": "/help/cert.html", "pay": "/help/pay.html"}.get(kind[0], "/index.html")
    calls: list[str] = []
    if kind[0] == "cert":
        calls = [f"/api/cert/status/C{dice.randrange(1, 5200):08d}"]
        if dice.random() < 0.03:
            calls.append(f"/api/cert/query?holder={citizen_number(dice)}")
    elif kind[0] == "share":
        calls = [
            f"/api/share/catalog/{dice.randrange(1, 2010)}",
            f"/api/share/exchange?unit=unit{dice.randrange(30)}",
        ]
    elif kind[0] == "pay":
        number = f"N2026{dice.randrange(1, 5030):06d}"
        calls = [f"/pay/notice/{number}", f"/api/pay/state/{number}"]
        if dice.random() < 0.01:
            calls.append(f"/pay/notice/{number}?idno={citizen_number(dice)}")
    elif kind[0] == "search":
        word = dice.choice(_WORDS)
        # A few old clients send raw UTF-8 instead of percent signs.
        raw = dice.random() < 0.08
        calls = ["/api/share/search?kw=" + (word if raw else urllib.parse.quote(word))]
    else:
        page = f"/notice/2026-{dice.randrange(1, 61):03d}.html" if kind[0] == "notice" else page
    return page, [Request(target=call.encode(), referer=_SITE + page) for call in calls]


def _citizens(dice: random.Random) -> Iterator[Action]:
    """Yield page loads: visits of several pages from shared addresses, with times to read."""
    per_visit = 4
    for start in _moments(dice, per_load_hour=_PAGES_PER_LOAD_HOUR / per_visit):
        pool = OFFICE_NAT if dice.random() < 0.3 else CITIZEN_NAT
        source, agent = dice.choice(pool), dice.choice(AGENTS)
        at = start
        if dice.random() < 0.25:
            yield from _login(dice, at, source=source, agent=agent)
        for _ in range(dice.randrange(2, 2 * per_visit - 1)):
            at += dice.lognormvariate(2.9, 0.8)
            page, calls = _dynamic(dice)
            requests = (Request(target=page.encode()), *_statics(dice, page=page), *calls)
            yield Page(at_s=at, source=source, agent=agent, requests=requests)
        if dice.random() < 0.06:
            body = Request(target=b"/pay/confirm", method="POST", body=b"channel=union")
            yield Page(at_s=at + 9, source=source, agent=agent, requests=(body,))
        if dice.random() < 0.04:
            name = f"/files/archive-{dice.randrange(1, 401):04d}.pdf"
            yield Page(
                at_s=at + 14, source=source, agent=agent, requests=(Request(target=name.encode()),)
            )


def _login(dice: random.Random, at: float, *, source: str, agent: str) -> Iterator[Action]:
    number = dice.randrange(1, 601)
    tries = ["bad"] * (dice.random() < 0.07) + [f"pw{number}"]
    for turn, secret in enumerate(tries):
        body = f"username=user{number}&password={secret}".encode()
        requests = (
            Request(target=b"/login"),
            Request(target=b"/login", method="POST", body=body, referer=_SITE + "/login"),
        )
        yield Page(at_s=at + 8.0 * turn, source=source, agent=agent, requests=requests)


def _shells(dice: random.Random) -> Iterator[Action]:
    """Yield people at work over SSH, with sudo and su where their work needs it."""
    for at in _moments(dice, per_load_hour=_SHELLS_PER_LOAD_HOUR):
        user = dice.choice((*EMPLOYEES, *OPERATORS, *OPERATORS))
        source = dice.choice(VPN if dice.random() < 0.4 else OFFICE_NAT)
        length = dice.lognormvariate(5.6, 0.9)
        steps: list[Step] = [Step(after_s=1.0, command="ls -l")]
        if user in OPERATORS and dice.random() < 0.7:
            steps += _operator_steps(dice, user, length)
        if user in DEVELOPERS and dice.random() < 0.5:
            answers = (password("zhang.wei"),) if dice.random() < 0.7 else ("oops",)
            steps.append(
                Step(
                    after_s=length * 0.5,
                    command="su - zhang.wei -c id",
                    answers=answers,
                    terminal=True,
                )
            )
        wrong = ("typo",) if dice.random() < 0.05 else ()
        yield Shell(
            at_s=at,
            source=source,
            user=user,
            wrong=wrong,
            password=password(user),
            steps=tuple(steps),
            length_s=min(length, 5400.0),
        )


def _operator_steps(dice: random.Random, user: str, length: float) -> list[Step]:
    commands = (
        "/usr/sbin/nginx -t",
        "/usr/bin/tail -n 20 /var/log/wtmp",
        "/usr/bin/ls /root",
        "/usr/bin/du -sh /home",
        "/usr/bin/df -h",
        "/usr/bin/id",
    )
    steps = []
    for turn in range(dice.randrange(1, 3)):
        first = ("wrong",) if dice.random() < 0.06 else ()
        steps.append(
            Step(
                after_s=length * (0.2 + 0.3 * turn),
                terminal=True,
                command=f"sudo {dice.choice(commands)}",
                answers=(*first, password(user)),
            )
        )
    return steps


def _queries(dice: random.Random) -> Iterator[Action]:
    """Yield analysts and developers who work on the databases by hand or by report tools."""
    kinds = (
        (
            "pay",
            "pay",
            "report_ro",
            "psql",
            "SELECT count(*) FROM notice WHERE state = 'open' AND amount_fen > {}",
        ),
        (
            "pay",
            "pay",
            "report_ro",
            "FineReport",
            "SELECT no, amount_fen FROM notice WHERE amount_fen = {}",
        ),
        (
            "pay",
            "cert",
            "dev_chen",
            "DBeaver 23.2.0 - Main",
            "SELECT * FROM certificate WHERE holder_no = 'H{}'",
        ),
        ("share", "share", "share_ro", "psql", "SELECT title FROM catalog WHERE id = {}"),
        (
            "share",
            "share",
            "dev_chen",
            "DBeaver 23.2.0 - Main",
            "SELECT * FROM grant_list WHERE catalog = {}",
        ),
    )
    for at in _moments(dice, per_load_hour=_QUERIES_PER_LOAD_HOUR):
        cluster, database, user, application, text = dice.choice(kinds)
        source = dice.choice(VPN if dice.random() < 0.4 else OFFICE_NAT)
        statements = [text.format(dice.randrange(1, 4000)) for _ in range(dice.randrange(3, 16))]
        secret = "typo" if dice.random() < 0.04 else ""
        yield sql_session(
            at,
            source,
            cluster,
            database,
            user,
            application,
            statements,
            gap_s=dice.uniform(5, 60),
            secret=secret,
        )
