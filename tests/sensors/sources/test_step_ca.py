"""step-ca's json log: what was asked of the CA, without the token it was asked with."""

from __future__ import annotations

import base64
import datetime as dt
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from schema import event
from sensors.sources import FORMATS, Context

TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJhdWQiOiJjYSJ9.c2lnbmF0dXJl"
SIGNED = (
    '{"certificate":"MIIB2jCCAX+g","duration":"9.1ms","duration-ns":9100000,'
    '"fields.time":"2026-11-23T13:17:26Z","issuer":"District CA","level":"info",'
    '"method":"POST","msg":"","name":"ca","ott":"' + TOKEN + '","path":"/1.0/sign",'
    '"protocol":"HTTP/1.1","provisioner":"desk (Kx0)","public-key":"ECDSA P-256","referer":"",'
    '"remote-address":"10.30.10.11","request-id":"4a564437-1","serial":255000000000000000000000,'
    '"size":2144,"status":201,"subject":"gw.civil.example.cn","time":"2026-11-23T13:17:26Z",'
    '"user-agent":"Go-http-client/1.1","user-id":""}'
)
REFUSED = (
    '{"duration":"3.095358ms","duration-ns":3095358,'
    '"error":"authority.Authorize: jwk.AuthorizeSign: error in cryptographic primitive",'
    '"fields.time":"2026-11-23T13:17:26Z","level":"warning",'
    '"method":"POST","msg":"","name":"ca","ott":"' + TOKEN + '","path":"/1.0/sign",'
    '"protocol":"HTTP/1.1","referer":"","remote-address":"127.0.0.1","request-id":"4a564437-2",'
    '"size":144,"status":401,"time":"2026-11-23T13:17:26Z","user-agent":"curl","user-id":""}'
)
REVOKED = (
    '{"fields.time":"2026-11-23T13:17:26Z","level":"info","method":"POST","msg":"","name":"ca",'
    '"passiveOnly":true,"path":"/1.0/revoke","reason":"left","reasonCode":5,'
    '"remote-address":"10.30.10.11","request-id":"r-3","serialNumber":"255","size":15,"status":200}'
)


def certificate(serial: int, name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), serial)
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2027, 1, 1, tzinfo=dt.UTC))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def test_an_issue_is_told_without_its_token_and_its_certificate(read) -> None:
    (fields,) = read("step_ca", SIGNED)
    hidden = SIGNED.replace(TOKEN, "<<secret>>").replace("MIIB2jCCAX+g", "<<secret>>")
    assert fields == {
        "@timestamp": "2026-11-23T13:17:26.000000Z",
        "event.action": "certificate_issue",
        "event.dataset": "step_ca.access",
        "event.original": hidden,
        "event.outcome": "success",
        "gov.ca.profile": "desk",
        "gov.ca.request_id": "4a564437-1",
        "gov.ca.serial": f"{255 * 10**21:x}",
        "gov.crypto.alg": "ECDSA P-256",
        "host.name": "gov-app-01",
        "http.request.method": "POST",
        "http.response.body.bytes": 2144,
        "http.response.status_code": 201,
        "service.name": "ca",
        "source.ip": "10.30.10.11",
        "url.path": "/1.0/sign",
        "user.name": "gw.civil.example.cn",
        "user_agent.original": "Go-http-client/1.1",
    }


def test_a_refusal_says_why(read) -> None:
    (fields,) = read("step_ca", REFUSED)
    assert (fields["event.action"], fields["event.outcome"]) == ("certificate_issue", "failure")
    assert str(fields["event.reason"]).startswith("authority.Authorize")
    assert TOKEN not in json.dumps(fields)


def test_a_revocation_has_its_serial_in_hex_and_its_reason(read) -> None:
    (fields,) = read("step_ca", REVOKED)
    assert fields["event.action"] == "certificate_revoke"
    assert (fields["gov.ca.serial"], fields["gov.ca.revoke_reason"]) == ("ff", "5")
    assert fields["event.reason"] == "left"


def test_an_older_line_that_names_no_serial_is_read_by_its_certificate(read) -> None:
    told = json.loads(SIGNED) | {"certificate": certificate(0xABCDEF, "gw.tax.example.cn")}
    del told["serial"], told["subject"]
    (fields,) = read("step_ca", json.dumps(told))
    assert (fields["gov.ca.serial"], fields["user.name"]) == ("abcdef", "gw.tax.example.cn")
    assert told["certificate"] not in str(fields["event.original"])


@pytest.mark.parametrize("told", ["MIIB", "!!", "é", "A" * 70_000])
def test_what_is_no_certificate_gives_no_serial(read, told: str) -> None:
    line = json.dumps({"fields.time": "2026-11-23T13:17:26Z", "path": "/1.0/renew", "status": 201,
                       "certificate": told})  # fmt: skip
    (fields,) = read("step_ca", line)
    assert fields["event.action"] == "certificate_renew"
    assert "gov.ca.serial" not in fields


@pytest.mark.parametrize(
    "line",
    [
        SIGNED[: SIGNED.index(TOKEN) + 40],
        "not json " + TOKEN,
        SIGNED.replace('"ott"', '"\\u006ftt"').replace(TOKEN, "plain-one-time-token"),
        SIGNED.replace(TOKEN, 'a\\"plain-one-time-token'),
        SIGNED.replace('"user-agent":"Go-http-client/1.1"', f'"user-agent":"{TOKEN}"'),
        SIGNED.replace("/1.0/sign", f"/1.0/sign/{TOKEN}"),
        SIGNED.replace('"ott":"', '"ott":"plain-one-time-token","ott":"'),
    ],
)
def test_no_token_is_left_in_any_line(read, line: str) -> None:
    (fields,) = read("step_ca", line)
    said = json.dumps(fields)
    assert TOKEN[:40] not in said
    assert "plain-one-time-token" not in said


@given(cut=st.integers(0, len(SIGNED)))
def test_a_line_cut_anywhere_shows_no_part_of_the_token(cut: int) -> None:
    context = Context(host="h", utc_offset_minutes=480, now=lambda: 0)
    (fields,) = FORMATS["step_ca"]().parse([SIGNED[:cut].encode()], context)
    assert TOKEN[:12] not in event.encode(fields).decode()
