"""A receiver of the settings listens, its messages are sealed, and its counter outlives it."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

import pytest

from crypto import sm2
from fengsui import host, settings
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.settings import ReceiveMappingSettings, ReceiveSettings, SensorSettings
from schema import batch as batches
from schema import event, log
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.agent import Identity, Sensor
from sensors.mask import Masker
from sensors.receive import ReceiveSource
from sensors.sources import Context

KEY = sm2.PrivateKey.generate()
SECONDS = 20.0
CITIZEN = "350502199003071236"
TEXT = """
[[sensor.receive]]
name = "devices"
listen = "127.0.0.1:0"
transport = "tcp"

[[sensor.receive.mappings]]
app = "nginx"
format = "nginx_access"
"""


def opened(folder: Path, receive: tuple[ReceiveSettings, ...]) -> tuple[Sensor, ReceiveSource]:
    clock = SystemClock()
    context = Context(host="collector", utc_offset_minutes=480, now=clock.now)
    (source,) = host.receivers(SensorSettings(receive=receive), context, folder)
    sensor = Sensor(
        Identity(realm="duty", sensor="gate", enrolment=1, boot_id="boot"), key=KEY,
        writer=log.Writer(folder / "segments" / "gate"), sources=[source],
        masker=Masker(bytes(32)).mask, clock=clock, entropy=SystemEntropy(),
    )  # fmt: skip
    return sensor, source


def sealed(folder: Path) -> list[Fields]:
    return [
        event.decode(payload)
        for one in log.Reader(folder / "segments" / "gate").read(1000)
        for payload in batches.verify_body(one).payloads
        if payload is not None
    ]


def send(source: ReceiveSource, text: str) -> None:
    with socket.create_connection(("127.0.0.1", source.port)) as device:
        device.sendall(text.encode())


def test_the_settings_say_where_devices_send_to(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(TEXT, "utf-8")
    (receive,) = settings.load(path, {}).sensor.receive
    assert receive.transport == "tcp"
    assert receive.mappings == (ReceiveMappingSettings(app="nginx", format="nginx_access"),)


def test_an_address_that_cannot_be_leaves_no_other_listening(tmp_path: Path) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    receive = (
        ReceiveSettings(name="a", listen=f"127.0.0.1:{port}", transport="tcp"),
        ReceiveSettings(name="b", listen=f"127.0.0.1:{taken.getsockname()[1]}", transport="tcp"),
    )
    context = Context(host="h", utc_offset_minutes=480, now=SystemClock().now)
    with pytest.raises(FengsuiError, match="b: cannot listen"):
        host.receivers(SensorSettings(receive=receive), context, tmp_path)
    socket.create_server(("127.0.0.1", port)).close()
    taken.close()


def test_messages_are_masked_and_sealed_and_the_count_goes_on(tmp_path: Path) -> None:
    receive = (ReceiveSettings(name="devices", listen="127.0.0.1:0", transport="tcp"),)
    sensor, source = opened(tmp_path, receive)
    sensor.step()
    send(source, f"<13>a: id {CITIZEN}\n<13>a: two\n")
    until = time.monotonic() + SECONDS
    while sensor.counters.sealed < 2 and time.monotonic() < until:
        sensor.step()
        time.sleep(0.01)
    sensor.finish()
    sensor, source = opened(tmp_path, receive)
    sensor.step()
    send(source, "<13>a: three\n")
    time.sleep(0.5)
    # Taken from the network and not sealed when the sensor is ended: sealed all the same.
    sensor.finish()
    events = sealed(tmp_path)
    assert [fields["gov.sensor.offset"] for fields in events] == [0, 1, 2]
    assert [str(fields["message"])[:5] for fields in events] == ["id <<", "two", "three"]
    assert CITIZEN not in str(events)


def test_the_documented_receivers_are_settings(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs/operator/sources.md"
    blocks = re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M)
    (body,) = [one for one in blocks if "[[sensor.receive]]" in one]
    path = tmp_path / "settings.toml"
    path.write_text(body, "utf-8")
    plain, secure = settings.load(path, {}).sensor.receive
    assert [one.format for one in plain.mappings] == ["mapping:firewall_fortigate", "nginx_access"]
    assert secure.tls_client_ca
