"""No tool of the range can reach an address outside 127.0.0.0/8."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import guard
import pytest

RANGE = Path(__file__).parents[2] / "range"

OUTSIDE = [
    "192.0.2.1",
    "10.0.0.1",
    "0.0.0.0",
    "128.0.0.1",
    "126.255.255.255",
    "::1",
    "::ffff:127.0.0.1",
    "localhost",
    "127.0.0.1.example.org",
    "127.1",
    "",
    None,
    2130706433,
]


def _in_guarded_process(code: str) -> subprocess.CompletedProcess[str]:
    # An audit hook can never be removed, so it must not be installed in the test process.
    program = f"import guard, socket\nguard.install()\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=RANGE, capture_output=True, text=True, timeout=20
    )


@pytest.mark.parametrize("host", OUTSIDE)
def test_an_address_outside_loopback_is_refused(host):
    with pytest.raises(guard.OutsideRangeError):
        guard.check_address(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.20.1.4", "127.255.255.254"])
def test_every_address_of_127_is_allowed(host):
    guard.check_address(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "localhost"])
def test_connect_refuses_a_target_outside_before_a_socket_is_made(host):
    with pytest.raises(guard.OutsideRangeError):
        guard.connect((host, 80), source="127.0.0.1")


def test_connect_refuses_a_source_outside():
    with pytest.raises(guard.OutsideRangeError):
        guard.connect(("127.0.0.1", 80), source="192.0.2.1")


def test_connect_reaches_loopback_from_the_chosen_address_and_tells_its_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        peers = []

        def accept():
            connection, peer = server.accept()
            peers.append(peer)
            connection.close()

        waiter = threading.Thread(target=accept)
        waiter.start()
        with guard.connect(server.getsockname(), source="127.20.1.4"):
            pass
        waiter.join(timeout=5)
    assert peers == [("127.20.1.4", guard.last_port())]


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket().connect(('192.0.2.1', 9))",
        "socket.socket().connect_ex(('192.0.2.1', 9))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
        "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 9))",
        "socket.socket(socket.AF_INET6).connect(('::1', 9))",
        "socket.create_connection(('192.0.2.1', 9), timeout=1)",
        "socket.getaddrinfo('example.org', 80)",
        "socket.gethostbyname('example.org')",
        "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    ],
)
def test_the_installed_guard_stops_every_way_out_of_a_process(attempt):
    done = _in_guarded_process(attempt)
    assert done.returncode == 1
    assert "OutsideRangeError" in done.stderr


def test_the_installed_guard_lets_loopback_and_local_sockets_pass():
    done = _in_guarded_process(
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(s.getsockname(), timeout=2).close()\n"
        "a, b = socket.socketpair(); a.sendall(b'x'); print(b.recv(1))"
    )
    assert (done.returncode, done.stdout) == (0, "b'x'\n")


@pytest.mark.parametrize("tool", ["record.py", "portal.py"])
def test_every_program_that_opens_connections_installs_the_guard(tool):
    assert "guard.install()" in (RANGE / tool).read_text(encoding="utf-8")
