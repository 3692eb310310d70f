"""A backup opens with the officers' shares only, comes back whole, and a changed one is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm4
from crypto.errors import CryptoError
from crypto.keystore import backup
from crypto.keystore.backup import open_backup, read_header, seal_backup
from crypto.keystore.model import Policy, State, Use
from crypto.keystore.store import WAIT_US_MIN
from crypto.sharing import Share, combine, split
from crypto.sm2 import PrivateKey

RECOVERY = PrivateKey.generate()


@pytest.fixture
def full(store, clock):
    """A store with every use, two versions, every state."""
    for use in Use:
        store.create(use.value, use, Policy(export=True, sign_e=use is Use.SIGN))
        store.rotate(use.value)
    store.create("gone", Use.SIGN)
    store.create("off", Use.MAC)
    store.create("going", Use.MAC)
    store.disable("off")
    store.schedule_deletion("gone", WAIT_US_MIN)
    clock.at += WAIT_US_MIN
    store.destroy_due()
    store.schedule_deletion("going", WAIT_US_MIN)
    return store


@pytest.fixture
def sealed(full, clock, dice):
    return seal_backup(full.dump(), RECOVERY.public, clock=clock, entropy=dice)


def test_a_restore_from_the_shares_of_three_of_five_gives_every_key_back(
    full, sealed, opened, dice, clock, tmp_path
):
    code = full.mac("mac").mac(b"x")
    text = full.sealing("seal").seal(b"x", b"")
    ciphertext = full.encrypter("encrypt").encrypt(b"x")
    names = ["a", "b", "c", "d", "e"]
    scalar = RECOVERY.scalar()
    lines = [str(share) for share in split(scalar, names, needed=3, entropy=dice)]
    # What the officers type after the machine burned: three lines, on another machine.
    typed = [Share.from_text(line) for line in (lines[4], lines[0], lines[2])]
    records = open_backup(sealed, PrivateKey.from_scalar(combine(typed)))
    other = opened(path=tmp_path / "new" / "keystore.db")
    other.load(records)
    assert other.all_keys() == full.all_keys()
    other.mac("mac").check(code, b"x")
    assert other.sealing("seal").open(text, b"") == b"x"
    assert other.decrypter("encrypt").decrypt(ciphertext) == b"x"
    for key in full.all_keys():
        if key.state is State.ACTIVE:
            for version in key.versions:
                assert other.export(key.id, version.number) == full.export(key.id, version.number)
    # And the new store is under a master key of its own.
    assert other.rotate_master() > 0


def test_a_store_with_keys_is_not_restored_over(full, sealed, refused):
    before = full.all_keys()
    refused("crypto.keystore.not_empty", lambda: full.load(open_backup(sealed, RECOVERY)))
    assert full.all_keys() == before


def test_the_header_says_when_and_to_whom(sealed, clock):
    header = read_header(sealed)
    assert (header.made_at_us, header.recovery) == (clock.now(), RECOVERY.public)


def test_another_recovery_key_is_named(sealed, refused):
    other = PrivateKey.generate()
    error = refused("crypto.backup.recovery", lambda: open_backup(sealed, other))
    assert error.params == {"expected": RECOVERY.public.key_id, "given": other.public.key_id}


def test_no_secret_stands_in_a_backup(full, sealed):
    for key in full.all_keys():
        if key.state is State.ACTIVE:
            assert bytes(full.export(key.id)) not in sealed
    assert b"mac" not in sealed


def test_every_changed_byte_is_noticed(sealed):
    for at in [*range(260), *range(260, len(sealed), 37), len(sealed) - 1]:
        changed = sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
        with pytest.raises(CryptoError) as caught:
            open_backup(changed, RECOVERY)
        assert caught.value.code.startswith("crypto.backup."), at


def test_a_cut_or_lengthened_backup_is_refused(sealed):
    for size in [*range(0, 260, 3), len(sealed) - 1]:
        with pytest.raises(CryptoError, match=r"not as it was written|Not a backup"):
            open_backup(sealed[:size], RECOVERY)
    with pytest.raises(CryptoError, match="not as it was written"):
        open_backup(sealed + b"\0", RECOVERY)


@given(content=st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_reader(content):
    for data in (content, b"FSKEYBK1" + content, b"FSKEYBK1" + RECOVERY.public.point + content):
        with pytest.raises(CryptoError) as caught:
            open_backup(data, RECOVERY)
        assert caught.value.code.startswith("crypto.backup.")


def forged(dice, items):
    """A backup sealed by someone who has the public half, as anyone may."""
    key, nonce = dice.take(16), dice.take(12)
    wrapped = RECOVERY.public.encrypt(key)
    head = b"FSKEYBK1" + RECOVERY.public.point + bytes(8) + len(wrapped).to_bytes(2, "big")
    head += wrapped + nonce
    return head + sm4.seal(key, nonce, json.dumps(items).encode(), head)


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item.update(id="../x y"),
        lambda item: item.update(use="all"),
        lambda item: item.update(policy="policy/1 all"),
        lambda item: item.update(state="new"),
        lambda item: item.pop("versions"),
        lambda item: item["versions"][0].update(secret="AAAA"),
        lambda item: item["versions"][0].update(secret="?"),
        lambda item: item["versions"][0].update(secret=None),
        lambda item: item["versions"][0].update(public=PrivateKey.generate().public.point.hex()),
        lambda item: item["versions"][0].update(public=None),
    ],
)
def test_records_no_store_wrote_are_refused(full, dice, refused, change):
    record = next(one for one in full.dump() if one.key.id == "sign")
    item = backup._written(record)
    assert open_backup(forged(dice, [item]), RECOVERY)[0].key.id == "sign"
    change(item)
    refused("crypto.backup.malformed", lambda: open_backup(forged(dice, [item]), RECOVERY))


@pytest.mark.parametrize("items", [None, 3, [3], [[]], {"a": 1}, [None]])
def test_json_of_another_shape_is_refused(dice, refused, items):
    refused("crypto.backup.malformed", lambda: open_backup(forged(dice, items), RECOVERY))


def test_records_do_not_show_secrets(full):
    for record in full.dump():
        assert "secrets" not in repr(record)
