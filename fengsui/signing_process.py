"""The program of a signing process: ``python -m fengsui.signing_process FD PARAMETERS``.

``FD`` is its end of the line to the API process, ``PARAMETERS`` JSON without any secret: those it
reads where the settings say. It ends with the line: when the API process lets it, or is no more.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from crypto.keystore.source import MasterReference
from crypto.keystore.store import KeyStore
from dashboard_api.signing import refusal, usage
from dashboard_api.signing.call import Call, Reply
from dashboard_api.signing.callers import KnownCallers
from dashboard_api.signing.certificates import StateCertificates
from dashboard_api.signing.desk import ServiceDesk
from dashboard_api.signing.device_keys import StateDeviceKeys
from dashboard_api.signing.directory import StateDirectory, open_read_only
from dashboard_api.signing.heads import Teller
from dashboard_api.signing.journal import FileJournal
from dashboard_api.signing.keycache import KeyCache
from dashboard_api.signing.nonces import Nonces
from dashboard_api.signing.ports import Desk
from dashboard_api.signing.quota import Quotas
from dashboard_api.signing.shf import ForeignForms, http_status
from dashboard_api.signing.shf import refusal as foreign_refusal
from dashboard_api.signing.worker import Parts, Worker, serve
from fengsui import ciphers
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder
from fengsui.keyring import read_journal_key
from fengsui.memory import settle
from fengsui.signing_device import site_device
from fengsui.signing_parameters import Parameters

STORE: Final = "keystore.db"


def main(arguments: Sequence[str]) -> None:
    """Serve until the line ends."""
    line = socket.socket(fileno=int(arguments[0]))
    parameters = msgspec.json.decode(arguments[1], type=Parameters)
    os.umask(0o077)

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        # What came until now is answered; the end of the line ends the loop.
        line.shutdown(socket.SHUT_RD)

    # Who interrupts means the API process, which then lets this one end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    with line, opened(parameters) as (worker, teller):
        # A collector that walks all modules again and again makes single calls wait for it.
        settle()
        serve(line, worker, lambda last: teller.head(closing=last))


@contextmanager
def opened(parameters: Parameters) -> Iterator[tuple[Worker, Teller]]:
    """The worker of a slot over the data folder; raises whatever one of its parts does."""
    crypto, clock, entropy = parameters.crypto, SystemClock(), SystemEntropy()
    ciphers.start(crypto.backend)
    folder = DataFolder(Path(parameters.root))
    place = folder.signing / str(parameters.slot)
    with ExitStack() as parts:
        journal = FileJournal(place, read_journal_key(folder), parameters.newest)
        parts.callback(journal.close)
        nonces = Nonces(place / "nonces", clock, _monotonic)
        parts.callback(nonces.close)
        nonces.floor = max(nonces.floor, parameters.floor)
        state = open_read_only(folder.state)
        parts.callback(state.close)
        source = parts.enter_context(
            MasterReference(
                text=crypto.master,
                device=crypto.device,
                device_password_file=crypto.device_password_file,
            ).open(folder.keys, os.environ)
        )
        store = parts.enter_context(
            KeyStore(folder.keys / STORE, source, clock=clock, entropy=entropy)
        )
        certificates = StateCertificates(state)
        device = site_device(crypto)
        parts.callback(device.close)
        inside = StateDeviceKeys(state, device, clock)
        keys = KeyCache(store, certificates, clock=clock, device=inside)
        directory = StateDirectory(state)
        desk: Desk = ServiceDesk(keys, clock=clock, entropy=entropy)
        if parameters.shf:
            desk = ForeignForms(desk, clock=clock, entropy=entropy)
        worker = Worker(
            Parts(
                directory=directory,
                keys=keys,
                callers=KnownCallers(directory, nonces, clock),
                quota=Quotas(clock, _monotonic, usage.used_today(state, clock.now())),
                desk=desk,
                journal=journal,
                clock=clock,
                refuse=_refuse,
            )
        )
        told = parameters.newest.n if parameters.newest else 0
        yield worker, Teller(parameters.slot, journal, clock, told=told)


def _refuse(call: Call, error: refusal.Refusal) -> Reply:
    """A refusal in the form the call came in."""
    reply = refusal.reply_to(call.id, error, call.languages)
    if not call.form:
        return reply
    body = foreign_refusal(
        call.form, error, call.languages, request=call.body, at=SystemClock().now()
    )
    status = http_status(call.form, reply.status)
    return msgspec.structs.replace(reply, status=status, body=body)


def _monotonic() -> int:
    return time.monotonic_ns() // 1000


if __name__ == "__main__":
    main(sys.argv[1:])
