"""A certificate authority of one test cluster: what its nodes and clients prove themselves with.

For tests only: keys lie unencrypted beside the cluster's data and end with it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.services.ports import LOOPBACK

VALID: Final = dt.timedelta(days=30)
BACKDATED: Final = dt.timedelta(hours=1)
"""Clocks of one machine agree, those of its virtual guests may not."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Files in PEM: who one is, the key to show it, and whom to believe."""

    name: str
    certificate: Path
    key: Path
    authority: Path

    @property
    def bundle(self) -> Path:
        """Key and certificate in one file, as a broker reads them."""
        return self.key.with_suffix(".pem")


class Authority:
    """Signs certificates for names, into a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority of a test cluster")
        self.path = folder / "authority.crt"
        certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path.write_bytes(_pem(certificate))

    def issue(self, name: str) -> Identity:
        """A certificate for that common name, usable by both ends of a connection on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName("localhost")]
        names.append(x509.IPAddress(ipaddress.ip_address(LOOPBACK)))
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(_name(name), self._name, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        identity = Identity(
            name=name,
            certificate=self._folder / f"{name}.crt",
            key=self._folder / f"{name}.key",
            authority=self.path,
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        identity.certificate.write_bytes(_pem(certificate))
        for path, content in (
            (identity.key, secret),
            (identity.bundle, secret + _pem(certificate)),
        ):
            path.touch(mode=0o600)
            path.write_bytes(content)
        return identity


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + VALID)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
