"""Stages of one site: what reads each partition of each lane, begun anew or from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from analytics.engine import LATENESS_US
from analytics.streaming.artefacts import Artefacts, Library
from analytics.streaming.layout import Layout
from analytics.streaming.matching import Matching
from analytics.streaming.modelling import Modelling, Trainer
from analytics.streaming.stage import Lane, Stage
from analytics.streaming.stepping import Stepping
from schema.errors import FengsuiError

_Made: TypeAlias = Matching | Stepping | Modelling


class SiteStages:
    """Makes the stages of a site; those of one process share rules, registers and matchers.

    They are for one thread. See :class:`analytics.streaming.stage.Stages`.
    """

    def __init__(
        self,
        artefacts: Artefacts,
        trainer: Trainer,
        *,
        layout: Layout | None = None,
        lateness_us: int = LATENESS_US,
    ) -> None:
        self.layout = layout or Layout()
        self._library = Library(artefacts)
        self._trainer = trainer
        self._lateness = lateness_us

    def open(self, lane: Lane, partition: int, entries: Mapping[str, bytes]) -> Stage:
        """The stage that reads a partition, as it was when these entries had been written.

        Raises ``analytics.stream.partitions`` for a partition that is not there, and
        ``analytics.engine.snapshot_malformed``.
        """
        stage = self._made(lane, partition)
        try:
            stage.restore({name: raw for name, raw in entries.items() if raw})
        except (msgspec.DecodeError, ValueError, LookupError) as error:
            raise FengsuiError(
                "analytics.engine.snapshot_malformed",
                f"the snapshot of {lane}/{partition} cannot be read ({error}): rebuild the "
                "analytics tier from the segments",
            ) from error
        return stage

    def _made(self, lane: Lane, partition: int) -> _Made:
        layout, library = self.layout, self._library
        counts = {"accepted": layout.accepted, "hits": layout.hits, "hours": 1}
        if not 0 <= partition < counts.get(lane, 0):
            raise FengsuiError(
                "analytics.stream.partitions", f"no stage reads partition {partition} of {lane}"
            )
        if lane == "accepted":
            return Matching(partition, layout=layout, library=library, lateness_us=self._lateness)
        if lane == "hits":
            return Stepping(partition, layout=layout, library=library, lateness_us=self._lateness)
        return Modelling(
            layout=layout, library=library, trainer=self._trainer, lateness_us=self._lateness
        )
