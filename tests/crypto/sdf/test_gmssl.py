"""GmSSL's SDF header and dummy device, out of a package on PyPI: another hand's view of the ABI.

The package easy-gmssl carries the sources of GmSSL 3.1.1. That release has no software device: its
``sdf_dummy.c`` answers fixed bytes and computes nothing. So this shows that structures and calls
agree with what GmSSL's authors read in the standard, and no more.
"""

import ctypes
import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from crypto.errors import CryptoError
from crypto.sdf import codes
from crypto.sdf import structures as c
from crypto.sdf.library import Device
from crypto.sdf.port import Algorithm
from crypto.sm2 import PrivateKey

pytestmark = pytest.mark.long

CACHE = Path(__file__).resolve().parents[3] / ".cache" / "gmssl-sdf"
ARCHIVE = "easy_gmssl-2.0.1.tar.gz"
SHA256 = "18f74927a4a0a57c46d2912284bc0232a792a0fb8d078c2346b2a05f4b7e9607"
PIP = ("-q", "--no-deps", "--no-binary", ":all:")
INSIDE = "easy_gmssl-2.0.1/easy_gmssl/Core/GmSSL-3.1.1/src/"
WANTED = ("sgd.h", "sdf/sdf.h", "sdf/sdf_dummy.c")


@pytest.fixture(scope="module")
def sources():
    if shutil.which("cc") is None:
        pytest.skip("GmSSL's dummy device needs a C compiler")
    CACHE.mkdir(parents=True, exist_ok=True)
    if not (CACHE / ARCHIVE).exists():
        got = subprocess.run(
            [sys.executable, "-m", "pip", "download", *PIP, "-d", CACHE, "easy-gmssl==2.0.1"],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if got.returncode:
            pytest.skip(f"easy-gmssl 2.0.1 cannot be had here: {got.stderr[-200:]}")
    assert hashlib.sha256((CACHE / ARCHIVE).read_bytes()).hexdigest() == SHA256
    with tarfile.open(CACHE / ARCHIVE) as archive:
        for name in WANTED:
            file = archive.extractfile(INSIDE + name)
            assert file is not None
            (CACHE / name).parent.mkdir(exist_ok=True)
            (CACHE / name).write_bytes(file.read())
    return CACHE


def compiled(sources, tmp_path, text, *options):
    source = tmp_path / "probe.c"
    source.write_text(text)
    subprocess.run(
        ["cc", "-w", "-I", sources / "sdf", *options, "-o", tmp_path / "probe", source],
        check=True,
        capture_output=True,
    )
    return tmp_path / "probe"


@pytest.fixture
def dummy(sources, tmp_path):
    library = tmp_path / "libdummy.so"
    subprocess.run(
        ["cc", "-w", "-shared", "-fPIC", "-o", library, sources / "sdf" / "sdf_dummy.c"],
        check=True,
        capture_output=True,
    )
    with Device(library) as device, device.session() as session:
        yield session


def test_every_structure_lies_as_in_gmssls_header(sources, tmp_path):
    structures = (c.DEVICEINFO, c.ECCrefPublicKey, c.ECCrefPrivateKey, c.ECCSignature)
    fields = [(one.__name__, name) for one in structures for name, _ in one._fields_]
    fields += [("ECCCipher", name) for name in ("x", "y", "M", "L", "C")]
    lines = [
        f'printf("{one}.{name} %zu %zu\\n", offsetof({one}, {name}), sizeof((({one}*)0)->{name}));'
        for one, name in fields
    ]
    lines += [f'printf("{one.__name__} %zu\\n", sizeof({one.__name__}));' for one in structures]
    program = '#include <stddef.h>\n#include <stdio.h>\n#include "sdf.h"\nint main(void) {\n'
    probe = compiled(sources, tmp_path, program + "\n".join(lines) + "\nreturn 0; }\n")
    printed = subprocess.run([probe], check=True, capture_output=True, text=True).stdout
    expected = [
        f"{one.__name__}.{name} {getattr(one, name).offset} {getattr(one, name).size}"
        for one in structures
        for name, _ in one._fields_
    ]
    head = c._CipherHead
    expected += [
        f"ECCCipher.{name} {getattr(head, name).offset} {getattr(head, name).size}"
        for name in ("x", "y", "M", "L")
    ]
    expected.append(f"ECCCipher.C {c.CIPHER_HEAD_SIZE} 1")
    expected += [f"{one.__name__} {ctypes.sizeof(one)}" for one in structures]
    assert printed.splitlines() == expected


def test_codes_and_algorithms_have_gmssls_numbers(sources, tmp_path):
    # GmSSL misspells this one name.
    names = ["SDR_FILEEXSITS" if one == "SDR_FILEEXISTS" else one for one in codes.NAMES]
    numbers = {name: codes.BASE + at for at, name in enumerate(names, 1)}
    numbers |= {
        "SGD_SM3": Algorithm.SM3,
        "SGD_SM4_ECB": Algorithm.SM4_ECB,
        "SGD_SM4_CBC": Algorithm.SM4_CBC,
        "SGD_SM2_1": Algorithm.SM2_SIGN,
        "SGD_SM2_3": Algorithm.SM2_ENCRYPT,
    }
    lines = [f'_Static_assert({name} == {value:#x}, "{name}");' for name, value in numbers.items()]
    program = '#include "sdf.h"\n' + "\n".join(lines) + "\nint main(void) { return 0; }\n"
    compiled(sources, tmp_path, program)


def test_the_dummy_says_what_it_is(dummy):
    info = dummy.info()
    assert (info.issuer, info.name) == ("GmSSL Project (http://gmssl.org)", "Dummy SDF")
    assert info.serial == "2014010100100123"
    assert (info.version, info.standard_version, info.buffer_bytes) == (1, 1, 256 * 1024)
    assert info.asymmetric[0] & Algorithm.SM2_SIGN
    assert info.digests & Algorithm.SM3


def test_its_answers_that_are_no_answers_are_caught(dummy):
    ours = PrivateKey.generate()
    for code, call in (
        ("crypto.sdf.malformed", lambda: dummy.random(32)),
        ("crypto.sdf.missing", lambda: dummy.decrypt(1, ours.public.encrypt(b"x"))),
    ):
        with pytest.raises(CryptoError) as caught:
            call()
        assert caught.value.code == code
