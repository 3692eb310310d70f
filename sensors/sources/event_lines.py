"""Events as lines: what sensors without a log saw, written down for a recording; one event a line.

For recordings alone: no site reads events from a file, since anybody could write one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from schema import event, times
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.sources import record
from sensors.sources.contract import Context

NAME: Final = "events"
"""As recordings name it."""


class EventLines:
    """Canonical events; each line tells its own dataset."""

    dataset = "fengsui.recording"

    def begins(self, line: bytes) -> bool:  # noqa: ARG002 - the port's signature
        """Every line."""
        return True

    def parse(self, records: Sequence[bytes], context: Context) -> list[Fields]:
        """See :class:`sensors.sources.contract.Format`."""
        return [self._event(raw, context) for raw in records]

    def _event(self, raw: bytes, context: Context) -> Fields:
        try:
            fields = event.decode(raw)
            times.from_text(str(fields[event.TIME]))
        except (FengsuiError, KeyError, ValueError):
            text, _ = record.decode(raw)
            return {
                event.TIME: times.to_text(context.now()),
                event.DATASET: self.dataset,
                "event.action": "unparsed",
                event.ORIGINAL: text,
                "gov.time.assumed": True,
                "host.name": context.host,
            }
        fields.setdefault("host.name", context.host)
        return fields
