"""The week that ships: what is in it. What the product finds is asked in tests/journeys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from analytics import warmup
from collector.registers import description, importer
from fengsui import demo
from sensors.mask import Masker
from sensors.replay import Recording

FOLDER = demo.RECORDINGS / "district-week"
EVENTS_MIN = 200_000
BYTES_MAX = 20_000_000
USE_CASES = 74
DAILY_RULES = 30


@pytest.fixture(scope="module")
def labels() -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(
        (FOLDER / "labels.json").read_text("utf-8")
    )
    return found


def test_it_is_a_whole_week_and_small_enough_to_ship(labels) -> None:
    assert sum(int(str(source["records"])) for source in labels["sources"]) >= EVENTS_MIN
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= BYTES_MAX


def test_its_files_are_those_that_were_summed_up() -> None:
    sums = dict(
        reversed(line.split("  ")) for line in (FOLDER / "SHA256SUMS").read_text().splitlines()
    )
    names = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert names == {*sums, "SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_each_file_says_who_wrote_it_and_what_was_restamped(labels) -> None:
    for source in labels["sources"]:
        assert source["by"] in ("real", "own", "mixed", "synthetic"), source
        assert source["what"]
        if source["by"] in ("real", "mixed"):
            assert source["restamped"], source


def test_each_use_case_and_daily_rule_is_carried_out_twice_and_once_below(labels) -> None:
    attacks = [str(one["kind"]) for one in labels["attacks"]]
    kinds = set(attacks)
    assert len(kinds) == USE_CASES + DAILY_RULES
    assert all(attacks.count(kind) >= 2 for kind in kinds)
    assert {str(one["kind"]) for one in labels["below"]} == kinds


def test_a_site_takes_its_registers_and_what_was_learnt_before_it() -> None:
    known, mask = description.load(Path("/nonexistent")), Masker(bytes(32)).mask
    for path in sorted((FOLDER / "registers").glob("*.jsonl")):
        assert importer.read_file(known.get(path.stem), path, mask=mask), path.name
    assert dict(warmup.unpack((FOLDER / "warmup.zst").read_bytes()))


def test_the_product_reads_every_record() -> None:
    assert len(Recording(FOLDER).sources) >= 20
