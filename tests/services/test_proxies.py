"""Links fail the way they are told to, and work again when they are healed."""

from __future__ import annotations

import socket
import threading
import time

import pytest

PATIENCE_SECONDS = 0.5
DELAY_MS = 300


@pytest.fixture
def echo():
    """The port of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection):
            with connection:
                while data := connection.recv(1024):
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        # Without it the thread would sit in accept() for ever: closing alone does not wake it.
        server.shutdown(socket.SHUT_RDWR)


def asked(connection):
    connection.sendall(b"?")
    return connection.recv(1)


@pytest.fixture
def connected(link, echo):
    proxy = link(echo)
    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_SECONDS) as connection:
        assert asked(connection) == b"?"
        yield proxy, connection


def test_a_delayed_link_answers_late(connected):
    proxy, connection = connected
    connection.settimeout(10)
    proxy.delay(DELAY_MS)
    begun = time.monotonic()
    assert asked(connection) == b"?"
    assert time.monotonic() - begun > 2 * DELAY_MS / 1000


def test_a_cut_link_ends_its_connections_and_takes_no_more(connected):
    proxy, connection = connected
    proxy.cut()
    assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port))


def test_a_half_open_link_takes_everything_and_answers_nothing(connected):
    proxy, connection = connected
    proxy.half_open()
    connection.sendall(b"?")
    with pytest.raises(TimeoutError):
        connection.recv(1)


def test_a_healed_link_serves_new_connections(connected):
    proxy, _ = connected
    proxy.half_open()
    proxy.cut()
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_SECONDS) as connection:
        assert asked(connection) == b"?"
