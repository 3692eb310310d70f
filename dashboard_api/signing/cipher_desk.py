"""Encrypting and decrypting: SM2 for short secrets, SM4-GCM under a key of use seal for the rest.

What was changed on its way is never given out, and one answer covers every reason why not.
"""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec import UNSET, UnsetType

from crypto.errors import CryptoError
from crypto.sm2 import Form
from crypto.x509.extension import KeyUsage
from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.answers import Ciphertext, Plaintext
from dashboard_api.signing.encodings import binary, read, write, write_text
from dashboard_api.signing.items import CipherForm, DecryptItem, EncryptItem, Item
from dashboard_api.signing.outcomes import Made
from dashboard_api.signing.parties import foreign, key_named
from dashboard_api.signing.ports import Decrypter, Keys
from dashboard_api.signing.problems import malformed
from dashboard_api.signing.scopes import key_of
from dashboard_api.signing.trust import Roots
from dashboard_api.signing.work import Work, versions

SEALED: Final = "fengsui-seal/1"
_SEAL: Final = "seal"
_SM2_FORMS: Final = "der, c1c3c2, c1c2c3"
_INVALID: Final = "crypto.ciphertext.invalid"
_VERSION_SIZE: Final = 4
"""In front of a sealed text."""
_UNCOMPRESSED: Final = b"\x04"


class Encrypting(Work[EncryptItem]):
    """Encrypts."""

    item: ClassVar[type[Item]] = EncryptItem

    def __init__(self, keys: Keys, roots: Roots) -> None:
        self._keys = keys
        self._roots = roots

    def one(self, application: Application, item: EncryptItem) -> Made:
        name = key_named(item)
        if name is None:
            form = _sm2_form(item.form, item.aad)
            public = foreign(application, Operation.ENCRYPT, item, self._roots, KeyUsage.ENCRYPTION)
            plaintext = read(item.plaintext, item.encoding, "plaintext")
            text = write(public.encrypt(plaintext, form=Form(form)), item.output)
            return Made(
                answer=Ciphertext(ciphertext=text, form=form, algorithm="SM2"),
                payload=plaintext,
                algorithm="SM2",
                mode=form,
            )
        key_id = key_of(application, Operation.ENCRYPT, name)
        if self._keys.use(key_id) == _SEAL:
            return self._seal(key_id, item)
        form = _sm2_form(item.form, item.aad)
        held = self._keys.encrypter(key_id)
        plaintext = read(item.plaintext, item.encoding, "plaintext")
        return Made(
            answer=Ciphertext(
                ciphertext=write(held.key.encrypt(plaintext, form=Form(form)), item.output),
                form=form,
                algorithm="SM2",
                key=held.id,
                version=held.version,
            ),
            payload=plaintext,
            algorithm="SM2",
            mode=form,
            key=held.id,
            version=held.version,
            place=held.place,
        )

    def _seal(self, key_id: str, item: EncryptItem) -> Made:
        aad = _aad(item)
        held = self._keys.sealer(key_id)
        plaintext = read(item.plaintext, item.encoding, "plaintext")
        sealed = held.key.seal(plaintext, aad)
        version = int.from_bytes(sealed[:_VERSION_SIZE], "big")
        return Made(
            answer=Ciphertext(
                ciphertext=write(sealed, item.output),
                form=SEALED,
                algorithm="SM4-GCM",
                key=held.id,
                version=version,
            ),
            payload=plaintext,
            algorithm="SM4-GCM",
            mode=SEALED,
            key=held.id,
            version=version,
            place=held.place,
        )


class Decrypting(Work[DecryptItem]):
    """Decrypts."""

    item: ClassVar[type[Item]] = DecryptItem

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def one(self, application: Application, item: DecryptItem) -> Made:
        key_id = key_of(application, Operation.DECRYPT, item.key)
        if self._keys.use(key_id) == _SEAL:
            return self._open(key_id, item)
        form = _sm2_form(item.form, item.aad)
        wanted = None if item.version is UNSET else item.version
        held = versions(key_id, self._keys.decrypters(key_id), wanted)
        ciphertext = read(item.ciphertext, binary(item.output), "ciphertext", "output")
        for one in held:
            plaintext = _decrypted(one.key, ciphertext, form)
            if plaintext is not None:
                return _opened(
                    item, plaintext, ciphertext, one.id, one.version, one.place, "SM2", form
                )
        raise _invalid(key_id)

    def _open(self, key_id: str, item: DecryptItem) -> Made:
        aad = _aad(item)
        held = self._keys.sealer(key_id)
        ciphertext = read(item.ciphertext, binary(item.output), "ciphertext", "output")
        version = int.from_bytes(ciphertext[:_VERSION_SIZE], "big")
        if item.version not in (UNSET, version):
            raise _invalid(key_id)
        plaintext = held.key.open(ciphertext, aad)
        return _opened(item, plaintext, ciphertext, held.id, version, held.place, "SM4-GCM", SEALED)


def _opened(
    item: DecryptItem,
    plaintext: bytes,
    ciphertext: bytes,
    key: str,
    version: int,
    place: str,
    algorithm: str,
    mode: str,
) -> Made:
    return Made(
        answer=Plaintext(plaintext=write_text(plaintext, item.output), key=key, version=version),
        # The ciphertext: what came in can be matched with it, and no plaintext is guessed from it.
        payload=ciphertext,
        algorithm=algorithm,
        mode=mode,
        key=key,
        version=version,
        place=place,
    )


def _decrypted(key: Decrypter, ciphertext: bytes, form: CipherForm) -> bytes | None:
    """The plaintext, or None when it was not made for this key."""
    readings = [ciphertext]
    if form != "der":
        # Many writers leave the 04 in front of the point out; C3 tells which it is.
        readings.append(_UNCOMPRESSED + ciphertext)
    for reading in readings:
        try:
            return key.decrypt(reading, form=Form(form))
        except CryptoError as error:
            if error.code != _INVALID:
                raise
    return None


def _sm2_form(form: CipherForm | UnsetType, aad: str | UnsetType) -> CipherForm:
    if aad is not UNSET:
        raise malformed("aad", "aad")
    if form == SEALED:
        raise malformed("form", "form", expected=_SM2_FORMS)
    return "der" if form is UNSET else form


def _aad(item: EncryptItem | DecryptItem) -> bytes:
    if item.form not in (UNSET, SEALED):
        raise malformed("form", "form", expected=SEALED)
    return b"" if item.aad is UNSET else read(item.aad, item.encoding, "aad")


def _invalid(key_id: str) -> CryptoError:
    return CryptoError(
        _INVALID, f"The ciphertext was not made for key {key_id}, or was changed.", {"id": key_id}
    )
