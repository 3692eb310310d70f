"""KeyRoom: the key store of a data folder, opened when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from crypto.keystore.source import MasterReference
from crypto.keystore.store import KeyStore
from schema.errors import FengsuiError
from schema.ports import Clock, Entropy

FILE: Final = "keystore.db"


class KeyRoom:
    """Opens the store once; a site nobody asks for keys has neither a store nor a master key."""

    def __init__(
        self,
        folder: Path,
        reference: MasterReference,
        *,
        environment: Mapping[str, str],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """``folder`` is the data folder's ``keys``."""
        self._folder = folder
        self._reference = reference
        self._environment = environment
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.Lock()
        self._closing = ExitStack()
        self._store: KeyStore | None = None
        self._closed = False

    @property
    def exists(self) -> bool:
        """Whether there is a store, opened or not."""
        return (self._folder / FILE).exists()

    @property
    def store(self) -> KeyStore:
        """The store, made where there is none; raises ``crypto.master.*``, ``crypto.keystore.*``,

        ``crypto.sdf.*`` and ``dashboard_api.keys.closed``.
        """
        with self._lock:
            if self._closed:
                raise FengsuiError("dashboard_api.keys.closed", "the platform is stopping")
            if self._store is None:
                with ExitStack() as opening:
                    source = opening.enter_context(
                        self._reference.open(self._folder, self._environment)
                    )
                    self._store = opening.enter_context(
                        KeyStore(
                            self._folder / FILE, source, clock=self._clock, entropy=self._entropy
                        )
                    )
                    self._closing = opening.pop_all()
            return self._store

    def close(self) -> None:
        """Forget the master key and let go of the file and the device."""
        with self._lock:
            self._closed, self._store = True, None
            self._closing.close()
