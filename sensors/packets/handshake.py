"""Hellos of TLS and TLCP in the first bytes of a payload, without exceptions.

Only what stands in one segment is read: a hello that goes on in the next is read as far as it
came. TLCP (GB/T 38636-2020) writes its messages as TLS 1.2 does, under version 0x0101.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sensors.packets.suites import TLCP

_HANDSHAKE: Final = 0x16
_CLIENT_HELLO: Final = 1
_SERVER_HELLO: Final = 2
_CERTIFICATE: Final = 11
_SERVER_NAME: Final = 0
_SUPPORTED_VERSIONS: Final = 43
MESSAGES_MAX: Final = 8
"""Of one payload; a server's first flight has fewer."""
EXTENSIONS_MAX: Final = 64
"""Of one hello; browsers send some twenty."""
NAME_CHARS_MAX: Final = 255
"""A host name in the DNS is no longer."""
_NAME_CHARS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client asks for."""

    version: int
    server_name: str


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server chose."""

    version: int
    suite: int
    double_certificate: bool | None
    """Whether TLCP's second certificate follows the first; None where it is not seen."""


def _number(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], "big")


def hello(payload: bytes) -> ClientHello | ServerHello | None:
    """The hello a payload begins with."""
    if len(payload) < 6 or payload[0] != _HANDSHAKE:
        return None
    if payload[1] != 3 and _number(payload, 1, 2) != TLCP:
        return None
    messages = _messages(payload)
    if not messages:
        return None
    kind, body = messages[0]
    if kind == _CLIENT_HELLO and len(body) >= 35:
        return _client(body)
    if kind != _SERVER_HELLO:
        return None
    session = 35 + body[34] if len(body) > 34 else len(body)
    if len(body) < session + 3:
        return None
    extensions = dict(_extensions(body, session + 3))
    named = extensions.get(_SUPPORTED_VERSIONS, b"")
    number = _number(named, 0, 2) if len(named) == 2 else _number(body, 0, 2)
    double = None
    if number == TLCP:
        double = next((_is_double(raw) for kind, raw in messages if kind == _CERTIFICATE), None)
    return ServerHello(number, _number(body, session, 2), double)


def _messages(payload: bytes) -> list[tuple[int, bytes]]:
    """Kind and body of the first messages; the last may be cut. Records are joined first."""
    joined, at = b"", 0
    for _ in range(MESSAGES_MAX):
        if payload[at : at + 1] != bytes((_HANDSHAKE,)):
            break
        size = _number(payload, at + 3, 2)
        joined += payload[at + 5 : at + 5 + size]
        at += 5 + size
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(joined) and len(found) < MESSAGES_MAX:
        size = _number(joined, at + 1, 3)
        found.append((joined[at], joined[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _client(body: bytes) -> ClientHello:
    at = 35 + body[34]
    at += 2 + _number(body, at, 2)
    at += 1 + _number(body, at, 1)
    names = dict(_extensions(body, at)).get(_SERVER_NAME, b"")
    name = names[5 : 5 + _number(names, 3, 2)] if names[2:3] == b"\0" else b""
    sound = len(name) <= NAME_CHARS_MAX and _NAME_CHARS.issuperset(name)
    return ClientHello(_number(body, 0, 2), name.decode("ascii").lower() if sound else "")


def _extensions(body: bytes, at: int) -> list[tuple[int, bytes]]:
    end = min(len(body), at + 2 + _number(body, at, 2))
    at += 2
    found: list[tuple[int, bytes]] = []
    while at + 4 <= end and len(found) < EXTENSIONS_MAX:
        size = _number(body, at + 2, 2)
        found.append((_number(body, at, 2), body[at + 4 : min(at + 4 + size, end)]))
        at += 4 + size
    return found


def _is_double(body: bytes) -> bool | None:
    """The lengths in front tell it, even where the certificates themselves are cut."""
    if len(body) < 6:
        return None
    return _number(body, 0, 3) > 3 + _number(body, 3, 3)
