"""A tombstone proves who left it, and a crash while it is written leaves none."""

from pathlib import Path

import msgspec
import pytest

from crypto import sm2
from schema import tombstone
from schema.batch import GENESIS
from schema.errors import FengsuiError
from schema.tombstone import Tombstone

KEY, OTHER = sm2.PrivateKey.generate(), sm2.PrivateKey.generate()
KEYS = {KEY.public.key_id: KEY.public}


def stone(first: int = 1, last: int = 4, **more: object) -> Tombstone:
    values: dict[str, object] = {
        "format": 1, "realm": "duty", "sensor": "gate", "segment": "000000000001.seg",
        "footer": "aa" * 32, "first": first, "last": last, "first_enrolment": 1,
        "first_sequence": (first - 1) * 8, "previous": GENESIS if first == 1 else "0b" * 32,
        "enrolment": 1, "next_sequence": last * 8, "hash": "0b" * 32,
        "count": (last - first + 1) * 8, "events": last * 8, "redacted": 0, "first_at": 1,
        "last_at": 2, "received_at": 3, "retention": "log", "expired_at": 4, "reason": "over",
        "by": "platform", "key_id": "", "signature": "",
    }  # fmt: skip
    return tombstone.sign(Tombstone(**(values | more)), KEY)  # type: ignore[arg-type]


def test_it_verifies_with_the_collectors_key_only() -> None:
    tombstone.verify(stone(), KEYS)
    for keys in ({}, {KEY.public.key_id: OTHER.public}):
        with pytest.raises(FengsuiError) as raised:
            tombstone.verify(stone(), keys)
        assert raised.value.code == "schema.tombstone.forged"


@pytest.mark.parametrize(
    "change",
    [{"last": 5}, {"hash": "00" * 32}, {"count": 1}, {"reason": "because"}, {"format": 2},
     {"expired_at": 5}, {"signature": "zz"}],
)  # fmt: skip
def test_no_word_of_it_can_be_changed(change: dict[str, object]) -> None:
    with pytest.raises(FengsuiError):
        tombstone.verify(msgspec.structs.replace(stone(), **change), KEYS)


def test_a_signature_for_another_use_does_not_count() -> None:
    one = stone()
    foreign = KEY.sign(tombstone._signed_bytes(one), domain="fengsui/batch/1").hex()
    with pytest.raises(FengsuiError):
        tombstone.verify(msgspec.structs.replace(one, signature=foreign), KEYS)


@pytest.mark.parametrize(
    ("second", "holds"),
    [
        (stone(5, 8), True),
        (stone(6, 8), False),
        (stone(5, 8, previous="0c" * 32), False),
        (stone(5, 8, first_sequence=31), False),
        (stone(5, 8, events=63), False),
        (stone(5, 8, first_enrolment=2, enrolment=2, previous=GENESIS, first_sequence=0), True),
        (stone(5, 8, first_enrolment=2, enrolment=2), False),
        (stone(5, 4), False),
    ],
)
def test_each_begins_where_the_one_before_ended(second: Tombstone, holds: bool) -> None:
    assert tombstone.follows(stone(), None)
    assert not tombstone.follows(stone(5, 8), None)
    assert tombstone.follows(second, stone()) is holds


def test_they_are_read_back_in_order_and_a_torn_line_is_none(tmp_path: Path) -> None:
    assert tombstone.read(tmp_path).stones == ()
    tombstone.append(tmp_path, stone())
    path = tmp_path / tombstone.FILE
    whole = path.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole + whole[:cut])
        assert list(tombstone.read(tmp_path).stones) == [stone_of(whole)]
        tombstone.append(tmp_path, stone(5, 8))
        read = tombstone.read(tmp_path)
        assert ([one.first for one in read.stones], read.malformed) == ([1, 5], 0)
        assert tombstone.gone(tmp_path) == 8


def stone_of(line: bytes) -> Tombstone:
    return msgspec.json.decode(line, type=Tombstone)


def test_a_line_that_is_none_is_counted(tmp_path: Path) -> None:
    tombstone.append(tmp_path, stone())
    path = tmp_path / tombstone.FILE
    path.write_bytes(b"{}\n" + path.read_bytes())
    assert tombstone.read(tmp_path).malformed == 1
