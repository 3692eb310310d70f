import pytest

from crypto.sdf import codes


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0x01000001, "crypto.sdf.unknowerr"),
        (0x01000008, "crypto.sdf.keynotexist"),
        (0x0100000D, "crypto.sdf.signerr"),
        (0x0100000E, "crypto.sdf.verifyerr"),
        (0x01000018, "crypto.sdf.prkrerr"),
        (0x0100001E, "crypto.sdf.outargerr"),
        (0x01000000, "crypto.sdf.vendor"),
        (0x0100001F, "crypto.sdf.vendor"),
        (0x01010001, "crypto.sdf.vendor"),
        (1, "crypto.sdf.vendor"),
        (-1, "crypto.sdf.vendor"),
    ],
)
def test_a_status_has_the_standards_name(status, code):
    error = codes.refused("SDF_OpenDevice", status)
    assert error.code == code
    assert f"0x{status & 0xFFFFFFFF:08x}" in str(error)
