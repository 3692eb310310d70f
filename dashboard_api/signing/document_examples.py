"""Examples of the data operations: one request and its answer each, valid by their own schemas.

Those of digest and verify come out so (GB/T 32905-2016, A.1; GB/T 32918.5-2017, A.2); signatures
and ciphertexts hold random numbers, and whole envelopes are cut for the reader.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

_MESSAGE: Final = "57y06LS55Yet6K+BIDAwMDAwMQ=="
"""缴费凭证 000001."""
_TEXT: Final = "缴费凭证 000001"
_POINT: Final = (
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
_RAW: Final = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
_CIPHERTEXT: Final = (
    "MHsCIGG24fLvrQAv1F/ECEfN3Jm0Ox01p8xf/6xuWdZRj0AHAiBBP1hGjsNVf2ZHquVzGUFxCI5DmSlvhd7OWV9OP/+wvg"
    "Qg/fEv0m44Y0J7lFk6C6eXtOZ5KdHzcOnnebn7MzTKqHMEE7t4HNigvBc+CxG3rtYqFk9a+8Y="
)
_MAC: Final = "hTJiNZ07rC0s6PQk84Pb3reQNNfMzE1XBZH+/+kUqj8="
_SIGNED: Final = "MIIC2gYKKoEcz1UGAQQCAqCCAsowggLGAgEBMQwwCgYI"
_SEALED: Final = "MIIBSgYKKoEcz1UGAQQCA6CCATowggE2AgEBMYHiMIHf"
_CERTIFICATE: Final = "MIIB2jCCAX+gAwIBAgIQQAAAAAAAAAAAAAAAAAAABDAK"
_TOKEN: Final = "MIIECAYJKoZIhvcNAQcCoIID+TCCA/UCAQMxDDAKBggq"  # noqa: S105 - a time stamp, no secret

EXAMPLES: Final[MappingProxyType[str, tuple[dict[str, Any], dict[str, Any]]]] = MappingProxyType(
    {
        "sign": (
            {"key": "receipt", "message": _MESSAGE},
            {
                "signature": "MEUCIGB3k+niL7QvbSmS5abgunRTPxk70AIbO+hukETGvcgTAiEAy6KbD0tAFJHtCn6h3"
                "Dx+wXPn8Q/vU5WvGzUcpPcjg5c=",
                "form": "der",
                "key": "payments.receipt",
                "version": 3,
                "algorithm": "SM2-SM3",
                "mode": "message",
            },
        ),
        "verify": (
            {
                "public_key": _POINT,
                "message": "message digest",
                "encoding": "utf8",
                "signature": _RAW,
                "form": "raw",
                "output": "hex",
            },
            {"valid": True},
        ),
        "encrypt": (
            {"key": "letters", "plaintext": _MESSAGE},
            {
                "ciphertext": _CIPHERTEXT,
                "form": "der",
                "algorithm": "SM2",
                "key": "payments.letters",
                "version": 2,
            },
        ),
        "decrypt": (
            {"key": "letters", "ciphertext": _CIPHERTEXT, "output": "utf8"},
            {"plaintext": _TEXT, "key": "payments.letters", "version": 2},
        ),
        "digest": (
            {"message": "abc", "encoding": "utf8", "output": "hex"},
            {
                "digest": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
                "algorithm": "SM3",
            },
        ),
        "hmac": (
            {"key": "tag", "message": _MESSAGE},
            {"mac": _MAC, "key": "payments.tag", "version": 2, "algorithm": "HMAC-SM3"},
        ),
        "hmac:verify": (
            {"key": "tag", "message": _MESSAGE, "mac": _MAC},
            {"valid": True, "key": "payments.tag", "version": 2},
        ),
        "envelopes:sign": (
            {"key": "receipt", "message": _MESSAGE, "detached": True},
            {"envelope": _SIGNED, "key": "payments.receipt", "version": 3},
        ),
        "envelopes:verify": (
            {"envelope": _SIGNED, "message": _MESSAGE},
            {
                "valid": True,
                "signers": [
                    {
                        "subject": "CN=payments.receipt,O=示例省大数据局,C=CN",
                        "serial": "4f1c0a9e5b7d2a6688c3e1f09d4b7a52",
                        "key_id": "18b4f0f79c26afc7",
                    }
                ],
            },
        ),
        "envelopes:seal": (
            {"recipients": [_CERTIFICATE], "message": _MESSAGE},
            {"envelope": _SEALED},
        ),
        "envelopes:open": (
            {"key": "letters", "envelope": _SEALED, "output": "utf8"},
            {"message": _TEXT, "key": "payments.letters", "version": 2},
        ),
        "timestamp": (
            {"message": _MESSAGE},
            {
                "token": _TOKEN,
                "time": "2026-11-18T11:06:40.000000Z",
                "serial": "9b1f0c7de2a84356b0d1f4a2c8e97a55",
                "policy": "2.25.111788274298821796170899986519571621577",
            },
        ),
    }
)
"""Request and answer by path."""

PROBLEM: Final[dict[str, Any]] = {
    "type": "urn:fengsui:problem:crypto.signature.invalid",
    "title": "请求内容不合要求",
    "status": 422,
    "code": "crypto.signature.invalid",
    "detail": "签名无效：按 raw 形式读取则可验证通过，请写 form=raw",
    "params": {"hint": "form", "found": "raw"},
}
