"""Signed and enveloped messages, enveloped keys, time stamps."""

import harness

from crypto.cms import enveloped_data, enveloped_key, timestamp
from crypto.cms.signed_data import SignedData
from crypto.sm2 import PrivateKey
from crypto.x509.certificate import Certificate

GMSM = harness.SAMPLES / "gmsm"
HOLDER = Certificate.from_pem((GMSM / "enc.pem").read_bytes())
KEY = PrivateKey.from_pem((GMSM / "enc.key").read_bytes())
SIGNER = PrivateKey.from_pem((GMSM / "sign.key").read_bytes())


def check(data: bytes) -> None:
    harness.answered(lambda data: SignedData.from_der(data).verify(b"content", trust=None), data)
    harness.answered(lambda data: enveloped_data.decrypt(data, HOLDER, KEY), data)
    harness.answered(lambda data: enveloped_key.open_key(data, SIGNER), data)
    for reader in (timestamp.TimeStamp, timestamp.TimeStampRequest):
        harness.answered(reader.from_der, data)


if __name__ == "__main__":
    harness.run(check, harness.samples("gmsm/*.der", "openssl/*.tsq"))
