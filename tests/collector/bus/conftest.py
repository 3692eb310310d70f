"""Accesses to the real brokers of the session, open, three and secured; ``bus_site`` is importable
beside the tests.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bus_site import MakeAccess, SecureSite, make_topic

from collector.bus.access import Access
from deploy.services import Identity, Kafka, Login


@pytest.fixture
def access3(kafka3: Kafka) -> Access:
    return Access(brokers=tuple(kafka3.address.split(",")))


@pytest.fixture
def topic3(access3: Access, own_prefix: str) -> str:
    """One partition, three copies, two of which must have a record."""
    make_topic(access3, own_prefix, replication=3)
    return own_prefix


@pytest.fixture
def access_as(kafka_secure: Kafka, tmp_path: Path) -> MakeAccess:
    """``access_as(login, password=…, identity=…, ca=…)``: the files of a user on disk."""

    def make(
        login: Login,
        *,
        password: str | None = None,
        identity: Identity | None = None,
        anonymous: bool = False,
        ca: Path | None = None,
    ) -> Access:
        file = tmp_path / f"{login.user}-{password is None}.password"
        file.touch(mode=0o600)
        file.write_text((password or login.password) + "\n")
        shown = identity or login.identity
        return Access(
            brokers=tuple(kafka_secure.address.split(",")),
            ca=ca or login.identity.authority,
            certificate=None if anonymous else shown.certificate,
            key=None if anonymous else shown.key,
            user=login.user,
            password_file=file,
        )

    return make


@pytest.fixture
def secure_site(kafka_secure: Kafka, access_as: MakeAccess, own_prefix: str) -> SecureSite:
    return SecureSite(kafka_secure, access_as, own_prefix)
