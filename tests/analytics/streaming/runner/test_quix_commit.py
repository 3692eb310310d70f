"""A worker's commit ends within a time: the client may wait for a lost broker for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from quixstreams.internal_producer import InternalProducer

from analytics.streaming.runner.quix import COMMIT_SECONDS, _Application, _Producer


def test_a_commit_has_a_time_where_the_library_gives_it_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float | None] = []

    def commit(
        _self: InternalProducer, _positions: object, _group: object, timeout: float | None = None
    ) -> None:
        times.append(timeout)

    monkeypatch.setattr(InternalProducer, "commit_transaction", commit)
    application = _Application(
        "127.0.0.1:1", processing_guarantee="exactly-once", state_dir=tmp_path, loglevel=None
    )
    producer = application._producer
    assert isinstance(producer, _Producer)
    producer.commit_transaction([], object())
    producer.commit_transaction([], object(), 2.0)
    assert times == [COMMIT_SECONDS, 2.0]
