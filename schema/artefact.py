"""Artefact: what control names by its SM3 (rules, registers, lists), as records of the bus.

A large one travels in parts, each under a key of its own, so that a compacted topic keeps all of
them; whoever reads them has the artefact once its SM3 is right.
"""

from __future__ import annotations

from typing import Final

from crypto import sm3
from schema.errors import FengsuiError

PART_BYTES_MAX: Final = 4 * 1024 * 1024
"""Half of the longest record: sealing and lengths have room."""

PARTS_MAX: Final = 64
"""A quarter of a gigabyte: ten times the public rules and a large list of indicators."""


def digest_of(raw: bytes) -> str:
    """The name of an artefact."""
    return sm3.digest(raw).hex()


def parts_of(raw: bytes) -> int:
    """In how many parts it travels; raises ``schema.artefact.too_large``."""
    count = max(1, -(-len(raw) // PART_BYTES_MAX))
    if count > PARTS_MAX:
        raise FengsuiError(
            "schema.artefact.too_large",
            f"{len(raw)} bytes of rules, registers or lists are over the limit of "
            f"{PARTS_MAX * PART_BYTES_MAX} that the analytics tier is sent at once",
            size=len(raw),
        )
    return count


def records(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Key and value of each part; raises ``schema.artefact.too_large``."""
    count, digest = parts_of(raw), digest_of(raw)
    return [
        (
            f"{digest}/{part}/{count}".encode(),
            raw[part * PART_BYTES_MAX : (part + 1) * PART_BYTES_MAX],
        )
        for part in range(count)
    ]


class Assembly:
    """Puts artefacts together from parts that come in any order, and more than once.

    Parts of one artefact cut to other lengths do not meet: a key names how many there are.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], dict[int, bytes]] = {}

    def take(self, key: bytes, value: bytes) -> tuple[str, bytes] | None:
        """Name and bytes of the artefact this part completes, None while some are missing.

        Raises ``schema.artefact.malformed``: the parts of that name are forgotten.
        """
        try:
            digest, number, of = key.decode("ascii").split("/")
            part, count = int(number), int(of)
        except ValueError as error:
            raise _malformed("its key has another form") from error
        if not 0 <= part < count <= PARTS_MAX or len(value) > PART_BYTES_MAX:
            raise _malformed(f"part {part} of {count} with {len(value)} bytes")
        parts = self._parts.setdefault((digest, count), {})
        parts[part] = value
        if len(parts) < count:
            return None
        del self._parts[digest, count]
        raw = b"".join(parts[one] for one in sorted(parts))
        if digest_of(raw) != digest:
            raise _malformed(f"its parts are not what {digest[:16]} names")
        return digest, raw


def _malformed(why: str) -> FengsuiError:
    return FengsuiError("schema.artefact.malformed", f"a part of an artefact is unusable: {why}")
