"""A real step-ca: its true lines, the templates held to them, and its log moved onto town time."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from district.certificates import step_ca
from district.town import Town
from living.certificates.step_client import Asking, StepClient
from living.certificates.step_log import StepLog
from living.certificates.step_pki import StepPki, set_up

from sensors.sources import Context, open_format

TRUE = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "step_ca.jsonl").read_text("utf-8").splitlines()
]
AT = 1_790_000_000_123_456
APP = Town(1).applications[0]
MADE = {
    "sign": step_ca.signed(AT, APP, random.Random(1)),
    "renew": step_ca.renewed(AT, APP, random.Random(1)),
    "refused": step_ca.refused(AT, APP, random.Random(1)),
}
TIMES = ("time", "fields.time", "valid-from", "valid-to")


def _token(line: dict[str, object]) -> tuple[dict[str, object], ...]:
    parts = str(line["ott"]).split(".")[:2]
    return tuple(json.loads(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))) for one in parts)


@pytest.mark.parametrize("wish", ["sign", "renew", "refused"])
def test_a_template_has_the_members_of_the_true_line_in_their_order(wish: str) -> None:
    true, made = TRUE[list(MADE).index(wish)], json.loads(MADE[wish])
    assert list(made) == list(true)
    assert [type(value) for value in made.values()] == [type(value) for value in true.values()]
    same = (
        "level", "method", "msg", "name", "path", "protocol", "referer", "status", "user-id",
        "error", "issuer", "public-key",
    )  # fmt: skip
    assert {name: made.get(name) for name in same} == {name: true.get(name) for name in same}
    assert re.fullmatch(r"\d+(\.\d*[1-9])?(ms|µs)", made["duration"])
    assert abs(made["size"] - true["size"]) <= 40
    assert json.dumps(made, separators=(",", ":"), ensure_ascii=False) == MADE[wish]


def test_a_template_has_the_sizes_and_times_of_true_certificates() -> None:
    true, made = TRUE[0], json.loads(MADE["sign"])
    sizes = [len(base64.b64decode(line["certificate"])) for line in (true, made)]
    names = [2 * len(line["subject"]) for line in (true, made)]
    assert abs((sizes[0] - names[0]) - (sizes[1] - names[1])) <= 6
    for line in (true, made):
        begin, end, asked = (
            datetime.fromisoformat(line[name]) for name in ("valid-from", "valid-to", "fields.time")
        )
        assert (end - begin).total_seconds() == 86_460
        assert abs((asked - begin).total_seconds() - 60) <= 1


def test_a_templates_token_has_the_claims_of_a_true_one() -> None:
    (true_head, true), (head, made) = _token(TRUE[0]), _token(json.loads(MADE["sign"]))
    assert list(head) == list(true_head)
    assert list(made) == list(true)
    assert [len(str(head[name])) for name in head] == [len(str(true_head[name])) for name in head]
    assert made["exp"] - made["iat"] == true["exp"] - true["iat"] == 300  # type: ignore[operator]


def test_no_token_and_no_certificate_of_a_true_line_leaves_the_sensor() -> None:
    lines = [json.dumps(line, separators=(",", ":")).encode() for line in TRUE]
    context = Context(host="step-ca", utc_offset_minutes=0, now=lambda: AT)
    events = open_format("step_ca").parse(lines, context)
    assert [one["event.action"] for one in events] == [
        "certificate_issue", "certificate_renew", "certificate_issue",
    ]  # fmt: skip
    assert [one["event.outcome"] for one in events] == ["success", "success", "failure"]
    for event, line in zip(events, TRUE, strict=True):
        text = json.dumps(event)
        assert line.get("ott", "-no-") not in text
        assert line.get("certificate", "-no-") not in text


def test_a_line_moved_onto_the_towns_time_differs_in_four_times_only(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "log")
    for line in TRUE:
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
        moved = json.loads(log.stamped(text, AT))
        assert list(moved) == list(line)
        others = [name for name in line if moved[name] != line[name]]
        assert others == [name for name in line if name in TIMES]
        assert moved["fields.time"] == "2026-09-21T14:13:20Z"
        shifts = {
            datetime.fromisoformat(moved[name]) - datetime.fromisoformat(line[name])
            for name in others
        }
        assert len(shifts) == 1
        assert log.stamped(json.dumps(moved, separators=(",", ":"), ensure_ascii=False), AT) == (
            log.stamped(text, AT)
        )


def test_a_time_inside_a_value_is_left_alone(tmp_path: Path) -> None:
    inside = r"error \"time\":\"2020-01-01T00:00:00Z\","
    line = f'{{"error":"{inside}","fields.time":"2026-11-26T07:08:44Z"}}'
    moved = StepLog(tmp_path / "log").stamped(line, AT)
    assert moved == f'{{"error":"{inside}","fields.time":"2026-09-21T14:13:20Z"}}'


def test_a_line_without_its_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no fields\.time"):
        StepLog(tmp_path / "log").stamped('{"time":"2026-11-26T07:08:44Z"}', AT)


def test_only_requests_of_the_week_are_read_with_the_time_they_were_asked_at(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    log = StepLog(path)
    assert list(log.read()) == []
    lines = ["2026/11/26 07:08:44 Serving HTTPS"]
    lines += [json.dumps(line, separators=(",", ":")) for line in TRUE]
    path.write_text("\n".join(lines) + "\n" + lines[1][:40], encoding="utf-8")
    log.asked(TRUE[1]["request-id"], 17.5)
    assert list(log.read()) == [(17.5, lines[2])]
    assert list(log.read()) == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StepPki, int, Path]]:
    """A real step-ca on loopback; its keys, port and log."""
    program = os.environ.get("STEP_CA") or shutil.which("step-ca")
    if not program:
        pytest.skip("needs step-ca (range/living/README.md): in PATH, or named by STEP_CA")
    folder = tmp_path_factory.mktemp("step")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pki = set_up(folder / "ca", address="127.0.0.1", port=port, now=datetime.now(UTC))
    environment = {"TZ": "UTC", "HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            (program, str(pki.settings)), stdout=log, stderr=log, env=environment
        )
    try:
        _wait(port)
        yield pki, port, folder / "log"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(port: int) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("step-ca did not start")


@pytest.mark.service
def test_a_real_step_ca_issues_renews_and_refuses_under_each_servers_own_address(
    server: tuple[StepPki, int, Path], tmp_path: Path
) -> None:
    pki, port, path = server
    log = StepLog(path)
    client = StepClient(pki, host="127.0.0.1", port=port, folder=tmp_path / "clients")
    asked = [("sign", 201, 41), ("renew", 201, 41), ("refused", 401, 42), ("renew", 201, 41)]
    for number, (wish, status, place) in enumerate(asked):
        asking = Asking(
            name=f"app-{place}.gov.example", source=f"127.0.0.{place}", agent="okhttp/4.12.0",
            request_id=f"r{number}", token=f"{number:064x}", now_s=int(time.time()),
        )  # fmt: skip
        log.asked(asking.request_id, float(number))
        assert client.ask(wish, asking) == status  # type: ignore[arg-type]
    time.sleep(0.5)
    read = [(true_s, json.loads(line)) for true_s, line in log.read()]
    assert [true_s for true_s, _ in read] == [0.0, 1.0, 2.0, 3.0]
    assert [line["remote-address"] for _, line in read] == [
        f"127.0.0.{place}" for _, _, place in asked
    ]
    assert [list(line) for _, line in read] == [list(TRUE[place]) for place in (0, 1, 2, 1)], (
        "this step-ca writes other members than the one the templates are held to"
    )
    assert len({line["serial"] for _, line in read if "serial" in line}) == 3
