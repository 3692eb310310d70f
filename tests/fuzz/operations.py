"""The operations that engines are compared in, each with inputs of every shape that matters.

An operation draws its inputs once and returns what each engine is asked for. Structured numbers
(0, 1, n ± 1, long runs of ones and zeros) come as often as random ones, because the mistakes of
big-number code sit at carries and limbs, where chance does not go.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import nonces

from crypto.engines.curve import B, G, N, P
from crypto.engines.port import Engine

Ask = Callable[[Engine], Any]

_A = P - 3
# Sizes around the blocks, lanes and wide loops of SM3 (64) and SM4 (16 to 1024 at a time).
_SIZES = (0, 1, 3, 4, 15, 16, 17, 31, 32, 33, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 255, 256)
_LONG_SIZES = (511, 512, 513, 1023, 1024, 1025, 2047, 2049, 4096, 5000, 8191)


class Draw:
    """Inputs from one seed; ``maker`` signs and encrypts what the engines are asked to read."""

    def __init__(self, seed: str, maker: Engine) -> None:
        self.random = Random(seed)
        self.maker = maker

    def number(self, low: int, high: int) -> int:
        """Return a number in [low, high), structured or not."""
        shape = self.random.randrange(6)
        if shape == 0:
            value = self.random.choice((low, low + 1, high - 1, high - 2))
        elif shape == 1:
            value = self.random.choice((N, P, 1 << 255)) + self.random.randrange(-3, 4)
        elif shape == 2:
            value = (1 << self.random.randrange(257)) - self.random.randrange(2)
        elif shape == 3:
            # A run of ones between zeros.
            ends = sorted(self.random.randrange(257) for _ in range(2))
            value = (1 << ends[1]) - (1 << ends[0])
        else:
            value = self.random.randrange(low, high)
        return value if low <= value < high else self.random.randrange(low, high)

    def octets(self, value: int) -> bytes:
        return value.to_bytes(32, "big")

    def scalar(self) -> bytes:
        return self.octets(self.number(1, N - 1))

    def nonce(self) -> bytes:
        return self.octets(self.number(1, N))

    def digest(self) -> bytes:
        return self.octets(self.number(0, 1 << 256))

    def size(self) -> int:
        shape = self.random.randrange(8)
        if shape < 4:
            return self.random.choice(_SIZES)
        return self.random.choice(_LONG_SIZES) if shape == 4 else self.random.randrange(300)

    def data(self, size: int | None = None) -> bytes:
        size = self.size() if size is None else size
        shape = self.random.randrange(8)
        if shape < 2:
            return bytes((255 * shape,)) * size
        return self.random.randbytes(size)

    def flipped(self, data: bytes) -> bytes:
        """Return the bytes with a bit changed, or cut, or longer."""
        if not data or self.random.randrange(8) == 0:
            return data + self.random.randbytes(1)
        if self.random.randrange(8) == 0:
            return data[:-1]
        changed = bytearray(data)
        bit = self.random.randrange(8 * len(data))
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    def point(self) -> bytes:
        """Return a point of the curve nobody knows the scalar of, or a multiple of G."""
        if self.random.randrange(2):
            return self.maker.sm2_private(self.scalar()).point()
        x = self.number(0, P)
        while True:
            square = (x * x * x + _A * x + B) % P
            y = pow(square, (P + 1) // 4, P)
            if y * y % P == square:
                y = self.random.choice((y, -y % P))
                return b"\x04" + self.octets(x) + self.octets(y)
            x = (x + 1) % P

    def wild_point(self) -> bytes:
        """Return 65 bytes that may be a point; the head 04 was checked before an engine sees it."""
        shape = self.random.randrange(5)
        point = self.point()
        if shape == 1:
            return b"\x04" + self.digest() + self.digest()
        if shape == 2:
            y = int.from_bytes(point[33:], "big")
            return point[:33] + self.octets(P - y if y else 0)
        if shape == 3:
            x, y = (self.random.choice((0, 1, P, P - 1, P + 1, G[0], G[1])) for _ in range(2))
            return b"\x04" + self.octets(x) + self.octets(y)
        if shape == 0:
            changed = bytearray(point)
            changed[self.random.randrange(1, 65)] ^= 1 << self.random.randrange(8)
            return bytes(changed)
        return point


# SM2


def sign(draw: Draw) -> Ask:
    d, e, k = draw.scalar(), draw.digest(), draw.nonce()
    return lambda engine: nonces.sign(engine, d, e, k)


def public_half(draw: Draw) -> Ask:
    d = draw.scalar()
    return lambda engine: engine.sm2_private(d).point()


def private_key(draw: Draw) -> Ask:
    d = draw.octets(draw.number(0, 1 << 256))
    return lambda engine: bytes(engine.sm2_private(d).scalar())


def public_key(draw: Draw) -> Ask:
    point = draw.wild_point()
    return lambda engine: bool(engine.sm2_public(point))


def verify(draw: Draw) -> Ask:
    key = draw.maker.sm2_private(draw.scalar())
    e = draw.digest()
    signature = _spoiled(draw, key.sign(e))
    if draw.random.randrange(10) == 0:
        e = draw.flipped(e)[:32].ljust(32, b"\0")
    point = key.point()
    return lambda engine: engine.sm2_public(point).verify(e, signature)


def _spoiled(draw: Draw, signature: bytes) -> bytes:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    shape = draw.random.randrange(8)
    if shape == 0:
        r = draw.number(0, 1 << 256)
    elif shape == 1:
        s = draw.number(0, 1 << 256)
    elif shape == 2:
        r, s = draw.random.choice(((s, r), (r, N - s), (N - r, s), (r, (N - r) % N), (s, s)))
    elif shape == 3:
        bit = 1 << draw.random.randrange(512)
        both = (r << 256 | s) ^ bit
        r, s = both >> 256, both & (1 << 256) - 1
    return draw.octets(r) + draw.octets(s)


def verify_made_up(draw: Draw) -> Ask:
    """Signatures made to fit a key and numbers that nobody would draw."""
    r, s, point = draw.number(1, N), draw.number(1, N), draw.point()
    e = draw.digest()
    signature = draw.octets(r) + draw.octets(s)
    return lambda engine: engine.sm2_public(point).verify(e, signature)


def verify_many(draw: Draw) -> Ask:
    count = draw.random.randrange(1, 6)
    keys = [draw.maker.sm2_private(draw.scalar()) for _ in range(count)]
    es = [draw.digest() for _ in keys]
    signatures = [_spoiled(draw, key.sign(e)) for key, e in zip(keys, es, strict=True)]
    points = [key.point() for key in keys]
    return lambda engine: engine.sm2_verify_many(
        [engine.sm2_public(point) for point in points], es, signatures
    )


def encrypt(draw: Draw) -> Ask:
    # From 4 bytes on: a shorter text meets a mask of zeros too often, which asks for another nonce.
    point, k = draw.point(), draw.nonce()
    plaintext = draw.data(max(4, draw.size()))
    return lambda engine: nonces.encrypt(engine, point, plaintext, k)


def decrypt(draw: Draw) -> Ask:
    d = draw.scalar()
    point = draw.maker.sm2_private(d).point()
    c1, c3, c2 = draw.maker.sm2_public(point).encrypt(draw.data(max(1, draw.size())))
    shape = draw.random.randrange(8)
    if shape == 0:
        c1 = draw.wild_point()
    elif shape == 1:
        c3 = draw.flipped(c3)[:32].ljust(32, b"\0")
    elif shape == 2:
        c2 = draw.flipped(c2) or b"\0"
    return lambda engine: engine.sm2_private(d).decrypt(c1, c3, c2)


def shared_point(draw: Draw) -> Ask:
    d = draw.scalar()
    point = draw.wild_point() if draw.random.randrange(4) == 0 else draw.point()
    return lambda engine: engine.sm2_private(d).shared_point(point)


def exchange(draw: Draw) -> Ask:
    d, r, peer = draw.scalar(), draw.scalar(), draw.point()
    theirs = draw.wild_point() if draw.random.randrange(4) == 0 else draw.point()
    return lambda engine: engine.sm2_private(d).exchange(engine.sm2_private(r), peer, theirs)


# SM3


def digest(draw: Draw) -> Ask:
    data = draw.data()
    return lambda engine: engine.sm3_digest(data)


def digest_in_parts(draw: Draw) -> Ask:
    parts = [draw.data() for _ in range(draw.random.randrange(1, 5))]

    def ask(engine: Engine) -> list[bytes]:
        state = engine.sm3()
        found = []
        for part in parts:
            twin = state.copy()
            twin.update(part)
            found.append(twin.digest())
            state.update(part)
        return [*found, state.digest(), state.digest()]

    return ask


def digest_many(draw: Draw) -> Ask:
    count = draw.random.choice((0, 1, 2, 7, 8, 9, 15, 16, 17, 33, 64))
    same = draw.size() if draw.random.randrange(2) else None
    chunks = [draw.data(same) for _ in range(count)]
    prefix = draw.data() if draw.random.randrange(2) else b""
    return lambda engine: engine.sm3_digest_many(chunks, prefix)


def leaves(draw: Draw) -> Ask:
    count = draw.random.choice((0, 1, 8, 9, 16, 31))
    salts = [draw.data(16) for _ in range(count)]
    payloads = [draw.data() for _ in range(count)]
    return lambda engine: engine.sm3_leaves(salts, payloads)


def hmac(draw: Draw) -> Ask:
    key, data = draw.data(), draw.data()
    return lambda engine: engine.sm3_hmac(key, data)


# SM4


def _blocks(draw: Draw) -> bytes:
    # The wide paths of a cipher take 4, 8, 16, 32 blocks and what is left over.
    return draw.data(
        16 * draw.random.choice((0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70))
    )


def ecb(draw: Draw) -> Ask:
    key, data = draw.data(16), _blocks(draw)
    return lambda engine: (engine.sm4_ecb_encrypt(key, data), engine.sm4_ecb_decrypt(key, data))


def cbc(draw: Draw) -> Ask:
    key, iv, data = draw.data(16), draw.data(16), _blocks(draw)
    return lambda engine: (
        engine.sm4_cbc_encrypt(key, iv, data),
        engine.sm4_cbc_decrypt(key, iv, data),
    )


def ctr(draw: Draw) -> Ask:
    key, data = draw.data(16), draw.data()
    counter = draw.data(16)
    if draw.random.randrange(2):
        # Carries run through 32, 64 and all 128 bits of the counter.
        width = draw.random.choice((1, 4, 8, 12, 16))
        step = draw.random.randrange(70).to_bytes(1, "big")
        tail = b"\xff" * (width - 1) + bytes((255 - step[0],))
        counter = counter[: 16 - width] + tail
    return lambda engine: engine.sm4_ctr(key, counter, data)


def gcm(draw: Draw) -> Ask:
    key, nonce, aad, data = draw.data(16), draw.data(12), draw.data(), draw.data()
    return lambda engine: engine.sm4_gcm_seal(key, nonce, data, aad)


def gcm_open(draw: Draw) -> Ask:
    key, nonce, aad = draw.data(16), draw.data(12), draw.data()
    sealed = draw.maker.sm4_gcm_seal(key, nonce, draw.data(), aad)
    if draw.random.randrange(2):
        sealed = draw.flipped(sealed)
    if draw.random.randrange(8) == 0:
        aad = draw.flipped(aad)
    return lambda engine: engine.sm4_gcm_open(key, nonce, sealed, aad)


def _ccm_shape(draw: Draw) -> tuple[bytes, bytes, bytes, bytes, int]:
    nonce = draw.data(draw.random.randrange(7, 14))
    tag_size = draw.random.randrange(4, 17, 2)
    aad = draw.data()
    if draw.random.randrange(200) == 0:
        # From 0xFF00 bytes on the length of the data takes six bytes (RFC 3610, 2.2).
        aad = draw.data(draw.random.choice((0xFEFF, 0xFF00, 0xFF01)))
    return draw.data(16), nonce, draw.data(), aad, tag_size


def ccm(draw: Draw) -> Ask:
    shape = _ccm_shape(draw)
    return lambda engine: engine.sm4_ccm_seal(*shape)


def ccm_open(draw: Draw) -> Ask:
    key, nonce, data, aad, tag_size = _ccm_shape(draw)
    sealed = draw.maker.sm4_ccm_seal(key, nonce, data, aad, tag_size)
    if draw.random.randrange(2):
        sealed = draw.flipped(sealed)
    return lambda engine: engine.sm4_ccm_open(key, nonce, sealed, aad, tag_size)


# Random results cannot be equal: each engine's are read by the maker instead.


def signatures_are_read(draw: Draw) -> Ask:
    d, e = draw.scalar(), draw.digest()
    es = [draw.digest() for _ in range(draw.random.randrange(5))]
    reader = draw.maker.sm2_public(draw.maker.sm2_private(d).point())

    def ask(engine: Engine) -> list[bool]:
        key = engine.sm2_private(d)
        many = zip([e, *es], [key.sign(e), *key.sign_many(es)], strict=True)
        return [reader.verify(one, signature) for one, signature in many]

    return ask


def ciphertexts_are_read(draw: Draw) -> Ask:
    d, plaintext = draw.scalar(), draw.data(max(1, draw.size()))
    reader = draw.maker.sm2_private(d)
    return lambda engine: reader.decrypt(*engine.sm2_public(reader.point()).encrypt(plaintext))


SM2: Sequence[Callable[[Draw], Ask]] = (
    sign,
    public_half,
    private_key,
    public_key,
    verify,
    verify_made_up,
    verify_many,
    encrypt,
    decrypt,
    shared_point,
    exchange,
    signatures_are_read,
    ciphertexts_are_read,
)
SM3: Sequence[Callable[[Draw], Ask]] = (digest, digest_in_parts, digest_many, leaves, hmac)
SM4: Sequence[Callable[[Draw], Ask]] = (ecb, cbc, ctr, gcm, gcm_open, ccm, ccm_open)
