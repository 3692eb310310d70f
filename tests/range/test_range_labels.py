"""The committed recording and its label file agree with each other and with the promises made."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attackers
import attacks
import people
import pytest
import zstandard
from actions import Page, Shell, Sql
from guard import check_address
from labels import Trace, attack_of
from restamp import Line
from town import HOURS, START, citizen_number

DAY = Path(__file__).parents[2] / "range" / "recordings" / "district-day"
FORMS = {
    "sshd": rb"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d gov-app-01 [\w-]+(\[\d+\])?: ",
    "nginx_access": rb'^127\.\d+\.\d+\.\d+ - - \[\d\d/Nov/2026:\d\d:\d\d:\d\d \+0800\] "',
    "nginx_error": rb"^2026/11/2\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: ",
    "postgresql_text": rb"^(\t|2026-11-2\d \d\d:\d\d:\d\d\.\d{3} CST \[\d+\] )",
    "postgresql_json": rb'^\{"timestamp":"2026-11-2\d \d\d:\d\d:\d\d\.\d{3} CST",',
}


@pytest.fixture(scope="module")
def labels():
    return json.loads((DAY / "labels.json").read_text(encoding="utf-8"))


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def test_every_file_has_its_check_sum():
    listed = dict(
        reversed(line.split("  "))
        for line in (DAY / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    )
    present = {path.name for path in DAY.iterdir()} - {"SHA256SUMS"}
    assert listed.keys() == present
    for name, expected in listed.items():
        assert hashlib.sha256((DAY / name).read_bytes()).hexdigest() == expected


def test_the_recording_is_as_large_long_and_honest_as_it_says(labels):
    about = labels["recording"]
    assert about["lines"] == sum(source["lines"] for source in labels["sources"]) >= 200_000
    assert sum(source["records"] for source in labels["sources"]) >= 200_000
    assert _time(about["end"]) - _time(about["start"]) >= timedelta(hours=24)
    attacked = sum(sum(attack["lines"].values()) for attack in labels["attacks"])
    assert attacked == about["attack_lines"]
    assert attacked <= 0.05 * about["lines"]
    assert about["restamped"] is True


def test_every_line_of_every_file_has_the_form_of_its_server(labels):
    for source in labels["sources"]:
        content = zstandard.ZstdDecompressor().decompress((DAY / source["file"]).read_bytes())
        lines = content.split(b"\n")[:-1]
        assert len(lines) == source["lines"]
        form = re.compile(FORMS[source["source"]])
        odd = [line for line in lines if not form.match(line)]
        assert odd == []


def test_attacks_are_many_kinds_and_leave_honest_hours_first(labels):
    attacks = labels["attacks"]
    start = _time(labels["recording"]["start"])
    assert len(attacks) >= 14
    assert len({attack["kind"] for attack in attacks}) >= 10
    begins = sorted(_time(attack["start"]) - start for attack in attacks)
    assert timedelta(minutes=30) < begins[0] < timedelta(hours=2)
    assert begins[1] >= timedelta(hours=6)
    for attack in attacks:
        assert attack["lines"], attack["id"]
        assert _time(attack["start"]) < _time(attack["end"])


def test_a_line_belongs_to_an_attack_by_connection_and_time_only():
    trace = Trace("sshd", "127.20.9.5", 40000, "A01", 10.0, 11.0)
    traces = {trace.key: [trace]}

    def found(key: str, at: float) -> str:
        return attack_of(Line(true_s=at, key=key, text=b""), traces)

    assert found("ssh 127.20.9.5 40000", 10.5) == "A01"
    assert found("ssh 127.20.9.5 40001", 10.5) == ""
    assert found("ssh 127.20.9.5 40000", 30.0) == ""
    assert found("web 127.20.9.5 40000", 10.5) == ""


def test_plans_are_bounded_and_the_same_for_one_seed():
    first, second = attackers.plan(5), attackers.plan(5)
    assert first == second
    assert len(first) < 3_000
    assert all(0 < action.at_s < HOURS * 3600 for action in first)
    for action in first:
        check_address(action.source)
        assert isinstance(action, Page | Shell | Sql)
    by_label = {attack.id: attack for attack in attacks.ATTACKS}
    assert {action.label for action in first} == by_label.keys()
    assert all(action.source in by_label[action.label].sources for action in first)


def test_attackers_share_their_addresses_with_honest_people():
    honest = {action.source for action in people.plan(5)}
    for attack in attacks.ATTACKS:
        assert set(attack.sources) <= honest, attack.id


def test_citizen_numbers_are_valid_by_check_digit_and_assigned_to_nobody():
    import random

    dice = random.Random(1)
    for _ in range(200):
        number = citizen_number(dice)
        weights = [pow(2, 17 - place, 11) for place in range(17)]
        total = sum(int(d) * w for d, w in zip(number, weights, strict=False))
        assert number[-1] == "10X98765432"[total % 11]
        assert number[4:6] == "99"
        assert 1960 <= int(number[6:10]) <= 2004


def test_the_recorded_day_starts_in_the_evening_in_shanghai():
    assert START.isoformat() == "2026-11-20T20:00:00+08:00"
