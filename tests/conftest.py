"""Real services for the tests that ask for one: started once a session, serial, never mocked.

A test that takes one of these fixtures is a ``service`` test without saying so. Where a program is
missing it is skipped and says which; on an integration machine (``CI=true``) that is a failure.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from deploy.services import Cluster, Elasticsearch, Kafka, Proxies, Proxy

SERVICES = frozenset({"kafka", "kafka3", "kafka_secure", "elasticsearch", "proxies"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVICES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.service)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Whatever a test killed or paused runs again before the next one."""
    for name in SERVICES.intersection(getattr(item, "fixturenames", ())):
        if name in _RUNNING:
            _RUNNING[name].heal()


_RUNNING: dict[str, Cluster] = {}
Service = TypeVar("Service", bound="Cluster")


def _session(name: str, make: Callable[[], Service]) -> Iterator[Service]:
    """That service from its first use to the end of the session."""
    from deploy.services import MissingToolError

    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("service tests run one after another: pytest -m service -n 0")
    try:
        service = make()
    except MissingToolError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    with service:
        service.start()
        _RUNNING[name] = service
        yield service
        del _RUNNING[name]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker, open to everybody on this machine."""
    from deploy.services import Kafka

    yield from _session("kafka", lambda: Kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="session")
def kafka3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Three brokers: three copies of everything, acknowledged once two have it."""
    from deploy.services import Kafka

    yield from _session("kafka3", lambda: Kafka(tmp_path_factory.mktemp("kafka3"), nodes=3))


@pytest.fixture(scope="session")
def kafka_secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker that wants a certificate and a login, and forbids what no ACL allows."""
    from deploy.services import Kafka

    folder = tmp_path_factory.mktemp("kafka-secure")
    yield from _session("kafka_secure", lambda: Kafka(folder, secure=True))


@pytest.fixture(scope="session")
def elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    """One search node."""
    from deploy.services import Elasticsearch

    folder = tmp_path_factory.mktemp("elasticsearch")
    yield from _session("elasticsearch", lambda: Elasticsearch(folder))


@pytest.fixture(scope="session")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    """The process links with faults live in."""
    from deploy.services import Proxies

    yield from _session("proxies", lambda: Proxies(tmp_path_factory.mktemp("proxies")))


@pytest.fixture
def link(proxies: Proxies) -> Iterator[Callable[..., Proxy]]:
    """``link(upstream, port=None)``: a link this test can delay, cut or leave half open."""
    with contextlib.ExitStack() as made:

        def make(upstream: int, *, port: int | None = None) -> Proxy:
            proxy = proxies.link(upstream, port=port)
            made.callback(proxy.remove)
            return proxy

        yield make


@pytest.fixture
def own_prefix() -> str:
    """What this test's topics, groups and indexes begin with, so that no other test sees them."""
    return f"t{uuid.uuid4().hex[:12]}"
