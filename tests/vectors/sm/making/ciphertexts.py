"""Ciphertexts: forms, C1 off the curve, C3 wrong."""

from making.by_hand import (
    G,
    N,
    P,
    encoded,
    encrypt,
    found,
    integer,
    masked,
    octets,
    on_curve,
    sm3,
    times,
)
from making.cases import PLAINTEXT, PUBLIC, SMALL, Case, D, K, case, draw, group, strays
from making.malformed import INTEGER, OCTET_STRING, Elements, malformed, sequence

# Ciphertexts


def ciphertexts() -> Case:
    c1, c3, c2 = encrypt(PUBLIC, PLAINTEXT, K)
    x, y = found(c1)
    good = _elements(x, y, c3, c2)
    tests = [sealed("the example of the standard", sequence(good), PLAINTEXT)]
    for comment, bad in malformed(good, ["C1.x", "C1.y", "C3", "C2"]):
        tests.append(sealed(f"DER: {comment}", bad))
    tests.append(sealed("elements in reverse order", sequence(good[::-1])))
    changed = {
        "C3 all zero": (x, y, bytes(32), c2),
        "C3 all ones": (x, y, b"\xff" * 32, c2),
        "C3 of 31 bytes": (x, y, c3[:-1], c2),
        "C3 of 33 bytes": (x, y, c3 + b"\0", c2),
        "C3 reversed": (x, y, c3[::-1], c2),
        "C2 cut by a byte": (x, y, c3, c2[:-1]),
        "C2 longer by a byte": (x, y, c3, c2 + b"\0"),
        "C2 reversed": (x, y, c3, c2[::-1]),
        "C2 and C3 swapped": (x, y, c2, c3),
        "C1 mirrored": (x, P - y, c3, c2),
        "C1.x and C1.y swapped": (y, x, c3, c2),
        "C1 of another message": (*found(times(K + 1, G)), c3, c2),
    }
    for bit in (0, 1, 77, 128, 255):
        flipped = (int.from_bytes(c3, "big") ^ 1 << bit).to_bytes(32, "big")
        changed[f"bit {bit} of C3 flipped"] = (x, y, flipped, c2)
    for bit in (0, 8, 8 * len(c2) - 1):
        flipped = (int.from_bytes(c2, "big") ^ 1 << bit).to_bytes(len(c2), "big")
        changed[f"bit {bit} of C2 flipped"] = (x, y, c3, flipped)
    shared = found(times(D, c1))
    changed["C2 empty, C3 right for that"] = (x, y, *masked(shared, b""))
    # Without the plaintext in C3, whoever sends can change C2 at will.
    x2, y2 = octets(shared[0]), octets(shared[1])
    for name, hashed in (
        ("SM3(M)", PLAINTEXT),
        ("SM3(x2 ‖ M)", x2 + PLAINTEXT),
        ("SM3(y2 ‖ M ‖ x2)", y2 + PLAINTEXT + x2),
        ("SM3(x2 ‖ C2 ‖ y2)", x2 + c2 + y2),
    ):
        changed[f"C3 is {name}"] = (x, y, sm3(hashed), c2)
    tests += [sealed(name, sequence(_elements(*parts))) for name, parts in changed.items()]
    tests += _off_curve() + _odd_but_right()
    tests.append(_over_the_limit())
    return group("SM2Decrypt", tests, private=octets(D).hex(), form="der")


def sealed(comment: str, ciphertext: bytes, plaintext: bytes | None = None) -> Case:
    result = "invalid" if plaintext is None else "valid"
    known = {} if plaintext is None else {"plaintext": plaintext}
    return case(comment, result, ciphertext=ciphertext, **known)


def _elements(x: int, y: int, c3: bytes, c2: bytes) -> Elements:
    return [(INTEGER, integer(x)), (INTEGER, integer(y)), (OCTET_STRING, c3), (OCTET_STRING, c2)]


def _off_curve() -> list[Case]:
    tests = []
    for name, point in strays().items():
        assert not on_curve(point)
        shared = times(D, point)
        parts = masked(shared, PLAINTEXT) if shared else (bytes(32), bytes(len(PLAINTEXT)))
        comment = f"C1 off the curve ({name}), C2 and C3 right for it"
        tests.append(sealed(comment, sequence(_elements(*point, *parts))))
    zero = masked((0, 0), PLAINTEXT)
    tests.append(sealed("C1 is (0, 0)", sequence(_elements(0, 0, *zero))))
    for name, x, y in (("(p, 0)", P, 0), ("(0, p)", 0, P), ("(p, p)", P, P)):
        tests.append(sealed(f"C1 is {name}", sequence(_elements(x, y, *zero))))
    tests.append(sealed("C1.x over 256 bits", sequence(_elements(1 << 256, 1, *zero))))
    tests.append(sealed("C1.y over 256 bits", sequence(_elements(1, 1 << 300, *zero))))
    x, y = SMALL
    right = masked(found(times(D, SMALL)), PLAINTEXT)
    tests += [
        sealed("C1 of small x", sequence(_elements(x, y, *right)), PLAINTEXT),
        sealed("C1.x + p, not reduced", sequence(_elements(x + P, y, *right))),
        sealed("C1.x - p, so negative", sequence(_elements(x - P, y, *right))),
        sealed("C1.y - p, so negative", sequence(_elements(x, y - P, *right))),
        sealed("-C1.y", sequence(_elements(x, -y, *right))),
    ]
    return tests


def _odd_but_right() -> list[Case]:
    tests = []
    for name, k in (("1", 1), ("n - 1", N - 1), ("2", 2)):
        c1, c3, c2 = encrypt(PUBLIC, PLAINTEXT, k)
        parts = _elements(*found(c1), c3, c2)
        tests.append(sealed(f"nonce {name}", sequence(parts), PLAINTEXT))
    k = 1
    while found(c1 := times(k, G))[0] >= 1 << 247:
        k += 1
    _, c3, c2 = encrypt(PUBLIC, PLAINTEXT, k)
    tests.append(sealed("C1.x of 31 bytes", sequence(_elements(*found(c1), c3, c2)), PLAINTEXT))
    k = 1
    while found(c1 := times(k, G))[1] >= 1 << 247:
        k += 1
    _, c3, c2 = encrypt(PUBLIC, PLAINTEXT, k)
    tests.append(sealed("C1.y of 31 bytes", sequence(_elements(*found(c1), c3, c2)), PLAINTEXT))
    for size in (1, 31, 32, 33, 64, 127, 128, 255, 256, 1000):
        plaintext = draw.randbytes(size)
        c1, c3, c2 = encrypt(PUBLIC, plaintext, K)
        parts = _elements(*found(c1), c3, c2)
        tests.append(sealed(f"plaintext of {size} bytes", sequence(parts), plaintext))
    tests.append(_empty_mask())
    return tests


def _empty_mask() -> Case:
    """The mask is all zeros, so the plaintext stands open: B4 of 7.1 breaks off."""
    k = 1
    while True:
        c1, c3, c2 = encrypt(PUBLIC, b"\x5a", k)
        if c2 == b"\x5a":
            parts = _elements(*found(c1), c3, c2)
            return sealed("mask of the KDF all zero", sequence(parts))
        k += 1


def _over_the_limit() -> Case:
    c1, c3, _ = encrypt(PUBLIC, PLAINTEXT, K)
    size = (1 << 16) + 1
    x, y = found(c1)
    head = sequence(_elements(x, y, c3, bytes(size)))
    test = case("C2 of 64 KiB and a byte", "invalid", ciphertext=head[:-size])
    # Kept short in the file: so many zero bytes follow.
    return {**test, "zero_bytes_after": size}


def raw_ciphertexts(form: str) -> Case:
    c1, c3, c2 = encrypt(PUBLIC, PLAINTEXT, K)
    point = encoded(found(c1))

    def join(first: bytes, tag: bytes, text: bytes) -> bytes:
        return first + (tag + text if form == "c1c3c2" else text + tag)

    x, y = found(c1)
    parity = y & 1
    good = join(point, c3, c2)
    tests = [
        sealed("the example of the standard", good, PLAINTEXT),
        sealed("the other order of C2 and C3", point + (c2 + c3 if form == "c1c3c2" else c3 + c2)),
        sealed("DER instead", sequence(_elements(x, y, c3, c2))),
        sealed("nothing at all", b""),
        sealed("C1 only", point),
        sealed("no C2", join(point, c3, b"")),
        sealed("C1 without its 04", join(point[1:], c3, c2)),
        sealed("C1 compressed", join(bytes((2 + parity,)) + octets(x), c3, c2)),
        sealed("C1 hybrid", join(bytes((6 + parity,)) + point[1:], c3, c2)),
        sealed("C1 hybrid of the wrong parity", join(bytes((7 - parity,)) + point[1:], c3, c2)),
        sealed("C1 is infinity, one byte 00", join(b"\0", c3, c2)),
        sealed("C1 is 00 and 64 zeros", join(bytes(65), c3, c2)),
        sealed("C1 is 04 and 64 zeros", join(b"\x04" + bytes(64), c3, c2)),
        sealed("C1 begins with 05", join(b"\x05" + point[1:], c3, c2)),
        sealed("C3 cut", join(point, c3[:-1], c2)),
        sealed("C3 all zero", join(point, bytes(32), c2)),
        sealed("C2 cut", join(point, c3, c2[:-1])),
        sealed("a zero byte after the end", good + b"\0"),
        sealed("C2 changed", join(point, c3, c2[::-1])),
    ]
    for name, stray in strays().items():
        shared = times(D, stray)
        parts = masked(shared, PLAINTEXT) if shared else (bytes(32), bytes(len(PLAINTEXT)))
        tests.append(sealed(f"C1 off the curve ({name})", join(encoded(stray), *parts)))
    right = masked(found(times(D, SMALL)), PLAINTEXT)
    tests += [
        sealed("C1 of small x", join(encoded(SMALL), *right), PLAINTEXT),
        sealed("C1.x + p, not reduced", join(encoded((SMALL[0] + P, SMALL[1])), *right)),
    ]
    return group("SM2Decrypt", tests, private=octets(D).hex(), form=form)
