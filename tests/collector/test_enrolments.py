"""Only a sensor with a token for its name and unit, and with its key, is let in."""

import msgspec
import pytest
from collected import OTHER_KEY, RECEIPT_KEY, SENSOR_KEY, FakeSensor, Site, framed

from collector.enrolments import PROOF_DOMAIN, Enrolled, proof_message
from crypto import sm2, sm3
from schema.errors import FengsuiError
from schema.times import HOUR


def _enrol(
    site: Site,
    token: str,
    *,
    name: str = "pay-1",
    unit: str = "pay",
    key: sm2.PrivateKey = OTHER_KEY,
) -> Enrolled:
    point = key.public.point.hex()
    message = proof_message(
        token_sm3=sm3.digest(token.encode()).hex(), name=name, unit=unit, public_key=point
    )
    proof = OTHER_KEY.sign(message, domain=PROOF_DOMAIN).hex()
    return site.enrolments.enrol(token, name, unit=unit, public_key=point, proof=proof)


def test_a_token_enrols_one_sensor_once(site: Site) -> None:
    token = site.enrolments.issue_token("pay-1", "pay")
    assert msgspec.to_builtins(_enrol(site, token)) == {
        "sensor": "pay-1",
        "enrolment": 1,
        "realm": "duty",
        "receipt_public_key": RECEIPT_KEY.public.point.hex(),
        "last_batch": 0,
    }
    with pytest.raises(FengsuiError, match="used"):
        _enrol(site, token)


@pytest.mark.parametrize("wrong", [{"name": "pay-2"}, {"unit": "tax"}])
def test_a_token_is_bound_to_name_and_unit(site: Site, wrong: dict[str, str]) -> None:
    token = site.enrolments.issue_token("pay-1", "pay")
    with pytest.raises(FengsuiError) as caught:
        _enrol(site, token, **wrong)
    assert caught.value.code == "collector.enrolment.token_invalid"
    assert _enrol(site, token).sensor == "pay-1"


def test_a_token_ends_after_an_hour(site: Site) -> None:
    token = site.enrolments.issue_token("pay-1", "pay")
    site.clock.time += HOUR
    with pytest.raises(FengsuiError, match="hour"):
        _enrol(site, token)


def test_a_key_the_sensor_does_not_hold_is_not_enrolled(site: Site) -> None:
    token = site.enrolments.issue_token("pay-1", "pay")
    with pytest.raises(FengsuiError) as caught:
        _enrol(site, token, key=SENSOR_KEY)
    assert caught.value.code == "collector.enrolment.proof_invalid"
    with pytest.raises(FengsuiError, match="prove"):
        site.enrolments.enrol(token, "pay-1", unit="pay", public_key="zz", proof="00")


@pytest.mark.parametrize("name", ["collector", "push", "", "../up", "A", "a" * 64, "数"])
def test_a_name_of_our_own_or_of_no_sensor_is_refused(site: Site, name: str) -> None:
    with pytest.raises(FengsuiError) as caught:
        site.enrolments.issue_token(name, "unit")
    assert caught.value.code == "collector.enrolment.name"


def test_the_token_is_stored_as_its_digest_only(site: Site) -> None:
    token = site.enrolments.issue_token("pay-1", "pay")
    stored = b"".join(path.read_bytes() for path in site.folder.glob("state.db*"))
    assert token.encode() not in stored


def test_the_same_local_key_changes_nothing_and_another_enrols_anew(site: Site) -> None:
    site.enrol("gate")
    before = site.enrolments.version
    site.enrol("gate")
    assert site.enrolments.version == before
    site.enrol("gate", OTHER_KEY)
    assert [one.number for one in site.enrolments.all() if one.sensor == "gate"] == [2]
    assert not site.enrolments.of_batch("gate", 1).current


def test_an_unknown_sensor_cannot_be_revoked(site: Site) -> None:
    with pytest.raises(FengsuiError, match="no sensor nobody"):
        site.enrolments.revoke("nobody")


@pytest.mark.parametrize("taken_in", [True, False])
@pytest.mark.parametrize("place", [0.1, 0.5])
def test_a_sensor_whose_chain_is_damaged_goes_on_once_it_is_enrolled_anew(
    site: Site, sensor: FakeSensor, *, taken_in: bool, place: float
) -> None:
    site.intake.accept(framed(*[sensor.batch() for _ in range(4)]))
    if taken_in:
        site.rounds()
    path = site.segments / "gate" / "000000000001.seg"
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * place)] ^= 1
    path.write_bytes(raw)
    site.close()
    again = Site(site.folder, clock=site.clock)
    again.enrol("gate", OTHER_KEY)
    enrolled = again.enrolments.find("gate")
    assert enrolled is not None
    assert (enrolled.base_number == 4) == taken_in or not taken_in
    fresh = FakeSensor(key=OTHER_KEY, enrolment=2, number=enrolled.base_number)
    fresh.offset = sensor.offset
    again.intake.accept(framed(fresh.batch()))
    again.rounds()
    assert again.count() == 3 * (enrolled.base_number + 1)
    (aside,) = (site.segments / "gate").glob("*.damaged")
    assert aside.read_bytes() == raw
    assert {one.name: one.refused for one in again.intake.status()}["gate"] == ""
    again.close()


def test_a_local_sensor_that_was_revoked_is_enrolled_anew_with_the_same_key(site: Site) -> None:
    site.enrolments.revoke("gate")
    site.enrol("gate")
    found = site.enrolments.find("gate")
    assert found is not None
    assert (found.number, found.status) == (2, "active")
