"""The ``openssl`` command in the line protocol, as somebody at a terminal would use it."""

# ruff: noqa: D103 - each verb is described in ../README.md

import subprocess
import tempfile
from pathlib import Path

from _lines import Refused, serve

# SEQUENCE { 1, OCTET STRING of 32 bytes, [0] SM2 curve } (RFC 5915) without the point, and a
# SubjectPublicKeyInfo before its point (RFC 5480).
_SEC1 = (bytes.fromhex("30310201010420"), bytes.fromhex("a00a06082a811ccf5501822d"))
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")


def _run(*words: str, given: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, check=False)
    if done.returncode:
        raise Refused(done.stderr.decode(errors="replace").strip().splitlines()[:1])
    return done.stdout


class _Files:
    """Files by name in a folder that goes away."""

    def __enter__(self) -> "_Files":
        self._folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def put(self, name: str, content: bytes) -> str:
        path = Path(self._folder.name) / name
        path.write_bytes(content)
        return str(path)

    def private(self, scalar: bytes) -> str:
        der = _SEC1[0] + scalar + _SEC1[1]
        # Written again by the command itself, with the point, as keys come.
        return self.put("key", _run("pkey", "-inform", "DER", given=der))

    def public(self, point: bytes) -> str:
        return self.put("public", _run("pkey", "-pubin", "-inform", "DER", given=_SPKI + point))


def _id(name: bytes) -> str:
    return f"hexdistid:{name.hex()}"


def sign(private: bytes, name: bytes, message: bytes) -> bytes:
    with _Files() as files:
        key, text = files.private(private), files.put("message", message)
        return _run("dgst", "-sm3", "-sign", key, "-sigopt", _id(name), text)


def verify(point: bytes, name: bytes, message: bytes, signature: bytes) -> None:
    with _Files() as files:
        words = ["dgst", "-sm3", "-verify", files.public(point), "-sigopt", _id(name)]
        words += ["-signature", files.put("signature", signature)]
        _run(*words, files.put("message", message))


def encrypt(point: bytes, plaintext: bytes) -> bytes:
    with _Files() as files:
        words = ("-inkey", files.public(point), "-in", files.put("text", plaintext))
        return _run("pkeyutl", "-encrypt", "-pubin", *words)


def decrypt(private: bytes, ciphertext: bytes) -> bytes:
    with _Files() as files:
        words = ("-inkey", files.private(private), "-in", files.put("sealed", ciphertext))
        return _run("pkeyutl", "-decrypt", *words)


def sm3(data: bytes) -> bytes:
    return _run("dgst", "-sm3", "-binary", given=data)


def hmac(key: bytes, data: bytes) -> bytes:
    words = ("-macopt", "digest:SM3", "-macopt", f"hexkey:{key.hex()}", "-binary", "-in", "-")
    return _run("mac", *words, "HMAC", given=data)


def _sm4(mode: str, *more: str) -> object:
    def run(key: bytes, iv: bytes, data: bytes) -> bytes:
        words = (f"-sm4-{mode}", "-K", key.hex(), "-iv", iv.hex(), *more)
        return _run("enc", *words, given=data)

    return run


if __name__ == "__main__":
    serve(
        _run("version").decode().strip() + " (command)",
        {
            "sign": sign,
            "verify": verify,
            "encrypt": encrypt,
            "decrypt": decrypt,
            "sm3": sm3,
            "hmac": hmac,
            "sm4_cbc_encrypt": _sm4("cbc"),
            "sm4_cbc_decrypt": _sm4("cbc", "-d"),
            "sm4_ctr": _sm4("ctr"),
        },
    )
