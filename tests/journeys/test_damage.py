"""Damage done to a finished folder is named by ``fengsui verify``, and its place with it."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import journey
import msgspec
import pytest
from journey import EVENING_NAME, control_records, fengsui, final_alerts

from crypto import keys, sm2, sm3
from fengsui.demo import replay
from fengsui.folder import DataFolder
from fengsui.wiring import open_demonstration
from schema import batch as batches
from schema import event, segment
from schema.batch import Batch, Body, Chain, Contents
from schema.event import Fields

CANNOT_EXCLUDE = "cannot exclude rollback"
CONTROL = "collector"


@pytest.fixture
def folder(evening_folder: Path, tmp_path: Path) -> Path:
    """A finished folder to be damaged."""
    copy = tmp_path / "data"
    journey.copied(evening_folder, copy, without=("index", "cache"))
    return copy


@pytest.fixture
def anchor(folder: Path, tmp_path: Path) -> Path:
    """Heads kept outside before the damage."""
    target = tmp_path / "anchor.json"
    done = fengsui("anchor", "export", str(target), data=folder)
    assert done.returncode == 0, done.stderr
    return target


def _check(folder: Path, anchor: Path | None = None) -> subprocess.CompletedProcess[str]:
    more = ("--anchor", str(anchor)) if anchor else ()
    return fengsui("verify", "--all", *more, data=folder)


def _segment(folder: Path, sensor: str = EVENING_NAME) -> Path:
    return sorted((folder / "segments" / sensor).glob("*.seg"))[0]


def _batches(path: Path) -> list[Batch]:
    return [
        batches.from_bytes(item.payload)
        for item in segment.frames(path.read_bytes(), len(segment.MAGIC))
        if isinstance(item, segment.Frame) and item.kind == segment.BATCH
    ]


def _write(path: Path, chain: list[Batch]) -> None:
    """A segment with sound frames and a sound footer: as a careful forger leaves it."""
    raw = segment.MAGIC + b"".join(map(segment.batch_frame, chain))
    path.write_bytes(raw + segment.frame(segment.FOOTER, sm3.digest(raw)))


def test_a_clean_folder_passes_and_says_what_it_cannot_exclude(folder: Path) -> None:
    done = _check(folder)
    assert done.returncode == 0, done.stdout
    assert CANNOT_EXCLUDE in done.stdout


def test_a_clean_folder_passes_with_its_anchor(folder: Path, anchor: Path) -> None:
    done = _check(folder, anchor)
    assert done.returncode == 0, done.stdout
    assert CANNOT_EXCLUDE not in done.stdout


@pytest.mark.parametrize("place", [0.1, 0.6, 0.999])
def test_one_flipped_bit_is_named_with_segment_and_batch(folder: Path, place: float) -> None:
    path = _segment(folder)
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * place)] ^= 4
    path.write_bytes(raw)
    done = _check(folder)
    assert done.returncode == 1
    assert path.name in done.stdout
    assert "batch" in done.stdout


def test_a_deleted_event_is_named_with_batch_and_place(folder: Path) -> None:
    path = _segment(folder)
    chain = _batches(path)
    body = batches.unpack_body(chain[3].body, chain[3].header.count)
    less = Body(
        salts=body.salts[:5] + body.salts[6:],
        payloads=[*body.payloads[:5], *body.payloads[6:]],
        leaves={},
    )
    chain[3] = replace(chain[3], body=batches.pack_body(less))
    _write(path, chain)
    done = _check(folder)
    assert done.returncode == 1
    assert "event 5 of batch 4" in done.stdout


def test_two_swapped_batches_are_named(folder: Path) -> None:
    path = _segment(folder)
    chain = _batches(path)
    chain[2], chain[3] = chain[3], chain[2]
    _write(path, chain)
    done = _check(folder)
    assert done.returncode == 1
    assert "batch 4" in done.stdout
    assert EVENING_NAME in done.stdout


def test_a_cut_tail_is_named_even_where_the_state_was_cut_with_it(
    folder: Path, anchor: Path
) -> None:
    _roll_back(folder, keep=4)
    assert _check(folder).returncode == 0
    done = _check(folder, anchor)
    assert done.returncode == 1
    assert f"of {EVENING_NAME}, but the chain ends at batch 4" in done.stdout
    assert f"of {CONTROL}" in done.stdout


def test_a_dropped_sensor_is_named(folder: Path, anchor: Path) -> None:
    shutil.rmtree(folder / "segments" / EVENING_NAME)
    with closing(sqlite3.connect(folder / "state.db")) as state, state:
        state.execute("DELETE FROM chains WHERE sensor = ?", (EVENING_NAME,))
    done = _check(folder, anchor)
    assert done.returncode == 1
    assert f"of {EVENING_NAME}, but the sensor has no chain here" in done.stdout


def test_a_chain_rebuilt_with_the_platforms_own_keys_is_named(folder: Path, anchor: Path) -> None:
    """Somebody with every key rewrites history, receipts and state: only the anchor tells."""
    _rebuild(folder)
    without = _check(folder)
    assert (without.returncode, CANNOT_EXCLUDE in without.stdout) == (0, True), without.stdout
    done = _check(folder, anchor)
    assert done.returncode == 1
    assert f"of {EVENING_NAME}, but another batch stands in its place" in done.stdout


def _forget_indexes(folder: Path) -> None:
    for path in (folder / "segments").rglob("*.i*"):
        path.unlink()


def _set_head(folder: Path, sensor: str, chain: list[Batch]) -> None:
    header = chain[-1].header
    with closing(sqlite3.connect(folder / "state.db")) as state, state:
        state.execute(
            "UPDATE chains SET number = ?, next_sequence = ?, hash = ? WHERE sensor = ?",
            (header.number, header.first_sequence + header.count, chain[-1].hash, sensor),
        )


def _roll_back(folder: Path, *, keep: int) -> None:
    """Both chains and the state as they may have stood some time ago."""
    _forget_indexes(folder)
    for sensor in (EVENING_NAME, CONTROL):
        path = _segment(folder, sensor)
        chain = _batches(path)
        kept = chain[:keep] if sensor == EVENING_NAME else chain[:1]
        _write(path, kept)
        _set_head(folder, sensor, kept)


def _rebuild(folder: Path) -> None:
    _forget_indexes(folder)
    fresh: dict[int, str] = {}

    def forge(fields: Fields) -> Fields:
        if "user_agent.original" in fields:
            fields["user_agent.original"] = "Mozilla/5.0"
        return fields

    def receipt(fields: Fields) -> Fields:
        number = fields.get("gov.batch.number")
        if fields["event.action"] == "batch_received" and isinstance(number, int):
            fields["gov.batch.hash"] = fresh[number]
        return fields

    for sensor, name, change in (
        (EVENING_NAME, "sensor.pem", forge),
        (CONTROL, "collector.pem", receipt),
    ):
        key = keys.load(folder / "keys" / name)
        chain = _resealed(_batches(_segment(folder, sensor)), key, change)
        fresh = fresh or {one.header.number: one.hash for one in chain}
        _write(_segment(folder, sensor), chain)
        _set_head(folder, sensor, chain)


def _resealed(old: list[Batch], key: sm2.PrivateKey, change: object) -> list[Batch]:
    assert callable(change)
    first = old[0].header
    chain = Chain(realm=first.realm, sensor=first.sensor, enrolment=first.enrolment)
    made: list[Batch] = []
    for one in old:
        header = one.header
        body = batches.unpack_body(one.body, header.count)
        payloads = [event.encode(change(event.decode(raw))) for raw in body.payloads if raw]
        made.append(
            batches.seal(
                chain,
                Contents(
                    payloads=payloads,
                    min_time=header.min_time,
                    max_time=header.max_time,
                    low_watermark=header.low_watermark,
                    positions=header.positions,
                ),
                key=key,
                boot_id=header.boot_id,
                salts=b"".join(body.salts),
            )
        )
        chain = chain.after(made[-1])
    return made


def test_a_folder_without_segments_is_a_clear_error(tmp_path: Path) -> None:
    done = _check(tmp_path)
    assert done.returncode == 2
    assert "holds no segments" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_proof_of_an_alerts_event_shows_its_steps(folder: Path) -> None:
    event_id = final_alerts(folder)[0].events[0]
    done = fengsui("verify", event_id, data=folder)
    assert done.returncode == 0, done.stderr
    assert "✓ 批次头由探针登记的 SM2 私钥签名" in done.stdout
    assert "leads through the path to the batch's Merkle root" in done.stdout


def test_a_damaged_events_proof_fails(folder: Path) -> None:
    """Signed by somebody else: the step that fails is shown, and the exit code says so."""
    alert = final_alerts(folder)[0]
    path = _segment(folder)
    chain = _resealed(_batches(path), sm2.PrivateKey.generate(), lambda fields: fields)
    _write(path, chain)
    done = fengsui("verify", alert.events[0], data=folder)
    assert done.returncode == 1
    assert "✗ 批次头" in done.stdout


@pytest.mark.parametrize("event_id", ["0" * 32, "abc", "Z" * 32])
def test_an_unknown_event_is_wrong_input(folder: Path, event_id: str) -> None:
    done = fengsui("verify", event_id, data=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_the_check_as_json_names_places_for_programs(folder: Path) -> None:
    path = _segment(folder)
    chain = _batches(path)
    _write(path, chain[:-1])
    done = fengsui("verify", "--all", "--json", data=folder)
    assert done.returncode == 1
    findings = msgspec.json.decode(done.stdout)["findings"]
    assert [(one["code"], one["batch"]) for one in findings] == [
        ("proof.chain.tail_cut", len(chain))
    ]


def test_verify_works_while_the_platform_runs(evening: Path, tmp_path: Path) -> None:
    site = open_demonstration(DataFolder(tmp_path), evening)
    site.pipeline.start(lambda: replay(site, site.pipeline.round))
    try:
        done = _check(tmp_path)
        while not site.pipeline.progress.events and site.pipeline.failure is None:
            done = _check(tmp_path)
    finally:
        site.close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert control_records(tmp_path, "batch_received")
    assert _check(tmp_path).returncode == 0
