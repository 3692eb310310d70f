"""The hall of one site: how its signing processes are started, and how their heads are signed."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import msgspec

from crypto.errors import CryptoError
from dashboard_api.custody.authority import SiteAuthority
from dashboard_api.signing.hall import Hall
from dashboard_api.signing.heads import Head, Heads
from dashboard_api.signing.slot import Child
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.keyring import journal_key
from fengsui.signing_parameters import Parameters
from fengsui.wiring import Site
from schema.disk import replace_file
from schema.errors import FengsuiError
from schema.times import SECOND

_logger = logging.getLogger(__name__)

MODULE: Final = "fengsui.signing_process"
SHARES: Final = "shares.json"


class Shares(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Among how many processes the applications are shared out, and since when."""

    workers: int
    since: int
    """Unix seconds; 0 where it was never otherwise."""


class Starter:
    """Starts the signing processes of one site and signs their heads; waits for the disk."""

    def __init__(self, site: Site, authority: SiteAuthority) -> None:
        self._site = site
        self._authority = authority
        self._lock = threading.Lock()
        self._floor: int | None = None

    def start(self, slot: int) -> Child:
        """Start the process of a slot. What it needs is there before it, so that two never make
        the same file at once.
        """
        site = self._site
        with self._lock:
            journal_key(site.folder, SystemEntropy())
            self._need_stamping()
            if self._floor is None:
                self._floor = self._settle_shares()
        heads = self._heads(slot)
        heads.catch_up()
        return _start(
            Parameters(
                root=str(site.folder.root.absolute()),
                slot=slot,
                crypto=site.settings.crypto,
                newest=heads.newest(),
                floor=self._floor,
                shf=site.settings.signing.shf,
            )
        )

    def _need_stamping(self) -> None:
        """Open the key store, with the time-stamping key in it."""
        try:
            self._authority.need_stamping()
        except CryptoError as error:
            # Of a key somebody disabled: the rest of the service goes on without time stamps.
            if not error.code.startswith("crypto.key."):
                raise
            _logger.warning("no time stamps", extra={"code": error.code})

    def sign(self, slot: int, head: Head) -> None:
        """Sign where the journal of a slot stands, and store what was counted."""
        self._heads(slot).sign(head)

    def _heads(self, slot: int) -> Heads:
        site = self._site
        place = site.folder.signing / str(slot)
        return Heads(slot, place, site.keyring.audit, SystemClock(), site.database)

    def _settle_shares(self) -> int:
        """Since when an application meets the process it meets now, unix seconds.

        With another number of processes its nonces are in the files of another: what was signed
        before the change is believed by nobody any more, and what was counted there is stored.
        """
        folder, workers = self._site.folder.signing, self._site.settings.signing.workers
        path = folder / SHARES
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = _read_shares(path)
        if known is None or known.workers != workers:
            since = SystemClock().now() // SECOND if known else 0
            known = Shares(workers=workers, since=since)
            replace_file(path, msgspec.json.encode(known))
        for place in folder.iterdir():
            if place.name.isdecimal() and int(place.name) >= workers:
                try:
                    self._heads(int(place.name)).catch_up()
                except FengsuiError:
                    # Told by `fengsui signing verify` too; it is no reason to sign nothing.
                    _logger.exception("a journal of earlier processes could not be counted")
        return known.since


def open_hall(site: Site, authority: SiteAuthority) -> Hall:
    """A hall without any process: each is started at the first call for it.

    The key store is opened, and the time-stamping key made, with the first process.
    """
    starter = Starter(site, authority)
    workers = site.settings.signing.workers
    return Hall(workers=workers, start=starter.start, sign=starter.sign)


def _read_shares(path: Path) -> Shares | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Shares)
    except FileNotFoundError:
        return None


def _start(parameters: Parameters) -> Child:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", MODULE, str(theirs.fileno()),
                    msgspec.json.encode(parameters).decode(),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # A service manager gives secrets by the environment, and a test its engine.
                env=dict(os.environ),
                # An interrupt of the terminal is for the platform, which lets its processes end.
                start_new_session=True,
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
    return Child(process=process, line=ours)
