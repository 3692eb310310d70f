"""Questions and answers of DNS (RFC 1035), without exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

LABELS_MAX: Final = 127
NAME_BYTES_MAX: Final = 255
RECORDS_MAX: Final = 16
"""Records of an answer that are read: pools and content networks give fewer."""
_TYPES: Final = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 15: "MX", 16: "TXT",
    28: "AAAA", 33: "SRV", 35: "NAPTR", 43: "DS", 46: "RRSIG", 48: "DNSKEY", 64: "SVCB",
    65: "HTTPS", 252: "AXFR", 255: "ANY",
}  # fmt: skip
_CODES: Final = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
}  # fmt: skip
_NAMED: Final = frozenset({2, 5, 12})
"""Types whose data is one name: NS, CNAME, PTR."""
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_=+/")
_HEAD: Final = 12


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; letters are lower, other bytes stand as ``\\ddd``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a question."""

    question: Question
    code: str
    """As RFC 1035 4.1.1 and RFC 6895 name it."""
    data: tuple[str, ...]
    """Names and addresses of its records, in order, each once; of other types nothing."""
    addresses: tuple[str, ...]
    """Those that are addresses."""


def question(payload: bytes) -> Question | None:
    """The first question of a query; nothing of an answer or of what is no DNS."""
    if len(payload) < _HEAD or payload[2] & 0xF8:
        return None
    found = _asked(payload)
    return found[0] if found else None


def answer(payload: bytes) -> Answer | None:
    """An answer to one question, with the records that lie whole in it; else nothing."""
    if len(payload) < _HEAD or payload[2] & 0xF8 != 0x80:
        return None
    found = _asked(payload)
    if found is None:
        return None
    asked, at = found
    data: dict[str, None] = {}
    addresses: dict[str, None] = {}
    for _ in range(min(_number(payload, 6), RECORDS_MAX)):
        owner = _name(payload, at)
        if owner is None or len(payload) < owner[1] + 10:
            break
        start = owner[1] + 10
        kind, size = _number(payload, owner[1]), _number(payload, start - 2)
        at = start + size
        if len(payload) < at:
            break
        if (kind, size) in ((1, 4), (28, 16)):
            raw = payload[start:at]
            address = str(IPv4Address(raw) if size == 4 else IPv6Address(raw))
            data[address] = addresses[address] = None
        elif kind in _NAMED and (name := _name(payload, start)):
            data[name[0]] = None
    code = payload[3] & 0x0F
    return Answer(asked, _CODES.get(code, f"RCODE{code}"), tuple(data), tuple(addresses))


def _asked(payload: bytes) -> tuple[Question, int] | None:
    """The one question of a message and where it ends."""
    found = _name(payload, _HEAD) if _number(payload, 4) == 1 else None
    if found is None or len(payload) < found[1] + 4:
        return None
    name, at = found
    number = _number(payload, at)
    return Question(name, _TYPES.get(number, f"TYPE{number}")), at + 4


def _name(payload: bytes, at: int) -> tuple[str, int] | None:
    """The name at that place and where it ends, or nothing if it breaks off or goes round."""
    labels: list[str] = []
    length, end, before = 0, 0, at
    while at < len(payload):
        size = payload[at]
        if size & 0xC0 == 0xC0:
            target = _number(payload, at) & 0x3FFF
            # Each pointer goes further back than all before it: so it comes to an end.
            if at + 2 > len(payload) or not _HEAD <= target < before:
                return None
            end, at, before = end or at + 2, target, target
            continue
        if size == 0:
            return ".".join(labels) or ".", end or at + 1
        length += 1 + size
        label = payload[at + 1 : at + 1 + size].lower()
        if size > 63 or len(label) < size or len(labels) >= LABELS_MAX or length > NAME_BYTES_MAX:
            return None
        labels.append("".join(chr(one) if one in _PLAIN else f"\\{one:03d}" for one in label))
        at += 1 + size
    return None


def _number(payload: bytes, at: int) -> int:
    return int.from_bytes(payload[at : at + 2], "big")
