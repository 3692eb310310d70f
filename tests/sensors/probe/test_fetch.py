"""One GET of a page: what a server of our own answers, and what goes wrong with it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from schema import times
from schema.errors import FengsuiError
from sensors.probe.fetch import BODY_BYTES_MAX, HttpFetch, is_allowed
from sensors.probe.target import Target

PAGE = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\npage"


@contextmanager
def serving(
    act: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback: its port, and the heads of the questions it got."""
    heads: list[bytes] = []

    def run() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            plain.settimeout(10)
            try:
                with tls.wrap_socket(plain, server_side=True) if tls else plain as connection:
                    head = connection.recv(65536)
                    if head:
                        heads.append(head)
                        act(connection)
            except OSError:
                pass
            finally:
                plain.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=run, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], heads
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(15)


def sends(*pieces: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return act


def page(port: int, scheme: str = "http", *, private: bool = True) -> Target:
    url = f"{scheme}://127.0.0.1:{port}/a?b=c"
    return Target(name="p", url=url, consent="office", private=private)


def test_a_page_is_asked_by_one_plain_get_that_names_whom_to_call() -> None:
    with serving(sends(PAGE)) as (port, heads):
        fetch = HttpFetch("aq@shili.example")
        first, second = fetch(page(port)), fetch(page(port))

    assert (first.status, first.body, first.reason, first.is_whole) == (200, b"page", "", True)
    assert second == first
    assert len(heads) == 2
    assert heads[0] == heads[1]
    assert heads[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"User-Agent: FengsuiProbe/1 (+aq@shili.example)\r\n" in heads[0]
    assert b"cookie" not in heads[1].lower()


def test_a_page_is_found_where_a_resolver_of_the_caller_says() -> None:
    with serving(sends(PAGE)) as (port, heads):
        fetch = HttpFetch(
            "", resolve=lambda _: (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
        )
        target = Target(name="p", url="http://www.shili.example/a", consent="office", private=True)
        answer = fetch(target)
        elsewhere = fetch(Target(name="p", url=target.url, consent="office"))

    assert (answer.status, answer.body) == (200, b"page")
    assert b"Host: www.shili.example\r\n" in heads[0]
    assert elsewhere.reason == "address_not_allowed"


def test_an_address_that_is_not_public_is_not_asked_unless_registered_so() -> None:
    with serving(sends(PAGE)) as (port, heads):
        answer = HttpFetch("")(page(port, private=False))

    assert answer.reason == "address_not_allowed"
    assert heads == []


@pytest.mark.parametrize(
    ("address", "private", "allowed"),
    [
        ("1.1.1.1", False, True),
        ("10.0.0.1", False, False),
        ("10.0.0.1", True, True),
        ("::ffff:10.0.0.1", False, False),
        ("169.254.169.254", True, False),
        ("::ffff:169.254.169.254", True, False),
        ("fe80::1%eth0", True, False),
        ("224.0.0.1", True, False),
        ("0.0.0.0", True, False),
        ("no address", True, False),
    ],
)
def test_which_addresses_may_be_asked(address: str, private: bool, allowed: bool) -> None:
    assert is_allowed(address, private=private) is allowed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: https://bad.example/\r\n\r\n", "redirected_away"),
        (b"HTTP/1.1 301 Moved\r\nLocation: /b\r\n\r\n", "redirected"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "http_status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npage", "answer_incomplete"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npage",
            "answer_not_understood",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "page_packed"),
        (b"SSH-2.0-server\r\n", "answer_not_understood"),
        (b"", "answer_not_understood"),
    ],
)
def test_an_answer_that_is_no_whole_page_says_why(answer: bytes, reason: str) -> None:
    with serving(sends(answer)) as (port, heads):
        found = HttpFetch("")(page(port))

    assert found.reason == reason
    assert not found.is_whole
    assert len(heads) == 1


def test_a_huge_page_is_cut_and_not_whole() -> None:
    with serving(sends(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 40)) as (port, _):
        found = HttpFetch("")(page(port))

    assert (found.reason, found.is_whole, len(found.body)) == (
        "page_too_large", False, BODY_BYTES_MAX,
    )  # fmt: skip


def test_a_server_that_drips_is_left_when_the_time_is_over() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)

    begin = time.monotonic()
    with serving(drip) as (port, _):
        found = HttpFetch("", seconds=0.5)(page(port))
        took = time.monotonic() - begin

    assert found.reason == "timeout"
    assert took < 5


def test_a_name_nobody_can_look_up_is_told() -> None:
    target = Target(name="p", url="http://a..invalid/", consent="office")

    assert HttpFetch("")(target).reason == "name_not_resolved"


def test_authorities_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="authorities"):
        HttpFetch("", ca=str(tmp_path / "none.pem"))


def test_a_closed_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert HttpFetch("")(page(port)).reason == "connection_refused"


def certified(folder: Path, *, days: int) -> tuple[ssl.SSLContext, str, datetime]:
    """A server's side with a certificate of its own, its file, and its last day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "probe")])
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "c.pem", folder / "c.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, str(file), end


@pytest.mark.parametrize(
    ("days", "is_known", "reason"),
    [(30, True, ""), (-3, True, "certificate_expired"), (30, False, "certificate_not_trusted")],
)
def test_a_certificate_is_checked_and_its_end_told(
    tmp_path: Path, days: int, is_known: bool, reason: str
) -> None:
    context, file, end = certified(tmp_path, days=days)
    with serving(sends(PAGE), context) as (port, heads):
        found = HttpFetch("", ca=file if is_known else "")(page(port, "https"))

    assert found.reason == reason
    assert found.is_whole is (not reason)
    assert found.not_after_us == int(end.timestamp()) * times.SECOND
    # The handshake that looks for the date asks nothing.
    assert len(heads) == (0 if reason else 1)


def test_a_server_without_tls_is_told() -> None:
    with serving(sends(b"HTTP/1.1 400 Bad\r\n\r\n")) as (port, _):
        found = HttpFetch("")(page(port, "https"))

    assert found.reason in ("tls_failed", "connection_lost")
    assert not found.is_whole
