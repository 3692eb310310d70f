"""Each row has a sealing key of its own, and opens under its own name only."""

import itertools

import pytest

from crypto.keystore import sealing
from crypto.keystore.model import Policy, Use
from crypto.keystore.sealing import RowName, check_value, fits, open_row, seal_row

MASTER = bytes(range(32))


def name(key_id="a", version=1, *, use=Use.SIGN, policy=None, public=b"P"):
    return RowName(key_id, version, use=use, policy=policy or Policy(), public=public)


OTHERS = [
    name("b"),
    name("a1"),
    name(version=2),
    name(version=11),
    name(use=Use.MAC),
    name(policy=Policy(export=True)),
    name(public=b"Q"),
    name(public=None),
]


def test_a_row_opens_under_its_own_name_only(dice, refused):
    sealed = seal_row(MASTER, name(), b"secret", dice)
    assert open_row(MASTER, name(), sealed) == b"secret"
    for other in OTHERS:
        refused("crypto.key.tampered", lambda o=other: open_row(MASTER, o, sealed))
    refused("crypto.key.tampered", lambda: open_row(bytes(32), name(), sealed))


def test_no_two_rows_share_a_sealing_key():
    rows = [name(k, v, use=u) for k in ("a", "a1", "1a") for v in (1, 11, 2) for u in Use]
    found = {sealing._row_key(MASTER, row) for row in rows}
    assert len(found) == len(rows)


def test_nonces_are_fresh_each_time(dice):
    assert len({seal_row(MASTER, name(), b"x", dice)[:12] for _ in range(50)}) == 50


def test_every_changed_byte_of_a_row_is_noticed(dice, refused):
    sealed = seal_row(MASTER, name(), b"secret", dice)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
        refused("crypto.key.tampered", lambda c=changed: open_row(MASTER, name(), c))
        refused("crypto.key.tampered", lambda c=sealed[:at]: open_row(MASTER, name(), c))


def test_the_check_value_fits_one_master_key_and_number():
    value = check_value(MASTER, 1)
    assert fits(MASTER, 1, value)
    assert not fits(MASTER, 2, value)
    assert not fits(bytes(32), 1, value)


@pytest.mark.parametrize("pair", list(itertools.combinations([b"", b"a", b"ab", b"b"], 2)))
def test_fields_cannot_be_shifted_into_each_other(pair):
    one, two = pair
    assert sealing._fields(one, two) != sealing._fields(two, one)
    assert sealing._fields(one + two) != sealing._fields(one, two)
