"""Rising: final alerts on their way to the rules on rules, until nothing can change them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from schema.alert import Alert

PREFIX: Final = "rising"


class Rising:
    """Alerts that rules on rules will read, with the level they came from."""

    def __init__(self) -> None:
        self._alerts: dict[str, tuple[int, Alert]] = {}
        self._changed: dict[str, None] = {}

    def take(self, level: int, alerts: Iterable[Alert]) -> None:
        """Hold what a step decided on a level; one that is withdrawn does not rise."""
        for alert in alerts:
            self._changed[alert.id] = None
            if alert.state == "final":
                self._alerts[alert.id] = level, alert
            else:
                self._alerts.pop(alert.id, None)

    def ripe(self, settled: int, level: int | None = None) -> list[tuple[int, Alert]]:
        """Alerts nothing can change any more, in order: each once; of one level where it is named.

        ``settled`` is the time before which nothing of their level comes any more.
        """
        ripe = [
            one
            for one in self._alerts.values()
            if one[1].decided_at < settled and level in (None, one[0])
        ]
        ripe.sort(key=lambda one: (one[1].decided_at, one[1].id))
        for _, alert in ripe:
            del self._alerts[alert.id]
            self._changed[alert.id] = None
        return ripe

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked; empty bytes for what is gone."""
        for name in self._changed:
            rising = self._alerts.get(name)
            yield f"{PREFIX}/{name}", msgspec.msgpack.encode(rising) if rising else b""
        self._changed.clear()

    def restore(self, raw: bytes) -> None:
        """Take over one entry; raises ``msgspec.DecodeError``."""
        level, alert = msgspec.msgpack.decode(raw, type=tuple[int, Alert])
        self._alerts[alert.id] = level, alert
