import pytest

from crypto import sm2, sm2_exchange
from crypto.errors import CryptoError
from crypto.sm2_exchange import Exchange, Role

pytestmark = pytest.mark.usefixtures("engine")

# GB/T 32918.5-2017, B.2, on the recommended curve: both IDs are 1234567812345678.
D_A = "81eb26e941bb5af16df116495f90695272ae2cd63d6c4ae1678418be48230029"
D_B = "785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5"
R_A = "d4de15474db74d06491c440d305e012400990f3e390c7e87153c12db2ea60bb3"
R_B = "7e07124814b309489125eaed101113164ebf0f3458c5bd88335c1f9d596243d6"
KEY = "6c89347354de2484c60b4ab1fde4c6e5"
S_A = "18c7894b3816df16cf07b05c5ec0bef5d655d58f779cc1b400a4f3884644db88"
S_B = "d3a0fe15dee185ceae907a6b595cc32a266ed7b3367e9983a896dc32fa20f8eb"


def key(scalar):
    return sm2.PrivateKey.from_scalar(bytes.fromhex(scalar))


def sides(identity="1234567812345678"):
    a, b = key(D_A), key(D_B)
    return (
        Exchange(
            Role.INITIATOR, a, identity=sm2.DEFAULT_ID, peer=b.public,
            peer_identity=sm2.DEFAULT_ID, ephemeral=key(R_A),
        ),
        Exchange(
            Role.RESPONDER, b, identity=sm2.DEFAULT_ID, peer=a.public,
            peer_identity=identity, ephemeral=key(R_B),
        ),
    )  # fmt: skip


def failed(call):
    with pytest.raises(CryptoError) as caught:
        call()
    assert caught.value.code == "crypto.exchange.failed"


def test_the_key_and_confirmations_are_those_of_the_standard():
    a, b = sides()
    at_a, at_b = a.agree(b.point, 16), b.agree(a.point, 16)
    assert at_a.key(at_b.confirmation) == at_b.key(at_a.confirmation) == bytes.fromhex(KEY)
    assert at_a.confirmation.hex() == S_A
    assert at_b.confirmation.hex() == S_B


def test_the_key_stays_inside_until_the_other_side_has_confirmed():
    a, b = sides()
    agreement = a.agree(b.point, 16)
    failed(lambda: agreement.key(bytes(32)))
    failed(lambda: agreement.key(agreement.confirmation))
    assert KEY not in repr(agreement)


def test_another_identity_is_noticed_by_both_sides():
    a, b = sides(identity="somebody else")
    at_a, at_b = a.agree(b.point, 16), b.agree(a.point, 16)
    failed(lambda: at_a.key(at_b.confirmation))
    failed(lambda: at_b.key(at_a.confirmation))


@pytest.mark.parametrize("point", [b"", bytes(65), b"\x04" + bytes(64), b"\x04" + b"\xff" * 64])
def test_a_point_off_the_curve_breaks_the_exchange_off(point):
    failed(lambda: sides()[0].agree(point, 16))


def test_one_run_agrees_on_one_key():
    a, b = sides()
    a.agree(b.point, 16)
    failed(lambda: a.agree(b.point, 16))


@pytest.mark.parametrize("length", [0, sm2_exchange.KEY_SIZE_MAX + 1])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="bytes"):
        sides()[0].agree(sides()[1].point, length)


def test_fresh_runs_give_fresh_keys():
    a, b = key(D_A), key(D_B)
    keys = set()
    for _ in range(2):
        runs = [
            Exchange(role, own, identity="a", peer=peer.public, peer_identity="a")
            for role, own, peer in ((Role.INITIATOR, a, b), (Role.RESPONDER, b, a))
        ]
        at_a, at_b = runs[0].agree(runs[1].point, 32), runs[1].agree(runs[0].point, 32)
        keys.add(at_a.key(at_b.confirmation))
    assert len(keys) == 2
