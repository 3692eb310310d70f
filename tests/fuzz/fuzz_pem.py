"""PEM: blocks that are read are the ones that would be written, but for white space and text."""

from contextlib import suppress

import harness

from crypto import _der

LABELS = ("CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY")


def check(data: bytes) -> None:
    for label in LABELS:
        with suppress(ValueError):
            for der in _der.decode_pem_all(data, label):
                written = _der.encode_pem(label, der)
                assert _der.decode_pem(written, (label,)) == (label, der)
                assert b"".join(written.splitlines()[1:-1]) in b"".join(data.split())
    with suppress(ValueError):
        _der.decode_pem(data, LABELS)


if __name__ == "__main__":
    files = (*harness.SAMPLES.glob("*/*.key"), *harness.SAMPLES.glob("*/*.crt"))
    harness.run(check, [file.read_bytes() for file in files])
