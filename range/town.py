"""The made-up district: its people, addresses, pages and databases. Nobody here exists."""

from __future__ import annotations

import datetime as dt
import random

__all__ = [
    "AGENTS",
    "CITIZEN_NAT",
    "CRAWLER",
    "CRAWLER_AGENT",
    "DEVELOPERS",
    "EMPLOYEES",
    "FIRST_S",
    "HOST",
    "HOURS",
    "LOAD_BY_HOUR",
    "MONITOR",
    "OFFICE_NAT",
    "OPERATORS",
    "PORTS",
    "SERVICE_ACCOUNTS",
    "START",
    "SYSTEM_HOSTS",
    "VPN",
    "ZONE",
    "citizen_number",
    "database_password",
    "load_at",
    "password",
]

HOST = "gov-app-01"
ZONE = dt.timezone(dt.timedelta(hours=8))
START = dt.datetime(2026, 11, 20, 20, 0, tzinfo=ZONE)
FIRST_S = START.timestamp()
HOURS = 30
PORTS = {"sshd": 20022, "nginx": 20080, "portal": 20081, "pay": 20432, "share": 20433}

# Addresses. Attackers sit behind the same shared addresses as honest people.
OFFICE_NAT = tuple(f"127.20.1.{n}" for n in range(1, 13))
CITIZEN_NAT = tuple(f"127.20.{2 + n // 100}.{1 + n % 100}" for n in range(260))
VPN = tuple(f"127.20.9.{n}" for n in range(1, 16))
SYSTEM_HOSTS = {
    "deploy": "127.30.0.5",
    "backup": "127.30.0.6",
    "collect": "127.30.0.7",
    "sync": "127.30.0.8",
    "etl": "127.30.0.9",
    "exchange": "127.30.0.10",
    "portal": "127.30.0.20",
}
MONITOR = "127.30.9.9"
CRAWLER = "127.40.66.10"

OPERATORS = ("zhang.wei", "wang.fang", "liu.yang", "zhou.jie", "sun.tao", "he.ping")
DEVELOPERS = ("chen.jing", "huang.lei", "ma.chao", "lin.xia")
EMPLOYEES = (
    *OPERATORS,
    *DEVELOPERS,
    *("li.na", "zhao.min", "wu.qiang", "xu.li", "zhu.lin", "hu.bin", "guo.ying", "gao.shan"),
    *("luo.gang", "song.yu"),
)
SERVICE_ACCOUNTS = ("svc.deploy", "svc.backup", "svc.collect", "svc.sync")

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"
_WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME}"
_WECHAT_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN"
)
_WECHAT_ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160 MicroMessenger/8.0.49 NetType/4G"
)
_SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Safari/605.1.15"
)
AGENTS = (
    f"{_WINDOWS}122.0.0.0 Safari/537.36",
    f"{_WINDOWS}131.0.0.0 Safari/537.36",
    f"{_WINDOWS}138.0.0.0 Safari/537.36 Edg/138.0.0.0",
    f"{_WINDOWS}109.0.5414.120 Safari/537.36 360SE",
    f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME}108.0.0.0 Safari/537.36 UOS",
    "Mozilla/5.0 (X11; Linux aarch64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
    _WECHAT_IPHONE,
    _WECHAT_ANDROID,
    _SAFARI,
)
CRAWLER_AGENT = "Mozilla/5.0 (compatible; DistrictSearchBot/2.1; +http://search.example/bot)"

# Share of the day's load for each hour of the day in Shanghai; office hours are busy.
# The recorded Saturday is taken as a made-up working Saturday (调休).
LOAD_BY_HOUR = (
    *(0.16, 0.15, 0.12, 0.12, 0.13, 0.16, 0.30, 0.65, 1.30, 1.90, 2.00, 1.60),
    *(0.90, 1.20, 1.80, 1.90, 1.60, 1.10, 0.70, 0.60, 0.60, 0.50, 0.40, 0.25),
)

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
# County code 99 is assigned in no prefecture, so none of these numbers can be a person's.
_UNASSIGNED = ("110099", "310099", "320599", "440399", "510199")


def citizen_number(dice: random.Random) -> str:
    """Return an 18-digit number with a right check digit, under an unassigned county code."""
    day = dt.date(1960, 1, 1) + dt.timedelta(days=dice.randrange(16000))
    body = f"{dice.choice(_UNASSIGNED)}{day:%Y%m%d}{dice.randrange(1, 999):03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def password(user: str) -> str:
    """Return the range-only password of a shell account."""
    return f"Rg.{user}.2026"


def database_password(role: str) -> str:
    """Return the range-only password of a database role."""
    return f"db-{role}-2026"


def load_at(at_s: float) -> float:
    """Return the load factor at a recorded second, with hours blended into each other."""
    hour = (START.hour + at_s / 3600.0) % 24
    left = int(hour)
    share = hour - left
    return LOAD_BY_HOUR[left] * (1 - share) + LOAD_BY_HOUR[(left + 1) % 24] * share
