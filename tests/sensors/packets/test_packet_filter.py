"""The kernel's filter, run here by a small interpreter and live in a network namespace."""

from __future__ import annotations

import shutil
import subprocess
import sys
from ipaddress import ip_address

import made_packets as made
import pytest
from made_packets import ACK, FIN, RST, SYN, tcp

from sensors.packets import filter as f


def run(program: list[f.Instruction], raw: bytes) -> int:
    """What the kernel would do (bpf(4)): bytes taken; a load past the end drops."""
    a = x = at = 0
    while True:
        code, true, false, k = program[at]
        at += 1
        size = {0x00: 4, 0x08: 2, 0x10: 1}[code & 0x18]
        if code & 7 == 0 or code == f.HEADER_LENGTH:
            start = k + (x if code & 0xE0 == 0x40 else 0)
            size = 1 if code == f.HEADER_LENGTH else size
            if start + size > len(raw):
                return 0
            value = int.from_bytes(raw[start : start + size], "big")
            if code == f.HEADER_LENGTH:
                x = 4 * (value & 15)
            else:
                a = value
        elif code == f.JUMP:
            at += k
        elif code == f.RETURN:
            return k
        elif code in (f.EQUAL, f.GREATER, f.AT_LEAST, f.ANY_BIT):
            met = {f.EQUAL: a == k, f.GREATER: a > k, f.AT_LEAST: a >= k, f.ANY_BIT: bool(a & k)}
            at += true if met[code] else false
        elif code == f.AND:
            a &= k
        elif code == f.RIGHT:
            a >>= k
        elif code == f.ADD_X:
            a += x
        elif code == f.TO_X:
            x = a
        else:
            raise AssertionError(hex(code))


SIX = {"source": "2001:db8::1", "destination": "2001:db8::2"}
HELLO = made.client_hello()
TLCP = made.client_hello(version=0x0101)


@pytest.mark.parametrize(
    "raw",
    [
        tcp(flags=SYN),
        tcp(flags=SYN | ACK),
        tcp(flags=FIN | ACK),
        tcp(flags=RST),
        tcp(HELLO),
        tcp(TLCP),
        tcp(HELLO, options=bytes(12)),
        made.udp(made.query("a.example")),
        tcp(flags=SYN, **SIX),  # type: ignore[arg-type]
        tcp(TLCP, options=bytes(12), **SIX),  # type: ignore[arg-type]
        made.udp(made.query("a.example"), **SIX),
    ],
)
def test_openings_ends_handshakes_and_questions_pass(raw: bytes) -> None:
    assert run(f.wanted(), raw) == f.SNAP_BYTES


@pytest.mark.parametrize(
    "raw",
    [
        tcp(),
        tcp(b"GET / HTTP/1.1\r\n"),
        tcp(b"\x17\x03\x03\0\x10" + bytes(16)),
        tcp(b"\x16\x05\x00\0\x10" + bytes(16)),
        tcp(b"\x16\x02\x00\0\x10" + bytes(16)),
        tcp(b"\x16"),
        tcp(b"data", **SIX),  # type: ignore[arg-type]
        made.udp(b"x" * 30, port=123),
        made.udp(b"x" * 30, port=123, **SIX),
        made.ethernet(made.CLIENT, made.SERVER, 1, bytes(30)),
        bytes(12) + b"\x08\x06" + bytes(46),
        b"",
        b"\0" * 13,
    ],
)
def test_everything_else_stays_in_the_kernel(raw: bytes) -> None:
    assert run(f.wanted(), raw) == 0


def test_a_later_fragment_stays_in_the_kernel() -> None:
    raw = bytearray(tcp(flags=SYN))
    raw[21] = 7
    assert run(f.wanted(), bytes(raw)) == 0


@pytest.mark.parametrize("address", [made.SERVER, "2001:db8::2"])
def test_tcp_is_held_to_the_systems_and_name_questions_are_not(address: str) -> None:
    program = f.wanted(map(ip_address, (address, "192.0.2.1", "2001:db8::99")))
    far = "2001:db8::1" if ":" in address else made.CLIENT
    other = "2001:db8::3" if ":" in address else "10.30.5.9"
    assert run(program, tcp(flags=SYN, source=far, destination=address))
    assert run(program, tcp(flags=SYN, source=address, destination=far))
    assert run(program, tcp(flags=SYN, source=far, destination=other)) == 0
    assert run(program, made.udp(made.query("a.example"), source=far, destination=other))


def test_the_most_systems_make_a_program_the_kernel_takes() -> None:
    first = int(ip_address("2001:db8::1"))
    program = f.wanted(ip_address(first + one) for one in range(f.SYSTEMS_MAX))
    assert len(program) <= 4096
    last = str(ip_address(first + f.SYSTEMS_MAX - 1))
    assert run(program, tcp(flags=SYN, source=last, destination="2001:db8:1::1"))


LIVE = """
import fcntl, socket, struct, time
from ipaddress import ip_address
from sensors.packets import Interface, wanted
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))
first = int(ip_address("2001:db8::1"))
addresses = [ip_address("127.0.0.1")] + [ip_address(first + n) for n in range(63)]
taken = Interface("lo", wanted(addresses), lambda: 7)
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
client.sendall(b"plain")
client.sendall(bytes.fromhex("160101000401000000"))
s.sendto(b"x" * 40, ("127.0.0.1", 5300))
time.sleep(0.2)
frames = taken.take(100)
payloads = [one.raw[66:] for one in frames]
assert not any(b"plain" in one for one in payloads), payloads
assert any(one.startswith(bytes.fromhex("160101")) for one in payloads), payloads
assert taken.dropped == 0
taken.close()
print("live")
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_the_kernel_runs_the_filter() -> None:
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", LIVE],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip("no network namespace can be made here")
    assert done.stdout.strip() == "live", done.stderr
