import pytest

from crypto import engines, status
from crypto.engines.libcrypto import LibcryptoEngine
from crypto.errors import CryptoError


def test_self_test_names_the_engine_and_every_vector_passed(engine):
    result = status.self_test()
    assert result.backend == engine.name
    assert result.library == engine.describe()
    assert result.module == "software, not a certified module"
    assert {name.split("/")[0] for name in result.vectors} == {"sm2", "sm3", "sm4", "sm4-gcm"}


class _NeverVerifies:
    def verify(self, e, signature):
        return False


class _AlwaysVerifies:
    def verify(self, e, signature):
        return True


class _WrongDecryption:
    def __init__(self, key):
        self._key = key

    def __getattr__(self, name):
        return getattr(self._key, name)

    def decrypt(self, c1, c3, c2):
        return b""


class _WrongExchange(_WrongDecryption):
    def decrypt(self, c1, c3, c2):
        return self._key.decrypt(c1, c3, c2)

    def exchange(self, ephemeral, peer, theirs):
        return self._key.point()[1:]


@pytest.mark.parametrize(
    ("operation", "answer", "test"),
    [
        ("sm3_digest", lambda data: bytes(32), "sm3/GB-T-32905-A"),
        ("sm3_digest_many", lambda chunks, prefix: [bytes(32)] * 2, "sm3/many"),
        ("sm3_hmac", lambda key, data: bytes(32), "sm3/hmac-RFC-2104"),
        ("sm4_ctr", lambda key, counter, data: bytes(16), "sm4/GB-T-32907-A.1"),
        ("sm4_cbc_decrypt", lambda key, iv, data: bytes(32), "sm4/cbc"),
        ("sm4_gcm_seal", lambda key, nonce, text, aad: bytes(80), "sm4-gcm/RFC-8998-A.1"),
        ("sm2_public", lambda point: _NeverVerifies(), "sm2/GB-T-32918.5-A.2-verify"),
        (
            "sm2_generate",
            lambda: _WrongDecryption(LibcryptoEngine().sm2_generate()),
            "sm2/sign-verify-encrypt-decrypt",
        ),
        ("sm2_generate", lambda: _WrongExchange(LibcryptoEngine().sm2_generate()), "sm2/exchange"),
    ],
)
def test_self_test_names_the_test_that_a_broken_engine_fails(operation, answer, test):
    broken = type("Broken", (LibcryptoEngine,), {operation: staticmethod(answer)})()
    with engines.using(broken), pytest.raises(CryptoError) as caught:
        status.self_test()
    assert caught.value.code == "crypto.selftest.failed"
    assert caught.value.params["test"] == test


def test_self_test_notices_an_engine_that_accepts_every_signature():
    class Lenient(LibcryptoEngine):
        def sm2_public(self, point):
            inner = super().sm2_public(point)
            lenient = _AlwaysVerifies()
            lenient.encrypt = inner.encrypt
            return lenient

    with engines.using(Lenient()), pytest.raises(CryptoError) as caught:
        status.self_test()
    assert caught.value.params["test"] == "sm2/tampered-refused"
