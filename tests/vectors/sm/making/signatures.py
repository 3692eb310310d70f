"""Signatures: forms, ranges, edges of the equation."""

from collections.abc import Callable

from making.by_hand import (
    G,
    N,
    P,
    add,
    digest,
    encoded,
    found,
    integer,
    lifted,
    negative,
    octets,
    on_curve,
    sign,
    times,
    verifies,
)
from making.cases import ID, MESSAGE, PUBLIC, TOP, Case, D, K, case, group, scalar, signature
from making.malformed import INTEGER, Elements, malformed

# Signatures over messages


def message_signatures() -> Case:
    e = int.from_bytes(digest(PUBLIC, ID.encode(), MESSAGE), "big")
    r, s = sign(D, e, K)
    good: Elements = [(INTEGER, integer(r)), (INTEGER, integer(s))]
    tests = [signed("the example of the standard", "valid", signature(r, s))]
    for comment, bad in malformed(good, ["r", "s"]):
        tests.append(signed(f"DER: {comment}", "invalid", bad))
    tests.append(signed("r and s without DER, 64 bytes", "invalid", octets(r) + octets(s)))
    tests += [signed(comment, "invalid", signature(*pair)) for comment, pair in _other_pairs(r, s)]
    tests += [
        signed("another message", "invalid", signature(r, s), message=MESSAGE + b"."),
        signed("empty message", "invalid", signature(r, s), message=b""),
        signed("another ID", "invalid", signature(r, s), identity="1234567812345679"),
        signed("ID cut", "invalid", signature(r, s), identity=ID[:-1]),
        signed("ID that goes on", "invalid", signature(r, s), identity=ID + "\0"),
    ]
    bare = int.from_bytes(digest(PUBLIC, b"", MESSAGE), "big")
    tests.append(signed("made for an empty ID", "invalid", signature(*sign(D, bare, K))))
    tests += _identities()
    tests += _extreme_nonces()
    return group("SM2Verify", tests, public=encoded(PUBLIC).hex())


def signed(
    comment: str, result: str, bad: bytes, *, message: bytes = MESSAGE, identity: str = ID
) -> Case:
    return case(comment, result, id_text=identity, message=message, signature=bad)


def _other_pairs(r: int, s: int) -> list[tuple[str, tuple[int, int]]]:
    edges = {"0": 0, "1": 1, "n - 1": N - 1, "n": N, "n + 1": N + 1, "p": P, "2^256 - 1": TOP - 1}
    pairs = []
    for name, value in edges.items():
        pairs += [(f"r = {name}", (value, s)), (f"s = {name}", (r, value))]
        pairs.append((f"r = s = {name}", (value, value)))
    pairs += [
        ("r and s swapped", (s, r)),
        ("n - r", (N - r, s)),
        ("n - s", (r, N - s)),
        ("n - r and n - s", (N - r, N - s)),
        ("r + s = n", (r, N - r)),
        ("r + n", (r + N, s)),
        ("s + n", (r, s + N)),
        ("r - n, so negative", (r - N, s)),
        ("s - n, so negative", (r, s - N)),
        ("-r", (-r, s)),
        ("-s", (r, -s)),
        ("r + 2^256", (r + TOP, s)),
        ("s + 2^256", (r, s + TOP)),
        ("s of 2000 bytes", (r, s << 8 * 1968)),
    ]
    for bit in (0, 7, 31, 64, 127, 128, 200, 255):
        pairs.append((f"bit {bit} of r flipped", (r ^ 1 << bit, s)))
        pairs.append((f"bit {bit} of s flipped", (r, s ^ 1 << bit)))
    return pairs


def _identities() -> list[Case]:
    tests = []
    # ENTL counts bits in two bytes, so 8191 bytes is the most (GB/T 32918.2-2016, 5.5).
    for size, result in ((0, "invalid"), (1, "valid"), (31, "valid"), (8191, "valid")):
        identity = "x" * size
        e = int.from_bytes(digest(PUBLIC, identity.encode(), MESSAGE), "big")
        tests.append(
            signed(f"ID of {size} bytes", result, signature(*sign(D, e, K)), identity=identity)
        )
    e = int.from_bytes(digest(PUBLIC, "烽燧".encode(), MESSAGE), "big")
    tests.append(signed("ID in Chinese", "valid", signature(*sign(D, e, K)), identity="烽燧"))
    pair = signature(*sign(D, 1, K))
    tests += [
        signed(f"ID of {size} bytes", "invalid", pair, identity="x" * size) for size in (8192, 8193)
    ]
    return tests


def _extreme_nonces() -> list[Case]:
    e = int.from_bytes(digest(PUBLIC, ID.encode(), MESSAGE), "big")
    tests = [
        signed(f"nonce {name}", "valid", signature(*sign(D, e, k)))
        for name, k in (("1", 1), ("2", 2), ("n - 1", N - 1), ("n - 2", N - 2), ("2^255", 1 << 255))
    ]
    wanted: dict[str, Callable[[int, int], bool]] = {
        "r of 31 bytes": lambda r, _: r < 1 << 247,
        "s of 31 bytes": lambda _, s: s < 1 << 247,
        "r without a sign byte, s with": lambda r, s: r < 1 << 255 <= s,
    }
    for name, fits in wanted.items():
        while not fits(*(pair := sign(D, e, scalar()))):
            pass
        tests.append(signed(name, "valid", signature(*pair)))
    number = 0
    while (e_bytes := digest(PUBLIC, ID.encode(), b"message %d" % number))[0]:
        number += 1
    pair = sign(D, int.from_bytes(e_bytes, "big"), K)
    tests.append(
        signed("e with leading zeros", "valid", signature(*pair), message=b"message %d" % number)
    )
    return tests


# Signatures over digests: e may be chosen, so the edges themselves can be reached


def digest_signatures() -> Case:
    tests = [*_accepted_edges(), *_refused_edges()]
    return group("SM2VerifyDigest", tests)


def _over(comment: str, result: str, public: tuple[int, int], e: int, r: int, s: int) -> Case:
    assert on_curve(public)
    assert result == "invalid" or verifies(public, e, r, s)
    return case(comment, result, public=encoded(public), e=octets(e), signature=signature(r, s))


def _fitting(public: tuple[int, int], r: int, s: int) -> int:
    """Return the e for which r and s are a signature."""
    total = found(add(times(s % N, G), times((r + s) % N, public)))
    return (r - total[0]) % N


def _accepted_edges() -> list[Case]:
    tests = []
    for name, r, s in (
        ("r = 1", 1, scalar()),
        ("s = 1", scalar(), 1),
        ("r = s = 1", 1, 1),
        ("r = n - 1", N - 1, scalar()),
        ("s = n - 1", scalar(), N - 1),
        ("r = s = n - 1", N - 1, N - 1),
        ("r = 2, s = n - 1, so r + s = 1", 2, N - 1),
        ("r + s = n - 1", scalar(), 0),
        ("r + s = n + 1", scalar(), 0),
        ("r = 2^128", 1 << 128, scalar()),
        ("s = 2^224", scalar(), 1 << 224),
    ):
        if not s:
            s = (N - 1 - r) % N if name.endswith("- 1") else (N + 1 - r) % N
        tests.append(_over(name, "valid", PUBLIC, _fitting(PUBLIC, r, s), r, s))
    for name, e in (("0", 0), ("1", 1), ("n - 1", N - 1), ("n", N), ("n + 1", N + 1)):
        tests.append(_over(f"e = {name}", "valid", PUBLIC, e, *sign(D, e, K)))
    tests.append(_over("e = 2^256 - 1", "valid", PUBLIC, TOP - 1, *sign(D, TOP - 1, K)))
    tests.append(
        _over("e of 9 leading zero bytes", "valid", PUBLIC, 1 << 180, *sign(D, 1 << 180, K))
    )
    tests += _wide_points() + _special_keys() + _meeting_points()
    return tests


def _wide_points() -> list[Case]:
    """The point's x is at least n, so that it must be reduced: chance never finds one."""
    tests = []
    for start, comment in ((N, "least x >= n on the curve"), (P - 200, "x just below p")):
        x = start
        while (point := lifted(x)) is None or x < N:
            x += 1
        s, t = scalar(), scalar()
        public = found(times(pow(t, -1, N), add(point, times(N - s, G))))
        r = (t - s) % N
        tests.append(_over(comment, "valid", public, (r - x) % N, r, s))
    return tests


def _special_keys() -> list[Case]:
    tests = []
    for name, d in (("1", 1), ("2", 2), ("n - 2", N - 2), ("2^128", 1 << 128)):
        public = found(times(d, G))
        e = int.from_bytes(digest(public, ID.encode(), MESSAGE), "big")
        tests.append(_over(f"private key {name}", "valid", public, e, *sign(d, e, K)))
    for name, start, step in (
        ("small x", 0, 1),
        ("x near p", P - 1, -1),
        ("x near 2^224", 1 << 224, 1),
    ):
        x = start
        while (point := lifted(x)) is None:
            x += step
        for public in (point, negative(point)):
            r, s = scalar(), scalar()
            parity = "even" if public[1] % 2 == 0 else "odd"
            e = _fitting(public, r, s)
            tests.append(_over(f"public key of {name}, {parity} y", "valid", public, e, r, s))
    public = found(times(N - 1, G))
    r, s = scalar(), scalar()
    tests.append(_over("public key -G", "valid", public, _fitting(public, r, s), r, s))
    return tests


def _meeting_points() -> list[Case]:
    """s·G and t·P meet: formulas for adding two points fail there if they are not complete."""
    s, t = scalar(), scalar()
    same = found(times(s * pow(t, -1, N) % N, G))
    r = (t - s) % N
    tests = [
        _over("s·G = t·P, so the sum is a doubling", "valid", same, _fitting(same, r, s), r, s)
    ]
    for multiple in (2, 3, N - 2, N - 3):
        d = multiple * s * pow(t, -1, N) % N
        public = found(times(d, G))
        name = f"t·P = {multiple if multiple < 9 else multiple - N}·s·G"
        tests.append(_over(name, "valid", public, _fitting(public, r, s), r, s))
    opposite = found(times(-s * pow(t, -1, N) % N, G))
    # Infinity has no x: a library that takes 0, or the x of a point before, accepts one of these.
    for name, x in (("0", 0), ("x of G", G[0]), ("x of s·G", found(times(s, G))[0])):
        e = (r - x) % N
        tests.append(
            _over(f"s·G + t·P is infinity, its x taken as {name}", "invalid", opposite, e, r, s)
        )
    return tests


def _refused_edges() -> list[Case]:
    tests = []
    r, s = scalar(), scalar()
    # Each passes the equation; only the check of its range stands against it.
    forged = {
        "r = 0": (0, s),
        "s = 0": (r, 0),
        "r = n": (N, s),
        "s = n": (r, N),
        "r + s = n": (r, N - r),
        "r + s = n with small r": (1, N - 1),
        "r + n in 256 bits": (1 + N, s),
        "s + n in 256 bits": (r, 1 + N),
        "r + n": (r + N, s),
        "s + n": (r, s + N),
        "r - n, so negative": (r - N, s),
        "s - n, so negative": (r, s - N),
        "s = -1": (r, -1),
        "r = -1": (-1, s),
        "r = s = n": (N, N),
        "r = 0, s = n": (0, N),
    }
    for name, (bad_r, bad_s) in forged.items():
        r_plain, s_plain = bad_r % N, bad_s % N
        total = add(times(s_plain, G), times((r_plain + s_plain) % N, PUBLIC))
        e = (r_plain - (total[0] if total else 0)) % N
        if total:
            assert verifies(PUBLIC, e, bad_r, bad_s)
        tests.append(_over(f"{name}, and the equation holds", "invalid", PUBLIC, e, bad_r, bad_s))
    return tests
