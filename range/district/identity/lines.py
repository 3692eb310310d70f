"""Lines as the products write them: Keycloak 26's JSON console, slapd 2.5's stats, nginx, messages.

Templates of what Keycloak 26.2.5 and slapd 2.5.13 wrote; numbers and ids are the town's.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterable
from typing import Final

from district.calendar import SECOND_US, ZONE

__all__ = ["Console", "Directory", "message", "portal_line", "sms_line", "utc_text"]

_UTC: Final = dt.UTC
_PEOPLE: Final = "ou=people,dc=district,dc=example"


def _at(at: int, zone: dt.tzinfo) -> dt.datetime:
    return dt.datetime.fromtimestamp(at // SECOND_US, zone)


def utc_text(at: int) -> str:
    """As Keycloak writes the end of a lock."""
    return f"{_at(at, _UTC):%Y-%m-%dT%H:%M:%S}"


def message(pairs: Iterable[tuple[str, str]]) -> str:
    """The event as its listener puts it together."""
    return ", ".join(f'{key}="{value}"' for key, value in pairs)


class Console:
    """Keycloak's console with ``--log-console-output=json``."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._sequence = 9600

    def line(self, at: int, level: str, text: str) -> str:
        """One event."""
        chance = self._chance
        self._sequence += 1
        fraction = f"{at % SECOND_US:06d}{chance.randrange(1000):03d}".rstrip("0") or "0"
        thread = chance.choice(((1, 18), (2, 41), (7, 52), (11, 60)))
        return json.dumps(
            {
                "timestamp": f"{_at(at, _UTC):%Y-%m-%dT%H:%M:%S}.{fraction}Z",
                "sequence": self._sequence,
                "loggerClassName": "org.jboss.logging.Logger",
                "loggerName": "org.keycloak.events",
                "level": level,
                "message": text,
                "threadName": f"executor-thread-{thread[0]}",
                "threadId": thread[1],
                "mdc": {},
                "ndc": "",
                "hostName": "idp-01",
                "processName": "/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
                "processId": 2449,
            },
            separators=(",", ":"),
        )


class Directory:
    """slapd with ``loglevel stats``, as an identity provider asks it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._connection = 1001
        self._operation = 2

    def bind(self, at: int, user: str, number: str, *, right: bool) -> list[tuple[int, str]]:
        """A password is tried: looked up on the open connection, bound on one of its own."""
        conn, port, fd = self._fresh()
        dn = f"uid={user},{_PEOPLE}"
        said = [
            *self._looked_up(number),
            f"{conn} fd={fd} ACCEPT from IP=10.30.2.5:{port} (IP=0.0.0.0:389)",
            f'{conn} op=0 BIND dn="{dn}" method=128',
            *([f'{conn} op=0 BIND dn="{dn}" mech=SIMPLE bind_ssf=0 ssf=0'] if right else []),
            f"{conn} op=0 RESULT tag=97 err={0 if right else 49} {self._times()} text=",
            *([f"{conn} op=1 UNBIND"] if right else []),
            f"{conn} fd={fd} closed{'' if right else ' (connection lost)'}",
        ]
        return self._stamped(at, said)

    def password(self, at: int, user: str) -> list[tuple[int, str]]:
        """A new password is written through the extended operation (RFC 3062)."""
        self._operation += 1
        conn = f"conn=1001 op={self._operation}"
        said = [
            f"{conn} EXT oid=1.3.6.1.4.1.4203.1.11.1",
            f'{conn} PASSMOD id="uid={user},{_PEOPLE}" new',
            f"{conn} RESULT oid= err=0 {self._times()} text=",
        ]
        return self._stamped(at, said)

    def _looked_up(self, number: str) -> list[str]:
        self._operation += 1
        conn = f"conn=1001 op={self._operation}"
        return [
            f'{conn} SRCH base="{_PEOPLE}" scope=1 deref=3 filter="(entryUUID={number})"',
            f"{conn} SRCH attr=entryUUID uid mail sn cn pwdChangedTime objectclass",
            f"{conn} SEARCH RESULT tag=101 err=0 {self._times()} nentries=1 text=",
        ]

    def _fresh(self) -> tuple[str, int, int]:
        chance = self._chance
        self._connection += 1
        return f"conn={self._connection}", chance.randrange(32768, 60999), chance.randrange(12, 40)

    def _times(self) -> str:
        chance = self._chance
        return f"qtime=0.{chance.randrange(8, 40):06d} etime=0.{chance.randrange(90, 900):06d}"

    def _stamped(self, at: int, said: list[str]) -> list[tuple[int, str]]:
        thread = f"0x7f{self._chance.choice(('a86ffff6c0', 'a867fff6c0', 'a85ffff6c0'))}"
        found = []
        for place, text in enumerate(said):
            moment = at + place * 150
            nanoseconds = moment % SECOND_US * 1000
            found.append((moment, f"{moment // SECOND_US:08x}.{nanoseconds:08x} {thread} {text}"))
        return found


def portal_line(
    at: int,
    *,
    address: str,
    method: str,
    uri: str,
    status: int,
    size: int,
    agent: str,
    token: str,
    user: str,
) -> str:
    """nginx before the portal; the token's id and its owner come from its script module."""
    time = f"{_at(at, ZONE):%Y-%m-%dT%H:%M:%S}+08:00"
    return json.dumps(
        {
            "time": time, "remote_addr": address, "method": method, "uri": uri, "status": status,
            "bytes": size, "agent": agent, "jti": token, "sub": user,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )  # fmt: skip


def sms_line(at: int, *, number: str, template: str, user: str, serial: int) -> str:
    """The gateway for short messages."""
    time = f"{_at(at, ZONE):%Y-%m-%dT%H:%M:%S}.{at % SECOND_US // 1000:03d}+08:00"
    return json.dumps(
        {
            "time": time, "biz_id": f"{serial:018d}", "phone": number, "template": template,
            "sign": "示例政务", "out_id": user, "result": "OK",
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )  # fmt: skip
