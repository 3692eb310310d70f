"""Every engine refuses what ``sm2_negative.json`` refuses, and accepts the odd cases it accepts."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crypto import _der, sm2
from crypto.errors import CryptoError
from crypto.sm2 import Form, PrivateKey, PublicKey
from crypto.sm2_exchange import Exchange, Role

FOLDER = Path(__file__).parent.parent / "vectors" / "sm"
FILE = FOLDER / "sm2_negative.json"
CONTENT = json.loads(FILE.read_text(encoding="utf-8"))
GROUPS = CONTENT["groups"]

Case = dict[str, Any]
_hex = bytes.fromhex


def verify(group: Case, case: Case) -> None:
    key = PublicKey.from_point(_hex(group["public"]))
    key.verify(_hex(case["signature"]), _hex(case["message"]), domain=case["id_text"])


def verify_digest(_: Case, case: Case) -> None:
    key = PublicKey.from_point(_hex(case["public"]))
    key.verify_e(_hex(case["signature"]), _hex(case["e"]))


def decrypt(group: Case, case: Case) -> None:
    key = PrivateKey.from_scalar(_hex(group["private"]))
    ciphertext = _hex(case["ciphertext"]) + bytes(case.get("zero_bytes_after", 0))
    plaintext = key.decrypt(ciphertext, form=Form(group["form"]))
    assert plaintext == _hex(case["plaintext"])


def public_key(_: Case, case: Case) -> None:
    key = PublicKey.from_point(_hex(case["public"]))
    assert key.point == _hex(case["public"])


def public_key_info(_: Case, case: Case) -> None:
    pem = _der.encode_pem("PUBLIC KEY", _hex(case["spki"]))
    assert PublicKey.from_pem(pem).to_pem() == pem


def private_key(_: Case, case: Case) -> None:
    key = PrivateKey.from_scalar(_hex(case["private"]))
    assert key.public.point == _hex(case["public"])
    key.public.verify(key.sign(b"m", domain=sm2.DEFAULT_ID), b"m", domain=sm2.DEFAULT_ID)


def exchange(group: Case, case: Case) -> None:
    key = PrivateKey.from_scalar(_hex(group["private"]))
    peer = PublicKey.from_point(_hex(case["public"]))
    run = Exchange(Role.INITIATOR, key, identity="a", peer=peer, peer_identity="b")
    run.agree(_hex(case["ephemeral"]), 16)


# What is done with a case, and what a refusal is called.
ACTS: dict[str, tuple[Callable[[Case, Case], None], set[str]]] = {
    "SM2Verify": (verify, {"crypto.signature.invalid", "crypto.domain.malformed"}),
    "SM2VerifyDigest": (verify_digest, {"crypto.signature.invalid"}),
    "SM2Decrypt": (decrypt, {"crypto.ciphertext.invalid"}),
    "SM2PublicKey": (public_key, {"crypto.key.malformed"}),
    "SM2PublicKeyInfo": (public_key_info, {"crypto.key.malformed"}),
    "SM2PrivateKey": (private_key, {"crypto.key.malformed"}),
    "SM2Exchange": (exchange, {"crypto.exchange.failed"}),
}


def outcome(group: Case, case: Case) -> str:
    """Return ``valid``, ``invalid``, or what went wrong instead."""
    act, refusals = ACTS[group["type"]]
    try:
        act(group, case)
    except CryptoError as error:
        return "invalid" if error.code in refusals else error.code
    return "valid"


@pytest.mark.parametrize(
    "group", GROUPS, ids=[f"{group['type']}-{group.get('form', '')}".strip("-") for group in GROUPS]
)
def test_the_engine_accepts_and_refuses_as_it_must(group, engine):
    wrong = [
        f"{case['number']} {case['comment']}: {found}, not {case['result']}"
        for case in group["tests"]
        if (found := outcome(group, case)) != case["result"]
    ]
    assert wrong == []


def test_an_id_outside_the_limits_is_named_as_such(engine):
    group = next(one for one in GROUPS if one["type"] == "SM2Verify")
    for case in group["tests"]:
        if not 0 < len(case["id_text"].encode()) <= 8191:
            with pytest.raises(CryptoError) as caught:
                verify(group, case)
            assert caught.value.code == "crypto.domain.malformed"


def test_refusals_of_a_ciphertext_say_nothing_of_the_cause(engine):
    messages = set()
    for group in GROUPS:
        for case in group["tests"] if group["type"] == "SM2Decrypt" else ():
            try:
                decrypt(group, case)
            except CryptoError as error:
                messages.add((str(error), str(error.params), error.__cause__))
    assert len(messages) == 1


def test_the_file_holds_hundreds_of_cases_and_counts_them():
    numbers = [case["number"] for group in GROUPS for case in group["tests"]]
    assert numbers == list(range(1, CONTENT["number_of_tests"] + 1))
    assert sum(case["result"] == "invalid" for group in GROUPS for case in group["tests"]) >= 150


def test_no_two_cases_of_a_group_are_the_same():
    for group in GROUPS:
        shown = [
            json.dumps({k: v for k, v in case.items() if k not in ("number", "comment", "result")})
            for case in group["tests"]
        ]
        twice = {
            case["comment"]
            for case, one in zip(group["tests"], shown, strict=True)
            if shown.count(one) > 1
        }
        assert twice == set(), group["type"]


@pytest.mark.long
def test_the_script_makes_the_file_byte_for_byte(tmp_path):
    for script in FOLDER.rglob("*.py"):
        target = tmp_path / script.relative_to(FOLDER)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(script.read_bytes())
    subprocess.run([sys.executable, tmp_path / "make_negative.py"], check=True)
    assert (tmp_path / FILE.name).read_bytes() == FILE.read_bytes()
