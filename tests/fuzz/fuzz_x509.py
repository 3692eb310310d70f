"""Certificates, requests, revocation lists and names."""

import harness

from crypto.x509.certificate import Certificate
from crypto.x509.name import Name
from crypto.x509.request import CertificateRequest
from crypto.x509.revocation import RevocationList


def check(data: bytes) -> None:
    readers = (Certificate, CertificateRequest, RevocationList, Name)
    for reader in readers:
        harness.answered(reader.from_der, data)


if __name__ == "__main__":
    seeds = harness.samples("*/*.crt", "gmsm/*.pem", "*/*.csr", "*/*.crl")
    harness.run(check, seeds)
