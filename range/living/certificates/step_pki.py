"""The keys and settings of a real step-ca: root, intermediate, one JWK provisioner, JSON log."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["PROVISIONER", "StepPki", "coordinates", "set_up"]

PROVISIONER: Final = "district"
_ROOT: Final = "District Root CA"
_INTERMEDIATE: Final = "District Intermediate CA"
_YEARS: Final = dt.timedelta(days=3650)
_COORDINATE_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPki:
    """What was set up, and what clients need of it."""

    settings: Path
    """``ca.json``."""
    root: Path
    """The certificate that clients trust."""
    fingerprint: str
    """SHA-256 of the root, hex, as tokens name it."""
    provisioner: ec.EllipticCurvePrivateKey
    key_id: str
    """RFC 7638 thumbprint of the provisioner's key."""


def set_up(folder: Path, *, address: str, port: int, now: dt.datetime) -> StepPki:
    """Make keys, certificates and settings in a new folder."""
    folder.mkdir(parents=True)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _authority(_ROOT, _ROOT, root_key, root_key, depth=1, now=now)
    middle = _authority(_INTERMEDIATE, _ROOT, key, root_key, depth=0, now=now)
    for name, certificate in (("root", root), ("intermediate", middle)):
        (folder / f"{name}.crt").write_bytes(_pem(certificate))
    secret = folder / "intermediate.key"
    secret.touch(mode=0o600)
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    provisioner = ec.generate_private_key(ec.SECP256R1())
    jwk = _jwk(provisioner.public_key())
    settings = folder / "ca.json"
    settings.write_text(
        json.dumps(
            {
                "root": str(folder / "root.crt"),
                "crt": str(folder / "intermediate.crt"),
                "key": str(secret),
                "address": f"{address}:{port}",
                "dnsNames": [address],
                "logger": {"format": "json"},
                "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
                "authority": {
                    "provisioners": [{"type": "JWK", "name": PROVISIONER, "key": jwk}],
                },
            },
            indent=2,
        ),
        encoding="utf-8",
    )
    return StepPki(
        settings=settings,
        root=folder / "root.crt",
        fingerprint=root.fingerprint(hashes.SHA256()).hex(),
        provisioner=provisioner,
        key_id=jwk["kid"],
    )


def coordinates(key: ec.EllipticCurvePublicKey) -> tuple[str, str]:
    """Both of a point, in base64url as a JWK has them."""
    numbers = key.public_numbers()
    x, y = (_text(one.to_bytes(_COORDINATE_BYTES, "big")) for one in (numbers.x, numbers.y))
    return x, y


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    x, y = coordinates(key)
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    thumb = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return {**members, "use": "sig", "alg": "ES256", "kid": _text(thumb)}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _authority(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    depth: int,
    now: dt.datetime,
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(_USAGE, critical=True)
    )
    return made.sign(signer, hashes.SHA256())


_USAGE: Final = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
    encipher_only=False, decipher_only=False,
)  # fmt: skip
