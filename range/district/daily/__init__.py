"""Daily work: the district's network, machines, VPN and bastion host, and what is done to them.

Nothing here is started: lines come from what such products write, events from what our own sensors
see. All names and addresses are made up.
"""

from __future__ import annotations

from district.daily.daily import Daily
from district.stream import Sink
from district.system import System
from district.town import Town

__all__ = ["make"]


def make(town: Town, sink: Sink) -> System:
    """The system, anew for each run."""
    return Daily(town, sink)
