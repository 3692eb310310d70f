"""Enrolment: a sensor makes its key, proves that it holds it, and learns who it is.

The answer is kept in ``identity.json`` beside ``keys/sensor.pem``. Enrolling anew (a lost chain)
sets the old spool aside under its enrolment number: what was not shipped stays readable there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from crypto import keys, sm2, sm3
from crypto.errors import CryptoError
from schema.disk import replace_file
from schema.errors import FengsuiError
from sensors.transport import JSON, HttpsTransport, Transport, problem

DOMAIN: Final = "fengsui/enrolment/1"
IDENTITY_FILE: Final = "identity.json"
KEY_FILE: Final = "keys/sensor.pem"
SPOOL_FOLDER: Final = "segments"
ASIDE_FOLDER: Final = "set-aside"


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """Who the platform knows this sensor as; its first batch is ``last_batch + 1``."""

    sensor: str
    enrolment: int
    realm: str
    receipt_public_key: str
    """Uncompressed point, hex: receipts are verified with it and with nothing else."""
    last_batch: int

    @property
    def receipt_key(self) -> sm2.PublicKey:
        """The platform's receipt key."""
        return sm2.PublicKey.from_point(bytes.fromhex(self.receipt_public_key))


class _Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What the new key signs, as canonical JSON."""

    token_sm3: str
    name: str
    unit: str
    public_key: str


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    name: str
    unit: str
    public_key: str
    proof: str


def enrol(
    url: str, token: str, name: str, *, unit: str, folder: Path, ca: Path | None
) -> Enrolment:
    """Enrol this machine's sensor at the platform and keep the answer in ``folder``.

    Raises ``sensors.enrol.refused`` with the platform's reason, ``sensors.enrol.unreachable``,
    ``sensors.enrol.answer``, and what the key file and the transport raise.
    """
    transport = HttpsTransport(url, ca)
    try:
        return enrol_over(transport, token, name, unit=unit, folder=folder)
    finally:
        transport.close()


def enrol_over(
    transport: Transport, token: str, name: str, *, unit: str, folder: Path
) -> Enrolment:
    """As :func:`enrol`, over a given transport."""
    key_path = folder / KEY_FILE
    key_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = keys.load_or_create(key_path)
    try:
        answer = transport.post("v1/enrolments", _request(key, token, name, unit), media_type=JSON)
    except OSError as error:
        raise FengsuiError(
            "sensors.enrol.unreachable",
            f"the platform did not answer ({error}): check address, certificate and network, then "
            "ask for a new token if this one is refused",
        ) from error
    if not answer.ok:
        found = problem(answer)
        raise FengsuiError(
            "sensors.enrol.refused",
            f"the platform refused the enrolment of {name}: {found.detail} [{found.code}]",
            reason=found.code,
            status=answer.status,
        )
    enrolment = _checked(answer.body, name)
    _set_aside(folder, enrolment)
    replace_file(folder / IDENTITY_FILE, msgspec.json.encode(enrolment))
    return enrolment


def load(folder: Path) -> Enrolment:
    """The enrolment kept in a folder; raises ``sensors.identity.absent`` or ``.unreadable``."""
    path = folder / IDENTITY_FILE
    try:
        return _decoded(path.read_bytes())
    except FileNotFoundError as error:
        raise FengsuiError(
            "sensors.identity.absent",
            f"{folder} holds no enrolled sensor: run `fengsui sensor enrol` first",
            path=str(path),
        ) from error
    except (OSError, ValueError) as error:
        raise FengsuiError(
            "sensors.identity.unreadable",
            f"{path} is unreadable ({error}): restore it, or enrol the sensor anew",
            path=str(path),
        ) from error


def _request(key: sm2.PrivateKey, token: str, name: str, unit: str) -> bytes:
    public_key = key.public.point.hex()
    proof = _Proof(
        token_sm3=sm3.digest(token.encode()).hex(), name=name, unit=unit, public_key=public_key
    )
    signature = key.sign(msgspec.json.encode(proof, order="sorted"), domain=DOMAIN)
    return msgspec.json.encode(
        _Request(token=token, name=name, unit=unit, public_key=public_key, proof=signature.hex())
    )


def _checked(body: bytes, name: str) -> Enrolment:
    try:
        enrolment = _decoded(body)
        if enrolment.sensor != name:
            raise ValueError(f"it is for {enrolment.sensor!r}")
    except ValueError as error:
        raise FengsuiError(
            "sensors.enrol.answer",
            f"the platform's answer to the enrolment of {name} makes no sense: {error}",
        ) from error
    return enrolment


def _decoded(raw: bytes) -> Enrolment:
    """The enrolment; raises ``ValueError`` when it is none or its key is no point."""
    try:
        enrolment = msgspec.json.decode(raw, type=Enrolment)
        _ = enrolment.receipt_key
    except (msgspec.DecodeError, CryptoError) as error:
        raise ValueError(str(error)) from error
    return enrolment


def _set_aside(folder: Path, fresh: Enrolment) -> None:
    """Move an earlier enrolment's spool out of the new chain's way; nothing is deleted."""
    if not (folder / IDENTITY_FILE).exists():
        return
    before = load(folder)
    spool = folder / SPOOL_FOLDER / before.sensor
    if before.enrolment == fresh.enrolment or not spool.is_dir():
        return
    aside = folder / ASIDE_FOLDER / f"{before.sensor}-{before.enrolment}"
    aside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    spool.rename(aside)
