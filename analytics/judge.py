"""Judge: what carries events on asks of whoever decides, in this process or past it.

The engine decides where it stands. Past one process the judge hands batches and control on, and
brings back what was decided elsewhere; whoever drives it does not see the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Protocol

from analytics.engine import Output
from analytics.guards import Facts
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.roll import Row
from analytics.ruleset import RuleSet
from schema.alert import Alert
from schema.event import AcceptedBatch


class Waiting(Protocol):
    """Whom the rules wait for; see :class:`analytics.engine.Engine` for each."""

    @property
    def cursors(self) -> Mapping[str, int]:
        """Number of each sensor's last batch taken."""

    @property
    def watermark(self) -> int:
        """Names the times from which control counts: nothing of before it was promised since."""

    @property
    def required(self) -> Set[str]:
        """Sensors the watermark waits for, those excluded at present among them."""

    @property
    def excluded(self) -> Set[str]:
        """Sensors nothing waits for at present."""

    def require(self, sensor: str, since: int) -> None:
        """Wait for this sensor too, from that event time on."""

    def release(self, sensor: str) -> None:
        """Forget that this sensor was required."""

    def exclude(self, sensor: str) -> None:
        """Wait for this sensor no longer."""

    def readmit(self, sensor: str, since: int) -> None:
        """Wait for this sensor again, from that event time on."""


class Watching(Protocol):
    """Rules and registers, and since when they count."""

    @property
    def ruleset(self) -> RuleSet:
        """The newest rule set."""

    @property
    def free_from(self) -> int:
        """The first time from which other rules, or another register version, may take effect."""

    def know(self, facts: Facts) -> None:
        """Hold events against these registers and indicators from now on."""

    def watched(self, register: str) -> int:
        """From when on the newest version watched is in force; long ago for none."""

    def watch(self, register: str, rows: Iterable[Row], effective_at: int) -> None:
        """Know whom a register holds from that time on."""

    def adopt(self, ruleset: RuleSet, since: int) -> None:
        """Judge events from that time on by another rule set."""


class Judge(Waiting, Watching, Protocol):
    """Takes batches and decides; one that takes a batch twice counts it once.

    Past one process every method that hands something on may raise ``schema.bus.*``: nothing has
    changed then, or what has is handed on by the next :meth:`clear`.
    """

    @property
    def pending(self) -> int:
        """Hits that wait for the watermark: read the sensor of :meth:`holding` on when it grows."""

    @property
    def safe(self) -> Mapping[str, int]:
        """As :attr:`cursors`, of what need not be read again once a snapshot of now is stored."""

    @property
    def settled(self) -> int:
        """Events before this time cannot be evaluated any more."""

    def clear(self) -> None:
        """Return once more can be taken; raises ``schema.bus.*`` while nothing can."""

    def holding(self) -> str | None:
        """The sensor whose low watermark holds everything back, None where none does."""

    def feed(self, batch: AcceptedBatch) -> None:
        """Take a batch; one already taken changes nothing."""

    def heartbeat(self, sensor: str, low_watermark: int) -> None:
        """An idle sensor's word that it has nothing before this time."""

    def install(self, artefact: Artefact) -> None:
        """Score with this artefact."""

    def skip_training(self, request: TrainingRequest) -> None:
        """Go on with the artefact before: this training failed."""

    def advance(self) -> Output:
        """What has been decided since last asked."""

    def finish(self) -> Output:
        """The end of a replay: everything that still waits is decided now."""

    def provisional(self) -> Iterable[Alert]:
        """Alerts that hold over what still waits, where they differ from last time."""

    def snapshot(self) -> dict[str, bytes]:
        """Entries changed since the snapshot before; empty bytes delete an entry."""
