"""Carrier: sends records as a sensor does, and remembers what it was promised."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from collector.bus.reading import BEGINNING, Starts
from schema.bus import BusReader, BusWriter, Place, Record
from schema.errors import FengsuiError

CHUNK = 20
"""Sent before each flush, and sent again as a whole where that fails."""
AGAIN_SECONDS = 0.1
READ_SECONDS_MAX = 60.0
QUIET_SECONDS = 1.0
END_SECONDS_MAX = 90.0


class Item(NamedTuple):
    """One record to send."""

    place: Place
    key: bytes
    value: bytes


def numbers(places: Sequence[Place]) -> Iterator[Item]:
    """Endless different records over these places, in turn."""
    for number in itertools.count():
        yield Item(places[number % len(places)], b"", b"%d" % number)


class Carrier(threading.Thread):
    """Sends item after item until stopped or done; what was not acknowledged is sent again."""

    def __init__(
        self,
        make_writer: Callable[[], BusWriter],
        items: Iterable[Item],
        *,
        pause_seconds: float = 0.02,
    ) -> None:
        super().__init__(name="carrier", daemon=True)
        self._make_writer = make_writer
        self._items = iter(items)
        self._pause = pause_seconds
        self._stopped = threading.Event()
        self.acknowledged: list[Item] = []
        self.times: list[float] = []
        """When each flush returned, monotonic."""
        self.doubtful: set[bytes] = set()
        """Values whose flush failed at least once: these may stand twice on the bus."""
        self.codes: Counter[str] = Counter()

    def run(self) -> None:
        writer = self._make_writer()
        while not self._stopped.is_set():
            chunk = list(itertools.islice(self._items, CHUNK))
            if not chunk:
                break
            while not self._stopped.is_set() and not self._carried(writer, chunk):
                self._stopped.wait(AGAIN_SECONDS)
            self._stopped.wait(self._pause)
        try:
            writer.close()
        except FengsuiError as error:
            self.codes[error.code] += 1

    def stop(self) -> None:
        """End after the flush under way."""
        self._stopped.set()
        self.join(END_SECONDS_MAX)
        assert not self.is_alive()

    def wait_for(self, more: int, *, seconds_max: float = END_SECONDS_MAX) -> float:
        """Wait until that many more flushes were acknowledged; the seconds it took."""
        begun, target = time.monotonic(), len(self.times) + more
        while len(self.times) < target and self.is_alive():
            assert time.monotonic() - begun < seconds_max, f"nothing acknowledged: {self.codes}"
            time.sleep(0.02)
        return time.monotonic() - begun

    def longest_gap(self, since: float) -> float:
        """The longest time without an acknowledgement, from the last one before ``since``."""
        at = [one for one in self.times if one < since][-1:]
        at += [one for one in self.times if one >= since]
        return max(after - before for before, after in itertools.pairwise(at))

    def _carried(self, writer: BusWriter, chunk: Sequence[Item]) -> bool:
        try:
            for one in chunk:
                writer.send(one.place, key=one.key, value=one.value)
            writer.flush()
        except FengsuiError as error:
            self.codes[error.code] += 1
            self.doubtful.update(one.value for one in chunk)
            return False
        self.acknowledged += chunk
        self.times.append(time.monotonic())
        return True


def everything(make_reader: Callable[[Starts], BusReader], places: Sequence[Place]) -> list[Record]:
    """All records of these places, once nothing is behind any more."""
    reader = make_reader(dict.fromkeys(places, BEGINNING))
    found: list[Record] = []
    end = time.monotonic() + READ_SECONDS_MAX
    try:
        while True:
            assert time.monotonic() < end, f"never read to the end: {reader.lag()}"
            records = reader.read(records_max=10_000, wait_seconds=QUIET_SECONDS)
            found += records
            if not records and not any(reader.lag().values()):
                return found
    finally:
        reader.close()


def check_kept(carrier: Carrier, found: Sequence[Record]) -> int:
    """Nothing acknowledged is missing, nothing promised once stands twice, each place in order.

    The number of records that stand twice because they were sent twice.
    """
    counted = Counter(record.value for record in found)
    missing = [one.value for one in carrier.acknowledged if not counted[one.value]]
    assert missing == [], f"acknowledged and lost: {len(missing)}"
    twice = {value for value, count in counted.items() if count > 1}
    assert twice <= carrier.doubtful, "twice though every flush was acknowledged"
    for place in {record.place for record in found}:
        first = list(dict.fromkeys(one.value for one in found if one.place == place))
        sent = [one.value for one in carrier.acknowledged if one.place == place]
        assert [value for value in first if value in set(sent)] == sent
    return len(twice)
