"""Upkeep of the national-crypto service: what the calendar asks for, looked at every minute.

Keys whose wait is over are destroyed; the authority's revocation lists are signed anew before they
are stale; approvals nobody gave end, and exported keys nobody took are dropped.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from dashboard_api.applications.approvals import Approvals
from dashboard_api.custody.authority import SiteAuthority
from dashboard_api.custody.key_desk import KeyDesk

_logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60.0
"""A key whose wait is over and a list that grows old are not left about; a look that finds nothing
costs one reading of the keys."""


class Upkeep:
    """Looks at once and then every minute, in a thread of its own or by :meth:`look`."""

    def __init__(self, keys: KeyDesk, authority: SiteAuthority, approvals: Approvals) -> None:
        self._due = (keys.destroy_due, authority.keep_lists, approvals.sweep)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look until :meth:`stop`."""
        self._thread = threading.Thread(target=self._run, name="signing-upkeep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the look that is under way, and take no other."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """Do what is due; what fails is named in the log and keeps nothing else from being done."""
        for do in self._due:
            try:
                do()
            except Exception:
                # An outermost loop: the next look may do.
                _logger.exception("keys, approvals and revocation lists could not be looked after")

    def _run(self) -> None:
        while True:
            self.look()
            if self._stop.wait(EVERY_SECONDS):
                return
