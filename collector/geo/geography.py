"""Geography: which geo files count since when, and what they tell of a batch's addresses.

The files a site names are copied into ``DIR/geo/<since>-<digest>/``, a folder for each change and
an empty one where none is named any more; nothing there is ever changed. A batch is told places by
the files that counted when it was received, so that a replay tells the same.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.geo.mmdb import MmdbFile
from collector.geo.place import NOWHERE, GeoFile, Place
from collector.geo.xdb import XdbFile
from crypto import sm3
from schema.errors import FengsuiError
from schema.event import Fields
from schema.shapes import Shape
from schema.times import to_text

if TYPE_CHECKING:
    from collector.control import ControlLog

_logger = logging.getLogger(__name__)

FOLDER: Final = "geo"
KINDS: Final[Mapping[str, Callable[[Path], GeoFile]]] = {".xdb": XdbFile, ".mmdb": MmdbFile}
FILES_MAX: Final = 4
"""Cities and networks are two files of MaxMind, IPv4 and IPv6 two of ip2region."""
FILE_BYTES_MAX: Final = 2**30
"""The largest on sale has some hundred megabytes; it is mapped, not read into memory."""
CACHED_MAX: Final = 16_384
"""Addresses remembered, some four megabytes; a district's busiest hour has a few thousand."""
_CHUNK: Final = 2**20
_SIDES: Final = ("source", "destination")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The files that count from a time on."""

    since: int
    """Microseconds UTC of receipt."""
    digest: str
    """SM3 over the SM3 of each file in order; empty where there are none."""
    folder: Path

    def files(self) -> list[Path]:
        """Its geo files, in the order in which they are asked."""
        return sorted(path for path in self.folder.iterdir() if path.suffix in KINDS)


class Geography:
    """What the geo files in a data folder tell; for one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions: Sequence[Version] = versions(folder)
        self._open: Version | None = None
        self._files: list[GeoFile] = []
        self._cache: dict[str, Place] = {}
        self.refused = 0
        """Addresses at which a file was found to be corrupt."""

    @property
    def current(self) -> Version | None:
        """The files that count now; None where none does."""
        newest = self._versions[-1] if self._versions else None
        return newest if newest and newest.digest else None

    def places(
        self, events: Sequence[Fields], shapes: Sequence[Shape], received_at: int
    ) -> dict[int, dict[str, str | int]]:
        """Fields to stand beside the events, by place; of an event's own fields none."""
        found: dict[int, dict[str, str | int]] = {}
        if not self._reach(received_at):
            return found
        for shape in shapes:
            for side in _SIDES:
                column = shape.columns.get(f"{side}.ip")
                if column is None:
                    continue
                for at, address in zip(shape.places, column, strict=True):
                    place = self._place(address) if isinstance(address, str) else NOWHERE
                    if place is not NOWHERE:
                        added = _fields(side, place)
                        own = events[at]
                        kept = {name: one for name, one in added.items() if name not in own}
                        if kept:
                            found.setdefault(at, {}).update(kept)
        return found

    def beside(self, event: Fields, received_at: int) -> Mapping[str, str | int]:
        """As :meth:`places`, of one event."""
        values = {name: (value,) for name, value in event.items()}
        return self.places([event], [Shape(columns=values, places=[0])], received_at).get(0, {})

    def _reach(self, received_at: int) -> bool:
        """Open the files that counted then; False where there were none."""
        wanted = next((one for one in reversed(self._versions) if one.since <= received_at), None)
        if wanted is None or not wanted.digest:
            return False
        if wanted is not self._open:
            self.close()
            self._files = [_opened(path) for path in wanted.files()]
            self._open = wanted
        return True

    def _place(self, address: str) -> Place:
        known = self._cache.get(address)
        if known is None:
            if len(self._cache) >= CACHED_MAX:
                self._cache.clear()
            known = self._cache[address] = self._find(address)
        return known

    def _find(self, address: str) -> Place:
        try:
            parsed = ip_address(address)
        except ValueError:
            return NOWHERE
        mapped = parsed.ipv4_mapped if parsed.version == 6 else None
        found = NOWHERE
        for file in self._files:
            try:
                found = found.filled(file.find(mapped or parsed))
            except FengsuiError as error:
                # The events must get in all the same; what the file says is the same next time.
                self.refused += 1
                if self.refused == 1:
                    _logger.warning("a geo file is corrupt", extra={"why": str(error)})
        return NOWHERE if found == NOWHERE else found

    def close(self) -> None:
        """Let go of the open files."""
        for file in self._files:
            file.close()
        self._files, self._open, self._cache = [], None, {}


def versions(folder: Path) -> list[Version]:
    """All versions a data folder has kept, oldest first."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        since, _, digest = path.name.partition("-")
        if since.isdigit() and path.is_dir():
            found.append(Version(since=int(since), digest=digest, folder=path))
    return found


def adopt(folder: Path, files: Sequence[str], *, since: int) -> Version | None:
    """Keep these files as what counts from now on, unless they do already; gives the newest.

    Raises ``collector.geo.unreadable`` for a file that cannot be read, ``.unknown`` for one of
    another kind, ``.too_many``, ``.too_large`` and ``.corrupt``.
    """
    if len(files) > FILES_MAX:
        raise FengsuiError(
            "collector.geo.too_many", f"geo.files names {len(files)} files, at most {FILES_MAX}"
        )
    known = versions(folder)
    digests = [_checked(Path(one)) for one in files]
    digest = sm3.digest("".join(digests).encode("ascii")).hex() if digests else ""
    newest = known[-1] if known else None
    if digest == (newest.digest if newest else ""):
        return newest
    # A clock that was set back never puts a version before the one it follows.
    since = max(since, newest.since + 1 if newest else 0)
    place = folder / f"{since:020d}-{digest}"
    half = folder / "half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    for number, (name, one) in enumerate(zip(files, digests, strict=True)):
        copy = half / f"{number}-{one}{Path(name).suffix.lower()}"
        shutil.copyfile(name, copy)
        if _digest(copy) != one:
            raise FengsuiError(
                "collector.geo.unreadable", f"{name} was changed while it was read: start again"
            )
        _synced(copy)
    if not files:
        # A folder without a file would be left out of a backup.
        (half / "none").touch()
    half.rename(place)
    _synced(folder)
    return Version(since=since, digest=digest, folder=place)


def note(control: ControlLog, version: Version | None) -> None:
    """Seal which geo files count since when; nothing where none ever did."""
    if version is None:
        return
    names = [path.name for path in version.files()]
    control.add(
        "geo_loaded",
        digest=version.digest,
        events=len(names),
        labels={"files": " ".join(names), "effective_at": to_text(version.since)},
    )


def _checked(path: Path) -> str:
    """SM3 of a file that opens as what its name says."""
    if path.suffix.lower() not in KINDS:
        raise FengsuiError(
            "collector.geo.unknown",
            f"geo.files names {path.name}, which ends in none of {', '.join(sorted(KINDS))}",
        )
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise FengsuiError(
                "collector.geo.too_large", f"{path} has {size} bytes, at most {FILE_BYTES_MAX}"
            )
        _opened(path).close()
        return _digest(path)
    except OSError as error:
        raise FengsuiError(
            "collector.geo.unreadable", f"the geo file {path} cannot be read: {error.strerror}"
        ) from error


def _opened(path: Path) -> GeoFile:
    return KINDS[path.suffix.lower()](path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return sm3.digest_stream(iter(lambda: file.read(_CHUNK), b"")).hex()


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fields(side: str, place: Place) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        f"{side}.geo.country_iso_code": place.country,
        f"{side}.as.number": place.as_number,
    }
    if side == "source":
        told["source.geo.region_name"] = place.region
        told["source.geo.city_name"] = place.city
    return {name: value for name, value in told.items() if value}
