"""What a recorded week is written as, and read back by the product."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest
from district.calendar import days_from
from district.episode import Episode
from district.run import FIRST_DAY, Today
from district.stream import EVENTS, Line, Statement, Stream
from living import registers
from living.parts import NOBODY
from living.week import SUBJECT_KEY, Week, keyed

from collector.geo.mmdb import MmdbFile
from crypto import sm3
from schema.registers import FOREVER
from sensors.replay import Recording

DAY = days_from(FIRST_DAY, warm_up=0, measured=1, volume=1)[0]
GATE = Stream(name="gate", form="nginx_access", host="gate-01", view="gateway")
SEEN = Stream(name="seen", form=EVENTS, host="tap-01", view="network")
NUMBER = "110099198001010012"


def line(second: int, address: str) -> str:
    return (
        f'{address} - - [22/Jun/2026:00:00:{second:02d} +0800] "GET / HTTP/1.1" 200 5 "-" "curl/8"'
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    week = Week([GATE, SEEN])
    at = DAY.start
    episodes = [
        Episode(id="D01/0", use_case="D01", kind="attack", start=at, end=at + 1_500_000,
                entities=("198.18.0.1", NUMBER), collect=("url.path",)),
        Episode(id="D01/1", use_case="D01", kind="below", start=at, end=at, strength=700),
        Episode(id="D01/like/0", use_case="D01", kind="lookalike", start=at, end=at),
    ]  # fmt: skip
    lines = [
        Line(at, "gate", line(0, "198.18.0.1"), "D01/0"),
        Line(at + 1, "seen", {"@timestamp": "2026-06-21T16:00:00.000001Z",
                              "event.dataset": "packet.tls", "source.ip": "10.20.1.9"}, ""),
        Line(at + 9_000_000, "gate", line(9, "198.18.0.2"), ""),
    ]  # fmt: skip
    week.take(Today(day=DAY, lines=lines, statements=(), episodes=episodes))
    made = {"gate": NOBODY, "seen": NOBODY}
    statements = [
        Statement("leavers", ("li.na",), {"left_on": "2026-01-01"}, -(2**62)),
        Statement("leavers", ("li.na",), {"left_on": "2026-02-01"}, at),
    ]
    week.write(tmp_path, name="short", made=made, statements=statements, facts={"seed": 1})
    return tmp_path


def test_the_product_reads_it_back(folder: Path) -> None:
    recording = Recording(folder)
    events = {source.name: source.poll(100).events for source in recording.sources}
    assert [event["source.ip"] for event in events["gate"]] == ["198.18.0.1", "198.18.0.2"]
    assert [event["event.dataset"] for event in events["seen"]] == ["packet.tls"]
    assert recording.labels.recording.subject_key == SUBJECT_KEY.hex()


def test_attacks_and_those_below_their_threshold_are_labelled_apart(folder: Path) -> None:
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    (attack,), (below,), (like,) = (labels[name] for name in ("attacks", "below", "near_misses"))
    assert (attack["id"], attack["end"]) == ("D01/0", "2026-06-21T16:00:02Z")
    assert set(attack["entities"]["any"]) >= {"198.18.0.1", keyed("198.18.0.1"), NUMBER, "/"}
    assert attack["lines"] == {"gate.zst": 1}
    assert (below["strength_permille"], like["id"]) == (700, "D01/like/0")
    assert labels["sources"][0]["by"] == "synthetic"


def test_a_row_of_a_register_holds_until_the_next_word_on_it(folder: Path) -> None:
    text = (folder / "registers/leavers.jsonl").read_text("utf-8")
    rows = [json.loads(row) for row in text.splitlines()]
    assert [row["left_on"] for row in rows] == ["2026-01-01", "2026-02-01"]
    assert rows[0]["valid_from"].startswith("1970")
    assert rows[0]["valid_to"] == rows[1]["valid_from"]
    assert "valid_to" not in rows[1]


def test_a_row_that_never_held_is_left_out(tmp_path: Path) -> None:
    rows = [
        Statement("leavers", ("a",), {"left_on": "2026-01-01"}, 10, 20),
        Statement("leavers", ("a",), {"left_on": "2026-01-02"}, 10, FOREVER),
    ]
    assert registers.write(rows, tmp_path) == {"leavers": 1}


def test_its_geo_file_tells_where_the_town_s_addresses_lie(folder: Path) -> None:
    file = MmdbFile(folder / "geo.mmdb")
    try:
        one, two, three = map(
            file.find, map(ip_address, ("198.18.0.9", "203.0.113.200", "198.18.1.9"))
        )
    finally:
        file.close()
    assert (one.country, one.city, two.country) == ("CN", "示例市", "NL")
    assert three.as_number != one.as_number


def test_numbers_are_keyed_as_sensors_key_them() -> None:
    assert keyed("x") == sm3.hmac(SUBJECT_KEY, b"x").hex()
