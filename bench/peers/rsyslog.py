"""rsyslog with its Kafka and Elasticsearch modules: Debian's packages, unpacked without root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.peers.fetch import CACHE
from bench.peers.peer import MissingPeer

PACKAGES: Final = (
    "rsyslog", "rsyslog-kafka", "rsyslog-elasticsearch", "librdkafka1", "libestr0",
    "libfastjson4", "liblognorm5", "libcurl4", "libcurl3-gnutls",
)  # fmt: skip
POLL_SECONDS: Final = 0.1

LINES_TO_KAFKA: Final = """
module(load="imfile")
module(load="omkafka")
global(workDirectory="{state}" maxMessageSize="64k")
main_queue(queue.size="200000" queue.dequeueBatchSize="1024" queue.workerThreads="1")
template(name="line" type="list") {{ property(name="msg") }}
input(type="imfile" file="{lines}" tag="gate:" ruleset="out")
ruleset(name="out") {{
  action(type="omkafka" broker=["{broker}"] topic="{topic}" template="line"
         partitions.auto="on" confParam=["compression.codec=lz4", "acks=all",
         "queue.buffering.max.messages=500000", "linger.ms=50"])
}}
"""
"""A file followed into a topic, one line a record."""

KAFKA_TO_ELASTICSEARCH: Final = """
module(load="imkafka")
module(load="omelasticsearch")
module(load="mmnormalize")
global(workDirectory="{state}" maxMessageSize="64k")
main_queue(queue.size="200000" queue.dequeueBatchSize="1024" queue.workerThreads="1")
template(name="document" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="message" name="rawmsg" format="jsonf")
}}
input(type="imkafka" topic="{topic}" broker=["{broker}"] consumergroup="{group}"
      confParam=["auto.offset.reset=earliest"] ruleset="out")
ruleset(name="out") {{
  action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" searchIndex="{index}"
         searchType="" bulkmode="on" template="document" esVersion.major="8")
}}
"""
"""A topic into an index: time and text of each line, no fields of it."""


@dataclass(frozen=True, slots=True)
class Rsyslog:
    """An rsyslogd that runs from a folder."""

    root: Path
    name: str

    @property
    def _libraries(self) -> Path:
        return self.root / "usr/lib/x86_64-linux-gnu"

    def cpu_seconds(
        self, config: str, folder: Path, done: Callable[[], bool], wait: float
    ) -> float:
        """CPU time it takes until ``done``; raises ``TimeoutError`` after ``wait`` seconds."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rsyslog.conf").write_text(config, encoding="utf-8")
        command = [
            str(self.root / "usr/sbin/rsyslogd"), "-n", "-C",
            "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid"),
            "-M", str(self._libraries / "rsyslog"),
        ]  # fmt: skip
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self._libraries)}
        child = os.posix_spawn(command[0], command, environment)
        began = time.monotonic()
        try:
            while not done():
                if time.monotonic() - began > wait:
                    raise TimeoutError(f"{self.name} was not done after {wait:.0f} s")
                time.sleep(POLL_SECONDS)
        finally:
            os.kill(child, signal.SIGTERM)
            _, _, usage = os.wait4(child, 0)
        return usage.ru_utime + usage.ru_stime


def fetched() -> Rsyslog:
    """The peer, unpacked first; raises ``MissingPeer``."""
    root = CACHE / "rsyslog" / "root"
    if not (root / "usr/sbin/rsyslogd").exists():
        _unpack(root)
    told = subprocess.run(
        [str(root / "usr/sbin/rsyslogd"), "-v"],
        env={**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu")},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise MissingPeer(f"rsyslogd does not run: {told.stderr.strip()[-200:]}")
    return Rsyslog(root, f"rsyslog {told.stdout.split()[1]}")


def _unpack(root: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise MissingPeer("rsyslog comes from Debian's packages, and there is no apt-get here")
    packages = root.parent / "deb"
    packages.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["apt-get", "download", "-q", *PACKAGES], cwd=packages, check=True, capture_output=True
        )
        for package in sorted(packages.glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingPeer(f"Debian's packages of rsyslog could not be fetched: {error}") from error
