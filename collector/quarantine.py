"""Quarantine: what was refused, kept once for whoever looks into it, and never a leak.

A refused batch is copied to ``DIR/quarantine/<sensor>-<number>-<reason>.bin``; its body only if
it can be read and the second look finds nothing in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from collector import rescan
from schema import batch as batches
from schema import privacy
from schema.batch import Batch
from schema.disk import replace_file
from schema.errors import FengsuiError
from schema.event import decode

FILES_MAX: Final = 1000
"""Enough to look into; a flood of forged batches must not fill the disk. The rest is counted."""
BYTES_MAX: Final = 512 * 1024 * 1024
"""A thousand full batches would fill a small disk: sixty-four of the largest are enough to see."""
_UNSIGNED_SHARE: Final = 2
"""Anybody can forge a batch nobody signed: half of the room is kept for a fork's."""
_UNSIGNED: Final = frozenset(
    {
        "collector.batch.foreign",
        "collector.batch.revoked",
        "collector.batch.superseded",
        "collector.batch.unenrolled",
        "schema.batch.signature_invalid",
    }
)
"""Reasons that are found before the signature is verified, or by it."""
_UNSAFE: Final = re.compile(r"[^a-z0-9._-]")
_NAME_MAX: Final = 63
WITHHELD: Final = "withheld"


class Quarantine:
    """The folder of refused batches."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = list(folder.iterdir()) if folder.is_dir() else []
        self._names = {path.name for path in found}
        self._bytes = sum(path.stat().st_size for path in found)
        self.files_left_out = 0
        """Batches not kept because the folder is full."""

    def keep(self, batch: Batch, reason: str) -> bool:
        """Copy a refused batch; False when it is there already, or cannot be kept."""
        sensor = _UNSAFE.sub("_", safe_name(batch.header.sensor).lower()) or "_"
        number = f"{batch.header.number:012d}"
        name = f"{sensor}-{number}-{_UNSAFE.sub('_', reason.rpartition('.')[2])}.bin"
        if name in self._names:
            return False
        share = _UNSIGNED_SHARE if reason in _UNSIGNED else 1
        data = _safe_bytes(batch) if len(self._names) < FILES_MAX // share else None
        if data is None or self._bytes + len(data) > BYTES_MAX // share:
            self.files_left_out += 1
            return False
        replace_file(self._folder / name, data)
        self._names.add(name)
        self._bytes += len(data)
        return True

    def note(self, name: str, reason: str, said: Mapping[str, str | int]) -> bool:
        """Keep what is known of something refused, never its bytes; as :meth:`keep` returns."""
        reason = _UNSAFE.sub("_", reason.rpartition(".")[2])
        file = f"{_UNSAFE.sub('_', name.lower())}-{reason}.json"
        data = msgspec.json.encode(said)
        full = len(self._names) >= FILES_MAX // _UNSIGNED_SHARE
        if file in self._names:
            return False
        if full or self._bytes + len(data) > BYTES_MAX // _UNSIGNED_SHARE:
            self.files_left_out += 1
            return False
        replace_file(self._folder / file, data)
        self._names.add(file)
        self._bytes += len(data)
        return True


def safe_name(claimed: str) -> str:
    """The name a refused header claims, as it may stand in a record or a file's name."""
    return WITHHELD if privacy.find(claimed) else claimed[:_NAME_MAX]


def _safe_bytes(batch: Batch) -> bytes:
    """The batch without what must not be kept."""
    if privacy.find(batch.header_bytes.decode("utf-8", "replace")) or privacy.find(
        batch.header.sensor
    ):
        return b""
    body = batch.body if _is_clean(batch) else b""
    return batches.to_bytes(
        Batch(
            header=batch.header,
            header_bytes=batch.header_bytes,
            signature=batch.signature,
            body=body,
        )
    )


def _is_clean(batch: Batch) -> bool:
    try:
        payloads = batches.unpack_body(batch.body, batch.header.count).payloads
        return not any(
            rescan.kinds_in(decode(payloads[index] or b""))
            for index in rescan.worth_a_look(payloads)
        )
    except FengsuiError:
        # What cannot be read cannot be searched.
        return False
