"""AssetDesk: what is to be done about assets, and its acceptance into a proposal.

What events show since the last look is learned when somebody asks: hosts and ports at most once a
minute, everything else about them at most once an hour.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from collector.assets.sightings import Asset, Sightings
from collector.assets.worklist import RANGES, REGISTER, Entry, accepted, entries
from collector.registers import importer
from collector.registers.importer import Mask
from collector.registers.store import RegisterStore
from schema.errors import FengsuiError
from schema.ports import Clock, EventReader
from schema.registers import RegisterVersion
from schema.times import DAY, HOUR, MINUTE

LOOKED_BACK_US: Final = 30 * DAY
"""Of the first look; `fengsui register assets --rebuild` looks at all that is stored."""
_LOOK_US: Final = MINUTE
_DETAILS_US: Final = HOUR
"""Many small searches, some seconds of them on a large site."""


@dataclass(slots=True, kw_only=True)
class AssetDesk:
    """The assets of one site."""

    sightings: Sightings
    events: EventReader
    store: RegisterStore
    mask: Mask
    clock: Clock
    _looked_at: int = 0
    _detailed_at: int = 0
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def work(self, *, rebuild: bool = False) -> list[Entry]:
        """Everything to be done now."""
        now = self.clock.now()
        self._look(now, rebuild=rebuild)
        view = self.store.view()
        return list(
            entries(
                view.rows(REGISTER, now),
                self.sightings.assets(),
                now=now,
                ranges=view.rows(RANGES, now),
            )
        )

    def seen(self) -> list[Asset]:
        """Every host that events show, by name."""
        self._look(self.clock.now())
        return self.sightings.assets()

    def _look(self, now: int, *, rebuild: bool = False) -> None:
        with self._looking:
            if rebuild:
                self.sightings.rebuild(self.events, now=now)
                self._detailed_at = now
            elif not 0 <= now - self._looked_at < _LOOK_US:
                details = not 0 <= now - self._detailed_at < _DETAILS_US
                since = self.sightings.last_at() or now - LOOKED_BACK_US
                # A day's last hour is looked at in the next: else its details were never learned.
                since -= DAY if details else 0
                self.sightings.learn(self.events, since=since, now=now, details=details)
                if details:
                    self._detailed_at = now
            self._looked_at = now

    def accept(self, asset: str, *, by: str, unit: str = "", owner: str = "") -> RegisterVersion:
        """Propose what the list found of an asset: its row, its ports, or its end.

        ``unit`` and ``owner`` go into the row. Raises ``collector.register.unknown_asset`` where
        nothing is to be done that a proposal does: whose an orphan is a person has to say.
        """
        found = [one for one in self.work() if one.asset == asset]
        if not (unit or owner):
            found = [one for one in found if one.finding != "orphan"]
        if not found:
            raise FengsuiError(
                "collector.register.unknown_asset",
                f"nothing of {asset[:80]} can be accepted: name an orphan's unit and owner",
                asset=asset[:80],
            )
        if any(one.finding == "vanished" for one in found) and not (unit or owner):
            return self.store.propose_end(REGISTER, (asset,), by=by)
        row = self.store.view().lookup(REGISTER, (asset,), self.clock.now())
        cells = {"asset": asset, **accepted(found, row, unit=unit, owner=owner)}
        draft = importer.draft(self.store.descriptions.get(REGISTER), cells, mask=self.mask)
        return self.store.propose(REGISTER, [draft], whole=False, source="events", by=by)
