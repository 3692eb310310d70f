"""Items: what a caller sends for each data operation, one struct an operation.

The same structs decode the body and make the OpenAPI document, so that the document is true.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from crypto.sm2 import DEFAULT_ID
from dashboard_api.signing.call import BODY_BYTES_MAX
from dashboard_api.signing.encodings import Binary, Encoding

KEY_CHARS_MAX: Final = 63
"""24 of an application, a dot, 38 of a name."""
ID_CHARS_MAX: Final = 256
"""Of a signer: the standard allows 8191 bytes, people's IDs have some tens."""
SIGNATURE_CHARS_MAX: Final = 512
"""A signature in hexadecimal has 144; the rest is room for ones that are wrong and explained."""
CERTIFICATE_CHARS_MAX: Final = 96 * 1024
"""A certificate of 64 KiB in base64."""
RECIPIENTS_MAX: Final = 64
"""Of one envelope: each costs an encryption and a check of its chain."""
AAD_CHARS_MAX: Final = 64 * 1024
VERSION_MAX: Final = 1000
"""The key store keeps no more versions of a key."""

Form = Literal["der", "raw"]
"""``der``: SEQUENCE { r, s } (GB/T 35276); ``raw``: r ‖ s, 64 bytes."""
CipherForm = Literal["der", "c1c3c2", "c1c2c3", "fengsui-seal/1"]
"""``der``: GB/T 35276; ``c1c3c2``: GB/T 32918.4; ``c1c2c3``: drafts before 2012; the last one: an
SM4 key of this service."""
Oids = Literal["gm", "rfc"]
"""Identifiers of an envelope: GB/T 35275 or RFC 5652."""
TrustIn = Literal["site", "none"]
"""``site``: the chain must lead to a root this site trusts; ``none``: it is not looked at."""

KeyName = Annotated[
    str,
    Meta(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?\.)?[a-z0-9]([a-z0-9_-]{0,36}[a-z0-9])?$",
        max_length=KEY_CHARS_MAX,
        description="A key of one's own by its name, `receipt`; of another application by its "
        "whole id, `payments.receipt`",
    ),
]
Text = Annotated[
    str,
    Meta(max_length=BODY_BYTES_MAX, description="Read in the encoding named by `encoding`"),
]
BinaryText = Annotated[
    str,
    Meta(max_length=BODY_BYTES_MAX, description="Read in the encoding named by `output`"),
]
Digest = Annotated[
    str,
    Meta(
        max_length=64,
        description="32 bytes, read in the encoding named by `encoding` (not utf8)",
    ),
]
SignatureText = Annotated[
    str,
    Meta(
        max_length=SIGNATURE_CHARS_MAX,
        description="In the form named by `form`, read in the encoding named by `output`",
    ),
]
PublicText = Annotated[
    str,
    Meta(
        max_length=1024,
        description="A foreign public key: 04‖x‖y, 65 bytes in the encoding named by `output`, or "
        "PUBLIC KEY in PEM",
    ),
]
CertificateText = Annotated[
    str,
    Meta(
        max_length=CERTIFICATE_CHARS_MAX,
        description="PEM, followed by those between it and the root if wanted; or DER in base64",
    ),
]
SignerId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=ID_CHARS_MAX,
        description="The signer's ID inside Z (GB/T 32918.2, 5.5)",
    ),
]
Version = Annotated[int, Meta(ge=1, le=VERSION_MAX, description="A version of the key")]


class Item(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What every item has in common: no field that is not named is accepted."""


class SignItem(Item, frozen=True, kw_only=True, gc=False):
    """Sign a message, or with the scope sign_e a digest e computed elsewhere; one of the two."""

    key: KeyName
    message: Text | UnsetType = UNSET
    e: Digest | UnsetType = UNSET
    encoding: Encoding = "base64"
    id: SignerId = DEFAULT_ID
    form: Form = "der"
    output: Binary = "base64"


class VerifyItem(Item, frozen=True, kw_only=True, gc=False):
    """Verify a signature under one of key, public_key and certificate.

    Without a version a key's newest sixteen are tried.
    """

    signature: SignatureText
    key: KeyName | UnsetType = UNSET
    public_key: PublicText | UnsetType = UNSET
    certificate: CertificateText | UnsetType = UNSET
    message: Text | UnsetType = UNSET
    e: Digest | UnsetType = UNSET
    encoding: Encoding = "base64"
    id: SignerId = DEFAULT_ID
    form: Form = "der"
    output: Binary = "base64"
    version: Version | UnsetType = UNSET
    trust: TrustIn = "site"


class EncryptItem(Item, frozen=True, kw_only=True, gc=False):
    """Encrypt under one of key, public_key and certificate.

    SM2 takes 1 to 65536 bytes; a key of use seal any length, with additional data if wanted.
    """

    plaintext: Text
    key: KeyName | UnsetType = UNSET
    public_key: PublicText | UnsetType = UNSET
    certificate: CertificateText | UnsetType = UNSET
    encoding: Encoding = "base64"
    form: CipherForm | UnsetType = UNSET
    aad: Annotated[str, Meta(max_length=AAD_CHARS_MAX)] | UnsetType = UNSET
    output: Binary = "base64"
    trust: TrustIn = "site"


class DecryptItem(Item, frozen=True, kw_only=True, gc=False):
    """Decrypt what was encrypted under a key; ``aad`` is read in ``encoding``."""

    key: KeyName
    ciphertext: BinaryText
    encoding: Encoding = "base64"
    form: CipherForm | UnsetType = UNSET
    aad: Annotated[str, Meta(max_length=AAD_CHARS_MAX)] | UnsetType = UNSET
    output: Encoding = "base64"
    version: Version | UnsetType = UNSET


class DigestItem(Item, frozen=True, kw_only=True, gc=False):
    """Hash a message by SM3."""

    message: Text
    encoding: Encoding = "base64"
    output: Binary = "base64"


class HmacItem(Item, frozen=True, kw_only=True, gc=False):
    """Make the HMAC-SM3 of a message."""

    key: KeyName
    message: Text
    encoding: Encoding = "base64"
    output: Binary = "base64"


class HmacVerifyItem(Item, frozen=True, kw_only=True, gc=False):
    """Check an HMAC-SM3; without a version the newest sixteen are tried."""

    key: KeyName
    message: Text
    mac: Annotated[
        str,
        Meta(max_length=64, description="32 bytes, read in the encoding named by `output`"),
    ]
    encoding: Encoding = "base64"
    output: Binary = "base64"
    version: Version | UnsetType = UNSET


class EnvelopeSignItem(Item, frozen=True, kw_only=True, gc=False):
    """Sign a message into SignedData, the key's certificates with it."""

    key: KeyName
    message: Text
    encoding: Encoding = "base64"
    detached: bool = False
    oids: Oids = "gm"
    output: Literal["base64", "hex", "pem"] = "base64"


class EnvelopeVerifyItem(Item, frozen=True, kw_only=True, gc=False):
    """Verify SignedData, every signer of it; ``message`` goes with a detached one."""

    envelope: Annotated[
        str,
        Meta(
            max_length=BODY_BYTES_MAX,
            description="DER in the encoding named by `output`, or PEM",
        ),
    ]
    message: Text | UnsetType = UNSET
    encoding: Encoding = "base64"
    trust: TrustIn = "site"
    output: Encoding = "base64"


class EnvelopeSealItem(Item, frozen=True, kw_only=True, gc=False):
    """Seal a message for the holders of encryption certificates."""

    recipients: Annotated[list[CertificateText], Meta(min_length=1, max_length=RECIPIENTS_MAX)]
    message: Text
    encoding: Encoding = "base64"
    oids: Oids = "gm"
    trust: TrustIn = "site"
    output: Literal["base64", "hex", "pem"] = "base64"


class EnvelopeOpenItem(Item, frozen=True, kw_only=True, gc=False):
    """Open EnvelopedData that was sealed for a key of use encrypt."""

    key: KeyName
    envelope: Annotated[
        str,
        Meta(
            max_length=BODY_BYTES_MAX,
            description="DER in the encoding named by `output`, or PEM",
        ),
    ]
    output: Encoding = "base64"


class TimestampItem(Item, frozen=True, kw_only=True, gc=False):
    """Stamp a message, its SM3 digest, or an RFC 3161 request; one of the three."""

    message: Text | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET
    request: (
        Annotated[
            str,
            Meta(
                max_length=32 * 1024,
                description="TimeStampReq in DER, read in the encoding named by `output`",
            ),
        ]
        | UnsetType
    ) = UNSET
    encoding: Encoding = "base64"
    output: Binary = "base64"
