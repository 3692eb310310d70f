"""The recommended curve of GB/T 32918.5-2017: y² = x³ + ax + b over F_p, base point G, order n."""

from typing import Final

__all__ = ["CURVE_BYTES", "A", "B", "G", "N", "P", "fits_scalar", "folded", "on_curve", "split"]

P: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A: Final = P - 3
B: Final = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
N: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
G: Final = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)
CURVE_BYTES: Final = b"".join(value.to_bytes(32, "big") for value in (A, B, *G))
"""a ‖ b ‖ G, as Z takes them in (GB/T 32918.2-2016, 5.5)."""


def split(point: bytes) -> tuple[int, int] | None:
    """Return x and y of 04 ‖ x ‖ y; None when the form is another or the point off the curve."""
    if len(point) != 65 or point[0] != 4:
        return None
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    return (x, y) if on_curve(x, y) else None


def on_curve(x: int, y: int) -> bool:
    """Tell whether both are reduced and on the curve; the cofactor is 1, so that is membership."""
    return x < P and y < P and (y * y - x * x * x - A * x - B) % P == 0


def fits_scalar(scalar: bytes | bytearray) -> bool:
    """Tell whether the 32 bytes are in [1, n-2]: signing divides by 1 + d (GB/T 32918.1, 6.1)."""
    return len(scalar) == 32 and any(scalar) and scalar < (N - 1).to_bytes(32, "big")


def folded(point: bytes) -> int:
    """Return x̄ = 2^127 + (x mod 2^127) of an encoded point (GB/T 32918.3-2016, 6.1, A4)."""
    return 1 << 127 | int.from_bytes(point[17:33], "big") & (1 << 127) - 1
