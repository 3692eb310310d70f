"""Any n of m shares give the secret back; a wrong one is named, and fewer say nothing."""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sharing
from crypto.errors import CryptoError
from crypto.sharing import Share, combine, split

NAMES = ("张伟", "李娜", "officer-3", "officer-4", "officer-5")
SECRET = bytes(range(32))


class Dice:
    def take(self, size):
        return os.urandom(size)


def refused(code, call):
    with pytest.raises(CryptoError) as caught:
        call()
    assert caught.value.code == code
    return caught.value


@pytest.fixture
def shares():
    return split(SECRET, NAMES, needed=3, entropy=Dice())


def test_any_three_of_five_give_the_secret_back(shares):
    for chosen in itertools.permutations(shares, 3):
        assert combine(chosen) == SECRET


def test_more_than_needed_give_it_too(shares):
    assert combine(shares) == SECRET


def test_two_of_three_needed_are_too_few(shares):
    error = refused("crypto.share.few", lambda: combine(shares[:2]))
    assert error.params == {"given": 2, "needed": 3}
    refused("crypto.share.few", lambda: combine([]))


def test_two_shares_fit_every_secret_byte_equally_well():
    # For each value of the first secret byte exactly one third part completes two given parts:
    # so two parts exclude nothing.
    one, two = split(SECRET, NAMES, needed=3, entropy=Dice())[:2]
    weights = [sharing._weight(x, (1, 2, 3)) for x in (1, 2, 3)]
    known = sharing._multiply(one.part[0], weights[0]) ^ sharing._multiply(two.part[0], weights[1])
    assert {known ^ sharing._multiply(third, weights[2]) for third in range(256)} == set(range(256))


def test_a_share_survives_paper(shares):
    for share in shares:
        assert Share.from_text(str(share)) == share
        head, tail = str(share)[: len("fengsui-share/1 " + share.name)], str(share)
        spaced = tail.replace("-", " ").replace("fengsui share/1", "fengsui-share/1")
        if "-" not in share.name:
            assert Share.from_text(head + spaced[len(head) :].upper()) == share
        assert str(share).isprintable()
        assert len(str(share)) < 200


def test_a_mistyped_digit_names_the_officer(shares):
    line = str(shares[1])
    groups = line.split()[5]
    for at, digit in enumerate(groups):
        if digit == "-":
            continue
        other = "0" if digit != "0" else "1"
        wrong = line.replace(groups, groups[:at] + other + groups[at + 1 :])
        error = refused("crypto.share.malformed", lambda w=wrong: Share.from_text(w))
        assert error.params == {"name": "李娜"}
        assert "李娜" in str(error)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "fengsui-share/1 name 12345678 3 1 abcd",
        "fengsui-share/1 name 12345678 x 1 abcd 00000000",
        "fengsui-share/1 name 12345678 3 ² abcd 00000000",
        "fengsui-share/1 name 12345678 3 1 abc 00000000",
        "fengsui-share/1 name 12345678 3 1 äbcd 00000000",
        "fengsui-share/1 name 12345678 3 9999999 abcd 00000000",
    ],
)
def test_what_is_no_share_is_refused(line):
    refused("crypto.share.malformed", lambda: Share.from_text(line))


@given(line=st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_reader(line):
    for text in (line, "fengsui-share/1 " + line):
        refused("crypto.share.malformed", lambda t=text: Share.from_text(t))


def test_a_share_of_another_secret_is_named(shares):
    other = split(SECRET, NAMES, needed=3, entropy=Dice())
    error = refused("crypto.share.foreign", lambda: combine([*shares[:2], other[2]]))
    assert error.params == {"name": "officer-3"}


def test_a_share_given_twice_is_named(shares):
    error = refused("crypto.share.repeated", lambda: combine([shares[0], shares[1], shares[0]]))
    assert error.params == {"name": "张伟"}


def test_a_forged_share_never_gives_a_wrong_secret(shares):
    for at in range(len(shares[2].part)):
        part = bytearray(shares[2].part)
        part[at] ^= 1
        forged = Share(
            name="officer-3",
            secret_id=shares[2].secret_id,
            needed=3,
            number=3,
            part=bytes(part),
        )
        refused("crypto.share.wrong", lambda f=forged: combine([*shares[:2], f]))
        # With all five, one wrong share is noticed as well.
        refused("crypto.share.wrong", lambda f=forged: combine([*shares[:2], f, *shares[3:]]))


@pytest.mark.parametrize(
    ("secret", "names", "needed"),
    [
        (b"", NAMES, 3),
        (bytes(65), NAMES, 3),
        (SECRET, NAMES, 1),
        (SECRET, NAMES, 6),
        (SECRET, ["a"] * 2, 2),
        (SECRET, ["a", "b c"], 2),
        (SECRET, ["a", ""], 2),
        (SECRET, [str(number) for number in range(17)], 2),
    ],
)
def test_numbers_names_and_secrets_have_limits(secret, names, needed):
    refused("crypto.share.size", lambda: split(secret, names, needed=needed, entropy=Dice()))


def test_the_part_is_not_shown_in_repr(shares):
    assert shares[0].part.hex() not in repr(shares[0])
    assert "part" not in repr(shares[0])


def test_multiplication_is_the_field_of_fips_197():
    # FIPS 197, 4.2: {57}·{83} = {c1} and {57}·{13} = {fe}.
    assert sharing._multiply(0x57, 0x83) == 0xC1
    assert sharing._multiply(0x57, 0x13) == 0xFE
    for a in range(1, 256):
        assert sharing._multiply(a, sharing._inverse(a)) == 1
        assert sharing._multiply(a, 0) == 0


@given(secret=st.binary(min_size=1, max_size=64), needed=st.integers(2, 6), extra=st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_every_secret_comes_back(secret, needed, extra):
    names = [f"o{number}" for number in range(needed + extra)]
    shares = split(secret, names, needed=needed, entropy=Dice())
    assert combine(shares[extra:]) == secret
    assert combine([Share.from_text(str(share)) for share in shares[:needed]]) == secret
