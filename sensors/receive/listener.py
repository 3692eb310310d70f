"""Listener: the sockets of one receiver, and the threads that read them into its queue.

Datagrams are read by one thread. Every connection has a thread of its own, which waits while the
queue is full: TCP then makes its sender wait. Errors: ``sensors.receive.listen`` where the address
cannot be had, ``sensors.receive.certificate`` where the certificate cannot be used.
"""

from __future__ import annotations

import logging
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from schema.errors import FengsuiError
from schema.times import SECOND
from sensors.receive.framing import MESSAGE_BYTES_MAX, Framing
from sensors.receive.terms import Listening
from sensors.receive.waiting import Message, Waiting

_logger = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 256
"""Of one receiver: a district's devices and their relays, and a thread for each."""
CONNECTIONS_OF_ONE_MAX: Final = 32
"""From one address, so that one device takes nobody's place."""
RATE_MAX: Final = 20_000
"""Messages a second; what a sensor seals on two cores. Streams wait, datagrams are lost."""
HANDSHAKE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.5
"""How long a read waits before it looks whether the receiver is closed."""
_BLOCK_BYTES: Final = 64 * 1024
_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Asked of the kernel for datagrams: a burst stands here while the thread is busy."""
_SO_RXQ_OVFL: Final = 40
"""Linux: each datagram brings how many the kernel has lost so far. asm-generic/socket.h."""
_BACKLOG: Final = 64


class Listener:
    """Listens from when it is made; reads once started."""

    def __init__(self, terms: Listening, waiting: Waiting, now: Callable[[], int]) -> None:
        self._terms = terms
        self._waiting = waiting
        self._now = now
        self._context = _context(terms)
        self._socket = _bound(terms)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._peers: Counter[str] = Counter()
        self._threads: set[threading.Thread] = set()
        self._second, self._in_second = 0, 0

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to read."""
        target = self._datagrams if self._terms.transport == "udp" else self._connections
        self._run(target)

    def close(self) -> None:
        """Stop listening and let go of every connection."""
        self._closing.set()
        self._waiting.close()
        for thread in list(self._threads):
            thread.join()
        self._socket.close()

    def _run(self, target: Callable[[], None]) -> None:
        def run() -> None:
            try:
                target()
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name=f"receive {self._terms.name}", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _datagrams(self) -> None:
        lost_before = 0
        while not self._closing.is_set():
            try:
                data, about, _, address = self._socket.recvmsg(MESSAGE_BYTES_MAX + 1, 64)
            except TimeoutError:
                continue
            except OSError as error:
                _logger.warning("a datagram was not read", extra={"why": str(error)})
                continue
            for _, kind, value in about:
                if kind == _SO_RXQ_OVFL and len(value) == 4:
                    lost = struct.unpack("=I", value)[0]
                    # The kernel's count is of 32 bits, and goes on from nothing.
                    if more := (lost - lost_before) % 2**32:
                        self._waiting.count("messages_lost", more)
                    lost_before = lost
            message = data[:MESSAGE_BYTES_MAX].rstrip(b"\r\n\0 ")
            if len(data) > MESSAGE_BYTES_MAX:
                self._waiting.count("messages_cut")
            if not message:
                continue
            if self._is_over_rate():
                self._waiting.count("messages_lost")
            else:
                self._waiting.offer(Message(message, _peer(address), self._now()))

    def _connections(self) -> None:
        while not self._closing.is_set():
            try:
                connection, address = self._socket.accept()
            except TimeoutError:
                continue
            except OSError as error:
                # Too many open files, or a connection gone before it was taken.
                _logger.warning("a connection was not accepted", extra={"why": str(error)})
                self._closing.wait(_LOOK_SECONDS)
                continue
            peer = _peer(address)
            with self._lock:
                is_full = (
                    self._peers.total() >= CONNECTIONS_MAX
                    or self._peers[peer] >= CONNECTIONS_OF_ONE_MAX
                )
                self._peers[peer] += not is_full
            if is_full:
                self._waiting.count("connections_refused")
                connection.close()
                continue
            self._run(_Served(self._serve, connection, peer))

    def _serve(self, connection: socket.socket, peer: str) -> None:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._context:
                connection.settimeout(HANDSHAKE_SECONDS)
                # The socket wrapped is the one to close from here on.
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.settimeout(_LOOK_SECONDS)
            self._read(connection, peer)
        except (ssl.SSLError, OSError) as error:
            # No gap of ours: what the connection brought was taken; scanners break off all day.
            _logger.info("a sender's connection broke", extra={"peer": peer, "why": str(error)})
        finally:
            connection.close()
            with self._lock:
                self._peers[peer] -= 1
                if not self._peers[peer]:
                    del self._peers[peer]

    def _read(self, connection: socket.socket, peer: str) -> None:
        framing, cut = Framing(), 0
        while not self._closing.is_set():
            try:
                data = connection.recv(_BLOCK_BYTES)
            except TimeoutError:
                continue
            messages = framing.feed(data) if data else framing.end()
            if framing.cut > cut:
                self._waiting.count("messages_cut", framing.cut - cut)
                cut = framing.cut
            for message in messages:
                while self._is_over_rate() and not self._closing.wait(0.01):
                    pass
                self._waiting.put(Message(message, peer, self._now()))
            if not data:
                return

    def _is_over_rate(self) -> bool:
        """Count one more message, unless this second has had all it may."""
        second = self._now() // SECOND
        with self._lock:
            if second != self._second:
                self._second, self._in_second = second, 0
            if self._in_second >= RATE_MAX:
                return True
            self._in_second += 1
            return False


class _Served:
    """A connection to be served by a thread of its own."""

    def __init__(
        self, serve: Callable[[socket.socket, str], None], connection: socket.socket, peer: str
    ) -> None:
        self._serve, self._connection, self._peer = serve, connection, peer

    def __call__(self) -> None:
        self._serve(self._connection, self._peer)


def _peer(address: object) -> str:
    """The address alone: IPv4 as such where the socket speaks both, and without a zone."""
    text = str(address[0]) if isinstance(address, tuple) else ""
    return text.removeprefix("::ffff:").partition("%")[0]


def _context(terms: Listening) -> ssl.SSLContext | None:
    if terms.certificate is None or terms.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(terms.certificate, terms.key)
        if terms.client_ca:
            context.load_verify_locations(terms.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise FengsuiError(
            "sensors.receive.certificate",
            f"receiver {terms.name}: its certificate cannot be used: {error}",
            name=terms.name,
        ) from error
    return context


def _bound(terms: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in terms.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if terms.transport == "udp" else socket.SOCK_STREAM
    listening = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_DGRAM:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            listening.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((terms.host, terms.port))
        if kind == socket.SOCK_STREAM:
            listening.listen(_BACKLOG)
        listening.settimeout(_LOOK_SECONDS)
    except OSError as error:
        listening.close()
        raise FengsuiError(
            "sensors.receive.listen",
            f"receiver {terms.name}: cannot listen on {terms.host}:{terms.port} "
            f"({terms.transport}): {error.strerror or error}; ports below 1024 need "
            "CAP_NET_BIND_SERVICE",
            name=terms.name,
        ) from error
    return listening
