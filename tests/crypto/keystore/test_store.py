"""Keys live, rotate and die as told, serve their one use, and a changed row does not open."""

import os
import pickle
import sqlite3
import stat
import threading
from contextlib import closing

import pytest

from crypto.keystore import database
from crypto.keystore.master import FileMaster
from crypto.keystore.model import Policy, State, Use
from crypto.keystore.store import WAIT_US_MIN
from crypto.sm2 import PrivateKey

MESSAGE = b"message"
DOMAIN = "fengsui/test/1"
PAIRS = (Use.SIGN, Use.ENCRYPT, Use.EXCHANGE)


def edit(place, statement, *values):
    with closing(sqlite3.connect(place)) as connection:
        connection.execute(statement, values)
        connection.commit()


# Making and finding


def test_a_key_is_there_after_a_restart_and_signs(opened):
    opened().create("audit", Use.SIGN)
    store = opened()
    signature = store.signer("audit").sign(MESSAGE, domain=DOMAIN)
    store.verifier("audit").verify(signature, MESSAGE, domain=DOMAIN)
    assert [key.id for key in store.all_keys()] == ["audit"]


def test_every_key_says_that_software_holds_it(store):
    assert store.create("a", Use.MAC).module == "software, not a certified module"
    assert store.key("a").module == "software, not a certified module"


def test_the_file_and_its_log_are_for_the_owner_only(store, place):
    store.create("a", Use.SIGN)
    for path in place.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_open_to_others_is_refused(opened, place, refused, mode):
    opened().close()
    place.chmod(mode)
    error = refused("crypto.keystore.exposed", opened)
    assert error.params["mode"] == f"{mode:04o}"


def test_no_secret_stands_in_the_file(store, place):
    for use in Use:
        store.create(use.value, use, Policy(export=True))
    secrets = [bytes(store.export(use.value)) for use in Use]
    master = (place.with_name("master.key")).read_bytes().strip()
    for path in (place, place.with_name("keystore.db-wal")):
        content = path.read_bytes()
        for secret in secrets:
            assert secret not in content
            assert secret.hex().encode() not in content
        assert master not in content
        assert bytes.fromhex(master.decode()) not in content


@pytest.mark.parametrize("key_id", ["", "A", "a b", "ä", "-a", "a/", "a" * 65, "a\n"])
def test_a_key_id_is_a_plain_name(store, refused, key_id):
    refused("crypto.key.name", lambda: store.create(key_id, Use.SIGN))


def test_a_name_is_taken_once_also_by_a_destroyed_key(store, clock, refused):
    store.create("a", Use.SIGN)
    refused("crypto.key.exists", lambda: store.create("a", Use.MAC))
    store.schedule_deletion("a", WAIT_US_MIN)
    clock.at += WAIT_US_MIN
    store.destroy_due()
    refused("crypto.key.exists", lambda: store.create("a", Use.SIGN))


def test_an_unknown_key_is_named(store, refused):
    assert refused("crypto.key.unknown", lambda: store.signer("x")).params == {"id": "x"}


def test_a_key_made_elsewhere_is_taken_in_and_its_copy_wiped(store):
    key = PrivateKey.generate()
    secret = key.scalar()
    store.add("enc", Use.ENCRYPT, secret)
    assert secret == bytes(32)
    assert store.encrypter("enc") == key.public
    assert store.decrypter("enc").decrypt(key.public.encrypt(b"x")) == b"x"


@pytest.mark.parametrize("use", list(Use))
def test_a_secret_of_the_wrong_size_is_refused(store, refused, use):
    refused("crypto.key.malformed", lambda: store.add("a", use, bytearray(b"1" * 17)))
    if use in PAIRS:
        refused("crypto.key.malformed", lambda: store.add("a", use, bytearray(32)))
    assert store.all_keys() == []


# One use, one policy


def test_a_key_of_one_use_refuses_every_other(store, refused):
    for use in Use:
        store.create(use.value, use)
    uses = {
        Use.SIGN: (store.signer, store.verifier),
        Use.ENCRYPT: (store.encrypter, store.decrypter),
        Use.EXCHANGE: (store.exchanger,),
        Use.SEAL: (store.sealing,),
        Use.MAC: (store.mac,),
    }
    for use, calls in uses.items():
        for call in calls:
            for other in Use:
                if other is use:
                    call(other.value)
                else:
                    refused("crypto.key.use", lambda c=call, o=other: c(o.value))


def test_a_handed_out_pair_does_its_one_thing_only(store, refused):
    store.create("s", Use.SIGN)
    store.create("e", Use.ENCRYPT)
    signer, decrypter = store.signer("s"), store.decrypter("e")
    refused("crypto.key.policy", lambda: signer.decrypt(store.encrypter("e").encrypt(b"x")))
    refused("crypto.key.policy", lambda: decrypter.sign(b"x", domain=DOMAIN))
    refused("crypto.key.policy", lambda: signer.ecdh(signer.public))


def test_a_foreign_digest_is_signed_only_where_the_policy_says(store, refused):
    store.create("no", Use.SIGN)
    store.create("yes", Use.SIGN, Policy(sign_e=True))
    refused("crypto.key.policy", lambda: store.signer("no").sign_e(bytes(32)))
    store.verifier("yes").verify_e(store.signer("yes").sign_e(bytes(32)), bytes(32))


def test_decryption_and_opening_need_the_policy(store, refused):
    store.create("e", Use.ENCRYPT, Policy(decrypt=False))
    store.create("s", Use.SEAL, Policy(decrypt=False))
    store.encrypter("e").encrypt(b"x")
    refused("crypto.key.policy", lambda: store.decrypter("e"))
    sealed = store.sealing("s").seal(b"x", b"")
    refused("crypto.key.policy", lambda: store.sealing("s").open(sealed, b""))


def test_export_needs_the_policy(store, refused):
    store.create("no", Use.SEAL)
    store.create("yes", Use.SEAL, Policy(export=True))
    refused("crypto.key.policy", lambda: store.export("no"))
    assert len(store.export("yes")) == 16


def test_an_expired_key_makes_nothing_new_and_opens_the_old(store, clock, refused):
    policy = Policy(expires_at_us=clock.now() + 1)
    for use in Use:
        store.create(use.value, use, policy)
    signature = store.signer("sign").sign(MESSAGE, domain=DOMAIN)
    ciphertext = store.encrypter("encrypt").encrypt(b"x")
    seal, mac = store.sealing("seal"), store.mac("mac")
    sealed, code = seal.seal(b"x", b""), mac.mac(b"x")
    clock.at += 1
    for call in (
        lambda: store.signer("sign"),
        lambda: store.encrypter("encrypt"),
        lambda: store.exchanger("exchange"),
        lambda: seal.seal(b"x", b""),
        lambda: mac.mac(b"x"),
        lambda: store.rotate("sign"),
    ):
        refused("crypto.key.expired", call)
    store.verifier("sign").verify(signature, MESSAGE, domain=DOMAIN)
    assert store.decrypter("encrypt").decrypt(ciphertext) == b"x"
    assert seal.open(sealed, b"") == b"x"
    mac.check(code, b"x")


# Rotation


def test_after_a_rotation_the_new_version_signs_and_the_old_one_verifies(store, refused):
    store.create("s", Use.SIGN)
    before = store.signer("s")
    signature = before.sign(MESSAGE, domain=DOMAIN)
    key = store.rotate("s")
    assert [version.number for version in key.versions] == [1, 2]
    assert store.key("s") == key
    assert store.signer("s").public != before.public
    store.verifier("s", 1).verify(signature, MESSAGE, domain=DOMAIN)
    refused(
        "crypto.signature.invalid",
        lambda: store.verifier("s").verify(signature, MESSAGE, domain=DOMAIN),
    )
    refused("crypto.key.version", lambda: store.verifier("s", 3))


def test_old_ciphertexts_open_after_rotations(store):
    store.create("e", Use.ENCRYPT)
    store.create("s", Use.SEAL)
    store.create("m", Use.MAC)
    texts = []
    for number in range(1, 4):
        texts.append(
            (
                store.encrypter("e").encrypt(b"x%d" % number),
                store.sealing("s").seal(b"x%d" % number, b"a"),
                store.mac("m").mac(b"x%d" % number),
            )
        )
        for key_id in ("e", "s", "m"):
            store.rotate(key_id)
    for number, (ciphertext, sealed, code) in enumerate(texts, 1):
        assert store.decrypter("e", number).decrypt(ciphertext) == b"x%d" % number
        assert store.sealing("s").open(sealed, b"a") == b"x%d" % number
        store.mac("m").check(code, b"x%d" % number)


# States


def test_a_disabled_key_refuses_every_use_until_enabled(store, refused):
    store.create("s", Use.SIGN)
    assert store.disable("s").state is State.DISABLED
    for call in (store.signer, store.verifier, store.rotate):
        refused("crypto.key.disabled", lambda c=call: c("s"))
    store.enable("s")
    store.signer("s")


def test_deletion_waits_and_can_be_cancelled(store, clock, refused):
    store.create("s", Use.SIGN)
    key = store.schedule_deletion("s", WAIT_US_MIN)
    assert key.destroy_at_us == clock.now() + WAIT_US_MIN
    refused("crypto.key.scheduled", lambda: store.signer("s"))
    clock.at += WAIT_US_MIN - 1
    assert store.destroy_due() == []
    assert store.cancel_deletion("s").state is State.DISABLED
    clock.at += WAIT_US_MIN
    assert store.destroy_due() == []
    store.enable("s")
    store.signer("s")


def test_a_destroyed_key_leaves_a_tombstone_and_no_secret(store, place, clock, refused):
    store.create("s", Use.SIGN)
    store.rotate("s")
    with closing(sqlite3.connect(place)) as connection:
        sealed = [row[0] for row in connection.execute("SELECT sealed FROM key_versions")]
    store.schedule_deletion("s", WAIT_US_MIN)
    clock.at += WAIT_US_MIN
    assert store.destroy_due() == ["s"]
    key = store.key("s")
    assert (key.state, key.destroyed_at_us) == (State.DESTROYED, clock.now())
    assert len(key.versions) == 2
    refused("crypto.key.destroyed", lambda: store.signer("s"))
    for call in (store.enable, store.cancel_deletion, store.disable):
        refused("crypto.key.state", lambda c=call: c("s"))
    everything = b"".join(path.read_bytes() for path in place.parent.glob("keystore.db*"))
    assert len(sealed) == 2
    assert [row for row in sealed if row in everything] == []


def test_a_week_is_the_shortest_wait(store, refused):
    store.create("s", Use.SIGN)
    refused("crypto.key.state", lambda: store.schedule_deletion("s", WAIT_US_MIN - 1))


def test_a_tombstone_cannot_be_removed_or_revived_by_plain_sql(store, place, clock):
    store.create("s", Use.SIGN)
    store.schedule_deletion("s", WAIT_US_MIN)
    clock.at += WAIT_US_MIN
    store.destroy_due()
    with pytest.raises(sqlite3.IntegrityError, match="stays destroyed"):
        edit(place, "UPDATE keys SET state = 'active'")
    with pytest.raises(sqlite3.IntegrityError, match="tombstone"):
        edit(place, "DELETE FROM keys")


# Rows are bound


_SWAP = (
    "UPDATE key_versions SET (sealed, public) = (SELECT sealed, public FROM key_versions "
    "WHERE {}) WHERE id = 'a' AND version = 2"
)


@pytest.fixture
def three(store, place):
    store.create("a", Use.SIGN)
    store.create("b", Use.SIGN)
    store.create("c", Use.MAC)
    store.rotate("a")
    return place


@pytest.mark.parametrize(
    "statement",
    [
        # Another key's row, an older version's row, another policy, another use, another point.
        _SWAP.format("id = 'b'"),
        _SWAP.format("id = 'a' AND version = 1"),
        "UPDATE keys SET policy = 'policy/1 sign_e decrypt' WHERE id = 'a'",
        "UPDATE keys SET policy = 'policy/1 decrypt expires=99' WHERE id = 'a'",
        _SWAP.format("id = 'b'").replace("(sealed, public)", "public").replace("sealed, ", ""),
        "UPDATE key_versions SET sealed = substr(sealed, 1, 40) WHERE id = 'a'",
        "UPDATE key_versions SET sealed = NULL WHERE id = 'a'",
        "UPDATE key_versions SET sealed = x'00' WHERE id = 'a'",
    ],
)
def test_a_changed_row_does_not_open(opened, three, refused, statement):
    edit(three, statement)
    store = opened()
    if "expires=99" not in statement:
        assert refused("crypto.key.tampered", lambda: store.signer("a")).params["id"] == "a"
    refused("crypto.key.tampered", lambda: store.verifier("a"))
    store.signer("b")


def test_a_key_relabelled_for_another_use_does_not_open(opened, three, refused):
    edit(three, "UPDATE keys SET use = 'exchange' WHERE id = 'a'")
    refused("crypto.key.tampered", lambda: opened().exchanger("a"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE keys SET use = 'anything' WHERE id = 'a'",
        "UPDATE keys SET state = 'sleeping' WHERE id = 'a'",
        "UPDATE keys SET policy = 'policy/1 all' WHERE id = 'a'",
        "UPDATE keys SET policy = '' WHERE id = 'a'",
    ],
)
def test_words_this_program_never_wrote_are_refused(opened, three, refused, statement):
    edit(three, statement)
    refused("crypto.key.tampered", lambda: opened().key("a"))


# The file


def test_a_file_of_a_newer_version_is_refused(opened, place, refused):
    opened().close()
    edit(place, "PRAGMA user_version = 99")
    assert "newer" in str(refused("crypto.keystore.newer", opened))


def test_a_file_that_is_no_store_is_refused(opened, place, refused):
    place.parent.mkdir(mode=0o700)
    place.write_bytes(b"not a database, but long enough to look like one" * 100)
    place.chmod(0o600)
    refused("crypto.keystore.unreadable", opened)


def test_a_link_in_the_files_place_is_refused(opened, place, tmp_path, refused):
    place.parent.mkdir(mode=0o700)
    place.symlink_to(tmp_path / "elsewhere")
    refused("crypto.keystore.unreadable", opened)


def test_a_locked_file_is_said_to_be(store, place, refused, monkeypatch):
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store._vault._connection.execute("PRAGMA busy_timeout=10")
        refused("crypto.keystore.unwritable", lambda: store.create("a", Use.MAC))
        # Reading goes on meanwhile.
        assert store.all_keys() == []
        other.execute("ROLLBACK")
    store.create("a", Use.MAC)


def test_a_full_disk_changes_nothing(opened, store, refused):
    store.create("a", Use.SEAL)
    sealed = store.sealing("a").seal(b"x", b"")
    connection = store._vault._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages}")

    def fill():
        for _ in range(1000):
            store.rotate("a")

    assert "full" in str(refused("crypto.keystore.unwritable", fill))
    number = store.key("a").latest.number
    other = opened()
    assert other.key("a").latest.number == number
    assert other.sealing("a").open(sealed, b"") == b"x"
    connection.execute("PRAGMA max_page_count=100000")
    assert store.rotate("a").latest.number == number + 1


def test_an_older_file_is_copied_aside_before_it_changes(store, place, monkeypatch, tmp_path):
    scripts = tmp_path / "migrations"
    scripts.mkdir()
    (scripts / "0001_keys.sql").write_text("SELECT 1;")
    (scripts / "0002_more.sql").write_text("CREATE TABLE more (a INTEGER) STRICT;\n")
    monkeypatch.setattr(database.resources, "files", lambda _: tmp_path)
    with closing(database.connect(place)) as connection:
        assert connection.execute("SELECT count(*) FROM more").fetchone()[0] == 0
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 2
    assert place.with_name("keystore.db.before-2").exists()


# Together


def test_threads_share_a_store(store):
    store.create("s", Use.SIGN)
    failures = []

    def work():
        try:
            for _ in range(5):
                signer = store.signer("s")
                signer.public.verify(signer.sign(MESSAGE, domain=DOMAIN), MESSAGE, domain=DOMAIN)
                store.rotate("s")
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.key("s").latest.number == 21


def test_two_stores_opened_at_once_see_each_other(opened):
    one, two = opened(), opened()
    one.create("s", Use.SEAL)
    sealed = two.sealing("s").seal(b"x", b"")
    one.rotate("s")
    one.rotate_master()
    assert two.sealing("s").open(sealed, b"") == b"x"
    two.rotate_master()
    assert one.sealing("s").open(sealed, b"") == b"x"


def test_handles_show_no_secret_and_do_not_travel(store):
    store.create("s", Use.SEAL)
    store.create("m", Use.MAC)
    for handle in (store.sealing("s"), store.mac("m")):
        assert repr(handle) in ("<SealingKey s>", "<MacKey m>")
        with pytest.raises(TypeError):
            pickle.dumps(handle)


def test_a_failed_entropy_source_leaves_the_store_as_it_was(opened, store, dice, monkeypatch):
    store.create("s", Use.SEAL)

    def fail(size):
        raise OSError("no entropy")

    monkeypatch.setattr(dice, "take", fail)
    with pytest.raises(OSError, match="no entropy"):
        store.rotate("s")
    with pytest.raises(OSError, match="no entropy"):
        store.rotate_master()
    monkeypatch.setattr(dice, "take", os.urandom)
    assert store.key("s").latest.number == 1
    assert opened().sealing("s").open(store.sealing("s").seal(b"x", b""), b"") == b"x"


def test_the_master_key_file_is_made_once(opened, place):
    opened()
    before = place.with_name("master.key").read_bytes()
    opened()
    assert place.with_name("master.key").read_bytes() == before
    assert isinstance(FileMaster(place).describe(), str)
