"""Wire: questions and connections in a network of their own, as our own packet view sees them.

A real name server's port and real listeners answer; nothing of this network leads anywhere else.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Iterable
from typing import Final

from living.daily import kernel
from schema.event import Fields
from sensors.packets import Interface, PacketSource, View, network, wanted

__all__ = ["OBSERVER", "PORTS", "Wire", "query"]

PORTS: Final = (22, 445, 3389, 5432, 9100)
"""At which every address of the town listens here."""
OBSERVER: Final = "packet-01"
_NAME_SERVER: Final = ("10.30.1.53", 53)
_HOT_SPOTS: Final = ("192.168.0.0/16", "172.16.0.0/12")
"""Addresses that strangers' devices bring along."""
_INTERNAL: Final = ("10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12")
_TYPES: Final = {"A": 1, "CNAME": 5, "NULL": 10, "TXT": 16}
_CHUNK: Final = 1 << 20
_TIMEOUT_S: Final = 10.0
_HEAD: Final = struct.Struct(">QQ")


class Wire:
    """The network; made in the process that lives in it."""

    def __init__(self, networks: Iterable[str]) -> None:
        kernel.separate(kernel.NEWNET)
        kernel.loopback_up()
        for one in (*networks, *_HOT_SPOTS):
            subprocess.run(("ip", "route", "add", "local", one, "dev", "lo"), check=True)
        self._now = 0
        self._source = PacketSource(
            View(name=OBSERVER, host=OBSERVER, internal=tuple(map(network, _INTERNAL))),
            lambda: Interface("lo", wanted(), lambda: self._now),
            boot_id="range",
            now=lambda: self._now,
        )
        self._source.poll(1)
        self._names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._names.bind(_NAME_SERVER)
        for port in PORTS:
            listener = socket.create_server(("0.0.0.0", port), backlog=64)
            threading.Thread(target=_serve, args=(listener,), daemon=True).start()

    def ask(self, source: str, name: str, kind: str, at: int) -> list[Fields]:
        """Ask the name server; it answers that there is no such name."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(_TIMEOUT_S)
            client.bind((source, 0))
            client.sendto(query(name, kind), _NAME_SERVER)
            asked, back = self._names.recvfrom(_CHUNK)
            self._names.sendto(asked[:2] + b"\x81\x83" + asked[4:], back)
            client.recv(_CHUNK)
        return self._seen(at)

    def connect(self, source: str, destination: str, port: int, size: int, at: int) -> list[Fields]:
        """Carry so many bytes, a quarter of them there."""
        sent = max(_HEAD.size, size // 4)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(_TIMEOUT_S)
            client.bind((source, 0))
            client.connect((destination, port))
            client.sendall(_HEAD.pack(sent, max(0, size - sent)))
            _send(client, sent - _HEAD.size)
            while client.recv(_CHUNK):
                pass
        return self._seen(at)

    def _seen(self, at: int) -> list[Fields]:
        self._now = at
        return list(self._source.poll(_CHUNK).events)


def query(name: str, kind: str) -> bytes:
    """A DNS question with recursion wanted (RFC 1035)."""
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    # One number for all: answers are awaited one at a time.
    return b"\x2a\x2a\x01\x00\x00\x01" + bytes(6) + labels + struct.pack(
        ">BHH", 0, _TYPES[kind], 1
    )  # fmt: skip


def _serve(listener: socket.socket) -> None:
    while True:
        server, _ = listener.accept()
        with server:
            server.settimeout(_TIMEOUT_S)
            head = b""
            while len(head) < _HEAD.size and (part := server.recv(_HEAD.size - len(head))):
                head += part
            if len(head) < _HEAD.size:
                continue
            wanted_bytes, back = _HEAD.unpack(head)
            left = wanted_bytes - _HEAD.size
            while left > 0 and (part := server.recv(min(left, _CHUNK))):
                left -= len(part)
            _send(server, back)


def _send(to: socket.socket, count: int) -> None:
    block = bytes(min(count, _CHUNK))
    while count > 0:
        count -= to.send(block[:count])
