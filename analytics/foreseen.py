"""Foreseen: provisional alerts, shown early and taken back by name where they do not come true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from analytics.keys.keyed import Key
from analytics.memory import Hit
from schema.alert import Alert

PROVISIONAL_KEYS_MAX: Final = 10_000
"""Keys a provisional look steps: it is for people to see early, and runs each second."""


class Foreseen:
    """Alerts last shown as provisional."""

    def __init__(self) -> None:
        self._shown: dict[str, Alert] = {}

    def look(self, waiting: Iterable[tuple[Key, list[Hit]]]) -> list[Alert]:
        """Alerts that hold over hits still waiting, where they differ from last time.

        Those that no longer hold come as withdrawn. No key is changed.
        """
        found: dict[str, Alert] = {}
        for number, (key, hits) in enumerate(waiting):
            if number == PROVISIONAL_KEYS_MAX:
                break
            found.update(key.provisional(hits))
        changed = [msgspec.structs.replace(alert, state="provisional") for alert in found.values()]
        changed = [alert for alert in changed if self._shown.get(alert.id) != alert]
        gone = [
            msgspec.structs.replace(alert, state="withdrawn")
            for name, alert in self._shown.items()
            if name not in found
        ]
        for alert in gone:
            del self._shown[alert.id]
        self._shown.update((alert.id, alert) for alert in changed)
        return in_time_order([*changed, *gone])

    def settle(self, alerts: dict[str, Alert], watermark: int) -> None:
        """A step decided these alerts: those shown that it passed by are withdrawn among them."""
        for name, alert in list(self._shown.items()):
            if name in alerts:
                del self._shown[name]
            elif alert.decided_at < watermark:
                del self._shown[name]
                alerts[name] = msgspec.structs.replace(alert, state="withdrawn")

    def dump(self) -> tuple[Alert, ...]:
        """The snapshot form."""
        return tuple(self._shown.values())

    def restore(self, alerts: Iterable[Alert]) -> None:
        """Take over a snapshot."""
        self._shown = {alert.id: alert for alert in alerts}


def in_time_order(alerts: Iterable[Alert]) -> list[Alert]:
    """By deciding time, then by id."""
    return sorted(alerts, key=lambda alert: (alert.decided_at, alert.id))
