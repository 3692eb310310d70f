"""The error codes of GM/T 0018-2012, annex A, as errors of this package.

``crypto.sdf.<name>``: the standard's name without ``SDR_``, in lower case, such as
``crypto.sdf.keynotexist``; ``crypto.sdf.vendor`` for a code of the vendor's own; and of the adapter
``crypto.sdf.library`` (cannot be loaded), ``.missing`` (has no such function), ``.malformed``
(answered what cannot be), ``.size`` (input outside the limits) and ``.closed`` (the session).
"""

from typing import Final

from crypto.errors import CryptoError

__all__ = ["BASE", "NAMES", "OK", "refused"]

OK: Final = 0
BASE: Final = 0x0100_0000

# In the order of the standard, from BASE + 1 on.
NAMES: Final = (
    "SDR_UNKNOWERR",
    "SDR_NOTSUPPORT",
    "SDR_COMMFAIL",
    "SDR_HARDFAIL",
    "SDR_OPENDEVICE",
    "SDR_OPENSESSION",
    "SDR_PARDENY",
    "SDR_KEYNOTEXIST",
    "SDR_ALGNOTSUPPORT",
    "SDR_ALGMODNOTSUPPORT",
    "SDR_PKOPERR",
    "SDR_SKOPERR",
    "SDR_SIGNERR",
    "SDR_VERIFYERR",
    "SDR_SYMOPERR",
    "SDR_STEPERR",
    "SDR_FILESIZEERR",
    "SDR_FILENOEXIST",
    "SDR_FILEOFSERR",
    "SDR_KEYTYPEERR",
    "SDR_KEYERR",
    "SDR_ENCDATAERR",
    "SDR_RANDERR",
    "SDR_PRKRERR",
    "SDR_MACERR",
    "SDR_FILEEXISTS",
    "SDR_FILEWERR",
    "SDR_NOBUFFER",
    "SDR_INARGERR",
    "SDR_OUTARGERR",
)

_WORDS: Final = {
    "SDR_COMMFAIL": "the device cannot be reached",
    "SDR_HARDFAIL": "the device is broken",
    "SDR_OPENDEVICE": "the device cannot be opened: is it there, and its service running?",
    "SDR_OPENSESSION": "no session can be opened: are too many open?",
    "SDR_PARDENY": "the right to the private key was not obtained: give its password",
    "SDR_KEYNOTEXIST": "the device has no key at this index",
    "SDR_PRKRERR": "the password of the private key is wrong",
    "SDR_NOTSUPPORT": "the device does not offer this",
}


def refused(function: str, status: int) -> CryptoError:
    """Return the error of a function that did not answer 0."""
    at = (status & 0xFFFF_FFFF) - BASE - 1
    name = NAMES[at] if 0 <= at < len(NAMES) else ""
    code = f"crypto.sdf.{name.removeprefix('SDR_').lower()}" if name else "crypto.sdf.vendor"
    words = _WORDS.get(name, "see the vendor's manual")
    shown = name or "a code of the vendor's own"
    return CryptoError(
        code,
        f"{function} answered 0x{status & 0xFFFF_FFFF:08x} ({shown}): {words}.",
        {"function": function, "status": status & 0xFFFF_FFFF, "name": name},
    )
