"""An interface's frames through an AF_PACKET socket that filters in the kernel (packet(7))."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from sensors.packets.filter import SNAP_BYTES, Instruction, packed
from sensors.packets.frame import Frame

_ATTACH_FILTER: Final = 26
_SOL_PACKET: Final = 263
_STATISTICS: Final = 6
_ALL: Final = 0x0003
_LOOPBACK: Final = 772
_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Asked for; the kernel grants what net.core.rmem_max allows. Holds some seconds of hellos."""


class Interface:
    """Raises OSError: no CAP_NET_RAW, or no such interface. Frames bear the time of taking."""

    def __init__(self, name: str, program: Sequence[Instruction], now: Callable[[], int]) -> None:
        self._now = now
        self._dropped = 0
        # Bound to no protocol until the filter stands, so that nothing unfiltered waits.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._attach(packed(program), len(program))
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.setblocking(False)
            self._socket.bind((name, _ALL))
        except BaseException:
            self._socket.close()
            raise

    def _attach(self, code: bytes, count: int) -> None:
        held = ctypes.create_string_buffer(code, len(code))
        # struct sock_fprog: a count, and where the instructions lie.
        head = struct.pack("@HP", count, ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, head)

    @property
    def dropped(self) -> int:
        # The kernel counts anew after each look.
        raw = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        self._dropped += struct.unpack("=II", raw)[1]
        return self._dropped

    def take(self, limit: int) -> list[Frame]:
        taken: list[Frame] = []
        with suppress(BlockingIOError):
            while len(taken) < limit:
                raw, (_, _, way, hardware, *_) = self._socket.recvfrom(SNAP_BYTES)
                if way == socket.PACKET_OUTGOING and hardware == _LOOPBACK:
                    continue  # It comes in once more.
                taken.append(Frame(self._now(), raw))
        return taken

    def close(self) -> None:
        self._socket.close()
