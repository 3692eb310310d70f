"""The filter that runs in the kernel: classic BPF, put together here (Linux: networking/filter).

Everything but openings, ends, handshakes and what is asked and answered about names stays in the
kernel and is never copied. A load past a packet's end makes the kernel drop it, so short packets
need no checks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Instruction: TypeAlias = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant: ``struct sock_filter``."""

SNAP_BYTES: Final = 4096
"""Of each packet: a hello with its first certificate's head lies well within."""
SYSTEMS_MAX: Final = 64
"""Addresses compared one by one; the kernel bounds a filter's memory to some 20 KiB."""

LOAD_WORD: Final = 0x20
LOAD_HALF: Final = 0x28
LOAD_BYTE: Final = 0x30
LOAD_HALF_AT: Final = 0x48
LOAD_BYTE_AT: Final = 0x50
HEADER_LENGTH: Final = 0xB1
"""X = 4 * (byte & 15): the length of an IPv4 header."""
JUMP: Final = 0x05
EQUAL: Final = 0x15
GREATER: Final = 0x25
AT_LEAST: Final = 0x35
ANY_BIT: Final = 0x45
AND: Final = 0x54
RIGHT: Final = 0x74
ADD_X: Final = 0x0C
TO_X: Final = 0x07
RETURN: Final = 0x06

_ENDS: Final = 0x07
"""FIN, SYN, RST."""


@dataclass(slots=True)
class Program:
    """Instructions with labels; only unconditional jumps go far, so that none can be too far."""

    _code: list[tuple[int, int, int, int, str]] = field(default_factory=list)
    _labels: dict[str, int] = field(default_factory=dict)

    def add(self, code: int, value: int = 0) -> None:
        self._code.append((code, 0, 0, value, ""))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._code)

    def go(self, label: str) -> None:
        self._code.append((JUMP, 0, 0, 0, label))

    def go_if(self, test: int, value: int, label: str) -> None:
        self._code.append((test, 0, 1, value, ""))
        self.go(label)

    def go_unless(self, test: int, value: int, label: str) -> None:
        self._code.append((test, 1, 0, value, ""))
        self.go(label)

    def assembled(self) -> list[Instruction]:
        return [
            (code, true, false, self._labels[label] - at - 1 if label else value)
            for at, (code, true, false, value, label) in enumerate(self._code)
        ]


def packed(program: Iterable[Instruction]) -> bytes:
    """As the kernel takes it, in the machine's byte order."""
    return b"".join(struct.pack("=HBBI", *one) for one in program)


def wanted(addresses: Iterable[Address] = ()) -> list[Instruction]:
    """The filter over Ethernet frames; TCP is held to ``addresses`` where there are any."""
    known = sorted(set(addresses), key=lambda one: (one.version, int(one)))
    program = Program()
    program.add(LOAD_HALF, 12)
    program.go_if(EQUAL, 0x0800, "v4")
    program.go_if(EQUAL, 0x86DD, "v6")
    program.go("drop")
    _v4(program, [one for one in known if one.version == 4], held=bool(known))
    _v6(program, [one for one in known if one.version == 6], held=bool(known))
    program.label("accept")
    program.add(RETURN, SNAP_BYTES)
    program.label("drop")
    program.add(RETURN, 0)
    return program.assembled()


def _v4(program: Program, addresses: list[Address], *, held: bool) -> None:
    program.label("v4")
    program.add(LOAD_HALF, 20)
    program.go_if(ANY_BIT, 0x1FFF, "drop")  # A later fragment has no ports.
    program.add(HEADER_LENGTH, 14)
    program.add(LOAD_BYTE, 23)
    program.go_if(EQUAL, 6, "tcp4")
    program.go_unless(EQUAL, 17, "drop")
    for port in (14, 16):
        program.add(LOAD_HALF_AT, port)
        program.go_if(EQUAL, 53, "accept")
    program.go("drop")
    program.label("tcp4")
    if held:
        for at in (26, 30):
            program.add(LOAD_WORD, at)
            for one in addresses:
                program.go_if(EQUAL, int(one), "known4")
        program.go("drop")
    program.label("known4")
    program.add(LOAD_BYTE_AT, 27)
    program.go_if(ANY_BIT, _ENDS, "accept")
    program.add(LOAD_BYTE_AT, 26)
    program.add(AND, 0xF0)
    program.add(RIGHT, 2)
    program.add(ADD_X)
    program.add(TO_X)
    _handshake(program, 14)


def _v6(program: Program, addresses: list[Address], *, held: bool) -> None:
    """Without extension headers: what has them is not seen."""
    program.label("v6")
    program.add(LOAD_BYTE, 20)
    program.go_if(EQUAL, 6, "tcp6")
    program.go_unless(EQUAL, 17, "drop")
    for port in (54, 56):
        program.add(LOAD_HALF, port)
        program.go_if(EQUAL, 53, "accept")
    program.go("drop")
    program.label("tcp6")
    if held:
        for at in (22, 38):
            for number, one in enumerate(addresses):
                after = f"next-{at}-{number}"
                for word, value in enumerate(struct.unpack(">4I", one.packed)):
                    program.add(LOAD_WORD, at + 4 * word)
                    program.go_unless(EQUAL, value, after)
                program.go("known6")
                program.label(after)
        program.go("drop")
    program.label("known6")
    program.add(LOAD_BYTE, 67)
    program.go_if(ANY_BIT, _ENDS, "accept")
    program.add(LOAD_BYTE, 66)
    program.add(AND, 0xF0)
    program.add(RIGHT, 2)
    program.add(TO_X)
    _handshake(program, 54)


def _handshake(program: Program, at: int) -> None:
    """The payload begins with a handshake record of TLS 1.0 to 1.3 or of TLCP."""
    program.add(LOAD_BYTE_AT, at)
    program.go_unless(EQUAL, 0x16, "drop")
    program.add(LOAD_HALF_AT, at + 1)
    program.go_if(EQUAL, 0x0101, "accept")
    program.go_if(GREATER, 0x0304, "drop")
    program.go_if(AT_LEAST, 0x0300, "accept")
    program.go("drop")
