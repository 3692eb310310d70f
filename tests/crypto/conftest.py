"""Vectors and keys that the tests of crypto/ share."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from crypto import _der, engines
from crypto.sm2 import PrivateKey, PublicKey

sys.path.insert(0, str(Path(__file__).parent))

VECTORS = Path(__file__).parent.parent / "vectors" / "sm"

# SEQUENCE { 1, OCTET STRING of 32 bytes, [0] SM2 curve } (RFC 5915), without the public point.
SEC1_HEAD = bytes.fromhex("303102010104 20".replace(" ", ""))
SEC1_TAIL = bytes.fromhex("a00a06082a811ccf5501822d")


def sec1_pem(scalar: int) -> bytes:
    return _der.encode_pem("EC PRIVATE KEY", SEC1_HEAD + scalar.to_bytes(32, "big") + SEC1_TAIL)


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return {
        name: json.loads((VECTORS / f"{name}.json").read_text()) for name in ("sm2", "sm3", "sm4")
    }


@pytest.fixture(scope="module", params=engines.NAMES)
def engine(request):
    """Run the tests of a module once with every engine that can run here."""
    made = engines.available().get(request.param)
    if made is None:
        pytest.skip(f"engine {request.param} cannot run here")
    with engines.using(made):
        yield made


@pytest.fixture(scope="module")
def key(engine) -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def other_key(engine) -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def standard_key(engine, vectors) -> PrivateKey:
    return PrivateKey.from_pem(sec1_pem(int(vectors["sm2"]["signature"]["private"], 16)))


@pytest.fixture(scope="module")
def standard_public(engine, vectors) -> PublicKey:
    vector = vectors["sm2"]["signature"]
    return PublicKey.from_point(bytes.fromhex("04" + vector["x"] + vector["y"]))


@pytest.fixture(scope="session")
def pem_of_scalar():
    return sec1_pem
