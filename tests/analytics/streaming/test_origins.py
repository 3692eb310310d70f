"""No stage goes further than every accepted partition allows, however far ahead one of them is."""

from __future__ import annotations

import msgspec
import pytest

from analytics.memory import NEVER
from analytics.streaming.origins import Origins, OriginsDump, follows
from analytics.tide import BEGINNING
from schema.bus import partition_of
from schema.errors import FengsuiError
from schema.feed import End, Exclude, Readmit, Release, Require

NEAR = next(name for name in "abcdefgh" if partition_of(name, 2) == 0)
FAR = next(name for name in "abcdefgh" if partition_of(name, 2) == 1)


def test_the_watermark_is_the_least_promise() -> None:
    origins = Origins(2)
    origins.hear(0, 1, 50, ())
    origins.hear(1, 1, 30, ())
    assert origins.rise() == 30
    assert origins.settled(10) == 20


def test_a_partition_nobody_is_waited_for_in_holds_nothing() -> None:
    origins = Origins(3)
    origins.hear(0, 1, 50, ())
    origins.hear(1, 1, NEVER, ())
    assert origins.rise() == 50


def test_nobody_waited_for_at_all_moves_nothing() -> None:
    origins = Origins(2)
    origins.hear(0, 1, NEVER, ())
    assert origins.rise() == BEGINNING
    assert origins.settled(10) == BEGINNING


@pytest.mark.parametrize("kind", [Exclude, Release])
def test_while_nobody_is_waited_for_no_stage_goes_further_than_the_writer_stood(
    kind: type[Exclude | Release],
) -> None:
    """The near sensor stood at 20 and went last; the far partition has not said that its is out."""
    origins, out = Origins(2), (Exclude(1, FAR), kind(2, NEAR, 20))
    origins.hear(1, 1, 50, ())
    origins.hear(0, 1, 20, out[:1])
    assert origins.rise() == 20
    origins.hear(0, 2, NEVER, out[1:])
    assert origins.rise() == 20
    again = Origins(2)
    again.restore(origins.dump())
    assert again.rise() == 20
    back = Readmit(3, NEAR, 30)
    for one in (origins, again):
        one.hear(0, 3, 30, (back,))
        assert one.rise() == 30


def test_a_sensor_holds_from_the_first_copy_on() -> None:
    origins = Origins(2)
    origins.hear(0, 1, 50, ())
    assert origins.rise() == 50
    word = Require(1, FAR, 60)
    assert origins.hear(0, 2, 100, (word,)) == [word]
    assert origins.rise() == 60
    assert origins.hear(1, 1, 60, (word,)) == []
    assert origins.rise() == 60
    origins.hear(1, 2, 80, ())
    assert origins.rise() == 80


def test_its_own_partition_says_for_itself() -> None:
    origins = Origins(2)
    word = Readmit(1, NEAR, 60)
    origins.hear(0, 1, 70, (word,))
    origins.hear(1, 1, NEVER, (word,))
    assert origins.rise() == 70


def test_who_is_excluded_holds_until_its_own_partition_says_so() -> None:
    origins = Origins(2)
    origins.hear(0, 1, 50, ())
    origins.hear(1, 1, 10, ())
    word = Exclude(1, FAR)
    origins.hear(0, 2, 60, (word,))
    assert origins.rise() == 10
    origins.hear(1, 2, NEVER, (word,))
    assert origins.rise() == 60


def test_the_end_is_a_barrier() -> None:
    origins = Origins(2)
    word = End(1, 99)
    origins.hear(0, 1, 50, (word,))
    assert origins.rise() == 50
    assert origins.deadlines == NEVER
    origins.hear(1, 1, 40, (word,))
    assert origins.rise() == NEVER
    assert origins.deadlines == 99
    assert origins.settled(10) == NEVER


def test_a_repeat_is_nothing_and_a_gap_is_an_error() -> None:
    origins = Origins(1)
    assert origins.hear(0, 1, 5, ()) == []
    assert origins.hear(0, 1, 90, ()) is None
    assert origins.rise() == 5
    with pytest.raises(FengsuiError, match="gap"):
        origins.hear(0, 3, 5, ())
    with pytest.raises(FengsuiError, match="malformed"):
        origins.hear(1, 1, 5, ())


def test_numbers_follow_each_other() -> None:
    assert follows(4, 3, "x")
    assert not follows(3, 3, "x")
    with pytest.raises(FengsuiError, match="gap"):
        follows(5, 3, "x")


def test_a_snapshot_goes_on_as_it_would() -> None:
    origins = Origins(2)
    origins.hear(0, 1, 50, (Require(1, FAR, 20),))
    raw = msgspec.msgpack.encode(origins.dump())
    other = Origins(2)
    other.restore(msgspec.msgpack.decode(raw, type=OriginsDump))
    assert other.rise() == origins.rise() == 20
    assert other.hear(0, 1, 50, ()) is None
    with pytest.raises(FengsuiError, match="partitions"):
        Origins(4).restore(origins.dump())
