"""A store with a clock and dice of the test's own."""

import os

import pytest

from crypto.errors import CryptoError
from crypto.keystore.master import FileMaster
from crypto.keystore.store import KeyStore

DAY_US = 86_400_000_000


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_800_000_000_000_000

    def now(self) -> int:
        return self.at


class Dice:
    def take(self, size):
        return os.urandom(size)


@pytest.fixture
def clock():
    return Hands()


@pytest.fixture
def dice():
    return Dice()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "keys" / "keystore.db"


@pytest.fixture
def opened(place, clock, dice):
    """Open the store of a place, as often as a test asks; all are closed at its end."""
    stores = []

    def open_it(source=None, path=place):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        source = source or FileMaster(path.with_name("master.key"))
        stores.append(KeyStore(path, source, clock=clock, entropy=dice))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened):
    return opened()


@pytest.fixture
def refused():
    def check(code, call):
        with pytest.raises(CryptoError) as caught:
            call()
        assert caught.value.code == code
        return caught.value

    return check
