"""Certificates, requests, revocation lists and names."""

import harness

from crypto.certificate import Certificate
from crypto.name import Name
from crypto.request import CertificateRequest
from crypto.revocation import RevocationList


def check(data: bytes) -> None:
    readers = (Certificate, CertificateRequest, RevocationList, Name)
    for reader in readers:
        harness.answered(reader.from_der, data)


if __name__ == "__main__":
    seeds = harness.samples("*/*.crt", "gmsm/*.pem", "*/*.csr", "*/*.crl")
    harness.run(check, seeds)
