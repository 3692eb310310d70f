"""Terms: where a receiver listens, and which format reads which messages."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, Literal, TypeAlias

from schema.errors import FengsuiError
from sensors.receive.head import FACILITIES, Head

Transport: TypeAlias = Literal["udp", "tcp", "tls"]
ROUTES_MAX: Final = 256
"""Of one receiver: each is tried for each message."""
PATTERN_CHARS_MAX: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Messages that go to one format; an empty condition always holds."""

    format: str
    facility: str = ""
    app: str = ""
    """Pattern with ``*`` and ``?`` of the program's name, as the next of the host's."""
    host: str = ""
    address: str = ""
    """Address or network that the message came from."""

    def __post_init__(self) -> None:
        if self.facility and self.facility not in FACILITIES:
            raise _wrong(f"there is no facility {self.facility!r}: one of {', '.join(FACILITIES)}")
        if max(len(self.app), len(self.host)) > PATTERN_CHARS_MAX:
            raise _wrong(f"a pattern has more than {PATTERN_CHARS_MAX} characters")
        try:
            ip_network(self.address or "::", strict=False)
        except ValueError as error:
            raise _wrong(f"{self.address!r} is no address or network") from error

    def takes(self, head: Head, peer: str) -> bool:
        """Whether a message with this head, from this address, is meant."""
        if self.facility and head.facility != self.facility:
            return False
        if self.app and not fnmatchcase(head.app, self.app):
            return False
        if self.host and not fnmatchcase(head.host, self.host):
            return False
        return not self.address or ip_address(peer) in ip_network(self.address, strict=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """One receiver."""

    name: str
    host: str
    port: int
    """0 takes a free one."""
    transport: Transport
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    """Certificates of the authority of senders: with it each must show one."""
    routes: tuple[Route, ...] = ()

    def __post_init__(self) -> None:
        if self.transport == "tls" and not (self.certificate and self.key):
            raise _wrong(f"{self.name}: tls needs tls_certificate and tls_key")
        if self.transport != "tls" and (self.certificate or self.key or self.client_ca):
            raise _wrong(f"{self.name}: certificates are for the transport tls")
        if len(self.routes) > ROUTES_MAX:
            raise _wrong(f"{self.name}: more than {ROUTES_MAX} mappings")

    @property
    def authenticated(self) -> bool:
        """Whether it is certain who sent a message: by a certificate alone."""
        return self.client_ca is not None


def split_address(text: str) -> tuple[str, int]:
    """``host:port`` or ``[::]:port``; raises ``sensors.receive.refused``."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdecimal() and int(port) <= 65535):
        raise _wrong(f"{text!r} is no address to listen on: write 0.0.0.0:514")
    return host, int(port)


def _wrong(why: str) -> FengsuiError:
    return FengsuiError("sensors.receive.refused", f"receiver: {why}", why=why)
