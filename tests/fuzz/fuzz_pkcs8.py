"""Private keys, plain and under a password."""

import harness

from crypto.sm2 import PrivateKey


def plain(data: bytes) -> None:
    PrivateKey.from_pem(data)


def sealed(data: bytes) -> None:
    PrivateKey.from_pem(data, b"secret", iterations_max=3000)


def check(data: bytes) -> None:
    # PEM has a harness of its own.
    if b"-----BEGIN " not in data:
        harness.answered(plain, data)
        harness.answered(sealed, data)


if __name__ == "__main__":
    harness.run(check, harness.samples("*/*.key"))
