"""AssetDesk: what is to be done about assets, and its acceptance into a proposal.

What events show since the last look is learned when somebody asks: hosts and ports at most once a
minute, everything else about them at most once an hour.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from collector.assets.dismissals import Dismissal, Dismissals, unknown
from collector.assets.sightings import Asset, Sightings
from collector.assets.worklist import RANGES, REGISTER, Entry, Finding, accepted, entries
from collector.registers import importer
from collector.registers.importer import Mask
from collector.registers.store import RegisterStore
from schema.errors import FengsuiError
from schema.event import Fields
from schema.ports import Clock, EventReader
from schema.registers import FOREVER, Draft, RegisterVersion, pack_key
from schema.times import DAY, HOUR, MINUTE

LOOKED_BACK_US: Final = 30 * DAY
"""Of the first look; `fengsui register assets --rebuild` looks at all that is stored."""
_LOOK_US: Final = MINUTE
_DETAILS_US: Final = HOUR
"""Many small searches, some seconds of them on a large site."""
SOURCE: Final = "events"
"""Where the rows of an accepted entry come from, in place of a file's name."""


@dataclass(slots=True, kw_only=True)
class AssetDesk:
    """The assets of one site."""

    sightings: Sightings
    dismissals: Dismissals
    events: EventReader
    store: RegisterStore
    mask: Mask
    clock: Clock
    _looked_at: int = 0
    _detailed_at: int = 0
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def work(self, *, rebuild: bool = False) -> list[Entry]:
        """Everything to be done now that nobody set aside."""
        now = self.clock.now()
        self._look(now, rebuild=rebuild)
        view = self.store.view()
        found = entries(
            view.rows(REGISTER, now),
            self.sightings.assets(),
            now=now,
            ranges=view.rows(RANGES, now),
        )
        return list(self.dismissals.left(found))

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

    def proposed(self) -> tuple[int, frozenset[str]]:
        """The open proposal of assets and whom it is about; 0 where nothing waits."""
        waiting = self.store.waiting(REGISTER)
        if waiting is None:
            return 0, frozenset()
        try:
            changes = self.store.proposed(REGISTER, waiting.number)
            return waiting.number, frozenset(one.key[0] for one in changes)
        except FengsuiError:
            # Decided between the two questions.
            return 0, frozenset()

    def accept(
        self,
        asset: str,
        *,
        by: str,
        finding: Finding | None = None,
        unit: str = "",
        owner: str = "",
        reason: str = "",
    ) -> RegisterVersion:
        """Propose what the list found of an asset: its row, its ports, or its end.

        Beside what the same person accepted and nobody decided yet. Raises
        ``collector.register.unknown_asset`` where nothing is to be done that a proposal does: who
        owns an orphan a person has to say; and ``.waits`` where somebody else's proposal is open.
        """
        work = [one for one in self.work() if one.asset == asset]
        row = self.store.view().lookup(REGISTER, (asset,), self.clock.now())
        unit = unit or next((one.suggested_unit for one in work if one.suggested_unit), "")
        given: Fields = {n: text for n, text in (("unit", unit), ("owner", owner)) if text}
        said = (row.fields if row else {}) | given
        complete = bool(said.get("unit") and said.get("owner"))
        found = [
            one
            for one in work
            if finding in (None, one.finding) and (complete or one.finding != "orphan")
        ]
        if not found:
            raise FengsuiError(
                "collector.register.unknown_asset",
                f"nothing of {asset[:80]} can be accepted: an orphan needs its unit and owner",
                asset=asset[:80],
            )
        if any(one.finding == "vanished" for one in found):
            draft = Draft(pack_key((asset,)), b"", None, FOREVER)
        else:
            cells = {"asset": asset, **accepted(found, row, unit=unit, owner=owner)}
            draft = importer.draft(self.store.descriptions.get(REGISTER), cells, mask=self.mask)
        return self.store.propose_beside(REGISTER, [draft], source=SOURCE, by=by, reason=reason)

    def dismiss(self, asset: str, finding: Finding, *, reason: str, by: str) -> Dismissal:
        """Set an entry aside; raises ``collector.assets.unknown``."""
        for one in self.work():
            if (one.asset, one.finding) == (asset, finding):
                return self.dismissals.dismiss(one, reason=reason, by=by, now=self.clock.now())
        raise unknown(asset)
