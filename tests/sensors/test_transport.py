"""The real transport against a real HTTPS server of the standard library."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from schema.errors import FengsuiError
from sensors import transport
from sensors.transport import Answer, HttpsTransport


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, bytes]]
    answers: list[bytes | None]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).seen.append((self.path, self.headers["Content-Type"], body))
        answer = type(self).answers.pop(0) if type(self).answers else b"{}"
        if answer is None:
            # The connection breaks in the middle of an answer.
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            self.close_connection = True
            return
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that does not trust us breaks off: nothing to print."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture
def handler() -> type[Handler]:
    return type("Recording", (Handler,), {"seen": [], "answers": []})


@pytest.fixture
def served(tmp_path: Path, handler: type[Handler]) -> Iterator[tuple[str, Path]]:
    """Address and certificate of a running server."""
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = QuietServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/prefix/", cert
    server.shutdown()
    thread.join()
    server.server_close()


def test_posts_travel_over_tls_and_one_connection(
    served: tuple[str, Path], handler: type[Handler]
) -> None:
    way = HttpsTransport(*served)
    handler.answers += [b'{"a":1}', b""]
    assert way.post("v1/batches", b"\0\1", media_type=transport.BINARY) == Answer(
        status=201, body=b'{"a":1}'
    )
    assert way.post("v1/heartbeats", b"{}", media_type=transport.JSON).ok
    way.close()
    assert handler.seen == [
        ("/prefix/v1/batches", "application/octet-stream", b"\0\1"),
        ("/prefix/v1/heartbeats", "application/json", b"{}"),
    ]


def test_a_server_with_another_certificate_hears_nothing(
    served: tuple[str, Path], handler: type[Handler], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other")
    way = HttpsTransport(served[0], other)
    with pytest.raises(ssl.SSLCertVerificationError):
        way.post("v1/batches", b"secret", media_type=transport.BINARY)
    assert handler.seen == []


def test_a_server_under_another_name_hears_nothing(
    served: tuple[str, Path], handler: type[Handler]
) -> None:
    way = HttpsTransport(served[0].replace("127.0.0.1", "localhost"), served[1])
    with pytest.raises(OSError, match=r"(?i)hostname|certificate"):
        way.post("v1/batches", b"secret", media_type=transport.BINARY)
    assert handler.seen == []


def test_half_an_answer_is_none_and_the_next_post_begins_afresh(
    served: tuple[str, Path], handler: type[Handler]
) -> None:
    way = HttpsTransport(*served)
    handler.answers += [None, b"whole"]
    with pytest.raises(OSError, match="no whole answer"):
        way.post("v1/batches", b"1", media_type=transport.BINARY)
    assert way.post("v1/batches", b"2", media_type=transport.BINARY).body == b"whole"
    way.close()


def test_an_endless_answer_is_broken_off(served: tuple[str, Path], handler: type[Handler]) -> None:
    way = HttpsTransport(*served)
    handler.answers += [bytes(transport.ANSWER_BYTES_MAX + 1)]
    with pytest.raises(OSError, match="more than"):
        way.post("v1/batches", b"1", media_type=transport.BINARY)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("no certificate")
    for path in (odd, tmp_path / "absent.pem"):
        with pytest.raises(FengsuiError) as caught:
            HttpsTransport("https://127.0.0.1:1", path)
        assert caught.value.code == "sensors.transport.certificate"


def test_a_problem_without_a_reason_names_the_status() -> None:
    found = transport.problem(Answer(status=502, body=b"<html>"))
    assert (found.code, found.detail) == ("", "answer 502 without a reason")
