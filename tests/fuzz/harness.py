"""What the harnesses share: seeds from the samples, and one rule of what a finding is."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import atheris

# What is not imported here runs without instruments, and fuzzing is blind in it.
with atheris.instrument_imports(include=["crypto"]):
    from crypto import _asn1, _der, pkcs8, sm2  # noqa: F401 - for their instruments
    from crypto.cms import enveloped_data, enveloped_key, timestamp  # noqa: F401
    from crypto.errors import CryptoError
    from crypto.x509 import request, revocation  # noqa: F401

SAMPLES = Path(__file__).parent.parent / "vectors" / "formats"


def run(check: Callable[[bytes], None], seeds: Sequence[bytes]) -> None:
    """Fuzz until the limits of the command line; ``check`` raises on a finding."""
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], check)
        atheris.Fuzz()


def samples(*patterns: str) -> list[bytes]:
    """Return the samples whose names match, in DER where they are PEM."""
    found: list[bytes] = []
    for pattern in patterns:
        for file in sorted(SAMPLES.glob(pattern)):
            data = file.read_bytes()
            label = data.partition(b"-----BEGIN ")[2].partition(b"-----")[0].decode()
            found += _der.decode_pem_all(data, label) if label else [data]
    assert found, patterns
    return found


def answered(parse: Callable[[bytes], object], data: bytes) -> bool:
    """Tell whether a reader took the bytes; what it took must be canonical throughout."""
    try:
        parse(data)
    except CryptoError:
        return False
    _asn1.check(data)
    return True
