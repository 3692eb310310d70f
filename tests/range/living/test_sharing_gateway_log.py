"""The lines of the real gateway: placed inside their own requests, moved by their time alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from district.calendar import SECOND_US
from district.sharing.catalogue import HIDDEN, ITEMS, LATER, OLD
from district.sharing.parties import NODES, Parties
from district.sharing.system import GATEWAY, Sharing
from district.town import Town

from sensors.sources import Context, open_format

pytest.importorskip("pg8000", reason="pg8000 is not installed (range/README.md)")

from living.sharing import gateway
from living.sharing.gateway import GatewayLog

AT = 1_794_900_000 * SECOND_US
LINE = (
    '{"time":"2026-11-26T15:00:00+08:00","remote_addr":"10.30.10.11","method":"POST",'
    '"uri":"/share/v1/tax?n=\\"time\\"","protocol":"HTTP/1.1","status":200,"bytes":280,'
    '"request_time":"0.004","upstream_addr":"10.30.1.21:8080","host":"share.district.example",'
    '"referer":"","agent":"okhttp/4.12.0","request_id":"9d3cfcbfdc6ada643a714212497ba752"}'
)


class Ticks:
    """True time that stands where it is put."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def written(folder: Path, *noted: str) -> None:
    with (folder / "share-gateway.log").open("a") as log:
        log.writelines(f"{LINE}\n" for _ in noted)
    with (folder / "share-gateway.side").open("a") as side:
        side.writelines(f"{one}\n" for one in noted)


def asked(log: GatewayLog, ticks: Ticks, *spans: tuple[float, float]) -> None:
    for begun, ended in spans:
        ticks.now = begun
        with log.asking():
            ticks.now = ended


def test_a_line_lies_inside_its_own_request_though_milliseconds_lie_before_it(
    tmp_path: Path,
) -> None:
    ticks = Ticks()
    log = GatewayLog(tmp_path, now=ticks)
    asked(log, ticks, (100.0006, 100.0009), (100.0012, 100.0051), (100.0052, 100.0058))
    written(tmp_path, "100.000", "100.004", "100.005")
    assert [at for at, _ in log.read()] == [100.0006, 100.004, 100.0052]


def test_what_others_asked_keeps_the_time_that_nginx_noted(tmp_path: Path) -> None:
    ticks = Ticks()
    log = GatewayLog(tmp_path, now=ticks)
    asked(log, ticks, (200.0, 200.1), (300.0, 300.1))
    written(tmp_path, "150.000", "200.050", "250.000", "300.050", "400.000")
    assert [at for at, _ in log.read()] == [150.0, 200.05, 250.0, 300.05, 400.0]


def test_lines_come_once_and_only_whole(tmp_path: Path) -> None:
    log = GatewayLog(tmp_path)
    assert list(log.read()) == []
    written(tmp_path, "1.000")
    with (tmp_path / "share-gateway.log").open("a") as file:
        file.write(LINE[:40])
    assert [text for _, text in log.read()] == [LINE]
    assert list(log.read()) == []


def test_a_request_that_broke_off_waits_for_no_line(tmp_path: Path) -> None:
    log = GatewayLog(tmp_path)

    def broken() -> None:
        with log.asking():
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        broken()
    assert list(log.read()) == []


def test_nothing_but_the_time_is_moved(tmp_path: Path) -> None:
    moved = GatewayLog(tmp_path).stamped(LINE, AT)
    before, after = json.loads(LINE), json.loads(moved)
    assert after.pop("time") == "2026-11-17T15:20:00+08:00"
    del before["time"]
    assert after == before
    with pytest.raises(ValueError, match="no time"):
        GatewayLog(tmp_path).stamped(LINE[1:], AT)


def test_a_moved_line_is_read_by_the_products_own_format(tmp_path: Path) -> None:
    (stream,) = (stream for stream in Sharing.streams if stream.name == GATEWAY)
    moved = GatewayLog(tmp_path).stamped(LINE, AT)
    context = Context(host=stream.host, utc_offset_minutes=480, now=lambda: AT)
    (event,) = open_format(stream.form).parse([moved.encode()], context)
    assert event["@timestamp"] == "2026-11-17T07:20:00.000000Z"
    assert event["url.path"] == "/share/v1/tax"
    assert event["http.response.status_code"] == 200


def test_the_site_knows_every_path_and_sends_each_requester_to_its_node(tmp_path: Path) -> None:
    requesters = tuple(Parties(Town(1)).by_name)
    text = gateway.config(requesters, tmp_path)
    for path in (*(item.path for item in ITEMS), *OLD, *HIDDEN, *LATER):
        assert f"location = {path} {{" in text
    assert len(NODES) == 2
    sent = [line.split()[0] for line in text.splitlines() if line.strip().endswith("share_dx2;")]
    assert set(sent) < set(requesters)
    assert len(sent) > len(requesters) // 4
    assert text.count("{") == text.count("}")
