"""Days: the files of the index, one an event day, opened when needed by one capped DuckDB.

DuckDB reaches no file outside the index folder, loads nothing, and its settings are locked.
"""

from __future__ import annotations

import errno
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from collector.index.rows import COLUMNS, Array, Part, frame
from schema.times import DAY, SECOND

OPEN_DAYS_MAX: Final = 8
"""Days kept open: a week and today. Each open file costs memory; more are opened in turn."""
SUFFIX: Final = ".duckdb"
_FORM: Final = "form"
"""The file that says which columns the day files have."""
_CHECKPOINT: Final = "64MB"
"""Write-ahead log before rows are packed: smaller packs too often, larger delays a start
after a crash by more than a second."""

_ROWS_TOGETHER: Final = 2048
"""Rows of a row group, DuckDB's least. Two full batches fill one, which is then packed and written
once: larger groups wait unpacked, go through the write-ahead log first and spill over the cap."""

_LOOSE_ROWS: Final = 16_384
"""Rows of all days not packed yet. They lie in memory: seven days filled side by side, each a
little, reach the cap of the site. Packing so often costs nothing that can be measured."""

_PACKED: Final = {"rest": " USING COMPRESSION zstd"}
"""Half the size at less cost than DuckDB's own choice, but slow to search: for what no search for
a word reads."""

_HEADERS_BYTES: Final = 3 * 4096
"""A day file begins with three headers; a shorter one was cut off while it was made, on a full
disk or by a crash, and holds nothing."""

_DDL: Final = ", ".join(f'"{name}" {kind}{_PACKED.get(name, "")}' for name, kind in COLUMNS.items())


@dataclass(slots=True)
class _Day:
    number: int
    """Days since the epoch."""
    name: str
    leases: int = 0
    failed: bool = False
    """A write failed: the engine may refuse the file until it is opened anew."""
    cursors: dict[str, int] = field(default_factory=dict)
    loose: int = 0
    """Rows stored since the day was last packed."""


class Days:
    """Opens, writes and lends day files. Safe from any thread; one writer at a time."""

    def __init__(self, folder: Path, *, memory_mb: int, threads: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _forget_other_form(folder)
        self._folder = folder
        self._database = duckdb.connect(":memory:", config={"threads": threads})
        for statement in (
            f"SET memory_limit = '{memory_mb}MB'",
            f"SET temp_directory = {_quoted(folder / 'spill')}",
            f"SET allowed_directories = [{_quoted(folder)}]",
            f"SET checkpoint_threshold = '{_CHECKPOINT}'",
            # Freed memory goes back at once: the cap above counts live pages only.
            "SET allocator_flush_threshold = '1MB'",
            "SET allocator_bulk_deallocation_flush_threshold = '1MB'",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET python_enable_replacements = false",
            "SET GLOBAL pandas_analyze_sample = 0",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._database.execute(statement)
        self._writer = self._database.cursor()
        self._open: OrderedDict[int, _Day] = OrderedDict()
        self._lock = threading.RLock()
        self._writing = threading.Lock()

    def present(self) -> list[int]:
        """Days (since the epoch) that have a file, oldest first."""
        names = (path.name for path in self._folder.glob(f"*{SUFFIX}"))
        return sorted(_day_of(name) for name in names)

    def between(self, start: int, end: int) -> list[int]:
        """Days with a file that hold times in start <= time < end, oldest first."""
        return [day for day in self.present() if day * DAY < end and (day + 1) * DAY > start]

    @contextmanager
    def lent(self, days: Sequence[int]) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
        """A connection of one's own and the table names of these days, at most OPEN_DAYS_MAX."""
        with ExitStack() as leases:
            # Leased one by one: opening the next may put away what nobody holds.
            opened = [leases.enter_context(self._leased(day)) for day in days]
            connection = self._database.cursor()
            try:
                yield connection, [f"{one.name}.events" for one in opened]
            finally:
                connection.close()

    def insert(self, day: int, parts: Sequence[Part]) -> None:
        """Store events of one day with the cursors of their batches, in one transaction.

        Batches the day has already are passed over. Raises ``OSError``; then nothing is stored.
        """
        with self._written(day) as one:
            fresh = [
                part for part in parts if part.batch.number > one.cursors.get(part.batch.sensor, 0)
            ]
            if fresh:
                self._store(one, fresh)

    def expire(self, day: int, sensor: str, number: int) -> None:
        """Delete a sensor's events up to that batch: with the file where it holds no others.

        A file that somebody reads just now stays, with nothing in it. Raises ``OSError``.
        """
        gone, place = "sensor = ? AND number <= ?", [sensor, number]
        with self._written(day) as one:
            left = self._writer.execute(
                f"SELECT 1 FROM {one.name}.events WHERE NOT ({gone}) LIMIT 1", place
            ).fetchall()
            if left or not self._removed(one):
                self._writer.execute(f"DELETE FROM {one.name}.events WHERE {gone}", place)

    def _removed(self, one: _Day) -> bool:
        """Whether the day's file could go: not while somebody else reads it."""
        with self._lock:
            if one.leases > 1:
                return False
            self._put_away(one)
            path = self._folder / f"{_day_text(one.number)}{SUFFIX}"
            path.unlink(missing_ok=True)
            path.with_name(path.name + ".wal").unlink(missing_ok=True)
            return True

    def cursors(self, day: int) -> dict[str, int]:
        """Last stored batch by sensor, as far as this day goes."""
        with self._lock:
            return dict(self._opened(day).cursors)

    def close(self) -> None:
        """Write everything out and let go of the files."""
        with self._writing, self._lock:
            self._writer.close()
            for one in list(self._open.values()):
                self._put_away(one)
            self._database.close()

    @contextmanager
    def _leased(self, day: int) -> Iterator[_Day]:
        """The day, attached while it is held. One that failed is put away by who holds it last."""
        with self._lock:
            one = self._opened(day)
            one.leases += 1
        try:
            yield one
        finally:
            with self._lock:
                one.leases -= 1
                if one.failed and not one.leases:
                    self._put_away(one)

    @contextmanager
    def _written(self, day: int) -> Iterator[_Day]:
        """The day, held by its one writer. Raises ``OSError`` for what the engine cannot write."""
        with self._writing, _writes(), self._leased(day) as one:
            try:
                yield one
            except duckdb.Error:
                one.failed = True
                raise

    def _store(self, one: _Day, parts: Sequence[Part]) -> None:
        cursors = {
            part.batch.sensor: max(part.batch.number, 0)
            for part in sorted(parts, key=lambda part: part.batch.number)
        }
        table = frame(parts)
        try:
            self._write(one, table, cursors)
        except (duckdb.OutOfMemoryException, duckdb.TransactionException):
            # A commit that finds no room fails as a transaction does.
            self._pack(0)
            self._write(one, table, cursors)
        one.cursors.update(cursors)
        one.loose += sum(len(part.places) for part in parts)
        self._pack(_LOOSE_ROWS)

    def _pack(self, kept: int) -> None:
        """Pack days, that with the most loose rows first, until at most ``kept`` rows are loose."""
        with self._lock:
            days = sorted(self._open.values(), key=lambda one: one.loose)
        loose = sum(one.loose for one in days)
        while days and loose > kept:
            with self._leased(days.pop().number) as one:
                try:
                    self._writer.execute(f"CHECKPOINT {one.name}")
                except duckdb.TransactionException:
                    # Another connection is in the way just now: then at a later batch.
                    continue
                except duckdb.Error:
                    one.failed = True
                    continue
                loose -= one.loose
                one.loose = 0

    def _write(self, one: _Day, table: Mapping[str, Array], cursors: Mapping[str, int]) -> None:
        names = ", ".join(f'"{name}"' for name in table)
        self._writer.register("incoming", table)
        try:
            self._writer.execute("BEGIN")
            try:
                self._writer.execute(
                    f"INSERT INTO {one.name}.events ({names}) SELECT {names} FROM incoming"
                )
                for sensor, number in cursors.items():
                    self._move_cursor(one, sensor, number)
                self._writer.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):
                    # A commit that failed has rolled back already.
                    self._writer.execute("ROLLBACK")
                raise
        finally:
            self._writer.unregister("incoming")

    def _move_cursor(self, one: _Day, sensor: str, number: int) -> None:
        statement = (
            f"UPDATE {one.name}.cursors SET number = ? WHERE sensor = ?"
            if sensor in one.cursors
            else f"INSERT INTO {one.name}.cursors (number, sensor) VALUES (?, ?)"
        )
        self._writer.execute(statement, [number, sensor])

    def _opened(self, day: int) -> _Day:
        """The day, attached; the caller holds the lock."""
        known = self._open.get(day)
        if known:
            self._open.move_to_end(day)
            return known
        self._make_room()
        text = _day_text(day)
        one = _Day(number=day, name=f"d{text.replace('-', '')}")
        path = self._folder / f"{text}{SUFFIX}"
        _drop_unbegun(path)
        cursor = self._database.cursor()
        try:
            cursor.execute(
                f"ATTACH {_quoted(path)} AS {one.name} (ROW_GROUP_SIZE {_ROWS_TOGETHER})"
            )
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {one.name}.events ({_DDL})")
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {one.name}.cursors (sensor VARCHAR, number BIGINT)"
            )
            rows = cursor.execute(f"SELECT sensor, number FROM {one.name}.cursors").fetchall()
        except duckdb.Error:
            cursor.execute(f"DETACH DATABASE IF EXISTS {one.name}")
            _drop_unbegun(path)
            raise
        finally:
            cursor.close()
        path.chmod(0o600)
        one.cursors.update(rows)
        self._open[day] = one
        return one

    def _make_room(self) -> None:
        for one in list(self._open.values()):
            if len(self._open) < OPEN_DAYS_MAX:
                return
            if one.leases == 0:
                self._put_away(one)

    def _put_away(self, one: _Day) -> None:
        if self._open.get(one.number) is one:
            del self._open[one.number]
            self._database.execute(f"DETACH {one.name}")


@contextmanager
def _writes() -> Iterator[None]:
    """What the engine cannot write is an ``OSError`` to everybody else."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise OSError(
            errno.ENOMEM, f"the index has no room, raise index.memory_mb: {error}"
        ) from error
    except (duckdb.IOException, duckdb.TransactionException) as error:
        raise OSError(errno.EIO, f"the index cannot be written: {error}") from error


def _drop_unbegun(path: Path) -> None:
    """Remove a day file that nothing could be stored in yet: the engine would not read it."""
    if path.exists() and path.stat().st_size < _HEADERS_BYTES:
        path.unlink()


def _forget_other_form(folder: Path) -> None:
    """Remove day files with other columns than ours: a projection is rebuilt, not migrated."""
    form = folder / _FORM
    if form.exists() and form.read_text("utf-8") == _DDL:
        return
    for path in folder.glob(f"*{SUFFIX}*"):
        path.unlink()
    form.write_text(_DDL, "utf-8")


def _quoted(path: Path) -> str:
    """A path as an SQL literal; such statements take no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def _day_text(day: int) -> str:
    return datetime.fromtimestamp(day * DAY // SECOND, UTC).strftime("%Y-%m-%d")


def _day_of(name: str) -> int:
    moment = datetime.strptime(name.removesuffix(SUFFIX), "%Y-%m-%d").replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND // DAY
