"""The town's servers as clients of a real step-ca: sign, renew, and a token nobody issued."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from living.certificates.step_pki import PROVISIONER, StepPki

__all__ = ["Asking", "StepClient"]

TOKEN_LIFE_S: Final = 300
"""step-ca refuses one-time tokens that live longer."""
TIMEOUT_S: Final = 30.0
ANSWER_BYTES_MAX: Final = 256 * 1024
What = Literal["sign", "renew", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, and under which number; ``token`` is a number used for no other token."""

    name: str
    """Of the server, such as ``app-data-1.gov.example``."""
    source: str
    agent: str
    request_id: str
    token: str
    now_s: int
    """True time: step-ca looks at its own clock."""


class StepClient:
    """Keeps each server's key and certificate in a folder, as the servers themselves would."""

    def __init__(self, pki: StepPki, *, host: str, port: int, folder: Path) -> None:
        self._pki, self._host, self._port, self._folder = pki, host, port, folder
        folder.mkdir()
        self._stranger = ec.generate_private_key(ec.SECP256R1())
        """Signs the tokens that are refused."""

    def has(self, name: str) -> bool:
        """Whether that server has a certificate to show."""
        return self._chain(name).exists()

    def ask(self, what: What, asking: Asking) -> int:
        """One request; its HTTP status. A new certificate replaces the server's old one.

        Raises OSError, ``ssl.SSLError`` or ``http.client.HTTPException`` when nobody answers.
        """
        if what == "renew":
            return self._renewed(asking)
        key = self._pki.provisioner if what == "sign" else self._stranger
        fresh = ec.generate_private_key(ec.SECP256R1())
        asked = {"csr": _request(asking.name, fresh), "ott": self._token(asking, key)}
        status, answer = self._post(asking, "/1.0/sign", json.dumps(asked).encode())
        if status == 201:
            secret = self._folder / f"{asking.name}.key"
            secret.touch(mode=0o600)
            secret.write_bytes(_pem(fresh))
            self._keep(asking.name, answer)
        return status

    def _renewed(self, asking: Asking) -> int:
        status, answer = self._post(asking, "/1.0/renew", b"", shows=asking.name)
        if status == 201:
            self._keep(asking.name, answer)
        return status

    def _chain(self, name: str) -> Path:
        return self._folder / f"{name}.crt"

    def _keep(self, name: str, answer: bytes) -> None:
        self._chain(name).write_text("".join(json.loads(answer)["certChain"]), encoding="ascii")

    def _post(
        self, asking: Asking, path: str, body: bytes, *, shows: str = ""
    ) -> tuple[int, bytes]:
        context = ssl.create_default_context(cafile=str(self._pki.root))
        if shows:
            context.load_cert_chain(self._chain(shows), self._folder / f"{shows}.key")
        headers: Mapping[str, str] = {
            "Content-Type": "application/json",
            "User-Agent": asking.agent,
            "X-Request-Id": asking.request_id,
        }
        with contextlib.closing(
            http.client.HTTPSConnection(
                self._host, self._port, timeout=TIMEOUT_S, source_address=(asking.source, 0),
                context=context,
            )
        ) as connection:  # fmt: skip
            connection.request("POST", path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read(ANSWER_BYTES_MAX)

    def _token(self, asking: Asking, key: ec.EllipticCurvePrivateKey) -> str:
        """A one-time token as ``step ca token`` makes it: its members in their order of names."""
        head = {"alg": "ES256", "kid": self._pki.key_id, "typ": "JWT"}
        claims = {
            "aud": f"https://{self._host}:{self._port}/1.0/sign",
            "exp": asking.now_s + TOKEN_LIFE_S,
            "iat": asking.now_s,
            "iss": PROVISIONER,
            "jti": asking.token,
            "nbf": asking.now_s,
            "sans": [asking.name],
            "sha": self._pki.fingerprint,
            "sub": asking.name,
        }
        text = f"{_part(head)}.{_part(claims)}"
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _request(name: str, key: ec.EllipticCurvePrivateKey) -> str:
    made = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _part(members: Mapping[str, object]) -> str:
    return _text(json.dumps(members, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
