"""Frames: what the API process and a signing process write to each other, whole or not at all.

A frame is its length (4 bytes, big-endian) and a MessagePack array whose first item says what it
is. To the signing process go calls; from it come ``Ready`` first, then replies, and heads with
what was counted. The end of what is sent is the end of the work: there is no frame for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from dashboard_api.signing.call import Call, Reply
from dashboard_api.signing.heads import Head
from schema.errors import FengsuiError

LENGTH_BYTES: Final = 4
FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
"""An answer may be longer than its call: hexadecimal for base64, a chain in every envelope."""
BODY_BYTES_MAX: Final = FRAME_BYTES_MAX - 64
"""Of an answer: the rest of its frame are three numbers."""


class Ready(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The journal and the nonces are open: calls may come."""


class Stopped(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Entries cannot be written: every call is refused until the process is opened anew."""

    cause: str


Told: TypeAlias = Reply | Head | Ready | Stopped
"""What comes from a signing process."""

_T = TypeVar("_T")
_ENCODER: Final = msgspec.msgpack.Encoder()


def pack(frames: Iterable[Call | Told]) -> bytearray:
    """The frames as they are written; raises ``ValueError`` for one over ``FRAME_BYTES_MAX``."""
    buffer = bytearray()
    for frame in frames:
        start = len(buffer)
        buffer += b"\0\0\0\0"
        _ENCODER.encode_into(frame, buffer, -1)
        size = len(buffer) - start - LENGTH_BYTES
        if size > FRAME_BYTES_MAX:
            raise ValueError(f"a frame of {size} bytes is over {FRAME_BYTES_MAX}")
        buffer[start : start + LENGTH_BYTES] = size.to_bytes(LENGTH_BYTES, "big")
    return buffer


class Incoming(Generic[_T]):
    """Frames of one direction out of bytes as they come, in pieces or many at once."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[_T]) -> None:
        self._decode = decoder.decode
        self._rest = b""

    def take(self, data: bytes) -> Iterator[_T]:
        """Every frame that is whole now; raises ``dashboard_api.frame.malformed``.

        To be read to its end before more is taken.
        """
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        view = memoryview(data)
        while end - at >= LENGTH_BYTES:
            size = int.from_bytes(view[at : at + LENGTH_BYTES], "big")
            if size > FRAME_BYTES_MAX:
                raise _malformed(f"it would have {size} bytes")
            begin = at + LENGTH_BYTES
            if end - begin < size:
                break
            at = begin + size
            try:
                yield self._decode(view[begin:at])
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _malformed(str(error)) from error
        self._rest = data[at:]

    @property
    def half(self) -> bool:
        """Whether a frame has come in part."""
        return bool(self._rest)


def calls() -> Incoming[Call]:
    """What a signing process is told."""
    return Incoming(msgspec.msgpack.Decoder(Call))


def told() -> Incoming[Told]:
    """What a signing process tells."""
    return Incoming(msgspec.msgpack.Decoder(Told))


def _malformed(why: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.frame.malformed",
        f"the processes of the signing service do not understand each other: {why}",
    )
