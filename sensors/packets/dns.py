"""The question of a DNS query (RFC 1035), without exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LABELS_MAX: Final = 127
NAME_BYTES_MAX: Final = 255
_TYPES: Final = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 15: "MX", 16: "TXT",
    28: "AAAA", 33: "SRV", 35: "NAPTR", 43: "DS", 46: "RRSIG", 48: "DNSKEY", 64: "SVCB",
    65: "HTTPS", 252: "AXFR", 255: "ANY",
}  # fmt: skip
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_=+/")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; letters are lower, other bytes stand as ``\\ddd``."""

    name: str
    type: str


def question(payload: bytes) -> Question | None:
    """The first question of a query; nothing of an answer or of what is no DNS."""
    if len(payload) < 17 or payload[2] & 0xF8 or payload[4:6] != b"\0\1":
        return None
    labels: list[str] = []
    at = 12
    while at < len(payload) and (size := payload[at]):
        # A question has nothing before it that a pointer could point at.
        if size > 63 or len(labels) >= LABELS_MAX or at - 12 + size > NAME_BYTES_MAX:
            return None
        label = payload[at + 1 : at + 1 + size].lower()
        labels.append("".join(chr(one) if one in _PLAIN else f"\\{one:03d}" for one in label))
        at += 1 + size
    if at + 5 > len(payload):
        return None
    number = int.from_bytes(payload[at + 1 : at + 3], "big")
    return Question(".".join(labels) or ".", _TYPES.get(number, f"TYPE{number}"))
