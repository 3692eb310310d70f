"""Warm-up: what rules learnt of a past, as one file that another engine begins with.

A baseline needs weeks before it judges. A recording of one week brings with it what a hundred days
before taught; a site could hand over to a new one in the same way. The file is of one version of
the engine: another refuses it, and the maker's command makes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap
from typing import Final

import msgspec

from analytics.condensed import condense, expand
from analytics.engine import Engine
from analytics.keys.shelf import bare, whole
from analytics.ruleset import ENGINE_VERSION
from schema.compressed import LEVEL_MAX, compress, decompress
from schema.errors import FengsuiError

BYTES_MAX: Final = 512 * 1024 * 1024
"""Unpacked: a city's state of a hundred days, and room to spare."""


class _File(msgspec.Struct, frozen=True, array_like=True):
    engine: int
    entries: msgspec.Raw
    """Condensed."""


def pack(engine: Engine) -> bytes:
    """The file of what this engine has learnt; it is of no other use afterwards."""
    entries = dict(bare(name, entry) for name, entry in engine.learnt().items() if entry)
    condensed = msgspec.Raw(condense(entries))
    return compress(msgspec.msgpack.encode(_File(ENGINE_VERSION, condensed)), LEVEL_MAX)


def unpack(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The entries to restore an engine from, one by one: a city's are not held at once.

    Raises, while it is read, ``analytics.warmup.malformed``, or ``.version`` for that of another
    engine.
    """
    try:
        found = msgspec.msgpack.decode(decompress(raw, BYTES_MAX), type=_File)
        if found.engine == ENGINE_VERSION:
            yield from starmap(whole, expand(memoryview(found.entries)))
            return
    except (msgspec.DecodeError, ValueError) as error:
        raise FengsuiError(
            "analytics.warmup.malformed", f"what was learnt before cannot be read: {error}"
        ) from error
    raise FengsuiError(
        "analytics.warmup.version",
        f"what was learnt before is of engine {found.engine}, this one is {ENGINE_VERSION}: "
        "make the file anew",
    )
