"""SM2 keys, signatures and encryption (GB/T 32918-2016, recommended curve of part 5).

A signature always names its domain: the domain is the signer's ID inside Z, so a signature made for
one use never verifies in another. Signing takes the message and hashes it here; a foreign digest is
signed only by a key whose policy allows it. Verification raises and never returns a verdict that
could be ignored. Keys may be shared between threads. A private key shows its key id only: not in
``repr``, not in an error, and it cannot be pickled or copied.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn, Self, TypeVar

from crypto import _der, engines, pkcs8, sm3
from crypto._identity import MessageDigest
from crypto.engines import curve, port
from crypto.engines.port import Refused
from crypto.errors import CryptoError

__all__ = [
    "DEFAULT_ID",
    "PLAINTEXT_SIZE_MAX",
    "Form",
    "Policy",
    "PrivateKey",
    "PublicKey",
    "ciphertext_to_der",
    "signature_from_raw",
    "signature_to_raw",
    "verify_many",
]

DEFAULT_ID: Final = "1234567812345678"
"""The ID of signers who name none (GM/T 0009-2012, 10)."""

# SM2 encrypts keys and short secrets; longer data takes a fresh SM4 key sealed by SM2.
PLAINTEXT_SIZE_MAX: Final = 64 * 1024
_POINT_SIZE: Final = 65
_C3_SIZE: Final = 32


class Form(Enum):
    """How a ciphertext is written."""

    DER = "der"
    """SEQUENCE { x, y, C3, C2 } (GB/T 35276-2017, 7.2)."""
    C1C3C2 = "c1c3c2"
    """04 ‖ x ‖ y ‖ C3 ‖ C2, the order of GB/T 32918.4-2016."""
    C1C2C3 = "c1c2c3"
    """The order of the drafts before 2012: read for old data, better not written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a private key may be used for."""

    sign: bool = True
    sign_e: bool = False
    """Sign a digest computed elsewhere: whoever asks may have any message signed unseen."""
    decrypt: bool = True
    exchange: bool = True


_ALL_BUT_DIGESTS: Final = Policy()


class PublicKey:
    """A point of the curve, checked when made; equal when the points are."""

    __slots__ = ("__weakref__", "_digest", "_engine", "_key", "_point")

    def __init__(self, point: bytes) -> None:
        """``point``: 04 ‖ x ‖ y, 65 bytes; raises ``crypto.key.malformed`` when off the curve."""
        if len(point) != _POINT_SIZE or point[0] != 4:
            raise _malformed("a public key is 04 ‖ x ‖ y, 65 bytes")
        self._engine = engines.current()
        try:
            self._key: port.Sm2PublicKey | None = self._engine.sm2_public(point)
        except Refused:
            raise _malformed("the point is not on the SM2 curve") from None
        self._point = point
        self._digest = MessageDigest(point)

    @classmethod
    def _of_pair(cls, point: bytes, engine: port.Engine) -> Self:
        """Return the public half that an engine worked out: checked there, made ready when used."""
        public = object.__new__(cls)
        public._engine, public._key = engine, None
        public._point, public._digest = point, MessageDigest(point)
        return public

    def _ready(self) -> port.Sm2PublicKey:
        if self._key is None:
            self._key = self._engine.sm2_public(self._point)
        return self._key

    @classmethod
    def from_point(cls, point: bytes) -> Self:
        """Return the key of an uncompressed point of 65 bytes."""
        return cls(point)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Return the key of a ``PUBLIC KEY`` block: SM2 curve, uncompressed."""
        try:
            _, der = _der.decode_pem(pem, ("PUBLIC KEY",))
            point = _der.decode_spki(der)
        except ValueError as error:
            raise _malformed(str(error)) from None
        return cls(point)

    def to_pem(self) -> bytes:
        """Return the ``PUBLIC KEY`` block that OpenSSL writes too."""
        return _der.encode_pem("PUBLIC KEY", _der.encode_spki(self._point))

    @property
    def point(self) -> bytes:
        """The point as 04 ‖ x ‖ y, 65 bytes."""
        return self._point

    @property
    def key_id(self) -> str:
        """The first 8 bytes of SM3(point), as 16 hexadecimal digits: a name, not a proof."""
        return sm3.digest(self._point)[:8].hex()

    def digest(self, message: bytes, *, domain: str) -> bytes:
        """Return e = SM3(Z ‖ M): what a signature of this key over ``message`` covers."""
        return self._digest(message, domain)

    def identity(self, *, domain: str) -> bytes:
        """Return Z, the hash of the ID, the curve and this point (GB/T 32918.2-2016, 5.5)."""
        return self._digest.identity(domain)

    def verify(self, signature: bytes, message: bytes, *, domain: str) -> None:
        """Raise ``crypto.signature.invalid`` unless this key signed ``message`` for ``domain``."""
        self._verify(signature, self._digest(message, domain), domain)

    def verify_stream(self, signature: bytes, chunks: Iterable[bytes], *, domain: str) -> None:
        """Verify over the chunks end to end, as ``verify`` does."""
        self._verify(signature, _taken_in(self._digest.begin(domain), chunks), domain)

    def verify_e(self, signature: bytes, e: bytes) -> None:
        """Verify over a digest e computed elsewhere; it says nothing of how e came about."""
        _check_e(e)
        self._verify(signature, e, "")

    def _verify(self, signature: bytes, e: bytes, domain: str) -> None:
        try:
            raw = _der.decode_signature_raw(signature)
        except ValueError as error:
            raise _invalid_signature(self.key_id, domain) from error
        if not self._ready().verify(e, raw):
            raise _invalid_signature(self.key_id, domain)

    def encrypt(self, plaintext: bytes, *, form: Form = Form.DER) -> bytes:
        """Return the ciphertext of 1 to ``PLAINTEXT_SIZE_MAX`` bytes."""
        if not 0 < len(plaintext) <= PLAINTEXT_SIZE_MAX:
            raise CryptoError(
                "crypto.plaintext.size",
                f"SM2 encrypts 1 to {PLAINTEXT_SIZE_MAX} bytes; seal longer data with SM4 and "
                "encrypt the SM4 key.",
                {"size": len(plaintext), "size_max": PLAINTEXT_SIZE_MAX},
            )
        c1, c3, c2 = _sound(self._engine, lambda: self._ready().encrypt(plaintext))
        if form is Form.C1C3C2:
            return c1 + c3 + c2
        if form is Form.C1C2C3:
            return c1 + c2 + c3
        x, y = int.from_bytes(c1[1:33], "big"), int.from_bytes(c1[33:], "big")
        return _der.encode_ciphertext(x, y, c3, c2)

    def __eq__(self, other: object) -> bool:
        """Compare points."""
        return isinstance(other, PublicKey) and self._point == other._point

    def __hash__(self) -> int:
        """Hash the point."""
        return hash(self._point)

    def __repr__(self) -> str:
        """Show the key id."""
        return f"<PublicKey {self.key_id}>"

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        """Pickle the point; the engine's key is made anew on the other side."""
        return type(self), (self._point,)


class PrivateKey:
    """A signing or decrypting key; one key has one use. Made by ``generate`` or ``from_*``."""

    __slots__ = ("__weakref__", "_digest", "_engine", "_key", "_policy", "_public")

    def __init__(self, key: port.Sm2PrivateKey, policy: Policy, engine: port.Engine) -> None:
        """Internal: take a key of an engine, whose scalar the engine has checked."""
        self._engine = engine
        self._key = key
        self._policy = policy
        self._public = PublicKey._of_pair(_sound(engine, key.point), engine)  # noqa: SLF001
        self._digest = self._public._digest  # noqa: SLF001 - the other half of this key

    @classmethod
    def generate(cls, policy: Policy = _ALL_BUT_DIGESTS) -> Self:
        """Return a new key from the system's random numbers."""
        engine = engines.current()
        return cls(_sound(engine, engine.sm2_generate), policy, engine)

    @classmethod
    def from_scalar(cls, scalar: bytes | bytearray, policy: Policy = _ALL_BUT_DIGESTS) -> Self:
        """Return the key of a scalar in [1, n-2], 32 bytes; raises ``crypto.key.malformed``."""
        engine = engines.current()
        try:
            return cls(engine.sm2_private(scalar), policy, engine)
        except Refused:
            raise _malformed("the private scalar is outside [1, n-2]") from None

    @classmethod
    def from_pem(
        cls,
        pem: bytes,
        password: bytes | None = None,
        policy: Policy = _ALL_BUT_DIGESTS,
        *,
        iterations_max: int = pkcs8.ITERATIONS_MAX,
    ) -> Self:
        """Return the key of PKCS#8 (plain or encrypted) or SEC 1, in PEM or the DER inside.

        Raises ``crypto.key.malformed``, ``crypto.key.encrypted`` (a password is needed),
        ``crypto.key.password`` (it does not open the key) or ``crypto.key.iterations``: a service
        that opens what strangers send takes a lower ``iterations_max``.
        """
        opened = pkcs8.unpack(pem, password, iterations_max=iterations_max)
        try:
            key = cls.from_scalar(opened.scalar, policy)
        finally:
            opened.wipe()
        if opened.point is not None and opened.point != key.public.point:
            raise _malformed("the public half is not of the private half")
        return key

    def to_pem(
        self,
        password: bytes | None = None,
        *,
        style: pkcs8.Style = pkcs8.Style.OPENSSL,
        iterations: int = pkcs8.ITERATIONS,
    ) -> bytes:
        """Return PKCS#8; under a password when one is given, as the tool of ``style`` opens it."""
        scalar = self._key.scalar()
        try:
            return pkcs8.write(
                scalar, self._public.point, password, style=style, iterations=iterations
            )
        finally:
            _wipe(scalar)

    def scalar(self) -> bytearray:
        """Return the secret itself, for sealing it elsewhere; overwrite it when done."""
        return self._key.scalar()

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    @property
    def policy(self) -> Policy:
        """What this key may be used for."""
        return self._policy

    def sign(self, message: bytes, *, domain: str) -> bytes:
        """Return the canonical DER signature of ``message`` for ``domain``, at most 72 bytes."""
        self._allow(self._policy.sign, "sign")
        return self._sign(self._digest(message, domain))

    def sign_many(self, messages: Sequence[bytes], *, domain: str) -> list[bytes]:
        """Return the signature of each message, in order: faster than one by one."""
        self._allow(self._policy.sign, "sign")
        es = self._digest.many(messages, domain)
        raw = _sound(self._engine, lambda: self._key.sign_many(es))
        return [_der.encode_signature_raw(one) for one in raw]

    def sign_stream(self, chunks: Iterable[bytes], *, domain: str) -> bytes:
        """Return the signature of the chunks end to end."""
        self._allow(self._policy.sign, "sign")
        return self._sign(_taken_in(self._digest.begin(domain), chunks))

    def sign_e(self, e: bytes) -> bytes:
        """Return the signature over e = SM3(Z ‖ M) computed elsewhere, 32 bytes.

        Raises ``crypto.key.policy`` unless the key was made with ``Policy(sign_e=True)``.
        """
        self._allow(self._policy.sign_e, "sign_e")
        _check_e(e)
        return self._sign(e)

    def _sign(self, e: bytes) -> bytes:
        return _der.encode_signature_raw(_sound(self._engine, lambda: self._key.sign(e)))

    def decrypt(self, ciphertext: bytes, *, form: Form = Form.DER) -> bytes:
        """Return the plaintext; raises ``crypto.ciphertext.invalid`` for whatever reason."""
        self._allow(self._policy.decrypt, "decrypt")
        try:
            return self._key.decrypt(*_parts(ciphertext, form))
        except (ValueError, Refused):
            # One answer for every cause: a second one would be an oracle.
            raise CryptoError(
                "crypto.ciphertext.invalid",
                "The ciphertext was not made for this key, or was changed.",
                {"key_id": self._public.key_id},
            ) from None

    def ecdh(self, peer: PublicKey) -> bytes:
        """Return the x coordinate of d·peer, 32 bytes: feed it to a KDF, never use it bare."""
        self._allow(self._policy.exchange, "exchange")
        return _sound(self._engine, lambda: self._key.shared_point(peer.point))[:32]

    def exchange_point(self, ephemeral: "PrivateKey", peer: PublicKey, theirs: bytes) -> bytes:
        """Return x ‖ y of U; the steps around it are ``sm2_exchange``.

        Raises ``crypto.exchange.failed`` when the peer's point is off the curve or U is infinity.
        """
        self._allow(self._policy.exchange, "exchange")
        try:
            return self._key.exchange(ephemeral._key, peer.point, theirs)  # noqa: SLF001
        except Refused:
            raise CryptoError(
                "crypto.exchange.failed",
                "The other side's ephemeral point is unusable: break off the exchange.",
                {"key_id": self._public.key_id},
            ) from None

    def _allow(self, allowed: bool, use: str) -> None:
        if not allowed:
            raise CryptoError(
                "crypto.key.policy",
                f"The policy of key {self._public.key_id} does not allow {use}.",
                {"key_id": self._public.key_id, "use": use},
            )

    def __repr__(self) -> str:
        """Show the key id."""
        return f"<PrivateKey {self._public.key_id}>"

    def __reduce__(self) -> NoReturn:
        """Refuse: a private key leaves the process by ``to_pem`` or ``scalar`` only."""
        raise TypeError("a private key cannot be pickled or copied")


def verify_many(items: Sequence[tuple[PublicKey, bytes, bytes]], *, domain: str) -> None:
    """Verify (key, signature, message) triples at once: faster than one by one.

    Raises ``crypto.signature.invalid`` with the ``index`` of the first bad one.
    """
    engine = engines.current()
    es = [key.digest(message, domain=domain) for key, _, message in items]
    raws: list[bytes] = []
    for index, (key, signature, _) in enumerate(items):
        try:
            raws.append(_der.decode_signature_raw(signature))
        except ValueError as error:
            raise _invalid_signature(key.key_id, domain, index) from error
    # A key made before another engine was pinned is made again for this one.
    keys = [
        key._ready() if key._engine is engine else engine.sm2_public(key.point)  # noqa: SLF001
        for key, _, _ in items
    ]
    for index, good in enumerate(engine.sm2_verify_many(keys, es, raws)):
        if not good:
            raise _invalid_signature(items[index][0].key_id, domain, index)


def signature_to_raw(signature: bytes) -> bytes:
    """Return r ‖ s, 64 bytes, of a DER signature; raises ``crypto.signature.malformed``."""
    try:
        return _der.decode_signature_raw(signature)
    except ValueError as error:
        raise CryptoError(
            "crypto.signature.malformed", f"Not a canonical DER signature: {error}."
        ) from None


def signature_from_raw(raw: bytes) -> bytes:
    """Return the DER form of r ‖ s; raises ``crypto.signature.malformed`` unless 64 bytes."""
    if len(raw) != 64:
        raise CryptoError(
            "crypto.signature.malformed", "A raw signature is r ‖ s, 64 bytes.", {"size": len(raw)}
        )
    return _der.encode_signature_raw(raw)


def ciphertext_to_der(ciphertext: bytes, *, form: Form) -> bytes:
    """Return a ciphertext in its DER form; raises ``crypto.ciphertext.invalid``."""
    try:
        c1, c3, c2 = _parts(ciphertext, form)
    except ValueError:
        raise CryptoError("crypto.ciphertext.invalid", "This is no SM2 ciphertext.") from None
    x, y = int.from_bytes(c1[1:33], "big"), int.from_bytes(c1[33:], "big")
    return _der.encode_ciphertext(x, y, c3, c2)


_T = TypeVar("_T")


def _sound(engine: port.Engine, call: Callable[[], _T]) -> _T:
    """Run what an engine can only refuse by a fault of its own: the input has been checked."""
    try:
        return call()
    except (Refused, RuntimeError):
        # RuntimeError: the random source failed its health tests, and nothing is made from it.
        raise CryptoError(
            "crypto.library.failed",
            f"{engine.describe()} failed on valid input; run the self-test.",
            {"library": engine.describe()},
        ) from None


def _taken_in(state: sm3.Hash, chunks: Iterable[bytes]) -> bytes:
    for chunk in chunks:
        state.update(chunk)
    return state.digest()


def _check_e(e: bytes) -> None:
    if len(e) != sm3.DIGEST_SIZE:
        raise CryptoError(
            "crypto.digest.malformed", "e is an SM3 digest, 32 bytes.", {"size": len(e)}
        )


def _parts(ciphertext: bytes, form: Form) -> tuple[bytes, bytes, bytes]:
    """Return C1, C3 and C2; raises ValueError unless C1 is on the curve and C2 within the limit."""
    if form is Form.DER:
        x, y, c3, c2 = _der.decode_ciphertext(ciphertext)
        c1 = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big") if max(x, y) < curve.P else b""
    else:
        c1, rest = ciphertext[:_POINT_SIZE], ciphertext[_POINT_SIZE:]
        at = _C3_SIZE if form is Form.C1C3C2 else max(0, len(rest) - _C3_SIZE)
        c3, c2 = rest[:at], rest[at:]
        if form is Form.C1C2C3:
            c3, c2 = c2, c3
    if not 0 < len(c2) <= PLAINTEXT_SIZE_MAX or len(c3) != _C3_SIZE or curve.split(c1) is None:
        raise ValueError("no SM2 ciphertext")
    return c1, c3, c2


def _wipe(secret: bytearray) -> None:
    secret[:] = bytes(len(secret))


def _malformed(reason: str) -> CryptoError:
    return CryptoError(
        "crypto.key.malformed", f"Not a usable SM2 key: {reason}.", {"reason": reason}
    )


def _invalid_signature(key_id: str, domain: str, index: int | None = None) -> CryptoError:
    params: dict[str, str | int] = {"key_id": key_id, "domain": domain}
    if index is not None:
        params["index"] = index
    purpose = f"for {domain}" if domain else "as a digest"
    return CryptoError(
        "crypto.signature.invalid",
        f"The signature is not one of key {key_id} over this message {purpose}.",
        params,
    )
