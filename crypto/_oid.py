"""Object identifiers of the formats, and the AlgorithmIdentifiers made of them.

GM/T 0006-2012 and GB/T 33560-2017 name the national ones, RFC 5280, 5652, 8018 and 3161 the rest.
"""

from typing import Final

from crypto import _asn1

__all__ = ["algorithm", "read_algorithm", "read_bare_algorithm"]

EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
SM2: Final = "1.2.156.10197.1.301"
SM2_SIGNATURE: Final = "1.2.156.10197.1.301.1"
SM2_ENCRYPTION: Final = "1.2.156.10197.1.301.3"
SM3: Final = "1.2.156.10197.1.401"
SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM4: Final = "1.2.156.10197.1.104"
SM4_ECB: Final = "1.2.156.10197.1.104.1"
SM4_CBC: Final = "1.2.156.10197.1.104.2"
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
# RFC 5035, 5: SigningCertificateV2 names a certificate by a digest that is not SHA-1.
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.47"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"


def algorithm(identifier: str, *parameters: bytes) -> bytes:
    """Return an AlgorithmIdentifier; without parameters they are absent."""
    return _asn1.sequence(_asn1.oid(identifier), *parameters)


def read_algorithm(reader: _asn1.Reader) -> tuple[str, _asn1.Reader]:
    """Return the identifier and a reader of what follows it; the caller reads that to its end."""
    body = reader.inside()
    return body.oid(), body


def read_bare_algorithm(reader: _asn1.Reader, *accepted: str) -> str:
    """Return an identifier out of ``accepted`` whose parameters are absent or NULL."""
    identifier, parameters = read_algorithm(reader)
    if identifier not in accepted:
        raise ValueError(f"algorithm {identifier} is not one of {', '.join(accepted)}")
    with parameters:
        # RFC 5754, 2: both forms are in use for digests; the national tools write either.
        if parameters.more:
            parameters.null()
    return identifier
