import ctypes
import gc
import os
import ssl
from pathlib import Path

import pytest

import crypto
from crypto import engines
from crypto.engines import _openssl, libcrypto
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey


@pytest.fixture
def key():
    with engines.using(libcrypto.LibcryptoEngine()):
        yield PrivateKey.generate()


def refused(call):
    with pytest.raises(CryptoError) as caught:
        call()
    assert caught.value.code == "crypto.library.unsuitable"
    return caught.value


def test_the_library_in_use_is_described():
    assert "SM2 OpenSSL 3" in libcrypto.LibcryptoEngine().describe()


def test_the_search_by_name_finds_a_suitable_library():
    name = _openssl._find()
    assert name is not None
    assert _openssl._open(name).version == _openssl.library().version


@pytest.mark.parametrize(
    ("name", "reason"),
    [("libnosuch.so.9", "cannot be loaded"), ("libm.so.6", "not an OpenSSL 3")],
)
def test_an_unsuitable_library_is_named_with_what_to_do(name, reason):
    error = refused(lambda: _openssl._open(name))
    assert error.params["library"] == name
    assert reason in str(error)
    assert "OpenSSL 3.0 or later" in str(error)


class _Function:
    """A native function that answers one value."""

    def __init__(self, value):
        self.value = value

    def __call__(self, *_):
        return self.value


class _FakeLibrary:
    """A library with every symbol, of a given version and perhaps without SM2."""

    def __init__(self, version, context):
        self._answers = {
            "OpenSSL_version_num": version,
            "OpenSSL_version": b"OpenSSL made up",
            "EVP_PKEY_CTX_new_from_name": context,
        }

    def __getattr__(self, name):
        return _Function(self._answers.get(name, 1))


@pytest.mark.parametrize(
    ("version", "context", "reason"),
    [(0x1010117F, 1, "older than OpenSSL 3.0"), (0x30000000, None, "has no SM2")],
)
def test_an_old_library_and_one_without_sm2_are_unsuitable(version, context, reason, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: _FakeLibrary(version, context))
    assert reason in str(refused(lambda: _openssl._open("libcrypto.so.3")))


@pytest.mark.parametrize("found", [None, "libnosuch.so.9"])
def test_without_any_library_the_first_use_says_so(found, monkeypatch):
    def none_here(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", none_here)
    monkeypatch.setattr(_openssl, "_find", lambda: found)
    error = refused(_openssl.library.__wrapped__)
    assert error.params["library"] == (found or "libcrypto.so.3")


def test_a_refusal_leaves_no_error_behind_for_the_ssl_module(key):
    with pytest.raises(CryptoError):
        key.public.verify(b"0\6\2\1\1\2\1\1", b"m", domain="fengsui/batch/1")
    peek = ctypes.CDLL("libcrypto.so.3").ERR_peek_error
    peek.restype = ctypes.c_ulong
    assert peek() == 0
    ssl.create_default_context()


def test_native_keys_are_freed_with_their_objects():
    freed = []
    handle = _openssl.library().handle

    class Watched:
        def EVP_PKEY_free(self, pointer):  # noqa: N802
            freed.append(pointer)
            handle.EVP_PKEY_free(pointer)

        def __getattr__(self, name):
            return getattr(handle, name)

    der = libcrypto._SEC1_HEAD + bytes(31) + b"\5" + libcrypto._SEC1_TAIL
    data = ctypes.c_char_p(der)
    pointer = handle.d2i_AutoPrivateKey(None, ctypes.byref(data), len(der))
    key = libcrypto._Key(Watched(), pointer)
    assert freed == []
    del key
    gc.collect()
    assert freed == [pointer]


def test_repeated_work_does_not_grow_the_process(key):
    def resident_kib() -> int:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024

    def work(rounds: int) -> None:
        for _ in range(rounds):
            twin = PrivateKey.from_pem(key.to_pem())
            twin.public.verify(twin.sign(b"m", domain="d"), b"m", domain="d")
            twin.decrypt(twin.public.encrypt(b"m" * 32))

    work(50)
    before = resident_kib()
    work(300)
    # One leaked native key is over 1 KiB a round; allocator noise stays below this.
    assert resident_kib() - before < 1024


def test_the_package_says_what_it_is_not():
    assert crypto.__doc__ is not None
    assert "no certified cryptographic module" in crypto.__doc__
