"""The site's device, from end to end against the stand-in: no real device was tried."""

import pytest

from crypto.errors import CryptoError
from crypto.keystore.model import Use
from crypto.sm2 import Form, PrivateKey
from dashboard_api.custody.device import PAUSE_US, DeviceDecrypter, DeviceSigner, SiteDevice

DOMAIN = "1234567812345678"


def refusal(action, *words, **more):
    with pytest.raises(CryptoError) as caught:
        action(*words, **more)
    return caught.value.code


def signer(plugged, *, sign_e=False):
    public = plugged.device.public(Use.SIGN, 1)
    return DeviceSigner(plugged.device, "p.s", 1, public, sign_e=sign_e)


def decrypter(plugged, *, decrypt=True):
    public = plugged.device.public(Use.ENCRYPT, 1)
    return DeviceDecrypter(plugged.device, "p.e", 1, public, decrypt=decrypt)


def test_a_key_of_the_device_signs_and_its_public_half_verifies(plugged):
    key = signer(plugged)
    for signature in (key.sign(b"m", domain=DOMAIN), *key.sign_many([b"m", b"m"], domain=DOMAIN)):
        key.public.verify(signature, b"m", domain=DOMAIN)


def test_a_foreign_digest_is_signed_only_where_the_policy_allows_it(plugged):
    e = bytes(range(32))
    key = signer(plugged, sign_e=True)
    key.public.verify_e(key.sign_e(e), e)
    assert refusal(signer(plugged).sign_e, e) == "crypto.key.policy"


@pytest.mark.parametrize("form", list(Form))
def test_a_key_of_the_device_opens_every_form_of_ciphertext(plugged, form):
    key = decrypter(plugged)
    assert key.decrypt(key.public.encrypt(b"text", form=form), form=form) == b"text"


def test_what_was_not_made_for_the_key_is_refused_in_one_way_and_the_session_stays(plugged):
    key = decrypter(plugged)
    good = key.public.encrypt(b"text")
    for bad in (PrivateKey.generate().public.encrypt(b"text"), good[:-1], b"", b"\x04" * 97):
        assert refusal(key.decrypt, bad) == "crypto.ciphertext.invalid"
    assert refusal(key.decrypt, b"\x04" + bytes(101), form=Form.C1C3C2) == (
        "crypto.ciphertext.invalid"
    )
    assert refusal(decrypter(plugged, decrypt=False).decrypt, good) == "crypto.key.policy"
    assert key.decrypt(good) == b"text"


def test_a_device_that_goes_away_is_told_and_works_again_once_it_is_back(plugged):
    key = signer(plugged)
    key.sign(b"m", domain=DOMAIN)
    plugged.take_out()
    assert refusal(key.sign, b"m", domain=DOMAIN) == "crypto.sdf.opendevice"
    plugged.put_back()
    # It is not asked at every call, so that others do not wait for it.
    assert refusal(key.sign, b"m", domain=DOMAIN) == "crypto.sdf.opendevice"
    plugged.now += PAUSE_US
    key.public.verify(key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)


def test_a_session_lost_while_nobody_called_is_replaced_within_the_call(plugged):
    key = signer(plugged)
    key.sign(b"m", domain=DOMAIN)
    plugged.take_out()
    session = plugged.device._session
    with pytest.raises(CryptoError), session.access(1, b"12345678"):
        pass
    plugged.put_back()
    key.public.verify(key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)
    assert plugged.device._session is not session


def test_another_key_at_the_index_than_the_one_named_signs_nothing(plugged):
    key = DeviceSigner(plugged.device, "p.s", 1, PrivateKey.generate().public, sign_e=False)
    assert refusal(key.sign, b"m", domain=DOMAIN) == "crypto.sdf.malformed"


def test_a_faulty_signature_never_leaves(plugged, monkeypatch):
    key = signer(plugged)
    monkeypatch.setenv("STANDIN_FAULT", "sign")
    assert refusal(key.sign, b"m", domain=DOMAIN) == "crypto.sdf.malformed"


def test_a_wrong_password_is_named_and_a_right_one_works(plugged):
    plugged.set_password("87654321")
    key = signer(plugged)
    assert refusal(key.sign, b"m", domain=DOMAIN) == "crypto.sdf.prkrerr"
    plugged.set_password("12345678")
    key.sign(b"m", domain=DOMAIN)


def test_an_index_the_device_does_not_have_leaves_the_session_as_it_is(plugged):
    plugged.device.public(Use.SIGN, 1)
    session = plugged.device._session
    assert refusal(plugged.device.public, Use.SIGN, 2) == "crypto.sdf.keynotexist"
    assert plugged.device._session is session


def test_without_a_device_in_the_settings_that_is_said():
    device = SiteDevice("", "", monotonic=lambda: 0)
    assert refusal(device.info) == "crypto.sdf.library"
    device.close()


def test_two_users_of_the_same_library_share_its_opening(plugged, library):
    other = SiteDevice(str(library), str(plugged.password_file), monotonic=lambda: 0)
    assert other.public(Use.SIGN, 1) == plugged.device.public(Use.SIGN, 1)
    other.close()
    signer(plugged).sign(b"m", domain=DOMAIN)
