"""Who comes in: TLS, certificate and SCRAM; and what a sensor may do once it is in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bus_site import MakeAccess, SecureSite

from collector.bus.access import Access
from collector.bus.confluent_bus import ConfluentReader, ConfluentWriter
from collector.bus.kafka_bus import KafkaPythonReader, KafkaPythonWriter
from collector.bus.reading import BEGINNING, Group
from crypto.errors import CryptoError
from deploy.services import Kafka
from schema.bus import BusReader, BusWriter, Place
from schema.errors import FengsuiError

WRITERS = [
    pytest.param(KafkaPythonWriter, id="kafka-python"),
    pytest.param(ConfluentWriter, id="confluent"),
]
READERS = [
    pytest.param(KafkaPythonReader, id="kafka-python"),
    pytest.param(ConfluentReader, id="confluent"),
]


def refusal(act: Callable[[], object]) -> FengsuiError:
    with pytest.raises(FengsuiError) as raised:
        act()
    assert raised.value.code == "schema.bus.refused"
    return raised.value


def written(writer: BusWriter, place: Place) -> None:
    writer.send(place, key=b"k", value=b"v")
    writer.flush()


@pytest.mark.parametrize(
    ("brokers", "why"),
    [
        ((), "no broker is named"),
        (("kafka.example:9092",), "another machine and the way is plain"),
        (("localhost",), "no broker's address"),
        (("localhost:0",), "no broker's address"),
        (("localhost:99999",), "no broker's address"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(brokers: tuple[str, ...], why: str) -> None:
    with pytest.raises(FengsuiError, match=why) as raised:
        Access(brokers=brokers)
    assert raised.value.code == "collector.bus.address"


def test_a_password_never_goes_over_a_plain_way(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="needs a password file and TLS"):
        Access(brokers=("localhost:1",), user="u", password_file=tmp_path / "p")


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")
    with pytest.raises(FengsuiError, match=r"ca\.pem") as raised:
        Access(brokers=("localhost:1",), ca=path).context()
    assert raised.value.code == "collector.bus.certificate"


@pytest.mark.parametrize("make", WRITERS)
def test_everybody_comes_in_with_certificate_and_password(
    secure_site: SecureSite, make: Callable[[Access], BusWriter]
) -> None:
    for access in (secure_site.chief, secure_site.gate):
        writer = make(access)
        written(writer, Place(secure_site.topic("batches"), 0))
        writer.close()


@pytest.mark.parametrize("make", WRITERS)
def test_a_wrong_password_is_told_as_such(
    secure_site: SecureSite, access_as: MakeAccess, make: Callable[[Access], BusWriter]
) -> None:
    writer = make(access_as(secure_site.logins["gate"], password="guessed"))
    error = refusal(lambda: written(writer, Place(secure_site.topic("batches"), 0)))
    assert "do not take user" in str(error)
    assert "guessed" not in str(error)


@pytest.mark.parametrize("make", READERS)
def test_a_reader_with_a_wrong_password_is_told_so(
    secure_site: SecureSite, access_as: MakeAccess, make: Callable[..., BusReader]
) -> None:
    place = Place(secure_site.topic("receipts"), 0)
    reader = make(access_as(secure_site.logins["gate"], password="guessed"), {place: BEGINNING})
    error = refusal(lambda: reader.read(records_max=1, wait_seconds=1))
    assert "do not take user" in str(error)


@pytest.mark.parametrize("make", WRITERS)
@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_without_a_certificate_of_the_site_nobody_comes_in(
    secure_site: SecureSite,
    kafka_secure: Kafka,
    access_as: MakeAccess,
    make: Callable[[Access], BusWriter],
    who: str,
) -> None:
    login = secure_site.logins["gate"]
    access = (
        access_as(login, anonymous=True)
        if who == "nobody"
        else access_as(login, identity=kafka_secure.stranger(login.user))
    )
    error = refusal(lambda: written(make(access), Place(secure_site.topic("batches"), 0)))
    assert "TLS" in str(error)
    assert "certificate" in str(error)


@pytest.mark.parametrize("make", WRITERS)
def test_brokers_of_another_authority_are_not_trusted(
    secure_site: SecureSite,
    kafka_secure: Kafka,
    access_as: MakeAccess,
    make: Callable[[Access], BusWriter],
) -> None:
    strange = kafka_secure.stranger("other").authority
    access = access_as(secure_site.logins["gate"], ca=strange)
    error = refusal(lambda: written(make(access), Place(secure_site.topic("batches"), 0)))
    assert "not trusted here" in str(error)


def test_a_key_that_others_may_read_is_refused(
    secure_site: SecureSite, access_as: MakeAccess
) -> None:
    login = secure_site.logins["gate"]
    access = access_as(login)
    assert access.password_file is not None
    access.password_file.chmod(0o644)
    with pytest.raises(CryptoError, match="0644"):
        access.kafka_python()


@pytest.mark.parametrize("make", WRITERS)
@pytest.mark.parametrize("name", ["accepted", "receipts", "hits", "decided", "artefacts"])
def test_a_sensor_writes_nothing_but_batches_and_heartbeats(
    secure_site: SecureSite, make: Callable[[Access], BusWriter], name: str
) -> None:
    writer = make(secure_site.gate)
    error = refusal(lambda: written(writer, Place(secure_site.topic(name), 0)))
    assert secure_site.topic(name) in str(error)
    for allowed in ("batches", "heartbeats"):
        written(writer, Place(secure_site.topic(allowed), 1))
    writer.close()


@pytest.mark.parametrize("make", READERS)
@pytest.mark.parametrize("name", ["batches", "heartbeats", "accepted", "decided"])
def test_a_sensor_reads_nothing_but_receipts(
    secure_site: SecureSite, make: Callable[..., BusReader], name: str
) -> None:
    place = Place(secure_site.topic(name), 0)
    reader = make(secure_site.gate, {place: 0})
    refusal(lambda: [reader.read(records_max=1, wait_seconds=1) for _ in range(5)])
    reader.close()
    receipts = Place(secure_site.topic("receipts"), 0)
    writer = KafkaPythonWriter(secure_site.centre)
    written(writer, receipts)
    writer.close()
    reader = make(secure_site.gate, {receipts: BEGINNING})
    assert [one.value for one in reader.read(records_max=9, wait_seconds=10)] == [b"v"]
    reader.close()


@pytest.mark.parametrize("make", READERS)
def test_the_centre_reads_batches_in_a_group_of_the_site_and_in_no_other(
    secure_site: SecureSite, make: Callable[..., BusReader]
) -> None:
    topic = secure_site.topic("batches")
    writer = KafkaPythonWriter(secure_site.gate)
    written(writer, Place(topic, 0))
    writer.close()
    reader = make(secure_site.centre, Group(name=secure_site.topic("centre"), topics=(topic,)))
    got = [one for _ in range(10) for one in reader.read(records_max=9, wait_seconds=1)]
    assert [one.value for one in got] == [b"v"]
    reader.commit()
    reader.close()
    other = make(secure_site.centre, Group(name="other", topics=(topic,)))
    refusal(lambda: [other.read(records_max=1, wait_seconds=1) for _ in range(5)])
    other.close()
