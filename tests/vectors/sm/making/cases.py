"""What all cases share: the key and nonce of the standard's examples, and how a case looks."""

import random
from collections.abc import Iterable
from typing import Any

from making.by_hand import G, N, P, found, integer, lifted, times
from making.malformed import INTEGER, sequence

SEED = 20261125
ID = "1234567812345678"
MESSAGE = b"message digest"
PLAINTEXT = b"encryption standard"
# GB/T 32918.5-2017, A.2 and C.2: key and nonce of both examples.
D = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
PUBLIC = found(times(D, G))
# Its x + p still fits in 256 bits, so only the check of the range tells the two apart.
SMALL = next(point for x in range(1, 100) if (point := lifted(x)))
TOP = 2**256

Case = dict[str, Any]
draw = random.Random(SEED)


def scalar() -> int:
    return draw.randrange(1, N - 1)


def signature(r: int, s: int) -> bytes:
    return sequence([(INTEGER, integer(r)), (INTEGER, integer(s))])


def group(kind: str, tests: Iterable[Case], **about: Any) -> Case:
    return {"type": kind, **about, "tests": list(tests)}


def case(comment: str, result: str, **fields: Any) -> Case:
    shown = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()
    }
    return {"comment": comment, "result": result, **shown}


def strays() -> dict[str, tuple[int, int]]:
    """Points off the curve on which the key can be used all the same, and gives itself away."""
    twisted = next(x for x in range(2, 100) if lifted(x) is None)
    return {
        "y changed": (G[0], G[1] ^ 1),
        "x changed": (G[0] ^ 1, G[1]),
        "x on the twist, y = 1": (twisted, 1),
        "x on the twist, large y": (twisted, P - 12345),
        "of order 2 on its curve": (7, 0),
        "of order 3 on its curve": _order_three(),
        "x = 0, y = 1": (0, 1),
        "random": (scalar(), scalar()),
    }


def _order_three() -> tuple[int, int]:
    """3·Q is infinity where the tangent's slope squared is 3x: (3x² + a)² = 12·x·y²."""
    for x in range(1, 1000):
        square = pow(3 * x * x - 3, 2, P) * pow(12 * x, -1, P) % P
        y = pow(square, (P + 1) // 4, P)
        if y and y * y % P == square and times(3, (x, y)) is None:
            return x, y
    raise AssertionError
