"""Frames of a pcap file (draft-ietf-opsawg-pcap): the same port as an interface."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from schema.errors import FengsuiError
from sensors.packets.frame import Frame

_ETHERNET: Final = 1
FRAME_BYTES_MAX: Final = 262_144
"""What tcpdump allows of one frame; a length past it is damage."""
_ORDERS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1),
    b"\xa1\xb2\xc3\xd4": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\x3c\x4d": (">", 1000),
}
"""Magic number: byte order, and what a fraction is divided by for microseconds."""


class PcapFile:
    """Raises ``sensors.packets.pcap`` for what is no such file, OSError if it cannot be read.

    A last frame that is cut counts as dropped and ends the file.
    """

    def __init__(self, path: Path) -> None:
        self.dropped = 0
        self._file = path.open("rb")
        head = self._file.read(24)
        known = _ORDERS.get(head[:4])
        if known is None or len(head) < 24:
            self._file.close()
            raise _unsound(path, "no pcap file")
        self._order, self._divisor = known
        if struct.unpack(self._order + "I", head[20:])[0] & 0x0FFFFFFF != _ETHERNET:
            self._file.close()
            raise _unsound(path, "its frames are not Ethernet")

    def take(self, limit: int) -> list[Frame]:
        taken: list[Frame] = []
        while len(taken) < limit and (head := self._file.read(16)):
            raw = b""
            size = 1
            if len(head) == 16:
                second, fraction, size, _ = struct.unpack(self._order + "4I", head)
                if size <= FRAME_BYTES_MAX:
                    raw = self._file.read(size)
            if len(raw) != size:
                self.dropped += 1
                self._file.seek(0, 2)
                break
            taken.append(Frame(second * 1_000_000 + fraction // self._divisor, raw))
        return taken

    def close(self) -> None:
        self._file.close()


def _unsound(path: Path, why: str) -> FengsuiError:
    return FengsuiError("sensors.packets.pcap", f"{path}: {why}", path=str(path))
