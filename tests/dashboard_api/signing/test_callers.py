"""Callers: who is believed, with what, and the code each other request is refused with."""

from __future__ import annotations

import base64
import errno
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm3
from crypto.sm2 import DEFAULT_ID, PrivateKey, signature_to_raw
from dashboard_api.applications.model import Application, Credential, Operation
from dashboard_api.signing.authorization import (
    DOMAIN,
    SKEW_SECONDS_MAX,
    signed_text,
    token_hash,
)
from dashboard_api.signing.call import Call
from dashboard_api.signing.callers import KnownCallers
from dashboard_api.signing.nonce_file import PosixFiles
from dashboard_api.signing.nonces import KEPT, SECOND, Nonces
from dashboard_api.signing.ports import Caller
from dashboard_api.statuses import status_of
from schema.errors import FengsuiError

START = 1_795_651_200 * SECOND
KEY = PrivateKey.from_scalar(sm3.digest(b"key"))
OTHER = PrivateKey.from_scalar(sm3.digest(b"other"))
TOKEN = "fsk1.payments." + "t" * 43
OLD_TOKEN = "fsk1.payments." + "o" * 43
BODY = b'{"key":"receipt","message":"aGVsbG8="}'
TARGET = "/v1/crypto/keys?unit=a&state=b"


class Clocks:
    def __init__(self) -> None:
        self.wall = START
        self.counted = 0

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> int:
        return self.counted

    def pass_seconds(self, seconds: int) -> None:
        self.wall += seconds * SECOND
        self.counted += seconds * SECOND


class Book:
    """A directory with pages that a test writes."""

    def __init__(self, *applications: Application) -> None:
        self.applications = {one.id: one for one in applications}

    def refresh(self) -> None:
        pass

    def application(self, application_id: str) -> Application | None:
        return self.applications.get(application_id)


def of_token(token: str, expires_at: int | None = None) -> Credential:
    digest = token_hash(token)
    return Credential(id=digest.hex()[:16], token_hash=digest, expires_at=expires_at)


def of_key(key: PrivateKey, expires_at: int | None = None) -> Credential:
    return Credential(id=key.public.key_id, public=key.public.point, expires_at=expires_at)


def application(name: str, *credentials: Credential, disabled: bool = False) -> Application:
    return Application(
        id=name, name=name, unit="u", credentials=credentials, grants={}, disabled=disabled
    )


class FullDisk(PosixFiles):
    full = False

    def sync(self, path: Path) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "disk full")
        super().sync(path)


@dataclass
class Desk:
    """A signing process as far as callers see it."""

    clocks: Clocks
    book: Book
    files: FullDisk
    folder: Path

    def __post_init__(self) -> None:
        self.numbers = count()
        self.open()

    def open(self) -> None:
        self.files.release()
        self.nonces = Nonces(self.folder, self.clocks, self.clocks.monotonic, files=self.files)
        self.callers = KnownCallers(self.book, self.nonces, self.clocks)

    def signed(
        self,
        *,
        key: PrivateKey = KEY,
        name: str = "payments",
        off: int = 0,
        nonce: str = "",
        domain: str = DOMAIN,
        body: bytes = BODY,
    ) -> Call:
        timestamp = self.clocks.wall // SECOND + off
        nonce = nonce or f"nonce-number-{next(self.numbers):04}"
        credential = f"{name}.{key.public.key_id}"
        text = signed_text(
            "POST", TARGET, timestamp=timestamp, nonce=nonce, credential=credential, body=body
        )
        raw = signature_to_raw(key.sign(text, domain=domain))
        return shown(
            f"Fengsui-SM2 credential={credential},timestamp={timestamp},nonce={nonce},"
            f"signature={base64.b64encode(raw).decode()}",
            body=body,
        )

    def refusal(self, call: Call) -> str:
        """The reason of the refusal; empty when believed."""
        try:
            self.callers.identify(call)
        except FengsuiError as error:
            return error.code.removeprefix("dashboard_api.")
        return ""


def shown(authorization: str, *, body: bytes = BODY) -> Call:
    return Call(1, Operation.SIGN, "POST", TARGET, authorization, "zh", body)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    book = Book(
        application(
            "payments",
            of_token(OLD_TOKEN, START + 60 * SECOND),
            of_token(TOKEN),
            of_key(OTHER, START + 60 * SECOND),
            of_key(KEY),
        ),
        application("closed", of_token("fsk1.closed." + "c" * 43), of_key(KEY), disabled=True),
    )
    made = Desk(Clocks(), book, FullDisk(), tmp_path / "nonces")
    yield made
    made.nonces.close()


# Bearer tokens.


def test_the_holder_of_a_token_is_believed_and_named(desk: Desk) -> None:
    caller = desk.callers.identify(shown(f"Bearer {TOKEN}"))
    assert caller == Caller(
        application=desk.book.applications["payments"],
        credential=token_hash(TOKEN).hex()[:16],
    )
    assert len(desk.nonces) == 0


@pytest.mark.parametrize(
    "token",
    [
        TOKEN[:-1] + "T",
        TOKEN.replace("payments", "closed"),
        TOKEN.replace("payments", "nobody"),
    ],
)
def test_another_token_is_unknown_whoever_it_names(desk: Desk, token: str) -> None:
    assert desk.refusal(shown(f"Bearer {token}")) == "credential.unknown"


def test_a_token_is_refused_from_the_moment_it_expires(desk: Desk) -> None:
    desk.clocks.wall += 60 * SECOND - 1
    assert desk.refusal(shown(f"Bearer {OLD_TOKEN}")) == ""
    desk.clocks.wall += 1
    assert desk.refusal(shown(f"Bearer {OLD_TOKEN}")) == "credential.expired"
    assert desk.refusal(shown(f"Bearer {TOKEN}")) == ""


def test_a_disabled_application_is_told_so_only_when_it_proves_itself(desk: Desk) -> None:
    assert desk.refusal(shown("Bearer fsk1.closed." + "c" * 43)) == "application.disabled"
    assert desk.refusal(desk.signed(name="closed")) == "application.disabled"
    assert desk.refusal(desk.signed(name="closed", domain="x")) == "credential.signature_invalid"
    assert len(desk.nonces) == 0


def test_a_request_without_a_credential_is_told_to_bring_one(desk: Desk) -> None:
    assert desk.refusal(shown("")) == "credential.missing"
    assert desk.refusal(shown("Bearer")) == "credential.malformed"


# Signed requests.


def test_the_signer_of_a_request_is_believed_and_named(desk: Desk) -> None:
    caller = desk.callers.identify(desk.signed())
    assert (caller.application.id, caller.credential) == ("payments", KEY.public.key_id)


def test_a_replayed_request_is_refused_now_and_after_a_restart(desk: Desk) -> None:
    call = desk.signed()
    assert desk.refusal(call) == ""
    assert desk.refusal(call) == "nonce.replayed"
    desk.callers.commit()
    desk.open()
    assert desk.refusal(call) == "nonce.replayed"
    assert desk.refusal(desk.signed(nonce="nonce-number-0000")) == "nonce.replayed"


def test_a_replayed_request_is_refused_at_every_time_after(desk: Desk) -> None:
    call = desk.signed(off=SKEW_SECONDS_MAX)
    assert desk.refusal(call) == ""
    for _ in range(2 * KEPT // SECOND // 30):
        desk.callers.commit()
        desk.clocks.pass_seconds(30)
        assert desk.refusal(desk.signed()) == ""
        assert desk.refusal(call) in ("nonce.replayed", "timestamp.skewed")
    # And once it is forgotten, no clock brings it back.
    for _ in range(100):
        desk.clocks.wall -= 30 * SECOND
        assert desk.refusal(call) in ("nonce.replayed", "timestamp.forgotten", "timestamp.skewed")


@pytest.mark.parametrize("off", [-SKEW_SECONDS_MAX, SKEW_SECONDS_MAX])
def test_a_clock_five_minutes_off_is_the_limit(desk: Desk, off: int) -> None:
    assert desk.refusal(desk.signed(off=off)) == ""
    beyond = desk.signed(off=off + (1 if off > 0 else -1))
    with pytest.raises(FengsuiError) as caught:
        desk.callers.identify(beyond)
    assert caught.value.code == "dashboard_api.timestamp.skewed"
    assert caught.value.params == {
        "now": START // SECOND,
        "skew_seconds": off + (1 if off > 0 else -1),
        "limit": SKEW_SECONDS_MAX,
    }


def test_a_fraction_of_a_second_counts_towards_the_limit(desk: Desk) -> None:
    desk.clocks.wall += 1
    assert desk.refusal(desk.signed(off=-SKEW_SECONDS_MAX)) == "timestamp.skewed"
    assert desk.refusal(desk.signed(off=SKEW_SECONDS_MAX)) == ""


def changed_header(call: Call, part: str, value: str) -> Call:
    scheme, _, rest = call.authorization.partition(" ")
    parts = dict(one.split("=", 1) for one in rest.split(","))
    parts[part] = value
    return msgspec.structs.replace(
        call,
        authorization=f"{scheme} " + ",".join(f"{name}={one}" for name, one in parts.items()),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"method": "post"},
        {"target": "/v1/crypto/keys?state=b&unit=a"},
        {"target": "/v1/crypto/keys?unit=%61&state=b"},
        {"target": "/v1/crypto/keys"},
        {"target": "/site/v1/crypto/keys?unit=a&state=b"},
        {"body": BODY + b" "},
        {"body": BODY[:-1]},
        {"body": b""},
    ],
    ids=str,
)
def test_a_request_changed_on_its_way_is_refused(desk: Desk, change: dict) -> None:
    call = msgspec.structs.replace(desk.signed(), **change)
    assert desk.refusal(call) == "credential.signature_invalid"
    assert len(desk.nonces) == 0


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("timestamp", str(START // SECOND + 1), "credential.signature_invalid"),
        ("nonce", "another-nonce-0001", "credential.signature_invalid"),
        ("credential", f"payments.{OTHER.public.key_id}", "credential.signature_invalid"),
        ("credential", f"closed.{KEY.public.key_id}", "credential.signature_invalid"),
        ("credential", "payments.0123456789abcdef", "credential.unknown"),
        ("credential", f"payments.{token_hash(TOKEN).hex()[:16]}", "credential.unknown"),
        ("credential", f"nobody.{KEY.public.key_id}", "credential.unknown"),
        ("signature", base64.b64encode(bytes(64)).decode(), "credential.signature_invalid"),
        ("signature", base64.b64encode(b"\xff" * 64).decode(), "credential.signature_invalid"),
        ("signature", base64.b64encode(bytes(63)).decode(), "credential.malformed"),
    ],
)
def test_a_header_changed_on_its_way_is_refused(
    desk: Desk, part: str, value: str, reason: str
) -> None:
    assert desk.refusal(changed_header(desk.signed(), part, value)) == reason
    assert len(desk.nonces) == 0


@pytest.mark.parametrize("cut", range(1, 80, 3))
def test_a_truncated_header_is_refused(desk: Desk, cut: int) -> None:
    call = desk.signed()
    short = msgspec.structs.replace(call, authorization=call.authorization[:-cut])
    assert desk.refusal(short) == "credential.malformed"


@pytest.mark.parametrize("domain", [DEFAULT_ID, "fengsui/batch/1", "fengsui/credential/1"])
def test_a_signature_made_for_another_use_is_refused(desk: Desk, domain: str) -> None:
    assert desk.refusal(desk.signed(domain=domain)) == "credential.signature_invalid"


def test_a_target_no_request_line_can_hold_is_refused(desk: Desk) -> None:
    call = msgspec.structs.replace(desk.signed(), target=TARGET + "\n1")
    assert desk.refusal(call) == "target.malformed"


def test_a_key_is_refused_from_the_moment_it_expires(desk: Desk) -> None:
    assert desk.refusal(desk.signed(key=OTHER)) == ""
    desk.clocks.wall += 60 * SECOND
    assert desk.refusal(desk.signed(key=OTHER)) == "credential.expired"


def test_a_credential_taken_back_is_unknown_from_the_next_call_on(desk: Desk) -> None:
    assert desk.refusal(desk.signed()) == ""
    desk.book.applications["payments"] = application("payments", of_token(TOKEN))
    assert desk.refusal(desk.signed()) == "credential.unknown"


def test_a_point_off_the_curve_believes_nobody(desk: Desk) -> None:
    broken = replace(of_key(KEY), public=b"\4" + bytes(64))
    desk.book.applications["payments"] = application("payments", broken)
    assert desk.refusal(desk.signed()) == "credential.signature_invalid"


def test_one_key_of_two_applications_has_nonces_for_each(desk: Desk) -> None:
    desk.book.applications["twin"] = application("twin", of_key(KEY))
    assert desk.refusal(desk.signed(nonce="n" * 16)) == ""
    assert desk.refusal(desk.signed(nonce="n" * 16, name="twin")) == ""
    assert desk.refusal(desk.signed(nonce="n" * 16, name="twin")) == "nonce.replayed"


def test_nobody_unknown_fills_the_memory_of_nonces(desk: Desk) -> None:
    desk.refusal(desk.signed(off=1000))
    desk.refusal(desk.signed(domain="x"))
    desk.refusal(desk.signed(name="nobody"))
    desk.refusal(desk.signed(name="closed"))
    assert len(desk.nonces) == 0


def test_on_a_full_disk_nobody_is_believed_until_it_is_opened_anew(desk: Desk) -> None:
    call = desk.signed()
    assert desk.refusal(call) == ""
    desk.files.full = True
    with pytest.raises(OSError, match="disk full"):
        desk.callers.commit()
    desk.files.full = False
    assert desk.refusal(desk.signed()) == "signing.stopped"
    assert desk.refusal(shown(f"Bearer {TOKEN}")) == "signing.stopped"
    desk.open()
    assert desk.refusal(shown(f"Bearer {TOKEN}")) == ""
    assert desk.refusal(desk.signed()) == ""


@settings(deadline=None)
@given(st.text() | st.builds("Bearer {}".format, st.text()))
def test_no_header_makes_it_fail_otherwise_than_by_a_code(text: str) -> None:
    clocks = Clocks()
    callers = KnownCallers(Book(), NoNonces(), clocks)  # type: ignore[arg-type]
    with pytest.raises(FengsuiError) as caught:
        callers.identify(shown(text))
    assert status_of(caught.value.code) == 401


class NoNonces:
    """A memory that is sound and never reached."""

    def require_sound(self) -> None:
        pass


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("credential.missing", 401),
        ("credential.malformed", 401),
        ("credential.unknown", 401),
        ("credential.expired", 401),
        ("credential.signature_invalid", 401),
        ("timestamp.skewed", 401),
        ("timestamp.forgotten", 401),
        ("nonce.replayed", 401),
        ("application.disabled", 403),
        ("target.malformed", 400),
        ("quota.exceeded", 429),
        ("opens.limited", 429),
        ("signing.busy", 503),
        ("signing.stopped", 503),
    ],
)
def test_each_refusal_has_its_status(code: str, status: int) -> None:
    assert status_of(f"dashboard_api.{code}") == status
