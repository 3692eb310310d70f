"""Access: the way to the brokers, TLS files and SCRAM by reference, never a secret in a setting.

FengsuiError
├── collector.bus.address   no brokers, or a plain way to another machine
├── schema.bus.unreachable  no broker answers
└── schema.bus.refused      certificate, user or password are not taken
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crypto import keys
from schema.errors import FengsuiError

MECHANISM: Final = "SCRAM-SHA-512"
PROBE_SECONDS: Final = 5.0
"""A broker that is up answers its first request within milliseconds, also under load."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""A request any client may send before it has logged in: which versions do you speak?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Which brokers, and who we are to them; without ``ca`` the way is plain, on loopback only."""

    brokers: tuple[str, ...]
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str = ""
    password_file: Path | None = None

    def __post_init__(self) -> None:
        if not self.brokers:
            raise _address("no broker is named: set bus.brokers to host:port of some of them")
        for host, _ in map(address, self.brokers):
            if self.ca is None and host not in _LOOPBACK:
                raise _address(
                    f"{host} is another machine and the way is plain: set bus.tls_ca (and the "
                    "brokers' TLS port)"
                )
        if self.user and (self.ca is None or self.password_file is None):
            raise _address("a SCRAM user needs a password file and TLS: set bus.tls_ca")

    @property
    def told(self) -> str:
        """The brokers, as messages name them."""
        return ", ".join(self.brokers)

    @property
    def protocol(self) -> str:
        """Kafka's name of the way."""
        if self.ca is None:
            return "PLAINTEXT"
        return "SASL_SSL" if self.user else "SSL"

    def password(self) -> str:
        """The SCRAM password; raises what :func:`crypto.keys.read` raises."""
        assert self.password_file is not None
        return keys.read(self.password_file).decode().rstrip("\r\n")

    def context(self) -> ssl.SSLContext:
        """TLS that trusts the brokers' authority and nobody else.

        Raises ``collector.bus.certificate`` naming the file, and what a key file raises.
        """
        # Not create_default_context(): it would trust the system's authorities too.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        assert self.ca is not None
        try:
            context.load_verify_locations(cafile=self.ca)
            if self.certificate is not None:
                if self.key is not None:
                    keys.read(self.key)
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise FengsuiError(
                "collector.bus.certificate",
                f"the TLS files for the brokers cannot be used ({error}): look at bus.tls_ca "
                f"{self.ca}, bus.tls_certificate {self.certificate} and bus.tls_key {self.key}",
            ) from error
        return context

    def kafka_python(self) -> dict[str, Any]:
        """What every client of kafka-python is given."""
        config: dict[str, Any] = {
            "bootstrap_servers": list(self.brokers),
            "security_protocol": self.protocol,
        }
        if self.ca is not None:
            config["ssl_context"] = self.context()
        if self.user:
            config |= {
                "sasl_mechanism": MECHANISM,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password(),
            }
        return config

    def confluent(self) -> dict[str, Any]:
        """What every client of confluent-kafka is given."""
        config: dict[str, Any] = {
            "bootstrap.servers": ",".join(self.brokers),
            "security.protocol": self.protocol,
            # No word to the vendor about who uses the library.
            "enable.metrics.push": False,
        }
        if self.ca is not None:
            self.context()  # names a file that cannot be used better than the library does
            config["ssl.ca.location"] = str(self.ca)
            config["ssl.endpoint.identification.algorithm"] = "https"
            if self.certificate is not None:
                config["ssl.certificate.location"] = str(self.certificate)
                config["ssl.key.location"] = str(self.key)
        if self.user:
            config |= {
                "sasl.mechanism": MECHANISM,
                "sasl.username": self.user,
                "sasl.password": self.password(),
            }
        return config

    def reach(self) -> Mapping[str, str]:
        """Try each named broker once: its address, and what is wrong there or nothing.

        Shows what the clients do not tell apart: no broker, a wrong one, or one that refuses us.
        """
        context = None if self.ca is None else self.context()
        return {one: _tried(one, context) for one in self.brokers}

    def knock(self) -> None:
        """Raise what :meth:`unreachable` says where no named broker answers at all.

        Asked before a client is made: the clients try for long and then say little.
        """
        if all(self.reach().values()):
            raise self.unreachable("")

    def unreachable(self, why: object) -> FengsuiError:
        """The error for a client that found no way, with the reason looked for."""
        found = self.reach()
        if any(not reason for reason in found.values()):
            if self.user:
                return FengsuiError(
                    "schema.bus.refused",
                    f"the brokers {self.told} answer but do not take user {self.user}: look at "
                    f"bus.scram_user and the password in {self.password_file} ({why})",
                    user=self.user,
                )
            return FengsuiError(
                "schema.bus.unreachable",
                f"the brokers {self.told} answer but do not do what was asked ({why}): look at "
                "their logs and run `fengsui cluster check`",
            )
        reasons = "; ".join(f"{one}: {reason}" for one, reason in found.items())
        refused = any(reason.startswith("TLS") for reason in found.values())
        return FengsuiError(
            "schema.bus.refused" if refused else "schema.bus.unreachable",
            f"no broker answers ({reasons}): look at bus.brokers, the network and the brokers "
            "themselves",
        )


def address(broker: str) -> tuple[str, int]:
    """Host and port; raises ``collector.bus.address``."""
    host, _, port = broker.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise _address(f"{broker!r} is no broker's address: give host:port")
    return host.strip("[]"), int(port)


def _tried(broker: str, context: ssl.SSLContext | None) -> str:
    host, port = address(broker)
    try:
        plain = socket.create_connection((host, port), timeout=PROBE_SECONDS)
    except OSError as error:
        return f"no connection ({error.strerror or error})"
    with contextlib.closing(plain) as connection:
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_hostname=host)
            with contextlib.closing(connection):
                # With TLS 1.3 a server refuses our certificate only after its handshake is done.
                connection.sendall(_API_VERSIONS)
                if connection.recv(4):
                    return ""
        except ssl.SSLCertVerificationError as error:
            return f"TLS: its certificate is not trusted here ({error.verify_message})"
        except ssl.SSLError as error:
            return f"TLS: {error.reason or error}; does it want a client certificate?"
        except OSError as error:
            reason = f"it closed the connection ({error})"
        else:
            reason = "it closed the connection"
    return f"TLS: {reason}" if context is not None else f"{reason}; does it speak TLS there?"


def _address(why: str) -> FengsuiError:
    return FengsuiError("collector.bus.address", why)
