"""The hall of one site: how its signing processes are started, and how their heads are signed."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys

import msgspec

from crypto.errors import CryptoError
from dashboard_api.custody.authority import SiteAuthority
from dashboard_api.signing.hall import Hall
from dashboard_api.signing.heads import Head, Heads
from dashboard_api.signing.slot import Child
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.keyring import journal_key
from fengsui.signing_process import MODULE, Parameters
from fengsui.wiring import Site

_logger = logging.getLogger(__name__)


def open_hall(site: Site, authority: SiteAuthority) -> Hall:
    """A hall without any process: each is started at the first call for it.

    The key store is opened, and the time-stamping key made, with the first process.
    """
    folder, settings = site.folder, site.settings

    def heads(slot: int) -> Heads:
        place = folder.signing / str(slot)
        return Heads(slot, place, site.keyring.audit, SystemClock(), site.database)

    def start(slot: int) -> Child:
        # What a process needs is there before it, so that two never make it at once.
        journal_key(folder, SystemEntropy())
        try:
            authority.need_stamping()
        except CryptoError as error:
            # Of a key somebody disabled: the rest of the service goes on without time stamps.
            if not error.code.startswith("crypto.key."):
                raise
            _logger.warning("no time stamps", extra={"code": error.code})
        heads(slot).catch_up()
        return _start(
            Parameters(
                root=str(folder.root.absolute()),
                slot=slot,
                crypto=settings.crypto,
                newest=heads(slot).newest(),
                shf=settings.signing.shf,
            )
        )

    def sign(slot: int, head: Head) -> None:
        heads(slot).sign(head)

    return Hall(workers=settings.signing.workers, start=start, sign=sign)


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
