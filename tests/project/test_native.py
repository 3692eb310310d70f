"""The native module is built where it can be, and the product works without it all the same."""

import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = "from crypto.status import self_test; print(self_test().backend)"


def _backend(**variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo: the native module is optional")
def test_the_native_engine_is_the_default_where_cargo_is() -> None:
    assert _backend(FENGSUI_NATIVE="1") == "native"


def test_without_native_code_the_systems_library_computes() -> None:
    assert _backend(FENGSUI_NATIVE="0") == "libcrypto"
