"""SM2, SM3 and DER written out once more, slowly, from the standards: for making vectors only.

Nothing of the product is used here, so that a mistake there cannot make a vector that hides it.
Points are pairs, None is infinity; the formulas never use b, so they compute on any curve of the
same a, which is what an attacker who sends a point off the curve relies on.
"""

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
Point = tuple[int, int] | None


def octets(value: int) -> bytes:
    return value.to_bytes(32, "big")


# SM3 (GB/T 32905-2016)

_IV = (
    0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E,
)  # fmt: skip
_WORD = 0xFFFFFFFF


def _left(value: int, by: int) -> int:
    by %= 32
    return (value << by | value >> (32 - by)) & _WORD


def _compressed(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    w = [int.from_bytes(block[at : at + 4], "big") for at in range(0, 64, 4)]
    for j in range(16, 68):
        x = w[j - 16] ^ w[j - 9] ^ _left(w[j - 3], 15)
        w.append(x ^ _left(x, 15) ^ _left(x, 23) ^ _left(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        constant = 0x79CC4519 if j < 16 else 0x7A879D8A
        ss1 = _left((_left(a, 12) + e + _left(constant, j)) & _WORD, 7)
        ff = a ^ b ^ c if j < 16 else a & b | a & c | b & c
        gg = e ^ f ^ g if j < 16 else e & f | ~e & g & _WORD
        tt1 = (ff + d + (ss1 ^ _left(a, 12)) + (w[j] ^ w[j + 4])) & _WORD
        tt2 = (gg + h + ss1 + w[j]) & _WORD
        a, b, c, d = tt1, a, _left(b, 9), c
        e, f, g, h = tt2 ^ _left(tt2, 9) ^ _left(tt2, 17), e, _left(f, 19), g
    return tuple(x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True))


def sm3(data: bytes) -> bytes:
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    state: tuple[int, ...] = _IV
    for at in range(0, len(padded), 64):
        state = _compressed(state, padded[at : at + 64])
    return b"".join(word.to_bytes(4, "big") for word in state)


def hmac(key: bytes, data: bytes) -> bytes:
    key = (sm3(key) if len(key) > 64 else key).ljust(64, b"\0")
    inner = sm3(bytes(one ^ 0x36 for one in key) + data)
    return sm3(bytes(one ^ 0x5C for one in key) + inner)


def kdf(secret: bytes, size: int) -> bytes:
    """GB/T 32918.4-2016, 5.4.3."""
    blocks = range(1, -(-size // 32) + 1)
    return b"".join(sm3(secret + number.to_bytes(4, "big")) for number in blocks)[:size]


def hkdf(secret: bytes, size: int, salt: bytes, info: bytes) -> bytes:
    """RFC 5869, 2."""
    key, out, block = hmac(salt or bytes(32), secret), b"", b""
    for number in range(1, -(-size // 32) + 1):
        block = hmac(key, block + info + bytes((number,)))
        out += block
    return out[:size]


def pbkdf2(password: bytes, salt: bytes, rounds: int, size: int) -> bytes:
    """RFC 8018, 5.2."""
    out = b""
    for number in range(1, -(-size // 32) + 1):
        block = hmac(password, salt + number.to_bytes(4, "big"))
        total = int.from_bytes(block, "big")
        for _ in range(rounds - 1):
            block = hmac(password, block)
            total ^= int.from_bytes(block, "big")
        out += octets(total)
    return out[:size]


# The curve (GB/T 32918.1-2016)


def on_curve(point: tuple[int, int]) -> bool:
    x, y = point
    return (y * y - x * x * x - A * x - B) % P == 0


def add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    if one == other:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def times(number: int, point: Point) -> Point:
    total: Point = None
    for bit in bin(number)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def negative(point: tuple[int, int]) -> tuple[int, int]:
    return point[0], -point[1] % P


def found(point: Point) -> tuple[int, int]:
    """Return a point that is known not to be infinity."""
    assert point is not None
    return point


def lifted(x: int) -> tuple[int, int] | None:
    """Return the point over x with an even y; None where x is on the twist."""
    square = (x * x * x + A * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    return x, y if y % 2 == 0 else P - y


def encoded(point: tuple[int, int]) -> bytes:
    return b"\x04" + octets(point[0]) + octets(point[1])


# Signatures (GB/T 32918.2-2016) and encryption (GB/T 32918.4-2016)


def digest(public: tuple[int, int], identity: bytes, message: bytes) -> bytes:
    """Return e = SM3(Z ‖ M)."""
    bits = (8 * len(identity)).to_bytes(2, "big")
    curve = octets(A) + octets(B) + octets(G[0]) + octets(G[1])
    z = sm3(bits + identity + curve + octets(public[0]) + octets(public[1]))
    return sm3(z + message)


def sign(d: int, e: int, k: int) -> tuple[int, int]:
    r = (e + found(times(k, G))[0]) % N
    s = pow(1 + d, -1, N) * (k - r * d) % N
    assert r
    assert s
    assert r + k != N
    return r, s


def verifies(public: tuple[int, int], e: int, r: int, s: int) -> bool:
    """The equation alone, without the range checks that the standard puts before it."""
    total = add(times(s % N, G), times((r + s) % N, public))
    return total is not None and (e + total[0] - r) % N == 0


def masked(shared: tuple[int, int], plaintext: bytes) -> tuple[bytes, bytes]:
    """Return C3 and C2 for a shared point."""
    x2, y2 = octets(shared[0]), octets(shared[1])
    mask = kdf(x2 + y2, len(plaintext))
    return sm3(x2 + plaintext + y2), bytes(a ^ b for a, b in zip(plaintext, mask, strict=True))


def encrypt(public: tuple[int, int], plaintext: bytes, k: int) -> tuple[Point, bytes, bytes]:
    return times(k, G), *masked(found(times(k, public)), plaintext)


# DER (ITU-T X.690)


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """Return the content of an INTEGER, negative ones too."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return value.to_bytes(size, "big", signed=True)
