"""The stand-in device, built once: see ``standin.c`` for what it is not."""

import shutil
import subprocess
from pathlib import Path

import pytest

from crypto.errors import CryptoError
from crypto.sdf.library import Device

PASSWORD = b"12345678"


@pytest.fixture(scope="session")
def standin(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/openssl/evp.h").exists():
        pytest.skip("the stand-in device needs a C compiler and the headers of libssl-dev")
    library = tmp_path_factory.mktemp("standin") / "libstandin.so"
    source = Path(__file__).with_name("standin.c")
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-lcrypto"],
        check=True,
        capture_output=True,
    )
    return library


@pytest.fixture
def session(standin):
    with Device(standin) as device, device.session() as session:
        yield session


@pytest.fixture
def refused():
    def check(code, call):
        with pytest.raises(CryptoError) as caught:
            call()
        assert caught.value.code == code
        return caught.value

    return check
