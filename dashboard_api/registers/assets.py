"""AssetDesk: what is to be done about assets, and its acceptance into a proposal.

What events show since the last look is learned when somebody asks, at most once a minute.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from collector.assets.sightings import Sightings
from collector.assets.worklist import REGISTER, Entry, accepted, entries
from collector.registers import importer
from collector.registers.importer import Mask
from collector.registers.store import RegisterStore
from schema.errors import FengsuiError
from schema.ports import Clock, EventReader
from schema.registers import RegisterVersion
from schema.times import DAY, MINUTE

LOOKED_BACK_US: Final = 30 * DAY
"""Of the first look; `fengsui register assets --rebuild` looks at all that is stored."""
_LOOK_US: Final = MINUTE


@dataclass(slots=True, kw_only=True)
class AssetDesk:
    """The assets of one site."""

    sightings: Sightings
    events: EventReader
    store: RegisterStore
    mask: Mask
    clock: Clock
    _looked_at: int = 0
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def work(self, *, rebuild: bool = False) -> list[Entry]:
        """Everything to be done now."""
        now = self.clock.now()
        with self._looking:
            if rebuild:
                self.sightings.rebuild(self.events, now=now)
            elif not 0 <= now - self._looked_at < _LOOK_US:
                since = self.sightings.last_at() or now - LOOKED_BACK_US
                self.sightings.learn(self.events, since=since, now=now)
            self._looked_at = now
        rows = self.store.view().rows(REGISTER, now)
        return list(entries(rows, self.sightings.assets(), now=now))

    def accept(self, asset: str, *, by: str) -> RegisterVersion:
        """Propose what the list found of an asset: its row, its ports, or its end.

        Raises ``collector.register.unknown_asset`` where nothing is to be done that a proposal
        does; who owns an orphan a person has to say.
        """
        found = [one for one in self.work() if one.asset == asset and one.finding != "orphan"]
        if not found:
            raise FengsuiError(
                "collector.register.unknown_asset",
                f"nothing of {asset[:80]} can be accepted: an orphan's unit and owner are imported",
                asset=asset[:80],
            )
        if any(one.finding == "vanished" for one in found):
            return self.store.propose_end(REGISTER, (asset,), by=by)
        row = self.store.view().lookup(REGISTER, (asset,), self.clock.now())
        cells = {"asset": asset, **accepted(found[0], row)}
        draft = importer.draft(self.store.descriptions.get(REGISTER), cells, mask=self.mask)
        return self.store.propose(REGISTER, [draft], whole=False, source="events", by=by)
