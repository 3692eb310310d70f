"""Writes requests.json: run it only when the form of signed requests changes, and say so there.

Signatures are random, so each run writes others; the texts and the rest stay.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from crypto import sm3
from crypto.sm2 import PrivateKey, signature_to_raw
from dashboard_api.signing.authorization import DOMAIN, signed_text, token_hash

SCALAR = sm3.digest(b"fengsui: the public test key of signed requests")
APPLICATION = "payments"
TOKEN = "fsk1.payments.Zm9yIHRlc3RzIG9ubHksIG5ldmVyIGEgc2VjcmV0IQA"
REQUESTS = [
    ("a call with a body", "POST", "/v1/crypto/sign", '{"key":"receipt","message":"aGVsbG8="}'),
    ("no body: the SM3 of nothing", "GET", "/v1/crypto/keys/receipt", ""),
    (
        "a query stands as it was sent: order, case and percent signs",
        "GET",
        "/v1/crypto/usage?to=2026-01-31T00%3A00%3A00Z&from=2026-01-01&q=%E5%8D%B0%2b",
        "",
    ),
    (
        "a body is bytes: UTF-8 and its line end",
        "POST",
        "/v1/crypto/digest",
        '{"message":"收款收据","encoding":"utf8"}\n',
    ),
    ("a path under the site's root", "POST", "/fengsui/v1/crypto/keys/receipt:rotate", "{}"),
]


def main() -> None:
    """Write the file beside this one."""
    key = PrivateKey.from_scalar(SCALAR)
    credential = f"{APPLICATION}.{key.public.key_id}"
    requests = []
    for number, (comment, method, target, body) in enumerate(REQUESTS):
        timestamp, nonce = 1795651200 + number, f"vector-{number}_0123456789"
        text = signed_text(
            method,
            target,
            timestamp=timestamp,
            nonce=nonce,
            credential=credential,
            body=body.encode(),
        )
        raw = signature_to_raw(key.sign(text, domain=DOMAIN))
        signature = base64.b64encode(raw).decode()
        requests.append(
            {
                "comment": comment,
                "method": method,
                "target": target,
                "body": body,
                "timestamp": timestamp,
                "nonce": nonce,
                "text": text.decode(),
                "e": key.public.digest(text, domain=DOMAIN).hex(),
                "signature": signature,
                "authorization": f"Fengsui-SM2 credential={credential},timestamp={timestamp},"
                f"nonce={nonce},signature={signature}",
            }
        )
    vectors = {
        "made_by": "tests/vectors/signing/make_requests.py",
        "id": DOMAIN,
        "private": SCALAR.hex(),
        "public": key.public.point.hex(),
        "z": key.public.identity(domain=DOMAIN).hex(),
        "application": APPLICATION,
        "key_id": key.public.key_id,
        "credential": credential,
        "requests": requests,
        "bearer": {
            "token": TOKEN,
            "authorization": f"Bearer {TOKEN}",
            "sm3": token_hash(TOKEN).hex(),
            "credential": token_hash(TOKEN).hex()[:16],
        },
    }
    path = Path(__file__).with_name("requests.json")
    path.write_text(json.dumps(vectors, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
