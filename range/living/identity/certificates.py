"""Certificates: what staff prove themselves with, as the proxy before Keycloak hands them on."""

from __future__ import annotations

import datetime as dt
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from district.town import Town

__all__ = ["Issuer"]


class Issuer:
    """The district's own CA for staff; serial numbers are those the town gave before."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._shown: dict[str, str] = {}

    def shown(self, user: str) -> str:
        """The person's certificate as nginx writes it into a header (``$ssl_client_escaped_cert``).

        One key serves all: nothing here asks for a proof that it is held.
        """
        if user not in self._shown:
            serial = self._town.chance("identity", "serial", user).getrandbits(64)
            now = dt.datetime.now(dt.UTC)
            made = (
                x509.CertificateBuilder()
                .subject_name(_name(user))
                .issuer_name(_name("District CA"))
                .public_key(self._key.public_key())
                .serial_number(serial)
                .not_valid_before(now - dt.timedelta(days=200))
                .not_valid_after(now + dt.timedelta(days=500))
                .sign(self._key, hashes.SHA256())
            )
            text = made.public_bytes(serialization.Encoding.PEM).decode()
            self._shown[user] = urllib.parse.quote(text, safe="")
        return self._shown[user]


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "district"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )
