import pytest
from hypothesis import given
from hypothesis import strategies as st
from pki import refused

from crypto import _asn1
from crypto.x509.name import Name

printable = st.text("ABCxyz09 -", min_size=1, max_size=20)
texts = st.text(min_size=1, max_size=30).filter(lambda text: text.encode("utf-8", "ignore"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64), printable)
def test_a_name_survives_its_encoding(common, serial):
    name = Name.of([("C", "CN"), ("SERIALNUMBER", serial), ("CN", common)])
    assert Name.from_der(name.der) == name
    assert Name.from_der(name.der).attributes == (
        ("C", "CN"),
        ("SERIALNUMBER", serial),
        ("CN", common),
    )


def test_a_name_is_written_with_the_string_type_of_each_kind():
    name = Name.of([("C", "CN"), ("O", "省局"), ("E", "a@b")])
    assert b"\x13\x02CN" in name.der
    assert b"\x0c\x06" + "省局".encode() in name.der
    assert b"\x16\x03a@b" in name.der
    assert (name.get("O"), name.get("CN")) == ("省局", None)


def test_a_name_shows_as_rfc_4514_writes_it():
    name = Name.of([("C", "CN"), ("O", "a,b+c"), ("CN", "#x\n")])
    assert str(name) == r"CN=\#x\0A,O=a\,b\+c,C=CN"


@pytest.mark.parametrize(
    "attributes",
    [
        [("XX", "a")],
        [("C", "CHN")],
        [("C", "中国")],
        [("CN", "")],
        [("CN", "x" * 65)],
        [("E", "省@b")],
        [("SERIALNUMBER", "a_b")],
    ],
)
def test_a_value_out_of_its_bounds_is_refused(attributes):
    refused("crypto.name.malformed", lambda: Name.of(attributes))


def test_what_is_no_name_is_refused():
    pair = _asn1.sequence(_asn1.oid("2.5.4.3"), _asn1.element(_asn1.UTF8_STRING, b"x"))
    good = _asn1.sequence(_asn1.set_of([pair]))
    for der in (
        b"",
        _asn1.set_of([pair]),
        _asn1.sequence(_asn1.set_of([])),
        _asn1.sequence(pair),
        good + b"\0",
        good.replace(b"x", b"\xff"),
        _asn1.sequence(*[_asn1.set_of([pair])] * 65),
    ):
        refused("crypto.name.malformed", lambda der=der: Name.from_der(der))


def test_values_of_other_types_show_their_bytes_and_unknown_kinds_their_identifier():
    teletex = _asn1.sequence(_asn1.oid("2.5.4.99"), _asn1.element(0x14, b"x"))
    name = Name.from_der(_asn1.sequence(_asn1.set_of([teletex])))
    assert name.attributes == (("2.5.4.99", "#140178"),)
    wide = _asn1.sequence(_asn1.oid("2.5.4.3"), _asn1.element(_asn1.BMP_STRING, b"\x77\x01"))
    assert Name.from_der(_asn1.sequence(_asn1.set_of([wide]))).get("CN") == "省"


def test_a_name_of_over_four_thousand_bytes_is_refused():
    one = _asn1.sequence(_asn1.oid("2.5.4.3"), _asn1.element(_asn1.UTF8_STRING, b"x" * 5000))
    refused("crypto.name.malformed", lambda: Name.from_der(_asn1.sequence(_asn1.set_of([one]))))
