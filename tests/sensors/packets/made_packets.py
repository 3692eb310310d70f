"""Frames and hellos by hand, byte by byte."""

from __future__ import annotations

import struct
from ipaddress import ip_address

CLIENT, SERVER = "10.20.3.24", "10.30.5.8"
FIN, SYN, RST, ACK = 1, 2, 4, 16


def ethernet(source: str, destination: str, protocol: int, body: bytes) -> bytes:
    one, other = ip_address(source), ip_address(destination)
    if one.version == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0x4000, 64, protocol, 0)
        return bytes(12) + b"\x08\x00" + head + one.packed + other.packed + body
    head = struct.pack(">IHBB", 0x60000000, len(body), protocol, 64)
    return bytes(12) + b"\x86\xdd" + head + one.packed + other.packed + body


def tcp(
    payload: bytes = b"", *, flags: int = ACK, sequence: int = 0, acknowledged: int = 0,
    source: str = CLIENT, destination: str = SERVER, ports: tuple[int, int] = (50000, 443),
    options: bytes = b"",
) -> bytes:  # fmt: skip
    offset = (20 + len(options)) // 4 << 4
    head = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, offset, flags, 512, 0, 0)
    return ethernet(source, destination, 6, head + options + payload)


def back(payload: bytes = b"", *, flags: int = ACK, sequence: int = 0, acknowledged: int = 0,
         source: str = SERVER, destination: str = CLIENT) -> bytes:  # fmt: skip
    return tcp(
        payload, flags=flags, sequence=sequence, acknowledged=acknowledged,
        source=source, destination=destination, ports=(443, 50000),
    )  # fmt: skip


def udp(payload: bytes, port: int = 53, source: str = CLIENT, destination: str = SERVER) -> bytes:
    head = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0)
    return ethernet(source, destination, 17, head + payload)


def udp_back(payload: bytes) -> bytes:
    head = struct.pack(">HHHH", 53, 40000, 8 + len(payload), 0)
    return ethernet(SERVER, CLIENT, 17, head + payload)


def record(*messages: tuple[int, bytes], version: int = 0x0301) -> bytes:
    body = b"".join(bytes((kind,)) + len(raw).to_bytes(3, "big") + raw for kind, raw in messages)
    return b"\x16" + struct.pack(">HH", version, len(body)) + body


def _extension(kind: int, raw: bytes) -> bytes:
    return struct.pack(">HH", kind, len(raw)) + raw


def client_hello(name: str = "ecert.example.gov.cn", version: int = 0x0303) -> bytes:
    text = name.encode()
    sni = _extension(0, struct.pack(">HBH", len(text) + 3, 0, len(text)) + text)
    body = struct.pack(">H", version) + bytes(32) + b"\0" + b"\0\4\xe0\x13\xe0\x53" + b"\1\0"
    body += struct.pack(">H", len(sni)) + sni
    return record((1, body), version=0x0101 if version == 0x0101 else 0x0301)


def server_hello(suite: int, version: int = 0x0303, *, chosen: int = 0) -> tuple[int, bytes]:
    body = struct.pack(">H", version) + bytes(32) + b"\x20" + bytes(32)
    body += struct.pack(">HB", suite, 0)
    if chosen:
        raw = _extension(43, struct.pack(">H", chosen))
        body += struct.pack(">H", len(raw)) + raw
    return 2, body


def certificates(*sizes: int) -> tuple[int, bytes]:
    body = b"".join(size.to_bytes(3, "big") + bytes(size) for size in sizes)
    return 11, len(body).to_bytes(3, "big") + body


def query(name: str, kind: int = 1, flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes((len(one),)) + one.encode() for one in name.split("."))
    return struct.pack(">HHHHHH", 7, flags, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, kind, 1)


def answered(name: str, *records: tuple[int, bytes], code: int = 0) -> bytes:
    """An answer: records as (type, data), all of the name asked for."""
    asked = query(name, flags=0x8180 | code)
    parts = [
        b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data for kind, data in records
    ]
    return asked[:6] + struct.pack(">H", len(records)) + asked[8:] + b"".join(parts)


def pcap(*frames: tuple[int, bytes]) -> bytes:
    """A file of frames at microseconds."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    parts += [
        struct.pack("<IIII", at // 1_000_000, at % 1_000_000, len(raw), len(raw)) + raw
        for at, raw in frames
    ]
    return b"".join(parts)
