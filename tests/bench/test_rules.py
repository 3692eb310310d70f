"""The rule benchmarks in a tiny size: they must run wherever the figures are wanted.

The streams are tested without the public data; what needs it, or the peer, skips and says so.
"""

import importlib
import json
import os
import subprocess
import sys

import pytest

from bench import _rule_data as data
from bench import _rule_streams as streams
from schema.errors import FengsuiError

STARTED = {
    "EventID": 1,
    "Provider_Name": "Microsoft-Windows-Sysmon",
    "UtcTime": "2019-07-19 14:52:31.002",
    "ProcessGuid": "747F3D96-D92F-5D31-0000-00109C833500",
    "ProcessId": 3800,
    "Image": "C:\\Windows\\System32\\PING.EXE",
    "CommandLine": "ping -n 1 -w 100 192.168.1.113",
    "User": "MSEDGEWIN10\\IEUser",
    "Hashes": "MD5=56633150D77AE242D07727B0564430BB,IMPHASH=8C3BE1286CDAD6AC1136D0BB6C83FF41",
}


@pytest.fixture
def public_data():
    try:
        return data.folder()
    except FengsuiError as error:
        pytest.skip(str(error))


def drawn(target, count, recorded=(STARTED,)):
    return [json.loads(line) for line in streams.Stream(recorded, target, seed=7).lines(count)]


def test_no_path_text_or_identifier_comes_twice_in_a_distinct_stream():
    events = drawn(None, 500)
    for field in ("Image", "CommandLine", "Hashes", "ProcessGuid"):
        assert len({event[field] for event in events}) == 500, field


def test_a_distinct_path_keeps_the_beginning_and_the_end_that_rules_ask_for():
    for event in drawn(None, 50):
        assert event["Image"].startswith("C:\\Windows\\System32\\")
        assert event["Image"].endswith("\\PING.EXE")


def test_names_stay_as_they_were_recorded():
    assert {event["User"] for event in drawn(None, 50)} == {STARTED["User"]}


def test_the_same_seed_gives_the_same_stream():
    assert drawn(None, 20) == drawn(None, 20)


def test_a_repeating_stream_repeats_as_much_as_it_was_asked_to():
    recorded = [
        {**STARTED, "CommandLine": f"tool{number} /c", "Image": f"C:\\bin\\tool{number}.exe"}
        for number in range(50)
    ]
    stream = streams.Stream(recorded, {"path": 0.9, "text": 0.6}, seed=7)
    stream.lines(6000)
    shares = stream.shares()
    assert shares["path"] == pytest.approx(0.9, abs=0.03)
    assert shares["text"] == pytest.approx(0.6, abs=0.03)


def test_a_value_beyond_the_window_does_not_count_as_seen():
    seen = streams.Seen()
    for number in range(streams.WINDOW + 2):
        seen.add({"f": "old" if number in (0, streams.WINDOW + 1) else str(number)}, {"f": "text"})
    assert seen.shares() == {"text": 0.0}


def test_the_rule_benchmark_runs_a_tiny_round(public_data, tmp_path):
    rules = importlib.import_module("bench.rules")
    size = rules.Size(rounds=1, events=300, rules=25, costed=5, differences=tmp_path)
    rows = {row["what"]: row for row in rules.measure(size)}
    if rows["process_creation_distinct"]["peer"] is None:
        pytest.skip(rows["process_creation_distinct"]["peer_name"])
    for form in ("distinct", "repeating"):
        for name in ("process_creation", "all_rules"):
            assert rows[f"{name}_{form}"]["ratio"] > 0
            assert rows[f"{name}_{form}_hits_differing"]["ours"] == 0
    assert rows["cost_per_rule_max"]["ours"] >= 0


def test_the_load_benchmark_runs_a_tiny_round(public_data):
    load = importlib.import_module("bench.rules_load")
    rows = {row["what"]: row for row in load.measure(rounds=1, rules=20)}
    assert "20 rules" in rows["cold_seconds"]["peer_name"]
    assert 0 < rows["cached_cpu_seconds"]["ours"] < rows["cold_cpu_seconds"]["ours"]


def test_the_stateful_benchmark_runs_a_tiny_round():
    stateful = importlib.import_module("bench.rules_stateful")
    rows = {row["what"]: row for row in stateful.measure(entities=2000, events=4000)}
    assert rows["events_per_cpu_second"]["ours"] > 0
    assert rows["keys_evicted"]["ours"] == 0


def test_absent_public_data_is_said_with_the_place_looked_in(tmp_path):
    asked = subprocess.run(
        [sys.executable, "-m", "fengsui", "bench", "rules_load"],
        env={**os.environ, "PUBLIC_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert asked.returncode in (2, 3)
    assert str(tmp_path) in asked.stderr.replace("\n", "")
    assert "Traceback" not in asked.stderr


def test_the_benchmarks_can_be_asked_for_by_name():
    known = subprocess.run(
        [sys.executable, "-m", "fengsui", "bench", "no-such-bench"], capture_output=True, text=True
    )
    assert known.returncode == 2
    for name in ("rules", "rules_load", "rules_stateful"):
        assert name in known.stderr
