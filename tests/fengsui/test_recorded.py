"""A recording brings its registers, what was learnt before it, and its made-up people's key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from analytics import warmup
from analytics.engine import Engine
from analytics.ruleset import SHIPPED, load
from crypto import sm3
from fengsui import recorded
from fengsui.folder import DataFolder
from fengsui.wiring import Site, open_demonstration
from schema.compressed import compress, decompress

SUBJECT_KEY = bytes(range(32))


@pytest.fixture
def recording(evening: Path, tmp_path: Path) -> Path:
    """The short recording with registers, a warm-up and a key of its own."""
    folder = tmp_path / "recording"
    shutil.copytree(evening, folder)
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    labels["recording"]["subject_key"] = SUBJECT_KEY.hex()
    (folder / "labels.json").write_text(json.dumps(labels), "utf-8")
    (folder / "registers").mkdir()
    rows = [{"user": "li.na", "left_on": "2026-01-01"}]
    (folder / "registers" / "leavers.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (folder / recorded.WARMUP).write_bytes(_warmup())
    return folder


def _warmup() -> bytes:
    engine = Engine(load([SHIPPED]).require_all(), required=())
    engine.has_watched({"nginx.access": 1})
    return warmup.pack(engine)


def opened(data: Path, recording: Path) -> Site:
    return open_demonstration(DataFolder(data), recording)


def test_what_it_brings_is_taken_in_once(recording: Path, tmp_path: Path) -> None:
    for _ in range(2):
        site = opened(tmp_path / "data", recording)
        try:
            row = site.registers.view().lookup("leavers", ("li.na",), site.clock.now())
            assert row is not None
            assert [one.number for one in site.registers.versions("leavers")] == [1]
            assert site.alerts.snapshot()
        finally:
            site.close()


def test_rules_begin_with_the_past_it_brings(recording: Path, tmp_path: Path) -> None:
    site = opened(tmp_path / "data", recording)
    try:
        engine = site.second_look._engine
        assert isinstance(engine, Engine)
        assert engine.began == {"nginx.access": 1}
    finally:
        site.close()


def test_that_it_was_adopted_is_sealed(recording: Path, tmp_path: Path) -> None:
    site = opened(tmp_path / "data", recording)
    try:
        site.pipeline.round()
        site.control.flush()
        raw = (recording / recorded.WARMUP).read_bytes()
        site.pipeline.round()
        batches = site.intake.read_again("collector", 0, 100)
        actions = {str(event["event.action"]): event for one in batches for event in one.events}
        assert actions["warmup_adopted"]["gov.batch.hash"] == sm3.digest(raw).hex()
    finally:
        site.close()


def _of_another_engine() -> bytes:
    return compress(msgspec.msgpack.encode((0, {})))


def _broken_off() -> bytes:
    packed = msgspec.msgpack.decode(decompress(_warmup(), 1 << 20))
    names = msgspec.msgpack.encode(["key/a", "key/b"])
    packed[1][0].append([names, 0, [], [msgspec.msgpack.encode([1])]])
    return compress(msgspec.msgpack.encode(packed))


@pytest.mark.parametrize("past", [_of_another_engine, _broken_off])
def test_a_past_that_cannot_be_read_is_left_out_whole_and_said(
    recording: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, past: Callable[[], bytes]
) -> None:
    (recording / recorded.WARMUP).write_bytes(past())
    site = opened(tmp_path / "data", recording)
    try:
        assert not site.alerts.snapshot()
        assert "begin without a past" in caplog.text
    finally:
        site.close()


def test_people_are_keyed_by_the_recordings_own_key(recording: Path, tmp_path: Path) -> None:
    site = opened(tmp_path / "data", recording)
    try:
        assert site.keyring.subject == SUBJECT_KEY
    finally:
        site.close()
