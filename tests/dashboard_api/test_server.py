import contextlib
import datetime as dt
import http.client
import socket
import ssl
import threading
import time

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dashboard_api.server import Server
from schema.errors import FengsuiError


def refused(site, **options):
    with pytest.raises(FengsuiError) as caught:
        Server(site.app, **options)
    return caught.value.code


def test_port_0_tells_the_real_port_and_answers_there(site):
    server = Server(site.app)
    try:
        base = server.start()
        assert base == f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{base}/healthz").json()["status"] == "ok"
    finally:
        server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base}/healthz")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "fengsui.gov.cn"])
def test_anything_but_loopback_without_tls_is_refused(site, host):
    assert refused(site, host=host) == "dashboard_api.server.plaintext"


def test_a_port_that_is_taken_is_named(site):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert refused(site, port=port) == "dashboard_api.server.port_taken"


def test_a_port_there_cannot_be_is_named(site):
    assert refused(site, port=99999) == "dashboard_api.server.port_taken"


def test_half_of_tls_is_refused(site, tmp_path):
    assert refused(site, certificate="x.pem") == "dashboard_api.server.certificate"
    missing = str(tmp_path / "none.pem")
    code = refused(site, certificate=missing, key=missing)
    assert code == "dashboard_api.server.certificate"


def test_over_tls_it_may_listen_elsewhere(site, tmp_path):
    certificate, key = self_signed(tmp_path)
    server = Server(site.app, host="0.0.0.0", certificate=certificate, key=key)
    try:
        assert server.start().startswith("https://0.0.0.0:")
        trust = ssl.create_default_context(cafile=certificate)
        answer = httpx.get(f"https://localhost:{server.port}/v1/site", verify=trust)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    finally:
        server.stop()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0"])
def test_a_connection_that_asks_nothing_is_closed(site, monkeypatch, sent):
    monkeypatch.setattr("dashboard_api.server.HEAD_SECONDS_MAX", 0.2)
    server = Server(site.app)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as silent:
            silent.sendall(sent)
            assert silent.recv(100) == b""
    finally:
        server.stop()


def test_a_slow_body_and_a_second_request_are_not_taken_for_a_slow_head(site, monkeypatch):
    monkeypatch.setattr("dashboard_api.server.HEAD_SECONDS_MAX", 0.2)
    server = Server(site.app)
    server.start()
    ask = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    post = b"POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            for request, rest in ((ask, b""), (post, b"xx"), (ask, b"")):
                client.sendall(request)
                time.sleep(0.4)
                client.sendall(rest)
                with client.makefile("rb") as stream:
                    assert stream.readline().startswith(b"HTTP/1.1 ")
                    head = http.client.parse_headers(stream)
                    assert stream.read(int(head["content-length"]))
                time.sleep(0.4)
    finally:
        server.stop()


def test_it_stops_within_two_seconds_with_a_stream_open(site):
    officer = site.officer()
    server = Server(site.app)
    base = server.start()
    opened, ended = threading.Event(), threading.Event()

    def read():
        with httpx.Client(cookies=officer.cookies) as client:
            token = officer.cookies["fengsui_session"]
            headers = {"Cookie": f"fengsui_session={token}"}
            with client.stream("GET", f"{base}/v1/stream", headers=headers) as stream:
                for _ in stream.iter_lines():
                    opened.set()
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert opened.wait(5)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 2
    reader.join(5)
    assert ended.is_set()


def test_a_server_that_never_started_stops_too(site):
    server = Server(site.app)
    server.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))


def self_signed(folder):
    """A certificate for localhost, and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])


def test_a_head_without_end_is_refused_long_before_it_fills_the_memory(site):
    server = Server(site.app)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            with contextlib.suppress(OSError):
                for _ in range(100):
                    client.sendall(b"X-Long: " + b"x" * 8000 + b"\r\n")
                    time.sleep(0.001)
            with contextlib.suppress(OSError):
                assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    finally:
        server.stop()


def test_requests_behind_one_another_are_answered_in_order(site):
    server = Server(site.app)
    server.start()
    ask = b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(b"".join(ask % path for path in (b"healthz", b"v1/me", b"readyz")))
            with client.makefile("rb") as stream:
                for status in (b"200", b"401", b"200"):
                    assert stream.readline().split()[1] == status
                    head = http.client.parse_headers(stream)
                    stream.read(int(head["content-length"]))
    finally:
        server.stop()


def test_a_flood_of_requests_nobody_waits_for_ends_the_connection(site):
    server = Server(site.app)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000)
            with contextlib.suppress(ConnectionResetError):
                while client.recv(1 << 16):
                    pass
    finally:
        server.stop()


def test_many_small_answers_on_one_connection_do_not_wait_for_each_other(site):
    server = Server(site.app)
    base = server.start()
    try:
        with httpx.Client() as client:
            client.get(f"{base}/healthz")
            began = time.monotonic()
            for _ in range(50):
                client.get(f"{base}/v1/me")
            # With Nagle's algorithm and late acknowledgements it would be two seconds.
            assert time.monotonic() - began < 1.5
    finally:
        server.stop()
