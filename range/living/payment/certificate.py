"""Certificate: what the district's portal shows a browser, from a made-up authority."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["issue"]

_LIFE: Final = dt.timedelta(days=400)
"""Of both; the probe tells when less than a month is left, which is not what is shown here."""


def issue(folder: Path, name: str) -> Path:
    """Write ``site.pem`` and ``site.key`` for a host name; returns its authority's certificate.

    They hold from a month before now, by the true clock: that is what TLS looks at.
    """
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    root_key, site_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _name("示例市政务根证书（虚构）")
    root = (
        _builder(root_name, root_name, root_key.public_key(), begin)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    site = (
        _builder(_name(name), root_name, site_key.public_key(), begin)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    authority = folder / "authority.pem"
    authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "site.pem").write_bytes(site.public_bytes(serialization.Encoding.PEM))
    key = folder / "site.key"
    key.touch(0o600)
    key.write_bytes(
        site_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return authority


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _LIFE)
    )
