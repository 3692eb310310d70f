"""Verification of signing journals offline: every group, entry, link and signed head.

Needs the data folder and the public audit key, no platform; changes nothing. Without heads kept
outside it cannot tell that a whole folder, heads and all, was put back to an older state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crypto import sm2
from dashboard_api.signing import heads
from dashboard_api.signing.journal_file import (
    GENESIS,
    Entry,
    Place,
    Reader,
    broken,
    cut,
    entries,
    files,
)
from schema.errors import FengsuiError


@dataclass(slots=True, kw_only=True)
class Checked:
    """What a check of one slot's journal found; sound when ``error`` is None."""

    slot: int
    files: int = 0
    groups: int = 0
    entries: int = 0
    """Up to the first bad one."""
    digest: str = GENESIS
    """SM3 of the last sound group: what to keep outside."""
    heads: int = 0
    """Signed heads that were checked against it."""
    signed: int = 0
    """The entry of the newest signed head."""
    torn_bytes: int = 0
    error: FengsuiError | None = field(default=None)


def slots(signing: Path) -> list[tuple[int, Path]]:
    """The slots below ``DIR/signing``, in order; what has no number for a name is none."""
    found = signing.iterdir() if signing.is_dir() else ()
    return sorted((int(path.name), path) for path in found if _is_slot(path))


def _is_slot(path: Path) -> bool:
    name = path.name
    return path.is_dir() and name.isascii() and name.isdigit() and str(int(name)) == name


def verify(
    slot: int,
    folder: Path,
    key: sm2.PublicKey | None,
    *,
    kept: Sequence[tuple[int, str]] = (),
) -> Checked:
    """Check one slot; ``folder`` is ``DIR/signing/<slot>``, without a key no signature is checked.

    ``kept`` are entries and the SM3 of their groups, as they were written down outside.
    The first thing wrong ends the check and stands in ``error``: ``dashboard_api.journal.broken``,
    ``.cut`` or ``.head_broken``.
    """
    checked = Checked(slot=slot)
    try:
        # Heads first: what is written while this reads only makes the journal longer than they say.
        signed = heads.read(folder)
        if key is not None:
            for head in signed:
                heads.check(folder, slot, head, key)
        checked.signed = signed[-1].n if signed else 0
        known = {*kept, *((head.n, head.digest) for head in signed)}
        _walk(folder, sorted(known, reverse=True), checked)
    except FengsuiError as error:
        checked.error = error
    return checked


def _walk(folder: Path, waiting: list[tuple[int, str]], checked: Checked) -> None:
    """Check every group; ``waiting`` are the heads not met yet, the next one last."""
    for reader in _readers(folder):
        checked.files += 1
        for group in reader.groups():
            entries(group, reader.path)
            while waiting and waiting[-1][0] <= group.last:
                number, digest = waiting.pop()
                if number != group.last:
                    raise cut(folder, number, "no group ends with it")
                if digest != group.digest:
                    raise cut(folder, number, "another group stands in its place")
                checked.heads += 1
            checked.groups += 1
            checked.entries, checked.digest = group.last, group.digest
        checked.torn_bytes = reader.torn
    if waiting:
        raise cut(folder, waiting[0][0], f"the journal ends with entry {checked.entries}")


def read(folder: Path) -> Iterator[Entry]:
    """Every entry of a slot in order, with each link up to it checked.

    Raises ``dashboard_api.journal.broken`` once it comes to the first bad one.
    """
    for reader in _readers(folder):
        for group in reader.groups():
            yield from entries(group, reader.path)


def _readers(folder: Path) -> Iterator[Reader]:
    """A reader for each file, to be read to its end before the next."""
    place = Place()
    found = files(folder / "journal")
    for first, path in found:
        if first != place.n + 1:
            raise broken(path, place.n + 1, f"a file that begins with entry {first} follows")
        yield Reader(path, place, last=path == found[-1][1])
