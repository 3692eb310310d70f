"""A recording reads the same from any place, and its clock follows recorded time."""

from pathlib import Path

import pytest

from schema.batch import Position
from schema.errors import FengsuiError
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
