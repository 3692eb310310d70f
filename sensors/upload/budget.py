"""Budget: how much of one file may be unpacked before the look at it is given up."""

from __future__ import annotations

from typing import Final

from schema.errors import FengsuiError

UNPACKED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of one file, over all that is packed in it: a book of a thousand pages has five megabytes."""
MEMBERS_MAX: Final = 5_000
"""Parts of packed files, over all levels."""
DEPTH_MAX: Final = 3
"""A document in an archive in an archive; deeper is no way to hand in papers."""
UNCHECKED: Final = "sensors.upload.unchecked"


class Budget:
    """What one look may still unpack; every part takes from it."""

    def __init__(self, bytes_max: int = UNPACKED_BYTES_MAX, members_max: int = MEMBERS_MAX) -> None:
        self.bytes_left = bytes_max
        self._members_left = members_max

    def take(self, size: int) -> None:
        """Note that many bytes as unpacked; raises ``sensors.upload.unchecked``."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise unchecked("too_much_unpacked")

    def take_members(self, count: int) -> None:
        """Note that many parts; raises ``sensors.upload.unchecked``."""
        self._members_left -= count
        if self._members_left < 0:
            raise unchecked("too_many_parts")


def unchecked(why: str) -> FengsuiError:
    """A file that cannot be looked through; ``why`` is one word of the event's reason."""
    return FengsuiError(UNCHECKED, f"the file cannot be looked through: {why}", why=why)
