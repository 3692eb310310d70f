"""Town: who lives and works in the district, from where, and with what. All of it is made up.

Addresses: offices in 10.20.0.0/16 (one network a unit), servers in 10.30.0.0/16, VPN in
10.40.0.0/24, citizens in 198.18.0.0/15 (benchmarks, RFC 2544; mobile operators share few of them),
abroad in 198.51.100.0/24 and 203.0.113.0/24 (documentation, RFC 5737). Citizens' numbers have
right check digits under county codes that are assigned nowhere.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Final

__all__ = ["Application", "Citizen", "Clerk", "Town", "Unit", "citizen_number"]

REGION: Final = "110099"
UNITS: Final = (
    ("数据局", "data"), ("公安分局", "police"), ("民政局", "civil"), ("教育局", "education"),
    ("人社局", "labour"), ("卫健委", "health"), ("住建局", "housing"), ("市场监管局", "market"),
    ("税务局", "tax"), ("财政局", "finance"), ("医保局", "insurance"), ("政务服务局", "service"),
)  # fmt: skip
CLERKS_PER_UNIT: Final = 12
CITIZENS: Final = 3000
"""Enough that most of a day's are different ones."""
MOBILE_EXITS: Final = 24
"""Addresses that mobile operators put hundreds of citizens behind."""

_SURNAMES: Final = (
    "wang", "li", "zhang", "liu", "chen", "yang", "zhao", "huang", "zhou", "wu", "xu", "sun",
    "hu", "zhu", "gao", "lin", "he", "guo", "ma", "luo",
)  # fmt: skip
_GIVEN: Final = (
    "wei", "fang", "na", "min", "jing", "lei", "qiang", "jun", "yang", "yong", "yan", "jie",
    "juan", "tao", "ming", "chao", "xia", "ping", "gang", "hua", "bo", "kai", "rui", "xin",
)  # fmt: skip
_CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"
OFFICE_AGENTS: Final = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME}131.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME}138.0.0.0 Safari/537.36 Edg/138.0.0.0",
    f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME}108.0.0.0 Safari/537.36 UOS",
    "Mozilla/5.0 (X11; Linux aarch64; rv:115.0) Gecko/20100101 Firefox/115.0",
)
PUBLIC_AGENTS: Final = (
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN"
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
        "Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160 MicroMessenger/8.0.49 NetType/4G"
    ),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME}122.0.0.0 Safari/537.36",
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.4 Safari/605.1.15"
    ),
)
APP_AGENTS: Final = ("okhttp/4.12.0", "Apache-HttpClient/4.5.14 (Java/1.8.0_402)", "Java/1.8.0_402")

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_UNASSIGNED: Final = ("110099", "310099", "320599", "440399", "510199")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A department."""

    code: str
    """``organization.id``, such as ``110099003``."""
    name: str
    short: str
    dept_code: str
    """As payments name it, such as ``103``."""
    exit: str
    """The one address its offices go out by."""
    network: str
    """The first three numbers of its office network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """Somebody who works at a unit."""

    user: str
    """Account on every system (``user.id``, ``user.name``)."""
    unit: Unit
    address: str
    """Own machine in the office network."""
    vpn: str
    agent: str
    role: str
    """``counter``, ``back`` or ``manager``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """Somebody who lives here."""

    user: str
    number: str
    """18 digits, county code assigned nowhere."""
    phone: str
    """In a range that no operator was given."""
    home: str
    mobile: str
    """Address of the operator, shared with hundreds."""
    agent: str
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A program of a unit that calls the four systems."""

    app: str
    unit: Unit
    addresses: tuple[str, ...]
    key_id: str
    agent: str


class Town:
    """Everybody, from a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        dice = self.chance("town")
        self.units = tuple(
            Unit(
                code=f"{REGION}{place:03d}",
                name=name,
                short=short,
                dept_code=f"{100 + place}",
                exit=f"10.20.{place}.1",
                network=f"10.20.{place}",
            )
            for place, (name, short) in enumerate(UNITS, 1)
        )
        self.clerks = tuple(self._clerks(dice))
        self.citizens = tuple(self._citizen(dice, number) for number in range(CITIZENS))
        self.applications = tuple(
            Application(
                app=f"app-{unit.short}-{number}",
                unit=unit,
                addresses=tuple(f"10.30.{10 + place}.{10 * number + host}" for host in (1, 2)),
                key_id=f"k-{unit.short}-{number}",
                agent=APP_AGENTS[(place + number) % len(APP_AGENTS)],
            )
            for place, unit in enumerate(self.units)
            for number in (1, 2)
        )  # fmt: skip

    def chance(self, *names: object) -> random.Random:
        """A source of chance for each purpose, so that one more draw moves nothing else."""
        return random.Random("/".join(map(str, (self.seed, *names))))

    def clerks_of(self, unit: Unit, role: str = "") -> tuple[Clerk, ...]:
        """Who works there, in that role where one is named."""
        return tuple(one for one in self.clerks if one.unit is unit and role in ("", one.role))

    def _clerks(self, dice: random.Random) -> list[Clerk]:
        names = [f"{given}.{surname}" for surname in _SURNAMES for given in _GIVEN]
        dice.shuffle(names)
        found = []
        for unit in self.units:
            for place in range(CLERKS_PER_UNIT):
                found.append(
                    Clerk(
                        user=names.pop(),
                        unit=unit,
                        address=f"{unit.network}.{20 + place}",
                        vpn=f"10.40.0.{len(found) + 10}",
                        agent=OFFICE_AGENTS[place % len(OFFICE_AGENTS)],
                        role="manager" if place == 0 else "back" if place < 4 else "counter",
                    )
                )
        return found

    def _citizen(self, dice: random.Random, number: int) -> Citizen:
        return Citizen(
            user=f"c{number:06d}",
            number=citizen_number(dice),
            phone=f"1940099{number:04d}",
            home=f"198.19.{number % 200}.{number // 200 + 1}",
            mobile=f"198.18.{dice.randrange(2)}.{dice.randrange(MOBILE_EXITS // 2) + 1}",
            agent=dice.choice(PUBLIC_AGENTS),
            device=f"dev-{dice.getrandbits(48):012x}",
        )


def citizen_number(dice: random.Random) -> str:
    """An 18-digit number with a right check digit, under a county code assigned nowhere."""
    day = dt.date(1955, 1, 1) + dt.timedelta(days=dice.randrange(18000))
    return with_check_digit(f"{dice.choice(_UNASSIGNED)}{day:%Y%m%d}{dice.randrange(1, 999):03d}")


def with_check_digit(body: str) -> str:
    """The seventeen digits and their check digit (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]
