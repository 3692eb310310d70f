"""A real TLCP handshake, taken from the loopback interface and from a file, tells what it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import made_packets as made
import pytest

from deploy.services.places import GO
from sensors.packets.capture import Interface
from sensors.packets.filter import wanted
from sensors.packets.frame import Frame
from sensors.packets.pcap import PcapFile
from sensors.packets.terms import View, system
from sensors.packets.view import Reader

PEER = Path(__file__).parent / "tlcp"
BUILD_SECONDS_MAX = 300
HOST = "127.0.0.1"

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def handshake(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Frame]]:
    """The port of a server of gmsm, and the frames of one handshake with it."""
    program = tmp_path_factory.mktemp("tlcp") / "tlcp"
    _build(program)
    try:
        interface = Interface("lo", wanted([ip_address(HOST)]), lambda: time.time_ns() // 1000)
    except PermissionError:
        pytest.skip("taking packets needs CAP_NET_RAW")
    try:
        done = subprocess.run([program], capture_output=True, text=True, check=True, timeout=30)
        return int(done.stdout), interface.take(10_000)
    finally:
        interface.close()


def _build(program: Path) -> None:
    if shutil.which("go") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("go is not installed")
        pytest.skip("go is not installed: apt-get install -y golang-go")
    fetched = _go("mod", "download")
    if fetched.returncode:
        pytest.skip(f"gmsm cannot be had here: {fetched.stderr[-200:]}")
    built = _go("build", "-mod=readonly", "-o", str(program), ".")
    assert built.returncode == 0, built.stderr


def _go(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *words],
        cwd=PEER,
        env={**os.environ, **GO},
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_SECONDS_MAX,
    )


def _told(port: int, frames: Sequence[Frame]) -> dict[str, object]:
    reader = Reader(View(name="lo", host="probe-1", systems=[system("ecert-api", HOST, port)]))
    events = [event for frame in frames for event in reader.read(frame)]
    (event,) = [
        one for one in events
        if one["event.dataset"] == "packet.tls" and one["destination.port"] == port
    ]  # fmt: skip
    return {
        name: event.get(name)
        for name in (
            "tls.version", "tls.cipher", "tls.client.server_name", "gov.crypto.alg",
            "labels.double_certificate", "service.name", "destination.ip",
        )
    }  # fmt: skip


EXPECTED = {
    "tls.version": "TLCP1.1",
    "tls.cipher": "ECC_SM4_CBC_SM3",
    # gmsm's hello has no extensions, as GM/T 0024 had none.
    "tls.client.server_name": None,
    "gov.crypto.alg": "SM2",
    "labels.double_certificate": "true",
    "service.name": "ecert-api",
    "destination.ip": HOST,
}


def test_a_handshake_of_two_strangers_is_read_from_the_interface(
    handshake: tuple[int, list[Frame]],
) -> None:
    assert _told(*handshake) == EXPECTED


def test_a_handshake_of_two_strangers_is_read_from_a_file(
    handshake: tuple[int, list[Frame]], tmp_path: Path
) -> None:
    port, frames = handshake
    path = tmp_path / "handshake.pcap"
    path.write_bytes(made.pcap(*((frame.at, frame.raw) for frame in frames)))
    with closing(PcapFile(path)) as file:
        assert _told(port, file.take(10_000)) == EXPECTED
