"""Keys, certificates and samples that the tests of the formats share."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from crypto.cms.signer import Signer
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey
from crypto.x509.authority import Authority, Order, Profile
from crypto.x509.certificate import Certificate
from crypto.x509.chain import Trust
from crypto.x509.name import Name

SAMPLES = Path(__file__).parent.parent / "vectors" / "formats"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "sm-vectors" / "tongsuo" / "certs"
needs_shared = pytest.mark.skipif(
    not SHARED.exists(), reason="Tongsuo's public certificates are not on this machine"
)

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOW = 1_795_000_000 * SECOND  # 2026-11-18


def refused(code: str, call: Callable[[], object]) -> CryptoError:
    with pytest.raises(CryptoError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return caught.value


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def shared(name: str) -> bytes:
    return (SHARED / name).read_bytes()


@cache
def key(name: str) -> PrivateKey:
    return PrivateKey.generate()


def order(name: str, **changes) -> Order:
    """Return an order for the key of that name, one year around NOW."""
    made = Order(
        subject=Name.of([("C", "CN"), ("O", "示例省大数据局"), ("CN", name)]),
        public=key(name).public,
        not_before_us=NOW - DAY,
        not_after_us=NOW + 365 * DAY,
        entropy=name.encode().rjust(16, b"."),
    )
    return replace(made, **changes)


@cache
def root() -> Authority:
    return Authority.root(order("root", not_after_us=NOW + 7300 * DAY), key("root"))


@cache
def sub() -> Authority:
    ordered = order("sub", not_after_us=NOW + 3650 * DAY)
    return Authority(root().issue(Profile.INTERMEDIATE, ordered), key("sub"))


@cache
def holder(profile: Profile) -> Certificate:
    """Return the certificate of a profile under root and sub; its key has the profile's name."""
    return sub().issue(profile, order(profile.value))


def signing() -> Signer:
    return Signer(holder(Profile.SIGNING), key(Profile.SIGNING.value))


def trust(**changes) -> Trust:
    made = Trust(roots=(root().certificate,), at_us=NOW, intermediates=(sub().certificate,))
    return replace(made, **changes)
