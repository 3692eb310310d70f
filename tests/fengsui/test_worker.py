"""``fengsui worker run``: processes on real brokers decide what the engine in one process does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from analytics_world import World
from stream_world import Feed, Heard, check, fed
from test_simulation_kinds import END, EVENTS, RULES, VERSIONS

from analytics.streaming.messages import decided_of
from collector.bus.reading import BEGINNING
from dashboard_api.metrics import Metrics
from deploy.services.kafka import Login
from fengsui import bus
from fengsui.clock import SystemEntropy
from fengsui.folder import DataFolder
from fengsui.settings import BusSettings, Settings
from fengsui.worker import METRICS_FILE, name_of, run_worker, site_of
from fengsui.worker_artefacts import TopicArtefacts
from schema import artefact
from schema.bus import Place
from schema.errors import FengsuiError

PARTITIONS = 4
WORKER = "worker"
DECIDE_SECONDS = 120
FENGSUI = str(Path(sys.executable).parent / "fengsui")


class Site:
    """A site's brokers and its workers, each a process with its own folder."""

    def __init__(self, settings: BusSettings, folder: Path) -> None:
        self.settings = settings
        self.brokers = bus.Brokers(settings, SystemEntropy())
        self.workers: list[subprocess.Popen[bytes]] = []
        self._folder = folder
        self.run("cluster", "init", "--worker", WORKER, "--data", str(folder / "centre"))

    def run(self, *arguments: str) -> None:
        subprocess.run([FENGSUI, *arguments], env=environment(self.settings), check=True)

    def place(self, topic: str, partition: int = 0) -> Place:
        return Place(f"{self.settings.prefix}.{topic}", partition)

    def start(self, name: str, settings: BusSettings | None = None) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [FENGSUI, "worker", "run", "--data", str(self._folder / name)],
            env=environment(settings or self.settings),
            stderr=subprocess.PIPE,
        )
        self.workers.append(worker)
        return worker

    def write(self, one: Feed, first: float, last: float) -> None:
        """A share of the feed, each partition's in its order."""
        writer = self.brokers.writer()
        for raw in one.shelf.held.values() if first == 0 else ():
            for key, value in artefact.records(raw):
                writer.send(self.place("artefacts"), key=key, value=value)
        writer.flush()
        for partition, messages in enumerate(one.partitions):
            for message in messages[int(first * len(messages)) : int(last * len(messages))]:
                writer.send(self.place("accepted", partition), key=b"", value=message)
        writer.close()

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
            assert worker.stderr is not None
            worker.stderr.close()


def environment(settings: BusSettings) -> dict[str, str]:
    """The settings as variables, as a unit file would set them."""
    named = msgspec.to_builtins(settings)
    return {
        **os.environ,
        **{
            f"FENGSUI_BUS_{name.upper()}": ",".join(value)
            if isinstance(value, (list, tuple))
            else str(value)
            for name, value in named.items()
            if value
        },
    }


@pytest.fixture
def make_site(own_prefix, tmp_path):
    made = []

    def make(kafka, **settings) -> Site:
        wanted = BusSettings(
            brokers=tuple(kafka.address.split(",")),
            prefix=own_prefix,
            partitions=PARTITIONS,
            **settings,
        )
        made.append(Site(wanted, tmp_path))
        return made[-1]

    yield make
    for site in made:
        site.close()


def decided(site: Site, one: Feed) -> Heard:
    """What the workers tell until it is all the engine decided, or too long."""
    heard = Heard()
    reader = site.brokers.reader({site.place("decided"): BEGINNING})
    until = time.monotonic() + DECIDE_SECONDS
    while time.monotonic() < until and (
        len(heard.alerts) < len(one.expected.alerts) or heard.sums() != one.expected.sums()
    ):
        for record in reader.read(records_max=500, wait_seconds=1.0):
            heard.hear(decided_of(record.value))
        for worker in site.workers:
            if worker.poll() not in (None, -signal.SIGKILL):
                _, said = worker.communicate()
                pytest.fail(f"a worker ended with {worker.returncode}: {said.decode()[-2000:]}")
    for record in reader.read(records_max=500, wait_seconds=1.0):
        heard.hear(decided_of(record.value))
    reader.close()
    return heard


def world_of(seed: int) -> Feed:
    world = World(EVENTS, seed=seed, batch_max=40, versions=VERSIONS, end=END)
    one = fed(world, RULES, accepted=PARTITIONS)
    assert len(one.expected.alerts) > 100
    return one


@pytest.mark.long
def test_three_workers_one_killed_decide_what_the_engine_decides(make_site, kafka, tmp_path):
    site, one = make_site(kafka), world_of(3)
    site.write(one, 0, 0.4)
    first, _, last = (site.start(name) for name in "abc")
    time.sleep(8)
    site.write(one, 0.4, 0.6)
    first.kill()
    site.write(one, 0.6, 0.8)
    site.start("a")
    site.write(one, 0.8, 1)
    check(one, decided(site, one))
    last.terminate()
    assert last.wait(20) == 0
    told = (tmp_path / "b" / "run" / METRICS_FILE).read_text()
    assert 'fengsui_analytics_lane_lag_messages{lane="accepted"} 0' in told


def test_one_worker_that_seals_everything_decides_the_same(make_site, kafka, tmp_path):
    key = tmp_path / "bus.key"
    subprocess.run([FENGSUI, "cluster", "key", str(key)], check=True)
    site, one = make_site(kafka, seal="sm4-gcm", seal_key_files=(str(key),)), world_of(1)
    site.write(one, 0, 1)
    site.start("a")
    check(one, decided(site, one))
    # Read without the key, nothing on the brokers shows a message.
    plain = bus.Brokers(
        BusSettings(brokers=site.settings.brokers, prefix=site.settings.prefix), SystemEntropy()
    )
    reader = plain.reader({site.place("hits", p): BEGINNING for p in range(PARTITIONS)})
    records = reader.read(records_max=500, wait_seconds=5.0)
    reader.close()
    assert records
    for record in records:
        with pytest.raises(FengsuiError):
            decided_of(record.value)


@pytest.mark.long
def test_three_workers_go_on_while_one_of_three_brokers_is_killed(make_site, kafka3):
    site, one = make_site(kafka3), world_of(2)
    site.write(one, 0, 0.3)
    workers = [site.start(name) for name in "abc"]
    time.sleep(8)
    site.write(one, 0.3, 0.5)
    kafka3.kill(2)
    for step in range(5, 10):
        site.write(one, step / 10, (step + 1) / 10)
        time.sleep(1)
    kafka3.restart(2)
    check(one, decided(site, one))
    assert [worker.poll() for worker in workers] == [None, None, None]


def test_a_worker_has_the_rights_it_needs_and_no_more(make_site, kafka_secure, own_prefix):
    def way(login: Login) -> dict[str, str]:
        password = login.identity.key.with_name(f"{login.user}.password")
        password.write_text(login.password)
        password.chmod(0o600)
        return {
            "scram_user": login.user,
            "scram_password_file": str(password),
            "tls_ca": str(login.identity.authority),
            "tls_certificate": str(login.identity.certificate),
            "tls_key": str(login.identity.key),
        }

    site, one = make_site(kafka_secure, **way(kafka_secure.super_user)), world_of(4)
    worker = kafka_secure.add_user(WORKER)
    site.write(one, 0, 1)
    own = msgspec.structs.replace(site.settings, **way(worker))
    site.start("a", own)
    check(one, decided(site, one))
    writer = bus.Brokers(own, SystemEntropy()).writer()
    writer.send(site.place("accepted"), key=b"", value=b"forged")
    with pytest.raises(FengsuiError) as refused:
        writer.flush()
    assert refused.value.code.startswith("schema.bus.")


def test_an_artefact_is_read_from_its_topic_once_then_from_the_folder(make_site, kafka, tmp_path):
    site = make_site(kafka)
    raw = os.urandom(artefact.PART_BYTES_MAX + 10)
    writer = site.brokers.writer()
    for key, value in artefact.records(raw):
        writer.send(site.place("artefacts"), key=key, value=value)
    writer.close()
    name = artefact.digest_of(raw)
    folder = tmp_path / "artefacts"
    assert TopicArtefacts(folder, site.place("artefacts"), site.brokers.reader).get(name) == raw

    def nobody(_):
        raise AssertionError

    assert TopicArtefacts(folder, site.place("artefacts"), nobody).get(name) == raw


def test_an_artefact_that_is_not_there_is_named(make_site, kafka, tmp_path):
    site = make_site(kafka)
    artefacts = TopicArtefacts(tmp_path / "artefacts", site.place("artefacts"), site.brokers.reader)
    with pytest.raises(FengsuiError, match="holds no artefact abcd"):
        artefacts.get("abcd")


def test_a_worker_without_brokers_is_told_what_does_its_work(tmp_path):
    with pytest.raises(FengsuiError, match="without them `fengsui up` does its work"):
        run_worker(tmp_path / "worker", Settings())


def test_a_worker_keeps_the_name_drawn_for_its_folder(tmp_path):
    folder = DataFolder(tmp_path)
    first = name_of(folder, SystemEntropy())
    assert name_of(folder, SystemEntropy()) == first
    settings = BusSettings(brokers=("127.0.0.1:1",), prefix="town")
    site = site_of(settings, folder, SystemEntropy())
    assert (site.worker, site.group, site.topics["hits"]) == (first, "town.analytics", "town.hits")
    assert site.changelog(3)["min.insync.replicas"] == "2"


def test_metrics_of_other_tiers_are_left_out_of_a_workers_file():
    names = {
        line.split()[2]
        for line in Metrics().text("fengsui_analytics_").splitlines()
        if line.startswith("# TYPE")
    }
    assert "fengsui_analytics_lane_lag_messages" in names
    assert all(name.startswith("fengsui_analytics_") for name in names)
