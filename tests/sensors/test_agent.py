"""The sensor seals everything once, in whatever pieces, and only sealed positions count."""

import errno
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crypto import sm2
from schema import batch as batches
from schema import event, heartbeat, limits, log
from schema.batch import Batch, Position
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.event import Fields
from schema.times import HOUR, MINUTE, SECOND, to_text
from sensors import trouble
from sensors.agent import BATCH_PAYLOAD_BYTES_MAX, Identity, Sensor
from sensors.source import Polled

KEY = sm2.PrivateKey.generate()
START = 1_795_000_000 * SECOND


class ListedSource:
    """A source over a list of event times; remembers nothing beyond its position."""

    kind = "listed"

    def __init__(self, name: str, times: Sequence[int], text: str = "") -> None:
        self.name = name
        self._times = times
        self._text = text
        self._next = 0
        self.troubles: dict[str, int] = {}

    def restore(self, position: Position) -> None:
        self._next = position.offset

    def poll(self, limit: int) -> Polled:
        begun = self._next
        self._next = min(begun + limit, len(self._times))
        taken = range(begun, self._next)
        return Polled(
            events=[
                {
                    event.TIME: to_text(self._times[n]),
                    event.DATASET: "t",
                    "message": f"{n}{self._text}",
                }
                for n in taken
            ],
            places=[("g", n) for n in taken],
            position=Position(generation="g", offset=self._next),
            watermark=max(self._times[: self._next], default=0),
            at_end=self._next == len(self._times),
            troubles=self.troubles,
        )


class FixedClock:
    def __init__(self, now: int = START) -> None:
        self.value = now

    def now(self) -> int:
        return self.value


class CountedEntropy:
    def take(self, size: int) -> bytes:
        return bytes(size)


class FullDisk(PosixDisk):
    """Refuses every append while ``full``."""

    full = False

    def append(self, path: Path, data: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "no space left on device")
        super().append(path, data)


def _sensor(
    folder: Path,
    *sources: ListedSource,
    disk: PosixDisk | None = None,
    masker: Callable[[list[Fields]], None] = lambda events: None,
    clock: FixedClock | None = None,
    batch_events_max: int = 1024,
) -> Sensor:
    return Sensor(
        Identity(realm="duty", sensor="gate", enrolment=1, boot_id="boot"),
        key=KEY,
        writer=log.Writer(folder / "gate", disk),
        sources=sources,
        masker=masker,
        clock=clock or FixedClock(),
        entropy=CountedEntropy(),
        batch_events_max=batch_events_max,
    )


def _all(sensor: Sensor) -> list[Batch]:
    sealed = []
    while (one := sensor.step()) is not None:
        sealed.append(one)
    return sealed


def _stored(folder: Path) -> list[Fields]:
    found = log.Reader(folder / "gate").read(10_000)
    return [
        event.decode(payload)
        for one in found
        for payload in batches.verify_body(one).payloads
        if payload is not None
    ]


def _places(folder: Path) -> list[tuple[object, object]]:
    return [(fields[event.SOURCE], fields[event.OFFSET]) for fields in _stored(folder)]


def _ticks(count: int, step: int = SECOND) -> list[int]:
    return [START + number * step for number in range(count)]


@pytest.mark.parametrize("size", [1, 7, 1024])
def test_every_event_is_sealed_once_whatever_the_batch_size(tmp_path: Path, size: int) -> None:
    sensor = _sensor(tmp_path, ListedSource("a", _ticks(30)), batch_events_max=size)
    sealed = _all(sensor)
    assert _places(tmp_path) == [("a", number) for number in range(30)]
    assert sum(one.header.count for one in sealed) == sensor.counters.sealed == 30


def test_backlogs_advance_together_in_event_time(tmp_path: Path) -> None:
    _all(_sensor(tmp_path, ListedSource("a", _ticks(3000)), ListedSource("b", _ticks(3000))))
    seen = {"a": 0, "b": 0}
    for name, _ in _places(tmp_path):
        seen[str(name)] += 1
        assert abs(seen["a"] - seen["b"]) <= 512


def test_after_a_crash_the_sensor_goes_on_at_the_last_sealed_place(tmp_path: Path) -> None:
    first = _sensor(tmp_path, ListedSource("a", _ticks(30)), batch_events_max=10)
    first.step()
    first.step()
    _all(_sensor(tmp_path, ListedSource("a", _ticks(30)), batch_events_max=10))
    assert _places(tmp_path) == [("a", number) for number in range(30)]


def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path) -> None:
    disk = FullDisk()
    sensor = _sensor(tmp_path, ListedSource("a", _ticks(30)), disk=disk, batch_events_max=10)
    sensor.step()
    disk.full = True
    assert sensor.step() is None
    assert sensor.step() is None
    assert sensor.counters.disk_errors == 2
    disk.full = False
    _all(sensor)
    places = [place for place in _places(tmp_path) if place[0] == "a"]
    assert places == [("a", number) for number in range(30)]
    (told,) = [one for one in _stored(tmp_path) if one[event.DATASET] == trouble.SOURCE]
    assert (told["event.reason"], told["labels.count"]) == ("disk_errors", "2")


def test_a_heartbeat_does_not_speak_for_events_the_disk_refused(tmp_path: Path) -> None:
    disk = FullDisk()
    sensor = _sensor(tmp_path, ListedSource("a", _ticks(15)), disk=disk, batch_events_max=10)
    first = sensor.step()
    assert first is not None
    disk.full = True
    assert sensor.step() is None
    beat = heartbeat.verify(sensor.heartbeat(), KEY.public)
    assert (beat.head, beat.low_watermark) == (first.hash, first.header.low_watermark)
    disk.full = False
    second = sensor.step()
    assert second is not None
    assert second.header.min_time >= beat.low_watermark
    beat = heartbeat.verify(sensor.heartbeat(), KEY.public)
    assert (beat.head, beat.low_watermark) == (second.hash, START + 14 * SECOND)


def test_the_low_watermark_is_that_of_the_source_furthest_behind(tmp_path: Path) -> None:
    early, late = _ticks(5), [START + HOUR]
    sealed = _all(_sensor(tmp_path, ListedSource("a", early), ListedSource("b", late)))
    assert sealed[-1].header.low_watermark == early[-1]


def test_a_clock_set_back_lowers_no_watermark(tmp_path: Path) -> None:
    clock = FixedClock()
    sensor = _sensor(tmp_path, clock=clock)
    sensor.step()
    before = sensor.low_watermark
    clock.value -= HOUR
    sensor.step()
    assert sensor.low_watermark == before == START


def test_positions_count_only_what_is_in_the_batch(tmp_path: Path) -> None:
    long = "x" * (limits.EVENT_BYTES_MAX - 500)
    count = BATCH_PAYLOAD_BYTES_MAX // limits.EVENT_BYTES_MAX + 20
    sensor = _sensor(tmp_path, ListedSource("a", _ticks(count), text=long))
    one = sensor.step()
    assert one is not None
    assert one.header.count < count
    assert one.header.positions["a"] == Position(generation="g", offset=one.header.count)
    _all(_sensor(tmp_path, ListedSource("a", _ticks(count), text=long)))
    assert _places(tmp_path) == [("a", number) for number in range(count)]


def test_an_event_over_the_limit_is_cut_and_counted(tmp_path: Path) -> None:
    sensor = _sensor(tmp_path, ListedSource("a", _ticks(1), text="x" * limits.EVENT_BYTES_MAX))
    _all(sensor)
    assert sensor.counters.cut == 1
    assert _stored(tmp_path)[0]["gov.line.partial"] is True


@pytest.mark.parametrize(
    "value",
    [["\x01" * 5000] * 50, "\x01" * 5000, ["x"] * 60_000],
    ids=["lists", "escapes", "items"],
)
def test_an_event_is_cut_until_it_fits_whatever_it_holds(
    tmp_path: Path, value: str | list[str]
) -> None:
    def grow(events: list[Fields]) -> None:
        for fields in events:
            fields.update({f"labels.{n:02d}" + "\x02" * 120: value for n in range(60)})

    sensor = _sensor(tmp_path, ListedSource("a", _ticks(1)), masker=grow)
    _all(sensor)
    stored = _stored(tmp_path)[0]
    assert len(event.encode(stored)) <= limits.EVENT_BYTES_MAX
    assert (stored["gov.line.partial"], stored[event.SOURCE]) == (True, "a")


def test_what_the_masker_changed_is_what_is_sealed(tmp_path: Path) -> None:
    def mask(events: list[Fields]) -> None:
        for fields in events:
            fields["message"] = "masked"

    _all(_sensor(tmp_path, ListedSource("a", _ticks(3)), masker=mask))
    assert {fields["message"] for fields in _stored(tmp_path)} == {"masked"}


def test_a_heartbeat_binds_the_head_and_the_watermark(tmp_path: Path) -> None:
    sensor = _sensor(tmp_path, ListedSource("a", _ticks(3)))
    sealed = _all(sensor)
    beat = heartbeat.verify(sensor.heartbeat(), KEY.public)
    assert (beat.head, beat.low_watermark) == (sealed[-1].hash, sensor.low_watermark)


def test_what_cannot_be_read_is_sealed_before_a_watermark_passes_it(tmp_path: Path) -> None:
    source, clock = ListedSource("a", _ticks(3)), FixedClock(START + HOUR)
    source.troubles = {"unreadable": 1, "vanished": 0}
    sensor = _sensor(tmp_path, source, clock=clock)
    assert len(_all(sensor)) == 1
    (told,) = [one for one in _stored(tmp_path) if one[event.DATASET] == trouble.SOURCE]
    assert (told["event.action"], told["event.reason"]) == ("sensor_trouble", "unreadable")
    assert (told["labels.source"], told["labels.count"]) == ("a", "1")
    source.troubles = {"unreadable": 2, "vanished": 0}
    assert _all(sensor) == []
    clock.value += MINUTE
    assert len(_all(sensor)) == 1
    source.troubles = {"unreadable": 0, "vanished": 0}
    clock.value += MINUTE
    _all(sensor)
    assert _stored(tmp_path)[-1]["event.action"] == "sensor_trouble_over"
    again = ListedSource("a", _ticks(3))
    again.troubles = {"unreadable": 1}
    _all(_sensor(tmp_path, again, clock=clock))
    own = [place for place in _places(tmp_path) if place[0] == trouble.SOURCE]
    assert own == [(trouble.SOURCE, number) for number in range(4)]


def test_what_was_cut_is_told_too(tmp_path: Path) -> None:
    _all(_sensor(tmp_path, ListedSource("a", _ticks(1), text="x" * limits.EVENT_BYTES_MAX)))
    assert _stored(tmp_path)[-1]["event.reason"] == "cut"


def test_sources_whose_places_do_not_fit_a_header_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError) as caught:
        _sensor(tmp_path, *(ListedSource(f"{n:03d}" + "n" * 60, []) for n in range(900)))
    assert caught.value.code == "sensors.sources.too_many"
