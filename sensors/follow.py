"""Following: which files stand behind a log's path now, and which of them are read when.

A file is known by its content alone. What rotation puts aside is read before what replaces it, and
nothing that was read under one name is read again under another. Where a pattern matches more files
than can be followed at once, those long finished make way for new ones.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from crypto import sm3
from schema.times import DAY, MINUTE, SECOND
from sensors import marks, rotation
from sensors.framing import joins_lines
from sensors.logfile import GzipHandle, LogFile, PlainHandle, open_handle
from sensors.marks import BEGINNING_BYTES_MAX, MARK_BYTES_MAX, Mark, Reading
from sensors.rotation import Candidate
from sensors.sources import open_format

_logger = logging.getLogger(__name__)

LOOK_EVERY_US: Final = SECOND // 2
"""How often a pattern is matched anew, and a place without a file searched."""

RETIRED_IDLE_US: Final = MINUTE
"""A rotated file that has not grown for so long is done with; writers reopen within seconds."""

FILES_MAX: Final = 64
"""Paths of one source followed at once: bounds open files and the signed header."""

FINISHED_IDLE_US: Final = DAY
"""A file of a pattern that was read to its end and has not changed for so long may make way."""

FILES_MIN: Final = 2
"""Files that always find room: what was rotated, and what stands in its place."""

RETIRED_MAX: Final = 16
"""Rotated files of one path open at once; of a longer backlog the oldest are read first."""


class _Waiting(NamedTuple):
    """A file of the pattern that is not followed."""

    is_sound: bool
    """Whether it may be read, as far as is known."""
    place: tuple[int, str]
    path: str


class Following:
    """The files of one source, oldest first within each path."""

    def __init__(self, source: str, pattern: str, *, form: str, elsewhere: Sequence[str]) -> None:
        self._source = source
        self._pattern = pattern
        self._form = form
        self._elsewhere = elsewhere
        self._joins = joins_lines(open_format(form))
        self.files: list[LogFile] = []
        self.begun = 0
        """Generations begun ever; keeps two files apart that begin alike."""
        self.position_bytes_max = sys.maxsize
        """How long the text of all marks may become."""
        self.problem = ""
        self.vanished = 0
        self.left_out = 0
        """Files of the pattern that find no room now."""
        self.unreadable = 0
        """Files that may not be read, or not even be looked for, now."""
        self.catches_up = False
        """Whether files that find no room now will find it as soon as others are finished."""
        self._paths: list[str] = []
        self._refused: set[str] = set()
        """Paths that could not be read at the last look; they take nobody's room."""
        self._finished_to = marks.NOTHING
        """Files of the pattern up to here were read to their end, and let go."""
        self._finishing: dict[LogFile, tuple[int, str]] = {}
        self._finished: dict[str, Mark] = {}
        """Where they go on if they grow once more; forgotten by a restart."""
        self._looked_at = 0
        self._now = 0
        self._sealed: dict[str, list[Mark]] = {}
        """Marks of paths not yet looked at, and of the last file of a path that has none now."""
        self._looked_for: set[str] = set()
        """Paths whose sealed files were looked for; again only when a file appears there."""
        self._changed: dict[str, int] = {}
        """When what was read under a path had last changed, nanoseconds."""
        self._there: dict[str, tuple[int, ...]] = {}
        """What stood at each path when it was last looked at."""

    def restore(self, reading: Reading) -> None:
        """Go on from a sealed position."""
        self.begun, self._finished_to = reading.begun, reading.finished
        for mark in reading.marks:
            self._sealed.setdefault(mark.path, []).append(mark)

    def reading(self) -> Reading:
        """Where every file goes on once what was taken is sealed."""
        waiting = [mark for sealed in self._sealed.values() for mark in sealed]
        return Reading(
            begun=self.begun,
            finished=self._finished_to,
            marks=waiting + [file.mark() for file in self.files],
        )

    def close(self) -> None:
        """Let go of all files."""
        for file in self.files:
            file.close()
        self.files = []

    def furthest_behind(self) -> LogFile | None:
        """The file to read next: the oldest unread one of each path, then the earliest time."""
        firsts: dict[str, LogFile] = {}
        for file in self.files:
            if not file.at_end:
                firsts.setdefault(file.path, file)
        return min(firsts.values(), key=lambda file: file.reached, default=None)

    def look(self, now: int) -> None:
        """Find what has become of the files, and new ones."""
        self._now = now
        due = not self._paths or abs(now - self._looked_at) >= LOOK_EVERY_US
        if due:
            self._looked_at = now
            self._paths = self._followed(rotation.expand(self._pattern))
        self.problem = ""
        if self.left_out > 0:
            self.problem = f"{self._pattern}: {self.left_out} files too many; narrow the pattern"
        self._refused.difference_update(self._paths)
        for path in self._paths:
            try:
                self._look_at(path, due=due)
            except OSError as error:
                self._refused.add(path)
                self.problem = f"{path}: {error.strerror}"
        self.unreadable = len(self._refused)
        try:
            rotation.must_be_allowed(Path(rotation.folder_of(self._pattern)))
        except PermissionError as error:
            self.unreadable += 1
            self.problem = f"{self._pattern}: {error.strerror}"

    def _followed(self, matched: list[str]) -> list[str]:
        """Without rotated files of a known path: those are reached through it."""
        self._name_hashed(matched)
        known = {*self._sealed, *(file.path for file in self.files)}
        all_paths = {*matched, *known}
        self._refused &= all_paths
        fresh = [
            path
            for path in matched
            if path not in known and rotation.base_of(path) not in all_paths - {path}
        ]
        if matched == [self._pattern]:
            return sorted({*known, *fresh})
        waiting = self._waiting(fresh)
        room = self._paths_max() - len(known)
        begun, rest = waiting[: max(0, room)], waiting[max(0, room) :]
        self.left_out = len(rest)
        self.catches_up = False
        if rest:
            finishes = self._finish_before(rest[0].place, len(rest))
            reads = any(one.is_sound for one in begun) or any(not f.at_end for f in self.files)
            self.catches_up = finishes or reads
        return [*sorted(known), *(one.path for one in begun)]

    def _name_hashed(self, matched: list[str]) -> None:
        """Find the paths that could not be written into the header by their hashes."""
        hashed = [path for path in self._sealed if path.startswith(marks.HASHED)]
        if not hashed:
            return
        near = {*matched, *rotation.beside(matched)}
        names = {marks.written(path): path for path in (*near, *map(rotation.base_of, near))}
        for path in hashed:
            if path in names:
                found = self._sealed.pop(path)
                self._sealed[names[path]] = [replace(mark, path=names[path]) for mark in found]

    def _files_max(self) -> int:
        """How many files may be open at once, so that their marks fit the header."""
        paths = {file.path for file in self.files} - {self._pattern}
        longest = max((len(marks.written(path)) for path in paths), default=0)
        room = self.position_bytes_max - BEGINNING_BYTES_MAX
        return max(FILES_MIN, room // (MARK_BYTES_MAX + longest))

    def _paths_max(self) -> int:
        """How many paths may be followed: a rotated file of each has room beside."""
        return min(FILES_MAX, self._files_max() // FILES_MIN)

    def _waiting(self, fresh: Sequence[str]) -> list[_Waiting]:
        """Files to be begun, in the order in which they are: none that is finished or empty."""
        self._finished = {path: self._finished[path] for path in fresh if path in self._finished}
        waiting: list[_Waiting] = []
        for path in fresh:
            there = rotation.candidate(Path(path))
            place = marks.place(there.altered if there else 0, path)
            if there is None or path in self._refused:
                # It is looked at so that it is named, where nobody else wants its room.
                waiting.append(_Waiting(False, place, path))
            elif place > self._finished_to and (there.size or path in self._changed):
                waiting.append(_Waiting(True, place, path))
        return sorted(waiting, key=lambda one: (not one.is_sound, one.place))

    def _finish_before(self, place: tuple[int, str], count: int) -> bool:
        """Finish the oldest files, at most that many; whether there were any.

        Only those before the first that waits: whatever lies before a finished file is known to
        be read.
        """
        done: list[tuple[tuple[int, str], LogFile]] = []
        for file in self.files:
            there = rotation.candidate(Path(file.path))
            if (
                there
                and _is(there, file)
                and file.at_end
                and there.changed == file.changed
                and abs(self._now - there.changed // 1000) >= FINISHED_IDLE_US
                and sum(other.path == file.path for other in self.files) == 1
                and (key := marks.place(there.altered, file.path)) < place
            ):
                done.append((key, file))
        done.sort(key=itemgetter(0))
        for key, file in done[:count]:
            file.finish()
            self._finishing[file] = key
        return bool(done)

    def _look_at(self, path: str, *, due: bool) -> None:
        current = next((f for f in self.files if f.path == path and not f.retired), None)
        now_there = rotation.candidate(Path(path))
        if now_there is None:
            rotation.must_be_allowed(Path(path))
        if current and now_there and _is(now_there, current):
            self._there[path] = now_there.identity
            return
        if not current and path in self._finished:
            self._sealed[path] = [self._finished.pop(path)]
        if path in self._sealed:
            if due or now_there or path not in self._looked_for:
                self._resume(path, now_there)
            return
        if current:
            is_linked = current.is_linked
            if now_there and not is_linked and self._moved_to_copy(current, [now_there]):
                return
            current.retired = now_there is not None or not is_linked
        self._look_aside(path, now_there, due=due)

    def _look_aside(self, path: str, now_there: Candidate | None, *, due: bool) -> None:
        """Begin what rotation has put aside unseen, then what stands at the path."""
        identity = now_there.identity if now_there else ()
        is_bare = not (now_there and now_there.size)
        # Something was done here since the last look, or files may have come and gone unseen.
        is_news = self._there.get(path) != identity or (due and is_bare)
        if path in self._changed and is_news and not self._begin_unseen(path, self._changed[path]):
            return
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
                    extra={"source": self._source, "generation": mark.generation},
                )
                continue
            file = self._file(there.handle, path, generation=mark.generation, at=mark.offset)
            file.retired = there.place is not now_there
        self._changed[path] = after
        if not any(file.path == path and not file.retired for file in self.files):
            self._look_aside(path, now_there, due=True)

    def _begin_unseen(self, path: str, after: int) -> bool:
        """Read rotated files that changed later than what we know: we saw none of them.

        False where some of them must wait until others are read.
        """
        places = rotation.rotated(path, self._elsewhere)
        copies = self._copies(path, places)
        fresh = [one for one in places if one.changed > after and one not in copies]
        for place in fresh:
            beside = sum(file.path == path for file in self.files)
            if beside >= RETIRED_MAX or len(self.files) >= self._files_max():
                self._there.pop(path, None)
                return False
            try:
                begun = self._begin(place, path)
            except OSError as error:
                self.vanished += 1
                self.problem = f"{place.path}: {error.strerror}"
                continue
            if begun:
                begun.retired = True
                # Only what was put aside last may still be written to.
                begun.settled = place is not fresh[-1]
        return True

    def _copies(self, path: str, places: Sequence[Candidate]) -> list[Candidate | None]:
        """What our files were copied or compressed to before being truncated or deleted."""
        gone = [
            file
            for file in self.files
            if file.path == path and not (file.is_linked and file.is_intact())
        ]
        return [rotation.copy_of(file.as_read(), places) for file in gone]

    def _begin(self, place: Candidate | None, path: str) -> LogFile | None:
        """Begin a generation, unless this is a file we have under another name."""
        if place is None or not place.size or (place.device, place.inode) in self._inodes():
            return None
        if len(self.files) >= self._files_max():
            # It waits for those that are over; it is looked for again until it has room.
            return None
        file = self._file(open_handle(place.path), path)
        if not file.head:
            # Emptied since we looked: there is nothing yet to know it by.
            self.files.remove(file)
            file.close()
            return None
        self.begun += 1
        # The count keeps two files apart that begin alike; sealed positions carry it on.
        told = f"{self.begun}:".encode() + os.fsencode(path) + b":"
        file.generation = sm3.digest(told + file.head).hex()[:16]
        return file

    def _file(
        self, handle: PlainHandle | GzipHandle, path: str, *, generation: str = "", at: int = 0
    ) -> LogFile:
        file = LogFile(
            handle,
            form=open_format(self._form),
            joins=self._joins,
            path=path,
            generation=generation,
            at=at,
        )
        file.moved_at = self._now
        self.files.append(file)
        return file

    def _inodes(self) -> set[tuple[int, int]]:
        return {(file.device, file.inode) for file in self.files}

    def _part_from_rewritten(self, file: LogFile) -> None:
        """The content changed under us: read the rest from a copy if there is one, then anew."""
        file.retired = True
        inode = (file.device, file.inode)
        if not self._moved_to_copy(file, rotation.rotated(file.path, self._elsewhere)):
            file.device = file.inode = -1
            file.rewritten = False
            file.finish()
        now_there = rotation.candidate(Path(file.path))
        is_ours = now_there and (now_there.device, now_there.inode) == inode
        if self._begin_unseen(file.path, file.changed) and is_ours:
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

    def at_end_of(self, file: LogFile, now: int) -> None:
        """Nothing more to read: it may have been written anew, or be over for good."""
        if file.rewritten:
            self._part_from_rewritten(file)
        elif not file.done and self._is_over(file, now):
            file.finish()

    def let_go(self) -> None:
        """Close files that are over and read to their end."""
        for file in self.files:
            self._changed[file.path] = max(self._changed.get(file.path, 0), file.changed)
        for file in [one for one in self.files if one.done and one.at_end]:
            self.files.remove(file)
            file.close()
            if file in self._finishing:
                self._finished_to = max(self._finished_to, self._finishing.pop(file))
                self._finished[file.path] = file.mark()
                for known in (self._changed, self._there):
                    known.pop(file.path, None)
                self._looked_for.discard(file.path)
            elif file.path == self._pattern and not any(
                other.path == file.path for other in self.files
            ):
                # Kept so that a later start knows what was read last under this path.
                self._sealed[file.path] = [file.mark()]
                self._looked_for.add(file.path)

    def _is_over(self, file: LogFile, now: int) -> bool:
        gone = file.retired or (self._pattern != file.path and not file.is_linked)
        return gone and (file.settled or abs(now - file.moved_at) >= RETIRED_IDLE_US)


def _is(place: Candidate, file: LogFile) -> bool:
    return (place.device, place.inode) == (file.device, file.inode)
