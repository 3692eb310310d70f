"""Fetch: one GET of a registered page, and nothing more.

The name is resolved once, the address checked, and the connection goes to that very address: a
name that answers otherwise a moment later leads nowhere. No redirect is followed, no cookie kept,
no credential sent. What goes wrong is an answer too, with its reason. Only resolving the name has
no time limit of ours: it has the resolver's.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from urllib.parse import urljoin, urlsplit

from cryptography import x509

from schema import times
from schema.errors import FengsuiError
from sensors.probe.target import Target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TIME_SECONDS_MAX: Final = 20.0
"""Of one question, from the connection on; a visitor has given up by then."""
BODY_BYTES_MAX: Final = 2 * 1024 * 1024
"""Of a page; pictures and scripts are files of their own."""
_VERIFY_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; ``reason`` is empty where the page was there and whole."""

    status: int | None = None
    body: bytes = b""
    reason: str = ""
    is_whole: bool = False
    """Whether ``body`` is the page as it is, and not cut or packed."""
    not_after_us: int | None = None
    """Until when the server's certificate holds."""


class Fetch(Protocol):
    """Asks one page once; never raises for what the network does."""

    def __call__(self, target: Target) -> Answer:
        """The answer, or why there is none."""


Address: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]
"""As ``socket.getaddrinfo`` gives it."""


class HttpFetch:
    """The real one; ``contact`` stands in its User-Agent, so that a site knows whom to call.

    Raises ``sensors.probe.ca`` when it is made, where the authorities cannot be read. ``resolve``
    finds a page's address where the system's resolver is not to be asked; it raises OSError.
    """

    def __init__(
        self,
        contact: str,
        *,
        seconds: float = TIME_SECONDS_MAX,
        ca: str = "",
        resolve: Callable[[Target], Address] | None = None,
    ) -> None:
        self._agent = f"FengsuiProbe/1 (+{contact})" if contact else "FengsuiProbe/1"
        self._seconds = seconds
        self._resolve = resolve or _resolved
        try:
            self._tls = ssl.create_default_context(cafile=ca or None)
        except OSError as error:
            raise FengsuiError(
                "sensors.probe.ca", f"authorities of probed pages in {ca}: {error}", path=ca
            ) from error

    def __call__(self, target: Target) -> Answer:
        try:
            address = self._resolve(target)
        except (OSError, UnicodeError):
            # A name no resolver can be asked for, such as one with two dots in a row.
            return Answer(reason="name_not_resolved")
        if not is_allowed(address[4][0], private=target.private):
            return Answer(reason="address_not_allowed")
        deadline = monotonic() + self._seconds

        def remaining() -> float:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError
            return left

        not_after: int | None = None
        try:
            if target.parts.scheme == "https":
                not_after = _not_after(address, target, remaining)
            with _connected(address, remaining) as plain:
                if target.parts.scheme == "http":
                    return self._ask(plain, target, remaining)
                with self._tls.wrap_socket(plain, server_hostname=target.domain) as sealed:
                    answer = self._ask(sealed, target, remaining)
        except ssl.SSLCertVerificationError as error:
            expired = error.verify_code == _VERIFY_EXPIRED
            answer = Answer(reason="certificate_expired" if expired else "certificate_not_trusted")
        except TimeoutError:
            answer = Answer(reason="timeout")
        except ConnectionRefusedError:
            answer = Answer(reason="connection_refused")
        except ssl.SSLError:
            answer = Answer(reason="tls_failed")
        except http.client.HTTPException:
            answer = Answer(reason="answer_not_understood")
        except (OSError, ValueError):
            answer = Answer(reason="connection_lost")
        return replace(answer, not_after_us=not_after)

    def _ask(
        self, connection: socket.socket, target: Target, remaining: Callable[[], float]
    ) -> Answer:
        parts = target.parts
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"User-Agent: {self._agent}",
            "Accept: text/html,*/*;q=0.1",
            "Accept-Encoding: identity",
            "Connection: close",
        )
        connection.settimeout(remaining())
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        timed: Any = _Timed(connection, remaining)
        response = http.client.HTTPResponse(timed, method="GET")
        try:
            response.begin()
            status = response.status
            if 300 <= status < 400:
                return Answer(status=status, reason=_redirect(target, response))
            body = response.read(BODY_BYTES_MAX + 1)
            if len(body) > BODY_BYTES_MAX:
                body, reason, whole = body[:BODY_BYTES_MAX], "page_too_large", False
            elif response.length:
                return Answer(status=status, body=body, reason="answer_incomplete")
            elif response.getheader("Content-Encoding", "identity").lower() != "identity":
                reason, whole = "page_packed", False
            else:
                reason, whole = "", True
        finally:
            response.close()
        if not 200 <= status < 300:
            return Answer(status=status, body=body, reason="http_status")
        return Answer(status=status, body=body, reason=reason, is_whole=whole)


class _Timed(io.RawIOBase):
    """A socket as a file whose reads all together end at the deadline, however slowly they drip."""

    def __init__(self, connection: socket.socket, remaining: Callable[[], float]) -> None:
        self._connection = connection
        self._remaining = remaining

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._connection.settimeout(self._remaining())
        return self._connection.recv_into(buffer)


def _resolved(target: Target) -> Address:
    port = target.parts.port or (443 if target.parts.scheme == "https" else 80)
    found = socket.getaddrinfo(target.domain, port, type=socket.SOCK_STREAM)
    if not found:
        raise OSError
    return found[0]


def is_allowed(text: str, *, private: bool) -> bool:
    """Whether an address may be asked: public ones, others only where registered so.

    Link-local ones (where clouds give out credentials), multicast and unspecified never are.
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    return private or address.is_global


def _connected(address: Address, remaining: Callable[[], float]) -> socket.socket:
    connection = socket.socket(address[0], address[1], address[2])
    try:
        connection.settimeout(remaining())
        connection.connect(address[4])
    except BaseException:
        connection.close()
        raise
    connection.settimeout(remaining())
    return connection


def _not_after(address: Address, target: Target, remaining: Callable[[], float]) -> int | None:
    """Read by a handshake of its own that asks nothing: one that trusts nobody shows no date."""
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.check_hostname = False
    looking.verify_mode = ssl.CERT_NONE
    with (
        _connected(address, remaining) as plain,
        looking.wrap_socket(plain, server_hostname=target.domain) as sealed,
    ):
        raw = sealed.getpeercert(binary_form=True)
    try:
        found = x509.load_der_x509_certificate(raw or b"").not_valid_after_utc
    except ValueError:
        return None
    return int(found.timestamp()) * times.SECOND


def _redirect(target: Target, response: http.client.HTTPResponse) -> str:
    try:
        leads = urlsplit(urljoin(target.url, response.getheader("Location", ""))).hostname
    except ValueError:
        leads = None
    return "redirected" if leads == target.domain else "redirected_away"
