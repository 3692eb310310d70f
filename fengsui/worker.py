"""Worker: one process of the analytics tier, its stages on the brokers until it is stopped.

It needs the brokers and a folder of its own, which may be lost: state is read again from the
brokers then. More workers are more of these processes, each with its own folder.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Final

from analytics.streaming.layout import Layout
from analytics.streaming.runner.site import Site
from analytics.streaming.stages import SiteStages
from collector.bus import topics
from collector.bus.sealed import Sealing
from collector.bus.topics import Topic
from dashboard_api.metrics import Metrics
from fengsui import bus
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder, Ownership
from fengsui.settings import BusSettings, Settings
from fengsui.training import PatientTrainer
from fengsui.worker_artefacts import TopicArtefacts
from schema.bus import Place, Record
from schema.errors import FengsuiError
from schema.ports import Entropy

_logger = logging.getLogger(__name__)

METRICS_FILE: Final = "metrics.prom"
"""In the folder's ``run``: for the text-file collector of a Prometheus node exporter."""
METRICS_PREFIX: Final = "fengsui_analytics_"

_NAME_BYTES: Final = 6

_CHANGELOG: Final = Topic(
    name="changelog",
    partitions=None,
    retention_ms=topics.FOREVER,
    key="name of the entry",
    what="what stages keep, entry by entry",
)


def run_worker(root: Path, settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; the last checkpoint is written then.

    Raises ``fengsui.worker.no_bus``, ``fengsui.folder.in_use``, ``collector.bus.*`` and the errors
    of :mod:`analytics.streaming.runner.quix`.
    """
    if not settings.bus.brokers:
        raise FengsuiError(
            "fengsui.worker.no_bus",
            "a worker needs brokers: set bus.brokers; without them `fengsui up` does its work",
        )
    folder = DataFolder(root)
    owner = Ownership(folder)
    try:
        _run(folder, settings.bus)
    finally:
        owner.release()


def _run(folder: DataFolder, settings: BusSettings) -> None:
    # The library brings a client of its own maker's that warns about its other libraries.
    with warnings.catch_warnings(record=True):
        from analytics.streaming.runner.quix import QuixRunner

    entropy, clock, metrics = SystemEntropy(), SystemClock(), Metrics()
    layout = Layout(accepted=settings.partitions, hits=settings.partitions)
    artefacts = TopicArtefacts(
        folder.root / "artefacts",
        Place(topics.ARTEFACTS.full_name(settings.prefix), 0),
        bus.Brokers(settings, entropy).reader,
    )
    site = site_of(settings, folder, entropy)
    runner = QuixRunner(
        SiteStages(artefacts, PatientTrainer(), layout=layout),
        site=site,
        gauges=metrics,
        clock=clock.now,
    )
    told = folder.run / METRICS_FILE
    _logger.info("the worker starts", extra={"worker": site.worker, "group": site.group})
    runner.run(lambda: _write_metrics(told, metrics))
    _logger.info("the worker has stopped", extra={"worker": site.worker})


def site_of(settings: BusSettings, folder: DataFolder, entropy: Entropy) -> Site:
    """What the runner is told of the brokers of the settings."""
    sealing = bus.sealing_of(settings, entropy)
    return Site(
        connection=bus.access_of(settings).confluent(),
        topics={
            "accepted": topics.ACCEPTED.full_name(settings.prefix),
            "hits": topics.HITS.full_name(settings.prefix),
            "hours": topics.HOURS.full_name(settings.prefix),
            "decided": topics.DECIDED.full_name(settings.prefix),
        },
        group=group_of(settings),
        worker=name_of(folder, entropy),
        state=folder.root / "state",
        message_bytes_max=topics.MESSAGE_BYTES_MAX,
        partitions=settings.partitions,
        changelog=_CHANGELOG.config,
        cover=None if sealing is None else _Cover(sealing),
    )


def group_of(settings: BusSettings) -> str:
    """The name all workers of a site read under."""
    return f"{settings.prefix}.analytics"


def name_of(folder: DataFolder, entropy: Entropy) -> str:
    """The worker's name, drawn once for its folder.

    A copied folder has the same: of two such workers the brokers let only the newer one write.
    """
    path = folder.root / "worker"
    if not path.exists():
        path.write_text(f"worker-{entropy.take(_NAME_BYTES).hex()}\n", "ascii")
    return path.read_text("ascii").strip()


class _Cover:
    """SM4-GCM over records and state, as the settings ask; see :mod:`collector.bus.sealed`."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing

    def seal(self, topic: str, key: bytes, value: bytes) -> bytes:
        return self._sealing.seal(topic, key, value)

    def open(self, topic: str, key: bytes, value: bytes) -> bytes:
        # Its partition and offset are told where the record is left out.
        return self._sealing.open(Record(Place(topic, -1), -1, key, value)).value


def _write_metrics(path: Path, metrics: Metrics) -> None:
    begun = path.with_suffix(".new")
    begun.write_text(metrics.text(METRICS_PREFIX), "utf-8")
    begun.replace(path)
