"""Keys and ephemeral points that come from outside."""

from making.by_hand import G, N, P, der, encoded, found, negative, octets, times
from making.cases import PUBLIC, SMALL, TOP, Case, D, case, group, scalar, strays
from making.malformed import OCTET_STRING

# Keys


def public_keys() -> Case:
    x, y = PUBLIC
    point = encoded(PUBLIC)
    bad = {
        "empty": b"",
        "infinity, one byte 00": b"\0",
        "00 and 64 zeros": bytes(65),
        "04 and 64 zeros": b"\x04" + bytes(64),
        "04 and 64 bytes FF": b"\x04" + b"\xff" * 64,
        "compressed": bytes((2 + (y & 1),)) + octets(x),
        "compressed, the other parity": bytes((3 - (y & 1),)) + octets(x),
        "hybrid": bytes((6 + (y & 1),)) + point[1:],
        "hybrid of the wrong parity": bytes((7 - (y & 1),)) + point[1:],
        "compressed head and both coordinates": b"\x02" + point[1:],
        "head 05": b"\x05" + point[1:],
        "head 00": b"\0" + point[1:],
        "no head": point[1:],
        "head only": b"\x04",
        "x only": point[:33],
        "64 bytes": point[:-1],
        "66 bytes": point + b"\0",
        "coordinates of 33 bytes": b"\x04" + b"\0" + octets(x) + b"\0" + octets(y),
        "x and y swapped": encoded((y, x)),
        "x not reduced": encoded((SMALL[0] + P, SMALL[1])),
        "x = p": encoded((P, G[1])),
        "y = p": encoded((G[0], P)),
        "x = 2^256 - 1": encoded((TOP - 1, G[1])),
        "little-endian coordinates": b"\x04" + octets(x)[::-1] + octets(y)[::-1],
        "DER octet string": der(OCTET_STRING, point),
        "P-256's base point": b"\x04"
        + bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
        + bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
    }
    bad |= {f"off the curve ({name})": encoded(stray) for name, stray in strays().items()}
    tests = [case(comment, "invalid", public=value) for comment, value in bad.items()]
    good = {"of the standard": point, "small x": encoded(SMALL), "G": encoded(G)}
    good["-G"] = encoded(negative(G))
    tests += [case(comment, "valid", public=value) for comment, value in good.items()]
    return group("SM2PublicKey", tests)


def public_key_infos() -> Case:
    """SubjectPublicKeyInfo (RFC 5480, 2; GB/T 35276-2017, 7.1)."""
    ec, curve = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a811ccf5501822d")
    point = encoded(PUBLIC)

    def info(parameters: bytes, bits: bytes, *, algorithm: bytes = der(6, ec)) -> bytes:
        return der(0x30, der(0x30, algorithm + parameters) + der(3, bits))

    good = info(der(6, curve), b"\0" + point)
    bad = {
        "parameters left out": info(b"", b"\0" + point),
        "parameters NULL": info(b"\x05\x00", b"\0" + point),
        "curve P-256": info(der(6, bytes.fromhex("2a8648ce3d030107")), b"\0" + point),
        "algorithm RSA": info(
            der(6, curve), b"\0" + point, algorithm=der(6, bytes.fromhex("2a864886f70d010101"))
        ),
        "one unused bit": info(der(6, curve), b"\x01" + point),
        "eight unused bits": info(der(6, curve), b"\x08" + point),
        "compressed point": info(der(6, curve), b"\0\x02" + octets(PUBLIC[0])),
        "hybrid point": info(der(6, curve), bytes((0, 6 + (PUBLIC[1] & 1))) + point[1:]),
        "infinity": info(der(6, curve), b"\0\0"),
        "empty bit string": info(der(6, curve), b""),
        "point off the curve": info(der(6, curve), b"\0" + encoded((G[0], G[1] ^ 1))),
        "octet string for the bit string": good.replace(b"\x03\x42\0", b"\x04\x42\0"),
        "byte after the end": good + b"\0",
        "byte at the end inside": der(0x30, good[2:] + b"\0"),
        "last byte cut": good[:-1],
        "length in two octets": b"\x30\x81" + good[1:],
        "indefinite length": b"\x30\x80" + good[2:] + b"\0\0",
        "empty": b"",
        "the bare point": point,
    }
    tests = [case("as OpenSSL writes it", "valid", spki=good)]
    tests += [case(comment, "invalid", spki=value) for comment, value in bad.items()]
    return group("SM2PublicKeyInfo", tests)


def private_keys() -> Case:
    bad = {
        "0": octets(0),
        # Signing divides by 1 + d (GB/T 32918.1-2016, 6.1).
        "n - 1": octets(N - 1),
        "n": octets(N),
        "n + 1": octets(N + 1),
        "p": octets(P),
        "2^256 - 1": octets(TOP - 1),
        "empty": b"",
        "31 bytes": octets(D)[1:],
        "33 bytes": b"\0" + octets(D),
        "64 bytes": octets(D) * 2,
    }
    tests = [case(comment, "invalid", private=value) for comment, value in bad.items()]
    for name, d in (("1", 1), ("2", 2), ("n - 2", N - 2), ("2^255", 1 << 255)):
        public = encoded(found(times(d, G)))
        tests.append(case(name, "valid", private=octets(d), public=public))
    return group("SM2PrivateKey", tests)


# Key exchange (GB/T 32918.3-2016): what the other side may send


def exchanges() -> Case:
    r = scalar()
    theirs = found(times(r, G))
    folded = 1 << 127 | theirs[0] & (1 << 127) - 1
    # P + x̄·R = infinity: U would be infinity whatever our key is (A6, B6).
    cancelled = found(times(-folded * r % N, G))
    other = encoded(found(times(scalar(), G)))
    bad: dict[str, tuple[bytes, bytes]] = {
        "U is infinity": (encoded(cancelled), encoded(theirs)),
        "R empty": (other, b""),
        "R is infinity": (other, b"\0"),
        "R is 04 and 64 zeros": (other, b"\x04" + bytes(64)),
        "R compressed": (other, b"\x02" + octets(theirs[0])),
        "R hybrid": (other, bytes((6 + (theirs[1] & 1),)) + encoded(theirs)[1:]),
        "R cut": (other, encoded(theirs)[:-1]),
        "R and a byte": (other, encoded(theirs) + b"\0"),
    }
    for name, stray in strays().items():
        bad[f"R off the curve ({name})"] = (other, encoded(stray))
    tests = [
        case(comment, "invalid", public=public, ephemeral=ephemeral)
        for comment, (public, ephemeral) in bad.items()
    ]
    tests.append(case("a good R", "valid", public=other, ephemeral=encoded(theirs)))
    return group("SM2Exchange", tests, private=octets(D).hex())
