"""A worker's two kinds of work for ``bench cluster``: matching events, and stepping over hits.

What the centre wrote into ``accepted`` is read again and carried through the stages in this
process, without brokers between them: the rest of a worker's cost is theirs and the engine's.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from analytics.models.artefact import Artefact, TrainingRequest
from analytics.streaming.layout import Layout
from analytics.streaming.stage import Stage
from analytics.streaming.stages import SiteStages
from collector.bus import topics
from collector.bus.reading import BEGINNING
from fengsui import bus as buses
from fengsui.clock import SystemEntropy
from fengsui.settings import BusSettings
from fengsui.worker_artefacts import TopicArtefacts
from schema.bus import Place
from schema.errors import FengsuiError

RECORDS = 256


class _NoTrainer:
    def train(self, request: TrainingRequest) -> Artefact:
        raise FengsuiError("analytics.model.refused", f"nobody trains {request.model} here")


def seconds(folder: Path, settings: BusSettings) -> dict[str, float]:
    """CPU seconds of both over everything that stands in ``accepted``."""
    brokers = buses.Brokers(settings, SystemEntropy())
    artefacts = Place(topics.ARTEFACTS.full_name(settings.prefix), 0)
    layout = Layout(accepted=settings.partitions, hits=settings.partitions)
    shelf = TopicArtefacts(folder / "artefacts", artefacts, brokers.reader)
    stages = SiteStages(shelf, _NoTrainer(), layout=layout)
    matching = [stages.open("accepted", at, {}) for at in range(settings.partitions)]
    stepping = [stages.open("hits", at, {}) for at in range(settings.partitions)]
    accepted = topics.ACCEPTED.full_name(settings.prefix)
    spent = {"matching": 0.0, "stepping": 0.0}

    def take(what: str, stage: Stage, message: bytes) -> deque:
        begun = time.process_time()
        sent = deque(stage.take(message))
        spent[what] += time.process_time() - begun
        return sent

    places = [Place(accepted, at) for at in range(settings.partitions)]
    reader = brokers.reader(dict.fromkeys(places, BEGINNING))
    try:
        while records := reader.read(records_max=RECORDS, wait_seconds=3):
            for record in records:
                waiting = take("matching", matching[record.place.partition], record.value)
                while waiting:
                    sent = waiting.popleft()
                    if sent.lane == "hits":
                        waiting += take("stepping", stepping[sent.partition], sent.message)
    finally:
        reader.close()
    return spent
