"""What was learnt before a recording begins is known in it; of another engine it is refused."""

from __future__ import annotations

import msgspec
import pytest
from analytics_world import FAILURE, at, compiled, detection, ruleset

from analytics import warmup
from analytics.engine import Engine
from analytics.ruleset import ENGINE_VERSION
from schema.compressed import compress
from schema.errors import FengsuiError
from schema.event import AcceptedBatch

DAY = 86_400
RULES = ruleset(
    compiled(
        id="new",
        entity="user.name",
        detection=detection(**FAILURE),
        new_term={"fields": "source.ip", "history": "30d", "learn": "7d"},
    )
)


def fed(engine: Engine, sensor: str, days: list[tuple[float, str]]) -> list[str]:
    """The entities of the final alerts of one batch."""
    events = [at(day * DAY, number, sensor, ip=ip) for number, (day, ip) in enumerate(days, 1)]
    engine.feed(
        AcceptedBatch(
            sensor=sensor,
            number=1,
            first_sequence=1,
            low_watermark=events[-1].time + 120_000_000,
            received_at=0,
            indexes=range(len(events)),
            ids=[event.id for event in events],
            times=[event.time for event in events],
            events=[event.fields for event in events],
            enrichment=[{} for _ in events],
        )
    )
    return [alert.entity for alert in engine.advance().alerts]


def learnt() -> bytes:
    engine = Engine(RULES, required=["past"])
    assert not fed(engine, "past", [(day, "10.0.0.1") for day in range(9)])
    return warmup.pack(engine)


def test_a_week_begins_with_what_the_weeks_before_taught() -> None:
    engine = Engine.restore(RULES, dict(warmup.unpack(learnt())), required=())
    engine.require("week", engine.watermark)
    assert fed(engine, "week", [(9.1, "10.0.0.1"), (9.2, "10.0.0.2")]) == ["li.na"]


def test_without_it_the_same_week_is_still_learning() -> None:
    engine = Engine(RULES, required=["week"])
    assert not fed(engine, "week", [(9.1, "10.0.0.1"), (9.2, "10.0.0.2")])


def test_who_was_read_before_is_nobody_to_wait_for() -> None:
    engine = Engine.restore(RULES, dict(warmup.unpack(learnt())), required=())
    assert not engine.cursors
    assert not engine.required


@pytest.mark.parametrize("raw", [b"", b"nothing", compress(b"nothing"), compress(b"\x92\x01\x80")])
def test_what_is_no_such_file_is_refused(raw: bytes) -> None:
    with pytest.raises(FengsuiError) as raised:
        dict(warmup.unpack(raw))
    assert raised.value.code.startswith("analytics.warmup.")


def test_that_of_another_engine_is_refused_by_name() -> None:
    raw = compress(msgspec.msgpack.encode((ENGINE_VERSION - 1, {})))
    with pytest.raises(FengsuiError, match="make the file anew") as raised:
        dict(warmup.unpack(raw))
    assert raised.value.code == "analytics.warmup.version"
