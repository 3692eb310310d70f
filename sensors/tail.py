"""A log path, or a pattern of them, as a source: each record once, whatever is done to the files.

Survives renaming, copying and truncating, compression, deletion and inode reuse, while the sensor
runs and while it does not; half lines wait for their rest. What a rotated file still holds is read
before its successor. Once no mark matches a file, it is new and read from its beginning.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from crypto import sm3
from schema.batch import Position
from schema.event import TIME, Fields
from schema.times import MINUTE, SECOND, from_text
from sensors import marks, rotation
from sensors.framing import joins_lines
from sensors.logfile import GzipHandle, LogFile, PlainHandle, open_handle
from sensors.marks import Mark
from sensors.rotation import Candidate
from sensors.source import Polled
from sensors.sources import FORMATS, Context

_logger = logging.getLogger(__name__)

POLL_BYTES_MAX: Final = 256 * 1024
"""Raw text of one poll; the sensor counts on it for the size of its batches."""

LATENESS_US: Final = 2 * SECOND
"""How much later than its time a line may be read: whole-second times, and writers that wait."""

EXPAND_EVERY_US: Final = SECOND // 2
"""How often a pattern is matched anew."""

RETIRED_IDLE_US: Final = MINUTE
"""A rotated file that has not grown for so long is done with; writers reopen within seconds."""

FILES_MAX: Final = 64
"""Files of one source followed at once: bounds open files and the signed header."""


class FileSource:
    """Follows what is written under ``path``, which may hold the wildcards ``*?[``.

    ``rotated`` are patterns of places where rotated files are moved to, beyond the usual names
    beside the log. A position is good for a source of the same path only.
    """

    def __init__(
        self, name: str, path: str, *, form: str, context: Context, rotated: Sequence[str] = ()
    ) -> None:
        self._name = name
        self._kind = form
        self._pattern = path
        self._elsewhere = tuple(rotated)
        self._context = context
        self._joins = joins_lines(FORMATS[form]())
        self._files: list[LogFile] = []
        self._paths: list[str] = []
        self._left_out = 0
        self._expanded_at = 0
        self._begun = 0
        self._sealed: dict[str, list[Mark]] = {}
        """Marks of paths not yet looked at, and of the last file of a path that has none now."""
        self._changed: dict[str, int] = {}
        """When what was read under a path had last changed, nanoseconds."""
        self._there: dict[str, tuple[int, ...]] = {}
        """What stood at each path when it was last looked at."""
        self._looked_for: set[str] = set()
        """Paths whose sealed files were looked for; again only when a file appears there."""
        self._watermark = 0
        self.problem = ""
        """Why a file cannot be read now; empty while all is well."""
        self.vanished = 0
        """Files that were gone before they were known to be read to their end."""

    @property
    def name(self) -> str:
        return self._name

    @property
    def kind(self) -> str:
        return self._kind

    def restore(self, position: Position) -> None:
        """See :class:`sensors.source.Source`; raises ``sensors.position.malformed``."""
        self._begun, found = marks.from_text(position.generation, self._pattern)
        for mark in found:
            self._sealed.setdefault(mark.path, []).append(mark)

    def poll(self, limit: int) -> Polled:
        now = self._context.now()
        self._look(now)
        for known in self._files:
            known.at_end = False
        events: list[Fields] = []
        places: list[tuple[str, int]] = []
        size = 0
        while len(events) < limit and size < POLL_BYTES_MAX and (file := self._furthest_behind()):
            records = file.take(limit - len(events), POLL_BYTES_MAX - size, now)
            if not records.raws:
                self._at_end_of(file, now)
                continue
            parsed = file.form.parse(records.raws, self._context)
            records.mark(parsed)
            # The earliest of the piece: one line of the far future must not hide the rest.
            file.reached = min(str(fields[TIME]) for fields in parsed)
            events += parsed
            places += [(file.generation, start) for start in records.starts]
            size += sum(map(len, records.raws))
        at_end = all(file.at_end for file in self._files)
        self._raise_watermark(now, at_end=at_end)
        self._let_go()
        return Polled(
            events=events,
            places=places,
            position=self._position(),
            watermark=self._watermark,
            at_end=at_end,
        )

    def close(self) -> None:
        """Let go of all files."""
        for file in self._files:
            file.close()
        self._files = []

    # --- which files there are ---------------------------------------------------------------

    def _look(self, now: int) -> None:
        """Find what has become of the files, and new ones."""
        due = not self._paths or abs(now - self._expanded_at) >= EXPAND_EVERY_US
        if due:
            self._expanded_at = now
            self._paths = self._followed(rotation.expand(self._pattern))
        self.problem = ""
        if self._left_out > 0:
            self.problem = f"{self._pattern}: {self._left_out} files too many; narrow the pattern"
        for path in self._paths:
            try:
                self._look_at(path, due=due)
            except OSError as error:
                self.problem = f"{path}: {error.strerror}"

    def _followed(self, matched: list[str]) -> list[str]:
        """Without rotated files of a known path: those are reached through it."""
        known = {*self._sealed, *(file.path for file in self._files)}
        all_paths = {*matched, *known}
        fresh = [path for path in matched if rotation.base_of(path) not in all_paths - {path}]
        paths = [*sorted(known), *(path for path in fresh if path not in known)]
        self._left_out = len(paths) - FILES_MAX
        return paths[:FILES_MAX]

    def _look_at(self, path: str, *, due: bool) -> None:
        current = next((f for f in self._files if f.path == path and not f.retired), None)
        now_there = rotation.candidate(Path(path))
        if current and now_there and _is(now_there, current):
            self._there[path] = now_there.identity
            return
        if path in self._sealed:
            if due or now_there or path not in self._looked_for:
                self._resume(path, now_there)
            return
        if current:
            is_linked = current.is_linked
            if now_there and not is_linked and self._moved_to_copy(current, [now_there]):
                return
            current.retired = now_there is not None or not is_linked
        identity = now_there.identity if now_there else ()
        is_bare = not (now_there and now_there.size)
        if path in self._changed and (self._there.get(path) != identity or (due and is_bare)):
            # Something was done here since the last look, or files came and went unseen.
            self._begin_unseen(path, self._changed[path])
        self._there[path] = identity
        self._begin(now_there, path)

    def _resume(self, path: str, now_there: Candidate | None) -> None:
        """Find the files of the sealed marks again; the rest is as after any rotation."""
        sealed = self._sealed[path]
        self._looked_for.add(path)
        places = rotation.rotated(path, self._elsewhere)
        if now_there:
            # One that may not be read now may be read later, and then must not count as new.
            open_handle(now_there.path).close()
            places.append(now_there)
        found: list[tuple[Mark, rotation.Found | None]] = []
        taken = self._inodes()
        for mark in sealed:
            there = rotation.find(mark, places, taken)
            found.append((mark, there))
            if there:
                taken.add((there.place.device, there.place.inode))
        after = max(mark.changed for mark in sealed)
        is_empty_place = not any(place.changed > after for place in places)
        if is_empty_place and not any(there for _, there in found) and path == self._pattern:
            # Perhaps not mounted yet: a file that comes back must not count as new.
            return
        del self._sealed[path]
        for mark, there in found:
            if there is None:
                self.vanished += 1
                _logger.warning(
                    "a file is gone before it was known to be read to its end",
                    extra={"source": self._name, "generation": mark.generation},
                )
                continue
            file = self._file(there.handle, path, generation=mark.generation, at=mark.offset)
            file.retired = there.place is not now_there
        if not any(file.path == path and not file.retired for file in self._files):
            self._begin_unseen(path, after)
            self._begin(now_there, path)

    def _begin_unseen(self, path: str, after: int) -> None:
        """Read rotated files that were written later than what we know: we saw none of them."""
        places = rotation.rotated(path, self._elsewhere)
        # What a file was copied or compressed to before it was truncated or deleted is no news.
        copies = [
            rotation.copy_of(file.as_read(), places)
            for file in self._files
            if file.path == path and not (file.is_linked and file.is_intact())
        ]
        for place in places:
            if place.changed > after and place not in copies:
                self._begin(place, path, retired=True)

    def _begin(self, place: Candidate | None, path: str, *, retired: bool = False) -> None:
        """Begin a generation, unless this is a file we have under another name."""
        if place is None or not place.size or (place.device, place.inode) in self._inodes():
            return
        if len(self._files) >= 2 * FILES_MAX:
            self.problem = f"{path}: more than {2 * FILES_MAX} files are open; it waits"
            return
        file = self._file(open_handle(place.path), path)
        if not file.head:
            # Emptied since we looked: there is nothing yet to know it by.
            self._files.remove(file)
            file.close()
            return
        self._begun += 1
        # The count keeps two files apart that begin alike; sealed positions carry it on.
        file.generation = sm3.digest(f"{self._begun}:{path}:".encode() + file.head).hex()[:16]
        file.retired = retired

    def _file(
        self, handle: PlainHandle | GzipHandle, path: str, *, generation: str = "", at: int = 0
    ) -> LogFile:
        file = LogFile(
            handle,
            form=FORMATS[self._kind](),
            joins=self._joins,
            path=path,
            generation=generation,
            at=at,
        )
        file.moved_at = self._context.now()
        self._files.append(file)
        return file

    def _inodes(self) -> set[tuple[int, int]]:
        return {(file.device, file.inode) for file in self._files}

    def _part_from_rewritten(self, file: LogFile) -> None:
        """The content changed under us: read the rest from a copy if there is one, then anew."""
        file.retired = True
        inode = (file.device, file.inode)
        if not self._moved_to_copy(file, rotation.rotated(file.path, self._elsewhere)):
            file.device = file.inode = -1
            file.rewritten = False
            file.finish()
        now_there = rotation.candidate(Path(file.path))
        self._begin_unseen(file.path, file.changed)
        if now_there and (now_there.device, now_there.inode) == inode:
            self._begin(now_there, file.path)

    def _moved_to_copy(self, file: LogFile, among: Sequence[Candidate]) -> bool:
        try:
            found = rotation.find(file.as_read(), among, self._inodes())
        except OSError:
            # A copy that may not be read: the new content must not wait for it.
            found = None
            self.vanished += 1
        if found:
            file.move_to(found.handle)
        return found is not None

    def _at_end_of(self, file: LogFile, now: int) -> None:
        """Nothing more to read: it may have been written anew, or be over for good."""
        if file.rewritten:
            self._part_from_rewritten(file)
        elif not file.done and self._is_over(file, now):
            file.finish()

    def _let_go(self) -> None:
        """Close files that are over and read to their end."""
        for file in self._files:
            self._changed[file.path] = max(self._changed.get(file.path, 0), file.changed)
        for file in [one for one in self._files if one.done and one.at_end]:
            self._files.remove(file)
            file.close()
            if file.path == self._pattern and not any(
                other.path == file.path for other in self._files
            ):
                # Kept so that a later start knows what was read last under this path.
                self._sealed[file.path] = [file.mark()]
                self._looked_for.add(file.path)

    def _is_over(self, file: LogFile, now: int) -> bool:
        gone = file.retired or (self._pattern != file.path and not file.is_linked)
        return gone and abs(now - file.moved_at) >= RETIRED_IDLE_US

    # --- how far it is read ------------------------------------------------------------------

    def _furthest_behind(self) -> LogFile | None:
        """The file to read next: the oldest unread one of each path, then the earliest time."""
        firsts: dict[str, LogFile] = {}
        for file in self._files:
            if not file.at_end:
                firsts.setdefault(file.path, file)
        return min(firsts.values(), key=lambda file: file.reached, default=None)

    def _raise_watermark(self, now: int, *, at_end: bool) -> None:
        reached = now
        if not at_end:
            earliest = min(file.reached for file in self._files if not file.at_end)
            reached = min(now, from_text(earliest)) if earliest else 0
        self._watermark = max(self._watermark, reached - LATENESS_US)

    def _position(self) -> Position:
        all_marks = [mark for sealed in self._sealed.values() for mark in sealed]
        all_marks += [file.mark() for file in self._files]
        offset = all_marks[-1].offset if all_marks else 0
        text = marks.to_text(self._begun, all_marks, self._pattern)
        return Position(generation=text, offset=offset)


def _is(place: Candidate, file: LogFile) -> bool:
    return (place.device, place.inode) == (file.device, file.inode)
