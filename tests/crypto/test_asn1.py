import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import _asn1
from crypto.errors import CryptoError


def rebuilt(der: bytes) -> bytes:
    """Return the element built anew from its parts."""
    tag = der[0]
    reader = _asn1.Reader(der).inside(tag)
    if not tag & 0x20:
        return _asn1.element(tag, _asn1.Reader(der).read(tag))
    parts = []
    while reader.more:
        parts.append(rebuilt(reader.span(reader.peek())))
    return _asn1.set_of(parts) if tag == _asn1.SET else _asn1.element(tag, *parts)


trees = st.recursive(
    st.one_of(
        st.integers(-(2**300), 2**300).map(_asn1.integer),
        st.binary(max_size=300).map(_asn1.octets),
        st.booleans().map(_asn1.boolean),
        st.text(max_size=20).map(lambda text: _asn1.element(_asn1.UTF8_STRING, text.encode())),
        st.integers(0, 2**20).map(_asn1.flags),
        st.just(_asn1.null()),
        st.just(_asn1.oid("1.2.156.10197.1.501")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: _asn1.sequence(*parts)),
        st.lists(inner, max_size=4).map(_asn1.set_of),
        st.lists(inner, max_size=2).map(lambda parts: _asn1.explicit(0, *parts)),
    ),
    max_leaves=12,
)


@given(trees)
def test_what_is_written_is_canonical(der):
    _asn1.check(der)
    assert rebuilt(der) == der


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_one_encoding_or_refused(data):
    try:
        _asn1.check(data)
    except ValueError:
        return
    assert rebuilt(data) == data


@given(trees, st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_leaves_one_encoding_or_none(der, at, value):
    at %= len(der)
    changed = der[:at] + bytes((value,)) + der[at + 1 :]
    try:
        _asn1.check(changed)
    except ValueError:
        return
    assert rebuilt(changed) == changed


@pytest.mark.parametrize(
    "der",
    [
        "",
        "02",
        "0201",
        "02810101",
        "0282000101",
        "308000000000",
        "02020001",
        "0202ff80",
        "0200",
        "010101",
        "0300",
        "03020800",
        "03020101",
        "030101",
        "050100",
        "0600",
        "06028001",
        "060180",
        "0c01ff",
        "3100" + "00",
        "3106020102020101",
        "22020500",
        "1f810100",
        "1000",
        "3003020100" + "00",
        "04840000000178",
        "0485000000000178",
    ],
)
def test_what_der_does_not_allow_is_refused(der):
    with pytest.raises(ValueError):
        _asn1.check(bytes.fromhex(der))


def test_nesting_has_an_end():
    der = _asn1.null()
    for _ in range(30):
        der = _asn1.sequence(der)
    with pytest.raises(ValueError, match="nested"):
        _asn1.check(der)


def test_a_size_limit_is_named():
    with pytest.raises(ValueError, match="limit of 3 bytes"):
        _asn1.check(_asn1.octets(b"12"), size_max=3)


@given(st.integers(-(2**400), 2**400))
def test_an_integer_survives(value):
    assert _asn1.Reader(_asn1.integer(value)).integer() == value


@given(st.integers(0, 2**40))
def test_named_bits_survive_in_their_shortest_form(value):
    assert _asn1.Reader(_asn1.flags(value)).flags() == value


def test_named_bits_with_trailing_zeros_are_refused():
    with pytest.raises(ValueError, match="trailing"):
        _asn1.Reader(bytes.fromhex("03020040")).flags()


@pytest.mark.parametrize(
    "dotted", ["0.9.2342.19200300.100.1.25", "1.2.156.10197.1.501", "2.5.29.15", "2.999.1", "2.100"]
)
def test_an_object_identifier_survives(dotted):
    assert _asn1.Reader(_asn1.oid(dotted)).oid() == dotted


@pytest.mark.parametrize(
    ("time_us", "der"),
    [
        (0, b"\x17\x0d700101000000Z"),
        (-631_152_000_000_000, b"\x17\x0d500101000000Z"),
        (2_524_607_999_000_000, b"\x17\x0d491231235959Z"),
        (2_524_608_000_000_000, b"\x18\x0f20500101000000Z"),
        (253_402_300_799_000_000, b"\x18\x0f99991231235959Z"),
    ],
)
def test_the_time_of_a_certificate_takes_the_type_of_its_year(time_us, der):
    assert _asn1.time(time_us) == der
    assert _asn1.Reader(der).time() == time_us


@pytest.mark.parametrize(
    "der",
    [
        b"\x17\x0b7001010000Z",
        b"\x17\x11700101000000+000",
        b"\x17\x0d701301000000Z",
        b"\x17\x0d700101240000Z",
        b"\x17\x0d700101000060Z",
        b"\x17\x0d70010100 000Z",
        b"\x18\x0f20490101000000Z",
        b"\x18\x1120500101000000.1Z",
    ],
)
def test_a_time_in_another_form_is_refused(der):
    with pytest.raises(ValueError):
        _asn1.Reader(der).time()


@pytest.mark.parametrize("time_us", [10**18, -(10**18), 10**30])
def test_a_time_past_the_calendar_is_refused(time_us):
    for write in (_asn1.time, _asn1.generalized):
        with pytest.raises(ValueError, match="years"):
            write(time_us)


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_fine_time_survives(time_us):
    assert _asn1.Reader(_asn1.generalized(time_us)).generalized() == time_us


@pytest.mark.parametrize("text", [b"20260101000000.10Z", b"20260101000000.Z", b"20260101000000.1"])
def test_a_fraction_that_is_not_canonical_is_refused(text):
    with pytest.raises(ValueError):
        _asn1.Reader(_asn1.element(_asn1.GENERALIZED_TIME, text)).generalized()


def test_what_is_left_over_is_refused():
    with pytest.raises(ValueError, match="after the end"), _asn1.Reader(_asn1.null() * 2) as reader:
        reader.null()


def test_a_reader_that_failed_says_why_and_not_that_bytes_are_left():
    with pytest.raises(ValueError, match="unexpected"), _asn1.Reader(_asn1.null()) as reader:
        reader.integer()


def test_an_error_of_reading_becomes_the_error_of_a_format():
    with pytest.raises(CryptoError) as caught, _asn1.malformed("thing", "thing"):
        _asn1.check(b"")
    assert caught.value.code == "crypto.thing.malformed"
    with pytest.raises(CryptoError) as caught, _asn1.malformed("thing", "thing"):
        b"\xff\xfe secret".decode()
    assert "secret" not in str(caught.value)


def test_a_null_is_empty_and_a_text_of_its_type():
    _asn1.Reader(_asn1.null()).null()
    with pytest.raises(ValueError, match="NULL"):
        _asn1.Reader(b"\x05\x01\x00").null()
    with pytest.raises(ValueError, match="string"):
        _asn1.Reader(_asn1.octets(b"x")).text(_asn1.UTF8_STRING)
