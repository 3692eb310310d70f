import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import _asn1
from crypto.x509.extension import AlternativeName, Extensions, KeyUsage, NameKind


def read(der: bytes) -> Extensions:
    return Extensions.read(_asn1.Reader(der).inside())


def one(identifier: str, content: bytes, critical: bytes = b"") -> bytes:
    return _asn1.sequence(_asn1.oid(identifier), critical, _asn1.octets(content))


@given(
    st.builds(
        Extensions,
        authority=st.just(True),
        path_length=st.none() | st.integers(0, 255),
        usage=st.none() | st.integers(1, 511).map(KeyUsage),
        extended=st.none() | st.just(("1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.1")),
        alternative_names=st.lists(
            st.one_of(
                st.just(AlternativeName(NameKind.DNS, "a.gov.cn")),
                st.just(AlternativeName(NameKind.EMAIL, "a@gov.cn")),
                st.just(AlternativeName(NameKind.URI, "https://gov.cn")),
                st.ip_addresses().map(lambda ip: AlternativeName(NameKind.IP, str(ip))),
            ),
            max_size=4,
        ).map(tuple),
        subject_key_id=st.none() | st.binary(min_size=1, max_size=64),
        authority_key_id=st.none() | st.binary(min_size=1, max_size=64),
    )
)
def test_extensions_survive_their_encoding(extensions):
    assert read(extensions.write()) == extensions


def test_the_two_certificates_of_a_holder_share_no_use():
    assert not KeyUsage.SIGNING & KeyUsage.ENCRYPTION


def test_unknown_critical_extensions_and_name_constraints_are_remembered():
    flag = _asn1.boolean(True)
    der = _asn1.sequence(
        one("1.2.3.4", b"", flag), one("1.2.3.5", b"x"), one("2.5.29.30", b"\x30\0")
    )
    assert read(der).not_understood == ("1.2.3.4", "2.5.29.30")


def test_alternative_names_that_are_not_read_keep_their_bytes():
    other = _asn1.element(0x88, b"\x2a")
    directory = _asn1.element(0xA4, _asn1.sequence())
    names = read(_asn1.sequence(one("2.5.29.17", _asn1.sequence(other, directory))))
    assert names.alternative_names == (
        AlternativeName(NameKind.REGISTERED, "88012a"),
        AlternativeName(NameKind.DIRECTORY, ""),
    )


@pytest.mark.parametrize(
    "parts",
    [
        [one("1.2.3", b"")] * 2,
        [one("1.2.3", b"", _asn1.boolean(False))],
        [one("1.2.3", b"") + b"\0"],
        [one("2.5.29.19", _asn1.sequence(_asn1.boolean(False)))],
        [one("2.5.29.19", _asn1.sequence(_asn1.integer(1)))],
        [one("2.5.29.19", _asn1.sequence() + b"\0")],
        [one("2.5.29.15", _asn1.flags(0))],
        [one("2.5.29.15", _asn1.flags(1 << 9))],
        [one("2.5.29.15", bytes.fromhex("03020080"))],
        [one("2.5.29.37", _asn1.sequence())],
        [one("2.5.29.17", _asn1.sequence())],
        [one("2.5.29.17", _asn1.sequence(_asn1.implicit(7, b"123")))],
        [one("2.5.29.17", _asn1.sequence(_asn1.implicit(2, "省".encode())))],
        [one("2.5.29.17", _asn1.sequence(_asn1.implicit(9, b"")))],
        [one("2.5.29.14", _asn1.octets(b""))],
        [one("2.5.29.35", _asn1.sequence(_asn1.implicit(0, bytes(65))))],
        [one(f"1.2.3.{n}", b"") for n in range(65)],
    ],
)
def test_what_is_malformed_is_refused(parts):
    with pytest.raises(ValueError):
        read(_asn1.sequence(*parts))
