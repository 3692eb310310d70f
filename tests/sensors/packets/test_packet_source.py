"""The packet view as a source of a sensor."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

import made_packets as made
import pytest

from fengsui.host import sources
from fengsui.settings import load
from schema import times
from schema.batch import Position
from schema.errors import FengsuiError
from sensors.packets import PacketSource, PcapFile, View
from sensors.packets.frame import Frame, Frames

AT = 1_795_000_000 * times.SECOND


class Given:
    """Frames as given; ``error`` is raised instead."""

    def __init__(self, *raw: bytes) -> None:
        self.waiting = [Frame(AT, one) for one in raw]
        self.dropped = 0
        self.error: OSError | None = None
        self.closed = 0

    def take(self, limit: int) -> list[Frame]:
        if self.error:
            raise self.error
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def close(self) -> None:
        self.closed += 1


class Clock:
    def __init__(self) -> None:
        self.at = AT

    def now(self) -> int:
        return self.at


def made_source(frames: Frames | OSError, clock: Clock, rate: int = 100) -> PacketSource:
    def opened() -> Frames:
        if isinstance(frames, OSError):
            raise frames
        return frames

    terms = View(name="span", host="probe-1", packets_per_second=rate)
    return PacketSource(terms, opened, boot_id="boot", now=clock.now)


def questions(count: int) -> list[bytes]:
    return [made.udp(made.query(f"n{number}.example")) for number in range(count)]


def test_events_come_in_order_with_dense_places_and_a_watermark() -> None:
    source = made_source(Given(*questions(3)), Clock())
    source.restore(Position("boot", 40))
    first = source.poll(2)
    assert [one["dns.question.name"] for one in first.events] == ["n0.example", "n1.example"]
    assert list(first.places) == [("boot", 40), ("boot", 41)]
    assert (first.watermark, first.at_end) == (AT, False)
    last = source.poll(2)
    assert (last.position, last.at_end) == (Position("boot", 43), True)


def test_what_passes_the_rate_is_dropped_and_counted() -> None:
    given, clock = Given(*questions(30)), Clock()
    source = made_source(given, clock, rate=4)
    polled = source.poll(100)
    assert (len(polled.events), polled.troubles["over_rate"]) == (20, 10)
    clock.at += times.SECOND
    given.waiting = [Frame(clock.at, one) for one in questions(6)]
    polled = source.poll(100)
    assert (len(polled.events), polled.troubles["over_rate"]) == (4, 12)


def test_without_the_right_it_says_so_once_and_tries_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    source = made_source(PermissionError(errno.EPERM, "Operation not permitted"), clock)
    with caplog.at_level(logging.WARNING):
        polled = source.poll(10)
        clock.at += 2 * times.MINUTE
        later = source.poll(10)
    assert polled.troubles["not_opened"] == 1
    assert "CAP_NET_RAW" in polled.problem
    assert (list(polled.events), later.watermark) == ([], clock.at)
    assert len(caplog.records) == 1


def test_an_interface_that_goes_is_trouble_until_it_is_back() -> None:
    given, clock = Given(), Clock()
    source = made_source(given, clock)
    source.poll(10)
    given.dropped = 5
    assert source.poll(10).troubles["kernel_dropped"] == 5
    given.error = OSError(errno.ENETDOWN, "Network is down")
    assert source.poll(10).troubles["not_opened"] == 1
    given.error, given.dropped = None, 2
    clock.at += times.MINUTE
    polled = source.poll(10)
    assert (polled.troubles["not_opened"], polled.problem) == (0, "")
    assert polled.troubles["kernel_dropped"] == 7
    assert given.closed == 1


def test_a_stopped_view_stays_closed() -> None:
    given = Given()
    source = made_source(given, Clock())
    source.poll(10)
    source.stop()
    assert source.poll(10).troubles["not_opened"] == 0
    assert given.closed == 1


def test_a_pcap_file_is_read_through_the_same_port(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(made.pcap(*((AT + at, one) for at, one in enumerate(questions(2)))))
    source = made_source(PcapFile(path), Clock())
    (first, second) = source.poll(10).events
    source.stop()
    assert first["@timestamp"] == times.to_text(AT)
    assert second["@timestamp"] == times.to_text(AT + 1)


def test_a_cut_pcap_file_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(made.pcap(*((AT, one) for one in questions(2)))[:-1])
    file = PcapFile(path)
    assert (len(file.take(10)), file.dropped, file.take(10)) == (1, 1, [])
    file.close()


@pytest.mark.parametrize(
    "raw", [b"", b"no pcap at all, by no means", made.pcap()[:-4] + b"\x65\0\0\0"]
)
def test_what_is_no_pcap_file_of_ethernet_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "odd.pcap"
    path.write_bytes(raw)
    with pytest.raises(FengsuiError) as refused:
        PcapFile(path)
    assert refused.value.code == "sensors.packets.pcap"


SETTINGS = """
[sensor]
inventory = false
[[sensor.watch]]
name = "none"
path = "/nonexistent/a.log"
format = "nginx_access"
[[sensor.packets]]
name = "span"
interface = "none-such0"
systems = [{name = "ecert-api", address = "ADDRESS", port = 443}]
internal = ["10.0.0.0/8"]
"""


def test_the_settings_make_a_view_that_stops_nothing_where_it_cannot_look(tmp_path: Path) -> None:
    path = tmp_path / "fengsui.toml"
    path.write_text(SETTINGS.replace("ADDRESS", "10.30.5.8"))
    found = sources(load(path, {}).sensor, Clock(), tmp_path)
    assert [one.kind for one in found][-1] == "packets"
    assert found[-1].poll(10).troubles["not_opened"] == 1


def test_an_address_that_is_none_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "fengsui.toml"
    path.write_text(SETTINGS.replace("ADDRESS", "ecert.local"))
    with pytest.raises(FengsuiError) as refused:
        sources(load(path, {}).sensor, Clock(), tmp_path)
    assert refused.value.code == "sensors.packets.address"
