"""StatusDesk: what computes, what holds keys, how the signing processes stand, what was done.

The self-test is run each time it is asked for: it takes some milliseconds, and an assessor wants
to see it run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from collector.state.database import Readable
from crypto import status
from crypto.errors import CryptoError
from crypto.sdf.library import Device
from dashboard_api.applications.model import SITE
from dashboard_api.custody.ownership import Ownership
from dashboard_api.signing import usage
from dashboard_api.signing.asking import Asker
from dashboard_api.signing.usage import Usage
from schema.ports import Clock
from schema.times import MINUTE

DEVICE_LOOK_US: Final = MINUTE
"""A device answers slowly and signs meanwhile: it is asked once a minute at most."""


class Processes(Protocol):
    """The signing processes, counted."""

    @property
    def restarts(self) -> int:
        """How many died that nobody had stopped."""

    @property
    def waiting(self) -> int:
        """How many calls wait for an answer."""

    def failures(self) -> Sequence[str]:
        """Codes of what stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """A cryptographic device: what it says of itself, or why it says nothing."""

    issuer: str = ""
    name: str = ""
    serial: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """How the service stands."""

    backend: str
    library: str
    module: str
    """Whether what holds the keys is a certified module, in words."""
    vectors: tuple[str, ...]
    """Published test vectors the self-test passed just now."""
    workers: int
    restarts: int
    waiting: int
    failures: tuple[str, ...]
    device: DeviceStatus | None
    """None where the settings name no device."""


class StatusDesk:
    """Status and usage of one site."""

    def __init__(
        self,
        processes: Processes,
        database: Readable,
        *,
        workers: int,
        device: str,
        ownership: Ownership,
        clock: Clock,
    ) -> None:
        """``device`` is the library of the settings' device, empty for none."""
        self._processes = processes
        self._database = database
        self._workers = workers
        self._device_library = device
        self._ownership = ownership
        self._clock = clock
        self._lock = threading.Lock()
        self._device: DeviceStatus | None = None
        self._looked_at = 0

    def status(self) -> ServiceStatus:
        """How the service stands; raises ``crypto.selftest.failed``."""
        tested = status.self_test()
        return ServiceStatus(
            backend=tested.backend,
            library=tested.library,
            module=tested.module,
            vectors=tested.vectors,
            workers=self._workers,
            restarts=self._processes.restarts,
            waiting=self._processes.waiting,
            failures=tuple(self._processes.failures()),
            device=self._device_now() if self._device_library else None,
        )

    def usage(self, asking: Asker, month: str) -> list[Usage]:
        """What was done in a month, of the applications the asker may see.

        What callers did whom nobody believed is for a person in charge of every unit. Raises
        ``dashboard_api.usage.malformed``.
        """
        with self._database.read() as state:
            found = usage.month(state, month)
        return [one for one in found if self._ownership.holds(asking, one.application or SITE)]

    def _device_now(self) -> DeviceStatus | None:
        with self._lock:
            now = self._clock.now()
            if self._device is None or not 0 <= now - self._looked_at < DEVICE_LOOK_US:
                self._device, self._looked_at = _ask(Path(self._device_library)), now
            return self._device


def _ask(library: Path) -> DeviceStatus:
    try:
        with Device(library) as device, device.session() as session:
            info = session.info()
    except CryptoError as error:
        return DeviceStatus(failure=error.code)
    return DeviceStatus(issuer=info.issuer, name=info.name, serial=info.serial)
