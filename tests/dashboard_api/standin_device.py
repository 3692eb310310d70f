"""The stand-in device of tests/crypto/sdf, built for the tests of the service that uses it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard_api.custody.device import SiteDevice

SOURCE = Path(__file__).resolve().parents[1] / "crypto" / "sdf" / "standin.c"


def build(folder):
    """The library's path; skips where it cannot be built."""
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/openssl/evp.h").exists():
        pytest.skip("the stand-in device needs a C compiler and the headers of libssl-dev")
    library = folder / "libstandin.so"
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-lcrypto"],
        check=True,
        capture_output=True,
    )
    return library


class Plugged:
    """The device in its slot: taken out, put back, and used through what the site has of it."""

    def __init__(self, library, folder, monkeypatch):
        self._gone = folder / "gone"
        monkeypatch.setenv("STANDIN_GONE", str(self._gone))
        self.now = 0
        self.password_file = folder / "password"
        self.set_password("12345678")
        self.device = SiteDevice(str(library), str(self.password_file), monotonic=lambda: self.now)

    def set_password(self, text):
        descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, text.encode())
        os.close(descriptor)

    def take_out(self):
        self._gone.touch()

    def put_back(self):
        self._gone.unlink()

    def close(self):
        self.device.close()
