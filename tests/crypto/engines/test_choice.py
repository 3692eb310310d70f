"""Which engine is chosen, and that it is never chosen in silence."""

import logging
import os
import subprocess
import sys

import pytest

from crypto import engines
from crypto.errors import CryptoError


@pytest.fixture(autouse=True)
def _leave_as_it_was():
    with engines.using(engines.current()):
        yield


def test_a_name_that_is_none_is_refused():
    with pytest.raises(CryptoError) as caught:
        engines.pin("openssl")
    assert caught.value.code == "crypto.backend.unknown"
    assert "libcrypto" in str(caught.value)


def test_a_pinned_engine_is_the_current_one():
    assert engines.pin("libcrypto") is engines.current()
    assert engines.current().name == "libcrypto"


def test_the_floor_warns_and_is_never_chosen_by_itself(caplog):
    with caplog.at_level(logging.WARNING):
        engines.pin("python")
    assert "not constant time" in caplog.text
    assert engines.pin(engines.AUTO).name != "python"


def test_native_code_is_taken_where_it_is_and_left_when_turned_off():
    script = "from crypto import engines; print(engines.current().name)"
    for switch, expected in (("0", "libcrypto"), ("", next(iter(engines.available())))):
        environment = {**os.environ, "FENGSUI_NATIVE": switch}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == expected


def test_the_environment_decides_what_auto_is(monkeypatch):
    monkeypatch.setenv("FENGSUI_CRYPTO_BACKEND", "libcrypto")
    assert engines.pin(engines.AUTO).name == "libcrypto"


def test_a_block_leaves_the_engine_as_it_was():
    before = engines.current()
    with engines.using(engines.available()["libcrypto"]):
        pass
    assert engines.current() is before


def test_an_engine_says_what_computes_what():
    for name, engine in engines.available().items():
        assert engine.name == name
        assert engine.describe()
