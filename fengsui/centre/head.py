"""Head: how the feeder stands, as it lies in the state of record. Each change is a new one."""

from __future__ import annotations

from collections.abc import Mapping, Set

import msgspec

from analytics.engine import BEGINNING
from analytics.memory import NEVER
from schema.errors import FengsuiError
from schema.event import AcceptedBatch


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Of what the bus acknowledged, and of control that is kept to be sent."""

    cursors: dict[str, int] = {}
    lows: dict[str, int] = {}
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    watermark: int = BEGINNING
    newest: int = BEGINNING
    adopted: int = BEGINNING
    """When the newest rule set takes effect."""
    watched: dict[str, int] = {}
    """When the newest version of each register does."""
    rules: str = ""
    """Digest of the newest rule set."""
    facts: str = ""
    """SM3 of the registers and lists last sent."""

    @property
    def waited_for(self) -> Set[str]:
        """Who holds the watermark."""
        return {*self.required} - {*self.excluded}

    @property
    def until(self) -> int:
        """How far readers may go: wherever they are told while somebody is waited for."""
        return NEVER if self.waited_for else self.watermark

    @property
    def spoken_for(self) -> int:
        """When the newest of all rule sets and register versions takes effect."""
        return max(self.adopted, *self.watched.values(), BEGINNING)

    def low(self, sensor: str) -> int:
        """What the sensor has promised."""
        return self.lows.get(sensor, BEGINNING)

    def lowest(self) -> int:
        """The least promise of those who are waited for, long ago where nobody is."""
        return min(map(self.low, self.waited_for), default=BEGINNING)

    def promised(self, lows: Mapping[str, int]) -> Head:
        """With more of their word; one that says less than the word before changes nothing."""
        risen = {name: max(self.low(name), low) for name, low in lows.items()}
        return msgspec.structs.replace(self, lows={**self.lows, **risen})

    def acknowledged(self, batch: AcceptedBatch) -> Head:
        """Behind a batch the bus has."""
        cursors = {**self.cursors, batch.sensor: batch.number}
        promised = self.promised({batch.sensor: batch.low_watermark})
        return msgspec.structs.replace(promised, cursors=cursors)

    def requiring(self, sensor: str, since: int) -> Head:
        """Waiting for the sensor too, from that event time on."""
        required = tuple(sorted({*self.required, sensor}))
        return msgspec.structs.replace(self.readmitting(sensor, since), required=required)

    def readmitting(self, sensor: str, since: int) -> Head:
        """Waiting for the sensor again."""
        excluded = tuple(one for one in self.excluded if one != sensor)
        return msgspec.structs.replace(self.promised({sensor: since}), excluded=excluded)

    def excluding(self, sensor: str) -> Head:
        """Waiting for the sensor no longer."""
        return msgspec.structs.replace(self, excluded=tuple(sorted({*self.excluded, sensor})))

    def releasing(self, sensor: str) -> Head:
        """Without the sensor."""
        return msgspec.structs.replace(
            self,
            required=tuple(one for one in self.required if one != sensor),
            excluded=tuple(one for one in self.excluded if one != sensor),
        )

    def risen(self) -> Head:
        """With the watermark where the promises allow it; it never falls."""
        return msgspec.structs.replace(self, watermark=max(self.watermark, self.lowest()))

    def encode(self) -> bytes:
        """The form in the state of record."""
        return msgspec.msgpack.encode(self)


def decode(raw: bytes | None) -> Head:
    """The head of these bytes, a new one for none; raises ``fengsui.feeder.snapshot``."""
    if raw is None:
        return Head()
    try:
        return msgspec.msgpack.decode(raw, type=Head)
    except msgspec.DecodeError as error:
        raise FengsuiError(
            "fengsui.feeder.snapshot",
            f"how far the bus was fed cannot be read ({error}): restore a backup, or go through "
            "`fengsui migrate` to embedded and back",
        ) from error
