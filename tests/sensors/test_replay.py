"""A recording reads the same from any place, and its clock follows recorded time."""

from pathlib import Path

import msgspec
import pytest
import zstandard

from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import encode
from schema.times import HOUR
from sensors.replay import RecordedSource, Recording

DAY = Path(__file__).resolve().parents[2] / "range" / "recordings" / "district-day"


def _source(recording: Recording, name: str) -> RecordedSource:
    return next(source for source in recording.sources if source.name.startswith(name))


def _places(source: RecordedSource, limit: int, most: int) -> list[tuple[str, int]]:
    places: list[tuple[str, int]] = []
    while len(places) < most:
        polled = source.poll(limit)
        places += polled.places
        if polled.at_end:
            break
    return places[:most]


@pytest.mark.parametrize("name", ["nginx-error", "postgresql.log", "sshd"])
def test_reading_goes_on_from_any_sealed_place(name: str) -> None:
    whole = _places(_source(Recording(DAY), name), 256, 2000)
    first = _source(Recording(DAY), name)
    begun = first.poll(700)
    second = _source(Recording(DAY), name)
    second.restore(begun.position)
    assert [*begun.places, *_places(second, 100, 1300)] == whole


def test_every_labelled_record_is_read() -> None:
    recording = Recording(DAY)
    source = _source(recording, "nginx-error")
    wanted = next(one for one in recording.labels.sources if one.file.startswith("nginx-error"))
    assert len(_places(source, 1024, 10**9)) == wanted.records


def test_the_clock_follows_what_was_read_and_passes_the_end_only_when_told() -> None:
    recording = Recording(DAY)
    start = recording.clock.now()
    _source(recording, "nginx-error").poll(10)
    read_to = recording.clock.now()
    assert read_to > start
    recording.end()
    assert recording.clock.now() == read_to + HOUR


def test_another_recording_under_the_same_name_is_refused() -> None:
    source = _source(Recording(DAY), "sshd")
    with pytest.raises(FengsuiError, match="not the recording"):
        source.restore(Position(generation="0" * 16, offset=1))


def test_a_folder_without_labels_is_named(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="is not a recording"):
        Recording(tmp_path)


def _recorded_events(folder: Path, *lines: bytes) -> Recording:
    """A recording of one source whose lines are events."""
    labels = {
        "recording": {
            "name": "r",
            "utc_offset": "+08:00",
            "start": "2026-11-20T00:00:00Z",
            "end": "2026-11-20T01:00:00Z",
        },
        "sources": [{"file": "probe.zst", "source": "events", "records": 1, "host": "p1"}],
        "attacks": [],
    }
    (folder / "labels.json").write_bytes(msgspec.json.encode(labels))
    (folder / "probe.zst").write_bytes(zstandard.compress(b"\n".join(lines)))
    return Recording(folder)


def test_what_was_seen_without_a_log_is_recorded_as_events(tmp_path: Path) -> None:
    seen = encode(
        {
            "@timestamp": "2026-11-20T00:10:00.000000Z",
            "event.dataset": "probe.http",
            "event.action": "probe",
        }
    )
    (source,) = _recorded_events(tmp_path, seen, b"{half", b'{"event.action":"x"}').sources
    events = source.poll(10).events
    assert [fields["event.dataset"] for fields in events[:1]] == ["probe.http"]
    assert events[0]["host.name"] == "p1"
    assert [fields["event.action"] for fields in events[1:]] == ["unparsed", "unparsed"]
